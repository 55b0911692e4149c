/* test_turn.c: the path of a turn with real rooms, the smallest skill and a chat out of a folder.
 */
#include "turn_world.h"

static void command_is_answered_with_the_whole_object(void **state)
{
	struct world *w = *state;
	json_t *object;

	world_start(w, false);
	object = ask(w, "/ping@bot now", NULL, NULL, 0);
	assert_string_equal(json_get_string(object, "kind"), "answer");
	assert_string_equal(json_get_string(object, "answer"), "pong");
	assert_true(json_is_null(json_object_get(object, "message")));
	assert_true(json_is_array(json_object_get(object, "data")));
	assert_true(json_is_string(json_object_get(object, "turn_id")));
	assert_int_equal(strlen(json_get_string(object, "session_id")), 22);
	assert_int_equal(json_get_int(json_object_get(object, "cost"), "tokens", -1), 0);
	json_decref(object);
	assert_int_equal(number_of(w, "select count(*) from turns where status = 'done'"), 1);
}

static void unknown_command_names_the_nearest(void **state)
{
	struct world *w = *state;
	json_t *object;

	world_start(w, false);
	object = ask(w, "/pign", NULL, NULL, 0);
	assert_string_equal(json_get_string(object, "kind"), "declined");
	assert_non_null(strstr(json_get_string(object, "message"), "/ping"));
	json_decref(object);
}

static void text_that_nobody_takes_is_answered(void **state)
{
	struct world *w = *state;
	json_t *object;

	world_start(w, false);
	object = ask(w, "hello", NULL, NULL, 0);
	assert_string_equal(json_get_string(object, "kind"), "refused");
	json_decref(object);
}

static void same_key_gives_the_stored_reply(void **state)
{
	struct world *w = *state;
	json_t *first, *second, *third;

	world_start(w, false);
	first = ask(w, "/ping", NULL, "k1", 0);
	second = ask(w, "/ping", NULL, "k1", 0);
	third = ask(w, "/ping", NULL, "k2", 0);
	assert_true(json_equal(first, second));
	assert_string_not_equal(
	        json_get_string(first, "turn_id"), json_get_string(third, "turn_id"));
	assert_int_equal(number_of(w, "select count(*) from turns"), 2);
	json_decref(first);
	json_decref(second);
	json_decref(third);
}

static void chat_is_answered_once_for_an_event_that_came_twice(void **state)
{
	struct world *w = *state;
	json_t *line;

	w->transport = ", duplicate: yes";
	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\"}");
	wait_file(w, "1.duplicate");
	line = sent(w, 0);
	assert_string_equal(json_get_string(line, "text"), "pong");
	json_decref(line);
	put_event(w, "2",
	        "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\",\"key\":\"b\"}");
	json_decref(sent(w, 1));
	world_stop(w);
	assert_int_equal(count_sent(w), 2);
}

static void failed_delivery_is_tried_again(void **state)
{
	struct world *w = *state;
	json_t *line;

	w->transport = ", fail: 2, fail_with: BUSY, pause: 5ms";
	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\"}");
	line = sent(w, 0);
	assert_string_equal(json_get_string(line, "text"), "pong");
	json_decref(line);
}

static void stored_event_is_run_at_the_next_start(void **state)
{
	struct world *w = *state;
	struct askd_error error = {0};
	struct askd_delivered out = {.size = sizeof out};
	struct askd_event event = {.size = sizeof event,
	        .kind = ASKD_EVENT_TEXT,
	        .key = ASKD_LITERAL("e1"),
	        .conversation = ASKD_LITERAL("c"),
	        .sender = ASKD_LITERAL("7"),
	        .text = ASKD_LITERAL("/ping")};
	struct call_scope scope = {.id = 1, .cancel = &w->cancel};
	struct plugin_call call;
	json_t *line;

	/* No worker takes it: as if the process had died after the commit. */
	world_start(w, false);
	workers_drain(w->rooms.workers, 1000);
	plugin_call_init(&call, &scope, 0);
	call.owner = registry_find(w->rooms.registry, "transport", "chat");
	assert_int_equal(inbox_deliver(w->assistant, &call, &event, &out, &error), 0);
	plugin_call_finish(&call);
	world_stop(w);
	assert_int_equal(count_sent(w), 0);
	world_start(w, true);
	line = sent(w, 0);
	assert_string_equal(json_get_string(line, "text"), "pong");
	json_decref(line);
	world_stop(w);
	world_start(w, true);
	assert_int_equal(number_of(w, "select count(*) from inbox where ended_us is null"), 0);
	world_stop(w);
	assert_int_equal(count_sent(w), 1);
}

static void message_found_sending_goes_out_once_more_and_says_so(void **state)
{
	struct world *w = *state;
	json_t *line;

	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\"}");
	json_decref(sent(w, 0));
	world_stop(w);
	world_start(w, false);
	write_sql(w, "update outbox set status = 1");
	world_stop(w);
	world_start(w, true);
	line = sent(w, 1);
	assert_non_null(strstr(json_get_string(line, "text"), "pong"));
	assert_non_null(strstr(json_get_string(line, "text"), "again"));
	json_decref(line);
}

static void nothing_of_an_ephemeral_turn_is_kept(void **state)
{
	struct world *w = *state;

	world_start(w, true);
	put_event(
	        w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"flags\":1,\"text\":\"/ping\"}");
	json_decref(sent(w, 0));
	assert_int_equal(number_of(w, "select count(*) from inbox where payload is not null"), 0);
	assert_int_equal(number_of(w, "select count(*) from messages"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                command_is_answered_with_the_whole_object, setup, teardown),
	        cmocka_unit_test_setup_teardown(unknown_command_names_the_nearest, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                text_that_nobody_takes_is_answered, setup, teardown),
	        cmocka_unit_test_setup_teardown(same_key_gives_the_stored_reply, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                chat_is_answered_once_for_an_event_that_came_twice, setup, teardown),
	        cmocka_unit_test_setup_teardown(failed_delivery_is_tried_again, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                stored_event_is_run_at_the_next_start, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                message_found_sending_goes_out_once_more_and_says_so, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                nothing_of_an_ephemeral_turn_is_kept, setup, teardown),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
