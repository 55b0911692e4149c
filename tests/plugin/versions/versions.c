/* versions.c: a skill that says which contract it was built against. Since 1.1 it has `newer`. */
#include <askd/skill.h>

ASKD_DEFINE(handle, askd_turn, askd_outcome)
{
	out->status = ASKD_TURN_ANSWER;
	return ASKD_OK;
}

#if defined(ASKD_TEST_NEXT_MINOR) && ASKD_MINOR >= 1
ASKD_DEFINE(newer, askd_turn, askd_outcome)
{
	out->status = ASKD_TURN_CLARIFY;
	return ASKD_OK;
}
#endif

ASKD_MAKE(static const struct askd_command, command, .name = "version", .usage = "/version",
        .help = "Does nothing");
static const struct askd_command *const commands[] = {&command, NULL};
ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands, .handle = handle,
#if defined(ASKD_TEST_NEXT_MINOR) && ASKD_MINOR >= 1
        .newer = newer
#endif
);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "versions", .version = "1.0",
        .summary = "was built against some version", .license = "MIT", .flags = ASKD_CONCURRENT,
        .iface = &iface);
