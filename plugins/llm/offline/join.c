/* join.c: which tables hang together, and by which keys: a Steiner tree over the graph of the
 * references, exact (Dreyfus and Wagner, 1971) for the few tables of a question. */
#include <stdlib.h>
#include <string.h>

#include "form.h"

enum { TERMINALS = 6, FAR = 1u << 28 };

struct step {
	uint32_t cost;
	int32_t edge;  /* the edge that led here from another table with the same set; -1: none */
	uint32_t half; /* or: the union of this set and the rest, at the same table; 0: none */
};

struct search {
	const struct schema *schema;
	size_t n;
	struct step *steps; /* by set, then by table */
};

static uint32_t table_of(const struct schema *s, uint32_t column)
{
	return s->columns[column].table;
}

static struct step *step_at(const struct search *s, uint32_t set, size_t table)
{
	return &s->steps[set * s->n + table];
}

/* Spreads the costs of a set along the edges until nothing changes. */
static void spread(const struct search *s, uint32_t set)
{
	bool changed = true;

	for (size_t round = 0; changed && round < s->n; round++) {
		changed = false;
		for (size_t i = 0; i < s->schema->edge_count; i++) {
			const struct schema_edge *e = &s->schema->edges[i];
			uint32_t a = table_of(s->schema, e->from), b = table_of(s->schema, e->to);

			if (a == b)
				continue;
			for (int way = 0; way < 2; way++) {
				struct step *from = step_at(s, set, way ? b : a),
				            *to = step_at(s, set, way ? a : b);

				if (from->cost + e->cost < to->cost) {
					*to = (struct step){from->cost + e->cost, (int32_t)i, 0};
					changed = true;
				}
			}
		}
	}
}

static void add_table(struct join_tree *tree, uint32_t table)
{
	for (size_t i = 0; i < tree->table_count; i++)
		if (tree->tables[i] == table)
			return;
	if (tree->table_count < FORM_TABLES * 2)
		tree->tables[tree->table_count++] = table;
}

static bool add_edge(struct join_tree *tree, uint32_t edge)
{
	for (size_t i = 0; i < tree->edge_count; i++)
		if (tree->edges[i] == edge)
			return true;
	if (tree->edge_count == FORM_TABLES * 2)
		return false;
	tree->edges[tree->edge_count++] = edge;
	return true;
}

/* Follows the steps back. Each call goes to a smaller set or a cheaper table. */
static bool trace(const struct search *s, uint32_t set, uint32_t table, struct join_tree *tree)
{
	for (;;) {
		const struct step *step = step_at(s, set, table);
		const struct schema_edge *e;

		add_table(tree, table);
		if (step->half)
			return trace(s, step->half, table, tree) &&
			       trace(s, set & ~step->half, table, tree);
		if (step->edge < 0)
			return true;
		if (!add_edge(tree, (uint32_t)step->edge))
			return false;
		e = &s->schema->edges[step->edge];
		table = table_of(s->schema, e->from) == table ? table_of(s->schema, e->to)
		                                              : table_of(s->schema, e->from);
	}
}

bool join_find(const struct schema *schema, const uint32_t *terminals, size_t count,
        struct join_tree *tree)
{
	struct search s = {.schema = schema, .n = schema->table_count};
	const uint32_t all = (1u << count) - 1;
	struct step *last;
	bool good = false;

	*tree = (struct join_tree){.cost = 0};
	if (!count || count > TERMINALS)
		return false;
	if (count == 1) {
		add_table(tree, terminals[0]);
		return true;
	}
	s.steps = malloc((all + 1) * s.n * sizeof *s.steps);
	if (!s.steps)
		return false;
	for (size_t i = 0; i < (all + 1) * s.n; i++)
		s.steps[i] = (struct step){FAR, -1, 0};
	for (size_t i = 0; i < count; i++)
		step_at(&s, 1u << i, terminals[i])->cost = 0;
	for (uint32_t set = 1; set <= all; set++) {
		for (size_t v = 0; v < s.n; v++)
			for (uint32_t half = (set - 1) & set; half; half = (half - 1) & set) {
				uint32_t cost =
				        step_at(&s, half, v)->cost + step_at(&s, set & ~half, v)->cost;

				if (cost < step_at(&s, set, v)->cost)
					*step_at(&s, set, v) = (struct step){cost, -1, half};
			}
		spread(&s, set);
	}
	last = step_at(&s, all, terminals[0]);
	if (last->cost < FAR) {
		tree->cost = last->cost;
		/* The first terminal comes first. */
		good = trace(&s, all, terminals[0], tree);
	}
	free(s.steps);
	return good;
}

uint32_t join_distance(const struct schema *schema, uint32_t from, uint32_t to)
{
	uint32_t *cost, found;
	bool changed = true;

	if (from == to)
		return 0;
	cost = malloc(schema->table_count * sizeof *cost);
	if (!cost)
		return UINT32_MAX;
	for (size_t i = 0; i < schema->table_count; i++)
		cost[i] = FAR;
	cost[from] = 0;
	for (size_t round = 0; changed && round < schema->table_count; round++) {
		changed = false;
		for (size_t i = 0; i < schema->edge_count; i++) {
			const struct schema_edge *e = &schema->edges[i];
			uint32_t a = table_of(schema, e->from), b = table_of(schema, e->to);

			if (cost[a] + e->cost < cost[b]) {
				cost[b] = cost[a] + e->cost;
				changed = true;
			}
			if (cost[b] + e->cost < cost[a]) {
				cost[a] = cost[b] + e->cost;
				changed = true;
			}
		}
	}
	found = cost[to];
	free(cost);
	return found < FAR ? found : UINT32_MAX;
}
