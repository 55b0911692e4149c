/* form.h: what a question asks for, as a small typed algebra: no SQL before the printer. */
#ifndef OFFLINE_FORM_H
#define OFFLINE_FORM_H

#include "schema.h"

enum form_aggregate {
	AGGREGATE_NONE,
	AGGREGATE_COUNT,
	AGGREGATE_SUM,
	AGGREGATE_AVG,
	AGGREGATE_MIN,
	AGGREGATE_MAX
};

enum form_operator {
	FORM_EQ,
	FORM_NE,
	FORM_GT,
	FORM_GE,
	FORM_LT,
	FORM_LE,
	FORM_BETWEEN,
	FORM_NOT_BETWEEN,
	FORM_LIKE,
	FORM_NOT_LIKE,
	FORM_NULL,
	FORM_NOT_NULL,
	FORM_NOT_IN
};

/* A column of time, cut to a period. */
enum form_period {
	PERIOD_NONE,
	PERIOD_DAY,
	PERIOD_WEEK,
	PERIOD_MONTH,
	PERIOD_QUARTER,
	PERIOD_YEAR
};

enum { FORM_STAR = -1 /* instead of a column: the row itself */ };

/* A column of the result, a key of an order, the left side of a filter. */
struct form_expression {
	enum form_aggregate aggregate;
	int32_t column; /* index, or FORM_STAR: count(*), or with `table` all columns of it */
	int32_t table;  /* of FORM_STAR: the table whose rows these are; -1: all */
	bool distinct;
	enum form_period period;
};

struct form_query;

/* A value on the right side, as SQL writes it without quotes. */
struct form_value {
	const char *text;
	bool quoted;
};

struct form_filter {
	struct form_expression left; /* with an aggregate: HAVING */
	enum form_operator operator;
	/* until: of FORM_BETWEEN and FORM_NOT_BETWEEN. With `open` it does not belong to the range,
	 * and either end may have no text: from the beginning, until the end. */
	struct form_value value, until;
	bool open;
	bool or_next; /* OR with the next filter instead of AND */
	const struct form_query
	        *query; /* the right side is the one value, or the list, of a query */
	struct form_filter *next;
};

enum { FORM_SELECT = 12, FORM_GROUP = 4, FORM_ORDER = 3, FORM_TABLES = 8 };

struct form_order {
	struct form_expression by;
	bool descending;
};

struct form_query {
	struct form_expression select[FORM_SELECT];
	size_t selected;
	bool distinct;
	uint32_t tables[FORM_TABLES]; /* besides those of its columns */
	size_t table_count;
	struct form_filter *filters;
	int32_t group[FORM_GROUP]; /* columns */
	enum form_period group_period[FORM_GROUP];
	size_t groups;
	struct form_order order[FORM_ORDER];
	size_t orders;
	uint32_t limit;                /* 0: none */
	const struct form_query *both; /* only rows that this one gives as well; NULL: all */
};

/* ---- joins ------------------------------------------------------------------------------------
 */

/* Tables and the edges that hold them together. */
struct join_tree {
	uint32_t tables[FORM_TABLES * 2];
	uint32_t edges[FORM_TABLES * 2];
	size_t table_count, edge_count;
	uint32_t cost;
};

/* The ways between the tables of a schema, each found once: for one question, in its pool, and for
 * one thread. */
struct joins;

/* NULL: no memory. */
struct joins *joins_create(struct pool *pool, const struct schema *schema);

/* The cheapest tree over the terminals, the first of which is its first table; exact. false: they
 * hang not together, are more than 6 or the tree has more than 16 tables, or there is no memory
 * (the pool has failed). An edge of a reference of several columns stands for all of them. */
bool join_find(
        struct joins *joins, const uint32_t *terminals, size_t count, struct join_tree *tree);

/* The cost of the cheapest way between two tables; UINT32_MAX: none, or no memory. 0: the same.
 * Quickest for many `to` of one `from`. */
uint32_t join_distance(struct joins *joins, uint32_t from, uint32_t to);

/* Leaves out tables that give nothing but a key which another table of the query holds as well. */
void form_simplify(const struct schema *schema, struct joins *joins, struct form_query *query);

/* ---- printing ---------------------------------------------------------------------------------
 */

struct form_cost {
	uint32_t tables, joins, cost, unmentioned; /* of the whole statement */
};

/* The statement in the dialect of the schema. NULL: tables that hang not together, what the dialect
 * cannot say, a statement of more than 16 KB, or no memory (the pool has failed). */
const char *form_print(const struct schema *schema, struct joins *joins, struct pool *pool,
        const struct form_query *query, struct form_cost *cost);
/* How the question was read, for people: "Customers in Berlin, counted". */
const char *form_explain(
        const struct schema *schema, struct pool *pool, const struct form_query *query);
/* The plural of a name of one or more words, as people say it. NULL: no memory. */
const char *form_plural(struct pool *pool, const char *words);
/* The tables that a query itself names, without those of its inner ones. */
size_t form_tables(
        const struct schema *schema, const struct form_query *query, uint32_t *tables, size_t max);

#endif
