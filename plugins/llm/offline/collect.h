/* collect.h: what the parts of collect.c share. */
#ifndef OFFLINE_COLLECT_H
#define OFFLINE_COLLECT_H

#include "assembly.h"

/* A walk over the phrases of a cover. */
struct collector {
	struct assembly *a;
	size_t phrase; /* index */
	const struct phrase *p;
	bool tail; /* behind "who", "with", "in": conditions stand there, not what is asked for */
	bool negated, or_before, both, except;
	enum form_aggregate pending[3]; /* "minimum and maximum" before their column */
	size_t pending_count;
	int32_t last_column; /* the last one mentioned; -1 */
	size_t last_select;  /* + 1, where it went; 0: nowhere */
};

/* ---- collect.c: the words around a phrase, and what every part adds ---- */

extern const char *const collect_lead_prepositions[];
extern const char *const collect_lead_havings[];
const struct word *collect_word_at(const struct collector *k, size_t i);
/* Is it one of a NULL-terminated list? */
bool collect_is_word(const struct word *w, const char *const *list);
/* The word that leads to the phrase, over determiners; NULL: none, or another phrase. */
const struct word *collect_lead_of(const struct collector *k);
/* A literal for a column (-1: none): quoted, unless it is a number for a column of numbers. */
struct form_value collect_value_of(
        const struct assembly *a, int32_t column, const char *text, bool number);
/* With what "not", "or", "both" before it said. One too many counts as unused. */
void collect_add_condition(struct collector *k, struct condition condition);
/* What is asked for, once. */
void collect_add_select(struct collector *k, struct form_expression e);
/* `head`: it is what is asked for, not what it is asked of. */
void collect_add_named(struct collector *k, uint32_t table, bool head);
struct form_expression collect_of_column(int32_t column, enum form_aggregate aggregate);
bool collect_is_measure(const struct assembly *a, uint32_t column);
/* The table that the phrase stands at; -1: none. */
int32_t collect_near_table(const struct collector *k);
bool collect_is_participle(const char *word);
/* Does the next phrase say when? */
bool collect_time_follows(const struct collector *k);
/* What was mentioned last turns out to be the left side of a condition. */
void collect_unselect_last(struct collector *k);

/* ---- collect_asked.c: one function for each phrase of the grammar ---- */
/* A column by itself: asked for, or a condition by what stands around it. */
void collect_column(struct collector *k, int32_t column, bool distinct);
void collect_mention(struct collector *k);
void collect_star(struct collector *k);
void collect_count(struct collector *k);
void collect_aggregate(struct collector *k);
void collect_aggregate_of(struct collector *k);
void collect_group(struct collector *k);

/* ---- collect_compare.c: one function for each phrase of the grammar ---- */
void collect_compare(struct collector *k);
void collect_compare_of(struct collector *k);
void collect_times(struct collector *k);
void collect_compare_bare(struct collector *k);
void collect_compare_extreme(struct collector *k);
void collect_between(struct collector *k);

/* ---- collect_values.c: one function for each phrase of the grammar ---- */
void collect_value(struct collector *k);
void collect_value_too(struct collector *k);
void collect_like(struct collector *k);
void collect_null(struct collector *k);
void collect_code(struct collector *k);
void collect_when(struct collector *k);

/* ---- collect_order.c: one function for each phrase of the grammar ---- */
/* The number of the phrase as a limit; 1 without one. */
uint32_t collect_limit_of(const struct collector *k);
void collect_add_order(struct collector *k, struct form_expression by, bool descending);
void collect_super(struct collector *k);
void collect_latest(struct collector *k);
void collect_super_count(struct collector *k);
void collect_common(struct collector *k);
void collect_order(struct collector *k);
void collect_direction(struct collector *k);
void collect_top_by(struct collector *k);
void collect_most(struct collector *k);

#endif
