/* test_sqlite_writer.c: the driver in store mode: durability, prefixes, conflicts, failing disks.
 */
#include <time.h>

#include "driver.h"

static char folder[256], path[300];
static void *instance, *connection;

/* ---- a file system whose syncs and writes fail when told so ---- */

static sqlite3_vfs failing, *real;
/* Files of different kinds have different methods: a copy of each, with two replaced. */
static struct {
	sqlite3_io_methods ours;
	const sqlite3_io_methods *theirs;
} methods[8];
static int sync_result, write_result, syncs;

static const sqlite3_io_methods *theirs(sqlite3_file *file)
{
	for (size_t i = 0; i < 8; i++)
		if (file->pMethods == &methods[i].ours)
			return methods[i].theirs;
	abort();
}

static int fail_sync(sqlite3_file *file, int flags)
{
	syncs++;
	return sync_result ? sync_result : theirs(file)->xSync(file, flags);
}

static int fail_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	return write_result ? write_result : theirs(file)->xWrite(file, p, n, at);
}

static int fail_open(
        sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	int rc = real->xOpen(real, name, file, flags, out_flags);
	(void)vfs;
	for (size_t i = 0; rc == SQLITE_OK && file->pMethods && i < 8; i++) {
		if (methods[i].theirs && methods[i].theirs != file->pMethods)
			continue;
		methods[i].theirs = file->pMethods;
		methods[i].ours = *file->pMethods;
		methods[i].ours.xSync = fail_sync;
		methods[i].ours.xWrite = fail_write;
		file->pMethods = &methods[i].ours;
		break;
	}
	return rc;
}

static int load(void **state)
{
	(void)state;
	driver_load();
	PLAIN(sqlite3_initialize)();
	real = PLAIN(sqlite3_vfs_find)(NULL);
	failing = *real;
	failing.zName = "failing";
	failing.xOpen = fail_open;
	return PLAIN(sqlite3_vfs_register)(&failing, 1);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/askd-store-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/manager.db", folder);
	instance = driver_instance(path, 100);
	connection = driver_connect(instance, ASKD_DB_WRITE | ASKD_DB_DURABLE);
	driver_expect(connection,
	        "CREATE TABLE p_a(id bigint PRIMARY KEY, u text UNIQUE, n text NOT NULL)", "");
	driver_expect(connection,
	        "CREATE TABLE p_b(id bigint PRIMARY KEY, a bigint REFERENCES p_a(id))", "");
	driver_expect(connection, "CREATE TABLE other(id bigint PRIMARY KEY, secret text)", "");
	return 0;
}

