/* config_assistant.c: memory and stages. */
#include <ctype.h>
#include <errno.h>

#include "base/text.h"
#include "config/bundled.h"
#include "config/config_private.h"
#include "config/interpolate.h"
#include "config/options.h"

enum { PROMPT_MAX = 256 * 1024, MILLI_SCALE = 3 };

struct stage_options {
	struct config_stage stage;
	const char *prompt, *temperature, *escalate_below;
};

const struct askd_option config_stage_options[] = {
        {.name = "llm",
                .help = "The llm that does it; absent: as the stage analysis, there the llm called "
                        "main, else the first",
                ASKD_OPTION_TEXT(struct stage_options, stage.llm)},
        {.name = "model",
                .help = "A model of that llm; absent: the llm's own",
                ASKD_OPTION_TEXT(struct stage_options, stage.model)},
        {.name = "fallback",
                .help = "Other llms, in turn, when that one fails or is not sure enough",
                ASKD_OPTION_LIST(struct stage_options, stage.fallback)},
        {.name = "limits",
                .help = "Names of limits whose rate and windows each call of the stage counts "
                        "against",
                ASKD_OPTION_LIST(struct stage_options, stage.limits)},
        {.name = "tools",
                .help = "Names of tools, offered by plugins, that its model may call; it must be "
                        "a model that can",
                ASKD_OPTION_LIST(struct stage_options, stage.tools)},
        {.name = "prompt",
                .help = "A file with the prompt, seen from this file; absent: the bundled one",
                ASKD_OPTION_TEXT(struct stage_options, prompt)},
        {.name = "temperature",
                .help = "From 0 to 2, decimal; absent: the server's default",
                ASKD_OPTION_TEXT(struct stage_options, temperature)},
        {.name = "max_output",
                .help = "Tokens of one reply; 0: the server's default",
                .def = "0",
                .min = 0,
                .max = 1000000,
                ASKD_OPTION_INT(struct stage_options, stage.max_output)},
        {.name = "escalate_below",
                .help = "From 0 to 1, decimal: with less confidence than that the fallback is "
                        "asked; absent: never",
                ASKD_OPTION_TEXT(struct stage_options, escalate_below)},
        {.name = "timeout",
                .help = "Time of one call",
                .def = "60s",
                .min = 100,
                .max = 3600000,
                ASKD_OPTION_DURATION(struct stage_options, stage.timeout_ms)},
        {.name = NULL}};

#define MEMORY_OPTIONS(default_idle, turns_member, idle_member)            \
	{.name = "turns",                                                  \
	        .help = "How many earlier turns a question sees",          \
	        .def = "5",                                                \
	        .min = 0,                                                  \
	        .max = 100,                                                \
	        ASKD_OPTION_INT(struct config, turns_member)},             \
	        {.name = "idle",                                           \
	                .help = "After that silence only the last "        \
	                        "turn is seen",                            \
	                .def = default_idle,                               \
	                .min = 0,                                          \
	                .max = INT64_C(31622400000),                       \
	                ASKD_OPTION_DURATION(struct config, idle_member)}, \
	{                                                                  \
		.name = NULL                                               \
	}

const struct askd_option config_chat_options[] = {
        MEMORY_OPTIONS("5m", memory_chat_turns, memory_chat_idle_ms)};
const struct askd_option config_program_options[] = {
        MEMORY_OPTIONS("60m", memory_program_turns, memory_program_idle_ms)};
const struct askd_option config_assistant_options[] = {{.name = NULL}};

/* Every name in the list must be one of `names`. */
static int32_t check_references(
        const struct yaml_node *list, const char *const *names, struct askd_error *reterr)
{
	for (const struct yaml_node *node = list ? list->first : NULL; node; node = node->next) {
		size_t i = 0;

		while (names[i] && strcmp(names[i], node->text) != 0)
			i++;
		if (!names[i])
			return yaml_fail_name(reterr, &node->place, node->text, names);
	}
	return ASKD_OK;
}

/* Whether somebody offers them is known when the plugins are open. */
static int32_t check_tools(const struct yaml_node *list, struct askd_error *reterr)
{
	for (const struct yaml_node *node = list ? list->first : NULL; node; node = node->next) {
		size_t n = 0;

		while (node->text[n] &&
		        (isalnum((unsigned char)node->text[n]) || node->text[n] == '_'))
			n++;
		if (!n || node->text[n])
			return yaml_fail(reterr, node,
			        "found %s, expected the name of a tool: letters, digits and '_'",
			        yaml_found(node));
	}
	return ASKD_OK;
}

static int32_t check_stage_names(struct config *config, const struct yaml_node *node,
        const struct config_stage *stage, struct askd_error *reterr)
{
	const char *const *llms = config_names(config, "llm");
	const char **limits;
	size_t n = 0;
	int32_t rc;

	for (const struct config_limit *limit = config->limits; limit; limit = limit->next)
		n++;
	limits = arena_alloc(&config->arena, (n + 1) * sizeof *limits);
	if (!llms || !limits)
		return config_no_memory(reterr);
	n = 0;
	for (const struct config_limit *limit = config->limits; limit; limit = limit->next)
		limits[n++] = limit->name;
	limits[n] = NULL;
	if (stage->llm && !config_find(config, "llm", stage->llm))
		return yaml_fail_name(reterr, config_place(node, "llm"), stage->llm, llms);
	rc = check_references(yaml_find(node, "fallback"), llms, reterr);
	if (!rc)
		rc = check_references(yaml_find(node, "limits"), limits, reterr);
	return rc ? rc : check_tools(yaml_find(node, "tools"), reterr);
}

