/* The lexicon: that its tables are sound and are found by stem. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lexicon.h"
#include "lexicon_inside.h"
#include "words.h"

static bool has(const char *const *list, const char *stem)
{
	for (; list && *list; list++)
		if (!strcmp(*list, stem))
			return true;
	return false;
}

static bool are_synonyms(const char *a, const char *b)
{
	struct pool pool = {0};
	const char *x = words_stems(&pool, a, strlen(a)), *y = words_stems(&pool, b, strlen(b));
	bool found;
	assert_non_null(x);
	assert_non_null(y);
	found = has(lexicon_synonyms(x), y);
	assert_int_equal(found, has(lexicon_synonyms(y), x));
	pool_finish(&pool);
	return found;
}

static void synonyms_go_both_ways(void **state)
{
	static const char *const pairs[][2] = {{"clients", "customer"}, {"staff", "employees"},
	        {"city", "towns"}, {"supplier", "vendors"}, {"pupils", "student"},
	        {"film", "movies"}, {"surname", "last name"}, {"date of birth", "birthday"},
	        {"telephone", "phone number"}, {"how old", "age"}};
	static const char *const others[][2] = {{"city", "address"}, {"customer", "employee"},
	        {"price", "salary"}, {"supplier", "customer"}, {"singer", "song"},
	        {"live", "city"}};
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (!are_synonyms(pairs[i][0], pairs[i][1]))
			fail_msg("%s and %s", pairs[i][0], pairs[i][1]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (are_synonyms(others[i][0], others[i][1]))
			fail_msg("%s and %s", others[i][0], others[i][1]);
	assert_null(lexicon_synonyms("no such stem"));
}

/* Words that ask for a computation, an order or a form of answer name no column by another name. */
static void words_that_steer_a_question_are_no_synonyms(void **state)
{
	static const char *const words[] = {"show", "list", "find", "give", "display", "return",
	        "how", "many", "much", "number", "count", "total", "sum", "average", "mean",
	        "maximum", "minimum", "highest", "lowest", "most", "least", "fewest", "more",
	        "less", "than", "each", "every", "per", "both", "not", "no", "never", "without",
	        "distinct", "different", "unique", "common", "between", "first", "last", "next",
	        "same", "other", "above", "below", "over", "under", "sort", "ascending",
	        "descending", "top", "contain", "include", "exist", "use"};
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct pool pool = {0};
		const char *stem = words_stems(&pool, words[i], strlen(words[i]));
		assert_non_null(stem);
		if (lexicon_synonyms(stem))
			fail_msg("%s means %s", words[i], *lexicon_synonyms(stem));
		pool_finish(&pool);
	}
}

static size_t count_parts(const char *list)
{
	size_t count = 1;
	for (; *list; list++)
		count += *list == '|';
	return count;
}

static void tables_of_synonyms_are_sound(void **state)
{
	size_t count = 0;
	(void)state;
	for (const char *const *group = lexicon_groups; *group; group++, count++) {
		if (count_parts(*group) < 2 || count_parts(*group) > 24 || strchr(*group, ':'))
			fail_msg("%s", *group);
		for (const char *const *other = lexicon_groups; other < group; other++)
			if (!strcmp(*other, *group))
				fail_msg("twice: %s", *group);
	}
	assert_true(count >= 400);
	for (const char *const *verb = lexicon_verbs; *verb; verb++)
		if (!strchr(*verb, ':') || strstr(*verb, ": "))
			fail_msg("%s", *verb);
}

static void verbs_speak_of_nouns(void **state)
{
	struct pool pool = {0};
	(void)state;
	assert_true(has(lexicon_verb(words_stem(&pool, "lives")), words_stem(&pool, "city")));
	assert_true(has(lexicon_verb(words_stem(&pool, "earned")), "salari"));
	assert_true(has(lexicon_verb(words_stem(&pool, "wrote")), "author"));
	assert_null(lexicon_verb("citi"));
	pool_finish(&pool);
}

static void abbreviations_are_spelt_out(void **state)
{
	(void)state;
	assert_string_equal(lexicon_expand("qty"), "quantity");
	assert_string_equal(lexicon_expand("fname"), "first name");
	assert_string_equal(lexicon_expand("dob"), "birth date");
	assert_null(lexicon_expand("quantity"));
	assert_null(lexicon_expand(""));
	assert_true(lexicon_abbreviation_count >= 250);
	for (size_t i = 0; i < lexicon_abbreviation_count; i++) {
		const char *word = lexicon_abbreviations[i].word;
		if (lexicon_expand(word) != lexicon_abbreviations[i].words)
			fail_msg("%s is not in its place", word);
		if (!strcmp(word, lexicon_abbreviations[i].words))
			fail_msg("%s means itself", word);
	}
}

