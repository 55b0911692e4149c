/* match.c: finds the phrases of the grammar in a question. The tables of grammar.c are compiled
 * once; patterns are matched from every word on, over all readings. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"

enum {
	ELEMENTS = 20, /* of a pattern */
	ALTERNATIVES = 24,
	RULES = 256,
	CUES = 512,
	KNOWN = 2048,
	CUE_WORDS = 7,
	PHRASES_MAX = 6000,
	PASSED = 2 /* determiners between two elements */
};

const char *const grammar_classes[] = {"", "compare", "or_more", "aggregate", "extreme", "most",
        "common", "direction", "distinct", "be", "is_not", "ordered", "each", "have", "not",
        "except", "like", "begins", "ends", "missing", "number_of", "count", "star", "about",
        "period", NULL};

enum element_kind { ELEMENT_WORDS, ELEMENT_CLASS, ELEMENT_SLOT };

struct element {
	enum element_kind kind;
	bool optional;
	char slot; /* 'T' 'C' 'X' 'V' 'N' 'Q' 'W', '0' '1' '2' for {A...} */
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
static const char **known; /* every word of the two, sorted */
static size_t rule_count, cue_count, known_count;
static struct pool tables; /* of the two, for the life of the process */

/* ---- compiling --------------------------------------------------------------------------------
 */

/* Tables too large for this file are a fault that every test of the engine finds: abort(). */
static size_t split(struct pool *pool, const char *text, char at, const char **out, size_t max)
{
	size_t count = 0;

	while (*text) {
		const char *end = strchr(text, at);
		size_t n = end ? (size_t)(end - text) : strlen(text);

		if (n && count == max)
			abort();
		if (n)
			out[count++] = pool_copy(pool, text, n);
		text += n + (end != NULL);
	}
	return count;
}

static int class_of(const char *name, size_t n)
{
	for (int i = 1; grammar_classes[i]; i++)
		if (strlen(grammar_classes[i]) == n && !memcmp(grammar_classes[i], name, n))
			return i;
	abort();
}

static void compile_element(struct pool *pool, const char *text, struct element *e)
{
	if (*text == '?') {
		e->optional = true;
		text++;
	}
	if (*text == '<') {
		e->kind = ELEMENT_CLASS;
		e->class = class_of(text + 1, strlen(text) - 2);
	} else if (*text == '{') {
		e->kind = ELEMENT_SLOT;
		e->slot = text[1] == 'A' ? text[2] : text[1];
	} else {
		e->kind = ELEMENT_WORDS;
		split(pool, text, '|', e->words, ALTERNATIVES - 1);
	}
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void know(const char *word)
{
	if (known_count == KNOWN)
		abort();
	known[known_count++] = word;
}

static bool compile(void)
{
	const char *parts[ELEMENTS];

	rule_count = cue_count = known_count = 0;
	rules = pool_alloc(&tables, RULES * sizeof *rules);
	cues = pool_alloc(&tables, CUES * sizeof *cues);
	known = pool_alloc(&tables, KNOWN * sizeof *known);
	if (!rules || !cues || !known)
		return false;
	for (size_t i = 0; grammar_rules[i].pattern; i++) {
		struct compiled *c = &rules[rule_count++];

		if (i == RULES)
			abort();
		c->rule = &grammar_rules[i];
		c->count = split(&tables, grammar_rules[i].pattern, ' ', parts, ELEMENTS);
		for (size_t k = 0; k < c->count && !tables.failed; k++)
			compile_element(&tables, parts[k], &c->elements[k]);
	}
	for (size_t i = 0; grammar_cues[i].words; i++) {
		struct compiled_cue *c = &cues[cue_count++];

		if (i == CUES)
			abort();
		c->cue = &grammar_cues[i];
		c->count = split(&tables, grammar_cues[i].words, ' ', c->words, CUE_WORDS);
		for (size_t k = 0; k < c->count; k++)
			know(c->words[k]);
	}
	for (size_t i = 0; i < rule_count; i++)
		for (size_t e = 0; e < rules[i].count; e++)
			for (size_t k = 0; rules[i].elements[e].words[k]; k++)
				know(rules[i].elements[e].words[k]);
	if (tables.failed)
		return false;
	qsort(known, known_count, sizeof *known, compare_words);
	return true;
}

/* When the plugin is closed. */
__attribute__((destructor)) static void forget(void)
{
	pool_finish(&tables);
}

/* Whoever comes first compiles; without memory whoever comes next tries again. */
static bool compiled(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static atomic_bool done;

	if (done)
		return true;
	pthread_mutex_lock(&lock);
	if (!done)
		done = compile();
	if (!done)
		pool_finish(&tables);
	pthread_mutex_unlock(&lock);
	return done;
}

/* ---- matching ---------------------------------------------------------------------------------
 */

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
	static const char *const determiners[] = {"the", "a", "an", "any", "all", "some", "their",
	        "its", "his", "her", "those", "these", "our", "my", "your", "'s", NULL};

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

			if (*words->words[i].text != *cues[c].words[0])
				continue;
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

static bool has_column(
        const struct matcher *m, const struct link_span *span, uint32_t flags, bool time)
{
	for (size_t i = 0; i < span->reading_count; i++) {
		const struct schema_column *c;

		if (span->readings[i].kind != LINK_COLUMN)
			continue;
		c = &m->lattice->schema->columns[span->readings[i].index];
		if (c->flags & flags || (time && c->type == COLUMN_TIME))
			return true;
	}
	return false;
}

/* Do a value and the name beside it speak of the same column, or the value of a column of the
 * table? */
static bool agree(const struct matcher *m, const struct link_span *x, const struct link_span *y)
{
	for (size_t i = 0; i < x->reading_count; i++)
		for (size_t k = 0; k < y->reading_count; k++) {
			const struct link_reading *a = &x->readings[i], *b = &y->readings[k],
			                          *value = a->kind == LINK_VALUE ? a : b,
			                          *name = value == a ? b : a;

			if (value->kind != LINK_VALUE || name->kind == LINK_VALUE)
				continue;
			if (name->index ==
			        (name->kind == LINK_COLUMN
			                        ? value->index
			                        : m->lattice->schema->columns[value->index].table))
				return true;
		}
	return false;
}

/* "published by" does not group. */
static bool is_agent(const struct matcher *m, size_t at)
{
	static const char *const irregular[] = {"made", "taught", "written", "sung", "held", "won",
	        "given", "led", "run", "built", "sold", "bought", "taken", "driven", "known",
	        "shown", "sent", "done", NULL};
	const struct word *words = m->lattice->words.words;
	size_t n;

	if (!at || strcmp(words[at].text, "by") != 0)
		return false;
	n = strlen(words[at - 1].text);
	for (size_t i = 0; irregular[i]; i++)
		if (!strcmp(words[at - 1].text, irregular[i]))
			return true;
	return n > 3 && !strcmp(words[at - 1].text + n - 2, "ed") &&
	       strcmp(words[at - 1].text, "grouped") != 0;
}

/* Does a name of at least so many words begin there? */
static bool has_link(const struct matcher *m, size_t at, uint32_t kinds, size_t words)
{
	for (const struct link_span *s = m->lattice->at[at]; s; s = s->next)
		if (s->kinds & kinds && s->count >= words && link_weight(s, kinds) >= 700)
			return true;
	return false;
}

/* A month or day that the database holds as a value is that value, and 500 is no year. */
static bool is_time(const struct matcher *m, const struct phrase *p)
{
	const struct word *words = m->lattice->words.words;
	size_t last = p->first + p->count - 1;

	for (size_t i = p->first; i <= last; i++)
		if (words[i].kind == WORD_NUMBER && words[i].value > 31 && words[i].value < 1500 &&
		        p->when->from[0] && !strncmp(words[i].number, p->when->from, 3))
			return false;
	for (const struct link_span *s = m->lattice->at[last]; s && p->count <= 2; s = s->next)
		if (s->count == 1 && link_weight(s, LINK_VALUE) >= 760 &&
		        (words[last].kind != WORD_NUMBER || strlen(words[last].text) > 4))
			return false;
	return true;
}

/* Does the phrase make sense with the columns that its words may name? */
static bool makes_sense(const struct matcher *m, const struct phrase *p)
{
	const struct link_span *last = p->span_count ? p->spans[p->span_count - 1] : NULL;

	switch (p->action) {
	case ACT_AGGREGATE:
		return has_column(m, last, COLUMN_MEASURE | COLUMN_YEAR,
		        p->aggregate == AGGREGATE_MIN || p->aggregate == AGGREGATE_MAX);
	case ACT_COMPARE:
	case ACT_BETWEEN:
		return !last || p->aggregate ||
		       has_column(m, last, COLUMN_MEASURE | COLUMN_YEAR, true) ||
		       link_weight(last, LINK_COLUMN) >= 900;
	case ACT_ASK_WHERE:
	case ACT_ASK_WHEN:
		return !m->first;
	case ACT_WHEN:
		return is_time(m, p);
	case ACT_STAR:
		/* "details" may be a column. */
		return !has_link(m, m->first, LINK_COLUMN, 1);
	case ACT_DISTINCT:
		/* "types of games" may be a column as well. */
		return p->count < 2 || !has_link(m, m->first + p->count - 2, LINK_COLUMN, 1);
	case ACT_COUNT:
		/* "phone number of" */
		return !m->first || !has_link(m, m->first - 1, LINK_COLUMN, 2);
	case ACT_GROUP:
		return !is_agent(m, m->first);
	case ACT_SUPER:
		return has_column(m, last, COLUMN_MEASURE | COLUMN_YEAR, true);
	case ACT_IS:
		return p->span_count < 2 || agree(m, p->spans[0], p->spans[1]);
	default:
		return true;
	}
}

static void emit(struct matcher *m, const struct phrase *found, size_t end)
{
	struct phrase phrase = *found, *grown;

	phrase.action = m->rule->rule->action;
	phrase.first = m->first;
	phrase.count = end - m->first;
	phrase.score += m->rule->rule->bonus;
	if (m->count >= PHRASES_MAX || !makes_sense(m, &phrase))
		return;
	grown = pool_grow(m->pool, m->phrases, m->count, &m->room, sizeof *grown);
	if (!grown)
		return;
	m->phrases = grown;
	grown[m->count++] = phrase;
}

static void take_cue(struct phrase *p, const struct cue *cue)
{
	switch (cue->class) {
	case CUE_COMPARE:
	case CUE_OR_MORE:
		p->operator= cue->attribute;
		break;
	case CUE_AGGREGATE:
	case CUE_EXTREME:
		p->aggregate = cue->attribute;
		break;
	case CUE_DIRECTION: /* "descending alphabetical" */
		if (!p->direction)
			p->direction = cue->attribute;
		break;
	case CUE_MOST:
	case CUE_COMMON:
		p->direction = cue->attribute;
		break;
	case CUE_PERIOD:
		p->period = (uint8_t)cue->attribute;
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

/* "SO-2024-17": letters and digits in one word that names nothing. */
static bool is_code(const struct matcher *m, size_t at)
{
	const struct word *w = &m->lattice->words.words[at];
	bool letters = false, digits = false;

	if (w->kind != WORD_PLAIN || m->lattice->at[at] || m->lattice->when[at])
		return false;
	for (const char *s = w->text; *s; s++) {
		letters |= *s >= 'a' && *s <= 'z';
		digits |= *s >= '0' && *s <= '9';
	}
	return letters && digits;
}

static bool is_value(const struct matcher *m, size_t at)
{
	for (const struct link_span *s = m->lattice->at[at]; s; s = s->next)
		if (s->kinds & LINK_VALUE)
			return true;
	return false;
}

/* A long name is worth more than its words; but "phone of the customer" no more than the two. */
static int32_t worth(const struct link_span *span, uint32_t kinds)
{
	size_t words = span->count - span->joints;
	int32_t score = (int32_t)(words * 10 * link_weight(span, kinds) / 1000);

	return span->joints ? score - 1 : score + 6 * (int32_t)words - 5;
}

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
			p.score += worth(s, kinds);
			match_from(m, element + 1, at + s->count, &p);
		}
	} else if ((slot == 'N' && w->kind == WORD_NUMBER) ||
	           (slot == 'Q' && w->kind == WORD_QUOTED &&
	                   (m->rule->rule->action == ACT_LIKE || !is_value(m, at))) ||
	           (slot == 'K' && is_code(m, at)) ||
	           (slot == 'S' && w->capital && w->kind == WORD_PLAIN) ||
	           (slot == 'P' && (w->kind == WORD_PLAIN || w->kind == WORD_QUOTED) &&
	                   !lexicon_is_filler(w->text))) {
		if (p.number_count == 2)
			return;
		p.numbers[p.number_count++] = at;
		p.score += slot != 'N' ? 20 : 11;
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

static void period_of(struct phrase *p, const char *word)
{
	static const char *const words[] = {
	        "", "daily", "weekly", "monthly", "quarterly", "yearly"};

	for (uint8_t i = 1; i < 6; i++)
		if (!strcmp(words[i], word))
			p->period = i;
}

static void match_element(struct matcher *m, size_t element, size_t at, const struct phrase *so_far)
{
	const struct element *e = &m->rule->elements[element];
	const struct word *w = &m->lattice->words.words[at];
	struct phrase p;

	switch (e->kind) {
	case ELEMENT_WORDS:
		for (size_t i = 0; e->words[i]; i++)
			if (*w->text == *e->words[i] && w->kind != WORD_QUOTED &&
			        !strcmp(w->text, e->words[i])) {
				p = *so_far;
				p.score += 10;
				period_of(&p, w->text);
				if (!strcmp(w->text, "least") || !strcmp(w->text, "worst"))
					p.direction = -1;
				else if (!p.direction &&
				         (!strcmp(w->text, "most") || !strcmp(w->text, "top") ||
				                 !strcmp(w->text, "best")))
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
	const struct phrase empty = {.operator= - 1 };

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
	return word->kind == WORD_PLAIN &&
	       (lexicon_is_filler(word->text) || bsearch(&word->text, known, known_count,
	                                                 sizeof *known, compare_words) != NULL);
}
