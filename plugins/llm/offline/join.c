/* join.c: which tables hang together, and by which keys: a Steiner tree over the graph of the
 * references, exact (Dreyfus and Wagner, 1971) for the few tables of a question. */
#include <string.h>

#include "form.h"

enum { TERMINALS = 6, FAR = 1u << 28 };

struct step {
	uint32_t cost;
	int32_t edge;  /* the edge that led here from another table with the same set; -1: none */
	uint32_t half; /* or: the union of this set and the rest, at the same table; 0: none */
};

/* A tree that was looked for. */
struct found {
	uint32_t terminals[TERMINALS];
	size_t count;
	struct join_tree tree;
	bool good;
	struct found *next;
};

/* An edge between two tables. */
struct arc {
	uint32_t ends[2], cost, edge;
};

struct joins {
	const struct schema *schema;
	struct pool *pool;
	struct arc *arcs;
	size_t arc_count;
	uint32_t *changed;   /* by table: the round of spread() in which its cost became less */
	struct step **ways;  /* by table: the ways from it to every table; NULL: not yet found */
	struct found *trees; /* all so far */
};

static uint32_t table_of(const struct schema *s, uint32_t column)
{
	return s->columns[column].table;
}

struct joins *joins_create(struct pool *pool, const struct schema *schema)
{
	struct joins *joins = pool_alloc(pool, sizeof *joins);

	if (!joins)
		return NULL;
	joins->schema = schema;
	joins->pool = pool;
	joins->ways = pool_alloc(pool, (schema->table_count + 1) * sizeof *joins->ways);
	joins->changed = pool_alloc(pool, (schema->table_count + 1) * sizeof *joins->changed);
	joins->arcs = pool_alloc(pool, (schema->edge_count + 1) * sizeof *joins->arcs);
	if (!joins->ways || !joins->changed || !joins->arcs)
		return NULL;
	/* What leads to its own table joins nothing. */
	for (size_t i = 0; i < schema->edge_count; i += 1 + schema->edges[i].more) {
		const struct schema_edge *e = &schema->edges[i];
		uint32_t a = table_of(schema, e->from), b = table_of(schema, e->to);

		if (a != b)
			joins->arcs[joins->arc_count++] =
			        (struct arc){{a, b}, e->cost, (uint32_t)i};
	}
	return joins;
}

/* Steps to every table, none of which is known. NULL: no memory. */
static struct step *new_steps(const struct joins *joins)
{
	size_t n = joins->schema->table_count;
	struct step *steps = pool_alloc(joins->pool, n * sizeof *steps);

	for (size_t i = 0; steps && i < n; i++)
		steps[i] = (struct step){FAR, -1, 0};
	return steps;
}

/* Spreads the costs along the edges until nothing changes. */
static void spread(struct joins *joins, struct step *steps)
{
	const size_t n = joins->schema->table_count;
	bool changed = true;

	for (size_t i = 0; i < n; i++)
		joins->changed[i] = steps[i].cost < FAR;
	for (uint32_t round = 1; changed && round <= n; round++) {
		changed = false;
		for (size_t i = 0; i < joins->arc_count; i++) {
			const struct arc *arc = &joins->arcs[i];

			for (int way = 0; way < 2; way++) {
				uint32_t from = arc->ends[way], to = arc->ends[!way];
				uint32_t cost = steps[from].cost + arc->cost;

				/* What has not changed since was spread already. */
				if (joins->changed[from] < round || cost >= steps[to].cost)
					continue;
				steps[to] = (struct step){cost, (int32_t)arc->edge, 0};
				joins->changed[to] = round + 1;
				changed = true;
			}
		}
	}
}

/* The ways from a table to all others. NULL: no memory. */
static struct step *ways_from(struct joins *joins, uint32_t table)
{
	if (!joins->ways[table]) {
		struct step *steps = new_steps(joins);

		if (!steps)
			return NULL;
		steps[table].cost = 0;
		spread(joins, steps);
		joins->ways[table] = steps;
	}
	return joins->ways[table];
}

static bool add_table(struct join_tree *tree, uint32_t table)
{
	for (size_t i = 0; i < tree->table_count; i++)
		if (tree->tables[i] == table)
			return true;
	if (tree->table_count == FORM_TABLES * 2)
		return false;
	tree->tables[tree->table_count++] = table;
	return true;
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

/* Follows the steps back. Each call goes to a smaller set or a cheaper table. false: too large. */
static bool trace(const struct schema *s, struct step *const *steps, uint32_t set, uint32_t table,
        struct join_tree *tree)
{
	for (;;) {
		const struct step *step = &steps[set][table];
		const struct schema_edge *e;

		if (!add_table(tree, table))
			return false;
		if (step->half)
			return trace(s, steps, step->half, table, tree) &&
			       trace(s, steps, set & ~step->half, table, tree);
		if (step->edge < 0)
			return true;
		if (!add_edge(tree, (uint32_t)step->edge))
			return false;
		e = &s->edges[step->edge];
		table = table_of(s, e->from) == table ? table_of(s, e->to) : table_of(s, e->from);
	}
}

/* The first terminal is the root, at which the tree over all others must end. */
static bool search(
        struct joins *joins, const uint32_t *terminals, size_t count, struct join_tree *tree)
{
	const size_t n = joins->schema->table_count;
	const uint32_t all = (1u << (count - 1)) - 1;
	struct step *steps[1 << (TERMINALS - 1)] = {NULL}; /* by set of the others */

	if (!all)
		return add_table(tree, terminals[0]);
	for (uint32_t set = 1; set <= all; set++) {
		if (!(set & (set - 1))) {
			size_t bit = 0;

			while (!(set >> bit & 1))
				bit++;
			steps[set] = ways_from(joins, terminals[bit + 1]);
		} else {
			steps[set] = new_steps(joins);
		}
		if (!steps[set])
			return false;
		for (uint32_t half = (set - 1) & set; half; half = (half - 1) & set)
			for (size_t v = 0; v < n; v++) {
				uint32_t cost = steps[half][v].cost + steps[set & ~half][v].cost;

				if (cost < steps[set][v].cost)
					steps[set][v] = (struct step){cost, -1, half};
			}
		if (set & (set - 1))
			spread(joins, steps[set]);
	}
	tree->cost = steps[all][terminals[0]].cost;
	return tree->cost < FAR && trace(joins->schema, steps, all, terminals[0], tree);
}

bool join_find(struct joins *joins, const uint32_t *terminals, size_t count, struct join_tree *tree)
{
	struct found *found = joins->trees;

	*tree = (struct join_tree){.cost = 0};
	if (!count || count > TERMINALS)
		return false;
	while (found && (found->count != count || memcmp(found->terminals, terminals,
	                                                  count * sizeof *terminals) != 0))
		found = found->next;
	if (!found) {
		found = pool_alloc(joins->pool, sizeof *found);
		if (!found)
			return false;
		found->count = count;
		memcpy(found->terminals, terminals, count * sizeof *terminals);
		found->good = search(joins, terminals, count, &found->tree);
		found->next = joins->trees;
		joins->trees = found;
	}
	*tree = found->tree;
	return found->good;
}

uint32_t join_distance(struct joins *joins, uint32_t from, uint32_t to)
{
	const struct step *ways = from == to ? NULL : ways_from(joins, from);

	if (from == to)
		return 0;
	return ways && ways[to].cost < FAR ? ways[to].cost : UINT32_MAX;
}
