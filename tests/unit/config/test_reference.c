/* Takes config/askd.yaml and breaks each of its lines in six ways: whatever is wrong, the error
 * names the file, the line, the column, and the name that was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config.h"
#include "config/interpolate.h"
#include "config/options.h"

enum { LINES_MAX = 400 };

static char folder[] = "/tmp/askd-reference-XXXXXX";
static char path[64];
static char *lines[LINES_MAX];
static size_t lines_n;
static struct arena arena;

/* Stands in for the plugins that the reference names: what they call their options. */
struct any {
	const char *text[8];
	int64_t ms;
};
static const struct askd_option plugin_options[] = {
        {.name = "base_url", .help = "x", .type = ASKD_OPT_TEXT, .offset = 0},
        {.name = "api_key", .help = "x", .type = ASKD_OPT_TEXT, .offset = 8},
        {.name = "model", .help = "x", .type = ASKD_OPT_TEXT, .offset = 16},
        {.name = "path", .help = "x", .type = ASKD_OPT_TEXT, .offset = 24, .max = 4096},
        {.name = "timeout",
                .help = "x",
                .type = ASKD_OPT_DURATION,
                .offset = offsetof(struct any, ms),
                .min = 1,
                .max = 3600000},
        {.name = NULL}};

static void write_file(const char *name, const char *text, size_t n)
{
	char full[128];
	FILE *file;

	snprintf(full, sizeof full, "%s/%s", folder, name);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	struct askd_text text;
	char *s;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/askd.yaml", folder);
	write_file("master.key", "0123456789abcdef\n", 17);
	write_file("analysis.md", "Decide.\n", 8);
	setenv("OPENAI_API_KEY", "sk-reference", 1);
	unsetenv("ASKD_TEST_MISSING");
	arena_init(&arena, 0);
	assert_int_equal(file_read(&arena, SOURCE_DIR "/config/askd.yaml", 1 << 20, &text), 0);
	for (s = (char *)text.s; *s && lines_n < LINES_MAX; lines_n++) {
		char *end = strchr(s, '\n');

		assert_non_null(end);
		*end = 0;
		lines[lines_n] = s;
		s = end + 1;
	}
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"askd.yaml", "master.key", "analysis.md", NULL};
	char full[128];

	(void)state;
	for (size_t i = 0; names[i]; i++) {
		snprintf(full, sizeof full, "%s/%s", folder, names[i]);
		unlink(full);
	}
	rmdir(folder);
	arena_finish(&arena);
	return 0;
}

/* Reads the reference with line `at` replaced by `text` (which may be several lines), and the
 * options of its instances as the registry does. */
static int32_t read_with(size_t at, const char *text, struct askd_error *error)
{
	struct buffer b;
	struct config *config;
	int32_t rc = 0;

	buffer_init(&b, 0);
	for (size_t i = 0; i < lines_n; i++) {
		buffer_add_string(&b, i == at ? text : lines[i]);
		buffer_add_string(&b, "\n");
	}
	write_file("askd.yaml", b.s, b.n);
	buffer_finish(&b);
	memset(error, 0, sizeof *error);
	config = config_read(path, error);
	if (!config)
		return error->code;
	for (const struct config_instance *i = config->instances; i && !rc; i = i->next) {
		struct any any;

		rc = options_read(&config->arena, i->node, plugin_options, sizeof *plugin_options,
		        i->name, i->known, &any, error);
	}
	if (!rc) {
		struct any any;

		rc = options_read(&config->arena, config->manager.node, plugin_options,
		        sizeof *plugin_options, "store.manager", config->manager.known, &any,
		        error);
		if (!rc)
			rc = options_read(&config->arena, config->costs.node, plugin_options,
			        sizeof *plugin_options, "store.costs", config->costs.known, &any,
			        error);
	}
	config_destroy(config);
	return rc;
}

/* The line of the reference, taken apart. */
struct line {
	size_t indent;
	bool item;         /* "- value" */
	char name[80];     /* "" for an item without one */
	const char *value; /* "" when a map follows */
	size_t value_at;   /* column of the value, from 0 */
	size_t name_at;
};

