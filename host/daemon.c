/* daemon.c: opens the rooms in their order and closes them in the reverse. */
#include "daemon_inside.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/signal.h"
#include "config/bundled.h"
#include "run/http.h"
#include "run/inherit.h"
#include "run/listen.h"
#include "run/metrics.h"
#include "run/notify.h"
#include "store/audit.h"

#ifdef ASKD_FAULTS
#include "faults.h"
#include "plugin/observe.h"
#define ARM_FAULTS() (observe_arm(), faults_arm())
#else
#define ARM_FAULTS() ((void)0)
#endif

enum {
	DRAIN_LAST_MS = 1000,        /* for workers whose work is over */
	LISTEN_US = 5 * 1000 * 1000, /* for servers to begin */
};

/* askd.i18n/1 */
static int32_t i18n_service_text(const struct askd_host *host, struct askd_call *call,
        const struct askd_i18n_text *in, struct askd_i18n_result *out, struct askd_error *reterr)
{
	struct plugin_call *mine = plugin_call_of(call);
	const char *text;

	(void)host;
	if (!mine || !in->text.s)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "askd.i18n/1 text needs a call and a text");
	text = i18n_format(
	        &mine->arena, in->language.s, in->text.s, in->plural.s, in->count, in->args);
	if (!text)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a text");
	out->text = askd_text_of(text);
	return ASKD_OK;
}

static const struct askd_i18n_service i18n_service = {
        .size = sizeof i18n_service,
        .text = i18n_service_text,
};

int32_t daemon_offer(struct askd_error *reterr)
{
	int32_t rc;

	registry_offer_service("askd.i18n/1", &i18n_service, false);
#ifdef ASKD_FAULTS
	if ((rc = observe_from_environment(reterr)))
		return rc;
#endif
	if ((rc = metrics_start(reterr)) || (rc = http_start(reterr)) ||
	        (rc = listen_start(reterr)))
		return rc;
	store_offer();
	query_offer();
	web_offer();
	return assistant_offer(reterr);
}

int32_t daemon_check(const struct config *config, struct askd_error *reterr)
{
	const struct assistant_rooms rooms = {.config = config};
	struct generation *generation = NULL;
	int32_t rc = daemon_offer(reterr);

	if (rc)
		return rc;
	rc = generation_open(&generation, &rooms, config, NULL, true, reterr);
	generation_close(generation);
	http_stop();
	listen_stop();
	metrics_stop();
	return rc;
}

/* The state can no longer be trusted to reach the disk: end at once, so that what was answered is
 * what was stored. */
static void stop_on_fatal_store(void *arg, const void *data)
{
	(void)arg;
	log_error("store", 0, "stopping: %s", (const char *)data);
	_exit(1);
}

static int serve_local(void *arg, uint32_t uid, const char *user, int argc, char **argv, int in,
        int out, int err, struct cancel *cancel)
{
	const struct daemon_caller caller = {
	        .user = user, .config = argv[0][0] ? argv[0] : NULL, .folder = argv[1]};

	(void)uid;
	/* argv[0] is the configuration that the client named, argv[1] the folder it stands in. */
	return argc < 3 ? 1
	                : daemon_command(arg, &caller, argc - 2, argv + 2, in, out, err, cancel);
}

/* What nobody holds any more is closed by the main thread, which waits for this signal. */
static void wake_main(void)
{
	kill(getpid(), SIGUSR1);
}

/* Who hears that askd is ready connects at once. */
void daemon_wait_for_servers(const struct registry *registry)
{
	int64_t until_us = clock_monotonic_us() + LISTEN_US;

	for (struct plugin_instance **i = registry->instances; *i; i++)
		if (plugin_instance_extension(*i, "askd.web_server/1") &&
		        !listen_wait(*i, until_us))
			log_warning("run", 0, "%s does not listen yet", (*i)->host.instance);
}

struct daemon *daemon_open(const struct config *config, bool serve, struct askd_error *reterr)
{
	static bool offered;
	struct daemon *daemon = calloc(1, sizeof *daemon);
	struct assistant_rooms *rooms;
	int32_t rc = ASKD_OK;

