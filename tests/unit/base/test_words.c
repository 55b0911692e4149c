/* What leaves the program as text: JSON, log lines, texts for persons, sealed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"

static char captured[65536];

/* What a call of log_write puts on standard error. */
static const char *capture(uint32_t level, const char *room, uint64_t id, const char *message)
{
	char file[] = "/tmp/askd-log-XXXXXX";
	int fd = mkstemp(file), saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	unlink(file);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	log_write(level, room, id, "%s", message);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, captured, sizeof captured - 1, 0);
	assert_true(n >= 0);
	captured[n] = 0;
	close(fd);
	return captured;
}

static void log_line_is_one_line(void **state)
{
	(void)state;
	clock_set_us(INT64_C(1795262624123456));
	log_init(ASKD_LOG_INFO, LOG_FORMAT_TEXT);
	assert_non_null(strstr(capture(ASKD_LOG_WARNING, "store", 4711, "hello"),
	        "Z warning store #4711 hello\n"));
	assert_int_equal(strncmp(captured, "2026-11-21T12:03:44.", 20), 0);
	assert_int_equal(captured[23], 'Z');
	assert_non_null(strstr(capture(ASKD_LOG_ERROR, "run", 0, "a\nb\x1b[31m\xff\xc3\xbc"),
	        " error run a\\nb\\x1b[31m\\xff\xc3\xbc\n"));
	assert_string_equal(capture(ASKD_LOG_DEBUG, "run", 0, "silent"), "");
	assert_false(log_wants(ASKD_LOG_DEBUG));
	clock_set_us(0);
}

static void log_json_is_json(void **state)
{
	json_t *json;

	(void)state;
	log_init(ASKD_LOG_DEBUG, LOG_FORMAT_JSON);
	capture(ASKD_LOG_DEBUG, "sql", 9, "say \"hi\"\n\xff");
	json = json_read((struct askd_text){captured, strlen(captured)}, NULL);
	assert_non_null(json);
	assert_string_equal(json_get_string(json, "level"), "debug");
	assert_string_equal(json_get_string(json, "room"), "sql");
	assert_string_equal(json_get_string(json, "id"), "9");
	assert_string_equal(json_get_string(json, "message"), "say \"hi\"\n\\xff");
	json_decref(json);
	log_init(ASKD_LOG_INFO, LOG_FORMAT_TEXT);
}

static const char *contents(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, captured, sizeof captured - 1);

	assert_true(n >= 0);
	captured[n] = 0;
	close(fd);
	return captured;
}

static void log_goes_on_in_a_new_file_when_the_old_was_moved(void **state)
{
	char folder[] = "/tmp/askd-log-XXXXXX", path[64], moved[64];
	struct askd_error error = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/askd.log", folder);
	snprintf(moved, sizeof moved, "%s/askd.log.1", folder);
	assert_int_equal(log_to_file(path, &error), ASKD_OK);
	assert_string_equal(capture(ASKD_LOG_INFO, "main", 0, "first"), "");
	assert_int_equal(log_to_file("/nowhere/askd.log", &error), ASKD_E_CONFIG);
	assert_non_null(strstr(error.message, "/nowhere/askd.log"));
	assert_int_equal(rename(path, moved), 0);
	log_write(ASKD_LOG_INFO, "main", 0, "second");
	assert_non_null(strstr(contents(moved), " info main first\n"));
	assert_null(strstr(captured, "second"));
	assert_non_null(strstr(contents(path), " info main second\n"));
	assert_int_equal(log_to_file("/dev/full", &error), ASKD_OK);
	assert_non_null(strstr(capture(ASKD_LOG_INFO, "main", 0, "no room"), "no room"));
	assert_int_equal(log_to_file(NULL, &error), ASKD_OK);
	assert_non_null(strstr(capture(ASKD_LOG_INFO, "main", 0, "third"), "third"));
	unlink(path);
	unlink(moved);
	rmdir(folder);
}

