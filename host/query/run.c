/* run.c: one statement: rights, gate, limits, the cursor, and distrust of what comes out of it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/testpoint.h"
#include "query/catalogue.h"
#include "query/query_room.h"
#include "run/metrics.h"

enum {
	BATCH_ROWS = 256,
	BATCH_BYTES = 64 << 10,
	EMPTY_BATCHES = 16, /* in a row, before the driver is taken for broken */
	COLUMNS_MAX = 4096,
};

static struct {
	void (*fn)(void *arg, const struct call_scope *scope, const struct query_event *event);
	void *arg;
} listener;

void query_set_listener(
        void (*fn)(void *arg, const struct call_scope *scope, const struct query_event *event),
        void *arg)
{
	listener.arg = arg;
	listener.fn = fn;
}

/* ---- the list of allowed schemas --------------------------------------------------------------
 */

static char closing(char open)
{
	return open == '"' || open == '`' ? open : open == '[' ? ']' : 0;
}

/* The first part of a dotted name, unquoted, into out; what follows its dot, or NULL. */
static const char *name_part(const char *s, const char *end, char *out, size_t size)
{
	char close = s < end ? closing(*s) : 0;
	size_t n = 0;

	if (close) {
		for (s++; s < end; s++) {
			if (*s == close) {
				if (s + 1 >= end || s[1] != close)
					break;
				s++;
			}
			if (n + 1 < size)
				out[n++] = *s;
		}
		s += s < end;
	} else {
		for (; s < end && *s != '.' && *s != ' ' && *s != '\t' && *s != '\n'; s++)
			if (n + 1 < size)
				out[n++] = *s;
	}
	out[n] = 0;
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
		s++;
	if (s >= end || *s != '.')
		return NULL;
	s++;
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
		s++;
	return s;
}

/* Every table must stand in a schema of the list: named, or as the default one. */
static int32_t check_schemas(const struct query_statement *s, const struct sql_verdict *verdict,
        const struct pool_work *work, struct askd_error *err)
{
	const char *const *schemas = s->database->config->schemas;
	struct catalogue *catalogue = NULL;
	char first[256], second[256];
	int32_t rc = ASKD_OK;

	if (!schemas || s->own)
		return ASKD_OK;
	for (size_t i = 0; !rc && i < verdict->table_count; i++) {
		struct askd_text t = verdict->tables[i];
		const char *end = t.s + t.n, *rest = name_part(t.s, end, first, sizeof first);
		bool found = false;

		if (rest && name_part(rest, end, second, sizeof second))
			return askd_fail(err, ASKD_E_REFUSED,
			        "the name %.60s reaches into another database", first);
		if (rest) {
			for (size_t j = 0; schemas[j]; j++)
				found = found || catalogue_same_name(schemas[j], first);
			if (!found)
				rc = askd_fail(err, ASKD_E_REFUSED,
				        "the schema %.60s is not open to questions", first);
			continue;
		}
		if (!catalogue)
			rc = catalogue_get(s->database, work, &catalogue, err);
		if (!rc && !catalogue_has(catalogue, first))
			rc = askd_fail(err, ASKD_E_REFUSED,
			        "the table %.60s is not in a schema that is open to questions",
			        first);
	}
	catalogue_release(catalogue);
	return rc;
}

/* ---- the cursor -------------------------------------------------------------------------------
 */

struct reading {
	const struct query_statement *statement;
	const struct pool_work *work;
	struct plugin_instance *instance;
	const struct askd_db_column *const *columns; /* not handed over yet, else NULL */
	size_t column_count;
	uint64_t rows, bytes, shown; /* shown: batches handed over */
	int64_t elapsed_us;
	bool truncated;
	bool sound; /* it was we who stopped: the connection is as good as before */
};

static int32_t broken(struct reading *r, struct askd_error *err, const char *what)
{
	return askd_fail(err, ASKD_E_PROTOCOL, "database %s: the driver returned %s",
	        r->statement->database->config->instance.name, what);
}

static size_t column_count(const struct askd_db_column *const *columns)
{
	size_t n = 0;

	while (columns && columns[n] && n <= COLUMNS_MAX)
		n++;
	return n;
}

/* Is the batch what was asked for? The cells themselves were checked at the door. */
static int32_t check_batch(struct reading *r, const struct askd_db_fetch *asked,
        const struct askd_batch *batch, struct askd_error *err)
{
	if (batch->rows > asked->max_rows)
		return broken(r, err, "more rows than were asked for");
	if (batch->columns != r->column_count && (batch->rows || batch->columns))
		return broken(r, err, "another number of columns than announced");
	if (batch->rows && !r->column_count)
		return broken(r, err, "rows without columns");
	if (batch->rows && !batch->cells)
		return broken(r, err, "rows without cells");
	for (size_t i = 0; i < (size_t)batch->rows * batch->columns; i++)
		if (batch->cells[i].type > ASKD_FLOAT && batch->cells[i].len > asked->max_value)
			return broken(r, err, "a value above the limit that was asked for");
	return ASKD_OK;
}

