/* request.c: from the contract's request to a body of /chat/completions. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "openai.h"

static void put(struct bytes *b, const char *s)
{
	bytes_add(b, s, strlen(s));
}

static void put_text(struct bytes *b, const char *before, struct askd_text text)
{
	put(b, before);
	bytes_add_string(b, text.s, text.n);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void base64(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
		                (i + 2 < n ? p[i + 2] : 0);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digits[bits & 63] : '=';
	}
	*out = 0;
}

/* A picture as {"type": "image_url", "image_url": {"url": "data:..."}}. */
static int32_t put_file(struct bytes *b, const struct askd_file *file, struct askd_error *reterr)
{
	unsigned char *data = NULL;
	char *digits = NULL;
	size_t got = 0;
	int32_t rc = ASKD_E_NOMEM;

	if (!file->mime.s || strncmp(file->mime.s, "image/", 6) != 0)
		return askd_fail(reterr, ASKD_E_UNSUPPORTED,
		        "this engine takes pictures only, not files of type %.60s",
		        file->mime.s ? file->mime.s : "(unknown)");
	if (file->length > OPENAI_FILE_MAX)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "a picture is larger than %d MB",
		        OPENAI_FILE_MAX >> 20);
	data = malloc(file->length + 1);
	digits = malloc((file->length + 2) / 3 * 4 + 1);
	if (!data || !digits)
		goto out;
	while (got < file->length) {
		ssize_t n = pread(file->fd, data + got, file->length - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = ASKD_E_IO;
			goto out;
		}
		got += (size_t)n;
	}
	base64(data, got, digits);
	put(b, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:");
	bytes_escape(b, file->mime.s, file->mime.n);
	put(b, ";base64,");
	put(b, digits);
	put(b, "\"}}");
	rc = ASKD_OK;
out:
	free(data);
	free(digits);
	return rc ? askd_fail(reterr, rc,
	                    rc == ASKD_E_IO ? "a picture cannot be read"
	                                    : "no memory for a picture")
	          : ASKD_OK;
}

/* Text and pictures of a message. */
static int32_t put_content(
        struct bytes *b, const struct askd_llm_message *message, struct askd_error *reterr)
{
	int32_t rc = ASKD_OK;

	if (!message->files || !message->files[0]) {
		put_text(b, ",\"content\":", message->text);
		return ASKD_OK;
	}
	put(b, ",\"content\":[");
	if (message->text.n) {
		put_text(b, "{\"type\":\"text\",\"text\":", message->text);
		put(b, "},");
	}
	for (size_t i = 0; !rc && message->files[i]; i++) {
		put(b, i ? "," : "");
		rc = put_file(b, message->files[i], reterr);
	}
	put(b, "]");
	return rc;
}

static void put_calls(struct bytes *b, const struct askd_tool_call *const *calls)
{
	for (size_t i = 0; calls[i]; i++) {
		put_text(b, i ? ",{\"id\":" : ",\"tool_calls\":[{\"id\":", calls[i]->id);
		put_text(b, ",\"type\":\"function\",\"function\":{\"name\":", calls[i]->name);
		put_text(b, ",\"arguments\":", calls[i]->arguments);
		put(b, "}}");
	}
	put(b, "]");
}

static int32_t put_messages(
        struct bytes *b, const struct askd_llm_request *in, struct askd_error *reterr)
{
	static const char *const roles[] = {NULL, "system", "user", "assistant", "tool"};

	if (!in->messages || !in->messages[0])
		return askd_fail(reterr, ASKD_E_INVALID,
		        "the request has no messages; this engine does not work from the task");
	put(b, ",\"messages\":[");
	for (size_t i = 0; in->messages[i]; i++) {
		const struct askd_llm_message *message = in->messages[i];
		int32_t rc;

		if (message->role < ASKD_ROLE_SYSTEM || message->role > ASKD_ROLE_TOOL)
			return askd_fail(
			        reterr, ASKD_E_INVALID, "a message has the role %u", message->role);
		put(b, i ? ",{\"role\":\"" : "{\"role\":\"");
		put(b, roles[message->role]);
		put(b, "\"");
		rc = put_content(b, message, reterr);
		if (rc)
			return rc;
		if (message->role == ASKD_ROLE_TOOL)
			put_text(b, ",\"tool_call_id\":", message->tool_call_id);
		if (message->role == ASKD_ROLE_ASSISTANT && message->calls && message->calls[0])
			put_calls(b, message->calls);
		put(b, "}");
	}
	put(b, "]");
	return ASKD_OK;
}

