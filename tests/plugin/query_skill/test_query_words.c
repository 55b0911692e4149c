/* Where sentences end, rows in words, and rows as they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "facts.h"
#include "fake_host.h"
#include "phrase.h"
#include "sentences.h"

static void sentences_end_where_they_end(void **state)
{
	static const struct {
		const char *text, *first;
		bool last;
	} examples[] = {
	        {"It is 42. And so on", "It is 42. ", false},
	        {"It is 42.", "", false},
	        {"It is 42.", "It is 42.", true},
	        {"It is 1,200.50 in all. Yes. ", "It is 1,200.50 in all. ", false},
	        {"Am 3. Mai waren es zehn. Und", "Am 3. Mai waren es zehn. ", false},
	        {"Am 3. Ma", "", false},
	        {"It was 3. Berlin leads. ", "It was 3. ", false},
	        {"1. Berlin: 5\n2. Kiel", "1. Berlin: 5\n", false},
	        {"E.g. ca. 5 Mio. Euro! Ja", "E.g. ca. 5 Mio. Euro! ", false},
	        {"**Yes.** No", "**Yes.** ", false},
	        {"No end here", "", false},
	        {"No end here", "No end here", true},
	        {"\n\nText", "\n\n", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		size_t n = sentence_length(
		        examples[i].text, strlen(examples[i].text), examples[i].last);
		if (n != strlen(examples[i].first))
			print_error("%s: %zu\n", examples[i].text, n);
		assert_int_equal(n, strlen(examples[i].first));
	}
}

static void rows_are_put_into_words(void **state)
{
	static const struct {
		const char *rows, *language, *words, *question, *sql;
	} examples[] = {
	        {"total\n42\n", "en", "The total is 42.", "", ""},
	        {"order_total\n1234567.5\n", "en", "The order total is 1,234,567.50.", "", ""},
	        {"order_total\n1234567.5\n", "de", "The order total is 1.234.567,50.", "", ""},
	        {"count(*)\n42\n", "en", "The result is 42.", "", ""},
	        {"total\nNULL\n", "en", "There is no value.", "", ""},
	        {"total\n", "en", "Nothing was found.", "", ""},
	        {"city|total\nBerlin|1200.5\n", "en", "city: Berlin, total: 1,200.50.", "", ""},
	        {"city|total\nBerlin|1200.5\nK*el|10000\n", "en",
	                "2 rows: Berlin 1,200.50, K\\*el 10,000.", "", ""},
	        {"city|n|year\nBerlin|3|12024\n", "en", "city: Berlin, n: 3, year: 12024.", "", ""},
	        {"count(*)\n12042\n", "en", "12,042 customers are in Berlin.",
	                "How many customers are in Berlin?", ""},
	        {"count(*)\n12\n", "", "12 of our \\*best\\* customers pay late.",
	                "how many of our *best* customers pay late ?", ""},
	        {"count(*)\n12\n", "en", "There are 12 customers in Berlin.",
	                "How many customers are there in Berlin?", ""},
	        {"count(*)\n0\n", "en", "There were 0 orders.", "How many orders were there?", ""},
	        {"count(*)\n1\n", "en", "The number of orders is 1.", "How many orders are there?",
	                ""},
	        {"count(*)\n1\n", "en", "The number of orders that are late is 1.",
	                "How many orders are late?", ""},
	        {"count(*)\n1\n", "en", "The result is 1.", "How many of them live here?", ""},
	        {"count(*)\n12\n", "en", "The result is 12.", "How many orders do we have?", ""},
	        {"count(*)\n12\n", "en", "The result is 12.",
	                "How many orders and what customers are there?", ""},
	        {"count(*)\n12\n", "de", "The result is 12.", "How many orders are there?", ""},
	        {"count(*)\n2.5\n", "en", "The result is 2.50.", "How many orders are there?", ""},
	        {"avg(x)\n2.5\n", "en", "The average price of a tool is 2.50.",
	                "What is the average price of a tool?", ""},
	        {"avg(x)\nAda\n", "en", "The name of the first customer was Ada.",
	                "What was the name of the first customer?", ""},
	        {"avg(x)\nNULL\n", "en", "There is no value.", "What is the average price?", ""},
	        {"a\n", "en", "Nothing was found: no row fits city = Berlin, age >= 20.", "",
	                "SELECT a FROM t WHERE t.city = 'Berlin' AND \"age\" >= 20 LIMIT 5"},
	        {"a\n", "en", "Nothing was found: no row fits first name like Ad\\*.", "",
	                "SELECT a FROM t WHERE first_name LIKE '%Ad*%' OR lower(x) = 'y'"},
	        {"a\n", "en", "Nothing was found.", "", "SELECT a FROM t JOIN u ON t.a = u.b"},
	        {"id\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", "en",
	                "12 rows: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more.", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct fake_call call;
		struct rows rows;
		struct str out = {0};
		struct voice voice = {
		        NULL, &fake_i18n, &call.call, askd_text_of(examples[i].language)};
		struct askd_batch batch;
		ASKD_MAKE(struct askd_query_rows, item, .batch = &batch);
		fake_call_init(&call);
		fake_batch(&call, examples[i].rows, &item.columns, &batch);
		rows_init(&rows, &call.call);
		assert_int_equal(rows.sink.put(&rows.sink, &item), ASKD_OK);
		assert_int_equal(phrase_rows(&voice, &rows, askd_text_of(examples[i].question),
		                         askd_text_of(examples[i].sql), &out),
		        ASKD_OK);
		assert_string_equal(out.s, examples[i].words);
		str_finish(&out);
		fake_call_finish(&call);
	}
}

static int32_t no_text(const struct askd_host *host, struct askd_call *call,
        const struct askd_i18n_text *in, struct askd_i18n_result *out, struct askd_error *reterr)
{
	(void)host;
	(void)call;
	(void)in;
	(void)out;
	return askd_fail(reterr, ASKD_E_INTERNAL, "broken");
}

static void a_broken_translation_gives_english(void **state)
{
	static const struct askd_i18n_service broken = {.size = sizeof broken, .text = no_text};
	struct fake_call call;
	struct voice voice = {NULL, &broken, &call.call, ASKD_LITERAL("de")};
	(void)state;
	fake_call_init(&call);
	assert_string_equal(
	        say_count(&voice, "{count} row: {a} {b}", "{count} rows: {a} {b} {other}", 2, "a",
	                "x*y", "*b", "*z*", NULL)
	                .s,
	        "2 rows: x\\*y *z* {other}");
	fake_call_finish(&call);
}

static void rows_are_copied_and_bounded(void **state)
{
	struct fake_call call;
	struct rows rows;
	char text[8] = "first";
	struct askd_value cells[300];
	ASKD_MAKE(struct askd_db_column, name, .name = ASKD_LITERAL("name"));
	const struct askd_db_column *const columns[] = {&name, NULL};
	ASKD_MAKE(struct askd_batch, batch, .rows = 300, .columns = 1, .cells = cells);
	ASKD_MAKE(struct askd_query_rows, item, .columns = columns, .batch = &batch);
	(void)state;
	for (int i = 0; i < 300; i++)
		cells[i] = (struct askd_value){.type = ASKD_TEXT, .len = 5, .u.s = text};
	fake_call_init(&call);
	rows_init(&rows, &call.call);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rows.sink.put(&rows.sink, &item), ASKD_OK);
	memcpy(text, "later", 5);
	assert_int_equal(rows.batch.rows, ROWS_MAX);
	assert_int_equal(rows.seen, 1200);
	assert_true(rows.truncated);
	assert_string_equal(rows_cell(&rows, 999, 0)->u.s, "first");
	/* A driver that changes its mind about the columns. */
	batch.columns = 2;
	batch.rows = 1;
	assert_int_equal(rows.sink.put(&rows.sink, &item), ASKD_E_PROTOCOL);
	fake_call_finish(&call);
}

