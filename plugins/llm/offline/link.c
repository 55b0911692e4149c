/* link.c: what the words of a question may name: tables, columns, values, times. */
#include <ctype.h>
#include <string.h>

#include "parse.h"

enum {
	SPAN_WORDS = 6, /* longest span that may name something */
	READINGS = 24,  /* kept of one span */
	TEXT_MAX = 400, /* bytes of a span's text */
	VERB_WEIGHT = 620
};

struct linker {
	struct pool *pool;
	const struct schema *schema;
	struct lattice *lattice;
	struct link_reading readings[READINGS];
	size_t count;
};

static void add(
        struct linker *l, enum link_kind kind, uint32_t index, uint32_t weight, const char *text)
{
	for (size_t i = 0; i < l->count; i++) {
		struct link_reading *r = &l->readings[i];

		if (r->kind == kind && r->index == index && (!text || !strcmp(r->text, text))) {
			if (weight > r->weight)
				r->weight = weight;
			return;
		}
	}
	if (l->count < READINGS && weight)
		l->readings[l->count++] = (struct link_reading){kind, index, weight, text};
}

/* "of", "the" and their like between the words of a name. */
static bool is_joint(const struct word *w)
{
	static const char *const joints[] = {"of", "the", "for", "a", "an", NULL};

	for (size_t i = 0; joints[i]; i++)
		if (!strcmp(w->text, joints[i]))
			return true;
	return false;
}

/* "number of", "average of": what follows is counted or reckoned with, and no name with it. */
static bool is_figure(const struct word *w)
{
	static const char *const figures[] = {"number", "numbers", "count", "counts", "average",
	        "total", "sum", "maximum", "minimum", "amount", "all", NULL};

	for (size_t i = 0; figures[i]; i++)
		if (!strcmp(w->text, figures[i]))
			return true;
	return false;
}

static bool append(char *to, size_t *n, const char *word)
{
	size_t more = strlen(word);

	if (*n + more + 2 > TEXT_MAX)
		return false;
	if (*n)
		to[(*n)++] = ' ';
	memcpy(to + *n, word, more + 1);
	*n += more;
	return true;
}

/* `least`: phrases of less weight do not count. */
static void add_phrases(struct linker *l, const char *stems, uint32_t least)
{
	size_t count;
	const struct schema_phrase *p = schema_find(l->schema, stems, &count);

	for (size_t i = 0; i < count; i++)
		if (p[i].weight >= least)
			add(l, p[i].kind == PHRASE_TABLE ? LINK_TABLE : LINK_COLUMN, p[i].index,
			        p[i].weight, NULL);
}

/* Names: as they stand, without the joints, and turned round at "of": date of birth, birth date. */
static void link_names(struct linker *l, size_t first, size_t count)
{
	const struct word *w = l->lattice->words.words + first;
	char plain[TEXT_MAX], turned[TEXT_MAX];
	size_t n = 0, m = 0, of = 0;

	if (count == 1 && lexicon_is_filler(w->text))
		return;
	for (size_t i = 0; i < count; i++)
		if (!append(plain, &n, w[i].stem))
			return;
	add_phrases(l, plain, 0);
	for (size_t i = 1; i + 1 < count && !of; i++)
		if (!strcmp(w[i].text, "of"))
			of = i;
	/* "number of orders" is no "order number". */
	if (!of || is_joint(&w[0]) || is_joint(&w[count - 1]) || is_figure(&w[0]))
		return;
	n = 0;
	for (size_t i = of + 1; i < count; i++)
		if (!is_joint(&w[i]) && !append(turned, &m, w[i].stem))
			return;
	for (size_t i = 0; i < of; i++)
		if (!is_joint(&w[i]) &&
		        (!append(turned, &m, w[i].stem) || !append(plain, &n, w[i].stem)))
			return;
	for (size_t i = of + 1; i < count; i++)
		if (!is_joint(&w[i]) && !append(plain, &n, w[i].stem))
			return;
	add_phrases(l, turned, 1000);
	add_phrases(l, plain, 1000);
}

