/* sqlite_source.h: an SQLite database as the offline engine is given one. */
#ifndef TEST_SQLITE_SOURCE_H
#define TEST_SQLITE_SOURCE_H

#include <sqlite3.h>

#include "pool.h"
#include "source.h"

/* What is in it; the memory is the pool's. */
struct askd_catalogue sqlite_catalogue(struct pool *pool, sqlite3 *db);
/* `read` of a source whose state is an sqlite3 *. */
int32_t sqlite_read(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr);

#endif