static void secret_never_reaches_the_log(void **state)
{
	char *long_message = calloc(1, 40001);

	(void)state;
	assert_non_null(long_message);
	log_hide("sk-secret-1");
	log_hide("sk-secret-1-and-more");
	log_hide("sk-secret-1");
	log_hide("short");
	log_hide(NULL);
	capture(ASKD_LOG_ERROR, "llm", 0, "key sk-secret-1 and sk-secret-1-and-more, short");
	assert_non_null(strstr(captured, "key *** and ***, short\n"));
	/* A secret that lies across the cut of a long line. */
	memset(long_message, 'x', 40000);
	memcpy(long_message + 16384 - 5, "sk-secret-1", 11);
	capture(ASKD_LOG_ERROR, "llm", 0, long_message);
	assert_null(strstr(captured, "sk-"));
	free(long_message);
}

static void excerpt_has_fifty_characters(void **state)
{
	char text[200];
	const char *excerpt;

	(void)state;
	for (size_t i = 0; i + 1 < 180; i += 2)
		memcpy(text + i, "\xc3\xbc", 2);
	excerpt = log_excerpt((struct askd_text){text, 180});
	assert_int_equal(strlen(excerpt), 100);
	assert_string_equal(log_excerpt(ASKD_LITERAL("a\nb")), "a b");
	assert_string_equal(log_excerpt((struct askd_text){"\xff", 1}), "?");
	assert_string_equal(log_excerpt((struct askd_text){NULL, 0}), "");
}

static bool reads(const char *s, size_t n, const char *complaint)
{
	struct askd_error error = {0};
	json_t *json = json_read((struct askd_text){s, n}, &error);
	bool ok = json != NULL;

	json_decref(json);
	if (complaint) {
		assert_int_equal(error.code, ASKD_E_INVALID);
		if (!strstr(error.message, complaint))
			fail_msg("%s", error.message);
	}
	return ok;
}

static void json_from_strangers_is_limited(void **state)
{
	char *bomb = malloc(200001);

	(void)state;
	assert_non_null(bomb);
	assert_true(reads("{\"a\":[1,2.5,null,\"x\"]}", 22, NULL));
	assert_false(reads("{\"a\":1,\"a\":2}", 13, "duplicate"));
	assert_false(reads("{\"a\":1}x", 8, "line 1, column 8"));
	assert_false(reads("{\n \"a\" 1}", 9, "line 2, column"));
	assert_false(reads("\"a\0b\"", 5, "line 1, column 3"));
	assert_false(reads("\"\\u0000\"", 8, "line 1"));
	assert_false(reads("\"\xc3\"", 3, "line 1, column 2"));
	assert_false(reads("", 0, "line 1"));
	assert_false(reads(NULL, 0, "no text"));
	for (size_t depth = 10; depth <= 100000; depth *= 10) {
		memset(bomb, '[', depth);
		memset(bomb + depth, ']', depth);
		assert_int_equal(reads(bomb, 2 * depth, depth > 64 ? "column 65: nested" : NULL),
		        depth <= 64);
		/* Never closed, and as objects. */
		assert_false(reads(bomb, depth, depth > 64 ? "nested" : "line 1"));
	}
	/* Brackets inside a text are no nesting. */
	memset(bomb, '[', 1000);
	bomb[0] = '"';
	bomb[500] = '\\';
	bomb[501] = '"';
	bomb[999] = '"';
	assert_true(reads(bomb, 1000, NULL));
	free(bomb);
}

/* What is called plain without a tree is what json_read takes, also after any one byte has changed.
 */
