/* text_parse.c: strict numbers, and names that were nearly right. */
#include <ctype.h>

#include "base/text.h"

enum { NAME_MAX_COMPARED = 64 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b, letters of any case. */
static size_t distance(const char *a, size_t a_n, const char *b, size_t b_n)
{
	size_t rows[3][NAME_MAX_COMPARED + 1];
	size_t *before = rows[0], *previous = rows[1], *current = rows[2];

	for (size_t j = 0; j <= b_n; j++)
		previous[j] = j;
	for (size_t i = 1; i <= a_n; i++) {
		size_t *spare = before;
		int x = tolower((unsigned char)a[i - 1]);

		current[0] = i;
		for (size_t j = 1; j <= b_n; j++) {
			int y = tolower((unsigned char)b[j - 1]);

			current[j] = least(
			        previous[j - 1] + (x != y), least(previous[j], current[j - 1]) + 1);
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			        tolower((unsigned char)a[i - 2]) == y)
				current[j] = least(current[j], before[j - 2] + 1);
		}
		before = previous;
		previous = current;
		current = spare;
	}
	return previous[b_n];
}

const char *text_nearest(const char *name, const char *const *names)
{
	const char *best = NULL;
	size_t best_distance = 0, n = name ? strlen(name) : 0;

	if (!n || !names || n > NAME_MAX_COMPARED)
		return NULL;
	for (; *names; names++) {
		size_t names_n = strlen(*names), longer = n > names_n ? n : names_n;
		size_t limit = longer <= 4 ? 1 : longer <= 8 ? 2 : 3, d;

		if (names_n > NAME_MAX_COMPARED)
			continue;
		d = distance(name, n, *names, names_n);
		/* Everything replaced is another name, not a slip. */
		if (d <= limit && d < longer && (!best || d < best_distance)) {
			best = *names;
			best_distance = d;
		}
	}
	return best;
}

/* Digits at *s, at least one, times 10 each; moves *s behind them. */
static bool digits(const char **s, int64_t *value)
{
	const char *p = *s;
	int64_t result = 0;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(result, 10, &result) ||
		        __builtin_add_overflow(result, *p - '0', &result))
			return false;
	*s = p;
	*value = result;
	return true;
}

bool text_to_int(const char *s, int64_t *value)
{
	bool negative = s && *s == '-';
	int64_t result = 0;

	if (!s)
		return false;
	if (negative || *s == '+')
		s++;
	if (!*s)
		return false;
	/* Downwards, since the lowest number has no positive twin. */
	for (; *s; s++)
		if (!isdigit((unsigned char)*s) || __builtin_mul_overflow(result, 10, &result) ||
		        __builtin_sub_overflow(result, *s - '0', &result))
			return false;
	if (!negative && __builtin_sub_overflow(0, result, &result))
		return false;
	*value = result;
	return true;
}

struct unit {
	const char *name;
	int64_t factor;
};

static bool with_unit(const char *s, const struct unit *units, int64_t *value)
{
	int64_t count;

	if (!s || !digits(&s, &count))
		return false;
	for (; units->name; units++)
		if (!strcmp(s, units->name)) {
			if (__builtin_mul_overflow(count, units->factor, &count))
				return false;
			*value = count;
			return true;
		}
	return false;
}

bool text_to_duration(const char *s, int64_t *ms)
{
	static const struct unit units[] = {
	        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

	return with_unit(s, units, ms);
}

bool text_to_size(const char *s, int64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30},
	        {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};

	return with_unit(s, units, bytes);
}

bool text_to_scaled(const char *s, unsigned scale, int64_t *value)
{
	bool negative = s && *s == '-';
	int64_t result;
	unsigned decimals = 0;

	if (!s)
		return false;
	s += negative;
	if (!digits(&s, &result))
		return false;
	if (*s == '.') {
		s++;
		if (!*s)
			return false;
		for (; isdigit((unsigned char)*s); s++) {
			if (decimals == scale) {
				if (*s != '0')
					return false;
				continue;
			}
			if (__builtin_mul_overflow(result, 10, &result) ||
			        __builtin_add_overflow(result, *s - '0', &result))
				return false;
			decimals++;
		}
	}
	if (*s)
		return false;
	for (; decimals < scale; decimals++)
		if (__builtin_mul_overflow(result, 10, &result))
			return false;
	*value = negative ? -result : result;
	return true;
}
