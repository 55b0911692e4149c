/* when.c: what stands before and between times, and how they are handed back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "when_inside.h"

bool word_is(const struct words *words, size_t i, const char *text)
{
	return i < words->count && words->words[i].kind == WORD_PLAIN &&
	       !strcmp(words->words[i].text, text);
}

bool word_is_one(const struct words *words, size_t i, const char *const *list)
{
	for (; *list; list++)
		if (word_is(words, i, *list))
			return true;
	return false;
}

bool word_whole(const struct words *words, size_t i, enum word_unit unit, int64_t *n)
{
	const struct word *word;
	if (i >= words->count)
		return false;
	word = &words->words[i];
	if (word->kind != WORD_NUMBER || word->unit != unit || strlen(word->number) > 9 ||
	        strspn(word->number, "0123456789") < strlen(word->number))
		return false;
	*n = strtol(word->number, NULL, 10);
	return true;
}

bool word_year(const struct words *words, size_t i, bool marked, int64_t *year)
{
	int64_t n;
	const char *text;
	if (!word_whole(words, i, UNIT_NONE, &n) || n < (marked ? 1000 : 1900) || n > 2100)
		return false;
	text = words->words[i].text;
	/* In figures as they stand, or all in words: no "1,999", no "2 thousand". */
	if (strspn(text, "0123456789") != 4 ? strpbrk(text, "0123456789") != NULL : text[4] != 0)
		return false;
	*year = n;
	return true;
}

int month_of(const char *name, size_t n)
{
	static const char *const names[] = {"january", "february", "march", "april", "may", "june",
	        "july", "august", "september", "october", "november", "december"};
	for (int k = 0; k < 12; k++)
		if (!strncmp(name, names[k], n) && (n == 3 || !names[k][n] || (k == 8 && n == 4)))
			return k + 1;
	return 0;
}

bool word_month(const struct words *words, size_t i, int *month)
{
	if (i >= words->count || words->words[i].kind != WORD_PLAIN || !*words->words[i].text)
		return false;
	*month = month_of(words->words[i].text, strlen(words->words[i].text));
	return *month > 0;
}

bool word_span(const struct words *words, size_t i, enum span *span)
{
	static const struct {
		const char *one, *many;
		enum span span;
	} spans[] = {{"day", "days", SPAN_DAY}, {"week", "weeks", SPAN_WEEK},
	        {"month", "months", SPAN_MONTH}, {"quarter", "quarters", SPAN_QUARTER},
	        {"year", "years", SPAN_YEAR}, {"decade", "decades", SPAN_DECADE},
	        {"weekend", "weekends", SPAN_WEEKEND}, {"yr", "yrs", SPAN_YEAR},
	        {"wk", "wks", SPAN_WEEK}};
	for (size_t k = 0; k < sizeof spans / sizeof *spans; k++)
		if (word_is(words, i, spans[k].one) || word_is(words, i, spans[k].many)) {
			*span = spans[k].span;
			return true;
		}
	return false;
}

size_t period_read(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	size_t at = i, next;
	*out = (struct period){0};
	if (word_is(words, at, "the")) {
		at++;
		/* "the month of May" */
		if ((word_is(words, at, "month") || word_is(words, at, "quarter")) &&
		        word_is(words, at + 1, "of"))
			at += 2;
	} else if (word_is(words, at, "month") && word_is(words, at + 1, "of"))
		at += 2;
	next = period_read_relative(reader, at, out);
	if (next == at)
		next = period_read_absolute(reader, at, out);
	if (next == at)
		return i;
	return next + word_is(words, next, "'s");
}

enum side { SIDE_IN, SIDE_SINCE, SIDE_AFTER, SIDE_BEFORE, SIDE_UNTIL, SIDE_FROM, SIDE_BETWEEN };

enum {
	OPENING_ROLLING = 1, /* before "last year": ends today */
	OPENING_WEAK = 2,    /* may stand before a number that is no year: "of 2000" */
	OPENING_AGO = 4      /* before "3 weeks ago" alone */
};

struct opening {
	const char *words; /* with one blank between them */
	enum side side;
	unsigned flags;
};