static void plain_json_is_json(void **state)
{
	static const char *const documents[] = {
	        "{\"a\":[1,-2.50e+3,null,\"x\\n\\u00e9\\\\\"],\"b\":{},\"c\":[],\"d\":true}",
	        " [ {\"k\":{\"k\":0}} , false , \"\xc3\xbc{[\\\"\" ] ", "\"text\"", "-0.5", "12"};
	static const char *const unknown[] = {"", " ", "[1,]", "{\"a\":1,\"a\":2}", "{\"a\":1,}",
	        "01", "1 2", "[1", "\"\\ud800\"", "\"\\u0000\"", "\"\\x\"", "\"a\nb\"", "truex",
	        "-", "1.", "1e", "1e999", "123456789012345678901234567890", "{1:2}", "\"\xff\"",
	        "[}", "{]"};
	static const char bytes[] = " \"\\{}[],:01-.eEu/x\n\x01\xff";

	(void)state;
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		if (json_is_plain(askd_text_of(unknown[i])))
			fail_msg("%s", unknown[i]);
	assert_false(json_is_plain((struct askd_text){NULL, 0}));
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		size_t n = strlen(documents[i]);
		char *changed = malloc(n); /* no byte more: the sanitizer sees each step too far */

		assert_non_null(changed);
		assert_true(json_is_plain(askd_text_of(documents[i])));
		for (size_t at = 0; at < n; at++)
			for (size_t k = 0; k < sizeof bytes; k++) { /* the 0 too */
				memcpy(changed, documents[i], n);
				changed[at] = bytes[k];
				if (json_is_plain((struct askd_text){changed, n}) &&
				        !reads(changed, n, NULL))
					fail_msg("%.*s", (int)n, changed);
				memcpy(changed, documents[i], n);
				if (json_is_plain((struct askd_text){changed, at}) &&
				        !reads(changed, at, NULL))
					fail_msg("%.*s", (int)at, changed);
			}
		free(changed);
	}
}

static void json_is_checked_like_it_is_read(void **state)
{
	struct askd_error error = {0};

	(void)state;
	assert_int_equal(json_check(ASKD_LITERAL("[1]"), &error), ASKD_OK);
	assert_int_equal(json_check(ASKD_LITERAL("\"\\ud83d\\ude00\""), &error), ASKD_OK);
	assert_int_equal(json_check(ASKD_LITERAL("[1,]"), &error), ASKD_E_INVALID);
	assert_non_null(strstr(error.message, "line 1"));
	assert_int_equal(json_check(ASKD_LITERAL("[1,]"), NULL), ASKD_E_INVALID);
}

static void parts_of_json_are_taken_as_they_stand(void **state)
{
	static const char *const names[] = {"a", "b", "none", "c", NULL};
	struct askd_text values[4];
	struct buffer b;

	(void)state;
	json_pick(
	        ASKD_LITERAL(" { \"x\" : \"}\\\"\" , \"b\" : [1, {\"a\": \"u v\"}] ,\"a\":true }"),
	        names, values);
	assert_true(text_is(values[0], "true"));
	assert_true(text_is(values[1], "[1, {\"a\": \"u v\"}]"));
	assert_null(values[2].s);
	assert_null(values[3].s);
	buffer_init(&b, 0);
	json_add_plain(&b, values[1]);
	assert_string_equal(b.s, "[1,{\"a\":\"u v\"}]");
	buffer_finish(&b);
	for (size_t i = 0; i < 4; i++) {
		static const char *const others[] = {"{}", "[\"a\",1]", "\"a\"", ""};

		values[0] = ASKD_LITERAL("stale");
		json_pick(askd_text_of(others[i]), names, values);
		assert_null(values[0].s);
	}
}

static void json_is_written_without_end_neither_wide_nor_deep(void **state)
{
	json_t *json = json_read(ASKD_LITERAL("{\"a\\\"\":[0.1,-1.05,1e300,0,true,false,null,{}],"
	                                      "\"b\":\"\\u0001\xc3\xbc\"}"),
	        NULL);
	struct buffer b;

	(void)state;
	buffer_init(&b, 0);
	json_add(&b, json);
	assert_string_equal(b.s,
	        "{\"a\\\"\":[0.1,-1.05,1e+300,0,true,false,null,{}],\"b\":\"\\u0001\xc3\xbc\"}");
	json_decref(json);
	buffer_clear(&b);
	json = json_array();
	for (int i = 0; i < 1000; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, json);
		json = outer;
	}
	json_add(&b, json);
	assert_true(b.failed);
	json_decref(json);
	buffer_clear(&b);
	json_add(&b, NULL);
	assert_true(b.failed);
	buffer_finish(&b);
}

