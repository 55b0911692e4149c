/* test_turn.c: the path of a turn with real rooms, the smallest skill and a chat out of a folder.
 */
#include <dirent.h>
#include <fcntl.h>
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

static void world_start(struct world *w, bool serve)
{
	struct askd_error error = {0};
	struct assistant_rooms *r = &w->rooms;
	char yaml[2048];

	snprintf(yaml, sizeof yaml,
	        "askd: {state_dir: %s/state, plugin_path: [%s/plugins, %s/test-plugins]}\n"
	        "skill: {ping: {plugin: ping}}\n"
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
	if (!r->registry || query_open(&r->query, r->registry, r->people, &error))
		fail_msg("%s", error.message);
	r->limits = limits_create();
	r->workers = workers_create(16, 1000);
	r->timers = timers_create();
	if (assistant_open(&w->assistant, r, &error) ||
	        (serve && assistant_start(w->assistant, &error)))
		fail_msg("%s", error.message);
}

static void world_stop(struct world *w)
{
	struct assistant_rooms *r = &w->rooms;

	assistant_stop(w->assistant, 5000);
	workers_drain(r->workers, 5000);
	assistant_close(w->assistant);
	timers_destroy(r->timers);
	workers_destroy(r->workers);
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

static int setup(void **state)
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

static int teardown(void **state)
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

/* Asks as the console does; the object, to be released. */
static json_t *ask(
        struct world *w, const char *text, const char *session, const char *key, uint32_t flags)
{
	struct askd_error error = {0};
	struct person person;
	struct plugin_call call;
	struct askd_reply reply = {.size = sizeof reply};
	struct askd_event event = {.size = sizeof event,
	        .kind = ASKD_EVENT_TEXT,
	        .flags = flags,
	        .text = askd_text_of(text),
	        .conversation = askd_text_of(session),
	        .key = askd_text_of(key)};
	struct call_scope scope = {
	        .id = 1, .local = 1, .identity = "local:ada", .cancel = &w->cancel};
	json_t *object = NULL;

	assert_int_equal(people_identify(w->rooms.people, "local", ASKD_LITERAL("ada"), "ada",
	                         &person, &error),
	        0);
	scope.person = person.id;
	plugin_call_init(&call, &scope, 0);
	call.owner = registry_find(w->rooms.registry, "transport", "console");
	assert_non_null(call.owner);
	if (!inbox_ask(w->assistant, &call, &event, &reply, &error))
		object = json_read(reply.object, &error);
	if (!object)
		fail_msg("%s", error.message);
	plugin_call_finish(&call);
	return object;
}

static void put_event(struct world *w, const char *name, const char *json)
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
static json_t *sent(struct world *w, size_t n)
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

static size_t count_sent(struct world *w)
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

static void wait_file(struct world *w, const char *name)
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

static int64_t number_of(struct world *w, const char *sql)
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

static void command_is_answered_with_the_whole_object(void **state)
{
	struct world *w = *state;
	json_t *object;

	world_start(w, false);
	object = ask(w, "/ping@bot now", NULL, NULL, 0);
	assert_string_equal(json_get_string(object, "kind"), "answer");
	assert_string_equal(json_get_string(object, "answer"), "pong");
	assert_true(json_is_null(json_object_get(object, "message")));
	assert_true(json_is_array(json_object_get(object, "data")));
	assert_true(json_is_string(json_object_get(object, "turn_id")));
	assert_int_equal(strlen(json_get_string(object, "session_id")), 22);
	assert_int_equal(json_get_int(json_object_get(object, "cost"), "tokens", -1), 0);
	json_decref(object);
	assert_int_equal(number_of(w, "select count(*) from turns where status = 'done'"), 1);
}

static void unknown_command_names_the_nearest(void **state)
{
	struct world *w = *state;
	json_t *object;

	world_start(w, false);
	object = ask(w, "/pign", NULL, NULL, 0);
	assert_string_equal(json_get_string(object, "kind"), "declined");
	assert_non_null(strstr(json_get_string(object, "message"), "/ping"));
	json_decref(object);
}

static void text_that_nobody_takes_is_answered(void **state)
{
	struct world *w = *state;
	json_t *object;

	world_start(w, false);
	object = ask(w, "hello", NULL, NULL, 0);
	assert_string_equal(json_get_string(object, "kind"), "refused");
	json_decref(object);
}

static void same_key_gives_the_stored_reply(void **state)
{
	struct world *w = *state;
	json_t *first, *second, *third;

	world_start(w, false);
	first = ask(w, "/ping", NULL, "k1", 0);
	second = ask(w, "/ping", NULL, "k1", 0);
	third = ask(w, "/ping", NULL, "k2", 0);
	assert_true(json_equal(first, second));
	assert_string_not_equal(
	        json_get_string(first, "turn_id"), json_get_string(third, "turn_id"));
	assert_int_equal(number_of(w, "select count(*) from turns"), 2);
	json_decref(first);
	json_decref(second);
	json_decref(third);
}

static void chat_is_answered_once_for_an_event_that_came_twice(void **state)
{
	struct world *w = *state;
	json_t *line;

	w->transport = ", duplicate: yes";
	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\"}");
	wait_file(w, "1.duplicate");
	line = sent(w, 0);
	assert_string_equal(json_get_string(line, "text"), "pong");
	json_decref(line);
	put_event(w, "2",
	        "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\",\"key\":\"b\"}");
	json_decref(sent(w, 1));
	world_stop(w);
	assert_int_equal(count_sent(w), 2);
}

static void failed_delivery_is_tried_again(void **state)
{
	struct world *w = *state;
	json_t *line;

	w->transport = ", fail: 2, fail_with: BUSY, pause: 5ms";
	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\"}");
	line = sent(w, 0);
	assert_string_equal(json_get_string(line, "text"), "pong");
	json_decref(line);
}

