/* tools_verbs_health: one tool, one verb and a state of health that its option sets. */
#include <unistd.h>

#include <askd/extensions.h>

struct offers {
	int64_t health;
};

static const char *const states[] = {"ok", "degraded", "down", NULL};
static const struct askd_option options[] = {
        {.name = "health",
                .help = "what it reports",
                .def = "ok",
                ASKD_OPTION_CHOICE(struct offers, health, states)},
        {.name = NULL},
};

ASKD_DEFINE(health_report, askd_nothing, askd_health_report)
{
	out->status = (uint32_t)((const struct offers *)self)->health;
	if (out->status)
		out->reason = ASKD_LITERAL("the option says so");
	return ASKD_OK;
}

/* Returns its arguments. */
ASKD_DEFINE(tool_run, askd_tool_call, askd_tool_result)
{
	out->json = askd_copy(call, in->arguments.s, in->arguments.n);
	return ASKD_OK;
}

/* Prints its arguments on the person's terminal; its exit status is 3. */
ASKD_DEFINE(verb_run, askd_verb_call, askd_verb_result)
{
	struct askd_text line = askd_print(call, "%s\n", in->args.s ? in->args.s : "[]");
	if (line.s && write(in->out, line.s, (size_t)line.n) < 0)
		return askd_fail(reterr, ASKD_E_IO, "cannot write");
	out->status = 3;
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_health, health, .report = health_report);
ASKD_MAKE(static const struct askd_tool, tool, .name = "repeat", .description = "Repeats its input",
        .schema = "{\"type\": \"object\"}", .run = tool_run);
static const struct askd_tool *const tool_list[] = {&tool, NULL};
ASKD_MAKE(static const struct askd_tools, tools, .tools = tool_list);
ASKD_MAKE(static const struct askd_verb, verb, .name = "repeat", .usage = "askd repeat [WORD]...",
        .help = "Prints its arguments", .run = verb_run);
static const struct askd_verb *const verb_list[] = {&verb, NULL};
ASKD_MAKE(static const struct askd_verbs, verbs, .verbs = verb_list);
ASKD_MAKE(
        static const struct askd_extension, offers_health, .id = "askd.health/1", .table = &health);
ASKD_MAKE(static const struct askd_extension, offers_tools, .id = "askd.tools/1", .table = &tools);
ASKD_MAKE(static const struct askd_extension, offers_verbs, .id = "askd.verbs/1", .table = &verbs);
static const struct askd_extension *const extensions[] = {
        &offers_health, &offers_tools, &offers_verbs, NULL};
ASKD_MAKE(static const struct askd_skill_iface, iface, .flags = 0);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "tools_verbs_health", .version = "1.0",
        .summary = "offers a tool, a verb and its health", .license = "MIT", .options = options,
        .instance_size = sizeof(struct offers), .flags = ASKD_CONCURRENT, .iface = &iface,
        .extensions = extensions);
