/* when_absolute.c: times that name their place in the calendar: "3 May 2024", "Q2 2024", "2009". */
#include <stdlib.h>
#include <string.h>

#include "when_inside.h"

static void set_months(struct period *out, int64_t year, int64_t first, int64_t count)
{
	out->from = month_start(year, first);
	out->until = month_start(year, first + count);
	out->year = first == 1 && count == 12;
}

bool period_set_year(struct period *period, int64_t year)
{
	struct date date = {year, period->month, period->day ? period->day : 1};
	if (!date_exists(date))
		return false;
	period->from = day_of(date);
	period->until =
	        period->day ? period->from + 1 : month_start(year, period->month + period->months);
	period->guessed = false;
	return true;
}

bool period_guess_year(const struct reader *reader, struct period *period)
{
	int64_t year = date_of(reader->today).year;
	if (!reader->has_today)
		return false;
	/* 29 February is in one year of four, at times of eight */
	for (int k = 0; k < 9; k++, year--)
		if (period_set_year(period, year) && period->from <= reader->today) {
			period->guessed = true;
			return true;
		}
	return false;
}

/* "2024", "of 2024", ", 2024", "of last year", "last year" at i. */
static size_t read_year_behind(const struct reader *reader, size_t i, int64_t *year)
{
	const struct words *words = reader->words;
	struct period period = {0};
	size_t at = i, next;
	if (at < words->count && words->words[at].kind == WORD_MARK &&
	        strchr(",/-'.", *words->words[at].text))
		at++;
	else if (word_is(words, at, "of") || word_is(words, at, "in"))
		at++;
	at += word_is(words, at, "the");
	if (word_is(words, at, "year") && word_year(words, at + 1, true, year))
		return at + 2;
	if (word_year(words, at, at == i || words->words[at - 1].kind != WORD_MARK, year))
		return at + 1;
	if (word_is(words, at, "year") && reader->has_today && at > i) { /* of the year */
		*year = date_of(reader->today).year;
		return at + 1;
	}
	next = period_read_relative(reader, at, &period);
	if (next > at && period.year) {
		*year = date_of(period.from).year;
		return next;
	}
	return i;
}

static bool digits_only(const char *s, size_t n)
{
	return strspn(s, "0123456789") >= n;
}

/* 3-may-2024, may-2024 */
static bool read_hyphened(const char *text, struct period *out)
{
	size_t digits = strspn(text, "0123456789"), letters;
	const char *name = text + digits + (digits && text[digits] == '-');
	long year;
	letters = strcspn(name, "-");
	if (digits > 2 || (digits && name == text + digits) || letters < 3 || !name[letters] ||
	        strlen(name + letters + 1) != 4 || !digits_only(name + letters + 1, 4))
		return false;
	year = strtol(name + letters + 1, NULL, 10);
	out->day = digits ? (int)strtol(text, NULL, 10) : 0;
	out->months = 1;
	out->month = month_of(name, letters);
	return out->month && (!digits || out->day) && period_set_year(out, year);
}

/* 2024-05-03, 2024/05/03, 2024-05, 2024-Q2, 2024-W12, 03/05/2024, 3.5.2024, 05/2024 */
static bool read_date_word(const char *text, struct period *out)
{
	char *end;
	long part[3] = {0};
	int digits[3] = {0}, count = 0;
	char mark = 0, kind = 0;
	const char *s = text;
	struct date date;
	while (count < 3) {
		if (count == 1 && (*s == 'q' || *s == 'w'))
			kind = *s++;
		if (*s < '0' || *s > '9')
			return false;
		part[count] = strtol(s, &end, 10);
		digits[count] = (int)(end - s);
		count++;
		s = end;
		if (*s == 't' && count == 3 && s[1] >= '0' && s[1] <= '9') /* 2024-05-03t10:00 */
			break;
		if (!*s)
			break;
		if (kind == 0 && count == 1 && (*s == 'q' || *s == 'w'))
			continue;
		if (!strchr("-/.", *s) || (mark && *s != mark))
			return false;
		mark = *s++;
	}
	if ((*s && *s != 't') || count < 2 || digits[0] > 4 || digits[1] > 2)
		return false;
	if (kind) {
		if (count != 2 || digits[0] != 4)
			return false;
		if (kind == 'q') {
			if (part[1] < 1 || part[1] > 4)
				return false;
			set_months(out, part[0], part[1] * 3 - 2, 3);
			return true;
		}
		if (part[1] < 1 || part[1] > weeks_of(part[0]))
			return false;
		out->from = weeks_start(part[0]) + 7 * (part[1] - 1);
		out->until = out->from + 7;
		return true;
	}
	if (count == 2) {
		if (digits[0] != 4 || mark == '.' || part[1] < 1 || part[1] > 12 || part[0] < 1000)
			return false;
		set_months(out, part[0], part[1], 1);
		return true;
	}
	if (digits[0] == 4)
		date = (struct date){part[0], (int)part[1], (int)part[2]};
	else {
		bool day_first = mark == '.' || part[0] > 12;
		if (digits[0] > 2 || (digits[2] != 4 && digits[2] != 2))
			return false;
		if (digits[2] == 2)
			part[2] += part[2] < 70 ? 2000 : 1900;
		date = (struct date){
		        part[2], (int)part[day_first ? 1 : 0], (int)part[day_first ? 0 : 1]};
	}
	if (!date_exists(date))
		return false;
	out->from = day_of(date);
	out->until = out->from + 1;
	return true;
}

