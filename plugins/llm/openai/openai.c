/* openai.c: chat completions of OpenAI and of every server that speaks the same (vLLM, llama.cpp,
 * Ollama, LiteLLM, OpenRouter, Azure, Mistral, DeepSeek, ...). */
#include "openai.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

enum { CHANGES_MAX = 6 /* requests in one call until the server takes one */ };

static const char path[] = "/chat/completions";
static const char *const limit_names[] = {"auto", "max_tokens", "max_completion_tokens", NULL};
static const char *const json_names[] = {"auto", "schema", "object", "off", NULL};

/* ---- open and close ---------------------------------------------------------------------------
 */

/* The host of a URL: its start and length, without brackets. */
static const char *host_of(const char *url, size_t *n)
{
	const char *s = strstr(url, "://");
	const char *end;

	s = s ? s + 3 : url;
	if (*s == '[') {
		end = strchr(++s, ']');
		*n = end ? (size_t)(end - s) : strlen(s);
	} else {
		*n = strcspn(s, ":/?#");
	}
	return s;
}

/* Does no byte to this host leave the machine? */
static bool is_loopback(const char *url)
{
	char host[64];
	size_t n;
	const char *s = host_of(url, &n);
	struct in_addr four;
	struct in6_addr six;

	if (n >= sizeof host)
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	if (!strcasecmp(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) ||
		       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
	return false;
}

static int32_t check_url(const char *url, struct askd_error *reterr)
{
	size_t n;
	const char *host;

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'base_url' must begin with http:// or https://, for instance "
		        "https://api.openai.com/v1");
	for (const char *s = url; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "'base_url' holds a blank or a control character");
	host = host_of(url, &n);
	if (!n)
		return askd_fail(reterr, ASKD_E_CONFIG, "'base_url' names no host");
	if (memchr(host, '@', strcspn(host, "/?#")))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'base_url' holds a user or password; use 'api_key' or 'headers'");
	return ASKD_OK;
}

/* base_url with the path of chat completions, before a query if there is one. */
static char *make_url(const char *base)
{
	size_t n = strcspn(base, "?#"), tail = strlen(base + n);
	char *url = malloc(n + sizeof path + tail);

	if (!url)
		return NULL;
	memcpy(url, base, n);
	while (n && url[n - 1] == '/')
		n--;
	if (n < sizeof path - 1 ||
	        memcmp(url + n - (sizeof path - 1), path, sizeof path - 1) != 0) {
		memcpy(url + n, path, sizeof path - 1);
		n += sizeof path - 1;
	}
	memcpy(url + n, base + strcspn(base, "?#"), tail + 1);
	return url;
}

static bool header_value_is_sound(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static int32_t check_headers(const struct openai *o, struct askd_error *reterr)
{
	for (size_t i = 0; o->headers && o->headers[i]; i += 2) {
		const char *name = o->headers[i];

		if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                           "0123456789!#$%&'*+-.^_`|~") != strlen(name))
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "'headers': '%.60s' cannot be the name of a header", name);
		if (!header_value_is_sound(o->headers[i + 1]))
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "'headers': the value of '%.60s' holds a line break or a control "
			        "character",
			        name);
	}
	if (o->api_key && !header_value_is_sound(o->api_key))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'api_key' holds a line break or a control character");
	if (o->organisation && !header_value_is_sound(o->organisation))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'organisation' holds a line break or a control character");
	return ASKD_OK;
}

static int32_t openai_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct openai *o = self;
	int32_t rc;

	o->host = host;
	rc = askd_need(host, "askd.http/1", &o->http, reterr);
	if (!rc)
		rc = check_url(o->base_url, reterr);
	if (!rc)
		rc = check_headers(o, reterr);
	if (!rc && !*o->model)
		rc = askd_fail(reterr, ASKD_E_CONFIG, "'model' is empty");
	if (rc)
		return rc;
	o->local = is_loopback(o->base_url);
	if (!o->local && !strncmp(o->base_url, "http://", 7) && o->api_key && *o->api_key)
		host->log(host, NULL, ASKD_LOG_WARNING,
		        "the API key goes over the network in clear: 'base_url' is not https");
	o->url = make_url(o->base_url);
	return o->url ? ASKD_OK : askd_fail(reterr, ASKD_E_NOMEM, "no memory");
}

static void openai_close(void *self)
{
	struct openai *o = self;

	free(o->url);
}

/* ---- calls ------------------------------------------------------------------------------------
 */

