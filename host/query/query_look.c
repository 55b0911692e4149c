/* query_look.c: how the databases are, for operators. */
#include "base/error.h"
#include "query/query_room.h"

void query_each(
        struct query *query, void (*tell)(void *arg, const struct query_pool *pool), void *arg)
{
	for (size_t i = 0; i < query->count; i++) {
		struct pool *pool = &query->databases[i].source->pool;
		struct query_pool told = {
		        .name = pool->name, .instance = pool->instance, .max = pool->max};

		pthread_mutex_lock(&pool->lock);
		told.open = pool->open;
		told.idle = pool->idle_count;
		pthread_mutex_unlock(&pool->lock);
		tell(arg, &told);
	}
}

int32_t query_try(struct plugin_instance *instance, const struct call_scope *scope,
        int64_t limit_ms, struct askd_error *reterr)
{
	struct askd_db_connect connect = {.size = sizeof connect};
	struct askd_object object = {.size = sizeof object};
	struct askd_db_query query = {.size = sizeof query, .sql = ASKD_LITERAL("SELECT 1")};
	struct askd_db_result result = {.size = sizeof result};
	struct askd_db_fetch fetch = {
	        .size = sizeof fetch, .max_rows = 1, .max_bytes = 100, .max_value = 100};
	struct askd_batch batch = {.size = sizeof batch};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, scope, limit_ms);
	rc = enter_database_iface_connect(instance, NULL, NULL, &call, &connect, &object, reterr);
	if (!rc) {
		rc = enter_database_iface_query(
		        instance, NULL, object.handle, &call, &query, &result, reterr);
		if (!rc) {
			rc = enter_database_iface_next(
			        instance, NULL, result.cursor, &call, &fetch, &batch, reterr);
			enter_database_iface_finish(
			        instance, NULL, result.cursor, &call, NULL, NULL, NULL);
		}
		enter_database_iface_disconnect(
		        instance, NULL, object.handle, &call, NULL, NULL, NULL);
	}
	plugin_call_finish(&call);
	return rc;
}
