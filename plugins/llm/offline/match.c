/* match.c: finds the phrases of the grammar in a question. The tables of grammar.c are compiled
 * once; patterns are matched from every word on, over all readings. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"

enum {
	ELEMENTS = 20,   /* of a pattern */
	ALTERNATIVES = 24,
	RULES = 256,
	CUES = 512,
	CUE_WORDS = 7,
	PHRASES_MAX = 6000,
	PASSED = 2 /* determiners between two elements */
};

const char *const grammar_classes[] = {"", "compare", "or_more", "aggregate", "extreme", "most",
        "common", "direction", "distinct", "be", "is_not", "ordered", "each", "have", "not",
        "except", "like", "begins", "ends", "missing", "number_of", "count", "star", "about", NULL};

enum element_kind { ELEMENT_WORDS, ELEMENT_CLASS, ELEMENT_SLOT };

struct element {
	enum element_kind kind;
	bool optional;
	char slot;  /* 'T' 'C' 'X' 'V' 'N' 'Q' 'W', '0' '1' '2' for {A...} */
	int class;
	const char *words[ALTERNATIVES]; /* NULL-terminated */
};

struct compiled {
	const struct rule *rule;
	struct element elements[ELEMENTS];
	size_t count;
};

struct compiled_cue {
	const struct cue *cue;
	const char *words[CUE_WORDS];
	size_t count;
};

static struct compiled *rules;
static struct compiled_cue *cues;
static size_t rule_count, cue_count;
static struct pool tables; /* of the two, for the life of the process */

/* ---- compiling -------------------------------------------------------------------------------- */

static size_t split(struct pool *pool, const char *text, char at, const char **out, size_t max)
{
	size_t count = 0;

	while (*text && count < max) {
		const char *end = strchr(text, at);
		size_t n = end ? (size_t)(end - text) : strlen(text);

		if (n)
			out[count++] = pool_copy(pool, text, n);
		text += n + (end != NULL);
	}
	return count;
}

static int class_of(const char *name)
{
	for (int i = 1; grammar_classes[i]; i++)
		if (!strcmp(grammar_classes[i], name))
			return i;
	abort(); /* a fault of the table: every test of the engine finds it */
}

static void compile_element(struct pool *pool, const char *text, struct element *e)
{
	if (*text == '?') {
		e->optional = true;
		text++;
	}
	if (*text == '<') {
		e->kind = ELEMENT_CLASS;
		e->class = class_of(pool_copy(pool, text + 1, strlen(text) - 2));
	} else if (*text == '{') {
		e->kind = ELEMENT_SLOT;
		e->slot = text[1] == 'A' ? text[2] : text[1];
	} else {
		e->kind = ELEMENT_WORDS;
		split(pool, text, '|', e->words, ALTERNATIVES - 1);
	}
}

static void compile(void)
{
	const char *parts[ELEMENTS];

	rules = pool_alloc(&tables, RULES * sizeof *rules);
	cues = pool_alloc(&tables, CUES * sizeof *cues);
	for (size_t i = 0; rules && grammar_rules[i].pattern && i < RULES; i++) {
		struct compiled *c = &rules[rule_count++];

		c->rule = &grammar_rules[i];
		c->count = split(&tables, grammar_rules[i].pattern, ' ', parts, ELEMENTS);
		for (size_t k = 0; k < c->count && !tables.failed; k++)
			compile_element(&tables, parts[k], &c->elements[k]);
	}
	for (size_t i = 0; cues && grammar_cues[i].words && i < CUES; i++) {
		struct compiled_cue *c = &cues[cue_count++];

		c->cue = &grammar_cues[i];
		c->count = split(&tables, grammar_cues[i].words, ' ', c->words, CUE_WORDS);
	}
}

static bool compiled(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, compile);
	return !tables.failed;
}

/* ---- matching --------------------------------------------------------------------------------- */

struct cue_hit {
	const struct cue *cue;
	size_t count; /* words */
	struct cue_hit *next;
};

struct matcher {
	struct pool *pool;
	const struct lattice *lattice;
	struct cue_hit **hits; /* by first word */
	const struct compiled *rule;
	size_t first;
	struct phrase *phrases;
	size_t count, room;
};

