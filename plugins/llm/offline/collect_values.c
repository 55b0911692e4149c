/* collect_values.c: conditions on values, texts, codes, missing values and times. */
#include "collect.h"

#include <string.h>

/* "shipped on 1 May", "not shipped": the time of it rather than a value of a status. */
static bool is_happening(struct collector *k)
{
	const struct phrase *p = k->p;

	if (p->action != ACT_VALUE || p->count != 1 ||
	        !collect_is_participle(collect_word_at(k, p->first)->text) ||
	        !(k->negated || collect_time_follows(k)))
		return false;
	for (size_t i = 0; i < p->spans[0]->reading_count; i++) {
		const struct link_reading *r = &p->spans[0]->readings[i];

		if (r->kind == LINK_COLUMN && k->a->schema->columns[r->index].type == COLUMN_TIME &&
		        (collect_near_table(k) < 0 ||
		                collect_near_table(k) ==
		                        (int32_t)k->a->schema->columns[r->index].table)) {
			collect_column(k, (int32_t)r->index, false);
			return true;
		}
	}
	return false;
}

/* A value by itself, or at the name of its column. */
void collect_value(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_span *value = NULL, *name = NULL;
	const struct link_reading *r = NULL;
	int32_t column = -1;
	struct form_value literal = {NULL, false};

	if (is_happening(k))
		return;
	for (size_t i = 0; i < p->span_count; i++)
		if (p->spans[i]->kinds & LINK_VALUE && (!value || p->action == ACT_VALUE))
			value = p->spans[i];
	if (p->span_count == 2 && value == p->spans[0])
		name = p->spans[1];
	else if (p->span_count == 2) {
		name = p->spans[0];
		value = p->spans[1];
	} else if (p->span_count == 1 && p->number_count) {
		name = p->spans[0];
		value = NULL;
	}
	if (value && name) {
		/* The reading of both that agrees. */
		uint32_t best = 0;

		for (size_t v = 0; v < value->reading_count; v++)
			for (size_t n = 0; n < name->reading_count; n++) {
				const struct link_reading *x = &value->readings[v],
				                          *y = &name->readings[n];
				uint32_t sum = x->weight + y->weight;

				if (x->kind != LINK_VALUE || y->kind == LINK_VALUE)
					continue;
				if (y->kind == LINK_COLUMN
				                ? y->index != x->index
				                : y->index != a->schema->columns[x->index].table)
					continue;
				if (a->sure[a->schema->columns[x->index].table])
					sum += 200;
				if (collect_near_table(k) ==
				        (int32_t)a->schema->columns[x->index].table)
					sum += 200;
				if (sum > best) {
					best = sum;
					r = x;
				}
			}
		if (r)
			for (size_t n = 0; n < name->reading_count; n++)
				if (name->readings[n].kind == LINK_TABLE && p->action == ACT_IS &&
				        name == p->spans[1] &&
				        name->readings[n].index ==
				                a->schema->columns[r->index].table)
					collect_add_named(k, name->readings[n].index, !k->tail);
	} else if (value) {
		r = resolve(a, value, LINK_VALUE, 0, collect_near_table(k));
	}
	if (r && value->count == 1 && r->weight < 850 &&
	        collect_word_at(k, value->first)->kind == WORD_QUOTED) {
		/* A part of what is stored. */
		collect_add_condition(
		        k, (struct condition){
		                   .left = collect_of_column((int32_t)r->index, AGGREGATE_NONE),
		                   .operator= p->negated ? FORM_NOT_LIKE : FORM_LIKE,
		                   .value = {pool_print(a->pool, "%%%s%%",
		                                     collect_word_at(k, value->first)->written),
		                           true}});
		return;
	}
	if (r) {
		column = (int32_t)r->index;
		literal = collect_value_of(a, column, r->text, false);
		if (r->weight < a->weakest)
			a->weakest = r->weight;
	} else if (name && p->number_count) {
		const struct word *w = collect_word_at(k, p->numbers[0]);

		r = resolve(a, name, LINK_COLUMN, w->kind == WORD_NUMBER, collect_near_table(k));
		if (!r)
			return;
		column = (int32_t)r->index;
		literal = w->kind == WORD_NUMBER ? collect_value_of(a, column, w->number, true)
		                                 : collect_value_of(a, column, w->written, false);
		if (w->kind == WORD_QUOTED)
			a->guesses++;
	} else if (p->number_count) {
		/* A quoted text that stands in no column: of what is asked for. */
		int32_t table = collect_near_table(k);

		column = table < 0 ? -1 : a->schema->tables[table].display;
		literal = collect_value_of(
		        a, column, collect_word_at(k, p->numbers[0])->written, false);
		a->guesses += 2;
	}
	if (column < 0) {
		a->unused++;
		return;
	}
	collect_add_condition(
	        k, (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
	                   .operator= p->negated ? FORM_NE : FORM_EQ,
	                   .value = literal});
}

