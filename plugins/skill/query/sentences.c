#include "sentences.h"

#include <string.h>

#include "numbers.h"
#include "numerals.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool ends(char c)
{
	return c == '.' || c == '!' || c == '?';
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The dot at `dot` belongs to "ca.", "e.g.", "3. Mai", "1. Berlin". *wait: too early to say. */
static bool inner_dot(const char *s, size_t n, size_t dot, bool last, bool *wait)
{
	struct str word = {0};
	size_t start = dot, next = dot + 1, length, line;
	bool inner = false;
	while (start && (letter(s[start - 1]) || digit(s[start - 1])))
		start--;
	if (start == dot)
		return false;
	if (!digit(s[start])) {
		/* One letter, "A.", ends a sentence only where a new one begins in capitals. */
		numbers_normalise(&word, s + start, dot - start);
		inner = word.s && numeral_find(word.s, word.n)->lists & NUMERAL_ABBREVIATION;
		str_finish(&word);
		return inner;
	}
	if (dot - start > 2)
		return false;
	line = start;
	while (line && (s[line - 1] == ' ' || s[line - 1] == '*' || s[line - 1] == '#'))
		line--;
	if (!line || s[line - 1] == '\n')
		return true;
	while (next < n && s[next] == ' ')
		next++;
	for (length = 0; next + length < n && letter(s[next + length]);)
		length++;
	if (next + length == n && !last) {
		*wait = true;
		return true;
	}
	numbers_normalise(&word, s + next, length);
	inner = word.s && numbers_month(word.s, word.n, &length) > 0;
	str_finish(&word);
	return inner;
}

size_t sentence_length(const char *s, size_t n, bool last)
{
	for (size_t i = 0; i < n; i++) {
		size_t end = i + 1;
		bool wait = false;
		if (s[i] == '\n') {
			while (end < n && s[end] == '\n')
				end++;
			return end;
		}
		/* The full stop of Chinese and Japanese. */
		if (s[i] == '\xe3' && i + 2 < n && !memcmp(s + i, "\xe3\x80\x82", 3))
			return i + 3;
		if (!ends(s[i]))
			continue;
		while (end < n && s[end] && strchr(".!?\"')]*_", s[end]))
			end++;
		if (end == n)
			return last ? n : 0;
		if (!blank(s[end]))
			continue;
		if (s[i] == '.' && inner_dot(s, n, i, last, &wait)) {
			if (wait)
				return 0;
			continue;
		}
		while (end < n && (s[end] == ' ' || s[end] == '\t' || s[end] == '\r'))
			end++;
		if (end < n && s[end] == '\n')
			while (end < n && s[end] == '\n')
				end++;
		return end;
	}
	return last ? n : 0;
}
