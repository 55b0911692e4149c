#include <stdlib.h>

#include "openai.h"

void bytes_add(struct bytes *b, const char *s, size_t n)
{
	size_t room = b->room ? b->room : 128;
	char *grown;

	if (b->failed)
		return;
	if (n > OPENAI_TEXT_MAX || b->n > OPENAI_TEXT_MAX - n) {
		b->failed = true;
		return;
	}
	while (room < b->n + n + 1)
		room *= 2;
	if (room != b->room) {
		grown = realloc(b->s, room);
		if (!grown) {
			b->failed = true;
			return;
		}
		b->s = grown;
		b->room = room;
	}
	if (n)
		memcpy(b->s + b->n, s, n);
	b->n += n;
	b->s[b->n] = 0;
}

void bytes_free(struct bytes *b)
{
	free(b->s);
	*b = (struct bytes){NULL, 0, 0, false};
}

bool openai_is_text(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < n;) {
		size_t more = p[i] < 0x80                   ? 0
		              : p[i] >= 0xc2 && p[i] < 0xe0 ? 1
		              : p[i] < 0xf0                 ? 2
		                                            : 3;

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