static void json_members_have_types(void **state)
{
	json_t *json = json_read(ASKD_LITERAL("{\"s\":\"x\",\"i\":5,\"f\":1.5}"), NULL);
	struct arena a;

	(void)state;
	assert_string_equal(json_get_string(json, "s"), "x");
	assert_null(json_get_string(json, "i"));
	assert_int_equal(json_get_int(json, "i", 1), 5);
	assert_int_equal(json_get_int(json, "f", 1), 1);
	arena_init(&a, 0);
	assert_string_equal(json_write(&a, json).s, "{\"s\":\"x\",\"i\":5,\"f\":1.5}");
	arena_finish(&a);
	arena_init(&a, 8);
	assert_null(json_write(&a, json).s);
	arena_finish(&a);
	json_decref(json);
}

static void json_value_keeps_what_it_is(void **state)
{
	static const struct {
		struct askd_value value;
		const char *json;
	} cases[] = {{{.type = ASKD_NULL}, "null"}, {{.type = ASKD_INT, .u.i = -5}, "-5"},
	        {{.type = ASKD_INT, .u.i = INT64_C(9007199254740992)}, "9007199254740992"},
	        {{.type = ASKD_INT, .u.i = INT64_C(9007199254740993)}, "\"9007199254740993\""},
	        {{.type = ASKD_INT, .u.i = INT64_MIN}, "\"-9223372036854775808\""},
	        {{.type = ASKD_BOOL, .u.i = 1}, "true"}, {{.type = ASKD_FLOAT, .u.f = 0.1}, "0.1"},
	        {{.type = ASKD_FLOAT, .u.f = 5}, "5.0"}, {{.type = ASKD_FLOAT, .u.f = 0}, "0.0"},
	        {{.type = ASKD_FLOAT, .u.f = -0.0}, "-0.0"},
	        {{.type = ASKD_FLOAT, .u.f = -0.001}, "-0.001"},
	        {{.type = ASKD_FLOAT, .u.f = 0.0001}, "0.0001"},
	        {{.type = ASKD_FLOAT, .u.f = 18204.56}, "18204.56"},
	        {{.type = ASKD_FLOAT, .u.f = 99999999999.25}, "99999999999.25"},
	        {{.type = ASKD_FLOAT, .u.f = 0.1 + 0.2}, "0.30000000000000004"},
	        {{.type = ASKD_FLOAT, .u.f = 1e300}, "1e+300"},
	        {{.type = ASKD_FLOAT, .u.f = __builtin_nan("")}, "null"},
	        {{.type = ASKD_FLOAT, .u.f = -__builtin_inf()}, "null"},
	        {{.type = ASKD_TEXT, .len = 4, .u.s = "a\"\n\x01"}, "\"a\\\"\\n\\u0001\""},
	        {{.type = ASKD_TEXT, .len = 2, .u.s = "\xff!"}, "\"\xef\xbf\xbd!\""},
	        {{.type = ASKD_BYTES, .len = 4, .u.s = "\0\x01\xfe\xff"}, "\"AAH+/w==\""},
	        {{.type = ASKD_BYTES, .len = 2, .u.s = "ab"}, "\"YWI=\""},
	        {{.type = ASKD_DECIMAL, .len = 4, .u.s = "1.50"}, "\"1.50\""},
	        {{.type = ASKD_DATE, .len = 10, .u.s = "2026-11-21"}, "\"2026-11-21\""},
	        {{.type = ASKD_TIMESTAMP, .len = 19, .u.s = "2026-11-21 12:03:44"},
	                "\"2026-11-21T12:03:44\""},
	        {{.type = ASKD_TIMESTAMPTZ, .len = 25, .u.s = "2026-11-21 12:03:44+01:00"},
	                "\"2026-11-21T12:03:44+01:00\""},
	        {{.type = ASKD_JSON, .len = 2, .u.s = "{}"}, "\"{}\""}};
	struct buffer b;

	(void)state;
	buffer_init(&b, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buffer_clear(&b);
		json_add_value(&b, &cases[i].value);
		assert_string_equal(b.s, cases[i].json);
	}
	buffer_finish(&b);
}

