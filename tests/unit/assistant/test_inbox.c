/* test_inbox.c: keys: whose they are, and what a crash leaves of them. */
#include <pthread.h>

#include "turn_world.h"

enum { ROUNDS = 40 };

static void crash(struct world *w)
{
	write_sql(w, "update inbox set ended_us = null");
	write_sql(w, "update turns set status = 'running', reply = null");
}

static void same_key_of_another_person_is_another_question(void **state)
{
	struct world *w = *state;
	struct askd_error error = {0};
	json_t *ada, *bob;

	world_start(w, false);
	ada = ask_as(w, "ada", "/args of ada", NULL, "k", 0, &error);
	bob = ask_as(w, "bob", "/args of bob", NULL, "k", 0, &error);
	assert_string_equal(json_get_string(ada, "answer"), "[of ada]");
	assert_string_equal(json_get_string(bob, "answer"), "[of bob]");
	json_decref(ada);
	json_decref(bob);
}

static void key_of_a_crash_is_taken_up_under_its_old_id(void **state)
{
	struct world *w = *state;
	json_t *first, *second;

	world_start(w, false);
	first = ask(w, "/args", NULL, "k", 0);
	crash(w);
	second = ask(w, "/args", NULL, "k", 0);
	assert_string_equal(json_get_string(first, "turn_id"), json_get_string(second, "turn_id"));
	assert_int_equal(number_of(w, "select count(*) from turns where status = 'done'"), 1);
	json_decref(first);
	json_decref(second);
}

struct asker {
	struct world *w;
	pthread_barrier_t *barrier;
	json_t *object;
};

static void *ask_at_once(void *arg)
{
	struct asker *asker = arg;
	struct askd_error error = {0};

	pthread_barrier_wait(asker->barrier);
	asker->object = ask_as(asker->w, "ada", "/conflict 0", "s", "k", 0, &error);
	return NULL;
}

static void key_of_a_crash_is_taken_up_by_one_of_two(void **state)
{
	struct world *w = *state;
	char expected[32];

	world_start(w, false);
	json_decref(ask(w, "/conflict 0", "s", "k", 0));
	for (int round = 2; round < ROUNDS; round++) {
		pthread_barrier_t barrier;
		struct asker askers[2];
		pthread_t threads[2];

		crash(w);
		assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
		for (int i = 0; i < 2; i++) {
			askers[i] = (struct asker){.w = w, .barrier = &barrier};
			assert_int_equal(
			        pthread_create(&threads[i], NULL, ask_at_once, &askers[i]), 0);
		}
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		pthread_barrier_destroy(&barrier);
		/* The skill counts its attempts: one a round, and both have heard of it. */
		snprintf(expected, sizeof expected, "attempt %d", round);
		for (int i = 0; i < 2; i++) {
			assert_non_null(askers[i].object);
			assert_non_null(json_get_string(askers[i].object, "answer"));
			assert_string_equal(json_get_string(askers[i].object, "answer"), expected);
			json_decref(askers[i].object);
		}
	}
}

static void key_that_nobody_asks_for_again_is_closed_after_two_days(void **state)
{
	struct world *w = *state;
	struct askd_error error = {0};
	const struct timespec pause = {0, 5000000};
	int64_t until_us = clock_monotonic_us() + (int64_t)WAIT_S * 1000000;
	char sql[128];

	world_start(w, false);
	json_decref(ask(w, "/args", NULL, "old", 0));
	snprintf(sql, sizeof sql, "update inbox set received_us = %lld",
	        (long long)(clock_now_us() - (int64_t)49 * 3600 * 1000000));
	write_sql(w, sql);
	json_decref(ask(w, "/args", NULL, "new", 0));
	crash(w);
	world_stop(w);
	world_start(w, true);
	while (number_of(w, "select count(*) from turns where status = 'lost'") != 1) {
		if (clock_monotonic_us() > until_us)
			fail_msg("the old key was never closed");
		nanosleep(&pause, NULL);
	}
	assert_null(ask_as(w, "ada", "/args", NULL, "old", 0, &error));
	assert_int_equal(error.code, ASKD_E_NOT_FOUND);
	json_decref(ask(w, "/args", NULL, "new", 0));
	assert_int_equal(number_of(w, "select count(*) from turns where status = 'done'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                same_key_of_another_person_is_another_question, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                key_of_a_crash_is_taken_up_under_its_old_id, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                key_of_a_crash_is_taken_up_by_one_of_two, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                key_that_nobody_asks_for_again_is_closed_after_two_days, setup, teardown),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
