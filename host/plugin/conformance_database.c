/* conformance_database.c: what a driver must do. Statements are chosen by the dialect it names; for
 * one that it describes itself only what needs no SQL of its own is tried.
 *
 * Under `check:` the options file may name variants of the options that provoke an error when
 * connecting, `write`, which opens as askd's own state would be opened, and `statements`, which
 * replace or complete those of the dialect. See docs/plugins.md. */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "plugin/conformance_run.h"

enum { LIMIT_MS = 20000, ROWS = 1000 };

struct session {
	struct conformance *run;
	struct plugin_instance *instance;
	void *connection;
};

/* What a statement gave: counted and summed over all batches. */
struct seen {
	size_t rows, columns, batches, largest;
	struct askd_value last; /* of the first column; numbers only */
	char text[64];          /* of the first cell, if it is a text */
	uint32_t type, flags;
	int64_t affected;
	uint32_t length;
};

static int32_t session_open(struct session *s, uint32_t flags, struct askd_error *error)
{
	struct askd_db_connect in = {.size = sizeof in, .flags = flags};
	struct askd_object out;
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &s->run->scope, LIMIT_MS);
	rc = enter_database_iface_connect(s->instance, NULL, NULL, &call, &in, &out, error);
	if (!rc)
		s->connection = out.handle;
	plugin_call_finish(&call);
	return rc;
}

static int32_t session_do(struct session *s, enum contract_function function)
{
	struct askd_error error = {0};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &s->run->scope, LIMIT_MS);
	rc = plugin_invoke(s->instance, function, NULL, s->connection, &call, NULL, NULL, &error);
	plugin_call_finish(&call);
	return rc;
}

static void session_close(struct session *s)
{
	if (s->connection)
		session_do(s, CONTRACT_DATABASE_DISCONNECT);
	s->connection = NULL;
}

static void look(struct seen *seen, const struct askd_batch *batch)
{
	seen->batches++;
	if (batch->rows > seen->largest)
		seen->largest = batch->rows;
	if (batch->rows && !seen->rows) {
		const struct askd_value *v = batch->cells;

		seen->type = v->type;
		seen->flags = v->flags;
		seen->length = v->len;
		if (v->type > ASKD_FLOAT)
			snprintf(seen->text, sizeof seen->text, "%.*s", (int)v->len, v->u.s);
	}
	if (batch->rows) {
		seen->last = batch->cells[(size_t)(batch->rows - 1) * batch->columns];
		seen->columns = batch->columns;
	}
	seen->rows += batch->rows;
	if (batch->end)
		seen->affected = batch->affected;
}

/* One statement to its end; `stop_after` batches ends it early. */
static int32_t session_query(struct session *s, struct askd_db_query *in, int64_t limit_ms,
        uint64_t max_value, size_t stop_after, struct seen *seen, struct askd_error *error)
{
	struct askd_db_result result;
	struct askd_db_fetch fetch = {
	        .size = sizeof fetch, .max_rows = 256, .max_bytes = 65536, .max_value = max_value};
	struct plugin_call call;
	int32_t rc;

	*seen = (struct seen){.affected = -2};
	plugin_call_init(&call, &s->run->scope, limit_ms);
	rc = enter_database_iface_query(
	        s->instance, NULL, s->connection, &call, in, &result, error);
	plugin_call_finish(&call);
	if (rc)
		return rc;
	do {
		struct askd_batch batch;

		plugin_call_init(&call, &s->run->scope, limit_ms);
		rc = enter_database_iface_next(
		        s->instance, NULL, result.cursor, &call, &fetch, &batch, error);
		if (!rc)
			look(seen, &batch);
		plugin_call_finish(&call);
		if (rc || batch.end)
			break;
	} while (seen->batches != stop_after);
	plugin_call_init(&call, &s->run->scope, 0);
	enter_database_iface_finish(s->instance, NULL, result.cursor, &call, NULL, NULL, NULL);
	plugin_call_finish(&call);
	return rc;
}

static int32_t simple(
        struct session *s, const char *sql, struct seen *seen, struct askd_error *error)
{
	struct askd_db_query in = {.size = sizeof in, .sql = askd_text_of(sql)};

	return session_query(s, &in, LIMIT_MS, 1 << 20, 0, seen, error);
}

/* ---- describe -----------------------------------------------------------------------------------
 */

static int32_t count_table(const struct askd_db_table_sink *sink, const struct askd_db_table *table)
{
	size_t *count = sink->owner;

	if (!table->name.n || !table->columns || !table->columns[0])
		return ASKD_E_PROTOCOL;
	*count += 1;
	return ASKD_OK;
}

