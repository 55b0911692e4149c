/* test_hooks.c: hooks before and after a turn: pass, change, refuse, fail. The rooms below are
 * played: an instance is a library with a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assistant/inside.h"
#include "base/log.h"

static struct assistant assistant;
static struct registry registry;
static struct plan plan;
static struct generation generation = {.plan = &plan};
static struct config config;
static struct askd_plugin plugin = {.flags = ASKD_CONCURRENT};
static struct plugin_library library = {.plugin = &plugin};
static struct plugin_instance first, second, *list[] = {&first, &second, NULL};
static int verdicts[2]; /* of the two instances; -1: fails */

static int32_t judge(void *self, struct askd_call *call, const struct askd_hook_event *in,
        struct askd_hook_verdict *out, struct askd_error *reterr)
{
	int verdict = verdicts[self == (void *)&second];

	(void)call, (void)in;
	if (verdict < 0)
		return askd_fail(reterr, ASKD_E_INTERNAL, "broken");
	out->verdict = (uint32_t)verdict;
	out->text = self == (void *)&second ? ASKD_LITERAL("second") : ASKD_LITERAL("first");
	out->reason = ASKD_LITERAL("not here");
	return ASKD_OK;
}

static const struct askd_hooks table = {.size = sizeof table, .before = judge, .after = judge};

static const struct askd_extension extension = {
        .size = sizeof extension, .id = "askd.hooks/1", .table = &table};
static const struct askd_extension *const extensions[] = {&extension, NULL};

static int setup(void **state)
{
	struct askd_event event = {
	        .size = sizeof event, .kind = ASKD_EVENT_TEXT, .text = ASKD_LITERAL("question")};
	struct turn *turn;

	memset(&first, 0, sizeof first);
	memset(&second, 0, sizeof second);
	plugin.extensions = extensions;
	first.library = second.library = &library;
	first.host.instance = "skill/first";
	second.host.instance = "skill/second";
	first.self = &first;
	second.self = &second;
	first.references = 1; /* the test's own */
	registry.instances = list;
	plan.rooms.registry = &registry;
	plan.rooms.config = &config;
	turn = turn_create(&assistant, 7, &first, &event, NULL);
	assert_non_null(turn);
	generation_set(&generation);
	turn->state.scope.generation = generation_hold(NULL);
	turn->state.plan = &plan;
	turn->turn = (struct askd_turn){.size = sizeof turn->turn,
	        .kind = ASKD_EVENT_TEXT,
	        .text = event.text,
	        .language = ASKD_LITERAL("en"),
	        .zone = ASKD_LITERAL("UTC")};
	turn_say(turn, ASKD_TURN_ANSWER, "answer");
	verdicts[0] = verdicts[1] = ASKD_HOOK_PASS;
	*state = turn;
	return 0;
}

static int teardown(void **state)
{
	turn_destroy(*state);
	generation_set(NULL);
	assert_int_equal(generation.references, 0);
	return 0;
}

static void later_hook_sees_and_changes_after_the_earlier(void **state)
{
	struct turn *turn = *state;

	verdicts[0] = verdicts[1] = ASKD_HOOK_CHANGE;
	assert_true(hooks_before(turn));
	assert_string_equal(turn->turn.text.s, "second");
	hooks_after(turn);
	assert_string_equal(turn->messages[0]->text.s, "second");
	assert_int_equal(turn->kind, ASKD_TURN_ANSWER);
}

static void refusal_before_ends_the_turn_with_its_reason(void **state)
{
	struct turn *turn = *state;

	verdicts[1] = ASKD_HOOK_REFUSE;
	assert_false(hooks_before(turn));
	assert_int_equal(turn->kind, ASKD_TURN_REFUSED);
	assert_string_equal(turn->messages[0]->text.s, "not here");
}

static void refusal_after_takes_the_answer_back(void **state)
{
	struct turn *turn = *state;

	verdicts[0] = ASKD_HOOK_REFUSE;
	hooks_after(turn);
	assert_int_equal(turn->kind, ASKD_TURN_REFUSED);
	assert_int_equal(turn->message_count, 1);
	assert_string_equal(turn->messages[0]->text.s, "not here");
}

static void failing_hook_counts_as_passed(void **state)
{
	struct turn *turn = *state;

	verdicts[0] = verdicts[1] = -1;
	assert_true(hooks_before(turn));
	hooks_after(turn);
	assert_string_equal(turn->turn.text.s, "question");
	assert_string_equal(turn->messages[0]->text.s, "answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                later_hook_sees_and_changes_after_the_earlier, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                refusal_before_ends_the_turn_with_its_reason, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                refusal_after_takes_the_answer_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(failing_hook_counts_as_passed, setup, teardown),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
