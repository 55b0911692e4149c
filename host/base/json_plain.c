/* json_plain.c: JSON that is judged and cut into parts where it stands, without a tree. */
#include "base/json.h"

enum { KEYS_MAX = 64, INTEGER_DIGITS = 18, NUMBER_BYTES = 40 };

struct scan {
	const char *at, *end;
	size_t depth;
	char close[JSON_DEPTH_MAX];      /* what ends each open container */
	size_t first[JSON_DEPTH_MAX];    /* its keys begin here */
	struct askd_text keys[KEYS_MAX]; /* of the objects that are open */
	size_t key_count;
};

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r'))
		s++;
	return s;
}

size_t json_string_run(const char *s, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t word, quote, slash;

		memcpy(&word, s + i, sizeof word);
		quote = word ^ '"' * ones;
		slash = word ^ '\\' * ones;
		if ((((word - ' ' * ones) & ~word) | ((quote - ones) & ~quote) |
		            ((slash - ones) & ~slash)) &
		        high)
			break;
	}
	while (i < n && (unsigned char)s[i] >= ' ' && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

/* Behind the closing quote of the string whose text begins at s; NULL: it does not end. */
static const char *string_end(const char *s, const char *end)
{
	for (;;) {
		s += json_string_run(s, (size_t)(end - s));
		if (s == end || (unsigned char)*s < ' ')
			return NULL;
		if (*s == '"')
			return s + 1;
		if (end - s < 2)
			return NULL;
		s += 2;
	}
}

static int hex(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
	                                            : -1;
}

/* A string with sound escapes; a half of a pair of UTF-16 is none for us. */
static bool scan_string(struct scan *scan)
{
	const char *from = ++scan->at, *stop = string_end(from, scan->end);

	if (!stop)
		return false;
	scan->at = stop;
	for (const char *s = from; (s = memchr(s, '\\', (size_t)(stop - s))); s += 2) {
		int code = 0;

		if (s[1] != 'u') {
			if (!memchr("\"\\/bfnrt", s[1], 8))
				return false;
			continue;
		}
		for (int i = 2; i < 6; i++) {
			int digit = s + i < stop ? hex(s[i]) : -1;

			if (digit < 0)
				return false;
			code = code << 4 | digit;
		}
		if (!code || (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}

static size_t digits(struct scan *scan)
{
	const char *from = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return (size_t)(scan->at - from);
}

/* None that could be too large for 64 bits or for a double. */
static bool scan_number(struct scan *scan)
{
	const char *from = scan->at;
	bool zero;
	size_t n;

	if (*scan->at == '-')
		scan->at++;
	zero = scan->at < scan->end && *scan->at == '0';
	n = digits(scan);
	if (!n || n > INTEGER_DIGITS || (zero && n > 1))
		return false;
	if (scan->at < scan->end && *scan->at == '.') {
		scan->at++;
		if (!digits(scan))
			return false;
	}
	if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
		scan->at++;
		if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
			scan->at++;
		n = digits(scan);
		if (!n || n > 2)
			return false;
	}
	return scan->at - from <= NUMBER_BYTES;
}

static bool scan_scalar(struct scan *scan)
{
	static const struct askd_text words[] = {{"true", 4}, {"false", 5}, {"null", 4}};

	if (*scan->at == '"')
		return scan_string(scan);
	if (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'))
		return scan_number(scan);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if ((size_t)(scan->end - scan->at) >= words[i].n &&
		        !memcmp(scan->at, words[i].s, words[i].n)) {
			scan->at += words[i].n;
			return true;
		}
	return false;
}

/* "name": without escapes, and not the second one of its object. */
static bool scan_key(struct scan *scan)
{
	const char *from;
	size_t n;

	scan->at = skip_blanks(scan->at, scan->end);
	if (scan->at == scan->end || *scan->at != '"' || scan->key_count == KEYS_MAX)
		return false;
	from = ++scan->at;
	n = json_string_run(from, (size_t)(scan->end - from));
	if (from + n == scan->end || from[n] != '"')
		return false;
	for (size_t i = scan->first[scan->depth - 1]; i < scan->key_count; i++)
		if (scan->keys[i].n == n && !memcmp(scan->keys[i].s, from, n))
			return false;
	scan->keys[scan->key_count++] = (struct askd_text){from, n};
	scan->at = skip_blanks(from + n + 1, scan->end);
	if (scan->at == scan->end || *scan->at != ':')
		return false;
	scan->at++;
	return true;
}

/* A container opens: *due is false when it is empty. */
static bool scan_open(struct scan *scan, bool *due)
{
	char close = *scan->at == '{' ? '}' : ']';

	if (scan->depth == JSON_DEPTH_MAX)
		return false;
	scan->first[scan->depth] = scan->key_count;
	scan->close[scan->depth++] = close;
	scan->at = skip_blanks(scan->at + 1, scan->end);
	*due = scan->at == scan->end || *scan->at != close;
	return !*due || close == ']' || scan_key(scan);
}

bool json_is_plain(struct askd_text text)
{
	struct scan scan;
	bool due = true; /* a value; else what follows one */

	if (!text.s || !text_is_valid(text.s, text.n))
		return false;
	scan.at = text.s;
	scan.end = text.s + text.n;
	scan.depth = scan.key_count = 0;
	for (;;) {
		scan.at = skip_blanks(scan.at, scan.end);
		if (scan.at == scan.end)
			return !due && !scan.depth;
		if (due && (*scan.at == '{' || *scan.at == '[')) {
			if (!scan_open(&scan, &due))
				return false;
		} else if (due) {
			if (!scan_scalar(&scan))
				return false;
			due = false;
		} else if (!scan.depth) {
			return false;
		} else if (*scan.at == scan.close[scan.depth - 1]) {
			scan.key_count = scan.first[--scan.depth];
			scan.at++;
		} else if (*scan.at++ == ',') {
			due = true;
			if (scan.close[scan.depth - 1] == '}' && !scan_key(&scan))
				return false;
		} else {
			return false;
		}
	}
}

/* The value that begins at s. */
static struct askd_text value_at(const char *s, const char *end)
{
	const char *from = s;
	size_t depth = 0;

	while (s < end && (depth || (*s != ',' && *s != '}' && *s != ']'))) {
		depth += *s == '{' || *s == '[';
		depth -= *s == '}' || *s == ']';
		s = *s == '"' ? string_end(s + 1, end) : s + 1;
	}
	return (struct askd_text){from, (uint64_t)(s - from)};
}

void json_pick(struct askd_text object, const char *const *names, struct askd_text *values)
{
	const char *end = object.s + object.n, *s = skip_blanks(object.s, end);

	for (size_t i = 0; names[i]; i++)
		values[i] = (struct askd_text){NULL, 0};
	if (s == end || *s != '{')
		return;
	/* s stands on the brace or comma before a name. */
	while (s < end && *(s = skip_blanks(s + 1, end)) == '"') {
		const char *name = s + 1, *stop = string_end(name, end);
		struct askd_text value =
		        value_at(skip_blanks(skip_blanks(stop, end) + 1, end), end);

		s = value.s + value.n;
		while (value.n && (unsigned char)value.s[value.n - 1] <= ' ')
			value.n--;
		for (size_t i = 0; names[i]; i++)
			if (text_is((struct askd_text){name, (uint64_t)(stop - 1 - name)},
			            names[i]))
				values[i] = value;
	}
}

void json_add_plain(struct buffer *b, struct askd_text json)
{
	const char *from = json.s, *s = json.s, *end = json.s + json.n, *next;

	while (s < end) {
		if (*s == '"') {
			s = string_end(s + 1, end);
		} else if ((unsigned char)*s <= ' ' && (next = skip_blanks(s, end)) > s) {
			buffer_add(b, from, (size_t)(s - from));
			from = s = next;
		} else {
			s++;
		}
	}
	buffer_add(b, from, (size_t)(s - from));
}
