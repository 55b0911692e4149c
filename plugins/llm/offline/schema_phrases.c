/* schema_phrases.c: the ways to say a table or a column, from its name and its comment. */
#include <stdlib.h>
#include <string.h>

#include "lexicon.h"
#include "schema_inside.h"

enum {
	PHRASE_WORDS = 12,
	/* in thousandths of what they stand for */
	PHRASE_SYNONYMS = 750,
	INNER_SYNONYMS = 700,
	SYNONYM_FROM = 780,
	/* weight of a name with its abbreviations */
	AS_WRITTEN = 980,
	/* "name" for a column that is called otherwise */
	NAMELESS = 650
};

/* Last words that often go unsaid. */
static const char *const generic_ends[] = {"id", "code", "key", "number", "name", "value", "text",
        "flag", "description", "detail", "details", "identifier", "indicator", "line", NULL};
static const char *const small_words[] = {"of", "in", "on", "at", "by", "for", "from", "to", "with",
        "and", "or", "the", "a", "per", NULL};
static const char *const joining[] = {"and", "or", NULL};
static const char *const truth_starts[] = {"is", "has", "was", "are", "have", "can", NULL};
static const char *const units[] = {"meter", "meters", "metre", "metres", "foot", "feet", "km",
        "kilometer", "kilometers", "kg", "kilogram", "kilograms", "lb", "lbs", "pound", "pounds",
        "mile", "miles", "cm", "centimeter", "centimeters", "mm", "millimeter", "millimeters",
        "inch", "inches", "usd", "eur", "gbp", "dollar", "dollars", "euro", "euros", "million",
        "millions", "billion", "billions", "thousand", "thousands", "percent", "percentage",
        "second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "millisecond",
        "milliseconds", "ms", "square", "squared", "acre", "acres", "hectare", "hectares", "ton",
        "tons", "tonnes", "mph", "kmh", "celsius", "fahrenheit", "c", "f", "m", "k", "mb", "gb",
        NULL};

struct saying {
	struct draft *draft;
	enum phrase_kind kind;
	uint32_t index;
};

static void put(const struct saying *to, const char *stems, size_t words, uint32_t weight)
{
	struct draft *draft = to->draft;
	draft->phrases = pool_grow(&draft->pool, draft->phrases, draft->phrase_count,
	        &draft->phrase_room, sizeof *draft->phrases);
	if (draft->phrases)
		draft->phrases[draft->phrase_count++] = (struct schema_phrase){
		        stems, (uint16_t)words, (uint16_t)weight, to->kind, to->index};
}

static size_t count_words(const char *stems)
{
	size_t n = 1;
	for (; *stems; stems++)
		n += *stems == ' ';
	return n;
}

static const char *join(struct pool *pool, const char *const *stems, size_t count, size_t replaced,
        const char *replacement)
{
	size_t n = 1;
	char *text, *end;
	for (size_t i = 0; i < count; i++)
		n += strlen(i == replaced ? replacement : stems[i]) + 1;
	text = end = pool_alloc(pool, n);
	for (size_t i = 0; text && i < count; i++) {
		const char *s = i == replaced ? replacement : stems[i];
		if (i)
			*end++ = ' ';
		end = stpcpy(end, s);
	}
	return text;
}

static void add_plain(
        const struct saying *to, const char *const *stems, size_t count, uint32_t weight)
{
	const char *text = count && count <= PHRASE_WORDS
	                           ? join(&to->draft->pool, stems, count, SIZE_MAX, NULL)
	                           : NULL;
	if (text)
		put(to, text, count, weight);
}

