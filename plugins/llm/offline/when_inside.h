/* when_inside.h: what the files of when.h share. */
#ifndef OFFLINE_WHEN_INSIDE_H
#define OFFLINE_WHEN_INSIDE_H

#include "when.h"
#include "when_dates.h"

/* A time without "since", "before", ... */
struct period {
	int64_t from, until; /* days; until is the first one behind it */
	bool year;           /* a calendar year */
	bool bare;           /* a number or a name alone */
	bool weekday, range;
	int month, day; /* of a date, or of the first of `months`; 0: none */
	int months;     /* day is 0: how many */
	bool guessed;   /* the year was not said */
};

struct reader {
	const struct words *words;
	int64_t today;
	bool has_today;
	bool marked;  /* "in", "since" and the like stand before the time */
	bool rolling; /* "in the", "over", "within" stand before it: "last year" ends today */
	bool point;   /* "since", "before" ... stand before it: "3 weeks ago" is a day */
};

bool word_is(const struct words *words, size_t i, const char *text);
bool word_is_one(const struct words *words, size_t i, const char *const *list);
/* A whole number of words[i]; `unit`: what may stand at it. */
bool word_whole(const struct words *words, size_t i, enum word_unit unit, int64_t *n);
/* A year in figures or in words: 1900 to 2100, or 1000 to 2100 if it is marked. */
bool word_year(const struct words *words, size_t i, bool marked, int64_t *year);
/* By its name or the first three letters; 0: none. */
int month_of(const char *name, size_t n);
bool word_month(const struct words *words, size_t i, int *month);
bool word_span(const struct words *words, size_t i, enum span *span);

/* Each returns the word behind the period that begins at word i, or i: none. */
size_t period_read(const struct reader *reader, size_t i, struct period *out);
size_t period_read_relative(const struct reader *reader, size_t i, struct period *out);
size_t period_read_absolute(const struct reader *reader, size_t i, struct period *out);
/* Places a date without a year into `year`. false: it has no such day. */
bool period_set_year(struct period *period, int64_t year);
/* Places it into the last year in which it has begun. */
bool period_guess_year(const struct reader *reader, struct period *period);

#endif
