/* engine.c: a question in words in, a statement in SQL out: covers, candidates, the best of them. */
#include "engine.h"

#include <string.h>

#include "parse.h"

enum { CANDIDATES = 48, CHOICES = 6 };

static size_t find_candidates(struct pool *pool, const struct lattice *lattice,
        const struct cover *covers, size_t count, struct candidate *candidates)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t choice = 0; choice <= CHOICES && n < CANDIDATES; choice++) {
			struct candidate *c = &candidates[n];

			if (!assemble(pool, lattice, &covers[i], choice, c)) {
				if (pool->failed)
					return n;
				break;
			}
			if (!c->sql)
				continue;
			n++;
		}
	return n;
}

static const char *unexplained(struct pool *pool, const struct lattice *lattice,
        const struct cover *cover)
{
	const char *list = "";

	for (size_t i = 0; i < lattice->words.count; i++) {
		const struct word *w = &lattice->words.words[i];
		bool covered = grammar_knows(w);

		for (size_t k = 0; k < cover->count && !covered; k++)
			covered = i >= cover->phrases[k]->first &&
			          i < cover->phrases[k]->first + cover->phrases[k]->count;
		if (!covered)
			list = pool_print(pool, "%s%s%s", list, *list ? ", " : "", w->written);
		if (!list)
			return "";
	}
	return list;
}

static void trace_line(const struct engine_question *question, const char *line)
{
	if (line)
		question->trace(question->owner, line);
}

static void trace(struct pool *pool, const struct engine_question *question,
        const struct lattice *lattice, const struct cover *covers, size_t count,
        const struct candidate *candidates, size_t n)
{
	const struct schema *s = lattice->schema;
	const struct word *words = lattice->words.words;

	for (size_t i = 0; i < lattice->words.count; i++)
		for (const struct link_span *span = lattice->at[i]; span; span = span->next)
			for (size_t r = 0; r < span->reading_count; r++) {
				const struct link_reading *x = &span->readings[r];
				uint32_t table = x->kind == LINK_TABLE ? x->index
				                                       : s->columns[x->index].table;

				trace_line(question,
				        pool_print(pool, "link %s+%zu: %s%s%s%s%s %u", words[i].text,
				                span->count - 1, s->tables[table].name,
				                x->kind == LINK_TABLE ? "" : ".",
				                x->kind == LINK_TABLE ? "" : s->columns[x->index].name,
				                x->text ? " = " : "", x->text ? x->text : "", x->weight));
			}
	for (size_t i = 0; i < count; i++) {
		const char *line = pool_print(pool, "cover %zu: score %d, missed %zu of %zu:", i,
		        covers[i].score, covers[i].missed, covers[i].content);

		for (size_t k = 0; k < covers[i].count && line; k++) {
			const struct phrase *p = covers[i].phrases[k];

			line = pool_print(pool, "%s [%d", line, (int)p->action);
			for (size_t w = 0; w < p->count && line; w++)
				line = pool_print(pool, "%s %s", line, words[p->first + w].text);
			if (line)
				line = pool_print(pool, "%s]", line);
		}
		trace_line(question, line);
	}
	for (size_t i = 0; i < n; i++) {
		const char *line = pool_print(pool, "candidate %d: %s |", candidates[i].score,
		        candidates[i].sql);

		for (size_t k = 0; k < FEATURES && line; k++)
			line = pool_print(pool, "%s %g", line, (double)candidates[i].features[k]);
		trace_line(question, line);
	}
}

int32_t engine_answer(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct engine_reply *reply,
        struct askd_error *reterr)
{
	struct candidate candidates[CANDIDATES];
	struct cover covers[COVERS];
	struct lattice lattice;
	size_t count, n = 0, best = 0, rival = SIZE_MAX;

	*reply = (struct engine_reply){.reason = "", .ignored = "", .explanation = ""};
	if (!link_words(pool, schema, question, &lattice))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
	count = cover_find(pool, &lattice, covers);
	if (count)
		n = find_candidates(pool, &lattice, covers, count, candidates);
	if (pool->failed)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
	confidence_rank(&lattice, covers, candidates, n);
	if (question->trace)
		trace(pool, question, &lattice, covers, count, candidates, n);
	for (size_t i = 1; i < n; i++)
		if (candidates[i].score > candidates[best].score)
			best = i;
	for (size_t i = 0; i < n; i++)
		if (strcmp(candidates[i].sql, candidates[best].sql) != 0 &&
		        (rival == SIZE_MAX || candidates[i].score > candidates[rival].score))
			rival = i;
	if (!n) {
		reply->reason = "I could not find what this asks for in the database.";
		return ASKD_OK;
	}
	reply->confidence_milli = confidence_of(
	        &candidates[best], rival == SIZE_MAX ? NULL : &candidates[rival]);
	reply->ignored = unexplained(pool, &lattice, candidates[best].cover);
	if (candidates[best].cover->missed * 2 > candidates[best].cover->content) {
		reply->reason = "I do not know most of these words.";
		return ASKD_OK;
	}
	reply->sql = candidates[best].sql;
	return ASKD_OK;
}
