/* web_request.c: a request on its way: whose it is, whether it may, its handler, its reply. */
#include "web/web_request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum { REQUEST_ARENA = 4 << 20, LAST_MS = 2000 };

/* ---- the table ------------------------------------------------------------------------------- */

static struct request **place_of(struct web *web, uint64_t id)
{
	return &web->requests[(id * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}

static struct request *find_locked(struct web *web, uint64_t id)
{
	struct request *request = *place_of(web, id);

	while (request && request->in->id != id)
		request = request->next;
	return request;
}

static struct request *request_get(struct web *web, uint64_t id)
{
	struct request *request;

	pthread_mutex_lock(&web->lock);
	request = find_locked(web, id);
	if (request)
		request->refs++;
	pthread_mutex_unlock(&web->lock);
	return request;
}

static void request_free(struct request *request)
{
	if (request->file.fd >= 0)
		close(request->file.fd);
	pthread_mutex_destroy(&request->writing);
	cancel_finish(&request->cancel);
	arena_finish(&request->arena);
	plugin_instance_drop(request->server);
	generation_drop(request->generation);
	free(request);
}

void request_put(struct request *request)
{
	struct web *web = request->web;
	bool last;

	pthread_mutex_lock(&web->lock);
	last = !--request->refs;
	pthread_mutex_unlock(&web->lock);
	if (last)
		request_free(request);
}

/* Into the table, with one reference of its own; false: the id is there already. */
static bool request_list(struct request *request)
{
	struct web *web = request->web;
	struct request **at = place_of(web, request->in->id);
	bool added = false;

	pthread_mutex_lock(&web->lock);
	if (!find_locked(web, request->in->id)) {
		request->next = *at;
		*at = request;
		request->refs++;
		web->running++;
		added = true;
	}
	pthread_mutex_unlock(&web->lock);
	return added;
}

void request_unlist(struct request *request)
{
	struct web *web = request->web;
	bool found = false;

	pthread_mutex_lock(&web->lock);
	for (struct request **at = place_of(web, request->in->id); *at && !found; at = &(*at)->next)
		if (*at == request) {
			*at = request->next;
			found = true;
			web->running--;
			pthread_cond_broadcast(&web->changed);
			break;
		}
	pthread_mutex_unlock(&web->lock);
	if (found)
		request_put(request);
}

void request_gone(struct web *web, uint64_t id)
{
	struct request *request = request_get(web, id);

	if (!request)
		return;
	__atomic_store_n(&request->gone, true, __ATOMIC_SEQ_CST);
	cancel_fire(&request->cancel);
	/* A stream that was left open by its handler has nobody else to end it. */
	if (!__atomic_load_n(&request->running, __ATOMIC_SEQ_CST))
		request_unlist(request);
	request_put(request);
}

/* ---- may it? --------------------------------------------------------------------------------- */

static uint64_t limit_subject(const struct request *request)
{
	const struct identity *who = &request->who;

	switch (request->site->key_limit->by) {
	case CONFIG_BY_ADDRESS:
		return auth_address(request->web->rooms.limits, request->in->remote);
	case CONFIG_BY_ORGANISATION:
		return who->organisation ? who->organisation : who->person;
	case CONFIG_BY_PERSON:
		return who->person;
	default:
		return who->key ? who->key : who->person;
	}
}

static void set_scope(struct request *request)
{
	const struct identity *who = &request->who;
	struct call_scope *scope = &request->scope;

	scope->person = who->person;
	scope->organisation = who->organisation;
	scope->key = who->key;
	scope->local = who->local;
	scope->identity = who->known ? who->name : NULL;
	request->in->person = who->person ? askd_text_of(arena_print(&request->arena, "%llu",
	                                            (unsigned long long)who->person))
	                                  : (struct askd_text){NULL, 0};
	request->work.group = who->organisation ? who->organisation
	                      : who->key        ? who->key
	                                        : who->person;
}

/* Who asks, and the rate of that one. false: it is answered, or (`wait` is off) must wait. */
static bool request_identify(struct request *request, bool wait)
{
	const struct route *route = request->route;
	struct web *web = request->web;
	enum auth_verdict verdict;
	int64_t retry_us = 0, now_us;
	bool passed;

	if (!request->identified && !(route->flags & ASKD_ROUTE_CALLBACK)) {
		verdict = auth_identify(
		        web->auth, request->site, request->in, wait, &request->who, &retry_us);
		if (verdict == AUTH_LATER)
			return false;
		if (verdict == AUTH_SLOW) {
			answer_refuse(request, 429, request_seconds(retry_us));
			return false;
		}
		if (verdict == AUTH_FAILED) {
			answer_refuse(request, 503, WEB_RETRY_S);
			return false;
		}
		if (verdict == AUTH_WRONG ||
		        !auth_may(&request->who, request->in, route->permission)) {
			answer_refuse(request, verdict == AUTH_KNOWN ? 403 : 401, 0);
			return false;
		}
		set_scope(request);
	}
	request->identified = true;
	if (request->limited || !request->who.person || !request->site->key_limit)
		return true;
	request->limited = true;
	request->subject = limit_subject(request);
	now_us = clock_monotonic_us();
	passed = limits_take(web->rooms.limits, request->site->key_limit, request->subject, now_us,
	                 &retry_us) == LIMITS_PASS;
	request->limit =
	        limits_look(web->rooms.limits, request->site->key_limit, request->subject, now_us);
	if (!passed)
		answer_refuse(request, 429, request_seconds(retry_us));
	return passed;
}

/* A place among those that run at the same time. */
static bool request_place(struct request *request)
{
	struct web *web = request->web;
	enum limits_verdict verdict;

	if (!request->limited)
		return true;
	verdict = limits_enter(web->rooms.limits, request->site->key_limit, request->subject);
	if (verdict == LIMITS_WAIT)
		verdict = limits_wait(web->rooms.limits, request->site->key_limit, request->subject,
		                  request->scope.deadline_us, &request->cancel)
		                  ? LIMITS_PASS
		                  : LIMITS_REFUSE;
	request->placed = verdict == LIMITS_PASS;
	if (!request->placed)
		answer_refuse(request, 429, 1);
	return request->placed;
}

/* Before the answer is complete: who has it may ask again at once. */
static void request_leave(struct request *request)
{
	if (request->placed)
		limits_leave(
		        request->web->rooms.limits, request->site->key_limit, request->subject);
	request->placed = false;
}

/* ---- the handler ----------------------------------------------------------------------------- */

static int32_t call_handler(const struct route *route, struct plugin_call *call,
        const struct askd_web_request *in, struct askd_web_response *out, struct askd_error *error)
{
	int32_t rc;

	*out = (struct askd_web_response){.size = sizeof *out};
	rc = route->table
	             ? enter_route_handle(route->instance, route->table, NULL, call, in, out, error)
	             : route->own.handle(route->own.arg, call, in, out, error);
	out->id = in->id;
	return rc;
}

/* What the handler returned becomes a reply. */
static void settle(const struct route *route, struct plugin_call *call,
        const struct askd_web_request *in, struct askd_web_response *out, int32_t rc,
        struct askd_error *error)
{
	if (!rc && !reply_is_sound(out, error))
		rc = error->code;
	if (rc) {
		if (rc != ASKD_E_CANCELED && rc != ASKD_E_NOT_FOUND && rc != ASKD_E_GONE)
			log_warning("web", call->scope->id, "%s %s failed with %s: %s",
			        route->method, route->path, error_name(rc), error->message);
		reply_failure(call, in, out, error);
	} else if (out->status >= 400 && !out->body.p && !out->file) {
		const struct askd_header *const *headers = out->headers;

		reply_error(call, in, out, out->status, 0);
		if (headers)
			out->headers = headers;
	}
	out->flags &= (uint32_t)~ASKD_WEB_STREAM;
}

void request_end_stream(struct request *request, struct plugin_call *call)
{
	struct askd_web_data end = {
	        .size = sizeof end, .flags = ASKD_WEB_END, .id = request->in->id};
	struct askd_error error = {0};

	if (__atomic_exchange_n(&request->ended, true, __ATOMIC_SEQ_CST) ||
	        __atomic_load_n(&request->gone, __ATOMIC_ACQUIRE))
		return;
	if (enter_web_server_write(
	            request->server, request->table, NULL, call, &end, NULL, &error) &&
	        error.code != ASKD_E_GONE)
		log_warning("web", request->scope.id, "a stream did not end: %s", error.message);
}

static void request_handle(struct request *request)
{
	struct plugin_call call, last;
	struct askd_web_response out;
	struct askd_error error = {0};
	struct call_scope scope = {.id = request->scope.id, .cancel = &answer_never};
	int32_t rc;

	plugin_call_init(&call, &request->scope, 0);
	request->in->params = route_params(&request->arena, request->route, request->in);
	rc = request->in->params ? call_handler(request->route, &call, request->in, &out, &error)
	                         : askd_fail(&error, ASKD_E_NOMEM, "no memory for a request");
	request_leave(request);
	plugin_call_init(&last, &scope, ANSWER_MS);
	if (__atomic_load_n(&request->streaming, __ATOMIC_ACQUIRE)) {
		if (rc && rc != ASKD_E_CANCELED && rc != ASKD_E_GONE)
			log_warning("web", scope.id, "%s %s failed with %s: %s",
			        request->route->method, request->route->path, error_name(rc),
			        error.message);
		if (rc || !(out.flags & ASKD_WEB_STREAM) ||
		        __atomic_load_n(&request->web->stopping, __ATOMIC_ACQUIRE))
			request_end_stream(request, &last);
	} else {
		settle(request->route, &call, request->in, &out, rc, &error);
		answer_whole(request, &out);
	}
	plugin_call_finish(&last);
	plugin_call_finish(&call);
}

/* [worker] */
static void request_run(void *arg)
{
	struct request *request = arg;
	bool open;

	if (!__atomic_load_n(&request->gone, __ATOMIC_ACQUIRE) && request_identify(request, true) &&
	        request_place(request))
		request_handle(request);
	answer_count(request->route, request->status, request->began_us);
	log_debug("web", request->scope.id, "%s %s: %d in %lld ms (%s)", request->route->method,
	        request->route->path, request->status,
	        (long long)((clock_monotonic_us() - request->began_us) / 1000), request->name);
	__atomic_store_n(&request->running, false, __ATOMIC_SEQ_CST);
	open = __atomic_load_n(&request->streaming, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&request->ended, __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&request->gone, __ATOMIC_SEQ_CST);
	if (!open)
		request_unlist(request);
	request_put(request);
}

/* ---- the start ------------------------------------------------------------------------------- */

/* The body as a file, where the route wants one. */
static bool take_file(struct request *request, const struct askd_web_request *in)
{
	const char *at = in->body.p;
	uint64_t left = in->body.n;

	request->file = (struct askd_file){.size = sizeof request->file, .fd = -1};
	if (in->file) {
		request->file.fd = fcntl(in->file->fd, F_DUPFD_CLOEXEC, 3);
		request->file.length = in->file->length;
		request->file.name = arena_text(&request->arena, in->file->name);
		request->file.mime = arena_text(&request->arena, in->file->mime);
		if (request->file.fd < 0)
			return false;
	} else if (request->route->flags & ASKD_ROUTE_UPLOAD) {
		request->file.fd = memfd_create("upload", MFD_CLOEXEC);
		request->file.length = in->body.n;
		request->file.mime = arena_text(&request->arena, web_header(in, "content-type"));
		if (request->file.fd < 0)
			return false;
		while (left) {
			ssize_t put = write(request->file.fd, at, (size_t)left);

			if (put < 0 && errno == EINTR)
				continue;
			if (put <= 0)
				return false;
			at += put;
			left -= (uint64_t)put;
		}
		request->in->body = (struct askd_bytes){NULL, 0};
	} else {
		request->in->file = NULL;
		return true;
	}
	request->in->file = &request->file;
	return true;
}

static struct request *request_create(struct web *web, struct generation *generation,
        const struct route *route, struct plugin_instance *server,
        const struct askd_web_server *table, const struct askd_web_request *in,
        struct askd_error *reterr)
{
	const struct call_scope scope = {.generation = generation};
	struct request *request = calloc(1, sizeof *request);

	if (!request) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
		return NULL;
	}
	request->web = web;
	request->generation = generation_hold(&scope);
	request->site = generation->site;
	request->route = route;
	request->server = server;
	plugin_instance_hold(server); /* the route's goes with the generation, not this one */
	request->table = table;
	request->began_us = clock_monotonic_us();
	request->file.fd = -1;
	request->refs = 1;
	request->running = true;
	arena_init(&request->arena, REQUEST_ARENA);
	cancel_init(&request->cancel);
	pthread_mutex_init(&request->writing, NULL);
	request->in = contract_copy(&request->arena, contract_find("askd_web_request"), in);
	if (!request->in || !take_file(request, in)) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
		request_free(request);
		return NULL;
	}
	request->in->person = (struct askd_text){NULL, 0};
	request->scope = (struct call_scope){.id = id_make(),
	        .deadline_us = request->began_us + (int64_t)WEB_TIME_MS * 1000,
	        .cancel = &request->cancel,
	        .generation = generation};
	request->name = answer_name(&request->arena, request->in, request->scope.id);
	request->work = (struct work){.fn = request_run,
	        .arg = request,
	        .group = auth_address(web->rooms.limits, request->in->remote),
	        /* What asks no model is short: it does not wait behind questions. */
	        .urgent =
	                !(route->flags & (ASKD_ROUTE_SSE | ASKD_ROUTE_STREAM | ASKD_ROUTE_UPLOAD))};
	return request;
}

