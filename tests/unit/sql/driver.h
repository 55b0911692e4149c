/* driver.h: the sqlite driver straight through its tables, and the plain library beside it. */
#ifndef TESTS_SQL_DRIVER_H
#define TESTS_SQL_DRIVER_H

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <askd/database.h>

#include <sqlite3.h>

#define DRIVER_PATH BINARY_DIR "/plugins/database/sqlite.so"

/* The library that the driver uses. */
#define PLAIN(name) ((__typeof__(&name))driver_symbol(#name))

static void *driver_library;
static const struct askd_plugin *driver_plugin;
static const struct askd_database_iface *driver;

static inline void *driver_symbol(const char *name)
{
	void *p = dlsym(driver_library, name);
	if (!p)
		abort();
	return p;
}

static inline void driver_load(void)
{
	driver_library = dlopen(DRIVER_PATH, RTLD_NOW | RTLD_LOCAL);
	if (!driver_library) {
		fprintf(stderr, "%s\n", dlerror());
		abort();
	}
	driver_plugin = driver_symbol("askd_plugin_v1");
	driver = driver_plugin->iface;
}

static inline int32_t driver_random(const struct askd_host *host, void *p, uint64_t n)
{
	static unsigned char next;
	(void)host;
	for (uint64_t i = 0; i < n; i++)
		((unsigned char *)p)[i] = ++next;
	return ASKD_OK;
}

static const struct askd_host driver_host = {
        .size = sizeof driver_host, .instance = "database/test", .random = driver_random};

static inline void *driver_option(void *instance, const char *name)
{
	for (const struct askd_option *o = driver_plugin->options; o->name; o++)
		if (!strcmp(o->name, name))
			return (char *)instance + o->offset;
	abort();
}

/* An instance for the path. */
static inline void *driver_instance(const char *path, int64_t busy_ms)
{
	void *instance = calloc(1, driver_plugin->instance_size);
	struct askd_error err;
	if (!instance)
		abort();
	memcpy(driver_option(instance, "path"), &path, sizeof path);
	memcpy(driver_option(instance, "busy_timeout"), &busy_ms, sizeof busy_ms);
	assert_int_equal(driver_plugin->open(instance, &driver_host, &err), ASKD_OK);
	return instance;
}

/* ---- a call whose arena is a list of blocks ---- */

struct driver_call {
	struct askd_call base;
	void *blocks[4096];
	size_t count;
	uint32_t cancel;
};

static inline void *driver_alloc(struct askd_call *base, uint64_t n)
{
	struct driver_call *call = (struct driver_call *)base;
	void *p = call->count < 4096 ? malloc(n ? n : 1) : NULL;
	if (p)
		call->blocks[call->count++] = p;
	return p;
}

static inline int64_t driver_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline void driver_begin(struct driver_call *call, int64_t limit_ms)
{
	memset(call, 0, sizeof *call);
	call->base.size = sizeof call->base;
	call->base.cancel = &call->cancel;
	call->base.alloc = driver_alloc;
	call->base.deadline_us = driver_now_us() + limit_ms * 1000;
}

static inline void driver_end(struct driver_call *call)
{
	while (call->count)
		free(call->blocks[--call->count]);
}

static inline void *driver_connect(void *instance, uint32_t flags)
{
	struct driver_call call;
	struct askd_error err = {0};
	ASKD_MAKE(struct askd_db_connect, in, .flags = flags);
	ASKD_MAKE(struct askd_object, out, .handle = NULL);
	int32_t rc;
	driver_begin(&call, 10000);
	rc = driver->connect(instance, &call.base, &in, &out, &err);
	if (rc)
		fail_msg("connect: %d %s", rc, err.message);
	driver_end(&call);
	return out.handle;
}

static inline void driver_disconnect(void *connection)
{
	struct driver_call call;
	driver_begin(&call, 1000);
	driver->disconnect(connection, &call.base, NULL, NULL, NULL);
	driver_end(&call);
}

/* ---- a statement and all its rows, as one text ---- */

struct driver_rows {
	char *text;
	size_t n, room;
	uint64_t rows;
	int64_t affected;
	struct askd_error err;
	int64_t elapsed_us;
};

