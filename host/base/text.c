/* text.c: growable buffers and UTF-8. */
#include "base/text.h"

#include <stdlib.h>

enum { BUFFER_FIRST = 64 };

void buffer_init(struct buffer *b, size_t max)
{
	*b = (struct buffer){.max = max};
}

void buffer_finish(struct buffer *b)
{
	if (!b)
		return;
	free(b->s);
	*b = (struct buffer){.max = b->max};
}

void buffer_clear(struct buffer *b)
{
	b->n = 0;
	b->failed = false;
	if (b->s)
		b->s[0] = 0;
}

static bool buffer_grow(struct buffer *b, size_t more)
{
	size_t room = b->room ? b->room : BUFFER_FIRST;
	char *grown;

	if (b->failed)
		return false;
	if (more > SIZE_MAX / 4 || b->n > SIZE_MAX / 4 || (b->max && b->n + more > b->max)) {
		b->failed = true;
		return false;
	}
	while (room < b->n + more + 1)
		room *= 2;
	grown = realloc(b->s, room);
	if (!grown) {
		b->failed = true;
		return false;
	}
	b->s = grown;
	b->room = room;
	b->s[b->n] = 0;
	return true;
}

/* Makes room for `more` bytes and the final 0. */
static inline bool buffer_reserve(struct buffer *b, size_t more)
{
	if (more < b->room - b->n && (!b->max || b->n + more <= b->max) && !b->failed)
		return true;
	return buffer_grow(b, more);
}

void buffer_add(struct buffer *b, const void *p, size_t n)
{
	if (!buffer_reserve(b, n))
		return;
	if (n)
		memcpy(b->s + b->n, p, n);
	b->n += n;
	b->s[b->n] = 0;
}

void buffer_add_string(struct buffer *b, const char *s)
{
	if (s)
		buffer_add(b, s, strlen(s));
}

void buffer_add_text(struct buffer *b, struct askd_text text)
{
	if (text.s)
		buffer_add(b, text.s, text.n);
}

void buffer_print(struct buffer *b, const char *format, ...)
{
	size_t room = b->failed ? 0 : b->room - b->n;
	va_list ap, again;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(room ? b->s + b->n : NULL, room, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room && (!b->max || b->n + (size_t)n <= b->max)) {
		b->n += (size_t)n;
	} else if (n < 0 || !buffer_grow(b, (size_t)n)) {
		b->failed = true;
		if (room)
			b->s[b->n] = 0; /* without what was begun */
	} else {
		vsnprintf(b->s + b->n, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void buffer_add_int(struct buffer *b, int64_t value)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		digits[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		digits[--at] = '-';
	buffer_add(b, digits + at, sizeof digits - at);
}

struct askd_text buffer_text(const struct buffer *b)
{
	if (b->failed)
		return (struct askd_text){NULL, 0};
	return (struct askd_text){b->s ? b->s : "", b->n};
}

/* Bytes of the valid character at s, 0 when there is none. */
static size_t character(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (s[0] >= 1 && s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		length = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		length = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		length = 4;
	else
		return 0;
	/* Overlong forms, surrogates, and what is above U+10FFFF show in the second byte. */
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (n < length || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

size_t text_character(const char *s, size_t n)
{
	return n ? character((const unsigned char *)s, n) : 0;
}

/* Bytes of plain ASCII at the beginning, counted by eights. */
static size_t plain(const char *s, size_t n)
{
	const uint64_t high = 0x8080808080808080u, low = 0x0101010101010101u;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, s + i, sizeof word);
		if ((word | ((word - low) & ~word)) & high) /* a high bit, or a 0 */
			break;
	}
	return i;
}

bool text_is_valid(const char *s, size_t n)
{
	while (n) {
		size_t length = plain(s, n);

		if (!length)
			length = character((const unsigned char *)s, n);

		if (!length)
			return false;
		s += length;
		n -= length;
	}
	return true;
}

size_t text_cut(const char *s, size_t n, size_t max)
{
	size_t end = max;

	if (n <= max)
		return n;
	while (end && ((unsigned char)s[end] & 0xc0) == 0x80)
		end--;
	return end;
}

bool text_is(struct askd_text text, const char *s)
{
	return askd_equal(text, askd_text_of(s)) != 0;
}
