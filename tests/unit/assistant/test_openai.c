/* The plugin llm/openai against scripted HTTP replies, cut into pieces at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"

#include <askd/http.h>
#include <askd/llm.h>

static const struct askd_plugin *plugin;
static const struct askd_llm_iface *iface;

static struct scripted {
	int32_t rc;     /* of fetch, after what was sent */
	int32_t status; /* 0: 200 */
	const char *body, *header, *value;
} script[8];
static size_t piece;  /* bytes of one chunk of a stream */
static size_t calls;  /* requests so far */
static char *sent[8]; /* their bodies */
static char headers_sent[2048], url_sent[256];
static char logged[512];

static struct arena arena;

static int32_t fetch(const struct askd_host *host, struct askd_call *call,
        const struct askd_http_request *in, struct askd_http_response *out,
        struct askd_error *reterr)
{
	const struct scripted *s = &script[calls < 8 ? calls : 7];
	size_t n = strlen(s->body);
	int32_t rc = ASKD_OK;

	(void)host, (void)call;
	assert_true(calls < 8);
	sent[calls++] = arena_copy(&arena, in->body.p, in->body.n);
	snprintf(url_sent, sizeof url_sent, "%s", in->url.s);
	headers_sent[0] = 0;
	for (size_t i = 0; in->headers[i]; i++) {
		size_t at = strlen(headers_sent);
		snprintf(headers_sent + at, sizeof headers_sent - at, "%s: %s\n",
		        in->headers[i]->name.s, in->headers[i]->value.s);
	}
	out->status = s->status ? s->status : 200;
	if (s->header) {
		struct askd_header *h = arena_zalloc(&arena, sizeof *h);
		const struct askd_header **list = arena_zalloc(&arena, 2 * sizeof(void *));
		h->size = sizeof *h;
		h->name = askd_text_of(s->header);
		h->value = askd_text_of(s->value);
		list[0] = h;
		out->headers = list;
	}
	if (in->stream && out->status < 300) {
		for (size_t at = 0; at < n && !rc; at += piece) {
			struct askd_http_chunk chunk = {.size = sizeof chunk};
			chunk.data.n = n - at < piece ? n - at : piece;
			/* A copy of its own, so that reading past its end is seen. */
			void *copy = malloc(chunk.data.n);
			memcpy(copy, s->body + at, chunk.data.n);
			chunk.data.p = copy;
			rc = in->stream->put(in->stream, &chunk);
			free(copy);
		}
	} else {
		out->body = (struct askd_bytes){s->body, n};
	}
	if (rc)
		return askd_fail(reterr, rc, "the sink stopped it");
	if (s->rc) {
		askd_fail(reterr, s->rc, "cut");
		reterr->flags = ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE;
	}
	return s->rc;
}

static const struct askd_http_service http = {.size = sizeof http, .fetch = fetch};

static const void *service(const struct askd_host *host, const char *id)
{
	(void)host;
	return strcmp(id, "askd.http/1") ? NULL : &http;
}

static void log_line(
        const struct askd_host *host, struct askd_call *call, uint32_t level, const char *line)
{
	(void)host, (void)call, (void)level;
	snprintf(logged, sizeof logged, "%s", line);
}

static int64_t now_us(const struct askd_host *host)
{
	(void)host;
	return INT64_C(1795262400000000); /* Sat, 21 Nov 2026 12:00:00 GMT */
}

static const struct askd_host host = {
        .size = sizeof host, .service = service, .log = log_line, .now_us = now_us};

static void *call_alloc(struct askd_call *call, uint64_t n)
{
	(void)call;
	return arena_alloc(&arena, n);
}

static struct askd_call call = {.size = sizeof call, .alloc = call_alloc};
static void *self;
static struct askd_llm_reply reply;
static struct askd_error error;
static char streamed[4096];

static void *member(const char *name)
{
	for (const struct askd_option *o = plugin->options; o->name; o++)
		if (!strcmp(o->name, name))
			return (char *)self + o->offset;
	fail_msg("no option %s", name);
	return NULL;
}

