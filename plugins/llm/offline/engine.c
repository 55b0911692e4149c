/* engine.c: a question in words in, a statement in SQL out: covers, candidates, the best of them. */
#include "engine.h"

#include <string.h>

#include "parse.h"

enum { CANDIDATES = 48, CHOICES = 6 };

static int32_t score_of(const struct candidate *c)
{
	int32_t score = c->cover->score;

	score += (int32_t)c->weakest / 50;
	score -= 3 * (int32_t)c->cost.joins + 4 * (int32_t)c->cost.unmentioned;
	score -= 8 * (int32_t)c->unused + 3 * (int32_t)c->guesses;
	return score;
}

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
			c->score = score_of(c) - (int32_t)choice * 2;
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
	        &candidates[best], rival == SIZE_MAX ? NULL : &candidates[rival], &lattice);
	reply->ignored = unexplained(pool, &lattice, candidates[best].cover);
	if (candidates[best].cover->missed * 2 > candidates[best].cover->content) {
		reply->reason = "I do not know most of these words.";
		return ASKD_OK;
	}
	reply->sql = candidates[best].sql;
	return ASKD_OK;
}
