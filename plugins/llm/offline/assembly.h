/* assembly.h: what the steps from phrases to a form share: resolve.c chooses readings, collect.c
 * gathers what the phrases say, assemble.c makes the form. */
#ifndef OFFLINE_ASSEMBLY_H
#define OFFLINE_ASSEMBLY_H

#include "parse.h"

enum { ITEMS = 24 };

/* A condition that the question states. */
struct condition {
	struct form_expression left;
	enum form_operator operator;
	struct form_value value, until;
	bool open;
	bool negated;   /* "not" stands before it */
	bool or_before; /* "or" stands between the one before and this */
	bool both;      /* "both" stands before it */
	const struct form_query *query;
	size_t word; /* where it stands */
};

/* A count that groups are chosen or put in order by: of the rows of a table, or of a column. */
struct tally {
	int32_t table, column; /* one of them; both -1: whatever is there */
	bool distinct;
	enum form_operator operator; /* of a condition */
	const char *number;
};

/* A table that the question names. */
struct named_table {
	uint32_t table;
	bool head;    /* what is asked for, not what it is asked of */
	bool negated; /* without it */
	size_t word;
};

struct assembly {
	struct pool *pool;
	const struct lattice *lattice;
	const struct schema *schema;
	const struct cover *cover;
	size_t choice,
	        ambiguous; /* the ambiguous reading to take the second of; how many there were */
	bool chosen;
	uint32_t weakest, guesses, unused;

	int32_t recent;        /* the table of the column that was asked for last; -1: none */
	uint8_t *sure;         /* by table: it is named */
	uint32_t *sure_tables; /* those that are */
	size_t sure_count;
	uint32_t *votes; /* by table: how much of the question it could explain */

	struct form_expression select[FORM_SELECT];
	size_t select_word[FORM_SELECT];
	size_t selected;
	bool distinct, star;
	struct condition conditions[ITEMS];
	size_t condition_count;
	struct named_table named[ITEMS];
	size_t named_count;
	struct tally having[4], order_tally;
	size_t having_count;
	bool by_tally, tally_descending;                           /* in the order of a count */
	int32_t group_column[FORM_GROUP], group_table[FORM_GROUP]; /* one of the two is -1 */
	bool group_by[FORM_GROUP]; /* only "by" says it: without figures it is an order */
	size_t groups;
	struct form_order order[FORM_ORDER];
	size_t orders;
	bool order_self, self_descending;
	uint32_t limit, some;    /* some: "three students", a limit where an order is */
	bool common;             /* the most common of what is asked for */
	enum form_period period; /* figures for each of them */
	bool sums;               /* how much, of what is asked about */
	enum form_aggregate sum_aggregate;
	bool most, most_descending; /* "the most", of a figure that nobody names */
	bool asks_where, asks_when;
	bool counts;         /* how many, of what is asked about */
	int32_t count_table; /* the table of the first count; -1: none */
};

/* A reading of a span in its context. `kinds`: LINK_* that are wanted; `numeric`: 1 a number or
 * time is wanted, 2 a number; `near`: a table that it stands at, -1: none. NULL: there is none. */
const struct link_reading *resolve(struct assembly *a, const struct link_span *span, uint32_t kinds,
        int numeric, int32_t near);
/* Which tables the question names, and which could explain most of it. false: no memory. */
bool resolve_tables(struct assembly *a);
/* The column that an adjective speaks of, near `table` (-1: anywhere); *direction is turned round
 * where the column runs the other way. -1: none. */
int32_t resolve_adjective(struct assembly *a, const struct lexicon_adjective *adjective,
        int32_t near, int32_t *direction);
/* The table that a phrase stands at: "names of students", "student name"; -1: none. */
int32_t resolve_near(const struct assembly *a, size_t phrase);
/* The best column of a table for a time, or for a number without a name; -1: none. */
int32_t resolve_time(const struct assembly *a, int32_t table, bool year);
int32_t resolve_measure(const struct assembly *a, int32_t table);
/* The figure that a table is there for: an amount, a total; -1: none. */
int32_t resolve_figure(const struct assembly *a, int32_t table);
/* The column of a table that says where its rows are; -1: none. */
int32_t resolve_place(const struct assembly *a, int32_t table);

/* Gathers what the phrases say into the assembly. */
void collect(struct assembly *a);

#endif
