/* bench_state.h: a state folder and a configuration for the tests of the rooms on the store. */
#ifndef TESTS_BENCH_STATE_H
#define TESTS_BENCH_STATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/audit.h"
#include "store/store.h"

struct bench {
	char folder[64];
	struct config *config;
	struct store *store;
	struct askd_error err;
};

static inline void bench_open(struct bench *b)
{
	b->store = store_open(b->config, &b->err);
	if (!b->store)
		fail_msg("store_open: %s", b->err.message);
}

static inline void bench_close(struct bench *b)
{
	store_close(b->store);
	b->store = NULL;
}

/* more: YAML that follows. */
static inline void bench_start(struct bench *b, const char *more)
{
	char yaml[2048];

	memset(b, 0, sizeof *b);
	strcpy(b->folder, "/tmp/askd-store-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(yaml, sizeof yaml,
	        "askd: {state_dir: %s/state, plugin_path: [\"" BINARY_DIR "/plugins\"]}\n%s",
	        b->folder, more ? more : "");
	b->config = config_read_string("test.yaml", yaml, &b->err);
	if (!b->config)
		fail_msg("config: %s", b->err.message);
}

static inline void bench_stop(struct bench *b)
{
	char command[128];

	bench_close(b);
	config_destroy(b->config);
	snprintf(command, sizeof command, "rm -rf '%s'", b->folder);
	assert_int_equal(system(command), 0);
}

/* One statement as a unit. */
static inline int32_t bench_write(
        struct bench *b, enum store_database db, int32_t expect, const char *sql)
{
	struct store_unit *unit = store_unit_create(b->store, db);

	store_unit_add(unit, expect, sql, NULL, 0);
	return store_commit(unit, &b->err);
}

static inline void bench_do(struct bench *b, enum store_database db, const char *sql)
{
	if (bench_write(b, db, -1, sql))
		fail_msg("%s: %s", sql, b->err.message);
}

static inline int64_t bench_int(struct bench *b, enum store_database db, const char *sql)
{
	struct store_rows rows;
	struct arena a;
	int64_t out;

	arena_init(&a, 0);
	if (store_read(b->store, db, &a, NULL, askd_text_of(sql), NULL, 0, 10, &rows, &b->err))
		fail_msg("%s: %s", sql, b->err.message);
	assert_int_equal(rows.rows, 1);
	out = store_cell_int(&rows, 0, 0);
	arena_finish(&a);
	return out;
}

#endif
