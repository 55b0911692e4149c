/* test_query_driver.h: a driver inside the test, whose statements say how it behaves, and an
 * instance of it without a registry. */
#ifndef TEST_QUERY_DRIVER_H
#define TEST_QUERY_DRIVER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/registry.h"
#include "query/query_room.h"

struct fake_connection {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool interrupted;
	int finishing, inside; /* atomic */
	/* the cursor */
	char kind[32];
	long rows, next;
	struct askd_value cells[300 * 2];
	char text[64 << 10];
};

static struct {
	int connects, disconnects, resets, describes; /* atomic */
	int overlaps, late;                           /* atomic */
	int fail_resets, fail_connects;               /* that many more fail */
	int many_tables;
	const char *extra_column;
	sem_t waiting; /* posted when a statement begins to wait */
} fake;

#define COUNT(what) __atomic_add_fetch(&fake.what, 1, __ATOMIC_SEQ_CST)

ASKD_DEFINE(fake_connect, askd_db_connect, askd_object)
{
	struct fake_connection *c;

	if (fake.fail_connects > 0) {
		fake.fail_connects--;
		askd_fail(reterr, ASKD_E_IO, "no server");
		reterr->flags = ASKD_ERR_RETRY;
		return ASKD_E_IO;
	}
	c = calloc(1, sizeof *c);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	COUNT(connects);
	out->handle = c;
	return ASKD_OK;
}

static const struct askd_db_column fake_id = {
        .size = sizeof fake_id, .type = ASKD_INT, .key = ASKD_KEY_PRIMARY, .name = {"id", 2}};
static const struct askd_db_column fake_city = {
        .size = sizeof fake_city, .type = ASKD_TEXT, .name = {"city", 4}};
static const struct askd_db_column *const fake_columns[] = {&fake_id, &fake_city, NULL};
static const struct askd_db_column *const fake_one_column[] = {&fake_city, NULL};

static int32_t fake_put(const struct askd_db_describe *in, const char *name, const char *refers)
{
	struct askd_db_reference reference = {.size = sizeof reference,
	        .columns = ASKD_LITERAL("[\"customer_id\"]"),
	        .table = askd_text_of(refers),
	        .remote_columns = ASKD_LITERAL("[\"id\"]")};
	const struct askd_db_reference *references[] = {refers ? &reference : NULL, NULL};
	struct askd_db_column extra = {.size = sizeof extra, .type = ASKD_INT};
	const struct askd_db_column *columns[] = {&fake_id, &fake_city, NULL, NULL};
	struct askd_db_table table = {.size = sizeof table,
	        .kind = ASKD_TABLE,
	        .rows = -1,
	        .name = askd_text_of(name),
	        .columns = columns,
	        .references = references};

	extra.name = askd_text_of(fake.extra_column);
	if (fake.extra_column)
		columns[2] = &extra;
	return in->tables->put(in->tables, &table);
}

ASKD_DEFINE(fake_describe, askd_db_describe, askd_nothing)
{
	char name[64];
	int32_t rc;

	COUNT(describes);
	if ((rc = fake_put(in, "order_items", "orders")) ||
	        (rc = fake_put(in, "orders", "customers")) ||
	        (rc = fake_put(in, "customers", NULL)))
		return rc;
	for (int i = 0; i < fake.many_tables; i++) {
		snprintf(name, sizeof name, "aaa_archive_%04d", i);
		if ((rc = fake_put(in, name, NULL)))
			return rc;
	}
	return ASKD_OK;
}

static bool fake_is(const struct fake_connection *c, const char *kind)
{
	return !strcmp(c->kind, kind);
}

ASKD_DEFINE(fake_query, askd_db_query, askd_db_result)
{
	struct fake_connection *c = self;
	const char *from = strstr(in->sql.s, "FROM t_");

	if (__atomic_add_fetch(&c->inside, 1, __ATOMIC_SEQ_CST) != 1)
		COUNT(overlaps);
	c->next = 0;
	c->rows = 3;
	snprintf(c->kind, sizeof c->kind, "rows");
	if (from && sscanf(from, "FROM t_%31[a-z]_%ld", c->kind, &c->rows) < 1)
		c->kind[0] = 0;
	if (!strncmp(in->sql.s, "SELECT DISTINCT", 15))
		snprintf(c->kind, sizeof c->kind, "sample");
	__atomic_sub_fetch(&c->inside, 1, __ATOMIC_SEQ_CST);
	if (fake_is(c, "statement"))
		return askd_fail(reterr, ASKD_E_STATEMENT, "no such column");
	if (fake_is(c, "lost")) {
		askd_fail(reterr, ASKD_E_IO, "lost");
		reterr->flags = ASKD_ERR_RETRY;
		return ASKD_E_IO;
	}
	out->cursor = c;
	out->columns =
	        fake_is(c, "columns") || fake_is(c, "sample") ? fake_one_column : fake_columns;
	return ASKD_OK;
}

