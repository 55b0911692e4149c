/* routes_ask.c: POST /api/query, as one JSON object or as a stream of events. */
#include <stdlib.h>

#include "routes.h"
#include "str.h"

enum { QUESTION_MAX = 64 << 10, SESSION_MAX = 128, KEY_MAX = 255 };

/* Does the list of types hold text/event-stream? */
static bool wants_events(const struct askd_web_request *in)
{
	struct askd_text accept = route_header(in, "accept");

	return accept.s && strstr(accept.s, "text/event-stream");
}

/* 1 to max visible characters; an absent one is fine. */
static bool is_name(struct askd_text name, size_t max)
{
	if (!name.s)
		return true;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.s[i] <= ' ' || name.s[i] == 0x7f)
			return false;
	return name.n && name.n <= max;
}

/* ---- the stream ------------------------------------------------------------------------------ */

struct stream {
	struct askd_progress_sink sink;
	struct route_call *r;
	bool begun;
	int32_t rc; /* of the first write that failed */
};

static int32_t stream_begin(struct stream *stream)
{
	const struct query_skill *skill = stream->r->skill;
	ASKD_MAKE(struct askd_header, buffering, .name = ASKD_LITERAL("x-accel-buffering"),
	        .value = ASKD_LITERAL("no"));
	const struct askd_header *headers[] = {&buffering, NULL};
	ASKD_MAKE(struct askd_web_response, response, .status = 200, .id = stream->r->in->id,
	        .flags = ASKD_WEB_STREAM, .type = ASKD_LITERAL("text/event-stream"),
	        .headers = headers);

	stream->begun = true;
	stream->rc = skill->web->begin(skill->host, stream->r->call, &response, NULL, NULL);
	return stream->rc;
}

static int32_t stream_write(struct stream *stream, const char *s, size_t n)
{
	const struct query_skill *skill = stream->r->skill;
	ASKD_MAKE(struct askd_web_data, data, .id = stream->r->in->id, .data = {s, n});

	if (!stream->begun && stream_begin(stream))
		return stream->rc;
	if (!stream->rc)
		stream->rc = skill->web->write(skill->host, stream->r->call, &data, NULL, NULL);
	return stream->rc;
}

/* `data` is JSON on one line. */
static int32_t stream_event(struct stream *stream, const char *event, const char *data, size_t n)
{
	struct str text = {0};
	int32_t rc;

	str_print(&text, "event: %s\ndata: ", event);
	str_add(&text, data, n);
	str_puts(&text, "\n\n");
	rc = text.failed ? ASKD_E_NOMEM : stream_write(stream, text.s, text.n);
	str_finish(&text);
	return rc;
}

/* Takes the object. */
static int32_t stream_object(struct stream *stream, const char *event, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int32_t rc = text ? stream_event(stream, event, text, strlen(text)) : ASKD_E_NOMEM;

	free(text);
	json_decref(object);
	return rc;
}

static json_t *text_of(struct askd_text text)
{
	return text.s ? json_stringn(text.s, text.n) : json_null();
}

static int32_t stream_put(const struct askd_progress_sink *sink, const struct askd_progress *it)
{
	struct stream *stream = sink->owner;

	switch (it->kind) {
	case ASKD_PROGRESS_STAGE:
		return stream_object(stream, "stage",
		        json_pack("{s:o,s:o}", "stage", text_of(it->stage), "text",
		                text_of(it->text)));
	case ASKD_PROGRESS_APPEND:
		return stream_object(stream, "text", json_pack("{s:o}", "text", text_of(it->text)));
	case ASKD_PROGRESS_REPLACE:
		return stream_object(
		        stream, "replace", json_pack("{s:o}", "text", text_of(it->text)));
	default: /* a comment: it keeps what stands between from closing the connection */
		return stream_write(stream, ": working\n\n", sizeof ": working\n\n" - 1);
	}
}

