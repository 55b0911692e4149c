/* registry.c: instances, opened in the order of the configuration and closed in reverse. */
#include "plugin/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "config/options.h"
#include "plugin/crossing.h"
#include "plugin/generation.h"
#include "plugin/host.h"

void registry_offer_service(const char *id, const void *table, bool enters)
{
	service_offer(id, table, enters);
}

void registry_reset_services(void)
{
	service_reset();
}

/* Libraries are loaded, and instances opened and closed, by one thread at a time. */
static pthread_mutex_t opening_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- one instance -----------------------------------------------------------------------------
 */

static void instance_free(struct plugin_instance *instance)
{
	cancel_finish(&instance->cancel);
	pthread_mutex_destroy(&instance->serial);
	arena_finish(&instance->arena);
	free(instance);
}

static struct plugin_instance *instance_create(
        const struct config_instance *config, struct askd_error *reterr)
{
	struct plugin_instance *instance = calloc(1, sizeof *instance);
	struct config_instance *own;
	pthread_mutexattr_t attributes;
	char *name;
	if (!instance || pthread_mutexattr_init(&attributes)) {
		free(instance);
		goto memory;
	}
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&instance->serial, &attributes);
	pthread_mutexattr_destroy(&attributes);
	arena_init(&instance->arena, 0);
	instance->references = 1;
	instance->id = id_make();
	/* It may outlive the configuration that it was read from. */
	own = arena_zalloc(&instance->arena, sizeof *own);
	if (own)
		*own = (struct config_instance){
		        .kind = arena_string(&instance->arena, config->kind),
		        .name = arena_string(&instance->arena, config->name),
		        .plugin = arena_string(&instance->arena, config->plugin),
		        .optional = config->optional,
		        .isolation = config->isolation};
	instance->config = own;
	name = arena_print(&instance->arena, "%s/%s", config->kind, config->name);
	host_init(instance, name);
	if (instance->arena.full) {
		host_finish(instance);
		instance_free(instance);
		goto memory;
	}
	return instance;
memory:
	askd_fail(reterr, ASKD_E_NOMEM, "%s/%s: no memory", config->kind, config->name);
	return NULL;
}

struct plugin_library *registry_library(const struct config_instance *config,
        const char *const *search_path, struct askd_error *reterr)
{
	size_t n = strlen(config->plugin);
	char kind[80];
	snprintf(kind, sizeof kind, "askd.%s/1", config->kind);
	if (strchr(config->plugin, '/') && n > 3 && !strcmp(config->plugin + n - 3, ".so"))
		return plugin_library_open(config->plugin, kind, reterr);
	return plugin_library_find(search_path, kind, config->plugin, reterr);
}

static const struct askd_option no_options[1];

/* Fills self with the options, before any code of the plugin runs. */
static int32_t read_options(struct plugin_instance *instance, const struct config_instance *config,
        struct askd_error *err)
{
	const struct askd_plugin *plugin = instance->library->plugin;
	const struct askd_option *options = plugin->options ? plugin->options : no_options;
	uint32_t stride = plugin->options ? plugin->option_size : sizeof *no_options;
	int32_t rc;
	instance->self = arena_zalloc(
	        &instance->arena, plugin->instance_size ? (size_t)plugin->instance_size : 1);
	if (!instance->self)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for %llu bytes",
		        (unsigned long long)plugin->instance_size);
	rc = options_read(&instance->arena, config->node, options, stride, instance->host.instance,
	        config->known, instance->self, err);
	if (!rc && !options_sum(options, stride, instance->self, instance->sum))
		rc = askd_fail(err, ASKD_E_NOMEM, "no memory for the options of %s",
		        instance->host.instance);
	return rc;
}

/* All up to open(). */
static struct plugin_instance *instance_prepare(const struct config_instance *config,
        const char *const *search_path, struct askd_error *err)
{
	struct plugin_instance *instance;
	int32_t rc;
	crossing_error_clear(err);
	instance = instance_create(config, err);
	if (!instance)
		return NULL;
	if (config->isolation != CONFIG_ISOLATION_NONE) {
		rc = askd_fail(err, ASKD_E_UNSUPPORTED,
		        "%s: isolation \"process\" is not offered by this version: leave the line "
		        "`isolation` out",
		        instance->host.instance);
	} else {
		instance->library = registry_library(config, search_path, err);
		if (instance->library) {
			rc = read_options(instance, config, err);
		} else {
			error_prefix(err, "%s", instance->host.instance);
			rc = err->code;
		}
	}
	if (!rc)
		return instance;
	host_finish(instance);
	instance_free(instance);
	return NULL;
}

/* NULL: it did not open, and is gone. */
static struct plugin_instance *instance_open(
        struct plugin_instance *instance, struct askd_error *err)
{
	const struct askd_plugin *plugin = instance->library->plugin;
	int32_t rc = ASKD_OK;
	if (plugin->open) {
		instance->opening = 1;
		rc = plugin->open(instance->self, &instance->host, err);
		instance->opening = 0;
	}
	if (!rc)
		return instance;
	crossing_error(err, rc, instance->host.instance, "open");
	error_prefix(err, "%s", instance->host.instance);
	host_finish(instance);
	instance_free(instance);
	return NULL;
}

struct plugin_instance *registry_open_one(const struct config_instance *config,
        const char *const *search_path, struct askd_error *reterr)
{
	struct askd_error own, *err = reterr ? reterr : &own;
	struct plugin_instance *instance;
	pthread_mutex_lock(&opening_lock);
	instance = instance_prepare(config, search_path, err);
	if (instance)
		instance = instance_open(instance, err);
	pthread_mutex_unlock(&opening_lock);
	return instance;
}

