/* The subset of YAML, interpolation, options. */
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

#include "base/log.h"
#include "base/text.h"
#include "config/options.h"

static struct arena arena;
static struct askd_error error;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 0);
	memset(&error, 0, sizeof error);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

static struct yaml_node *read_n(const char *s, size_t n)
{
	return yaml_read_string(&arena, "t.yaml", s, n, &error);
}

static struct yaml_node *read_good(const char *s)
{
	struct yaml_node *node = read_n(s, strlen(s));

	if (!node)
		fail_msg("%s", error.message);
	return node;
}

/* The document is refused at that place, with that word in the message. */
static void refused_n(const char *s, size_t n, const char *place, const char *word)
{
	error.message[0] = 0;
	assert_null(read_n(s, n));
	assert_int_equal(error.code, ASKD_E_CONFIG);
	if (strncmp(error.message, place, strlen(place)) != 0 || !strstr(error.message, word))
		fail_msg("%.60s gives: %s", s, error.message);
}

static void refused(const char *s, const char *place, const char *word)
{
	refused_n(s, strlen(s), place, word);
}

static void document_becomes_a_tree_with_places(void **state)
{
	const struct yaml_node *root = read_good("a: 1\nb:\n  - \"x\"\n  - {c: ~}\nd:\n");
	const struct yaml_node *b = yaml_find(root, "b");

	(void)state;
	assert_int_equal(root->kind, YAML_MAP);
	assert_string_equal(yaml_find(root, "a")->text, "1");
	assert_int_equal(b->kind, YAML_LIST);
	assert_int_equal(b->key_place.line, 2);
	assert_int_equal(b->first->place.line, 3);
	assert_int_equal(b->first->place.column, 5);
	assert_string_equal(b->first->place.file, "t.yaml");
	assert_true(b->first->quoted);
	assert_string_equal(yaml_find(b->last, "c")->text, "");
	assert_string_equal(yaml_find(root, "d")->text, "");
	assert_null(yaml_find(root, "e"));
	assert_null(yaml_find(NULL, "e"));
	assert_int_equal(read_good("# nothing\n")->kind, YAML_SCALAR);
}

static void everything_outside_the_subset_is_refused(void **state)
{
	(void)state;
	refused("a: &x 1\n", "t.yaml:1:4: ", "anchor");
	refused("a: &x [1]\n", "t.yaml:1:4: ", "anchor");
	refused("a: 1\nb: *x\n", "t.yaml:2:4: ", "alias");
	refused("a: 1\n<<: {b: 1}\n", "t.yaml:2:1: ", "merge key");
	refused("a: !!str 1\n", "t.yaml:1:4: ", "tag");
	refused("a: !x {b: 1}\n", "t.yaml:1:4: ", "tag");
	refused("a: ! 1\n", "t.yaml:1:4: ", "tag");
	refused("%TAG !e! tag:e,2000:\n---\na: 1\n", "t.yaml:", "%TAG");
	refused("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: ", "twice (first in line 1)");
	refused("a: {b: 1, b: 2}\n", "t.yaml:1:11: ", "twice");
	refused("a: 1\n---\nb: 2\n", "t.yaml:2:1: ", "second document");
	refused("? [a]\n: 1\n", "t.yaml:1:3: ", "name");
	refused("\"\": 1\n", "t.yaml:1:1: ", "no name");
	refused("a: 1\n\tb: 2\n", "t.yaml:2:", "expected");
	refused("a: [1\nb: 2\n", "t.yaml:2:", "bad YAML");
	refused("a: \"x\n", "t.yaml:", "bad YAML");
	refused("a: x\x01\n", "t.yaml:1:5: ", "control character");
	refused("a: 1\nb: \xff\n", "t.yaml:2:4: ", "invalid UTF-8");
	refused("a: \xc3\xbc\xed\xa0\x80\n", "t.yaml:1:5: ", "invalid UTF-8");
	refused_n("a: \0\n", 5, "t.yaml:1:4: ", "NUL");
}