static bool is_determiner(const struct word *w)
{
	static const char *const determiners[] = {"the", "a", "an", "any", "all", "some", "their", "its",
	        "his", "her", "those", "these", "our", "my", "your", "'s", NULL};

	if (w->kind != WORD_PLAIN)
		return false;
	for (size_t i = 0; determiners[i]; i++)
		if (!strcmp(w->text, determiners[i]))
			return true;
	return false;
}

static bool find_cues(struct matcher *m)
{
	const struct words *words = &m->lattice->words;

	for (size_t i = 0; i < words->count; i++)
		for (size_t c = 0; c < cue_count; c++) {
			struct cue_hit *hit;
			size_t k = 0;

			while (k < cues[c].count && i + k < words->count &&
			        (words->words[i + k].kind == WORD_PLAIN ||
			                words->words[i + k].unit == UNIT_ORDINAL) &&
			        !strcmp(words->words[i + k].text, cues[c].words[k]))
				k++;
			if (k < cues[c].count)
				continue;
			hit = pool_alloc(m->pool, sizeof *hit);
			if (!hit)
				return false;
			*hit = (struct cue_hit){cues[c].cue, k, m->hits[i]};
			m->hits[i] = hit;
		}
	return true;
}

static void emit(struct matcher *m, const struct phrase *found, size_t end)
{
	struct phrase *grown;

	if (m->count >= PHRASES_MAX)
		return;
	grown = pool_grow(m->pool, m->phrases, m->count, &m->room, sizeof *grown);
	if (!grown)
		return;
	m->phrases = grown;
	grown[m->count] = *found;
	grown[m->count].action = m->rule->rule->action;
	grown[m->count].first = m->first;
	grown[m->count].count = end - m->first;
	grown[m->count++].score += m->rule->rule->bonus;
}

static void take_cue(struct phrase *p, const struct cue *cue)
{
	switch (cue->class) {
	case CUE_COMPARE:
	case CUE_OR_MORE:
		p->operator = cue->attribute;
		break;
	case CUE_AGGREGATE:
	case CUE_EXTREME:
		p->aggregate = cue->attribute;
		break;
	case CUE_MOST:
	case CUE_COMMON:
	case CUE_DIRECTION:
		p->direction = cue->attribute;
		break;
	case CUE_DISTINCT:
		p->distinct = true;
		break;
	case CUE_IS_NOT:
		p->negated = true;
		break;
	case CUE_BEGINS:
		p->like = 1;
		break;
	case CUE_ENDS:
		p->like = 2;
		break;
	default:
		break;
	}
}

static void match_from(struct matcher *m, size_t element, size_t at, const struct phrase *so_far);

static void match_slot(
        struct matcher *m, size_t element, size_t at, const struct phrase *so_far, char slot)
{
	const struct word *w = &m->lattice->words.words[at];
	uint32_t kinds = slot == 'T'   ? LINK_TABLE
	                 : slot == 'C' ? LINK_COLUMN
	                 : slot == 'X' ? LINK_TABLE | LINK_COLUMN
	                 : slot == 'V' ? LINK_VALUE
	                               : 0;
	struct phrase p = *so_far;
	int degree;

	if (kinds && p.span_count < PHRASE_SLOTS) {
		for (const struct link_span *s = m->lattice->at[at]; s; s = s->next) {
			if (!(s->kinds & kinds))
				continue;
			p = *so_far;
			p.spans[p.span_count++] = s;
			p.score += (int32_t)(s->count * 10 * link_weight(s, kinds) / 1000 + s->count);
			match_from(m, element + 1, at + s->count, &p);
		}
	} else if ((slot == 'N' && w->kind == WORD_NUMBER) || (slot == 'Q' && w->kind == WORD_QUOTED)) {
		if (p.number_count == 2)
			return;
		p.numbers[p.number_count++] = at;
		p.score += slot == 'Q' ? 20 : 11;
		match_from(m, element + 1, at + 1, &p);
	} else if (slot == 'W' && m->lattice->when[at]) {
		p.when = m->lattice->when[at];
		p.score += (int32_t)p.when->count * (p.when->bare ? 8 : 12);
		match_from(m, element + 1, at + p.when->count, &p);
	} else if (slot >= '0' && slot <= '2' && w->kind == WORD_PLAIN) {
		p.adjective = lexicon_adjective(w->text, &degree);
		if (!p.adjective || degree != slot - '0')
			return;
		if (slot != '0' || !p.direction)
			p.direction = p.adjective->direction;
		else
			p.direction *= p.adjective->direction; /* the least expensive */
		p.score += 10;
		match_from(m, element + 1, at + 1, &p);
	}
}