/* The longer ones first. */
static const struct opening openings[] = {{"no earlier than", SIDE_SINCE, 0},
        {"not earlier than", SIDE_SINCE, 0}, {"no later than", SIDE_UNTIL, 0},
        {"not later than", SIDE_UNTIL, 0}, {"on or after", SIDE_SINCE, 0},
        {"on or before", SIDE_UNTIL, 0}, {"in or after", SIDE_SINCE, 0},
        {"in or since", SIDE_SINCE, 0}, {"in or before", SIDE_UNTIL, 0},
        {"up to and including", SIDE_UNTIL, OPENING_WEAK}, {"later than", SIDE_AFTER, 0},
        {"earlier than", SIDE_BEFORE, 0}, {"prior to", SIDE_BEFORE, 0}, {"up until", SIDE_UNTIL, 0},
        {"up to", SIDE_UNTIL, OPENING_WEAK}, {"starting from", SIDE_SINCE, 0},
        {"starting in", SIDE_SINCE, 0}, {"starting on", SIDE_SINCE, 0},
        {"beginning in", SIDE_SINCE, 0}, {"ever since", SIDE_SINCE, 0},
        {"more than", SIDE_BEFORE, OPENING_AGO}, {"over", SIDE_BEFORE, OPENING_AGO},
        {"at least", SIDE_UNTIL, OPENING_AGO}, {"less than", SIDE_AFTER, OPENING_AGO},
        {"in", SIDE_IN, 0}, {"during", SIDE_IN, 0}, {"within", SIDE_IN, OPENING_ROLLING},
        {"over", SIDE_IN, OPENING_ROLLING | OPENING_WEAK}, {"throughout", SIDE_IN, 0},
        {"on", SIDE_IN, OPENING_WEAK}, {"for", SIDE_IN, OPENING_WEAK},
        {"of", SIDE_IN, OPENING_WEAK}, {"since", SIDE_SINCE, 0}, {"starting", SIDE_SINCE, 0},
        {"after", SIDE_AFTER, 0}, {"before", SIDE_BEFORE, 0}, {"until", SIDE_UNTIL, 0},
        {"till", SIDE_UNTIL, 0}, {"through", SIDE_UNTIL, OPENING_WEAK},
        {"by", SIDE_UNTIL, OPENING_WEAK}, {"from", SIDE_FROM, 0},
        {"between", SIDE_BETWEEN, OPENING_WEAK}};

/* Words that stand one after another at i; returns the word behind them, or i. */
static size_t read_phrase(const struct words *words, size_t i, const char *phrase)
{
	size_t at = i;
	while (*phrase) {
		size_t n = strcspn(phrase, " ");
		if (at >= words->count || words->words[at].kind != WORD_PLAIN ||
		        strlen(words->words[at].text) != n ||
		        memcmp(words->words[at].text, phrase, n) != 0)
			return i;
		at++;
		phrase += n + (phrase[n] == ' ');
	}
	return at;
}

static size_t read_any(const struct words *words, size_t i, const char *const *phrases)
{
	size_t at = i;
	for (; *phrases && at == i; phrases++)
		at = read_phrase(words, i, *phrases);
	return at;
}

/* "to", "-" between two times at i; returns the word behind it, or i. */
static size_t read_to(const struct words *words, size_t i, enum side side)
{
	static const char *const phrases[] = {
	        "up to", "to", "until", "till", "through", "thru", NULL};
	if (side == SIDE_BETWEEN)
		return i + word_is(words, i, "and");
	if (i < words->count && words->words[i].kind == WORD_MARK &&
	        !strcmp(words->words[i].text, "-"))
		return i + 1;
	return read_any(words, i, phrases);
}

/* Gives two ends the year that one of them has. */
static bool match_years(struct period *from, struct period *to)
{
	int64_t year;
	if (from->guessed && from->month) {
		year = date_of(to->from).year;
		if (!period_set_year(from, year) ||
		        (from->from > to->from && !period_set_year(from, year - 1)))
			return false;
		from->guessed = to->guessed;
	} else if (to->guessed && to->month) {
		year = date_of(from->from).year;
		if (!period_set_year(to, year) ||
		        (to->from < from->from && !period_set_year(to, year + 1)))
			return false;
	} else if (from->guessed && from->from > to->from)
		from->from -= 7; /* Monday to Friday */
	return from->from < to->until;
}

/* The second half of "May to July 2024", behind the first half or a number of a day. */
static size_t read_range(
        const struct reader *reader, size_t i, enum side side, struct period *period)
{
	const struct words *words = reader->words;
	struct period to;
	int64_t day = 0;
	size_t at = period_read(reader, i, period), next, end;
	bool only_day = at == i && (word_whole(words, i, UNIT_NONE, &day) ||
	                                   word_whole(words, i, UNIT_ORDINAL, &day));
	if (at == i && !only_day)
		return i;
	at = only_day ? i + 1 : at;
	next = read_to(words, at, side);
	end = next > at ? period_read(reader, next, &to) : next;
	if (end == next)
		return only_day || side == SIDE_BETWEEN ? i : at;
	if (only_day) { /* from 3 to 10 May */
		if (!to.day || day < 1 || day >= to.day)
			return i;
		*period = to;
		period->from = to.from - to.day + day;
		period->year = false;
		return end;
	}
	if (!match_years(period, &to))
		return i;
	*period = (struct period){.from = period->from,
	        .until = to.until,
	        .bare = period->bare && to.bare,
	        .guessed = period->guessed,
	        .range = true};
	return end;
}

/* Turns the side of what is open to one end by the words behind it: "2023 or later". */
static size_t read_closing(const struct words *words, size_t i, enum side *side)
{
	static const char *const later[] = {"or later", "and later", "or after", "and after",
	        "onwards", "onward", "and onwards", "and onward", "and newer", "or newer", NULL};
	static const char *const from_on[] = {"on", "to now", "until now", "till now", "to today",
	        "to date", "until today", "to the present", "to present", NULL};
	static const char *const earlier[] = {"or earlier", "and earlier", "or before",
	        "and before", "or older", "and older", NULL};
	size_t at;
	if (*side != SIDE_IN && *side != SIDE_FROM)
		return i;
	at = read_any(words, i, later);
	if (at == i && *side == SIDE_FROM)
		at = read_any(words, i, from_on);
	if (at > i) {
		*side = SIDE_SINCE;
		return at;
	}
	at = read_any(words, i, earlier);
	if (at > i)
		*side = SIDE_UNTIL;
	return at;
}

