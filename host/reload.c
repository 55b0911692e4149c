/* reload.c: from one configuration to the next, on the main thread. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/signal.h"
#include "daemon_inside.h"
#include "run/notify.h"

/* Lines for the operator. */
struct report {
	struct buffer changed, restart; /* each with a newline behind every line */
};

/* Somebody at the local socket; on his thread's stack. */
struct reload_request {
	struct report report;
	struct askd_error error; /* code 0: it went well */
	bool done;
	struct reload_request *next;
};

static void report_init(struct report *report)
{
	buffer_init(&report->changed, 0);
	buffer_init(&report->restart, 0);
}

static void report_finish(struct report *report)
{
	buffer_finish(&report->changed);
	buffer_finish(&report->restart);
}

/* The main thread has these blocked, and waits for them. */
static bool must_stop(void)
{
	sigset_t pending;

	return !sigpending(&pending) &&
	       (sigismember(&pending, SIGTERM) > 0 || sigismember(&pending, SIGINT) > 0);
}

/* ---- what is different ------------------------------------------------------------------------
 */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void compare_instances(
        const struct generation *old, const struct generation *next, struct buffer *b)
{
	struct plugin_instance **i;

	for (i = next->registry->instances; *i; i++) {
		const struct config_instance *c = (*i)->config;
		const struct plugin_instance *was = registry_find(old->registry, c->kind, c->name);
		const struct config_instance *before = config_find(old->config, c->kind, c->name);

		if (!was)
			buffer_print(b, "%s: added\n", (*i)->host.instance);
		else if (was != *i)
			buffer_print(b, "%s: replaced\n", (*i)->host.instance);
		else if (!yaml_equal(
		                 before->node, config_find(next->config, c->kind, c->name)->node))
			buffer_print(b, "%s: changed, its connections stay\n", (*i)->host.instance);
	}
	for (i = old->registry->instances; *i; i++)
		if (!registry_find(next->registry, (*i)->config->kind, (*i)->config->name))
			buffer_print(b, "%s: removed\n", (*i)->host.instance);
}

static bool has_key(const char *const *names, struct askd_text key)
{
	for (; *names; names++)
		if (text_is(key, *names))
			return true;
	return false;
}

/* The members of a section, but those that need a restart. */
static void compare_members(const struct config *old, const struct config *next,
        const char *section, const char *skip, struct buffer *b)
{
	const struct yaml_node *from = yaml_find(old->root, section);
	const struct yaml_node *to = yaml_find(next->root, section), *n;

	for (n = to ? to->first : NULL; n; n = n->next)
		if (!text_is(n->key, skip) && !yaml_equal(n, yaml_find(from, n->key.s)))
			buffer_print(b, "%s.%s: changed\n", section, n->key.s);
	for (n = from ? from->first : NULL; n; n = n->next)
		if (!text_is(n->key, skip) && !yaml_find(to, n->key.s))
			buffer_print(b, "%s.%s: back to its default\n", section, n->key.s);
}

static bool same_prompts(const struct config *old, const struct config *next)
{
	for (const struct config_stage *stage = next->stages; stage; stage = stage->next) {
		const struct config_stage *was = config_find_stage(old, stage->name);

		if (!was || !same_text(was->prompt, stage->prompt))
			return false;
	}
	return true;
}

static void compare_sections(const struct config *old, const struct config *next, struct buffer *b)
{
	static const char *const sections[] = {"limits", "pricing", "budgets", "assistant", NULL};
	static const char *const kinds[] = {
	        "llm", "database", "transport", "mailer", "skill", NULL};

	compare_members(old, next, "askd", "state_dir", b);
	compare_members(old, next, "security", "master_key", b);
	for (size_t i = 0; sections[i]; i++)
		if (!yaml_equal(yaml_find(old->root, sections[i]),
		            yaml_find(next->root, sections[i])) ||
		        (!strcmp(sections[i], "assistant") && !same_prompts(old, next)))
			buffer_print(b, "%s: changed\n", sections[i]);
	/* The order of instances counts: hooks run in it, and the first tool of a name is taken. */
	for (const struct yaml_node *n = next->root->first; n; n = n->next)
		if (!b->n && has_key(kinds, n->key) &&
		        !yaml_equal(n, yaml_find(old->root, n->key.s)))
			buffer_print(b, "%s: changed\n", n->key.s);
}

