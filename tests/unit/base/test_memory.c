/* Arenas, error helpers, cancellation, signals, clock, ids, test points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/signal.h"
#include "base/testpoint.h"

static void arena_memory_is_aligned_and_apart(void **state)
{
	struct arena a;
	unsigned char *blocks[300];

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < 300; i++) {
		blocks[i] = arena_alloc(&a, i * 37);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)i, i * 37);
	}
	for (size_t i = 1; i < 300; i++) {
		assert_int_equal(blocks[i][0], (unsigned char)i);
		assert_int_equal(blocks[i][i * 37 - 1], (unsigned char)i);
	}
	assert_non_null(arena_alloc(&a, 3 << 20));
	assert_string_equal(arena_print(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(arena_string(&a, "abc"), "abc");
	assert_null(arena_string(&a, NULL));
	assert_null(arena_text(&a, (struct askd_text){NULL, 0}).s);
	assert_int_equal(arena_text(&a, ASKD_LITERAL("four")).n, 4);
	assert_false(a.full);
	arena_reset(&a);
	assert_non_null(a.blocks);
	assert_int_equal(a.used, 0);
	assert_int_equal(*(char *)arena_zalloc(&a, 100), 0);
	arena_finish(&a);
	assert_null(a.blocks);
}

static void arena_limit_is_sticky(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 64);
	assert_non_null(arena_alloc(&a, 48));
	assert_null(arena_alloc(&a, 17));
	assert_true(a.full);
	assert_non_null(arena_alloc(&a, 16));
	assert_true(a.full);
	assert_null(arena_print(&a, "too much"));
	arena_reset(&a);
	assert_false(a.full);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_copy(&a, "", SIZE_MAX));
	assert_true(a.full);
	arena_finish(&a);
}

static void error_names_go_both_ways(void **state)
{
	(void)state;
	for (int32_t code = -1; code >= ASKD_E_LAST; code--)
		assert_int_equal(error_code(error_name(code)), code);
	assert_string_equal(error_name(ASKD_E_STATEMENT), "STATEMENT");
	assert_string_equal(error_name(0), "OK");
	assert_string_equal(error_name(1), "?");
	assert_string_equal(error_name(ASKD_E_LAST - 1), "?");
	assert_int_equal(error_code("nonsense"), 0);
}

static void prefix_cuts_at_a_character(void **state)
{
	struct askd_error err = {.code = ASKD_E_IO, .flags = ASKD_ERR_RETRY}, copy;

	(void)state;
	strcpy(err.message, "refused");
	error_prefix(&err, "llm/%s", "main");
	assert_string_equal(err.message, "llm/main: refused");
	error_prefix(NULL, "x");
	for (size_t i = 0; i + 1 < sizeof err.message; i += 3)
		memcpy(err.message + i, "\xe2\x82\xac", 3);
	err.message[sizeof err.message - 1] = 0;
	error_prefix(&err, "x");
	assert_int_equal(strlen(err.message) % 3, 0);
	assert_true(strlen(err.message) > 440);
	assert_int_equal(error_copy(&copy, &err), ASKD_E_IO);
	assert_int_equal(copy.flags, ASKD_ERR_RETRY);
	assert_int_equal(error_copy(NULL, &err), ASKD_E_IO);
}

static void count_up(void *arg)
{
	++*(_Atomic int *)arg;
}

static void hook_is_told_once(void **state)
{
	_Atomic int told = 0, removed = 0, late = 0;
	struct cancel_hook a = {.fn = count_up, .arg = &told};
	struct cancel_hook b = {.fn = count_up, .arg = &removed};
	struct cancel_hook c = {.fn = count_up, .arg = &late};
	struct cancel cancel;

	(void)state;
	cancel_init(&cancel);
	cancel_hook_add(&cancel, &a);
	cancel_hook_add(&cancel, &b);
	cancel_hook_remove(&cancel, &b);
	assert_false(cancel_fired(&cancel));
	cancel_fire(&cancel);
	cancel_fire(&cancel);
	assert_true(cancel_fired(&cancel));
	assert_int_equal(cancel.word, 1);
	cancel_hook_add(&cancel, &c);
	cancel_hook_remove(&cancel, &a);
	cancel_hook_remove(&cancel, &c);
	assert_int_equal(told, 1);
	assert_int_equal(removed, 0);
	assert_int_equal(late, 1);
	cancel_finish(&cancel);
	cancel_finish(NULL);
}

struct slow {
	_Atomic int entered, release, left;
};

static void slow_hook(void *arg)
{
	struct slow *slow = arg;

	slow->entered = 1;
	while (!slow->release)
		sched_yield();
	slow->left = 1;
}

static void *fire(void *arg)
{
	cancel_fire(arg);
	return NULL;
}

struct removal {
	struct cancel *cancel;
	struct cancel_hook *hook;
	struct slow *slow;
	int saw_left;
	_Atomic int started;
};

static void *remove_hook(void *arg)
{
	struct removal *removal = arg;

	removal->started = 1;
	cancel_hook_remove(removal->cancel, removal->hook);
	removal->saw_left = removal->slow->left;
	return NULL;
}

static void removal_waits_for_a_running_hook(void **state)
{
	struct slow slow = {0};
	struct cancel_hook hook = {.fn = slow_hook, .arg = &slow};
	struct cancel cancel;
	struct removal removal = {&cancel, &hook, &slow, 0, 0};
	pthread_t firing, removing;

	(void)state;
	cancel_init(&cancel);
	cancel_hook_add(&cancel, &hook);
	assert_int_equal(pthread_create(&firing, NULL, fire, &cancel), 0);
	while (!slow.entered)
		sched_yield();
	assert_int_equal(pthread_create(&removing, NULL, remove_hook, &removal), 0);
	while (!removal.started)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
	slow.release = 1;
	pthread_join(removing, NULL);
	pthread_join(firing, NULL);
	assert_int_equal(removal.saw_left, 1);
	cancel_finish(&cancel);
}

struct self_removal {
	struct cancel cancel;
	struct cancel_hook hook;
	int called;
};

static void remove_myself(void *arg)
{
	struct self_removal *self = arg;

	self->called++;
	cancel_hook_remove(&self->cancel, &self->hook);
}

static void hook_may_remove_itself(void **state)
{
	struct self_removal self = {.hook = {.fn = remove_myself}};

	(void)state;
	cancel_init(&self.cancel);
	self.hook.arg = &self;
	cancel_hook_add(&self.cancel, &self.hook);
	cancel_fire(&self.cancel);
	assert_int_equal(self.called, 1);
	cancel_finish(&self.cancel);
}

static void note(void *arg, const void *data)
{
	*(uint64_t *)arg += *(const uint64_t *)data;
}

static void signal_reaches_its_subscribers_only(void **state)
{
	uint64_t first = 0, second = 0, other = 0, person = 7;

	(void)state;
	signal_reset();
	signal_subscribe(SIGNAL_PERSON_CHANGED, note, &first);
	signal_subscribe(SIGNAL_PERSON_CHANGED, note, &second);
	signal_subscribe(SIGNAL_KEY_REVOKED, note, &other);
	signal_raise(SIGNAL_PERSON_CHANGED, &person);
	assert_int_equal(first, 7);
	assert_int_equal(second, 7);
	assert_int_equal(other, 0);
	signal_reset();
	signal_raise(SIGNAL_PERSON_CHANGED, &person);
	assert_int_equal(first, 7);
}

static void clock_can_be_set(void **state)
{
	char out[28];

	(void)state;
	assert_string_equal(clock_format(INT64_C(1795262624123456), out, sizeof out),
	        "2026-11-21T12:03:44.123456Z");
	assert_string_equal(clock_format(-1, out, sizeof out), "1969-12-31T23:59:59.999999Z");
	clock_set_us(INT64_C(1000000000000000));
	assert_true(clock_now_us() >= INT64_C(1000000000000000));
	assert_true(clock_now_us() < INT64_C(1000000060000000));
	clock_set_us(0);
	assert_true(clock_now_us() > INT64_C(1700000000000000));
	assert_true(clock_monotonic_us() <= clock_monotonic_us());
}

#ifdef ASKD_FAULTS
/* The variable is read once, at start: this program runs itself again. */
static void clock_starts_where_the_environment_says(void **state)
{
	char program[256], command[400], line[64] = "";
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	FILE *child;
	long long now_us;

	(void)state;
	assert_true(n > 0);
	program[n] = 0;
	snprintf(command, sizeof command, "ASKD_TEST_NOW=1000000000000000 '%s' now", program);
	child = popen(command, "r");
	assert_non_null(child);
	assert_non_null(fgets(line, sizeof line, child));
	assert_int_equal(pclose(child), 0);
	now_us = atoll(line);
	assert_true(now_us >= 1000000000000000 && now_us < 1000000060000000);
}
#endif

