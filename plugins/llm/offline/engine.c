/* engine.c: a question in words in, a statement in SQL out: covers, candidates, the best of them.
 */
#include "engine.h"

#include <string.h>

#include "parse.h"

enum {
	CANDIDATES = 48,
	AMBIGUITIES = 6, /* words whose second reading is tried, one at a time */
	DECLINE = 400,   /* below this confidence a question is declined */
	CLOSE = 700      /* a reading whose score is that near to the best is worth to be offered */
};

static size_t find_candidates(struct pool *pool, const struct lattice *lattice,
        const struct cover *covers, size_t count, struct candidate *candidates)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t choice = 0; choice <= AMBIGUITIES && n < CANDIDATES; choice++) {
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

static const char *unexplained(
        struct pool *pool, const struct lattice *lattice, const struct cover *cover)
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
				        pool_print(pool, "link %s+%zu: %s%s%s%s%s %u",
				                words[i].text, span->count - 1,
				                s->tables[table].name,
				                x->kind == LINK_TABLE ? "" : ".",
				                x->kind == LINK_TABLE ? ""
				                                      : s->columns[x->index].name,
				                x->text ? " = " : "", x->text ? x->text : "",
				                x->weight));
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
		const char *line = pool_print(
		        pool, "candidate %d: %s |", candidates[i].score, candidates[i].sql);

		for (size_t k = 0; k < FEATURES && line; k++)
			line = pool_print(pool, "%s %g", line, (double)candidates[i].features[k]);
		trace_line(question, line);
	}
}

/* Other readings of nearly the same weight, which the asker may have meant. */
static void offer_choices(struct pool *pool, const struct lattice *lattice,
        const struct candidate *candidates, size_t count, const struct candidate *best,
        struct engine_reply *reply)
{
	size_t n = 0;

	reply->choices[n] = reply->explanation;
	reply->choice_sql[n++] = best->sql;
	for (size_t i = 0; i < count && n < ENGINE_CHOICES; i++) {
		const struct candidate *c = &candidates[i];
		bool there = best->score - c->score > CLOSE;
		const char *said;

		for (size_t k = 0; k < n && !there; k++)
			there = !strcmp(reply->choice_sql[k], c->sql);
		if (there)
			continue;
		said = form_explain(lattice->schema, pool, c->form);
		for (size_t k = 0; k < n && !there && said; k++)
			there = !strcmp(reply->choices[k], said);
		if (!there && said) {
			reply->choices[n] = said;
			reply->choice_sql[n++] = c->sql;
		}
	}
	if (n == 1)
		reply->choices[0] = reply->choice_sql[0] = NULL;
}

/* Does the database call something by this very word, not only by one like it? */
static bool is_named(const struct link_span *spans)
{
	for (; spans; spans = spans->next)
		if (spans->count > 1 ||
		        link_weight(spans, LINK_TABLE | LINK_COLUMN | LINK_VALUE) >= 800)
			return true;
	return false;
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (!strcmp(word, list[i]))
			return true;
	return false;
}

/* What no statement that reads can answer, by its first words. NULL: nothing of the kind. */
static const char *beyond(const struct lattice *lattice)
{
	static const char *const actions[] = {"delete", "remove", "drop", "update", "change",
	        "insert", "create", "send", "cancel", "rename", "truncate", "alter", NULL};
	/* Nouns as well: "email of Anna", "book titles". */
	static const char *const maybe_actions[] = {
	        "mail", "email", "e-mail", "book", "call", "pay", "write", "set", "add", NULL};
	static const char *const objects[] = {"the", "a", "an", "all", "this", "these", "my", "our",
	        "to", "me", "us", "him", "her", "them", "every", "each", NULL};
	static const char *const opinions[] = {"is", "are", "was", "were", "do", "does", "did",
	        "can", "could", "should", "would", "will", "has", "have", NULL};
	static const char *const figures[] = {"many", "much", "old", "long", "tall", "high",
	        "often", "big", "large", "heavy", "far", "is", "are", "do", "does", "did", "to",
	        NULL};
	static const char *const reckonings[] = {"percentage", "share", "proportion", "ratio",
	        "fraction", "median", "trend", "forecast", "predict", "correlation", "growth",
	        NULL};
	const struct words *words = &lattice->words;
	const char *first, *second;

	for (size_t i = 0; i < words->count; i++)
		for (size_t k = 0; reckonings[k]; k++)
			if (!strcmp(words->words[i].text, reckonings[k]) &&
			        !is_named(lattice->at[i]))
				return "I can count, add up and average, but not reckon shares, "
				       "trends or "
				       "forecasts.";
	if (words->count < 2)
		return NULL;
	first = words->words[0].text;
	second = words->words[1].text;
	if (is_one_of(first, actions) ||
	        (is_one_of(first, maybe_actions) && is_one_of(second, objects)))
		return "I only read: I change nothing, and send nothing.";
	if (!strcmp(first, "why"))
		return "I can say what the figures are, not why they are so.";
	/* "can you show" asks for something, "is there" may. */
	if (is_one_of(first, opinions) && strcmp(second, "there") != 0 &&
	        strcmp(second, "you") != 0)
		return "I list and count things: please ask how many, or which.";
	if (strcmp(first, "how") != 0 || is_one_of(second, figures))
		return NULL;
	return "I list and count things; I do not judge them.";
}

