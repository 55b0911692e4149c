/* serve.c: a request from its first line to its end, on the library's threads. */
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>

#include "http.h"

/* ---- the table
 * ------------------------------------------------------------------------------------ */

static struct http_request **bucket_of(struct http *http, uint64_t id)
{
	return &http->requests[id % HTTP_BUCKETS];
}

struct http_request *request_find(struct http *http, uint64_t id)
{
	struct http_request *request;

	pthread_mutex_lock(&http->lock);
	request = *bucket_of(http, id);
	while (request && request->id != id)
		request = request->next;
	if (request)
		request->references++;
	pthread_mutex_unlock(&http->lock);
	return request;
}

void request_release(struct http_request *request)
{
	if (--request->references)
		return;
	pthread_cond_destroy(&request->changed);
	pthread_mutex_destroy(&request->lock);
	free(request->queue);
	free(request);
}

static void table_add(struct http_request *request)
{
	struct http *http = request->http;
	struct http_request **bucket = bucket_of(http, request->id);

	pthread_mutex_lock(&http->lock);
	request->next = *bucket;
	*bucket = request;
	http->request_count++;
	pthread_mutex_unlock(&http->lock);
}

static void table_remove(struct http_request *request)
{
	struct http *http = request->http;
	struct http_request **r = bucket_of(http, request->id);

	pthread_mutex_lock(&http->lock);
	while (*r != request)
		r = &(*r)->next;
	*r = request->next;
	http->request_count--;
	pthread_mutex_unlock(&http->lock);
}

/* ---- answering
 * ------------------------------------------------------------------------------------- */

/* Hands over what waits in request->response; without any the connection is closed. */
static enum MHD_Result answer(struct http_request *request)
{
	struct http *http = request->http;
	struct MHD_Response *response;
	enum MHD_Result queued;

	pthread_mutex_lock(&request->lock);
	response = request->response;
	request->response = NULL;
	pthread_mutex_unlock(&request->lock);
	if (!response)
		return MHD_NO;
	/* Where one chunk ends others may see differently: what comes after it is no request. */
	if (http->draining || request->chunked)
		MHD_add_response_header(response, "Connection", "close");
	request->state = HTTP_ANSWERED;
	request->conn->until_us =
	        request->stream
	                ? 0
	                : http_now_us() + http->idle_ms * 1000 +
	                          (int64_t)(request->answer_bytes / HTTP_BYTES_PER_MS) * 1000;
	queued = MHD_queue_response(request->mhd, request->status, response);
	MHD_destroy_response(response);
	return queued;
}

/* Refuses before or while the body comes. A short body is read to its end first: closing a socket
 * with unread bytes would take the refusal back from the client. */
static enum MHD_Result refuse_with(struct http_request *request, unsigned int status,
        struct MHD_Response *response, bool close)
{
	const struct http_head *head = request->head;

	if (!response)
		return MHD_NO;
	request->response = response;
	request->status = status;
	if (!close && !head->expects && (head->chunked || head->announced) &&
	        head->announced <= HTTP_DISCARD_MAX) {
		request->state = HTTP_REFUSED;
		request->length = 0;
		return MHD_YES;
	}
	if (close || head->chunked || head->announced)
		MHD_add_response_header(response, "Connection", "close");
	return answer(request);
}

static enum MHD_Result refuse(
        struct http_request *request, unsigned int status, const char *code, const char *text)
{
	struct http_refusal refusal = {status, code, text};

	return refuse_with(request, status, reply_refusal(request, &refusal), false);
}

/* ---- the head
 * ---------------------------------------------------------------------------------------- */

void *serve_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	static _Atomic uint64_t next_id = UINT64_C(1) << 32; /* unique over all instances */
	struct http *http = cls;
	size_t n = strlen(uri);
	struct http_request *request = calloc(1, sizeof *request + n + 1);
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (!request || !info || !info->socket_context) {
		free(request);
		return NULL;
	}
	request->http = http;
	request->id = next_id++;
	request->references = 1;
	request->conn = info->socket_context;
	serve_forgotten(request->conn);
	request->conn->request = request;
	request->mhd = mhd;
	request->body_fd = -1;
	request->uri = uri;
	request->uri_length = n;
	memcpy(request + 1, uri, n);
	pthread_mutex_init(&request->lock, NULL);
	pthread_cond_init(&request->changed, NULL);
	request->began_us = http_now_us();
	request->conn->until_us = request->began_us + http->header_ms * 1000;
	request->conn->busy = true;
	return request;
}

/* May a page of the origin read the answer? Else NULL. */
static const char *origin_allowed(const struct http *http, struct askd_text origin)
{
	for (const char *const *o = http->cors; o && *o; o++)
		if (!strcmp(*o, "*") || !strcasecmp(*o, origin.s))
			return *o;
	return NULL;
}

