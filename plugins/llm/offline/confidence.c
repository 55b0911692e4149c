/* confidence.c: which candidate is the best, and how sure the engine is of it: two linear models
 * over the same features, whose weights were fitted offline (confidence_weights.c). */
#include <math.h>
#include <string.h>

#include "confidence.h"

static float at_most(float x, float most)
{
	return x > most ? most : x;
}

/* Words that the grammar or the links know and that have no part in the cover. */
static size_t skipped(const struct lattice *lattice, const struct cover *cover)
{
	size_t n = 0;

	for (size_t i = 0; i < lattice->words.count; i++) {
		const struct word *w = &lattice->words.words[i];
		bool covered = w->kind == WORD_MARK || lexicon_is_filler(w->text);

		for (size_t k = 0; k < cover->count && !covered; k++)
			covered = i >= cover->phrases[k]->first &&
			          i < cover->phrases[k]->first + cover->phrases[k]->count;
		n += !covered;
	}
	return n;
}

/* Words of content that no phrase explains and that name things: "swimmers", "the festival",
 * "Google". */
static size_t missed_things(const struct lattice *lattice, const struct cover *cover)
{
	const struct word *words = lattice->words.words;
	size_t n = 0;

	for (size_t i = 0; i < lattice->words.count; i++) {
		const struct word *w = &words[i];
		size_t length = strlen(w->text);
		bool covered = grammar_knows(w) && w->kind == WORD_PLAIN;

		for (size_t k = 0; k < cover->count && !covered; k++)
			covered = i >= cover->phrases[k]->first &&
			          i < cover->phrases[k]->first + cover->phrases[k]->count;
		if (covered || w->kind == WORD_MARK)
			continue;
		n += w->kind != WORD_PLAIN || (w->capital && i) ||
		     (length > 3 && w->text[length - 1] == 's') ||
		     (i && (!strcmp(words[i - 1].text, "the") || !strcmp(words[i - 1].text, "a") ||
		                   !strcmp(words[i - 1].text, "of")));
	}
	return n;
}

static size_t count_actions(
        const struct cover *cover, enum phrase_action first, enum phrase_action last)
{
	size_t n = 0;

	for (size_t i = 0; i < cover->count; i++)
		n += cover->phrases[i]->action >= first && cover->phrases[i]->action <= last;
	return n;
}

static void fill(const struct lattice *lattice, const struct cover *covers, struct candidate *c)
{
	const struct form_query *q = c->form;
	const struct cover *cover = c->cover;
	float *f = c->features;
	size_t i = 0, filters = 0, havings = 0, inner = 0, likes = 0, aggregates = 0, stars = 0;
	size_t plain = 0;

	for (const struct form_filter *x = q->filters; x; x = x->next) {
		filters += !x->left.aggregate;
		havings += x->left.aggregate != AGGREGATE_NONE;
		inner += x->query != NULL;
		likes += x->operator== FORM_LIKE;
	}
	for (size_t k = 0; k < q->selected; k++) {
		aggregates += q->select[k].aggregate != AGGREGATE_NONE;
		stars += q->select[k].column == FORM_STAR && !q->select[k].aggregate;
		plain += !q->select[k].aggregate && q->select[k].column >= 0;
	}
	f[i++] = 1;
	f[i++] = at_most(
	        (float)(covers[0].score - cover->score) / 10.0f, 6); /* behind the best cover */
	f[i++] = at_most((float)cover->missed, 5);
	f[i++] = cover->content ? (float)cover->missed / (float)cover->content : 1;
	f[i++] = at_most((float)skipped(lattice, cover), 8);
	f[i++] = (1000.0f - (float)c->weakest) / 100.0f;
	f[i++] = c->weakest < 700;
	f[i++] = at_most((float)c->cost.joins, 5);
	f[i++] = at_most((float)c->cost.unmentioned, 4);
	f[i++] = at_most((float)c->cost.cost / 10.0f, 6);
	f[i++] = at_most((float)c->guesses, 4);
	f[i++] = at_most((float)c->unused, 3);
	f[i++] = c->choice > 0;
	f[i++] = at_most((float)c->choice, 6);
	f[i++] = at_most((float)c->ambiguous, 6);
	f[i++] = at_most((float)lattice->words.count / 10.0f, 4);
	f[i++] = at_most((float)q->selected, 5);
	f[i++] = q->selected > 3;
	f[i++] = aggregates > 0;
	f[i++] = aggregates > 1;
	f[i++] = q->groups > 0;
	f[i++] = q->groups > 1;
	f[i++] = q->orders > 0;
	f[i++] = q->limit > 0;
	f[i++] = at_most((float)filters, 4);
	f[i++] = filters > 1;
	f[i++] = havings > 0;
	f[i++] = inner > 0;
	f[i++] = likes > 0;
	f[i++] = q->both != NULL;
	f[i++] = stars > 0;
	f[i++] = q->distinct;
	f[i++] = (float)count_actions(cover, ACT_NOT, ACT_EXCEPT);
	f[i++] = (float)count_actions(cover, ACT_COMPARE_BARE, ACT_COMPARE_ADJ);
	f[i++] = (float)count_actions(cover, ACT_MENTION, ACT_MENTION);
	f[i++] = aggregates && plain && !q->groups;
	f[i++] = at_most((float)cover->score / (float)(lattice->words.count + 1), 12);
	f[i++] = aggregates == 0 && q->groups > 0;
	f[i++] = at_most((float)missed_things(lattice, cover), 3);
}

static float dot(const float *a, const float *b)
{
	float sum = 0;

	for (size_t i = 0; i < FEATURES; i++)
		sum += a[i] * b[i];
	return sum;
}

void confidence_rank(const struct lattice *lattice, const struct cover *covers,
        struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fill(lattice, covers, &candidates[i]);
		candidates[i].score =
		        (int32_t)(1000 * dot(candidates[i].features, confidence_rank_weights));
	}
}

int32_t confidence_of(const struct candidate *candidate, const struct candidate *rival)
{
	float x = dot(candidate->features, confidence_sure_weights);
	float margin = rival ? (float)(candidate->score - rival->score) / 1000.0f : 3;

	x += confidence_sure_weights[FEATURES - 1] * at_most(margin, 3);
	return (int32_t)(1000.0f / (1.0f + expf(-x)));
}
