/* Tools of a stage: what the model asks for is run and answered, within its rights, its rounds and
 * the egress level; and the limits that a call of a stage counts against. */
#include "stage_house.h"

#include "assistant/stage_tools.h"

ASKD_DEFINE(unused_run, askd_tool_call, askd_tool_result)
{
	(void)self, (void)call, (void)in, (void)out;
	return askd_fail(reterr, ASKD_E_INTERNAL, "the house runs it");
}

ASKD_MAKE(static const struct askd_tool, echo, .name = "echo", .description = "Echoes",
        .schema = "{\"type\":\"object\"}", .run = unused_run);
ASKD_MAKE(static const struct askd_tool, locked, .name = "locked", .description = "Is locked",
        .schema = "{\"type\":\"object\"}", .permission = "locks", .run = unused_run);
static const struct askd_tool *const tool_list[] = {&echo, &locked, NULL};
ASKD_MAKE(static const struct askd_tools, offered, .tools = tool_list);

static const char *const both[] = {"echo", "locked", NULL};

static int set_up(void **state)
{
	(void)state;
	house_init();
	house.tool_egress = CONFIG_EGRESS_ALL;
	for (int i = 0; i < ENGINES; i++)
		house.engines[i].flags = ASKD_LLM_TOOLS;
	house.tools = &offered;
	house.offers.host.instance = "skill/offers";
	house.list[0] = &house.offers;
	house.registry.instances = house.list;
	house.rooms.registry = &house.registry;
	house.stage.tools = both;
	house_open();
	return 0;
}

static int32_t complete(void)
{
	ASKD_MAKE(struct askd_task, task, .question = ASKD_LITERAL("TheQuestion"));

	return complete_task(&task);
}

static void wants(int engine, int step, const char *tool, const char *arguments)
{
	house.engines[engine].wants[step].tool = tool;
	house.engines[engine].wants[step].arguments = arguments;
}

static const json_t *receipt_tool(size_t line)
{
	const json_t *one = json_array_get(house.turn.stages, line);

	return json_array_get(json_object_get(one, "tools"), 0);
}

static void the_model_is_asked_again_with_what_the_tool_said(void **state)
{
	(void)state;
	wants(0, 0, "echo", "{\"a\":1}");
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of main");
	assert_null(reply.calls);
	assert_string_equal(house.order, "RCSRCS");
	assert_int_equal(house.tool_runs, 1);
	assert_non_null(strstr(house.engines[0].seen, "TheQuestion"));
	assert_non_null(strstr(house.engines[0].seen, "{\"a\":1}"));
	assert_string_equal(json_get_string(receipt_tool(0), "name"), "echo");
	assert_true(json_is_true(json_object_get(receipt_tool(0), "ok")));
	assert_null(receipt_tool(1));
}

static void tools_need_a_model_that_can_and_a_stage_that_names_them(void **state)
{
	(void)state;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].tools, 1); /* not the locked one */
	house.engines[0].flags = 0;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].tools, 0);
	house.engines[0].flags = ASKD_LLM_TOOLS;
	house.stage.tools = NULL;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].tools, 0);
}

static void a_tool_with_a_permission_is_for_local_identities(void **state)
{
	(void)state;
	wants(0, 0, "locked", "{}");
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.tool_runs, 0);
	assert_non_null(strstr(house.engines[0].seen, "may not use this tool"));
	house.turn.scope.local = 1;
	house.engines[0].calls = 0;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.tool_runs, 1);
	assert_int_equal(house.engines[0].tools, 2);
}

static void trouble_is_told_to_the_model(void **state)
{
	static const struct {
		const char *tool, *arguments;
		int32_t fails;
		const char *told, *not_told;
	} cases[] = {
	        {"erase", "{}", 0, "there is no such tool", "erase"},
	        {"echo", "{", 0, "no JSON object", "no such"},
	        {"echo", "[1]", 0, "no JSON object", "no such"},
	        {"echo", "{}", ASKD_E_INVALID, "TheToolsOwnWords", "no such"},
	        {"echo", "{}", ASKD_E_STATEMENT, "the tool failed: STATEMENT", "TheToolsOwnWords"},
	        {"echo", "{}", ASKD_E_TIMEOUT, "the tool failed: TIMEOUT", "TheToolsOwnWords"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tear_down(state);
		set_up(state);
		wants(0, 0, cases[i].tool, cases[i].arguments);
		house.tool_fails = cases[i].fails;
		assert_int_equal(complete(), ASKD_OK);
		assert_non_null(strstr(house.engines[0].seen, cases[i].told));
		assert_null(strstr(house.engines[0].seen, cases[i].not_told));
		assert_false(json_is_true(json_object_get(receipt_tool(0), "ok")));
	}
}

static void arguments_may_be_left_out(void **state)
{
	(void)state;
	wants(0, 0, "echo", "");
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.tool_runs, 1);
}

static void the_rounds_come_to_an_end(void **state)
{
	(void)state;
	for (int i = 0; i < STEPS; i++)
		wants(0, i, "echo", "{}");
	assert_int_equal(complete(), ASKD_E_REMOTE);
	assert_int_equal(house.engines[0].calls, STAGE_ROUNDS);
	assert_int_equal(house.engines[0].tool_choice, ASKD_TOOL_NONE);
	assert_int_equal(house.tool_runs, STAGE_ROUNDS - 1);
}