static void nesting_bombs_are_counted(void **state)
{
	char *bomb = malloc(400000);

	(void)state;
	assert_non_null(bomb);
	for (size_t depth = 10; depth <= 100000; depth *= 10) {
		memset(bomb, '[', depth);
		memset(bomb + depth, ']', depth);
		if (depth <= 64)
			assert_non_null(read_n(bomb, 2 * depth));
		else
			refused_n(bomb, 2 * depth, "t.yaml:1:65: ", "nesting");
		assert_null(read_n(bomb, depth)); /* never closed */
		/* As maps, and as lists in block style. */
		for (size_t i = 0; i < depth; i++)
			memcpy(bomb + 3 * i, "{a:", 3);
		assert_null(read_n(bomb, 3 * depth));
		for (size_t i = 0; i < depth; i++)
			memcpy(bomb + 2 * i, "- ", 2);
		bomb[2 * depth] = '1';
		if (depth <= 64)
			assert_non_null(read_n(bomb, 2 * depth + 1));
		else
			refused_n(bomb, 2 * depth + 1, "t.yaml:1:129: ", "nesting");
	}
	free(bomb);
}

static void large_files_are_refused_by_size(void **state)
{
	char path[] = "/tmp/askd-large-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: ", 3), 3);
	/* 300 MB of zeros, as a sparse file: read at most up to the limit. */
	assert_int_equal(ftruncate(fd, 300 << 20), 0);
	close(fd);
	assert_null(yaml_read_file(&arena, path, &error));
	assert_int_equal(error.code, ASKD_E_CONFIG);
	assert_non_null(strstr(error.message, "more than 1048576 bytes"));
	unlink(path);
	assert_null(yaml_read_file(&arena, path, &error));
	assert_non_null(strstr(error.message, "No such file"));
	assert_non_null(strstr(error.message, path));
}

static void many_names_are_bounded(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 0);
	for (int i = 0; i <= 10000; i++)
		buffer_print(&b, "k%d: 1\n", i);
	refused_n(b.s, b.n, "t.yaml:10001:", "more than 10000");
	buffer_finish(&b);
}

static void every_form_of_interpolation(void **state)
{
	char folder[] = "/tmp/askd-interpolate-XXXXXX", path[80], secret[80];
	const struct yaml_node *root;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/c.yaml", folder);
	snprintf(secret, sizeof secret, "%s/secret", folder);
	file = fopen(secret, "w");
	assert_non_null(file);
	fputs("two words\r\n", file);
	fclose(file);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("a: \"x${ASKD_T1}y${ASKD_T1}\"\nb: ${ASKD_T2:de:f}\nc: ${ASKD_EMPTY:dd}\n"
	      "d: ${file:secret}\ne: $${ASKD_T1} $5 {x}\nf: \"${ASKD_EMPTY}\"\ng: ${ASKD_T2:}\n"
	      "h: [\"${ASKD_T3}\"]\n\"${i}\": 1\n",
	        file);
	fclose(file);
	setenv("ASKD_T1", "one", 1);
	setenv("ASKD_T3", "${ASKD_T1}", 1);
	setenv("ASKD_EMPTY", "", 1);
	unsetenv("ASKD_T2");
	root = yaml_read_file(&arena, path, &error);
	if (!root)
		fail_msg("%s", error.message);
	assert_string_equal(yaml_find(root, "a")->text, "xoneyone");
	assert_true(yaml_find(root, "a")->secret);
	assert_string_equal(yaml_find(root, "b")->text, "de:f");
	assert_false(yaml_find(root, "b")->secret);
	assert_string_equal(yaml_find(root, "c")->text, "dd");
	assert_string_equal(yaml_find(root, "d")->text, "two words");
	assert_true(yaml_find(root, "d")->secret);
	assert_string_equal(yaml_find(root, "e")->text, "${ASKD_T1} $5 {x}");
	assert_string_equal(yaml_find(root, "f")->text, "");
	assert_string_equal(yaml_find(root, "g")->text, "");
	/* What a variable holds is not looked into again. */
	assert_string_equal(yaml_find(root, "h")->first->text, "${ASKD_T1}");
	assert_non_null(yaml_find(root, "${i}"));
	unlink(secret);
	unlink(path);
	rmdir(folder);
	refused("a: 1\nb: x${ASKD_T2}\n", "t.yaml:2:4: ", "${ASKD_T2}");
	refused("b: ${ASKD_T1\n", "t.yaml:1:4: ", "without its '}'");
	refused("b: ${}\n", "t.yaml:1:4: ", "expected ${VAR}");
	refused("b: ${1A}\n", "t.yaml:1:4: ", "expected ${VAR}");
	refused("b: ${a b}\n", "t.yaml:1:4: ", "expected ${VAR}");
	refused("b: ${file:}\n", "t.yaml:1:4: ", "expected ${VAR}");
	refused("b: ${file:/nowhere/x}\n", "t.yaml:1:4: ", "No such file");
	setenv("ASKD_T3", "\xff", 1);
	refused("b: ${ASKD_T3}\n", "t.yaml:1:4: ", "UTF-8");
}