static bool is_mark(const struct words *words, size_t i, char mark)
{
	return i < words->count && words->words[i].kind == WORD_MARK &&
	       *words->words[i].text == mark;
}

/* A day of a month in figures or as an ordinal. */
static bool word_day(const struct words *words, size_t i, int64_t *day)
{
	return (word_whole(words, i, UNIT_NONE, day) || word_whole(words, i, UNIT_ORDINAL, day)) &&
	       *day >= 1 && *day <= 31;
}

/* "May 2024", "3 May", "May 3rd, 2024", "the 3rd of May 2024" */
static size_t read_month_and_day(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	int64_t day = 0, year;
	size_t at = i, next, name;
	bool alone, verb;
	if (word_day(words, at, &day)) {
		at++;
		at += word_is(words, at, "of");
	}
	name = at;
	if (!word_month(words, at, &out->month))
		return i;
	at++;
	if (!day) {
		next = at + (is_mark(words, at, '.') && words->words[at].glued);
		if (word_day(words, next, &day))
			at = next + 1;
		else
			day = 0;
	}
	out->day = (int)day;
	out->months = 1;
	next = read_year_behind(reader, at, &year);
	if (next > at)
		return period_set_year(out, year) ? next : i;
	alone = at == i + 1;
	verb = word_is(words, name, "may") || word_is(words, name, "march") ||
	       word_is(words, name, "mar");
	if (verb && !day && !reader->marked && (!words->words[name].capital || name == 0))
		return i;
	if (!period_guess_year(reader, out))
		return i;
	out->bare = alone;
	return at;
}

/* "Q2 2024", "second quarter of 2024", "H1", "first half of last year", "last quarter of 2024" */
static size_t read_part_of_year(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	const char *text;
	int64_t n = 0, year = 0, parts = 4;
	size_t at = i, next;
	if (at >= words->count)
		return i;
	text = words->words[at].text;
	if (words->words[at].kind == WORD_PLAIN && (*text == 'q' || *text == 'h') &&
	        text[1] >= '1' && text[1] <= '4') {
		parts = *text == 'q' ? 4 : 2;
		n = text[1] - '0';
		if (strlen(text) == 7 && text[2] == '-' && digits_only(text + 3, 4))
			year = strtol(text + 3, NULL, 10);
		else if (text[2])
			return i;
		at++;
	} else if (word_is(words, at, "quarter") && word_whole(words, at + 1, UNIT_NONE, &n))
		at += 2;
	else {
		bool last = word_is(words, at, "last");
		if (!last && !word_whole(words, at, UNIT_ORDINAL, &n))
			return i;
		if (word_is(words, at + 1, "half"))
			parts = 2;
		else if (!word_is(words, at + 1, "quarter"))
			return i;
		if (last)
			n = parts;
		at += 2;
		if (last) {
			next = read_year_behind(reader, at, &year);
			if (next == at)
				return i;
			at = next;
		}
	}
	if (n < 1 || n > parts)
		return i;
	out->month = (int)((n - 1) * 12 / parts + 1);
	out->months = (int)(12 / parts);
	next = year ? at : read_year_behind(reader, at, &year);
	if (year ? !period_set_year(out, year) : !period_guess_year(reader, out))
		return i;
	return next;
}