static void texts_for_persons_are_filled_and_escaped(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	assert_string_equal(i18n_text(&a, "en", "I do not know {name}.", "name", "orders", NULL),
	        "I do not know orders.");
	assert_string_equal(i18n_text(&a, NULL, "{x} {unknown} {", "x", "*a* [b](c) <i> `d`", NULL),
	        "\\*a\\* \\[b\\](c) \\<i> \\`d\\` {unknown} {");
	assert_string_equal(i18n_text(&a, "de", "{x}", "*x", "**bold**", NULL), "**bold**");
	assert_string_equal(i18n_text(&a, "en", "{x} {x}", "x", "order_items _b_", NULL),
	        "order_items \\_b\\_ order_items \\_b\\_");
	/* What makes a list or heading only does so where a line begins. */
	assert_string_equal(
	        i18n_text(&a, "en", "{x}", "x", "-5\n# a\n1. b", NULL), "\\-5\n\\# a\n1\\. b");
	assert_string_equal(i18n_text(&a, "en", "is {x}", "x", "-5.25 #1 1. &amp; a & b", NULL),
	        "is -5.25 #1 1. \\&amp; a & b");
	/* A value is never filled in again. */
	assert_string_equal(i18n_text(&a, "en", "{x}{y}", "x", "{y}", "y", "1", NULL), "{y}1");
	assert_string_equal(i18n_text(&a, "en", "", NULL), "");
	assert_string_equal(i18n_plural(&a, "en", "{count} row of {t}", "{count} rows of {t}", 1,
	                            "t", "x", NULL),
	        "1 row of x");
	assert_string_equal(i18n_plural(&a, "en", "{count} row of {t}", "{count} rows of {t}", -3,
	                            "t", "x", NULL),
	        "-3 rows of x");
	arena_finish(&a);
	arena_init(&a, 4);
	assert_null(i18n_text(&a, "en", "much too long", NULL));
	assert_true(a.full);
	arena_finish(&a);
}

static void plugins_fill_texts_the_same_way(void **state)
{
	const struct askd_header name = {sizeof name, 0, ASKD_LITERAL("name"), ASKD_LITERAL("a*b")};
	const struct askd_header *const args[] = {&name, NULL};
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	assert_string_equal(
	        i18n_format(&a, "en", "{count} of {name}", NULL, 2, args), "2 of a\\*b");
	assert_string_equal(i18n_format(&a, "en", "one", "many", 0, NULL), "many");
	arena_finish(&a);
}

