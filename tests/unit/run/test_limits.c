/* Rates, windows and concurrency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"
#include "run/limits.h"

static const int64_t second = 1000000;
static const int64_t start = INT64_C(1700000000) * 1000000;

static void burst_then_rate(void **state)
{
	struct config_limit limit = {.name = "question", .rate = {2, 1000000}, .burst = 3};
	struct limits *l = limits_create();
	int64_t wait = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(limits_take(l, &limit, 1, start, &wait), LIMITS_PASS);
	assert_int_equal(limits_take(l, &limit, 1, start, &wait), LIMITS_REFUSE);
	assert_int_equal(wait, second / 2);
	assert_int_equal(limits_take(l, &limit, 2, start, &wait), LIMITS_PASS); /* another's */
	assert_int_equal(limits_take(l, &limit, 1, start + wait - 1, &wait), LIMITS_REFUSE);
	assert_int_equal(wait, 1);
	assert_int_equal(limits_take(l, &limit, 1, start + second / 2, &wait), LIMITS_PASS);
	/* A clock that goes back gives nothing away and breaks nothing. */
	assert_int_equal(limits_take(l, &limit, 1, start, &wait), LIMITS_REFUSE);
	/* A long rest fills the burst and no more. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		        limits_take(l, &limit, 1, start + 3600 * second, &wait), LIMITS_PASS);
	assert_int_equal(limits_take(l, &limit, 1, start + 3600 * second, &wait), LIMITS_REFUSE);
	limits_destroy(l);
}

static void another_rate_begins_with_a_full_bucket(void **state)
{
	struct config_limit limit = {.name = "question", .rate = {1, 1000000}, .burst = 1};
	struct limits *l = limits_create();

	(void)state;
	assert_int_equal(limits_take(l, &limit, 1, start, NULL), LIMITS_PASS);
	assert_int_equal(limits_take(l, &limit, 1, start, NULL), LIMITS_REFUSE);
	limit.rate = (struct config_rate){60, 60000000};
	assert_int_equal(limits_take(l, &limit, 1, start, NULL), LIMITS_PASS);
	assert_int_equal(limits_take(l, &limit, 1, start, NULL), LIMITS_REFUSE);
	limits_destroy(l);
}

static void windows_slide_and_a_refusal_costs_nothing(void **state)
{
	struct config_rate windows[] = {{4, 60 * 1000000}, {6, INT64_C(3600) * 1000000}, {0, 0}};
	struct config_limit limit = {.name = "free", .windows = windows};
	struct limits *l = limits_create();
	int64_t wait = 0, now = start - start % (3600 * second), first;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(limits_take(l, &limit, 1, now, &wait), LIMITS_PASS);
	for (int i = 0; i < 50; i++)
		assert_int_equal(limits_take(l, &limit, 1, now, &wait), LIMITS_REFUSE);
	assert_in_range(wait, 60 * second, 120 * second);
	/* At the named time one passes, and not long before. */
	first = wait;
	assert_int_equal(limits_take(l, &limit, 1, now + first - second, &wait), LIMITS_REFUSE);
	assert_int_equal(limits_take(l, &limit, 1, now + first, &wait), LIMITS_PASS);
	now += 600 * second;
	assert_int_equal(limits_take(l, &limit, 1, now, &wait), LIMITS_PASS);
	/* Six in the hour: had refusals counted, this would have come earlier. */
	assert_int_equal(limits_take(l, &limit, 1, now, &wait), LIMITS_REFUSE);
	assert_true(wait > 1800 * second);
	limits_destroy(l);
}

struct waiting {
	struct limits *limits;
	const struct config_limit *limit;
	struct cancel *cancel;
	int64_t deadline_us;
	bool got;
};

static void *wait_for_place(void *arg)
{
	struct waiting *w = arg;

	w->got = limits_wait(w->limits, w->limit, 1, w->deadline_us, w->cancel);
	return NULL;
}

static void token_that_counts_for_nothing_comes_back(void **state)
{
	const struct config_rate windows[] = {{2, 60000000}, {0, 0}};
	struct config_limit limit = {
	        .name = "login", .rate = {2, 1000000}, .burst = 2, .windows = windows};
	struct limits *l = limits_create();
	int64_t wait = 0;

	(void)state;
	limits_return(l, &limit, 1); /* nothing was taken */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(limits_take(l, &limit, 1, start, &wait), LIMITS_PASS);
		limits_return(l, &limit, 1);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(limits_take(l, &limit, 1, start, &wait), LIMITS_PASS);
	assert_int_equal(limits_take(l, &limit, 1, start, &wait), LIMITS_REFUSE);
	limits_destroy(l);
}