static void merge_is_deep_for_maps_alone(void **state)
{
	struct yaml_node *base = read_good("a: {b: 1, c: [1, 2]}\nd: 1\n");
	struct yaml_node *above = read_good("a: {c: [3], e: 2}\nd: {f: 1}\ng: 1\n");

	(void)state;
	base = yaml_merge(&arena, base, above);
	assert_string_equal(yaml_to_json(&arena, base),
	        "{\"a\":{\"b\":1,\"c\":[3],\"e\":2},\"d\":{\"f\":1},\"g\":1}");
	assert_ptr_equal(yaml_merge(&arena, NULL, base), base);
}

static void scalars_become_json_as_yaml_1_2_says(void **state)
{
	(void)state;
	assert_string_equal(yaml_to_json(&arena,
	                            read_good("[1, -2, +3, 1.5, .5, 1e3, true, False, null, ~, no, "
	                                      "yes, '1', \"true\", 1.2.3, 2026-01-01, a\"b]")),
	        "[1,-2,3,1.5,0.5,1000.0,true,false,null,null,\"no\",\"yes\",\"1\",\"true\","
	        "\"1.2.3\",\"2026-01-01\",\"a\\\"b\"]");
}

struct target {
	const char *text, *secret, *json, *colour;
	int64_t number, yes, ms, bytes, choice;
	const char *const *list, *const *map;
};
static const char *const colours[] = {"red", "green", NULL};
static const struct askd_option options[] = {
        {.name = "text", .help = "x", .max = 8, ASKD_OPTION_TEXT(struct target, text)},
        {.name = "secret",
                .help = "x",
                .flags = ASKD_OPT_SECRET | ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct target, secret)},
        {.name = "json", .help = "x", .def = "{a: [1]}", ASKD_OPTION_JSON(struct target, json)},
        {.name = "colour",
                .help = "x",
                .choices = colours,
                ASKD_OPTION_TEXT(struct target, colour)},
        {.name = "number",
                .help = "x",
                .def = "4",
                .min = -5,
                .max = 5,
                ASKD_OPTION_INT(struct target, number)},
        {.name = "yes", .help = "x", .def = "on", ASKD_OPTION_BOOL(struct target, yes)},
        {.name = "ms",
                .help = "x",
                .def = "2s",
                .min = 1000,
                .max = 60000,
                ASKD_OPTION_DURATION(struct target, ms)},
        {.name = "bytes", .help = "x", .def = "64K", ASKD_OPTION_SIZE(struct target, bytes)},
        {.name = "choice",
                .help = "x",
                .def = "green",
                ASKD_OPTION_CHOICE(struct target, choice, colours)},
        {.name = "list", .help = "x", .def = "[a, b]", ASKD_OPTION_LIST(struct target, list)},
        {.name = "map", .help = "x", ASKD_OPTION_MAP(struct target, map)}, {.name = NULL}};

static int32_t read_options(const char *yaml, struct target *target)
{
	static const char *const known[] = {"plugin", NULL};

	memset(target, 0, sizeof *target);
	memset(&error, 0, sizeof error);
	return options_read(&arena, read_good(yaml), options, sizeof *options, "llm/main", known,
	        target, &error);
}

static void options_fill_the_struct(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(read_options("secret: s\nplugin: x\n", &t), 0);
	assert_null(t.text);
	assert_string_equal(t.json, "{\"a\":[1]}");
	assert_int_equal(t.number, 4);
	assert_int_equal(t.yes, 1);
	assert_int_equal(t.ms, 2000);
	assert_int_equal(t.bytes, 65536);
	assert_int_equal(t.choice, 1);
	assert_string_equal(t.list[1], "b");
	assert_null(t.list[2]);
	assert_null(t.map);
	assert_int_equal(
	        read_options("{secret: s, text: '', number: -5, yes: Off, ms: 1m, bytes: 1, "
	                     "choice: red, list: [], map: {a: 1, b: x}, json: ~}",
	                &t),
	        0);
	assert_string_equal(t.text, "");
	assert_int_equal(t.number, -5);
	assert_int_equal(t.yes, 0);
	assert_int_equal(t.choice, 0);
	assert_null(t.list[0]);
	assert_string_equal(t.map[2], "b");
	assert_string_equal(t.map[3], "x");
	assert_null(t.map[4]);
	assert_string_equal(t.json, "{\"a\":[1]}");
}

