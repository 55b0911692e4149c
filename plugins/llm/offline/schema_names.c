/* schema_names.c: identifiers taken apart into words: "stuFName" is "student first name". */
#include <stdlib.h>
#include <string.h>

#include "lexicon.h"
#include "schema_inside.h"

/* What ends names that were written without a mark between their words ("stuid", "hiredate"). */
static const char *const glued_ends[] = {"id", "no", "num", "name", "code", "date", "number",
        "time", "type", "price", "year", "address", "status", NULL};
/* English words that only look like it. */
static const char *const not_glued[] = {"valid", "invalid", "paid", "prepaid", "unpaid", "grid",
        "rapid", "solid", "liquid", "fluid", "acid", "hybrid", "android", "update", "candidate",
        "mandate", "surname", "nickname", "prototype", "piano", "casino", "volcano", "domino",
        "sometime", "maritime", NULL};
/* First words of tables that say what kind of table it is. */
static const char *const table_marks[] = {"tbl", "tb", "tab", "ref", "reference", "dim",
        "dimension", "fact", "fct", "stg", "staging", "lkp", "lookup", "vw", "xref", "mst", NULL};

bool word_in(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

bool name_ends(const struct name *name, const char *const *list)
{
	return name->count && word_in(name->words[name->count - 1], list);
}

bool name_has(const struct name *name, const char *const *list)
{
	for (uint32_t i = 0; i < name->count; i++)
		if (word_in(name->words[i], list))
			return true;
	return false;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The one word of the tables' names that begins with these letters; NULL: none, or several. */
static const char *vocabulary_find(const struct draft *draft, const char *start, size_t n)
{
	size_t low = 0, high = draft->vocabulary_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strncmp(draft->vocabulary[middle], start, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == draft->vocabulary_count || strncmp(draft->vocabulary[low], start, n) != 0)
		return NULL;
	if (draft->vocabulary[low][n] && low + 1 < draft->vocabulary_count &&
	        !strncmp(draft->vocabulary[low + 1], start, n) &&
	        strncmp(draft->vocabulary[low + 1], draft->vocabulary[low],
	                strlen(draft->vocabulary[low])) != 0)
		return NULL;
	return draft->vocabulary[low];
}

static bool all_letters(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 'a' || s[i] > 'z')
			return false;
	return true;
}

/* Bytes of the first part of a word that is two ("stuid": 3), or 0. */
static size_t glue(const struct draft *draft, const char *word)
{
	size_t n = strlen(word);
	if (!all_letters(word, n) || word_in(word, not_glued) || lexicon_expand(word) ||
	        (vocabulary_find(draft, word, n) && n > 4))
		return 0;
	for (const char *const *end = glued_ends; *end; end++) {
		size_t m = strlen(*end), rest = n - m;
		char first[32];
		if (n < m + 2 || rest >= sizeof first || strcmp(word + rest, *end) != 0)
			continue;
		memcpy(first, word, rest);
		first[rest] = 0;
		if (lexicon_expand(first) || (rest >= 3 && vocabulary_find(draft, first, rest)) ||
		        (m >= 4 && rest >= 3))
			return rest;
	}
	return 0;
}

/* Is `word` short for `full`: its first letters, or some of its letters in order ("crs")? */
static bool abbreviates(const char *word, const char *full)
{
	size_t n = strlen(word), m = strlen(full);
	if (n < 2 || n + 1 >= m || *word != *full || !all_letters(word, n))
		return false;
	if (!strncmp(word, full, n))
		return n >= 3;
	for (; *word && *full; full++)
		word += *word == *full;
	return !*word;
}

/* ---- one name ----------------------------------------------------------------------------------
 */

struct parts {
	struct draft *draft;
	const char *words[32], *stems[32];
	uint32_t count;
	bool changed; /* not what stands there */
};

static void add_words(struct parts *parts, const char *text)
{
	while (*text && parts->count < 32) {
		size_t n = strcspn(text, " ");
		char *word = n ? pool_copy(&parts->draft->pool, text, n) : NULL;
		const char *stem = word ? words_stem(&parts->draft->pool, word) : NULL;
		text += n + (text[n] == ' ');
		if (stem) {
			parts->words[parts->count] = word;
			parts->stems[parts->count++] = stem;
		}
	}
}

/* One word as it stands, written out. `table`: whose column it begins, or NULL. */
static void add_word(struct parts *parts, const char *word, const struct name *table, bool several)
{
	struct draft *draft = parts->draft;
	const char *full = lexicon_expand(word);
	size_t n = strlen(word), first;
	if (!full && table && several) {
		/* "emp" before most columns of employees, "stu" for the students of another table.
		 */
		for (uint32_t i = table->count; !full && i-- > table->skip;)
			if (abbreviates(word, table->words[i]))
				full = table->words[i];
		if (!full && n >= 3 && n <= 4 && all_letters(word, n)) {
			full = vocabulary_find(draft, word, n);
			if (full && strlen(full) < n + 2)
				full = NULL;
		}
	}
	if (full) {
		parts->changed = true;
		add_words(parts, full);
		return;
	}
	first = glue(draft, word);
	if (first) {
		char *start = pool_copy(&draft->pool, word, first);
		parts->changed = true;
		if (start) {
			add_word(parts, start, table, true);
			add_word(parts, word + first, NULL, true);
		}
		return;
	}
	add_words(parts, word);
}

static const char *join(struct pool *pool, const char *const *words, uint32_t count)
{
	size_t n = 1;
	char *text, *end;
	for (uint32_t i = 0; i < count; i++)
		n += strlen(words[i]) + 1;
	text = end = pool_alloc(pool, n);
	for (uint32_t i = 0; text && i < count; i++) {
		size_t m = strlen(words[i]);
		if (i)
			*end++ = ' ';
		memcpy(end, words[i], m);
		end += m;
	}
	return text;
}

/* Splits a name of the database. `table`: of a column; NULL for a table. */
static bool name_read(
        struct draft *draft, const char *written, const struct name *table, struct name *out)
{
	struct parts parts = {.draft = draft};
	struct words split = {0};
	const char *raw[32];
	uint32_t raws = 0;
	if (!words_split_name(&draft->pool, written, &split))
		return false;
	for (size_t i = 0; i < split.count && i < 32; i++) {
		const char *word = split.words[i].text;
		if (!*word)
			continue;
		raw[raws++] = split.words[i].stem ? split.words[i].stem : word;
		add_word(&parts, word, i == 0 ? table : NULL, split.count > 1);
	}
	out->count = parts.count;
	if (parts.count) {
		const char **words = pool_alloc(&draft->pool, parts.count * 2 * sizeof *words);
		if (!words)
			return false;
		memcpy(words, parts.words, parts.count * sizeof *words);
		memcpy(words + parts.count, parts.stems, parts.count * sizeof *words);
		out->words = words;
		out->stems = words + parts.count;
	}
	if (parts.changed && raws)
		out->raw = join(&draft->pool, raw, raws);
	return !draft->pool.failed;
}

/* ---- prefixes ----------------------------------------------------------------------------------
 */

/* How many of the names have this first word, and more behind it? */
static size_t count_first(const struct name *names, size_t count, const char *word)
{
	size_t same = 0;
	for (size_t i = 0; i < count; i++)
		same += names[i].count > 1 && !strcmp(names[i].words[0], word);
	return same;
}

static void skip_table_prefixes(struct draft *draft)
{
	size_t count = draft->schema->table_count;
	for (size_t i = 0; i < count; i++) {
		struct name *name = &draft->tables[i];
		size_t same;
		if (name->count < 2)
			continue;
		if (word_in(name->words[0], table_marks)) {
			name->skip = 1;
			continue;
		}
		/* A word before nearly all tables is the application's name; a thing of its own
		 * ("customer" beside "customer orders") has a table, or is one of few. */
		same = count_first(draft->tables, count < 64 ? count : 64, name->words[0]);
		name->skip = same >= 3 && same * 10 >= (count < 64 ? count : 64) * 7;
	}
}

/* How many leading words, from `at`, repeat the table's name. */
static uint32_t own_words(const struct name *column, const struct name *table, uint32_t at)
{
	uint32_t n = table->count - table->skip, head = table->count ? table->count - 1 : 0;
	if (!n || column->count <= at)
		return 0;
	if (column->count - at > n) {
		uint32_t i = 0;
		while (i < n && !strcmp(column->stems[at + i], table->stems[table->skip + i]))
			i++;
		if (i == n)
			return n;
	}
	return column->count - at > 1 && !strcmp(column->stems[at], table->stems[head]) ? 1 : 0;
}

static void skip_column_prefixes(struct draft *draft, const struct schema_table *table)
{
	struct name *names = draft->columns + table->first;
	const struct name *owner = &draft->tables[table - draft->schema->tables];
	const char *prefix = NULL;
	if (!table->columns)
		return;
	for (size_t i = 0; i < 2 && i < table->columns && !prefix; i++) {
		size_t same =
		        names[i].count ? count_first(names, table->columns, names[i].words[0]) : 0;
		if (same >= 3 && same * 10 >= table->columns * (size_t)7)
			prefix = names[i].words[0];
	}
	for (size_t i = 0; i < table->columns; i++) {
		names[i].own = own_words(&names[i], owner, 0);
		if (!names[i].own && prefix && names[i].count > 1 &&
		        !strcmp(names[i].words[0], prefix)) {
			names[i].skip = 1;
			names[i].own = own_words(&names[i], owner, 1);
		}
	}
}

static bool vocabulary_make(struct draft *draft)
{
	size_t room = 0;
	for (size_t i = 0; i < draft->schema->table_count; i++)
		for (uint32_t j = 0; j < draft->tables[i].count; j++) {
			draft->vocabulary = pool_grow(&draft->pool, draft->vocabulary,
			        draft->vocabulary_count, &room, sizeof *draft->vocabulary);
			if (!draft->vocabulary)
				return false;
			draft->vocabulary[draft->vocabulary_count++] = draft->tables[i].words[j];
		}
	if (draft->vocabulary_count)
		qsort(draft->vocabulary, draft->vocabulary_count, sizeof *draft->vocabulary,
		        compare_words);
	return true;
}

/* For people: without prefixes that say nothing. */
static const char *said(struct schema *schema, const struct name *name, const char *written)
{
	return name->count ? join(&schema->pool, name->words + name->skip, name->count - name->skip)
	                   : written;
}

bool names_read(struct draft *draft)
{
	struct schema *schema = draft->schema;
	struct pool *pool = &draft->pool;
	draft->tables = pool_alloc(pool, (schema->table_count + 1) * sizeof *draft->tables);
	draft->columns = pool_alloc(pool, (schema->column_count + 1) * sizeof *draft->columns);
	if (!draft->tables || !draft->columns)
		return false;
	for (size_t i = 0; i < schema->table_count; i++)
		if (!name_read(draft, schema->tables[i].name, NULL, &draft->tables[i]))
			return false;
	skip_table_prefixes(draft);
	if (!vocabulary_make(draft))
		return false;
	for (size_t i = 0; i < schema->column_count; i++) {
		const struct schema_column *column = &schema->columns[i];
		if (!name_read(
		            draft, column->name, &draft->tables[column->table], &draft->columns[i]))
			return false;
	}
	for (size_t i = 0; i < schema->table_count; i++)
		skip_column_prefixes(draft, &schema->tables[i]);
	return !pool->failed;
}

bool names_say(struct schema *schema, const struct draft *draft)
{
	for (size_t i = 0; i < schema->table_count; i++)
		schema->tables[i].words = said(schema, &draft->tables[i], schema->tables[i].name);
	for (size_t i = 0; i < schema->column_count; i++)
		schema->columns[i].words =
		        said(schema, &draft->columns[i], schema->columns[i].name);
	return !schema->pool.failed;
}