int32_t request_start(struct web *web, struct generation *generation, const struct route *route,
        struct plugin_instance *server, const struct askd_web_server *table,
        const struct askd_web_request *in, struct askd_error *reterr)
{
	struct request *request = request_create(web, generation, route, server, table, in, reterr);

	if (!request)
		return reterr ? reterr->code : ASKD_E_NOMEM;
	if (!request_list(request)) {
		request_put(request);
		return askd_fail(reterr, ASKD_E_INVALID, "a request with this id runs already");
	}
	/* Between the two looks web_stop either sees the request or stops it here. */
	if (__atomic_load_n(&web->stopping, __ATOMIC_ACQUIRE)) {
		answer_refuse(request, 503, WEB_RETRY_S);
	} else if (request_identify(request, false) || !request->status) {
		if (!workers_submit(web->rooms.workers, &request->work, NULL))
			return ASKD_OK;
		answer_refuse(request, 503, WEB_RETRY_S);
	}
	answer_count(route, request->status, request->began_us);
	request_unlist(request);
	request_put(request);
	return ASKD_OK;
}

int32_t request_instant(struct generation *generation, const struct route *route,
        struct plugin_instance *server, const struct askd_web_server *table,
        const struct askd_web_request *in, struct askd_error *reterr)
{
	struct call_scope scope = {
	        .id = id_make(), .cancel = &answer_never, .generation = generation};
	struct askd_web_request mine = *in;
	struct askd_web_response out;
	struct askd_error error = {0};
	struct answer_extra extra = {0};
	struct plugin_call call;
	int64_t began_us = clock_monotonic_us();
	struct files *files = route->rest && !route->table ? generation->site->files : NULL;
	int32_t rc;

	plugin_call_init(&call, &scope, ANSWER_MS);
	if (files)
		files_hold(files);
	extra.name = answer_name(&call.arena, in, scope.id);
	mine.person = (struct askd_text){NULL, 0};
	mine.params = route_params(&call.arena, route, in);
	rc = mine.params ? call_handler(route, &call, &mine, &out, &error)
	                 : askd_fail(&error, ASKD_E_NOMEM, "no memory for a request");
	settle(route, &call, &mine, &out, rc, &error);
	out.id = in->id;
	rc = answer_send(server, table, &call, &out, &extra, reterr);
	if (files)
		files_drop(files);
	answer_count(route, out.status, began_us);
	plugin_call_finish(&call);
	return rc == ASKD_E_GONE ? ASKD_OK : rc;
}