	if (!daemon) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to start");
		return NULL;
	}
	pthread_mutex_init(&daemon->lock, NULL);
	pthread_cond_init(&daemon->changed, NULL);
	daemon->config = config;
	daemon->serving = serve;
	rooms = &daemon->rooms;
	if (!offered && daemon_offer(reterr))
		goto fail;
	offered = true;
	rooms->store = store_open(config, reterr);
	if (!rooms->store) {
		/* Somebody else may hold the state: whoever called looks again, and nothing has
		 * begun. */
		pthread_cond_destroy(&daemon->changed);
		pthread_mutex_destroy(&daemon->lock);
		free(daemon);
		return NULL;
	}
	signal_subscribe(SIGNAL_STORE_FATAL, stop_on_fatal_store, daemon);
	if (people_open(&rooms->people, rooms->store, config, reterr) ||
	        ledger_open(&rooms->ledger, rooms->store, config, reterr))
		goto fail;
	rooms->limits = limits_create();
	rooms->workers = workers_create((size_t)config->workers_max, (size_t)config->workers_queue);
	rooms->timers = timers_create();
	if (!rooms->limits || !rooms->workers || !rooms->timers) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to start");
		goto fail;
	}
	rc = generation_open(&daemon->generation, rooms, config, NULL, serve, reterr);
	if (rc)
		goto fail;
	generation_set(daemon->generation);
	rc = assistant_open(&daemon->assistant, rooms, daemon->generation->plan, reterr);
	if (!rc && serve)
		rc = web_open(&daemon->web,
		        &(struct web_rooms){.people = rooms->people,
		                .limits = rooms->limits,
		                .workers = rooms->workers},
		        reterr);
	if (!rc && serve) {
		generation_on_unused(wake_main);
		/* Servers listen at the end of this: what comes in then is taken. */
		web_ready(daemon->web, true);
		rc = assistant_start(daemon->assistant, reterr);
	}
	if (rc)
		goto fail;
	if (serve) {
		daemon->health = health_start(
		        daemon->generation->registry, NULL, rooms->timers, rooms->workers, reterr);
		if (!daemon->health)
			goto fail;
		if (watchdog_start(&daemon->watchdog, rooms->timers, rooms->workers, reterr))
			goto fail;
		daemon_wait_for_servers(daemon->generation->registry);
		inherit_tell_rest();
	}
	daemon->local = local_server_start(config->state_dir, serve_local, daemon, reterr);
	if (!daemon->local)
		goto fail;
	return daemon;
fail:
	daemon_close(daemon);
	return NULL;
}

static int64_t ms_until(int64_t until_us)
{
	int64_t left_us = until_us - clock_monotonic_us();

	return left_us > 0 ? left_us / 1000 : 0;
}

int64_t daemon_drain_ms(const struct daemon *daemon)
{
	return (daemon->generation ? daemon->generation->config : daemon->config)->drain_ms;
}

static void close_generations(struct daemon *daemon)
{
	generation_set(NULL);
	generation_close(daemon->generation);
	while (daemon->old) {
		struct generation *old = daemon->old;

		daemon->old = old->next;
		generation_close(old);
	}
	registry_reap();
}

void daemon_close(struct daemon *daemon)
{
	struct assistant_rooms *rooms;
	int64_t until_us;

	if (!daemon)
		return;
	rooms = &daemon->rooms;
	reload_stop(daemon);
	if (daemon->serving)
		local_server_stop(daemon->local);
	else
		local_server_drain(daemon->local);
	health_stop(daemon->health);
	/* Requests end while the servers still have their connections. All of it together takes no
	 * longer than the drain time, and then what canceled things need to end. */
	until_us = clock_monotonic_us() + daemon_drain_ms(daemon) * 1000;
	assistant_refuse(daemon->assistant);
	web_stop(daemon->web, ms_until(until_us));
	if (daemon->generation)
		registry_stop(daemon->generation->registry);
	for (struct generation *old = daemon->old; old; old = old->next)
		registry_stop(old->registry);
	if (daemon->assistant)
		assistant_stop(daemon->assistant, ms_until(until_us));
	watchdog_stop(daemon->watchdog);
	if (rooms->workers)
		workers_drain(rooms->workers, DRAIN_LAST_MS + ms_until(until_us));
	assistant_close(daemon->assistant);
	timers_destroy(rooms->timers);
	workers_destroy(rooms->workers);
	web_close(daemon->web);
	generation_on_unused(NULL);
	close_generations(daemon);
	query_stop();
	http_stop();
	ledger_close(rooms->ledger);
	people_close(rooms->people);
	store_close(rooms->store);
	limits_destroy(rooms->limits);
	listen_stop();
	metrics_stop();
	pthread_cond_destroy(&daemon->changed);
	pthread_mutex_destroy(&daemon->lock);
	free(daemon);
}

