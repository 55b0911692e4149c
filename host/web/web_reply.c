/* web_reply.c: headers, languages, and errors as programs read them. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/json.h"
#include "web/web_private.h"

struct askd_text web_header(const struct askd_web_request *in, const char *name)
{
	for (size_t i = 0; in->headers && in->headers[i]; i++)
		if (text_is(in->headers[i]->name, name))
			return in->headers[i]->value;
	return (struct askd_text){NULL, 0};
}

bool reply_header(
        struct reply_headers *headers, struct arena *a, const char *name, const char *value)
{
	struct askd_header *header;

	if (headers->count + 1 >= sizeof headers->list / sizeof *headers->list)
		return false;
	header = arena_zalloc(a, sizeof *header);
	if (!header)
		return false;
	*header = (struct askd_header){.size = sizeof *header,
	        .name = askd_text_of(name),
	        .value = askd_text_of(arena_string(a, value))};
	if (!header->value.s)
		return false;
	headers->list[headers->count++] = header;
	headers->list[headers->count] = NULL;
	return true;
}

/* A token of RFC 9110. */
static bool name_is_sound(struct askd_text name)
{
	if (!name.n || name.n > 64)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.s[i]) && !strchr("!#$%&'*+-.^_`|~", name.s[i]))
			return false;
	return true;
}

static bool value_is_sound(struct askd_text value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.s[i] < ' ' ? value.s[i] != '\t' : value.s[i] == 0x7f)
			return false;
	return value.s != NULL;
}

bool reply_is_sound(const struct askd_web_response *response, struct askd_error *reterr)
{
	static const char *const servers[] = {
	        "content-length", "content-type", "transfer-encoding", "connection", "date", NULL};
	size_t n = 0;

	if (response->status < 200 || response->status > 599) {
		askd_fail(reterr, ASKD_E_PROTOCOL, "%d is no status of a reply", response->status);
		return false;
	}
	for (; response->headers && response->headers[n]; n++) {
		const struct askd_header *h = response->headers[n];

		for (size_t i = 0; servers[i]; i++)
			if (h->name.s && !strcasecmp(h->name.s, servers[i])) {
				askd_fail(reterr, ASKD_E_PROTOCOL,
				        "the header %s is the server's to write", servers[i]);
				return false;
			}
		if (!name_is_sound(h->name) || !value_is_sound(h->value)) {
			askd_fail(reterr, ASKD_E_PROTOCOL, "header %zu of the reply is unsound",
			        n + 1);
			return false;
		}
	}
	if (response->type.s && !value_is_sound(response->type)) {
		askd_fail(reterr, ASKD_E_PROTOCOL, "the type of the reply is unsound");
		return false;
	}
	return true;
}

const char *reply_language(struct arena *a, const struct askd_web_request *in)
{
	struct askd_text given = web_header(in, "accept-language");
	size_t n = 0;
	char *tag;

	while (n < given.n && (isalnum((unsigned char)given.s[n]) || given.s[n] == '-'))
		n++;
	if (n < 2 || n > 15)
		return "en";
	tag = arena_copy(a, given.s, n);
	return tag ? tag : "en";
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const struct {
	int32_t status;
	const char *code, *text;
} errors[] = {
        {400, "INVALID_REQUEST", "This request cannot be understood."},
        {401, "UNAUTHORIZED",
                "This needs a valid API key, in the header Authorization: Bearer KEY."},
        {403, "FORBIDDEN", "This API key may not do that."},
        {404, "NOT_FOUND", "There is nothing here by this name."},
        {405, "METHOD_NOT_ALLOWED", "This address does not know that method."},
        {409, "CONFLICT", "Something changed meanwhile. Please send that again."},
        {413, "TOO_LARGE", "This is larger than is taken here."},
        {415, "UNSUPPORTED_TYPE", "The body of this request has a type that is not taken here."},
        {429, "RATE_LIMIT", "These are too many requests. Please wait a little."},
        {500, "INTERNAL_ERROR",
                "Something on my side is not working as it should. I have noted it for the "
                "people who run me."},
        {503, "UNAVAILABLE", "I cannot take this just now. Please try again in a moment."},
        {504, "TIMEOUT", "This took too long, so I stopped."},
};
enum { ERRORS = sizeof errors / sizeof *errors, INTERNAL = 9 };

void web_error(struct plugin_call *call, struct askd_web_response *out, int32_t status,
        const char *code, const char *text, int64_t retry_after_s)
{
	struct reply_headers headers = {.count = 0};
	struct buffer b;
	struct askd_text body;
	char seconds[24];

	buffer_init(&b, 0);
	buffer_add_string(&b, "{\"error\":");
	json_add_string(&b, text, strlen(text));
	buffer_print(&b, ",\"code\":\"%s\",\"details\":", code);
	if (retry_after_s)
		buffer_print(&b, "{\"retry_after\":%lld}}", (long long)retry_after_s);
	else
		buffer_add_string(&b, "null}");
	body = b.failed ? ASKD_LITERAL("{\"error\":\"no memory\",\"code\":\"INTERNAL_ERROR\","
	                               "\"details\":null}")
	                : arena_text(&call->arena, buffer_text(&b));
	buffer_finish(&b);
	*out = (struct askd_web_response){.size = sizeof *out,
	        .status = status,
	        .id = out->id,
	        .type = ASKD_LITERAL("application/json"),
	        .body = {body.s, body.n}};
	snprintf(seconds, sizeof seconds, "%lld", (long long)retry_after_s);
	if (retry_after_s)
		reply_header(&headers, &call->arena, "retry-after", seconds);
	if (status == 401)
		reply_header(&headers, &call->arena, "www-authenticate", "Bearer realm=\"askd\"");
	if (headers.count) {
		const void *list = arena_copy(&call->arena, (const char *)headers.list,
		        (headers.count + 1) * sizeof *headers.list);

		out->headers = list;
	}
}

void reply_error(struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, int32_t status, int64_t retry_after_s)
{
	size_t i = 0;
	const char *text;

	while (i < ERRORS && errors[i].status != status)
		i++;
	if (i == ERRORS) {
		web_error(call, out, status, status < 500 ? "INVALID_REQUEST" : "INTERNAL_ERROR",
		        errors[status < 500 ? 0 : INTERNAL].text, retry_after_s);
		return;
	}
	text = i18n_text(&call->arena, reply_language(&call->arena, in), errors[i].text, NULL);
	web_error(call, out, status, errors[i].code, text ? text : errors[i].text, retry_after_s);
}

void reply_failure(struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, const struct askd_error *error)
{
	int64_t retry_s = ((int64_t)error->retry_after_ms + 999) / 1000;
	int32_t status = 500;

	switch (error->code) {
	case ASKD_E_NOT_FOUND:
		status = 404;
		break;
	case ASKD_E_DENIED:
		status = 403;
		break;
	case ASKD_E_CONFLICT:
		status = 409;
		break;
	case ASKD_E_TOO_LARGE:
		status = 413;
		break;
	case ASKD_E_BUSY:
	case ASKD_E_CANCELED: /* nobody but the end of the daemon: who left hears nothing */
	case ASKD_E_NOMEM:
		status = 503;
		retry_s = retry_s ? retry_s : WEB_RETRY_S;
		break;
	case ASKD_E_QUOTA:
		status = 429;
		retry_s = retry_s ? retry_s : 60;
		break;
	case ASKD_E_TIMEOUT:
		status = 504;
		break;
	default:
		break;
	}
	reply_error(call, in, out, status, status == 503 || status == 429 ? retry_s : 0);
}
