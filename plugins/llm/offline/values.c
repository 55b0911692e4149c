/* values.c: the index of values: sorted by their key (folded, punctuation as blanks), hashes of
 * their stems and of the stems of their words, and a mask of letters of each for typing errors.
 * About 60 bytes for a value. */
#include <stdlib.h>
#include <string.h>

#include "values_inside.h"
#include "words.h"

enum {
	WORK_MOST = 60000, /* bytes */
	ALIAS_MOST = 40,   /* bytes of a value that may be said otherwise */
	SHORT_MOST = 500   /* values with abbreviations: that many are compared one by one */
};

/* ---- keys --------------------------------------------------------------------------------------
 */

static bool in_word(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '+' ||
	       c == '#';
}

size_t values_squash(const char *folded, char *out, size_t room)
{
	size_t n = 0;
	bool blank = false;
	for (; *folded; folded++) {
		if (!in_word((unsigned char)*folded)) {
			blank = n > 0;
			continue;
		}
		if (n + 2 >= room)
			return SIZE_MAX;
		if (blank)
			out[n++] = ' ';
		blank = false;
		out[n++] = *folded;
	}
	out[n] = 0;
	return n;
}

uint32_t values_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h ^ h >> 15;
}

uint32_t values_mask(const char *key, size_t n)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < n; i++)
		if (key[i] >= 'a' && key[i] <= 'z')
			mask |= 1u << (key[i] - 'a');
		else if (key[i] >= '0' && key[i] <= '9')
			mask |= MASK_DIGIT;
		else if ((unsigned char)key[i] >= 0x80)
			mask |= MASK_OTHER;
	return mask;
}

/* ---- building ----------------------------------------------------------------------------------
 */

struct build {
	struct values *values;
	size_t text_room, value_room, stem_room, word_room;
	struct pool names; /* of the aliases */
	struct pool work;  /* of some values */
	uint32_t text;     /* of the last value */
	bool failed;
};

static bool reserve(struct build *b, size_t n)
{
	struct values *v = b->values;
	size_t room = b->text_room ? b->text_room : 4096;
	char *larger;
	if (v->text_bytes + n <= b->text_room)
		return true;
	while (room < v->text_bytes + n)
		room += room / 2;
	larger = room < UINT32_MAX ? realloc(v->text, room) : NULL;
	if (!larger)
		return false;
	v->text = larger;
	b->text_room = room;
	return true;
}

static uint32_t keep(struct build *b, const char *s, size_t n)
{
	struct values *v = b->values;
	uint32_t at = (uint32_t)v->text_bytes;
	if (!reserve(b, n + 1)) {
		b->failed = true;
		return 0;
	}
	memcpy(v->text + at, s, n);
	v->text[at + n] = 0;
	v->text_bytes += n + 1;
	return at;
}

static void post(
        struct build *b, struct posting **list, size_t *count, size_t *room, struct posting posting)
{
	if (*count == *room) {
		size_t more = *room ? *room + *room / 2 : 64;
		struct posting *larger = realloc(*list, more * sizeof *larger);
		if (!larger) {
			b->failed = true;
			return;
		}
		*list = larger;
		*room = more;
	}
	(*list)[(*count)++] = posting;
}

static int compare_drafts(const void *a, const void *b)
{
	const struct value_draft *x = a, *y = b;
	int c = strcmp(x->text, y->text);
	return c ? c : x->column < y->column ? -1 : x->column > y->column;
}

static int compare_entries(const void *a, const void *b, void *text)
{
	const struct value *x = a, *y = b;
	int c = strcmp((char *)text + x->key, (char *)text + y->key);
	return c ? c : x->text < y->text ? -1 : x->text > y->text;
}

