/* words_fold.c: characters: what they are, and without case and accents. */
#include <string.h>

#include "words_inside.h"

utf8proc_int32_t letter_read(const char *s, size_t n, size_t *length)
{
	utf8proc_int32_t c = ' ';
	utf8proc_ssize_t got = 1;
	if ((unsigned char)*s < 0x80)
		c = (unsigned char)*s;
	else {
		got = utf8proc_iterate(
		        (const utf8proc_uint8_t *)s, (utf8proc_ssize_t)(n > 4 ? 4 : n), &c);
		if (got < 1) {
			got = 1;
			c = ' ';
		}
	}
	*length = (size_t)got;
	return c;
}

bool letter_is_blank(utf8proc_int32_t c)
{
	if (c < 0x80)
		return c <= ' ' || c == 0x7f;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_ZS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CS:
		return true;
	default:
		return false;
	}
}

bool letter_is_word(utf8proc_int32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		       c == '_';
	if ((c >= 0xbc && c <= 0xbe) || (c >= 0x2150 && c <= 0x215f))
		return false; /* fractions */
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
	case UTF8PROC_CATEGORY_CF: /* invisible: soft hyphen, joiners */
		return true;
	default:
		return false;
	}
}

/* Letters that no decomposition takes apart, and marks that have a plain sister. */
static const char *plain_form(utf8proc_int32_t c)
{
	switch (c) {
	case 0xd8:
	case 0xf8:
		return "o";
	case 0xc6:
	case 0xe6:
		return "ae";
	case 0x152:
	case 0x153:
		return "oe";
	case 0x141:
	case 0x142:
		return "l";
	case 0x110:
	case 0x111:
	case 0xd0:
	case 0xf0:
		return "d";
	case 0xde:
	case 0xfe:
		return "th";
	case 0x126:
	case 0x127:
		return "h";
	case 0x130:
	case 0x131:
		return "i";
	case 0x166:
	case 0x167:
		return "t";
	case '`':
	case 0xb4:
	case 0x2018:
	case 0x2019:
	case 0x201a:
	case 0x201b:
	case 0x2032:
		return "'";
	case 0xab:
	case 0xbb:
	case 0x201c:
	case 0x201d:
	case 0x201e:
	case 0x201f:
	case 0x2033:
		return "\"";
	case 0x2010:
	case 0x2011:
	case 0x2012:
	case 0x2013:
	case 0x2014:
	case 0x2015:
	case 0x2212:
		return "-";
	case 0x2044:
		return "/";
	default:
		return NULL;
	}
}

enum { LETTER_MAX = 18 * 4 /* one character makes at most 18, of 4 bytes each */ };

/* The folded form of one character behind `out`; returns its length. */
static size_t fold_letter(utf8proc_int32_t c, char *out)
{
	utf8proc_int32_t parts[18];
	utf8proc_ssize_t count;
	int last = 0;
	size_t used = 0;
	const char *plain = plain_form(c);
	if (plain) {
		used = strlen(plain);
		memcpy(out, plain, used);
		return used;
	}
	if (c < 0x80) {
		*out = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
		return 1;
	}
	count = utf8proc_decompose_char(c, parts, 18,
	        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK |
	                UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
	        &last);
	if (count < 0 || count > 18)
		return 0;
	for (utf8proc_ssize_t i = 0; i < count; i++) {
		plain = plain_form(parts[i]);
		if (plain) {
			size_t n = strlen(plain);
			memcpy(out + used, plain, n);
			used += n;
		} else
			used += (size_t)utf8proc_encode_char(
			        parts[i], (utf8proc_uint8_t *)out + used);
	}
	return used;
}

/* Writes to `out` if it is there; returns the length. */
static size_t fold_to(const char *text, size_t n, char *out)
{
	char folded[LETTER_MAX];
	size_t used = 0, length, got;
	bool blank = false;
	for (size_t i = 0; i < n; i += length) {
		utf8proc_int32_t c = letter_read(text + i, n - i, &length);
		if (letter_is_blank(c)) {
			blank = used > 0;
			continue;
		}
		got = fold_letter(c, folded);
		if (got && blank) {
			if (out)
				out[used] = ' ';
			used++;
			blank = false;
		}
		if (out)
			memcpy(out + used, folded, got);
		used += got;
	}
	return used;
}

char *words_fold(struct pool *pool, const char *text, size_t n)
{
	size_t used = fold_to(text, n, NULL);
	char *out = pool_alloc(pool, used + 1);
	if (!out)
		return NULL;
	fold_to(text, n, out);
	out[used] = 0;
	return out;
}
