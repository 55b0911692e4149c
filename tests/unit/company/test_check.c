/* test_check.c: what askd-company-check takes for a right answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check.h"

static bool agrees(const char *expected, const char *rows, bool ordered)
{
	json_t *a = json_loads(expected, 0, NULL), *b = json_loads(rows, 0, NULL);
	bool result;
	assert_non_null(a);
	assert_non_null(b);
	result = check_agrees(a, b, ordered);
	json_decref(a);
	json_decref(b);
	return result;
}

static void columns_may_stand_anywhere_among_others(void **state)
{
	(void)state;
	assert_true(agrees("[[\"a\", 1], [\"b\", 2]]", "[[7, 1, \"a\"], [8, 2, \"b\"]]", false));
	assert_false(agrees("[[\"a\", 1], [\"b\", 2]]", "[[2, \"a\"], [1, \"b\"]]", false));
	assert_false(agrees("[[\"a\", 1]]", "[[\"a\"]]", false));
}

static void rows_are_neither_more_nor_fewer(void **state)
{
	(void)state;
	assert_false(agrees("[[1], [2]]", "[[1]]", false));
	assert_false(agrees("[[1]]", "[[1], [1]]", false));
	assert_false(agrees("[[1], [1], [2]]", "[[1], [2], [2]]", false));
	assert_false(agrees("[[1]]", "[]", false));
	assert_false(agrees("[[1]]", "{}", false));
}

static void order_counts_where_it_was_asked_for(void **state)
{
	(void)state;
	assert_true(agrees("[[1], [2]]", "[[2], [1]]", false));
	assert_false(agrees("[[1], [2]]", "[[2], [1]]", true));
	assert_true(agrees("[[1], [2]]", "[[1], [2]]", true));
}

static void numbers_agree_to_seven_digits(void **state)
{
	(void)state;
	assert_true(agrees("[[0.1234567]]", "[[0.12345671]]", false));
	assert_true(agrees("[[3]]", "[[3.0]]", false));
	assert_false(agrees("[[1.001]]", "[[1.002]]", false));
	assert_false(agrees("[[1]]", "[[\"1\"]]", false));
	assert_false(agrees("[[null]]", "[[\"NULL\"]]", false));
}

static const struct check named = {.question = "What is {}?",
        .value = "SELECT 'n' || (:seed % 3)",
        .sql = "SELECT :value || '!', NULL, 1.5, 2"};

static void question_names_the_value_that_the_answer_is_for(void **state)
{
	sqlite3 *db = NULL;
	json_t *rows = NULL, *want = json_loads("[[\"n2!\", null, 1.5, 2]]", 0, NULL);
	char *question = NULL;
	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_true(check_prepare(&named, db, 5, &question, &rows));
	assert_string_equal(question, "What is n2?");
	assert_true(json_equal(rows, want));
	json_decref(rows);
	json_decref(want);
	free(question);
	sqlite3_close(db);
}

static void database_that_fails_is_no_answer(void **state)
{
	sqlite3 *db = NULL;
	json_t *rows = NULL;
	char *question = NULL;
	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_false(check_prepare(&check_list[0], db, 5, &question, &rows));
	assert_null(question);
	assert_null(rows);
	sqlite3_close(db);
}

static void five_of_the_questions_have_no_answer(void **state)
{
	size_t without = 0;
	(void)state;
	for (size_t i = 0; i < CHECKS; i++) {
		without += !check_list[i].sql;
		assert_non_null(check_list[i].question);
	}
	assert_int_equal(without, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(columns_may_stand_anywhere_among_others),
	        cmocka_unit_test(rows_are_neither_more_nor_fewer),
	        cmocka_unit_test(order_counts_where_it_was_asked_for),
	        cmocka_unit_test(numbers_agree_to_seven_digits),
	        cmocka_unit_test(question_names_the_value_that_the_answer_is_for),
	        cmocka_unit_test(database_that_fails_is_no_answer),
	        cmocka_unit_test(five_of_the_questions_have_no_answer)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