/* May these words be a value? One word that only the grammar uses is none, unless it is quoted or
 * written with a capital inside the sentence. */
static bool may_be_value(const struct word *w, size_t first, size_t count)
{
	bool content = false;

	for (size_t i = 0; i < count; i++) {
		if (w[i].kind == WORD_QUOTED)
			return count == 1;
		content |= w[i].kind == WORD_PLAIN &&
		           (!grammar_knows(&w[i]) || (w[i].capital && first + i));
	}
	return content || (count == 1 && w->kind == WORD_NUMBER &&
	                          isdigit((unsigned char)*w->written) && strlen(w->text) > 2);
}

static void link_values(struct linker *l, size_t first, size_t count)
{
	const struct word *w = l->lattice->words.words + first;
	char folded[TEXT_MAX], stems[TEXT_MAX];
	size_t n = 0, m = 0, hits;
	struct value_hit hit[READINGS];
	bool capital = false, quoted = count == 1 && w->kind == WORD_QUOTED;

	if (!may_be_value(w, first, count))
		return;
	for (size_t i = 0; i < count; i++) {
		if (w[i].kind == WORD_MARK)
			continue;
		if (!append(folded, &n, w[i].text) || !append(stems, &m, w[i].stem))
			return;
		capital |= w[i].capital;
	}
	hits = values_find(l->schema, folded, stems, quoted || (capital && count == 1 && n > 4),
	        hit, READINGS);
	for (size_t i = 0; i < hits; i++) {
		uint32_t weight = hit[i].weight;

		if (count == 1 && w->kind == WORD_NUMBER && weight < 950)
			continue;
		/* Lower case in a sentence speaks more of a name of the schema than of a value. */
		if (!capital && !quoted)
			weight = weight * 4 / 5;
		add(l, LINK_VALUE, hit[i].column, weight, hit[i].text);
	}
}

/* Words that are stored as one letter, or spelled out. */
static void link_sexes(struct linker *l, size_t at)
{
	static const struct {
		const char *word, *stored[3];
	} sexes[] = {{"male", {"m", "male", NULL}}, {"males", {"m", "male", NULL}},
	        {"men", {"m", "male", NULL}}, {"boys", {"m", "male", NULL}},
	        {"female", {"f", "female", NULL}}, {"females", {"f", "female", NULL}},
	        {"women", {"f", "female", NULL}}, {"girls", {"f", "female", NULL}}};
	const struct word *w = &l->lattice->words.words[at];
	struct value_hit hit[READINGS];

	for (size_t i = 0; i < sizeof sexes / sizeof *sexes; i++)
		for (size_t k = 0; !strcmp(w->text, sexes[i].word) && sexes[i].stored[k]; k++) {
			size_t hits = values_find(l->schema, sexes[i].stored[k], sexes[i].stored[k],
			        false, hit, READINGS);

			for (size_t h = 0; h < hits; h++)
				if (hit[h].weight >= 950 &&
				        l->schema->columns[hit[h].column].distinct < 5)
					add(l, LINK_VALUE, hit[h].column, 850, hit[h].text);
		}
}

/* "the ids of": the key of whatever table is spoken of. */
static void link_keys(struct linker *l, size_t at)
{
	const char *stem = l->lattice->words.words[at].stem;

	if (strcmp(stem, "id") != 0 && strcmp(stem, "identifi") != 0)
		return;
	for (size_t i = 0; i < l->schema->table_count; i++)
		if (l->schema->tables[i].key >= 0)
			add(l, LINK_COLUMN, (uint32_t)l->schema->tables[i].key, 700, NULL);
}

