/* Which tables hang together: on graphs made by hand, and against trying every tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "form.h"

enum { WIDTH = 4, TABLES = 24, EDGES = 64 };

/* Tables 0 to TABLES - 1 of WIDTH columns each. */
struct graph {
	struct schema schema;
	struct schema_table tables[TABLES];
	struct schema_column columns[TABLES * WIDTH];
	struct schema_edge edges[EDGES];
	struct pool pool;
	struct joins *joins;
	struct join_tree tree;
};

static void begin(struct graph *g, size_t tables)
{
	*g = (struct graph){.schema = {.tables = g->tables,
	                            .columns = g->columns,
	                            .edges = g->edges,
	                            .table_count = tables,
	                            .column_count = tables * WIDTH}};
	for (uint32_t i = 0; i < tables * WIDTH; i++)
		g->columns[i].table = i / WIDTH;
}

/* No edges come after this. */
static void end(struct graph *g)
{
	g->joins = joins_create(&g->pool, &g->schema);
	assert_non_null(g->joins);
}

static void edge(struct graph *g, uint32_t from, uint32_t to, uint32_t cost)
{
	assert_true(g->schema.edge_count < EDGES);
	g->edges[g->schema.edge_count++] =
	        (struct schema_edge){from * WIDTH + 1, to * WIDTH, cost, 0};
}

static bool find(struct graph *g, const uint32_t *terminals, size_t count)
{
	struct join_tree again;
	bool good;

	if (!g->joins)
		end(g);
	good = join_find(g->joins, terminals, count, &g->tree);
	/* What was found once is found again. */
	assert_true(join_find(g->joins, terminals, count, &again) == good);
	assert_memory_equal(&again, &g->tree, sizeof again);
	return good;
}

static bool has_table(const struct join_tree *tree, uint32_t table)
{
	for (size_t i = 0; i < tree->table_count; i++)
		if (tree->tables[i] == table)
			return true;
	return false;
}

/* Is it a tree over the terminals, and does it cost what it says? */
static void check_tree(const struct graph *g, const uint32_t *terminals, size_t count)
{
	const struct join_tree *tree = &g->tree;
	uint32_t cost = 0;

	assert_int_equal(tree->tables[0], terminals[0]);
	assert_int_equal(tree->table_count, tree->edge_count + 1);
	for (size_t i = 0; i < count; i++)
		assert_true(has_table(tree, terminals[i]));
	for (size_t i = 0; i < tree->edge_count; i++) {
		const struct schema_edge *e = &g->edges[tree->edges[i]];

		assert_true(has_table(tree, e->from / WIDTH) && has_table(tree, e->to / WIDTH));
		cost += e->cost;
	}
	assert_int_equal(cost, tree->cost);
}

static void a_chain_is_followed(void **state)
{
	struct graph g;

	(void)state;
	begin(&g, 6);
	for (uint32_t i = 0; i < 5; i++)
		edge(&g, i, i + 1, 10);
	assert_true(find(&g, (const uint32_t[]){4, 1}, 2));
	check_tree(&g, (const uint32_t[]){4, 1}, 2);
	assert_int_equal(g.tree.cost, 30);
	assert_int_equal(g.tree.table_count, 4);
	assert_int_equal(join_distance(g.joins, 0, 5), 50);
	assert_int_equal(join_distance(g.joins, 5, 0), 50);
	assert_int_equal(join_distance(g.joins, 3, 3), 0);
	/* One table needs no way. */
	assert_true(find(&g, (const uint32_t[]){2}, 1));
	assert_int_equal(g.tree.table_count, 1);
	assert_int_equal(g.tree.cost, 0);
	pool_finish(&g.pool);
}

static void six_points_of_a_star_meet_in_its_middle(void **state)
{
	static const uint32_t ends[] = {1, 2, 3, 4, 5, 6};
	struct graph g;

	(void)state;
	begin(&g, 7);
	for (uint32_t i = 1; i < 7; i++)
		edge(&g, i, 0, 10);
	assert_true(find(&g, ends, 6));
	check_tree(&g, ends, 6);
	assert_int_equal(g.tree.cost, 60);
	assert_int_equal(g.tree.table_count, 7);
	pool_finish(&g.pool);
}

static void the_cheap_side_of_a_cycle_is_taken(void **state)
{
	struct graph g;

	(void)state;
	begin(&g, 5);
	for (uint32_t i = 0; i < 5; i++)
		edge(&g, i, (i + 1) % 5, i == 0 ? 100 : 10);
	assert_true(find(&g, (const uint32_t[]){0, 1}, 2));
	check_tree(&g, (const uint32_t[]){0, 1}, 2);
	assert_int_equal(g.tree.cost, 40);
	pool_finish(&g.pool);
}

static void of_parallel_edges_the_cheapest_is_taken(void **state)
{
	struct graph g;

	(void)state;
	begin(&g, 2);
	edge(&g, 0, 1, 16);
	edge(&g, 0, 1, 10);
	edge(&g, 1, 0, 12);
	edge(&g, 1, 1, 1); /* to itself: leads nowhere */
	assert_true(find(&g, (const uint32_t[]){0, 1}, 2));
	assert_int_equal(g.tree.edge_count, 1);
	assert_int_equal(g.tree.edges[0], 1);
	pool_finish(&g.pool);
}

