/* pool.c: connections to one database: made on demand, handed on in the order of asking, proved
 * before use, thrown away in doubt. */
#include "query/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "run/metrics.h"

enum {
	POOL_CLEANUP_MS = 5000,    /* finish and disconnect, when nobody waits any more */
	POOL_GRACE_US = 250 * 1000 /* a driver that minds its deadline is not interrupted for it */
};

struct pool_waiter {
	pthread_cond_t cond;
	struct pool *pool;
	struct pool_connection *connection; /* handed over; NULL: a place to open one */
	bool granted, canceled;
	struct pool_waiter *next;
};

int32_t pool_init(struct pool *pool, struct plugin_instance *instance, struct timers *timers,
        const char *name, struct askd_error *reterr)
{
	*pool = (struct pool){.instance = instance,
	        .timers = timers,
	        .name = name,
	        .max = POOL_MAX,
	        .keep = POOL_IDLE};
	if (pthread_mutex_init(&pool->lock, NULL))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a pool of connections");
	snprintf(pool->label_busy, sizeof pool->label_busy, "database=\"%.90s\",state=\"busy\"",
	        name);
	snprintf(pool->label_idle, sizeof pool->label_idle, "database=\"%.90s\",state=\"idle\"",
	        name);
	return ASKD_OK;
}

/* With the lock held, whenever connections come, go or change hands. */
static void show(const struct pool *pool)
{
	if (pool->unnamed)
		return;
	metrics_set("askd_pool_connections", pool->label_busy,
	        (int64_t)(pool->open - pool->idle_count));
	metrics_set("askd_pool_connections", pool->label_idle, (int64_t)pool->idle_count);
}

void pool_call_init(struct plugin_call *call, const struct pool_work *work)
{
	int64_t left_ms = 0;

	if (work->deadline_us) {
		left_ms = (work->deadline_us - clock_monotonic_us() + 999) / 1000;
		if (left_ms < 1)
			left_ms = 1;
	}
	plugin_call_init(call, work->scope, left_ms);
	if (work->deadline_us &&
	        (!call->base.deadline_us || work->deadline_us < call->base.deadline_us))
		call->base.deadline_us = work->deadline_us;
}

/* What must happen whether or not anybody waits has a scope that nobody cancels. */
struct cleanup {
	struct cancel cancel;
	struct call_scope scope;
	struct plugin_call call;
};

static void cleanup_init(struct cleanup *c, const struct call_scope *scope)
{
	memset(&c->scope, 0, sizeof c->scope);
	cancel_init(&c->cancel);
	c->scope.cancel = &c->cancel;
	if (scope) {
		c->scope.id = scope->id;
		c->scope.flags = scope->flags;
	}
	plugin_call_init(&c->call, &c->scope, POOL_CLEANUP_MS);
}

static void cleanup_finish(struct cleanup *c)
{
	plugin_call_finish(&c->call);
	cancel_finish(&c->cancel);
}

/* ---- connections ------------------------------------------------------------------------------
 */

static void disconnect_list(struct pool_connection *list)
{
	while (list) {
		struct pool_connection *next = list->next;
		struct askd_error err;
		struct cleanup c;

		cleanup_init(&c, NULL);
		if (enter_database_iface_disconnect(
		            list->pool->instance, NULL, list->handle, &c.call, NULL, NULL, &err))
			log_warning("query", 0, "database %s: disconnect failed: %s",
			        list->pool->name, err.message);
		cleanup_finish(&c);
		pthread_mutex_destroy(&list->lock);
		free(list);
		list = next;
	}
}

static int32_t connect_once(struct pool *pool, const struct pool_work *work,
        struct pool_connection *made, struct askd_error *err)
{
	struct askd_db_connect in = {.size = sizeof in};
	struct askd_object out = {.size = sizeof out};
	struct plugin_call call;
	int32_t rc;