/* A decimal from 0 to `max` in thousandths. */
static int32_t read_milli(const struct yaml_node *map, const char *name, const char *text,
        int64_t max, const char *owner, int64_t *milli, struct askd_error *reterr)
{
	int64_t read;

	if (!text)
		return ASKD_OK;
	if (text_to_scaled(text, MILLI_SCALE, &read) && read >= 0 && read <= max * 1000) {
		*milli = read;
		return ASKD_OK;
	}
	return yaml_fail(reterr, yaml_find(map, name),
	        "found %s for '%s' of %s, expected a decimal number from 0 to %lld with at most "
	        "three decimals",
	        yaml_found(yaml_find(map, name)), name, owner, (long long)max);
}

static int32_t read_prompt_file(struct config *config, const struct yaml_node *node,
        const char *name, struct config_stage *stage, struct askd_error *reterr)
{
	const char *path = file_relative(&config->arena, node->place.file, name);
	struct askd_text text = {NULL, 0};
	int rc = path ? file_read(&config->arena, path, PROMPT_MAX, &text) : ENOMEM;

	if (!rc && text.n) {
		stage->prompt = text.s;
		stage->prompt_name = path;
		return ASKD_OK;
	}
	return yaml_fail(reterr, node, "found %s, expected a file with a prompt: %s",
	        yaml_found(node),
	        rc == EILSEQ  ? "it is not valid UTF-8"
	        : rc == EFBIG ? "it is larger than 256 KB"
	        : rc          ? strerror(rc)
	                      : "it is empty");
}

static int32_t read_prompt(struct config *config, const struct yaml_node *map,
        const struct stage_options *options, struct config_stage *stage, struct askd_error *reterr)
{
	char name[96];

	if (options->prompt)
		return read_prompt_file(
		        config, yaml_find(map, "prompt"), options->prompt, stage, reterr);
	snprintf(name, sizeof name, "prompts/%s.md", stage->name);
	stage->prompt = config_bundled(name, NULL);
	if (!stage->prompt)
		return ASKD_OK;
	stage->prompt_name = arena_print(&config->arena, "%s (bundled)", stage->name);
	return stage->prompt_name ? ASKD_OK : config_no_memory(reterr);
}

static int32_t read_stage(struct config *config, const struct yaml_node *node,
        struct config_stage **result, struct askd_error *reterr)
{
	const char *owner = arena_print(&config->arena, "assistant.stages.%s", node->key.s);
	struct stage_options *options = arena_zalloc(&config->arena, sizeof *options);
	struct config_stage *stage;
	int32_t rc;

	if (!owner || !options)
		return config_no_memory(reterr);
	stage = &options->stage;
	if (!config_is_name(node->key.s))
		return yaml_fail_at(reterr, &node->key_place,
		        "found %s in assistant.stages, expected a name of letters a-z, digits, '_' "
		        "and '-', at most 64 bytes",
		        yaml_quote(node->key.s, node->key.n));
	rc = CONFIG_OPTIONS(config, node, config_stage_options, owner, NULL, options, reterr);
	stage->name = node->key.s;
	stage->place = node->place;
	stage->temperature_milli = -1;
	if (!rc)
		rc = check_stage_names(config, node, stage, reterr);
	if (!rc)
		rc = read_milli(node, "temperature", options->temperature, 2, owner,
		        &stage->temperature_milli, reterr);
	if (!rc)
		rc = read_milli(node, "escalate_below", options->escalate_below, 1, owner,
		        &stage->escalate_below_milli, reterr);
	if (!rc)
		rc = read_prompt(config, node, options, stage, reterr);
	if (!rc)
		*result = stage;
	return rc;
}

/* Stages that name no llm: as the analysis; that one: the llm called main, else the first. */
static void choose_llms(struct config *config)
{
	const struct config_instance *chosen = config_find(config, "llm", "main");
	struct config_stage *stage;
	const struct config_stage *analysis;

	for (const struct config_instance *i = config->instances; i && !chosen; i = i->next)
		if (!strcmp(i->kind, "llm"))
			chosen = i;
	for (stage = config->stages; stage; stage = stage->next)
		if (!stage->llm && !strcmp(stage->name, "analysis"))
			stage->llm = chosen ? chosen->name : NULL;
	analysis = config_find_stage(config, "analysis");
	for (stage = config->stages; stage; stage = stage->next) {
		if (stage->llm)
			continue;
		stage->llm = analysis ? analysis->llm : chosen ? chosen->name : NULL;
		if (analysis && !stage->fallback)
			stage->fallback = analysis->fallback;
	}
}

static int32_t read_stages(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	struct config_stage **end = &config->stages;
	int32_t rc = config_check_map(node, "assistant.stages", reterr);

	if (rc)
		return rc;
	for (node = node ? node->first : NULL; node; node = node->next) {
		rc = read_stage(config, node, end, reterr);
		if (rc)
			return rc;
		end = &(*end)->next;
	}
	choose_llms(config);
	return ASKD_OK;
}

int32_t config_read_assistant(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	static const char *const known[] = {"memory", "stages", NULL};
	static const char *const memories[] = {"chat", "program", NULL};
	const struct yaml_node *memory = yaml_find(node, "memory");
	int32_t rc = CONFIG_OPTIONS(
	        config, node, config_assistant_options, "assistant", known, config, reterr);

	if (!rc)
		rc = CONFIG_OPTIONS(config, memory, config_assistant_options, "assistant.memory",
		        memories, config, reterr);
	if (!rc)
		rc = CONFIG_OPTIONS(config, yaml_find(memory, "chat"), config_chat_options,
		        "assistant.memory.chat", NULL, config, reterr);
	if (!rc)
		rc = CONFIG_OPTIONS(config, yaml_find(memory, "program"), config_program_options,
		        "assistant.memory.program", NULL, config, reterr);
	return rc ? rc : read_stages(config, yaml_find(node, "stages"), reterr);
}