static void one_text_is_a_list_of_one(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(read_options("secret: s\nlist: a, b\n", &t), ASKD_OK);
	assert_string_equal(t.list[0], "a, b");
	assert_null(t.list[1]);
}

static void wrong_options_are_explained(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {{"secret: s\nnumber: 6\n", "t.yaml:2:9: found '6' for 'number' of llm/main, "
	                                        "expected an integer from -5 "
	                                        "to 5"},
	        {"secret: s\nms: 5\n",
	                "t.yaml:2:5: found '5' for 'ms' of llm/main, expected a duration such as "
	                "500ms, 20s, 5m, 8h or 2d from 1s to 1m"},
	        {"secret: s\nms: 61s\n", "t.yaml:2:5: found '61s'"},
	        {"secret: s\nyes: maybe\n", "expected yes or no"},
	        {"secret: s\nbytes: -1\n", "expected a size such as"},
	        {"secret: s\nchoice: gren\n",
	                "t.yaml:2:9: found 'gren', expected one of red, green, did you mean "
	                "'green'?"},
	        {"secret: s\ncolour: blue\n",
	                "t.yaml:2:9: found 'blue', expected one of red, green"},
	        {"secret: s\nlist: {a: 1}\n", "t.yaml:2:7: found a map for 'list'"},
	        {"secret: s\nlist:\n  - [a]\n", "found a list for 'list'"},
	        {"secret: s\nlist: [a, [b]]\n", "t.yaml:2:11: found a list for 'list'"},
	        {"secret: s\nmap: [a]\n", "t.yaml:2:6: found a list for 'map'"},
	        {"secret: s\ntext: {a: 1}\n", "found a map for 'text'"},
	        {"secret: s\ntext: 123456789\n",
	                "found 9 bytes for 'text' of llm/main, expected at most "
	                "8"},
	        {"secret: s\nnubmer: 1\n", "t.yaml:2:1: found 'nubmer', expected one of "},
	        {"secret: s\nnubmer: 1\n", "did you mean 'number'? (in llm/main)"},
	        {"secret: s\nplugn: 1\n", "did you mean 'plugin'?"},
	        {"text: a\n", "t.yaml:1:1: found no 'secret' in llm/main"},
	        {"secret:\n", "found no 'secret' in llm/main"},
	        {"[1]", "t.yaml:1:1: found a list for llm/main, expected a map"}};
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(read_options(cases[i].yaml, &t), ASKD_E_CONFIG);
		if (!strstr(error.message, cases[i].message))
			fail_msg("%s gives: %s", cases[i].yaml, error.message);
	}
	assert_int_equal(
	        options_read(&arena, NULL, options, sizeof *options, "llm/main", NULL, &t, NULL),
	        ASKD_E_CONFIG);
}

static void secrets_stay_out_of_errors_and_log(void **state)
{
	char file[] = "/tmp/askd-log-XXXXXX", line[256] = "";
	int fd = mkstemp(file), saved = dup(STDERR_FILENO);
	struct target t;

	(void)state;
	setenv("ASKD_T4_TOKEN", "hush-hush-1", 1);
	setenv("ASKD_T5", "hush-hush-2", 1);
	assert_int_equal(read_options("secret: [hush-hush-3]\n", &t), ASKD_E_CONFIG);
	assert_null(strstr(error.message, "hush"));
	assert_int_equal(read_options("secret: s\nnumber: \"${ASKD_T5}\"\n", &t), ASKD_E_CONFIG);
	assert_null(strstr(error.message, "hush"));
	assert_int_equal(read_options("secret: s\nchoice: \"${ASKD_T5}\"\n", &t), ASKD_E_CONFIG);
	assert_null(strstr(error.message, "hush"));
	assert_int_equal(
	        read_options("secret: hush-hush-4\nlist: [\"Bearer ${ASKD_T4_TOKEN}\"]\n", &t), 0);
	unlink(file);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	log_error("test", 0, "hush-hush-1 hush-hush-4 hush-hush-2");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(pread(fd, line, sizeof line - 1, 0) > 0);
	close(fd);
	assert_non_null(strstr(line, "test *** *** hush-hush-2"));
}

