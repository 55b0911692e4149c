/* catalogue.c: the schema as it is kept, and what a caller gets of it. */
#include "query/catalogue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

static const int64_t life_us = INT64_C(300) * 1000000;       /* then it is read anew */
static const int64_t retry_us = INT64_C(10) * 1000000;       /* after a failure */
static const int64_t doubt_every_us = INT64_C(10) * 1000000; /* wrong statements come in series */
static const int64_t read_us = INT64_C(30) * 1000000;        /* longest time of a reading */
static const int64_t samples_us = INT64_C(1) * 1000000;

void catalogue_release(struct catalogue *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free(c->samples);
	arena_finish(&c->sample_arena);
	arena_finish(&c->arena);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct catalogue *retain(struct catalogue *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

bool catalogue_same_name(const char *a, const char *b)
{
	return !strcasecmp(a, b);
}

bool catalogue_has(const struct catalogue *c, const char *table)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->tables[i]->schema.s && catalogue_same_name(c->tables[i]->name.s, table))
			return true;
	return false;
}

void catalogue_doubt(struct database *db)
{
	int64_t now_us = clock_monotonic_us();

	pthread_mutex_lock(&db->source->lock);
	if (db->source->catalogue && now_us - db->source->doubted_us >= doubt_every_us) {
		db->source->doubted_us = now_us;
		db->source->refresh_us = now_us;
	}
	pthread_mutex_unlock(&db->source->lock);
}

static void on_refresh_canceled(void *arg)
{
	struct database *db = arg;

	pthread_mutex_lock(&db->source->lock);
	pthread_cond_broadcast(&db->source->refreshed);
	pthread_mutex_unlock(&db->source->lock);
}

/* Somebody else reads it for the first time. */
static int32_t wait_first(struct database *db, const struct pool_work *work, struct askd_error *err)
{
	struct cancel_hook hook = {.fn = on_refresh_canceled, .arg = db};
	int64_t deadline_us = work->deadline_us;
	struct timespec until = {.tv_sec = (time_t)(deadline_us / 1000000),
	        .tv_nsec = (long)(deadline_us % 1000000) * 1000};
	int32_t rc = ASKD_OK;

	cancel_hook_add(work->scope->cancel, &hook);
	pthread_mutex_lock(&db->source->lock);
	while (!rc && !db->source->catalogue && db->source->refreshing) {
		if (cancel_fired(work->scope->cancel))
			rc = askd_fail(err, ASKD_E_CANCELED, "canceled");
		else if (pthread_cond_timedwait(
		                 &db->source->refreshed, &db->source->lock, &until) == ETIMEDOUT)
			rc = askd_fail(err, ASKD_E_TIMEOUT, "database %s: no schema in time",
			        db->config->instance.name);
	}
	pthread_mutex_unlock(&db->source->lock);
	cancel_hook_remove(work->scope->cancel, &hook);
	return rc;
}

/* This thread was chosen to read it. */
static int32_t refresh(struct database *db, const struct pool_work *work, struct askd_error *err)
{
	struct catalogue *fresh = NULL, *old = NULL;
	int32_t rc = catalogue_read(db, work, &fresh, err);

	pthread_mutex_lock(&db->source->lock);
	db->source->refreshing = false;
	if (!rc) {
		old = db->source->catalogue;
		db->source->catalogue = fresh;
		db->source->refresh_us = clock_monotonic_us() + life_us;
	} else {
		db->source->refresh_us = clock_monotonic_us() + retry_us;
	}
	pthread_cond_broadcast(&db->source->refreshed);
	pthread_mutex_unlock(&db->source->lock);
	catalogue_release(old);
	return rc;
}

int32_t catalogue_get(struct database *db, const struct pool_work *work,
        struct catalogue **catalogue, struct askd_error *err)
{
	int64_t now_us = clock_monotonic_us();
	struct pool_work mine = {.scope = work->scope, .deadline_us = now_us + read_us};
	bool chosen;
	int32_t rc;