static int32_t open_with(const char *url)
{
	free(self);
	self = calloc(1, plugin->instance_size);
	assert_non_null(self);
	*(const char **)member("base_url") = url;
	*(const char **)member("api_key") = "sk-secret-key-1";
	*(const char **)member("model") = "m-1";
	return plugin->open(self, &host, &error);
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 0);
	memset(script, 0, sizeof script);
	memset(&error, 0, sizeof error);
	calls = 0;
	piece = 1000;
	return open_with("http://127.0.0.1:9/v1/");
}

static int tear_down(void **state)
{
	(void)state;
	plugin->close(self);
	free(self);
	self = NULL;
	arena_finish(&arena);
	return 0;
}

static int32_t put(const struct askd_llm_chunk_sink *sink, const struct askd_llm_chunk *chunk)
{
	(void)sink;
	strncat(streamed, chunk->text.s, sizeof streamed - strlen(streamed) - 1);
	return ASKD_OK;
}
static const struct askd_llm_chunk_sink sink = {.size = sizeof sink, .put = put};

static int32_t complete(bool stream, const char *schema)
{
	static const struct askd_llm_message message = {
	        .size = sizeof message, .role = ASKD_ROLE_USER, .text = {"Hi \"there\"", 10}};
	static const struct askd_llm_message *const messages[] = {&message, NULL};
	struct askd_llm_request in = {.size = sizeof in,
	        .max_output = 50,
	        .temperature_milli = 250,
	        .reply_schema = askd_text_of(schema),
	        .messages = messages,
	        .stream = stream ? &sink : NULL};

	memset(&reply, 0, sizeof reply);
	reply.size = sizeof reply;
	memset(&error, 0, sizeof error);
	streamed[0] = 0;
	return iface->complete(self, &call, &in, &reply, &error);
}

#define WHOLE(content, finish)                                                            \
	"{\"id\":\"c-1\",\"model\":\"m-1-dated\",\"choices\":[{\"message\":{\"content\":" \
	"\"" content "\"},\"finish_reason\":\"" finish                                    \
	"\"}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":7,"                   \
	"\"prompt_tokens_details\":{\"cached_tokens\":5},"                                \
	"\"completion_tokens_details\":{\"reasoning_tokens\":3}}}"

static void a_whole_reply_is_read(void **state)
{
	(void)state;
	script[0].body = WHOLE("Gr\\u00fc\\u00dfe", "stop");
	assert_int_equal(complete(false, NULL), ASKD_OK);
	assert_string_equal(reply.text.s, "Grüße");
	assert_string_equal(reply.model.s, "m-1-dated");
	assert_string_equal(reply.remote_id.s, "c-1");
	assert_int_equal(reply.finish, ASKD_FINISH_STOP);
	assert_int_equal(reply.confidence_milli, -1);
	assert_int_equal(reply.input, 12);
	assert_int_equal(reply.output, 7);
	assert_int_equal(reply.cached, 5);
	assert_int_equal(reply.reasoning, 3);
	assert_string_equal(url_sent, "http://127.0.0.1:9/v1/chat/completions");
	assert_non_null(strstr(headers_sent, "Authorization: Bearer sk-secret-key-1\n"));
	assert_non_null(strstr(sent[0], "\"max_tokens\":50"));
	assert_non_null(strstr(sent[0], "\"temperature\":0.25"));
	assert_non_null(strstr(sent[0], "Hi \\\"there\\\""));
	assert_null(strstr(sent[0], "stream"));
}

