/* test_gate.c: what the gate passes, what it refuses, and that nothing makes it stumble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "corpus.h"
#include "sql/gate.h"

ASKD_MAKE(static const struct askd_dialect, sqlite, .name = "sqlite");

static struct sql_verdict judge_bytes(const char *sql, size_t n)
{
	struct sql_verdict v;
	char *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	memcpy(copy, sql, n);
	sql_gate(sql_dialect_of(&sqlite, NULL), copy, n, &v);
	for (size_t i = 0; i < v.table_count; i++) /* slices of what was judged */
		v.tables[i].s = sql + (v.tables[i].s - copy);
	free(copy);
	return v;
}

static struct sql_verdict judge(const char *sql)
{
	return judge_bytes(sql, strlen(sql));
}

static void expect_code(const char *sql, const char *code)
{
	struct sql_verdict v = judge(sql);
	if (v.passed || strcmp(v.code, code) != 0)
		fail_msg("%.200s: %s, expected %s (%s)", sql, v.passed ? "passed" : v.code, code,
		        v.reason);
}

static void expect_tables(const char *sql, const char *names)
{
	struct sql_verdict v = judge(sql);
	char list[1024] = "";
	if (!v.passed)
		fail_msg("%s: refused: %s", sql, v.reason);
	for (size_t i = 0; i < v.table_count; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.*s", i ? " " : "",
		        (int)v.tables[i].n, v.tables[i].s);
	if (strcmp(list, names) != 0)
		fail_msg("%s: reads [%s], expected [%s]", sql, list, names);
}

static void every_benign_statement_passes(void **state)
{
	struct corpus c;
	(void)state;
	corpus_read(&c, "sqlite_benign.sql");
	assert_true(c.count >= 150);
	for (size_t i = 0; i < c.count; i++) {
		struct sql_verdict v = judge_bytes(c.entries[i].sql, c.entries[i].n);
		if (!v.passed)
			fail_msg("%s: refused: %s: %s", c.entries[i].name, v.code, v.reason);
		assert_string_equal(v.code, "");
	}
	corpus_free(&c);
}

static void every_hostile_statement_is_refused_with_a_reason(void **state)
{
	struct corpus c;
	(void)state;
	corpus_read(&c, "sqlite_hostile.sql");
	assert_true(c.count >= 100);
	for (size_t i = 0; i < c.count; i++) {
		struct sql_verdict v = judge_bytes(c.entries[i].sql, c.entries[i].n);
		if (v.passed)
			fail_msg("%s: passed: %s", c.entries[i].name, c.entries[i].sql);
		if (strlen(v.reason) < 10 || !v.code[0] || v.table_count)
			fail_msg("%s: poor verdict: %s: %s", c.entries[i].name, v.code, v.reason);
		assert_true(v.position <= c.entries[i].n + 1);
	}
	corpus_free(&c);
}

static void refusals_name_the_trouble(void **state)
{
	struct sql_verdict v;
	(void)state;
	expect_code("DELETE FROM orders", "writes");
	expect_code("WITH x AS (SELECT 1) DELETE FROM orders", "writes");
	expect_code("WITH x AS (DELETE FROM orders RETURNING id) SELECT * FROM x", "writes");
	expect_code("WITH x AS (INSERT OR IGNORE INTO orders VALUES (1)) SELECT 1", "writes");
	expect_code("SELECT * INTO t FROM orders", "writes");
	expect_code("PRAGMA user_version", "first_word");
	expect_code("SELECT 1; SELECT 2", "stacked");
	expect_code("SELECT load_extension('x')", "function");
	expect_code("SELECT * FROM sqlite_master", "internal");
	expect_code("SELECT * FROM temp.t", "database");
	expect_code("SELECT * FROM t FOR UPDATE", "locking");
	expect_code("SELECT 'abc", "unterminated");
	expect_code("SELECT ?", "parameter");
	expect_code("SELECT \x01", "character");
	expect_code("SELECT (1", "unbalanced");
	expect_code("SELECT 1)", "unbalanced");
	expect_code("  ", "empty");
	expect_code("SELECT 1\xff", "encoding");
	expect_code("SELECT 12ab", "number");
	v = judge_bytes("SELECT 1\0, 2", 12);
	assert_false(v.passed);
	assert_string_equal(v.code, "encoding");
	v = judge("SELECT name, load_extension('x') FROM customers");
	assert_int_equal(v.position, 14);
	assert_string_equal(v.reason, "the function load_extension is not allowed");
}

