/* numbers.h: the numbers, dates and times that stand in a sentence, in the ways in which people and
 * models write them in English, German, Russian and their neighbours. */
#ifndef QUERY_NUMBERS_H
#define QUERY_NUMBERS_H

#include <stdbool.h>

#include "str.h"

enum number_kind {
	NUMBER_PLAIN,
	NUMBER_PERCENT,
	NUMBER_TIMES,   /* "3 times", "twice", "2x" */
	NUMBER_ORDINAL, /* "3rd", "third" */
	NUMBER_DATE,
	NUMBER_TIME,
	NUMBER_NAME /* digits inside a word: "B2B", "v1.2.3" */
};

enum number_about { NUMBER_EXACT, NUMBER_ABOUT, NUMBER_OVER, NUMBER_UNDER };

enum {
	NUMBERS_MAX = 96,
	NUMBER_READINGS = 2,
	NUMBERS_THIN = 1 /* in a normalised text: a blank that groups digits */
};

struct number {
	enum number_kind kind;
	enum number_about about;
	bool negative;                     /* it carries a minus */
	bool spaced;                       /* read with a blank between groups of digits */
	bool top;                          /* "top 3", "last two" */
	bool followed;                     /* a word follows directly: "May 12 orders" */
	uint32_t readings;                 /* "1,200" has two */
	double reading[NUMBER_READINGS];   /* without sign */
	double unit[NUMBER_READINGS];      /* worth of the last digit shown */
	double round;                      /* worth of the last digit that is not a final zero */
	int32_t year, month, day, quarter; /* dates; 0: not said */
	bool swapped;                      /* day and month may be the other way round */
	int32_t minute;                    /* times: of the day */
	size_t at, n;                      /* place in the normalised text */
};

/* normalise.c: the text with one kind of digits, minus and blank, in lower case (ASCII). */
void numbers_normalise(struct str *out, const char *s, size_t n);
/* Reads a normalised text. spaces: "12 345" is one number. Returns how many there are; more than
 * NUMBERS_MAX are not stored. */
size_t numbers_read(const char *s, size_t n, bool spaces, struct number list[NUMBERS_MAX]);
/* Is the word that begins at s the name of a month? Returns 1 to 12 and its length. */
int32_t numbers_month(const char *s, size_t n, size_t *length);

#endif