struct bounds {
	int64_t from, until;
	bool open_from, open_until;
};

static const int64_t day_first = -719162, day_behind = 2932897; /* 0001-01-01, 10000-01-01 */

static bool set_bounds(struct bounds *bounds, const struct period *period, enum side side)
{
	*bounds = (struct bounds){period->from, period->until, false, false};
	if (side == SIDE_SINCE || side == SIDE_AFTER) {
		bounds->open_until = true;
		bounds->from = side == SIDE_AFTER ? period->until : period->from;
	} else if (side == SIDE_BEFORE || side == SIDE_UNTIL) {
		bounds->open_from = true;
		bounds->until = side == SIDE_BEFORE ? period->from : period->until;
	}
	if (!bounds->open_from && bounds->from < day_first)
		bounds->from = day_first;
	if (!bounds->open_until && bounds->until >= day_behind)
		bounds->open_until = true;
	if (!bounds->open_from && bounds->from >= day_behind)
		return false;
	if (!bounds->open_until && bounds->until <= day_first)
		return false;
	return !(bounds->open_from && bounds->open_until);
}

static void print_day(char out[11], int64_t day)
{
	struct date date = date_of(day);
	snprintf(out, 11, "%04u-%02u-%02u", (unsigned)date.year % 10000u,
	        (unsigned)date.month % 100u, (unsigned)date.day % 100u);
}

static const char *say(struct pool *pool, const struct words *words, size_t first, size_t end,
        const struct bounds *bounds)
{
	char from[11], last[11];
	const char *said = "";
	for (size_t i = first; i < end && said; i++)
		said = pool_print(pool, "%s%s%s", said,
		        i > first && !words->words[i].glued ? " " : "", words->words[i].written);
	if (!said)
		return NULL;
	print_day(from, bounds->open_from ? 0 : bounds->from);
	print_day(last, bounds->open_until ? 0 : bounds->until - 1);
	if (bounds->open_until)
		return pool_print(pool, "%s = from %s on", said, from);
	if (bounds->open_from)
		return pool_print(pool, "%s = until %s", said, last);
	if (bounds->until == bounds->from + 1)
		return pool_print(pool, "%s = %s", said, from);
	return pool_print(pool, "%s = %s to %s", said, from, last);
}

/* Reads the time behind an opening at word `at` (NULL: none). */
static bool read_behind(struct pool *pool, const struct words *words, size_t first, size_t at,
        const struct opening *opening, const char *today, struct when *out)
{
	enum side side = opening ? opening->side : SIDE_IN;
	unsigned flags = opening ? opening->flags : OPENING_WEAK;
	struct reader reader = {.words = words,
	        .marked = opening != NULL && side != SIDE_BETWEEN,
	        .rolling = side == SIDE_IN &&
	                   ((flags & OPENING_ROLLING) || (opening && word_is(words, at, "the"))),
	        .point = side != SIDE_IN && side != SIDE_BETWEEN};
	struct period period = {0};
	struct bounds bounds;
	size_t end, shown;
	reader.has_today = date_read(today, &reader.today);
	if (side == SIDE_IN || side == SIDE_FROM || side == SIDE_BETWEEN)
		end = read_range(&reader, at, side, &period);
	else
		end = period_read(&reader, at, &period);
	if (end == at || (side == SIDE_BETWEEN && !period.range && !period.day) ||
	        ((flags & OPENING_AGO) && !word_is(words, end - 1, "ago")))
		return false;
	if (!period.range)
		end = read_closing(words, end, &side);
	if (!set_bounds(&bounds, &period, side))
		return false;
	shown = opening && opening->side == SIDE_IN ? at : first;
	*out = (struct when){.first = first,
	        .count = end - first,
	        .said = say(pool, words, shown, end, &bounds),
	        .year = period.year && (side == SIDE_IN || side == SIDE_FROM),
	        .bare = period.bare,
	        .guessed = period.guessed};
	/* "in 2009" is a time; "of 2009", "between 2009 and 2011" may not be, nor is "on Monday".
	 */
	if (!(flags & OPENING_WEAK) && !period.range && !period.weekday)
		out->bare = false;
	if (!bounds.open_from)
		print_day(out->from, bounds.from);
	if (!bounds.open_until)
		print_day(out->until, bounds.until);
	return out->said != NULL;
}

bool when_read(struct pool *pool, const struct words *words, size_t at, const char *today,
        struct when *out)
{
	for (size_t k = 0; k < sizeof openings / sizeof *openings; k++) {
		size_t behind = read_phrase(words, at, openings[k].words);
		if (behind > at && read_behind(pool, words, at, behind, &openings[k], today, out))
			return true;
	}
	return at < words->count && read_behind(pool, words, at, at, NULL, today, out);
}
