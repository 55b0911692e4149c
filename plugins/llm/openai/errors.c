/* errors.c: the words of servers, and what they mean. */
#include <stdlib.h>
#include <strings.h>

#include "openai.h"

/* The object that describes the error: {"error": {...}}, {"error": "..."}, {"message": ...}, and
 * lists of one of these. */
static const json_t *inner(const json_t *body)
{
	const json_t *error;

	if (json_is_array(body))
		body = json_array_get(body, 0);
	error = json_object_get(body, "error");
	if (json_is_object(error))
		return error;
	return body;
}

static const char *message_of(const json_t *body)
{
	static const char *const names[] = {"message", "error", "detail", "title", NULL};
	const json_t *error = inner(body);

	for (int i = 0; names[i]; i++) {
		const char *s = json_string_value(json_object_get(error, names[i]));

		if (s && *s)
			return s;
	}
	return json_is_string(body) ? json_string_value(body) : "";
}

/* Puts the message into the error: one line, cut, without our secrets. */
static void add_message(const struct openai *o, const char *message, struct askd_error *reterr)
{
	const size_t start = strlen(reterr->message);
	size_t at = start;

	if (!*message)
		return;
	at += (size_t)snprintf(
	        reterr->message + at, sizeof reterr->message - at, start ? ": " : "");
	for (const char *s = message; *s && at < start + OPENAI_MESSAGE + 2;) {
		size_t secret = 0;

		if (o->api_key && *o->api_key && !strncmp(s, o->api_key, strlen(o->api_key)))
			secret = strlen(o->api_key);
		for (size_t i = 0; !secret && o->headers && o->headers[i]; i += 2)
			if (strlen(o->headers[i + 1]) > 5 &&
			        !strncmp(s, o->headers[i + 1], strlen(o->headers[i + 1])))
				secret = strlen(o->headers[i + 1]);
		if (secret) {
			memcpy(reterr->message + at, "***", 3);
			at += 3;
			s += secret;
			continue;
		}
		reterr->message[at++] = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
		s++;
	}
	while (at && ((unsigned char)reterr->message[at - 1] & 0xc0) == 0x80 &&
	        !openai_is_text(reterr->message, at))
		at--;
	if (at && !openai_is_text(reterr->message, at))
		at--;
	while (at && (reterr->message[at - 1] == '.' || reterr->message[at - 1] == ' '))
		at--;
	reterr->message[at] = 0;
}

void openai_add_remedy(struct askd_error *reterr)
{
	const char *remedy =
	        !reterr                            ? NULL
	        : reterr->code == ASKD_E_AUTH      ? "check `api_key`"
	        : reterr->code == ASKD_E_NOT_FOUND ? "check `model` and `base_url`"
	        : reterr->code == ASKD_E_QUOTA     ? "see your account there"
	        : reterr->code == ASKD_E_IO && !reterr->detail && reterr->flags & ASKD_ERR_RETRY
	                ? "check `base_url`, and that the server runs"
	                : NULL;
	size_t n = remedy ? strlen(reterr->message) : 0;

	if (remedy && n + strlen(remedy) + 4 < sizeof reterr->message)
		snprintf(reterr->message + n, sizeof reterr->message - n, " (%s)", remedy);
}

struct meaning {
	const char *word; /* of code, type or status */
	int32_t code;
	uint32_t flags;
};

static const struct meaning meanings[] = {
        {"context_length_exceeded", ASKD_E_TOO_LARGE, 0},
        {"string_above_max_length", ASKD_E_TOO_LARGE, 0},
        {"request_too_large", ASKD_E_TOO_LARGE, 0},
        {"content_filter", ASKD_E_REFUSED, 0},
        {"content_policy_violation", ASKD_E_REFUSED, 0},
        {"insufficient_quota", ASKD_E_QUOTA, 0},
        {"billing_hard_limit_reached", ASKD_E_QUOTA, 0},
        {"billing_not_active", ASKD_E_QUOTA, 0},
        {"insufficient_balance", ASKD_E_QUOTA, 0},
        {"invalid_api_key", ASKD_E_AUTH, 0},
        {"authentication_error", ASKD_E_AUTH, 0},
        {"permission_error", ASKD_E_DENIED, 0},
        {"permission_denied", ASKD_E_DENIED, 0},
        {"model_not_found", ASKD_E_NOT_FOUND, 0},
        {"not_found_error", ASKD_E_NOT_FOUND, 0},
        {"rate_limit_exceeded", ASKD_E_BUSY, ASKD_ERR_RETRY},
        {"rate_limit_error", ASKD_E_BUSY, ASKD_ERR_RETRY},
        {"requests", ASKD_E_BUSY, ASKD_ERR_RETRY},
        {"tokens", ASKD_E_BUSY, ASKD_ERR_RETRY},
        {"overloaded_error", ASKD_E_BUSY, ASKD_ERR_RETRY},
        {"engine_overloaded", ASKD_E_BUSY, ASKD_ERR_RETRY},
        {"server_error", ASKD_E_IO, ASKD_ERR_RETRY},
        {"internal_error", ASKD_E_IO, ASKD_ERR_RETRY},
        {"internal_server_error", ASKD_E_IO, ASKD_ERR_RETRY},
        {"api_error", ASKD_E_IO, ASKD_ERR_RETRY},
        {"timeout", ASKD_E_TIMEOUT, ASKD_ERR_RETRY},
};