static void errors_become_classes(void **state)
{
	static const struct {
		int32_t status, code;
		uint32_t retry, delay_ms;
		const char *body, *header, *value;
	} cases[] = {
	        {401, ASKD_E_AUTH, 0, 0, "{}", NULL, NULL},
	        {403, ASKD_E_DENIED, 0, 0, "{}", NULL, NULL},
	        {404, ASKD_E_NOT_FOUND, 0, 0, "{\"error\":\"model 'm' not found\"}", NULL, NULL},
	        {402, ASKD_E_QUOTA, 0, 0, "", NULL, NULL},
	        {413, ASKD_E_TOO_LARGE, 0, 0, "<html>", NULL, NULL},
	        {400, ASKD_E_REMOTE, 0, 0, "{\"error\":{\"message\":\"bad\"}}", NULL, NULL},
	        {400, ASKD_E_TOO_LARGE, 0, 0,
	                "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"x\"}}",
	                NULL, NULL},
	        {400, ASKD_E_TOO_LARGE, 0, 0,
	                "{\"error\":{\"message\":\"This model's maximum context length is 4096\"}}",
	                NULL, NULL},
	        {400, ASKD_E_REFUSED, 0, 0, "{\"error\":{\"code\":\"content_filter\"}}", NULL,
	                NULL},
	        {429, ASKD_E_QUOTA, 0, 0,
	                "{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"pay\"}}", NULL,
	                NULL},
	        {429, ASKD_E_BUSY, 1, 2000, "{}", "retry-after", "2"},
	        {429, ASKD_E_BUSY, 1, 350, "{}", "retry-after-ms", "350"},
	        {429, ASKD_E_BUSY, 1, 90000, "{}", "retry-after", "Sat, 21 Nov 2026 12:01:30 GMT"},
	        {429, ASKD_E_BUSY, 1, 0, "{}", "retry-after", "soon"},
	        {503, ASKD_E_BUSY, 1, 0, "upstream", NULL, NULL},
	        {500, ASKD_E_IO, 1, 0, "{}", NULL, NULL},
	        {502, ASKD_E_IO, 1, 0, "<html>", NULL, NULL},
	        {200, ASKD_E_IO, 1, 0, "{\"error\":{\"type\":\"server_error\"}}", NULL, NULL},
	        {200, ASKD_E_BUSY, 1, 0, "{\"error\":{\"code\":429,\"message\":\"x\"}}", NULL,
	                NULL},
	        {200, ASKD_E_QUOTA, 0, 0, "{\"error\":{\"code\":\"insufficient_quota\"}}", NULL,
	                NULL},
	        {200, ASKD_E_IO, 1, 0, "{\"choices\":[{\"message\":{\"content\":\"ab", NULL, NULL},
	        {200, ASKD_E_PROTOCOL, 0, 0, "<html>no", NULL, NULL},
	        {200, ASKD_E_PROTOCOL, 0, 0, "", NULL, NULL},
	        {200, ASKD_E_PROTOCOL, 0, 0, "{\"a\":1}", NULL, NULL},
	        {200, ASKD_E_PROTOCOL, 0, 0, WHOLE("", "stop"), NULL, NULL},
	        {200, ASKD_E_REFUSED, 0, 0, WHOLE("", "content_filter"), NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		calls = 0;
		script[0] = (struct scripted){
		        0, cases[i].status, cases[i].body, cases[i].header, cases[i].value};
		int32_t rc = complete(false, NULL);
		if (rc != cases[i].code || error.code != rc ||
		        (error.flags & ASKD_ERR_RETRY) != cases[i].retry ||
		        error.retry_after_ms != cases[i].delay_ms || calls != 1)
			fail_msg("case %zu: %d, %u, %u ms, %zu calls: %s", i, rc, error.flags,
			        error.retry_after_ms, calls, error.message);
		assert_true(error.message[0] != 0);
	}
}

static void errors_hold_no_key_and_are_short(void **state)
{
	char body[2000] = "{\"error\":{\"message\":\"Incorrect key: sk-secret-key-1 given\\nü";

	(void)state;
	for (int i = 0; i < 400; i++)
		strcat(body, "ü");
	strcat(body, "\"}}");
	script[0] = (struct scripted){0, 401, body, NULL, NULL};
	assert_int_equal(complete(false, NULL), ASKD_E_AUTH);
	assert_non_null(strstr(error.message, "Incorrect key: *** given ü"));
	assert_null(strstr(error.message, "sk-secret"));
	assert_true(strlen(error.message) < 300);
	assert_true(text_is_valid(error.message, strlen(error.message)));
}

static void what_the_server_does_not_take_is_left_out_and_remembered(void **state)
{
	const char *schema = "{\"type\":\"object\"}";

	(void)state;
	script[0] = (struct scripted){0, 400,
	        "{\"error\":{\"message\":\"response_format json_schema unsupported\"}}", 0, 0};
	script[1] = (struct scripted){
	        0, 400, "{\"error\":{\"message\":\"x\",\"param\":\"temperature\"}}", 0, 0};
	script[2] = (struct scripted){0, 400,
	        "{\"error\":{\"message\":\"Use max_completion_tokens, not max_tokens\"}}", 0, 0};
	script[3] = (struct scripted){
	        0, 422, "{\"error\":{\"message\":\"response_format is not known\"}}", 0, 0};
	script[4].body = script[5].body = WHOLE("{}", "stop");
	assert_int_equal(complete(false, schema), ASKD_OK);
	assert_int_equal(calls, 5);
	assert_non_null(strstr(sent[0], "\"json_schema\""));
	assert_non_null(strstr(sent[1], "\"json_object\""));
	assert_null(strstr(sent[4], "response_format"));
	assert_int_equal(complete(false, schema), ASKD_OK);
	assert_int_equal(calls, 6);
	assert_null(strstr(sent[5], "response_format"));
	assert_null(strstr(sent[5], "temperature"));
	assert_non_null(strstr(sent[5], "\"max_completion_tokens\":50"));
}

static const char events[] =
        "\xef\xbb\xbf: hello\r\n\r\n"
        "data: "
        "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\r\n\r\n"
        "event: x\rdata:{\"choices\":[{\"delta\":\rdata: {\"content\":\"Hä\"}}]}\r\r"
        "data: {\"choices\":[{\"delta\":{\"content\":\"llo\",\"tool_calls\":[{\"index\":0,\"id\":"
        "\"t1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
        "\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2}}\n\n"
        "data: [DONE]\n\n";

static void a_stream_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (piece = 1; piece < sizeof events; piece++) {
		calls = 0;
		script[0].body = events;
		if (complete(true, NULL))
			fail_msg("pieces of %zu: %s", piece, error.message);
		assert_string_equal(reply.text.s, "Hällo");
		assert_string_equal(streamed, "Hällo");
		assert_int_equal(reply.finish, ASKD_FINISH_TOOLS);
		assert_string_equal(reply.calls[0]->arguments.s, "{\"a\":1}");
		assert_string_equal(reply.calls[0]->id.s, "t1");
		assert_null(reply.calls[1]);
		assert_int_equal(reply.input, 4);
	}
	assert_non_null(strstr(sent[0], "\"include_usage\":true"));
}

