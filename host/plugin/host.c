/* host.c: the functions of struct askd_host. A plugin hands the pointer back with each of them,
 * from any thread; it is looked up among the living before it is followed. */
#include "plugin/host.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "plugin/crossing.h"

enum { STOP_MS = 5000 };

/* A call that a plugin began itself. */
struct begun {
	struct plugin_call call; /* first */
	struct call_scope scope; /* unless it stands within another call */
};

static pthread_mutex_t living_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t living_changed = PTHREAD_COND_INITIALIZER;

/* All instances between host_init and host_finish. */
struct living {
	struct plugin_instance *instance;
	struct living *next;
};
static struct living *living;

static struct plugin_instance *find_locked(const struct askd_host *host)
{
	for (struct living *l = living; l; l = l->next)
		if (&l->instance->host == host)
			return l->instance;
	return NULL;
}

static const void *host_service(const struct askd_host *host, const char *id)
{
	struct plugin_instance *instance;
	const void *table = NULL;
	bool enters = false, may;
	pthread_mutex_lock(&living_lock);
	instance = find_locked(host);
	may = instance && instance->opening;
	pthread_mutex_unlock(&living_lock);
	if (!may || !id) {
		log_error("plugin", 0, "%s: asks for the service %s outside open()",
		        instance ? host->instance : "(closed instance)", id ? id : "(none)");
		return NULL;
	}
	table = service_find(id, &enters);
	if (table && enters && !(instance->library->plugin->flags & ASKD_CONCURRENT)) {
		/* Two serial instances that call each other would stand for ever. */
		log_warning("plugin", 0,
		        "%s: gets no %s, since it is not ASKD_CONCURRENT and that service enters "
		        "other instances",
		        host->instance, id);
		table = NULL;
	}
	return table;
}

static void host_log(
        const struct askd_host *host, struct askd_call *base, uint32_t level, const char *line)
{
	struct plugin_call *call = base ? plugin_call_of(base) : NULL;
	char name[128];
	bool found;
	if (!line || level < ASKD_LOG_ERROR || level > ASKD_LOG_DEBUG || !log_wants(level))
		return;
	pthread_mutex_lock(&living_lock);
	found = find_locked(host) != NULL;
	if (found)
		snprintf(name, sizeof name, "%s", host->instance);
	pthread_mutex_unlock(&living_lock);
	if (found)
		log_write(level, "plugin", call ? call->base.id : 0, "%s: %s", name, line);
}

static int64_t host_now_us(const struct askd_host *host)
{
	(void)host;
	return clock_now_us();
}

static int32_t host_random(const struct askd_host *host, void *p, uint64_t n)
{
	(void)host;
	if (n && (!p || n > SIZE_MAX))
		return ASKD_E_INVALID;
	if (n)
		random_bytes(p, (size_t)n);
	return ASKD_OK;
}

static struct askd_call *host_call_begin(const struct askd_host *host, uint32_t ms)
{
	struct begun *begun = calloc(1, sizeof *begun);
	struct plugin_instance *instance;
	if (!begun)
		return NULL;
	pthread_mutex_lock(&living_lock);
	instance = find_locked(host);
	if (instance && cancel_fired(&instance->cancel))
		instance = NULL;
	if (instance)
		instance->begun++;
	pthread_mutex_unlock(&living_lock);
	if (!instance) {
		free(begun);
		return NULL;
	}
	begun->scope.id = id_make();
	begun->scope.cancel = &instance->cancel;
	begun->scope.identity = instance->host.instance;
	plugin_call_init(&begun->call, &begun->scope, ms ? ms : 1);
	begun->call.owner = instance;
	return &begun->call.base;
}

static struct askd_call *host_call_within(
        const struct askd_host *host, struct askd_call *base, uint32_t ms)
{
	struct plugin_call *outer = base ? plugin_call_of(base) : NULL;
	struct begun *begun;
	if (!outer || !outer->owner || &outer->owner->host != host ||
	        !(begun = calloc(1, sizeof *begun)))
		return NULL;
	plugin_call_init(&begun->call, outer->scope, ms);
	if (base->deadline_us &&
	        (!begun->call.base.deadline_us || base->deadline_us < begun->call.base.deadline_us))
		begun->call.base.deadline_us = base->deadline_us;
	begun->call.owner = outer->owner;
	pthread_mutex_lock(&living_lock);
	outer->owner->begun++;
	pthread_mutex_unlock(&living_lock);
	return &begun->call.base;
}

static void host_call_end(struct askd_call *base)
{
	struct plugin_call *call = base ? plugin_call_of(base) : NULL;
	struct plugin_instance *instance;
	struct begun *begun;
	/* A call that the host itself made is not the plugin's to end. */
	if (!call || call->instance || !call->owner)
		return;
	begun = (struct begun *)call;
	instance = call->owner;
	plugin_call_finish(call);
	pthread_mutex_lock(&living_lock);
	instance->begun--;
	pthread_cond_broadcast(&living_changed);
	pthread_mutex_unlock(&living_lock);
	free(begun);
}

void host_init(struct plugin_instance *instance, const char *name)
{
	struct living *entry = (struct living *)arena_zalloc(&instance->arena, sizeof *entry);
	cancel_init(&instance->cancel);
	instance->host = (struct askd_host){
	        .size = sizeof instance->host,
	        .minor = ASKD_SDK_MINOR,
	        .instance = name,
	        .service = host_service,
	        .log = host_log,
	        .now_us = host_now_us,
	        .random = host_random,
	        .call_begin = host_call_begin,
	        .call_end = host_call_end,
	        .call_within = host_call_within,
	};
	if (!entry) /* the arena is full, which the caller notices */
		return;
	entry->instance = instance;
	pthread_mutex_lock(&living_lock);
	entry->next = living;
	living = entry;
	pthread_mutex_unlock(&living_lock);
}

bool host_finish(struct plugin_instance *instance)
{
	struct timespec until;
	bool ended;
	cancel_fire(&instance->cancel);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_MS / 1000;
	pthread_mutex_lock(&living_lock);
	while (instance->begun)
		if (pthread_cond_clockwait(&living_changed, &living_lock, CLOCK_MONOTONIC, &until))
			break;
	ended = !instance->begun;
	for (struct living **l = &living; *l; l = &(*l)->next)
		if ((*l)->instance == instance) {
			*l = (*l)->next;
			break;
		}
	pthread_mutex_unlock(&living_lock);
	return ended;
}