static void a_reason_quotes_at_most_sixty_bytes_in_one_line(void **state)
{
	char sql[400];
	struct sql_verdict v;
	(void)state;
	strcpy(sql, "SELECT \"a\nb");
	memset(sql + 11, 'z', 200);
	strcpy(sql + 211, "\"(1)");
	v = judge(sql);
	assert_string_equal(v.code, "function");
	assert_null(strchr(v.reason, '\n'));
	assert_true(strlen(v.reason) < 60 + 60);
}

static void tables_are_those_that_are_read(void **state)
{
	(void)state;
	expect_tables("SELECT 1", "");
	expect_tables("SELECT * FROM a", "a");
	expect_tables(
	        "SELECT * FROM a, b AS x JOIN \"c d\" ON 1, [e] NATURAL JOIN `f`", "a b c d e f");
	expect_tables("SELECT * FROM main.a", "a");
	expect_tables("SELECT * FROM a WHERE x IN (SELECT y FROM b) AND z IN c", "a b c");
	expect_tables("SELECT * FROM (a JOIN (SELECT * FROM b) ON 1)", "a b");
	expect_tables("WITH x AS (SELECT * FROM a) SELECT * FROM x, A", "a");
	expect_tables("WITH x AS (SELECT * FROM y), y AS (SELECT * FROM z) SELECT * FROM x", "z");
	/* A WITH hides a table inside its own query only. */
	expect_tables("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a), a", "a");
	expect_tables("SELECT (WITH a AS (SELECT 1 AS x) SELECT x FROM a) FROM b", "b");
	expect_tables("WITH a AS (SELECT 1) SELECT * FROM main.a", "a");
	expect_tables("SELECT x IS DISTINCT FROM y FROM t", "t");
	expect_tables("SELECT * FROM t, json_each(t.j) AS e, u", "t u");
	expect_tables(
	        "SELECT sum(x) OVER w FROM a WINDOW w AS (ORDER BY b), v AS (ORDER BY c)", "a");
	expect_tables("SELECT 1 FROM a window LEFT JOIN b, c", "a b c");
	expect_tables("SELECT 1 FROM a JOIN b ON window = 1, c", "a b c");
	expect_tables("SELECT a FROM t UNION SELECT b FROM u ORDER BY a, b", "t u");
	expect_tables("SELECT 1 FROM 'quoted'", "quoted");
}

static char *repeat(const char *begin, const char *part, const char *end, size_t count)
{
	size_t a = strlen(begin), b = strlen(part), c = strlen(end);
	char *s = malloc(a + b * count + c + 1), *p = s;
	assert_non_null(s);
	memcpy(p, begin, a);
	p += a;
	for (size_t i = 0; i < count; i++, p += b)
		memcpy(p, part, b);
	memcpy(p, end, c + 1);
	return s;
}

static bool passes(char *sql)
{
	bool passed = judge(sql).passed;
	free(sql);
	return passed;
}

