/* test_web.c: routes, who may use them, limits, streams, and clients that leave. */
#include "web_house.h"

#include "base/clock.h"
#include "base/json.h"

/* ---- the owner of routes ---- */

static uint64_t seen_person, seen_key;
static char seen_params[256];

/* Waits until its call is canceled or the test lets it go. */
static bool let_go;

ASKD_DEFINE(handle_whoami, askd_web_request, askd_web_response)
{
	const struct plugin_call *mine = plugin_call_of(call);

	seen_person = mine->scope->person;
	seen_key = mine->scope->key;
	seen_params[0] = 0;
	for (size_t i = 0; in->params && in->params[i]; i++)
		snprintf(seen_params + strlen(seen_params),
		        sizeof seen_params - strlen(seen_params), "%s=%s;", in->params[i]->name.s,
		        in->params[i]->value.s);
	out->status = 200;
	out->type = ASKD_LITERAL("application/json");
	out->body = (struct askd_bytes){"{}", 2};
	return ASKD_OK;
}

ASKD_DEFINE(handle_fail, askd_web_request, askd_web_response)
{
	return askd_fail(reterr, ASKD_E_IO, "the secret host db.internal is down");
}

ASKD_DEFINE(handle_inject, askd_web_request, askd_web_response)
{
	ASKD_MAKE(struct askd_header, header, .name = ASKD_LITERAL("x-evil"),
	        .value = ASKD_LITERAL("a\r\nset-cookie: b"));
	struct askd_header *copy = call->alloc(call, sizeof *copy);
	const struct askd_header **list = call->alloc(call, 2 * sizeof *list);

	*copy = header;
	list[0] = copy;
	list[1] = NULL;
	out->status = 200;
	out->headers = list;
	return ASKD_OK;
}

ASKD_DEFINE(handle_wait, askd_web_request, askd_web_response)
{
	while (!askd_canceled(call) && !__atomic_load_n(&let_go, __ATOMIC_ACQUIRE))
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	if (askd_canceled(call))
		return askd_fail(reterr, ASKD_E_CANCELED, "nobody waits");
	out->status = 200;
	return ASKD_OK;
}

static int32_t say(struct askd_call *call, uint64_t id, const char *text, uint32_t flags)
{
	ASKD_MAKE(
	        struct askd_web_data, data, .id = id, .flags = flags, .data = {text, strlen(text)});
	return h.service->write(&h.owner.host, call, &data, NULL, NULL);
}

static int32_t stream(struct askd_call *call, uint64_t id)
{
	ASKD_MAKE(struct askd_web_response, response, .status = 200, .id = id,
	        .flags = ASKD_WEB_STREAM, .type = ASKD_LITERAL("text/event-stream"));
	return h.service->begin(&h.owner.host, call, &response, NULL, NULL);
}

ASKD_DEFINE(handle_stream, askd_web_request, askd_web_response)
{
	assert_int_equal(say(call, in->id, "too early", 0), ASKD_E_INVALID);
	assert_int_equal(stream(call, in->id), ASKD_OK);
	assert_int_equal(stream(call, in->id), ASKD_E_INVALID);
	assert_int_equal(say(call, in->id, "one ", 0), ASKD_OK);
	assert_int_equal(say(call, in->id, "two", 0), ASKD_OK);
	return ASKD_OK;
}

ASKD_DEFINE(handle_open, askd_web_request, askd_web_response)
{
	assert_int_equal(stream(call, in->id), ASKD_OK);
	out->flags = ASKD_WEB_STREAM;
	return ASKD_OK;
}

ASKD_DEFINE(handle_upload, askd_web_request, askd_web_response)
{
	char *text = call->alloc(call, 64);

	assert_non_null(in->file);
	assert_null(in->body.p);
	assert_int_equal(pread(in->file->fd, text, in->file->length, 0), in->file->length);
	out->status = 200;
	out->body = (struct askd_bytes){text, in->file->length};
	return ASKD_OK;
}

#define ROUTE(name, verb, where, may, kind, fn)                                          \
	ASKD_MAKE(static const struct askd_route, name, .flags = (kind), .method = verb, \
	        .path = where, .permission = may, .summary = "A route of the test.", .handle = fn)