/* ---- for owners of routes -------------------------------------------------------------------- */

int32_t request_begin(struct web *web, struct plugin_call *call, const struct askd_web_response *in,
        struct askd_error *reterr)
{
	struct request *request = request_get(web, in->id);
	int32_t rc;

	if (!request)
		return askd_fail(reterr, ASKD_E_GONE, "there is no such request any more");
	if (!(in->flags & ASKD_WEB_STREAM) || in->body.p || in->file)
		rc = askd_fail(reterr, ASKD_E_INVALID,
		        "only a streamed reply begins, without a body: return any other");
	else if (!reply_is_sound(in, reterr))
		rc = reterr ? (reterr->code = ASKD_E_INVALID) : ASKD_E_INVALID;
	else
		rc = answer_begin(request, call, in, reterr);
	request_put(request);
	return rc;
}

/* What the handler says after it was stopped, that it could not answer, still reaches a client that
 * waits. */
static int32_t write_piece(struct request *request, struct plugin_call *call,
        const struct askd_web_data *in, struct askd_error *reterr)
{
	struct call_scope scope = {.id = request->scope.id, .cancel = &answer_never};
	bool over = askd_canceled(&call->base) || askd_limit_ms(&call->base, 1) <= 0;
	struct plugin_call last;
	int32_t rc;

	plugin_call_init(&last, &scope, LAST_MS);
	rc = enter_web_server_write(
	        request->server, request->table, NULL, over ? &last : call, in, NULL, reterr);
	plugin_call_finish(&last);
	return rc;
}