/* All that a text may hold, at every place of the eight bytes that are looked at together. */
static void a_request_is_the_json_that_was_meant(void **state)
{
	char text[4096], picture[] = "/tmp/test_openai.XXXXXX";
	const char *schema = "{ \"type\" : \"object\" }";
	struct askd_file file = {.size = sizeof file,
	        .fd = mkstemp(picture),
	        .length = 4,
	        .mime = ASKD_LITERAL("image/png")};
	const struct askd_file *const files[] = {&file, NULL};
	struct askd_tool_call tool_call = {.size = sizeof tool_call,
	        .id = ASKD_LITERAL("t\"1"),
	        .name = ASKD_LITERAL("f"),
	        .arguments = ASKD_LITERAL("{\"a\":1}")};
	const struct askd_tool_call *const tool_calls[] = {&tool_call, NULL};
	struct askd_llm_message system = {.size = sizeof system, .role = ASKD_ROLE_SYSTEM},
	                        user = {.size = sizeof user,
	                                .role = ASKD_ROLE_USER,
	                                .text = ASKD_LITERAL("look"),
	                                .files = files},
	                        assistant = {.size = sizeof assistant,
	                                .role = ASKD_ROLE_ASSISTANT,
	                                .calls = tool_calls},
	                        tool = {.size = sizeof tool,
	                                .role = ASKD_ROLE_TOOL,
	                                .text = ASKD_LITERAL("1"),
	                                .tool_call_id = ASKD_LITERAL("t\"1")};
	const struct askd_llm_message *const messages[] = {&system, &user, &assistant, &tool, NULL};
	struct askd_llm_tool with = {.size = sizeof with, .name = ASKD_LITERAL("f")},
	                     without = with;
	const struct askd_llm_tool *const tools[] = {&with, &without, NULL};
	struct askd_llm_request in = {.size = sizeof in,
	        .max_output = 7,
	        .temperature_milli = 1005,
	        .tool_choice = ASKD_TOOL_REQUIRED,
	        .messages = messages,
	        .tools = tools,
	        .stream = &sink};
	json_t *expected;

	(void)state;
	assert_int_equal(write(file.fd, "\x89PNG", 4), 4);
	unlink(picture);
	with.schema = in.reply_schema = askd_text_of(schema);
	expected = json_pack(
	        "{s:s, s:i, s:f, s:b, s:{s:b}, s:[{s:s,s:s},{s:s,s:[{s:s,s:s},{s:s,s:{s:s}}]},"
	        "{s:s,s:s,s:[{s:s,s:s,s:{s:s,s:s}}]},{s:s,s:s,s:s}],"
	        "s:[{s:s,s:{s:s,s:s,s:{s:s}}},{s:s,s:{s:s,s:s,s:{s:s,s:{}}}}], s:s,"
	        "s:{s:s,s:{s:s,s:b,s:{s:s}}}}",
	        "model", "m-1", "max_tokens", 7, "temperature", 1.005, "stream", 1,
	        "stream_options", "include_usage", 1, "messages", "role", "system", "content", "",
	        "role", "user", "content", "type", "text", "text", "look", "type", "image_url",
	        "image_url", "url", "data:image/png;base64,iVBORw==", "role", "assistant",
	        "content", "", "tool_calls", "id", "t\"1", "type", "function", "function", "name",
	        "f", "arguments", "{\"a\":1}", "role", "tool", "content", "1", "tool_call_id",
	        "t\"1", "tools", "type", "function", "function", "name", "f", "description", "",
	        "parameters", "type", "object", "type", "function", "function", "name", "f",
	        "description", "", "parameters", "type", "object", "properties", "tool_choice",
	        "required", "response_format", "type", "json_schema", "json_schema", "name",
	        "reply", "strict", 1, "schema", "type", "object");
	assert_non_null(expected);
	script[0].body = events;
	for (size_t shift = 0; shift < 17; shift++) {
		json_t *message = json_array_get(json_object_get(expected, "messages"), 0), *got;
		size_t n = shift;

		memset(text, 'x', n);
		while (n < 3000) /* longer than what is escaped in one piece */
			for (char c = 1; c < 0x7f && n < 3000; c++) {
				text[n++] = c;
				if (c % 5 == 0)
					n += (size_t)sprintf(text + n, "plain ü€😀");
			}
		system.text = (struct askd_text){text, n};
		text[n] = 0;
		json_object_set_new(message, "content", json_stringn(text, n));
		calls = 0;
		assert_int_equal(iface->complete(self, &call, &in, &reply, &error), ASKD_OK);
		got = json_loads(sent[0], JSON_REJECT_DUPLICATES, NULL);
		if (!got || !json_equal(got, expected))
			fail_msg("shifted by %zu: %s", shift, sent[0]);
		json_decref(got);
	}
	close(file.fd);
	json_decref(expected);
}

