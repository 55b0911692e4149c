#include <endian.h>
#include <stdlib.h>

#include "openai.h"

char *bytes_room(struct bytes *b, size_t n)
{
	size_t room = b->room ? b->room : 128, max = b->max ? b->max : OPENAI_TEXT_MAX;
	char *grown;

	if (b->failed || n > max || b->n > max - n) {
		b->failed = true;
		return NULL;
	}
	while (room < b->n + n + 1)
		room *= 2;
	if (room != b->room) {
		grown = realloc(b->s, room);
		if (!grown) {
			b->failed = true;
			return NULL;
		}
		b->s = grown;
		b->room = room;
	}
	return b->s + b->n;
}

void bytes_took(struct bytes *b, const char *end)
{
	b->n = (size_t)(end - b->s);
	b->s[b->n] = 0;
}

void bytes_add(struct bytes *b, const char *s, size_t n)
{
	char *to = bytes_room(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, s, n);
	bytes_took(b, to + n);
}

/* How many of eight bytes, from the first on, stand for themselves in a string of JSON. Those above
 * 0x7f do; of the others the subtractions set the high bit of a control, a quote and a backslash,
 * and at times of what stands behind one. */
static size_t count_plain(const char *s)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t eight, found;

	memcpy(&eight, s, 8);
	eight = le64toh(eight);
	found = ((eight - ones * 0x20) | ((eight ^ ones * '"') - ones) |
	                ((eight ^ ones * '\\') - ones)) &
	        ~eight & ones * 0x80;
	return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

static char *escape(char *to, unsigned char c)
{
	static const char hex[] = "0123456789abcdef", after[] = "btn.fr";

	*to++ = '\\';
	if (c >= 0x20) {
		*to++ = (char)c;
	} else if (c >= 8 && c <= 13 && c != 11) {
		*to++ = after[c - 8];
	} else {
		memcpy(to, "u00", 3);
		to[3] = hex[c >> 4];
		to[4] = hex[c & 15];
		to += 5;
	}
	return to;
}

void bytes_escape(struct bytes *b, const char *s, size_t n)
{
	enum { PIECE = 1024, LONGEST = 6 /* bytes for one; eight are copied at once */ };

	while (n) {
		size_t piece = n < PIECE ? n : PIECE, i = 0;
		char *to = bytes_room(b, piece * LONGEST + 8);

		if (!to)
			return;
		while (i < piece) {
			unsigned char c;

			if (piece - i >= 8) {
				size_t plain = count_plain(s + i);

				memcpy(to, s + i, 8);
				to += plain;
				i += plain;
				if (plain == 8)
					continue;
			}
			c = (unsigned char)s[i++];
			if (c < 0x20 || c == '"' || c == '\\')
				to = escape(to, c);
			else
				*to++ = (char)c;
		}
		bytes_took(b, to);
		s += piece;
		n -= piece;
	}
}

void bytes_add_string(struct bytes *b, const char *s, size_t n)
{
	bytes_add(b, "\"", 1);
	bytes_escape(b, s, n);
	bytes_add(b, "\"", 1);
}

void bytes_fit(struct bytes *b)
{
	char *fitted = b->s ? realloc(b->s, b->n + 1) : NULL;

	if (fitted) {
		b->s = fitted;
		b->room = b->n + 1;
	}
}

void bytes_free(struct bytes *b)
{
	free(b->s);
	*b = (struct bytes){.s = NULL};
}

bool openai_is_text(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < n;) {
		const uint64_t ones = UINT64_MAX / 255;
		uint64_t eight = 0;
		size_t more;

		if (n - i >= 8)
			memcpy(&eight, p + i, 8);
		if (eight && !(((eight - ones) | eight) & ones * 0x80)) { /* 1 to 0x7f each */
			i += 8;
			continue;
		}
		more = p[i] < 0x80 ? 0 : p[i] >= 0xc2 && p[i] < 0xe0 ? 1 : p[i] < 0xf0 ? 2 : 3;

		if (!p[i] || (p[i] >= 0x80 && p[i] < 0xc2) || p[i] > 0xf4 || more >= n - i)
			return false;
		if ((p[i] == 0xe0 && p[i + 1] < 0xa0) || (p[i] == 0xed && p[i + 1] > 0x9f) ||
		        (p[i] == 0xf0 && p[i + 1] < 0x90) || (p[i] == 0xf4 && p[i + 1] > 0x8f))
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		i += more + 1;
	}
	return true;
}

json_t *openai_json(const char *s, size_t n, bool *cut)
{
	json_error_t error;
	bool quoted = false;
	int depth = 0;
	json_t *json;

	*cut = false;
	for (size_t i = 0; i < n; i++) {
		if (quoted && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s[i] == '{' || s[i] == '[') && ++depth > OPENAI_DEPTH)
			return NULL;
		else if (!quoted && (s[i] == '}' || s[i] == ']'))
			depth--;
	}
	json = json_loadb(s ? s : "", n, 0, &error);
	/* One that began as an object and has unclosed brackets was cut on its way. */
	if (!json)
		*cut = n && s[0] == '{' && (depth > 0 || quoted);
	return json;
}