/* Seen from what this process works with, not from the last reload. */
static void compare_fixed(
        const struct config *first, const struct generation *next, struct buffer *b)
{
	const struct config *config = next->config;

	if (!same_text(first->state_dir, config->state_dir))
		buffer_print(b, "askd.state_dir: the state stays in %s\n", first->state_dir);
	if (!same_text(first->master_key, config->master_key))
		buffer_print(b, "security.master_key: the key that was given at the start stays\n");
	if (!yaml_equal(yaml_find(first->root, "store"), yaml_find(config->root, "store")))
		buffer_print(b, "store: the databases that were opened at the start stay\n");
	for (struct plugin_instance **i = next->registry->instances; *i; i++)
		if (plugin_library_is_stale((*i)->library))
			buffer_print(b, "%s: %s has changed since it was loaded\n",
			        (*i)->host.instance, (*i)->library->path);
}

/* ---- the reload -------------------------------------------------------------------------------
 */

static const struct yaml_node *admins_of(const struct config *config)
{
	return yaml_find(yaml_find(config->root, "security"), "admins");
}

/* From here on it is the new one; what fails now is told, and tried again by its owner. */
static int32_t commit(struct daemon *daemon, struct generation *next, struct askd_error *reterr)
{
	const struct assistant_rooms *rooms = &daemon->rooms;
	struct generation *old = daemon->generation;
	struct health *health;
	struct askd_error error = {0};
	const uint64_t everybody = 0;
	int32_t rc;

	old->next = daemon->old;
	daemon->old = old;
	daemon->generation = next;
	generation_set(next);
	__atomic_add_fetch(&daemon->reloads, 1, __ATOMIC_RELAXED);
	log_init((uint32_t)next->config->log_level, (enum log_format)next->config->log_format);
	workers_resize(rooms->workers, (size_t)next->config->workers_max,
	        (size_t)next->config->workers_queue);
	if (!yaml_equal(admins_of(old->config), admins_of(next->config)))
		signal_raise(SIGNAL_PERSON_CHANGED, &everybody);
	rc = assistant_follow(daemon->assistant, next->plan, must_stop, reterr);
	daemon_wait_for_servers(next->registry);
	health =
	        health_start(next->registry, daemon->health, rooms->timers, rooms->workers, &error);
	if (health) {
		health_stop(daemon->health);
		daemon->health = health;
	} else if (!rc) {
		rc = error_copy(reterr, &error);
	}
	if (ledger_follow(rooms->ledger, next->config, &error) && !rc)
		rc = error_copy(reterr, &error);
	return rc;
}

static int32_t reload(struct daemon *daemon, struct report *report, struct askd_error *reterr)
{
	struct config *config = config_read(daemon->config->path, reterr);
	struct generation *next = NULL;
	int32_t rc;

	if (!config)
		return reterr->code;
	rc = generation_open(&next, &daemon->rooms, config, daemon->generation, true, reterr);
	if (rc) {
		config_destroy(config);
		return rc;
	}
	next->owned = config;
	compare_instances(daemon->generation, next, &report->changed);
	compare_sections(daemon->generation->config, config, &report->changed);
	compare_fixed(daemon->config, next, &report->restart);
	if (report->changed.failed || report->restart.failed)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory to compare the configurations");
	else if (must_stop())
		rc = askd_fail(reterr, ASKD_E_CANCELED, "askd is stopping");
	else if (report->changed.n)
		rc = log_to_file(config->log_file, reterr);
	if (rc) {
		buffer_clear(&report->changed);
		buffer_clear(&report->restart);
	}
	if (!report->changed.n) {
		generation_close(next);
		return rc;
	}
	return commit(daemon, next, reterr);
}

/* Takes the next line off *at; NULL: that was all. */
static const char *next_line(const char **at, int *n)
{
	const char *line = *at && **at ? *at : NULL;

	*n = line ? (int)strcspn(line, "\n") : 0;
	if (line)
		*at = line + *n + (line[*n] == '\n');
	return line;
}

/* All that has changed is one line of the log, each thing that has not is one. */
static void log_report(const struct report *report)
{
	const char *at = report->changed.s, *line;
	struct buffer all;
	int n;

	buffer_init(&all, 0);
	while ((line = next_line(&at, &n)))
		buffer_print(&all, "%s%.*s", all.n ? "; " : "", n, line);
	if (all.n && !all.failed)
		log_info("main", 0, "reloaded: %s", all.s);
	buffer_finish(&all);
	at = report->restart.s;
	while ((line = next_line(&at, &n)))
		log_warning("main", 0, "needs a restart: %.*s", n, line);
}

