/* What the plugin makes of the engine's replies at each stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include <askd/stub.h>

#include "offline.h"

extern const struct askd_plugin askd_plugin_v1;

/* ---- the engine ------------------------------------------------------------------------------ */

static struct {
	struct engine_reply reply;
	char today[16];
	int asked;
	bool probes;
} engine;

struct schema *schema_create(const struct askd_catalogue *catalogue, struct askd_error *reterr)
{
	(void)catalogue, (void)reterr;
	return calloc(1, sizeof(struct schema));
}

void schema_destroy(struct schema *schema)
{
	free(schema);
}

int32_t schema_learn(struct schema *schema, const struct source *source, uint32_t max_values,
        struct askd_error *reterr)
{
	(void)schema, (void)source, (void)max_values, (void)reterr;
	return ASKD_OK;
}

size_t schema_memory(const struct schema *schema)
{
	return sizeof *schema;
}

int32_t engine_answer(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct engine_reply *reply,
        struct askd_error *reterr)
{
	(void)schema, (void)pool, (void)reterr;
	engine.asked++;
	engine.probes = question->source != NULL;
	snprintf(engine.today, sizeof engine.today, "%s", question->today);
	*reply = engine.reply;
	return ASKD_OK;
}

/* ---- the host -------------------------------------------------------------------------------- */

/* Puts the one argument in and marks it, so that it is seen what is escaped. */
static int32_t i18n_text(const struct askd_host *host, struct askd_call *call,
        const struct askd_i18n_text *in, struct askd_i18n_result *out, struct askd_error *reterr)
{
	const struct askd_header *arg = in->args ? in->args[0] : NULL;
	const char *open = strchr(in->text.s, '{');
	bool raw = arg && arg->name.s[0] == '*';
	(void)host, (void)reterr;
	if (!arg || !open)
		out->text = askd_copy(call, in->text.s, in->text.n);
	else
		out->text = askd_print(call, "%.*s%s%s%s%s", (int)(open - in->text.s), in->text.s,
		        raw ? "" : "<", arg->value.s, raw ? "" : ">", strchr(open, '}') + 1);
	return ASKD_OK;
}

static const struct askd_i18n_service i18n = {.size = sizeof i18n, .text = i18n_text};
static const struct askd_query_service query = {.size = sizeof query};
static struct askd_stub *stub;
static struct askd_error err;
static struct askd_llm_reply reply;
static struct askd_task task;
static json_t *decision; /* of the last reply */

static int32_t open_with(const char *const *options)
{
	askd_stub_destroy(stub);
	stub = askd_stub_create(&askd_plugin_v1);
	assert_non_null(stub);
	assert_int_equal(askd_stub_service(stub, "askd.i18n/1", &i18n, NULL), ASKD_OK);
	assert_int_equal(askd_stub_service(stub, "askd.query/1", &query, NULL), ASKD_OK);
	return askd_stub_open(stub, options, &err);
}

static int setup(void **state)
{
	static const struct askd_db_table *const tables[] = {NULL};
	static const struct askd_catalogue catalogue = {
	        .size = sizeof catalogue, .database = 1, .version = 1, .tables = tables};
	(void)state;
	memset(&engine, 0, sizeof engine);
	engine.reply = (struct engine_reply){.sql = "SELECT 1",
	        .confidence_milli = 900,
	        .explanation = "Counting a_b",
	        .ignored = "",
	        .reason = ""};
	task = (struct askd_task){.size = sizeof task,
	        .now_us = INT64_C(1795304400000000), /* 2026-11-21T23:40:00Z */
	        .kind = ASKD_LITERAL("analysis"),
	        .question = ASKD_LITERAL("How many?"),
	        .catalogue = &catalogue};
	return open_with(NULL);
}

static int teardown(void **state)
{
	(void)state;
	json_decref(decision);
	decision = NULL;
	askd_stub_destroy(stub);
	stub = NULL;
	return 0;
}

static int32_t complete(void)
{
	struct askd_llm_request request = {
	        .size = sizeof request, .temperature_milli = -1, .task = &task};
	int32_t rc;
	reply = (struct askd_llm_reply){.size = sizeof reply};
	rc = askd_stub_call(stub, struct askd_llm_iface, complete, &request, &reply, &err);
	json_decref(decision);
	decision = rc ? NULL : json_loadb(reply.text.s, reply.text.n, 0, NULL);
	return rc;
}