/* The phrase, and what else means nearly the same. */
static void add(const struct saying *to, const char *const *stems, size_t count, uint32_t weight)
{
	struct pool *pool = &to->draft->pool;
	const char *text;
	const char *const *other;
	if (!count || count > PHRASE_WORDS)
		return;
	text = join(pool, stems, count, SIZE_MAX, NULL);
	if (!text)
		return;
	put(to, text, count, weight);
	if (weight < SYNONYM_FROM)
		return;
	other = lexicon_synonyms(text);
	for (; other && *other; other++)
		put(to, *other, count_words(*other), weight * PHRASE_SYNONYMS / 1000);
	if (count == 1 || count > 4 || to->draft->schema->column_count > 4000)
		return;
	for (size_t i = 0; i < count; i++) {
		other = lexicon_synonyms(stems[i]);
		for (; other && *other; other++) {
			text = join(pool, stems, count, i, *other);
			if (text)
				put(to, text, count_words(text), weight * INNER_SYNONYMS / 1000);
		}
	}
}

/* "date of birth": "birth date". */
static void add_turned(
        const struct saying *to, const char *const *stems, size_t count, uint32_t weight)
{
	const char *turned[PHRASE_WORDS];
	if (count < 3 || count > PHRASE_WORDS)
		return;
	for (size_t i = 1; i + 1 < count; i++)
		if (!strcmp(stems[i], "of")) {
			size_t behind = count - i - 1;
			memcpy(turned, stems + i + 1, behind * sizeof *turned);
			memcpy(turned + behind, stems, i * sizeof *turned);
			add(to, turned, count - 1, weight * 9 / 10);
			return;
		}
}

/* "employee count", "number employees": "number of employees". */
static void add_counted(const struct saying *to, const struct name *name, uint32_t from)
{
	const char *stems[PHRASE_WORDS] = {"number", "of"};
	uint32_t count = name->count - from, behind = 0;
	if (count < 2 || count > 8)
		return;
	if (!strcmp(name->words[from], "number") && strcmp(name->words[from + 1], "of") != 0)
		behind = from + 1;
	else if (strcmp(name->words[name->count - 1], "count") != 0)
		return;
	stems[0] = words_stem(&to->draft->pool, "number");
	memcpy(stems + 2, name->stems + (behind ? behind : from), (count - 1) * sizeof *stems);
	if (stems[0])
		add(to, stems, count + 1, 950);
}

/* "zip code": "zipcode" */
static void add_glued(const struct saying *to, const struct name *name, uint32_t from)
{
	struct pool *pool = &to->draft->pool;
	const char *glued, *stem;
	if (name->count - from != 2)
		return;
	glued = pool_print(pool, "%s%s", name->words[from], name->words[from + 1]);
	stem = glued ? words_stem(pool, glued) : NULL;
	if (stem)
		put(to, stem, 1, 850);
}

/* "gradepoint": "grade point", where something else is called a grade. */
static void add_unglued(const struct saying *to, const struct name *name, uint32_t from)
{
	struct pool *pool = &to->draft->pool;
	for (uint32_t i = from; i < name->count; i++) {
		const char *word = name->words[i];
		size_t n = strlen(word);
		for (size_t at = 4; n >= 8 && at + 4 <= n; at++) {
			const char *first = pool_copy(pool, word, at), *a, *b;
			if (!first || (!word_is_known(to->draft, first) &&
			                      !word_is_known(to->draft, word + at)))
				continue;
			a = words_stem(pool, first);
			b = words_stem(pool, word + at);
			if (!a || !b)
				return;
			a = join(pool, name->stems + from, name->count - from, i - from,
			        pool_print(pool, "%s %s", a, b));
			if (a)
				put(to, a, count_words(a), 850);
		}
	}
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* Words at the end that say no more than the unit, or a number. */
static uint32_t without_units(const struct name *name, uint32_t from, uint32_t count)
{
	uint32_t n = count;
	while (n > from + 1 &&
	        (is_number(name->words[n - 1]) || word_in(name->words[n - 1], units)))
		n--;
	while (n < count && n > from + 1 && word_in(name->words[n - 1], small_words))
		n--;
	return n;
}

/* "length_feet": "length in feet" */
static void add_in_unit(
        const struct saying *to, const struct name *name, uint32_t from, uint32_t end)
{
	const char *stems[PHRASE_WORDS];
	uint32_t count = name->count - from;
	if (end >= name->count || count + 1 > PHRASE_WORDS ||
	        word_in(name->words[end], small_words) || is_number(name->words[end]))
		return;
	memcpy(stems, name->stems + from, (end - from) * sizeof *stems);
	stems[end - from] = "in";
	memcpy(stems + (end - from) + 1, name->stems + end, (name->count - end) * sizeof *stems);
	add_plain(to, stems, count + 1, 1000);
}

/* "mean_temperature": "average temperature" */
static void add_averages(
        const struct saying *to, const struct name *name, uint32_t from, uint32_t weight)
{
	static const char *const same[][2] = {{"mean", "average"}, {"average", "mean"},
	        {"maximum", "highest"}, {"minimum", "lowest"}, {"max", "highest"},
	        {"min", "lowest"}};
	const char *stems[PHRASE_WORDS];
	uint32_t end = without_units(name, from, name->count);
	if (end - from < 2 || end - from > PHRASE_WORDS)
		return;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		if (strcmp(name->words[from], same[i][0]) != 0)
			continue;
		memcpy(stems, name->stems + from, (end - from) * sizeof *stems);
		stems[0] = words_stem(&to->draft->pool, same[i][1]);
		if (stems[0])
			add_plain(to, stems, end - from, weight * 95 / 100);
	}
}