static int32_t check(struct askd_option option)
{
	const struct askd_option table[] = {option, {.name = NULL}};

	return options_check(table, sizeof *table, 64, &error);
}

static void bad_tables_are_refused(void **state)
{
	static const struct askd_option twice[] = {
	        {.name = "a", .help = "x", .type = ASKD_OPT_INT, .offset = 0},
	        {.name = "a", .help = "x", .type = ASKD_OPT_INT, .offset = 8}, {.name = NULL}};
	static const struct askd_option same[] = {
	        {.name = "a", .help = "x", .type = ASKD_OPT_INT, .offset = 8},
	        {.name = "b", .help = "x", .type = ASKD_OPT_INT, .offset = 8}, {.name = NULL}};
	struct askd_option good = {.name = "a_1", .help = "x", .type = ASKD_OPT_INT}, bad;

	(void)state;
	assert_int_equal(options_check(NULL, 0, 0, NULL), 0);
	assert_int_equal(options_check(options, sizeof *options, sizeof(struct target), &error), 0);
	assert_int_equal(check(good), 0);
#define BAD(change) \
	bad = good; \
	bad change; \
	assert_int_equal(check(bad), ASKD_E_INVALID)
	BAD(.name = "A");
	BAD(.name = "");
	BAD(.name = "a-b");
	BAD(.help = NULL);
	BAD(.type = 0);
	BAD(.type = 10);
	BAD(.offset = 60);
	BAD(.offset = 64);
	BAD(.flags = 4);
	BAD(.def = "x");
	BAD(.type = ASKD_OPT_CHOICE);
	bad = good;
	bad.def = "1";
	bad.flags = ASKD_OPT_REQUIRED;
	assert_int_equal(check(bad), ASKD_E_INVALID);
	bad.flags = 0;
	bad.min = 2;
	bad.max = 5;
	assert_int_equal(check(bad), ASKD_E_INVALID);
	assert_int_equal(options_check(twice, sizeof *twice, 64, &error), ASKD_E_INVALID);
	assert_int_equal(options_check(same, sizeof *same, 64, &error), ASKD_E_INVALID);
	assert_int_equal(options_check(same, 8, 64, &error), ASKD_E_INVALID);
}

static void larger_entries_are_stepped_over(void **state)
{
	static const struct {
		struct askd_option option;
		uint64_t newer[2];
	} table[] = {{{.name = "a", .help = "x", .type = ASKD_OPT_INT, .offset = 0}, {1, 2}},
	        {{.name = "b", .help = "x", .type = ASKD_OPT_INT, .offset = 8}, {1, 2}},
	        {{.name = NULL}, {0, 0}}};
	int64_t target[2] = {0, 0};

	(void)state;
	assert_int_equal(options_check(&table[0].option, sizeof *table, 16, &error), 0);
	assert_int_equal(options_read(&arena, read_good("a: 1\nb: 2\n"), &table[0].option,
	                         sizeof *table, "x", NULL, target, &error),
	        0);
	assert_int_equal(target[0], 1);
	assert_int_equal(target[1], 2);
	assert_string_equal(options_type_name(ASKD_OPT_DURATION), "duration");
	assert_string_equal(options_type_name(99), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(document_becomes_a_tree_with_places),
	        TEST(everything_outside_the_subset_is_refused), TEST(nesting_bombs_are_counted),
	        TEST(large_files_are_refused_by_size), TEST(many_names_are_bounded),
	        TEST(every_form_of_interpolation), TEST(merge_is_deep_for_maps_alone),
	        TEST(scalars_become_json_as_yaml_1_2_says), TEST(options_fill_the_struct),
	        TEST(one_text_is_a_list_of_one), TEST(wrong_options_are_explained),
	        TEST(secrets_stay_out_of_errors_and_log), TEST(bad_tables_are_refused),
	        TEST(larger_entries_are_stepped_over)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
