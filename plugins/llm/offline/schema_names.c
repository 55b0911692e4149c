/* schema_names.c: identifiers taken apart into words: "stuFName" is "student first name". */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lexicon.h"
#include "schema_inside.h"

/* What ends names that were written without a mark between their words ("stuid", "hiredate"). */
static const char *const glued_ends[] = {"id", "no", "num", "name", "code", "date", "number",
        "time", "type", "price", "year", "address", "status", "ssn", NULL};
/* English words that only look like it. */
static const char *const not_glued[] = {"valid", "invalid", "paid", "prepaid", "unpaid", "grid",
        "rapid", "solid", "liquid", "fluid", "acid", "hybrid", "android", "bid", "kid", "mid",
        "rid", "aid", "said", "update", "candidate", "mandate", "surname", "nickname", "rename",
        "prototype", "piano", "casino", "volcano", "domino", "sometime", "maritime", "also",
        "unicode", "encode", "decode", "geocode", NULL};
/* First words of tables that say what kind of table it is. */
static const char *const table_marks[] = {"tbl", "tb", "tab", "table", "ref", "reference", "dim",
        "dimension", "fact", "fct", "stg", "staging", "lkp", "lookup", "vw", "xref", "mst", NULL};

/* Last words of tables that say nothing about what stands in them. */
static const char *const generic_tables[] = {"detail", "details", "info", "information", "record",
        "records", "list", "data", "table", "master", "log", NULL};

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

uint32_t name_core(const struct name *table)
{
	uint32_t end = table->count;
	while (end > table->skip + 1 && word_in(table->words[end - 1], generic_tables))
		end--;
	return end;
}

bool name_has(const struct name *name, const char *const *list)
{
	for (uint32_t i = 0; i < name->count; i++)
		if (word_in(name->words[i], list))
			return true;
	return false;
}