/* "meters" of "length_meters" */
static void note_unit(const struct saying *to, const struct name *name)
{
	struct schema *schema = to->draft->schema;
	uint32_t end = without_units(name, name->skip + name->own, name->count);
	while (end < name->count && word_in(name->words[end], small_words))
		end++;
	if (end < name->count && !is_number(name->words[end]) &&
	        schema->columns[to->index].type == COLUMN_NUMBER)
		schema->columns[to->index].unit =
		        pool_copy(&schema->pool, name->words[end], strlen(name->words[end]));
}

static void add_comment(const struct saying *to, struct askd_text comment)
{
	struct pool *pool = &to->draft->pool;
	struct words words = {0};
	const char *stems[6];
	bool cut;
	size_t n = comment.s ? strcspn(comment.s, ".,;:(\n") : 0, count = 0;
	if (!n || n > 80 || !words_read(pool, comment.s, n, &words, &cut))
		return;
	for (size_t i = 0; i < words.count; i++) {
		const struct word *word = &words.words[i];
		if (word->kind == WORD_MARK || (!count && lexicon_is_filler(word->text)))
			continue;
		if (count == 5 || !word->stem)
			return;
		stems[count++] = word->stem;
	}
	add(to, stems, count, 850);
}

/* "name" of customers is the customer name; behind a prefix of all columns any other as well. */
static void add_owned(
        const struct saying *to, const struct name *name, const struct name *owner, uint32_t weight)
{
	const char *stems[PHRASE_WORDS];
	uint32_t count = name->count - name->skip;
	if (owner->count == owner->skip || count + 1 > PHRASE_WORDS || (count > 1 && !name->skip))
		return;
	stems[0] = owner->stems[owner->count - 1];
	memcpy(stems + 1, name->stems + name->skip, count * sizeof *stems);
	add_plain(to, stems, count + 1, weight);
}

static bool has_stem(const struct name *name, const char *stem)
{
	for (uint32_t i = 0; i < name->count; i++)
		if (!strcmp(name->stems[i], stem))
			return true;
	return false;
}

/* "department name" of an instructor is hardly his "name", if he has one himself. */
static uint32_t weight_of_end(
        const struct draft *draft, const struct schema_table *table, uint32_t index)
{
	const struct name *name = &draft->columns[index];
	const struct name *owner = &draft->tables[table - draft->schema->tables];
	if (name->own || name->count < 2 || !vocabulary_has(draft, name->words[name->skip]) ||
	        has_stem(owner, name->stems[name->skip]))
		return 1000;
	if (table->display >= 0 && table->display != (int32_t)index &&
	        !strcmp(name->words[name->count - 1], "name"))
		return 700;
	for (uint32_t i = table->first; i < table->first + table->columns; i++) {
		const struct name *other = &draft->columns[i];
		if (i != index && other->end == name->end &&
		        other->count == other->skip + other->own + 1)
			return 700;
	}
	return 1000;
}

