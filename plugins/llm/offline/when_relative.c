/* when_relative.c: times that are told from today: "last month", "past 30 days", "3 weeks ago". */
#include <string.h>

#include "when_inside.h"

static const char *const words_this[] = {"this", "current", NULL};
static const char *const words_last[] = {"last", "previous", "prior", "preceding", NULL};
static const char *const words_past[] = {"past", "trailing", NULL};
static const char *const words_next[] = {"next", "coming", "upcoming", "following", NULL};
static const char *const words_whole[] = {"calendar", "full", "complete", "whole", "entire", NULL};

static int weekday_at(const struct words *words, size_t i)
{
	static const char *const names[] = {
	        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
	for (int k = 0; k < 7; k++)
		if (word_is(words, i, names[k]))
			return k;
	return -1;
}

static void set_span(struct period *out, enum span span, int64_t day, int64_t steps)
{
	out->from = span_start(span, day, steps);
	out->until = span == SPAN_WEEKEND ? out->from + 2 : span_start(span, day, steps + 1);
	out->year = span == SPAN_YEAR;
}

/* The day that lies n units after another, without its place in the span. */
static int64_t day_add_spans(int64_t day, enum span span, int64_t n)
{
	static const int months[] = {
	        [SPAN_MONTH] = 1, [SPAN_QUARTER] = 3, [SPAN_YEAR] = 12, [SPAN_DECADE] = 120};
	if (span == SPAN_DAY)
		return day + n;
	if (span == SPAN_WEEK || span == SPAN_WEEKEND)
		return day + 7 * n;
	return day_add_months(day, n * months[span]);
}

/* A count of units at i: "3", "three", "couple of"; returns the word behind it, or i. */
static size_t read_count(const struct words *words, size_t i, int64_t *n)
{
	if (word_whole(words, i, UNIT_NONE, n) && *n >= 1 && *n <= 9999)
		return i + 1;
	if (word_is(words, i, "couple")) {
		*n = 2;
		return i + 1 + word_is(words, i + 1, "of");
	}
	return i;
}

/* "last May", "next Monday": the nearest one on that side that does not hold today. */
static size_t read_named(const struct reader *reader, size_t i, int side, struct period *out)
{
	int month, weekday = weekday_at(reader->words, i);
	int64_t today = reader->today;
	if (weekday >= 0) {
		int ahead = weekday - weekday_of(today);
		if (side < 0 && ahead >= 0)
			ahead -= 7;
		else if (side > 0 && ahead <= 0)
			ahead += 7;
		out->from = today + ahead;
		out->until = out->from + 1;
		return i + 1;
	}
	if (word_month(reader->words, i, &month)) {
		struct date now = date_of(today);
		int64_t year = now.year;
		if (side < 0 && month >= now.month)
			year--;
		else if (side > 0 && month <= now.month)
			year++;
		out->from = month_start(year, month);
		out->until = month_start(year, month + 1);
		return i + 1;
	}
	return i;
}

/* Behind "last 3 months": ", excluding the current month" at i, or what repeats what is meant
 * anyway. Returns the word behind it, or i. */
static size_t read_limits(const struct words *words, size_t i, enum span span, bool *without)
{
	static const char *const out[] = {"excluding", "exclusive", "without", NULL};
	static const char *const in[] = {"including", "inclusive", NULL};
	static const char *const counted[] = {"including", "counting", NULL};
	size_t at = i, behind;
	enum span named;
	int64_t n;
	bool excluded, bracket;
	while (at < words->count && words->words[at].kind == WORD_MARK &&
	        strchr(",(", *words->words[at].text))
		at++;
	bracket = at > i && *words->words[at - 1].text == '(';
	excluded = word_is_one(words, at, out);
	if (word_is(words, at, "not") && word_is_one(words, at + 1, counted)) {
		excluded = true;
		at++;
	} else if (!excluded && !word_is_one(words, at, in))
		return i;
	at++;
	at += word_is(words, at, "of");
	at += word_is(words, at, "the");
	if (word_is_one(words, at, words_this) && word_span(words, at + 1, &named) && named == span)
		at += 2;
	else if (!excluded && word_is(words, at, "today"))
		at++;
	else {
		behind = excluded ? at : read_count(words, at, &n);
		if (behind == at || !word_span(words, behind, &named) ||
		        !word_is(words, behind + 1, "ago"))
			return i;
		at = behind + 2;
	}
	*without = excluded;
	if (bracket && at < words->count && *words->words[at].text == ')')
		at++;
	return at;
}

/* "this year", "last 3 months", "next Monday" at i. */
static size_t read_beside(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	bool past = word_is_one(words, i, words_past), last = word_is_one(words, i, words_last);
	bool next = word_is_one(words, i, words_next), whole, counted, rolls;
	int64_t n = 1, end = reader->today + 1;
	enum span span;
	size_t at = i + 1, behind;
	int side = past || last ? -1 : next ? 1 : 0;
	if (!side && !word_is_one(words, i, words_this))
		return i;
	whole = word_is_one(words, at, words_whole);
	at += whole;
	behind = read_count(words, at, &n);
	counted = behind > at;
	at = behind;
	if (word_is_one(words, at, words_whole)) {
		whole = true;
		at++;
	}
	at += word_is(words, at, "fiscal") || word_is(words, at, "financial");
	if (counted && !side)
		return i;
	if (!word_span(words, at, &span)) {
		behind = counted || whole ? at : read_named(reader, at, side, out);
		return behind > at ? behind : i;
	}
	at++;
	/* "last month of the contract" is another thing. */
	if (word_is(words, at, "of"))
		return i;
	if (side < 0)
		at = read_limits(words, at, span, &whole);
	rolls = counted || past || (reader->rolling && last);
	if (!rolls || span == SPAN_WEEKEND || (whole && !counted))
		set_span(out, span, reader->today, side);
	else if (whole) {
		out->from = span_start(span, reader->today, side < 0 ? -n : 1);
		out->until = span_start(span, reader->today, side < 0 ? 0 : n + 1);
		out->year = span == SPAN_YEAR && n == 1;
	} else if (side < 0) {
		out->from = day_add_spans(reader->today, span, -n);
		out->until = end;
	} else {
		out->from = end;
		out->until = day_add_spans(end, span, n);
	}
	return at;
}

/* "3 weeks ago", "a year ago" at i. */
static size_t read_ago(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	int64_t n = 1;
	enum span span;
	size_t at = i;
	if ((word_is(words, at, "a") || word_is(words, at, "an")) &&
	        !word_is(words, at + 1, "couple"))
		at++;
	else {
		at += word_is(words, at, "a");
		if (read_count(words, at, &n) == at)
			return i;
		at = read_count(words, at, &n);
	}
	if (!word_span(words, at, &span) || !word_is(words, at + 1, "ago"))
		return i;
	if (reader->point) {
		out->from = day_add_spans(reader->today, span, -n);
		out->until = out->from + 1;
	} else
		set_span(out, span, reader->today, -n);
	return at + 2;
}

/* "year to date", "YTD", "this year so far" at i. */
static size_t read_to_date(const struct reader *reader, size_t i, struct period *out)
{
	static const struct {
		const char *word;
		enum span span;
	} shorts[] = {{"ytd", SPAN_YEAR}, {"mtd", SPAN_MONTH}, {"qtd", SPAN_QUARTER},
	        {"wtd", SPAN_WEEK}, {"year-to-date", SPAN_YEAR}, {"month-to-date", SPAN_MONTH},
	        {"quarter-to-date", SPAN_QUARTER}, {"week-to-date", SPAN_WEEK}};
	const struct words *words = reader->words;
	enum span span = SPAN_DAY;
	size_t at = i;
	for (size_t k = 0; k < sizeof shorts / sizeof *shorts; k++)
		if (word_is(words, i, shorts[k].word)) {
			span = shorts[k].span;
			at = i + 1;
		}
	if (at == i && word_span(words, i, &span) && word_is(words, i + 1, "to") &&
	        word_is(words, i + 2, "date"))
		at = i + 3;
	else if (at == i && word_is(words, i, "so") && word_is(words, i + 1, "far") &&
	         word_is_one(words, i + 2, words_this) && word_span(words, i + 3, &span))
		at = i + 4;
	else if (at == i && word_is_one(words, i, words_this) && word_span(words, i + 1, &span) &&
	         word_is(words, i + 2, "so") && word_is(words, i + 3, "far"))
		at = i + 4;
	if (at == i)
		return i;
	out->from = span_start(span, reader->today, 0);
	out->until = reader->today + 1;
	return at;
}

static size_t read_day(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	int64_t day = reader->today;
	size_t at = i + 1;
	if (word_is(words, i, "yesterday"))
		day--;
	else if (word_is(words, i, "tomorrow"))
		day++;
	else if (word_is(words, i, "day") && word_is(words, i + 1, "before") &&
	         word_is(words, i + 2, "yesterday")) {
		day -= 2;
		at = i + 3;
	} else if (word_is(words, i, "day") && word_is(words, i + 1, "after") &&
	           word_is(words, i + 2, "tomorrow")) {
		day += 2;
		at = i + 3;
	} else if (!word_is(words, i, "today") && !word_is(words, i, "tonight"))
		return i;
	out->from = day;
	out->until = day + 1;
	return at;
}

size_t period_read_relative(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	enum span span;
	int weekday;
	size_t at;
	if (!reader->has_today)
		return i;
	at = read_day(reader, i, out);
	if (at == i)
		at = read_to_date(reader, i, out);
	if (at == i)
		at = read_beside(reader, i, out);
	if (at == i)
		at = read_ago(reader, i, out);
	if (at > i)
		return at;
	if (word_span(words, i, &span) && word_is(words, i + 1, "before") &&
	        word_is(words, i + 2, "last")) {
		set_span(out, span, reader->today, -2);
		return i + 3;
	}
	weekday = weekday_at(words, i);
	if (weekday >= 0 && (reader->marked || words->words[i].capital)) {
		read_named(reader, i, weekday == weekday_of(reader->today) ? 0 : -1, out);
		out->bare = out->guessed = out->weekday = true;
		return i + 1;
	}
	return i;
}
