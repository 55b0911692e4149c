/* collect_compare.c: comparisons with numbers, with counts, with averages and extremes. */
#include "collect.h"

#include <string.h>

static const char *number_of(const struct collector *k, size_t i)
{
	return collect_word_at(k, k->p->numbers[i])->number;
}

static enum form_operator operator_of(const struct phrase *p)
{
	if (p->operator>= 0)
		return (enum form_operator)p->operator;
	if (p->adjective)
		return p->direction < 0 ? FORM_LT : FORM_GT;
	return FORM_EQ;
}

static enum form_operator turned(enum form_operator operator)
{
	switch (operator) {
	case FORM_GT:
		return FORM_LT;
	case FORM_GE:
		return FORM_LE;
	case FORM_LT:
		return FORM_GT;
	case FORM_LE:
		return FORM_GE;
	default:
		return operator;
	}
}

static void compare(struct collector *k, int32_t column, enum form_operator operator)
{
	const char *number = number_of(k, 0);

	collect_add_condition(k, (struct condition){.left = collect_of_column(column,
	                                                    (enum form_aggregate)k->p->aggregate),
	                                 .operator= operator,
	                                 .value = collect_value_of(k->a,
	                                         k->p->aggregate ? -1 : column, number, true)});
	k->last_column = column;
}

void collect_compare(struct collector *k)
{
	const struct link_reading *r =
	        resolve(k->a, k->p->spans[0], LINK_COLUMN, 1, resolve_near(k->a, k->phrase));

	if (r)
		compare(k, (int32_t)r->index, operator_of(k->p));
}

/* "more than 3 courses" counts, "more than 3 points" compares. */
void collect_compare_of(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_reading *r =
	        resolve(a, p->spans[0], LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));
	enum form_operator operator= operator_of(p);
	const char *number = p->number_count ? number_of(k, 0) : "1";

	if (!r)
		return;
	if (!p->number_count && p->operator<0)
		operator= FORM_GT; /* several */
	/* "with 5 star rating": the value, not five of them. */
	if (r->kind == LINK_COLUMN && p->number_count &&
	        (collect_is_measure(a, r->index) || (operator== FORM_EQ && !p->distinct))) {
		compare(k, (int32_t)r->index, operator);
		return;
	}
	if (a->having_count == sizeof a->having / sizeof *a->having)
		return;
	a->having[a->having_count++] =
	        (struct tally){.table = r->kind == LINK_TABLE ? (int32_t)r->index : -1,
	                .column = r->kind == LINK_COLUMN ? (int32_t)r->index : -1,
	                .distinct = p->distinct,
	                .operator= operator,
	                .number = number };
	if (r->kind == LINK_TABLE)
		collect_add_named(k, r->index, false);
}

void collect_times(struct collector *k)
{
	struct assembly *a = k->a;
	const char *number = "1";

	if (a->having_count == sizeof a->having / sizeof *a->having)
		return;
	if (k->p->number_count)
		number = number_of(k, 0);
	else if (!strcmp(collect_word_at(k, k->p->first + k->p->count - 1)->text, "twice"))
		number = "2";
	a->having[a->having_count++] = (struct tally){
	        .table = -1, .column = -1, .operator= operator_of(k->p), .number = number};
}

void collect_compare_bare(struct collector *k)
{
	struct assembly *a = k->a;
	const struct word *number = collect_word_at(k, k->p->numbers[0]);
	enum form_operator operator= operator_of(k->p);
	int32_t column = -1, direction = 1;
	bool year = number->value >= 1800 && number->value <= 2100 &&
	            number->value == (int)number->value;

	if (k->p->adjective || k->p->action == ACT_COMPARE_ADJ) {
		direction = k->p->adjective ? k->p->adjective->direction : 1;
		if (k->p->adjective) {
			int32_t before = direction;

			column = resolve_adjective(
			        a, k->p->adjective, collect_near_table(k), &direction);
			/* A date that stands for an age: years cannot be compared with it. */
			if (column >= 0 && before != direction &&
			        a->schema->columns[column].type == COLUMN_TIME)
				column = -1;
			else if (before != direction)
				operator= turned(operator);
		} else {
			int degree;

			column = resolve_adjective(
			        a, lexicon_adjective("old", &degree), collect_near_table(k), NULL);
		}
	}
	if (column < 0 && k->last_column >= 0 &&
	        a->schema->columns[k->last_column].type != COLUMN_TEXT) {
		column = k->last_column;
		collect_unselect_last(k);
	}
	if (column < 0 && year)
		column = resolve_time(a, collect_near_table(k), true);
	if (column < 0) {
		int degree;

		column = resolve_adjective(
		        a, lexicon_adjective("old", &degree), collect_near_table(k), NULL);
		if (column >= 0 && a->schema->columns[column].type != COLUMN_NUMBER)
			column = -1;
	}
	if (column < 0)
		column = resolve_measure(a, collect_near_table(k));
	a->guesses++;
	if (column < 0)
		a->unused++;
	else
		compare(k, column, operator);
}

static const struct form_query *extreme_query(
        struct collector *k, int32_t column, enum form_aggregate aggregate)
{
	struct form_query *q = pool_alloc(k->a->pool, sizeof *q);

	if (!q)
		return NULL;
	q->select[0] = collect_of_column(column, aggregate);
	q->selected = 1;
	return q;
}

void collect_compare_extreme(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	enum form_operator operator= operator_of(p);
	int32_t direction = p->adjective ? p->adjective->direction : 1, column = -1, of;
	const struct link_reading *r = NULL;
	const struct form_query *q;

	if (p->span_count)
		r = resolve(a, p->spans[0], LINK_COLUMN, 1, collect_near_table(k));
	if (r) {
		column = (int32_t)r->index;
	} else if (p->adjective) {
		column = resolve_adjective(a, p->adjective, collect_near_table(k), &direction);
		if (direction != p->adjective->direction)
			operator= turned(operator);
	}
	if (column < 0) {
		a->unused++;
		return;
	}
	of = column;
	if (p->span_count > 1 &&
	        (r = resolve(a, p->spans[1], LINK_COLUMN, 1, collect_near_table(k))))
		of = (int32_t)r->index;
	q = extreme_query(k, of, (enum form_aggregate)p->aggregate);
	if (q)
		collect_add_condition(k, (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
		                         .operator = operator,
		                         .query = q});
}

void collect_between(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        k->p->span_count ? resolve(a, k->p->spans[0], LINK_COLUMN, 1, collect_near_table(k))
	                         : NULL;
	int32_t column = r ? (int32_t)r->index : k->last_column;

	if (!r && column >= 0 && a->schema->columns[column].type == COLUMN_TEXT)
		column = -1;
	if (!r && column >= 0)
		collect_unselect_last(k);
	if (column < 0 && collect_word_at(k, k->p->numbers[0])->value >= 1800)
		column = resolve_time(a, collect_near_table(k), true);
	if (column < 0)
		column = resolve_measure(a, collect_near_table(k));
	if (!r)
		a->guesses++;
	if (column < 0) {
		a->unused++;
		return;
	}
	collect_add_condition(
	        k, (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
	                   .operator= FORM_BETWEEN,
	                   .value = collect_value_of(a, column, number_of(k, 0), true),
	                   .until = collect_value_of(a, column, number_of(k, 1), true)});
}
