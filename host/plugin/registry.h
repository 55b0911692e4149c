/* registry.h: the instances of one generation of the configuration, and the services. */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include <pthread.h>

#include "config/config.h"
#include "plugin/call.h"
#include "plugin/library.h"

struct plugin_instance {
	const struct config_instance *config;
	const struct plugin_library *library;
	struct askd_host host; /* what the plugin got; instance name "llm/main" */
	void *self;
	struct registry *registry;
	pthread_mutex_t serial; /* held inside an instance that is not concurrent */
	struct arena arena;     /* its options */
	uint64_t id;            /* unique in the process */
	struct plugin_instance *next;
	struct cancel cancel; /* of the calls that it began itself; fired before it closes */
	uint32_t begun;       /* such calls that are not ended yet */
	uint32_t opening;     /* 1 while it is in open(): services may be asked for */
};

struct registry {
	const struct config *config;
	struct plugin_instance *instances; /* in the order of the file */
	uint32_t warnings;                 /* optional instances left out */
};

/* Services are offered by the rooms at start, before instances open. enters: it leads into other
 * instances, so instances that are not concurrent do not get it (rule 7). The table is wrapped so
 * that every entry passes the observers and a check that the call is ours. */
void registry_offer_service(const char *id, const void *table, bool enters);
void registry_reset_services(void); /* tests */

/* Opens all instances of the configuration. An optional one that cannot open is left out with a
 * warning; any other stops: NULL and *reterr. [main] */
struct registry *registry_open(const struct config *config, struct askd_error *reterr);
/* Closes instances in reverse order. No crossing is inside any more, but for calls that libraries'
 * own threads began: those are canceled and waited for. [main] */
void registry_close(struct registry *registry);
/* Before the drain: calls that instances began are canceled, and no new ones begin. [any] */
void registry_stop(struct registry *registry);
struct plugin_instance *registry_find(
        struct registry *registry, const char *kind, const char *name);
/* The next instance of the kind after `after` (NULL: the first). */
struct plugin_instance *registry_next(
        struct registry *registry, const char *kind, const struct plugin_instance *after);
/* One instance outside the configuration (the store's, a tenant's database, conformance). It is not
 * in registry->instances; registry may be NULL. config lives as long as the instance. A plugin
 * named by a path that ends in ".so" is opened from there. [main] */
struct plugin_instance *registry_open_one(struct registry *registry,
        const struct config_instance *config, const char *const *search_path,
        struct askd_error *reterr);
void registry_close_one(struct plugin_instance *instance);
const void *plugin_instance_extension(const struct plugin_instance *instance, const char *id);

#endif