bool name_says(const struct name *name, const struct name *table)
{
	uint32_t n = table->count - table->skip;
	if (!n || name->count - name->skip != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(name->stems[name->skip + i], table->stems[table->skip + i]) != 0)
			return false;
	return true;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Where the words with this beginning start in the vocabulary, or end. */
static size_t bound(const struct draft *draft, const char *start, size_t n, bool end)
{
	size_t low = 0, high = draft->vocabulary_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strncmp(draft->vocabulary[middle], start, n);
		if (c < 0 || (end && !c))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The one word of the tables' names that begins with these letters; NULL: none, or several. */
static const char *vocabulary_find(const struct draft *draft, const char *start, size_t n)
{
	size_t first = bound(draft, start, n, false), end = bound(draft, start, n, true);
	const char *word = first < end ? draft->vocabulary[first] : NULL;
	/* Forms of one word ("student", "students") are one. */
	return word && !strncmp(draft->vocabulary[end - 1], word, strlen(word)) ? word : NULL;
}

bool vocabulary_has(const struct draft *draft, const char *word)
{
	const char *found = vocabulary_find(draft, word, strlen(word));
	return found && strlen(found) <= strlen(word) + 2;
}

static bool all_letters(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 'a' || s[i] > 'z')
			return false;
	return true;
}

/* Is `word` short for `full`: its first letters, or its first letter and consonants ("crs")? */
static bool abbreviates(const char *word, const char *full)
{
	size_t n = strlen(word), m = strlen(full);
	if (n + 1 >= m || *word != *full || !all_letters(word, n))
		return false;
	if (!strncmp(word, full, n))
		return true;
	if (n < 2 || strcspn(word + 1, "aeiou") < n - 1)
		return false;
	for (; *word && *full; full++)
		word += *word == *full;
	return !*word;
}

/* ---- one name ----------------------------------------------------------------------------------
 */

struct parts {
	struct draft *draft;
	const struct name *own; /* of the table whose column it is, or NULL */
	const struct name *key; /* of the table whose key has this name, or NULL */
	const char *words[32], *stems[32], *raw[32], *raw_stems[32];
	uint8_t from[32];
	uint32_t count, raw_count;
	bool changed;
};

/* "activities": "activity". */
static const char *singular(struct pool *pool, const char *word)
{
	size_t n = strlen(word);
	if (n < 4 || word[n - 1] != 's' || strchr("sui", word[n - 2]))
		return word;
	if (n > 4 && !strcmp(word + n - 3, "ies"))
		return pool_print(pool, "%.*sy", (int)n - 3, word);
	if (n > 5 && !strncmp(word + n - 4, "ss", 2))
		return pool_copy(pool, word, n - 2);
	return pool_copy(pool, word, n - 1);
}

/* What of a table's name a word is short for; NULL: nothing. */
static const char *short_for(const struct name *table, const char *word, size_t least)
{
	if (!table || strlen(word) < least)
		return NULL;
	for (uint32_t i = table->count; i-- > table->skip;)
		if (abbreviates(word, table->words[i]))
			return table->words[i];
	return NULL;
}

static bool is_word_of(struct draft *draft, const struct name *table, const char *word)
{
	const char *stem = words_stem(&draft->pool, word);
	for (uint32_t i = 0; stem && table && i < table->count; i++)
		if (!strcmp(stem, table->stems[i]))
			return true;
	return false;
}

/* What a word of a column stands for; NULL: itself. `leads`: others stand behind it. */
static const char *written_out(
        const struct parts *parts, const char *word, const char *next, bool leads)
{
	const char *known = lexicon_expand(word), *full = NULL;
	size_t n = strlen(word);
	if (is_word_of(parts->draft, parts->own, word) ||
	        is_word_of(parts->draft, parts->key, word))
		return NULL;
	if (leads && n == 1 && next && !strcmp(next, "name"))
		full = *word == 'f'   ? "first"
		       : *word == 'l' ? "last"
		       : *word == 'm' ? "middle"
		                      : NULL;
	if (leads && !full && !parts->raw_count) {
		/* The table whose key it is says it best, then its own table. */
		full = short_for(parts->key, word, 1);
		full = full ? full : short_for(parts->own, word, n == 1 ? 1 : 3);
		full = full || known ? full : short_for(parts->own, word, 2);
		if (!full && !known && (n == 1 || n >= 3) && n <= 4 && parts->own &&
		        all_letters(word, n)) {
			full = vocabulary_find(parts->draft, word, n);
			full = full && strlen(full) >= n + 2 ? full : NULL;
		}
		full = full ? singular(&parts->draft->pool, full) : NULL;
	}
	return full ? full : known;
}

static const char *stem_of(const struct parts *parts, const char *word)
{
	const char *stem = words_stem(&parts->draft->pool, word);
	return stem ? stem : word;
}

/* Bytes of the first part of a word that is two ("stuid": 3), or 0. */
static size_t glue(const struct parts *parts, const char *word)
{
	size_t n = strlen(word);
	if (!all_letters(word, n) || lexicon_expand(word) ||
	        (n > 4 && vocabulary_find(parts->draft, word, n)))
		return 0;
	for (const char *const *end = glued_ends; *end; end++) {
		size_t m = strlen(*end), rest = n - m;
		char first[32];
		if (n <= m || rest >= sizeof first || strcmp(word + rest, *end) != 0)
			continue;
		memcpy(first, word, rest);
		first[rest] = 0;
		if (!parts->key && word_in(word, not_glued))
			return 0;
		/* Beside a table whose name begins so, "aid" is the aircraft's id. */
		if (!parts->raw_count &&
		        (short_for(parts->key, first, 1) || short_for(parts->own, first, 1)))
			return rest;
		if ((rest >= 2 && lexicon_expand(first)) ||
		        (rest != 2 && vocabulary_find(parts->draft, first, rest)) ||
		        (m >= 4 && rest >= 3) || (parts->key && rest >= 4 && !strcmp(*end, "id")))
			return rest;
	}
	/* "plocation" of projects */
	if (n > 5 && !parts->raw_count && parts->own && !lexicon_synonyms(stem_of(parts, word)) &&
	        lexicon_synonyms(stem_of(parts, word + 1))) {
		const char first[2] = {*word, 0};
		return short_for(parts->own, first, 1) != NULL;
	}
	return 0;
}

static void add_words(struct parts *parts, const char *text)
{
	struct pool *pool = &parts->draft->pool;
	while (*text && parts->count < 32) {
		size_t n = strcspn(text, " ");
		char *word = n ? pool_copy(pool, text, n) : NULL;
		const char *stem = word ? words_stem(pool, word) : NULL;
		text += n + (text[n] == ' ');
		if (stem) {
			parts->from[parts->count] = (uint8_t)parts->raw_count;
			parts->words[parts->count] = word;
			parts->stems[parts->count++] = stem;
		}
	}
}

static void add_word(struct parts *parts, const char *word, const char *next, bool leads)
{
	const char *full = written_out(parts, word, next, leads);
	add_words(parts, full ? full : word);
	parts->changed |= full != NULL;
	parts->raw[parts->raw_count] = word;
	parts->raw_stems[parts->raw_count++] = words_stem(&parts->draft->pool, word);
}

static const char *const *copy_list(struct pool *pool, const char *const *list, uint32_t count)
{
	const char **copy = pool_alloc(pool, (count + 1) * sizeof *copy);
	if (copy)
		memcpy(copy, list, count * sizeof *copy);
	return copy;
}

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* Splits a name of the database. */
static bool name_read(struct draft *draft, const char *written, const struct name *own,
        const struct name *key, struct name *out)
{
	struct parts parts = {.draft = draft, .own = own, .key = key};
	struct pool *pool = &draft->pool;
	struct words split = {0};
	uint8_t *from;
	if (!words_split_name(pool, written, &split))
		return false;
	for (size_t i = 0; i < split.count && parts.raw_count < 30; i++) {
		const char *word = split.words[i].text;
		const char *next = i + 1 < split.count ? split.words[i + 1].text : NULL;
		size_t first = *word ? glue(&parts, word) : 0;
		char *start = first ? pool_copy(pool, word, first) : NULL;
		if (start) {
			add_word(&parts, start, word + first, true);
			add_word(&parts, word + first, next, false);
		} else if (*word) {
			add_word(&parts, word, next, next != NULL);
		}
	}
	from = pool_alloc(pool, parts.count + 1);
	if (from)
		memcpy(from, parts.from, parts.count);
	*out = (struct name){.words = copy_list(pool, parts.words, parts.count),
	        .stems = copy_list(pool, parts.stems, parts.count),
	        .from = from,
	        .count = parts.count,
	        .end = parts.count ? hash(parts.stems[parts.count - 1]) : 0};
	if (parts.changed) {
		out->raw = pool_alloc(pool, sizeof *out->raw);
		if (out->raw)
			*out->raw =
			        (struct name){.words = copy_list(pool, parts.raw, parts.raw_count),
			                .stems = copy_list(pool, parts.raw_stems, parts.raw_count),
			                .count = parts.raw_count};
	}
	return !pool->failed;
}

static const char *join(struct pool *pool, const char *const *words, uint32_t count)
{
	size_t n = 1;
	char *text, *end;
	for (uint32_t i = 0; i < count; i++)
		n += strlen(words[i]) + 1;
	text = end = pool_alloc(pool, n);
	for (uint32_t i = 0; text && i < count; i++) {
		if (i)
			*end++ = ' ';
		end = stpcpy(end, words[i]);
	}
	return text;
}

/* ---- prefixes ----------------------------------------------------------------------------------
 */

enum { PREFIX_NAMES = 64 /* that many are looked at */ };

/* How many of the first names have this word at this place, and more behind it? */
static size_t count_word(const struct name *names, size_t count, const char *word, uint32_t at)
{
	size_t same = 0;
	count = count < PREFIX_NAMES ? count : PREFIX_NAMES;
	for (size_t i = 0; i < count; i++)
		same += names[i].count > at + 1 && !strcmp(names[i].words[at], word);
	return same;
}

static void skip_table_prefixes(struct draft *draft)
{
	size_t count = draft->schema->table_count;
	size_t looked = count < PREFIX_NAMES ? count : PREFIX_NAMES;
	for (size_t i = 0; i < count; i++) {
		struct name *name = &draft->tables[i];
		size_t same;
		if (name->count < 2)
			continue;
		if (word_in(name->words[0], table_marks)) {
			name->skip = 1;
			continue;
		}
		/* A word before nearly all tables is the application's name. */
		same = count_word(draft->tables, count, name->words[0], 0);
		name->skip = same >= 3 && same * 10 >= looked * 7;
	}
}

/* How many leading words, from `at`, repeat the table's name. */
static uint32_t own_words(const struct name *column, const struct name *table, uint32_t at)
{
	uint32_t end = name_core(table), n = end - table->skip, i = 0;
	if (!n || column->count <= at + 1)
		return 0;
	if (column->count - at > n) {
		while (i < n && !strcmp(column->stems[at + i], table->stems[table->skip + i]))
			i++;
		if (i == n)
			return n;
	}
	return !strcmp(column->stems[at], table->stems[end - 1]) ? 1 : 0;
}

/* The word that stands at this place in nearly all names, or NULL. */
static const char *common_word(const struct name *names, size_t count, uint32_t at)
{
	size_t looked = count < PREFIX_NAMES ? count : PREFIX_NAMES;
	for (size_t i = 0; i < 2 && i < count; i++) {
		const char *word = names[i].count > at ? names[i].words[at] : NULL;
		size_t same = word ? count_word(names, count, word, at) : 0;
		if (same >= 3 && same * 10 >= looked * 7)
			return word;
	}
	return NULL;
}

static void skip_column_prefixes(struct draft *draft, const struct schema_table *table)
{
	struct name *names = draft->columns + table->first;
	struct name *owner = &draft->tables[table - draft->schema->tables];
	const char *prefix = common_word(names, table->columns, 0), *second = NULL;
	/* "sb" of the table as well as of its columns */
	if (prefix && owner->count > 1 && !owner->skip && !strcmp(prefix, owner->words[0]) &&
	        strlen(prefix) <= 3 && !lexicon_expand(prefix))
		owner->skip = 1;
	/* A thing of its own ("claim stage") is no empty prefix. */
	if (prefix && !owner->skip && vocabulary_has(draft, prefix))
		prefix = NULL;
	/* "sbTx" of all columns */
	if (prefix)
		second = common_word(names, table->columns, 1);
	if (second && (strlen(second) > 3 || vocabulary_has(draft, second)))
		second = NULL;
	for (size_t i = 0; i < table->columns; i++) {
		struct name *name = &names[i];
		name->own = own_words(name, owner, 0);
		if (name->own || !prefix || name->count < 2 || strcmp(name->words[0], prefix) != 0)
			continue;
		name->skip = 1;
		if (second && name->count > 2 && !strcmp(name->words[1], second))
			name->skip = 2;
		name->own = own_words(name, owner, name->skip);
	}
}

/* The same prefixes in the words as they stand. */
static void mark_raw(struct name *name)
{
	uint32_t behind = name->skip + name->own;
	if (!name->raw)
		return;
	name->raw->skip = name->skip < name->count ? name->from[name->skip] : 0;
	name->raw->own =
	        (behind < name->count ? name->from[behind] : name->raw->skip) - name->raw->skip;
}

/* The words of names, sorted. */
static bool collect(struct draft *draft, const struct name *names, size_t count,
        const char ***words, size_t *word_count)
{
	size_t room = 0;
	for (size_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < names[i].count; j++) {
			*words =
			        pool_grow(&draft->pool, *words, *word_count, &room, sizeof **words);
			if (!*words)
				return false;
			(*words)[(*word_count)++] = names[i].words[j];
		}
	if (*word_count)
		qsort(*words, *word_count, sizeof **words, compare_words);
	return true;
}

static bool is_among(const char *word, const char **words, size_t count)
{
	return count && bsearch(&word, words, count, sizeof *words, compare_words);
}

bool word_is_known(const struct draft *draft, const char *word)
{
	return is_among(word, draft->vocabulary, draft->vocabulary_count) ||
	       is_among(word, draft->known, draft->known_count);
}

static int compare_keys(const void *a, const void *b, void *columns)
{
	const struct schema_column *list = columns;
	return strcasecmp(list[*(const uint32_t *)a].name, list[*(const uint32_t *)b].name);
}

/* The columns that are the whole key of their table, by name. */
static bool collect_keys(struct draft *draft)
{
	const struct schema *schema = draft->schema;
	draft->keys = pool_alloc(&draft->pool, (schema->table_count + 1) * sizeof *draft->keys);
	if (!draft->keys)
		return false;
	for (size_t i = 0; i < schema->table_count; i++) {
		const struct schema_table *table = &schema->tables[i];
		uint32_t keys = 0, last = 0;
		for (uint32_t j = table->first; j < table->first + table->columns; j++)
			if (schema->columns[j].flags & COLUMN_PRIMARY) {
				keys++;
				last = j;
			}
		if (keys == 1)
			draft->keys[draft->key_count++] = last;
	}
	if (draft->key_count)
		qsort_r(draft->keys, draft->key_count, sizeof *draft->keys, compare_keys,
		        schema->columns);
	return true;
}

/* The name of the table whose key is called like this column. */
static const struct name *key_owner(const struct draft *draft, const struct schema_column *column)
{
	const struct schema *schema = draft->schema;
	const struct name *found = NULL;
	size_t low = 0, high = draft->key_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcasecmp(schema->columns[draft->keys[middle]].name, column->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < draft->key_count; low++) {
		const struct schema_column *key = &schema->columns[draft->keys[low]];
		if (strcasecmp(key->name, column->name) != 0)
			break;
		found = &draft->tables[key->table];
		if (key->table == column->table)
			break;
	}
	return found;
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
		if (!name_read(draft, schema->tables[i].name, NULL, NULL, &draft->tables[i]))
			return false;
	skip_table_prefixes(draft);
	if (!collect(draft, draft->tables, schema->table_count, &draft->vocabulary,
	            &draft->vocabulary_count) ||
	        !collect_keys(draft))
		return false;
	for (size_t i = 0; i < schema->column_count; i++) {
		const struct schema_column *column = &schema->columns[i];
		if (!name_read(draft, column->name, &draft->tables[column->table],
		            key_owner(draft, column), &draft->columns[i]))
			return false;
	}
	if (!collect(draft, draft->columns, schema->column_count, &draft->known,
	            &draft->known_count))
		return false;
	for (size_t i = 0; i < schema->table_count; i++)
		skip_column_prefixes(draft, &schema->tables[i]);
	for (size_t i = 0; i < schema->table_count; i++)
		mark_raw(&draft->tables[i]);
	for (size_t i = 0; i < schema->column_count; i++)
		mark_raw(&draft->columns[i]);
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
