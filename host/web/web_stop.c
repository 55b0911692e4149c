/* web_stop.c: what becomes of requests when askd stops: streams are told, and what is left is
 * ended. */
#include "web/web_request.h"

enum { TELL_MS = 100 };

void request_tell(struct request *request)
{
	static const char text[] = "event: stopping\nretry: " WEB_RETRY_TEXT "000\n"
	                           "data: {\"retry_after\":" WEB_RETRY_TEXT "}\n\n";
	struct call_scope scope = {.id = request->scope.id, .cancel = &answer_never};
	struct askd_web_data data = {
	        .size = sizeof data, .id = request->in->id, .data = {text, sizeof text - 1}};
	struct plugin_call call;

	if (!(request->route->flags & ASKD_ROUTE_SSE) ||
	        !__atomic_load_n(&request->web->stopping, __ATOMIC_SEQ_CST) ||
	        !__atomic_load_n(&request->streaming, __ATOMIC_ACQUIRE) ||
	        pthread_mutex_trylock(&request->writing))
		return;
	if (!request->told) {
		plugin_call_init(&call, &scope, TELL_MS);
		/* Before the reply has begun at the server this fails; the next piece tells it. */
		request->told = !enter_web_server_write(
		        request->server, request->table, NULL, &call, &data, NULL, NULL);
		plugin_call_finish(&call);
	}
	pthread_mutex_unlock(&request->writing);
}

static struct request *next_unseen(struct web *web)
{
	struct request *found = NULL;

	pthread_mutex_lock(&web->lock);
	for (size_t i = 0; i < WEB_HASH && !found; i++)
		for (struct request *r = web->requests[i]; r && !found; r = r->next)
			if (!r->seen)
				found = r;
	if (found) {
		found->seen = true;
		found->refs++;
	}
	pthread_mutex_unlock(&web->lock);
	return found;
}

void requests_tell(struct web *web)
{
	struct request *request;

	while ((request = next_unseen(web))) {
		request_tell(request);
		request_put(request);
	}
}

/* A stream that its handler has left open, with a reference. */
static struct request *next_open(struct web *web)
{
	struct request *found = NULL;

	pthread_mutex_lock(&web->lock);
	for (size_t i = 0; i < WEB_HASH && !found; i++)
		for (struct request *r = web->requests[i]; r && !found; r = r->next)
			if (!__atomic_load_n(&r->running, __ATOMIC_SEQ_CST) &&
			        __atomic_load_n(&r->streaming, __ATOMIC_ACQUIRE) &&
			        !__atomic_load_n(&r->ended, __ATOMIC_SEQ_CST))
				found = r;
	if (found)
		found->refs++;
	pthread_mutex_unlock(&web->lock);
	return found;
}

void requests_end_open(struct web *web)
{
	struct request *request;

	while ((request = next_open(web))) {
		struct call_scope scope = {.id = request->scope.id, .cancel = &answer_never};
		struct plugin_call call;

		plugin_call_init(&call, &scope, ANSWER_MS);
		request_end_stream(request, &call);
		plugin_call_finish(&call);
		request_unlist(request);
		request_put(request);
	}
}

void requests_cancel(struct web *web)
{
	for (size_t i = 0; i < WEB_HASH; i++)
		for (struct request *r = web->requests[i]; r; r = r->next)
			cancel_fire(&r->cancel);
}
