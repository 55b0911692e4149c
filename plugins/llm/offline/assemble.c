/* assemble.c: makes a form of what the phrases of a cover say. */
#include <stdlib.h>
#include <string.h>

#include "assembly.h"

struct builder {
	struct assembly *a;
	const struct schema *schema;
	struct form_query *q;
	int32_t entity; /* the table whose rows are asked for; -1: unknown */
};

static struct form_expression expression(int32_t column)
{
	return (struct form_expression){.column = column, .table = -1};
}

static int32_t table_of(const struct builder *b, int32_t column)
{
	return column < 0 ? -1 : (int32_t)b->schema->columns[column].table;
}

static void need_table(struct builder *b, struct form_query *q, int32_t table)
{
	(void)b;
	if (table < 0)
		return;
	for (size_t i = 0; i < q->table_count; i++)
		if (q->tables[i] == (uint32_t)table)
			return;
	if (q->table_count < FORM_TABLES)
		q->tables[q->table_count++] = (uint32_t)table;
}

static bool add_filter(struct builder *b, struct form_query *q, struct form_filter filter)
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

static bool select_column(struct builder *b, int32_t column)
{
	struct form_query *q = b->q;

	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].column == column && !q->select[i].aggregate)
			return true;
	if (column < 0 || q->selected == FORM_SELECT)
		return false;
	q->select[q->selected++] = expression(column);
	return true;
}

/* The column that names a row of a table to people; at worst its key or its first. */
static int32_t display_of(const struct builder *b, int32_t table)
{
	const struct schema_table *t;

	if (table < 0)
		return -1;
	t = &b->schema->tables[table];
	if (t->display >= 0)
		return t->display;
	if (t->key >= 0)
		return t->key;
	return t->columns ? (int32_t)t->first : -1;
}

/* The names of the rows of a table: a first name before the last. */
static bool select_display(struct builder *b, int32_t table)
{
	if (table >= 0 && b->schema->tables[table].display2 >= 0)
		select_column(b, b->schema->tables[table].display2);
	return select_column(b, display_of(b, table));
}

/* ---- what is asked for ------------------------------------------------------------------------ */

static int32_t find_entity(const struct builder *b)
{
	const struct assembly *a = b->a;

	if (a->count_table >= 0)
		return a->count_table;
	for (size_t i = 0; i < a->named_count; i++)
		if (a->named[i].head && !a->named[i].negated)
			return (int32_t)a->named[i].table;
	for (size_t i = 0; i < a->selected; i++)
		if (a->select[i].column >= 0)
			return table_of(b, a->select[i].column);
	for (size_t i = 0; i < a->groups; i++)
		if (a->group_table[i] >= 0)
			return a->group_table[i];
	for (size_t i = 0; i < a->named_count; i++)
		if (!a->named[i].negated)
			return (int32_t)a->named[i].table;
	for (size_t i = 0; i < a->groups; i++)
		if (a->group_column[i] >= 0)
			return table_of(b, a->group_column[i]);
	for (size_t i = 0; i < a->orders; i++)
		return table_of(b, a->order[i].by.column);
	for (size_t i = 0; i < a->condition_count; i++)
		if (!a->conditions[i].negated)
			return table_of(b, a->conditions[i].left.column);
	return -1;
}

static void take_selected(struct builder *b)
{
	struct assembly *a = b->a;

	for (size_t i = 0; i < a->selected; i++)
		b->q->select[b->q->selected++] = a->select[i];
	if (a->counts && b->q->selected < FORM_SELECT && b->entity >= 0)
		b->q->select[b->q->selected++] = (struct form_expression){
		        .aggregate = AGGREGATE_COUNT, .column = FORM_STAR, .table = b->entity};
	if (a->star && !b->q->selected && b->entity >= 0)
		b->q->select[b->q->selected++] =
		        (struct form_expression){.column = FORM_STAR, .table = b->entity};
	if (a->asks_where && !b->q->selected)
		select_column(b, resolve_place(a, b->entity));
	if (a->asks_when && !b->q->selected)
		select_column(b, resolve_time(a, b->entity, true));
	/* Tables that are asked for by their names: the column that names their rows. */
	for (size_t i = 0; i < a->named_count; i++) {
		const struct named_table *named = &a->named[i];
		bool shown = false;

		if (!named->head || named->negated || a->star)
			continue;
		for (size_t k = 0; k < b->q->selected; k++)
			shown |= b->q->select[k].column >= 0
			                 ? table_of(b, b->q->select[k].column) == (int32_t)named->table
			                 : b->q->select[k].table == (int32_t)named->table;
		if (!shown)
			select_display(b, (int32_t)named->table);
	}
	if (!b->q->selected && !a->groups) {
		select_display(b, b->entity);
		a->guesses++;
	}
}