static inline void driver_append(struct driver_rows *rows, const void *p, size_t n)
{
	if (rows->n + n + 1 > rows->room) {
		rows->room = (rows->n + n + 1) * 2;
		rows->text = realloc(rows->text, rows->room);
		if (!rows->text)
			abort();
	}
	memcpy(rows->text + rows->n, p, n);
	rows->n += n;
	rows->text[rows->n] = 0;
}

/* Dates and yes/no count as what SQLite stores. */
static inline void driver_append_value(struct driver_rows *rows, const struct askd_value *v)
{
	char text[64] = "";
	switch (v->type) {
	case ASKD_NULL:
		driver_append(rows, "N", 1);
		break;
	case ASKD_INT:
	case ASKD_BOOL:
		driver_append(rows, text, (size_t)sprintf(text, "i%lld", (long long)v->u.i));
		break;
	case ASKD_FLOAT:
		driver_append(rows, text, (size_t)sprintf(text, "f%.17g", v->u.f));
		break;
	default:
		driver_append(rows, v->type == ASKD_BYTES ? "b" : "t", 1);
		driver_append(rows, v->u.s, v->len);
		assert_int_equal(v->u.s[v->len], 0);
	}
	driver_append(rows, "|", 1);
}

static inline int32_t driver_fetch(struct driver_call *call, void *cursor, struct driver_rows *rows)
{
	ASKD_MAKE(struct askd_db_fetch, fetch, .max_rows = 3, .max_bytes = 1 << 20);
	int32_t rc;
	for (;;) {
		ASKD_MAKE(struct askd_batch, batch, .rows = 0);
		rc = driver->next(cursor, &call->base, &fetch, &batch, &rows->err);
		if (rc)
			return rc;
		for (uint32_t i = 0; i < batch.rows; i++) {
			for (uint32_t k = 0; k < batch.columns; k++)
				driver_append_value(rows, &batch.cells[i * batch.columns + k]);
			driver_append(rows, "\n", 1);
		}
		rows->rows += batch.rows;
		rows->affected = batch.affected;
		if (batch.end || rows->rows > 5000)
			return ASKD_OK;
	}
}

static inline int32_t driver_run_full(void *connection, const char *sql, size_t n,
        const struct askd_value *params, size_t count, const char *prefix, int64_t limit_ms,
        struct driver_rows *rows)
{
	struct driver_call call;
	ASKD_MAKE(struct askd_db_query, in, .sql = {sql, n}, .params = {params, count});
	ASKD_MAKE(struct askd_db_result, out, .cursor = NULL);
	int64_t start = driver_now_us();
	int32_t rc;
	memset(rows, 0, sizeof *rows);
	driver_append(rows, "", 0);
	if (prefix)
		in.prefix = askd_text_of(prefix);
	driver_begin(&call, limit_ms);
	rc = driver->query(connection, &call.base, &in, &out, &rows->err);
	if (!rc) {
		rc = driver_fetch(&call, out.cursor, rows);
		driver->finish(out.cursor, &call.base, NULL, NULL, NULL);
	}
	driver_end(&call);
	rows->elapsed_us = driver_now_us() - start;
	return rc;
}

static inline int32_t driver_run(void *connection, const char *sql, struct driver_rows *rows)
{
	return driver_run_full(connection, sql, strlen(sql), NULL, 0, NULL, 10000, rows);
}

/* Runs and expects the rows; the text is freed. */
static inline void driver_expect(void *connection, const char *sql, const char *text)
{
	struct driver_rows rows;
	if (driver_run(connection, sql, &rows))
		fail_msg("%s: %d %s", sql, rows.err.code, rows.err.message);
	assert_string_equal(rows.text, text);
	free(rows.text);
}

static inline struct askd_error driver_expect_error(void *connection, const char *sql, int32_t code)
{
	struct driver_rows rows;
	int32_t rc = driver_run(connection, sql, &rows);
	free(rows.text);
	if (rc != code)
		fail_msg("%s: %d, expected %d (%s)", sql, rc, code, rows.err.message);
	assert_int_equal(rows.err.code, rc);
	return rows.err;
}

#endif
