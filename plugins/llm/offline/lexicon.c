/* lexicon.c: look-ups. The tables are written in plain words; their stems are made at the first
 * look-up and are given back when the library is unloaded. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lexicon_inside.h"
#include "words.h"

struct entry {
	const char *stem;
	const char *const *others;
};

struct form {
	const char *word;
	int degree;
	const struct lexicon_adjective *adjective;
};

struct table {
	struct entry *entries; /* sorted by stem */
	size_t count;
};

struct lexicon {
	struct pool pool;
	struct table synonyms, verbs;
	struct form *forms; /* sorted by word */
	size_t form_count;
};

static _Atomic(struct lexicon *) ready;
static pthread_mutex_t building = PTHREAD_MUTEX_INITIALIZER;

struct pair {
	const char *stem, *other;
	size_t order;
};

struct build {
	struct lexicon *lexicon;
	struct pool own; /* of the pairs */
	struct pair *pairs;
	size_t pair_count, room, form_room;
};

enum { GROUP_MAX = 24 };

/* The stems of the words of a list parted by '|'; a '-' before one stays. Returns how many. */
static size_t stem_list(struct pool *pool, const char *list, const char **stems)
{
	size_t count = 0;
	while (*list && count < GROUP_MAX) {
		size_t n = strcspn(list, "|");
		const char *stem = words_stems(pool, list + (*list == '-'), n - (*list == '-'));
		if (stem && *list == '-')
			stem = pool_print(pool, "-%s", stem);
		if (stem)
			stems[count++] = stem;
		list += n + (list[n] == '|');
	}
	return count;
}

static void add_pair(struct build *build, const char *stem, const char *other)
{
	struct pair *grown;
	if (!strcmp(stem, other))
		return;
	grown = pool_grow(
	        &build->own, build->pairs, build->pair_count, &build->room, sizeof *grown);
	if (!grown)
		return;
	build->pairs = grown;
	grown[build->pair_count] = (struct pair){stem, other, build->pair_count};
	build->pair_count++;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->stem, y->stem);
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool has(const char *const *list, size_t n, const char *stem)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], stem))
			return true;
	return false;
}

/* Puts the pairs into a table and forgets them. */
static void finish_table(struct build *build, struct table *table)
{
	struct pool *pool = &build->lexicon->pool;
	if (pool->failed || build->own.failed || !build->pair_count)
		return;
	qsort(build->pairs, build->pair_count, sizeof *build->pairs, compare_pairs);
	table->entries = pool_alloc(pool, build->pair_count * sizeof *table->entries);
	for (size_t i = 0, end; i < build->pair_count && table->entries; i = end) {
		const char **others;
		size_t used = 0;
		for (end = i; end < build->pair_count &&
		              !strcmp(build->pairs[end].stem, build->pairs[i].stem);
		        end++)
			;
		others = pool_alloc(pool, (end - i + 1) * sizeof *others);
		if (!others)
			return;
		for (size_t k = i; k < end; k++)
			if (!has(others, used, build->pairs[k].other))
				others[used++] = build->pairs[k].other;
		table->entries[table->count++] = (struct entry){build->pairs[i].stem, others};
	}
	build->pair_count = 0;
}

static void build_words(struct build *build)
{
	struct lexicon *lexicon = build->lexicon;
	const char *stems[GROUP_MAX];
	size_t count;
	for (const char *const *group = lexicon_groups; *group; group++) {
		count = stem_list(&lexicon->pool, *group, stems);
		for (size_t i = 0; i < count; i++)
			for (size_t j = 0; j < count; j++)
				add_pair(build, stems[i], stems[j]);
	}
	finish_table(build, &lexicon->synonyms);
	for (const char *const *verb = lexicon_verbs; *verb; verb++) {
		size_t n = strcspn(*verb, ":");
		const char *stem = words_stems(&lexicon->pool, *verb, n);
		count = stem_list(&lexicon->pool, *verb + n + 1, stems);
		for (size_t i = 0; stem && i < count; i++)
			add_pair(build, stem, stems[i]);
	}
	finish_table(build, &lexicon->verbs);
}

static void add_form(struct build *build, const char *word, int degree,
        const struct lexicon_adjective *adjective)
{
	struct lexicon *lexicon = build->lexicon;
	struct form *grown;
	if (!word)
		return;
	grown = pool_grow(&lexicon->pool, lexicon->forms, lexicon->form_count, &build->form_room,
	        sizeof *grown);
	if (!grown)
		return;
	lexicon->forms = grown;
	grown[lexicon->form_count++] = (struct form){word, degree, adjective};
}

static int compare_forms(const void *a, const void *b)
{
	return strcmp(((const struct form *)a)->word, ((const struct form *)b)->word);
}

