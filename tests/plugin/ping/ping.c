/* ping: the smallest skill: answers /ping with pong. */
#include <askd/skill.h>

struct ping {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
};

static int32_t ping_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct ping *ping = (struct ping *)self;
	ping->host = host;
	return askd_need(host, "askd.turn/1", &ping->turn, reterr);
}

ASKD_DEFINE(ping_handle, askd_turn, askd_outcome)
{
	const struct ping *ping = (const struct ping *)self;
	ASKD_MAKE(struct askd_message, message, .text = ASKD_LITERAL("pong"));
	return ping->turn->reply(ping->host, call, &message, NULL, reterr);
}

ASKD_MAKE(static const struct askd_command, command, .name = "ping", .usage = "/ping",
        .help = "Replies");
static const struct askd_command *const commands[] = {&command, NULL};
ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands, .handle = ping_handle);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "ping", .version = "1.0",
        .summary = "replies to /ping", .license = "MIT", .instance_size = sizeof(struct ping),
        .flags = ASKD_CONCURRENT, .open = ping_open, .iface = &iface);
