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

const struct site *site_enter(const struct plugin_call *call, struct generation **generation)
{
	*generation = generation_hold(call->scope);
	return *generation ? (*generation)->site : NULL;
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

/* The verdict about a request that has a way to a handler. */
static void judge(struct web *web, const struct site *site, const struct route *route,
        struct plugin_call *call, const struct askd_web_request *in, struct askd_web_verdict *out)
{
	struct identity who;
	int64_t retry_us = 0;

	out->max_body = route->max_body;
	if (route->flags & ASKD_ROUTE_INSTANT)
		return;
	if (__atomic_load_n(&web->stopping, __ATOMIC_ACQUIRE) ||
	        !__atomic_load_n(&web->ready, __ATOMIC_ACQUIRE)) {
		refuse(call, in, out, 503, WEB_RETRY_S);
		return;
	}
	if (route->permission) {
		enum auth_verdict verdict =
		        auth_identify(web->auth, site, in, false, &who, &retry_us);

		if (verdict == AUTH_SLOW)
			refuse(call, in, out, 429, request_seconds(retry_us));
		else if (verdict == AUTH_WRONG ||
		         (verdict == AUTH_NOBODY && !auth_may(&who, in, route->permission)))
			refuse(call, in, out, 401, 0);
		else if (verdict == AUTH_KNOWN && !auth_may(&who, in, route->permission))
			refuse(call, in, out, 403, 0);
		if (out->status)
			return;
	}
	if (is_too_long(in, route->max_body))
		refuse(call, in, out, 413, 0);
}

static int32_t service_head(const struct askd_host *host, struct askd_call *base,
        const struct askd_web_request *in, struct askd_web_verdict *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct web *web = web_serving();
	struct askd_web_verdict own = {.size = sizeof own};
	struct generation *generation;
	const struct site *site;
	struct route_match match;

	(void)host;
	if (!in->method.n || !in->path.n || in->path.s[0] != '/')
		return askd_fail(reterr, ASKD_E_INVALID, "a request needs a method and a path");
	out = out ? out : &own;
	site = site_enter(call, &generation);
	if (!web || !site) {
		refuse(call, in, out, 503, WEB_RETRY_S);
		goto out;
	}
	routes_match(site->routes, site->count, in->method, in->path, &match);
	if (match.route)
		judge(web, site, match.route, call, in, out);
	else if (*match.allow)
		refuse_method(call, in, out, match.allow);
	else
		refuse(call, in, out, 404, 0);
out:
	generation_drop(generation);
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
	struct generation *generation;
	const struct site *site;
	struct route_match match;
	int32_t rc;

	(void)host, (void)out;
	if (!table)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "%s: only who offers askd.web_server/1 dispatches", server->host.instance);
	if (!in->id || !in->method.n || !in->path.n || in->path.s[0] != '/')
		return askd_fail(
		        reterr, ASKD_E_INVALID, "a request needs an id, a method and a path");
	site = site_enter(call, &generation);
	if (!web || !site) {
		rc = askd_fail(reterr, ASKD_E_BUSY, "the web is not open");
		goto out;
	}
	routes_match(site->routes, site->count, in->method, in->path, &match);
	if (!match.route) /* or a reload has taken it away since */
		rc = askd_fail(reterr, ASKD_E_INVALID, "no route: head was not asked");
	else if (match.route->flags & ASKD_ROUTE_INSTANT)
		rc = request_instant(generation, match.route, server, table, in, reterr);
	else
		rc = request_start(web, generation, match.route, server, table, in, reterr);
out:
	generation_drop(generation);
	return rc;
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

int32_t site_open(struct site **out, const struct web_rooms *rooms, const struct site *previous,
        struct askd_error *reterr)
{
	struct site *site = calloc(1, sizeof *site);
	const char *root = rooms->config->web_root;
	int32_t rc;

	if (!site)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the web");
	site->config = rooms->config;
	arena_init(&site->arena, 0);
	site->key_limit = config_find_limit(rooms->config, "key");
	site->login_limit = config_find_limit(rooms->config, "login");
	rc = routes_collect(&site->arena, rooms, &site->routes, &site->count, reterr);
	if (rc)
		goto fail;
	site->openapi = openapi_make(&site->arena, site->routes, site->count);
	if (!site->openapi.s) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the web");
		goto fail;
	}
	if (root && previous && previous->files)
		site->files = files_share(previous->files, root);
	if (root && !site->files) {
		site->files = files_open(root, rooms->workers, reterr);
		if (!site->files) {
			rc = reterr ? reterr->code : ASKD_E_CONFIG;
			goto fail;
		}
	}
	*out = site;
	return ASKD_OK;
fail:
	site_close(site);
	return rc;
}

void site_close(struct site *site)
{
	if (!site)
		return;
	files_close(site->files);
	arena_finish(&site->arena);
	free(site);
}

int32_t web_open(struct web **out, const struct web_rooms *rooms, struct askd_error *reterr)
{
	struct web *web = calloc(1, sizeof *web);

	if (!web || !(web->auth = auth_create(rooms))) {
		free(web);
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the web");
	}
	web->rooms = *rooms;
	pthread_mutex_init(&web->lock, NULL);
	pthread_cond_init(&web->changed, NULL);
	__atomic_store_n(&serving, web, __ATOMIC_RELEASE);
	*out = web;
	return ASKD_OK;
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
	auth_destroy(web->auth);
	pthread_cond_destroy(&web->changed);
	pthread_mutex_destroy(&web->lock);
	free(web);
}
