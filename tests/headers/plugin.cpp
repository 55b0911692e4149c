// A plugin in C++17 with options, a command and an extension: the macros of the contract compile.
#include <askd/extensions.h>

namespace
{
struct greeter {
	const char *word;
	int64_t times;
};
} // namespace

static const struct askd_option options[] = {
        {"word", "what it says", "hello", 0, 0, 0, ASKD_OPT_TEXT, offsetof(struct greeter, word), 0,
                nullptr},
        {nullptr, nullptr, nullptr, 0, 0, 0, 0, 0, 0, nullptr},
};

ASKD_DEFINE(greet, askd_turn, askd_outcome)
{
	ASKD_MAKE(struct askd_message, message, .text = ASKD_LITERAL("hello"));
	out->status = askd_equal(in->text, message.text) ? ASKD_TURN_ANSWER : ASKD_TURN_DECLINED;
	return askd_canceled(call) ? askd_fail(reterr, ASKD_E_CANCELED, "canceled") : ASKD_OK;
}

ASKD_MAKE(static const struct askd_command, command, .name = "greet", .usage = "/greet",
        .help = "Greets");
static const struct askd_command *const commands[] = {&command, nullptr};
ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands, .handle = greet);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "greeter", .version = "1.0", .summary = "greets",
        .license = "MIT", .options = options, .instance_size = sizeof(struct greeter),
        .flags = ASKD_CONCURRENT, .iface = &iface);
