/* collect_asked.c: what a question asks for: columns, tables, counts, figures, groups. */
#include "collect.h"

#include <string.h>

/* Does the phrase go on with the list of what is asked for? */
static bool goes_on(const struct collector *k)
{
	static const char *const joints[] = {"and", ",", "along", "together", "well", "also",
	        "plus", "show", "list", "give", "return", "find", "what", "tell", "their", "its",
	        "his", "with", "&", NULL};
	size_t from = k->phrase ? k->a->cover->phrases[k->phrase - 1]->first +
	                                  k->a->cover->phrases[k->phrase - 1]->count
	                        : 0;

	if (!k->a->selected)
		return true;
	/* "first name middle name" */
	if (from == k->p->first && k->phrase && link_weight(k->p->spans[0], LINK_COLUMN) >= 950 &&
	        !(k->p->spans[0]->kinds & LINK_TABLE) &&
	        k->a->cover->phrases[k->phrase - 1]->action == ACT_MENTION &&
	        k->a->select_word[k->a->selected - 1] == k->a->cover->phrases[k->phrase - 1]->first)
		return true;
	for (size_t i = from; i < k->p->first; i++)
		if (collect_is_word(collect_word_at(k, i), joints))
			return true;
	return false;
}

static bool is_before_table(const struct collector *k)
{
	const struct phrase *next =
	        k->phrase + 1 < k->a->cover->count ? k->a->cover->phrases[k->phrase + 1] : NULL;

	return next && next->first == k->p->first + k->p->count && next->span_count &&
	       next->spans[0]->kinds & LINK_TABLE;
}

/* The literal of yes or no; takes the "not" that stands before it. */
static struct form_value truth(struct assembly *a, int32_t column, bool yes)
{
	const char *text = a->schema->columns[column].yes[yes ? 0 : 1];
	bool quoted = *text == '\'';

	return (struct form_value){
	        quoted ? pool_copy(a->pool, text + 1, strlen(text) - 2) : text, quoted};
}

/* "in which countries": each of them once. */
static bool asks_in_which(const struct collector *k)
{
	size_t at = k->p->first;

	return at >= 2 &&
	       (!strcmp(collect_word_at(k, at - 1)->text, "which") ||
	               !strcmp(collect_word_at(k, at - 1)->text, "what")) &&
	       (!strcmp(collect_word_at(k, at - 2)->text, "in") ||
	               !strcmp(collect_word_at(k, at - 2)->text, "from"));
}

/* "no", "without" right before it: the thing itself is missing. */
static bool is_without(const struct collector *k)
{
	static const char *const words[] = {"no", "without", "lack", "lacks", "lacking", NULL};
	const struct phrase *before = k->phrase ? k->a->cover->phrases[k->phrase - 1] : NULL;

	return before && before->action == ACT_NOT &&
	       collect_is_word(collect_word_at(k, before->first), words);
}

/* A condition that has taken the "not" before it into itself. */
static void add_settled(struct collector *k, struct condition condition)
{
	k->negated = k->except = false;
	collect_add_condition(k, condition);
}

void collect_column(struct collector *k, int32_t column, bool distinct)
{
	const struct word *lead = collect_lead_of(k);
	bool condition = (k->tail && lead && collect_is_word(lead, collect_lead_havings)) ||
	                 (k->negated && is_without(k));
	bool happened =
	        k->a->schema->columns[column].type == COLUMN_TIME && k->a->named_count &&
	        collect_is_participle(collect_word_at(k, k->p->first + k->p->count - 1)->text);

	k->last_column = column;
	k->last_select = 0;
	/* "customers who are active", "active customers" */
	if (k->a->schema->columns[column].flags & COLUMN_TRUTH &&
	        k->a->schema->columns[column].yes &&
	        (k->tail || k->a->selected || is_before_table(k))) {
		add_settled(k, (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
		                       .operator= FORM_EQ,
		                       .value = truth(k->a, column, !k->negated)});
		return;
	}
	/* "that were discontinued", "not shipped yet": a time that is there, or missing. */
	if (happened && !collect_time_follows(k)) {
		add_settled(k, (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
		                         .operator = k->negated ? FORM_NULL : FORM_NOT_NULL});
		return;
	}
	if (happened)
		return;
	if (condition && k->negated) {
		add_settled(k, (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
		                         .operator = FORM_NULL});
		return;
	}
	/* "how much did we refund" */
	if (k->a->sums && k->a->schema->columns[column].flags & COLUMN_MEASURE) {
		collect_add_select(k, collect_of_column(column, k->a->sum_aggregate));
		return;
	}
	if (condition)
		return;
	if (k->tail && lead && collect_is_word(lead, collect_lead_prepositions))
		return;
	if (!goes_on(k))
		return;
	for (size_t i = 0; i < k->pending_count; i++)
		collect_add_select(k, collect_of_column(column, k->pending[i]));
	if (!k->pending_count)
		collect_add_select(k, collect_of_column(column, AGGREGATE_NONE));
	k->pending_count = 0;
	k->last_select = k->a->selected;
	if (distinct || asks_in_which(k))
		k->a->distinct = true;
}

/* "sorted by name and age" */
static bool is_ordered_too(const struct collector *k)
{
	const struct phrase *before = k->phrase ? k->a->cover->phrases[k->phrase - 1] : NULL;
	size_t end = before ? before->first + before->count : 0;

	return before && before->action == ACT_ORDER && k->a->orders && end + 1 == k->p->first &&
	       (!strcmp(collect_word_at(k, end)->text, "and") ||
	               !strcmp(collect_word_at(k, end)->text, ","));
}

