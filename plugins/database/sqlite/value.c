/* value.c: what SQLite's values are in the contract's types. */
#include <stdlib.h>
#include <strings.h>

#include "sqlite.h"

/* Bytes of the character at s, 0 when it is none: strict UTF-8, without NUL. */
static size_t character(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return s[0] != 0;
	if (s[0] >= 0xc2 && s[0] < 0xe0)
		return n > 1 && (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] < 0xf0)
		return n > 2 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 &&
		                       (s[0] != 0xe0 || s[1] >= 0xa0) &&
		                       (s[0] != 0xed || s[1] < 0xa0)
		               ? 3
		               : 0;
	if (s[0] >= 0xf0 && s[0] < 0xf5)
		return n > 3 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 &&
		                       (s[3] & 0xc0) == 0x80 && (s[0] != 0xf0 || s[1] >= 0x90) &&
		                       (s[0] != 0xf4 || s[1] < 0x90)
		               ? 4
		               : 0;
	return 0;
}

bool value_is_text(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	while (n) {
		size_t k;
		uint64_t word;
		while (n >= 8) {
			memcpy(&word, s, 8);
			/* Eight ASCII bytes none of which is 0. */
			if (word & 0x8080808080808080u ||
			        (word - 0x0101010101010101u) & 0x8080808080808080u)
				break;
			s += 8;
			n -= 8;
		}
		for (size_t i = 0; i < 8 && n; i++) {
			k = character(s, n);
			if (!k)
				return false;
			s += k;
			n -= k;
		}
	}
	return true;
}

struct askd_text value_clean(struct askd_call *call, const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t n = strlen(text), wrong = 0, used = 0;
	char *copy;
	if (value_is_text(text, n))
		return askd_copy(call, text, n);
	for (size_t i = 0; i < n;) {
		size_t k = character((const unsigned char *)text + i, n - i);
		wrong += !k;
		i += k ? k : 1;
	}
	copy = call->alloc(call, n + 2 * wrong + 1);
	if (!copy)
		return (struct askd_text){NULL, 0};
	for (size_t i = 0; i < n;) {
		size_t k = character((const unsigned char *)text + i, n - i);
		memcpy(copy + used, k ? text + i : replacement, k ? k : 3);
		used += k ? k : 3;
		i += k ? k : 1;
	}
	copy[used] = 0;
	return (struct askd_text){copy, used};
}

uint32_t value_declared(const char *declaration)
{
	static const struct {
		const char *part;
		uint32_t type;
		bool whole;
	} list[] = {{"BOOL", ASKD_BOOL, false}, {"DATETIME", ASKD_TIMESTAMP, false},
	        {"TIMESTAMP", ASKD_TIMESTAMP, false}, {"DATE", ASKD_DATE, true},
	        {"TIME", ASKD_TIME, true}, {"INT", ASKD_INT, false}, {"CHAR", ASKD_TEXT, false},
	        {"CLOB", ASKD_TEXT, false}, {"TEXT", ASKD_TEXT, false},
	        {"STRING", ASKD_TEXT, false}, {"BLOB", ASKD_BYTES, false},
	        {"REAL", ASKD_FLOAT, false}, {"FLOA", ASKD_FLOAT, false},
	        {"DOUB", ASKD_FLOAT, false}};
	if (!declaration)
		return ASKD_OTHER;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i].whole ? !strcasecmp(declaration, list[i].part)
		                  : strcasestr(declaration, list[i].part) != NULL)
			return list[i].type;
	return ASKD_OTHER;
}

/* Compares with a picture: 0 stands for a digit. */
static bool has_shape(const char *s, size_t n, const char *picture)
{
	for (size_t i = 0; i < n; i++)
		if (picture[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != picture[i])
			return false;
	return true;
}

static int two_digits(const char *s)
{
	return (s[0] - '0') * 10 + (s[1] - '0');
}

static bool is_date(const char *s)
{
	static const char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int month, day, year;
	if (!has_shape(s, 10, "0000-00-00"))
		return false;
	year = two_digits(s) * 100 + two_digits(s + 2);
	month = two_digits(s + 5);
	day = two_digits(s + 8);
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool is_time(const char *s, size_t n)
{
	if (n < 8 || n == 9 || n > 15 || !has_shape(s, 8, "00:00:00") || two_digits(s) > 23 ||
	        two_digits(s + 3) > 59 || two_digits(s + 6) > 59)
		return false;
	return n == 8 || has_shape(s + 8, n - 8, ".000000");
}

uint32_t value_shape(uint32_t declared, const char *s, size_t n)
{
	if (declared == ASKD_TIME)
		return is_time(s, n) ? ASKD_TIME : ASKD_TEXT;
	if (declared != ASKD_DATE && declared != ASKD_TIMESTAMP)
		return ASKD_TEXT;
	if (n < 10 || !is_date(s))
		return ASKD_TEXT;
	if (n == 10)
		return ASKD_DATE;
	return s[10] == ' ' && is_time(s + 11, n - 11) ? ASKD_TIMESTAMP : ASKD_TEXT;
}
