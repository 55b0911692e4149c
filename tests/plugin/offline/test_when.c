/* When: times in questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "when.h"
#include "when_dates.h"

/* The first time of a text: "from..until", then y (year), b (bare), g (guessed); "-": none. */
static void reads_on(const char *today, const char *text, const char *expected)
{
	struct pool pool = {0};
	struct words words;
	struct when when;
	bool cut;
	const char *shown = "-";
	assert_true(words_read(&pool, text, strlen(text), &words, &cut));
	for (size_t i = 0; i < words.count; i++)
		if (when_read(&pool, &words, i, today, &when)) {
			assert_int_equal(when.first, i);
			assert_true(when.count > 0 && i + when.count <= words.count);
			shown = pool_print(&pool, "%s..%s%s%s%s%s", when.from, when.until,
			        when.year || when.bare || when.guessed ? " " : "",
			        when.year ? "y" : "", when.bare ? "b" : "",
			        when.guessed ? "g" : "");
			break;
		}
	assert_false(pool.failed);
	assert_non_null(shown);
	if (strcmp(shown, expected) != 0)
		print_error("%s\n  is       %s\n  expected %s\n", text, shown, expected);
	assert_string_equal(shown, expected);
	pool_finish(&pool);
}

static void reads(const char *text, const char *expected)
{
	reads_on("2026-11-21", text, expected); /* a Saturday */
}

static void days_are_told_from_today(void **state)
{
	(void)state;
	reads("orders of today", "2026-11-21..2026-11-22");
	reads("yesterday's orders", "2026-11-20..2026-11-21");
	reads("tomorrow", "2026-11-22..2026-11-23");
	reads("the day before yesterday", "2026-11-19..2026-11-20");
	reads("the day after tomorrow", "2026-11-23..2026-11-24");
	reads("last Monday", "2026-11-16..2026-11-17");
	reads("last Saturday", "2026-11-14..2026-11-15");
	reads("this Monday", "2026-11-16..2026-11-17");
	reads("next Monday", "2026-11-23..2026-11-24");
	reads("on Monday", "2026-11-16..2026-11-17 bg");
	reads("on Saturday", "2026-11-21..2026-11-22 bg");
	reads("last weekend", "2026-11-14..2026-11-16");
	reads("this weekend", "2026-11-21..2026-11-23");
}

static void calendar_units_stand_beside_today(void **state)
{
	(void)state;
	reads("last day", "2026-11-20..2026-11-21");
	reads("this week", "2026-11-16..2026-11-23");
	reads("last week", "2026-11-09..2026-11-16");
	reads("sales last month", "2026-10-01..2026-11-01");
	reads("in the previous month", "2026-10-21..2026-11-22");
	reads("last calendar month", "2026-10-01..2026-11-01");
	reads("in the last full month", "2026-10-01..2026-11-01");
	reads("this quarter", "2026-10-01..2027-01-01");
	reads("next quarter", "2027-01-01..2027-04-01");
	reads("last year", "2025-01-01..2026-01-01 y");
	reads("in last year", "2025-01-01..2026-01-01 y");
	reads("the current year", "2026-01-01..2027-01-01 y");
	reads("the year before last", "2024-01-01..2025-01-01 y");
	reads("last fiscal year", "2025-01-01..2026-01-01 y");
	reads_on("2026-01-15", "last month", "2025-12-01..2026-01-01");
	reads_on("2026-01-15", "last quarter", "2025-10-01..2026-01-01");
	reads("last year of university", "-");
	reads("her last name", "-");
	reads("last May", "2026-05-01..2026-06-01");
	reads("last November", "2025-11-01..2025-12-01");
	reads("next May", "2027-05-01..2027-06-01");
	reads("this May", "2026-05-01..2026-06-01");
}

static void rolling_times_end_today(void **state)
{
	(void)state;
	reads("past 30 days", "2026-10-22..2026-11-22");
	reads("in the last 3 months", "2026-08-21..2026-11-22");
	reads("last two weeks", "2026-11-07..2026-11-22");
	reads("past year", "2025-11-21..2026-11-22");
	reads("in the last year", "2025-11-21..2026-11-22");
	reads("over the last decade", "2016-11-21..2026-11-22");
	reads("trailing twelve months", "2025-11-21..2026-11-22");
	reads("last 3 full months", "2026-08-01..2026-11-01");
	reads("last 3 months, not including the current month", "2026-08-01..2026-11-01");
	reads("past 2 weeks (excluding this week)", "2026-11-02..2026-11-16");
	reads("last week exclusive of the current week", "2026-11-09..2026-11-16");
	reads("past 30 days, inclusive of 30 days ago", "2026-10-22..2026-11-22");
	reads("past 7 days including today", "2026-11-14..2026-11-22");
	reads("past 7 days, including holidays", "2026-11-14..2026-11-22");
	reads("last couple of weeks", "2026-11-07..2026-11-22");
	reads("next 7 days", "2026-11-22..2026-11-29");
	reads("next 2 calendar months", "2026-12-01..2027-02-01");
	reads_on("2024-03-30", "past month", "2024-02-29..2024-03-31");
	reads("YTD", "2026-01-01..2026-11-22");
	reads("month to date", "2026-11-01..2026-11-22");
	reads("quarter-to-date", "2026-10-01..2026-11-22");
	reads("so far this week", "2026-11-16..2026-11-22");
	reads("this year so far", "2026-01-01..2026-11-22");
}

