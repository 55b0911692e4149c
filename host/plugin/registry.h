/* registry.h: the instances of one generation of the configuration, and the services. */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include <pthread.h>

#include "base/crypto.h"
#include "config/config.h"
#include "plugin/call.h"
#include "plugin/library.h"

struct plugin_instance {
	const struct config_instance *config; /* a copy of its own, without the options */
	const struct plugin_library *library;
	struct askd_host host; /* what the plugin got; instance name "llm/main" */
	void *self;
	pthread_mutex_t serial;         /* held inside an instance that is not concurrent */
	struct arena arena;             /* its options */
	uint64_t id;                    /* unique in the process */
	unsigned char sum[CRYPTO_HASH]; /* of its options, and of the files that they name */
	uint32_t references;            /* atomic: registries, and who works with it */
	struct plugin_instance *next;   /* of those that wait to be closed */
	struct cancel cancel; /* of the calls that it began itself; fired before it closes */
	uint32_t begun;       /* such calls that are not ended yet */
	uint32_t opening;     /* 1 while it is in open(): services may be asked for */
};

struct registry {
	const struct config *config;
	struct plugin_instance *
	        *instances; /* in the order of the file, NULL-terminated; NULL: none */
	uint32_t warnings;  /* optional instances left out */
};

/* Services are offered by the rooms at start, before instances open. enters: it leads into other
 * instances, so instances that are not concurrent do not get it (rule 7). The table is wrapped so
 * that every entry passes the observers and a check that the call is ours. */
void registry_offer_service(const char *id, const void *table, bool enters);
void registry_reset_services(void); /* tests */

/* Opens all instances of the configuration. An optional one that cannot open is left out with a
 * warning; any other stops: NULL and *reterr. [main] */
struct registry *registry_open(const struct config *config, struct askd_error *reterr);
/* The same, but takes over from `previous` (NULL: none) each instance of the same name, plugin and
 * options (files that options name with ASKD_OPT_FILE have the same content, too). [main] */
struct registry *registry_reopen(
        const struct registry *previous, const struct config *config, struct askd_error *reterr);
/* Lets go of its instances in reverse order, and closes those that nobody else holds. No crossing
 * is inside any more, but for calls that libraries' own threads began: those are canceled and
 * waited for. [main] */
void registry_close(struct registry *registry);
/* Whoever works with an instance outside a generation that has it holds it. [any] */
void plugin_instance_hold(struct plugin_instance *instance);
void plugin_instance_drop(struct plugin_instance *instance); /* NULL is fine */
/* Closes what the last one has let go of. [main] */
void registry_reap(void);
/* Before the drain: calls that instances began are canceled, and no new ones begin. [any] */
void registry_stop(struct registry *registry);
struct plugin_instance *registry_find(
        const struct registry *registry, const char *kind, const char *name);
/* The next instance of the kind after `after` (NULL: the first). */
struct plugin_instance *registry_next(
        const struct registry *registry, const char *kind, const struct plugin_instance *after);
/* The library that an instance of the configuration is made from. [main] */
struct plugin_library *registry_library(const struct config_instance *config,
        const char *const *search_path, struct askd_error *reterr);
/* One instance outside the configuration (the store's, a database that somebody names,
 * conformance). It is not in a registry. A plugin named by a path that ends in ".so" is opened from
 * there. Opening and closing wait for those of other threads. [worker] */
struct plugin_instance *registry_open_one(const struct config_instance *config,
        const char *const *search_path, struct askd_error *reterr);
void registry_close_one(struct plugin_instance *instance);
/* plugin_library_all from any thread. [worker] */
size_t registry_libraries(const char *const *search_path, const char *kind,
        const struct plugin_library **list, size_t max);
const void *plugin_instance_extension(const struct plugin_instance *instance, const char *id);

#endif