static void hash_and_derivation_match_the_standards(void **state)
{
	unsigned char out[CRYPTO_HASH], key[CRYPTO_KEY], salt[13], hash[80];
	char hex[65];

	(void)state;
	assert_true(crypto_sha256("abc", 3, out));
	crypto_hex(out, sizeof out, hex);
	assert_string_equal(
	        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(crypto_hmac("Jefe", 4, "what do ya want for nothing?", 28, out));
	crypto_hex(out, sizeof out, hex);
	assert_string_equal(
	        hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_true(crypto_hmac(NULL, 0, NULL, 0, out));
	/* HKDF by hand: extract, then one block. */
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof salt; i++)
		salt[i] = (unsigned char)(i * 3);
	assert_true(crypto_hmac(salt, sizeof salt, key, sizeof key, hash));
	assert_true(crypto_hmac(hash, 32, "inbox\x01", 6, hash + 32));
	assert_true(crypto_derive(key, salt, sizeof salt, "inbox", out));
	assert_memory_equal(out, hash + 32, 32);
	assert_true(crypto_derive(key, NULL, 0, "outbox", key));
	assert_memory_not_equal(out, key, 32);
}

static void seal_opens_only_with_everything_right(void **state)
{
	unsigned char key[CRYPTO_KEY] = {1}, other[CRYPTO_KEY] = {2};
	unsigned char sealed[5 + CRYPTO_SEAL_EXTRA], again[sizeof sealed], open[8];

	(void)state;
	assert_true(crypto_seal(key, "id", 2, "hello", 5, sealed));
	assert_true(crypto_seal(key, "id", 2, "hello", 5, again));
	assert_memory_not_equal(sealed, again, sizeof sealed);
	assert_true(crypto_open(key, "id", 2, sealed, sizeof sealed, open));
	assert_memory_equal(open, "hello", 5);
	assert_false(crypto_open(other, "id", 2, sealed, sizeof sealed, open));
	assert_memory_not_equal(open, "hello", 5);
	assert_false(crypto_open(key, "ie", 2, sealed, sizeof sealed, open));
	assert_false(crypto_open(key, "id", 2, sealed, sizeof sealed - 1, open));
	assert_false(crypto_open(key, "id", 2, sealed, CRYPTO_SEAL_EXTRA - 1, open));
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		assert_false(crypto_open(key, "id", 2, sealed, sizeof sealed, open));
		sealed[i] ^= 1;
	}
	assert_true(crypto_seal(key, NULL, 0, NULL, 0, again));
	assert_true(crypto_open(key, NULL, 0, again, CRYPTO_SEAL_EXTRA, open));
}

static void encodings_round_trip(void **state)
{
	unsigned char out[8];
	char text[32];

	(void)state;
	crypto_base64url("\xfb\xff\xfe", 3, text);
	assert_string_equal(text, "-__-");
	crypto_base64url("a", 1, text);
	assert_string_equal(text, "YQ");
	crypto_base64url("ab", 2, text);
	assert_string_equal(text, "YWI");
	crypto_base64url("", 0, text);
	assert_string_equal(text, "");
	assert_true(crypto_from_hex("00fFa1", 6, out));
	assert_memory_equal(out, "\x00\xff\xa1", 3);
	assert_false(crypto_from_hex("0", 1, out));
	assert_false(crypto_from_hex("0g", 2, out));
	assert_true(crypto_equal("abc", "abc", 3));
	assert_false(crypto_equal("abc", "abd", 3));
	memcpy(out, "secret", 6);
	crypto_wipe(out, 6);
	assert_memory_equal(out, "\0\0\0\0\0\0", 6);
	crypto_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(log_line_is_one_line),
	        cmocka_unit_test(log_json_is_json),
	        cmocka_unit_test(log_goes_on_in_a_new_file_when_the_old_was_moved),
	        cmocka_unit_test(secret_never_reaches_the_log),
	        cmocka_unit_test(excerpt_has_fifty_characters),
	        cmocka_unit_test(json_from_strangers_is_limited),
	        cmocka_unit_test(plain_json_is_json),
	        cmocka_unit_test(json_is_checked_like_it_is_read),
	        cmocka_unit_test(parts_of_json_are_taken_as_they_stand),
	        cmocka_unit_test(json_is_written_without_end_neither_wide_nor_deep),
	        cmocka_unit_test(json_members_have_types),
	        cmocka_unit_test(json_value_keeps_what_it_is),
	        cmocka_unit_test(texts_for_persons_are_filled_and_escaped),
	        cmocka_unit_test(plugins_fill_texts_the_same_way),
	        cmocka_unit_test(hash_and_derivation_match_the_standards),
	        cmocka_unit_test(seal_opens_only_with_everything_right),
	        cmocka_unit_test(encodings_round_trip)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