ROUTE(whoami, "GET", "/api/whoami", "ask", ASKD_ROUTE_JSON, handle_whoami);
ROUTE(named, "GET", "/api/things/{id}/parts/{part}", NULL, ASKD_ROUTE_JSON, handle_whoami);
ROUTE(rest, "GET", "/api/tree/*", NULL, ASKD_ROUTE_JSON, handle_whoami);
ROUTE(special, "GET", "/api/things/all/parts/{part}", NULL, ASKD_ROUTE_JSON, handle_fail);
ROUTE(put, "PUT", "/api/things/{id}/parts/{part}", NULL, ASKD_ROUTE_JSON, handle_whoami);
ROUTE(failing, "POST", "/api/fail", "ask", ASKD_ROUTE_JSON, handle_fail);
ROUTE(inject, "GET", "/api/inject", NULL, 0, handle_inject);
ROUTE(waiting, "POST", "/api/wait", "ask", ASKD_ROUTE_SSE, handle_wait);
ROUTE(streaming, "GET", "/api/stream", NULL, ASKD_ROUTE_STREAM, handle_stream);
ROUTE(staying, "GET", "/api/stay", NULL, ASKD_ROUTE_STREAM, handle_open);
ROUTE(upload, "POST", "/api/upload", NULL, ASKD_ROUTE_UPLOAD, handle_upload);
static const struct askd_route *const route_list[] = {&whoami, &named, &rest, &special, &put,
        &failing, &inject, &waiting, &streaming, &staying, &upload, NULL};
ASKD_MAKE(static const struct askd_routes, routes, .routes = route_list);
ASKD_MAKE(static const struct askd_extension, routes_extension, .id = "askd.routes/1",
        .table = &routes);
static const struct askd_extension *const owner_extensions[] = {&routes_extension, NULL};

static int setup(void **state)
{
	(void)state;
	let_go = false;
	house_start("security: {anonymous: loopback}\n"
	            "limits: {key: {by: key, rate: 10/h, burst: 5, concurrent: 2}, "
	            "login: {by: address, rate: 3/h}}\n",
	        owner_extensions);
	if (house_open(&h.b.err))
		fail_msg("%s", h.b.err.message);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	__atomic_store_n(&let_go, true, __ATOMIC_RELEASE);
	house_stop();
	return 0;
}

/* {error, code, details}, and nothing else. */
static void is_error(const struct sent *sent, int32_t status, const char *code)
{
	json_t *object = json_read(askd_text_of(sent->body), NULL);

	assert_int_equal(sent->status, status);
	assert_non_null(object);
	assert_int_equal(json_object_size(object), 3);
	assert_true(json_is_string(json_object_get(object, "error")));
	assert_string_equal(json_get_string(object, "code"), code);
	assert_non_null(json_object_get(object, "details"));
	json_decref(object);
}

/* ---- routes ---- */

static void health_is_answered_inside_dispatch(void **state)
{
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/health");
	assert_int_equal(headed(&a).status, 0);
	assert_int_equal(dispatched(&a), ASKD_OK);
	assert_int_equal(h.count, 1);
	assert_int_equal(h.sent[0].status, 200);
	assert_string_equal(h.sent[0].body, "{\"status\":\"ok\"}");
	assert_int_equal(workers_stats(h.workers).threads, 0);
}

static void ready_says_no_before_and_after(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	ask_of(&a, "GET", "/ready");
	assert_int_equal(answered(&a).status, 200);
	web_ready(h.web, false);
	ask_of(&a, "GET", "/ready");
	sent = answered(&a);
	is_error(&sent, 503, "UNAVAILABLE");
	assert_non_null(strstr(sent.headers, "retry-after: "));
	ask_of(&a, "GET", "/api/inject");
	assert_int_equal(headed(&a).status, 503);
	ask_of(&a, "GET", "/health");
	assert_int_equal(answered(&a).status, 200);
}

