/* The index of values: what a phrase of a question may mean. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema.h"
#include "sqlite_source.h"
#include "words.h"

static sqlite3 *db;
static struct schema *schema;

static void learn(const char *script, uint32_t max_values)
{
	struct pool pool = {0};
	struct askd_error error = {0};
	struct askd_catalogue catalogue;
	struct source source;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, script, NULL, NULL, NULL), SQLITE_OK);
	catalogue = sqlite_catalogue(&pool, db);
	source = (struct source){sqlite_read, db};
	schema = schema_create(&catalogue, &error);
	pool_finish(&pool);
	assert_non_null(schema);
	assert_int_equal(schema_learn(schema, &source, max_values, &error), ASKD_OK);
}

static int done(void **state)
{
	(void)state;
	schema_destroy(schema);
	sqlite3_close(db);
	schema = NULL;
	db = NULL;
	return 0;
}

enum { MOST = 8 };

/* The hits of a phrase as a question has it. */
static size_t find(const char *said, bool fuzzy, struct value_hit *hits)
{
	struct pool pool = {0};
	struct words words = {0};
	char stems[300] = "";
	bool cut;
	size_t found;
	assert_true(words_read(&pool, said, strlen(said), &words, &cut));
	for (size_t i = 0; i < words.count; i++) {
		strcat(stems, i ? " " : "");
		strcat(stems, words.words[i].stem ? words.words[i].stem : words.words[i].text);
	}
	found = values_find(
	        schema, words_fold(&pool, said, strlen(said)), stems, fuzzy, hits, MOST);
	pool_finish(&pool);
	return found;
}

/* The best hit: its text, its weight; "" for none. */
static const char *best(const char *said, bool fuzzy, uint32_t *weight)
{
	struct value_hit hits[MOST];
	if (!find(said, fuzzy, hits))
		return "";
	*weight = hits[0].weight;
	return hits[0].text;
}

static void assert_best(const char *said, const char *text, uint32_t least, uint32_t most)
{
	uint32_t weight = 0;
	assert_string_equal(best(said, true, &weight), text);
	assert_in_range(weight, least, most);
}

static const char shops[] =
        "CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, city TEXT, kind TEXT, note TEXT);"
        "INSERT INTO shop VALUES (1, 'Café Größe', 'Berlin, Germany', 'department stores', 'x'),"
        "(2, 'O''Brien''s', 'New York City', 'kiosk', 'x'), (3, 'Palo Alto', 'Berlin', 'C++', 'x'),"
        "(4, 'palo alto', 'Mountain View', 'C', 'x'), (5, 'A-', 'Sacramento', 'A', 'x'),"
        "(6, 'Model 2013', 'Philadelphia', 'kiosk', 'x');";

static void writing_and_forms_of_words_are_forgiven(void **state)
{
	(void)state;
	learn(shops, 100);
	assert_best("cafe grosse", "Café Größe", 950, 950);
	assert_best("O'Brien's", "O'Brien's", 1000, 1000);
	assert_best("palo alto", "Palo Alto", 1000, 1000);
	assert_best("department store", "department stores", 850, 850);
	assert_best("kiosks", "kiosk", 850, 850);
	assert_best("C++", "C++", 1000, 1000);
	assert_best("C", "C", 1000, 1000);
	assert_best("a-", "A-", 1000, 1000);
	assert_best("paris", "", 0, 0);
	{
		struct value_hit hits[MOST];
		char long_text[2000];
		memset(long_text, 'a', sizeof long_text - 1);
		long_text[sizeof long_text - 1] = 0;
		assert_int_equal(values_find(schema, long_text, long_text, true, hits, MOST), 0);
	}
}

static void abbreviations_in_values_are_written_out(void **state)
{
	(void)state;
	learn("CREATE TABLE a (x TEXT);"
	      "INSERT INTO a VALUES ('Comp. Sci.'), ('Elec. Eng.'), ('Mr.'), ('Physics')",
	        100);
	assert_best("computer science", "Comp. Sci.", 830, 830);
	assert_best("electrical engineering", "Elec. Eng.", 830, 830);
	assert_best("computer", "", 0, 0);
	assert_best("computer science department", "", 0, 0);
	assert_best("mrs smith", "", 0, 0);
}