static void check_describe(struct session *s)
{
	size_t count = 0;
	struct askd_db_table_sink sink = {.size = sizeof sink, .owner = &count, .put = count_table};
	struct askd_db_describe in = {.size = sizeof in, .tables = &sink};
	struct askd_error error = {0};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &s->run->scope, LIMIT_MS);
	rc = enter_database_iface_describe(
	        s->instance, NULL, s->connection, &call, &in, NULL, &error);
	conformance_error(
	        s->run, "describe: each table has a name and columns", rc, &error, ASKD_OK);
	count = 0;
	in.table = ASKD_LITERAL("there is no table of this name");
	rc = enter_database_iface_describe(
	        s->instance, NULL, s->connection, &call, &in, NULL, &error);
	conformance_check(s->run, (!rc || rc == ASKD_E_NOT_FOUND) && !count,
	        "describe of a table that is not there gives none", "%zu tables, %s", count,
	        error_name(rc));
	plugin_call_finish(&call);
}

/* ---- statements of the known dialects
 * ------------------------------------------------------------ */

struct phrases {
	const char *dialect;
	const char *many;    /* 1000 rows of one number, growing */
	const char *endless; /* runs until it is stopped */
	const char *wide;    /* one text of a million letters x */
	const char *swapped; /* $2 before $1 */
	const char *write;   /* a write that must fail on a reader */
	const char *large;   /* a value, or itself, above the server's own limit */
	const char *begin;   /* a transaction that writes */
	const char *hold;    /* in it: locks askd_check or a row of it */
	const char *want;    /* on another connection: needs that lock and does not wait for long */
};

static const struct phrases phrases[] = {
        {"sqlite",
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) "
                "SELECT i FROM n",
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) "
                "FROM n",
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 10000) "
                "SELECT group_concat('xxxxxxxxxx', '') FROM n",
                "SELECT $2, $1", "CREATE TABLE askd_check (a integer)",
                "WITH a(s) AS (SELECT 'xxxxxxxxxxxxxxxx'), b(s) AS (SELECT replace(s, 'x', s) "
                "FROM a), c(s) AS (SELECT replace(s, 'x', s) FROM b) SELECT replace(s, 'x', s) "
                "FROM c",
                "BEGIN IMMEDIATE", "INSERT INTO askd_check VALUES (3)", "BEGIN IMMEDIATE"},
        {"postgres", "SELECT i FROM generate_series(1, 1000) AS t(i)", "SELECT pg_sleep(600)",
                "SELECT repeat('x', 1000000)", "SELECT $2::text, $1::bigint",
                "CREATE TABLE askd_check (a integer)", "SELECT repeat('x', 2000000000)", "BEGIN",
                "SELECT a FROM askd_check FOR UPDATE",
                "SELECT a FROM askd_check FOR UPDATE NOWAIT"},
        {"mysql",
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) "
                "SELECT i FROM n",
                "SELECT SLEEP(600)", "SELECT REPEAT('x', 1000000)", NULL,
                "CREATE TABLE askd_check (a integer)", NULL, "START TRANSACTION",
                "SELECT a FROM askd_check FOR UPDATE",
                "SELECT a FROM askd_check FOR UPDATE NOWAIT"},
};

/* Those of the dialect, with those of check.statements laid over them. */
static struct phrases phrases_of(const struct conformance *run, const struct askd_dialect *dialect)
{
	struct phrases p = {.dialect = dialect && dialect->name ? dialect->name : "?"};
	const struct yaml_node *given = run->checks ? yaml_find(run->checks, "statements") : NULL;
	const struct {
		const char *name;
		const char **to;
	} members[] = {{"many", &p.many}, {"endless", &p.endless}, {"wide", &p.wide},
	        {"swapped", &p.swapped}, {"write", &p.write}, {"large", &p.large},
	        {"begin", &p.begin}, {"hold", &p.hold}, {"want", &p.want}};

	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (!strcmp(phrases[i].dialect, p.dialect))
			p = phrases[i];
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		const struct yaml_node *node =
		        given && given->kind == YAML_MAP ? yaml_find(given, members[i].name) : NULL;

		if (node && node->kind == YAML_SCALAR)
			*members[i].to = node->text;
	}
	return p;
}

/* Is there such a statement? If not, the summary says what would be tried with it. */
static bool has(struct conformance *run, const struct phrases *p, const char *statement,
        const char *name, const char *what)
{
	if (!statement)
		conformance_skip(run,
		        "%s: the suite knows no statement of the dialect '%s' for it; give one "
		        "under check: {statements: {%s: ...}}",
		        what, p->dialect, name);
	return statement != NULL;
}

