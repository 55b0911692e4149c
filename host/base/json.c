/* json.c: JSON from strangers, with limits. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"

enum { WRITE_DEPTH = 2 * JSON_DEPTH_MAX }; /* what was read may stand inside what we add */

static void place_of(struct askd_text text, size_t at, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text.s[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text.s[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* The first bracket that is too deep; text.n: there is none. */
static size_t too_deep(struct askd_text text)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.s[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return i;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return text.n;
}

json_t *json_read(struct askd_text text, struct askd_error *reterr)
{
	json_error_t error;
	unsigned line, column;
	json_t *json;
	size_t at;

	if (!text.s || !text_is_valid(text.s, text.n)) {
		at = 0;
		while (text.s && at < text.n && text_character(text.s + at, text.n - at))
			at += text_character(text.s + at, text.n - at);
		place_of(text, text.s ? at : 0, &line, &column);
		askd_fail(reterr, ASKD_E_INVALID, "line %u, column %u: %s", line, column,
		        text.s ? "invalid UTF-8 or a NUL byte" : "no text");
		return NULL;
	}
	at = too_deep(text);
	if (at < text.n) {
		place_of(text, at, &line, &column);
		askd_fail(reterr, ASKD_E_INVALID,
		        "line %u, column %u: nested deeper than %d levels", line, column,
		        JSON_DEPTH_MAX);
		return NULL;
	}
	json = json_loadb(text.s, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	/* Where memory is missing jansson has no words for it. */
	if (!json && (!error.text[0] || json_error_code(&error) == json_error_out_of_memory))
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to read JSON");
	else if (!json)
		askd_fail(reterr, ASKD_E_INVALID, "line %d, column %d: %s",
		        error.line < 1 ? 1 : error.line, error.column < 1 ? 1 : error.column,
		        error.text);
	return json;
}

int32_t json_check(struct askd_text text, struct askd_error *reterr)
{
	struct askd_error why = {0};
	json_t *json;

	if (json_is_plain(text))
		return ASKD_OK;
	json = json_read(text, &why);
	json_decref(json);
	return json ? ASKD_OK : error_copy(reterr, &why);
}

const char *json_get_string(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

int64_t json_get_int(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *member = json_object_get(object, name);

	return json_is_integer(member) ? json_integer_value(member) : otherwise;
}

void json_add_string(struct buffer *b, const char *s, size_t n)
{
	size_t from = 0, at = 0;
	bool valid = text_is_valid(s, n);

	buffer_add(b, "\"", 1);
	while (at < n) {
		unsigned char c;
		size_t length;

		if (valid && (at += json_string_run(s + at, n - at)) == n)
			break;
		c = (unsigned char)s[at];
		length = valid ? 1 : text_character(s + at, n - at);
		if (length > 1 || (length && c >= 0x20 && c != '"' && c != '\\')) {
			at += length;
			continue;
		}
		buffer_add(b, s + from, at - from);
		if (c == '"' || c == '\\')
			buffer_print(b, "\\%c", c);
		else if (c == '\n')
			buffer_add(b, "\\n", 2);
		else if (c < 0x20)
			buffer_print(b, "\\u%04x", c);
		else
			buffer_add_string(b, "\xef\xbf\xbd"); /* U+FFFD: that was no UTF-8 */
		from = ++at;
	}
	if (at > from)
		buffer_add(b, s + from, at - from);
	buffer_add(b, "\"", 1);
}

/* Amounts mostly have at most three decimals: then they are an integer over a thousand, and no
 * other decimal form that reads back as the same number is shorter. */
static bool add_short_float(struct buffer *b, double f)
{
	const double most = 1e11;
	int64_t thousandths, rest;

	if (!(fabs(f) < most))
		return false;
	thousandths = llround(f * 1000);
	rest = llabs(thousandths % 1000);
	if ((!thousandths && signbit(f)) || (double)thousandths / 1000 != f)
		return false;
	if (f < 0)
		buffer_add(b, "-", 1);
	buffer_add_int(b, llabs(thousandths / 1000));
	if (rest % 10)
		buffer_print(b, ".%03d", (int)rest);
	else if (rest % 100)
		buffer_print(b, ".%02d", (int)rest / 10);
	else
		buffer_print(b, ".%d", (int)rest / 100);
	return true;
}

/* The shortest decimal form that reads back as the same number. */
static void add_float(struct buffer *b, double f)
{
	char s[40];

	if (add_short_float(b, f))
		return;
	if (!isfinite(f)) {
		buffer_add_string(b, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(s, sizeof s, "%.*g", digits, f);
		if (strtod(s, NULL) == f)
			break;
	}
	buffer_add_string(b, s);
	if (!strpbrk(s, ".e"))
		buffer_add_string(b, ".0");
}

/* Walks down at most `levels`. */
static void add_json(struct buffer *b, const json_t *json, int levels)
{
	const char *between = "";
	size_t i;
	json_t *item;

	if (!levels) {
		b->failed = true;
		return;
	}
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		buffer_add(b, "{", 1);
		for (void *at = json_object_iter((json_t *)json); at;
		        at = json_object_iter_next((json_t *)json, at)) {
			const char *key = json_object_iter_key(at);

			buffer_add_string(b, between);
			json_add_string(b, key, strlen(key));
			buffer_add(b, ":", 1);
			add_json(b, json_object_iter_value(at), levels - 1);
			between = ",";
		}
		buffer_add(b, "}", 1);
		return;
	case JSON_ARRAY:
		buffer_add(b, "[", 1);
		json_array_foreach(json, i, item)
		{
			buffer_add_string(b, between);
			add_json(b, item, levels - 1);
			between = ",";
		}
		buffer_add(b, "]", 1);
		return;
	case JSON_STRING:
		json_add_string(b, json_string_value(json), json_string_length(json));
		return;
	case JSON_INTEGER:
		buffer_add_int(b, json_integer_value(json));
		return;
	case JSON_REAL:
		add_float(b, json_real_value(json));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		buffer_add_string(b, json_is_true(json) ? "true" : "false");
		return;
	case JSON_NULL:
		buffer_add_string(b, "null");
		return;
	}
}

void json_add(struct buffer *b, const json_t *json)
{
	if (json)
		add_json(b, json, WRITE_DEPTH);
	else
		b->failed = true;
}

struct askd_text json_write(struct arena *a, const json_t *json)
{
	struct askd_text text;
	struct buffer b;

	buffer_init(&b, 0);
	json_add(&b, json);
	text = arena_text(a, buffer_text(&b));
	buffer_finish(&b);
	return text;
}

static void add_base64(struct buffer *b, const unsigned char *p, size_t n)
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	buffer_add(b, "\"", 1);
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t bits = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		                (left > 2 ? p[i + 2] : 0);
		char out[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
		        left > 1 ? digits[bits >> 6 & 63] : '=',
		        left > 2 ? digits[bits & 63] : '='};

		buffer_add(b, out, sizeof out);
	}
	buffer_add(b, "\"", 1);
}

/* "2026-11-21 12:03:44" with the T of ISO 8601. */
static void add_timestamp(struct buffer *b, const char *s, size_t n)
{
	char out[64];

	if (n > 10 && n < sizeof out && s[10] == ' ') {
		memcpy(out, s, n);
		out[10] = 'T';
		s = out;
	}
	json_add_string(b, s, n);
}

void json_add_value(struct buffer *b, const struct askd_value *value)
{
	const int64_t exact = INT64_C(1) << 53;

	switch (value->type) {
	case ASKD_NULL:
		buffer_add_string(b, "null");
		return;
	case ASKD_INT:
		if (value->u.i > exact || value->u.i < -exact)
			buffer_print(b, "\"%" PRId64 "\"", value->u.i);
		else
			buffer_add_int(b, value->u.i);
		return;
	case ASKD_BOOL:
		buffer_add_string(b, value->u.i ? "true" : "false");
		return;
	case ASKD_FLOAT:
		add_float(b, value->u.f);
		return;
	case ASKD_BYTES:
		add_base64(b, (const unsigned char *)value->u.s, value->len);
		return;
	case ASKD_TIMESTAMP:
	case ASKD_TIMESTAMPTZ:
		add_timestamp(b, value->u.s, value->len);
		return;
	default: /* ASKD_JSON too: as a text its numbers stay exact */
		json_add_string(b, value->u.s, value->len);
	}
}
