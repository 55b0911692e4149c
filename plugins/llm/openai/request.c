/* request.c: from the contract's request to a body of /chat/completions. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "openai.h"

static json_t *text_json(struct askd_text text)
{
	return json_stringn(text.s ? text.s : "", text.n);
}

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
static int32_t file_json(const struct askd_file *file, json_t **part, struct askd_error *reterr)
{
	unsigned char *data = NULL;
	char *url = NULL;
	size_t got = 0, head;
	int32_t rc = ASKD_E_NOMEM;

	if (!file->mime.s || strncmp(file->mime.s, "image/", 6) != 0)
		return askd_fail(reterr, ASKD_E_UNSUPPORTED,
		        "this engine takes pictures only, not files of type %.60s",
		        file->mime.s ? file->mime.s : "(unknown)");
	if (file->length > OPENAI_FILE_MAX)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "a picture is larger than %d MB",
		        OPENAI_FILE_MAX >> 20);
	data = malloc(file->length + 1);
	url = malloc((size_t)file->mime.n + (file->length + 2) / 3 * 4 + 32);
	if (!data || !url)
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
	head = (size_t)sprintf(url, "data:%s;base64,", file->mime.s);
	base64(data, got, url + head);
	*part = json_pack("{s:s, s:{s:s}}", "type", "image_url", "image_url", "url", url);
	rc = *part ? ASKD_OK : ASKD_E_NOMEM;
out:
	free(data);
	free(url);
	return rc ? askd_fail(reterr, rc,
	                    rc == ASKD_E_IO ? "a picture cannot be read"
	                                    : "no memory for a picture")
	          : ASKD_OK;
}

/* Text and pictures of a message. */
static int32_t content_json(
        const struct askd_llm_message *message, json_t **content, struct askd_error *reterr)
{
	json_t *parts, *part = NULL;
	int32_t rc = ASKD_OK;

	if (!message->files || !message->files[0]) {
		*content = text_json(message->text);
		return *content ? ASKD_OK
		                : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	}
	parts = json_array();
	if (message->text.n)
		json_array_append_new(parts,
		        json_pack("{s:s, s:o}", "type", "text", "text", text_json(message->text)));
	for (size_t i = 0; !rc && message->files[i]; i++) {
		rc = file_json(message->files[i], &part, reterr);
		if (!rc && json_array_append_new(parts, part))
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	}
	if (rc)
		json_decref(parts);
	else
		*content = parts;
	return rc;
}