static void stored_event_is_run_at_the_next_start(void **state)
{
	struct world *w = *state;
	struct askd_error error = {0};
	struct askd_delivered out = {.size = sizeof out};
	struct askd_event event = {.size = sizeof event,
	        .kind = ASKD_EVENT_TEXT,
	        .key = ASKD_LITERAL("e1"),
	        .conversation = ASKD_LITERAL("c"),
	        .sender = ASKD_LITERAL("7"),
	        .text = ASKD_LITERAL("/ping")};
	struct call_scope scope = {.id = 1, .cancel = &w->cancel};
	struct plugin_call call;
	json_t *line;

	/* No worker takes it: as if the process had died after the commit. */
	world_start(w, false);
	workers_drain(w->rooms.workers, 1000);
	plugin_call_init(&call, &scope, 0);
	call.owner = registry_find(w->rooms.registry, "transport", "chat");
	assert_int_equal(inbox_deliver(w->assistant, &call, &event, &out, &error), 0);
	plugin_call_finish(&call);
	world_stop(w);
	assert_int_equal(count_sent(w), 0);
	world_start(w, true);
	line = sent(w, 0);
	assert_string_equal(json_get_string(line, "text"), "pong");
	json_decref(line);
	world_stop(w);
	world_start(w, true);
	assert_int_equal(number_of(w, "select count(*) from inbox where ended_us is null"), 0);
	world_stop(w);
	assert_int_equal(count_sent(w), 1);
}

static void message_found_sending_goes_out_once_more_and_says_so(void **state)
{
	struct world *w = *state;
	struct askd_error error = {0};
	struct store_unit *unit;
	json_t *line;

	world_start(w, true);
	put_event(w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"text\":\"/ping\"}");
	json_decref(sent(w, 0));
	world_stop(w);
	world_start(w, false);
	unit = store_unit_create(w->rooms.store, STORE_MANAGER);
	store_unit_add(unit, 1, "update outbox set status = 1", NULL, 0);
	assert_int_equal(store_commit(unit, &error), 0);
	world_stop(w);
	world_start(w, true);
	line = sent(w, 1);
	assert_non_null(strstr(json_get_string(line, "text"), "pong"));
	assert_non_null(strstr(json_get_string(line, "text"), "again"));
	json_decref(line);
}

static void nothing_of_an_ephemeral_turn_is_kept(void **state)
{
	struct world *w = *state;

	world_start(w, true);
	put_event(
	        w, "1", "{\"conversation\":\"c\",\"sender\":\"7\",\"flags\":1,\"text\":\"/ping\"}");
	json_decref(sent(w, 0));
	assert_int_equal(number_of(w, "select count(*) from inbox where payload is not null"), 0);
	assert_int_equal(number_of(w, "select count(*) from messages"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                command_is_answered_with_the_whole_object, setup, teardown),
	        cmocka_unit_test_setup_teardown(unknown_command_names_the_nearest, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                text_that_nobody_takes_is_answered, setup, teardown),
	        cmocka_unit_test_setup_teardown(same_key_gives_the_stored_reply, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                chat_is_answered_once_for_an_event_that_came_twice, setup, teardown),
	        cmocka_unit_test_setup_teardown(failed_delivery_is_tried_again, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                stored_event_is_run_at_the_next_start, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                message_found_sending_goes_out_once_more_and_says_so, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                nothing_of_an_ephemeral_turn_is_kept, setup, teardown),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
