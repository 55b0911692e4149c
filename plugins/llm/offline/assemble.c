/* assemble.c: makes a form of what the phrases of a cover say. */
#include "assemble.h"

#include <string.h>

struct form_expression assemble_expression(int32_t column)
{
	return (struct form_expression){.column = column, .table = -1};
}

int32_t assemble_table_of(const struct builder *b, int32_t column)
{
	return column < 0 ? -1 : (int32_t)b->schema->columns[column].table;
}

void assemble_need_table(struct form_query *q, int32_t table)
{
	if (table < 0)
		return;
	for (size_t i = 0; i < q->table_count; i++)
		if (q->tables[i] == (uint32_t)table)
			return;
	if (q->table_count < FORM_TABLES)
		q->tables[q->table_count++] = (uint32_t)table;
}

bool assemble_select_column(struct builder *b, int32_t column)
{
	struct form_query *q = b->q;

	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].column == column && !q->select[i].aggregate)
			return true;
	if (column < 0 || q->selected == FORM_SELECT)
		return false;
	q->select[q->selected++] = assemble_expression(column);
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

/* What names a row: of persons the first and the last name. */
static bool select_display(struct builder *b, int32_t table)
{
	if (table >= 0 && b->schema->tables[table].display2 >= 0)
		assemble_select_column(b, b->schema->tables[table].display2);
	return assemble_select_column(b, display_of(b, table));
}

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
			return assemble_table_of(b, a->select[i].column);
	for (size_t i = 0; i < a->groups; i++)
		if (a->group_table[i] >= 0)
			return a->group_table[i];
	for (size_t i = 0; i < a->named_count; i++)
		if (!a->named[i].negated)
			return (int32_t)a->named[i].table;
	for (size_t i = 0; i < a->groups; i++)
		if (a->group_column[i] >= 0)
			return assemble_table_of(b, a->group_column[i]);
	for (size_t i = 0; i < a->orders; i++)
		return assemble_table_of(b, a->order[i].by.column);
	for (size_t i = 0; i < a->condition_count; i++)
		if (!a->conditions[i].negated)
			return assemble_table_of(b, a->conditions[i].left.column);
	return -1;
}

/* "what were our sales": rows without a name of their own are rather summed up. */
static void show_table(struct builder *b, int32_t table)
{
	struct assembly *a = b->a;
	int32_t figure = b->schema->tables[table].display < 0 ? resolve_figure(a, table) : -1;

	if (figure >= 0 && !a->orders && !a->by_tally && !a->having_count &&
	        b->q->selected < FORM_SELECT)
		b->q->select[b->q->selected++] = (struct form_expression){
		        .aggregate = AGGREGATE_SUM, .column = figure, .table = -1};
	else
		select_display(b, table);
}

static void take_selected(struct builder *b)
{
	struct assembly *a = b->a;

	for (size_t i = 0; i < a->selected; i++)
		b->q->select[b->q->selected++] = a->select[i];
	if (a->counts && b->q->selected < FORM_SELECT && b->entity >= 0)
		b->q->select[b->q->selected++] = (struct form_expression){
		        .aggregate = AGGREGATE_COUNT, .column = FORM_STAR, .table = b->entity};
	if (a->sums && !b->q->selected) {
		int32_t figure = resolve_figure(a, b->entity);

		if (figure >= 0)
			b->q->select[b->q->selected++] = (struct form_expression){
			        .aggregate = a->sum_aggregate, .column = figure, .table = -1};
	} else if (a->sums) {
		for (size_t i = 0; i < b->q->selected; i++)
			if (!b->q->select[i].aggregate && b->q->select[i].column >= 0 &&
			        b->schema->columns[b->q->select[i].column].flags & COLUMN_MEASURE)
				b->q->select[i].aggregate = a->sum_aggregate;
	}
	if (a->star && !b->q->selected && b->entity >= 0)
		b->q->select[b->q->selected++] =
		        (struct form_expression){.column = FORM_STAR, .table = b->entity};
	if (a->asks_where && !b->q->selected)
		assemble_select_column(b, resolve_place(a, b->entity));
	if (a->asks_when && !b->q->selected)
		assemble_select_column(b, resolve_time(a, b->entity, true));
	/* Tables that are asked for by their names: the column that names their rows. */
	for (size_t i = 0; i < a->named_count; i++) {
		const struct named_table *named = &a->named[i];
		bool shown = false;

		if (!named->head || named->negated || a->star)
			continue;
		for (size_t k = 0; k < b->q->selected; k++)
			shown |= b->q->select[k].column >= 0
			                 ? assemble_table_of(b, b->q->select[k].column) ==
			                           (int32_t)named->table
			                 : b->q->select[k].table == (int32_t)named->table;
		if (!shown)
			show_table(b, (int32_t)named->table);
	}
	if (!b->q->selected && !a->groups && !a->period) {
		show_table(b, b->entity);
		a->guesses++;
	}
}