static void reload_now(struct daemon *daemon, struct report *report, struct askd_error *error)
{
	int32_t rc;

	memset(error, 0, sizeof *error);
	notify_reloading();
	rc = reload(daemon, report, error);
	notify_send("READY=1\nSTATUS=Ready");
	error->code = rc;
	if (rc == ASKD_E_CANCELED && !report->changed.n)
		log_info("main", 0, "not reloaded: %s", error->message);
	else if (rc && !report->changed.n)
		log_error("main", 0, "not reloaded, nothing has changed: %s", error->message);
	else if (rc)
		log_error("main", 0, "reloaded, but: %s", error->message);
	else if (!report->changed.n)
		log_info("main", 0, "reloaded: nothing has changed");
	log_report(report);
}

/* ---- who asks for it --------------------------------------------------------------------------
 */

static struct reload_request *first_request(struct daemon *daemon)
{
	struct reload_request *request;

	pthread_mutex_lock(&daemon->lock);
	request = daemon->requests;
	if (request)
		daemon->requests = request->next;
	pthread_mutex_unlock(&daemon->lock);
	return request;
}

static void answer(struct daemon *daemon, struct reload_request *request)
{
	pthread_mutex_lock(&daemon->lock);
	request->done = true;
	pthread_cond_broadcast(&daemon->changed);
	pthread_mutex_unlock(&daemon->lock);
}

static void tidy(struct daemon *daemon)
{
	assistant_tidy(daemon->assistant);
	for (struct generation **at = &daemon->old; *at;) {
		struct generation *old = *at;

		if (generation_is_held(old)) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		generation_close(old);
	}
	registry_reap();
}

void daemon_tend(struct daemon *daemon, bool reload_wanted)
{
	struct reload_request *request;
	struct report report;
	struct askd_error error;

	if (reload_wanted) {
		report_init(&report);
		reload_now(daemon, &report, &error);
		report_finish(&report);
	}
	while (!must_stop() && (request = first_request(daemon))) {
		reload_now(daemon, &request->report, &request->error);
		answer(daemon, request);
	}
	tidy(daemon);
}

void reload_stop(struct daemon *daemon)
{
	struct reload_request *request;

	pthread_mutex_lock(&daemon->lock);
	daemon->stopping = true;
	pthread_mutex_unlock(&daemon->lock);
	while ((request = first_request(daemon))) {
		askd_fail(&request->error, ASKD_E_CANCELED, "askd is stopping");
		answer(daemon, request);
	}
}

static bool wait_for_answer(struct daemon *daemon, struct reload_request *request)
{
	struct reload_request **last;
	bool asked;

	pthread_mutex_lock(&daemon->lock);
	asked = !daemon->stopping;
	if (asked) {
		for (last = &daemon->requests; *last; last = &(*last)->next)
			;
		*last = request;
		kill(getpid(), SIGUSR1); /* the main thread waits for it */
		while (!request->done)
			pthread_cond_wait(&daemon->changed, &daemon->lock);
	}
	pthread_mutex_unlock(&daemon->lock);
	return asked;
}

static void print_lines(int fd, const struct buffer *b, const char *before)
{
	const char *at = b->s, *line;
	int n;

	while ((line = next_line(&at, &n)))
		dprintf(fd, "%s%.*s\n", before, n, line);
}

int reload_command(struct daemon *daemon, int argc, char **argv, int out, int err)
{
	struct reload_request request = {.done = false};
	int status = 1;

	if (argc > 1) {
		dprintf(err, "askd: '%s' was not expected after 'reload'; see: askd help reload\n",
		        argv[1]);
		return 1;
	}
	if (!daemon->serving) {
		dprintf(err, "askd: no daemon is running: `askd run` reads the configuration when "
		             "it starts\n");
		return 1;
	}
	report_init(&request.report);
	if (!wait_for_answer(daemon, &request)) {
		dprintf(err, "askd: not reloaded: askd is stopping\n");
	} else if (request.error.code && !request.report.changed.n) {
		dprintf(err, "askd: not reloaded, nothing has changed: %s\n",
		        request.error.message);
	} else {
		if (!request.report.changed.n)
			dprintf(out, "nothing has changed\n");
		print_lines(out, &request.report.changed, "");
		print_lines(out, &request.report.restart, "needs a restart: ");
		status = request.error.code != 0;
		if (status)
			dprintf(err, "askd: reloaded, but: %s\n", request.error.message);
	}
	report_finish(&request.report);
	return status;
}