	pool_call_init(&call, work);
	rc = enter_database_iface_connect(pool->instance, NULL, NULL, &call, &in, &out, err);
	plugin_call_finish(&call);
	if (!rc && !out.handle)
		rc = askd_fail(err, ASKD_E_PROTOCOL,
		        "database %s: the driver made a connection out of nothing", pool->name);
	if (!rc)
		made->handle = out.handle;
	return rc;
}

/* An operator reads it: which database, and what to look at. */
static void name_database(const struct pool *pool, struct askd_error *err)
{
	const bool options = err->code == ASKD_E_NOT_FOUND || err->code == ASKD_E_DENIED ||
	                     err->code == ASKD_E_AUTH || err->code == ASKD_E_PROTOCOL;
	char said[sizeof err->message];
	const size_t n = text_cut(err->message, strlen(err->message), 300);

	if (pool->unnamed)
		return;
	memcpy(said, err->message, n);
	snprintf(err->message, sizeof err->message, "database/%.60s: %.*s%s", pool->name, (int)n,
	        said, options ? " (check its options in the configuration)" : "");
}

/* Is it the server that went away, rather than us who are wrong? */
static bool is_gone(int32_t rc, const struct askd_error *err)
{
	return rc == ASKD_E_CRASHED || (rc == ASKD_E_IO && (err->flags & ASKD_ERR_RETRY));
}

static int32_t connection_open(struct pool *pool, const struct pool_work *work,
        struct pool_connection **made, struct askd_error *err)
{
	struct pool_connection *c = calloc(1, sizeof *c);
	int32_t rc;

	if (!c || pthread_mutex_init(&c->lock, NULL)) {
		free(c);
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a connection");
	}
	c->pool = pool;
	rc = connect_once(pool, work, c, err);
	if (is_gone(rc, err))
		rc = connect_once(pool, work, c, err);
	if (rc) {
		name_database(pool, err);
		pthread_mutex_destroy(&c->lock);
		free(c);
		return rc;
	}
	*made = c;
	return ASKD_OK;
}

static int32_t connection_reset(
        struct pool_connection *c, const struct pool_work *work, struct askd_error *err)
{
	struct plugin_call call;
	int32_t rc;

	pool_call_init(&call, work);
	rc = enter_database_iface_reset(c->pool->instance, NULL, c->handle, &call, NULL, NULL, err);
	plugin_call_finish(&call);
	return rc;
}

/* ---- the queue --------------------------------------------------------------------------------
 */

/* A connection, or a place to open one (NULL), for the one who waits longest. With the lock held;
 * false: nobody waits. */
static bool hand_on(struct pool *pool, struct pool_connection *connection)
{
	struct pool_waiter *w = pool->first;

	if (!w)
		return false;
	pool->first = w->next;
	if (!pool->first)
		pool->last = NULL;
	w->connection = connection;
	w->granted = true;
	pthread_cond_signal(&w->cond);
	return true;
}

static void place_free(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (!hand_on(pool, NULL))
		pool->open--;
	show(pool);
	pthread_mutex_unlock(&pool->lock);
}

static void on_waiter_canceled(void *arg)
{
	struct pool_waiter *w = arg;

	pthread_mutex_lock(&w->pool->lock);
	w->canceled = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->pool->lock);
}

static void waiter_remove(struct pool *pool, const struct pool_waiter *w)
{
	struct pool_waiter *before = NULL;

	for (struct pool_waiter *at = pool->first; at; before = at, at = at->next) {
		if (at != w)
			continue;
		if (before)
			before->next = at->next;
		else
			pool->first = at->next;
		if (pool->last == at)
			pool->last = before;
		return;
	}
}