/* The headers of every request, in the arena; NULL: full. */
static const struct askd_header *const *make_headers(
        const struct openai *o, struct askd_call *call, bool stream)
{
	size_t n = 4, at = 0;
	struct askd_header *made;
	const struct askd_header **list;

	for (size_t i = 0; o->headers && o->headers[i]; i += 2)
		n++;
	made = call->alloc(call, n * sizeof *made);
	list = call->alloc(call, (n + 1) * sizeof(void *));
	if (!made || !list)
		return NULL;
	memset(made, 0, n * sizeof *made);
	made[at].name = ASKD_LITERAL("Content-Type");
	made[at++].value = ASKD_LITERAL("application/json");
	made[at].name = ASKD_LITERAL("Accept");
	made[at++].value =
	        stream ? ASKD_LITERAL("text/event-stream") : ASKD_LITERAL("application/json");
	if (o->api_key && *o->api_key) {
		made[at].name = ASKD_LITERAL("Authorization");
		made[at].value = askd_print(call, "Bearer %s", o->api_key);
		if (!made[at++].value.s)
			return NULL;
	}
	if (o->organisation && *o->organisation) {
		made[at].name = ASKD_LITERAL("OpenAI-Organization");
		made[at++].value = askd_text_of(o->organisation);
	}
	for (size_t i = 0; o->headers && o->headers[i]; i += 2) {
		made[at].name = askd_text_of(o->headers[i]);
		made[at++].value = askd_text_of(o->headers[i + 1]);
	}
	for (size_t i = 0; i < at; i++) {
		made[i].size = sizeof made[i];
		list[i] = &made[i];
	}
	list[at] = NULL;
	return list;
}

/* The features that a request of this kind uses and that a server might refuse. */
static uint32_t features(const struct openai *o, const struct askd_llm_request *in, uint32_t lacks)
{
	uint32_t used = 0;

	if (in->reply_schema.n && o->json == OPENAI_JSON_AUTO)
		used |= lacks & OPENAI_NO_SCHEMA ? OPENAI_NO_OBJECT : OPENAI_NO_SCHEMA;
	if (in->stream)
		used |= OPENAI_NO_USAGE;
	if (in->max_output && o->max_output_name == OPENAI_LIMIT_AUTO)
		used |= OPENAI_NEW_LIMIT;
	if (in->temperature_milli >= 0)
		used |= OPENAI_NO_TEMPERATURE;
	return used & ~lacks;
}

/* One request. *refused: the bit of a feature that the server does not take. */
static int32_t request_once(struct openai *o, struct askd_call *call,
        const struct askd_llm_request *in, uint32_t lacks, struct askd_llm_reply *out,
        uint32_t *refused, struct askd_error *reterr)
{
	struct askd_http_request request = {.size = sizeof request};
	struct askd_http_response response = {.size = sizeof response};
	struct openai_stream stream;
	json_t *json = NULL;
	struct bytes body = {.s = NULL};
	bool cut;
	int32_t rc;

	openai_stream_init(&stream, o, in->stream);
	rc = openai_body(o, in, lacks, &body, reterr);
	if (rc)
		goto out;
	request.method = ASKD_LITERAL("POST");
	request.url = askd_text_of(o->url);
	request.headers = make_headers(o, call, in->stream != NULL);
	request.body = (struct askd_bytes){body.s, body.n};
	request.stream = in->stream ? &stream.sink : NULL;
	if (!request.headers) {
		rc = askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for the request");
		goto out;
	}
	rc = o->http->fetch(o->host, call, &request, &response, reterr);
	if (rc && (stream.failed || stream.garbage || stream.stopped))
		rc = openai_stream_finish(&stream, call, out, reterr);
	else if (rc)
		openai_add_remedy(reterr);
	if (rc)
		goto out;
	if (response.status >= 200 && response.status < 300) {
		rc = in->stream && !response.body.n
		             ? openai_stream_finish(&stream, call, out, reterr)
		             : openai_reply_whole(o, response.body, call, out, reterr);
		goto out;
	}
	if (response.body.n && response.body.n <= OPENAI_TEXT_MAX)
		json = openai_json(response.body.p, response.body.n, &cut);
	if (response.status == 400 || response.status == 422 || response.status == 501)
		*refused = openai_complaint(json, features(o, in, lacks));
	rc = openai_fail(o, response.status, json, response.headers, reterr);
out:
	json_decref(json);
	openai_stream_free(&stream);
	bytes_free(&body);
	return rc;
}