static void unknown_paths_and_methods_are_told_apart(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	ask_of(&a, "GET", "/api/nothing");
	sent = headed(&a);
	is_error(&sent, 404, "NOT_FOUND");
	ask_of(&a, "POST", "/api/whoami");
	sent = headed(&a);
	is_error(&sent, 405, "METHOD_NOT_ALLOWED");
	assert_string_equal(sent.headers, "allow: GET, HEAD\n");
	ask_of(&a, "DELETE", "/api/things/1/parts/2");
	sent = headed(&a);
	is_error(&sent, 405, "METHOD_NOT_ALLOWED");
	assert_non_null(strstr(sent.headers, "GET, HEAD"));
	assert_non_null(strstr(sent.headers, "PUT"));
	ask_of(&a, "OPTIONS", "/api/whoami");
	assert_int_equal(headed(&a).status, 204);
	ask_of(&a, "HEAD", "/health");
	assert_int_equal(answered(&a).status, 200);
	/* a part is never empty, and there is nothing behind the last one */
	ask_of(&a, "GET", "/api/things//parts/2");
	assert_int_equal(headed(&a).status, 404);
	ask_of(&a, "GET", "/api/whoami/");
	assert_int_equal(headed(&a).status, 404);
}

static void names_of_the_path_reach_the_handler_first(void **state)
{
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/api/things/17/parts/left");
	asked_param(&a, "id", "spoofed");
	asked_param(&a, "colour", "red");
	assert_int_equal(answered(&a).status, 200);
	assert_string_equal(seen_params, "id=17;part=left;colour=red;");
	ask_of(&a, "GET", "/api/tree/a/b.txt");
	assert_int_equal(answered(&a).status, 200);
	assert_string_equal(seen_params, "*=a/b.txt;");
	/* the more particular one wins, and keeps its path for other methods, too */
	ask_of(&a, "GET", "/api/things/all/parts/left");
	assert_int_equal(answered(&a).status, 500);
}

static void two_owners_of_one_route_are_refused(void **state)
{
	struct plugin_instance other = h.owner;
	struct site *site = NULL;
	const struct web_rooms rooms = {h.b.config, &h.registry, h.people, h.limits, h.workers};

	(void)state;
	other.host.instance = "skill/other";
	h.list[2] = &other;
	assert_int_equal(site_open(&site, &rooms, NULL, &h.b.err), ASKD_E_CONFIG);
	assert_non_null(strstr(h.b.err.message, "skill/owner and skill/other"));
	h.list[2] = NULL;
}

static void the_document_lists_every_route(void **state)
{
	struct asked a;
	struct sent sent;
	json_t *document;
	const json_t *get;

	(void)state;
	ask_of(&a, "GET", "/api/openapi.json");
	sent = answered(&a);
	assert_int_equal(sent.status, 200);
	document = json_read(askd_text_of(sent.body), &h.b.err);
	if (!document)
		fail_msg("%s", h.b.err.message);
	assert_string_equal(json_get_string(document, "openapi"), "3.1.0");
	for (size_t i = 0; route_list[i]; i++)
		if (!strchr(route_list[i]->path, '*'))
			assert_non_null(json_object_get(
			        json_object_get(document, "paths"), route_list[i]->path));
	get = json_object_get(
	        json_object_get(json_object_get(document, "paths"), "/api/whoami"), "get");
	assert_int_equal(json_array_size(json_object_get(get, "security")), 1);
	json_decref(document);
}

/* ---- who ---- */

static void key_names_the_person(void **state)
{
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, h.key);
	assert_int_equal(answered(&a).status, 200);
	assert_int_equal(seen_person, h.alice);
	assert_int_not_equal(seen_key, 0);
}

