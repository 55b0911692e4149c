/* way.c: transports with a loop of their own: what is known of them by name, over all generations.
 * Their loops run in way_loop.c, what is delivered goes through outbox.c. */
#include <stdlib.h>

#include "assistant/inside.h"
#include "assistant/way_loop.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "run/listen.h"

enum { LINGER_US = 5 * 1000 * 1000 };

struct way *way_next(const struct assistant *assistant, const struct way *after)
{
	return __atomic_load_n(after ? &after->next : &assistant->ways, __ATOMIC_ACQUIRE);
}

struct way *way_find(struct assistant *assistant, const struct plugin_instance *instance)
{
	struct way *way = NULL;
	bool found = false;

	while (!found && (way = way_next(assistant, way))) {
		pthread_mutex_lock(&way->lock);
		found = way->instance == instance && !way->synchronous;
		pthread_mutex_unlock(&way->lock);
	}
	return way;
}

struct way *way_find_name(struct assistant *assistant, const char *name)
{
	struct way *way = NULL;
	bool found = false;

	while (name && !found && (way = way_next(assistant, way))) {
		pthread_mutex_lock(&way->lock);
		found = way->instance && !way->synchronous && !strcmp(way->name, name);
		pthread_mutex_unlock(&way->lock);
	}
	return found ? way : NULL;
}

struct askd_capabilities way_capabilities(struct way *way)
{
	struct askd_capabilities can;

	pthread_mutex_lock(&way->lock);
	can = way->capabilities;
	pthread_mutex_unlock(&way->lock);
	return can;
}

struct plugin_instance *way_instance(struct way *way)
{
	struct plugin_instance *instance;

	pthread_mutex_lock(&way->lock);
	instance = way->instance;
	if (instance)
		plugin_instance_hold(instance);
	pthread_mutex_unlock(&way->lock);
	return instance;
}

/* ---- what a generation has --------------------------------------------------------------------
 */

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

int32_t way_plan(struct plan *plan, struct askd_error *reterr)
{
	const struct registry *registry = plan->rooms.registry;
	struct plugin_instance *instance = NULL;
	size_t count = 0;

	while ((instance = registry_next(registry, "transport", instance)))
		count++;
	plan->ways = arena_zalloc(&plan->arena, (count + 1) * sizeof *plan->ways);
	if (!plan->ways)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the transports");
	count = 0;
	while ((instance = registry_next(registry, "transport", instance))) {
		const struct askd_transport_iface *iface = plugin_instance_iface(instance);
		struct askd_capabilities can;
		int32_t rc = ask_capabilities(instance, &can, reterr);

		if (rc)
			return rc;
		if (can.flags & ASKD_TRANSPORT_SYNCHRONOUS && !iface->run)
			continue;
		plan->ways[count++] = (struct plan_way){instance, can};
	}
	return ASKD_OK;
}

/* ---- from one generation to the next ----------------------------------------------------------
 */

static struct way *find_any(struct assistant *assistant, const char *name)
{
	struct way *way = NULL;

	while ((way = way_next(assistant, way)) && strcmp(way->name, name) != 0)
		;
	return way;
}

static const struct plan_way *find_planned(const struct plan *plan, const char *name)
{
	for (const struct plan_way *p = plan->ways; p->instance; p++)
		if (!strcmp(p->instance->host.instance, name))
			return p;
	return NULL;
}

static struct way *way_create(
        struct assistant *assistant, const char *name, struct askd_error *reterr)
{
	struct way *way = calloc(1, sizeof *way), *last = NULL, *next;

	if (!way || !(way->name = strdup(name))) {
		free(way);
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a transport");
		return NULL;
	}
	way->assistant = assistant;
	cancel_init(&way->send_cancel);
	pthread_mutex_init(&way->lock, NULL);
	pthread_cond_init(&way->changed, NULL);
	while ((next = way_next(assistant, last)))
		last = next;
	__atomic_store_n(last ? &last->next : &assistant->ways, way, __ATOMIC_RELEASE);
	return way;
}