	if (work->deadline_us && work->deadline_us < mine.deadline_us)
		mine.deadline_us = work->deadline_us;
	for (;;) {
		pthread_mutex_lock(&db->source->lock);
		if (db->source->catalogue &&
		        (db->source->refreshing || clock_monotonic_us() < db->source->refresh_us)) {
			*catalogue = retain(db->source->catalogue);
			pthread_mutex_unlock(&db->source->lock);
			return ASKD_OK;
		}
		chosen = !db->source->refreshing;
		db->source->refreshing = true;
		pthread_mutex_unlock(&db->source->lock);
		if (!chosen) {
			rc = wait_first(db, &mine, err);
			if (rc)
				return rc;
			continue;
		}
		rc = refresh(db, &mine, err);
		if (!rc)
			continue;
		/* An old one is better than none. */
		pthread_mutex_lock(&db->source->lock);
		if (db->source->catalogue && rc != ASKD_E_CANCELED) {
			log_warning("query", work->scope->id,
			        "database %s: the schema could not be read again: %s",
			        db->config->instance.name, err->message);
			*catalogue = retain(db->source->catalogue);
			rc = ASKD_OK;
		}
		pthread_mutex_unlock(&db->source->lock);
		return rc;
	}
}

/* ---- what a caller gets -----------------------------------------------------------------------
 */

/* "orders", "sales.orders" */
static bool is_named(const struct askd_db_table *t, const char *name)
{
	size_t n = t->schema.s ? (size_t)t->schema.n : 0;

	if (catalogue_same_name(t->name.s, name))
		return true;
	return n && !strncasecmp(t->schema.s, name, n) && name[n] == '.' &&
	       catalogue_same_name(t->name.s, name + n + 1);
}

/* Fills wanted[]; INVALID when `tables` is no list of names. */
static int32_t narrow(
        const struct catalogue *c, struct askd_text tables, bool *wanted, struct askd_error *err)
{
	json_t *list, *item;
	int32_t rc = ASKD_OK;
	size_t j;

	for (size_t i = 0; i < c->count; i++)
		wanted[i] = !tables.s;
	if (!tables.s)
		return ASKD_OK;
	list = json_read(tables, NULL);
	if (!json_is_array(list))
		rc = askd_fail(err, ASKD_E_INVALID, "the tables are no JSON list of names");
	json_array_foreach(list, j, item)
	{
		if (!json_is_string(item)) {
			rc = askd_fail(err, ASKD_E_INVALID, "the tables are no JSON list of names");
			break;
		}
		for (size_t i = 0; i < c->count; i++)
			wanted[i] = wanted[i] || is_named(c->tables[i], json_string_value(item));
	}
	json_decref(list);
	return rc;
}

static struct askd_values copy_values(struct arena *a, struct askd_values from)
{
	struct askd_value *v = arena_alloc(a, (size_t)from.n * sizeof *v + 1);

	if (!v)
		return (struct askd_values){NULL, 0};
	for (size_t i = 0; i < from.n; i++) {
		v[i] = from.v[i];
		v[i].u.s = arena_copy(a, from.v[i].u.s, from.v[i].len);
	}
	return (struct askd_values){v, from.n};
}

static struct askd_db_table *copy_table(
        struct arena *a, const struct askd_db_table *from, const struct askd_values *samples)
{
	struct askd_db_table *t = arena_alloc(a, sizeof *t);
	const struct askd_db_column **columns;
	const struct askd_db_reference **references;
	struct askd_db_column *column;
	struct askd_db_reference *reference;
	size_t n = 0, m = 0;

	while (from->columns[n])
		n++;
	while (from->references[m])
		m++;
	columns = arena_zalloc(a, (n + 1) * sizeof(struct askd_db_column *));
	references = arena_zalloc(a, (m + 1) * sizeof(struct askd_db_reference *));
	column = arena_alloc(a, (n + 1) * sizeof *column);
	reference = arena_alloc(a, (m + 1) * sizeof *reference);
	if (!t || !columns || !references || !column || !reference)
		return NULL;
	*t = *from;
	t->schema = arena_text(a, from->schema);
	t->name = arena_text(a, from->name);
	t->comment = arena_text(a, from->comment);
	t->columns = columns;
	t->references = references;
	for (size_t i = 0; i < n; i++) {
		column[i] = *from->columns[i];
		column[i].name = arena_text(a, column[i].name);
		column[i].type_name = arena_text(a, column[i].type_name);
		column[i].comment = arena_text(a, column[i].comment);
		if (samples && samples[i].n)
			column[i].samples = copy_values(a, samples[i]);
		columns[i] = &column[i];
	}
	for (size_t i = 0; i < m; i++) {
		reference[i] = *from->references[i];
		reference[i].columns = arena_text(a, reference[i].columns);
		reference[i].schema = arena_text(a, reference[i].schema);
		reference[i].table = arena_text(a, reference[i].table);
		reference[i].remote_columns = arena_text(a, reference[i].remote_columns);
		references[i] = &reference[i];
	}
	return a->full ? NULL : t;
}