const struct daemon_verb *daemon_verbs(struct registry *registry, struct arena *a)
{
	struct daemon_verb *list;
	size_t n = 0, count = 1;
	struct plugin_instance **i;
	const struct askd_verbs *verbs;

	for (i = registry->instances; *i; i++) {
		verbs = plugin_instance_extension(*i, "askd.verbs/1");
		for (size_t k = 0; verbs && verbs->verbs[k]; k++)
			count++;
	}
	list = arena_zalloc(a, count * sizeof *list);
	if (!list)
		return NULL;
	for (i = registry->instances; *i; i++) {
		verbs = plugin_instance_extension(*i, "askd.verbs/1");
		for (size_t k = 0; verbs && verbs->verbs[k]; k++)
			list[n++] = (struct daemon_verb){verbs->verbs[k]->name,
			        verbs->verbs[k]->usage, verbs->verbs[k]->help};
	}
	return list;
}

static const struct askd_verb *find_verb(
        struct registry *registry, const char *name, struct plugin_instance **where)
{
	for (struct plugin_instance **i = registry->instances; *i; i++) {
		const struct askd_verbs *verbs = plugin_instance_extension(*i, "askd.verbs/1");

		for (size_t n = 0; verbs && verbs->verbs[n]; n++)
			if (!strcmp(verbs->verbs[n]->name, name)) {
				*where = *i;
				return verbs->verbs[n];
			}
	}
	return NULL;
}

/* Who names a database has one. */
static bool names_database(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "-d", 2) || !strncmp(argv[i], "--database", 10))
			return true;
	return false;
}

/* A command that failed where there is nothing to ask, or nobody to ask it with. */
static void tell_missing(const struct config *config, bool named, int err)
{
	static const char *const kinds[] = {"llm", "database"};

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		const struct config_instance *i = config->instances;
		const char *example;
		char name[32];

		while (i && strcmp(i->kind, kinds[k]) != 0)
			i = i->next;
		if (named && k == 1)
			continue;
		snprintf(name, sizeof name, "examples/%s.yaml", kinds[k]);
		example = config_bundled(name, NULL);
		if (!i && example && config->path)
			dprintf(err, "askd: no %s is configured: add one to %s, for example:\n%s",
			        kinds[k], config->path, example);
		else if (!i && example)
			dprintf(err,
			        "askd: no %s is configured: write a file and name it with -c, for "
			        "example:\n%s",
			        kinds[k], example);
	}
}

int daemon_run_verb(struct plugin_instance *instance, const struct askd_verb *verb,
        const struct call_scope *scope, const char *config_path, int argc, char **argv, int in,
        int out, int err)
{
	struct plugin_call call;
	struct askd_verb_result result;
	struct askd_error error = {0};
	json_t *args = json_array();
	int status = 1;

	plugin_call_init(&call, scope, 0);
	ASKD_MAKE(struct askd_verb_call, request, .in = in, .out = out, .err = err,
	        .config = askd_text_of(config_path));
	for (int i = 1; args && i < argc; i++)
		if (json_array_append_new(args, json_string(argv[i]))) {
			dprintf(err, "askd: argument %d is not valid UTF-8\n", i);
			goto out;
		}
	request.args = args ? json_write(&call.arena, args) : (struct askd_text){NULL, 0};
	if (!request.args.s)
		dprintf(err, "askd: no memory\n");
	else if (enter_verb_run(instance, verb, NULL, &call, &request, &result, &error))
		dprintf(err, "askd %s: %s (%s)\n", argv[0], error.message, error_name(error.code));
	else
		status = result.status;
out:
	json_decref(args);
	plugin_call_finish(&call);
	return status;
}

static int run_key(struct daemon *daemon, const struct call_scope *scope, int argc, char **argv,
        int out, int err)
{
	int out_copy = dup(out), err_copy = dup(err), status = 1;
	FILE *out_file = out_copy >= 0 ? fdopen(out_copy, "w") : NULL;
	FILE *err_file = err_copy >= 0 ? fdopen(err_copy, "w") : NULL;

	if (out_file && err_file)
		status = people_key_command(
		        daemon->rooms.people, scope, argc - 1, argv + 1, out_file, err_file);
	if (out_file ? fclose(out_file) != 0 : (out_copy >= 0 && close(out_copy)))
		status = 1;
	if (err_file)
		fclose(err_file);
	else if (err_copy >= 0)
		close(err_copy);
	return status;
}