static void match_element(
        struct matcher *m, size_t element, size_t at, const struct phrase *so_far)
{
	const struct element *e = &m->rule->elements[element];
	const struct word *w = &m->lattice->words.words[at];
	struct phrase p;

	switch (e->kind) {
	case ELEMENT_WORDS:
		for (size_t i = 0; e->words[i]; i++)
			if (w->kind != WORD_QUOTED && !strcmp(w->text, e->words[i])) {
				p = *so_far;
				p.score += 10;
				if (!strcmp(w->text, "least"))
					p.direction = -1;
				else if (!p.direction && (!strcmp(w->text, "most") || !strcmp(w->text, "top")))
					p.direction = 1;
				match_from(m, element + 1, at + 1, &p);
				return;
			}
		break;
	case ELEMENT_CLASS:
		for (const struct cue_hit *h = m->hits[at]; h; h = h->next)
			if ((int)h->cue->class == e->class) {
				p = *so_far;
				p.score += (int32_t)h->count * 10;
				take_cue(&p, h->cue);
				match_from(m, element + 1, at + h->count, &p);
			}
		break;
	case ELEMENT_SLOT:
		match_slot(m, element, at, so_far, e->slot);
		break;
	}
}

/* The rest of a pattern from a word on. At most ELEMENTS deep. */
static void match_from(struct matcher *m, size_t element, size_t at, const struct phrase *so_far)
{
	const struct compiled *rule = m->rule;
	const struct words *words = &m->lattice->words;

	if (element == rule->count) {
		emit(m, so_far, at);
		return;
	}
	if (rule->elements[element].optional)
		match_from(m, element + 1, at, so_far);
	if (at < words->count)
		match_element(m, element, at, so_far);
	for (size_t passed = 1; element && passed <= PASSED && at + passed < words->count &&
	                        is_determiner(&words->words[at + passed - 1]);
	        passed++) {
		struct phrase p = *so_far;

		p.score += (int32_t)passed;
		match_element(m, element, at + passed, &p);
	}
}

struct phrase *grammar_match(struct pool *pool, const struct lattice *lattice, size_t *count)
{
	struct matcher m = {.pool = pool, .lattice = lattice};
	const struct phrase empty = {.operator = -1};

	if (!compiled()) {
		pool->failed = true;
		return NULL;
	}
	m.hits = pool_alloc(pool, (lattice->words.count + 1) * sizeof *m.hits);
	m.phrases = pool_grow(pool, NULL, 0, &m.room, sizeof *m.phrases);
	if (!m.hits || !m.phrases || !find_cues(&m))
		return NULL;
	for (size_t i = 0; i < lattice->words.count; i++)
		for (size_t r = 0; r < rule_count; r++) {
			m.rule = &rules[r];
			m.first = i;
			match_from(&m, 0, i, &empty);
		}
	*count = m.count;
	return pool->failed ? NULL : m.phrases;
}

bool grammar_knows(const struct word *word)
{
	if (word->kind == WORD_MARK || !compiled())
		return true;
	if (word->kind != WORD_PLAIN)
		return false;
	if (lexicon_is_filler(word->text))
		return true;
	for (size_t c = 0; c < cue_count; c++)
		for (size_t k = 0; k < cues[c].count; k++)
			if (!strcmp(cues[c].words[k], word->text))
				return true;
	for (size_t r = 0; r < rule_count; r++)
		for (size_t e = 0; e < rules[r].count; e++)
			for (size_t i = 0; rules[r].elements[e].kind == ELEMENT_WORDS &&
			                   rules[r].elements[e].words[i];
			        i++)
				if (!strcmp(rules[r].elements[e].words[i], word->text))
					return true;
	return false;
}
