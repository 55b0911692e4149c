/* numerals.h: the words that numbers are made of. Lists are words separated by blanks, in lower
 * case. */
#ifndef QUERY_NUMERALS_H
#define QUERY_NUMERALS_H

#include <stdbool.h>
#include <stddef.h>

enum numeral_kind {
	NUMERAL_NONE,
	NUMERAL_CARDINAL,
	NUMERAL_ORDINAL,
	NUMERAL_TIMES, /* "twice" */
	NUMERAL_SHARE  /* "half": value is the percentage */
};

struct number_word {
	enum numeral_kind kind;
	double value;
};

extern const char numerals_about[], numerals_over[], numerals_under[], numerals_top[];
extern const char numerals_percent[], numerals_times[], numerals_currency[], numerals_of[];
extern const char numerals_first[];
extern const char *const numerals_months[12];

/* Is s one of the words of the list? */
bool numerals_listed(const char *list, const char *s, size_t n);
struct number_word numerals_word(const char *s, size_t n);
/* 1000 for "thousand", "tsd", and, directly behind digits, "k"; 0: no scale. */
double numerals_scale(const char *s, size_t n, bool attached);

#endif