static void times_ago(void **state)
{
	(void)state;
	reads("2 days ago", "2026-11-19..2026-11-20");
	reads("3 weeks ago", "2026-10-26..2026-11-02");
	reads("a year ago", "2025-01-01..2026-01-01 y");
	reads("a couple of months ago", "2026-09-01..2026-10-01");
	reads("since 3 weeks ago", "2026-10-31..");
	reads("more than 2 years ago", "..2024-11-21");
	reads("over a month ago", "..2026-10-21");
	reads("less than a month ago", "2026-10-22..");
	reads("more than 3 orders", "-");
	reads("more than 2 years", "-");
}

static void years(void **state)
{
	(void)state;
	reads("in 2024", "2024-01-01..2025-01-01 y");
	reads("2024", "2024-01-01..2025-01-01 yb");
	reads("of 2000", "2000-01-01..2001-01-01 yb");
	reads("from 2009", "2009-01-01..2010-01-01 y");
	reads("in twenty twenty four", "2024-01-01..2025-01-01 y");
	reads("in 1850", "1850-01-01..1851-01-01 y");
	reads("1850", "-");
	reads("2,024", "-");
	reads("$2024", "-");
	reads("in 2 thousand", "-");
	reads("2150", "-");
	reads("year 1", "0001-01-01..0002-01-01 y");
	reads("in the year 9999", "9999-01-01.. y");
	reads("in the year 0", "-");
	reads("FY24", "2024-01-01..2025-01-01 y");
	reads("FY 2024", "2024-01-01..2025-01-01 y");
	reads("fiscal year 2024", "2024-01-01..2025-01-01 y");
	reads("in the 1990s", "1990-01-01..2000-01-01");
	reads("the 90s", "1990-01-01..2000-01-01");
	reads("20th century", "1901-01-01..2001-01-01");
}

static void open_times(void **state)
{
	(void)state;
	reads("since 2023", "2023-01-01..");
	reads("after 2010", "2011-01-01..");
	reads("after June", "2026-07-01.. g");
	reads("before 3 May 2024", "..2024-05-03");
	reads("until May 2024", "..2024-06-01");
	reads("on or after 2024-02-01", "2024-02-01..");
	reads("on or before 2024-02-01", "..2024-02-02");
	reads("no later than May 2024", "..2024-06-01");
	reads("prior to 2010", "..2010-01-01");
	reads("from 2023 on", "2023-01-01..");
	reads("2023 or later", "2023-01-01.. b");
	reads("in 2022 and earlier", "..2023-01-01");
	reads("since last month", "2026-10-01..");
	reads("before yesterday", "..2026-11-20");
}

static void ranges(void **state)
{
	(void)state;
	reads("between 2010 and 2012", "2010-01-01..2013-01-01 b");
	reads("from 2010 to 2012", "2010-01-01..2013-01-01 b");
	reads("2010-2012", "2010-01-01..2013-01-01 b");
	reads("from May to July 2024", "2024-05-01..2024-08-01");
	reads("between November and February 2024", "2023-11-01..2024-03-01");
	reads("from November 2023 to February", "2023-11-01..2024-03-01");
	reads("from November to February", "2025-11-01..2026-03-01 bg");
	reads("from 2024-01-01 to 2024-01-31", "2024-01-01..2024-02-01");
	reads("between 3 May 2024 and 10 May 2024", "2024-05-03..2024-05-11");
	reads("from 3 to 10 May 2024", "2024-05-03..2024-05-11");
	reads("between 3 and 10 May 2024", "2024-05-03..2024-05-11");
	reads("Q1 to Q3 2024", "2024-01-01..2024-10-01");
	reads("from Monday to Friday", "2026-11-16..2026-11-21 bg");
	reads("between 100 and 200", "-");
	reads("since 2020 until 2022", "2020-01-01..");
}

