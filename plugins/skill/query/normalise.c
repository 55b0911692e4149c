/* normalise.c: one kind of digits, minus and blank, whatever script the model wrote in. */
#include "numbers.h"

static uint32_t decode(const char *s, size_t n, size_t *length)
{
	unsigned char c = (unsigned char)s[0];
	uint32_t u;
	size_t want = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
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

void numbers_normalise(struct str *out, const char *s, size_t n)
{
	static const uint32_t zeros[] = {0x660, 0x6f0, 0x966, 0xff10};
	for (size_t i = 0, length; i < n; i += length) {
		uint32_t u = decode(s + i, n - i, &length);
		char c = 0;
		if (u < 0x80) {
			c = (char)(u >= 'A' && u <= 'Z' ? u + 32 : u);
			if (u < 0x20)
				c = u == '\n' ? '\n' : ' ';
		} else if (u == 0xa0 || u == 0x202f || u == 0x2009) {
			c = NUMBERS_THIN;
		} else if (u == 0x2019) {
			c = '\'';
		} else if (u == 0x2212) {
			c = '-';
		} else if (u == 0x2248) {
			c = '~';
		} else if (u == 0xff0c || u == 0x66c) {
			c = ',';
		} else if (u == 0x66b) {
			c = '.';
		} else if (u == 0xff05 || u == 0x66a) {
			c = '%';
		} else if (u == 0xd7) {
			c = 'x';
		} else if ((u > 0xa0 && u < 0xc0) || (u >= 0x2000 && u < 0x2c00) ||
		           (u >= 0x3000 && u < 0x3040)) {
			c = ' ';
		} else if (u >= 0x410 && u <= 0x42f) { /* Cyrillic capitals */
			uint32_t low = u + 32;
			char two[2] = {(char)(0xc0 | low >> 6), (char)(0x80 | (low & 0x3f))};
			str_add(out, two, 2);
			continue;
		}
		for (size_t z = 0; !c && z < sizeof zeros / sizeof *zeros; z++)
			if (u >= zeros[z] && u < zeros[z] + 10)
				c = (char)('0' + (u - zeros[z]));
		if (c)
			str_add(out, &c, 1);
		else
			str_add(out, s + i, length);
	}
}
