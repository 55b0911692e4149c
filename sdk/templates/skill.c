/* @NAME@: a skill that answers the command /@NAME@. */
#include <askd/skill.h>

struct @NAME @{const struct askd_host *host;
const struct askd_turn_service *turn;
const char *greeting; /* option values belong to the host and live until close() */
}
;

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "greeting",
                .help = "what it says",
                .def = "Hello",
                .max = 200,
                ASKD_OPTION_TEXT(struct @NAME @, greeting)},
        {.name = NULL},
};
ASKD_LOUD

static int32_t @NAME @_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct @NAME @ *mine = (struct @NAME @ *)self;

	mine->host = host;
	return askd_need(host, "askd.turn/1", &mine->turn, reterr);
}

/* Handles one turn. May run twice for the same turn: derive ids from in->id. */
ASKD_DEFINE(@NAME @_handle, askd_turn, askd_outcome)
{
	const struct @NAME @ *mine = (const struct @NAME @ *)self;
	ASKD_MAKE(struct askd_message, message);

	message.text =
	        askd_print(call, "%s, %s!", mine->greeting, in->text.n ? in->text.s : "world");
	return mine->turn->reply(mine->host, call, &message, NULL, reterr);
}

ASKD_MAKE(static const struct askd_command, command, .name = "@NAME@", .usage = "/@NAME@ [name]",
        .help = "Greets.");
static const struct askd_command *const commands[] = {&command, NULL};
ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands,
        .handle = @NAME @_handle);

ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "@NAME@", .version = "0.1.0",
        .summary = "answers /@NAME@", .license = "MIT", .options = options,
        .instance_size = sizeof(struct @NAME @), .flags = ASKD_CONCURRENT, .open = @NAME @_open,
        .iface = &iface);