static void chains_end_at_the_limit(void **state)
{
	static const size_t counts[] = {600, 1000, 10000, 30000, 100000};
	(void)state;
	assert_true(passes(repeat("SELECT 1", "+1", "", 100)));
	assert_true(passes(repeat("SELECT 1", "+1", "", SQL_GATE_CHAIN)));
	assert_false(passes(repeat("SELECT 1", "+1", "", SQL_GATE_CHAIN + 1)));
	assert_true(passes(repeat("SELECT 1 WHERE 1", " OR 1=1", "", SQL_GATE_CHAIN)));
	assert_true(passes(repeat("SELECT 1", " UNION SELECT 1", "", SQL_GATE_CHAIN)));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		assert_false(passes(repeat("SELECT 1", "+1", "", counts[i])));
		assert_false(passes(repeat("SELECT 1 WHERE 1", " OR 1=1", "", counts[i])));
		assert_false(passes(repeat("SELECT ", "- ", "1", counts[i])));
		assert_false(passes(repeat("SELECT ", "NOT ", "1", counts[i])));
		assert_false(passes(repeat("SELECT 1", "||1", "", counts[i])));
		assert_false(passes(repeat("SELECT 1", " UNION SELECT 1", "", counts[i])));
		assert_false(passes(repeat("SELECT * FROM a", " JOIN a", "", counts[i])));
	}
	/* Lists are no chains. */
	assert_true(passes(repeat("SELECT 1 WHERE 1 IN (1", ",1", ")", 10000)));
	assert_true(passes(repeat("VALUES (1)", ",(1)", "", 10000)));
	assert_true(passes(repeat("SELECT 1", ",-1", "", 1900)));
}

static void nesting_ends_at_the_limit(void **state)
{
	static const size_t counts[] = {10, 99, 100, 101, 1000, 10000, 100000};
	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		char *close = repeat("", ")", "", counts[i]),
		     *ends = repeat("", " END", "", counts[i]);
		char *open = repeat("SELECT ", "(", "1", counts[i]);
		char *cases = repeat("SELECT ", "CASE WHEN 1 THEN ", "1", counts[i]);
		bool expected = counts[i] <= SQL_GATE_NESTING;
		assert_int_equal(passes(repeat(open, "", close, 0)), expected);
		assert_int_equal(passes(repeat(cases, "", ends, 0)), expected);
		assert_false(passes(open));
		assert_false(passes(cases));
		free(close);
		free(ends);
	}
	assert_false(passes(repeat("", "(", "", 100000)));
	assert_false(passes(repeat("SELECT 1 ", "/*", "", 50000)));
}

static void size_ends_at_the_limit(void **state)
{
	(void)state;
	assert_true(passes(repeat("SELECT '", "x", "'", SQL_GATE_BYTES - 9)));
	assert_false(passes(repeat("SELECT '", "x", "'", SQL_GATE_BYTES - 8)));
}

static void withs_that_multiply_are_refused(void **state)
{
	char sql[8192] = "WITH c0 AS (SELECT 1 AS x)";
	(void)state;
	for (int i = 1; i < 60; i++) {
		size_t n = strlen(sql);
		struct sql_verdict v;
		snprintf(sql + n, sizeof sql - n, ", c%d AS (SELECT 1 FROM c%d a, c%d b)", i, i - 1,
		        i - 1);
		n = strlen(sql);
		snprintf(sql + n, sizeof sql - n, " SELECT * FROM c%d", i);
		v = judge(sql);
		assert_int_equal(v.passed, i <= 9);
		if (!v.passed)
			assert_string_equal(v.code, "growth");
		sql[n] = 0;
	}
	/* The same hidden in WITHs inside of WITHs. */
	strcpy(sql, "SELECT 1");
	for (int i = 0; i < 30; i++) {
		char inner[8192];
		strcpy(inner, sql);
		if (strlen(inner) > 3000)
			break;
		snprintf(sql, sizeof sql, "WITH a AS (%.4000s) SELECT 1 FROM a x, a y", inner);
	}
	expect_code(sql, "growth");
	/* A chain that does not multiply is fine. */
	strcpy(sql, "WITH c0 AS (SELECT 1 AS x)");
	for (int i = 1; i < 60; i++)
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql),
		        ", c%d AS (SELECT x FROM c%d)", i, i - 1);
	strcat(sql, " SELECT * FROM c59");
	assert_true(judge(sql).passed);
}

