/* Timers fire in their order, once, and never after they were cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "base/clock.h"
#include "run/timers.h"

enum { MANY = 200 };

static sem_t fired;
static int64_t fired_at[MANY];
static int count;

static void note(void *arg)
{
	fired_at[__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST)] = *(int64_t *)arg;
	sem_post(&fired);
}

static int setup(void **state)
{
	(void)state;
	sem_init(&fired, 0, 0);
	count = 0;
	return 0;
}

static void they_fire_in_the_order_of_time(void **state)
{
	struct timers *t = timers_create();
	struct timer timers[MANY];
	int64_t at[MANY], now = clock_monotonic_us();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		at[i] = now + 20000 + (i * 7919) % MANY * 10;
		timers[i] = (struct timer){.fn = note, .arg = &at[i]};
		assert_true(timers_set(t, &timers[i], at[i]));
	}
	for (int i = 0; i < MANY; i++)
		sem_wait(&fired);
	for (int i = 1; i < MANY; i++)
		assert_true(fired_at[i - 1] <= fired_at[i]);
	timers_destroy(t);
}

static void cleared_ones_do_not_fire_and_moved_ones_fire_once(void **state)
{
	struct timers *t = timers_create();
	int64_t one = 1, two = 2, now = clock_monotonic_us();
	struct timer a = {.fn = note, .arg = &one}, b = {.fn = note, .arg = &two};

	(void)state;
	assert_true(timers_set(t, &a, now + 5000));
	assert_true(timers_set(t, &b, now + INT64_C(3600) * 1000000));
	timers_clear(t, &a);
	assert_int_equal(a.index, 0);
	assert_true(timers_set(t, &b, now)); /* earlier than it was */
	sem_wait(&fired);
	timers_clear(t, &b);
	assert_int_equal(count, 1);
	assert_int_equal(fired_at[0], 2);
	timers_clear(t, &a); /* not set: fine */
	timers_destroy(t);
}

static sem_t inside, leave;
static int left;

static void linger(void *arg)
{
	(void)arg;
	sem_post(&inside);
	sem_wait(&leave);
	__atomic_store_n(&left, 1, __ATOMIC_SEQ_CST);
}

static void let_go(void *arg)
{
	(void)arg;
	sem_post(&leave);
}

static void clear_waits_for_the_function(void **state)
{
	struct timers *t = timers_create(), *other = timers_create();
	struct timer slow = {.fn = linger}, later = {.fn = let_go};

	(void)state;
	sem_init(&inside, 0, 0);
	sem_init(&leave, 0, 0);
	assert_true(timers_set(t, &slow, 0));
	sem_wait(&inside);
	assert_true(timers_set(other, &later, clock_monotonic_us() + 20000));
	timers_clear(t, &slow);
	assert_int_equal(__atomic_load_n(&left, __ATOMIC_SEQ_CST), 1);
	timers_destroy(other);
	timers_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(they_fire_in_the_order_of_time, setup),
	        cmocka_unit_test_setup(cleared_ones_do_not_fire_and_moved_ones_fire_once, setup),
	        cmocka_unit_test_setup(clear_waits_for_the_function, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
