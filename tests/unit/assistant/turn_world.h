/* turn_world.h: real rooms, the smallest skill and a chat out of a folder, for the tests of a
 * turn's path. Included once. */
#ifndef TURN_WORLD_H
#define TURN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/signal.h"
#include "base/testpoint.h"
#include "run/http.h"
#include "run/metrics.h"

enum { WAIT_S = 20 };

struct world {
	char folder[64];
	struct config *config;
	struct assistant_rooms rooms;
	struct generation generation;
	struct assistant *assistant;
	struct cancel cancel;
	const char *transport; /* options of the chat, YAML */
};

/* The program's own, in English. */
static int32_t i18n_service_text(const struct askd_host *host, struct askd_call *call,
        const struct askd_i18n_text *in, struct askd_i18n_result *out, struct askd_error *reterr)
{
	(void)host, (void)call, (void)reterr;
	out->text = in->text;
	return ASKD_OK;
}

static const struct askd_i18n_service i18n_service = {
        .size = sizeof i18n_service, .text = i18n_service_text};

static inline void world_start(struct world *w, bool serve)
{
	struct askd_error error = {0};
	struct assistant_rooms *r = &w->rooms;
	char yaml[2048];

	snprintf(yaml, sizeof yaml,
	        "askd: {state_dir: %s/state, plugin_path: [%s/plugins, %s/test-plugins]}\n"
	        "skill: {ping: {plugin: ping}, talker: {plugin: talker}}\n"
	        "limits: {question: {by: person, rate: 1000/s, burst: 1000, concurrent: 1, "
	        "waiting: 1}}\n"
	        "transport: {chat: {plugin: queue_transport, spool: %s/spool%s}}\n",
	        w->folder, BINARY_DIR, BINARY_DIR, w->folder, w->transport ? w->transport : "");
	w->config = config_read_string("test", yaml, &error);
	if (!w->config)
		fail_msg("%s", error.message);
	signal_reset();
	registry_reset_services();
	assert_int_equal(metrics_start(&error), 0);
	assert_int_equal(http_start(&error), 0);
	registry_offer_service("askd.i18n/1", &i18n_service, false);
	store_offer();
	query_offer();
	assert_int_equal(assistant_offer(&error), 0);
	r->config = w->config;
	r->store = store_open(w->config, &error);
	if (!r->store || people_open(&r->people, r->store, w->config, &error) ||
	        ledger_open(&r->ledger, r->store, w->config, &error))
		fail_msg("%s", error.message);
	r->registry = registry_open(w->config, &error);
	if (!r->registry || query_open(&r->query, r->registry, r->people, NULL, &error))
		fail_msg("%s", error.message);
	r->limits = limits_create();
	r->workers = workers_create(16, 1000);
	r->timers = timers_create();
	w->generation = (struct generation){
	        .config = w->config, .registry = r->registry, .query = r->query};
	if (plan_open(&w->generation.plan, r, NULL, &error))
		fail_msg("%s", error.message);
	generation_set(&w->generation);
	if (assistant_open(&w->assistant, r, w->generation.plan, &error) ||
	        (serve && assistant_start(w->assistant, &error)))
		fail_msg("%s", error.message);
}

