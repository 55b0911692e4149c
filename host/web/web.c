/* web.c: the room opens and closes, and askd.web/1: what servers ask of it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "web/web_request.h"

enum { STOP_WAIT_MS = 10 * 1000 };

static struct web *serving;

struct web *web_serving(void)
{
	return __atomic_load_n(&serving, __ATOMIC_ACQUIRE);
}

/* ---- head ------------------------------------------------------------------------------------ */

static void refuse(struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_verdict *out, int32_t status, int64_t retry_s)
{
	struct askd_web_response response = {.size = sizeof response};

	reply_error(call, in, &response, status, retry_s);
	out->status = status;
	out->type = response.type;
	out->headers = response.headers;
	out->body = response.body;
}

static void refuse_method(struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_verdict *out, const char *allow)
{
	const struct askd_header **list = arena_zalloc(&call->arena, 2 * sizeof *list);
	struct reply_headers headers = {.count = 0};

	if (text_is(in->method, "OPTIONS"))
		out->status = 204;
	else
		refuse(call, in, out, 405, 0);
	if (list && reply_header(&headers, &call->arena, "allow", allow)) {
		list[0] = headers.list[0];
		out->headers = list;
	}
}

/* What is known of the length before the body is there. */
static bool is_too_long(const struct askd_web_request *in, uint64_t max_body)
{
	struct askd_text length = web_header(in, "content-length");
	int64_t n;

	return max_body && length.s && text_to_int(length.s, &n) && (uint64_t)n > max_body;
}

static int32_t service_head(const struct askd_host *host, struct askd_call *base,
        const struct askd_web_request *in, struct askd_web_verdict *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct web *web = web_serving();
	struct askd_web_verdict own = {.size = sizeof own};
	struct route_match match;
	struct identity who;
	int64_t retry_us = 0;

	(void)host;
	if (!in->method.n || !in->path.n || in->path.s[0] != '/')
		return askd_fail(reterr, ASKD_E_INVALID, "a request needs a method and a path");
	out = out ? out : &own;
	if (!web) {
		refuse(call, in, out, 503, WEB_RETRY_S);
		return ASKD_OK;
	}
	routes_match(web->routes, web->count, in->method, in->path, &match);
	if (!match.route) {
		if (*match.allow)
			refuse_method(call, in, out, match.allow);
		else
			refuse(call, in, out, 404, 0);
		return ASKD_OK;
	}
	out->max_body = match.route->max_body;
	if (match.route->flags & ASKD_ROUTE_INSTANT)
		return ASKD_OK;
	if (__atomic_load_n(&web->stopping, __ATOMIC_ACQUIRE) ||
	        !__atomic_load_n(&web->ready, __ATOMIC_ACQUIRE)) {
		refuse(call, in, out, 503, WEB_RETRY_S);
		return ASKD_OK;
	}
	if (match.route->permission) {
		enum auth_verdict verdict = auth_identify(web->auth, in, false, &who, &retry_us);

		if (verdict == AUTH_SLOW)
			refuse(call, in, out, 429, request_seconds(retry_us));
		else if (verdict == AUTH_WRONG ||
		         (verdict == AUTH_NOBODY && !auth_may(&who, in, match.route->permission)))
			refuse(call, in, out, 401, 0);
		else if (verdict == AUTH_KNOWN && !auth_may(&who, in, match.route->permission))
			refuse(call, in, out, 403, 0);
		if (out->status)
			return ASKD_OK;
	}
	if (is_too_long(in, match.route->max_body))
		refuse(call, in, out, 413, 0);
	return ASKD_OK;
}

/* ---- dispatch -------------------------------------------------------------------------------- */

static int32_t service_dispatch(const struct askd_host *host, struct askd_call *base,
        const struct askd_web_request *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct web *web = web_serving();
	struct plugin_instance *server = call->owner;
	const struct askd_web_server *table =
	        plugin_instance_extension(server, "askd.web_server/1");
	struct route_match match;

	(void)host, (void)out;
	if (!table)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "%s: only who offers askd.web_server/1 dispatches", server->host.instance);
	if (!web)
		return askd_fail(reterr, ASKD_E_BUSY, "the web is not open");
	if (!in->id || !in->method.n || !in->path.n || in->path.s[0] != '/')
		return askd_fail(
		        reterr, ASKD_E_INVALID, "a request needs an id, a method and a path");
	routes_match(web->routes, web->count, in->method, in->path, &match);
	if (!match.route)
		return askd_fail(reterr, ASKD_E_INVALID, "no route: head was not asked");
	if (match.route->flags & ASKD_ROUTE_INSTANT)
		return request_instant(web, match.route, server, table, in, reterr);
	return request_start(web, match.route, server, table, in, reterr);
}

