/* samples.c: a few values of text columns that have few: they tell a model how a status or a
 * country is written. Read by statements that pass the same gate and limits; what fails is left
 * out. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "query/catalogue.h"

enum {
	SAMPLE_ROWS = 2000,   /* that are looked at: never a whole large table */
	SAMPLE_DISTINCT = 20, /* more different values than that are no vocabulary */
	SAMPLE_COLUMNS = 12   /* of a table */
};
static const int64_t statement_us = 200 * 1000;

struct taker {
	struct arena *arena;
	struct askd_value values[SAMPLE_DISTINCT];
	size_t n;
};

static int32_t take(const struct askd_query_rows_sink *sink, const struct askd_query_rows *in)
{
	struct taker *t = sink->owner;

	for (uint32_t i = 0; i < in->batch->rows && t->n < SAMPLE_DISTINCT; i++) {
		const struct askd_value *v = &in->batch->cells[(size_t)i * in->batch->columns];
		char *s;

		if (v->type != ASKD_TEXT || !v->len || v->len > CATALOGUE_SAMPLE_BYTES ||
		        v->flags & ASKD_CUT)
			continue;
		s = arena_copy(t->arena, v->u.s, v->len);
		if (!s)
			return ASKD_E_NOMEM;
		t->values[t->n++] = (struct askd_value){.type = ASKD_TEXT, .len = v->len, .u.s = s};
	}
	return ASKD_OK;
}

/* How the dialect quotes a name and limits rows. */
static void quotes_of(const struct database *db, char *open, char *close)
{
	const struct askd_dialect *d = db->iface->dialect;
	const char *name = sql_dialect_name(db->dialect);

	*open = *close = '"';
	if (d->quote && d->quote[0] && d->quote[1]) {
		*open = d->quote[0];
		*close = d->quote[1];
	} else if (!strcmp(name, "mysql")) {
		*open = *close = '`';
	}
}

static uint32_t limit_of(const struct database *db)
{
	if (db->iface->dialect->limit)
		return db->iface->dialect->limit;
	return strcmp(sql_dialect_name(db->dialect), "sqlserver") ? ASKD_LIMIT_LIMIT
	                                                          : ASKD_LIMIT_TOP;
}

static void add_name(struct buffer *b, struct askd_text name, char open, char close)
{
	buffer_add(b, &open, 1);
	for (size_t i = 0; i < name.n; i++) {
		buffer_add(b, name.s + i, 1);
		if (name.s[i] == close)
			buffer_add(b, &close, 1);
	}
	buffer_add(b, &close, 1);
}

static void statement_of(struct buffer *b, const struct database *db,
        const struct askd_db_table *table, const struct askd_db_column *column)
{
	uint32_t limit = limit_of(db);
	char open, close;

	quotes_of(db, &open, &close);
	buffer_add_string(b, "SELECT DISTINCT q.v FROM (SELECT ");
	if (limit == ASKD_LIMIT_TOP)
		buffer_print(b, "TOP (%d) ", SAMPLE_ROWS);
	add_name(b, column->name, open, close);
	buffer_add_string(b, " AS v FROM ");
	if (table->schema.s) {
		add_name(b, table->schema, open, close);
		buffer_add(b, ".", 1);
	}
	add_name(b, table->name, open, close);
	if (limit == ASKD_LIMIT_LIMIT)
		buffer_print(b, " LIMIT %d", SAMPLE_ROWS);
	if (limit == ASKD_LIMIT_FETCH)
		buffer_print(b, " FETCH FIRST %d ROWS ONLY", SAMPLE_ROWS);
	buffer_add_string(b, ") q WHERE q.v IS NOT NULL");
}

static int compare_values(const void *a, const void *b)
{
	const struct askd_value *x = a, *y = b;

	return strcmp(x->u.s, y->u.s);
}

/* false: no time is left, or nobody waits any more. */
static bool sample_column(struct database *db, struct catalogue *c, const struct pool_work *work,
        const struct askd_db_table *table, const struct askd_db_column *column,
        struct askd_values *values)
{
	struct taker taker = {.arena = &c->sample_arena};
	struct askd_query_rows_sink sink = {.size = sizeof sink, .owner = &taker, .put = take};
	struct query_statement s = {.database = db,
	        .scope = work->scope,
	        .deadline_us = clock_monotonic_us() + statement_us,
	        .max_rows = SAMPLE_DISTINCT,
	        .max_bytes = 64 << 10,
	        .max_value = CATALOGUE_SAMPLE_BYTES + 1,
	        .rows = &sink,
	        .silent = true,
	        .own = true};
	struct query_outcome outcome;
	struct askd_error err = {0};
	struct askd_value *kept;
	struct buffer sql;
	int32_t rc = ASKD_E_NOMEM;

	if (clock_monotonic_us() >= work->deadline_us || cancel_fired(work->scope->cancel))
		return false;
	if (s.deadline_us > work->deadline_us)
		s.deadline_us = work->deadline_us;
	buffer_init(&sql, 4096);
	statement_of(&sql, db, table, column);
	s.sql = buffer_text(&sql);
	if (!sql.failed)
		rc = query_statement_run(&s, &outcome, &err);
	buffer_finish(&sql);
	if (rc == ASKD_E_CANCELED)
		return false;
	if (rc) {
		log_debug("query", work->scope->id, "database %s: no samples of %s.%s: %s",
		        db->config->instance.name, table->name.s, column->name.s, err.message);
		return true;
	}
	if (outcome.truncated || !taker.n)
		return true;
	qsort(taker.values, taker.n, sizeof taker.values[0], compare_values);
	if (taker.n > CATALOGUE_SAMPLES)
		taker.n = CATALOGUE_SAMPLES;
	kept = arena_alloc(&c->sample_arena, taker.n * sizeof *kept);
	if (kept) {
		memcpy(kept, taker.values, taker.n * sizeof *kept);
		*values = (struct askd_values){kept, taker.n};
	}
	return true;
}

static bool is_vocabulary(const struct askd_db_column *column)
{
	return column->type == ASKD_TEXT && !column->key;
}

void catalogue_sample(struct database *db, struct catalogue *c, const struct pool_work *work,
        const size_t *list, size_t n)
{
	bool going = true;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; going && i < n; i++) {
		struct catalogue_samples *samples = &c->samples[list[i]];
		const struct askd_db_table *table = c->tables[list[i]];
		struct askd_values *values;
		size_t columns = 0, sampled = 0;

		if (samples->read || table->kind != ASKD_TABLE)
			continue;
		while (table->columns[columns])
			columns++;
		values = arena_zalloc(&c->sample_arena, (columns + 1) * sizeof *values);
		if (!values)
			break;
		for (size_t j = 0; going && j < columns && sampled < SAMPLE_COLUMNS; j++) {
			if (!is_vocabulary(table->columns[j]))
				continue;
			sampled++;
			going = sample_column(db, c, work, table, table->columns[j], &values[j]);
		}
		if (!going)
			break; /* the next question reads it whole */
		samples->columns = values;
		samples->read = true;
	}
	pthread_mutex_unlock(&c->lock);
}