static bool has_aggregate(const struct form_query *q)
{
	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].aggregate)
			return true;
	return false;
}

static size_t plain_columns(const struct form_query *q)
{
	size_t n = 0;

	for (size_t i = 0; i < q->selected; i++)
		n += !q->select[i].aggregate && q->select[i].column >= 0;
	return n;
}

/* ---- groups ----------------------------------------------------------------------------------- */

static void add_group(struct builder *b, int32_t column)
{
	for (size_t i = 0; i < b->q->groups; i++)
		if (b->q->group[i] == column)
			return;
	if (b->q->groups < FORM_GROUP)
		b->q->group[b->q->groups++] = column;
}

/* "for each department" */
static void take_groups(struct builder *b, bool counts)
{
	struct assembly *a = b->a;

	for (size_t i = 0; i < a->groups; i++) {
		int32_t column = a->group_column[i], table = a->group_table[i];

		if (!counts) {
			/* Without a figure "each" is no group. */
			if (column >= 0 && a->group_by[i] && a->orders < FORM_ORDER && !a->limit) {
				a->order[a->orders++] = (struct form_order){expression(column), false};
				continue;
			}
			if (a->star)
				continue;
			if (column >= 0)
				select_column(b, column);
			else if (!plain_columns(b->q))
				select_display(b, table);
			continue;
		}
		if (column >= 0) {
			add_group(b, column);
			select_column(b, column);
			continue;
		}
		if (b->schema->tables[table].key >= 0)
			add_group(b, b->schema->tables[table].key);
		else
			add_group(b, display_of(b, table));
		for (size_t k = 0; k < b->q->selected; k++)
			if (!b->q->select[k].aggregate && table_of(b, b->q->select[k].column) == table)
				table = -1;
		if (table >= 0)
			select_display(b, table);
	}
}

/* Does what is shown name single rows, not a property that many share? */
static bool shows_row(const struct builder *b)
{
	for (size_t i = 0; i < b->q->selected; i++) {
		const struct form_expression *e = &b->q->select[i];
		const struct schema_column *c = e->column < 0 ? NULL : &b->schema->columns[e->column];

		if (c && !e->aggregate &&
		        (c->flags & (COLUMN_UNIQUE | COLUMN_PRIMARY | COLUMN_NAME) ||
		                b->schema->tables[c->table].display == e->column))
			return true;
	}
	return false;
}

/* The groups that nobody names: by what is shown beside the figures. */
static void make_groups(struct builder *b, int32_t counted)
{
	struct form_query *q = b->q;
	int32_t table = -1;
	bool same = true;

	if (q->groups)
		return;
	if (!plain_columns(q)) {
		int32_t of = -1;

		/* Something that is asked for besides what is counted. */
		for (size_t i = 0; i < b->a->named_count && of < 0; i++)
			if (!b->a->named[i].negated && (int32_t)b->a->named[i].table != counted)
				of = (int32_t)b->a->named[i].table;
		if (of < 0)
			of = b->entity;
		if (!select_display(b, of))
			return;
	}
	for (size_t i = 0; i < q->selected; i++)
		if (!q->select[i].aggregate && q->select[i].column >= 0) {
			int32_t of = table_of(b, q->select[i].column);

			same &= table < 0 || table == of;
			table = table < 0 ? of : table;
		}
	if (same && table >= 0 && table != counted && !b->a->common && shows_row(b) && b->schema->tables[table].key >= 0) {
		add_group(b, b->schema->tables[table].key);
		return;
	}
	for (size_t i = 0; i < q->selected; i++)
		if (!q->select[i].aggregate && q->select[i].column >= 0)
			add_group(b, q->select[i].column);
}

static struct form_expression tally_expression(struct builder *b, const struct tally *tally)
{
	struct form_expression e = {.aggregate = AGGREGATE_COUNT, .column = FORM_STAR, .table = -1};

	if (tally->table >= 0) {
		need_table(b, b->q, tally->table);
		if (tally->distinct && b->schema->tables[tally->table].key >= 0) {
			e.column = b->schema->tables[tally->table].key;
			e.distinct = true;
		}
	} else if (tally->column >= 0) {
		e.column = tally->column;
		e.distinct = tally->distinct;
	}
	return e;
}

/* ---- conditions ------------------------------------------------------------------------------- */

static enum form_operator negation(enum form_operator operator)
{
	static const enum form_operator of[] = {FORM_NE, FORM_EQ, FORM_LE, FORM_LT, FORM_GE, FORM_GT,
	        FORM_BETWEEN, FORM_NOT_LIKE, FORM_LIKE, FORM_NOT_NULL, FORM_NULL, FORM_NOT_IN, FORM_IN};

	return of[operator];
}

