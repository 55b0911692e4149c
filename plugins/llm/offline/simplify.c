/* simplify.c: leaves out tables of a form that stand at its edge and give nothing but their key:
 * what refers to them holds the same value. "How many students have a pet" needs no table of
 * students. */
#include <string.h>

#include "form.h"

static void replace_in(struct form_expression *e, int32_t from, int32_t to)
{
	if (e->column == from)
		e->column = to;
}

static void replace(struct form_query *q, int32_t from, int32_t to)
{
	for (size_t i = 0; i < q->selected; i++)
		replace_in(&q->select[i], from, to);
	for (struct form_filter *f = q->filters; f; f = f->next)
		replace_in(&f->left, from, to);
	for (size_t i = 0; i < q->groups; i++)
		if (q->group[i] == from)
			q->group[i] = to;
	for (size_t i = 0; i < q->orders; i++)
		replace_in(&q->order[i].by, from, to);
}

/* Does the query use a column of the table other than this one, or its rows? */
static bool uses_more(
        const struct schema *s, const struct form_query *q, uint32_t table, int32_t key)
{
	bool more = false;

	for (size_t i = 0; i < q->selected; i++) {
		int32_t c = q->select[i].column;

		more |= c == FORM_STAR
		                ? !q->select[i].aggregate && q->select[i].table == (int32_t)table
		                : c != key && s->columns[c].table == table;
	}
	for (const struct form_filter *f = q->filters; f; f = f->next)
		more |= f->left.column >= 0 && (f->left.column != key || f->query) &&
		        s->columns[f->left.column].table == table;
	for (size_t i = 0; i < q->groups; i++)
		more |= q->group[i] != key && s->columns[q->group[i]].table == table;
	for (size_t i = 0; i < q->orders; i++)
		more |= q->order[i].by.column >= 0 && q->order[i].by.column != key &&
		        s->columns[q->order[i].by.column].table == table;
	return more;
}

static void drop_table(struct form_query *q, uint32_t table)
{
	size_t n = 0;

	for (size_t i = 0; i < q->table_count; i++)
		if (q->tables[i] != table)
			q->tables[n++] = q->tables[i];
	q->table_count = n;
	for (size_t i = 0; i < q->selected; i++)
		if (q->select[i].table == (int32_t)table)
			q->select[i].table = -1;
}

/* One table at the edge of the tree; false: there is none to leave out. */
static bool drop_one(const struct schema *s, struct joins *joins, struct form_query *q)
{
	uint32_t terminals[FORM_TABLES];
	size_t count = form_tables(s, q, terminals, FORM_TABLES);
	struct join_tree tree;

	if (count < 2 || !join_find(joins, terminals, count, &tree))
		return false;
	for (size_t i = 0; i < tree.table_count; i++) {
		const struct schema_edge *edge = NULL;
		size_t edges = 0;

		for (size_t k = 0; k < tree.edge_count; k++) {
			const struct schema_edge *e = &s->edges[tree.edges[k]];

			if (s->columns[e->from].table == tree.tables[i] ||
			        s->columns[e->to].table == tree.tables[i]) {
				edges++;
				edge = e;
			}
		}
		/* It stands at the edge, is referred to, and gives its key alone. */
		if (edges != 1 || edge->more || s->columns[edge->to].table != tree.tables[i] ||
		        s->columns[edge->from].table == tree.tables[i] ||
		        uses_more(s, q, tree.tables[i], (int32_t)edge->to))
			continue;
		replace(q, (int32_t)edge->to, (int32_t)edge->from);
		drop_table(q, tree.tables[i]);
		/* What refers to it stays, also when nothing of it is used. */
		if (q->table_count < FORM_TABLES)
			q->tables[q->table_count++] = s->columns[edge->from].table;
		return true;
	}
	return false;
}

void form_simplify(const struct schema *schema, struct joins *joins, struct form_query *query)
{
	while (drop_one(schema, joins, query))
		;
}
