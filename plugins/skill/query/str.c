#include "str.h"

#include <stdlib.h>

void str_finish(struct str *b)
{
	if (!b)
		return;
	free(b->s);
	*b = (struct str){0};
}

void str_clear(struct str *b)
{
	b->n = 0;
	if (b->s)
		b->s[0] = 0;
}

char *str_room(struct str *b, size_t n)
{
	if (b->failed || !n)
		return NULL;
	if (n >= SIZE_MAX / 2 - b->n) {
		b->failed = true;
		return NULL;
	}
	if (b->n + n + 1 > b->room) {
		size_t room = (b->n + n + 1) * 2;
		char *s = realloc(b->s, room < 64 ? 64 : room);
		if (!s) {
			b->failed = true;
			return NULL;
		}
		b->s = s;
		b->room = room < 64 ? 64 : room;
	}
	return b->s + b->n;
}

void str_took(struct str *b, const char *end)
{
	b->n = (size_t)(end - b->s);
	b->s[b->n] = 0;
}

void str_add(struct str *b, const void *p, size_t n)
{
	char *to = str_room(b, n ? n : !b->s);
	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	str_took(b, to + n);
}

void str_puts(struct str *b, const char *s)
{
	if (s)
		str_add(b, s, strlen(s));
}

void str_text(struct str *b, struct askd_text text)
{
	if (text.s)
		str_add(b, text.s, (size_t)text.n);
}

void str_print(struct str *b, const char *format, ...)
{
	char small[256];
	va_list ap, again;
	int n;
	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof small, format, ap);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < sizeof small) {
		str_add(b, small, (size_t)n);
	} else {
		char *large = malloc((size_t)n + 1);
		if (large) {
			vsnprintf(large, (size_t)n + 1, format, again);
			str_add(b, large, (size_t)n);
			free(large);
		} else {
			b->failed = true;
		}
	}
	va_end(again);
	va_end(ap);
}

void str_markdown(struct str *b, const char *s, size_t n)
{
	char *to = str_room(b, 2 * n);
	for (size_t i = 0; to && i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		/* Punctuation inside a word or number starts no markup; the rest is escaped. */
		bool sign = !i && n > 1 && (c == '-' || c == '+' || c == '=') &&
		            (s[1] == ' ' || s[1] == '-' || s[1] == '=');
		if (c < 0x20 || c == 0x7f)
			c = ' ';
		else if (sign || (c < 0x80 && strchr("\\`*_[]<>&#|~!{}", c)))
			*to++ = '\\';
		*to++ = (char)c;
	}
	if (to)
		str_took(b, to);
}

void str_json(struct str *b, const char *s, size_t n)
{
	size_t from = 0;
	str_add(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		str_add(b, s + from, i - from);
		if (c < 0x20)
			str_print(b, "\\u%04x", c);
		else
			str_add(b, (char[]){'\\', (char)c}, 2);
		from = i + 1;
	}
	str_add(b, s + from, n - from);
	str_add(b, "\"", 1);
}

struct str *str_list_next(struct str_list *list)
{
	str_puts(&list->text, list->count++ ? "," : "");
	return &list->text;
}

void str_list_extend(struct str_list *list, const struct str_list *more)
{
	if (!more->count)
		return;
	str_add(str_list_next(list), more->text.s, more->text.n);
	list->count += more->count - 1;
}

void str_list_put(struct str *b, const struct str_list *list)
{
	str_puts(b, "[");
	str_add(b, list->text.s, list->text.n);
	str_puts(b, "]");
	b->failed |= list->text.failed;
}

struct askd_text str_copy(struct askd_call *call, const struct str *b)
{
	if (b->failed)
		return (struct askd_text){0};
	return askd_copy(call, b->s ? b->s : "", b->n);
}

struct askd_text str_trim(struct askd_text s)
{
	while (s.n && strchr(" \t\r\n", s.s[0]) && s.s[0]) {
		s.s++;
		s.n--;
	}
	while (s.n && s.s[s.n - 1] && strchr(" \t\r\n", s.s[s.n - 1]))
		s.n--;
	return s;
}

bool str_starts(struct askd_text s, const char *word)
{
	size_t i;
	for (i = 0; word[i]; i++) {
		char c;
		if (i >= s.n)
			return false;
		c = s.s[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (c != word[i])
			return false;
	}
	return true;
}

size_t str_cut(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}
