/* cover.c: the best ways to cover a question with phrases: a chart over the words, the k best ends
 * at each of them. */
#include <string.h>

#include "parse.h"

enum { KEPT = COVERS };

struct entry {
	int32_t score;
	const struct entry *before;
	const struct phrase *phrase; /* NULL: the word was passed over */
	size_t missed;
};

struct chart {
	struct entry (*at)[KEPT];
	size_t *count;
};

/* What it costs to leave a word unexplained, and whether it is one of content. */
static int32_t cost_of(const struct word *w, bool *content)
{
	*content = false;
	if (w->kind == WORD_MARK)
		return 0;
	*content = !grammar_knows(w);
	if (w->kind == WORD_QUOTED)
		return 30;
	if (w->kind == WORD_NUMBER) {
		*content = true;
		return 14;
	}
	if (lexicon_is_filler(w->text))
		return 0;
	if (!*content)
		return 4;
	return w->capital ? 14 : 11;
}

static bool same(const struct entry *a, const struct entry *b)
{
	return a->score == b->score && a->before == b->before &&
	       (a->phrase == b->phrase ||
	               (a->phrase && b->phrase && a->phrase->action == b->phrase->action &&
	                       a->phrase->spans[0] == b->phrase->spans[0] &&
	                       a->phrase->operator== b->phrase->operator));
}

static void put(struct chart *c, size_t at, struct entry entry)
{
	struct entry *list = c->at[at];
	size_t n = c->count[at], i;

	for (i = 0; i < n; i++)
		if (same(&list[i], &entry))
			return;
	if (n == KEPT && list[n - 1].score >= entry.score)
		return;
	if (n < KEPT)
		n = ++c->count[at];
	for (i = n - 1; i && list[i - 1].score < entry.score; i--)
		list[i] = list[i - 1];
	list[i] = entry;
}

static bool collect(struct pool *pool, const struct entry *end, struct cover *cover)
{
	size_t n = 0;

	for (const struct entry *e = end; e; e = e->before)
		n += e->phrase != NULL;
	cover->phrases = pool_alloc(pool, (n + 1) * sizeof *cover->phrases);
	if (!cover->phrases)
		return false;
	cover->count = n;
	cover->score = end->score;
	cover->missed = end->missed;
	for (const struct entry *e = end; e; e = e->before)
		if (e->phrase)
			cover->phrases[--n] = e->phrase;
	return true;
}

size_t cover_find(struct pool *pool, const struct lattice *lattice, struct cover covers[COVERS])
{
	size_t n = lattice->words.count, count = 0, next = 0, content = 0, made = 0;
	struct phrase *phrases = grammar_match(pool, lattice, &count);
	struct chart c = {.at = pool_alloc(pool, (n + 1) * sizeof *c.at),
	        .count = pool_alloc(pool, (n + 1) * sizeof *c.count)};

	if (!phrases || !c.at || !c.count)
		return 0;
	c.count[0] = 1; /* the empty beginning */
	for (size_t i = 0; i < n; i++) {
		const struct word *w = &lattice->words.words[i];
		bool counts;
		int32_t cost = cost_of(w, &counts);

		content += counts;
		for (size_t k = 0; k < c.count[i]; k++)
			put(&c, i + 1,
			        (struct entry){c.at[i][k].score - cost, &c.at[i][k], NULL,
			                c.at[i][k].missed + counts});
		/* They come by their first word. */
		for (; next < count && phrases[next].first == i; next++)
			for (size_t k = 0; k < c.count[i]; k++)
				put(&c, i + phrases[next].count,
				        (struct entry){c.at[i][k].score + phrases[next].score,
				                &c.at[i][k], &phrases[next], c.at[i][k].missed});
	}
	for (size_t k = 0; k < c.count[n] && made < COVERS; k++, made++) {
		if (!collect(pool, &c.at[n][k], &covers[made]))
			return 0;
		covers[made].content = content;
	}
	return made;
}
