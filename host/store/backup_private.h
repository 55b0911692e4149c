/* backup_private.h: what backup.c and restore.c share. */
#ifndef STORE_BACKUP_PRIVATE_H
#define STORE_BACKUP_PRIVATE_H

#include "store/store_private.h"

enum { BACKUP_FORMAT = 1 };
#define BACKUP_FOLDER "backup.new"
#define RESTORE_FOLDER "restore.new"

/* Removes one of these folders with its files. */
void backup_clean(const char *folder);
/* The text as a literal of SQL. */
void sql_add_literal(struct buffer *sql, const char *s);
/* Is the schema of the connection whole? PROTOCOL with what the database says. */
int32_t copy_check_structure(
        const struct store_copy *copy, const char *schema, struct askd_error *reterr);

#endif
