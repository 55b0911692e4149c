/* way_loop.c: runs a transport's loop, and lets what it serves end. */
#include "assistant/way_loop.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum {
	LOOP_STACK = 1 << 20,
	LOOP_WAIT_MIN_MS = 1000,
	LOOP_WAIT_MAX_MS = 60 * 1000,
	LEAVE_MS = 30 * 1000, /* until a loop that was told to end has ended */
	LEAVE_SLICE_US = 50 * 1000,
	DRAIN_MS = 7 * 60 * 1000, /* longer than any request */
	DRAIN_LAST_MS = 2 * 1000  /* the same at the end of the daemon, whose requests have ended */
};

struct way_loop {
	struct way *way;
	struct plugin_instance *instance; /* held */
	pthread_t thread;
	struct cancel cancel, drain_cancel;
	bool stopping, ended, done; /* with the way's lock. ended: `run` is over for good */
	struct way_loop *next;      /* of those that leave */
};

/* Runs the plugin's loop; after an error waits longer each time, and runs it again. */
static void run(struct way_loop *loop)
{
	struct way *way = loop->way;
	int64_t wait_ms = LOOP_WAIT_MIN_MS;

	pthread_mutex_lock(&way->lock);
	while (!loop->stopping) {
		struct call_scope scope = {.id = id_make(), .cancel = &loop->cancel};
		struct plugin_call call;
		struct askd_error error = {0};
		int64_t began_us = clock_monotonic_us(), until_us;
		int32_t rc;

		pthread_mutex_unlock(&way->lock);
		plugin_call_init(&call, &scope, 0);
		rc = enter_transport_iface_run(
		        loop->instance, NULL, NULL, &call, NULL, NULL, &error);
		plugin_call_finish(&call);
		pthread_mutex_lock(&way->lock);
		if (loop->stopping)
			break;
		if (clock_monotonic_us() - began_us > (int64_t)LOOP_WAIT_MAX_MS * 1000)
			wait_ms = LOOP_WAIT_MIN_MS;
		log_warning("assistant", scope.id, "the loop of %s ended: %s; again in %lld ms",
		        way->name, rc ? error.message : "without a reason", (long long)wait_ms);
		until_us = clock_monotonic_us() + wait_ms * 1000;
		while (!loop->stopping && clock_monotonic_us() < until_us) {
			struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

			pthread_cond_clockwait(&way->changed, &way->lock, CLOCK_MONOTONIC, &until);
		}
		wait_ms = wait_ms * 2 < LOOP_WAIT_MAX_MS ? wait_ms * 2 : LOOP_WAIT_MAX_MS;
	}
	loop->ended = true;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
}

/* A server keeps the connections on which it still answers. */
static void drain(struct way_loop *loop)
{
	const struct askd_web_server *server =
	        plugin_instance_extension(loop->instance, "askd.web_server/1");
	struct call_scope scope = {.id = id_make(), .cancel = &loop->drain_cancel};
	struct plugin_call call;
	struct askd_error error = {0};

	if (!server || !ASKD_HAS(server, drain) || !server->drain)
		return;
	plugin_call_init(&call, &scope, DRAIN_MS);
	if (enter_web_server_drain(loop->instance, server, NULL, &call, NULL, NULL, &error) &&
	        error.code != ASKD_E_CANCELED)
		log_warning("assistant", scope.id, "connections of %s are cut off: %s",
		        loop->way->name, error.message);
	plugin_call_finish(&call);
}

static void *loop_thread(void *arg)
{
	struct way_loop *loop = arg;
	struct way *way = loop->way;

	pthread_setname_np(pthread_self(), "transport");
	run(loop);
	drain(loop);
	pthread_mutex_lock(&way->lock);
	loop->done = true;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
	generation_tell_unused();
	return NULL;
}

int32_t way_thread(struct way *way, pthread_t *thread, void *(*fn)(void *), void *arg,
        struct askd_error *reterr)
{
	pthread_attr_t attr;
	int e = pthread_attr_init(&attr);