static bool take_apart(const char *s, struct line *line)
{
	const char *p = s + strspn(s, " "), *colon;

	memset(line, 0, sizeof *line);
	if (!*p || *p == '#')
		return false;
	line->indent = (size_t)(p - s);
	if (p[0] == '-' && p[1] == ' ') {
		line->item = true;
		p += 2;
	}
	line->name_at = (size_t)(p - s);
	colon = *p == '"' ? NULL : strstr(p, ": ");
	if (!colon && *p != '"' && p[strlen(p) - 1] == ':')
		colon = p + strlen(p) - 1;
	if (colon) {
		snprintf(line->name, sizeof line->name, "%.*s", (int)(colon - p), p);
		p = colon + 1 + strspn(colon + 1, " ");
	}
	line->value = p;
	line->value_at = (size_t)(p - s);
	return true;
}

/* Must fail, in this file, in one of the lines [first, last], with a column; column 0: any. */
static void expect(size_t at, const char *what, const char *text, size_t first, size_t last,
        size_t column, const char *offered)
{
	struct askd_error error;
	unsigned line = 0, found_column = 0;
	int32_t rc = read_with(at, text, &error);
	bool ok = rc == ASKD_E_CONFIG && !strncmp(error.message, path, strlen(path)) &&
	          sscanf(error.message + strlen(path), ":%u:%u: ", &line, &found_column) == 2 &&
	          line >= first && line <= last && found_column &&
	          (!column || column == found_column) && strstr(error.message, "found ") &&
	          strstr(error.message, "expected ");

	if (ok && offered) {
		char wanted[128];

		snprintf(wanted, sizeof wanted, "did you mean '%s'?", offered);
		ok = strstr(error.message, wanted) != NULL;
	}
	if (!ok)
		fail_msg("line %zu, %s: '%s' gives %d: %s", at + 1, what, text, (int)rc,
		        error.message);
}

static void reference_is_valid(void **state)
{
	struct askd_error error;

	(void)state;
	if (read_with(lines_n, "", &error))
		fail_msg("%s", error.message);
}

/* Names that the operator chooses: another one is as good. */
static bool is_free_name(const struct line *line, size_t at)
{
	static const char *const sections[] = {"limits:", "budgets:", "llm:", "database:",
	        "transport:", "mailer:", "skill:", "  stages:", NULL};
	size_t up = at;
	struct line above;

	if (*line->value)
		return false;
	/* The nearest line above with less indentation is the section. */
	while (up--) {
		if (!take_apart(lines[up], &above) || above.indent >= line->indent)
			continue;
		for (size_t i = 0; sections[i]; i++)
			if (!strcmp(lines[up], sections[i]))
				return true;
		/* The models of a price are free as well. */
		return above.indent == 2 && line->indent == 4 && !strcmp(lines[up], "  main:") &&
		       (strstr(lines[at], "gpt") != NULL);
	}
	return false;
}

static void wrong_type_is_named(void **state)
{
	char text[256];
	struct line line;

	(void)state;
	for (size_t i = 0; i < lines_n; i++) {
		if (!take_apart(lines[i], &line))
			continue;
		/* A list for a scalar or a map; for a section that is a list, a scalar. */
		if (!*line.value && take_apart(lines[i + 1], &(struct line){0}) &&
		        lines[i + 1][strspn(lines[i + 1], " ")] == '-' && line.name[0] &&
		        strncmp(line.name, "gpt", 3) != 0) {
			continue; /* its items are tried below */
		}
		if (!*line.value) {
			/* A map: put a scalar in its place by commenting its children out is the
			 * same as a list in flow style, with the children at the wrong depth. */
			snprintf(text, sizeof text, "%s [1]", lines[i]);
			expect(i, "type", text, i + 1, i + 3, 0, NULL);
			continue;
		}
		snprintf(text, sizeof text, "%.*s[[1], 2]", (int)line.value_at, lines[i]);
		if (line.item && !line.name[0])
			snprintf(text, sizeof text, "%.*s- {a: 1}", (int)line.indent, lines[i]);
		expect(i, "type", text, i + 1, i + 1, line.value_at + 1, NULL);
	}
}