static const char *said(const char *name)
{
	return json_string_value(json_object_get(decision, name));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_reading_is_a_decision_that_costs_nothing(void **state)
{
	ASKD_MAKE(struct askd_llm_model, model, .flags = 0);
	ASKD_MAKE(const struct askd_llm_model, any, .flags = 0);
	(void)state;
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(said("action"), "sql");
	assert_string_equal(said("sql"), "SELECT 1");
	assert_string_equal(said("explanation"), "Counting a_b");
	assert_true(json_number_value(json_object_get(decision, "confidence")) == 0.9);
	assert_null(json_object_get(decision, "choices"));
	assert_int_equal(reply.confidence_milli, 900);
	assert_int_equal(reply.input + reply.output, 0);
	assert_string_equal(reply.model.s, "offline");
	assert_int_equal(askd_stub_call(stub, struct askd_llm_iface, model, &any, &model, &err), 0);
	assert_int_equal(model.flags, ASKD_LLM_LOCAL | ASKD_LLM_FREE);
}

static void other_readings_are_told(void **state)
{
	(void)state;
	engine.reply.choices[0] = "Counting a_b."; /* the reading itself */
	engine.reply.choices[1] = "counting c_d.";
	engine.reply.choices[2] = "counting e.";
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(
	        said("explanation"), "Counting a_b It could also mean: counting c_d; counting e.");
}

static void what_is_not_sure_enough_is_declined(void **state)
{
	static const char *const sure[] = {"decline_below", "0.2", NULL};
	(void)state;
	engine.reply.confidence_milli = 549;
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(said("action"), "decline");
	assert_non_null(strstr(said("answer"), "<Counting a_b>"));
	assert_int_equal(reply.confidence_milli, 549);
	engine.reply.confidence_milli = 550;
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(said("action"), "sql");
	assert_int_equal(open_with(sure), ASKD_OK);
	engine.reply.confidence_milli = 200;
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(said("action"), "sql");
}

static void a_declined_question_has_a_reason_and_others_to_ask(void **state)
{
	(void)state;
	engine.reply = (struct engine_reply){.confidence_milli = 700,
	        .reason = "Nothing is called a_b",
	        .suggestions = {"How many c are there?", "List all c"}};
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(said("action"), "decline");
	assert_string_equal(said("answer"), "<Nothing is called a_b>");
	assert_int_equal(json_array_size(json_object_get(decision, "suggestions")), 2);
	assert_int_equal(reply.confidence_milli, 0); /* so that somebody else is asked */
}

static void what_the_database_rejects_is_not_tried_again(void **state)
{
	(void)state;
	task.sql = ASKD_LITERAL("SELECT 1");
	task.problem = ASKD_LITERAL("the database rejects it");
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(said("action"), "decline");
	assert_int_equal(reply.confidence_milli, 0);
	assert_int_equal(engine.asked, 0);
}

static void rows_are_left_to_the_skill_and_other_stages_refused(void **state)
{
	(void)state;
	task.kind = ASKD_LITERAL("answer");
	assert_int_equal(complete(), ASKD_OK);
	assert_non_null(reply.text.s);
	assert_int_equal(reply.text.n, 0);
	task.kind = ASKD_LITERAL("email");
	assert_int_equal(complete(), ASKD_E_UNSUPPORTED);
	task.kind = ASKD_LITERAL("analysis");
	task.catalogue = NULL;
	assert_int_equal(complete(), ASKD_E_UNSUPPORTED);
}

static void the_day_is_that_of_the_task(void **state)
{
	(void)state;
	task.today = ASKD_LITERAL("2026-11-22");
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(engine.today, "2026-11-22");
	task.today = (struct askd_text){NULL, 0};
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(engine.today, "2026-11-21");
}

static void options_are_minded(void **state)
{
	static const char *const quiet[] = {"probes", "no", NULL};
	static const char *const wrong[][3] = {{"decline_below", "1.5", NULL},
	        {"decline_below", "often", NULL}, {"decline_below", "0.5x", NULL},
	        {"decline_below", "nan", NULL}};
	(void)state;
	assert_int_equal(complete(), ASKD_OK);
	assert_true(engine.probes);
	assert_int_equal(open_with(quiet), ASKD_OK);
	assert_int_equal(complete(), ASKD_OK);
	assert_false(engine.probes);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(open_with(wrong[i]), ASKD_E_CONFIG);
		assert_non_null(strstr(err.message, "decline_below"));
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_reading_is_a_decision_that_costs_nothing),
	        TEST(other_readings_are_told),
	        TEST(what_is_not_sure_enough_is_declined),
	        TEST(a_declined_question_has_a_reason_and_others_to_ask),
	        TEST(what_the_database_rejects_is_not_tried_again),
	        TEST(rows_are_left_to_the_skill_and_other_stages_refused),
	        TEST(the_day_is_that_of_the_task),
	        TEST(options_are_minded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
