/* The pool: fairness, limits, urgent work, and that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "run/workers.h"

enum { MANY = 2000 };

static sem_t begun, go_on;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char order[64];
static int count;

static void hold(void *arg)
{
	(void)arg;
	sem_post(&begun);
	sem_wait(&go_on);
}

static void note(void *arg)
{
	pthread_mutex_lock(&lock);
	order[count++ % 63] = *(const char *)arg;
	pthread_mutex_unlock(&lock);
}

static void add_one(void *arg)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static int setup(void **state)
{
	(void)state;
	sem_init(&begun, 0, 0);
	sem_init(&go_on, 0, 0);
	memset(order, 0, sizeof order);
	count = 0;
	return 0;
}

static void everything_runs_once(void **state)
{
	struct workers *w = workers_create(8, MANY);
	static struct work work[MANY];
	int ran = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		work[i] = (struct work){.fn = add_one, .arg = &ran, .group = (uint64_t)i % 7};
		assert_int_equal(workers_submit(w, &work[i], NULL), ASKD_OK);
	}
	assert_true(workers_drain(w, 20000));
	assert_int_equal(ran, MANY);
	assert_true(workers_stats(w).threads <= 8);
	workers_destroy(w);
}

static void groups_take_turns_and_urgent_goes_first(void **state)
{
	struct workers *w = workers_create(1, 100);
	struct work first = {.fn = hold}, rest[7];
	static const char names[] = "AAABBCU";

	(void)state;
	assert_int_equal(workers_submit(w, &first, NULL), ASKD_OK);
	sem_wait(&begun);
	for (int i = 0; i < 7; i++) {
		rest[i] = (struct work){.fn = note,
		        .arg = (void *)(uintptr_t)&names[i],
		        .group = (uint64_t)names[i],
		        .urgent = names[i] == 'U'};
		assert_int_equal(workers_submit(w, &rest[i], NULL), ASKD_OK);
	}
	sem_post(&go_on);
	assert_true(workers_drain(w, 20000));
	assert_string_equal(order, "UABCABA");
	workers_destroy(w);
}

static void one_place_is_kept_for_urgent_work(void **state)
{
	struct workers *w = workers_create(3, 100);
	struct work plain[3], urgent = {.fn = hold, .urgent = true};

	(void)state;
	for (int i = 0; i < 3; i++) {
		plain[i] = (struct work){.fn = hold};
		assert_int_equal(workers_submit(w, &plain[i], NULL), ASKD_OK);
	}
	sem_wait(&begun);
	sem_wait(&begun);
	assert_int_equal(workers_stats(w).running, 2);
	assert_int_equal(workers_stats(w).queued, 1);
	assert_int_equal(workers_submit(w, &urgent, NULL), ASKD_OK);
	sem_wait(&begun);
	assert_int_equal(workers_stats(w).running, 3);
	for (int i = 0; i < 4; i++)
		sem_post(&go_on);
	assert_true(workers_drain(w, 20000));
	workers_destroy(w);
}

static void full_queue_refuses(void **state)
{
	struct workers *w = workers_create(1, 2);
	struct work work[4], urgent = {.fn = add_one, .arg = &count, .urgent = true};
	struct askd_error err;

	(void)state;
	for (int i = 0; i < 4; i++)
		work[i] = (struct work){.fn = hold};
	assert_int_equal(workers_submit(w, &work[0], NULL), ASKD_OK);
	sem_wait(&begun);
	assert_int_equal(workers_submit(w, &work[1], NULL), ASKD_OK);
	assert_int_equal(workers_submit(w, &work[2], NULL), ASKD_OK);
	assert_int_equal(workers_submit(w, &work[3], &err), ASKD_E_BUSY);
	assert_true(err.flags & ASKD_ERR_RETRY);
	assert_int_equal(workers_submit(w, &urgent, NULL), ASKD_OK);
	for (int i = 0; i < 3; i++)
		sem_post(&go_on);
	assert_true(workers_drain(w, 20000));
	assert_int_equal(count, 1);
	assert_int_equal(workers_submit(w, &work[0], &err), ASKD_E_BUSY);
	workers_destroy(w);
}

static void other_limits_hold_for_what_waits(void **state)
{
	struct workers *w = workers_create(2, 100);
	struct work work[6];

	(void)state;
	for (int i = 0; i < 5; i++) {
		work[i] = (struct work){.fn = hold};
		assert_int_equal(workers_submit(w, &work[i], NULL), ASKD_OK);
	}
	sem_wait(&begun);
	assert_int_equal(workers_stats(w).queued, 4);
	workers_resize(w, 5, 100);
	for (int i = 0; i < 3; i++)
		sem_wait(&begun);
	assert_int_equal(workers_stats(w).running, 4);
	/* Fewer than run already: those end, and the queue is as short as it is said to be. */
	workers_resize(w, 2, 1);
	work[5] = (struct work){.fn = hold};
	assert_int_equal(workers_submit(w, &work[5], NULL), ASKD_E_BUSY);
	for (int i = 0; i < 5; i++)
		sem_post(&go_on);
	assert_true(workers_drain(w, 20000));
	workers_destroy(w);
}

static void drain_reports_what_still_runs(void **state)
{
	struct workers *w = workers_create(2, 2);
	struct work work = {.fn = hold};

	(void)state;
	assert_int_equal(workers_submit(w, &work, NULL), ASKD_OK);
	sem_wait(&begun);
	assert_false(workers_drain(w, 1));
	sem_post(&go_on);
	assert_true(workers_drain(w, 20000));
	workers_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(everything_runs_once, setup),
	        cmocka_unit_test_setup(groups_take_turns_and_urgent_goes_first, setup),
	        cmocka_unit_test_setup(one_place_is_kept_for_urgent_work, setup),
	        cmocka_unit_test_setup(full_queue_refuses, setup),
	        cmocka_unit_test_setup(other_limits_hold_for_what_waits, setup),
	        cmocka_unit_test_setup(drain_reports_what_still_runs, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