static inline void world_stop(struct world *w)
{
	struct assistant_rooms *r = &w->rooms;

	assistant_stop(w->assistant, 5000);
	workers_drain(r->workers, 5000);
	assistant_close(w->assistant);
	timers_destroy(r->timers);
	workers_destroy(r->workers);
	generation_set(NULL);
	assert_false(generation_is_held(&w->generation));
	plan_close(w->generation.plan);
	query_close(r->query);
	http_stop();
	registry_close(r->registry);
	ledger_close(r->ledger);
	people_close(r->people);
	store_close(r->store);
	limits_destroy(r->limits);
	metrics_stop();
	config_destroy(w->config);
	memset(r, 0, sizeof *r);
	w->assistant = NULL;
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char spool[80];

	assert_non_null(w);
	strcpy(w->folder, "/tmp/askd-turn-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(spool, sizeof spool, "%s/spool", w->folder);
	assert_int_equal(mkdir(spool, 0700), 0);
	cancel_init(&w->cancel);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	if (w->assistant)
		world_stop(w);
	cancel_finish(&w->cancel);
	snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* Asks as the console does; the object, to be released. NULL: *error says why. */
static inline json_t *ask_as(struct world *w, const char *who, const char *text,
        const char *session, const char *key, uint32_t flags, struct askd_error *error)
{
	struct person person;
	struct plugin_call call;
	struct askd_reply reply = {.size = sizeof reply};
	struct askd_event event = {.size = sizeof event,
	        .kind = ASKD_EVENT_TEXT,
	        .flags = flags,
	        .text = askd_text_of(text),
	        .conversation = askd_text_of(session),
	        .key = askd_text_of(key)};
	char identity[64];
	struct call_scope scope = {.id = 1, .local = 1, .identity = identity, .cancel = &w->cancel};
	json_t *object = NULL;

	snprintf(identity, sizeof identity, "local:%s", who);
	assert_int_equal(
	        people_identify(w->rooms.people, "local", askd_text_of(who), who, &person, error),
	        0);
	scope.person = person.id;
	plugin_call_init(&call, &scope, 0);
	call.owner = registry_find(w->rooms.registry, "transport", "console");
	assert_non_null(call.owner);
	if (!inbox_ask(w->assistant, &call, &event, &reply, error))
		object = json_read(reply.object, error);
	plugin_call_finish(&call);
	return object;
}

static inline json_t *ask(
        struct world *w, const char *text, const char *session, const char *key, uint32_t flags)
{
	struct askd_error error = {0};
	json_t *object = ask_as(w, "ada", text, session, key, flags, &error);

	if (!object)
		fail_msg("%s", error.message);
	return object;
}

/* Changes the state behind the back of the rooms, as a crash would have left it. */
static inline void write_sql(struct world *w, const char *sql)
{
	struct askd_error error = {0};
	struct store_unit *unit = store_unit_create(w->rooms.store, STORE_MANAGER);

	assert_non_null(unit);
	store_unit_add(unit, -1, sql, NULL, 0);
	if (store_commit(unit, &error))
		fail_msg("%s", error.message);
}

static inline void put_event(struct world *w, const char *name, const char *json)
{
	char path[160], hidden[160];
	FILE *file;

	snprintf(hidden, sizeof hidden, "%s/spool/%s.new", w->folder, name);
	snprintf(path, sizeof path, "%s/spool/%s.json", w->folder, name);
	file = fopen(hidden, "w");
	assert_non_null(file);
	fputs(json, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(hidden, path), 0);
}

/* Waits for the n-th line that was sent. */
static inline json_t *sent(struct world *w, size_t n)
{
	char path[160];
	const struct timespec pause = {0, 5000000};
	int64_t until_us = clock_monotonic_us() + (int64_t)WAIT_S * 1000000;

	snprintf(path, sizeof path, "%s/spool/sent.jsonl", w->folder);
	while (clock_monotonic_us() < until_us) {
		FILE *file = fopen(path, "r");
		char line[65536];
		size_t i = 0;

		while (file && fgets(line, sizeof line, file))
			if (i++ == n && strchr(line, '\n')) {
				fclose(file);
				return json_loads(line, 0, NULL);
			}
		if (file)
			fclose(file);
		nanosleep(&pause, NULL);
	}
	fail_msg("line %zu was never sent", n);
	return NULL;
}

static inline size_t count_sent(struct world *w)
{
	char path[160], line[65536];
	FILE *file;
	size_t n = 0;

	snprintf(path, sizeof path, "%s/spool/sent.jsonl", w->folder);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		n++;
	if (file)
		fclose(file);
	return n;
}

static inline void wait_file(struct world *w, const char *name)
{
	char path[160];
	const struct timespec pause = {0, 5000000};
	int64_t until_us = clock_monotonic_us() + (int64_t)WAIT_S * 1000000;

	snprintf(path, sizeof path, "%s/spool/%s", w->folder, name);
	while (access(path, F_OK)) {
		if (clock_monotonic_us() > until_us)
			fail_msg("%s never came", name);
		nanosleep(&pause, NULL);
	}
}

static inline int64_t number_of(struct world *w, const char *sql)
{
	struct store_rows rows;
	struct askd_error error = {0};
	struct arena a;
	int64_t n;

	arena_init(&a, 0);
	if (store_read(w->rooms.store, STORE_MANAGER, &a, NULL, askd_text_of(sql), NULL, 0, 1,
	            &rows, &error))
		fail_msg("%s", error.message);
	n = store_cell_int(&rows, 0, 0);
	arena_finish(&a);
	return n;
}

#endif