static void wrong_keys_look_alike_and_are_slowed(void **state)
{
	struct asked a;
	struct sent missing, malformed, unknown, revoked, slow;
	char wrong[64];

	(void)state;
	ask_of(&a, "GET", "/api/whoami");
	missing = answered(&a);
	is_error(&missing, 401, "UNAUTHORIZED");
	assert_non_null(strstr(missing.headers, "www-authenticate: Bearer"));
	snprintf(wrong, sizeof wrong, "%s", h.key);
	wrong[20] = wrong[20] == 'a' ? 'b' : 'a';
	assert_int_equal(people_key_revoke(h.people, NULL, "ci", &h.b.err), 0);
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, "hello");
	malformed = answered(&a);
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, wrong);
	unknown = answered(&a);
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, h.key);
	revoked = answered(&a);
	is_error(&malformed, 401, "UNAUTHORIZED");
	assert_int_equal(unknown.status, 401);
	assert_int_equal(revoked.status, 401);
	assert_string_equal(malformed.body, unknown.body);
	assert_string_equal(malformed.body, revoked.body);
	assert_string_equal(malformed.body, missing.body);
	/* three guesses an hour */
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, wrong);
	slow = answered(&a);
	is_error(&slow, 429, "RATE_LIMIT");
	assert_non_null(strstr(slow.headers, "retry-after: "));
	/* from there only */
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, wrong);
	a.in.remote = ASKD_LITERAL("192.0.2.8");
	assert_int_equal(answered(&a).status, 401);
}

static void right_keys_cost_no_guesses(void **state)
{
	struct askd_error err = {0};
	struct people_key key;
	struct asked a;
	char text[64], name[16];

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "k%d", i);
		assert_int_equal(
		        people_key_create(h.people, NULL, h.alice, name, "", text, &key, &err), 0);
		ask_of(&a, "GET", "/api/whoami");
		asked_key(&a, text);
		assert_int_equal(answered(&a).status, 200);
	}
}

static void revoked_key_is_forgotten_at_once(void **state)
{
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, h.key);
	assert_int_equal(answered(&a).status, 200);
	assert_int_equal(people_key_revoke(h.people, NULL, "ci", &h.b.err), 0);
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, h.key);
	assert_int_equal(answered(&a).status, 401);
}

static int32_t local_status(
        const char *path, uint32_t flags, const char *host, const char *name, const char *value)
{
	struct asked a;

	ask_of(&a, "GET", path);
	a.in.flags = flags;
	a.in.remote = ASKD_LITERAL("127.0.0.1");
	asked_header(&a, "host", host);
	if (name)
		asked_header(&a, name, value);
	return answered(&a).status;
}

static void nobody_is_anonymous_but_on_this_machine(void **state)
{
	const uint32_t here = ASKD_WEB_LOOPBACK;
	const char *path = "/api/whoami";

	(void)state;
	assert_int_equal(local_status(path, here, "localhost:8080", NULL, NULL), 200);
	assert_int_not_equal(seen_person, 0);
	assert_int_not_equal(seen_person, h.alice);
	assert_int_equal(seen_key, 0);
	assert_int_equal(
	        local_status(path, here, "[::1]:8080", "origin", "http://[::1]:8080"), 200);
	assert_int_equal(local_status(path, 0, "localhost", NULL, NULL), 401);
	/* a name that a stranger points here; a page from elsewhere; a proxy */
	assert_int_equal(local_status(path, here, "evil.example:8080", NULL, NULL), 401);
	assert_int_equal(local_status(path, here, "127.evil.example", NULL, NULL), 401);
	assert_int_equal(
	        local_status(path, here, "localhost", "origin", "https://evil.example"), 401);
	assert_int_equal(
	        local_status(path, here, "localhost", "sec-fetch-site", "cross-site"), 401);
	assert_int_equal(
	        local_status(path, here, "localhost", "x-forwarded-for", "203.0.113.9"), 401);
}

static void metrics_are_for_operators(void **state)
{
	struct asked a;

	(void)state;
	assert_int_equal(local_status("/metrics", ASKD_WEB_LOOPBACK, "localhost", NULL, NULL), 200);
	assert_int_equal(local_status("/metrics", 0, "localhost", NULL, NULL), 401);
	ask_of(&a, "GET", "/metrics");
	asked_key(&a, h.key);
	assert_int_equal(answered(&a).status, 403);
}

/* ---- limits ---- */