static void tell_unknown(const char *word, struct registry *registry, int err)
{
	const char *words[64] = {
	        "run", "check", "reload", "plugin", "key", "audit", "version", "help"};
	const struct daemon_verb *verbs;
	struct arena arena;
	const char *nearest;
	size_t n = 8;

	arena_init(&arena, 0);
	verbs = daemon_verbs(registry, &arena);
	for (size_t i = 0; verbs && verbs[i].name && n < 63; i++)
		words[n++] = verbs[i].name;
	nearest = text_nearest(word, words);
	dprintf(err, "askd: unknown command '%s'%s%s%s; see `askd help`\n", word,
	        nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	arena_finish(&arena);
}

/* Whose state and configuration it is that answers. */
static void tell_other_config(const struct daemon *daemon, const char *config_path, int err)
{
	char ours[PATH_MAX], theirs[PATH_MAX];

	if (config_path && daemon->config->path && realpath(config_path, theirs) &&
	        realpath(daemon->config->path, ours) && strcmp(ours, theirs) != 0)
		dprintf(err,
		        "askd: note: answered by the running daemon, whose configuration is %s\n",
		        ours);
}

static int run_audit(struct daemon *daemon, int argc, char **argv, int out, int err)
{
	struct askd_error error = {0};
	uint64_t rows = 0;

	if (argc > 1)
		dprintf(err, "askd: '%s' was not expected after 'audit'; see: askd help audit\n",
		        argv[1]);
	else if (audit_verify(daemon->rooms.store, &rows, &error))
		dprintf(err, "askd audit: %s\n", error.message);
	else
		return dprintf(out, "%llu rows, none was changed, removed or added\n",
		               (unsigned long long)rows) < 0;
	return 1;
}

int daemon_command(struct daemon *daemon, const struct daemon_caller *caller, int argc, char **argv,
        int in, int out, int err, struct cancel *cancel)
{
	struct call_scope scope = {
	        .id = id_make(), .local = 1, .folder = caller->folder, .cancel = cancel};
	const char *user = caller->user;
	struct plugin_instance *instance = NULL;
	struct generation *generation;
	const struct askd_verb *verb;
	struct person person;
	struct askd_error error = {0};
	char identity[160];
	int status;

	if (argc < 1) {
		dprintf(err, "askd: no command given; see `askd help`\n");
		return 1;
	}
	tell_other_config(daemon, caller->config, err);
	if (!strcmp(argv[0], "reload"))
		return reload_command(daemon, argc, argv, out, err);
	snprintf(identity, sizeof identity, "local:%s", user);
	scope.identity = identity;
	if (people_identify(
	            daemon->rooms.people, "local", askd_text_of(user), user, &person, &error)) {
		dprintf(err, "askd: who is %s? %s\n", user, error.message);
		return 1;
	}
	scope.person = person.id;
	scope.organisation = person.organisation;
	if (!strcmp(argv[0], "key"))
		return run_key(daemon, &scope, argc, argv, out, err);
	if (!strcmp(argv[0], "audit"))
		return run_audit(daemon, argc, argv, out, err);
	/* A verb may last for days: it keeps its instance, and each of its questions begins under
	 * the configuration of its time. */
	generation = generation_hold(NULL);
	verb = find_verb(generation->registry, argv[0], &instance);
	if (verb && verb->flags & ASKD_VERB_CLIENT) {
		dprintf(err, "askd: '%s' runs in the process of whoever calls it\n", argv[0]);
		verb = NULL;
	} else if (verb) {
		plugin_instance_hold(instance);
	} else {
		tell_unknown(argv[0], generation->registry, err);
	}
	generation_drop(generation);
	ARM_FAULTS();
	if (!verb)
		return 1;
	status = daemon_run_verb(instance, verb, &scope, NULL, argc, argv, in, out, err);
	plugin_instance_drop(instance);
	if (status) {
		generation = generation_hold(NULL);
		tell_missing(generation->config, names_database(argc, argv), err);
		generation_drop(generation);
	}
	return status;
}