static void dates(void **state)
{
	(void)state;
	reads("May 2024", "2024-05-01..2024-06-01");
	reads("Sept. 2024", "2024-09-01..2024-10-01");
	reads("May of last year", "2025-05-01..2025-06-01");
	reads("3 May 2024", "2024-05-03..2024-05-04");
	reads("the 3rd of May, 2024", "2024-05-03..2024-05-04");
	reads("May 3, 2024", "2024-05-03..2024-05-04");
	reads("May 3rd", "2026-05-03..2026-05-04 g");
	reads("on 2024-05-03", "2024-05-03..2024-05-04");
	reads("2024/05/03", "2024-05-03..2024-05-04");
	reads("2024-05", "2024-05-01..2024-06-01");
	reads("03/05/2024", "2024-03-05..2024-03-06");
	reads("13/05/2024", "2024-05-13..2024-05-14");
	reads("3/5/24", "2024-03-05..2024-03-06");
	reads("3/5/85", "1985-03-05..1985-03-06");
	reads("3.5.2024", "2024-05-03..2024-05-04");
	reads("3-May-2024", "2024-05-03..2024-05-04");
	reads("3-march-2024", "2024-03-03..2024-03-04");
	reads("31-Apr-2024", "-");
	reads("May-2024", "2024-05-01..2024-06-01");
	reads("in May", "2026-05-01..2026-06-01 g");
	reads("in December", "2025-12-01..2026-01-01 g");
	reads("in the month of May 2024", "2024-05-01..2024-06-01");
	reads("sales for June", "2026-06-01..2026-07-01 bg");
	reads("they may live in Paris", "-");
	reads("march on", "-");
	reads("29 Feb 2024", "2024-02-29..2024-03-01");
	reads("on 29 February", "2024-02-29..2024-03-01 g");
	reads_on("1903-01-01", "on 29 February", "1896-02-29..1896-03-01 g");
	reads("2023-02-29", "-");
	reads("31/04/2024", "-");
	reads("2024-13", "-");
	reads("9999-12-31", "9999-12-31..");
	reads("0001-01-01", "0001-01-01..0001-01-02");
}

static void quarters_halves_and_weeks(void **state)
{
	(void)state;
	reads("Q2 2024", "2024-04-01..2024-07-01");
	reads("in 2024 Q2", "2024-04-01..2024-07-01");
	reads("2024-Q2", "2024-04-01..2024-07-01");
	reads("Q2/2024", "2024-04-01..2024-07-01");
	reads("in Q2", "2026-04-01..2026-07-01 g");
	reads("second quarter of 2024", "2024-04-01..2024-07-01");
	reads("last quarter of 2024", "2024-10-01..2025-01-01");
	reads("first quarter of last year", "2025-01-01..2025-04-01");
	reads("the second half of 2024", "2024-07-01..2025-01-01");
	reads("H1 2024", "2024-01-01..2024-07-01");
	reads("Q5 2024", "2024-01-01..2025-01-01 yb");
	reads("week 1 of 2021", "2021-01-04..2021-01-11");
	reads("week 53 of 2020", "2020-12-28..2021-01-04");
	reads("2020-W53", "2020-12-28..2021-01-04");
	reads("2021-W53", "-");
	reads("calendar week 10", "2026-03-02..2026-03-09 g");
}

static void without_a_day_of_today_the_calendar_is_left(void **state)
{
	(void)state;
	reads_on("", "last month", "-");
	reads_on("soon", "in May", "-");
	reads_on("2026-02-30", "Q2", "-");
	reads_on("", "in May 2024", "2024-05-01..2024-06-01");
}

static void says(const char *text, const char *said)
{
	struct pool pool = {0};
	struct words words;
	struct when when;
	bool cut;
	assert_true(words_read(&pool, text, strlen(text), &words, &cut));
	assert_true(when_read(&pool, &words, 0, "2026-11-21", &when));
	assert_string_equal(when.said, said);
	pool_finish(&pool);
}

static void people_are_told_the_days(void **state)
{
	(void)state;
	says("last month", "last month = 2026-10-01 to 2026-10-31");
	says("in 2024", "2024 = 2024-01-01 to 2024-12-31");
	says("yesterday", "yesterday = 2026-11-20");
	says("since May 2024", "since May 2024 = from 2024-05-01 on");
	says("before 2024", "before 2024 = until 2023-12-31");
	says("between 2010 and 2012", "between 2010 and 2012 = 2010-01-01 to 2012-12-31");
	says("May 3, 2024", "May 3, 2024 = 2024-05-03");
}

static void every_day_has_its_date(void **state)
{
	struct date date = {1, 1, 1}, next;
	(void)state;
	for (int64_t day = day_of(date); date.year <= 9999; day++) {
		next = date_of(day);
		if (next.year != date.year || next.month != date.month || next.day != date.day ||
		        day_of(date) != day)
			fail_msg("day %lld", (long long)day);
		date.day++;
		if (!date_exists(date)) {
			date.day = 1;
			date.month++;
		}
		if (date.month > 12) {
			date.month = 1;
			date.year++;
		}
	}
	assert_int_equal(weeks_of(2020), 53);
	assert_int_equal(weeks_of(2021), 52);
	assert_int_equal(weekday_of(day_of((struct date){2026, 11, 21})), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(days_are_told_from_today),
	        cmocka_unit_test(calendar_units_stand_beside_today),
	        cmocka_unit_test(rolling_times_end_today),
	        cmocka_unit_test(times_ago),
	        cmocka_unit_test(years),
	        cmocka_unit_test(open_times),
	        cmocka_unit_test(ranges),
	        cmocka_unit_test(dates),
	        cmocka_unit_test(quarters_halves_and_weeks),
	        cmocka_unit_test(without_a_day_of_today_the_calendar_is_left),
	        cmocka_unit_test(people_are_told_the_days),
	        cmocka_unit_test(every_day_has_its_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