static void facts_are_json_with_numbers_as_people_write_them(void **state)
{
	static const struct {
		int64_t whole;
		double real; /* where whole is 0 */
		const char *sum;
	} examples[] = {
	        {INT64_C(9007199254740991), 0, "9007199254740991"},
	        {-12, 0, "-12"},
	        {0, 0.1 + 0.2, "0.3"},
	        {0, -2.25, "-2.25"},
	        {0, 123456.6543214, "123456.654321"},
	        {0, 999999.99999999, "1000000"},
	        {0, 1234567.125, "1234567.125"},
	        {0, 0.000012345, "1.2345e-05"},
	        {0, 1e300, "1e+300"},
	};
	struct askd_db_column name = {.size = sizeof name, .name = ASKD_LITERAL("a\"b\\\n")};
	const struct askd_db_column *const columns[] = {&name, NULL};
	char expected[200];
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct askd_value cells[2] = {
		        {.type = ASKD_FLOAT, .u.f = examples[i].real}, {.type = ASKD_NULL}};
		struct rows rows = {
		        .columns = columns, .batch = {.rows = 2, .columns = 1, .cells = cells}};
		struct str facts = {0};
		if (examples[i].whole)
			cells[0] = (struct askd_value){.type = ASKD_INT, .u.i = examples[i].whole};
		assert_int_equal(facts_write(&rows, &facts), ASKD_OK);
		snprintf(expected, sizeof expected,
		        "[{\"figure\":\"rows\",\"value\":2},"
		        "{\"figure\":\"count\",\"column\":\"a\\\"b\\\\\\u000a\",\"value\":1},"
		        "{\"figure\":\"sum\",\"column\":\"a\\\"b\\\\\\u000a\",\"value\":%s},",
		        examples[i].sum);
		if (strncmp(facts.s, expected, strlen(expected)) != 0)
			fail_msg("%s", facts.s);
		str_finish(&facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sentences_end_where_they_end),
	        cmocka_unit_test(rows_are_put_into_words),
	        cmocka_unit_test(a_broken_translation_gives_english),
	        cmocka_unit_test(rows_are_copied_and_bounded),
	        cmocka_unit_test(facts_are_json_with_numbers_as_people_write_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
