/* route.c: whose turn is it: a command's owner, a button's, a dialogue's, or the best offer. */
#include <ctype.h>

#include "assistant/inside.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"

enum { COMMAND_MAX = 32, OFFER_MS = 2000 };

static const struct askd_skill_iface *skill_iface(const struct plugin_instance *instance)
{
	return plugin_instance_iface(instance);
}

static const struct route_command *find_command(const struct plan *plan, const char *name, size_t n)
{
	for (const struct route_command *c = plan->commands; c->skill; c++)
		if (strlen(c->command->name) == n && !memcmp(c->command->name, name, n))
			return c;
	return NULL;
}

int32_t route_open(struct plan *plan, struct askd_error *reterr)
{
	struct registry *registry = plan->rooms.registry;
	struct plugin_instance *skill = NULL;
	size_t count = 0, n = 0;

	while ((skill = registry_next(registry, "skill", skill))) {
		const struct askd_skill_iface *iface = skill_iface(skill);

		for (size_t i = 0; iface->commands && iface->commands[i]; i++)
			count++;
	}
	plan->commands = arena_zalloc(&plan->arena, (count + 1) * sizeof *plan->commands);
	if (!plan->commands)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the commands");
	while ((skill = registry_next(registry, "skill", skill))) {
		const struct askd_skill_iface *iface = skill_iface(skill);

		for (size_t i = 0; iface->commands && iface->commands[i]; i++) {
			const struct askd_command *command = iface->commands[i];
			const struct route_command *taken =
			        find_command(plan, command->name, strlen(command->name));

			if (taken)
				return askd_fail(reterr, ASKD_E_CONFIG,
				        "%s and %s both want the command /%s; configure one of "
				        "them",
				        taken->skill->host.instance, skill->host.instance,
				        command->name);
			plan->commands[n++] = (struct route_command){skill, command};
		}
	}
	return ASKD_OK;
}

/* Whose instance name is this? NULL: it is not there any more. */
static struct plugin_instance *find_skill(const struct plan *plan, const char *name)
{
	struct plugin_instance *skill = NULL;

	while ((skill = registry_next(plan->rooms.registry, "skill", skill)))
		if (!strcmp(skill->host.instance, name))
			return skill;
	return NULL;
}

/* "/name@bot rest": the name in lower case without the slash, and the rest. */
static bool read_command(struct askd_text text, char name[COMMAND_MAX + 1], struct askd_text *rest)
{
	size_t i = 1, n = 0;

	if (!text.s || text.n < 2 || text.s[0] != '/' || !isalpha((unsigned char)text.s[1]))
		return false;
	for (; i < text.n && (isalnum((unsigned char)text.s[i]) || text.s[i] == '_'); i++) {
		if (n == COMMAND_MAX)
			return false;
		name[n++] = (char)tolower((unsigned char)text.s[i]);
	}
	name[n] = 0;
	if (i < text.n && text.s[i] == '@')
		while (i < text.n && !isspace((unsigned char)text.s[i]))
			i++;
	if (i < text.n && !isspace((unsigned char)text.s[i]))
		return false; /* "/usr/bin" is no command */
	while (i < text.n && isspace((unsigned char)text.s[i]))
		i++;
	*rest = (struct askd_text){text.s + i, text.n - i};
	return true;
}

bool route_command(struct turn *turn)
{
	struct arena *a = &turn->state.arena;
	const struct plan *plan = turn->state.plan;
	const struct route_command *command;
	char name[COMMAND_MAX + 1];
	const char *names[128], *nearest;
	struct askd_text rest;
	size_t n = 0;

	if (!read_command(turn->turn.text, name, &rest))
		return false;
	command = find_command(plan, name, strlen(name));
	if (command && command->command->permission &&
	        !(turn->person.admin || turn->state.scope.local)) {
		turn_say(turn, ASKD_TURN_REFUSED,
		        i18n_text(a, turn->state.language,
		                "You may not use /{name} here. Whoever runs me can change it.",
		                "name", name, NULL));
		return true;
	}
	if (command) {
		turn->skill = command->skill;
		turn->turn.command = askd_text_of(arena_string(a, name));
		turn->turn.text = rest;
		return true;
	}
	for (const struct route_command *c = plan->commands; c->skill && n < 127; c++)
		names[n++] = c->command->name;
	names[n] = NULL;
	nearest = text_nearest(name, names);
	turn_say(turn, ASKD_TURN_DECLINED,
	        nearest ? i18n_text(a, turn->state.language,
	                          "I do not know /{name}. Did you mean /{nearest}?", "name", name,
	                          "nearest", nearest, NULL)
	                : i18n_text(a, turn->state.language,
	                          "I do not know /{name}. You can simply write your question.",
	                          "name", name, NULL));
	return true;
}

