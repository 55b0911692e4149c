/* company.h: the sample company. Everything follows from a seed and a day, by integer arithmetic
 * alone, so that the same two give the same database on every machine. */
#ifndef COMPANY_H
#define COMPANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

enum {
	REGIONS = 10,
	REPS = 3, /* sales representatives of a region */
	EMPLOYEES = 64,
	CUSTOMERS = 6000,
	GROUPS = 6,      /* categories at the top */
	CATEGORIES = 28, /* with those at the top */
	SUPPLIERS = 40,
	PRODUCTS = 330,
	ORDERS = 42000
};

#define NO_DAY INT32_MIN

/* Days since 1970-01-01; money in quarters of a euro, which binary fractions hold exactly. */
struct employee {
	int32_t hired, left; /* left: NO_DAY for those who are still here */
};

enum segment { PRIVATE, BUSINESS, PUBLIC };

struct customer {
	int32_t region, manager, created, payment_days;
	enum segment segment;
	uint32_t weight_to; /* how often they order: the sum up to and with this one */
};

struct product {
	int32_t category, launched, discontinued;
	int64_t price;
	uint32_t weight_to; /* how often it is bought: the sum up to and with this one */
};

struct company {
	sqlite3 *db;
	uint64_t seed;
	int32_t first, today;
	int64_t rows;
	int failed; /* the first error of SQLite; whatever is written after it is not */
	bool shows_progress;
	struct employee employees[EMPLOYEES];
	struct customer customers[CUSTOMERS]; /* in the order of their first day */
	struct product products[PRODUCTS];
};

/* ---- random numbers: a stream for each table, so that one does not move another ---- */

struct chance {
	uint64_t state;
};

struct chance chance_of(const struct company *company, uint64_t stream);
/* From 0 to n - 1. */
uint32_t chance_below(struct chance *chance, uint32_t n);
int32_t chance_between(struct chance *chance, int32_t low, int32_t high);
bool chance_percent(struct chance *chance, uint32_t percent);
/* The index in list, of increasing sums, to which a number below the last falls. */
#define CHANCE_PICK(chance, list, n) chance_pick(chance, &(list)[0].weight_to, sizeof *(list), n)
int32_t chance_pick(struct chance *chance, const uint32_t *sums, size_t stride, int32_t n);

/* ---- days ---- */

struct date {
	int32_t year, month, day;
};

int32_t day_of(struct date date);
struct date date_of(int32_t day);
/* 0 is Sunday. */
int32_t weekday_of(int32_t day);
/* False when the text is not a day of the calendar, written YYYY-MM-DD. */
bool day_parse(const char *text, int32_t *day);

/* ---- rows ---- */

struct insert {
	struct company *company;
	sqlite3_stmt *stmt;
	int at;
};

/* Opens a statement that fills all columns of a table. */
struct insert insert_into(struct company *company, const char *table, int columns);
void put_int(struct insert *insert, int64_t value);
void put_text(struct insert *insert, const char *text); /* NULL: none */
void put_date(struct insert *insert, int32_t day);      /* NO_DAY: none */
void put_money(struct insert *insert, int64_t quarters);
void put_null(struct insert *insert);
void insert_row(struct insert *insert);
void insert_finish(struct insert *insert);

void company_execute(struct company *company, const char *sql);
/* Says on a terminal what is made now; also notices an interruption. */
void company_progress(struct company *company, const char *what);

extern const char company_schema[], company_indexes[];

/* ---- the tables, in the order in which they refer to each other ---- */

void make_regions_and_employees(struct company *company);
void make_customers(struct company *company);
void make_goods(struct company *company);
void make_trade(struct company *company);

/* The representative of a region by number, 0 its lead. From 1. */
int32_t employee_of_region(int32_t region, int32_t number);

#endif
