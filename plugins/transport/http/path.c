/* path.c: text out of a request, decoded once. */
#include "path.h"

#include <stdint.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes of the character at s, at most n; 0: none that UTF-8 knows. */
static size_t character(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : 4;
	uint32_t c = length == 1 ? s[0] : s[0] & (0x7f >> length);

	if (length > n || (length == 4 && s[0] >> 3 != 30))
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : length;
}

bool path_is_text(const char *s, size_t n, bool tab)
{
	while (n) {
		size_t length = character((const unsigned char *)s, n);

		if (!length || ((unsigned char)*s < ' ' && !(tab && *s == '\t')) || *s == 0x7f)
			return false;
		s += length;
		n -= length;
	}
	return true;
}

bool path_is_token(const char *s, size_t n)
{
	static const bool marks[128] = {['!'] = true,
	        ['#'] = true,
	        ['$'] = true,
	        ['%'] = true,
	        ['&'] = true,
	        ['\''] = true,
	        ['*'] = true,
	        ['+'] = true,
	        ['-'] = true,
	        ['.'] = true,
	        ['^'] = true,
	        ['_'] = true,
	        ['`'] = true,
	        ['|'] = true,
	        ['~'] = true};

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i], lower = c | 0x20;

		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
		        !(c < sizeof marks && marks[c]))
			return false;
	}
	return n > 0;
}

bool path_decode(const char *s, size_t n, bool plus, char *out, size_t *length)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			if (n - i < 3 || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return false;
			c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[to++] = c;
	}
	out[to] = 0;
	*length = to;
	/* A question in a parameter may have more than one line. */
	for (size_t i = 0, from = 0; i <= to; i++)
		if (i == to || (plus && (out[i] == '\n' || out[i] == '\r'))) {
			if (!path_is_text(out + from, i - from, plus))
				return false;
			from = i + 1;
		}
	return true;
}

bool path_normalise(const char *s, size_t n, char *out, size_t *length)
{
	size_t size, to = 0;

	if (!n || s[0] != '/')
		return false;
	for (size_t i = 0; i + 2 < n; i++)
		if (s[i] == '%' && s[i + 1] == '2' && (s[i + 2] == 'f' || s[i + 2] == 'F'))
			return false;
	if (!path_decode(s, n, false, out, &size) || memchr(out, '\\', size))
		return false;
	for (size_t i = 0; i < size;) {
		size_t from = ++i; /* past the '/' */

		while (i < size && out[i] != '/')
			i++;
		if (i - from == 2 && out[from] == '.' && out[from + 1] == '.') {
			if (!to)
				return false;
			while (out[--to] != '/')
				;
		} else if (i > from && !(i - from == 1 && out[from] == '.')) {
			out[to++] = '/';
			memmove(out + to, out + from, i - from);
			to += i - from;
			continue;
		}
		if (i == size) /* what ends in a slash or dots is a folder */
			out[to++] = '/';
	}
	out[to] = 0;
	*length = to;
	return true;
}