static void set_instance(struct way *way, const struct plan_way *planned)
{
	struct plugin_instance *old;

	if (planned)
		plugin_instance_hold(planned->instance);
	pthread_mutex_lock(&way->lock);
	old = way->instance;
	way->instance = planned ? planned->instance : NULL;
	if (planned) {
		way->capabilities = planned->capabilities;
		way->synchronous = (planned->capabilities.flags & ASKD_TRANSPORT_SYNCHRONOUS) != 0;
	}
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
	plugin_instance_drop(old);
}

static bool is_kept(const struct way *way, const struct plan_way *planned)
{
	return way->instance == (planned ? planned->instance : NULL);
}

/* The old loop has been told to end. Never two of a name: without its end nothing changes. */
static int32_t change(struct way *way, const struct plan_way *planned, bool (*stop)(void),
        struct askd_error *reterr)
{
	int32_t rc = way->loop ? way_loop_leave(way, stop, reterr) : ASKD_OK;

	if (rc)
		return rc;
	set_instance(way, planned);
	return planned && way->assistant->started ? way_start(way, reterr) : ASKD_OK;
}

int32_t way_follow(struct assistant *assistant, const struct plan *plan, bool (*stop)(void),
        struct askd_error *reterr)
{
	struct askd_error error;
	struct way *way = NULL;
	int32_t rc = ASKD_OK, failed;

	/* Until the new loops have asked for their sockets, none may look unused. */
	timers_clear(assistant->rooms.timers, &assistant->unlisten);
	while ((way = way_next(assistant, way)))
		if (way->loop && !is_kept(way, find_planned(plan, way->name)))
			way_loop_cancel(way->loop);
	while ((way = way_next(assistant, way))) {
		const struct plan_way *planned = find_planned(plan, way->name);

		failed = is_kept(way, planned) ? ASKD_OK : change(way, planned, stop, &error);
		if (failed && !rc)
			rc = error_copy(reterr, &error);
	}
	for (const struct plan_way *p = plan->ways; p->instance; p++) {
		if (find_any(assistant, p->instance->host.instance))
			continue;
		way = way_create(assistant, p->instance->host.instance, &error);
		failed = way ? ASKD_OK : error.code;
		/* What an earlier configuration had begun to deliver there. */
		if (way && assistant->started)
			failed = outbox_load(way, &error);
		if (!failed)
			failed = change(way, p, stop, &error);
		if (failed && !rc)
			rc = error_copy(reterr, &error);
	}
	if (assistant->started && !timers_set(assistant->rooms.timers, &assistant->unlisten,
	                                  clock_monotonic_us() + LINGER_US))
		log_error("assistant", 0, "no memory to close sockets that nobody listens on");
	return rc;
}

void way_unlisten(void *arg)
{
	struct generation *generation = generation_hold(NULL);
	struct plugin_instance **i = generation ? generation->registry->instances : NULL;
	uint64_t *users;
	size_t count = 0;

	(void)arg;
	while (i && i[count])
		count++;
	users = calloc(count + 1, sizeof *users);
	for (size_t n = 0; users && n < count; n++)
		users[n] = i[n]->id;
	if (users)
		listen_keep(users, count);
	free(users);
	generation_drop(generation);
}

/* ---- life -------------------------------------------------------------------------------------
 */

int32_t way_start(struct way *way, struct askd_error *reterr)
{
	const struct askd_transport_iface *iface =
	        way->instance ? plugin_instance_iface(way->instance) : NULL;
	int32_t rc = ASKD_OK;

	while (iface && !rc && !way->synchronous && way->sender_count < WAY_SENDERS) {
		rc = way_thread(way, &way->senders[way->sender_count], outbox_thread, way, reterr);
		way->sender_count += !rc;
	}
	return !rc && iface && iface->run ? way_loop_start(way, reterr) : rc;
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

void way_close(struct way *way)
{
	if (!way)
		return;
	way_forget(way);
	plugin_instance_drop(way->instance);
	cancel_finish(&way->send_cancel);
	pthread_cond_destroy(&way->changed);
	pthread_mutex_destroy(&way->lock);
	free(way->name);
	free(way);
}