/* "week 12 of 2024", "calendar week 12" */
static size_t read_week(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	int64_t n, year;
	size_t at = i + word_is(words, i, "calendar"), next;
	if (!word_is(words, at, "week") || !word_whole(words, at + 1, UNIT_NONE, &n))
		return i;
	at += 2;
	next = read_year_behind(reader, at, &year);
	if (next == at) {
		if (!reader->has_today)
			return i;
		year = date_of(reader->today).year;
		if (n > 0 && weeks_start(year) + 7 * (n - 1) > reader->today)
			year--;
		out->guessed = true;
	}
	if (n < 1 || n > weeks_of(year))
		return i;
	out->from = weeks_start(year) + 7 * (n - 1);
	out->until = out->from + 7;
	return next;
}

/* "1990s", "the 90s", "20th century" */
static size_t read_long_time(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	const char *text = i < words->count ? words->words[i].text : "";
	size_t n = strspn(text, "0123456789");
	int64_t year;
	if ((n == 4 || n == 2) && !strcmp(text + n, "s") && text[n - 1] == '0') {
		year = strtol(text, NULL, 10);
		if (n == 2)
			year += year < 30 ? 2000 : 1900;
		else if (year < 1000)
			return i;
		set_months(out, year, 1, 120);
		return i + 1;
	}
	if (word_whole(words, i, UNIT_ORDINAL, &year) && word_is(words, i + 1, "century") &&
	        year >= 1 && year <= 99) {
		set_months(out, year * 100 - 99, 1, 1200);
		return i + 2;
	}
	return i;
}

/* "2009", "year 2009", "fiscal year 2024", "FY24", "2024 Q2" */
static size_t read_year(const struct reader *reader, size_t i, struct period *out)
{
	const struct words *words = reader->words;
	int64_t year;
	size_t at = i, next;
	struct period part = {0};
	const char *text;
	if (at >= words->count)
		return i;
	text = words->words[at].text;
	if (!strncmp(text, "fy", 2)) {
		size_t n = strlen(text + 2);
		if (n == 0 && word_whole(words, at + 1, UNIT_NONE, &year) &&
		        ((year >= 0 && year < 100) || word_year(words, at + 1, true, &year)))
			at += 2;
		else if ((n == 2 || n == 4) && digits_only(text + 2, n)) {
			year = strtol(text + 2, NULL, 10);
			at++;
		} else
			return i;
		if (year < 100)
			year += year < 70 ? 2000 : 1900;
		set_months(out, year, 1, 12);
		return at;
	}
	at += word_is(words, at, "calendar") || word_is(words, at, "fiscal") ||
	      word_is(words, at, "financial");
	if (word_is(words, at, "year")) {
		at++;
		at += word_is(words, at, "of");
		if (!word_whole(words, at, UNIT_NONE, &year) || year < 1 || year > 9999)
			return i;
	} else if (at > i || !word_year(words, at, reader->marked, &year))
		return i;
	else
		out->bare = true;
	at++;
	if (at < words->count && *words->words[at].text == 'q' &&
	        words->words[at].kind == WORD_PLAIN) {
		next = read_part_of_year(reader, at, &part);
		if (next == at + 1 && part.guessed && period_set_year(&part, year)) {
			*out = part;
			return next;
		}
	}
	set_months(out, year, 1, 12);
	return at;
}

size_t period_read_absolute(const struct reader *reader, size_t i, struct period *out)
{
	static size_t (*const readers[])(const struct reader *, size_t, struct period *) = {
	        read_month_and_day, read_part_of_year, read_week, read_long_time, read_year};
	const struct words *words = reader->words;
	if (i < words->count && words->words[i].kind == WORD_PLAIN &&
	        (read_date_word(words->words[i].text, out) ||
	                read_hyphened(words->words[i].text, out)))
		return i + 1;
	for (size_t k = 0; k < sizeof readers / sizeof *readers; k++) {
		struct period period = {0};
		size_t at = readers[k](reader, i, &period);
		if (at > i) {
			*out = period;
			return at;
		}
	}
	return i;
}
