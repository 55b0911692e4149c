/* test_store.c: commits, isolation, the lock, migrations, the audit, seals and the key. */
#include "bench_state.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/signal.h"

static int fail_sync; /* atomic: the next flushes fail */
static int syncs;

int fsync(int fd);
int fdatasync(int fd);

static int flush(void)
{
	__atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&fail_sync, __ATOMIC_RELAXED)) {
		errno = EIO;
		return -1;
	}
	return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	(void)fd;
	return flush();
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	(void)fd;
	return flush();
}

static struct bench b;

static int setup(void **state)
{
	(void)state;
	signal_reset();
	bench_start(&b, NULL);
	bench_open(&b);
	bench_do(&b, STORE_MANAGER, "CREATE TABLE t (id bigint PRIMARY KEY, v text)");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_stop(&b);
	return 0;
}

static void missed_count_leaves_nothing(void **state)
{
	struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);

	(void)state;
	store_unit_add(unit, 1, "INSERT INTO t VALUES ($1, $2)",
	        STORE_PARAMS(store_int(1), store_string("a")));
	store_unit_add(unit, 1, "UPDATE t SET v = 'x' WHERE id = 99", NULL, 0);
	assert_int_equal(store_commit(unit, &b.err), ASKD_E_CONFLICT);
	assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT count(*) FROM t"), 0);
}

static void *insert_many(void *arg)
{
	int64_t base = (int64_t)(intptr_t)arg * 1000, failed = 0;

	for (int64_t i = 0; i < 100; i++) {
		struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);
		struct askd_error err;
		/* every fifth one meets a key that exists */
		store_unit_add(unit, 1, "INSERT INTO t VALUES ($1, 'v')",
		        STORE_PARAMS(store_int(i % 5 == 4 ? -1 : base + i)));
		failed += store_commit(unit, &err) == ASKD_E_CONFLICT;
	}
	return (void *)(intptr_t)failed;
}

static void fault_in_one_unit_spares_its_group(void **state)
{
	pthread_t threads[8];

	(void)state;
	bench_do(&b, STORE_MANAGER, "INSERT INTO t VALUES (-1, 'there')");
	for (intptr_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, insert_many, (void *)i), 0);
	for (int i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_int_equal((intptr_t)failed, 20);
	}
	assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT count(*) FROM t"), 1 + 8 * 80);
}

static void reader_cannot_write(void **state)
{
	struct store_rows rows;
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	assert_int_not_equal(store_read(b.store, STORE_MANAGER, &a, NULL,
	                             ASKD_LITERAL("INSERT INTO t VALUES (5, 'x') RETURNING id"),
	                             NULL, 0, 10, &rows, &b.err),
	        0);
	assert_int_equal(store_read(b.store, STORE_MANAGER, &a, "skill_",
	                         ASKD_LITERAL("SELECT * FROM t"), NULL, 0, 10, &rows, &b.err),
	        ASKD_E_DENIED);
	bench_do(&b, STORE_MANAGER, "INSERT INTO t VALUES (1, 'x'), (2, 'y')");
	assert_int_equal(store_read(b.store, STORE_MANAGER, &a, NULL,
	                         ASKD_LITERAL("SELECT * FROM t"), NULL, 0, 1, &rows, &b.err),
	        ASKD_E_TOO_LARGE);
	arena_finish(&a);
	assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT count(*) FROM t"), 2);
}

static void second_store_is_refused_with_the_holder(void **state)
{
	char pid[32];

	(void)state;
	snprintf(pid, sizeof pid, "process %ld", (long)getpid());
	assert_null(store_open(b.config, &b.err));
	assert_int_equal(b.err.code, ASKD_E_CONFLICT);
	assert_non_null(strstr(b.err.message, pid));
}

static void each_commit_is_flushed(void **state)
{
	int before = __atomic_load_n(&syncs, __ATOMIC_RELAXED);

	(void)state;
	bench_do(&b, STORE_MANAGER, "INSERT INTO t VALUES (1, 'x')");
	assert_true(__atomic_load_n(&syncs, __ATOMIC_RELAXED) > before);
}

static int fatal;

static void on_fatal(void *arg, const void *data)
{
	(void)arg, (void)data;
	__atomic_add_fetch(&fatal, 1, __ATOMIC_RELAXED);
}