static void check_values(struct session *s, const struct phrases *p)
{
	struct askd_error error = {0};
	struct seen seen;
	struct askd_db_query in = {.size = sizeof in, .sql = askd_text_of(p->wide)};
	int32_t rc;

	if (!has(s->run, p, p->many, "many", "rows in batches") ||
	        !has(s->run, p, p->wide, "wide", "long values"))
		return;
	rc = simple(s, p->many, &seen, &error);
	if (conformance_error(s->run, "many rows", rc, &error, ASKD_OK)) {
		conformance_check(s->run,
		        seen.rows == ROWS && seen.last.type == ASKD_INT && seen.last.u.i == ROWS,
		        "all rows arrive, in order", "%zu rows", seen.rows);
		conformance_check(s->run, seen.largest <= 256 && seen.batches >= 4,
		        "batches keep to max_rows", "%zu rows in one batch", seen.largest);
	}
	rc = session_query(s, &in, LIMIT_MS, 100, 0, &seen, &error);
	if (conformance_error(s->run, "a long value", rc, &error, ASKD_OK))
		conformance_check(s->run, seen.length == 100 && (seen.flags & ASKD_CUT),
		        "a value above max_value is cut and says so", "%u bytes, flags %u",
		        seen.length, seen.flags);
	rc = simple(s, "SELECT NULL", &seen, &error);
	conformance_check(s->run, !rc && seen.rows == 1 && seen.type == ASKD_NULL, "NULL is NULL",
	        "type %u", seen.type);
	rc = simple(s, "SELECT ''", &seen, &error);
	conformance_check(s->run, !rc && seen.type == ASKD_TEXT && seen.length == 0,
	        "an empty text is not NULL", "type %u", seen.type);
	rc = simple(s, "SELECT 9223372036854775807", &seen, &error);
	conformance_check(s->run,
	        !rc && ((seen.type == ASKD_INT && seen.last.u.i == INT64_MAX) ||
	                       (seen.type == ASKD_DECIMAL &&
	                               !strcmp(seen.text, "9223372036854775807"))),
	        "the largest integer survives", "type %u", seen.type);
	rc = simple(s, "SELECT 'Zwölf Boxkämpfer \xf0\x9f\x91\x8d'", &seen, &error);
	conformance_check(s->run, !rc && !strcmp(seen.text, "Zwölf Boxkämpfer \xf0\x9f\x91\x8d"),
	        "text is UTF-8", "\"%s\"", seen.text);
	in.sql = askd_text_of(p->many);
	rc = session_query(s, &in, LIMIT_MS, 100, 1, &seen, &error);
	conformance_error(s->run, "finish before the end", rc, &error, ASKD_OK);
	rc = simple(s, "SELECT 1", &seen, &error);
	conformance_check(s->run, !rc && seen.rows == 1, "the next statement works after that",
	        "%s", error_name(rc));
	if (p->swapped) {
		const struct askd_value values[] = {
		        {.type = ASKD_INT, .u.i = 1}, {.type = ASKD_TEXT, .len = 3, .u.s = "two"}};

		in.sql = askd_text_of(p->swapped);
		in.params = (struct askd_values){values, 2};
		rc = session_query(s, &in, LIMIT_MS, 100, 0, &seen, &error);
		conformance_check(s->run, !rc && !strcmp(seen.text, "two"),
		        "parameters go by their numbers, not by their places",
		        "the first is \"%s\"", seen.text);
	}
}

struct stopper {
	struct session *session;
	uint32_t done;
	uint32_t reserved;
};

static void *interrupt_soon(void *arg)
{
	struct stopper *stopper = arg;
	const struct timespec pause = {0, 50000000};

	/* Again until it worked: the statement may not have begun yet. */
	while (!__atomic_load_n(&stopper->done, __ATOMIC_ACQUIRE)) {
		nanosleep(&pause, NULL);
		if (!__atomic_load_n(&stopper->done, __ATOMIC_ACQUIRE))
			session_do(stopper->session, CONTRACT_DATABASE_INTERRUPT);
	}
	return NULL;
}