static int32_t copy_out(struct plugin_call *call, struct database *db, struct catalogue *c,
        const size_t *list, size_t n, struct askd_catalogue *out, struct askd_error *err)
{
	struct arena *a = &call->arena;
	const struct askd_db_table **tables =
	        arena_zalloc(a, (n + 1) * sizeof(struct askd_db_table *));

	for (size_t i = 0; tables && i < n; i++) {
		const struct catalogue_samples *samples = &c->samples[list[i]];
		const struct askd_values *columns;

		pthread_mutex_lock(&c->lock);
		columns = samples->read ? samples->columns : NULL; /* never changes again */
		pthread_mutex_unlock(&c->lock);
		tables[i] = copy_table(a, c->tables[list[i]], columns);
		if (!tables[i])
			break;
	}
	if (a->full)
		return askd_fail(err, ASKD_E_TOO_LARGE, "database %s: no room for its schema",
		        db->config->instance.name);
	out->version = c->version;
	out->database = db->handle;
	out->name = arena_text(a, askd_text_of(db->config->instance.name));
	out->dialect = arena_text(a, askd_text_of(sql_dialect_name(db->dialect)));
	out->tables = tables;
	return out->name.s && out->dialect.s
	               ? ASKD_OK
	               : askd_fail(err, ASKD_E_TOO_LARGE, "database %s: no room for its schema",
	                         db->config->instance.name);
}

/* Sample values are cells: they are there only where cells may go to a model. Under the default
 * policy that depends on the model, so the one who renders a prompt drops them for a remote one. */
static bool samples_allowed(const struct database *db)
{
	return db->config->egress == CONFIG_EGRESS_ALL ||
	       db->config->egress == CONFIG_EGRESS_DEFAULT;
}

int32_t query_service_catalogue(const struct askd_host *host, struct askd_call *base,
        const struct askd_query_catalogue *in, struct askd_catalogue *out,
        struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct generation *generation;
	struct query *query;
	struct catalogue *c = NULL;
	struct askd_error err = {0};
	struct pool_work work;
	struct database *db;
	bool *wanted = NULL;
	size_t *list = NULL, n;
	int32_t rc;

	(void)host;
	if (!call || !call->scope || !in)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "askd.query/1 catalogue needs a call with a scope");
	query = query_enter(call, &generation);
	db = query ? query_take(query, call->scope, in->database) : NULL;
	if (!db) {
		rc = query ? query_not_found(&err)
		           : askd_fail(&err, ASKD_E_UNSUPPORTED, "no databases are open");
		goto out;
	}
	work = (struct pool_work){.scope = call->scope, .deadline_us = base->deadline_us};
	rc = catalogue_get(db, &work, &c, &err);
	if (rc)
		goto out;
	wanted = calloc(c->count + 1, sizeof *wanted);
	list = calloc(c->count + 1, sizeof *list);
	rc = wanted && list ? narrow(c, in->tables, wanted, &err)
	                    : askd_fail(&err, ASKD_E_NOMEM, "no memory for a catalogue");
	if (rc)
		goto out;
	n = catalogue_rank(c, in->question, wanted, list);
	if (samples_allowed(db) && out && !(in->flags & ASKD_QUERY_NO_SAMPLES)) {
		work.deadline_us = clock_monotonic_us() + samples_us;
		if (base->deadline_us && base->deadline_us < work.deadline_us)
			work.deadline_us = base->deadline_us;
		catalogue_sample(db, c, &work, list, n < CATALOGUE_PART ? n : CATALOGUE_PART);
	}
	rc = out ? copy_out(call, db, c, list, n, out, &err) : ASKD_OK;
out:
	free(wanted);
	free(list);
	catalogue_release(c);
	query_give(db);
	generation_drop(generation);
	return rc ? error_copy(reterr, &err) : ASKD_OK;
}
