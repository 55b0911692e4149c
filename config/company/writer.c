/* writer.c: random numbers, days, rows. */
#include <stdio.h>

#include "company.h"

struct chance chance_of(const struct company *company, uint64_t stream)
{
	struct chance chance = {company->seed * 1000003 + stream};
	chance_below(&chance, 1);
	return chance;
}

/* SplitMix64. */
uint32_t chance_below(struct chance *chance, uint32_t n)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (uint32_t)(((z >> 32) * n) >> 32);
}

int32_t chance_between(struct chance *chance, int32_t low, int32_t high)
{
	return low + (int32_t)chance_below(chance, (uint32_t)(high - low + 1));
}

bool chance_percent(struct chance *chance, uint32_t percent)
{
	return chance_below(chance, 100) < percent;
}

int32_t chance_pick(struct chance *chance, const uint32_t *sums, size_t stride, int32_t n)
{
#define SUM(i) (*(const uint32_t *)((const char *)sums + stride * (size_t)(i)))
	uint32_t at = chance_below(chance, SUM(n - 1));
	int32_t low = 0, high = n - 1;
	while (low < high) {
		int32_t middle = (low + high) / 2;
		if (SUM(middle) > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
#undef SUM
}

/* The calendar in eras of 400 years that begin in March. */
int32_t day_of(struct date date)
{
	int32_t year = date.year - (date.month <= 2), era = year / 400, of_era = year % 400;
	int32_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date date_of(int32_t day)
{
	int32_t days = day + 719468, era = days / 146097, of_era = days % 146097;
	int32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int32_t month = (5 * of_year + 2) / 153;
	struct date date = {.year = year + era * 400, .day = of_year - (153 * month + 2) / 5 + 1};
	date.month = month < 10 ? month + 3 : month - 9;
	date.year += date.month <= 2;
	return date;
}

int32_t weekday_of(int32_t day)
{
	return (day + 4) % 7;
}

static int32_t digits(const char *text, int32_t count)
{
	int32_t value = 0;
	for (int32_t i = 0; i < count; i++)
		value = value * 10 + text[i] - '0';
	return value;
}

bool day_parse(const char *text, int32_t *day)
{
	static const char picture[] = "0000-00-00";
	struct date date;
	for (size_t i = 0; i < sizeof picture; i++)
		if (picture[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != picture[i])
			return false;
	date.year = digits(text, 4);
	date.month = digits(text + 5, 2);
	date.day = digits(text + 8, 2);
	if (date.month < 1 || date.month > 12 || date.day < 1)
		return false;
	*day = day_of(date);
	/* A day that the month does not have falls into a later one. */
	return date_of(*day).month == date.month;
}

struct insert insert_into(struct company *company, const char *table, int columns)
{
	struct insert insert = {.company = company};
	char sql[128];
	int n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", table);
	for (int i = 1; i < columns; i++)
		n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
	snprintf(sql + n, sizeof sql - (size_t)n, ")");
	company_progress(company, table);
	if (!company->failed)
		company->failed = sqlite3_prepare_v2(company->db, sql, -1, &insert.stmt, NULL);
	return insert;
}

static void note(struct insert *insert, int rc)
{
	if (!insert->company->failed)
		insert->company->failed = rc;
}

void put_int(struct insert *insert, int64_t value)
{
	note(insert, sqlite3_bind_int64(insert->stmt, ++insert->at, value));
}

void put_text(struct insert *insert, const char *text)
{
	note(insert, sqlite3_bind_text(insert->stmt, ++insert->at, text, -1, SQLITE_TRANSIENT));
}

void put_date(struct insert *insert, int32_t day)
{
	struct date date = date_of(day == NO_DAY ? 0 : day);
	char text[40];
	snprintf(text, sizeof text, "%04d-%02d-%02d", date.year, date.month, date.day);
	put_text(insert, day == NO_DAY ? NULL : text);
}

void put_money(struct insert *insert, int64_t quarters)
{
	note(insert, sqlite3_bind_double(insert->stmt, ++insert->at, (double)quarters / 4));
}

void put_null(struct insert *insert)
{
	put_text(insert, NULL);
}

void insert_row(struct insert *insert)
{
	insert->at = 0;
	if (insert->company->failed)
		return;
	if (sqlite3_step(insert->stmt) != SQLITE_DONE)
		insert->company->failed = sqlite3_extended_errcode(insert->company->db);
	note(insert, sqlite3_reset(insert->stmt));
	insert->company->rows++;
}

void insert_finish(struct insert *insert)
{
	sqlite3_finalize(insert->stmt);
}

void company_execute(struct company *company, const char *sql)
{
	if (!company->failed && sqlite3_exec(company->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		company->failed = sqlite3_extended_errcode(company->db);
}