static void rate_of_a_key_is_told_and_kept(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	for (int i = 0; i < 5; i++) {
		char left_now[48];

		ask_of(&a, "GET", "/api/whoami");
		asked_key(&a, h.key);
		sent = answered(&a);
		assert_int_equal(sent.status, 200);
		snprintf(left_now, sizeof left_now, "x-ratelimit-remaining: %d\n", 4 - i);
		assert_non_null(strstr(sent.headers, "x-ratelimit-limit: 5\n"));
		assert_non_null(strstr(sent.headers, left_now));
		assert_non_null(strstr(sent.headers, "x-ratelimit-reset: "));
	}
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, h.key);
	sent = answered(&a);
	is_error(&sent, 429, "RATE_LIMIT");
	assert_non_null(strstr(sent.headers, "retry-after: "));
	assert_non_null(strstr(sent.headers, "x-ratelimit-remaining: 0\n"));
}

static enum limits_verdict verdicts[2];

static void take_all_places(void)
{
	const struct config_limit *limit = config_find_limit(h.b.config, "key");

	for (int i = 0; i < 2; i++)
		verdicts[i] = limits_enter(h.limits, limit, seen_key);
	for (int i = 0; i < 2; i++)
		if (verdicts[i] == LIMITS_PASS)
			limits_leave(h.limits, limit, seen_key);
}

/* Else a client that asks one question after the other is refused for the one before. */
static void the_place_is_free_when_the_answer_comes(void **state)
{
	struct asked a;

	(void)state;
	verdicts[0] = verdicts[1] = LIMITS_REFUSE;
	on_answer = take_all_places;
	ask_of(&a, "GET", "/api/whoami");
	asked_key(&a, h.key);
	assert_int_equal(answered(&a).status, 200);
	on_answer = NULL;
	assert_int_equal(verdicts[0], LIMITS_PASS);
	assert_int_equal(verdicts[1], LIMITS_PASS);
}

static void requests_of_a_key_at_the_same_time_are_counted(void **state)
{
	struct asked a[3];
	struct sent sent;

	(void)state;
	for (int i = 0; i < 3; i++) {
		ask_of(&a[i], "POST", "/api/wait");
		asked_key(&a[i], h.key);
		assert_int_equal(dispatched(&a[i]), ASKD_OK);
	}
	/* Whichever of them comes third. */
	pthread_mutex_lock(&h.lock);
	while (!h.count)
		pthread_cond_wait(&h.changed, &h.lock);
	sent = h.sent[0];
	pthread_mutex_unlock(&h.lock);
	is_error(&sent, 429, "RATE_LIMIT");
	__atomic_store_n(&let_go, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		        waited(a[i].in.id, true).status, a[i].in.id == sent.id ? 429 : 200);
}

/* ---- replies ---- */

static void words_for_operators_stay_inside(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	ask_of(&a, "POST", "/api/fail");
	asked_key(&a, h.key);
	sent = answered(&a);
	is_error(&sent, 500, "INTERNAL_ERROR");
	assert_null(strstr(sent.body, "db.internal"));
}

static void handlers_cannot_inject_headers(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	ask_of(&a, "GET", "/api/inject");
	sent = answered(&a);
	is_error(&sent, 500, "INTERNAL_ERROR");
	assert_null(strstr(sent.headers, "set-cookie"));
}

static void request_ids_are_echoed_when_they_are_sound(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	ask_of(&a, "GET", "/health");
	asked_header(&a, "x-request-id", "abc-123");
	assert_non_null(strstr(answered(&a).headers, "x-request-id: abc-123\n"));
	ask_of(&a, "GET", "/health");
	asked_header(&a, "x-request-id", "<script>");
	sent = answered(&a);
	assert_non_null(strstr(sent.headers, "x-request-id: "));
	assert_null(strstr(sent.headers, "script"));
}

static void small_uploads_come_as_a_file(void **state)
{
	struct asked a;

	(void)state;
	ask_of(&a, "POST", "/api/upload");
	a.in.body = (struct askd_bytes){"hello", 5};
	assert_string_equal(answered(&a).body, "hello");
}

/* ---- streams, and clients that leave ---- */

static void stream_ends_with_its_handler(void **state)
{
	struct asked a;
	struct sent sent;

	(void)state;
	ask_of(&a, "GET", "/api/stream");
	sent = answered(&a);
	assert_int_equal(sent.status, 200);
	assert_true(sent.flags & ASKD_WEB_STREAM);
	assert_string_equal(sent.type, "text/event-stream");
	assert_string_equal(sent.body, "one two");
}

