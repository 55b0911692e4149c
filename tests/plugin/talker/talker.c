/* talker: says and does what it is told, so that tests can look at the path of a turn.
 *
 *   echo TEXT         a text that it takes: says TEXT
 *   wait FILE         a text that it takes: says "waited" as soon as FILE exists
 *   /args ...         says what followed the command, in brackets
 *   /long N           N numbered words, a line break behind every tenth
 *   /buttons          "choose" with the buttons yes and no; a press says "pressed yes"
 *   /dialogue [MS]    asks "which colour?"; the next text within MS is answered "colour: TEXT"
 *   /conflict N       its first N attempts write what cannot be written
 *   /post TEXT        posts TEXT into the conversation
 *   /tell TEXT        posts TEXT to the person
 *   /owner            only for those who own the place */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <askd/skill.h>

enum { LONG_MAX_WORDS = 20000, PAUSE_MS = 5 };

struct talker {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
	const struct askd_store_service *store;
	int64_t attempts; /* of /conflict, over all turns */
};

static int32_t talker_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct talker *talker = self;
	int32_t rc;

	talker->host = host;
	rc = askd_need(host, "askd.turn/1", &talker->turn, reterr);
	return rc ? rc : askd_need(host, "askd.store/1", &talker->store, reterr);
}

static bool starts(struct askd_text text, const char *with)
{
	return text.s && !strncmp(text.s, with, strlen(with));
}

static int32_t say(const struct talker *talker, struct askd_call *call, struct askd_text text,
        struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_message, message, .text = text);
	if (!text.s)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to talk");
	return talker->turn->reply(talker->host, call, &message, NULL, reterr);
}

static int32_t wait_for(const struct talker *talker, struct askd_call *call, const char *file,
        struct askd_error *reterr)
{
	const struct timespec pause = {0, PAUSE_MS * 1000000};

	while (access(file, F_OK)) {
		if (askd_canceled(call))
			return askd_fail(reterr, ASKD_E_CANCELED, "canceled");
		nanosleep(&pause, NULL);
	}
	return say(talker, call, ASKD_LITERAL("waited"), reterr);
}

static int32_t say_long(const struct talker *talker, struct askd_call *call, struct askd_text text,
        struct askd_error *reterr)
{
	long n = text.s ? strtol(text.s, NULL, 10) : 0;
	char *all, *at;
	int32_t rc;

	if (n < 1 || n > LONG_MAX_WORDS)
		return askd_fail(reterr, ASKD_E_INVALID, "a number of words is due");
	at = all = malloc((size_t)n * 16 + 1);
	if (!all)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to talk");
	for (long i = 1; i <= n; i++)
		at += sprintf(at, "wörd%ld%s", i, i == n ? "" : i % 10 ? " " : "\n");
	rc = say(talker, call, askd_copy(call, all, (uint64_t)(at - all)), reterr);
	free(all);
	return rc;
}

static int32_t say_buttons(
        const struct talker *talker, struct askd_call *call, struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_button, yes, .label = ASKD_LITERAL("Yes"),
	        .action = ASKD_LITERAL("pressed"), .data = ASKD_LITERAL("yes"));
	ASKD_MAKE(struct askd_button, no, .label = ASKD_LITERAL("No"),
	        .action = ASKD_LITERAL("pressed"), .data = ASKD_LITERAL("no"));
	const struct askd_button *const buttons[] = {&yes, &no, NULL};
	ASKD_MAKE(struct askd_message, message, .text = ASKD_LITERAL("choose"), .buttons = buttons);
	return talker->turn->reply(talker->host, call, &message, NULL, reterr);
}

static int32_t conflict(struct talker *talker, struct askd_call *call, struct askd_text text,
        struct askd_error *reterr)
{
	int64_t attempt = __atomic_add_fetch(&talker->attempts, 1, __ATOMIC_RELAXED);
	long fail = text.s ? strtol(text.s, NULL, 10) : 0;
	ASKD_MAKE(struct askd_store_statement, one, .expect = 1,
	        .sql = attempt <= fail
	                       ? ASKD_LITERAL("update talker_notes set n = n + 1 where n = -1")
	                       : ASKD_LITERAL("insert into talker_notes (n) values (1)"));
	const struct askd_store_statement *const list[] = {&one, NULL};
	ASKD_MAKE(struct askd_store_write, write, .statements = list);
	int32_t rc = talker->store->write(talker->host, call, &write, NULL, reterr);

