/* suggest.c: questions near to one that is declined, which the engine can answer. */
#include <string.h>

#include "parse.h"

enum { TRIES = 8, SURE = 600 };

struct suggester {
	struct pool *pool;
	const struct schema *schema;
	const struct engine_question *asked;
	struct engine_reply *reply;
	size_t count, tries;
};

/* Keeps a question that the engine is sure of. */
static void offer(struct suggester *s, const char *text)
{
	struct engine_question question = {.today = s->asked->today, .source = NULL};
	struct engine_reply reply;
	struct askd_error ignored;

	if (!text || s->count == ENGINE_SUGGESTIONS || s->tries++ == TRIES)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->reply->suggestions[i], text))
			return;
	question.text = text;
	question.n = strlen(text);
	if (engine_read(s->schema, s->pool, &question, &reply, &ignored) || !reply.sql ||
	        reply.confidence_milli < SURE)
		return;
	s->reply->suggestions[s->count++] = text;
}

static int32_t find_column(const struct suggester *s, uint32_t table, uint32_t flags)
{
	const struct schema_table *t = &s->schema->tables[table];

	for (uint32_t i = 0; i < t->columns; i++)
		if (s->schema->columns[t->first + i].flags & flags &&
		        (int32_t)(t->first + i) != t->display)
			return (int32_t)(t->first + i);
	return -1;
}

static void offer_table(struct suggester *s, uint32_t table)
{
	const struct schema_table *t = &s->schema->tables[table];
	const char *rows = form_plural(s->pool, t->words), *names;
	int32_t kind = find_column(s, table, COLUMN_ENUM),
	        measure = find_column(s, table, COLUMN_MEASURE);

	if (!rows)
		return;
	offer(s, pool_print(s->pool, "How many %s are there?", rows));
	if (kind >= 0)
		offer(s, pool_print(s->pool, "How many %s are there for each %s?", rows,
		                 s->schema->columns[kind].words));
	if (measure >= 0)
		offer(s, pool_print(s->pool, "What is the average %s of the %s?",
		                 s->schema->columns[measure].words, rows));
	names = t->display < 0 ? NULL : form_plural(s->pool, s->schema->columns[t->display].words);
	if (names)
		offer(s, pool_print(s->pool, "What are the %s of the %s?", names, rows));
}

/* How much of the question each table could explain, each span once, and a little for tables of
 * things. `best`: scratch, zeroed. */
static void weigh_tables(const struct lattice *lattice, uint32_t *weights, uint32_t *best)
{
	const struct schema *schema = lattice->schema;

	for (size_t i = 0; i < lattice->words.count; i++)
		for (const struct link_span *span = lattice->at[i]; span; span = span->next) {
			for (size_t r = 0; r < span->reading_count; r++) {
				const struct link_reading *x = &span->readings[r];
				bool table = x->kind == LINK_TABLE;
				uint32_t of = table ? x->index : schema->columns[x->index].table,
				         weight = x->weight * (table ? 200 : 100);

				if (weight > best[of]) {
					weights[of] += weight - best[of];
					best[of] = weight;
				}
			}
			for (size_t r = 0; r < span->reading_count; r++) {
				const struct link_reading *x = &span->readings[r];

				best[x->kind == LINK_TABLE ? x->index
				                           : schema->columns[x->index].table] = 0;
			}
		}
	for (size_t i = 0; i < schema->table_count; i++) {
		const struct schema_table *t = &schema->tables[i];

		weights[i] += (t->junction || t->view ? 0 : 1) + (t->rows > 0 ? 1 : 0);
	}
}

void suggest(struct pool *pool, const struct lattice *lattice,
        const struct engine_question *question, struct engine_reply *reply)
{
	const size_t n = lattice->schema->table_count;
	struct suggester s = {
	        .pool = pool, .schema = lattice->schema, .asked = question, .reply = reply};
	bool *done = pool_alloc(pool, n + 1);
	uint32_t *weights = pool_alloc(pool, (n + 1) * sizeof *weights),
	         *scratch = pool_alloc(pool, (n + 1) * sizeof *scratch);

	if (!done || !weights || !scratch)
		return;
	weigh_tables(lattice, weights, scratch);
	for (size_t round = 0; round < n && s.count < ENGINE_SUGGESTIONS && s.tries < TRIES;
	        round++) {
		uint32_t best = UINT32_MAX;

		for (uint32_t i = 0; i < n; i++)
			if (!done[i] && (best == UINT32_MAX || weights[i] > weights[best]))
				best = i;
		done[best] = true;
		offer_table(&s, best);
	}
}
