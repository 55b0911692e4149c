/* Bad databases, failing statements and missing memory: what is left of a schema then. */
#include "schema_house.h"

static void odd_names_and_values_do_no_harm(void **state)
{
	struct fixture f;
	struct value_hit hits[4];
	(void)state;
	learn(&f,
	        "CREATE TABLE \"select\" (\"order by\" TEXT, \"a\"\"b\" TEXT, \"\" TEXT, \"'\" "
	        "TEXT,"
	        " \"ünïcode näme\" TEXT, blob BLOB);"
	        "INSERT INTO \"select\" VALUES ('plain', 'say \"x\"', '', CAST(x'ff41fe' AS TEXT),"
	        " CAST(x'410042' AS TEXT), zeroblob(1000));"
	        "INSERT INTO \"select\" VALUES ('next', NULL, NULL, replace(hex(zeroblob(600000)),"
	        " '0', 'x'), 'Zürich', NULL);"
	        "CREATE TABLE bare (a TEXT, b INT);"
	        "CREATE TABLE base (a INT); CREATE VIEW sound AS SELECT a FROM base;"
	        "CREATE VIEW broken AS SELECT missing FROM base;");
	assert_int_equal(says_column(&f, "unicode name", "select", "ünïcode näme"), 1000);
	assert_int_equal(values_find(f.schema, "plain", "plain", false, hits, 4), 1);
	assert_int_equal(values_find(f.schema, "zurich", "zurich", false, hits, 4), 1);
	assert_string_equal(hits[0].text, "Zürich");
	assert_int_equal(says_table(&f, "bare", "bare"), 1000);
	done(&f);
}

struct failing {
	struct source base;
	int at, calls; /* which call fails */
	int32_t code;
};

static int32_t fail_at(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	struct failing *failing = source->state;
	if (++failing->calls == failing->at)
		return askd_fail(reterr, failing->code, "on purpose");
	return failing->base.read(&failing->base, sql, max_rows, row, owner, reterr);
}

static const char some_tables[] =
        "CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE shop (id INTEGER PRIMARY KEY, city_id INT, label TEXT, sex TEXT);"
        "INSERT INTO city VALUES (1, 'Rome'), (2, 'Oslo'), (3, 'Bonn');"
        "INSERT INTO shop VALUES (1, 1, 'Alpha', 'M'), (2, 3, 'Beta', 'F');"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
        " INSERT INTO shop SELECT i + 10, i % 3 + 1, 'shop ' || i, 'M' FROM n;";

static void a_statement_that_fails_costs_only_its_columns(void **state)
{
	struct fixture f;
	int calls = 0;
	(void)state;
	open_database(&f, some_tables);
	for (int at = 1; !calls; at++) {
		struct failing failing = {f.source, at, 0, ASKD_E_STATEMENT};
		struct source source = {fail_at, &failing};
		struct askd_error error = {0};
		struct value_hit hits[4];
		f.schema = create(&f);
		assert_int_equal(schema_learn(f.schema, &source, 5000, &error), ASKD_OK);
		/* A failing sample is tried again by halves. */
		assert_int_equal(values_find(f.schema, "rome", "rome", false, hits, 4), 1);
		if (failing.calls < at)
			calls = failing.calls;
		schema_destroy(f.schema);
	}
	assert_in_range(calls, 4, 8);
	f.schema = NULL;
	done(&f);
}

static void a_lost_database_is_told(void **state)
{
	struct fixture f;
	(void)state;
	open_database(&f, some_tables);
	for (int at = 1;; at++) {
		struct failing failing = {f.source, at, 0, ASKD_E_IO};
		struct source source = {fail_at, &failing};
		struct askd_error error = {0};
		int32_t rc;
		f.schema = create(&f);
		rc = schema_learn(f.schema, &source, 5000, &error);
		assert_int_equal(says_column(&f, "city name", "city", "name"), 900);
		schema_destroy(f.schema);
		if (failing.calls < at)
			break;
		assert_int_equal(rc, ASKD_E_IO);
		assert_string_equal(error.message, "on purpose");
	}
	f.schema = NULL;
	done(&f);
}

static int32_t deny_view(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	const struct source *base = source->state;
	if (strstr(sql, "\"city\"") || strstr(sql, "\"label\""))
		return askd_fail(reterr, ASKD_E_DENIED, "not for you");
	return base->read(base, sql, max_rows, row, owner, reterr);
}

static void what_cannot_be_read_is_not_understood(void **state)
{
	struct fixture f;
	struct source source;
	struct askd_error error = {0};
	(void)state;
	open_database(&f, some_tables);
	source = (struct source){deny_view, &f.source};
	f.schema = create(&f);
	assert_int_equal(schema_learn(f.schema, &source, 5000, &error), ASKD_OK);
	assert_int_equal(says_table(&f, "cities", "city"), 0);
	assert_int_equal(says_column(&f, "label", "shop", "label"), 0);
	assert_int_equal(says_column(&f, "sex", "shop", "sex"), 980);
	done(&f);
}