/* As many rows of the batch as the limits leave room for. */
static uint32_t rows_within(struct reading *r, const struct askd_batch *batch)
{
	const struct query_statement *s = r->statement;
	uint32_t row;

	for (row = 0; row < batch->rows && r->rows + row < s->max_rows; row++) {
		uint64_t bytes = 0;

		for (size_t i = 0; i < r->column_count; i++) {
			const struct askd_value *v =
			        &batch->cells[(size_t)row * r->column_count + i];

			bytes += sizeof v->u + (v->type > ASKD_FLOAT ? v->len : 0);
		}
		if (r->bytes + bytes > s->max_bytes)
			break;
		r->bytes += bytes;
	}
	return row;
}

static int32_t hand_over(
        struct reading *r, const struct askd_batch *batch, uint32_t rows, struct askd_error *err)
{
	const struct query_statement *s = r->statement;
	struct askd_batch cut = {.size = sizeof cut,
	        .rows = rows,
	        .columns = (uint32_t)r->column_count,
	        .end = batch->end && rows == batch->rows,
	        .affected = -1,
	        .cells = batch->cells};
	struct askd_query_rows item = {.size = sizeof item, .columns = r->columns, .batch = &cut};
	int32_t rc;

	if (!rows && r->shown)
		return ASKD_OK;
	r->shown++;
	r->rows += rows;
	if (!s->rows)
		return ASKD_OK;
	rc = s->rows->put(s->rows, &item);
	r->columns = NULL; /* only the first item carries them */
	if (rc > 0)
		rc = ASKD_E_INVALID;
	if (!rc)
		return ASKD_OK;
	r->sound = true;
	return askd_fail(err, rc, "the receiver of the rows stopped");
}

static int32_t fetch_all(struct reading *r, void *cursor, struct askd_error *err)
{
	const struct query_statement *s = r->statement;
	unsigned empty = 0;

	for (;;) {
		uint64_t left = s->max_rows - r->rows;
		struct askd_db_fetch in = {.size = sizeof in,
		        .max_rows = left < BATCH_ROWS ? (uint32_t)left + 1 : BATCH_ROWS,
		        .max_bytes = BATCH_BYTES,
		        .max_value = s->max_value};
		struct askd_batch batch = {.size = sizeof batch};
		struct plugin_call call;
		int64_t began_us = clock_monotonic_us();
		uint32_t rows;
		int32_t rc;

		pool_call_init(&call, r->work);
		rc = enter_database_iface_next(r->instance, NULL, cursor, &call, &in, &batch, err);
		r->elapsed_us += clock_monotonic_us() - began_us;
		if (!rc)
			rc = check_batch(r, &in, &batch, err);
		if (!rc) {
			rows = rows_within(r, &batch);
			r->truncated = rows < batch.rows;
			r->sound = r->truncated && !rows && !r->rows;
			rc = r->sound ? askd_fail(err, ASKD_E_TOO_LARGE,
			                        "database %s: one row is larger than the "
			                        "limit of %llu bytes",
			                        s->database->config->instance.name,
			                        (unsigned long long)s->max_bytes)
			              : hand_over(r, &batch, rows, err);
		}
		plugin_call_finish(&call);
		if (rc || batch.end || r->truncated)
			return rc;
		empty = batch.rows ? 0 : empty + 1;
		if (empty > EMPTY_BATCHES)
			return broken(r, err, "empty batches without an end");
	}
}

static int32_t execute(const struct query_statement *s, const struct pool_work *work,
        struct query_outcome *outcome, struct askd_error *err)
{
	struct askd_db_query in = {.size = sizeof in, .sql = s->sql, .params = s->params};
	struct askd_db_result result = {.size = sizeof result};
	struct reading r = {
	        .statement = s, .work = work, .instance = s->database->source->pool.instance};
	struct pool_connection *connection;
	struct pool_guard guard;
	struct plugin_call call;
	int64_t began_us;
	int32_t rc;

	rc = pool_take(&s->database->source->pool, work, &connection, err);
	if (rc)
		return rc;
	pool_guard_begin(&guard, connection, work);
	pool_call_init(&call, work);
	began_us = clock_monotonic_us();
	rc = enter_database_iface_query(
	        r.instance, NULL, connection->handle, &call, &in, &result, err);
	r.elapsed_us = clock_monotonic_us() - began_us;
	if (rc)
		result.cursor = NULL;
	if (!s->silent)
		TESTPOINT("sql_sent");
	if (!rc) {
		r.columns = result.columns;
		r.column_count = column_count(result.columns);
		if (!result.cursor)
			rc = broken(&r, err, "a result without a cursor");
		else if (r.column_count > COLUMNS_MAX)
			rc = broken(&r, err, "too many columns");
		else
			rc = fetch_all(&r, result.cursor, err);
	}
	rc = pool_guard_end(&guard, result.cursor, rc, err);
	plugin_call_finish(&call);
	pool_give(connection, !rc || rc == ASKD_E_STATEMENT || r.sound);
	outcome->rows = r.rows;
	outcome->elapsed_us = r.elapsed_us;
	outcome->truncated = r.truncated;
	return rc;
}

