/* What is read out of a model's reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decision.h"
#include "fake_host.h"

struct example {
	const char *reply;
	int32_t action; /* -1: nothing usable */
	const char *sql, *answer;
};

static const struct example examples[] = {
        {"{\"action\":\"sql\",\"sql\":\"SELECT 1\",\"answer\":\"\"}", DECISION_SQL, "SELECT 1", ""},
        {"\xef\xbb\xbf {\"action\":\"SQL\",\"sql\":\"SELECT 1\"} ", DECISION_SQL, "SELECT 1", ""},
        {"```json\n{\"action\":\"sql\",\"sql\":\"SELECT 1\"}\n```", DECISION_SQL, "SELECT 1", ""},
        {"Sure! Here it is:\n{\"action\":\"sql\",\"sql\":\"SELECT '}'\"}\nEnjoy.", DECISION_SQL,
                "SELECT '}'", ""},
        {"{braces} first, then {\"sql\":\"SELECT 2\"}", DECISION_SQL, "SELECT 2", ""},
        {"{\"sql\":\"SELECT 1\"}", DECISION_SQL, "SELECT 1", ""},
        {"{\"sql_query\":\"SELECT 3\",\"answer\":\"\",\"way\":\"sql\"}", DECISION_SQL, "SELECT 3",
                ""},
        {"{\"sql_query\":\"\",\"answer\":\"Hello!\",\"way\":\"answer\"}", DECISION_ANSWER, "",
                "Hello!"},
        {"{\"type\":\"sql\",\"query\":\"SELECT 4\"}", DECISION_SQL, "SELECT 4", ""},
        {"{\"type\":\"sql\",\"sql\":\"```sql\\nSELECT 4\\n```\"}", DECISION_SQL, "SELECT 4", ""},
        {"{\"decision\":{\"action\":\"sql\",\"sql\":\"SELECT 5\"}}", DECISION_SQL, "SELECT 5", ""},
        {"[{\"action\":\"sql\",\"sql\":\"SELECT 6\"}]", DECISION_SQL, "SELECT 6", ""},
        {"SELECT city, sum(x) FROM t GROUP BY city", DECISION_SQL,
                "SELECT city, sum(x) FROM t GROUP BY city", ""},
        {"with a as (select 1) select * from a", DECISION_SQL,
                "with a as (select 1) select * from a", ""},
        {"```sql\nSELECT 7\n```\nThis counts everything.", DECISION_SQL, "SELECT 7", ""},
        {"```\nSELECT 8 FROM t;\n```", DECISION_SQL, "SELECT 8 FROM t;", ""},
        {"The query is:\nSELECT 9 FROM t;\n\nIt counts.", DECISION_SQL, "SELECT 9 FROM t;", ""},
        {"{\"action\":\"answer\",\"sql\":\"\",\"answer\":\"Hi\"}", DECISION_ANSWER, "", "Hi"},
        {"{\"action\":\"answer\",\"declined\":true,\"answer\":\"No weather here\"}",
                DECISION_DECLINE, "", "No weather here"},
        {"{\"action\":\"decline\",\"answer\":\"No\"}", DECISION_DECLINE, "", "No"},
        {"{\"action\":\"answer\",\"sql\":\"SELECT 1\",\"answer\":\"it is\"}", DECISION_SQL,
                "SELECT 1", "it is"},
        {"{\"action\":\"clarify\",\"question\":\"Which?\",\"choices\":[\"a\"]}", DECISION_CLARIFY,
                "", "Which?"},
        {"{\"answer\":\"Which?\",\"options\":[{\"label\":\"a\"},\"b\"]}", DECISION_CLARIFY, "",
                "Which?"},
        {"{\"action\":\"email\",\"email\":{\"to\":[],\"subject\":\"s\",\"body\":\"b\"}}",
                DECISION_EMAIL, "", "b"},
        {"", -1, NULL, NULL},
        {"I do not know.", -1, NULL, NULL},
        {"With pleasure I can tell you as much as I know.", -1, NULL, NULL},
        {"Select the database first.", -1, NULL, NULL},
        {"{}", -1, NULL, NULL},
        {"{\"action\":\"sql\",\"sql\":\"\"}", -1, NULL, NULL},
        {"{\"action\":\"sql\",\"sql\":\"SELECT 1", -1, NULL, NULL},
        {"{\"error\":{\"message\":\"overloaded\"}}", -1, NULL, NULL},
        {"null", -1, NULL, NULL},
        {"[[[[]]]]", -1, NULL, NULL},
};