bool assemble_has_aggregate(const struct form_query *q)
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

void assemble_add_group(struct builder *b, int32_t column)
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
				a->order[a->orders++] = (struct form_order){
				        assemble_expression(column), a->self_descending};
				continue;
			}
			if (a->star)
				continue;
			if (column >= 0)
				assemble_select_column(b, column);
			else if (!plain_columns(b->q))
				assemble_select_column(b, display_of(b, table));
			continue;
		}
		if (column >= 0) {
			assemble_add_group(b, column);
			assemble_select_column(b, column);
			continue;
		}
		if (b->schema->tables[table].key >= 0)
			assemble_add_group(b, b->schema->tables[table].key);
		else
			assemble_add_group(b, display_of(b, table));
		for (size_t k = 0; k < b->q->selected; k++)
			if (!b->q->select[k].aggregate &&
			        assemble_table_of(b, b->q->select[k].column) == table)
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
		const struct schema_column *c =
		        e->column < 0 ? NULL : &b->schema->columns[e->column];

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
			int32_t of = assemble_table_of(b, q->select[i].column);

			same &= table < 0 || table == of;
			table = table < 0 ? of : table;
		}
	if (same && table >= 0 && table != counted && !b->a->common && shows_row(b) &&
	        b->schema->tables[table].key >= 0) {
		assemble_add_group(b, b->schema->tables[table].key);
		return;
	}
	for (size_t i = 0; i < q->selected; i++)
		if (!q->select[i].aggregate && q->select[i].column >= 0)
			assemble_add_group(b, q->select[i].column);
}

static struct form_expression tally_expression(struct builder *b, const struct tally *tally)
{
	struct form_expression e = {
	        .aggregate = AGGREGATE_COUNT, .column = FORM_STAR, .table = tally->table};

	if (tally->table >= 0) {
		assemble_need_table(b->q, tally->table);
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
			repeated |= !assemble_leads_to_one(b, e->table, (int32_t)tables[k]);
		if (repeated) {
			e->column = b->schema->tables[e->table].key;
			e->distinct = true;
		}
	}
}

/* "the region that sells the least": by the sum of the figure of what is spoken of. */
static bool take_most(struct builder *b)
{
	struct assembly *a = b->a;
	int32_t figure = -1;

	for (size_t i = a->named_count; i > 0 && figure < 0; i--)
		figure = resolve_figure(a, (int32_t)a->named[i - 1].table);
	if (figure < 0 || a->orders == FORM_ORDER)
		return false;
	a->order[a->orders++] = (struct form_order){
	        {.aggregate = AGGREGATE_SUM, .column = figure, .table = -1}, a->most_descending};
	a->guesses++;
	return true;
}

