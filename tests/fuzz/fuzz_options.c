/* Options of every type from any YAML. */
#include <stdlib.h>

#include "config/options.h"

struct target {
	const char *text, *secret, *json;
	int64_t number, yes, ms, bytes, choice;
	const char *const *list, *const *map;
};

static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct askd_option options[] = {
        {.name = "text", .help = "x", .max = 20, ASKD_OPTION_TEXT(struct target, text)},
        {.name = "secret",
                .help = "x",
                .flags = ASKD_OPT_SECRET | ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct target, secret)},
        {.name = "json", .help = "x", .def = "{a: [1]}", ASKD_OPTION_JSON(struct target, json)},
        {.name = "number",
                .help = "x",
                .min = -5,
                .max = 5,
                ASKD_OPTION_INT(struct target, number)},
        {.name = "yes", .help = "x", .def = "on", ASKD_OPTION_BOOL(struct target, yes)},
        {.name = "ms", .help = "x", .min = 1, ASKD_OPTION_DURATION(struct target, ms)},
        {.name = "bytes", .help = "x", .def = "64K", ASKD_OPTION_SIZE(struct target, bytes)},
        {.name = "choice",
                .help = "x",
                .def = "green",
                ASKD_OPTION_CHOICE(struct target, choice, colours)},
        {.name = "list", .help = "x", .def = "[a, b]", ASKD_OPTION_LIST(struct target, list)},
        {.name = "map", .help = "x", .choices = colours, ASKD_OPTION_MAP(struct target, map)},
        {.name = NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const known[] = {"plugin", NULL};
	struct target target = {0};
	struct askd_error error = {0};
	struct yaml_node *node;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	node = yaml_read_string(&a, "fuzz.yaml", (const char *)data, size, &error);
	if (node) {
		rc = options_read(
		        &a, node, options, sizeof *options, "llm/main", known, &target, &error);
		if (rc ? rc != error.code || !error.message[0]
		       : !target.secret || !target.json || !target.list || target.number < -5 ||
		                        target.number > 5 || target.choice < 0 || target.choice > 2)
			abort();
	}
	arena_finish(&a);
	return 0;
}
