/* hooks.c: before and after each turn, every instance that wants to look, in the order of the file.
 */
#include "assistant/inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"

enum { HOOK_MS = 5000 };

static void log_failure(
        const struct turn *turn, const struct plugin_instance *instance, const struct askd_error *e)
{
	log_warning("assistant", turn->id, "a hook of %s failed with %s and counts as passed: %s",
	        instance->host.instance, error_name(e->code),
	        turn->state.ephemeral ? "" : e->message);
}

static void refuse(struct turn *turn, struct askd_text reason)
{
	turn->outcome = (struct askd_outcome){.size = sizeof turn->outcome};
	turn_say(turn, ASKD_TURN_REFUSED,
	        reason.s && reason.n
	                ? arena_copy(&turn->state.arena, reason.s, (size_t)reason.n)
	                : i18n_text(&turn->state.arena, turn->state.language,
	                          "This may not be asked here. Whoever runs me can tell "
	                          "you why.",
	                          NULL));
}

bool hooks_before(struct turn *turn)
{
	struct plugin_instance **at = turn->state.plan->rooms.registry->instances;

	for (; at && *at; at++) {
		struct plugin_instance *instance = *at;
		const struct askd_hooks *hooks =
		        plugin_instance_extension(instance, "askd.hooks/1");
		struct askd_hook_event event = {.size = sizeof event, .turn = &turn->turn};
		struct askd_hook_verdict verdict;
		struct plugin_call call;
		struct askd_error error = {0};
		bool refused = false;

		if (!hooks || !ASKD_HAS(hooks, before) || !hooks->before)
			continue;
		plugin_call_init(&call, &turn->state.scope, HOOK_MS);
		if (enter_hooks_before(instance, hooks, NULL, &call, &event, &verdict, &error)) {
			log_failure(turn, instance, &error);
		} else if (verdict.verdict == ASKD_HOOK_CHANGE && verdict.text.s) {
			turn->turn.text = arena_text(&turn->state.arena, verdict.text);
			if (!turn->turn.text.s)
				turn->turn.text = ASKD_LITERAL("");
		} else if (verdict.verdict == ASKD_HOOK_REFUSE) {
			refuse(turn, verdict.reason);
			refused = true;
		}
		plugin_call_finish(&call);
		if (refused)
			return false;
	}
	return true;
}

/* The message that carries the answer: the last one with rows or a statement, else the last. */
static size_t main_message(const struct turn *turn)
{
	for (size_t i = turn->message_count; i; i--)
		if (turn->messages[i - 1]->table || turn->messages[i - 1]->sql.s)
			return i - 1;
	return turn->message_count - 1;
}

/* One text in the place of all that were said. */
static void change(struct turn *turn, struct askd_text text)
{
	struct askd_message *message;
	size_t at;

	if (!turn->message_count) {
		turn_say(turn, turn->kind, arena_copy(&turn->state.arena, text.s, (size_t)text.n));
		return;
	}
	at = main_message(turn);
	message = (struct askd_message *)turn->messages[at]; /* our own copy */
	turn->messages[0] = message;
	turn->message_ids[0] = turn->message_ids[at];
	turn->message_count = 1;
	message->text = arena_text(&turn->state.arena, text);
	if (!message->text.s)
		turn->failed = ASKD_E_NOMEM;
}

void hooks_after(struct turn *turn)
{
	struct plugin_instance **at = turn->state.plan->rooms.registry->instances;

	for (; at && *at; at++) {
		struct plugin_instance *instance = *at;
		const struct askd_hooks *hooks =
		        plugin_instance_extension(instance, "askd.hooks/1");
		struct askd_hook_event event = {
		        .size = sizeof event, .status = turn->kind, .turn = &turn->turn};
		struct askd_hook_verdict verdict;
		struct plugin_call call;
		struct askd_error error = {0};

		if (!hooks || !ASKD_HAS(hooks, after) || !hooks->after)
			continue;
		if (turn->message_count)
			event.message = turn->messages[main_message(turn)];
		plugin_call_init(&call, &turn->state.scope, HOOK_MS);
		if (enter_hooks_after(instance, hooks, NULL, &call, &event, &verdict, &error))
			log_failure(turn, instance, &error);
		else if (verdict.verdict == ASKD_HOOK_CHANGE && verdict.text.s)
			change(turn, verdict.text);
		else if (verdict.verdict == ASKD_HOOK_REFUSE)
			refuse(turn, verdict.reason);
		plugin_call_finish(&call);
	}
}