/* Does each row of `from` lead to at most one of `to`? Only by foreign keys in their direction. */
static bool leads_to_one(const struct builder *b, int32_t from, int32_t to)
{
	struct join_tree tree;
	uint32_t ends[2] = {(uint32_t)from, (uint32_t)to};
	uint32_t at = (uint32_t)from;

	if (from == to)
		return true;
	if (from < 0 || to < 0 || !join_find(b->schema, ends, 2, &tree))
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

/* The columns by which rows of `from` and of what lies on the way to `to` hang together: the near one
 * of `from`, and the one of its neighbour. */
static bool bridge(const struct builder *b, int32_t from, int32_t to, int32_t *near, int32_t *far)
{
	struct join_tree tree;
	uint32_t ends[2] = {(uint32_t)from, (uint32_t)to};

	if (from < 0 || to < 0 || from == to || !join_find(b->schema, ends, 2, &tree))
		return false;
	for (size_t i = 0; i < tree.edge_count; i++) {
		const struct schema_edge *e = &b->schema->edges[tree.edges[i]];

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
static bool add_absence(
        struct builder *b, int32_t table, const struct condition *condition)
{
	struct form_query *inner = pool_alloc(b->a->pool, sizeof *inner);
	int32_t near, far;

	if (!inner || !bridge(b, b->entity, table, &near, &far))
		return false;
	inner->select[0] = expression(far);
	inner->selected = 1;
	need_table(b, inner, table);
	if (condition && !add_filter(b, inner,
	                         (struct form_filter){.left = condition->left,
	                                 .operator = condition->operator== FORM_NE ? FORM_EQ
	                                                                           : condition->operator,
	                                 .value = condition->value,
	                                 .until = condition->until,
	                                 .open = condition->open,
	                                 .query = condition->query}))
		return false;
	return add_filter(b, b->q,
	        (struct form_filter){
	                .left = expression(near), .operator = FORM_NOT_IN, .query = inner});
}

static bool take_condition(struct builder *b, const struct condition *c, bool or_next)
{
	struct form_filter filter = {.left = c->left,
	        .operator = c->operator,
	        .value = c->value,
	        .until = c->until,
	        .open = c->open,
	        .query = c->query,
	        .or_next = or_next};
	int32_t table = table_of(b, c->left.column);
	bool negated = c->negated || c->operator== FORM_NE;

	if (negated && !c->left.aggregate && table >= 0 && b->entity >= 0 &&
	        !leads_to_one(b, b->entity, table))
		return add_absence(b, table, c);
	if (c->negated) {
		if (c->operator== FORM_BETWEEN)
			b->a->unused++;
		filter.operator = negation(filter.operator);
	}
	return add_filter(b, b->q, filter);
}

/* Two conditions on one column that no row fulfils both: two values, or above 5 and below 3. */
static bool excludes(const struct condition *x, const struct condition *y)
{
	bool less, more;

	if (x->left.column != y->left.column || x->left.aggregate != y->left.aggregate || x->negated ||
	        y->negated || x->query || y->query)
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
	return more && less && !x->value.quoted && atof(x->value.text) >= atof(y->value.text);
}

static bool add_named(struct builder *b)
{
	struct assembly *a = b->a;

	for (size_t i = 0; i < a->named_count; i++) {
		const struct named_table *named = &a->named[i];

		if (!named->negated)
			need_table(b, b->q, (int32_t)named->table);
		else if (!add_absence(b, (int32_t)named->table, NULL))
			return false;
	}
	return true;
}

/* Two values of one column: either of them, or rows for both. */
static bool take_conditions(struct builder *b)
{
	struct assembly *a = b->a;
	size_t both = SIZE_MAX;

	for (size_t i = 0; i < a->condition_count; i++) {
		const struct condition *c = &a->conditions[i],
		                       *next = i + 1 < a->condition_count ? c + 1 : NULL;
		bool or_next = next && next->or_before;

		if (next && excludes(c, next) && !or_next) {
			bool one = leads_to_one(b, b->entity, table_of(b, c->left.column));

			/* Figures for each of the values. */
			if (one && c->operator== FORM_EQ && has_aggregate(b->q) && !c->both &&
			        !a->by_tally && !a->having_count) {
				add_group(b, c->left.column);
				select_column(b, c->left.column);
			} else if ((c->both || next->both || !one || c->operator!= FORM_EQ) && both == SIZE_MAX && !b->a->by_tally) {
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
			copy.operator = a->conditions[both].operator;
		}
		if (!add_filter(b, other, copy))
			return false;
	}
	b->q->set = SET_INTERSECT;
	b->q->other = other;
	return true;
}

/* ---- all together ----------------------------------------------------------------------------- */

static void take_order(struct builder *b)
{
	struct assembly *a = b->a;
	struct form_query *q = b->q;

	for (size_t i = 0; i < a->orders; i++)
		q->order[q->orders++] = a->order[i];
	if (a->by_tally && q->orders < FORM_ORDER)
		q->order[q->orders++] = (struct form_order){
		        tally_expression(b, &a->order_tally), a->tally_descending};
	if (a->order_self && !q->orders)
		for (size_t i = 0; i < q->selected && !q->orders; i++)
			if (!q->select[i].aggregate && q->select[i].column >= 0)
				q->order[q->orders++] =
				        (struct form_order){q->select[i], a->self_descending};
	q->limit = a->limit == 1 && a->some && q->orders ? a->some : a->limit;
}

/* Where a join repeats the rows that are counted, each of them counts once. */
static void count_once(struct builder *b)
{
	struct form_query *q = b->q;
	uint32_t tables[FORM_TABLES];
	size_t count = form_tables(b->schema, q, tables, FORM_TABLES);

	for (size_t i = 0; i < q->selected; i++) {
		struct form_expression *e = &q->select[i];
		bool repeated = false;

		if (e->aggregate != AGGREGATE_COUNT || e->column != FORM_STAR || e->table < 0 ||
		        b->schema->tables[e->table].key < 0 || q->groups)
			continue;
		for (size_t k = 0; k < count; k++)
			repeated |= !leads_to_one(b, e->table, (int32_t)tables[k]);
		if (repeated) {
			e->column = b->schema->tables[e->table].key;
			e->distinct = true;
		}
	}
}

static bool build(struct builder *b)
{
	struct assembly *a = b->a;
	struct form_query *q = b->q;
	bool counts, tallies = a->having_count || a->by_tally;
	const struct tally *tally = a->having_count ? &a->having[0] : &a->order_tally;
	int32_t counted = tally->column >= 0 ? table_of(b, tally->column) : tally->table;

	b->entity = find_entity(b);
	if (b->entity < 0)
		return false;
	take_selected(b);
	for (size_t i = 0; i < a->orders; i++)
		tallies |= a->order[i].by.aggregate != AGGREGATE_NONE;
	for (size_t i = 0; i < a->condition_count; i++)
		tallies |= a->conditions[i].left.aggregate != AGGREGATE_NONE;
	counts = has_aggregate(q) || tallies;
	take_groups(b, counts && !a->common);
	if (tallies || (has_aggregate(q) && plain_columns(q)))
		make_groups(b, tallies ? counted : a->count_table);
	if (tallies && b->entity == counted && q->groups) {
		/* "the city with the most students": it is the city that is asked for. */
		int32_t of = table_of(b, q->group[0]);

		if (of != counted)
			b->entity = of;
	}
	for (size_t i = 0; i < a->having_count; i++)
		if (!add_filter(b, q,
		            (struct form_filter){.left = tally_expression(b, &a->having[i]),
		                    .operator = a->having[i].operator,
		                    .value = {a->having[i].number, false}}))
			return false;
	if (!add_named(b) || !take_conditions(b))
		return false;
	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].table >= 0)
			need_table(b, q, q->select[i].table);
	take_order(b);
	q->distinct = a->distinct && !has_aggregate(q) && !q->groups;
	/* "all cities" of a table where each stands many times. */
	if (q->selected == 1 && !q->select[0].aggregate && q->select[0].column >= 0 && !a->named_count &&
	        !q->filters && !q->orders && !q->groups && !q->limit &&
	        b->schema->columns[q->select[0].column].flags & COLUMN_ENUM)
		q->distinct = true;
	count_once(b);
	return q->selected > 0;
}

bool assemble(struct pool *pool, const struct lattice *lattice, const struct cover *cover,
        size_t choice, struct candidate *out)
{
	struct assembly *a = pool_alloc(pool, sizeof *a);
	struct builder b = {.a = a, .schema = lattice->schema};

	b.q = pool_alloc(pool, sizeof *b.q);
	if (!a || !b.q)
		return false;
	*a = (struct assembly){.pool = pool,
	        .lattice = lattice,
	        .schema = lattice->schema,
	        .cover = cover,
	        .choice = choice,
	        .weakest = 1000,
	        .recent = -1,
	        .count_table = -1,
	        .order_tally = {.table = -1, .column = -1}};
	if (!resolve_tables(a))
		return false;
	collect(a);
	if (choice && !a->chosen)
		return false;
	*out = (struct candidate){.cover = cover};
	if (build(&b) && !pool->failed) {
		out->form = b.q;
		out->sql = form_print(lattice->schema, pool, b.q, &out->cost);
		if (out->sql) {
			struct form_cost simpler;

			form_simplify(lattice->schema, b.q);
			out->sql = form_print(lattice->schema, pool, b.q, &simpler);
		}
	}
	out->weakest = a->weakest;
	out->guesses = a->guesses;
	out->unused = a->unused;
	out->ambiguous = (uint32_t)a->ambiguous;
	out->choice = choice;
	return !pool->failed;
}
