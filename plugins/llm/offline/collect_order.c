/* collect_order.c: the most of something, and orders. */
#include "collect.h"

#include <string.h>

uint32_t collect_limit_of(const struct collector *k)
{
	const struct word *w = k->p->number_count ? collect_word_at(k, k->p->numbers[0]) : NULL;

	if (w && w->unit == UNIT_ORDINAL && w->value > 1)
		k->a->unused += 2; /* the second is not the first two */
	return w && w->value >= 1 && w->value <= 100000 ? (uint32_t)w->value : 1;
}

/* "the top 3 oldest": what was said first counts. */
static void set_limit(struct collector *k)
{
	if (!k->a->limit || k->p->number_count)
		k->a->limit = collect_limit_of(k);
}

void collect_add_order(struct collector *k, struct form_expression by, bool descending)
{
	struct assembly *a = k->a;

	if (a->orders < FORM_ORDER)
		a->order[a->orders++] = (struct form_order){by, descending};
}

static void order_by_tally(struct collector *k, const struct link_reading *r, bool distinct)
{
	struct assembly *a = k->a;

	a->by_tally = true;
	a->order_tally =
	        (struct tally){.table = r && r->kind == LINK_TABLE ? (int32_t)r->index : -1,
	                .column = r && r->kind == LINK_COLUMN ? (int32_t)r->index : -1,
	                .distinct = distinct};
	if (r && r->kind == LINK_TABLE)
		collect_add_named(k, r->index, false);
}

static bool speaks_of_size(const struct lexicon_adjective *adjective)
{
	static const char *const words[] = {"big", "large", "great", "small", "high", "low", NULL};

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(adjective->word, words[i]))
			return true;
	return false;
}

static bool speaks_of_time(const struct lexicon_adjective *adjective)
{
	static const char *const words[] = {"recent", "late", "early", "new", NULL};

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(adjective->word, words[i]))
			return true;
	return false;
}

static bool has_head(const struct assembly *a)
{
	for (size_t i = 0; i < a->named_count; i++)
		if (a->named[i].head)
			return true;
	return false;
}

/* "the student in the department with the most credits": with goes with what is asked for. */
static int32_t of_what(const struct collector *k)
{
	const struct assembly *a = k->a;

	if (!collect_is_word(collect_word_at(k, k->p->first), collect_lead_havings))
		return collect_near_table(k);
	for (size_t i = 0; i < a->named_count; i++)
		if (!a->named[i].negated)
			return (int32_t)a->named[i].table;
	return collect_near_table(k);
}

void collect_super(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_reading *r;
	bool descending = p->direction ? p->direction > 0 : p->aggregate != AGGREGATE_MIN;
	enum form_aggregate aggregate = AGGREGATE_NONE;

	if (p->action == ACT_SUPER) {
		r = resolve(a, p->spans[0], LINK_COLUMN, 1, of_what(k));
		/* "what is the highest price": the price itself. */
		if (r && !p->aggregate && !p->number_count && !has_head(a) &&
		        (!a->selected || k->pending_count) &&
		        !collect_is_word(collect_word_at(k, p->first), collect_lead_havings)) {
			for (size_t i = 0; i < k->pending_count; i++)
				collect_add_select(
				        k, collect_of_column((int32_t)r->index, k->pending[i]));
			k->pending_count = 0;
			collect_add_select(k, collect_of_column((int32_t)r->index,
			                              descending ? AGGREGATE_MAX : AGGREGATE_MIN));
			k->last_column = (int32_t)r->index;
			return;
		}
		if (r && a->schema->columns[r->index].type == COLUMN_TEXT &&
		        !(a->schema->columns[r->index].flags & COLUMN_MEASURE)) {
			const struct link_reading *table =
			        resolve(a, p->spans[0], LINK_TABLE, 0, collect_near_table(k));

			order_by_tally(k, table ? table : r, p->distinct);
			a->tally_descending = descending;
			set_limit(k);
			return;
		}
		if (!r)
			return;
		if (p->aggregate == AGGREGATE_AVG || p->aggregate == AGGREGATE_SUM)
			aggregate = (enum form_aggregate)p->aggregate;
		collect_add_order(k, collect_of_column((int32_t)r->index, aggregate), descending);
		k->last_column = (int32_t)r->index;
	} else {
		int32_t direction = p->direction, column = -1;

		/* "our largest order": by what orders are there for */
		if (speaks_of_size(p->adjective))
			column = resolve_figure(a, collect_near_table(k));
		if (column < 0)
			column = resolve_adjective(
			        a, p->adjective, collect_near_table(k), &direction);
		if (column < 0 && speaks_of_time(p->adjective))
			column = resolve_time(a, collect_near_table(k), true);
		if (column < 0) {
			a->unused++;
			return;
		}
		collect_add_order(k, collect_of_column(column, AGGREGATE_NONE), direction > 0);
	}
	if (p->action != ACT_ORDER_ADJ)
		set_limit(k);
}

