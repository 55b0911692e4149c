/* values_find.c: which values may be meant. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "values_inside.h"

enum {
	EXACT = 1000,
	SAME = 950,
	ALIASES = 840,
	STEMS = 850,
	SHORT = 830,
	SCANNED = 20000, /* values with a common word, at most */
	ONE_ERROR = 5,   /* bytes from which one typing error is forgiven */
	TWO_ERRORS = 9
};

struct search {
	const struct values *v;
	const char *folded; /* as the asker wrote it */
	char key[VALUE_KEY], stems[VALUE_KEY * 2];
	size_t length;
	struct value_hit *hits;
	size_t count, max;
};

/* Keeps the best; a value of a column once. */
static void hit(struct search *s, const struct value *value, uint32_t weight)
{
	bool alias = (value->column & VALUE_ALIAS) != 0;
	struct value_hit now = {value->column & ~(uint32_t)VALUE_ALIAS,
	        alias && weight > ALIASES ? ALIASES : weight, s->v->text + value->text};
	size_t at = s->count;
	for (size_t i = 0; i < s->count; i++)
		if (s->hits[i].column == now.column && s->hits[i].text == now.text)
			return;
	while (at && s->hits[at - 1].weight < now.weight)
		at--;
	if (at == s->max)
		return;
	if (s->count < s->max)
		s->count++;
	memmove(s->hits + at + 1, s->hits + at, (s->count - at - 1) * sizeof now);
	s->hits[at] = now;
}

static const char *key_of(const struct values *v, size_t index)
{
	return v->text + v->values[index].key;
}

