/* template_name: a skill that answers the command /template_name. */
#include <askd/skill.h>

struct template_name {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
	const char *greeting; /* option values belong to the host and live until close() */
};

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "greeting",
                .help = "what it says",
                .def = "Hello",
                .max = 200,
                ASKD_OPTION_TEXT(struct template_name, greeting)},
        {.name = NULL},
};
ASKD_LOUD

static int32_t template_name_open(
        void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct template_name *mine = (struct template_name *)self;

	mine->host = host;
	return askd_need(host, "askd.turn/1", &mine->turn, reterr);
}

/* Handles one turn. May run twice for the same turn: derive ids from in->id. */
ASKD_DEFINE(template_name_handle, askd_turn, askd_outcome)
{
	const struct template_name *mine = (const struct template_name *)self;
	ASKD_MAKE(struct askd_message, message);

	message.text =
	        askd_print(call, "%s, %s!", mine->greeting, in->text.n ? in->text.s : "world");
	return mine->turn->reply(mine->host, call, &message, NULL, reterr);
}

ASKD_MAKE(static const struct askd_command, command, .name = "template_name",
        .usage = "/template_name [name]", .help = "Greets.");
static const struct askd_command *const commands[] = {&command, NULL};
ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands,
        .handle = template_name_handle);

ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "template_name", .version = "0.1.0",
        .summary = "answers /template_name", .license = "MIT", .options = options,
        .instance_size = sizeof(struct template_name), .flags = ASKD_CONCURRENT,
        .open = template_name_open, .iface = &iface);