	if (!e) {
		e = pthread_attr_setstacksize(&attr, LOOP_STACK);
		if (!e)
			e = pthread_create(thread, &attr, fn, arg);
		pthread_attr_destroy(&attr);
	}
	return e ? askd_fail(reterr, ASKD_E_NOMEM, "no thread for %s: %s", way->name, strerror(e))
	         : ASKD_OK;
}

static void loop_free(struct way_loop *loop)
{
	plugin_instance_drop(loop->instance);
	cancel_finish(&loop->cancel);
	cancel_finish(&loop->drain_cancel);
	free(loop);
}

int32_t way_loop_start(struct way *way, struct askd_error *reterr)
{
	struct way_loop *loop = calloc(1, sizeof *loop);
	int32_t rc;

	if (!loop)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for %s", way->name);
	loop->way = way;
	loop->instance = way->instance;
	plugin_instance_hold(loop->instance);
	cancel_init(&loop->cancel);
	cancel_init(&loop->drain_cancel);
	rc = way_thread(way, &loop->thread, loop_thread, loop, reterr);
	if (rc)
		loop_free(loop);
	else
		way->loop = loop;
	return rc;
}

void way_loop_cancel(struct way_loop *loop)
{
	struct way *way = loop->way;

	pthread_mutex_lock(&way->lock);
	loop->stopping = true;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
	cancel_fire(&loop->cancel);
}

/* Waits for a flag of a loop, as long as `stop` (NULL: never) says no; false: the time is over. */
static bool wait_for(struct way *way, const bool *flag, int64_t wait_ms, bool (*stop)(void))
{
	int64_t end_us = clock_monotonic_us() + wait_ms * 1000, now_us;
	bool is;

	pthread_mutex_lock(&way->lock);
	while (!*flag && (now_us = clock_monotonic_us()) < end_us && !(stop && stop())) {
		int64_t until_us =
		        now_us + LEAVE_SLICE_US < end_us ? now_us + LEAVE_SLICE_US : end_us;
		struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

		pthread_cond_clockwait(&way->changed, &way->lock, CLOCK_MONOTONIC, &until);
	}
	is = *flag;
	pthread_mutex_unlock(&way->lock);
	return is;
}

static void leave(struct way *way)
{
	way->loop->next = way->leaving;
	way->leaving = way->loop;
	way->loop = NULL;
}

int32_t way_loop_leave(struct way *way, bool (*stop)(void), struct askd_error *reterr)
{
	way_loop_cancel(way->loop);
	if (wait_for(way, &way->loop->ended, LEAVE_MS, stop)) {
		leave(way);
		return ASKD_OK;
	}
	if (stop && stop())
		return askd_fail(reterr, ASKD_E_CANCELED, "askd is stopping");
	return askd_fail(reterr, ASKD_E_BUSY,
	        "the loop of %s does not end although it was canceled: the next reload tries again",
	        way->name);
}

/* Joins those that have come to their end, or all. */
static void join(struct way *way, bool all)
{
	for (struct way_loop **at = &way->leaving; *at;) {
		struct way_loop *loop = *at;
		bool done;

		pthread_mutex_lock(&way->lock);
		done = loop->done;
		pthread_mutex_unlock(&way->lock);
		if (!done && !all) {
			at = &loop->next;
			continue;
		}
		*at = loop->next;
		pthread_join(loop->thread, NULL);
		loop_free(loop);
	}
}

void way_tidy(struct way *way)
{
	join(way, false);
}

void way_stop_loop(struct way *way)
{
	if (way->loop) {
		way_loop_cancel(way->loop);
		leave(way);
	}
	for (struct way_loop *loop = way->leaving; loop; loop = loop->next) {
		(void)wait_for(way, &loop->done, DRAIN_LAST_MS, NULL);
		cancel_fire(&loop->drain_cancel);
	}
	join(way, true);
}