static void adjectives_speak_of_columns(void **state)
{
	int degree = -1;
	const struct lexicon_adjective *found = lexicon_adjective("old", &degree);
	(void)state;
	assert_non_null(found);
	assert_int_equal(degree, 0);
	assert_int_equal(found->direction, 1);
	assert_string_equal(found->columns[0], "age");
	assert_true(has(found->columns, "-birth date"));
	assert_ptr_equal(lexicon_adjective("older", &degree), found);
	assert_int_equal(degree, 1);
	assert_ptr_equal(lexicon_adjective("oldest", &degree), found);
	assert_int_equal(degree, 2);
	found = lexicon_adjective("cheapest", &degree);
	assert_non_null(found);
	assert_int_equal(found->direction, -1);
	assert_string_equal(found->columns[0], "price");
	assert_null(lexicon_adjective("singer", &degree));
	found = lexicon_adjective("recently", &degree);
	assert_non_null(found);
	assert_int_equal(degree, 0);
	assert_string_equal(found->word, "recent");
	found = lexicon_adjective("earned", &degree);
	assert_non_null(found);
	assert_int_equal(degree, 3);
	assert_string_equal(found->columns[0], "salari");
	assert_null(lexicon_adjective("last", &degree));
}

static void every_adjective_is_found(void **state)
{
	size_t count = 0;
	(void)state;
	for (const struct lexicon_adjective_entry *entry = lexicon_adjectives; entry->word;
	        entry++, count++) {
		const char *const forms[] = {entry->word, entry->more, entry->most};
		for (int i = 0; i < 3; i++) {
			int degree = -1;
			const struct lexicon_adjective *found =
			        forms[i] ? lexicon_adjective(forms[i], &degree) : NULL;
			if (!forms[i])
				continue;
			assert_non_null(found);
			if (degree != i || strcmp(found->word, entry->word) != 0)
				fail_msg("%s stands twice", forms[i]);
			assert_non_null(found->columns[0]);
			assert_true(found->direction == 1 || found->direction == -1);
		}
	}
	assert_true(count >= 100);
}

static void fillers_carry_nothing(void **state)
{
	static const char *const contents[] = {"not", "no", "never", "without", "each", "every",
	        "per", "both", "or", "more", "less", "than", "least", "most", "between",
	        "different", "distinct", "average", "only", "except", "but", "either", "neither",
	        "same", "other", "another", "number", "total", "first", "last", "top", "before",
	        "after", "since", "until", "under", "over", "above", "below", "customer", "name"};
	(void)state;
	assert_int_equal(lexicon_is_filler("the"), 1);
	assert_int_equal(lexicon_is_filler("please"), 1);
	assert_int_equal(lexicon_is_filler("'s"), 1);
	assert_int_equal(lexicon_is_filler("took"), 2);
	for (size_t i = 0; i < lexicon_weak_verb_count; i++)
		if (lexicon_is_filler(lexicon_weak_verbs[i]) != 2)
			fail_msg("%s is not in its place", lexicon_weak_verbs[i]);
	for (size_t i = 0; i < lexicon_filler_count; i++)
		if (lexicon_is_filler(lexicon_fillers[i]) != 1)
			fail_msg("%s is not in its place", lexicon_fillers[i]);
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
		if (lexicon_is_filler(contents[i]))
			fail_msg("%s", contents[i]);
}

static void *look(void *unused)
{
	int degree;
	(void)unused;
	return lexicon_synonyms("custom") && lexicon_adjective("old", &degree) ? (void *)"found"
	                                                                       : NULL;
}

static void threads_share_the_tables(void **state)
{
	pthread_t threads[8];
	(void)state;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, NULL), 0);
	for (size_t i = 0; i < 8; i++) {
		void *found = NULL;
		assert_int_equal(pthread_join(threads[i], &found), 0);
		assert_non_null(found);
	}
}

#ifdef ASKD_FAULTS
#include "faults.h"

/* Runs first: the tables are made once. */
static void tables_are_made_when_there_is_memory_again(void **state)
{
	bool made = false;
	int failed = 0;
	(void)state;
	for (int at = 1; !made; at += 1 + at / 8, failed++) {
		char number[16];
		snprintf(number, sizeof number, "%d", at);
		setenv("ASKD_TEST_FAIL_ALLOC", number, 1);
		faults_arm();
		made = lexicon_synonyms("custom") != NULL;
	}
	unsetenv("ASKD_TEST_FAIL_ALLOC");
	faults_arm();
	assert_true(failed > 10);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef ASKD_FAULTS
	        cmocka_unit_test(tables_are_made_when_there_is_memory_again),
#endif
	        cmocka_unit_test(threads_share_the_tables),
	        cmocka_unit_test(synonyms_go_both_ways),
	        cmocka_unit_test(words_that_steer_a_question_are_no_synonyms),
	        cmocka_unit_test(tables_of_synonyms_are_sound),
	        cmocka_unit_test(verbs_speak_of_nouns),
	        cmocka_unit_test(abbreviations_are_spelt_out),
	        cmocka_unit_test(adjectives_speak_of_columns),
	        cmocka_unit_test(every_adjective_is_found),
	        cmocka_unit_test(fillers_carry_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
