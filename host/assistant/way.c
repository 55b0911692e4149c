/* way.c: asynchronous transports: their loops on threads of the host's, and their deliveries. */
#include <errno.h>
#include <stdlib.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum { WAY_STACK = 1 << 20, LOOP_WAIT_MIN_MS = 1000, LOOP_WAIT_MAX_MS = 60 * 1000 };

struct way *way_find(struct assistant *assistant, const struct plugin_instance *instance)
{
	struct way *way = assistant->ways;

	while (way && (way->instance != instance || way->synchronous))
		way = way->next;
	return way;
}

struct way *way_find_name(struct assistant *assistant, const char *name)
{
	struct way *way = assistant->ways;

	while (way &&
	        (way->synchronous || !name || strcmp(way->instance->host.instance, name) != 0))
		way = way->next;
	return way;
}

static int32_t ask_capabilities(
        struct plugin_instance *instance, struct askd_capabilities *out, struct askd_error *reterr)
{
	struct cancel cancel;
	struct call_scope scope = {.id = id_make(), .cancel = &cancel};
	struct plugin_call call;
	int32_t rc;

	cancel_init(&cancel);
	plugin_call_init(&call, &scope, 5000);
	rc = enter_transport_iface_capabilities(instance, NULL, NULL, &call, NULL, out, reterr);
	plugin_call_finish(&call);
	cancel_finish(&cancel);
	return rc;
}

int32_t way_open(struct assistant *assistant, struct askd_error *reterr)
{
	struct plugin_instance *instance = NULL;
	struct way **last = &assistant->ways;

	while ((instance = registry_next(assistant->rooms.registry, "transport", instance))) {
		const struct askd_transport_iface *iface;
		struct askd_capabilities can;
		struct way *way;
		int32_t rc = ask_capabilities(instance, &can, reterr);

		if (rc)
			return rc;
		iface = plugin_instance_iface(instance);
		if (can.flags & ASKD_TRANSPORT_SYNCHRONOUS && !iface->run)
			continue;
		if (!(way = calloc(1, sizeof *way)))
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a transport");
		way->assistant = assistant;
		way->instance = instance;
		way->capabilities = can;
		way->synchronous = (can.flags & ASKD_TRANSPORT_SYNCHRONOUS) != 0;
		cancel_init(&way->cancel);
		cancel_init(&way->send_cancel);
		pthread_mutex_init(&way->lock, NULL);
		pthread_cond_init(&way->changed, NULL);
		*last = way;
		last = &way->next;
	}
	return ASKD_OK;
}

/* Runs the plugin's loop; after an error waits longer each time, and runs it again. */
static void *loop(void *arg)
{
	struct way *way = arg;
	int64_t wait_ms = LOOP_WAIT_MIN_MS;

	pthread_setname_np(pthread_self(), "transport");
	pthread_mutex_lock(&way->lock);
	while (!way->loop_stopping) {
		struct call_scope scope = {.id = id_make(), .cancel = &way->cancel};
		struct plugin_call call;
		struct askd_error error = {0};
		int64_t began_us = clock_monotonic_us(), until_us;
		int32_t rc;

		pthread_mutex_unlock(&way->lock);
		plugin_call_init(&call, &scope, 0);
		rc = enter_transport_iface_run(
		        way->instance, NULL, NULL, &call, NULL, NULL, &error);
		plugin_call_finish(&call);
		pthread_mutex_lock(&way->lock);
		if (way->loop_stopping)
			break;
		if (clock_monotonic_us() - began_us > (int64_t)LOOP_WAIT_MAX_MS * 1000)
			wait_ms = LOOP_WAIT_MIN_MS;
		log_warning("assistant", scope.id, "the loop of %s ended: %s; again in %lld ms",
		        way->instance->host.instance, rc ? error.message : "without a reason",
		        (long long)wait_ms);
		until_us = clock_monotonic_us() + wait_ms * 1000;
		while (!way->loop_stopping && clock_monotonic_us() < until_us) {
			struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

			pthread_cond_clockwait(&way->changed, &way->lock, CLOCK_MONOTONIC, &until);
		}
		wait_ms = wait_ms * 2 < LOOP_WAIT_MAX_MS ? wait_ms * 2 : LOOP_WAIT_MAX_MS;
	}
	pthread_mutex_unlock(&way->lock);
	return NULL;
}

static int32_t start(
        pthread_t *thread, void *(*fn)(void *), struct way *way, struct askd_error *reterr)
{
	pthread_attr_t attr;
	int e = pthread_attr_init(&attr);

	if (!e) {
		e = pthread_attr_setstacksize(&attr, WAY_STACK);
		if (!e)
			e = pthread_create(thread, &attr, fn, way);
		pthread_attr_destroy(&attr);
	}
	return e ? askd_fail(reterr, ASKD_E_NOMEM, "no thread for %s: %s",
	                   way->instance->host.instance, strerror(e))
	         : ASKD_OK;
}

int32_t way_start(struct way *way, struct askd_error *reterr)
{
	const struct askd_transport_iface *iface = plugin_instance_iface(way->instance);
	int32_t rc = ASKD_OK;

	while (!rc && !way->synchronous && way->sender_count < WAY_SENDERS) {
		rc = start(&way->senders[way->sender_count], outbox_thread, way, reterr);
		way->sender_count += !rc;
	}
	if (!rc && iface->run) {
		rc = start(&way->loop, loop, way, reterr);
		way->looping = !rc;
	}
	return rc;
}

void way_stop_loop(struct way *way)
{
	pthread_mutex_lock(&way->lock);
	way->loop_stopping = true;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
	cancel_fire(&way->cancel);
	if (way->looping)
		pthread_join(way->loop, NULL);
	way->looping = false;
}

void way_stop(struct way *way)
{
	pthread_mutex_lock(&way->lock);
	way->stopping = true;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
	cancel_fire(&way->send_cancel);
	while (way->sender_count)
		pthread_join(way->senders[--way->sender_count], NULL);
}