/* ---- what else a request says -----------------------------------------------------------------
 */

/* The host has checked that schemas are JSON. */
static void put_tools(struct bytes *b, const struct askd_llm_request *in)
{
	static const char *const choices[] = {"auto", "none", "required"};

	if (!in->tools || !in->tools[0])
		return;
	for (size_t i = 0; in->tools[i]; i++) {
		const struct askd_llm_tool *tool = in->tools[i];

		put(b, i ? "," : ",\"tools\":[");
		put_text(b, "{\"type\":\"function\",\"function\":{\"name\":", tool->name);
		put_text(b, ",\"description\":", tool->description);
		put(b, ",\"parameters\":");
		if (tool->schema.s)
			bytes_add(b, tool->schema.s, tool->schema.n);
		else
			put(b, "{\"type\":\"object\",\"properties\":{}}");
		put(b, "}}");
	}
	put(b, "]");
	if (in->tool_choice <= ASKD_TOOL_REQUIRED) {
		put(b, ",\"tool_choice\":\"");
		put(b, choices[in->tool_choice]);
		put(b, "\"");
	}
}

static void put_format(
        const struct openai *o, struct bytes *b, const struct askd_llm_request *in, uint32_t lacks)
{
	if (!in->reply_schema.n || o->json == OPENAI_JSON_OFF)
		return;
	if (o->json != OPENAI_JSON_OBJECT && !(lacks & OPENAI_NO_SCHEMA)) {
		put(b, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
		       "{\"name\":\"reply\",\"strict\":true,\"schema\":");
		bytes_add(b, in->reply_schema.s, in->reply_schema.n);
		put(b, "}}");
	} else if (!(lacks & OPENAI_NO_OBJECT) && o->json != OPENAI_JSON_SCHEMA) {
		put(b, ",\"response_format\":{\"type\":\"json_object\"}");
	}
}

static void put_settings(
        const struct openai *o, struct bytes *b, const struct askd_llm_request *in, uint32_t lacks)
{
	const bool new_limit =
	        o->max_output_name == OPENAI_LIMIT_NEW ||
	        (o->max_output_name == OPENAI_LIMIT_AUTO && lacks & OPENAI_NEW_LIMIT);
	char text[64];

	if (in->max_output) {
		snprintf(text, sizeof text, ",\"%s\":%u",
		        new_limit ? "max_completion_tokens" : "max_tokens", in->max_output);
		put(b, text);
	}
	if (in->temperature_milli >= 0 && !(lacks & OPENAI_NO_TEMPERATURE)) {
		snprintf(text, sizeof text, ",\"temperature\":%d.%03d",
		        in->temperature_milli / 1000, in->temperature_milli % 1000);
		put(b, text);
	}
	if (in->stream)
		put(b, lacks & OPENAI_NO_USAGE
		                ? ",\"stream\":true"
		                : ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
}

int32_t openai_body(struct openai *o, const struct askd_llm_request *in, uint32_t lacks,
        struct bytes *body, struct askd_error *reterr)
{
	struct askd_text model = in->model.n ? in->model : askd_text_of(o->model);
	int32_t rc;

	body->max = SIZE_MAX / 4;
	put_text(body, "{\"model\":", model);
	put_settings(o, body, in, lacks);
	rc = put_messages(body, in, reterr);
	put_tools(body, in);
	put_format(o, body, in, lacks);
	put(body, "}");
	bytes_fit(body); /* it stays for as long as the model thinks */
	if (!rc && body->failed)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	return rc;
}
