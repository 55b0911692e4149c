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

uint64_t query_handle(const char *origin, const char *owner, const char *id)
{
	unsigned char hash[CRYPTO_HASH];
	uint64_t handle = 0;
	struct buffer b;

	buffer_init(&b, 0);
	buffer_add(&b, origin, strlen(origin) + 1);
	buffer_add(&b, owner, strlen(owner) + 1);
	buffer_add_string(&b, id);
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
 * time for it, so the timers of others must not wait. */
static struct {
	pthread_mutex_t lock; /* also of the references of sources */
	struct timers *timers;
	size_t users;
} deadlines = {.lock = PTHREAD_MUTEX_INITIALIZER};

void source_drop(struct source *source)
{
	struct timers *unused = NULL;
	bool last;

	if (!source)
		return;
	pthread_mutex_lock(&deadlines.lock);
	last = !--source->references;
	/* A timer that is at work has a statement's connection: none of them is out any more. */
	if (last && !--deadlines.users) {
		unused = deadlines.timers;
		deadlines.timers = NULL;
	}
	pthread_mutex_unlock(&deadlines.lock);
	if (!last)
		return;
	timers_destroy(unused);
	catalogue_release(source->catalogue);
	pool_finish(&source->pool);
	pthread_cond_destroy(&source->refreshed);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

/* NULL: no memory. */
static struct timers *use_timers(void)
{
	struct timers *timers;

	pthread_mutex_lock(&deadlines.lock);
	if (!deadlines.timers)
		deadlines.timers = timers_create();
	timers = deadlines.timers;
	deadlines.users += timers != NULL;
	pthread_mutex_unlock(&deadlines.lock);
	return timers;
}

struct source *source_create(struct plugin_instance *instance, struct askd_error *reterr)
{
	struct source *source = calloc(1, sizeof *source);
	struct timers *timers = source ? use_timers() : NULL;
	pthread_condattr_t attr;

	if (!timers || pool_init(&source->pool, instance, timers, instance->config->name, NULL)) {
		free(source);
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a database");
		return NULL;
	}
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
			pthread_mutex_lock(&deadlines.lock);
			old->source->references++;
			pthread_mutex_unlock(&deadlines.lock);
			return old->source;
		}
	}
	return source_create(instance, reterr);
}

int32_t query_database_fill(struct database *db, const struct config_database *config,
        struct plugin_instance *instance, uint64_t handle, struct askd_error *reterr)
{
	db->config = config;
	db->iface = plugin_instance_iface(instance);
	db->rows = limit_or(config->rows, 1000);
	db->bytes = limit_or(config->bytes, 16 << 20);
	db->time_ms = limit_or(config->time_ms, 30000);
	db->value = limit_or(config->value, 1 << 20);
	db->handle = handle;
	if (!handle)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a database");
	db->dialect = sql_dialect_of(db->iface->dialect, reterr);
	if (!db->dialect) {
		if (!reterr)
			return ASKD_E_CONFIG;
		error_prefix(reterr, "database/%s", config->instance.name);
		return reterr->code;
	}
	return ASKD_OK;
}

static int32_t database_init(const struct query *query, const struct query *previous,
        struct database *db, struct plugin_instance *instance, struct askd_error *reterr)
{
	const char *name = instance->config->name;
	const struct config_database *config = config_find_database(query->registry->config, name);
	int32_t rc;

