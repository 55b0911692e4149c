/* store.h: askd's own state in two databases, `manager` and `costs`, through a database plugin. One
 * writer thread each, group commit, a savepoint for each unit. Reads go to reader connections. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "plugin/registry.h"

struct store;
enum store_database { STORE_MANAGER, STORE_COSTS, STORE_DATABASE_COUNT };

/* Root becomes the user to whom state_dir belongs, for good: what root made there would be closed
 * to the service. store_open does it too; before it, who makes other files that the service needs.
 * [main] */
int32_t store_as_owner(const char *state_dir, struct askd_error *reterr);
/* Takes the lock of state_dir (made with 0700 if absent; CONFLICT names the holder), opens both
 * databases, reads or makes the master key. [main] */
struct store *store_open(const struct config *config, struct askd_error *reterr);
void store_close(struct store *store); /* ends the writers after what is queued. [main] */
/* The file in which a database is kept, in the arena; NULL: it is none. [any] */
const char *store_file(const struct config *config, enum store_database db, struct arena *a);
/* Offers askd.store/1 and askd.audit/1; they work while a store is open. Before instances open. */
void store_offer(void);
/* For an operator whose master key is lost: deletes the records that were sealed with it (whole
 * rows where the sealed column may not be NULL), accepts the present key from now on, and writes
 * that to the audit. *rows: how many were deleted; 0 also when the key is the right one. Nobody
 * else may have the store open. [main] */
int32_t store_forget_sealed(const struct config *config, uint64_t *rows, struct askd_error *reterr);

/* Numbered from 1 without gaps, checksummed; a backup of the file is made before the first new one;
 * refused when the database is newer than the program or a checksum differs. `room` names the list:
 * "people", "skill/query"; the part after a slash is a plugin, whose statements may touch tables
 * that begin with its name and an underscore only. [main] */
int32_t store_migrate(struct store *store, enum store_database db, const char *room,
        const struct askd_migration *const *list, struct askd_error *reterr);

/* Parameters. The text must outlive the call that takes it (units copy it). */
static inline struct askd_value store_null(void)
{
	return (struct askd_value){.type = ASKD_NULL};
}
static inline struct askd_value store_int(int64_t i)
{
	return (struct askd_value){.type = ASKD_INT, .u.i = i};
}
static inline struct askd_value store_id(uint64_t id) /* 0 becomes NULL */
{
	return id ? store_int((int64_t)id) : store_null();
}
static inline struct askd_value store_text(struct askd_text t) /* absent becomes NULL */
{
	return t.s ? (struct askd_value){.type = ASKD_TEXT, .len = (uint32_t)t.n, .u.s = t.s}
	           : store_null();
}
static inline struct askd_value store_string(const char *s)
{
	return store_text(askd_text_of(s));
}
static inline struct askd_value store_bytes(const void *p, size_t n)
{
	return p ? (struct askd_value){.type = ASKD_BYTES, .len = (uint32_t)n, .u.s = p}
	         : store_null();
}

/* All rows of a read, in the arena. */
struct store_rows {
	size_t rows, columns;
	const struct askd_value *cells;
};
static inline const struct askd_value *store_cell(
        const struct store_rows *r, size_t row, size_t column)
{
	return &r->cells[row * r->columns + column];
}
static inline struct askd_text store_cell_text(
        const struct store_rows *r, size_t row, size_t column)
{
	const struct askd_value *v = store_cell(r, row, column);
	return (struct askd_text){v->type > ASKD_FLOAT ? v->u.s : NULL, v->len};
}
static inline int64_t store_cell_int(const struct store_rows *r, size_t row, size_t column)
{
	const struct askd_value *v = store_cell(r, row, column);
	return v->type == ASKD_INT || v->type == ASKD_BOOL ? v->u.i : 0;
}
/* prefix: NULL, or the only tables that may be touched. TOO_LARGE above max_rows. Sees everything
 * committed before. [worker] */
int32_t store_read(struct store *store, enum store_database db, struct arena *a, const char *prefix,
        struct askd_text sql, const struct askd_value *params, size_t count, size_t max_rows,
        struct store_rows *rows, struct askd_error *reterr);
#define STORE_PARAMS(...)                         \
	(const struct askd_value[]){__VA_ARGS__}, \
	        sizeof((const struct askd_value[]){__VA_ARGS__}) / sizeof(struct askd_value)

/* A list of writes that become durable together, or not at all. Made by one thread. */
struct store_unit;
struct store_unit *store_unit_create(struct store *store, enum store_database db);
void store_unit_destroy(struct store_unit *unit); /* one that is not committed; NULL is fine */
/* expect: rows it must change, -1: any. Copies everything. Failures are sticky and come out of
 * store_commit. */
void store_unit_add(struct store_unit *unit, int32_t expect, const char *sql,
        const struct askd_value *params, size_t count);
/* Statements of a plugin, held to its prefix. */
void store_unit_add_text(struct store_unit *unit, int32_t expect, struct askd_text sql,
        const struct askd_value *params, size_t count, const char *prefix);
/* Moves everything of `from` to the end of `unit` and destroys `from`. */
void store_unit_join(struct store_unit *unit, struct store_unit *from);
/* Waits until it is durable (as the configuration says) and destroys the unit, whatever happened.
 * CONFLICT: a count or key missed, nothing of it remains. */
int32_t store_commit(struct store_unit *unit, struct askd_error *reterr);
/* Queues it and returns: for what may be lost in a crash. A failure is logged. Units that are
 * committed later become durable later. [any] */
void store_commit_later(struct store_unit *unit);

/* Sealed with a key derived from the master key; `place` binds it to where it is kept: the table of
 * STORE_MANAGER, a bar, and the row ("stages|4711"). The table is remembered, so that after the
 * loss of the key the start can say which records are dead. In the arena. [any] */
int32_t store_seal(struct store *store, struct arena *a, const char *place, struct askd_bytes plain,
        struct askd_bytes *sealed, struct askd_error *reterr);
/* CONFIG: the master key is another one: says so. PROTOCOL: changed, or of another place. [any] */
int32_t store_unseal(struct store *store, struct arena *a, const char *place,
        struct askd_bytes sealed, struct askd_bytes *plain, struct askd_error *reterr);
/* A 32-byte key for one purpose ("buttons"), derived from the master key. */
void store_derive(struct store *store, const char *purpose, unsigned char key[32]);

/* What a plugin writes WITH_TURN goes to the unit that this
 * function names for the scope of the call (set by assistant/). NULL: no turn. */
void store_set_turn_unit(struct store_unit *(*find)(const struct call_scope *scope));

#endif
