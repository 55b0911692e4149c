/* test_route.c: dialogues and buttons end in time, also when no purge has come by. */
#include "turn_world.h"

static void later(int64_t minutes)
{
	clock_set_us(clock_now_us() + minutes * 60 * 1000000);
}

static int end(void **state)
{
	clock_set_us(0);
	return teardown(state);
}

static void expect_answer(struct world *w, const char *text, const char *answer)
{
	json_t *object = ask(w, text, "s", NULL, 0);
	const char *said = json_get_string(object, "answer");

	if (!said)
		said = json_get_string(object, "message");
	assert_string_equal(said, answer);
	json_decref(object);
}

static void dialogue_is_over_after_half_an_hour(void **state)
{
	struct world *w = *state;

	world_start(w, false);
	expect_answer(w, "/dialogue", "which colour?");
	later(29);
	expect_answer(w, "echo blue", "colour: echo blue");
	expect_answer(w, "/dialogue", "which colour?");
	later(31);
	expect_answer(w, "echo blue", "blue");
}

static void dialogue_is_over_when_its_skill_says_so(void **state)
{
	struct world *w = *state;

	world_start(w, false);
	expect_answer(w, "/dialogue 3600000", "which colour?");
	later(59);
	expect_answer(w, "echo blue", "colour: echo blue");
	expect_answer(w, "/dialogue 60000", "which colour?");
	later(2);
	expect_answer(w, "echo blue", "blue");
}

static void dialogue_outlives_a_command_of_another_skill(void **state)
{
	struct world *w = *state;

	world_start(w, false);
	expect_answer(w, "/dialogue", "which colour?");
	expect_answer(w, "/ping", "pong");
	expect_answer(w, "echo blue", "colour: echo blue");
}

static void press(struct world *w, const char *name, const char *token)
{
	char event[200];

	snprintf(event, sizeof event,
	        "{\"conversation\":\"c\",\"sender\":\"7\",\"kind\":2,\"token\":\"%s\"}", token);
	put_event(w, name, event);
}

static void button_is_refused_when_its_week_is_over(void **state)
{
	struct world *w = *state;
	json_t *first, *line;
	const char *token;

	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/buttons\"}");
	first = sent(w, 0);
	token = json_get_string(json_array_get(json_object_get(first, "buttons"), 0), "token");
	assert_non_null(token);
	later(7 * 24 * 60 - 1);
	press(w, "2", token);
	line = sent(w, 1);
	assert_string_equal(json_get_string(line, "text"), "pressed yes");
	json_decref(line);
	later(2);
	press(w, "3", token);
	line = sent(w, 2);
	assert_non_null(strstr(json_get_string(line, "text"), "does not work any more"));
	json_decref(line);
	json_decref(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(dialogue_is_over_after_half_an_hour, setup, end),
	        cmocka_unit_test_setup_teardown(
	                dialogue_is_over_when_its_skill_says_so, setup, end),
	        cmocka_unit_test_setup_teardown(
	                dialogue_outlives_a_command_of_another_skill, setup, end),
	        cmocka_unit_test_setup_teardown(
	                button_is_refused_when_its_week_is_over, setup, end),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