static void too_many_tables_are_refused(void **state)
{
	char sql[4096] = "SELECT 1 FROM t0";
	(void)state;
	for (int i = 1; i < SQL_GATE_TABLES; i++)
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ", t%d", i);
	assert_true(judge(sql).passed);
	strcat(sql, ", one_more");
	expect_code(sql, "tables");
}

/* ---- a described dialect ---- */

static void a_described_dialect_works_from_its_description(void **state)
{
	static const char *const functions[] = {"sum", "lower", "count", NULL};
	ASKD_MAKE(static const struct askd_dialect, other, .name = "other",
	        .flags = ASKD_DIALECT_BACKSLASH | ASKD_DIALECT_NESTED_COMMENT,
	        .parameters = ASKD_PARAM_QUESTION, .limit = ASKD_LIMIT_FETCH, .quote = "``",
	        .strings = "x n", .comments = "-- # /*", .functions = functions);
	ASKD_MAKE(static const struct askd_dialect, unknown, .name = "klingon");
	ASKD_MAKE(static const struct askd_dialect, odd, .name = "odd", .parameters = 1, .limit = 1,
	        .quote = "\"", .comments = "--");
	const struct sql_dialect *d = sql_dialect_of(&other, NULL);
	struct askd_error err = {0};
	struct sql_verdict v;
	static const struct {
		const char *sql;
		bool passed;
	} cases[] = {{"SELECT count(*) FROM `a b` WHERE x = ?", true},
	        {"SELECT 'it\\'s; DROP' # end\n", true}, {"SELECT /* a /* b */ c */ 1", true},
	        {"SELECT /* a /* b */ 1", false}, {"SELECT max(x) FROM t", false},
	        {"SELECT $1", false}, {"SELECT \"a string; \"", true}, {"SELECT N'x'", true},
	        {"SELECT 'a\\' ; DELETE FROM x", false}};
	(void)state;
	assert_non_null(d);
	assert_ptr_equal(d, sql_dialect_of(&other, NULL));
	assert_string_equal(sql_dialect_name(d), "other");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		sql_gate(d, cases[i].sql, strlen(cases[i].sql), &v);
		if (v.passed != cases[i].passed)
			fail_msg("%s: %s", cases[i].sql, v.passed ? "passed" : v.reason);
	}
	assert_null(sql_dialect_of(&unknown, &err));
	assert_int_equal(err.code, ASKD_E_CONFIG);
	assert_non_null(strstr(err.message, "klingon"));
	assert_null(sql_dialect_of(&odd, &err));
	assert_non_null(strstr(err.message, "quote"));
}

/* ---- mutations ---- */

static uint64_t random_state = 88172645463325252u;

static size_t chance(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return n ? (size_t)(random_state % n) : 0;
}

static size_t scaled(size_t count)
{
	const char *scale = getenv("ASKD_TEST_SCALE");
	double by = scale ? atof(scale) : 1;
	return by > 0 ? (size_t)((double)count * by) : count;
}

/* Puts a text into a random blank of the statement. */
static void mutate(char *out, size_t room, const struct corpus_entry *e)
{
	static const char *const blanks[] = {" ", "\n", "\t", "/**/", "/* ; */", "-- x\n", "/*'*/",
	        "  ", "\r\n", " \xef\xbb\xbf "};
	size_t used = 0;
	char quote = 0;
	for (size_t i = 0; i < e->n && used + 64 < room; i++) {
		char c = e->sql[i];
		if (quote) {
			quote = c == quote ? 0 : quote;
		} else if (c == '\'' || c == '"' || c == '`') {
			quote = c;
		} else if (c == '[') {
			quote = ']';
		} else if ((c == '-' && e->sql[i + 1] == '-') ||
		           (c == '/' && e->sql[i + 1] == '*')) {
			memcpy(out + used, e->sql + i, e->n - i < room - used ? e->n - i : 0);
			used += e->n - i < room - used ? e->n - i : 0;
			break;
		} else if (c == ' ' && chance(2)) {
			used += (size_t)sprintf(out + used, "%s", blanks[chance(10)]);
			continue;
		} else if (c >= 'a' && c <= 'z' && chance(3) == 0) {
			c = (char)(c - 32);
		}
		out[used++] = c;
	}
	out[used] = 0;
}

