/* assemble_conditions.c: conditions of a form, what must be absent, and sets. */
#include "assemble.h"

#include <stdlib.h>
#include <string.h>

bool assemble_add_filter(struct builder *b, struct form_query *q, struct form_filter filter)
{
	struct form_filter **at = &q->filters, *copy = pool_alloc(b->a->pool, sizeof *copy);

	if (!copy)
		return false;
	*copy = filter;
	copy->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = copy;
	return true;
}

/* Of any but FORM_NOT_IN, which no condition has. */
static enum form_operator negation(enum form_operator operator)
{
	static const enum form_operator of[] = {FORM_NE, FORM_EQ, FORM_LE, FORM_LT, FORM_GE,
	        FORM_GT, FORM_NOT_BETWEEN, FORM_BETWEEN, FORM_NOT_LIKE, FORM_LIKE, FORM_NOT_NULL,
	        FORM_NULL};

	return of[operator];
}

/* Does each row of `from` lead to at most one of `to`? Only by foreign keys in their direction. */
bool assemble_leads_to_one(const struct builder *b, int32_t from, int32_t to)
{
	struct join_tree tree;
	uint32_t ends[2] = {(uint32_t)from, (uint32_t)to};
	uint32_t at = (uint32_t)from;

	if (from == to)
		return true;
	if (from < 0 || to < 0 || !join_find(b->a->lattice->joins, ends, 2, &tree))
		return false;
	for (size_t step = 0; step < tree.edge_count && at != (uint32_t)to; step++) {
		bool moved = false;

		for (size_t i = 0; i < tree.edge_count && !moved; i++) {
			const struct schema_edge *e = &b->schema->edges[tree.edges[i]];

			if (b->schema->columns[e->from].table == at) {
				at = b->schema->columns[e->to].table;
				moved = true;
			}
		}
		if (!moved)
			return false;
	}
	return at == (uint32_t)to;
}

/* The columns by which rows of `from` and of what lies on the way to `to` hang together: the near
 * one of `from`, and the one of its neighbour. */
static bool bridge(const struct builder *b, int32_t from, int32_t to, int32_t *near, int32_t *far)
{
	struct join_tree tree;
	uint32_t ends[2] = {(uint32_t)from, (uint32_t)to};

	if (from < 0 || to < 0 || from == to || !join_find(b->a->lattice->joins, ends, 2, &tree))
		return false;
	for (size_t i = 0; i < tree.edge_count; i++) {
		const struct schema_edge *e = &b->schema->edges[tree.edges[i]];

		if (e->more)
			continue;
		if (b->schema->columns[e->from].table == (uint32_t)from) {
			*near = (int32_t)e->from;
			*far = (int32_t)e->to;
			return true;
		}
		if (b->schema->columns[e->to].table == (uint32_t)from) {
			*near = (int32_t)e->to;
			*far = (int32_t)e->from;
			return true;
		}
	}
	return false;
}

/* entity.key NOT IN (SELECT its key FROM the other WHERE ...) */
static bool add_absence(struct builder *b, int32_t table, const struct condition *condition)
{
	struct form_query *inner = pool_alloc(b->a->pool, sizeof *inner);
	int32_t near, far;

	if (!inner || !bridge(b, b->entity, table, &near, &far))
		return false;
	inner->select[0] = assemble_expression(far);
	inner->selected = 1;
	assemble_need_table(inner, table);
	if (condition &&
	        !assemble_add_filter(b, inner,
	                (struct form_filter){.left = condition->left,
	                        .operator= condition->operator== FORM_NE ? FORM_EQ
	                                                                 : condition->operator,
	                        .value = condition->value,
	                        .until = condition->until,
	                        .open = condition->open,
	                        .query = condition->query}))
		return false;
	return assemble_add_filter(b, b->q,
	        (struct form_filter){
	                .left = assemble_expression(near), .operator= FORM_NOT_IN, .query = inner});
}

static bool take_condition(struct builder *b, const struct condition *c, bool or_next)
{
	struct form_filter filter = {.left = c->left,
	        .operator= c->operator,
	        .value = c->value,
	        .until = c->until,
	        .open = c->open,
	        .query = c->query,
	        .or_next = or_next};
	int32_t table = assemble_table_of(b, c->left.column);
	bool negated = c->negated || c->operator== FORM_NE;

	if (negated && !c->left.aggregate && table >= 0 && b->entity >= 0 &&
	        !assemble_leads_to_one(b, b->entity, table))
		return add_absence(b, table, c);
	if (c->negated)
		filter.operator= negation(filter.operator);
	return assemble_add_filter(b, b->q, filter);
}