/* Until a connection or a place is handed over. Called with the lock held, returns without. */
static int32_t wait_turn(struct pool *pool, const struct pool_work *work,
        struct pool_connection **connection, struct askd_error *reterr)
{
	struct pool_waiter w = {.pool = pool};
	struct cancel_hook hook = {.fn = on_waiter_canceled, .arg = &w};
	int64_t deadline_us = work->deadline_us ? work->deadline_us : work->scope->deadline_us;
	struct timespec until = {.tv_sec = (time_t)(deadline_us / 1000000),
	        .tv_nsec = (long)(deadline_us % 1000000) * 1000};
	pthread_condattr_t attr;
	int32_t rc = ASKD_OK;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.cond, &attr);
	pthread_condattr_destroy(&attr);
	if (pool->last)
		pool->last->next = &w;
	else
		pool->first = &w;
	pool->last = &w;
	/* Never inside the pool's lock: the hook takes it. */
	pthread_mutex_unlock(&pool->lock);
	cancel_hook_add(work->scope->cancel, &hook);
	pthread_mutex_lock(&pool->lock);
	while (!w.granted && !rc) {
		if (w.canceled)
			rc = askd_fail(
			        reterr, ASKD_E_CANCELED, "canceled while waiting for a connection");
		else if ((deadline_us ? pthread_cond_timedwait(&w.cond, &pool->lock, &until)
		                      : pthread_cond_wait(&w.cond, &pool->lock)) == ETIMEDOUT &&
		         !w.granted)
			rc = askd_fail(reterr, ASKD_E_TIMEOUT,
			        "database %s: all %zu connections stayed busy", pool->name,
			        pool->max);
	}
	if (w.granted)
		*connection = w.connection;
	else
		waiter_remove(pool, &w);
	pthread_mutex_unlock(&pool->lock);
	cancel_hook_remove(work->scope->cancel, &hook);
	pthread_cond_destroy(&w.cond);
	return rc;
}

/* Those that were idle for too long, unlinked. With the lock held. */
static struct pool_connection *take_expired(struct pool *pool)
{
	int64_t limit_us = clock_monotonic_us() - POOL_IDLE_US;
	struct pool_connection **at = &pool->idle, *expired = NULL;

	while (*at) {
		struct pool_connection *c = *at;

		if (c->idle_since_us > limit_us) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->next = expired;
		expired = c;
		pool->idle_count--;
		pool->open--;
	}
	return expired;
}

int32_t pool_take(struct pool *pool, const struct pool_work *work,
        struct pool_connection **connection, struct askd_error *reterr)
{
	struct pool_connection *c = NULL, *expired;
	struct askd_error err = {0};
	int32_t rc;

	pthread_mutex_lock(&pool->lock);
	expired = take_expired(pool);
	if (pool->idle && !pool->first) {
		c = pool->idle;
		pool->idle = c->next;
		pool->idle_count--;
		show(pool);
		pthread_mutex_unlock(&pool->lock);
	} else if (pool->open < pool->max && !pool->first) {
		pool->open++;
		show(pool);
		pthread_mutex_unlock(&pool->lock);
	} else {
		rc = wait_turn(pool, work, &c, reterr);
		if (rc) {
			disconnect_list(expired);
			return rc;
		}
	}
	disconnect_list(expired);
	if (c) {
		c->next = NULL;
		rc = connection_reset(c, work, &err);
		if (!rc) {
			*connection = c;
			return ASKD_OK;
		}
		disconnect_list(c);
		if (rc == ASKD_E_CANCELED) {
			place_free(pool);
			return error_copy(reterr, &err);
		}
		log_debug("query", work->scope->id, "database %s: connection lost: %s", pool->name,
		        err.message);
	}
	rc = connection_open(pool, work, connection, &err);
	if (!rc)
		return ASKD_OK;
	place_free(pool);
	return error_copy(reterr, &err);
}