static const char *why_not(struct pool *pool, const struct engine_reply *reply, size_t candidates)
{
	if (*reply->ignored)
		return pool_print(pool, "I do not know what this means here: %s.", reply->ignored);
	if (!candidates)
		return "I found nothing in this database that the question speaks of.";
	return "I am not sure how to read this question.";
}

/* The best candidate, and the best of those that say something else; NULL: there is none. */
static const struct candidate *pick(
        const struct candidate *candidates, size_t n, const struct candidate **rival)
{
	const struct candidate *best = NULL;

	*rival = NULL;
	for (size_t i = 0; i < n; i++)
		if (!best || candidates[i].score > best->score)
			best = &candidates[i];
	for (size_t i = 0; i < n; i++)
		if (strcmp(candidates[i].sql, best->sql) != 0 &&
		        (!*rival || candidates[i].score > (*rival)->score))
			*rival = &candidates[i];
	return best;
}

static int32_t read_question(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct lattice *lattice, struct engine_reply *reply,
        struct askd_error *reterr)
{
	struct candidate *candidates = pool_alloc(pool, CANDIDATES * sizeof *candidates);
	const struct candidate *best, *rival;
	struct cover covers[COVERS];
	size_t count, n = 0;

	*reply = (struct engine_reply){.reason = "", .ignored = "", .explanation = ""};
	if (!candidates || !link_words(pool, schema, question, lattice))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
	count = cover_find(pool, lattice, covers);
	if (count)
		n = find_candidates(pool, lattice, covers, count, candidates);
	if (pool->failed)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
	if (n)
		confidence_rank(lattice, covers, candidates, n);
	if (question->trace)
		trace(pool, question, lattice, covers, count, candidates, n);
	best = probe(question->source, candidates, n, pick(candidates, n, &rival));
	if (best && rival && !strcmp(best->sql, rival->sql))
		rival = NULL; /* it stands only because the first finds nothing */
	if (count)
		reply->ignored = unexplained(pool, lattice, best ? best->cover : &covers[0]);
	if (best) {
		reply->confidence_milli = confidence_of(best, rival);
		reply->explanation = form_explain(schema, pool, best->form);
	}
	reply->reason = beyond(lattice);
	if (reply->reason) {
		reply->confidence_milli = 0;
	} else if (best && reply->confidence_milli >= DECLINE &&
	           best->cover->missed * 2 <= best->cover->content) {
		reply->reason = "";
		reply->sql = best->sql;
		offer_choices(pool, lattice, candidates, n, best, reply);
	} else {
		reply->reason = why_not(pool, reply, n);
	}
	if (pool->failed || !reply->explanation || !reply->reason)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
	return ASKD_OK;
}

int32_t engine_read(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct engine_reply *reply,
        struct askd_error *reterr)
{
	struct lattice lattice;

	return read_question(schema, pool, question, &lattice, reply, reterr);
}

int32_t engine_answer(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct engine_reply *reply,
        struct askd_error *reterr)
{
	struct lattice lattice;
	int32_t rc = read_question(schema, pool, question, &lattice, reply, reterr);

	if (!rc && !reply->sql)
		suggest(pool, &lattice, question, reply);
	if (!rc && pool->failed)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
	return rc;
}