/* Is the page that asks our own? */
static bool origin_is_host(const struct http_head *head, struct askd_text origin)
{
	struct askd_text host = head_find(head, "host");
	const char *from = strstr(origin.s, "://");

	return from && host.n && !strcasecmp(from + 3, host.s);
}

static enum MHD_Result judge(struct http_request *request)
{
	struct http *http = request->http;
	struct askd_call *call = http->host->call_begin(http->host, HTTP_CALL_MS);
	ASKD_MAKE(struct askd_web_verdict, verdict, .status = 0);
	struct askd_error err = {0};
	struct MHD_Response *response = NULL;
	int32_t rc;

	if (!call)
		return refuse(request, 503, "UNAVAILABLE", "the service is stopping");
	rc = http->web->head(http->host, call, &request->head->message, &verdict, &err);
	if (!rc && verdict.status)
		response = reply_verdict(request, &verdict);
	if (!rc && !verdict.status && !request->head->announced && !request->head->chunked)
		request->call = call;
	else
		http->host->call_end(call);
	if (rc) {
		if (rc == ASKD_E_BUSY || rc == ASKD_E_CANCELED)
			return refuse(request, 503, "UNAVAILABLE", "the service is busy");
		return refuse(request, 500, "INTERNAL_ERROR", "the request could not be looked at");
	}
	if (verdict.status)
		return refuse_with(request, (unsigned int)verdict.status, response, false);
	request->max_body = verdict.max_body ? verdict.max_body : (uint64_t)http->body;
	if (request->head->announced > request->max_body)
		return refuse(
		        request, 413, "TOO_LARGE", "the body is longer than this route takes");
	request->state = HTTP_READING;
	return MHD_YES;
}

static enum MHD_Result begin(struct http_request *request, struct MHD_Connection *mhd,
        const char *method, const char *version)
{
	struct http_refusal refusal;
	struct askd_text origin;
	bool safe;

	if (!head_read(request, mhd, method, version, &refusal))
		return refuse_with(request, refusal.status, reply_refusal(request, &refusal), true);
	request->chunked = request->head->chunked;
	origin = head_find(request->head, "origin");
	if (!origin.s)
		return judge(request);
	request->origin = origin_allowed(request->http, origin);
	if (!strcmp(method, "OPTIONS") &&
	        head_find(request->head, "access-control-request-method").s) {
		if (!request->origin)
			return refuse(request, 403, "FORBIDDEN",
			        "pages of this origin may not use the service");
		return refuse_with(request, 204, reply_preflight(request), false);
	}
	/* A form on any page can post to us; what it may not read it could still set off. */
	safe = !strcmp(method, "GET") || !strcmp(method, "HEAD") || !strcmp(method, "OPTIONS");
	if (!safe && !request->origin && !origin_is_host(request->head, origin))
		return refuse(
		        request, 403, "FORBIDDEN", "pages of this origin may not use the service");
	return judge(request);
}

/* ---- the body
 * ---------------------------------------------------------------------------------------- */

static enum MHD_Result read_body(struct http_request *request, const char *data, size_t n)
{
	unsigned int status;

	request->conn->until_us = request->began_us + request->http->header_ms * 1000 +
	                          (int64_t)(request->length / HTTP_BYTES_PER_MS) * 1000;
	if (request->state == HTTP_REFUSED) {
		request->length += n;
		return request->length <= HTTP_DISCARD_MAX ? MHD_YES : MHD_NO;
	}
	status = body_take(request, data, n);
	if (!status)
		return MHD_YES;
	/* In the midst of a body the library takes no answer: read on, then refuse. */
	body_release(request);
	request->head->expects = false;
	request->head->announced = 0;
	request->head->chunked = true;
	return status == 413 ? refuse(request, 413, "TOO_LARGE",
	                               "the body is longer than this route takes")
	                     : refuse(request, 503, "UNAVAILABLE", "there is no room for the body");
}

/* A parked connection is not looked at by the library: whether its client leaves, run()'s loop
 * sees. */
static void watch(struct http_request *request)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = request->id};

	request->watched =
	        !epoll_ctl(request->http->epoll, EPOLL_CTL_ADD, request->conn->fd, &event);
}

static void refuse_dispatched(struct http_request *request)
{
	const struct http_refusal refusal = {
	        503, "UNAVAILABLE", "the request cannot be taken just now"};
	struct MHD_Response *response = reply_refusal(request, &refusal);

	pthread_mutex_lock(&request->lock);
	if (!request->begun) {
		request->begun = request->ended = true;
		request->response = response;
		request->status = refusal.status;
		response = NULL;
	}
	pthread_mutex_unlock(&request->lock);
	if (response)
		MHD_destroy_response(response);
}

static enum MHD_Result dispatch(struct http_request *request)
{
	struct http *http = request->http;
	struct askd_call *call;
	struct askd_error err = {0};
	struct askd_file file = {.size = sizeof file};
	int32_t rc = ASKD_E_CANCELED;
	bool parked;