/* The ways that one form of a column's name gives; `weight` of the best, `ends` of its last words
 * in thousandths. */
static void say_column(const struct saying *to, const struct name *name, const struct name *owner,
        uint32_t weight, uint32_t ends)
{
	uint32_t base = name->skip + name->own, end = without_units(name, base, name->count);
	bool generic = end > base && word_in(name->words[end - 1], generic_ends);
	add(to, name->stems + name->skip, name->count - name->skip, weight);
	add_turned(to, name->stems + base, name->count - base, weight);
	for (uint32_t from = 0; from < name->skip; from++)
		add_plain(to, name->stems + from, name->count - from, weight);
	if (name->own)
		add(to, name->stems + base, name->count - base, weight * 9 / 10);
	else
		add_owned(to, name, owner, weight * 9 / 10);
	add_counted(to, name, base);
	add_glued(to, name, base);
	add_unglued(to, name, base);
	if (name->count - base > 1 && word_in(name->words[base], truth_starts)) {
		base++;
		add(to, name->stems + base, name->count - base, weight * 95 / 100);
	}
	if (end < name->count)
		add(to, name->stems + base, end - base, weight * 9 / 10);
	add_in_unit(to, name, base, end);
	add_averages(to, name, base, weight);
	/* One word less in front, two, ... */
	for (uint32_t from = base + 1; from < end; from++) {
		uint32_t less = 800 - 100 * (from - base - 1);
		if (less < 500 || word_in(name->words[from], small_words))
			break;
		add(to, name->stems + from, end - from, less * weight / 1000 * ends / 1000);
		if (generic && from + 1 < end)
			add(to, name->stems + from, end - from - 1, 600 * weight / 1000);
	}
	if (generic && end > base + 1)
		add(to, name->stems + base, end - base - 1, 780 * weight / 1000);
	else if (generic && name->own)
		add_plain(to, name->stems + name->skip, name->own, 500);
	/* What stands before "of", "in", "per": "price in dollars". */
	for (uint32_t i = base + 1; i + 1 < end; i++)
		if (word_in(name->words[i], small_words)) {
			add(to, name->stems + base, i - base, 700 * weight / 1000);
			break;
		}
}

static void say_table(const struct saying *to, const struct name *name, uint32_t weight)
{
	const struct schema_table *table = &to->draft->schema->tables[to->index];
	uint32_t base = name->skip, end = name->count;
	add(to, name->stems, end, weight);
	if (base)
		add(to, name->stems + base, end - base, weight * 97 / 100);
	add_turned(to, name->stems + base, end - base, weight);
	while (end > base + 1 && is_number(name->words[end - 1]))
		end--;
	while (end > base + 1 && word_in(name->words[end - 1], small_words))
		end--;
	if (end < name->count)
		add(to, name->stems + base, end - base, weight * 9 / 10);
	if (name_core(name) < end) {
		end = name_core(name);
		add(to, name->stems + base, end - base, weight * 88 / 100);
	}
	if (end > base + 1 && word_in(name->words[base], truth_starts))
		add(to, name->stems + base + 1, end - base - 1, weight * 8 / 10);
	add_glued(to, name, base);
	add_unglued(to, name, base);
	for (uint32_t from = base + 1; from < end; from++)
		if (!word_in(name->words[from], small_words) &&
		        (!word_in(name->words[from - 1], small_words) ||
		                word_in(name->words[from - 1], joining)))
			add(to, name->stems + from, end - from,
			        weight * (from + 1 == end ? 80 : 85) / 100);
	/* Before "of", "with", "in": "documents with expenses" are documents. */
	for (uint32_t i = base + 1; i < end; i++)
		if (word_in(name->words[i], small_words)) {
			add(to, name->stems + base, i - base, weight * 7 / 10);
			break;
		}
	if (table->junction && end - base == 2) {
		add_plain(to, name->stems + base, 1, 400);
		add_plain(to, name->stems + base + 1, 1, 400);
	}
}