static json_t *calls_json(const struct askd_tool_call *const *calls)
{
	json_t *list = json_array();

	for (size_t i = 0; calls[i]; i++)
		if (json_array_append_new(
		            list, json_pack("{s:o, s:s, s:{s:o, s:o}}", "id",
		                          text_json(calls[i]->id), "type", "function", "function",
		                          "name", text_json(calls[i]->name), "arguments",
		                          text_json(calls[i]->arguments)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int32_t message_json(
        const struct askd_llm_message *message, json_t **made, struct askd_error *reterr)
{
	static const char *const roles[] = {NULL, "system", "user", "assistant", "tool"};
	json_t *content = NULL, *json = NULL;
	int32_t rc;

	if (message->role < ASKD_ROLE_SYSTEM || message->role > ASKD_ROLE_TOOL)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "a message has the role %u", message->role);
	rc = content_json(message, &content, reterr);
	if (rc)
		return rc;
	json = json_pack("{s:s, s:o}", "role", roles[message->role], "content", content);
	rc = json ? 0 : -1;
	if (json && message->role == ASKD_ROLE_TOOL)
		rc = json_object_set_new(json, "tool_call_id", text_json(message->tool_call_id));
	if (json && message->role == ASKD_ROLE_ASSISTANT && message->calls && message->calls[0])
		rc = json_object_set_new(json, "tool_calls", calls_json(message->calls));
	if (rc) {
		json_decref(json);
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	}
	*made = json;
	return ASKD_OK;
}

static int32_t add_messages(
        json_t *root, const struct askd_llm_request *in, struct askd_error *reterr)
{
	json_t *list = json_array(), *message = NULL;

	if (json_object_set_new(root, "messages", list))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	for (size_t i = 0; in->messages && in->messages[i]; i++) {
		int32_t rc = message_json(in->messages[i], &message, reterr);

		if (rc)
			return rc;
		if (json_array_append_new(list, message))
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	}
	if (!json_array_size(list))
		return askd_fail(reterr, ASKD_E_INVALID,
		        "the request has no messages; this engine does not work from the task");
	return ASKD_OK;
}

static int32_t add_tools(json_t *root, const struct askd_llm_request *in, struct askd_error *reterr)
{
	static const char *const choices[] = {"auto", "none", "required"};
	json_t *list;
	bool cut;

	if (!in->tools || !in->tools[0])
		return ASKD_OK;
	list = json_array();
	for (size_t i = 0; in->tools[i]; i++) {
		const struct askd_llm_tool *tool = in->tools[i];
		json_t *schema = tool->schema.s
		                         ? openai_json(tool->schema.s, tool->schema.n, &cut)
		                         : json_pack("{s:s, s:{}}", "type", "object", "properties");

		if (!schema) {
			json_decref(list);
			return askd_fail(reterr, ASKD_E_INVALID,
			        "the schema of the tool %.60s is no JSON object", tool->name.s);
		}
		if (json_array_append_new(
		            list, json_pack("{s:s, s:{s:o, s:o, s:o}}", "type", "function",
		                          "function", "name", text_json(tool->name), "description",
		                          text_json(tool->description), "parameters", schema)))
			goto nomem;
	}
	if (json_object_set_new(root, "tools", list))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	if (in->tool_choice <= ASKD_TOOL_REQUIRED &&
	        json_object_set_new(root, "tool_choice", json_string(choices[in->tool_choice])))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	return ASKD_OK;
nomem:
	json_decref(list);
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
}

static int32_t add_format(const struct openai *o, json_t *root, const struct askd_llm_request *in,
        uint32_t lacks, struct askd_error *reterr)
{
	json_t *schema, *format = NULL;
	bool cut;

	if (!in->reply_schema.n || o->json == OPENAI_JSON_OFF)
		return ASKD_OK;
	if (o->json != OPENAI_JSON_OBJECT && !(lacks & OPENAI_NO_SCHEMA)) {
		schema = openai_json(in->reply_schema.s, in->reply_schema.n, &cut);
		if (!schema)
			return askd_fail(
			        reterr, ASKD_E_INVALID, "the reply's schema is no JSON object");
		format = json_pack("{s:s, s:{s:s, s:b, s:o}}", "type", "json_schema", "json_schema",
		        "name", "reply", "strict", 1, "schema", schema);
	} else if (!(lacks & OPENAI_NO_OBJECT) && o->json != OPENAI_JSON_SCHEMA) {
		format = json_pack("{s:s}", "type", "json_object");
	} else {
		return ASKD_OK;
	}
	return json_object_set_new(root, "response_format", format)
	               ? askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request")
	               : ASKD_OK;
}

static bool add_settings(
        const struct openai *o, json_t *root, const struct askd_llm_request *in, uint32_t lacks)
{
	const bool new_limit =
	        o->max_output_name == OPENAI_LIMIT_NEW ||
	        (o->max_output_name == OPENAI_LIMIT_AUTO && lacks & OPENAI_NEW_LIMIT);
	int rc = 0;

	if (in->max_output)
		rc |= json_object_set_new(root, new_limit ? "max_completion_tokens" : "max_tokens",
		        json_integer(in->max_output));
	if (in->temperature_milli >= 0 && !(lacks & OPENAI_NO_TEMPERATURE))
		rc |= json_object_set_new(
		        root, "temperature", json_real((double)in->temperature_milli / 1000));
	if (in->stream) {
		rc |= json_object_set_new(root, "stream", json_true());
		if (!(lacks & OPENAI_NO_USAGE))
			rc |= json_object_set_new(
			        root, "stream_options", json_pack("{s:b}", "include_usage", 1));
	}
	return !rc;
}

int32_t openai_body(const struct openai *o, const struct askd_llm_request *in, uint32_t lacks,
        char **body, struct askd_error *reterr)
{
	json_t *root = json_object();
	struct askd_text model = in->model.n ? in->model : askd_text_of(o->model);
	char *dumped = NULL;
	int32_t rc = ASKD_OK;

	if (json_object_set_new(root, "model", text_json(model)) ||
	        !add_settings(o, root, in, lacks))
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	if (!rc)
		rc = add_messages(root, in, reterr);
	if (!rc)
		rc = add_tools(root, in, reterr);
	if (!rc)
		rc = add_format(o, root, in, lacks, reterr);
	if (!rc) {
		dumped = json_dumps(root, JSON_COMPACT);
		if (!dumped)
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	}
	json_decref(root);
	if (!rc)
		*body = dumped;
	return rc;
}