/* `also`: the degree of the words of that name. */
static void build_adjectives(
        struct build *build, const struct lexicon_adjective_entry *entry, int also)
{
	struct lexicon *lexicon = build->lexicon;
	for (; entry->word; entry++) {
		struct lexicon_adjective *adjective = pool_alloc(&lexicon->pool, sizeof *adjective);
		const char **columns =
		        pool_alloc(&lexicon->pool, (GROUP_MAX + 1) * sizeof *columns);
		if (!adjective || !columns)
			return;
		stem_list(&lexicon->pool, entry->columns, columns);
		*adjective = (struct lexicon_adjective){
		        entry->word, entry->more, entry->most, entry->direction, columns};
		if (!also)
			add_form(build, entry->word, 0, adjective);
		add_form(build, entry->more, 1, adjective);
		add_form(build, entry->most, 2, adjective);
		for (const char *word = entry->also; word && *word;) {
			size_t n = strcspn(word, "|");
			add_form(build, pool_copy(&lexicon->pool, word, n), also, adjective);
			word += n + (word[n] == '|');
		}
	}
}

static void lexicon_destroy(struct lexicon *lexicon)
{
	if (!lexicon)
		return;
	pool_finish(&lexicon->pool);
	free(lexicon);
}

static struct lexicon *lexicon_create(void)
{
	struct build build = {.lexicon = calloc(1, sizeof(struct lexicon))};
	bool failed;
	if (!build.lexicon)
		return NULL;
	build_words(&build);
	build_adjectives(&build, lexicon_adjectives, 0);
	build_adjectives(&build, lexicon_measuring_verbs, 3);
	failed = build.own.failed || build.lexicon->pool.failed;
	pool_finish(&build.own);
	if (failed) {
		lexicon_destroy(build.lexicon);
		return NULL;
	}
	qsort(build.lexicon->forms, build.lexicon->form_count, sizeof *build.lexicon->forms,
	        compare_forms);
	return build.lexicon;
}

/* NULL: no memory now; the next look-up tries again. */
static const struct lexicon *lexicon(void)
{
	struct lexicon *got = atomic_load_explicit(&ready, memory_order_acquire);
	if (got)
		return got;
	pthread_mutex_lock(&building);
	got = atomic_load_explicit(&ready, memory_order_acquire);
	if (!got) {
		got = lexicon_create();
		atomic_store_explicit(&ready, got, memory_order_release);
	}
	pthread_mutex_unlock(&building);
	return got;
}

__attribute__((destructor)) static void lexicon_unload(void)
{
	lexicon_destroy(atomic_exchange(&ready, NULL));
}

static int compare_entry(const void *key, const void *element)
{
	return strcmp(key, ((const struct entry *)element)->stem);
}

static const char *const *find(const struct table *table, const char *stem)
{
	const struct entry *entry = table->count ? bsearch(stem, table->entries, table->count,
	                                                   sizeof *table->entries, compare_entry)
	                                         : NULL;
	return entry ? entry->others : NULL;
}

const char *const *lexicon_synonyms(const char *stem)
{
	const struct lexicon *all = lexicon();
	return all ? find(&all->synonyms, stem) : NULL;
}

const char *const *lexicon_verb(const char *stem)
{
	const struct lexicon *all = lexicon();
	return all ? find(&all->verbs, stem) : NULL;
}

static int compare_form(const void *key, const void *element)
{
	return strcmp(key, ((const struct form *)element)->word);
}

const struct lexicon_adjective *lexicon_adjective(const char *folded, int *degree)
{
	const struct lexicon *all = lexicon();
	const struct form *form =
	        all ? bsearch(folded, all->forms, all->form_count, sizeof *all->forms, compare_form)
	            : NULL;
	if (!form)
		return NULL;
	*degree = form->degree;
	return form->adjective;
}

static int compare_abbreviation(const void *key, const void *element)
{
	return strcmp(key, ((const struct lexicon_abbreviation *)element)->word);
}

const char *lexicon_expand(const char *word)
{
	const struct lexicon_abbreviation *found = bsearch(word, lexicon_abbreviations,
	        lexicon_abbreviation_count, sizeof *lexicon_abbreviations, compare_abbreviation);
	return found ? found->words : NULL;
}

static int compare_word(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

int lexicon_is_filler(const char *folded)
{
	if (bsearch(folded, lexicon_fillers, lexicon_filler_count, sizeof *lexicon_fillers,
	            compare_word))
		return 1;
	return bsearch(folded, lexicon_weak_verbs, lexicon_weak_verb_count,
	               sizeof *lexicon_weak_verbs, compare_word)
	               ? 2
	               : 0;
}