static const char *error_code(int32_t rc)
{
	switch (rc) {
	case ASKD_E_BUSY:
	case ASKD_E_CANCELED: /* not by the person: askd stops */
		return "UNAVAILABLE";
	case ASKD_E_QUOTA:
		return "RATE_LIMIT";
	case ASKD_E_TIMEOUT:
		return "TIMEOUT";
	case ASKD_E_NOT_FOUND:
		return "NOT_FOUND";
	default:
		return "INTERNAL_ERROR";
	}
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int32_t refuse(struct route_call *r, const char *member, const char *text)
{
	return route_refuse(r, 400, "INVALID_REQUEST", say(&r->voice, text, NULL),
	        json_pack("{s:s}", "member", member));
}

/* false: answered. */
static bool read_event(struct route_call *r, struct askd_event *event)
{
	if (!route_text(r, "question", &event->text) ||
	        !route_text(r, "database", &event->database) ||
	        !route_text(r, "session_id", &event->conversation) ||
	        !route_list(r, "schema", &event->tables))
		return false;
	event->key = route_header(r->in, "idempotency-key");
	event->language = r->voice.language;
	event->address = r->in->remote;
	event->sender = r->in->person;
	if (!str_trim(event->text.s ? event->text : ASKD_LITERAL("")).n)
		refuse(r, "question", "There is no question in this request.");
	else if (event->text.n > QUESTION_MAX)
		r->out->status = 413;
	else if (!is_name(event->conversation, SESSION_MAX))
		refuse(r, "session_id", "A session id has 1 to 128 characters and no blanks.");
	else if (!is_name(event->key, KEY_MAX))
		refuse(r, "Idempotency-Key",
		        "An idempotency key has 1 to 255 characters and no blanks.");
	else
		return true;
	return false;
}

/* A turn that gave no answer: stopped by its person, or a failure whose words are the host's. */
static int32_t fail(struct route_call *r, struct stream *stream, const struct askd_error *error,
        struct askd_error *reterr)
{
	bool stopped = error->code == ASKD_E_CANCELED && !askd_canceled(r->call);
	struct askd_text text, data;

	if (!stopped && !stream->begun) {
		if (reterr)
			*reterr = *error;
		return error->code;
	}
	text = stopped ? say(&r->voice, "I stopped.", NULL)
	               : say(&r->voice,
	                         "I could not get an answer just now; the trouble is on my side. "
	                         "Please try again in a moment.",
	                         NULL);
	if (!stream->begun)
		return route_refuse(r, 409, "CANCELED", text, NULL);
	data = route_error_text(
	        r->call, stopped ? "CANCELED" : error_code(error->code), text, NULL);
	if (data.s)
		stream_event(stream, "error", data.s, data.n);
	return ASKD_OK;
}

/* A limit has refused it: when to come again stands where every client looks for it. */
static int32_t limited(struct route_call *r, const struct askd_reply *reply)
{
	json_int_t seconds = (reply->retry_after_ms + 999) / 1000;
	json_t *object = json_loadb(reply->object.s, reply->object.n, 0, NULL);
	const char *text = json_string_value(json_object_get(object, "message"));
	const struct askd_header **headers = r->call->alloc(r->call, 2 * sizeof *headers);
	struct askd_header *retry = r->call->alloc(r->call, sizeof *retry);

	if (headers && retry) {
		*retry = (struct askd_header){.size = sizeof *retry,
		        .name = ASKD_LITERAL("retry-after"),
		        .value = askd_print(r->call, "%lld", (long long)seconds)};
		headers[0] = retry->value.s ? retry : NULL;
		headers[1] = NULL;
		r->out->headers = headers;
	}
	route_refuse(r, 429, "RATE_LIMIT",
	        text ? askd_copy(r->call, text, strlen(text)) : (struct askd_text){0},
	        json_pack("{s:I}", "retry_after", seconds));
	json_decref(object);
	return ASKD_OK;
}

static int32_t ask(struct route_call *r, struct askd_error *reterr)
{
	const struct query_skill *skill = r->skill;
	struct stream stream = {.sink = {.size = sizeof stream.sink, .put = stream_put}, .r = r};
	bool events = skill->web && wants_events(r->in);
	struct askd_error error = {0};
	ASKD_MAKE(struct askd_reply, reply, .kind = 0);
	ASKD_MAKE(struct askd_event, event, .kind = ASKD_EVENT_TEXT);
	int32_t rc;

	stream.sink.owner = &stream;
	if (events)
		event.progress = &stream.sink;
	if (!read_event(r, &event))
		return ASKD_OK;
	rc = skill->turn->ask(skill->host, r->call, &event, &reply, &error);
	if (rc)
		return fail(r, &stream, &error, reterr);
	if (reply.retry_after_ms && !stream.begun)
		return limited(r, &reply);
	if (events) {
		stream_event(&stream, "result", reply.object.s, reply.object.n);
		return ASKD_OK;
	}
	r->out->status = 200;
	r->out->type = ASKD_LITERAL("application/json");
	r->out->body = (struct askd_bytes){reply.object.s, reply.object.n};
	return ASKD_OK;
}

int32_t route_ask(void *self, struct askd_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr)
{
	struct route_call r;
	int32_t rc = ASKD_OK;

	if (route_begin(&r, self, call, in, out, true))
		rc = ask(&r, reterr);
	route_end(&r);
	return rc;
}
