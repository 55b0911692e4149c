/* query_room.h: what the files of query/ share. */
#ifndef QUERY_ROOM_H
#define QUERY_ROOM_H

#include "plugin/generation.h"
#include "query/pool.h"
#include "query/query.h"

struct catalogue;

/* The connections of an instance and what was read through them: shared by all generations that
 * have the instance and ask it for the same schemas. */
struct source {
	struct pool pool;
	uint32_t references; /* under query.c's lock */

	pthread_mutex_t lock;
	pthread_cond_t refreshed;
	/* Under the lock. */
	struct catalogue *catalogue; /* NULL: not read yet */
	int64_t refresh_us;          /* from then on it is read anew */
	int64_t doubted_us;          /* when a statement last did not fit it */
	bool refreshing;
};

/* A database of the configuration, or one that somebody has opened. */
struct database {
	bool opened; /* inside struct opened */
	uint64_t handle;
	const struct config_database *config;
	const struct askd_database_iface *iface;
	const struct sql_dialect *dialect;
	struct source *source;
	/* limits, with their defaults */
	int64_t rows, bytes, time_ms, value;
};

struct query {
	struct registry *registry;
	struct people *people;
	size_t count;
	struct database *databases; /* by name */
};

/* The database behind a handle that the scope may use, held; or NULL. */
struct database *query_take(struct query *query, const struct call_scope *scope, uint64_t handle);
void query_give(struct database *db); /* NULL is fine */
/* All but the source. */
int32_t query_database_fill(struct database *db, const struct config_database *config,
        struct plugin_instance *instance, uint64_t handle, struct askd_error *reterr);
/* The same after every restart: SHA-256 of origin ("yaml", "open"), owner and id, cut to 63 bits.
 * 0: no memory. */
uint64_t query_handle(const char *origin, const char *owner, const char *id);
struct source *source_create(struct plugin_instance *instance, struct askd_error *reterr);
void source_drop(struct source *source); /* NULL is fine */

/* opened.c: databases that no configuration names. */
/* May the scope open any? */
bool opened_may(const struct call_scope *scope);
/* Does the text speak of a file or a URL, and not of a name in the configuration? */
bool opened_is_address(const struct call_scope *scope, const char *text);
/* Opens what the address says, or finds it open; held. Codes as askd_query_service.open has them.
 */
int32_t opened_open(const struct call_scope *scope, const char *address, int64_t deadline_us,
        const char *const *search_path, struct database **db, struct askd_error *err);
struct database *opened_take(const struct call_scope *scope, uint64_t handle); /* NULL: none */
void opened_give(struct database *db);
void opened_stop(void);
/* NOT_FOUND in the words for both: there is none, and it is not this person's. */
int32_t query_not_found(struct askd_error *reterr);

/* run.c: one statement through gate, limits and pool into the sink. */
struct query_statement {
	struct database *database;
	const struct call_scope *scope;
	int64_t deadline_us; /* of the caller; 0: none */
	struct askd_text sql;
	struct askd_values params;
	uint64_t max_rows; /* at least 1 */
	uint64_t max_bytes, max_value;
	const struct askd_query_rows_sink *rows;
	bool silent; /* none of the answer's: the listener is not told */
	bool own; /* askd's own, of a table that the catalogue has: the schemas are not checked */
};
struct query_outcome {
	struct sql_verdict verdict;
	uint64_t rows;
	int64_t elapsed_us;
	bool truncated;
};
int32_t query_statement_run(const struct query_statement *statement, struct query_outcome *outcome,
        struct askd_error *err);
/* The service's functions. */
int32_t query_service_run(const struct askd_host *host, struct askd_call *call,
        const struct askd_query_run *in, struct askd_query_result *out, struct askd_error *reterr);
int32_t query_service_catalogue(const struct askd_host *host, struct askd_call *call,
        const struct askd_query_catalogue *in, struct askd_catalogue *out,
        struct askd_error *reterr);
/* The databases of the call's generation, which is held until then; NULL: none are open. */
struct query *query_enter(const struct plugin_call *call, struct generation **generation);

#endif
