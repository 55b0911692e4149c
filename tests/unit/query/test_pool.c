/* Connections: one user at a time, first come first served, never used in doubt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "query/pool.h"
#include "test_query_driver.h"

static struct pool pool;

static int setup(void **state)
{
	(void)state;
	fake_begin();
	return pool_init(&pool, &fake_instance, NULL, "sales", NULL);
}

static int teardown(void **state)
{
	(void)state;
	pool_finish(&pool);
	return fake.connects == fake.disconnects ? 0 : -1;
}

static void connections_are_kept_and_proved(void **state)
{
	struct pool_connection *c, *again;
	struct asker a;
	struct pool_work work = {.scope = &a.scope};

	(void)state;
	asker_init(&a);
	assert_int_equal(pool_take(&pool, &work, &c, &a.err), ASKD_OK);
	pool_give(c, true);
	assert_int_equal(pool_take(&pool, &work, &again, &a.err), ASKD_OK);
	assert_ptr_equal(c, again);
	assert_int_equal(fake.connects, 1);
	assert_int_equal(fake.resets, 1);
	pool_give(again, false); /* in doubt */
	assert_int_equal(fake.disconnects, 1);
	assert_int_equal(pool_take(&pool, &work, &c, &a.err), ASKD_OK);
	assert_int_equal(fake.connects, 2);
	pool_give(c, true);
	/* The server went away meanwhile: one fresh attempt, unseen by the caller. */
	fake.fail_resets = 1;
	fake.fail_connects = 1;
	assert_int_equal(pool_take(&pool, &work, &c, &a.err), ASKD_OK);
	assert_int_equal(fake.connects, 3);
	pool_give(c, false);
	fake.fail_connects = 2;
	assert_int_equal(pool_take(&pool, &work, &c, &a.err), ASKD_E_IO);
	assert_int_equal(pool.open, 0);
	asker_finish(&a);
}

static void few_idle_ones_are_kept(void **state)
{
	struct pool_connection *c[POOL_MAX];
	struct asker a;
	struct pool_work work = {.scope = &a.scope};

	(void)state;
	asker_init(&a);
	for (int i = 0; i < POOL_MAX; i++)
		assert_int_equal(pool_take(&pool, &work, &c[i], &a.err), ASKD_OK);
	work.deadline_us = clock_monotonic_us() + 20000;
	assert_int_equal(pool_take(&pool, &work, &c[0], &a.err), ASKD_E_TIMEOUT);
	for (int i = 0; i < POOL_MAX; i++)
		pool_give(c[i], true);
	assert_int_equal(pool.open, POOL_IDLE);
	assert_int_equal(fake.disconnects, POOL_MAX - POOL_IDLE);
	/* Those that nobody used for a minute go. */
	for (struct pool_connection *at = pool.idle; at; at = at->next)
		at->idle_since_us -= POOL_IDLE_US + 1;
	work.deadline_us = 0;
	assert_int_equal(pool_take(&pool, &work, &c[0], &a.err), ASKD_OK);
	assert_int_equal(pool.open, 1);
	pool_give(c[0], true);
	asker_finish(&a);
}

struct taker {
	struct asker asker;
	struct pool_connection *got;
	int32_t rc;
	int order;
};
static int order;

static void *take(void *arg)
{
	struct taker *t = arg;
	struct pool_work work = {.scope = &t->asker.scope};

	t->rc = pool_take(&pool, &work, &t->got, &t->asker.err);
	if (!t->rc) {
		t->order = __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST);
		pool_give(t->got, true);
	}
	return NULL;
}

static size_t waiters(void)
{
	size_t n;

	pthread_mutex_lock(&pool.lock);
	n = pool.first ? pool.last == pool.first ? 1 : 2 : 0;
	pthread_mutex_unlock(&pool.lock);
	return n;
}

static void first_come_first_served_and_cancel_ends_the_wait(void **state)
{
	struct taker first, second, canceled;
	struct pool_connection *c;
	struct asker a;
	struct pool_work work = {.scope = &a.scope};
	pthread_t threads[2], other;

	(void)state;
	order = 0;
	pool.max = 1;
	asker_init(&a);
	asker_init(&first.asker);
	asker_init(&second.asker);
	asker_init(&canceled.asker);
	assert_int_equal(pool_take(&pool, &work, &c, &a.err), ASKD_OK);
	assert_int_equal(pthread_create(&other, NULL, take, &canceled), 0);
	while (waiters() < 1)
		sched_yield();
	cancel_fire(&canceled.asker.cancel);
	pthread_join(other, NULL);
	assert_int_equal(canceled.rc, ASKD_E_CANCELED);
	assert_int_equal(pthread_create(&threads[0], NULL, take, &first), 0);
	while (waiters() < 1)
		sched_yield();
	assert_int_equal(pthread_create(&threads[1], NULL, take, &second), 0);
	while (waiters() < 2)
		sched_yield();
	pool_give(c, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(first.rc, ASKD_OK);
	assert_int_equal(second.rc, ASKD_OK);
	assert_int_equal(first.order, 1);
	assert_int_equal(second.order, 2);
	assert_int_equal(fake.connects, 1);
	asker_finish(&a);
	asker_finish(&first.asker);
	asker_finish(&second.asker);
	asker_finish(&canceled.asker);
}

static void *fire(void *arg)
{
	cancel_fire(arg);
	return NULL;
}

static void interrupt_never_overlaps_finish(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		struct pool_connection *c;
		struct pool_guard guard;
		struct asker a;
		struct pool_work work = {.scope = &a.scope};
		pthread_t thread;

		asker_init(&a);
		assert_int_equal(pool_take(&pool, &work, &c, &a.err), ASKD_OK);
		pool_guard_begin(&guard, c, &work);
		assert_int_equal(pthread_create(&thread, NULL, fire, &a.cancel), 0);
		for (int j = 0; j < i % 8; j++)
			sched_yield();
		pool_guard_end(&guard, c->handle, ASKD_OK, &a.err);
		pool_give(c, true);
		pthread_join(thread, NULL);
		asker_finish(&a);
	}
	assert_int_equal(fake.overlaps, 0);
	assert_int_equal(fake.late, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(connections_are_kept_and_proved, setup, teardown),
	        cmocka_unit_test_setup_teardown(few_idle_ones_are_kept, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                first_come_first_served_and_cancel_ends_the_wait, setup, teardown),
	        cmocka_unit_test_setup_teardown(interrupt_never_overlaps_finish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