enum { IDS = 20000 };

static void *make_ids(void *arg)
{
	uint64_t *ids = arg;

	for (size_t i = 0; i < IDS; i++)
		ids[i] = id_make();
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void ids_are_unique_and_grow(void **state)
{
	static uint64_t ids[2 * IDS];
	pthread_t other;
	uint64_t before, after;

	(void)state;
	assert_int_equal(pthread_create(&other, NULL, make_ids, ids), 0);
	make_ids(ids + IDS);
	pthread_join(other, NULL);
	for (size_t i = 1; i < IDS; i++)
		assert_true(ids[IDS + i] > ids[IDS + i - 1]);
	qsort(ids, 2 * IDS, sizeof *ids, compare);
	for (size_t i = 1; i < 2 * IDS; i++)
		assert_true(ids[i] != ids[i - 1]);
	assert_true(ids[0] > 0 && ids[2 * IDS - 1] <= INT64_MAX);
	/* A clock that goes back does not give an id twice. */
	before = id_make();
	clock_set_us(INT64_C(1000000000000000));
	after = id_make();
	clock_set_us(0);
	assert_true(after > before);
	assert_int_equal(before >> 21 >= UINT64_C(1700000000000), 1);
}

static void chance_differs(void **state)
{
	unsigned char a[64] = {0}, b[64] = {0};

	(void)state;
	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	random_bytes(a, 0);
}

/* Bytes are fetched in advance: a child must not hand out those of its parent. */
static void a_child_has_chances_of_its_own(void **state)
{
	unsigned char a[16], b[16];
	int ends[2], status = 1;
	pid_t child;

	(void)state;
	random_bytes(a, 1);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		random_bytes(a, sizeof a);
		_exit(write(ends[1], a, sizeof a) != sizeof a);
	}
	random_bytes(b, sizeof b);
	assert_int_equal(read(ends[0], a, sizeof a), sizeof a);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_memory_not_equal(a, b, sizeof a);
	close(ends[0]);
	close(ends[1]);
}

