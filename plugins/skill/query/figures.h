/* figures.h: may this sentence be said of these rows? Every number in it must be derivable: a cell,
 * a sum, average, extreme, count, difference, ratio or share of shown columns, a number of the
 * question or of the statement, a date of a cell, an ordinal; rounded to the digits shown. */
#ifndef QUERY_FIGURES_H
#define QUERY_FIGURES_H

#include "numbers.h"
#include "rows.h"

enum figure_source {
	FIGURE_CELL,
	FIGURE_SUM,
	FIGURE_AVERAGE,
	FIGURE_EXTREME,
	FIGURE_COUNT,
	FIGURE_DIFFERENCE,
	FIGURE_RATIO,
	FIGURE_SHARE,
	FIGURE_QUESTION,
	FIGURE_STATEMENT,
	FIGURE_DATE
};

/* A number that may be said, and where it comes from. */
struct figure {
	double value;
	uint16_t source; /* enum figure_source */
	uint16_t column;
	uint32_t row; /* of a cell */
};

struct figure_set {
	struct figure *list; /* sorted by value once sealed */
	size_t n, room;
};

struct figures {
	const struct rows *rows;
	struct figure_set plain;  /* in units of the columns */
	struct figure_set ratios; /* 0.5 is 50 % and "half as many" */
	int32_t *dates;           /* year * 10000 + month * 100 + day, parts 0 when unknown */
	size_t date_count, date_room;
	int32_t *minutes;
	size_t minute_count, minute_room;
	struct askd_text *masks; /* texts with digits that may be repeated letter by letter */
	size_t mask_count, mask_room;
	struct str names;  /* owns masks that are not cells */
	struct str normal; /* of the text that is being read */
	bool failed;
};

/* 0 or NOMEM. `rows` must outlive it. figures_finish always. */
int32_t figures_init(struct figures *f, const struct rows *rows, struct askd_text question,
        struct askd_text sql, int64_t now_us);
void figures_finish(struct figures *f);
/* 1: keep; 0: drop, the first number that is not derivable is in *culprit (may be NULL, cleared
 * else); negative: NOMEM. found: gets {text, source, ...} for each number of a kept sentence; may
 * be NULL. */
int32_t figures_check(
        struct figures *f, struct askd_text sentence, struct str_list *found, struct str *culprit);

#endif
