/* when_dates.c: the calendar. */
#include <string.h>

#include "when_dates.h"

int64_t day_of(struct date date)
{
	/* Years that begin in March have their leap day at the end. */
	int64_t y = date.year - (date.month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date date_of(int64_t day)
{
	int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	struct date date = {.year = year + era * 400,
	        .month = (int)(month < 10 ? month + 3 : month - 9),
	        .day = (int)(of_year - (153 * month + 2) / 5 + 1)};
	date.year += date.month <= 2;
	return date;
}

bool date_exists(struct date date)
{
	return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 &&
	       date.day >= 1 &&
	       date.day <=
	               month_start(date.year, date.month + 1) - month_start(date.year, date.month);
}

int64_t month_start(int64_t year, int64_t month)
{
	int64_t count = year * 12 + month - 1, of_year = count % 12;
	if (of_year < 0)
		of_year += 12;
	return day_of((struct date){(count - of_year) / 12, (int)of_year + 1, 1});
}

int64_t day_add_months(int64_t day, int64_t months)
{
	struct date date = date_of(day);
	int64_t first = month_start(date.year, date.month + months);
	int64_t next = month_start(date.year, date.month + months + 1);
	return first + date.day - 1 < next ? first + date.day - 1 : next - 1;
}

int weekday_of(int64_t day)
{
	int64_t weekday = (day + 3) % 7; /* 1970-01-01 was a Thursday */
	return (int)(weekday < 0 ? weekday + 7 : weekday);
}

int64_t weeks_start(int64_t year)
{
	int64_t fourth = day_of((struct date){year, 1, 4});
	return fourth - weekday_of(fourth);
}

int weeks_of(int64_t year)
{
	return (int)((weeks_start(year + 1) - weeks_start(year)) / 7);
}

int64_t span_start(enum span span, int64_t day, int64_t steps)
{
	struct date date = date_of(day);
	switch (span) {
	case SPAN_WEEK:
		return day - weekday_of(day) + 7 * steps;
	case SPAN_WEEKEND:
		return day - weekday_of(day) + 5 + 7 * steps;
	case SPAN_MONTH:
		return month_start(date.year, date.month + steps);
	case SPAN_QUARTER:
		return month_start(date.year, (date.month - 1) / 3 * 3 + 1 + 3 * steps);
	case SPAN_YEAR:
		return month_start(date.year + steps, 1);
	case SPAN_DECADE:
		return month_start(date.year - date.year % 10 + 10 * steps, 1);
	case SPAN_DAY:
	default:
		return day + steps;
	}
}

bool date_read(const char *s, int64_t *day)
{
	struct date date = {0};
	if (strlen(s) != 10)
		return false;
	for (int i = 0; i < 10; i++) {
		if (i == 4 || i == 7) {
			if (s[i] != '-')
				return false;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		if (i < 4)
			date.year = date.year * 10 + s[i] - '0';
		else if (i < 7)
			date.month = date.month * 10 + s[i] - '0';
		else
			date.day = date.day * 10 + s[i] - '0';
	}
	if (!date_exists(date))
		return false;
	*day = day_of(date);
	return true;
}