static void tell(const struct query_statement *s, const struct query_outcome *outcome, int32_t rc)
{
	struct query_event event = {.database = s->database->handle,
	        .sql = s->sql,
	        .verdict = &outcome->verdict,
	        .rows = outcome->rows,
	        .elapsed_us = outcome->elapsed_us,
	        .rc = rc};

	if (s->silent)
		return;
	metrics_add("askd_queries_total",
	        rc == ASKD_OK            ? "result=\"ok\""
	        : rc == ASKD_E_REFUSED   ? "result=\"refused\""
	        : rc == ASKD_E_STATEMENT ? "result=\"statement\""
	                                 : "result=\"failed\"",
	        1);
	metrics_observe_us("askd_query_seconds", NULL, outcome->elapsed_us);
	if (listener.fn)
		listener.fn(listener.arg, s->scope, &event);
}

int32_t query_statement_run(
        const struct query_statement *s, struct query_outcome *outcome, struct askd_error *err)
{
	struct pool_work work = {.scope = s->scope,
	        .deadline_us = clock_monotonic_us() + s->database->time_ms * 1000};
	int32_t rc;

	if (s->deadline_us && s->deadline_us < work.deadline_us)
		work.deadline_us = s->deadline_us;
	if (s->scope->deadline_us && s->scope->deadline_us < work.deadline_us)
		work.deadline_us = s->scope->deadline_us;
	memset(outcome, 0, sizeof *outcome);
	sql_gate(s->database->dialect, s->sql.s, (size_t)s->sql.n, &outcome->verdict);
	if (!outcome->verdict.passed) {
		rc = askd_fail(err, ASKD_E_REFUSED, "%s", outcome->verdict.reason);
		err->position = outcome->verdict.position;
		snprintf(err->native, sizeof err->native, "%s", outcome->verdict.code);
	} else {
		rc = check_schemas(s, &outcome->verdict, &work, err);
		if (rc == ASKD_E_REFUSED) {
			outcome->verdict.passed = false;
			snprintf(outcome->verdict.code, sizeof outcome->verdict.code, "schema");
			snprintf(outcome->verdict.reason, sizeof outcome->verdict.reason, "%.250s",
			        err->message);
		}
	}
	if (!rc && !s->silent)
		TESTPOINT("gate_passed");
	if (!rc)
		rc = execute(s, &work, outcome, err);
	if (!rc && !s->silent)
		TESTPOINT("rows_read");
	if (rc == ASKD_E_STATEMENT)
		catalogue_doubt(s->database);
	tell(s, outcome, rc);
	return rc;
}

/* ---- askd.query/1 run -------------------------------------------------------------------------
 */

/* "passed; reads customers, orders" */
static struct askd_text verdict_text(struct askd_call *call, const struct sql_verdict *verdict)
{
	struct askd_text text;
	struct buffer b;

	buffer_init(&b, 16 << 10);
	buffer_add_string(&b, "passed");
	for (size_t i = 0; i < verdict->table_count; i++) {
		buffer_add_string(&b, i ? ", " : "; reads ");
		buffer_add_text(&b, verdict->tables[i]);
	}
	text = askd_copy(call, b.failed ? "passed" : b.s, b.failed ? 6 : b.n);
	buffer_finish(&b);
	return text;
}

int32_t query_service_run(const struct askd_host *host, struct askd_call *base,
        const struct askd_query_run *in, struct askd_query_result *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct generation *generation;
	struct query *query;
	struct query_statement s = {0};
	struct query_outcome outcome;
	struct askd_error err = {0};
	int32_t rc;

	(void)host;
	if (!call || !call->scope || !in || !in->sql.s)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "askd.query/1 run needs a call with a scope and a statement");
	query = query_enter(call, &generation);
	s.database = query ? query_take(query, call->scope, in->database) : NULL;
	if (!s.database) {
		rc = query ? query_not_found(&err)
		           : askd_fail(&err, ASKD_E_UNSUPPORTED, "no databases are open");
		goto out;
	}
	s.scope = call->scope;
	s.deadline_us = base->deadline_us;
	s.sql = in->sql;
	s.params = in->params;
	s.silent = in->flags & ASKD_QUERY_LOOK_UP;
	s.max_rows = s.silent ? ASKD_QUERY_LOOK_UP_ROWS : (uint64_t)s.database->rows;
	if (in->max_rows && in->max_rows < s.max_rows)
		s.max_rows = in->max_rows;
	s.max_bytes = (uint64_t)s.database->bytes;
	s.max_value = (uint64_t)s.database->value;
	s.rows = in->rows;
	rc = query_statement_run(&s, &outcome, &err);
	if (!rc && out) {
		out->flags = outcome.truncated ? ASKD_QUERY_TRUNCATED : 0;
		out->rows = outcome.rows;
		out->elapsed_us = outcome.elapsed_us;
		out->verdict = verdict_text(base, &outcome.verdict);
	}
out:
	query_give(s.database);
	generation_drop(generation);
	return rc ? error_copy(reterr, &err) : ASKD_OK;
}
