/* Buffers, UTF-8, strict numbers, names that were nearly right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void buffer_grows_and_ends_in_zero(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 0);
	assert_string_equal(buffer_text(&b).s, "");
	for (int i = 0; i < 1000; i++)
		buffer_print(&b, "%d,", i);
	buffer_add_string(&b, NULL);
	buffer_add_text(&b, ASKD_LITERAL("end"));
	assert_false(b.failed);
	assert_int_equal(b.n, strlen(b.s));
	assert_int_equal(b.n, 3893);
	assert_string_equal(b.s + b.n - 7, "999,end");
	buffer_finish(&b);
	assert_null(b.s);
	assert_string_equal(buffer_text(&b).s, "");
	buffer_finish(NULL);
}

static void buffer_failure_is_sticky(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 5);
	buffer_add(&b, "12345", 5);
	assert_false(b.failed);
	buffer_add(&b, "6", 1);
	assert_true(b.failed);
	buffer_add(&b, "", 0);
	assert_null(buffer_text(&b).s);
	buffer_finish(&b);
	buffer_init(&b, 5);
	buffer_print(&b, "%s", "123456");
	assert_true(b.failed);
	buffer_clear(&b);
	buffer_add(&b, "ok", 2);
	assert_string_equal(b.s, "ok");
	buffer_clear(&b);
	assert_string_equal(b.s, "");
	buffer_add(&b, "x", SIZE_MAX);
	assert_true(b.failed);
	buffer_finish(&b);
}

static void utf8_is_strict(void **state)
{
	static const char *const good[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
	        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf0\x90\x80\x80",
	        "\xf4\x8f\xbf\xbf", "gr\xc3\xbc\xc3\x9f"};
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x",
	        "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
	        "\xf5\x80\x80\x80", "\xf0\x9f\x92", "\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(text_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_is_valid(bad[i], strlen(bad[i])));
	assert_false(text_is_valid("a\0b", 3));
}

static void cut_keeps_characters_whole(void **state)
{
	(void)state;
	assert_int_equal(text_cut("abc", 3, 5), 3);
	assert_int_equal(text_cut("abc", 3, 2), 2);
	assert_int_equal(text_cut("a\xe2\x82\xac", 4, 3), 1);
	assert_int_equal(text_cut("a\xe2\x82\xac", 4, 4), 4);
	assert_int_equal(text_cut("\xe2\x82\xac", 3, 2), 0);
	assert_true(text_is(ASKD_LITERAL("x"), "x"));
	assert_false(text_is(ASKD_LITERAL("x"), "y"));
	assert_false(text_is((struct askd_text){NULL, 0}, ""));
}

static void nearest_name_is_a_slip_not_a_guess(void **state)
{
	static const char *const names[] = {"model", "base_url", "api_key", "by", "timeout", NULL};

	(void)state;
	assert_string_equal(text_nearest("modle", names), "model");
	assert_string_equal(text_nearest("Model", names), "model");
	assert_string_equal(text_nearest("base-url", names), "base_url");
	assert_string_equal(text_nearest("apikey", names), "api_key");
	assert_string_equal(text_nearest("byy", names), "by");
	assert_string_equal(text_nearest("timout", names), "timeout");
	assert_null(text_nearest("colour", names));
	assert_null(text_nearest("x", names));
	assert_null(text_nearest("", names));
	assert_null(text_nearest("model", NULL));
	assert_null(text_nearest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        names));
}

static void integers_are_strict(void **state)
{
	static const char *const bad[] = {"", "-", "+", "1 ", " 1", "1x", "0x10", "1.0",
	        "9223372036854775808", "-9223372036854775809"};
	int64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_to_int(bad[i], &value));
	assert_false(text_to_int(NULL, &value));
	assert_int_equal(value, 7);
	assert_true(text_to_int("-9223372036854775808", &value));
	assert_true(value == INT64_MIN);
	assert_true(text_to_int("9223372036854775807", &value));
	assert_true(value == INT64_MAX);
	assert_true(text_to_int("+007", &value));
	assert_int_equal(value, 7);
}

static void durations_and_sizes_need_their_unit(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_true(text_to_duration("500ms", &value));
	assert_int_equal(value, 500);
	assert_true(text_to_duration("20s", &value));
	assert_int_equal(value, 20000);
	assert_true(text_to_duration("5m", &value));
	assert_int_equal(value, 300000);
	assert_true(text_to_duration("8h", &value));
	assert_int_equal(value, 28800000);
	assert_true(text_to_duration("2d", &value));
	assert_int_equal(value, 172800000);
	assert_false(text_to_duration("1.5h", &value));
	assert_false(text_to_duration("20", &value));
	assert_false(text_to_duration("20 s", &value));
	assert_false(text_to_duration("-1s", &value));
	assert_false(text_to_duration("s", &value));
	assert_false(text_to_duration("9223372036854775807d", &value));
	assert_true(text_to_size("64K", &value));
	assert_int_equal(value, 65536);
	assert_true(text_to_size("8MiB", &value));
	assert_int_equal(value, 8388608);
	assert_true(text_to_size("1G", &value));
	assert_int_equal(value, 1073741824);
	assert_true(text_to_size("17", &value));
	assert_int_equal(value, 17);
	assert_false(text_to_size("1T", &value));
	assert_false(text_to_size("-1", &value));
	assert_false(text_to_size("", &value));
}

static void decimals_are_exact_or_refused(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_true(text_to_scaled("0.075", 6, &value));
	assert_int_equal(value, 75000);
	assert_true(text_to_scaled("-1.5", 3, &value));
	assert_int_equal(value, -1500);
	assert_true(text_to_scaled("2", 6, &value));
	assert_int_equal(value, 2000000);
	assert_true(text_to_scaled("1.5000000", 1, &value));
	assert_int_equal(value, 15);
	assert_false(text_to_scaled("0.0000001", 6, &value));
	assert_false(text_to_scaled("1.", 6, &value));
	assert_false(text_to_scaled(".5", 6, &value));
	assert_false(text_to_scaled("1e3", 6, &value));
	assert_false(text_to_scaled("", 6, &value));
	assert_false(text_to_scaled("9223372036854", 12, &value));
	assert_int_equal(value, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(buffer_grows_and_ends_in_zero),
	        cmocka_unit_test(buffer_failure_is_sticky), cmocka_unit_test(utf8_is_strict),
	        cmocka_unit_test(cut_keeps_characters_whole),
	        cmocka_unit_test(nearest_name_is_a_slip_not_a_guess),
	        cmocka_unit_test(integers_are_strict),
	        cmocka_unit_test(durations_and_sizes_need_their_unit),
	        cmocka_unit_test(decimals_are_exact_or_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