static void value_out_of_range_is_named(void **state)
{
	static const char *const bounded[] = {"level", "format", "max", "queue", "drain", "admins",
	        "anonymous", "durability", "by", "rate", "burst", "concurrent", "waiting", "input",
	        "output", "cached", "from", "day", "month", "optional", "isolation", "egress",
	        "rows", "bytes", "time", "value", "turns", "idle", "llm", "temperature",
	        "max_output", "escalate_below", "prompt", "timeout", "plugin", "zone", NULL};
	char text[256];
	struct line line;
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < lines_n; i++) {
		size_t k = 0;

		if (!take_apart(lines[i], &line) || !*line.value || !line.name[0])
			continue;
		while (bounded[k] && strcmp(bounded[k], line.name) != 0)
			k++;
		if (!bounded[k])
			continue; /* any text will do there */
		snprintf(text, sizeof text, "%.*s-99999999999", (int)line.value_at, lines[i]);
		if (!strcmp(line.name, "plugin"))
			snprintf(text, sizeof text, "%.*s../evil", (int)line.value_at, lines[i]);
		expect(i, "range", text, i + 1, i + 1, line.value_at + 1, NULL);
		tried++;
	}
	assert_true(tried > 50);
}

static void wrong_name_offers_the_right_one(void **state)
{
	char text[256];
	struct line line;

	(void)state;
	for (size_t i = 0; i < lines_n; i++) {
		if (!take_apart(lines[i], &line) || !line.name[0] || is_free_name(&line, i))
			continue;
		/* Its last letter twice. In `pricing` the name is that of an llm. */
		snprintf(text, sizeof text, "%.*s%s%c%s", (int)line.name_at, lines[i], line.name,
		        line.name[strlen(line.name) - 1],
		        lines[i] + line.name_at + strlen(line.name));
		expect(i, "name", text, i + 1, i + 1, line.name_at + 1, line.name);
	}
}

static void wrong_indentation_is_named(void **state)
{
	char text[256];
	struct line line;

	(void)state;
	for (size_t i = 0; i < lines_n; i++) {
		if (!take_apart(lines[i], &line))
			continue;
		/* A tab is never indentation. */
		snprintf(text, sizeof text, "\t%s", lines[i] + line.indent);
		expect(i, "indentation", text, i ? i : 1, i + 2, 0, NULL);
	}
}

static void duplicate_is_named(void **state)
{
	char text[512];
	struct line line;

	(void)state;
	for (size_t i = 0; i < lines_n; i++) {
		if (!take_apart(lines[i], &line) || !line.name[0])
			continue;
		/* The name once more, as a sibling before the line. */
		if (line.item)
			snprintf(text, sizeof text, "%.*s- %s: 1\n%.*s%s: 1", (int)line.indent,
			        lines[i], line.name, (int)line.name_at, "                ",
			        line.name);
		else
			snprintf(text, sizeof text, "%.*s%s: 1\n%s", (int)line.indent, lines[i],
			        line.name, lines[i]);
		expect(i, "duplicate", text, i + 2, i + 2, line.name_at + 1, NULL);
	}
}

static void missing_variable_is_named(void **state)
{
	char text[256];
	struct line line;

	(void)state;
	for (size_t i = 0; i < lines_n; i++) {
		if (!take_apart(lines[i], &line) || !*line.value)
			continue;
		snprintf(text, sizeof text, "%.*s\"${ASKD_TEST_MISSING}\"", (int)line.value_at,
		        lines[i]);
		expect(i, "variable", text, i + 1, i + 1, line.value_at + 1, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reference_is_valid),
	        cmocka_unit_test(wrong_type_is_named),
	        cmocka_unit_test(value_out_of_range_is_named),
	        cmocka_unit_test(wrong_name_offers_the_right_one),
	        cmocka_unit_test(wrong_indentation_is_named), cmocka_unit_test(duplicate_is_named),
	        cmocka_unit_test(missing_variable_is_named)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
