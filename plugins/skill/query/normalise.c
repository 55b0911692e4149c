/* normalise.c: one kind of digits, minus and blank, whatever script the model wrote in. */
#include "numbers.h"

static uint32_t decode(const char *s, size_t n, size_t *length)
{
	unsigned char c = (unsigned char)s[0];
	uint32_t u;
	size_t want = c < 0xc0 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (want > n)
		want = 1;
	*length = want;
	if (want == 1)
		return c;
	u = c & (0xffu >> (want + 1));
	for (size_t i = 1; i < want; i++)
		u = u << 6 | ((unsigned char)s[i] & 0x3f);
	return u;
}

/* What stands for a character above 0x7f; 0: it stands for itself. */
static char plain(uint32_t u)
{
	static const uint32_t zeros[] = {0x660, 0x6f0, 0x966, 0xff10};

	switch (u) {
	case 0xa0:
	case 0x202f:
	case 0x2009:
		return NUMBERS_THIN;
	case 0x2019:
		return '\'';
	case 0x2212:
		return '-';
	case 0x2248:
		return '~';
	case 0xff0c:
	case 0x66c:
		return ',';
	case 0x66b:
		return '.';
	case 0xff05:
	case 0x66a:
		return '%';
	case 0xd7:
		return 'x';
	default:
		break;
	}
	for (size_t z = 0; z < sizeof zeros / sizeof *zeros; z++)
		if (u >= zeros[z] && u < zeros[z] + 10)
			return (char)('0' + (u - zeros[z]));
	return (u > 0xa0 && u < 0xc0) || (u >= 0x2000 && u < 0x2c00) || (u >= 0x3000 && u < 0x3040)
	               ? ' '
	               : 0;
}

void numbers_normalise(struct str *out, const char *s, size_t n)
{
	char *to = str_room(out, n); /* no character becomes longer */

	for (size_t i = 0, length; to && i < n; i += length) {
		uint32_t u = decode(s + i, n - i, &length);
		char c;

		if (u < 0x80) {
			*to++ = (char)(u >= 'A' && u <= 'Z'    ? u + 32
			               : u < 0x20 && u != '\n' ? ' '
			                                       : u);
		} else if ((c = plain(u))) {
			*to++ = c;
		} else if (u >= 0x410 && u <= 0x42f) { /* Cyrillic capitals */
			*to++ = (char)(0xc0 | (u + 32) >> 6);
			*to++ = (char)(0x80 | ((u + 32) & 0x3f));
		} else {
			memcpy(to, s + i, length);
			to += length;
		}
	}
	if (to)
		str_took(out, to);
}