static void the_parts_of_a_reference_are_one_edge(void **state)
{
	struct graph g;

	(void)state;
	begin(&g, 3);
	edge(&g, 0, 1, 10);
	edge(&g, 0, 1, 10);
	edge(&g, 1, 2, 10);
	g.edges[0].more = 1;
	g.edges[1].cost = 1; /* never on its own */
	assert_true(find(&g, (const uint32_t[]){0, 2}, 2));
	assert_int_equal(g.tree.cost, 20);
	assert_int_equal(g.tree.edge_count, 2);
	pool_finish(&g.pool);
}

static void what_hangs_not_together_is_told(void **state)
{
	struct graph g;

	(void)state;
	begin(&g, 4);
	edge(&g, 0, 1, 10);
	edge(&g, 2, 3, 10);
	assert_false(find(&g, (const uint32_t[]){0, 2}, 2));
	assert_false(find(&g, (const uint32_t[]){0, 1, 3}, 3));
	assert_int_equal(join_distance(g.joins, 1, 2), UINT32_MAX);
	assert_false(g.pool.failed);
	pool_finish(&g.pool);
}

static void too_many_tables_are_refused(void **state)
{
	static const uint32_t seven[] = {0, 1, 2, 3, 4, 5, 6};
	struct graph g;

	(void)state;
	begin(&g, TABLES);
	for (uint32_t i = 0; i + 1 < TABLES; i++)
		edge(&g, i, i + 1, 10);
	assert_true(find(&g, seven, 6));
	assert_false(find(&g, seven, 7));
	assert_false(find(&g, seven, 0));
	/* A tree of 16 tables is the largest. */
	assert_true(find(&g, (const uint32_t[]){0, 15}, 2));
	assert_int_equal(g.tree.table_count, 16);
	assert_false(find(&g, (const uint32_t[]){0, 16}, 2));
	pool_finish(&g.pool);
}

static void no_memory_is_not_taken_for_no_way(void **state)
{
	struct graph g;

	(void)state;
	begin(&g, 3);
	edge(&g, 0, 1, 10);
	edge(&g, 1, 2, 10);
	end(&g);
	g.pool.failed = true;
	assert_false(join_find(g.joins, (const uint32_t[]){0, 2}, 2, &g.tree));
	assert_int_equal(join_distance(g.joins, 0, 2), UINT32_MAX);
	g.pool.failed = false;
	assert_true(find(&g, (const uint32_t[]){0, 2}, 2));
	assert_int_equal(join_distance(g.joins, 0, 2), 20);
	pool_finish(&g.pool);
}

/* The cost of the cheapest tree over exactly the tables of a set; UINT32_MAX: none. */
static uint32_t span(const struct graph *g, uint32_t set)
{
	uint32_t there = set & -set, cost = 0;

	while (there != set) {
		uint32_t best = UINT32_MAX, next = 0;

		for (size_t i = 0; i < g->schema.edge_count; i++) {
			uint32_t a = 1u << g->edges[i].from / WIDTH,
			         b = 1u << g->edges[i].to / WIDTH;

			if ((a & set) && (b & set) && !(a & there) != !(b & there) &&
			        g->edges[i].cost < best) {
				best = g->edges[i].cost;
				next = a | b;
			}
		}
		if (!next)
			return UINT32_MAX;
		there |= next;
		cost += best;
	}
	return cost;
}

static void no_tree_is_cheaper(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		enum { N = 8 };
		struct graph g;
		uint32_t terminals[6], wanted = 0, best = UINT32_MAX;
		size_t count = 0;

		begin(&g, N);
		for (int i = 0; i < 12; i++) {
			seed = seed * 1103515245 + 12345;
			edge(&g, seed >> 8 & 7, seed >> 12 & 7, 1 + (seed >> 16 & 15));
		}
		for (uint32_t i = 0; i < N && count < 2 + (size_t)round % 5; i++) {
			terminals[count++] = (i * 3 + (uint32_t)round) % N;
			wanted |= 1u << terminals[count - 1];
		}
		for (uint32_t set = 0; set < 1u << N; set++)
			if ((set & wanted) == wanted && span(&g, set) < best)
				best = span(&g, set);
		assert_true(find(&g, terminals, count) == (best != UINT32_MAX));
		if (best != UINT32_MAX) {
			check_tree(&g, terminals, count);
			assert_int_equal(g.tree.cost, best);
		}
		pool_finish(&g.pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_chain_is_followed),
	        cmocka_unit_test(six_points_of_a_star_meet_in_its_middle),
	        cmocka_unit_test(the_cheap_side_of_a_cycle_is_taken),
	        cmocka_unit_test(of_parallel_edges_the_cheapest_is_taken),
	        cmocka_unit_test(the_parts_of_a_reference_are_one_edge),
	        cmocka_unit_test(what_hangs_not_together_is_told),
	        cmocka_unit_test(too_many_tables_are_refused),
	        cmocka_unit_test(no_memory_is_not_taken_for_no_way),
	        cmocka_unit_test(no_tree_is_cheaper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