/* What a verb speaks of: "sell" of sales. Only where nothing else fits. */
static void link_verbs(struct linker *l, size_t at)
{
	const char *const *nouns = lexicon_verb(l->lattice->words.words[at].stem);

	if (l->lattice->words.words[at].kind != WORD_PLAIN || l->count)
		return;
	for (size_t i = 0; nouns && nouns[i]; i++) {
		size_t count;
		const struct schema_phrase *p = schema_find(l->schema, nouns[i], &count);

		for (size_t k = 0; k < count; k++)
			if (p[k].weight >= 900)
				add(l, p[k].kind == PHRASE_TABLE ? LINK_TABLE : LINK_COLUMN,
				        p[k].index, VERB_WEIGHT - 20 * (uint32_t)(i < 5 ? i : 5),
				        NULL);
	}
}

/* "Frankfurt (Oder)", "Maps & guides": values are known without their marks. */
static bool is_within_values(const struct word *w)
{
	return w->kind == WORD_MARK && *w->text && strchr("(&/", *w->text);
}

static bool link_span(struct linker *l, size_t first, size_t count)
{
	struct lattice *lattice = l->lattice;
	struct link_span *span;
	bool plain = lattice->words.words[first].kind != WORD_QUOTED;

	for (size_t i = 0; i < count; i++)
		plain &= lattice->words.words[first + i].kind != WORD_MARK;

	l->count = 0;
	if (plain)
		link_names(l, first, count);
	link_values(l, first, count);
	if (count == 1) {
		link_sexes(l, first);
		link_keys(l, first);
		link_verbs(l, first);
	}
	if (!l->count)
		return true;
	span = pool_alloc(l->pool, sizeof *span);
	if (!span)
		return false;
	*span = (struct link_span){.first = first,
	        .count = count,
	        .reading_count = l->count,
	        .readings = pool_alloc(l->pool, l->count * sizeof *span->readings)};
	if (!span->readings)
		return false;
	memcpy(span->readings, l->readings, l->count * sizeof *span->readings);
	for (size_t i = 1; i + 1 < count; i++)
		span->joints += is_joint(&lattice->words.words[first + i]);
	for (size_t i = 0; i < l->count; i++)
		span->kinds |= l->readings[i].kind;
	span->next = lattice->at[first];
	lattice->at[first] = span;
	return true;
}

bool link_words(struct pool *pool, const struct schema *schema,
        const struct engine_question *question, struct lattice *lattice)
{
	struct linker l = {.pool = pool, .schema = schema, .lattice = lattice};
	bool cut;
	size_t n;

	*lattice = (struct lattice){.schema = schema, .joins = joins_create(pool, schema)};
	if (!lattice->joins ||
	        !words_read(pool, question->text, question->n, &lattice->words, &cut))
		return false;
	n = lattice->words.count;
	lattice->at = pool_alloc(pool, (n + 1) * sizeof *lattice->at);
	lattice->when = pool_alloc(pool, (n + 1) * sizeof *lattice->when);
	lattice->spoken = pool_alloc(pool, schema->column_count + 1);
	if (!lattice->at || !lattice->when || !lattice->spoken)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct when when;

		/* From the shortest on: the longest comes first in the list. */
		for (size_t count = 1; count <= SPAN_WORDS && i + count <= n; count++) {
			const struct word *last = &lattice->words.words[i + count - 1];

			if (is_within_values(last) && count > 1)
				continue;
			if (last->kind == WORD_MARK || (count > 1 && last->kind == WORD_QUOTED))
				break;
			if (!link_span(&l, i, count))
				return false;
		}
		if (when_read(pool, &lattice->words, i, question->today, &when)) {
			lattice->when[i] = pool_alloc(pool, sizeof when);
			if (!lattice->when[i])
				return false;
			*lattice->when[i] = when;
		}
	}
	return !pool->failed;
}

uint32_t link_weight(const struct link_span *span, uint32_t kinds)
{
	uint32_t best = 0;

	for (size_t i = 0; i < span->reading_count; i++)
		if ((span->readings[i].kind & kinds) && span->readings[i].weight > best)
			best = span->readings[i].weight;
	return best;
}
