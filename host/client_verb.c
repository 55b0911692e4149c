/* client_verb.c: verbs that run in the process that the person started (ASKD_VERB_CLIENT). */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "daemon_inside.h"
#include "plugin/registry.h"
#include "run/http.h"
#include "run/listen.h"
#include "run/metrics.h"

static const struct askd_verb *verb_of(const void *table, const char *word)
{
	const struct askd_verbs *verbs = table;

	for (size_t n = 0; verbs && verbs->verbs[n]; n++)
		if (!strcmp(verbs->verbs[n]->name, word))
			return verbs->verbs[n];
	return NULL;
}

const struct config_instance *client_verb_find(const struct config *config, const char *word)
{
	for (const struct config_instance *i = config->instances; i; i = i->next) {
		const struct plugin_library *library =
		        registry_library(i, config->plugin_path, NULL);
		const struct askd_verb *verb =
		        library ? verb_of(plugin_library_extension(library, "askd.verbs/1"), word)
		                : NULL;

		if (verb)
			return verb->flags & ASKD_VERB_CLIENT ? i : NULL;
	}
	return NULL;
}

int client_verb_run(const struct config *config, const struct config_instance *which,
        const char *identity, const char *config_path, int argc, char **argv, int in, int out,
        int err)
{
	struct call_scope scope = {.id = id_make(), .local = 1, .identity = identity};
	struct askd_error error = {0};
	struct plugin_instance *instance = NULL;
	struct cancel cancel;
	int status = 1;

	cancel_init(&cancel); /* nobody fires it: the verb takes the signals */
	scope.cancel = &cancel;
	if (!daemon_offer(&error))
		instance = registry_open_one(which, config->plugin_path, &error);
	if (instance) {
		status = daemon_run_verb(instance,
		        verb_of(plugin_instance_extension(instance, "askd.verbs/1"), argv[0]),
		        &scope, config_path, argc, argv, in, out, err);
		registry_close_one(instance);
	} else {
		dprintf(err, "askd: %s\n", error.message);
	}
	http_stop();
	listen_stop();
	metrics_stop();
	cancel_finish(&cancel);
	return status;
}