static void what_is_left_is_told_and_not_taken(void **state)
{
	struct config_limit limit = {.name = "key", .rate = {2, 1000000}, .burst = 4};
	struct config_limit none = {.name = "free"};
	struct limits *l = limits_create();
	struct limits_state left = limits_look(l, &limit, 1, start);
	int64_t wait = 0;

	(void)state;
	assert_int_equal(left.size, 4);
	assert_int_equal(left.left, 4);
	assert_int_equal(left.full_us, 0);
	assert_int_equal(limits_look(l, &none, 1, start).size, 0);
	limits_take(l, &limit, 1, start, &wait);
	limits_take(l, &limit, 1, start, &wait);
	for (int i = 0; i < 3; i++)
		left = limits_look(l, &limit, 1, start);
	assert_int_equal(left.left, 2);
	assert_int_equal(left.full_us, second);
	left = limits_look(l, &limit, 1, start + second / 2);
	assert_int_equal(left.left, 3);
	assert_int_equal(left.full_us, second / 2);
	limits_destroy(l);
}

/* Whoever enters looks at buckets of others, too: on the clock by which they were filled. */
static void entering_forgets_nobodys_rate(void **state)
{
	struct config_limit rate = {.name = "key", .rate = {1, 3600 * second}, .burst = 1};
	struct config_limit place = {.name = "question", .concurrent = 1};
	struct limits *l = limits_create();
	int64_t now_us = clock_monotonic_us(), wait = 0;

	(void)state;
	assert_int_equal(limits_take(l, &rate, 1, now_us, &wait), LIMITS_PASS);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(limits_enter(l, &place, i), LIMITS_PASS);
		limits_leave(l, &place, i);
	}
	assert_int_equal(limits_take(l, &rate, 1, now_us + 1, &wait), LIMITS_REFUSE);
	limits_destroy(l);
}

static void waiting_place_becomes_a_place(void **state)
{
	struct config_limit limit = {.name = "question", .concurrent = 1, .waiting = 1};
	struct limits *l = limits_create();
	struct cancel cancel;
	struct waiting w = {l, &limit, &cancel, clock_monotonic_us() + 60 * second, false};
	pthread_t thread;

	(void)state;
	cancel_init(&cancel);
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_PASS);
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_WAIT);
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_REFUSE);
	assert_int_equal(limits_enter(l, &limit, 2), LIMITS_PASS);
	limits_leave(l, &limit, 1);
	/* The free place is the waiting one's: nobody overtakes. */
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_REFUSE);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_place, &w), 0);
	pthread_join(thread, NULL);
	assert_true(w.got);
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_WAIT);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_place, &w), 0);
	cancel_fire(&cancel);
	pthread_join(thread, NULL);
	assert_false(w.got);
	/* Its waiting place is free again. */
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_WAIT);
	w.deadline_us = 1;
	w.cancel = NULL;
	wait_for_place(&w);
	assert_false(w.got);
	limits_leave(l, &limit, 1);
	assert_int_equal(limits_enter(l, &limit, 1), LIMITS_PASS);
	cancel_finish(&cancel);
	limits_destroy(l);
}

static void many_subjects_do_not_slow_it_or_stay(void **state)
{
	struct config_limit limit = {.name = "login", .rate = {1, 1000000}, .burst = 1};
	struct limits *l = limits_create();
	int64_t now = start, wait;

	(void)state;
	for (uint64_t i = 1; i <= 200000; i++, now += 1000)
		assert_int_equal(limits_take(l, &limit, i, now, &wait), LIMITS_PASS);
	/* The last ones are remembered. */
	assert_int_equal(limits_take(l, &limit, 200000, now, &wait), LIMITS_REFUSE);
	limits_destroy(l);
}

static void addresses_become_subjects(void **state)
{
	struct limits *l = limits_create(), *other = limits_create();

	(void)state;
	assert_true(limits_subject(l, "10.0.0.1", 8) == limits_subject(l, "10.0.0.1", 8));
	assert_true(limits_subject(l, "10.0.0.1", 8) != limits_subject(l, "10.0.0.2", 8));
	assert_true(limits_subject(l, "10.0.0.1", 8) != limits_subject(other, "10.0.0.1", 8));
	assert_true(limits_subject(l, "", 0) != 0);
	limits_destroy(l);
	limits_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(burst_then_rate),
	        cmocka_unit_test(another_rate_begins_with_a_full_bucket),
	        cmocka_unit_test(windows_slide_and_a_refusal_costs_nothing),
	        cmocka_unit_test(token_that_counts_for_nothing_comes_back),
	        cmocka_unit_test(what_is_left_is_told_and_not_taken),
	        cmocka_unit_test(entering_forgets_nobodys_rate),
	        cmocka_unit_test(waiting_place_becomes_a_place),
	        cmocka_unit_test(many_subjects_do_not_slow_it_or_stay),
	        cmocka_unit_test(addresses_become_subjects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
