/* query.h: customers' databases: handles, connection pools, catalogue, running a statement that the
 * gate has passed. Offers askd.query/1. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "people/people.h"
#include "sql/gate.h"

struct query;

/* A handle is a number that is the same after a restart: a hash of (origin, owner, name). */
struct query_database {
	uint64_t handle;
	const char *name;
	const char *dialect;
	int64_t egress; /* enum config_egress, as configured */
};

/* Before instances open: offers askd.query/1, which answers once a generation has its databases. */
void query_offer(void);
/* Connections and schemas of instances that `previous` (NULL: none) has too are taken over. [main]
 */
int32_t query_open(struct query **query, struct registry *registry, struct people *people,
        const struct query *previous, struct askd_error *reterr);
void query_close(struct query *query);
/* What the scope may use, by name. In the arena. [worker] */
int32_t query_databases(struct query *query, struct arena *a, const struct call_scope *scope,
        const struct query_database **list, size_t *count, struct askd_error *reterr);
/* By handle, if the scope may use it; NOT_FOUND in the same words otherwise. The name stands in the
 * arena. [worker] */
int32_t query_find(struct query *query, struct arena *a, const struct call_scope *scope,
        uint64_t handle, struct query_database *database, struct askd_error *reterr);
/* By name, with the nearest name of those that may be used; for a local scope also by the path of a
 * file or a URL, as askd_query_service.open says. deadline_us: of the caller; 0: the scope's. */
int32_t query_find_name(struct query *query, struct arena *a, const struct call_scope *scope,
        int64_t deadline_us, const char *name, struct query_database *database,
        struct askd_error *reterr);
/* Is it the path of a file or a URL, from somebody who may name one? [worker] */
bool query_is_address(const struct call_scope *scope, const char *name);
/* Closes what was opened by path or URL. Nobody uses it any more. */
void query_stop(void);

/* Told by query of each statement that ran or was refused, for the receipt and the egress policy;
 * set by assistant/. */
struct query_event {
	uint64_t database;
	struct askd_text sql;
	const struct sql_verdict *verdict;
	uint64_t rows;
	int64_t elapsed_us;
	int32_t rc;
};
void query_set_listener(void (*listener)(void *arg, const struct call_scope *scope,
                                const struct query_event *event),
        void *arg);

#endif