void collect_mention(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));
	const struct word *lead = collect_lead_of(k);

	if (!r)
		return;
	/* What is absent is rather a row than a value. */
	if (k->negated && r->kind == LINK_COLUMN) {
		const struct link_reading *table = resolve(a, k->p->spans[0], LINK_TABLE, 0, -1);

		if (table && table->weight + 250 >= r->weight)
			r = table;
	}
	if (r->kind == LINK_COLUMN && is_ordered_too(k)) {
		collect_add_order(k, collect_of_column((int32_t)r->index, AGGREGATE_NONE),
		        a->order[a->orders - 1].descending);
		return;
	}
	if (r->kind == LINK_COLUMN) {
		collect_column(k, (int32_t)r->index, a->distinct);
		return;
	}
	collect_add_named(k, r->index,
	        !k->tail && goes_on(k) &&
	                !(lead && (collect_is_word(lead, collect_lead_prepositions) ||
	                                  collect_is_word(lead, collect_lead_havings))));
}

void collect_star(struct collector *k)
{
	const struct link_reading *r =
	        k->p->span_count ? resolve(k->a, k->p->spans[0], LINK_TABLE, 0, -1) : NULL;

	k->a->star = true;
	if (!r)
		return;
	collect_add_named(k, r->index, true);
	collect_add_select(
	        k, (struct form_expression){.column = FORM_STAR, .table = (int32_t)r->index});
}

/* "how many advisors are there" counts, also where the column is a number. */
static bool are_there(const struct collector *k)
{
	static const char *const words[] = {"there", "exist", "exists", "listed", "total", NULL};
	size_t end = k->p->first + k->p->count;

	for (size_t i = end; i < end + 3 && i < k->a->lattice->words.count; i++)
		if (collect_is_word(collect_word_at(k, i), words))
			return true;
	return false;
}

void collect_count(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_reading *r = resolve(a, p->spans[p->span_count - 1],
	        LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));
	struct form_expression e = {.aggregate = AGGREGATE_COUNT, .column = FORM_STAR, .table = -1};

	if (!r)
		return;
	/* "the total enrollment number of the colleges" */
	if (r->kind == LINK_TABLE && k->phrase && k->a->selected &&
	        k->a->cover->phrases[k->phrase - 1]->first +
	                        k->a->cover->phrases[k->phrase - 1]->count ==
	                p->first &&
	        k->a->cover->phrases[k->phrase - 1]->action == ACT_AGGREGATE) {
		collect_add_named(k, r->index, false);
		return;
	}
	/* What is counted is rather a table. */
	if (r->kind == LINK_COLUMN && !p->distinct) {
		const struct link_reading *table =
		        resolve(a, p->spans[p->span_count - 1], LINK_TABLE, 0, -1);

		if (table && table->weight + 250 >= r->weight)
			r = table;
	}
	if (r->kind == LINK_TABLE) {
		const struct schema_table *t = &a->schema->tables[r->index];

		if (a->count_table < 0)
			a->count_table = (int32_t)r->index;
		e.table = (int32_t)r->index;
		if (p->distinct && t->key >= 0) {
			e.distinct = true;
			e.column = t->key;
		}
		collect_add_named(k, r->index, false);
	} else if (collect_is_measure(a, r->index) && !p->distinct && !are_there(k)) {
		/* "how many credits": a figure that is there already */
		e = collect_of_column((int32_t)r->index, AGGREGATE_NONE);
	} else {
		e.column = (int32_t)r->index;
		e.distinct = p->distinct || !(a->schema->columns[r->index].flags & COLUMN_UNIQUE);
		e.table = -1;
	}
	collect_add_select(k, e);
}

void collect_aggregate(struct collector *k)
{
	struct assembly *a = k->a;
	bool sums = k->p->aggregate == AGGREGATE_SUM || k->p->aggregate == AGGREGATE_AVG;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_COLUMN, sums ? 2 : 1, resolve_near(a, k->phrase));

	if (!r)
		return;
	for (size_t i = 0; i < k->pending_count; i++)
		collect_add_select(k, collect_of_column((int32_t)r->index, k->pending[i]));
	k->pending_count = 0;
	collect_add_select(
	        k, collect_of_column((int32_t)r->index, (enum form_aggregate)k->p->aggregate));
	k->last_column = (int32_t)r->index;
	k->last_select = a->selected;
}

/* "total sales", "average order value": of the main figure of a table. */
void collect_aggregate_of(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r = resolve(a, k->p->spans[0], LINK_TABLE, 0, -1);
	int32_t column = r ? resolve_figure(a, (int32_t)r->index) : -1;

	if (column < 0) {
		a->unused++;
		return;
	}
	a->guesses++;
	collect_add_named(k, r->index, false);
	collect_add_select(k, collect_of_column(column, (enum form_aggregate)k->p->aggregate));
	k->last_column = column;
}

void collect_group(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));

	if (!r || a->groups == FORM_GROUP)
		return;
	a->group_by[a->groups] = !strcmp(collect_word_at(k, k->p->first)->text, "by");
	a->group_column[a->groups] = r->kind == LINK_COLUMN ? (int32_t)r->index : -1;
	a->group_table[a->groups++] = r->kind == LINK_TABLE ? (int32_t)r->index : -1;
	if (r->kind == LINK_TABLE) {
		collect_add_named(k, r->index, false);
	} else {
		k->last_column = (int32_t)r->index;
	}
}
