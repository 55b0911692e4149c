/* test_sqlite_reader.c: what a reader connection gives, and what it withstands without the gate. */
#include <pthread.h>
#include <time.h>

#include "corpus.h"
#include "driver.h"

static char folder[256], path[300];
static void *instance;

static sqlite3 *open_plain(const char *file)
{
	sqlite3 *db = NULL;
	assert_int_equal(PLAIN(sqlite3_open)(file, &db), SQLITE_OK);
	return db;
}

static void make_database(const char *file, const char *sql)
{
	sqlite3 *db = open_plain(file);
	char *message = NULL;
	if (PLAIN(sqlite3_exec)(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	PLAIN(sqlite3_close)(db);
}

static int set_up(void **state)
{
	size_t n;
	char *schema = corpus_file("sqlite_schema.sql", &n);
	(void)state;
	driver_load();
	snprintf(folder, sizeof folder, "/tmp/askd-sqlite-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder))
		return -1;
	snprintf(path, sizeof path, "%s/shop.db", folder);
	make_database(path, schema);
	free(schema);
	instance = driver_instance(path, 200);
	return 0;
}

static int tear_down(void **state)
{
	char command[400];
	(void)state;
	free(instance);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

/* The rows as the plain library gives them. */
static int plain_rows(sqlite3 *db, const char *sql, size_t n, struct driver_rows *rows)
{
	sqlite3_stmt *stmt = NULL;
	int rc = PLAIN(sqlite3_prepare_v2)(db, sql, (int)n, &stmt, NULL);
	memset(rows, 0, sizeof *rows);
	driver_append(rows, "", 0);
	while (rc == SQLITE_OK && (rc = PLAIN(sqlite3_step)(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < PLAIN(sqlite3_column_count)(stmt); i++) {
			struct askd_value v = {.type = ASKD_NULL};
			switch (PLAIN(sqlite3_column_type)(stmt, i)) {
			case SQLITE_INTEGER:
				v.type = ASKD_INT;
				v.u.i = PLAIN(sqlite3_column_int64)(stmt, i);
				break;
			case SQLITE_FLOAT:
				v.type = ASKD_FLOAT;
				v.u.f = PLAIN(sqlite3_column_double)(stmt, i);
				break;
			case SQLITE_NULL:
				break;
			default:
				v.type = PLAIN(sqlite3_column_type)(stmt, i) == SQLITE_BLOB
				                 ? ASKD_BYTES
				                 : ASKD_TEXT;
				v.u.s = (const char *)PLAIN(sqlite3_column_text)(stmt, i);
				v.len = (uint32_t)PLAIN(sqlite3_column_bytes)(stmt, i);
			}
			driver_append_value(rows, &v);
		}
		driver_append(rows, "\n", 1);
		rc = SQLITE_OK;
	}
	PLAIN(sqlite3_finalize)(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void benign_statements_give_the_rows_of_plain_sqlite(void **state)
{
	struct corpus c;
	void *connection = driver_connect(instance, 0);
	sqlite3 *db = open_plain(path);
	(void)state;
	corpus_read(&c, "sqlite_benign.sql");
	for (size_t i = 0; i < c.count; i++) {
		struct driver_rows plain, ours;
		const struct corpus_entry *e = &c.entries[i];
		if (plain_rows(db, e->sql, e->n, &plain))
			fail_msg("%s: plain: %s", e->name, PLAIN(sqlite3_errmsg)(db));
		if (driver_run_full(connection, e->sql, e->n, NULL, 0, NULL, 10000, &ours))
			fail_msg("%s: %d %s", e->name, ours.err.code, ours.err.message);
		if (plain.n != ours.n || memcmp(plain.text, ours.text, plain.n) != 0)
			fail_msg("%s:\n%s\nplain:\n%s", e->name, ours.text, plain.text);
		free(plain.text);
		free(ours.text);
	}
	PLAIN(sqlite3_close)(db);
	driver_disconnect(connection);
	corpus_free(&c);
}

static char *slurp(const char *file, size_t *n)
{
	FILE *f = fopen(file, "rb");
	char *s = malloc(1 << 20);
	assert_non_null(f);
	assert_non_null(s);
	*n = fread(s, 1, 1 << 20, f);
	fclose(f);
	return s;
}

static void hostile_statements_are_harmless_without_the_gate(void **state)
{
	struct corpus c;
	void *connection = driver_connect(instance, 0);
	size_t before_n, after_n;
	char *before = slurp(path, &before_n), *after;
	char list[300];
	FILE *files;
	size_t count = 0;
	(void)state;
	corpus_read(&c, "sqlite_hostile.sql");
	for (size_t i = 0; i < c.count; i++) {
		struct driver_rows rows;
		const struct corpus_entry *e = &c.entries[i];
		struct driver_call call;
		driver_run_full(connection, e->sql, e->n, NULL, 0, NULL, 1000, &rows);
		if (rows.elapsed_us > 3000000)
			fail_msg("%s: took %lld us", e->name, (long long)rows.elapsed_us);
		free(rows.text);
		driver_begin(&call, 5000);
		assert_int_equal(
		        driver->reset(connection, &call.base, NULL, NULL, &rows.err), ASKD_OK);
		driver_end(&call);
		driver_expect(connection, "SELECT count(*) FROM customers", "i3|\n");
	}
	driver_disconnect(connection);
	after = slurp(path, &after_n);
	assert_int_equal(before_n, after_n);
	assert_memory_equal(before, after, before_n);
	snprintf(list, sizeof list, "ls -A '%s'", folder);
	files = popen(list, "r");
	assert_non_null(files);
	while (fgets(list, sizeof list, files))
		count++;
	pclose(files);
	assert_int_equal(count, 1);
	free(before);
	free(after);
	corpus_free(&c);
}

static void writes_on_a_reader_are_denied(void **state)
{
	static const char *const statements[] = {"INSERT INTO customers(name) VALUES ('x')",
	        "UPDATE customers SET name = 'x'", "DELETE FROM orders", "DROP TABLE orders",
	        "CREATE TABLE t(a)", "CREATE TEMP TABLE orders(a)", "PRAGMA query_only = 0",
	        "ATTACH 'x.db' AS x", "VACUUM INTO 'y.db'", "BEGIN", "SAVEPOINT s", "ANALYZE",
	        "SELECT * FROM sqlite_master", "SELECT * FROM pragma_table_info('orders')",
	        "SELECT randomblob(9)", "SELECT json_set('{}', '$.a', 1)"};
	void *connection = driver_connect(instance, 0);
	(void)state;
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		struct askd_error err =
		        driver_expect_error(connection, statements[i], ASKD_E_DENIED);
		assert_true(strlen(err.message) > 10);
	}
	driver_disconnect(connection);
}

static void a_second_statement_is_refused(void **state)
{
	void *connection = driver_connect(instance, 0);
	struct askd_error err;
	(void)state;
	driver_expect(connection, "SELECT 1; -- end\n ; /* x */ ;", "i1|\n");
	err = driver_expect_error(connection, "SELECT 1; SELECT 2", ASKD_E_STATEMENT);
	assert_int_equal(err.position, 10);
	driver_expect_error(connection, "SELECT 1 /* x */; DELETE FROM orders", ASKD_E_STATEMENT);
	driver_expect_error(connection, " -- nothing", ASKD_E_STATEMENT);
	driver_disconnect(connection);
}

static void a_wrong_statement_is_reported_with_its_position(void **state)
{
	void *connection = driver_connect(instance, 0);
	struct askd_error err =
	        driver_expect_error(connection, "SELECT nmae FROM customers", ASKD_E_STATEMENT);
	(void)state;
	assert_int_equal(err.position, 8);
	assert_string_equal(err.native, "SQLITE_ERROR");
	assert_non_null(strstr(err.message, "nmae"));
	driver_expect_error(connection, "SELECT 1 FROM", ASKD_E_STATEMENT);
	driver_disconnect(connection);
}

/* What is bounded must be harmful without the bound, or the bound protects nothing. */
static void single_calls_that_run_long_are_stopped(void **state)
{
	static const char *const statements[] = {
	        "SELECT length(printf('%.*c', 900000000, 'x'))",
	        "SELECT length(format('%900000000d', 1))",
	        "WITH a(s) AS (SELECT printf('%.10000c', 'a')), b(s) AS (SELECT "
	        "s||s||s||s||s||s||s||s "
	        "FROM a), c(s) AS (SELECT s||s||s||s||s||s||s||s FROM b) "
	        "SELECT instr(s||s, s||'b'), length(replace(s||s, s||'b', '')), "
	        "s||s LIKE '%'||substr(s,1,4000)||'b' FROM c",
	        "WITH a(s) AS (SELECT replace(printf('%.10000c', 'a'), 'a', 'aaaaaaaa')) "
	        "SELECT length(trim(s, replace(s, 'a', 'bbbbbbbbbb')||'a')) FROM a",
	        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) "
	        "FROM n",
	        "SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e, orders f, "
	        "orders g, orders h, orders i, orders j, orders k, orders l, orders m, orders n",
	};
	void *connection = driver_connect(instance, 0);
	(void)state;
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		struct driver_rows rows;
		int32_t rc = driver_run_full(connection, statements[i], strlen(statements[i]), NULL,
		        0, NULL, 300, &rows);
		if (rows.elapsed_us > 2000000)
			fail_msg("%s: took %lld us", statements[i], (long long)rows.elapsed_us);
		assert_true(i < 4 || rc == ASKD_E_TIMEOUT);
		free(rows.text);
	}
	driver_disconnect(connection);
}

static double plain_seconds(const char *sql)
{
	sqlite3 *db = open_plain(":memory:");
	int64_t start = driver_now_us();
	PLAIN(sqlite3_exec)(db, sql, NULL, NULL, NULL);
	PLAIN(sqlite3_close)(db);
	return (double)(driver_now_us() - start) / 1e6;
}

/* A hundredth of the width that the guard has to do with. */
static void a_wide_printf_is_harmful_in_plain_sqlite(void **state)
{
	void *connection = driver_connect(instance, 0);
	struct driver_rows rows;
	double plain = plain_seconds("SELECT length(printf('%.*c', 30000000, 'x'))");
	(void)state;
	driver_run(connection, "SELECT length(printf('%.*c', 30000000, 'x'))", &rows);
	free(rows.text);
	assert_int_equal(rows.err.code, ASKD_E_STATEMENT);
	assert_true((double)rows.elapsed_us / 1e6 < plain / 5);
	driver_disconnect(connection);
}

static void values_are_limited_in_size(void **state)
{
	void *connection = driver_connect(instance, 0);
	(void)state;
	driver_expect_error(connection,
	        "WITH RECURSIVE n(i, s) AS (SELECT 1, 'aaaaaaaa' UNION ALL SELECT i + 1, s || s "
	        "FROM n "
	        "WHERE i < 40) SELECT max(length(s)) FROM n",
	        ASKD_E_TOO_LARGE);
	driver_disconnect(connection);
}

struct deep {
	void *connection;
	int32_t rc[3];
};

static void *run_deep(void *arg)
{
	static const char *const parts[3][3] = {
	        {"SELECT 1", "+1", ""}, {"SELECT ", "(", "1"}, {"SELECT 1", " UNION SELECT 1", ""}};
	struct deep *deep = arg;
	for (int form = 0; form < 3; form++)
		for (size_t count = 100; count <= 16000; count *= 2) {
			size_t n = strlen(parts[form][1]);
			char *sql = malloc(count * n * 2 + 64), *p = sql;
			struct driver_rows rows;
			p += sprintf(p, "%s", parts[form][0]);
			for (size_t i = 0; i < count; i++, p += n)
				memcpy(p, parts[form][1], n);
			p += sprintf(p, "%s", parts[form][2]);
			for (size_t i = 0; form == 1 && i < count; i++)
				*p++ = ')';
			*p = 0;
			deep->rc[form] = driver_run(deep->connection, sql, &rows);
			free(rows.text);
			free(sql);
		}
	return NULL;
}

static void deep_statements_do_not_overflow_a_worker_stack(void **state)
{
	struct deep deep = {.connection = driver_connect(instance, 0)};
	pthread_attr_t attributes;
	pthread_t thread;
	(void)state;
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstacksize(&attributes, 1 << 20), 0);
	assert_int_equal(pthread_create(&thread, &attributes, run_deep, &deep), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	for (int i = 0; i < 3; i++)
		assert_int_equal(deep.rc[i], ASKD_E_STATEMENT);
	driver_disconnect(deep.connection);
}

static void parameters_are_bound_by_their_number(void **state)
{
	void *connection = driver_connect(instance, 0);
	const struct askd_value params[] = {
	        {.type = ASKD_TEXT, .len = 3, .u.s = "one"}, {.type = ASKD_INT, .u.i = 2}};
	struct driver_rows rows;
	(void)state;
	assert_int_equal(
	        driver_run_full(connection, "select $2, $1, $2", 17, params, 2, NULL, 1000, &rows),
	        0);
	assert_string_equal(rows.text, "i2|tone|i2|\n");
	free(rows.text);
	assert_int_equal(driver_run_full(connection, "select $3", 9, params, 2, NULL, 1000, &rows),
	        ASKD_E_STATEMENT);
	free(rows.text);
	assert_int_equal(driver_run_full(connection, "select ?", 8, params, 2, NULL, 1000, &rows),
	        ASKD_E_STATEMENT);
	free(rows.text);
	driver_disconnect(connection);
}

/* ---- values ---- */

static struct askd_value one_value(void *connection, const char *sql, uint64_t max_value,
        struct driver_call *call, void **cursor)
{
	ASKD_MAKE(struct askd_db_query, in, .sql = {sql, strlen(sql)});
	ASKD_MAKE(struct askd_db_result, out, .cursor = NULL);
	ASKD_MAKE(struct askd_db_fetch, fetch, .max_value = max_value);
	ASKD_MAKE(struct askd_batch, batch, .rows = 0);
	struct askd_error err = {0};
	driver_begin(call, 5000);
	if (driver->query(connection, &call->base, &in, &out, &err))
		fail_msg("%s: %s", sql, err.message);
	if (driver->next(out.cursor, &call->base, &fetch, &batch, &err))
		fail_msg("%s: %s", sql, err.message);
	assert_int_equal(batch.rows, 1);
	*cursor = out.cursor;
	return batch.cells[0];
}

static void values_have_the_types_of_their_columns(void **state)
{
	static const struct {
		const char *sql;
		uint32_t type;
	} cases[] = {{"SELECT b FROM kinds", ASKD_BOOL}, {"SELECT b2 FROM kinds", ASKD_INT},
	        {"SELECT d FROM kinds", ASKD_DATE}, {"SELECT d2 FROM kinds", ASKD_TEXT},
	        {"SELECT ts FROM kinds", ASKD_TIMESTAMP}, {"SELECT ts2 FROM kinds", ASKD_DATE},
	        {"SELECT tm FROM kinds", ASKD_TIME}, {"SELECT money FROM kinds", ASKD_FLOAT},
	        {"SELECT bad FROM kinds", ASKD_BYTES}, {"SELECT nul FROM kinds", ASKD_BYTES},
	        {"SELECT txt FROM kinds", ASKD_TEXT}, {"SELECT NULL", ASKD_NULL},
	        {"SELECT x'00'", ASKD_BYTES}, {"SELECT 1.5", ASKD_FLOAT}};
	char file[300];
	void *other, *connection;
	(void)state;
	snprintf(file, sizeof file, "%s/kinds.db", folder);
	make_database(file,
	        "CREATE TABLE kinds(b BOOLEAN, b2 BOOL, d DATE, d2 DATE, ts TIMESTAMP, ts2 "
	        "DATETIME, "
	        "tm TIME, money DECIMAL(10,2), bad TEXT, nul TEXT, txt TEXT);"
	        "INSERT INTO kinds VALUES (1, 7, '2024-02-29', '2023-02-29', '2024-01-01 "
	        "10:00:00.25', "
	        "'2024-01-01', '23:59:59', 1.25, CAST(x'41ff42' AS TEXT), CAST(x'410042' AS TEXT), "
	        "'2024-01-01')");
	other = driver_instance(file, 200);
	connection = driver_connect(other, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct driver_call call;
		void *cursor;
		struct askd_value v = one_value(connection, cases[i].sql, 0, &call, &cursor);
		if (v.type != cases[i].type)
			fail_msg("%s: type %u, expected %u", cases[i].sql, v.type, cases[i].type);
		driver->finish(cursor, &call.base, NULL, NULL, NULL);
		driver_end(&call);
	}
	driver_disconnect(connection);
	free(other);
	unlink(file);
}

static void long_values_are_cut_at_a_character(void **state)
{
	void *connection = driver_connect(instance, 0);
	struct driver_call call;
	void *cursor;
	struct askd_value v = one_value(connection, "SELECT 'aäöü'", 4, &call, &cursor);
	(void)state;
	assert_int_equal(v.flags, ASKD_CUT);
	assert_int_equal(v.len, 3);
	assert_memory_equal(v.u.s, "aä", 4);
	driver->finish(cursor, &call.base, NULL, NULL, NULL);
	driver_end(&call);
	driver_disconnect(connection);
}

/* ---- stopping ---- */

static void a_canceled_call_ends_as_canceled(void **state)
{
	void *connection = driver_connect(instance, 0);
	static const char sql[] =
	        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
	ASKD_MAKE(struct askd_db_query, in, .sql = ASKD_LITERAL(""));
	ASKD_MAKE(struct askd_db_result, out, .cursor = NULL);
	ASKD_MAKE(struct askd_db_fetch, fetch, .max_rows = 10);
	ASKD_MAKE(struct askd_batch, batch, .rows = 0);
	struct driver_call call;
	struct askd_error err = {0};
	(void)state;
	in.sql = askd_text_of(sql);
	driver_begin(&call, 5000);
	assert_int_equal(driver->query(connection, &call.base, &in, &out, &err), ASKD_OK);
	assert_int_equal(driver->next(out.cursor, &call.base, &fetch, &batch, &err), ASKD_OK);
	driver->interrupt(connection, &call.base, NULL, NULL, NULL);
	assert_int_equal(
	        driver->next(out.cursor, &call.base, &fetch, &batch, &err), ASKD_E_CANCELED);
	driver->finish(out.cursor, &call.base, NULL, NULL, NULL);
	/* Until reset, then it is as new. */
	assert_int_equal(driver->query(connection, &call.base, &in, &out, &err), ASKD_E_CANCELED);
	assert_int_equal(driver->reset(connection, &call.base, NULL, NULL, &err), ASKD_OK);
	driver_end(&call);
	driver_expect(connection, "SELECT 1", "i1|\n");
	driver_disconnect(connection);
}

/* ---- files ---- */

static struct askd_error connect_error(const char *file, int32_t code)
{
	void *other = driver_instance(file, 200);
	struct driver_call call;
	struct askd_error err = {0};
	ASKD_MAKE(struct askd_db_connect, in, .flags = 0);
	ASKD_MAKE(struct askd_object, out, .handle = NULL);
	driver_begin(&call, 5000);
	assert_int_equal(driver->connect(other, &call.base, &in, &out, &err), code);
	driver_end(&call);
	free(other);
	assert_non_null(strstr(err.message, file));
	return err;
}

static void write_file(const char *file, const char *text)
{
	FILE *f = fopen(file, "wb");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void files_that_are_no_database_are_refused_in_words(void **state)
{
	struct askd_error err;
	(void)state;
	connect_error("missing.db", ASKD_E_NOT_FOUND);
	assert_int_equal(access("missing.db", F_OK), -1);
	connect_error("file:missing.db?mode=rwc", ASKD_E_NOT_FOUND);
	assert_int_equal(access("missing.db", F_OK), -1);
	connect_error(folder, ASKD_E_NOT_FOUND);
	write_file("text.db",
	        "This is a text file that is longer than one hundred bytes, so that nobody "
	        "takes it for an empty database, which would be a valid one.");
	err = connect_error("text.db", ASKD_E_PROTOCOL);
	assert_string_equal(err.native, "SQLITE_NOTADB");
	unlink("text.db");
}

static void a_replaced_file_is_noticed_by_reset(void **state)
{
	void *other, *connection;
	struct driver_call call;
	struct askd_error err = {0};
	(void)state;
	make_database("a.db", "CREATE TABLE t(a)");
	make_database("b.db", "CREATE TABLE t(a)");
	other = driver_instance("a.db", 200);
	connection = driver_connect(other, 0);
	driver_begin(&call, 5000);
	assert_int_equal(driver->reset(connection, &call.base, NULL, NULL, &err), ASKD_OK);
	assert_int_equal(rename("b.db", "a.db"), 0);
	assert_int_equal(driver->reset(connection, &call.base, NULL, NULL, &err), ASKD_E_IO);
	assert_true(err.flags & ASKD_ERR_RETRY);
	assert_int_equal(unlink("a.db"), 0);
	assert_int_equal(driver->reset(connection, &call.base, NULL, NULL, &err), ASKD_E_NOT_FOUND);
	driver_end(&call);
	driver_disconnect(connection);
	free(other);
}

static void a_locked_file_is_busy(void **state)
{
	void *connection = driver_connect(instance, 0);
	sqlite3 *db = open_plain(path);
	struct askd_error err;
	(void)state;
	assert_int_equal(PLAIN(sqlite3_exec)(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	err = driver_expect_error(connection, "SELECT count(*) FROM orders", ASKD_E_BUSY);
	assert_true(err.flags & ASKD_ERR_RETRY);
	PLAIN(sqlite3_close)(db);
	driver_expect(connection, "SELECT count(*) FROM orders", "i4|\n");
	driver_disconnect(connection);
}

/* ---- describe ---- */

struct seen {
	char text[8192];
};

static int32_t put_table(const struct askd_db_table_sink *sink, const struct askd_db_table *table)
{
	struct seen *seen = sink->owner;
	char *p = seen->text + strlen(seen->text);
	p += sprintf(p, "%s %s %lld:", table->kind == ASKD_VIEW ? "view" : "table", table->name.s,
	        (long long)table->rows);
	for (const struct askd_db_column *const *c = table->columns; c && *c; c++)
		p += sprintf(p, " %s/%s%s%s%s", (*c)->name.s,
		        (*c)->type_name.s ? (*c)->type_name.s : "-", (*c)->nullable ? "?" : "",
		        (*c)->key & ASKD_KEY_PRIMARY ? "!" : "",
		        (*c)->key & ASKD_KEY_UNIQUE ? "=" : "");
	for (const struct askd_db_reference *const *r = table->references; r && *r; r++)
		p += sprintf(
		        p, " %s->%s%s", (*r)->columns.s, (*r)->table.s, (*r)->remote_columns.s);
	sprintf(p, "\n");
	return ASKD_OK;
}

static void describe_tells_tables_columns_and_references(void **state)
{
	void *connection = driver_connect(instance, 0);
	struct driver_call call;
	struct askd_error err = {0};
	struct seen seen = {""};
	ASKD_MAKE(struct askd_db_table_sink, sink, .owner = &seen, .put = put_table);
	ASKD_MAKE(struct askd_db_describe, in, .tables = &sink);
	(void)state;
	driver_begin(&call, 5000);
	assert_int_equal(driver->describe(connection, &call.base, &in, NULL, &err), ASKD_OK);
	assert_null(strstr(seen.text, "sqlite_"));
	assert_non_null(strstr(seen.text, "view big_orders -1: id/INTEGER? total/REAL?\n"));
	assert_non_null(strstr(seen.text,
	        "table orders 4: id/INTEGER!= customer_id/INTEGER total/REAL? note/TEXT? "
	        "created_at/DATETIME? double_total/REAL? [\"customer_id\"]->customers[\"id\"]\n"));
	assert_non_null(strstr(seen.text, "[\"boss\"]->staff[\"id\"]\n"));
	assert_non_null(
	        strstr(seen.text, "table places -1: country/TEXT! code/TEXT! name/TEXT?=\n"));
	seen.text[0] = 0;
	in.table = ASKD_LITERAL("customers");
	assert_int_equal(driver->describe(connection, &call.base, &in, NULL, &err), ASKD_OK);
	assert_int_equal(strncmp(seen.text, "table customers 3:", 18), 0);
	assert_null(strstr(seen.text, "orders"));
	driver_end(&call);
	driver_disconnect(connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(benign_statements_give_the_rows_of_plain_sqlite),
	        cmocka_unit_test(hostile_statements_are_harmless_without_the_gate),
	        cmocka_unit_test(writes_on_a_reader_are_denied),
	        cmocka_unit_test(a_second_statement_is_refused),
	        cmocka_unit_test(a_wrong_statement_is_reported_with_its_position),
	        cmocka_unit_test(single_calls_that_run_long_are_stopped),
	        cmocka_unit_test(a_wide_printf_is_harmful_in_plain_sqlite),
	        cmocka_unit_test(values_are_limited_in_size),
	        cmocka_unit_test(deep_statements_do_not_overflow_a_worker_stack),
	        cmocka_unit_test(parameters_are_bound_by_their_number),
	        cmocka_unit_test(values_have_the_types_of_their_columns),
	        cmocka_unit_test(long_values_are_cut_at_a_character),
	        cmocka_unit_test(a_canceled_call_ends_as_canceled),
	        cmocka_unit_test(files_that_are_no_database_are_refused_in_words),
	        cmocka_unit_test(a_replaced_file_is_noticed_by_reset),
	        cmocka_unit_test(a_locked_file_is_busy),
	        cmocka_unit_test(describe_tells_tables_columns_and_references),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