static void what_a_tool_read_obeys_the_egress(void **state)
{
	static const char *const fallbacks[] = {"second", NULL};

	(void)state;
	wants(0, 0, "echo", "{\"from\":\"rows\"}");
	house.tool_egress = CONFIG_EGRESS_SCHEMA;
	assert_int_equal(complete(), ASKD_E_REFUSED);
	assert_int_equal(house.engines[0].calls, 1);
	assert_null(strstr(house.engines[0].seen, "rows"));
	/* The turn has touched that database: from now on nothing is offered. */
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].tools, 0);
	/* `nothing` is for engines of this machine. */
	tear_down(state);
	set_up(state);
	house.stage.fallback = fallbacks;
	house.engines[1].flags |= ASKD_LLM_LOCAL;
	house.tool_egress = CONFIG_EGRESS_NOTHING;
	wants(0, 0, "echo", "{}");
	wants(1, 0, "echo", "{\"from\":\"rows\"}");
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of second");
	assert_non_null(strstr(house.engines[1].seen, "rows"));
}

static void a_cancel_ends_the_rounds(void **state)
{
	(void)state;
	wants(0, 0, "echo", "{}");
	house.fire = &house.turn.cancel;
	assert_int_equal(complete(), ASKD_E_CANCELED);
	assert_int_equal(house.tool_runs, 0);
	assert_int_equal(house.engines[0].calls, 1);
}

static void a_second_run_pays_for_no_round_twice(void **state)
{
	(void)state;
	wants(0, 0, "echo", "{\"a\":1}");
	assert_int_equal(complete(), ASKD_OK);
	/* All of it is there. */
	turn_end();
	turn_begin();
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of main");
	assert_int_equal(house.engines[0].calls, 2);
	assert_int_equal(house.tool_runs, 1);
	/* Only the first round is. */
	house.row_count = 1;
	turn_end();
	turn_begin();
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 3);
	assert_int_equal(house.tool_runs, 2);
	assert_non_null(strstr(house.engines[0].seen, "{\"a\":1}"));
	assert_int_equal(json_array_size(house.turn.stages), 2);
	assert_string_equal(json_get_string(receipt_tool(0), "name"), "echo");
}

static void calls_of_the_skills_own_tools_are_the_skills(void **state)
{
	ASKD_MAKE(struct askd_task, task, .question = ASKD_LITERAL("TheQuestion"));
	ASKD_MAKE(struct askd_llm_tool, mine, .name = ASKD_LITERAL("mine"),
	        .schema = ASKD_LITERAL("{}"));
	const struct askd_llm_tool *const tools[] = {&mine, NULL};
	const struct askd_llm_request in = {.size = sizeof in,
	        .temperature_milli = -1,
	        .model = ASKD_LITERAL("analysis"),
	        .tools = tools,
	        .task = &task};

	(void)state;
	wants(0, 0, "mine", "{}");
	assert_int_equal(stages_complete(house.stages, &house.call, &in, &reply, &error), ASKD_OK);
	assert_int_equal(house.engines[0].tools, 2);
	assert_int_equal(house.tool_runs, 0);
	assert_string_equal(reply.calls[0]->name.s, "mine");
}

static void a_tool_that_nobody_offers_is_named(void **state)
{
	static const char *const wrong[] = {"ecko", NULL};
	struct stages *stages = NULL;

	(void)state;
	house.stage.tools = wrong;
	assert_int_equal(stages_open(&stages, &house.rooms, &error), ASKD_E_CONFIG);
	assert_non_null(strstr(error.message, "'ecko'"));
	assert_non_null(strstr(error.message, "did you mean 'echo'?"));
	/* Somebody who was left out may have offered it. */
	house.registry.warnings = 1;
	assert_int_equal(stages_open(&stages, &house.rooms, &error), ASKD_OK);
	stages_close(stages);
}

static void a_call_counts_against_the_limits_of_its_stage(void **state)
{
	static const char *const names[] = {"few", NULL};

	(void)state;
	house.limit = (struct config_limit){.name = "few", .rate = {1, 3600000000}, .burst = 1};
	house.stage.limits = names;
	house.stages->rooms.limits = limits_create();
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(complete(), ASKD_E_BUSY);
	assert_int_equal(house.engines[0].calls, 1);
	assert_true(house.turn.limited_us > 0);
	/* Each person has a bucket; what is replayed counts no second time. */
	house.turn.scope.person = 7;
	house.turn.counts[0].next = 0;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 1);
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 2);
	limits_destroy(house.stages->rooms.limits);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(the_model_is_asked_again_with_what_the_tool_said),
	        TEST(tools_need_a_model_that_can_and_a_stage_that_names_them),
	        TEST(a_tool_with_a_permission_is_for_local_identities),
	        TEST(trouble_is_told_to_the_model),
	        TEST(arguments_may_be_left_out),
	        TEST(the_rounds_come_to_an_end),
	        TEST(what_a_tool_read_obeys_the_egress),
	        TEST(a_cancel_ends_the_rounds),
	        TEST(a_second_run_pays_for_no_round_twice),
	        TEST(calls_of_the_skills_own_tools_are_the_skills),
	        TEST(a_tool_that_nobody_offers_is_named),
	        TEST(a_call_counts_against_the_limits_of_its_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