/* Figures for each month: the time of what the figures are of, cut to the period. */
static bool take_period(struct builder *b)
{
	struct assembly *a = b->a;
	struct form_query *q = b->q;
	int32_t of = b->entity, column;

	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].aggregate && q->select[i].column >= 0)
			of = assemble_table_of(b, q->select[i].column);
	column = resolve_time(a, of, a->period == PERIOD_YEAR);
	if (column < 0 || q->groups == FORM_GROUP || q->selected == FORM_SELECT)
		return false;
	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].column == column)
			return true;
	if (!assemble_has_aggregate(q) && !a->by_tally) {
		assemble_select_column(b, column);
		return true;
	}
	q->group_period[q->groups] =
	        b->schema->columns[column].type == COLUMN_TIME ? a->period : PERIOD_NONE;
	q->select[q->selected++] = (struct form_expression){
	        .column = column, .table = -1, .period = q->group_period[q->groups]};
	q->group[q->groups++] = column;
	return true;
}

/* "Köln, 3": what a figure is of stands before it. */
static void figures_last(struct form_query *q)
{
	struct form_expression figures[FORM_SELECT];
	size_t n = 0, count = 0;

	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].aggregate)
			figures[count++] = q->select[i];
		else
			q->select[n++] = q->select[i];
	memcpy(q->select + n, figures, count * sizeof *figures);
}

static bool build(struct builder *b)
{
	struct assembly *a = b->a;
	struct form_query *q = b->q;
	bool counts, tallies = a->having_count || a->by_tally;
	const struct tally *tally = a->having_count ? &a->having[0] : &a->order_tally;
	int32_t counted = tally->column >= 0 ? assemble_table_of(b, tally->column) : tally->table;

	b->entity = find_entity(b);
	if (b->entity < 0)
		return false;
	take_selected(b);
	for (size_t i = 0; i < a->orders; i++)
		tallies |= a->order[i].by.aggregate != AGGREGATE_NONE;
	for (size_t i = 0; i < a->condition_count; i++)
		tallies |= a->conditions[i].left.aggregate != AGGREGATE_NONE;
	if (a->most && !take_most(b))
		return false;
	for (size_t i = 0; i < a->orders; i++)
		tallies |= a->order[i].by.aggregate != AGGREGATE_NONE;
	counts = assemble_has_aggregate(q) || tallies;
	if (a->period && !take_period(b))
		return false;
	take_groups(b, counts && !a->common);
	if (tallies || (assemble_has_aggregate(q) && plain_columns(q)))
		make_groups(b, tallies ? counted : a->count_table);
	if (tallies && b->entity == counted && q->groups) {
		/* "the city with the most students": it is the city that is asked for. */
		int32_t of = assemble_table_of(b, q->group[0]);

		if (of != counted)
			b->entity = of;
	}
	for (size_t i = 0; i < a->having_count; i++)
		if (!assemble_add_filter(b, q,
		            (struct form_filter){.left = tally_expression(b, &a->having[i]),
		                    .operator = a->having[i].operator,
		                    .value = {a->having[i].number, false}}))
			return false;
	if (!assemble_add_named(b) || !assemble_take_conditions(b))
		return false;
	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].table >= 0)
			assemble_need_table(q, q->select[i].table);
	/* What is missing is not the most common. */
	if (a->common && q->groups && q->group[0] >= 0 &&
	        !(b->schema->columns[q->group[0]].flags & COLUMN_PRIMARY) &&
	        !assemble_add_filter(b, q, (struct form_filter){
	                                  .left = assemble_expression(q->group[0]), .operator = FORM_NOT_NULL}))
		return false;
	take_order(b);
	figures_last(q);
	q->distinct = a->distinct && !assemble_has_aggregate(q) && !q->groups;
	/* "all cities" of a table where each stands many times. */
	if (q->selected == 1 && !q->select[0].aggregate && q->select[0].column >= 0 &&
	        !a->named_count && !q->filters && !q->orders && !q->groups && !q->limit &&
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
		out->sql = form_print(lattice->schema, lattice->joins, pool, b.q, &out->cost);
		if (out->sql) {
			struct form_cost simpler;

			form_simplify(lattice->schema, lattice->joins, b.q);
			out->sql = form_print(lattice->schema, lattice->joins, pool, b.q, &simpler);
		}
	}
	out->weakest = a->weakest;
	out->guesses = a->guesses;
	out->unused = a->unused;
	out->ambiguous = (uint32_t)a->ambiguous;
	out->choice = choice;
	return !pool->failed;
}