/* Two conditions on one column that no row fulfils both: two values, or above 5 and below 3. */
static bool excludes(const struct condition *x, const struct condition *y)
{
	bool less, more;

	if (x->left.column != y->left.column || x->left.aggregate != y->left.aggregate ||
	        x->negated || y->negated || x->query || y->query)
		return false;
	if (x->operator== FORM_EQ && y->operator== FORM_EQ)
		return true;
	if (x->operator== FORM_LT || x->operator== FORM_LE) {
		const struct condition *swap = x;

		x = y;
		y = swap;
	}
	more = x->operator== FORM_GT || x->operator== FORM_GE;
	less = y->operator== FORM_LT || y->operator== FORM_LE;
	return more && less && !x->value.quoted &&
	       strtod(x->value.text, NULL) >= strtod(y->value.text, NULL);
}

/* What is said of an absent table behind it. */
static const struct condition *first_of_absent(
        const struct builder *b, const struct named_table *named)
{
	for (size_t i = 0; i < b->a->condition_count; i++) {
		const struct condition *c = &b->a->conditions[i];

		if (c->word > named->word &&
		        assemble_table_of(b, c->left.column) == (int32_t)named->table)
			return c;
	}
	return NULL;
}

/* "customers who have not ordered this year": what is said of the orders belongs to them. */
static bool is_of_absent(const struct builder *b, const struct condition *c)
{
	for (size_t i = 0; i < b->a->named_count; i++)
		if (b->a->named[i].negated && c->word > b->a->named[i].word &&
		        assemble_table_of(b, c->left.column) == (int32_t)b->a->named[i].table)
			return true;
	return false;
}

bool assemble_add_named(struct builder *b)
{
	struct assembly *a = b->a;

	for (size_t i = 0; i < a->named_count; i++) {
		const struct named_table *named = &a->named[i];

		if (!named->negated)
			assemble_need_table(b->q, (int32_t)named->table);
		else if (!add_absence(b, (int32_t)named->table, first_of_absent(b, named)))
			return false;
	}
	return true;
}

/* Two values of one column: either of them, or rows for both. */
bool assemble_take_conditions(struct builder *b)
{
	struct assembly *a = b->a;
	size_t both = SIZE_MAX;

	for (size_t i = 0; i < a->condition_count; i++) {
		const struct condition *c = &a->conditions[i],
		                       *next = i + 1 < a->condition_count ? c + 1 : NULL;
		bool or_next = next && next->or_before;

		if (is_of_absent(b, c))
			continue;

		if (next && excludes(c, next) && !or_next) {
			bool one = assemble_leads_to_one(
			        b, b->entity, assemble_table_of(b, c->left.column));

			/* Figures for each of the values. */
			if (one && c->operator== FORM_EQ && assemble_has_aggregate(b->q) &&
			        !c->both && !a->by_tally && !a->having_count) {
				assemble_add_group(b, c->left.column);
				assemble_select_column(b, c->left.column);
			} else if ((c->both || next->both || !one || c->operator!= FORM_EQ) &&
			           both == SIZE_MAX && !b->a->by_tally) {
				both = i + 1;
				if (!take_condition(b, c, false))
					return false;
				i++;
				continue;
			}
			or_next = true;
		}
		if (!take_condition(b, c, or_next))
			return false;
	}
	if (both == SIZE_MAX)
		return true;
	/* The same with the other value. */
	struct form_query *other = pool_alloc(a->pool, sizeof *other);

	if (!other)
		return false;
	*other = *b->q;
	other->filters = NULL;
	other->orders = 0;
	other->limit = 0;
	for (const struct form_filter *f = b->q->filters; f; f = f->next) {
		struct form_filter copy = *f;

		if (f->left.column == a->conditions[both].left.column &&
		        f->value.text == a->conditions[both - 1].value.text) {
			copy.value = a->conditions[both].value;
			copy.operator= a->conditions[both].operator;
		}
		if (!assemble_add_filter(b, other, copy))
			return false;
	}
	b->q->both = other;
	return true;
}
