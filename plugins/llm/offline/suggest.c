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
	const char *rows = form_plural(s->pool, t->words);
	int32_t kind = find_column(s, table, COLUMN_ENUM), measure = find_column(s, table, COLUMN_MEASURE);

	if (!rows)
		return;
	offer(s, pool_print(s->pool, "How many %s are there?", rows));
	if (kind >= 0)
		offer(s, pool_print(s->pool, "How many %s are there for each %s?", rows,
		                 s->schema->columns[kind].words));
	if (measure >= 0)
		offer(s, pool_print(s->pool, "What is the average %s of the %s?",
		                 s->schema->columns[measure].words, rows));
	if (t->display >= 0)
		offer(s, pool_print(s->pool, "What are the %s of the %s?",
		                 form_plural(s->pool, s->schema->columns[t->display].words), rows));
}

/* How much of the question a table could explain. */
static uint32_t weigh_table(const struct lattice *lattice, uint32_t table)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < lattice->words.count; i++)
		for (const struct link_span *span = lattice->at[i]; span; span = span->next) {
			uint32_t best = 0;

			for (size_t r = 0; r < span->reading_count; r++) {
				const struct link_reading *x = &span->readings[r];
				uint32_t of = x->kind == LINK_TABLE
				                      ? x->index
				                      : lattice->schema->columns[x->index].table;

				if (of == table && x->weight > best)
					best = x->weight * (x->kind == LINK_TABLE ? 2 : 1);
			}
			sum += best;
		}
	return sum;
}

void suggest(struct pool *pool, const struct lattice *lattice, const struct engine_question *question,
        struct engine_reply *reply)
{
	struct suggester s = {
	        .pool = pool, .schema = lattice->schema, .asked = question, .reply = reply};
	bool *done = pool_alloc(pool, lattice->schema->table_count + 1);

	for (size_t round = 0; done && round < lattice->schema->table_count &&
	                       s.count < ENGINE_SUGGESTIONS && s.tries < TRIES;
	        round++) {
		uint32_t best = 0, best_weight = 0;
		bool any = false;

		for (uint32_t i = 0; i < lattice->schema->table_count; i++) {
			const struct schema_table *t = &lattice->schema->tables[i];
			uint32_t weight = weigh_table(lattice, i) * 100 +
			                  (t->junction || t->view ? 0 : 1) + (t->rows > 0 ? 1 : 0);

			if (!done[i] && (!any || weight > best_weight)) {
				best = i;
				best_weight = weight;
				any = true;
			}
		}
		if (!any)
			return;
		done[best] = true;
		offer_table(&s, best);
	}
}