static int32_t service_gone(const struct askd_host *host, struct askd_call *base,
        const struct askd_web_data *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct web *web = web_serving();

	(void)host, (void)base, (void)out, (void)reterr;
	if (web)
		request_gone(web, in->id);
	return ASKD_OK;
}

static int32_t service_begin(const struct askd_host *host, struct askd_call *base,
        const struct askd_web_response *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct web *web = web_serving();

	(void)host, (void)out;
	if (!web)
		return askd_fail(reterr, ASKD_E_GONE, "the web is not open");
	return request_begin(web, plugin_call_of(base), in, reterr);
}

static int32_t service_write(const struct askd_host *host, struct askd_call *base,
        const struct askd_web_data *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct web *web = web_serving();

	(void)host, (void)out;
	if (!web)
		return askd_fail(reterr, ASKD_E_GONE, "the web is not open");
	return request_write(web, plugin_call_of(base), in, reterr);
}

static const struct askd_web_service service = {
        .size = sizeof service,
        .head = service_head,
        .dispatch = service_dispatch,
        .gone = service_gone,
        .begin = service_begin,
        .write = service_write,
};

/* ---- life ------------------------------------------------------------------------------------ */

void web_offer(void)
{
	registry_offer_service("askd.web/1", &service, true);
	status_add_routes();
}

int32_t web_open(struct web **out, const struct web_rooms *rooms, struct askd_error *reterr)
{
	struct web *web = calloc(1, sizeof *web);
	int32_t rc;

	if (!web)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the web");
	web->rooms = *rooms;
	arena_init(&web->arena, 0);
	pthread_mutex_init(&web->lock, NULL);
	pthread_cond_init(&web->changed, NULL);
	web->key_limit = config_find_limit(rooms->config, "key");
	rc = routes_collect(&web->arena, rooms, &web->routes, &web->count, reterr);
	if (rc)
		goto fail;
	web->auth = auth_create(rooms);
	web->openapi = openapi_make(&web->arena, web->routes, web->count);
	if (!web->auth || !web->openapi.s) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the web");
		goto fail;
	}
	if (rooms->config->web_root) {
		web->files = files_open(rooms->config->web_root, rooms->workers, reterr);
		if (!web->files) {
			rc = reterr ? reterr->code : ASKD_E_CONFIG;
			goto fail;
		}
	}
	__atomic_store_n(&serving, web, __ATOMIC_RELEASE);
	*out = web;
	return ASKD_OK;
fail:
	web_close(web);
	return rc;
}

void web_ready(struct web *web, bool ready)
{
	if (web)
		__atomic_store_n(&web->ready, ready, __ATOMIC_RELEASE);
}

/* Waits until no request runs; with the lock. */
static bool wait_idle(struct web *web, int64_t wait_ms)
{
	int64_t until_us = clock_monotonic_us() + wait_ms * 1000;
	struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

	while (web->running && clock_monotonic_us() < until_us)
		pthread_cond_clockwait(&web->changed, &web->lock, CLOCK_MONOTONIC, &until);
	return !web->running;
}

void web_stop(struct web *web, int64_t wait_ms)
{
	if (!web)
		return;
	web_ready(web, false);
	__atomic_store_n(&web->stopping, true, __ATOMIC_SEQ_CST);
	requests_tell(web);
	requests_end_open(web);
	pthread_mutex_lock(&web->lock);
	if (!wait_idle(web, wait_ms)) {
		requests_cancel(web);
		pthread_mutex_unlock(&web->lock);
		requests_end_open(web);
		pthread_mutex_lock(&web->lock);
		if (!wait_idle(web, STOP_WAIT_MS))
			log_warning("web", 0, "a request does not end although it was canceled");
	}
	pthread_mutex_unlock(&web->lock);
}

void web_close(struct web *web)
{
	struct web *mine = web;

	if (!web)
		return;
	__atomic_compare_exchange_n(
	        &serving, &mine, NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	files_close(web->files);
	auth_destroy(web->auth);
	pthread_cond_destroy(&web->changed);
	pthread_mutex_destroy(&web->lock);
	arena_finish(&web->arena);
	free(web);
}