static void failed_flush_stops_the_store(void **state)
{
	int32_t rc;

	(void)state;
	fatal = 0;
	signal_subscribe(SIGNAL_STORE_FATAL, on_fatal, NULL);
	__atomic_store_n(&fail_sync, 1, __ATOMIC_RELAXED);
	rc = bench_write(&b, STORE_MANAGER, 1, "INSERT INTO t VALUES (1, 'x')");
	__atomic_store_n(&fail_sync, 0, __ATOMIC_RELAXED);
	assert_int_equal(rc, ASKD_E_IO);
	assert_true(b.err.flags & ASKD_ERR_MAYBE_DONE);
	assert_int_equal(__atomic_load_n(&fatal, __ATOMIC_RELAXED), 1);
	assert_int_equal(
	        bench_write(&b, STORE_MANAGER, 1, "INSERT INTO t VALUES (2, 'x')"), ASKD_E_IO);
	assert_int_equal(__atomic_load_n(&fatal, __ATOMIC_RELAXED), 1);
}

static void changed_or_newer_migrations_are_refused(void **state)
{
	static const struct askd_migration one = {sizeof one, 1, "CREATE TABLE m (a bigint)"},
	                                   other = {sizeof one, 1, "CREATE TABLE m (b bigint)"},
	                                   two = {sizeof one, 2,
	                                           "CREATE TABLE n (a bigint);\n"
	                                           "INSERT INTO n VALUES (7);\n"},
	                                   bad = {sizeof one, 3,
	                                           "CREATE TABLE o (a bigint);\nNONSENSE"};
	static const struct askd_migration
	        *const first[] = {&one, NULL},
	               *const changed[] = {&other, NULL}, *const both[] = {&one, &two, NULL},
	               *const broken[] = {&one, &two, &bad, NULL}, *const none[] = {NULL};
	char backup[128];

	(void)state;
	assert_int_equal(store_migrate(b.store, STORE_MANAGER, "r", first, &b.err), 0);
	assert_int_equal(store_migrate(b.store, STORE_MANAGER, "r", first, &b.err), 0);
	assert_int_equal(
	        store_migrate(b.store, STORE_MANAGER, "r", changed, &b.err), ASKD_E_CONFIG);
	assert_int_equal(store_migrate(b.store, STORE_MANAGER, "r", none, &b.err), ASKD_E_CONFIG);
	assert_non_null(strstr(b.err.message, "newer"));
	bench_close(&b);
	bench_open(&b);
	if (store_migrate(b.store, STORE_MANAGER, "r", both, &b.err))
		fail_msg("%s", b.err.message);
	assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT a FROM n"), 7);
	snprintf(backup, sizeof backup, "%s/state/manager.db.before-3", b.folder);
	assert_int_equal(access(backup, R_OK), 0);
	assert_int_not_equal(store_migrate(b.store, STORE_MANAGER, "r", broken, &b.err), 0);
	assert_int_equal(
	        bench_int(&b, STORE_MANAGER, "SELECT count(*) FROM migrations WHERE room = 'r'"),
	        2);
	assert_int_not_equal(store_migrate(b.store, STORE_MANAGER, "skill/ours", first, &b.err), 0);
}

static void write_entries(int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(audit_write(b.store,
		                         &(struct audit_entry){.action = "test.done",
		                                 .subject = i % 2 ? "s" : NULL,
		                                 .details = "{}"},
		                         &b.err),
		        0);
}

static void tampered_audit_is_found(void **state)
{
	static const char *const hands[] = {"UPDATE audit SET subject = 'other' WHERE number = 4",
	        "DELETE FROM audit WHERE number = 4", "DELETE FROM audit WHERE number >= 9",
	        "DELETE FROM audit", "UPDATE audit SET at_us = at_us + 1 WHERE number = 10",
	        "UPDATE audit SET number = CASE number WHEN 4 THEN -5 ELSE -4 END "
	        "WHERE number IN (4, 5)",
	        "DELETE FROM meta WHERE name = 'audit_head'",
	        "UPDATE meta SET value = substr(value, 1, 40) || substr(value, 1, 32) "
	        "WHERE name = 'audit_head'"};
	uint64_t rows;

	(void)state;
	for (size_t i = 0; i < sizeof hands / sizeof *hands; i++) {
		write_entries(9);
		assert_int_equal(audit_verify(b.store, &rows, &b.err), 0);
		assert_int_equal(rows, 10);
		bench_do(&b, STORE_MANAGER, hands[i]);
		if (!audit_verify(b.store, &rows, &b.err))
			fail_msg("not found: %s", hands[i]);
		assert_int_equal(b.err.code, ASKD_E_CONFLICT);
		/* and it stays visible after a start and further entries */
		bench_close(&b);
		bench_open(&b);
		write_entries(2);
		if (!audit_verify(b.store, &rows, &b.err))
			fail_msg("healed: %s", hands[i]);
		teardown(NULL);
		setup(NULL);
	}
}