static int tear_down(void **state)
{
	char command[400];
	(void)state;
	sync_result = write_result = 0;
	driver_disconnect(connection);
	free(instance);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static void the_file_is_private_and_logged_ahead(void **state)
{
	struct stat st;
	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	driver_expect(connection, "PRAGMA journal_mode", "twal|\n");
	driver_expect(connection, "PRAGMA synchronous", "i2|\n");
	driver_expect(connection, "PRAGMA foreign_keys", "i1|\n");
}

static void durable_commits_are_synced_and_others_are_not(void **state)
{
	void *lazy = driver_connect(instance, ASKD_DB_WRITE);
	(void)state;
	syncs = 0;
	driver_expect(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", "");
	assert_true(syncs > 0);
	syncs = 0;
	driver_expect(lazy, "INSERT INTO p_a VALUES (2, 'b', 'x')", "");
	assert_int_equal(syncs, 0);
	driver_disconnect(lazy);
}

static void keys_that_are_missed_are_conflicts(void **state)
{
	struct askd_error err;
	(void)state;
	driver_expect(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", "");
	err = driver_expect_error(
	        connection, "INSERT INTO p_a VALUES (1, 'b', 'x')", ASKD_E_CONFLICT);
	assert_string_equal(err.native, "SQLITE_CONSTRAINT_PRIMARYKEY");
	err = driver_expect_error(
	        connection, "INSERT INTO p_a VALUES (2, 'a', 'x')", ASKD_E_CONFLICT);
	assert_string_equal(err.native, "SQLITE_CONSTRAINT_UNIQUE");
	err = driver_expect_error(connection, "INSERT INTO p_b VALUES (1, 77)", ASKD_E_CONFLICT);
	assert_string_equal(err.native, "SQLITE_CONSTRAINT_FOREIGNKEY");
	driver_expect_error(connection, "INSERT INTO p_a VALUES (3, 'c', NULL)", ASKD_E_INVALID);
}

static void affected_counts_the_rows_of_this_statement(void **state)
{
	struct driver_rows rows;
	static const struct {
		const char *sql;
		int64_t affected;
	} cases[] = {{"INSERT INTO p_a VALUES (1, 'a', 'x'), (2, 'b', 'x')", 2},
	        {"UPDATE p_a SET n = 'y' WHERE id = 99", 0}, {"UPDATE p_a SET n = 'y'", 2},
	        {"SELECT * FROM p_a WHERE id > 5", -1}, {"BEGIN", -1}, {"DELETE FROM p_a", 2},
	        {"COMMIT", -1}, {"INSERT INTO p_a VALUES (1, 'a', 'x') RETURNING id", 1}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(driver_run(connection, cases[i].sql, &rows), ASKD_OK);
		if (rows.affected != cases[i].affected)
			fail_msg("%s: %lld", cases[i].sql, (long long)rows.affected);
		free(rows.text);
	}
}

static int32_t run_prefixed(const char *sql)
{
	struct driver_rows rows;
	int32_t rc = driver_run_full(connection, sql, strlen(sql), NULL, 0, "p_", 5000, &rows);
	free(rows.text);
	return rc;
}

static void a_prefix_holds_statements_to_their_tables(void **state)
{
	static const char *const allowed[] = {"CREATE TABLE p_c(a bigint, b text)",
	        "CREATE INDEX p_i ON p_c(a)", "INSERT INTO p_c VALUES (1, 'x')",
	        "UPDATE p_c SET b = upper(b)",
	        "SELECT count(*) FROM p_c JOIN p_a ON p_a.id = p_c.a",
	        "INSERT INTO p_c VALUES (1, 'y') ON CONFLICT DO NOTHING RETURNING a",
	        "WITH t AS (SELECT a FROM p_c) SELECT * FROM t",
	        "ALTER TABLE p_c ADD COLUMN d bigint", "ALTER TABLE p_c DROP COLUMN d",
	        "DELETE FROM p_c", "DROP INDEX p_i", "DROP TABLE p_c",
	        "SELECT value FROM json_each('[1]')"};
	static const char *const denied[] = {"SELECT secret FROM other", "SELECT 1 FROM other",
	        "SELECT (SELECT max(id) FROM other)",
	        "INSERT INTO p_a SELECT id, secret, '' FROM other", "DELETE FROM other",
	        "UPDATE other SET secret = ''", "DROP TABLE other", "CREATE TABLE q(a)",
	        "CREATE TEMP TABLE p_t(a)", "CREATE INDEX p_x ON other(id)",
	        "CREATE VIEW p_v AS SELECT * FROM other", "CREATE TABLE p_d AS SELECT * FROM other",
	        "CREATE TRIGGER p_t AFTER INSERT ON p_a BEGIN DELETE FROM other; END",
	        "SELECT * FROM sqlite_master", "PRAGMA user_version", "ATTACH 'x' AS x",
	        "ALTER TABLE p_a RENAME TO other2", "VACUUM INTO 'x.db'", "COMMIT", "SAVEPOINT x",
	        "SELECT load_extension('x')", "SELECT * FROM pragma_table_info('other')",
	        "CREATE VIRTUAL TABLE p_f USING fts5(a)"};
	(void)state;
	for (size_t round = 0; round < 2; round++) /* compiled, then from the cache */
		for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
			if (run_prefixed(allowed[i]))
				fail_msg("refused: %s", allowed[i]);
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
		if (run_prefixed(denied[i]) != ASKD_E_DENIED)
			fail_msg("not denied: %s", denied[i]);
	/* The same text without the prefix is another statement. */
	driver_expect(connection, "SELECT secret FROM other", "");
	assert_int_equal(run_prefixed("SELECT secret FROM other"), ASKD_E_DENIED);
	driver_expect(
	        connection, "SELECT count(*) FROM sqlite_master WHERE name = 'other'", "i1|\n");
}

static void a_failed_sync_may_have_been_done(void **state)
{
	struct askd_error err;
	(void)state;
	driver_expect(connection, "BEGIN IMMEDIATE", "");
	driver_expect(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", "");
	sync_result = SQLITE_IOERR_FSYNC;
	err = driver_expect_error(connection, "COMMIT", ASKD_E_IO);
	assert_string_equal(err.native, "SQLITE_IOERR_FSYNC");
	assert_true(err.flags & ASKD_ERR_MAYBE_DONE);
	assert_false(err.flags & ASKD_ERR_RETRY);
	sync_result = 0;
}

static void a_full_disk_is_reported_and_can_be_survived(void **state)
{
	struct askd_error err;
	struct driver_call call;
	(void)state;
	write_result = SQLITE_FULL;
	err = driver_expect_error(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", ASKD_E_IO);
	assert_string_equal(err.native, "SQLITE_FULL");
	write_result = 0;
	driver_begin(&call, 1000);
	assert_int_equal(driver->reset(connection, &call.base, NULL, NULL, &err), ASKD_OK);
	driver_end(&call);
	driver_expect(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", "");
	driver_expect(connection, "PRAGMA integrity_check", "tok|\n");
}

static void reset_rolls_back_and_a_second_writer_is_told_to_wait(void **state)
{
	void *second = driver_connect(instance, ASKD_DB_WRITE);
	struct driver_call call;
	struct askd_error err;
	(void)state;
	driver_expect(connection, "BEGIN IMMEDIATE", "");
	driver_expect(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", "");
	err = driver_expect_error(second, "BEGIN IMMEDIATE", ASKD_E_BUSY);
	assert_true(err.flags & ASKD_ERR_RETRY);
	driver_begin(&call, 1000);
	assert_int_equal(driver->reset(connection, &call.base, NULL, NULL, &err), ASKD_OK);
	driver_end(&call);
	driver_expect(second, "SELECT count(*) FROM p_a", "i0|\n");
	driver_expect(second, "BEGIN IMMEDIATE", "");
	driver_expect(second, "ROLLBACK", "");
	driver_disconnect(second);
}

static void readers_see_what_was_committed_and_obey_prefixes(void **state)
{
	void *reader = driver_connect(instance, 0);
	struct driver_rows rows;
	(void)state;
	driver_expect(connection, "INSERT INTO p_a VALUES (7, 'a', 'x')", "");
	driver_expect(reader, "SELECT id FROM p_a", "i7|\n");
	assert_int_equal(
	        driver_run_full(reader, "SELECT id FROM other", 20, NULL, 0, "p_", 1000, &rows),
	        ASKD_E_DENIED);
	free(rows.text);
	driver_disconnect(reader);
}

static void the_cache_keeps_serving_after_the_schema_changed(void **state)
{
	char sql[100];
	(void)state;
	driver_expect(connection, "INSERT INTO p_a VALUES (1, 'a', 'x')", "");
	for (int i = 0; i < 200; i++) { /* more than the cache holds */
		char expected[32];
		snprintf(sql, sizeof sql, "SELECT %d FROM p_a", i % 100);
		snprintf(expected, sizeof expected, "i%d|\n", i % 100);
		driver_expect(connection, sql, expected);
	}
	driver_expect(connection, "SELECT * FROM p_a", "i1|ta|tx|\n");
	driver_expect(connection, "ALTER TABLE p_a ADD COLUMN z bigint DEFAULT 5", "");
	driver_expect(connection, "SELECT * FROM p_a", "i1|ta|tx|i5|\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        TEST(the_file_is_private_and_logged_ahead),
	        TEST(durable_commits_are_synced_and_others_are_not),
	        TEST(keys_that_are_missed_are_conflicts),
	        TEST(affected_counts_the_rows_of_this_statement),
	        TEST(a_prefix_holds_statements_to_their_tables),
	        TEST(a_failed_sync_may_have_been_done),
	        TEST(a_full_disk_is_reported_and_can_be_survived),
	        TEST(reset_rolls_back_and_a_second_writer_is_told_to_wait),
	        TEST(readers_see_what_was_committed_and_obey_prefixes),
	        TEST(the_cache_keeps_serving_after_the_schema_changed),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