static void disguises_do_not_change_the_verdict(void **state)
{
	static char out[256 << 10];
	struct corpus good, bad;
	size_t count = scaled(2000);
	(void)state;
	corpus_read(&good, "sqlite_benign.sql");
	corpus_read(&bad, "sqlite_hostile.sql");
	for (size_t i = 0; i < count; i++) {
		const struct corpus_entry *e = &good.entries[chance(good.count)];
		struct sql_verdict v;
		if (e->n < 16000) {
			mutate(out, sizeof out, e);
			v = judge(out);
			if (!v.passed)
				fail_msg("%s: refused: %s: %s", e->name, v.reason, out);
		}
		e = &bad.entries[chance(bad.count)];
		if (memchr(e->sql, 0, e->n))
			continue;
		mutate(out, sizeof out, e);
		v = judge(out);
		if (v.passed)
			fail_msg("%s: passed: %s", e->name, out);
	}
	corpus_free(&good);
	corpus_free(&bad);
}

static void damaged_statements_never_make_it_stumble(void **state)
{
	static const char *const parts[] = {"(", ")", "'", "\"", "[", "`", "/*", "*/", "--", ";",
	        ",", ".", " WITH ", " AS ", " SELECT ", " FROM ", "CASE ", " END", "$1", "\xc3",
	        "\xf0\x9f", "x'", "IN ", "\n", "\\", "?", "0x", "1e", "JOIN "};
	static char out[128 << 10];
	struct corpus good, bad;
	size_t count = scaled(2000);
	(void)state;
	corpus_read(&good, "sqlite_benign.sql");
	corpus_read(&bad, "sqlite_hostile.sql");
	for (size_t i = 0; i < count; i++) {
		const struct corpus *c = chance(2) ? &good : &bad;
		const struct corpus_entry *e = &c->entries[chance(c->count)];
		size_t n = e->n, edits = 1 + chance(6);
		struct sql_verdict v;
		memcpy(out, e->sql, n);
		for (size_t k = 0; k < edits; k++) {
			const char *part = parts[chance(sizeof parts / sizeof *parts)];
			size_t at = chance(n + 1), length = strlen(part);
			switch (chance(4)) {
			case 0: /* cut */
				n = at;
				break;
			case 1: /* one byte */
				if (n)
					out[at % n] = (char)chance(256);
				break;
			default: /* a part put in */
				memmove(out + at + length, out + at, n - at);
				memcpy(out + at, part, length);
				n += length;
			}
		}
		v = judge_bytes(out, n);
		assert_true(v.passed == (v.code[0] == 0));
		assert_true(v.passed || (v.reason[0] && v.position <= n + 1));
		for (size_t k = 0; k < v.table_count; k++)
			assert_true(
			        v.tables[k].s >= out && v.tables[k].s + v.tables[k].n <= out + n);
	}
	corpus_free(&good);
	corpus_free(&bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_benign_statement_passes),
	        cmocka_unit_test(every_hostile_statement_is_refused_with_a_reason),
	        cmocka_unit_test(refusals_name_the_trouble),
	        cmocka_unit_test(a_reason_quotes_at_most_sixty_bytes_in_one_line),
	        cmocka_unit_test(tables_are_those_that_are_read),
	        cmocka_unit_test(chains_end_at_the_limit),
	        cmocka_unit_test(nesting_ends_at_the_limit),
	        cmocka_unit_test(size_ends_at_the_limit),
	        cmocka_unit_test(withs_that_multiply_are_refused),
	        cmocka_unit_test(too_many_tables_are_refused),
	        cmocka_unit_test(a_described_dialect_works_from_its_description),
	        cmocka_unit_test(disguises_do_not_change_the_verdict),
	        cmocka_unit_test(damaged_statements_never_make_it_stumble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
