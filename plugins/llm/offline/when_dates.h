/* when_dates.h: the calendar, in days since 1970-01-01. */
#ifndef OFFLINE_WHEN_DATES_H
#define OFFLINE_WHEN_DATES_H

#include <stdbool.h>
#include <stdint.h>

struct date {
	int64_t year;
	int month, day; /* from 1 */
};

/* The units of "last month" */
enum span { SPAN_DAY, SPAN_WEEK, SPAN_MONTH, SPAN_QUARTER, SPAN_YEAR, SPAN_DECADE, SPAN_WEEKEND };

int64_t day_of(struct date date);
struct date date_of(int64_t day);
bool date_exists(struct date date);
/* The first day of a month; `month` from 1, any number: 13 is January of the next year. */
int64_t month_start(int64_t year, int64_t month);
/* The same day of another month, or its last day. */
int64_t day_add_months(int64_t day, int64_t months);
/* 0: Monday */
int weekday_of(int64_t day);
/* The Monday of week 1 of a year (ISO 8601), and how many weeks it has. */
int64_t weeks_start(int64_t year);
int weeks_of(int64_t year);
/* The first day of the span that lies `steps` after the one of `day`. */
int64_t span_start(enum span span, int64_t day, int64_t steps);
/* YYYY-MM-DD of a day of the years 1 to 9999. */
bool date_read(const char *s, int64_t *day);

#endif