	return rc ? rc
	          : say(talker, call, askd_print(call, "attempt %lld", (long long)attempt), reterr);
}

static int32_t post(const struct talker *talker, struct askd_call *call,
        const struct askd_turn *turn, uint64_t person, struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_message, message, .text = turn->text, .person = person);
	int32_t rc = talker->turn->post(talker->host, call, &message, NULL, reterr);

	return rc ? rc : say(talker, call, ASKD_LITERAL("posted"), reterr);
}

ASKD_DEFINE(talker_offer, askd_turn, askd_offer)
{
	if (starts(in->text, "echo ") || starts(in->text, "wait "))
		out->milli = 1000;
	return ASKD_OK;
}

ASKD_DEFINE(talker_handle, askd_turn, askd_outcome)
{
	struct talker *talker = self;
	struct askd_text command = in->command.s ? in->command : ASKD_LITERAL("");

	if (in->action.s)
		return say(
		        talker, call, askd_print(call, "%s %s", in->action.s, in->data.s), reterr);
	if (askd_equal(command, ASKD_LITERAL("args")))
		return say(talker, call, askd_print(call, "[%s]", in->text.s), reterr);
	if (askd_equal(command, ASKD_LITERAL("owner")))
		return say(talker, call, ASKD_LITERAL("welcome"), reterr);
	if (askd_equal(command, ASKD_LITERAL("long")))
		return say_long(talker, call, in->text, reterr);
	if (askd_equal(command, ASKD_LITERAL("buttons")))
		return say_buttons(talker, call, reterr);
	if (askd_equal(command, ASKD_LITERAL("conflict")))
		return conflict(talker, call, in->text, reterr);
	if (askd_equal(command, ASKD_LITERAL("post")))
		return post(talker, call, in, 0, reterr);
	if (askd_equal(command, ASKD_LITERAL("tell")))
		return post(talker, call, in, in->person, reterr);
	if (askd_equal(command, ASKD_LITERAL("dialogue"))) {
		out->status = ASKD_TURN_CLARIFY;
		out->awaits = 1;
		out->state = ASKD_LITERAL("{\"about\":\"colour\"}");
		out->state_ms = in->text.n ? (uint32_t)strtoul(in->text.s, NULL, 10) : 0;
		return say(talker, call, ASKD_LITERAL("which colour?"), reterr);
	}
	if (in->state.s)
		return say(talker, call, askd_print(call, "colour: %s", in->text.s), reterr);
	if (starts(in->text, "wait "))
		return wait_for(talker, call, in->text.s + 5, reterr);
	return say(talker, call, askd_copy(call, in->text.s + 5, in->text.n - 5), reterr);
}

#define COMMAND(word, ...)                                                         \
	ASKD_MAKE(static const struct askd_command, command_##word, .name = #word, \
	        .usage = "/" #word, .help = "For tests", __VA_ARGS__)
COMMAND(args, .flags = 0);
COMMAND(long, .flags = 0);
COMMAND(buttons, .flags = 0);
COMMAND(dialogue, .flags = 0);
COMMAND(conflict, .flags = 0);
COMMAND(post, .flags = 0);
COMMAND(tell, .flags = 0);
COMMAND(owner, .permission = "talker.own");
static const struct askd_command *const commands[] = {&command_args, &command_long,
        &command_buttons, &command_dialogue, &command_conflict, &command_post, &command_tell,
        &command_owner, NULL};

ASKD_MAKE(static const struct askd_migration, notes, .number = 1,
        .sql = "create table talker_notes (n bigint not null)");
static const struct askd_migration *const migrations[] = {&notes, NULL};

ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands,
        .migrations = migrations, .offer = talker_offer, .handle = talker_handle);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "talker", .version = "1.0",
        .summary = "says and does what it is told, for tests", .license = "MIT",
        .instance_size = sizeof(struct talker), .flags = ASKD_CONCURRENT, .open = talker_open,
        .iface = &iface);