void pool_give(struct pool_connection *c, bool usable)
{
	struct pool *pool = c->pool;
	struct pool_connection *expired;

	pthread_mutex_lock(&c->lock);
	usable = usable && !c->interrupted;
	pthread_mutex_unlock(&c->lock);
	c->next = NULL;
	if (!usable) {
		disconnect_list(c);
		place_free(pool);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	expired = take_expired(pool);
	if (!hand_on(pool, c)) {
		if (pool->idle_count < pool->keep) {
			c->idle_since_us = clock_monotonic_us();
			c->next = pool->idle;
			pool->idle = c;
			pool->idle_count++;
		} else {
			c->next = expired;
			expired = c;
			pool->open--;
		}
	}
	show(pool);
	pthread_mutex_unlock(&pool->lock);
	disconnect_list(expired);
}

void pool_rest(struct pool *pool)
{
	struct pool_connection *idle;

	pthread_mutex_lock(&pool->lock);
	idle = pool->idle;
	pool->idle = NULL;
	pool->open -= pool->idle_count;
	pool->idle_count = 0;
	show(pool);
	pthread_mutex_unlock(&pool->lock);
	disconnect_list(idle);
}

void pool_finish(struct pool *pool)
{
	if (!pool || !pool->instance)
		return;
	pool_rest(pool);
	metrics_remove("askd_pool_connections", pool->label_busy);
	metrics_remove("askd_pool_connections", pool->label_idle);
	pthread_mutex_destroy(&pool->lock);
	pool->instance = NULL;
}

/* ---- interrupt against finish -----------------------------------------------------------------
 */

static void interrupt_working(struct pool_guard *g, bool timed_out)
{
	struct pool_connection *c = g->connection;

	pthread_mutex_lock(&c->lock);
	if (c->working) {
		struct askd_error err;
		struct cleanup cleanup;

		c->interrupted = true;
		g->timed_out = g->timed_out || timed_out;
		cleanup_init(&cleanup, g->work->scope);
		if (enter_database_iface_interrupt(
		            c->pool->instance, NULL, c->handle, &cleanup.call, NULL, NULL, &err) &&
		        err.code != ASKD_E_UNSUPPORTED)
			log_warning("query", g->work->scope->id,
			        "database %s: interrupt failed: %s", c->pool->name, err.message);
		cleanup_finish(&cleanup);
	}
	pthread_mutex_unlock(&c->lock);
}

static void on_canceled(void *arg)
{
	interrupt_working(arg, false);
}

static void on_deadline(void *arg)
{
	interrupt_working(arg, true);
}

void pool_guard_begin(
        struct pool_guard *g, struct pool_connection *connection, const struct pool_work *work)
{
	int64_t deadline_us = work->deadline_us ? work->deadline_us : work->scope->deadline_us;

	*g = (struct pool_guard){.connection = connection,
	        .work = work,
	        .hook = {.fn = on_canceled, .arg = g},
	        .timer = {.fn = on_deadline, .arg = g}};
	pthread_mutex_lock(&connection->lock);
	connection->working = true;
	pthread_mutex_unlock(&connection->lock);
	if (deadline_us && connection->pool->timers)
		g->timed = timers_set(
		        connection->pool->timers, &g->timer, deadline_us + POOL_GRACE_US);
	cancel_hook_add(work->scope->cancel, &g->hook);
	g->hooked = true;
}

int32_t pool_guard_end(struct pool_guard *g, void *cursor, int32_t rc, struct askd_error *err)
{
	struct pool_connection *c = g->connection;
	const struct call_scope *scope = g->work->scope;
	struct askd_error failed;
	struct cleanup cleanup;
	bool interrupted, broken = false;

	pthread_mutex_lock(&c->lock);
	c->working = false;
	interrupted = c->interrupted;
	if (cursor) {
		cleanup_init(&cleanup, scope);
		broken = enter_database_iface_finish(c->pool->instance, NULL, cursor, &cleanup.call,
		                 NULL, NULL, &failed) != ASKD_OK;
		cleanup_finish(&cleanup);
		if (broken)
			c->interrupted = true; /* the next statement would meet what is left */
	}
	pthread_mutex_unlock(&c->lock);
	if (g->hooked)
		cancel_hook_remove(scope->cancel, &g->hook);
	if (g->timed)
		timers_clear(c->pool->timers, &g->timer);
	if (broken)
		log_warning("query", scope->id, "database %s: finish failed: %s", c->pool->name,
		        failed.message);
	if (rc && interrupted)
		rc = g->timed_out && !cancel_fired(scope->cancel)
		             ? askd_fail(err, ASKD_E_TIMEOUT,
		                       "database %s: the statement ran too long", c->pool->name)
		             : askd_fail(err, ASKD_E_CANCELED, "canceled");
	return rc;
}