void collect_latest(struct collector *k)
{
	int32_t column = resolve_time(k->a, collect_near_table(k), true);

	if (column < 0) {
		k->a->unused++;
		return;
	}
	collect_add_order(k, collect_of_column(column, AGGREGATE_NONE), true);
	set_limit(k);
}

void collect_super_count(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, collect_near_table(k));

	if (!r)
		return;
	set_limit(k);
	if (r->kind == LINK_COLUMN && collect_is_measure(a, r->index)) {
		collect_add_order(k, collect_of_column((int32_t)r->index, AGGREGATE_NONE),
		        k->p->direction > 0);
		return;
	}
	order_by_tally(k, r, k->p->distinct);
	a->tally_descending = k->p->direction > 0;
}

void collect_common(struct collector *k)
{
	struct assembly *a = k->a;

	a->common = true;
	order_by_tally(k, NULL, false);
	a->tally_descending = k->p->direction >= 0;
	set_limit(k);
	if (k->p->span_count) {
		bool tail = k->tail;

		k->tail = false;
		collect_mention(k);
		k->tail = tail;
	}
}

void collect_order(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, collect_near_table(k));
	bool descending = k->p->direction > 0;
	int32_t column;

	if (!r)
		return;
	if (k->p->action == ACT_ORDER_COUNT && r->kind == LINK_COLUMN &&
	        collect_is_measure(a, r->index)) {
		collect_add_order(
		        k, collect_of_column((int32_t)r->index, AGGREGATE_NONE), descending);
		return;
	}
	if (k->p->action == ACT_ORDER_COUNT) {
		order_by_tally(k, r, k->p->distinct);
		a->tally_descending = descending;
		return;
	}
	column = r->kind == LINK_COLUMN ? (int32_t)r->index : a->schema->tables[r->index].display;
	if (column >= 0)
		collect_add_order(k,
		        collect_of_column(column, (enum form_aggregate)k->p->aggregate),
		        descending);
}

void collect_direction(struct collector *k)
{
	struct assembly *a = k->a;

	if (a->orders && !a->limit)
		a->order[a->orders - 1].descending = k->p->direction > 0;
	else if (a->by_tally && !a->limit)
		a->tally_descending = k->p->direction > 0;
	else
		a->order_self = true, a->self_descending = k->p->direction > 0;
}

/* "by order value": not how many there are */
static bool is_value_of(const struct collector *k)
{
	static const char *const words[] = {"value", "amount", "total", "volume", "revenue", NULL};

	return collect_is_word(collect_word_at(k, k->p->first + k->p->count - 1), words);
}

/* "top 5 customers by revenue": in the order of a figure of theirs, or of a sum elsewhere. */
void collect_top_by(struct collector *k)
{
	bool first = !strcmp(collect_word_at(k, k->p->first)->text, "first");
	struct assembly *a = k->a;
	const struct link_reading *table = resolve(a, k->p->spans[0], LINK_TABLE, 0, -1);
	const struct link_reading *by = resolve(
	        a, k->p->spans[1], LINK_TABLE | LINK_COLUMN, 1, table ? (int32_t)table->index : -1);

	if (!table || !by)
		return;
	collect_add_named(k, table->index, true);
	if (by->kind == LINK_TABLE && is_value_of(k)) {
		int32_t figure = resolve_figure(a, (int32_t)by->index);

		if (figure < 0) {
			a->unused++;
			return;
		}
		collect_add_order(k, collect_of_column(figure, AGGREGATE_SUM), true);
	} else if (by->kind == LINK_TABLE) {
		order_by_tally(k, by, false);
		a->tally_descending = true;
	} else {
		collect_add_order(k,
		        collect_of_column((int32_t)by->index,
		                a->schema->columns[by->index].table == table->index
		                        ? AGGREGATE_NONE
		                        : AGGREGATE_SUM),
		        !first || a->schema->columns[by->index].type != COLUMN_TIME);
	}
	set_limit(k);
}

/* "who earns the most", "which region sells the least" */
void collect_most(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *before = k->phrase ? a->cover->phrases[k->phrase - 1] : NULL;
	bool descending = k->p->direction >= 0;

	set_limit(k);
	if (before && before->action == ACT_MENTION && k->last_column >= 0 &&
	        a->schema->columns[k->last_column].flags & COLUMN_MEASURE &&
	        before->spans[0]->kinds & LINK_COLUMN) {
		if (a->selected && a->select[a->selected - 1].column == k->last_column)
			a->selected--;
		collect_add_order(k, collect_of_column(k->last_column, AGGREGATE_NONE), descending);
		return;
	}
	a->most = true;
	a->most_descending = descending;
}
