/* reply.c: answers. Every one carries the headers that keep a browser from guessing. */
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "http.h"

#define CSP_PAGE                                                                          \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
	"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "     \
	"form-action 'none'; frame-ancestors 'none'"
#define CSP_OTHER "default-src 'none'; frame-ancestors 'none'"

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool has(const struct askd_header *const *headers, const char *name)
{
	for (; headers && *headers; headers++)
		if (!strcasecmp((*headers)->name.s, name))
			return true;
	return false;
}

static bool starts(struct askd_text text, const char *with)
{
	return text.s && !strncasecmp(text.s, with, strlen(with));
}

/* What a handler says itself stands. */
static bool add_safety(struct MHD_Response *response, struct askd_text type,
        const struct askd_header *const *headers)
{
	bool page = starts(type, "text/html"), events = starts(type, "text/event-stream");
	const char *const safety[][2] = {
	        {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"},
	        {"Content-Security-Policy", page ? CSP_PAGE : CSP_OTHER},
	        {"Cross-Origin-Opener-Policy", page ? "same-origin" : NULL},
	        {"Cache-Control", has(headers, "etag") ? NULL : "no-store"},
	        {"X-Accel-Buffering", events ? "no" : NULL}, /* a proxy must not collect events */
	};

	for (size_t i = 0; i < sizeof safety / sizeof *safety; i++)
		if (safety[i][1] && !has(headers, safety[i][0]) &&
		        !add(response, safety[i][0], safety[i][1]))
			return false;
	return true;
}

static bool add_origin(struct MHD_Response *response, const struct http_request *request)
{
	if (!request->http->cors || !request->http->cors[0])
		return true;
	return add(response, "Vary", "Origin") &&
	       (!request->origin ||
	               (add(response, "Access-Control-Allow-Origin", request->origin) &&
	                       add(response, "Access-Control-Expose-Headers",
	                               "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, "
	                               "X-RateLimit-Reset")));
}

static bool add_all(struct MHD_Response *response, const struct http_request *request,
        struct askd_text type, const struct askd_header *const *headers)
{
	bool ok = add_safety(response, type, headers) && add_origin(response, request) &&
	          (!type.n || add(response, "Content-Type", type.s));

	for (; ok && headers && *headers; headers++)
		ok = add(response, (*headers)->name.s, (*headers)->value.s);
	return ok;
}

static struct MHD_Response *finish(struct MHD_Response *response,
        const struct http_request *request, struct askd_text type,
        const struct askd_header *const *headers)
{
	if (response && !add_all(response, request, type, headers)) {
		MHD_destroy_response(response);
		response = NULL;
	}
	return response;
}

static struct MHD_Response *from_bytes(struct askd_bytes body)
{
	return MHD_create_response_from_buffer(
	        (size_t)body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
}

/* ---- of this transport's own --------------------------------------------------------------------
 */

struct MHD_Response *reply_refusal(
        const struct http_request *request, const struct http_refusal *refusal)
{
	char text[512];
	int n = snprintf(text, sizeof text, "{\"error\":\"%s\",\"code\":\"%s\",\"details\":null}\n",
	        refusal->text, refusal->code);
	ASKD_MAKE(struct askd_header, retry, .name = ASKD_LITERAL("Retry-After"),
	        .value = ASKD_LITERAL("5"));
	const struct askd_header *const headers[] = {refusal->status == 503 ? &retry : NULL, NULL};

	return finish(from_bytes((struct askd_bytes){text, (uint64_t)n}), request,
	        ASKD_LITERAL("application/json"), headers);
}

struct MHD_Response *reply_verdict(
        const struct http_request *request, const struct askd_web_verdict *verdict)
{
	return finish(from_bytes(verdict->body), request, verdict->type, verdict->headers);
}

struct MHD_Response *reply_preflight(const struct http_request *request)
{
	ASKD_MAKE(struct askd_header, methods, .name = ASKD_LITERAL("Access-Control-Allow-Methods"),
	        .value = ASKD_LITERAL("GET, HEAD, POST, PUT, PATCH, DELETE"));
	ASKD_MAKE(struct askd_header, names, .name = ASKD_LITERAL("Access-Control-Allow-Headers"),
	        .value = ASKD_LITERAL("Authorization, Content-Type, Accept, Idempotency-Key"));
	ASKD_MAKE(struct askd_header, age, .name = ASKD_LITERAL("Access-Control-Max-Age"),
	        .value = ASKD_LITERAL("600"));
	const struct askd_header *const headers[] = {&methods, &names, &age, NULL};

	return finish(from_bytes((struct askd_bytes){"", 0}), request, (struct askd_text){NULL, 0},
	        headers);
}

/* ---- of a handler -------------------------------------------------------------------------------
 */

static int32_t check(const struct askd_web_response *in, struct askd_error *reterr)
{
	static const char *const ours[] = {
	        "content-length", "transfer-encoding", "connection", "content-type", NULL};

	if (in->status < 200 || in->status > 599)
		return askd_fail(reterr, ASKD_E_INVALID, "the status %d is none", in->status);
	if (in->type.s && !path_is_text(in->type.s, in->type.n, false))
		return askd_fail(reterr, ASKD_E_INVALID, "the type of the reply is no text");
	for (const struct askd_header *const *h = in->headers; h && *h; h++) {
		if (!path_is_token((*h)->name.s, (*h)->name.n) ||
		        !path_is_text((*h)->value.s, (*h)->value.n, true))
			return askd_fail(reterr, ASKD_E_INVALID,
			        "a header of the reply has a bad name or a control character");
		for (size_t i = 0; ours[i]; i++)
			if (!strcasecmp((*h)->name.s, ours[i]))
				return askd_fail(reterr, ASKD_E_INVALID,
				        "the header %s is the server's to set", ours[i]);
	}
	return ASKD_OK;
}

static struct MHD_Response *make(struct http_request *request, const struct askd_web_response *in)
{
	struct MHD_Response *response = NULL;

	if (in->flags & ASKD_WEB_STREAM) {
		response = stream_create(request);
	} else if (in->file) {
		int fd = dup(in->file->fd);

		if (fd >= 0)
			response = MHD_create_response_from_fd64(in->file->length, fd);
		if (fd >= 0 && !response)
			close(fd);
	} else {
		response = from_bytes(in->body);
	}
	return finish(response, request, in->type, in->headers);
}

/* With the lock. */
static int32_t hand_over(struct http_request *request, const struct askd_web_response *in,
        struct MHD_Response *response, struct askd_error *reterr)
{
	if (request->gone || !request->mhd)
		return askd_fail(reterr, ASKD_E_GONE, "the client has left");
	if (request->begun)
		return askd_fail(reterr, ASKD_E_INVALID, "the request is answered already");
	request->stream = (in->flags & ASKD_WEB_STREAM) != 0;
	if (request->stream && !stream_first(request, in->body.p, (size_t)in->body.n))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reply");
	request->begun = true;
	request->ended = !request->stream;
	request->status = (unsigned int)in->status;
	request->answer_bytes = in->file ? in->file->length : in->body.n;
	request->response = response;
	if (request->suspended) {
		request->suspended = false;
		MHD_resume_connection(request->mhd);
	}
	return ASKD_OK;
}

int32_t reply_begin(void *self, struct askd_call *call, const struct askd_web_response *in,
        struct askd_nothing *out, struct askd_error *reterr)
{
	struct http_request *request = request_find(self, in->id);
	struct MHD_Response *response = NULL;
	int32_t rc;

	(void)call;
	(void)out;
	if (!request)
		return askd_fail(reterr, ASKD_E_GONE, "the client has left");
	rc = check(in, reterr);
	if (!rc && !(response = make(request, in)))
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reply");
	if (!rc) {
		pthread_mutex_lock(&request->lock);
		rc = hand_over(request, in, response, reterr);
		pthread_mutex_unlock(&request->lock);
	}
	if (rc && response)
		MHD_destroy_response(response);
	request_release(request);
	return rc;
}
