/* stream.c: replies as server-sent events. */
#include "openai.h"

static void stop(struct openai_stream *s, int32_t rc)
{
	if (!s->stopped)
		s->stopped = rc;
}

/* One event is complete. */
static void dispatch(struct openai_stream *s)
{
	ASKD_MAKE(struct askd_llm_chunk, chunk, .reserved = 0);
	json_t *json;
	bool cut;

	if (!s->data.n)
		return;
	if (s->data.n == 6 && !memcmp(s->data.s, "[DONE]", 6)) {
		s->done = true;
	} else if (!s->done && !s->garbage) {
		json = openai_json(s->data.s, s->data.n, &cut);
		if (json && openai_reply_read(&s->reply, json, &chunk.text))
			s->events++;
		else
			s->garbage = true;
		json_decref(json);
		if (chunk.text.n && s->out && !s->stopped) {
			int32_t rc = s->out->put(s->out, &chunk);

			if (rc)
				stop(s, rc);
		}
	}
	s->data.n = 0;
}

/* One line without its end. Names that mean nothing here (event, id, retry) and comments are passed
 * over. */
static void take_line(struct openai_stream *s)
{
	const char *line = s->line.s ? s->line.s : "";
	size_t n = s->line.n;

	if (!n) {
		dispatch(s);
		return;
	}
	if (n >= 5 && !memcmp(line, "data:", 5)) {
		size_t from = n > 5 && line[5] == ' ' ? 6 : 5;

		if (s->data.n)
			bytes_add(&s->data, "\n", 1);
		bytes_add(&s->data, line + from, n - from);
		s->failed |= s->data.failed;
	}
	s->line.n = 0;
}

static void take_events(struct openai_stream *s, const char *p, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n' && p[i] != '\r')
			continue;
		if (p[i] == '\n' && s->after_cr && i == from) {
			s->after_cr = false;
			from = i + 1;
			continue;
		}
		bytes_add(&s->line, p + from, i - from);
		s->after_cr = p[i] == '\r';
		from = i + 1;
		take_line(s);
	}
	if (n > from) {
		s->after_cr = false;
		bytes_add(&s->line, p + from, n - from);
	}
	s->failed |= s->line.failed;
}

/* A server that does not stream answers with one object all the same. */
static size_t skip_start(struct openai_stream *s, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t' ||
	                        p[i] == '\xef' || p[i] == '\xbb' || p[i] == '\xbf'))
		i++;
	if (i < n) {
		s->began = true;
		s->is_whole = p[i] == '{' || p[i] == '[';
	}
	return i;
}

static int32_t put(const struct askd_http_chunk_sink *sink, const struct askd_http_chunk *chunk)
{
	struct openai_stream *s = sink->owner;
	const char *p = chunk->data.p;
	size_t n = chunk->data.n;

	s->total += n;
	if (!s->began) {
		size_t skipped = skip_start(s, p, n);

		p += skipped;
		n -= skipped;
	}
	if (s->is_whole) {
		bytes_add(&s->whole, p, n);
		s->failed |= s->whole.failed;
	} else if (n) {
		take_events(s, p, n);
	}
	s->failed |= s->reply.failed;
	if (s->stopped)
		return s->stopped;
	return s->failed || s->garbage ? ASKD_E_PROTOCOL : ASKD_OK;
}

void openai_stream_init(
        struct openai_stream *s, struct openai *o, const struct askd_llm_chunk_sink *out)
{
	memset(s, 0, sizeof *s);
	s->sink.size = sizeof s->sink;
	s->sink.owner = s;
	s->sink.put = put;
	s->o = o;
	s->out = out;
}

void openai_stream_free(struct openai_stream *s)
{
	openai_reply_free(&s->reply);
	bytes_free(&s->line);
	bytes_free(&s->data);
	bytes_free(&s->whole);
}

int32_t openai_stream_finish(struct openai_stream *s, struct askd_call *call,
        struct askd_llm_reply *out, struct askd_error *reterr)
{
	int32_t rc = ASKD_E_PROTOCOL;

	if (s->stopped) {
		askd_fail(reterr, s->stopped, "the receiver of the text stopped it");
		if (reterr)
			reterr->flags = ASKD_ERR_MAYBE_DONE; /* what came until then costs */
		return s->stopped;
	}
	if (s->is_whole && !s->failed)
		return openai_reply_whole(
		        s->o, (struct askd_bytes){s->whole.s, s->whole.n}, call, out, reterr);
	/* A last line without its end, as some servers leave it. */
	if (s->line.n && !s->failed)
		take_line(s);
	if (!s->failed && s->data.n == 6 && !memcmp(s->data.s, "[DONE]", 6))
		dispatch(s);
	if (s->reply.error || s->reply.failed)
		return openai_reply_finish(s->o, &s->reply, call, out, reterr);
	if (s->failed)
		askd_fail(reterr, rc, "the reply is too large");
	else if (s->garbage || (s->total && !s->events))
		askd_fail(reterr, rc, "the reply is no stream of chat completions");
	else if (!s->done && !s->reply.finish[0])
		rc = askd_fail(reterr, ASKD_E_IO, "the stream ended early");
	else
		return openai_reply_finish(s->o, &s->reply, call, out, reterr);
	if (reterr)
		reterr->flags = ASKD_ERR_MAYBE_DONE | (rc == ASKD_E_IO ? ASKD_ERR_RETRY : 0);
	return rc;
}
