/* words_stem.c: the common stem of the forms of a word. Snowball does the regular ones; the table
 * has the irregular ones, spellings, and the pairs that Snowball throws together. */
#include <stdlib.h>
#include <string.h>

#include "words_inside.h"

static int form_compare(const void *key, const void *element)
{
	return strcmp(key, ((const struct word_form *)element)->word);
}

const char *words_irregular(const char *folded)
{
	const struct word_form *form =
	        bsearch(folded, words_forms, words_form_count, sizeof *words_forms, form_compare);
	return form ? form->base : NULL;
}

const char *stem_with(struct pool *pool, struct sb_stemmer *stemmer, const char *folded, size_t n)
{
	char *word = pool_copy(pool, folded, n);
	const char *base;
	const sb_symbol *stem;
	if (!word)
		return NULL;
	base = words_irregular(word);
	if (base && *base == '=')
		return base + 1;
	if (!base)
		base = word;
	/* Snowball takes an apostrophe for a possessive. */
	if (n > 60 || strchr(base, '\''))
		return base;
	stem = sb_stemmer_stem(stemmer, (const sb_symbol *)base, (int)strlen(base));
	if (!stem) {
		pool->failed = true;
		return NULL;
	}
	return pool_copy(pool, (const char *)stem, (size_t)sb_stemmer_length(stemmer));
}

const char *words_stem(struct pool *pool, const char *folded)
{
	struct sb_stemmer *stemmer = sb_stemmer_new("english", NULL);
	const char *stem;
	if (!stemmer) {
		pool->failed = true;
		return NULL;
	}
	stem = stem_with(pool, stemmer, folded, strlen(folded));
	sb_stemmer_delete(stemmer);
	return stem;
}

static bool is_part_mark(char c)
{
	return c == '-' || c == '.' || c == '_' || c == '/' || c == '&' || c == ' ';
}

/* "u.s.a": single letters with a dot between them. */
static bool is_initials(const char *s)
{
	size_t n = strlen(s);
	if (n < 3)
		return false;
	for (size_t i = 0; i < n; i++)
		if (i % 2 ? s[i] != '.' : s[i] < 'a' || s[i] > 'z')
			return false;
	return true;
}

static bool append_stem(
        struct pool *pool, struct sb_stemmer *stemmer, const char **all, const char *part, size_t n)
{
	const char *stem = stem_with(pool, stemmer, part, n);
	if (!stem)
		return false;
	*all = *all ? pool_print(pool, "%s %s", *all, stem) : stem;
	return *all != NULL;
}

/* The stem of a word that may have parts. */
static const char *stem_of_parts(struct pool *pool, struct sb_stemmer *stemmer, const char *text)
{
	const char *all = NULL;
	size_t n = strlen(text), first = 0, letters = strcspn(text, "0123456789");
	bool digits = letters < n;
	if (words_irregular(text))
		return stem_with(pool, stemmer, text, n);
	if (is_initials(text)) {
		char *initials = pool_alloc(pool, n + 1);
		for (size_t i = 0, j = 0; initials && i < n; i++)
			if (text[i] != '.')
				initials[j++] = text[i];
		return initials;
	}
	if (strchr(text, '@') || strstr(text, "://"))
		return text;
	/* "address1" is "address 1", "A12" is a code. */
	if (digits && letters >= 4 && n - letters <= 2 &&
	        strspn(text + letters, "0123456789") == n - letters && !strpbrk(text, "-./&_ ")) {
		if (!append_stem(pool, stemmer, &all, text, letters))
			return NULL;
		return pool_print(pool, "%s %s", all, text + letters);
	}
	if (digits && !strchr(text, '_'))
		return text;
	for (size_t i = 0; i <= n; i++)
		if (i == n || is_part_mark(text[i])) {
			if (i > first && !append_stem(pool, stemmer, &all, text + first, i - first))
				return NULL;
			first = i + 1;
		}
	return all ? all : text;
}

/* "CustName" as somebody types it: small letters, then a capital, and no digit. */
static bool is_camel(const char *s)
{
	bool hump = false;
	for (size_t i = 0; s[i]; i++) {
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
		if (i > 1 && s[i] <= 'Z' && s[i - 1] >= 'a')
			hump = true;
	}
	return hump;
}

bool word_set_stem(struct pool *pool, struct sb_stemmer *stemmer, struct word *word)
{
	if (word->kind == WORD_MARK) {
		word->stem = word->text;
		return true;
	}
	if (word->kind == WORD_PLAIN && is_camel(word->written) && !words_irregular(word->text)) {
		struct words parts;
		if (!words_split_name(pool, word->written, &parts))
			return false;
		for (size_t i = 0; i < parts.count; i++)
			word->stem = i ? pool_print(pool, "%s %s", word->stem, parts.words[i].stem)
			               : parts.words[i].stem;
		return word->stem != NULL;
	}
	if (word->kind == WORD_NUMBER && strchr(word->text, ','))
		word->stem = word->number; /* 1,000 */
	else
		word->stem = stem_of_parts(pool, stemmer, word->text);
	return word->stem != NULL;
}