bool route_button(struct turn *turn)
{
	struct arena *a = &turn->state.arena;
	struct button button;
	struct askd_error error = {0};
	int32_t rc = button_find(turn, turn->event->token, &button, &error);

	if (!rc && button.skill[0])
		turn->skill = find_skill(turn->state.plan, button.skill);
	if (rc || (button.skill[0] && !turn->skill)) {
		log_info("assistant", turn->id, "a button that does not count: %s",
		        rc ? error.message : "its skill is gone");
		turn_say(turn, ASKD_TURN_REFUSED,
		        i18n_text(a, turn->state.language,
		                "This button does not work any more. Please send your question "
		                "again.",
		                NULL));
		return false;
	}
	turn->turn.action = askd_text_of(button.action);
	turn->turn.data = askd_text_of(button.data);
	if (!button.skill[0]) {
		if (!gate_asked_which(turn)) {
			gate_select(turn, button.data);
			return false;
		}
		/* The host's own question, which database: its answer is a text like any other. */
		turn->turn.kind = ASKD_EVENT_TEXT;
		turn->turn.text = turn->turn.data;
		turn_list(turn, true);
		if (!gate_limits(turn) || !gate_database(turn))
			return false;
		turn->turn.action = turn->turn.data = (struct askd_text){NULL, 0};
		return route_text(turn);
	}
	if (turn->conversation.state && turn->conversation.state_skill &&
	        !strcmp(turn->conversation.state_skill, button.skill))
		turn->turn.state = askd_text_of(turn->conversation.state);
	return true;
}

/* What the skill offers for the text; 0 and maybe *failed: nothing. */
static int32_t offer(struct turn *turn, struct plugin_instance *skill, struct askd_error *failed)
{
	const struct askd_skill_iface *iface = skill_iface(skill);
	struct plugin_call call;
	struct askd_offer out;
	int32_t milli = 0, rc;

	if (!iface->offer)
		return 0;
	plugin_call_init(&call, &turn->state.scope, OFFER_MS);
	rc = enter_skill_iface_offer(skill, NULL, NULL, &call, &turn->turn, &out, failed);
	if (rc)
		log_warning("assistant", turn->id, "%s made no offer: %s (%s)",
		        skill->host.instance, failed->message, error_name(rc));
	else
		milli = out.milli;
	plugin_call_finish(&call);
	return milli;
}

bool route_text(struct turn *turn)
{
	struct conversation *c = &turn->conversation;
	struct plugin_instance *skill = NULL;
	struct askd_error failed = {0};
	int32_t best = 0;

	if (c->awaits && c->state && c->state_skill && c->state_skill[0]) {
		turn->skill = find_skill(turn->state.plan, c->state_skill);
		if (turn->skill) {
			turn->turn.state = askd_text_of(c->state);
			return true;
		}
	}
	while ((skill = registry_next(turn->state.plan->rooms.registry, "skill", skill))) {
		int32_t milli;

		/* A skill sees its own state also when it did not wait for this text. */
		turn->turn.state =
		        c->state && c->state_skill && !strcmp(c->state_skill, skill->host.instance)
		                ? askd_text_of(c->state)
		                : (struct askd_text){NULL, 0};
		milli = offer(turn, skill, &failed);
		if (milli > best) {
			best = milli;
			turn->skill = skill;
		}
	}
	if (!turn->skill && cancel_fired(&turn->state.cancel))
		askd_fail(&failed, ASKD_E_CANCELED, "canceled");
	/* Who could not be asked may have had an answer. */
	if (!turn->skill && failed.code) {
		turn_say_error(turn, &failed);
		return false;
	}
	if (!turn->skill && !turn->turn.database) {
		turn_say(turn, ASKD_TURN_REFUSED,
		        i18n_text(&turn->state.arena, turn->state.language,
		                "There is no database here that you may ask yet. Whoever runs me "
		                "can add one, or let you in.",
		                NULL));
		return false;
	}
	if (!turn->skill) {
		turn_say(turn, ASKD_TURN_DECLINED,
		        i18n_text(&turn->state.arena, turn->state.language,
		                "I do not know what to do with that. Please ask me something about "
		                "the data here.",
		                NULL));
		return false;
	}
	turn->turn.state =
	        c->state && c->state_skill && !strcmp(c->state_skill, turn->skill->host.instance)
	                ? askd_text_of(c->state)
	                : (struct askd_text){NULL, 0};
	return true;
}
