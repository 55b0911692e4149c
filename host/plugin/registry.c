/* registry.c: instances, opened in the order of the configuration and closed in reverse. */
#include "plugin/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "config/options.h"
#include "plugin/crossing.h"
#include "plugin/host.h"

void registry_offer_service(const char *id, const void *table, bool enters)
{
	service_offer(id, table, enters);
}

void registry_reset_services(void)
{
	service_reset();
}

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
	instance->config = config;
	instance->id = id_make();
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

static struct plugin_library *find_library(const struct config_instance *config,
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

static int32_t instance_open(struct plugin_instance *instance, struct askd_error *err)
{
	const struct askd_plugin *plugin = instance->library->plugin;
	const struct config_instance *config = instance->config;
	const char *name = instance->host.instance;
	int32_t rc;
	instance->self = arena_zalloc(
	        &instance->arena, plugin->instance_size ? (size_t)plugin->instance_size : 1);
	if (!instance->self)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for %llu bytes",
		        (unsigned long long)plugin->instance_size);
	rc = options_read(&instance->arena, config->node,
	        plugin->options ? plugin->options : no_options,
	        plugin->options ? plugin->option_size : sizeof *no_options, name, config->known,
	        instance->self, err);
	if (rc)
		return rc;
	if (!plugin->open)
		return ASKD_OK;
	instance->opening = 1;
	rc = plugin->open(instance->self, &instance->host, err);
	instance->opening = 0;
	if (rc) {
		rc = crossing_error(err, rc, name, "open");
		error_prefix(err, "%s", name);
	}
	return rc;
}

struct plugin_instance *registry_open_one(struct registry *registry,
        const struct config_instance *config, const char *const *search_path,
        struct askd_error *reterr)
{
	struct plugin_instance *instance;
	struct askd_error own, *err = reterr ? reterr : &own;
	int32_t rc = ASKD_OK;
	crossing_error_clear(err);
	instance = instance_create(config, err);
	if (!instance)
		return NULL;
	instance->registry = registry;
	if (config->isolation != CONFIG_ISOLATION_NONE) {
		rc = askd_fail(err, ASKD_E_UNSUPPORTED,
		        "%s: isolation \"process\" is not offered by this version: leave the line "
		        "`isolation` out",
		        instance->host.instance);
	} else {
		instance->library = find_library(config, search_path, err);
		if (instance->library) {
			rc = instance_open(instance, err);
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
	if (plugin->close)
		plugin->close(instance->self);
	instance_free(instance);
}

/* ---- all of a configuration -------------------------------------------------------------------
 */

struct registry *registry_open(const struct config *config, struct askd_error *reterr)
{
	struct registry *registry = calloc(1, sizeof *registry);
	struct plugin_instance **last;
	if (!registry) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory");
		return NULL;
	}
	registry->config = config;
	last = &registry->instances;
	for (const struct config_instance *c = config->instances; c; c = c->next) {
		struct askd_error err;
		struct plugin_instance *instance =
		        registry_open_one(registry, c, config->plugin_path, &err);
		if (instance) {
			*last = instance;
			last = &instance->next;
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

void registry_stop(struct registry *registry)
{
	for (struct plugin_instance *i = registry ? registry->instances : NULL; i; i = i->next)
		cancel_fire(&i->cancel);
}

void registry_close(struct registry *registry)
{
	struct plugin_instance *reversed = NULL;
	if (!registry)
		return;
	while (registry->instances) {
		struct plugin_instance *instance = registry->instances;
		registry->instances = instance->next;
		instance->next = reversed;
		reversed = instance;
	}
	while (reversed) {
		struct plugin_instance *instance = reversed;
		reversed = instance->next;
		registry_close_one(instance);
	}
	free(registry);
}

struct plugin_instance *registry_find(struct registry *registry, const char *kind, const char *name)
{
	for (struct plugin_instance *i = registry->instances; i; i = i->next)
		if (!strcmp(i->config->kind, kind) && !strcmp(i->config->name, name))
			return i;
	return NULL;
}

struct plugin_instance *registry_next(
        struct registry *registry, const char *kind, const struct plugin_instance *after)
{
	for (struct plugin_instance *i = after ? after->next : registry->instances; i; i = i->next)
		if (!strcmp(i->config->kind, kind))
			return i;
	return NULL;
}

const void *plugin_instance_extension(const struct plugin_instance *instance, const char *id)
{
	return plugin_library_extension(instance->library, id);
}