static void a_value_of_several_columns_is_found_in_each(void **state)
{
	struct value_hit hits[MOST];
	(void)state;
	learn("CREATE TABLE a (x TEXT, y TEXT); CREATE TABLE b (z TEXT);"
	      "INSERT INTO a VALUES ('Rome', 'ROME'), ('Oslo', 'Rome'); INSERT INTO b VALUES "
	      "('rome')",
	        100);
	assert_int_equal(find("Rome", false, hits), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(hits[i].weight, 1000);
	assert_int_equal(values_find(schema, "rome", "rome", false, hits, 2), 2);
	assert_int_equal(values_find(schema, "rome", "rome", false, hits, 0), 0);
}

static void parts_and_typing_errors_are_found_when_asked_for(void **state)
{
	struct value_hit hits[MOST];
	uint32_t weight = 0;
	(void)state;
	learn(shops, 100);
	assert_int_equal(find("view", false, hits), 0);
	assert_best("view", "Mountain View", 750, 900);
	assert_best("new york", "New York City", 800, 900);
	assert_best("Germany", "Berlin, Germany", 750, 900);
	assert_string_equal(best("ork", true, &weight), "");
	/* one error from 5 letters, two from 9; neighbours exchanged are one */
	assert_best("sacarmento", "Sacramento", 600, 700);
	assert_best("Filadelfia", "", 0, 0);
	assert_best("Philadelfia", "Philadelphia", 600, 600);
	assert_best("berlim", "Berlin", 670, 670);
	assert_best("kisk", "", 0, 0);
	assert_best("model 2014", "", 0, 0);
}

static void other_names_of_countries_and_genders_are_known(void **state)
{
	(void)state;
	learn("CREATE TABLE singer (name TEXT, country TEXT, sex TEXT, state TEXT, rank TEXT);"
	      "INSERT INTO singer VALUES ('M', 'USA', 'F', 'CA', 'AsstProf'),"
	      "('Ida', 'France', 'M', 'Indiana', 'Professor'), ('Max', 'France', 'F', 'CA', "
	      "'AsstProf'),"
	      "('Eve', 'USA', 'F', 'CA', 'AsstProf');",
	        100);
	assert_best("United States", "USA", 800, 849);
	assert_best("American", "USA", 800, 849);
	assert_best("french", "France", 800, 849);
	assert_best("women", "F", 800, 849);
	assert_best("California", "CA", 800, 849);
	assert_best("assistant professor", "AsstProf", 800, 849);
	assert_best("in", "", 0, 0);
	{
		struct value_hit hits[MOST];
		size_t count = find("male", false, hits);
		assert_int_equal(count, 1);
		assert_string_equal(schema->columns[hits[0].column].name, "sex");
	}
}

static void long_texts_and_dates_stay_out(void **state)
{
	struct value_hit hits[MOST];
	(void)state;
	learn("CREATE TABLE t (id INTEGER PRIMARY KEY, story TEXT, day TEXT, n INT, code TEXT);"
	      "WITH i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 30) INSERT INTO t "
	      "SELECT n, 'word' || n || substr(hex(zeroblob(100)), 1, 150), '2020-01-0' || (n % 9 "
	      "+ 1),"
	      " n, 'c' || n FROM i",
	        10);
	assert_int_equal(find("2020-01-01", true, hits), 0);
	assert_int_equal(find("17", false, hits), 0);
	assert_false(schema->columns[1].flags & COLUMN_INDEXED);
	assert_true(schema->columns[4].flags & COLUMN_INDEXED);
	/* not more than was asked for */
	size_t count = 0;
	for (int i = 1; i <= 30; i++) {
		char said[16];
		snprintf(said, sizeof said, "c%d", i);
		count += find(said, false, hits);
	}
	assert_int_equal(count, 10);
}

static void large_tables_are_read_by_their_columns(void **state)
{
	uint32_t weight = 0;
	(void)state;
	learn("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, kind TEXT);"
	      "WITH i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 9000) INSERT INTO t "
	      "SELECT n, 'thing ' || n, CASE WHEN n < 8000 THEN 'old' ELSE 'new' END FROM i",
	        10000);
	assert_string_equal(best("new", false, &weight), "new");
	assert_string_equal(best("thing 8999", false, &weight), "thing 8999");
	assert_true(schema->columns[1].flags & COLUMN_INDEXED);
	/* about 60 bytes a value */
	assert_in_range(schema_memory(schema), 100000, 9000 * 80);
}

static void *ask(void *unused)
{
	struct value_hit hits[MOST];
	size_t found = 0;
	(void)unused;
	for (int i = 0; i < 200; i++) {
		found += values_find(schema, "new york", "new york", true, hits, MOST);
		found += values_find(schema, "sacarmento", "sacarmento", true, hits, MOST);
	}
	return (void *)found;
}

static void several_threads_read(void **state)
{
	pthread_t threads[4];
	(void)state;
	learn(shops, 100);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		void *found;
		assert_int_equal(pthread_join(threads[i], &found), 0);
		assert_int_equal((size_t)found, 400);
	}
}

static void nothing_is_found_before_values_are_read(void **state)
{
	struct schema empty = {0};
	struct value_hit hits[MOST];
	(void)state;
	assert_int_equal(values_find(&empty, "x", "x", true, hits, MOST), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(writing_and_forms_of_words_are_forgiven, done),
	        cmocka_unit_test_teardown(abbreviations_in_values_are_written_out, done),
	        cmocka_unit_test_teardown(a_value_of_several_columns_is_found_in_each, done),
	        cmocka_unit_test_teardown(parts_and_typing_errors_are_found_when_asked_for, done),
	        cmocka_unit_test_teardown(other_names_of_countries_and_genders_are_known, done),
	        cmocka_unit_test_teardown(long_texts_and_dates_stay_out, done),
	        cmocka_unit_test_teardown(large_tables_are_read_by_their_columns, done),
	        cmocka_unit_test_teardown(several_threads_read, done),
	        cmocka_unit_test(nothing_is_found_before_values_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