static void open_stream_is_written_later_and_ended_once(void **state)
{
	struct server_call c;
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/api/stay");
	assert_int_equal(dispatched(&a), ASKD_OK);
	waited(a.in.id, false);
	server_call_begin(&c, &h.owner);
	assert_int_equal(say(&c.call.base, a.in.id, "later", 0), ASKD_OK);
	assert_int_equal(say(&c.call.base, a.in.id, "", ASKD_WEB_END), ASKD_OK);
	assert_int_not_equal(say(&c.call.base, a.in.id, "too late", 0), ASKD_OK);
	server_call_end(&c);
	assert_string_equal(waited(a.in.id, true).body, "later");
}

static void the_end_of_the_daemon_ends_open_streams(void **state)
{
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/api/stay");
	assert_int_equal(dispatched(&a), ASKD_OK);
	waited(a.in.id, false);
	web_stop(h.web, 10000);
	waited(a.in.id, true);
	ask_of(&a, "GET", "/api/stay");
	assert_int_equal(headed(&a).status, 503);
	assert_int_equal(dispatched(&a), ASKD_OK);
	assert_int_equal(waited(a.in.id, true).status, 503);
}

static void who_leaves_stops_the_handler(void **state)
{
	struct asked a;
	int64_t began_us;

	(void)state;
	ask_of(&a, "POST", "/api/wait");
	asked_key(&a, h.key);
	assert_int_equal(dispatched(&a), ASKD_OK);
	left(a.in.id);
	/* The handler waits for nothing else. web_stop cancels, too, but later than that. */
	began_us = clock_monotonic_us();
	web_stop(h.web, WAIT_S * 1000);
	assert_true(clock_monotonic_us() - began_us < WAIT_S * 500000);
	assert_int_equal(h.count, 0);
}

static void who_leaves_an_open_stream_takes_it_along(void **state)
{
	struct server_call c;
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/api/stay");
	assert_int_equal(dispatched(&a), ASKD_OK);
	waited(a.in.id, false);
	left(a.in.id);
	server_call_begin(&c, &h.owner);
	assert_int_equal(say(&c.call.base, a.in.id, "hello?", 0), ASKD_E_GONE);
	server_call_end(&c);
}

static void only_a_server_dispatches(void **state)
{
	struct server_call c;
	struct asked a;

	(void)state;
	ask_of(&a, "GET", "/health");
	server_call_begin(&c, &h.owner);
	assert_int_equal(h.service->dispatch(&h.owner.host, &c.call.base, &a.in, NULL, NULL),
	        ASKD_E_INVALID);
	server_call_end(&c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(health_is_answered_inside_dispatch),
	        TEST(ready_says_no_before_and_after),
	        TEST(unknown_paths_and_methods_are_told_apart),
	        TEST(names_of_the_path_reach_the_handler_first),
	        TEST(two_owners_of_one_route_are_refused), TEST(the_document_lists_every_route),
	        TEST(key_names_the_person), TEST(wrong_keys_look_alike_and_are_slowed),
	        TEST(right_keys_cost_no_guesses), TEST(revoked_key_is_forgotten_at_once),
	        TEST(nobody_is_anonymous_but_on_this_machine), TEST(metrics_are_for_operators),
	        TEST(rate_of_a_key_is_told_and_kept), TEST(the_place_is_free_when_the_answer_comes),
	        TEST(requests_of_a_key_at_the_same_time_are_counted),
	        TEST(words_for_operators_stay_inside), TEST(handlers_cannot_inject_headers),
	        TEST(request_ids_are_echoed_when_they_are_sound),
	        TEST(small_uploads_come_as_a_file), TEST(stream_ends_with_its_handler),
	        TEST(open_stream_is_written_later_and_ended_once),
	        TEST(the_end_of_the_daemon_ends_open_streams), TEST(who_leaves_stops_the_handler),
	        TEST(who_leaves_an_open_stream_takes_it_along), TEST(only_a_server_dispatches)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