int32_t request_write(struct web *web, struct plugin_call *call, const struct askd_web_data *in,
        struct askd_error *reterr)
{
	struct request *request = request_get(web, in->id);
	int32_t rc;

	if (!request || __atomic_load_n(&request->gone, __ATOMIC_ACQUIRE))
		rc = askd_fail(reterr, ASKD_E_GONE, "the client has left");
	else if (!__atomic_load_n(&request->streaming, __ATOMIC_ACQUIRE))
		rc = askd_fail(reterr, ASKD_E_INVALID, "the reply has not begun");
	else if (in->flags & ASKD_WEB_END
	                 ? __atomic_exchange_n(&request->ended, true, __ATOMIC_SEQ_CST)
	                 : __atomic_load_n(&request->ended, __ATOMIC_ACQUIRE))
		rc = askd_fail(reterr, ASKD_E_INVALID, "the reply has ended");
	else {
		pthread_mutex_lock(&request->writing);
		rc = write_piece(request, call, in, reterr);
		pthread_mutex_unlock(&request->writing);
		request_tell(request);
	}
	if (request && in->flags & ASKD_WEB_END &&
	        !__atomic_load_n(&request->running, __ATOMIC_SEQ_CST))
		request_unlist(request);
	/* The table's reference went above, if it was there; this is the one of request_get. */
	if (request)
		request_put(request); // NOLINT(clang-analyzer-unix.Malloc)
	return rc;
}