void collect_value_too(struct collector *k)
{
	struct assembly *a = k->a;
	const struct word *w = collect_word_at(k, k->p->numbers[0]);
	const struct condition *before =
	        a->condition_count ? &a->conditions[a->condition_count - 1] : NULL;

	if (!before || (before->operator!= FORM_EQ && before->operator!= FORM_NE) ||
	        before->query || before->left.aggregate) {
		a->unused++;
		return;
	}
	k->or_before = !strcmp(collect_word_at(k, k->p->first)->text, "or");
	collect_add_condition(
	        k, (struct condition){.left = before->left,
	                   .operator= before->operator,
	                   .value = w->kind == WORD_NUMBER
	                           ? collect_value_of(a, before->left.column, w->number, true)
	                           : collect_value_of(a, before->left.column, w->written, false)});
}

void collect_like(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_COLUMN, 0, collect_near_table(k));
	const char *text = collect_word_at(k, k->p->numbers[0])->written, *pattern;

	if (!r)
		return;
	pattern = k->p->like == 1   ? pool_print(a->pool, "%s%%", text)
	          : k->p->like == 2 ? pool_print(a->pool, "%%%s", text)
	                            : pool_print(a->pool, "%%%s%%", text);
	collect_add_condition(
	        k, (struct condition){.left = collect_of_column((int32_t)r->index, AGGREGATE_NONE),
	                   .operator= FORM_LIKE,
	                   .value = {pattern, true}});
}

void collect_null(struct collector *k)
{
	const struct link_reading *r =
	        resolve(k->a, k->p->spans[0], LINK_COLUMN, 0, collect_near_table(k));

	if (r)
		collect_add_condition(k, (struct condition){.left = collect_of_column((int32_t)r->index, AGGREGATE_NONE),
		                         .operator = k->p->action == ACT_NULL ? FORM_NULL
		                                                              : FORM_NOT_NULL});
}

/* "order SO-2024-17": a code that the index does not hold. */
void collect_code(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        k->p->span_count ? resolve(a, k->p->spans[0], LINK_TABLE, 0, -1) : NULL;
	int32_t table = r ? (int32_t)r->index : collect_near_table(k), column = -1;

	for (uint32_t i = 0; table >= 0 && i < a->schema->tables[table].columns && column < 0;
	        i++) {
		const struct schema_column *c =
		        &a->schema->columns[a->schema->tables[table].first + i];

		if (c->type == COLUMN_TEXT && c->flags & COLUMN_CODE && c->flags & COLUMN_UNIQUE)
			column = (int32_t)(a->schema->tables[table].first + i);
	}
	a->guesses++;
	if (r)
		collect_add_named(k, r->index, false);
	if (column < 0) {
		a->unused++;
		return;
	}
	collect_add_condition(k,
	        (struct condition){.left = collect_of_column(column, AGGREGATE_NONE),
	                .operator= FORM_EQ,
	                .value = collect_value_of(a, column,
	                        collect_word_at(k, k->p->numbers[k->p->number_count - 1])->written,
	                        false)});
}

/* A year in a column of years or of dates that are no ISO texts; a span of days in one of dates. */
void collect_when(struct collector *k)
{
	struct assembly *a = k->a;
	const struct when *w = k->p->when;
	int32_t column = -1;
	const struct schema_column *c;
	bool year_from, year_until;
	struct condition condition = {.operator= FORM_BETWEEN, .open = true};

	if (k->last_column >= 0 &&
	        (a->schema->columns[k->last_column].type == COLUMN_TIME ||
	                a->schema->columns[k->last_column].flags & COLUMN_YEAR)) {
		column = k->last_column;
		collect_unselect_last(k);
	}
	year_from = !w->from[0] || !strcmp(w->from + 4, "-01-01");
	year_until = !w->until[0] || !strcmp(w->until + 4, "-01-01");
	if (column < 0)
		column = resolve_time(a, collect_near_table(k), year_from && year_until);
	if (column < 0) {
		a->unused++;
		return;
	}
	a->guesses++;
	c = &a->schema->columns[column];
	condition.left = collect_of_column(column, AGGREGATE_NONE);
	if (c->flags & COLUMN_YEAR && year_from && year_until) {
		bool quoted = c->type == COLUMN_TEXT;

		condition.value = (struct form_value){
		        w->from[0] ? pool_copy(a->pool, w->from, 4) : NULL, quoted};
		condition.until = (struct form_value){
		        w->until[0] ? pool_copy(a->pool, w->until, 4) : NULL, quoted};
		if (w->year) {
			condition.operator= FORM_EQ;
			condition.open = false;
		}
	} else if (c->flags & COLUMN_ISO || c->type == COLUMN_TIME) {
		if (w->year && !(c->flags & COLUMN_ISO)) {
			condition.operator= FORM_LIKE;
			condition.value =
			        (struct form_value){pool_print(a->pool, "%%%.4s%%", w->from), true};
		} else {
			condition.value = (struct form_value){
			        w->from[0] ? pool_copy(a->pool, w->from, 10) : NULL, true};
			condition.until = (struct form_value){
			        w->until[0] ? pool_copy(a->pool, w->until, 10) : NULL, true};
		}
	} else {
		a->unused++;
		return;
	}
	collect_add_condition(k, condition);
}