static const struct meaning *meaning_of(const char *word)
{
	for (size_t i = 0; word && i < sizeof meanings / sizeof *meanings; i++)
		if (!strcasecmp(word, meanings[i].word))
			return &meanings[i];
	return NULL;
}

static bool speaks_of(const char *message, const char *const *phrases)
{
	for (; *phrases; phrases++)
		if (strcasestr(message, *phrases))
			return true;
	return false;
}

static int32_t code_of_status(int32_t status, uint32_t *flags)
{
	*flags = 0;
	switch (status) {
	case 401:
		return ASKD_E_AUTH;
	case 402:
		return ASKD_E_QUOTA;
	case 403:
		return ASKD_E_DENIED;
	case 404:
		return ASKD_E_NOT_FOUND;
	case 408:
		*flags = ASKD_ERR_RETRY;
		return ASKD_E_TIMEOUT;
	case 413:
		return ASKD_E_TOO_LARGE;
	case 429:
	case 503:
	case 529:
		*flags = ASKD_ERR_RETRY;
		return ASKD_E_BUSY;
	default:
		break;
	}
	if (status >= 500 || status < 300) {
		*flags = ASKD_ERR_RETRY;
		return ASKD_E_IO;
	}
	return ASKD_E_REMOTE;
}

static const char *header(const struct askd_header *const *headers, const char *name)
{
	for (size_t i = 0; headers && headers[i]; i++)
		if (headers[i]->name.s && !strcasecmp(headers[i]->name.s, name))
			return headers[i]->value.s;
	return NULL;
}

/* The delay that the server named, at most an hour. */
static uint32_t delay_ms(const struct openai *o, const struct askd_header *const *headers)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL};
	const char *s = header(headers, "retry-after-ms");
	double ms = -1;
	char *end;
	struct tm tm = {0};

	if (s) {
		ms = strtod(s, &end);
		if (end == s)
			ms = -1;
	}
	s = header(headers, "retry-after");
	if (ms < 0 && s) {
		ms = strtod(s, &end) * 1000;
		if (end == s || *end)
			ms = -1;
		for (int i = 0; ms < 0 && days[i]; i++)
			if (!strncmp(s, days[i], 3) &&
			        strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm)) {
				ms = ((double)timegm(&tm) * 1e6 -
				             (double)o->host->now_us(o->host)) /
				     1000;
				ms = ms < 1 ? 1 : ms;
			}
	}
	if (!(ms > 0))
		return 0;
	return ms > 3600000 ? 3600000 : ms < 1 ? 1 : (uint32_t)ms;
}

int32_t openai_fail(const struct openai *o, int32_t status, const json_t *body,
        const struct askd_header *const *headers, struct askd_error *reterr)
{
	static const char *const too_long[] = {"maximum context length", "context window",
	        "context length", "context size", "prompt is too long", NULL};
	const json_t *error = inner(body), *code = json_object_get(error, "code");
	const char *word = json_string_value(code);
	const char *type = json_string_value(json_object_get(error, "type"));
	const char *message = message_of(body);
	const struct meaning *meaning = meaning_of(word);
	struct askd_error made = {0};
	uint32_t flags;
	int32_t rc;

	if (status < 300 && json_is_integer(code))
		status = (int32_t)json_integer_value(code);
	rc = code_of_status(status, &flags);
	if (!meaning)
		meaning = meaning_of(type);
	/* The status decides; the words tell apart what one status is used for. */
	if (meaning && (status < 300 || status == 400 || status == 422 || status == 429 ||
	                       status == 403 || status == 500)) {
		rc = meaning->code;
		flags = meaning->flags;
	} else if ((status == 400 || status == 422) && speaks_of(message, too_long)) {
		rc = ASKD_E_TOO_LARGE;
		flags = 0;
	}
	askd_fail(&made, rc,
	        status < 300 ? "the server answered with an error" : "the server answered %d",
	        status);
	made.detail = status;
	made.flags = flags;
	if (rc == ASKD_E_BUSY || flags & ASKD_ERR_RETRY)
		made.retry_after_ms = delay_ms(o, headers);
	snprintf(made.native, sizeof made.native, "%.31s", word ? word : type ? type : "");
	if (!openai_is_text(made.native, strlen(made.native)))
		made.native[0] = 0;
	add_message(o, message, &made);
	openai_add_remedy(&made);
	if (reterr)
		*reterr = made;
	return rc;
}

uint32_t openai_complaint(const json_t *body, uint32_t used)
{
	static const char *const format[] = {
	        "response_format", "json_schema", "json_object", "structured output", NULL};
	static const char *const options[] = {"stream_options", "include_usage", NULL};
	static const char *const limit[] = {"max_completion_tokens", "max_tokens", NULL};
	static const char *const temperature[] = {"temperature", NULL};
	const json_t *error = inner(body);
	const char *param = json_string_value(json_object_get(error, "param"));
	const char *message = message_of(body);
	const struct {
		const char *const *phrases;
		uint32_t bits;
	} rows[] = {{options, OPENAI_NO_USAGE}, {temperature, OPENAI_NO_TEMPERATURE},
	        {limit, OPENAI_NEW_LIMIT}, {format, OPENAI_NO_SCHEMA | OPENAI_NO_OBJECT}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t bits = rows[i].bits & used;

		if (bits && ((param && speaks_of(param, rows[i].phrases)) ||
		                    speaks_of(message, rows[i].phrases)))
			return bits & ~(bits - 1);
	}
	return 0;
}