static void broken_streams_are_told_apart(void **state)
{
#define PIECE "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
	static const struct {
		const char *body;
		int32_t fetch_rc, code;
		uint32_t flags;
	} cases[] = {
	        {PIECE, 0, ASKD_E_IO, ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE},
	        {PIECE "data: {\"choi", 0, ASKD_E_IO, ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE},
	        {PIECE, ASKD_E_IO, ASKD_E_IO, ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE},
	        {"", 0, ASKD_E_IO, ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE},
	        {"<html>no stream\n", 0, ASKD_E_PROTOCOL, ASKD_ERR_MAYBE_DONE},
	        {PIECE "data: {{{\n\n", 0, ASKD_E_PROTOCOL, ASKD_ERR_MAYBE_DONE},
	        {PIECE "data: {\"error\":{\"type\":\"overloaded_error\"}}\n\n", 0, ASKD_E_BUSY,
	                ASKD_ERR_RETRY},
	        {"{\"error\":{\"type\":\"server_error\"}}", 0, ASKD_E_IO, ASKD_ERR_RETRY},
	        {WHOLE("not streamed", "stop"), 0, ASKD_OK, 0},
	        {PIECE "data: [DONE]", 0, ASKD_OK, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (piece = 1; piece < 40; piece += 19) {
			calls = 0;
			script[0] = (struct scripted){cases[i].fetch_rc, 200, cases[i].body, 0, 0};
			int32_t rc = complete(true, NULL);
			if (rc != cases[i].code || (rc && error.flags != cases[i].flags))
				fail_msg("case %zu: %d, %u: %s", i, rc, error.flags, error.message);
		}
}

static void deep_json_is_refused_before_it_is_parsed(void **state)
{
	enum { DEEP = 200000 };
	char *body = malloc(DEEP + 64);

	(void)state;
	assert_non_null(body);
	strcpy(body, "{\"choices\":");
	memset(body + 11, '[', DEEP);
	body[11 + DEEP] = 0;
	script[0].body = body;
	assert_int_equal(complete(false, NULL), ASKD_E_PROTOCOL);
	free(body);
}

static void only_loopback_is_local(void **state)
{
	static const struct {
		const char *url;
		int32_t rc;
		bool local;
	} cases[] = {{"http://127.0.0.1:11434/v1", 0, true}, {"http://localhost/v1", 0, true},
	        {"http://[::1]:80/v1", 0, true}, {"http://127.9.9.9", 0, true},
	        {"https://api.openai.com/v1", 0, false},
	        {"http://127.0.0.1.evil.example", 0, false},
	        {"http://localhost.evil.example/", 0, false},
	        {"http://10.0.0.1/127.0.0.1", 0, false},
	        {"http://127.0.0.1@evil.example/v1", ASKD_E_CONFIG, false},
	        {"ftp://127.0.0.1", ASKD_E_CONFIG, false}, {"http://", ASKD_E_CONFIG, false}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct askd_llm_model in = {.size = sizeof in}, out = {.size = sizeof out};

		if (self)
			plugin->close(self);
		assert_int_equal(open_with(cases[i].url), cases[i].rc);
		if (cases[i].rc) {
			free(self);
			self = NULL;
			continue;
		}
		assert_int_equal(iface->model(self, &call, &in, &out, &error), ASKD_OK);
		assert_int_equal((out.flags & ASKD_LLM_LOCAL) != 0, cases[i].local);
		assert_string_equal(out.name.s, "m-1");
	}
	assert_int_equal(open_with("https://a.example/openai/deployments/x?api-version=1"), 0);
	script[0].body = WHOLE("x", "stop");
	assert_int_equal(complete(false, NULL), ASKD_OK);
	assert_string_equal(
	        url_sent, "https://a.example/openai/deployments/x/chat/completions?api-version=1");
}

static void a_missing_usage_is_said_once(void **state)
{
	(void)state;
	script[0].body = script[1].body =
	        "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}";
	logged[0] = 0;
	assert_int_equal(complete(false, NULL), ASKD_OK);
	assert_int_equal(reply.input, 0);
	assert_non_null(strstr(logged, "how many tokens"));
	logged[0] = 0;
	assert_int_equal(complete(false, NULL), ASKD_OK);
	assert_string_equal(logged, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_whole_reply_is_read),
	        TEST(errors_become_classes),
	        TEST(errors_hold_no_key_and_are_short),
	        TEST(what_the_server_does_not_take_is_left_out_and_remembered),
	        TEST(a_stream_may_be_cut_anywhere),
	        TEST(a_request_is_the_json_that_was_meant),
	        TEST(broken_streams_are_told_apart),
	        TEST(deep_json_is_refused_before_it_is_parsed),
	        TEST(only_loopback_is_local),
	        TEST(a_missing_usage_is_said_once),
	};
	void *library = dlopen(BINARY_DIR "/plugins/llm/openai.so", RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	plugin = dlsym(library, "askd_plugin_v1");
	iface = plugin->iface;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