ASKD_DEFINE(fake_next, askd_db_fetch, askd_batch)
{
	struct fake_connection *c = self;
	uint32_t n = in->max_rows;

	if (fake_is(c, "wait")) {
		sem_post(&fake.waiting);
		pthread_mutex_lock(&c->lock);
		while (!c->interrupted)
			pthread_cond_wait(&c->wake, &c->lock);
		pthread_mutex_unlock(&c->lock);
		return askd_fail(reterr, ASKD_E_CANCELED, "interrupted");
	}
	out->columns = 2;
	out->affected = -1;
	out->cells = c->cells;
	if (fake_is(c, "empty"))
		return ASKD_OK;
	if (fake_is(c, "sample")) {
		c->cells[0] = (struct askd_value){.type = ASKD_TEXT, .len = 6, .u.s = "London"};
		c->cells[1] = (struct askd_value){.type = ASKD_TEXT, .len = 6, .u.s = "Berlin"};
		out->columns = 1;
		out->rows = 2;
		out->end = 1;
		return ASKD_OK;
	}
	if (n > c->rows - c->next)
		n = (uint32_t)(c->rows - c->next);
	if (fake_is(c, "more"))
		n = in->max_rows + 1;
	for (uint32_t i = 0; i < n; i++) {
		c->cells[2 * i] = (struct askd_value){.type = ASKD_INT, .u.i = c->next++};
		c->cells[2 * i + 1] = (struct askd_value){
		        .type = ASKD_TEXT, .len = 6, .u.s = c->next % 2 ? "Berlin" : "London"};
		if (fake_is(c, "wide") || fake_is(c, "value")) {
			uint32_t len = fake_is(c, "wide") ? 1000 : (uint32_t)in->max_value + 1;

			memset(c->text, 'x', len);
			c->text[len] = 0;
			c->cells[2 * i + 1].len = len;
			c->cells[2 * i + 1].u.s = c->text;
		}
	}
	out->rows = n;
	out->end = c->next >= c->rows;
	return ASKD_OK;
}

ASKD_DEFINE(fake_finish, askd_nothing, askd_nothing)
{
	struct fake_connection *c = self;

	__atomic_store_n(&c->finishing, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 50; i++)
		sched_yield();
	__atomic_store_n(&c->finishing, 0, __ATOMIC_SEQ_CST);
	return ASKD_OK;
}

ASKD_DEFINE(fake_interrupt, askd_nothing, askd_nothing)
{
	struct fake_connection *c = self;

	if (__atomic_load_n(&c->finishing, __ATOMIC_SEQ_CST))
		COUNT(overlaps);
	pthread_mutex_lock(&c->lock);
	c->interrupted = true;
	pthread_cond_broadcast(&c->wake);
	pthread_mutex_unlock(&c->lock);
	return ASKD_OK;
}

ASKD_DEFINE(fake_reset, askd_nothing, askd_nothing)
{
	struct fake_connection *c = self;

	COUNT(resets);
	if (c->interrupted)
		COUNT(late); /* in doubt, and used again */
	if (fake.fail_resets > 0) {
		fake.fail_resets--;
		askd_fail(reterr, ASKD_E_IO, "gone");
		reterr->flags = ASKD_ERR_RETRY;
		return ASKD_E_IO;
	}
	return ASKD_OK;
}

ASKD_DEFINE(fake_disconnect, askd_nothing, askd_nothing)
{
	struct fake_connection *c = self;

	COUNT(disconnects);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return ASKD_OK;
}

static const struct askd_dialect fake_dialect = {.size = sizeof fake_dialect, .name = "sqlite"};
static const struct askd_database_iface fake_iface = {
        .size = sizeof fake_iface,
        .dialect = &fake_dialect,
        .connect = fake_connect,
        .describe = fake_describe,
        .query = fake_query,
        .next = fake_next,
        .finish = fake_finish,
        .interrupt = fake_interrupt,
        .reset = fake_reset,
        .disconnect = fake_disconnect,
};
static const struct askd_plugin fake_plugin = {
        .kind = ASKD_KIND_DATABASE, .name = "fake", .flags = ASKD_CONCURRENT};
static const struct plugin_library fake_library = {
        .path = "fake", .plugin = &fake_plugin, .iface = &fake_iface};
static struct config_database fake_config = {
        .instance = {.kind = "database", .name = "sales", .plugin = "fake"},
        .egress = CONFIG_EGRESS_DEFAULT};
static struct plugin_instance fake_instance = {.config = &fake_config.instance,
        .library = &fake_library,
        .host.instance = "database/sales",
        .self = &fake};

static void fake_begin(void)
{
	memset(&fake, 0, sizeof fake);
	sem_init(&fake.waiting, 0, 0);
}

/* What a caller holds. */
struct asker {
	struct cancel cancel;
	struct call_scope scope;
	struct plugin_call call;
	struct askd_error err;
};

static void asker_init(struct asker *a)
{
	memset(a, 0, sizeof *a);
	cancel_init(&a->cancel);
	a->scope.cancel = &a->cancel;
	a->scope.local = 1;
	plugin_call_init(&a->call, &a->scope, 20000);
}

static void asker_finish(struct asker *a)
{
	plugin_call_finish(&a->call);
	cancel_finish(&a->cancel);
}

#endif