static int compare_postings(const void *a, const void *b)
{
	const struct posting *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

static struct value *add_value(struct build *b)
{
	struct values *v = b->values;
	if (v->count == b->value_room) {
		size_t room = b->value_room ? b->value_room + b->value_room / 2 : 64;
		struct value *larger = realloc(v->values, room * sizeof *larger);
		if (!larger) {
			b->failed = true;
			return NULL;
		}
		v->values = larger;
		b->value_room = room;
	}
	return &v->values[v->count++];
}

static void put_alias(void *owner, const char *key)
{
	struct build *b = owner;
	size_t last = b->values->count - 1;
	struct value *alias = add_value(b);
	if (alias) {
		*alias = b->values->values[last];
		alias->column |= VALUE_ALIAS;
		alias->text = b->text;
		alias->key = keep(b, key, strlen(key));
	}
}

/* Texts and keys into one piece; equal texts once. */
static void add_values(struct build *b, const struct value_draft *drafts, size_t count)
{
	const struct aliases *aliases = aliases_create(&b->names);
	char key[VALUE_KEY];
	uint32_t at_key = 0;
	size_t n = 0;
	b->failed = !aliases;
	for (size_t i = 0; i < count && !b->failed; i++) {
		const char *text = drafts[i].text;
		struct value *value;
		if (!i || strcmp(drafts[i - 1].text, text) != 0) {
			const char *folded = words_fold(&b->work, text, strlen(text));
			n = folded ? values_squash(folded, key, sizeof key) : SIZE_MAX;
			b->failed = b->work.failed;
			if (n && n != SIZE_MAX) {
				b->text = keep(b, text, strlen(text));
				at_key = strcmp(key, text) != 0 ? keep(b, key, n) : b->text;
			}
		}
		value = n && n != SIZE_MAX && !b->failed ? add_value(b) : NULL;
		if (value) {
			*value = (struct value){b->text, at_key, drafts[i].column};
			if (n < ALIAS_MOST && !aliases_each(aliases, text, drafts[i].kinds,
			                              &b->work, put_alias, b))
				b->failed = true;
		}
		if (b->work.total > WORK_MOST)
			pool_finish(&b->work);
	}
}

/* Hashes of the stems of one key, whole and word by word. */
static void post_key(struct build *b, uint32_t index)
{
	struct values *v = b->values;
	const char *key = v->text + v->values[index].key;
	char stems[VALUE_KEY * 2], word[VALUE_KEY];
	struct posting words[VALUE_WORDS];
	size_t n = 0, count = 0;
	while (*key) {
		size_t length = strcspn(key, " "), m;
		const char *stem;
		memcpy(word, key, length);
		word[length] = 0;
		stem = words_stem(&b->work, word);
		if (!stem) {
			b->failed = true;
			return;
		}
		m = strlen(stem);
		if (n + m + 2 >= sizeof stems)
			break;
		if (n)
			stems[n++] = ' ';
		memcpy(stems + n, stem, m);
		if (count < VALUE_WORDS)
			words[count++] = (struct posting){values_hash(stem, m), index};
		n += m;
		key += length + (key[length] == ' ');
	}
	post(b, &v->stems, &v->stem_count, &b->stem_room,
	        (struct posting){values_hash(stems, n), index});
	for (size_t i = 0; i < count && count > 1; i++)
		post(b, &v->words, &v->word_count, &b->word_room, words[i]);
	if (b->work.total > WORK_MOST)
		pool_finish(&b->work);
}

/* Does a word end with a point? */
static bool is_short_form(const char *text)
{
	for (size_t i = 2; text[i - 1] && text[i]; i++)
		if (text[i] == '.' && in_word((unsigned char)text[i - 1]) &&
		        (!text[i + 1] || text[i + 1] == ' '))
			return true;
	return false;
}

static void note_short_form(struct build *b, uint32_t index)
{
	struct values *v = b->values;
	uint32_t *larger;
	if (v->short_count == SHORT_MOST || v->shapes[index].length > ALIAS_MOST ||
	        !is_short_form(v->text + v->values[index].text))
		return;
	larger = realloc(v->short_forms, (v->short_count + 1) * sizeof *larger);
	if (!larger) {
		b->failed = true;
		return;
	}
	v->short_forms = larger;
	v->short_forms[v->short_count++] = index;
}

static void post_all(struct build *b)
{
	struct values *v = b->values;
	for (uint32_t i = 0; i < v->count && !b->failed; i++) {
		const char *key = v->text + v->values[i].key;
		size_t n = strlen(key);
		v->shapes[i] = (struct shape){values_mask(key, n), (uint32_t)n};
		/* Numbers and dates have no other forms, and no words. */
		if ((v->shapes[i].mask & ~(uint32_t)MASK_DIGIT) &&
		        (!i || strcmp(key, v->text + v->values[i - 1].key) != 0))
			post_key(b, i);
		note_short_form(b, i);
	}
	if (v->stem_count)
		qsort(v->stems, v->stem_count, sizeof *v->stems, compare_postings);
	if (v->word_count)
		qsort(v->words, v->word_count, sizeof *v->words, compare_postings);
}

/* Gives back what was reserved too much. */
static void trim(struct values *v)
{
	void *less = v->text_bytes ? realloc(v->text, v->text_bytes) : NULL;
	v->text = less ? less : v->text;
	less = v->stem_count ? realloc(v->stems, v->stem_count * sizeof *v->stems) : NULL;
	v->stems = less ? less : v->stems;
	less = v->word_count ? realloc(v->words, v->word_count * sizeof *v->words) : NULL;
	v->words = less ? less : v->words;
	less = v->count ? realloc(v->values, v->count * sizeof *v->values) : NULL;
	v->values = less ? less : v->values;
}

struct values *values_create(struct value_draft *drafts, size_t count)
{
	struct values *v = calloc(1, sizeof *v);
	struct build b = {.values = v};
	if (!v)
		return NULL;
	if (count)
		qsort(drafts, count, sizeof *drafts, compare_drafts);
	add_values(&b, drafts, count);
	if (v->count && !b.failed)
		qsort_r(v->values, v->count, sizeof *v->values, compare_entries, v->text);
	v->shapes = b.failed ? NULL : calloc(v->count + 1, sizeof *v->shapes);
	b.failed |= !v->shapes;
	if (!b.failed)
		post_all(&b);
	pool_finish(&b.work);
	pool_finish(&b.names);
	if (b.failed) {
		values_destroy(v);
		return NULL;
	}
	trim(v);
	return v;
}

void values_destroy(struct values *v)
{
	if (!v)
		return;
	free(v->text);
	free(v->values);
	free(v->shapes);
	free(v->stems);
	free(v->words);
	free(v->short_forms);
	free(v);
}

size_t values_memory(const struct values *v)
{
	return v ? sizeof *v + v->text_bytes + v->count * (sizeof *v->values + sizeof *v->shapes) +
	                       (v->stem_count + v->word_count) * sizeof *v->stems +
	                       v->short_count * sizeof *v->short_forms
	         : 0;
}