	if (!config)
		return askd_fail(
		        reterr, ASKD_E_INTERNAL, "database %s is open but not configured", name);
	rc = query_database_fill(db, config, instance, query_handle("yaml", "", name), reterr);
	if (rc)
		return rc;
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

struct database *query_take(struct query *query, const struct call_scope *scope, uint64_t handle)
{
	for (size_t i = 0; i < query->count; i++)
		if (query->databases[i].handle == handle)
			return may_use(query, scope, &query->databases[i]) ? &query->databases[i]
			                                                   : NULL;
	return opened_take(scope, handle);
}

void query_give(struct database *db)
{
	if (db && db->opened)
		opened_give(db);
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

/* Shows it, and gives it back: the name is a copy. */
static int32_t show_and_give(struct arena *a, struct database *db, struct query_database *database,
        struct askd_error *reterr)
{
	*database = show(db);
	database->name = arena_string(a, database->name);
	query_give(db);
	return database->name ? ASKD_OK : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a name");
}

int32_t query_find(struct query *query, struct arena *a, const struct call_scope *scope,
        uint64_t handle, struct query_database *database, struct askd_error *reterr)
{
	struct database *db = query_take(query, scope, handle);

	return db ? show_and_give(a, db, database, reterr) : query_not_found(reterr);
}

/* The configured one of that name; NULL and NOT_FOUND. */
static struct database *find_name(struct query *query, const struct call_scope *scope,
        const char *name, struct askd_error *reterr)
{
	const char **names = calloc(query->count + 1, sizeof *names), *nearest;
	struct database *found = NULL;
	size_t n = 0;

	if (!names) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for the names of databases");
		return NULL;
	}
	for (size_t i = 0; i < query->count && !found; i++) {
		struct database *db = &query->databases[i];

		if (!may_use(query, scope, db))
			continue;
		if (!strcmp(db->config->instance.name, name))
			found = db;
		names[n++] = db->config->instance.name;
	}
	nearest = found ? NULL : text_nearest(name, names);
	if (nearest)
		askd_fail(reterr, ASKD_E_NOT_FOUND,
		        "there is no database '%.64s' here; did you mean '%s'?", name, nearest);
	else if (!found)
		askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no database '%.64s' here", name);
	free(names);
	return found;
}

int32_t query_find_name(struct query *query, struct arena *a, const struct call_scope *scope,
        int64_t deadline_us, const char *name, struct query_database *database,
        struct askd_error *reterr)
{
	struct askd_error err = {0};
	struct database *db = find_name(query, scope, name, &err);
	int32_t rc = db ? ASKD_OK : err.code;

	if (rc == ASKD_E_NOT_FOUND && opened_is_address(scope, name))
		rc = opened_open(
		        scope, name, deadline_us, query->registry->config->plugin_path, &db, &err);
	if (rc)
		return error_copy(reterr, &err);
	return show_and_give(a, db, database, reterr);
}

bool query_is_address(const struct call_scope *scope, const char *name)
{
	return opened_may(scope) && opened_is_address(scope, name);
}

void query_stop(void)
{
	opened_stop();
}

/* The names are of the generation, which may go before the call. */
static struct askd_query_database hand_out(struct arena *a, const struct query_database *database)
{
	return (struct askd_query_database){.size = sizeof(struct askd_query_database),
	        .handle = database->handle,
	        .name = arena_text(a, askd_text_of(database->name)),
	        .dialect = arena_text(a, askd_text_of(database->dialect))};
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
		*one = hand_out(&call->arena, &list[i]);
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

static int32_t query_service_open(const struct askd_host *host, struct askd_call *base,
        const struct askd_query_open *in, struct askd_query_database *out,
        struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct query_database found = {.handle = 0};
	struct generation *generation;
	struct query *query;
	int32_t rc;

	(void)host;
	if (!call || !call->scope || !in || !in->address.n)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "askd.query/1 open needs a call with a scope and an address");
	query = query_enter(call, &generation);
	rc = query ? query_find_name(query, &call->arena, call->scope, base->deadline_us,
	                     in->address.s, &found, reterr)
	           : askd_fail(reterr, ASKD_E_UNSUPPORTED, "no databases are open");
	if (!rc && out)
		*out = hand_out(&call->arena, &found);
	generation_drop(generation);
	return rc;
}

static const struct askd_query_service service = {
        .size = sizeof service,
        .run = query_service_run,
        .catalogue = query_service_catalogue,
        .databases = query_service_databases,
        .open = query_service_open,
};

void query_offer(void)
{
	registry_offer_service("askd.query/1", &service, true);
}