void registry_close_one(struct plugin_instance *instance)
{
	const struct askd_plugin *plugin;
	if (!instance)
		return;
	plugin = instance->library->plugin;
	if (!host_finish(instance)) {
		/* Its library's thread is still inside: what it uses must stay. */
		log_error("plugin", 0,
		        "%s: calls that it began itself are not ended: it is left open",
		        instance->host.instance);
		return;
	}
	if (plugin->close) {
		pthread_mutex_lock(&opening_lock);
		plugin->close(instance->self);
		pthread_mutex_unlock(&opening_lock);
	}
	instance_free(instance);
}

size_t registry_libraries(const char *const *search_path, const char *kind,
        const struct plugin_library **list, size_t max)
{
	size_t n;
	pthread_mutex_lock(&opening_lock);
	n = plugin_library_all(search_path, kind, list, max);
	pthread_mutex_unlock(&opening_lock);
	return n;
}

/* ---- who holds an instance --------------------------------------------------------------------
 */

static pthread_mutex_t unused_lock = PTHREAD_MUTEX_INITIALIZER;
static struct plugin_instance *unused; /* nobody holds them any more; the first to go first */

void plugin_instance_hold(struct plugin_instance *instance)
{
	__atomic_add_fetch(&instance->references, 1, __ATOMIC_RELAXED);
}

void plugin_instance_drop(struct plugin_instance *instance)
{
	struct plugin_instance **last;
	if (!instance || __atomic_sub_fetch(&instance->references, 1, __ATOMIC_ACQ_REL))
		return;
	instance->next = NULL;
	pthread_mutex_lock(&unused_lock);
	for (last = &unused; *last; last = &(*last)->next)
		;
	*last = instance;
	pthread_mutex_unlock(&unused_lock);
	generation_tell_unused();
}

void registry_reap(void)
{
	struct plugin_instance *list;
	pthread_mutex_lock(&unused_lock);
	list = unused;
	unused = NULL;
	pthread_mutex_unlock(&unused_lock);
	while (list) {
		struct plugin_instance *instance = list;
		list = instance->next;
		registry_close_one(instance);
	}
}

/* ---- all of a configuration -------------------------------------------------------------------
 */

/* The instance that was opened before with the same options, held; NULL: there is none. */
static struct plugin_instance *find_same(
        const struct registry *previous, const struct plugin_instance *instance)
{
	struct plugin_instance *old =
	        previous ? registry_find(previous, instance->config->kind, instance->config->name)
	                 : NULL;
	if (!old || old->library != instance->library ||
	        !crypto_equal(old->sum, instance->sum, sizeof old->sum))
		return NULL;
	plugin_instance_hold(old);
	return old;
}

static struct plugin_instance *open_or_keep(const struct registry *previous,
        const struct config *config, const struct config_instance *c, struct askd_error *err)
{
	struct plugin_instance *instance, *same;
	pthread_mutex_lock(&opening_lock);
	instance = instance_prepare(c, config->plugin_path, err);
	same = instance ? find_same(previous, instance) : NULL;
	if (same) {
		host_finish(instance);
		instance_free(instance);
		instance = same;
	} else if (instance) {
		instance = instance_open(instance, err);
	}
	pthread_mutex_unlock(&opening_lock);
	return instance;
}

struct registry *registry_reopen(
        const struct registry *previous, const struct config *config, struct askd_error *reterr)
{
	struct registry *registry = calloc(1, sizeof *registry);
	size_t count = 0;
	for (const struct config_instance *c = config->instances; c; c = c->next)
		count++;
	if (registry)
		registry->instances = calloc(count + 1, sizeof *registry->instances);
	if (!registry || !registry->instances) {
		free(registry);
		askd_fail(reterr, ASKD_E_NOMEM, "no memory");
		return NULL;
	}
	registry->config = config;
	count = 0;
	for (const struct config_instance *c = config->instances; c; c = c->next) {
		struct askd_error err;
		struct plugin_instance *instance = open_or_keep(previous, config, c, &err);
		if (instance) {
			registry->instances[count++] = instance;
		} else if (c->optional) {
			log_warning("plugin", 0, "%s/%s is left out, since it is optional: %s",
			        c->kind, c->name, err.message);
			registry->warnings++;
		} else {
			if (reterr)
				*reterr = err;
			registry_close(registry);
			return NULL;
		}
	}
	return registry;
}

struct registry *registry_open(const struct config *config, struct askd_error *reterr)
{
	return registry_reopen(NULL, config, reterr);
}

void registry_stop(struct registry *registry)
{
	for (struct plugin_instance **i = registry ? registry->instances : NULL; i && *i; i++)
		cancel_fire(&(*i)->cancel);
}

void registry_close(struct registry *registry)
{
	size_t count = 0;
	if (!registry)
		return;
	while (registry->instances[count])
		count++;
	while (count)
		plugin_instance_drop(registry->instances[--count]);
	registry_reap();
	free(registry->instances);
	free(registry);
}

struct plugin_instance *registry_find(
        const struct registry *registry, const char *kind, const char *name)
{
	for (struct plugin_instance **i = registry->instances; i && *i; i++)
		if (!strcmp((*i)->config->kind, kind) && !strcmp((*i)->config->name, name))
			return *i;
	return NULL;
}

struct plugin_instance *registry_next(
        const struct registry *registry, const char *kind, const struct plugin_instance *after)
{
	struct plugin_instance **i = registry->instances;
	while (after && *i++ != after)
		;
	while (i && *i && strcmp((*i)->config->kind, kind) != 0)
		i++;
	return i ? *i : NULL;
}

const void *plugin_instance_extension(const struct plugin_instance *instance, const char *id)
{
	return plugin_library_extension(instance->library, id);
}
