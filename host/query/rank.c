/* rank.c: which tables matter to a question: those whose names share words with it, then those that
 * foreign keys connect to them, then the rest. */
#include <stdlib.h>
#include <string.h>

#include "query/catalogue.h"

enum { WORDS = 256, WORD = 48, PART_MAX = 2 * CATALOGUE_PART };

struct words {
	size_t n;
	char list[WORDS][WORD];
};

struct ranked {
	int64_t score;
	size_t index;
};

/* Takes the plural from an English word, roughly and the same way on both sides. */
static size_t singular(char *w, size_t n)
{
	if (n > 4 && !memcmp(w + n - 3, "ies", 3)) {
		w[n - 3] = 'y';
		n -= 2;
	} else if (n > 4 && !memcmp(w + n - 2, "es", 2) && strchr("sxzh", w[n - 3])) {
		n -= 2;
	}
	if (n > 3 && w[n - 1] == 's' && w[n - 2] != 's')
		n--;
	w[n] = 0;
	return n;
}

/* Lower case for ASCII, Latin-1 and Cyrillic letters, in place of a locale. */
static size_t fold(const unsigned char *s, size_t left, char *out, size_t *taken)
{
	unsigned c = s[0];

	*taken = 1;
	if (c < 0x80) {
		out[0] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		return 1;
	}
	if (c >= 0xc2 && c < 0xe0 && left > 1) {
		unsigned point = (c & 0x1f) << 6 | (s[1] & 0x3f);

		*taken = 2;
		if ((point >= 0xc0 && point <= 0xde && point != 0xd7) ||
		        (point >= 0x410 && point <= 0x42f))
			point += 32;
		else if (point >= 0x400 && point <= 0x40f)
			point += 80;
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	out[0] = (char)c;
	return 1;
}

static bool is_letter(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_upper(unsigned char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Calls fn with each word of s: split at what is no letter, and in camelCase. */
static void each_word(
        struct askd_text s, void (*fn)(void *arg, const char *word, size_t n), void *arg)
{
	const unsigned char *p = (const unsigned char *)s.s;
	char word[WORD];
	size_t n = 0, taken;

	for (size_t i = 0; i < s.n; i += taken) {
		taken = 1;
		if (n && is_upper(p[i]) && !is_upper(p[i - 1]) && p[i - 1] < 0x80) {
			n = singular(word, n);
			fn(arg, word, n);
			n = 0;
		}
		if (is_letter(p[i])) {
			char out[2];
			size_t m = fold(p + i, (size_t)s.n - i, out, &taken);

			if (n + m < WORD) {
				memcpy(word + n, out, m);
				n += m;
				word[n] = 0;
			}
			continue;
		}
		if (n) {
			n = singular(word, n);
			fn(arg, word, n);
			n = 0;
		}
	}
	if (n) {
		n = singular(word, n);
		fn(arg, word, n);
	}
}

static void collect(void *arg, const char *word, size_t n)
{
	struct words *w = arg;

	if (n < 2 || w->n == WORDS)
		return;
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->list[i], word))
			return;
	memcpy(w->list[w->n++], word, n + 1);
}

struct matching {
	const struct words *question;
	int64_t whole, part, score;
};

/* "ordered" means "order" nearly as well as "order" does. */
static bool is_near(const char *a, size_t n, const char *b, size_t m)
{
	size_t shorter = n < m ? n : m, longer = n < m ? m : n;

	return shorter >= 4 && longer - shorter <= 3 && !memcmp(a, b, shorter);
}

static void match(void *arg, const char *word, size_t n)
{
	struct matching *m = arg;
	int64_t best = 0;

	if (n < 2)
		return;
	for (size_t i = 0; i < m->question->n && best < m->whole; i++) {
		const char *other = m->question->list[i];

		if (!strcmp(other, word))
			best = m->whole;
		else if (is_near(word, n, other, strlen(other)) && best < m->part)
			best = m->part;
	}
	m->score += best;
}

static int64_t overlap(const struct words *question, struct askd_text text, int64_t whole)
{
	struct matching m = {.question = question, .whole = whole, .part = whole / 2};

	if (text.s)
		each_word(text, match, &m);
	return m.score;
}

static int64_t score_of(const struct words *question, const struct askd_db_table *t)
{
	int64_t score = overlap(question, t->name, 40), columns = 0;

	score += overlap(question, t->comment, 6);
	for (size_t i = 0; t->columns[i]; i++)
		columns += overlap(question, t->columns[i]->name, 8) +
		           overlap(question, t->columns[i]->comment, 2);
	/* A wide table is not more relevant for being wide. */
	return score + (columns > 60 ? 60 : columns);
}

static int compare_names(const void *a, const void *b)
{
	const struct askd_db_table *x = *(const struct askd_db_table *const *)a;
	const struct askd_db_table *y = *(const struct askd_db_table *const *)b;
	int order = strcmp(x->schema.s ? x->schema.s : "", y->schema.s ? y->schema.s : "");

	return order ? order : strcmp(x->name.s, y->name.s);
}

/* The index of the table that a reference leads to, or count. */
static size_t target_of(const struct catalogue *c, const struct askd_db_reference *reference)
{
	struct askd_db_table wanted = {.schema = reference->schema, .name = reference->table};
	const struct askd_db_table *key = &wanted;
	const struct askd_db_table **found =
	        bsearch(&key, c->tables, c->count, sizeof(struct askd_db_table *), compare_names);

	return found ? (size_t)(found - c->tables) : c->count;
}

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* What has no word of the question but a foreign key to or from a table that has. */
static void score_neighbours(
        const struct catalogue *c, struct ranked *ranked, const struct words *question)
{
	for (size_t i = 0; i < c->count; i++)
		ranked[i] = (struct ranked){score_of(question, c->tables[i]) * 2, i};
	for (size_t i = 0; i < c->count; i++) {
		for (size_t j = 0; c->tables[i]->references[j]; j++) {
			size_t to = target_of(c, c->tables[i]->references[j]);

			/* Own points are even, so that 1 is never passed on. */
			if (to == c->count)
				continue;
			if (ranked[i].score > 1 && !ranked[to].score)
				ranked[to].score = 1;
			if (ranked[to].score > 1 && !ranked[i].score)
				ranked[i].score = 1;
		}
	}
}

/* The best of a large schema with all that they refer to. */
static size_t part(const struct catalogue *c, const struct ranked *ranked, size_t n,
        const bool *wanted, size_t *list)
{
	bool *taken = calloc(c->count + 1, sizeof *taken);
	size_t m = 0, first = n < CATALOGUE_PART ? n : CATALOGUE_PART;

	for (size_t i = 0; i < first; i++) {
		list[m++] = ranked[i].index;
		if (taken)
			taken[ranked[i].index] = true;
	}
	for (size_t i = 0; taken && i < first; i++) {
		const struct askd_db_table *t = c->tables[ranked[i].index];

		for (size_t j = 0; t->references[j] && m < PART_MAX; j++) {
			size_t to = target_of(c, t->references[j]);

			if (to == c->count || taken[to] || !wanted[to])
				continue;
			taken[to] = true;
			list[m++] = to;
		}
	}
	free(taken);
	return m;
}

size_t catalogue_rank(
        const struct catalogue *c, struct askd_text question, const bool *wanted, size_t *list)
{
	struct words *words = question.s ? calloc(1, sizeof *words) : NULL;
	struct ranked *ranked = words ? calloc(c->count + 1, sizeof *ranked) : NULL;
	size_t n = 0;

	if (!ranked) { /* no question; or no memory, and then any order must do */
		for (size_t i = 0; i < c->count; i++)
			if (wanted[i])
				list[n++] = i;
		free(words);
		return n;
	}
	each_word(question, collect, words);
	score_neighbours(c, ranked, words);
	for (size_t i = 0; i < c->count; i++)
		if (wanted[i])
			ranked[n++] = ranked[i];
	qsort(ranked, n, sizeof *ranked, compare_ranked);
	if (n > CATALOGUE_MANY_TABLES || c->name_bytes > CATALOGUE_MANY_BYTES) {
		n = part(c, ranked, n, wanted, list);
	} else {
		for (size_t i = 0; i < n; i++)
			list[i] = ranked[i].index;
	}
	free(ranked);
	free(words);
	return n;
}