#ifdef ASKD_FAULTS
static int passes_until_killed(const char *kill, int passes)
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		setenv("ASKD_TEST_KILL", kill, 1);
		for (int i = 0; i < passes; i++) {
			TESTPOINT("other");
			TESTPOINT("stored");
		}
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void testpoint_kills_at_the_named_pass(void **state)
{
	(void)state;
	assert_int_equal(passes_until_killed("stored:3", 3), SIGKILL);
	assert_int_equal(passes_until_killed("stored:3", 2), 0);
	assert_int_equal(passes_until_killed("nowhere:1", 5), 0);
}

static void testpoint_holds_while_the_file_exists(void **state)
{
	char file[] = "/tmp/askd-hold-XXXXXX", variable[64];
	int fd = mkstemp(file), ready[2], status = -1;
	char byte;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(variable, sizeof variable, "stored:%s", file);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		setenv("ASKD_TEST_HOLD", variable, 1);
		if (write(ready[1], "a", 1) != 1)
			_exit(1);
		TESTPOINT("stored");
		_exit(access(file, F_OK) ? 0 : 2);
	}
	assert_true(child > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	unlink(file);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(ready[0]);
	close(ready[1]);
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(arena_memory_is_aligned_and_apart),
	        cmocka_unit_test(arena_limit_is_sticky), cmocka_unit_test(error_names_go_both_ways),
	        cmocka_unit_test(prefix_cuts_at_a_character), cmocka_unit_test(hook_is_told_once),
	        cmocka_unit_test(removal_waits_for_a_running_hook),
	        cmocka_unit_test(hook_may_remove_itself),
	        cmocka_unit_test(signal_reaches_its_subscribers_only),
	        cmocka_unit_test(clock_can_be_set), cmocka_unit_test(ids_are_unique_and_grow),
	        cmocka_unit_test(chance_differs), cmocka_unit_test(a_child_has_chances_of_its_own),
#ifdef ASKD_FAULTS
	        cmocka_unit_test(clock_starts_where_the_environment_says),
	        cmocka_unit_test(testpoint_kills_at_the_named_pass),
	        cmocka_unit_test(testpoint_holds_while_the_file_exists)
#endif
	};

	if (argc > 1 && !strcmp(argv[1], "now"))
		return printf("%lld\n", (long long)clock_now_us()) < 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