static void audit_of_a_failed_unit_leaves_no_gap(void **state)
{
	struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);
	uint64_t rows;

	(void)state;
	audit_add(unit, &(struct audit_entry){.action = "test.lost"});
	store_unit_add(unit, 1, "UPDATE t SET v = 'x' WHERE id = 99", NULL, 0);
	assert_int_equal(store_commit(unit, &b.err), ASKD_E_CONFLICT);
	write_entries(1);
	assert_int_equal(audit_verify(b.store, &rows, &b.err), 0);
	assert_int_equal(rows, 2);
}

static void seal_holds_to_its_place_and_key(void **state)
{
	struct askd_bytes sealed, plain;
	struct arena a;
	uint64_t rows;
	char path[128];
	FILE *file;

	(void)state;
	arena_init(&a, 0);
	bench_do(&b, STORE_MANAGER, "CREATE TABLE box (id bigint, payload bytea)");
	assert_int_equal(
	        store_seal(b.store, &a, "box|1", (struct askd_bytes){"hush", 4}, &sealed, &b.err),
	        0);
	assert_int_equal(store_unseal(b.store, &a, "box|1", sealed, &plain, &b.err), 0);
	assert_memory_equal(plain.p, "hush", 4);
	assert_int_equal(
	        store_unseal(b.store, &a, "box|2", sealed, &plain, &b.err), ASKD_E_PROTOCOL);
	{
		struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);
		store_unit_add(unit, 1, "INSERT INTO box VALUES (1, $1)",
		        STORE_PARAMS(store_bytes(sealed.p, sealed.n)));
		assert_int_equal(store_commit(unit, &b.err), 0);
	}
	bench_close(&b);
	snprintf(path, sizeof path, "%s/state/master.key", b.folder);
	assert_int_equal(unlink(path), 0);
	assert_null(store_open(b.config, &b.err));
	assert_int_equal(b.err.code, ASKD_E_CONFIG);
	assert_non_null(strstr(b.err.message, "1 in box"));
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 32; i++)
		fputs("ab", file);
	fclose(file);
	assert_null(store_open(b.config, &b.err));
	assert_non_null(strstr(b.err.message, "forget-sealed"));
	assert_int_equal(store_forget_sealed(b.config, &rows, &b.err), 0);
	assert_int_equal(rows, 1);
	bench_open(&b);
	assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT count(payload) FROM box"), 0);
	assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT count(*) FROM box"), 1);
	assert_int_equal(store_unseal(b.store, &a, "box|1", sealed, &plain, &b.err), ASKD_E_CONFIG);
	assert_int_equal(audit_verify(b.store, &rows, &b.err), 0);
	arena_finish(&a);
}

/* A child writes pairs until it is killed: whole pairs are there, and all that were confirmed. */
static void killed_process_loses_nothing_confirmed(void **state)
{
	(void)state;
	bench_do(&b, STORE_MANAGER, "CREATE TABLE pairs (id bigint PRIMARY KEY)");
	for (int round = 0; round < 5; round++) {
		int pipes[2];
		int64_t last = -1, confirmed;
		pid_t child;

		bench_close(&b);
		assert_int_equal(pipe(pipes), 0);
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			bench_open(&b);
			for (int64_t i = 0;; i++) {
				struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);
				int64_t id = round * 1000000 + 2 * i;
				store_unit_add(unit, 2, "INSERT INTO pairs VALUES ($1), ($1 + 1)",
				        STORE_PARAMS(store_int(id)));
				if (store_commit(unit, &b.err) ||
				        write(pipes[1], &id, sizeof id) != sizeof id)
					_exit(1);
			}
		}
		close(pipes[1]);
		for (int n = 0; n < 20 + 7 * round; n++)
			assert_int_equal(read(pipes[0], &last, sizeof last), sizeof last);
		kill(child, SIGKILL);
		while (read(pipes[0], &confirmed, sizeof confirmed) == sizeof confirmed)
			last = confirmed;
		close(pipes[0]);
		waitpid(child, NULL, 0);
		bench_open(&b);
		assert_true(bench_int(&b, STORE_MANAGER, "SELECT max(id) FROM pairs") >= last + 1);
		assert_int_equal(bench_int(&b, STORE_MANAGER, "SELECT count(*) % 2 FROM pairs"), 0);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(missed_count_leaves_nothing),
	        TEST(fault_in_one_unit_spares_its_group), TEST(reader_cannot_write),
	        TEST(second_store_is_refused_with_the_holder), TEST(each_commit_is_flushed),
	        TEST(failed_flush_stops_the_store), TEST(changed_or_newer_migrations_are_refused),
	        TEST(tampered_audit_is_found), TEST(audit_of_a_failed_unit_leaves_no_gap),
	        TEST(seal_holds_to_its_place_and_key),
	        TEST(killed_process_loses_nothing_confirmed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