/* ---- the sorted array --------------------------------------------------------------------------
 */

static int compare_phrases(const void *a, const void *b)
{
	const struct schema_phrase *x = a, *y = b;
	int c = strcmp(x->stems, y->stems);
	if (c)
		return c;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return (x->weight < y->weight) - (x->weight > y->weight);
}

static int compare_weights(const void *a, const void *b)
{
	const struct schema_phrase *x = a, *y = b;
	int c = strcmp(x->stems, y->stems);
	if (c)
		return c;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool same_thing(const struct schema_phrase *a, const struct schema_phrase *b)
{
	return a->kind == b->kind && a->index == b->index && !strcmp(a->stems, b->stems);
}

/* Each way once, with its best weight; equal texts stand once in memory. */
static bool pack(struct draft *draft)
{
	struct schema *schema = draft->schema;
	size_t kept = 0;
	if (!draft->phrase_count)
		return true;
	qsort(draft->phrases, draft->phrase_count, sizeof *draft->phrases, compare_phrases);
	for (size_t i = 0; i < draft->phrase_count; i++)
		if (!kept || !same_thing(&draft->phrases[kept - 1], &draft->phrases[i]))
			draft->phrases[kept++] = draft->phrases[i];
	qsort(draft->phrases, kept, sizeof *draft->phrases, compare_weights);
	schema->phrases = pool_alloc(&schema->pool, kept * sizeof *schema->phrases);
	if (!schema->phrases)
		return false;
	for (size_t i = 0; i < kept; i++) {
		struct schema_phrase *phrase = &schema->phrases[i];
		*phrase = draft->phrases[i];
		phrase->stems =
		        i && !strcmp(phrase[-1].stems, phrase->stems)
		                ? phrase[-1].stems
		                : pool_copy(&schema->pool, phrase->stems, strlen(phrase->stems));
		if (!phrase->stems)
			return false;
	}
	schema->phrase_count = kept;
	return true;
}

/* What names a row is its name, whatever it is called. */
static void say_display(struct draft *draft, const struct schema_table *table)
{
	const struct saying to = {draft, PHRASE_COLUMN, (uint32_t)table->display};
	const struct name *owner = &draft->tables[table - draft->schema->tables];
	static const char *const words[] = {"name", "title"};
	for (size_t i = 0; i < 2; i++) {
		const char *stems[2] = {
		        owner->stems[owner->count - 1], words_stem(&draft->pool, words[i])};
		if (!stems[1])
			return;
		add_plain(&to, stems, 2, NAMELESS);
		add_plain(&to, stems + 1, 1, NAMELESS);
	}
}

bool phrases_make(struct draft *draft)
{
	const struct schema *schema = draft->schema;
	for (uint32_t i = 0; i < schema->table_count; i++) {
		const struct schema_table *table = &schema->tables[i];
		const struct name *owner = &draft->tables[i];
		struct saying to = {draft, PHRASE_TABLE, i};
		if (owner->count)
			say_table(&to, owner, 1000);
		if (owner->raw)
			say_table(&to, owner->raw, AS_WRITTEN);
		add_comment(&to, draft->told[i]->comment);
		to.kind = PHRASE_COLUMN;
		for (uint32_t j = 0; j < table->columns; j++) {
			const struct name *name = &draft->columns[table->first + j];
			uint32_t ends = weight_of_end(draft, table, table->first + j);
			to.index = table->first + j;
			if (name->count) {
				say_column(&to, name, owner, 1000, ends);
				note_unit(&to, name);
			}
			if (name->raw)
				say_column(&to, name->raw, owner, AS_WRITTEN, ends);
			add_comment(&to, draft->told[i]->columns[j]->comment);
		}
		if (owner->count && table->display >= 0 && table->display2 < 0)
			say_display(draft, table);
	}
	return !draft->pool.failed && pack(draft);
}