static int32_t slow_views(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	struct failing *failing = source->state;
	failing->calls++;
	if (strstr(sql, "\"slow\""))
		return askd_fail(reterr, ASKD_E_TIMEOUT, "too slow");
	return failing->base.read(&failing->base, sql, max_rows, row, owner, reterr);
}

static void a_slow_view_is_waited_for_once(void **state)
{
	struct fixture f;
	struct failing failing = {0};
	struct source source = {slow_views, &failing};
	struct askd_error error = {0};
	struct value_hit hits[2];
	(void)state;
	open_database(&f, "CREATE TABLE zoo (name TEXT); INSERT INTO zoo VALUES ('Bronx Zoo');"
	                  "CREATE VIEW slow AS SELECT name, name AS b, name AS c FROM zoo;");
	failing.base = f.source;
	f.schema = create(&f);
	assert_int_equal(schema_learn(f.schema, &source, 100, &error), ASKD_OK);
	assert_int_equal(failing.calls, 2);
	assert_int_equal(values_find(f.schema, "bronx zoo", "bronx zoo", false, hits, 2), 1);
	done(&f);
}

static int32_t read_nothing(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	(void)source;
	(void)sql;
	(void)max_rows;
	(void)row;
	(void)owner;
	(void)reterr;
	return ASKD_OK;
}

static void thousands_of_columns_are_read(void **state)
{
	enum { COUNT = 5000 };
	static struct askd_db_column columns[COUNT];
	static const struct askd_db_column *list[COUNT + 1];
	static char names[COUNT][24];
	struct askd_db_table table = {.size = sizeof table,
	        .kind = ASKD_TABLE,
	        .rows = -1,
	        .name = ASKD_LITERAL("wide"),
	        .columns = list};
	const struct askd_db_table *tables[] = {&table, NULL};
	struct askd_catalogue catalogue = {
	        .size = sizeof catalogue, .dialect = ASKD_LITERAL("sqlite"), .tables = tables};
	struct source source = {read_nothing, NULL};
	struct askd_error error = {0};
	struct fixture f = {0};
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof names[i], "measure_%zu_of_day", i);
		columns[i] = (struct askd_db_column){.size = sizeof columns[i],
		        .type = ASKD_INT,
		        .name = askd_text_of(names[i])};
		list[i] = &columns[i];
	}
	f.schema = schema_create(&catalogue, &error);
	assert_non_null(f.schema);
	assert_int_equal(schema_learn(f.schema, &source, 100, &error), ASKD_OK);
	assert_int_equal(
	        says_column(&f, "measure 4711 of day", "wide", "measure_4711_of_day"), 1000);
	assert_in_range(schema_memory(f.schema), 1, 16 << 20);
	done(&f);
}

#ifdef ASKD_FAULTS
#include "faults.h"

static void no_memory_is_told_at_any_place(void **state)
{
	struct fixture f;
	bool whole = false;
	(void)state;
	open_database(&f, some_tables);
	for (int at = 1; !whole; at++) {
		struct pool pool = {0};
		struct askd_catalogue catalogue = sqlite_catalogue(&pool, f.db);
		struct askd_error error = {0};
		char number[16];
		snprintf(number, sizeof number, "%d", at);
		setenv("ASKD_TEST_FAIL_ALLOC", number, 1);
		faults_arm();
		f.schema = schema_create(&catalogue, &error);
		if (f.schema) {
			int32_t rc = schema_learn(f.schema, &f.source, 100, &error);
			whole = rc == ASKD_OK;
			assert_true(whole || rc == ASKD_E_NOMEM);
		}
		setenv("ASKD_TEST_FAIL_ALLOC", "0", 1);
		faults_arm();
		assert_true(whole || error.code == ASKD_E_NOMEM);
		schema_destroy(f.schema);
		pool_finish(&pool);
		assert_true(at < 2000);
	}
	unsetenv("ASKD_TEST_FAIL_ALLOC");
	f.schema = NULL;
	done(&f);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(odd_names_and_values_do_no_harm),
	        cmocka_unit_test(a_statement_that_fails_costs_only_its_columns),
	        cmocka_unit_test(a_lost_database_is_told),
	        cmocka_unit_test(what_cannot_be_read_is_not_understood),
	        cmocka_unit_test(a_slow_view_is_waited_for_once),
	        cmocka_unit_test(thousands_of_columns_are_read),
#ifdef ASKD_FAULTS
	        cmocka_unit_test(no_memory_is_told_at_any_place),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