static void every_shape_of_a_reply_is_read(void **state)
{
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		const struct example *e = &examples[i];
		struct decision d;
		const char *problem;
		int32_t rc = decision_parse(askd_text_of(e->reply), &d, &problem);
		bool good = e->action < 0
		                    ? rc == ASKD_E_PROTOCOL && problem
		                    : !rc && (int32_t)d.action == e->action &&
		                              !strcmp(d.sql.s ? d.sql.s : "", e->sql) &&
		                              !strcmp(d.answer.s ? d.answer.s : "", e->answer);
		if (!good) {
			print_error("%s: rc %d, action %d, sql %s\n", e->reply, rc, (int)d.action,
			        d.sql.s ? d.sql.s : "");
			wrong++;
		}
		if (!rc)
			decision_finish(&d);
	}
	assert_int_equal(wrong, 0);
}

static int32_t confidence(const char *reply)
{
	struct decision d;
	const char *problem;
	int32_t milli;
	assert_int_equal(decision_parse(askd_text_of(reply), &d, &problem), 0);
	milli = d.confidence_milli;
	decision_finish(&d);
	return milli;
}

static void confidence_is_read_in_all_scales(void **state)
{
	(void)state;
	assert_int_equal(confidence("{\"sql\":\"SELECT 1\",\"confidence\":0.85}"), 850);
	assert_int_equal(confidence("{\"sql\":\"SELECT 1\",\"confidence\":85}"), 850);
	assert_int_equal(confidence("{\"sql\":\"SELECT 1\",\"confidence\":\"85%\"}"), 850);
	assert_int_equal(confidence("{\"sql\":\"SELECT 1\",\"confidence\":\"low\"}"), 200);
	assert_int_equal(confidence("{\"sql\":\"SELECT 1\",\"confidence\":-3}"), -1);
	assert_int_equal(confidence("{\"sql\":\"SELECT 1\"}"), -1);
}

static void deep_and_huge_replies_are_refused_cheaply(void **state)
{
	struct decision d;
	const char *problem;
	char *text = malloc(700000);
	size_t n;
	(void)state;
	assert_non_null(text);
	for (size_t depth = 100; depth <= 400000; depth *= 20) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth < 250000 ? depth : 0);
		text[depth + (depth < 250000 ? depth : 0)] = 0;
		assert_int_equal(decision_parse(askd_text_of(text), &d, &problem), ASKD_E_PROTOCOL);
	}
	/* A statement beside something that nests deeper than anybody means. */
	n = strlen(strcpy(text, "{\"sql\":\"SELECT 1\",\"x\":"));
	memset(text + n, '[', 3000);
	memset(text + n + 3000, ']', 3000);
	strcpy(text + n + 6000, "}");
	assert_int_equal(decision_parse(askd_text_of(text), &d, &problem), ASKD_E_PROTOCOL);
	memset(text, ' ', 699999);
	text[699999] = 0;
	assert_int_equal(decision_parse(askd_text_of(text), &d, &problem), ASKD_E_PROTOCOL);
	assert_non_null(strstr(problem, "long"));
	free(text);
}

static void the_schema_is_json_and_names_every_action(void **state)
{
	json_t *schema = json_loads(decision_schema, 0, NULL);
	json_t *actions;
	(void)state;
	assert_non_null(schema);
	actions = json_object_get(
	        json_object_get(json_object_get(schema, "properties"), "action"), "enum");
	assert_int_equal(json_array_size(actions), 5);
	/* Servers that enforce a schema want every property required. */
	assert_int_equal(json_array_size(json_object_get(schema, "required")),
	        json_object_size(json_object_get(schema, "properties")));
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_shape_of_a_reply_is_read),
	        cmocka_unit_test(confidence_is_read_in_all_scales),
	        cmocka_unit_test(deep_and_huge_replies_are_refused_cheaply),
	        cmocka_unit_test(the_schema_is_json_and_names_every_action),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
