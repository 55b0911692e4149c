/* audit.h: append-only, hash-chained from its first row. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "store/store.h"

struct audit_entry {
	const struct call_scope *scope; /* who; NULL: the daemon */
	const char *action;             /* "key.created" */
	const char *subject;            /* "key/ci"; may be NULL */
	const char *details;            /* JSON object; may be NULL */
};
/* Written with the unit (STORE_MANAGER), number and hash are given at commit. */
void audit_add(struct store_unit *unit, const struct audit_entry *entry);
/* One of its own. */
int32_t audit_write(
        struct store *store, const struct audit_entry *entry, struct askd_error *reterr);
/* OK, or CONFLICT with the number of the first row that was changed, removed or moved. */
int32_t audit_verify(struct store *store, uint64_t *rows, struct askd_error *reterr);

#endif