	request->state = HTTP_WORKING;
	request->conn->until_us = 0;
	body_message(request, &file);
	table_add(request);
	request->dispatched = true;
	call = request->call ? request->call : http->host->call_begin(http->host, HTTP_CALL_MS);
	request->call = NULL;
	if (call) {
		rc = http->web->dispatch(http->host, call, &request->head->message, NULL, &err);
		http->host->call_end(call);
	}
	head_destroy(request->head);
	request->head = NULL;
	body_release(request);
	if (rc)
		refuse_dispatched(request);
	pthread_mutex_lock(&request->lock);
	parked = !request->begun && !http->aborting;
	if (parked || request->stream)
		watch(request);
	if (parked) {
		request->suspended = true;
		MHD_suspend_connection(request->mhd);
	}
	pthread_mutex_unlock(&request->lock);
	return parked ? MHD_YES : answer(request);
}

enum MHD_Result serve(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
        const char *version, const char *data, size_t *size, void **context)
{
	struct http_request *request = *context;
	enum MHD_Result result;

	(void)cls;
	(void)url;
	if (!request)
		return MHD_NO;
	if (request->state == HTTP_HEAD)
		return begin(request, mhd, method, version);
	if (*size) {
		result = request->state == HTTP_READING || request->state == HTTP_REFUSED
		                 ? read_body(request, data, *size)
		                 : MHD_YES;
		*size = 0;
		return result;
	}
	switch (request->state) {
	case HTTP_READING:
		return dispatch(request);
	case HTTP_REFUSED:
	case HTTP_WORKING:
		return answer(request);
	default:
		return MHD_YES;
	}
}

/* ---- the end
 * ------------------------------------------------------------------------------------------ */

void serve_completed(
        void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how)
{
	struct http *http = cls;
	struct http_request *request = *context;
	struct MHD_Response *response;
	ASKD_MAKE(struct askd_web_data, data, .flags = 0);
	bool tell;

	(void)mhd;
	(void)how;
	if (!request)
		return;
	*context = NULL;
	if (request->call)
		http->host->call_end(request->call);
	if (request->dispatched)
		table_remove(request);
	if (request->watched)
		epoll_ctl(http->epoll, EPOLL_CTL_DEL, request->conn->fd, NULL);
	pthread_mutex_lock(&request->lock);
	tell = request->dispatched && !request->told && !request->ended;
	request->told = request->gone = true;
	request->mhd = NULL;
	response = request->response;
	request->response = NULL;
	pthread_cond_broadcast(&request->changed);
	pthread_mutex_unlock(&request->lock);
	if (response)
		MHD_destroy_response(response);
	head_destroy(request->head);
	request->head = NULL;
	body_release(request);
	request->conn->until_us = http_now_us() + (http->idle_ms + http->header_ms) * 1000;
	request->conn->served = true;
	request->conn->busy = false;
	request->conn->request = NULL;
	data.id = request->id;
	request_release(request);
	if (tell) {
		struct askd_call *call = http->host->call_begin(http->host, HTTP_CALL_MS);

		if (call) {
			http->web->gone(http->host, call, &data, NULL, NULL);
			http->host->call_end(call);
		}
	}
}

void serve_forgotten(struct http_conn *conn)
{
	void *request = conn->request;

	if (request)
		serve_completed(conn->http, NULL, &request, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

/* Nobody waits for the answer: the library closes the connection when it looks at it. True: the
 * host does not know yet. */
static bool give_up(struct http_request *request)
{
	bool tell;

	pthread_mutex_lock(&request->lock);
	tell = !request->told && !request->ended;
	request->told |= tell;
	request->gone = true;
	if (request->suspended && request->mhd) {
		request->suspended = false;
		MHD_resume_connection(request->mhd);
	}
	pthread_cond_broadcast(&request->changed);
	pthread_mutex_unlock(&request->lock);
	return tell;
}

void serve_hung_up(struct http *http, struct askd_call *call, uint64_t id)
{
	struct http_request *request = request_find(http, id);
	ASKD_MAKE(struct askd_web_data, data, .id = id);

	if (!request)
		return;
	if (give_up(request) && call)
		http->web->gone(http->host, call, &data, NULL, NULL);
	request_release(request);
}

void serve_abort(struct http *http)
{
	struct http_request *request;
	uint64_t *ids;
	size_t count = 0;

	http->aborting = true;
	pthread_mutex_lock(&http->lock);
	ids = calloc(http->request_count + 1, sizeof *ids);
	for (size_t i = 0; ids && i < HTTP_BUCKETS; i++)
		for (request = http->requests[i]; request; request = request->next)
			ids[count++] = request->id;
	pthread_mutex_unlock(&http->lock);
	while (count)
		if ((request = request_find(http, ids[--count]))) {
			give_up(request);
			request_release(request);
		}
	free(ids);
}
