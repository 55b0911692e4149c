/* query.c: the databases of the configuration, by handle and by name, for those who may use them.
 */
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "query/catalogue.h"
#include "query/query_room.h"

struct query *query_enter(const struct plugin_call *call, struct generation **generation)
{
	*generation = generation_hold(call->scope);
	return *generation ? (*generation)->query : NULL;
}

/* The same after every restart: SHA-256 of origin, owner (none) and name, cut to 63 bits. 0: no
 * memory. */
static uint64_t handle_of(const char *name)
{
	static const char origin[] = "yaml\0"; /* with the final 0: two of them */
	unsigned char hash[CRYPTO_HASH];
	uint64_t handle = 0;
	struct buffer b;

	buffer_init(&b, 0);
	buffer_add(&b, origin, sizeof origin);
	buffer_add_string(&b, name);
	if (!b.failed && crypto_sha256(b.s, b.n, hash))
		for (size_t i = 0; i < 8; i++)
			handle = handle << 8 | hash[i];
	buffer_finish(&b);
	return handle & INT64_MAX;
}

static int64_t limit_or(int64_t value, int64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

/* Statements that run too long are interrupted from here: the drivers of some databases take their
 * time for it, so the timers of others must not wait. Main thread only. */
static struct {
	struct timers *timers;
	size_t users;
} deadlines;

static void source_drop(struct source *source)
{
	if (!source || --source->references)
		return;
	/* A timer that is at work has a statement's connection: none of them is out any more. */
	if (!--deadlines.users) {
		timers_destroy(deadlines.timers);
		deadlines.timers = NULL;
	}
	catalogue_release(source->catalogue);
	pool_finish(&source->pool);
	pthread_cond_destroy(&source->refreshed);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

static struct source *source_create(struct plugin_instance *instance, struct askd_error *reterr)
{
	struct source *source = calloc(1, sizeof *source);
	pthread_condattr_t attr;

	if (!deadlines.timers)
		deadlines.timers = timers_create();
	if (!source || !deadlines.timers) {
		free(source);
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a database");
		return NULL;
	}
	if (pool_init(&source->pool, instance, deadlines.timers, instance->config->name, reterr)) {
		free(source);
		return NULL;
	}
	deadlines.users++;
	source->references = 1;
	pthread_mutex_init(&source->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&source->refreshed, &attr);
	pthread_condattr_destroy(&attr);
	return source;
}

static bool same_list(const char *const *a, const char *const *b)
{
	for (; a && b && *a && *b && !strcmp(*a, *b); a++, b++)
		;
	return !a == !b && (!a || (!*a && !*b));
}

/* Connections and schema as the previous generation has them, or new ones. */
static struct source *find_source(const struct query *previous, struct plugin_instance *instance,
        const struct config_database *config, struct askd_error *reterr)
{
	for (size_t i = 0; previous && i < previous->count; i++) {
		const struct database *old = &previous->databases[i];

		if (old->source->pool.instance == instance &&
		        same_list(old->config->schemas, config->schemas)) {
			old->source->references++;
			return old->source;
		}
	}
	return source_create(instance, reterr);
}

static int32_t database_init(const struct query *query, const struct query *previous,
        struct database *db, struct plugin_instance *instance, struct askd_error *reterr)
{
	const struct config_database *config =
	        config_find_database(query->registry->config, instance->config->name);

	if (!config)
		return askd_fail(reterr, ASKD_E_INTERNAL, "database %s is open but not configured",
		        instance->config->name);
	db->config = config;
	db->iface = plugin_instance_iface(instance);
	db->rows = limit_or(config->rows, 1000);
	db->bytes = limit_or(config->bytes, 16 << 20);
	db->time_ms = limit_or(config->time_ms, 30000);
	db->value = limit_or(config->value, 1 << 20);
	db->handle = handle_of(config->instance.name);
	if (!db->handle)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a database");
	db->dialect = sql_dialect_of(db->iface->dialect, reterr);
	if (!db->dialect) {
		if (!reterr)
			return ASKD_E_CONFIG;
		error_prefix(reterr, "database/%s", config->instance.name);
		return reterr->code;
	}
	db->source = find_source(previous, instance, config, reterr);
	return db->source ? ASKD_OK : ASKD_E_NOMEM;
}

static int compare_databases(const void *a, const void *b)
{
	const struct database *x = a, *y = b;

	return strcmp(x->config->instance.name, y->config->instance.name);
}

int32_t query_open(struct query **query, struct registry *registry, struct people *people,
        const struct query *previous, struct askd_error *reterr)
{
	struct query *q = calloc(1, sizeof *q);
	struct plugin_instance *i = NULL;
	struct askd_error err = {0};
	size_t count = 0;
	int32_t rc;

	if (!q)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the databases");
	q->registry = registry;
	q->people = people;
	while ((i = registry_next(registry, "database", i)))
		count++;
	q->databases = calloc(count ? count : 1, sizeof *q->databases);
	if (!q->databases) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the databases");
		goto fail;
	}
	while ((i = registry_next(registry, "database", i))) {
		struct database *db = &q->databases[q->count];

		rc = database_init(q, previous, db, i, &err);
		if (!rc) {
			q->count++;
			continue;
		}
		if (!db->config || !db->config->instance.optional) {
			error_copy(reterr, &err);
			goto fail;
		}
		log_warning("query", 0, "left out: %s", err.message);
		memset(db, 0, sizeof *db);
	}
	qsort(q->databases, q->count, sizeof *q->databases, compare_databases);
	*query = q;
	return ASKD_OK;
fail:
	query_close(q);
	return rc;
}

void query_close(struct query *query)
{
	if (!query)
		return;
	for (size_t i = 0; i < query->count; i++)
		source_drop(query->databases[i].source);
	free(query->databases);
	free(query);
}

static bool may_use(struct query *query, const struct call_scope *scope, const struct database *db)
{
	return people_may_use(query->people, scope, db->config->instance.name, db->config->access);
}

struct database *query_database_of(
        struct query *query, const struct call_scope *scope, uint64_t handle)
{
	for (size_t i = 0; i < query->count; i++)
		if (query->databases[i].handle == handle)
			return may_use(query, scope, &query->databases[i]) ? &query->databases[i]
			                                                   : NULL;
	return NULL;
}

int32_t query_not_found(struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no such database here");
}

static struct query_database show(const struct database *db)
{
	return (struct query_database){.handle = db->handle,
	        .name = db->config->instance.name,
	        .dialect = sql_dialect_name(db->dialect),
	        .egress = db->config->egress};
}

int32_t query_databases(struct query *query, struct arena *a, const struct call_scope *scope,
        const struct query_database **list, size_t *count, struct askd_error *reterr)
{
	struct query_database *mine = arena_zalloc(a, (query->count + 1) * sizeof *mine);
	size_t n = 0;

	if (!mine)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the list of databases");
	for (size_t i = 0; i < query->count; i++)
		if (may_use(query, scope, &query->databases[i]))
			mine[n++] = show(&query->databases[i]);
	*list = mine;
	*count = n;
	return ASKD_OK;
}

int32_t query_find(struct query *query, const struct call_scope *scope, uint64_t handle,
        struct query_database *database, struct askd_error *reterr)
{
	const struct database *db = query_database_of(query, scope, handle);

	if (!db)
		return query_not_found(reterr);
	*database = show(db);
	return ASKD_OK;
}

int32_t query_find_name(struct query *query, const struct call_scope *scope, const char *name,
        struct query_database *database, struct askd_error *reterr)
{
	const char **names = calloc(query->count + 1, sizeof *names), *nearest;
	size_t n = 0;

	if (!names)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the names of databases");
	for (size_t i = 0; i < query->count; i++) {
		const struct database *db = &query->databases[i];

		if (!may_use(query, scope, db))
			continue;
		if (!strcmp(db->config->instance.name, name)) {
			*database = show(db);
			free(names);
			return ASKD_OK;
		}
		names[n++] = db->config->instance.name;
	}
	nearest = text_nearest(name, names);
	if (nearest)
		askd_fail(reterr, ASKD_E_NOT_FOUND,
		        "there is no database '%.64s' here; did you mean '%s'?", name, nearest);
	else
		askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no database '%.64s' here", name);
	free(names);
	return ASKD_E_NOT_FOUND;
}

static int32_t show_all(struct plugin_call *call, const struct query_database *list, size_t count,
        struct askd_query_databases *out, struct askd_error *reterr)
{
	const struct askd_query_database **items =
	        arena_zalloc(&call->arena, (count + 1) * sizeof *items);

	for (size_t i = 0; items && i < count; i++) {
		struct askd_query_database *one = arena_zalloc(&call->arena, sizeof *one);

		if (!one)
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the databases");
		/* The names are of the generation, which may go before the call. */
		*one = (struct askd_query_database){.size = sizeof *one,
		        .handle = list[i].handle,
		        .name = arena_text(&call->arena, askd_text_of(list[i].name)),
		        .dialect = arena_text(&call->arena, askd_text_of(list[i].dialect))};
		items[i] = one;
	}
	if (!items || call->arena.full)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the databases");
	out->databases = items;
	return ASKD_OK;
}

static int32_t query_service_databases(const struct askd_host *host, struct askd_call *base,
        const struct askd_nothing *in, struct askd_query_databases *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct generation *generation;
	struct query *query;
	const struct query_database *list = NULL;
	size_t count = 0;
	int32_t rc;

	(void)host, (void)in;
	if (!call || !call->scope || !out)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "askd.query/1 databases needs a call with a scope");
	query = query_enter(call, &generation);
	rc = query ? query_databases(query, &call->arena, call->scope, &list, &count, reterr)
	           : askd_fail(reterr, ASKD_E_UNSUPPORTED, "no databases are open");
	if (!rc)
		rc = show_all(call, list, count, out, reterr);
	generation_drop(generation);
	return rc;
}
static const struct askd_query_service service = {
        .size = sizeof service,
        .run = query_service_run,
        .catalogue = query_service_catalogue,
        .databases = query_service_databases,
};

void query_offer(void)
{
	registry_offer_service("askd.query/1", &service, true);
}