/* The first value whose key does not stand before this one. */
static size_t lower_bound(const struct values *v, const char *key)
{
	size_t low = 0, high = v->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(key_of(v, middle), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* All values with the key of this one; `weight` 0: by their writing. */
static void hit_key(struct search *s, size_t first, uint32_t weight)
{
	const struct values *v = s->v;
	for (size_t i = first;
	        i < v->count && (i == first || !strcmp(key_of(v, i), key_of(v, first))); i++)
		hit(s, &v->values[i],
		        weight                                                ? weight
		        : !strcasecmp(v->text + v->values[i].text, s->folded) ? EXACT
		                                                              : SAME);
}

/* The first posting of a hash, and how many there are. */
static const struct posting *postings(
        const struct posting *list, size_t count, uint32_t hash, size_t *found)
{
	size_t low = 0, high = count, n = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < count && list[low + n].hash == hash)
		n++;
	*found = n;
	return list + low;
}

static void find_stems(struct search *s)
{
	size_t count;
	const struct posting *list = postings(
	        s->v->stems, s->v->stem_count, values_hash(s->stems, strlen(s->stems)), &count);
	for (size_t i = 0; i < count; i++)
		hit_key(s, list[i].value, strcmp(key_of(s->v, list[i].value), s->key) ? STEMS : 0);
}

/* ---- abbreviations -----------------------------------------------------------------------------
 */

/* Is each word of the key the beginning of one of the phrase: "comp sci" of "computer science"? */
static bool is_short_for(const char *key, const char *said)
{
	size_t words = 0, letters = 0;
	while (*key && *said) {
		size_t n = strcspn(key, " "), m = strcspn(said, " ");
		if (n > m || memcmp(key, said, n) != 0)
			return false;
		letters += n;
		words++;
		key += n + (key[n] == ' ');
		said += m + (said[m] == ' ');
	}
	return !*key && !*said && letters >= words * 3;
}

static void find_short_forms(struct search *s)
{
	for (size_t i = 0; i < s->v->short_count; i++)
		if (is_short_for(key_of(s->v, s->v->short_forms[i]), s->key))
			hit(s, &s->v->values[s->v->short_forms[i]], SHORT);
}

/* ---- parts -------------------------------------------------------------------------------------
 */

static bool holds_words(const char *key, const char *words, size_t n)
{
	for (const char *at = strstr(key, words); at; at = strstr(at + 1, words))
		if ((at == key || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static bool has_posting(const struct posting *list, size_t count, uint32_t value)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && list[low].value == value;
}

/* Values that hold all the words: the rarest word leads. */
static void find_parts(struct search *s)
{
	const struct values *v = s->v;
	const struct posting *lists[VALUE_WORDS], *rarest;
	size_t counts[VALUE_WORDS], words = 0, least = 0;
	for (const char *at = s->stems; *at;
	        at += at[strcspn(at, " ")] ? strcspn(at, " ") + 1 : strcspn(at, " ")) {
		if (words == VALUE_WORDS)
			return;
		lists[words] = postings(
		        v->words, v->word_count, values_hash(at, strcspn(at, " ")), &counts[words]);
		if (!counts[words])
			return;
		if (counts[words] < counts[least])
			least = words;
		words++;
	}
	if (!words || counts[least] > SCANNED)
		return;
	rarest = lists[least];
	for (size_t i = 0; i < counts[least]; i++) {
		uint32_t value = rarest[i].value, length = v->shapes[value].length;
		uint32_t share = (uint32_t)(s->length * 150 / (length ? length : 1));
		size_t j = 0;
		share = share > 150 ? 150 : share;
		if (holds_words(key_of(v, value), s->key, s->length)) {
			hit_key(s, value, 750 + share);
			continue;
		}
		while (j < words && has_posting(lists[j], counts[j], value))
			j++;
		if (j == words)
			hit_key(s, value, 700 + share / 3);
	}
}

/* ---- typing errors -----------------------------------------------------------------------------
 */

/* Damerau-Levenshtein (neighbours exchanged count one), `limit` + 1 for more. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m, unsigned limit)
{
	unsigned char rows[3][VALUE_KEY];
	unsigned char *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned char)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned char *swap = before;
		unsigned least = row[0] = (unsigned char)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1u < best)
				best = last[j] + 1u;
			if (row[j - 1] + 1u < best)
				best = row[j - 1] + 1u;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			        before[j - 2] + 1u < best)
				best = before[j - 2] + 1u;
			row[j] = (unsigned char)best;
			least = best < least ? best : least;
		}
		if (least > limit)
			return limit + 1;
		before = last;
		last = row;
		row = swap;
	}
	return last[m];
}

static void find_typing_errors(struct search *s)
{
	const struct values *v = s->v;
	uint32_t mask = values_mask(s->key, s->length);
	unsigned limit = s->length >= TWO_ERRORS ? 2 : 1;
	/* Nobody can tell a mistyped number from another one. */
	if (s->length < ONE_ERROR || (mask & MASK_DIGIT))
		return;
	for (size_t i = 0; i < v->count; i++) {
		const struct shape *shape = &v->shapes[i];
		unsigned errors;
		if (shape->length + limit < s->length || shape->length > s->length + limit ||
		        __builtin_popcount(shape->mask ^ mask) > (int)(2 * limit) ||
		        (shape->mask & MASK_DIGIT) ||
		        (i && v->values[i].key == v->values[i - 1].key))
			continue;
		errors = distance(s->key, s->length, key_of(v, i), shape->length, limit);
		if (errors && errors <= limit)
			hit_key(s, i, 740 - 70 * errors);
	}
}

size_t values_find(const struct schema *schema, const char *folded, const char *stems, bool fuzzy,
        struct value_hit *hits, size_t max)
{
	struct search s = {.v = schema->values, .folded = folded, .hits = hits, .max = max};
	size_t at;
	if (!s.v || !max)
		return 0;
	s.length = values_squash(folded, s.key, sizeof s.key);
	if (!s.length || s.length == SIZE_MAX)
		return 0;
	at = lower_bound(s.v, s.key);
	if (at < s.v->count && !strcmp(key_of(s.v, at), s.key))
		hit_key(&s, at, 0);
	if (values_squash(stems, s.stems, sizeof s.stems) == SIZE_MAX)
		return s.count;
	find_stems(&s);
	if (!s.count)
		find_short_forms(&s);
	if (fuzzy) {
		find_parts(&s);
		if (!s.count)
			find_typing_errors(&s);
	}
	return s.count;
}