static void check_errors(struct session *s, const struct phrases *p)
{
	struct askd_error error = {0};
	struct seen seen;
	struct askd_db_query in = {.size = sizeof in, .sql = askd_text_of(p->endless)};
	struct stopper stopper = {.session = s};
	struct askd_db_query *query = &in;
	pthread_t thread;
	int32_t rc;

	rc = simple(s, "SELECT FROM WHERE", &seen, &error);
	if (conformance_error(
	            s->run, "a wrong statement is STATEMENT", rc, &error, ASKD_E_STATEMENT)) {
		conformance_check(s->run, error.native[0] != 0, "with the database's own code",
		        "`native` is empty");
		conformance_check(s->run, error.position <= strlen("SELECT FROM WHERE") + 1,
		        "with a position inside it, or none", "`position` is %u", error.position);
	}
	rc = simple(s, "SELECT no_such_column_anywhere", &seen, &error);
	conformance_error(s->run, "an unknown column is STATEMENT", rc, &error, ASKD_E_STATEMENT);
	rc = simple(s, "SELECT 1; SELECT 2", &seen, &error);
	conformance_error(s->run, "two statements are STATEMENT", rc, &error, ASKD_E_STATEMENT);
	if (has(s->run, p, p->write, "write", "DENIED")) {
		rc = simple(s, p->write, &seen, &error);
		conformance_error(
		        s->run, "a write on a reader is DENIED", rc, &error, ASKD_E_DENIED);
	}
	if (has(s->run, p, p->large, "large", "TOO_LARGE")) {
		rc = simple(s, p->large, &seen, &error);
		conformance_error(s->run, "what is above the server's limit is TOO_LARGE", rc,
		        &error, ASKD_E_TOO_LARGE);
	}
	if (!has(s->run, p, p->endless, "endless", "TIMEOUT, CANCELED"))
		return;
	rc = session_query(s, query, 300, 100, 0, &seen, &error);
	conformance_error(s->run, "past the deadline it is TIMEOUT", rc, &error, ASKD_E_TIMEOUT);
	conformance_check(s->run, session_do(s, CONTRACT_DATABASE_RESET) == ASKD_OK,
	        "reset after a timeout", "it failed");
	if (!pthread_create(&thread, NULL, interrupt_soon, &stopper)) {
		rc = session_query(s, query, LIMIT_MS, 100, 0, &seen, &error);
		__atomic_store_n(&stopper.done, 1, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		conformance_error(
		        s->run, "interrupt makes it CANCELED", rc, &error, ASKD_E_CANCELED);
		conformance_check(s->run,
		        session_do(s, CONTRACT_DATABASE_RESET) == ASKD_OK &&
		                simple(s, "SELECT 1", &seen, &error) == ASKD_OK,
		        "after reset the connection works again", "%s", error.message);
	}
}

/* ---- store mode ---------------------------------------------------------------------------------
 */

/* While one connection holds a lock, another one is told that it is taken. */
static void check_lock(struct session *one, const struct phrases *p)
{
	struct session two = {.run = one->run, .instance = one->instance};
	struct askd_error error = {0};
	struct seen seen;
	int32_t rc;

	if (!has(one->run, p, p->hold, "hold", "BUSY") ||
	        !has(one->run, p, p->want, "want", "BUSY"))
		return;
	rc = session_open(&two, ASKD_DB_WRITE, &error);
	if (!rc)
		rc = simple(one, p->begin, &seen, &error);
	if (!rc)
		rc = simple(one, p->hold, &seen, &error);
	if (conformance_error(one->run, "one connection locks", rc, &error, ASKD_OK)) {
		rc = simple(&two, p->want, &seen, &error);
		if (conformance_error(one->run, "a lock that another one holds is BUSY", rc, &error,
		            ASKD_E_BUSY))
			conformance_check(one->run, error.flags & ASKD_ERR_RETRY,
			        "and may be tried again", "ASKD_ERR_RETRY is missing");
	}
	session_close(&two);
}

static void check_store(struct conformance *run, const struct phrases *p)
{
	const struct yaml_node *more = run->checks ? yaml_find(run->checks, "write") : NULL;
	struct askd_error error = {0};
	struct session one = {.run = run};
	struct seen seen;
	struct askd_db_query other = {.size = sizeof other,
	        .sql = ASKD_LITERAL("SELECT a FROM askd_check"),
	        .prefix = ASKD_LITERAL("else_")};
	int32_t rc;

	if (!more) {
		conformance_skip(run,
		        "store mode, CONFLICT, BUSY: name a database that may be written to "
		        "under check: {write: {...}}");
		return;
	}
	one.instance = conformance_open(run, more, &error);
	rc = one.instance ? session_open(&one, ASKD_DB_WRITE | ASKD_DB_DURABLE, &error)
	                  : error.code;
	if (!conformance_error(run, "store mode opens", rc, &error, ASKD_OK))
		goto out;
	simple(&one, "DROP TABLE IF EXISTS askd_check_part", &seen, &error);
	simple(&one, "DROP TABLE IF EXISTS askd_check", &seen, &error);
	rc = simple(&one, "CREATE TABLE askd_check (a bigint PRIMARY KEY)", &seen, &error);
	conformance_error(run, "store mode writes", rc, &error, ASKD_OK);
	rc = simple(&one, "INSERT INTO askd_check VALUES (1), (2)", &seen, &error);
	conformance_check(run, !rc && seen.affected == 2, "affected counts the rows", "%lld",
	        (long long)seen.affected);
	rc = simple(&one, "INSERT INTO askd_check VALUES (1)", &seen, &error);
	conformance_error(run, "the same key again is CONFLICT", rc, &error, ASKD_E_CONFLICT);
	rc = simple(&one,
	        "CREATE TABLE askd_check_part (b bigint, FOREIGN KEY (b) REFERENCES askd_check "
	        "(a))",
	        &seen, &error);
	if (!rc)
		rc = simple(&one, "INSERT INTO askd_check_part VALUES (99)", &seen, &error);
	conformance_error(
	        run, "a foreign key that leads nowhere is CONFLICT", rc, &error, ASKD_E_CONFLICT);
	simple(&one, "DROP TABLE askd_check_part", &seen, &error);
	rc = session_query(&one, &other, LIMIT_MS, 100, 0, &seen, &error);
	conformance_error(run, "a table outside the prefix is DENIED", rc, &error, ASKD_E_DENIED);
	if (has(run, p, p->begin, "begin", "BUSY, open transactions")) {
		check_lock(&one, p);
		session_do(&one, CONTRACT_DATABASE_RESET);
		simple(&one, p->begin, &seen, &error);
		simple(&one, "INSERT INTO askd_check VALUES (3)", &seen, &error);
		conformance_check(run,
		        session_do(&one, CONTRACT_DATABASE_RESET) == ASKD_OK &&
		                simple(&one, "SELECT count(*) FROM askd_check", &seen, &error) ==
		                        ASKD_OK &&
		                seen.last.u.i == 2,
		        "reset rolls an open transaction back", "%lld rows",
		        (long long)seen.last.u.i);
	}
	simple(&one, "DROP TABLE askd_check", &seen, &error);
out:
	session_close(&one);
	registry_close_one(one.instance);
}

/* A connection of its own, a table's description, and the connection's end. */
static int32_t connect_once(struct conformance *run, uint64_t id, struct askd_error *error)
{
	struct session s = {.run = run, .instance = run->instance};
	size_t count = 0;
	struct askd_db_table_sink sink = {.size = sizeof sink, .owner = &count, .put = count_table};
	struct askd_db_describe in = {.size = sizeof in, .tables = &sink};
	struct plugin_call call;
	int32_t rc = session_open(&s, 0, error);

	(void)id;
	if (rc)
		return rc;
	plugin_call_init(&call, &run->scope, LIMIT_MS);
	rc = enter_database_iface_describe(s.instance, NULL, s.connection, &call, &in, NULL, error);
	plugin_call_finish(&call);
	session_close(&s);
	return rc;
}

void conformance_database(struct conformance *run)
{
	static const struct conformance_class classes[] = {
	        {"not_found", "connecting to what is not there", ASKD_E_NOT_FOUND, 0, {0}},
	        {"auth", "connecting with a wrong password", ASKD_E_AUTH, 0, {0}},
	        {"io", "connecting where nobody answers", ASKD_E_IO, ASKD_ERR_RETRY, {0}},
	        {NULL, NULL, 0, 0, {0}},
	};
	const struct askd_database_iface *iface = plugin_instance_iface(run->instance);
	const struct phrases p = phrases_of(run, iface->dialect);
	struct session s = {.run = run, .instance = run->instance};
	struct askd_error error = {0};
	struct seen seen;
	int32_t rc;

	conformance_check(run, iface->dialect && iface->dialect->name && iface->dialect->name[0],
	        "it names its dialect", "`dialect` or its name is missing");
	conformance_classes(run, classes, false, connect_once);
	check_store(run, &p);
	rc = session_open(&s, 0, &error);
	if (!conformance_error(run, "connect as reader", rc, &error, ASKD_OK))
		return;
	check_describe(&s);
	rc = simple(&s, "this is not a statement of any language", &seen, &error);
	conformance_error(run, "what is no statement is STATEMENT", rc, &error, ASKD_E_STATEMENT);
	check_values(&s, &p);
	check_errors(&s, &p);
	conformance_check(
	        run, session_do(&s, CONTRACT_DATABASE_RESET) == ASKD_OK, "reset", "it failed");
	session_close(&s);
	conformance_together(run, "connect, describe, disconnect", connect_once);
}
