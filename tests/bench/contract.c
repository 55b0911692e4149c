/* contract.c: what the contract costs beside the bare function and the bare library. Prints JSON.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/registry.h"

enum { CALLS = 20000000, ROWS = 1000000, ROUNDS = 3 };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static struct plugin_instance *open_database(struct arena *a, const char *plugin, const char *path)
{
	static struct config_instance config;
	struct yaml_node *node = yaml_make(a, YAML_MAP, NULL);
	struct askd_error error = {0};
	struct plugin_instance *instance;

	yaml_append(node, "path", yaml_make(a, YAML_SCALAR, path));
	config = (struct config_instance){
	        .kind = "database", .name = "bench", .plugin = plugin, .node = node};
	instance = registry_open_one(&config, NULL, &error);
	if (!instance)
		fail("open", error.message);
	return instance;
}

static void make_rows(const char *path)
{
	sqlite3 *db;

	remove(path);
	if (sqlite3_open(path, &db) ||
	        sqlite3_exec(db,
	                "create table t(a integer, b text, c real, d text, e integer);"
	                "with recursive n(i) as (select 1 union all select i+1 from n where i < "
	                "1000000) "
	                "insert into t select i, 'name ' || i, i * 0.5, 'a somewhat longer text ' "
	                "|| i, i % 7 from n",
	                NULL, NULL, NULL))
		fail("making rows", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static const char statement[] = "SELECT a, b, c, d, e FROM t";
static volatile uint64_t sum;

static double bare_rows(const char *path)
{
	double began;
	sqlite3 *db;
	sqlite3_stmt *stmt;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ||
	        sqlite3_prepare_v2(db, statement, -1, &stmt, NULL))
		fail("bare sqlite", sqlite3_errmsg(db));
	began = now_us();
	while (sqlite3_step(stmt) == SQLITE_ROW)
		sum += (uint64_t)sqlite3_column_int64(stmt, 0) + sqlite3_column_text(stmt, 1)[0] +
		       (uint64_t)sqlite3_column_double(stmt, 2) + sqlite3_column_text(stmt, 3)[0] +
		       (uint64_t)sqlite3_column_int64(stmt, 4);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return now_us() - began;
}

static double cursor_rows(struct plugin_instance *instance, const struct call_scope *scope)
{
	struct askd_db_connect connect = {.size = sizeof connect};
	struct askd_db_query query = {.size = sizeof query, .sql = askd_text_of(statement)};
	struct askd_db_fetch fetch = {
	        .size = sizeof fetch, .max_rows = 256, .max_bytes = 65536, .max_value = 1 << 20};
	struct askd_object connection;
	struct askd_db_result result;
	struct askd_batch batch = {0};
	struct askd_error error = {0};
	struct plugin_call call;
	double began;

	plugin_call_init(&call, scope, 0);
	if (enter_database_iface_connect(
	            instance, NULL, NULL, &call, &connect, &connection, &error))
		fail("connect", error.message);
	began = now_us();
	if (enter_database_iface_query(
	            instance, NULL, connection.handle, &call, &query, &result, &error))
		fail("query", error.message);
	while (!batch.end) {
		if (enter_database_iface_next(
		            instance, NULL, result.cursor, &call, &fetch, &batch, &error))
			fail("next", error.message);
		for (uint32_t r = 0; r < batch.rows; r++) {
			const struct askd_value *v = batch.cells + (size_t)r * batch.columns;

			sum += (uint64_t)v[0].u.i + (unsigned char)v[1].u.s[0] +
			       (uint64_t)v[2].u.f + (unsigned char)v[3].u.s[0] + (uint64_t)v[4].u.i;
		}
	}
	enter_database_iface_finish(instance, NULL, result.cursor, &call, NULL, NULL, NULL);
	began = now_us() - began;
	enter_database_iface_disconnect(instance, NULL, connection.handle, &call, NULL, NULL, NULL);
	plugin_call_finish(&call);
	return began;
}

/* reset on a connection that is idle is as near to an empty function as a driver has. */
static void measure_calls(struct plugin_instance *instance, const struct call_scope *scope)
{
	const struct askd_database_iface *iface = plugin_instance_iface(instance);
	struct askd_db_connect connect = {.size = sizeof connect};
	struct askd_object connection;
	struct askd_error error = {0};
	struct plugin_call call;
	double bare = 1e18, through = 1e18;

	plugin_call_init(&call, scope, 0);
	if (enter_database_iface_connect(
	            instance, NULL, NULL, &call, &connect, &connection, &error))
		fail("connect", error.message);
	for (int round = 0; round < ROUNDS; round++) {
		double began = now_us(), took;

		for (int i = 0; i < CALLS / 20; i++)
			iface->interrupt(connection.handle, &call.base, NULL, NULL, &error);
		took = (now_us() - began) * 1000 / (CALLS / 20);
		bare = took < bare ? took : bare;
		began = now_us();
		for (int i = 0; i < CALLS / 20; i++)
			enter_database_iface_interrupt(
			        instance, NULL, connection.handle, &call, NULL, NULL, &error);
		took = (now_us() - began) * 1000 / (CALLS / 20);
		through = took < through ? took : through;
	}
	enter_database_iface_disconnect(instance, NULL, connection.handle, &call, NULL, NULL, NULL);
	plugin_call_finish(&call);
	printf("{\"call_bare_ns\": %.2f, \"call_contract_ns\": %.2f, ", bare, through);
}

int main(int argc, char **argv)
{
	struct call_scope scope = {.id = 1};
	struct cancel cancel;
	struct arena arena;
	struct plugin_instance *instance;
	double bare = 1e18, through = 1e18;

	if (argc != 3)
		fail("usage", "bench_contract SQLITE.so FOLDER");
	char path[4096];
	snprintf(path, sizeof path, "%s/rows.db", argv[2]);
	make_rows(path);
	cancel_init(&cancel);
	arena_init(&arena, 0);
	scope.cancel = &cancel;
	instance = open_database(&arena, argv[1], path);
	measure_calls(instance, &scope);
	for (int round = 0; round < ROUNDS; round++) {
		double took = bare_rows(path);

		bare = took < bare ? took : bare;
		took = cursor_rows(instance, &scope);
		through = took < through ? took : through;
	}
	printf("\"row_bare_ns\": %.1f, \"row_contract_ns\": %.1f}\n", bare * 1000 / ROWS,
	        through * 1000 / ROWS);
	registry_close_one(instance);
	arena_finish(&arena);
	cancel_finish(&cancel);
	return 0;
}