ASKD_DEFINE(openai_complete, askd_llm_request, askd_llm_reply)
{
	struct openai *o = self;
	uint32_t lacks = __atomic_load_n(&o->learned, __ATOMIC_RELAXED), known = lacks;
	int64_t deadline_us = call->deadline_us;
	int32_t rc = ASKD_E_INTERNAL;

	if (o->timeout) {
		struct timespec now;
		int64_t own_us;

		clock_gettime(CLOCK_MONOTONIC, &now);
		own_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + o->timeout * 1000;
		if (!deadline_us || own_us < deadline_us)
			call->deadline_us = own_us;
	}
	for (int i = 0; i < CHANGES_MAX; i++) {
		uint32_t refused = 0;

		rc = request_once(o, call, in, lacks, out, &refused, reterr);
		if (!rc || !refused)
			break;
		lacks |= refused; /* nothing was written yet: ask again without it */
	}
	call->deadline_us = deadline_us;
	if (!rc && lacks != known)
		__atomic_fetch_or(&o->learned, lacks, __ATOMIC_RELAXED);
	return rc;
}

ASKD_DEFINE(openai_model, askd_llm_model, askd_llm_model)
{
	const struct openai *o = self;
	const bool schema =
	        o->json == OPENAI_JSON_SCHEMA ||
	        (o->json == OPENAI_JSON_AUTO &&
	                !(__atomic_load_n(&o->learned, __ATOMIC_RELAXED) & OPENAI_NO_SCHEMA));

	out->flags = ASKD_LLM_TOOLS | ASKD_LLM_STREAM | ASKD_LLM_FILES |
	             (schema ? ASKD_LLM_SCHEMA : 0) | (o->local ? ASKD_LLM_LOCAL : 0);
	out->context = (uint64_t)o->context;
	out->output = (uint64_t)o->max_output;
	out->name = in && in->name.n ? askd_copy(call, in->name.s, in->name.n)
	                             : askd_copy(call, o->model, strlen(o->model));
	return ASKD_OK;
}

ASKD_QUIET
static const struct askd_option options[] = {
        {.name = "base_url",
                .help = "Address of the server, up to and without /chat/completions",
                .def = "https://api.openai.com/v1",
                .max = 2000,
                ASKD_OPTION_TEXT(struct openai, base_url)},
        {.name = "api_key",
                .help = "Key of the server; servers on this machine often need none",
                .max = 4000,
                .flags = ASKD_OPT_SECRET,
                ASKD_OPTION_TEXT(struct openai, api_key)},
        {.name = "model",
                .help = "Name of the model, as the server calls it",
                .max = 300,
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct openai, model)},
        {.name = "organisation",
                .help = "Sent as OpenAI-Organization",
                .max = 300,
                ASKD_OPTION_TEXT(struct openai, organisation)},
        {.name = "headers",
                .help = "Further headers of every request",
                .flags = ASKD_OPT_SECRET,
                ASKD_OPTION_MAP(struct openai, headers)},
        {.name = "timeout",
                .help = "Longest time for one reply",
                .def = "60s",
                .min = 100,
                .max = 3600000,
                ASKD_OPTION_DURATION(struct openai, timeout)},
        {.name = "context",
                .help = "Tokens that the model can read; 0: unknown",
                .def = "0",
                .max = 100000000,
                ASKD_OPTION_INT(struct openai, context)},
        {.name = "max_output",
                .help = "Tokens that the model can write; 0: unknown",
                .def = "0",
                .max = 100000000,
                ASKD_OPTION_INT(struct openai, max_output)},
        {.name = "max_output_name",
                .help = "How the server calls the limit of a reply; auto finds it out",
                .def = "auto",
                ASKD_OPTION_CHOICE(struct openai, max_output_name, limit_names)},
        {.name = "json",
                .help = "How replies are held to a form: by schema, as any object, or not; "
                        "auto finds out what the server can do",
                .def = "auto",
                ASKD_OPTION_CHOICE(struct openai, json, json_names)},
        {.name = NULL}};
static const struct askd_llm_iface iface = {
        .size = sizeof iface, .complete = openai_complete, .model = openai_model};
ASKD_LOUD

ASKD_PLUGIN(.kind = ASKD_KIND_LLM, .name = "openai", .version = "0.9.0",
        .summary = "Chat completions of OpenAI and every compatible server", .license = "MIT",
        .options = options, .instance_size = sizeof(struct openai), .flags = ASKD_CONCURRENT,
        .open = openai_open, .close = openai_close, .iface = &iface);
