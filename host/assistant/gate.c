/* gate.c: who is it, what may they ask now, and of which database. */
#include <ctype.h>
#include <strings.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"

enum { NAMES_MAX = 12, REPLY_WORDS = 5, PLACE_RETRY_US = 1000 * 1000 };

bool gate_person(struct turn *turn)
{
	struct assistant *assistant = turn->assistant;
	struct call_scope *scope = &turn->state.scope;
	const struct askd_event *event = turn->event;
	struct arena *a = &turn->state.arena;
	struct askd_error error = {0};
	const char *issuer;
	int32_t rc;

	if (scope->person) {
		rc = people_find(assistant->rooms.people, scope->person, &turn->person, &error);
	} else if (!event->sender.s) {
		rc = askd_fail(&error, ASKD_E_DENIED, "the event names no sender");
	} else {
		issuer = arena_print(a, "%s:%s", turn->transport->library->plugin->name,
		        turn->transport->config->name);
		scope->identity = issuer ? arena_print(a, "%s:%s", issuer, event->sender.s) : NULL;
		rc = scope->identity
		             ? people_identify(assistant->rooms.people, issuer, event->sender,
		                       event->sender_name.s ? event->sender_name.s
		                                            : event->sender.s,
		                       &turn->person, &error)
		             : askd_fail(&error, ASKD_E_NOMEM, "no memory for a turn");
	}
	if (rc) {
		if (rc == ASKD_E_NOT_FOUND)
			askd_fail(&error, ASKD_E_DENIED, "nobody knows this person");
		turn_say_error(turn, &error);
		if (error.code == ASKD_E_DENIED)
			turn->kind = ASKD_TURN_REFUSED;
		return false;
	}
	scope->person = turn->person.id;
	scope->organisation = turn->person.organisation;
	if (event->language.s && event->language.n && event->language.n < 32)
		turn->state.language = event->language.s;
	else if (turn->person.language[0])
		turn->state.language = turn->person.language;
	if (turn->person.zone[0])
		turn->state.zone = turn->person.zone;
	return true;
}

int32_t conversation_load(struct turn *turn, struct askd_error *reterr)
{
	struct conversation *c = &turn->conversation;
	struct arena *a = &turn->state.arena;
	struct store_rows rows;
	struct askd_text state;
	int32_t rc;

	c->exists = c->awaits = false;
	c->database = 0;
	c->state = c->state_skill = NULL;
	rc = store_read(turn->assistant->rooms.store, STORE_MANAGER, a, NULL,
	        ASKD_LITERAL("select db, state, state_skill, state_until_us, awaits "
	                     "from conversations where id = $1"),
	        STORE_PARAMS(store_id(c->id)), 1, &rows, reterr);
	if (rc || !rows.rows)
		return rc;
	c->exists = true;
	c->database = (uint64_t)store_cell_int(&rows, 0, 0);
	state = store_cell_text(&rows, 0, 1);
	if (!state.s || store_cell_int(&rows, 0, 3) <= clock_now_us())
		return ASKD_OK;
	state = event_unseal(turn->assistant, a, "conversations", c->id, state, reterr);
	if (!state.s) {
		/* A dialogue that cannot be read is over; the conversation goes on. */
		log_warning("assistant", turn->id, "a dialogue is lost: %s",
		        reterr ? reterr->message : "unreadable");
		return ASKD_OK;
	}
	c->state = state.s;
	c->state_skill = arena_string(a, store_cell_text(&rows, 0, 2).s);
	c->awaits = store_cell_int(&rows, 0, 4) != 0;
	return c->state_skill ? ASKD_OK
	                      : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a conversation");
}

/* A word of the moment, before the turn has its answer. */
static void say_now(struct turn *turn, const char *text)
{
	struct askd_error error = {0};
	struct store_unit *unit;
	struct outbox_row row = {.id = id_make(),
	        .turn = turn->id,
	        .conversation = turn->conversation.id,
	        .kind = OUTBOX_ANSWER,
	        .group = (turn->event->flags & ASKD_EVENT_GROUP) != 0,
	        .address = turn->event->conversation.s,
	        .thread = turn->event->thread.s,
	        .payload = outbox_text(&turn->state.arena, text)};

	if (!text || turn->resumed)
		return;
	if (!turn->way) {
		struct askd_progress progress = {.size = sizeof progress,
		        .kind = ASKD_PROGRESS_STAGE,
		        .stage = ASKD_LITERAL("waiting"),
		        .text = askd_text_of(text)};
		if (turn->state.progress)
			turn->state.progress->put(turn->state.progress, &progress);
		return;
	}
	unit = store_unit_create(turn->assistant->rooms.store, STORE_MANAGER);
	if (!unit)
		return;
	if (outbox_add(turn->way, unit, &turn->state.arena, &row, &error)) {
		store_unit_destroy(unit);
	} else if (!store_commit(unit, &error)) {
		outbox_push(turn->way, &row, false);
		return;
	}
	log_warning("assistant", turn->id, "a notice was not sent: %s", error.message);
}

/* Whose bucket it is; what is not known counts together. */
static uint64_t subject_of(const struct turn *turn, const struct config_limit *limit)
{
	const struct call_scope *scope = &turn->state.scope;
	struct askd_text address = turn->event->address;

	switch (limit->by) {
	case CONFIG_BY_KEY:
		return scope->key;
	case CONFIG_BY_ADDRESS:
		return address.s ? limits_subject(turn->assistant->rooms.limits, address.s,
		                           (size_t)address.n)
		                 : 0;
	case CONFIG_BY_ORGANISATION:
		return scope->organisation;
	case CONFIG_BY_CONVERSATION:
		return turn->conversation.id;
	default:
		return scope->person;
	}
}

/* Before the next of its conversation goes through the gate, so that this one stays before it. */
static void admit(struct turn *turn)
{
	pthread_mutex_lock(&turn->assistant->lock);
	turn->admitted = true;
	pthread_mutex_unlock(&turn->assistant->lock);
}

/* The first wait of a resumed turn has been paid for: it only takes its place. */
bool gate_limits(struct turn *turn)
{
	struct assistant *assistant = turn->assistant;
	const struct config_limit *limit =
	        config_find_limit(turn->state.plan->rooms.config, "question");
	struct limits *limits = assistant->rooms.limits;
	struct arena *a = &turn->state.arena;
	uint64_t subject = limit ? subject_of(turn, limit) : 0;
	struct askd_error error = {0};
	enum limits_verdict verdict;
	int64_t retry_us = 0;
	int64_t seconds;

	if (!limit) {
		admit(turn);
		inbox_release(turn);
		return true;
	}
	if (!turn->resumed && limits_take(limits, limit, subject, clock_monotonic_us(),
	                              &retry_us) == LIMITS_REFUSE) {
		inbox_release(turn);
		turn->state.limited_us = retry_us > 0 ? retry_us : 1;
		seconds = retry_us < 1000000 ? 1 : (retry_us + 999999) / 1000000;
		turn_say(turn, ASKD_TURN_REFUSED,
		        i18n_plural(a, turn->state.language,
		                "That was quick! Please wait one second and send it again.",
		                "That was quick! Please wait {count} seconds and send it again.",
		                seconds, NULL));
		return false;
	}
	verdict = limits_enter(limits, limit, subject);
	if (verdict == LIMITS_PASS)
		admit(turn);
	inbox_release(turn);
	if (verdict == LIMITS_WAIT) {
		say_now(turn, i18n_text(a, turn->state.language,
		                      "I am still working on your last question. This one comes "
		                      "next.",
		                      NULL));
		if (!limits_wait(limits, limit, subject, turn->state.scope.deadline_us,
		            &turn->state.cancel)) {
			askd_fail(&error,
			        cancel_fired(&turn->state.cancel) ? ASKD_E_CANCELED
			                                          : ASKD_E_TIMEOUT,
			        "ended while it waited for a place");
			turn_say_error(turn, &error);
			return false;
		}
		admit(turn);
	} else if (verdict == LIMITS_REFUSE) {
		turn->state.limited_us = PLACE_RETRY_US;
		turn_say(turn, ASKD_TURN_REFUSED,
		        i18n_text(a, turn->state.language,
		                "I am still working on your last two questions. Please send this "
		                "one again when they are answered.",
		                NULL));
		return false;
	}
	turn->place = true;
	return true;
}

void gate_leave(struct turn *turn)
{
	const struct config_limit *limit =
	        config_find_limit(turn->state.plan->rooms.config, "question");

	if (turn->place)
		limits_leave(turn->assistant->rooms.limits, limit, subject_of(turn, limit));
	turn->place = false;
}

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

/* The one whose name is a word of the text, as somebody types it: "the Sales one, please". NULL:
 * none, or more than one. *words: how many there are. */
static const struct query_database *named(
        struct askd_text text, const struct query_database *list, size_t count, size_t *words)
{
	const struct query_database *found = NULL;

	*words = 0;
	for (size_t at = 0; at < text.n;) {
		size_t n = 0;

		while (at + n < text.n && in_name(text.s[at + n]))
			n++;
		*words += n > 0;
		for (size_t i = 0; n && i < count; i++)
			if (strlen(list[i].name) == n &&
			        !strncasecmp(list[i].name, text.s + at, n)) {
				if (found && found != &list[i])
					return NULL;
				found = &list[i];
			}
		at += n ? n : 1;
	}
	return found;
}

/* Asks which one, and keeps the question until the answer comes. */
static void ask_which(struct turn *turn, struct askd_text question,
        const struct query_database *list, size_t count)
{
	struct arena *a = &turn->state.arena;
	json_t *choices = json_array(), *state = json_object(), *details = json_object();
	struct buffer names;
	struct askd_message *message;
	struct askd_button **buttons = arena_zalloc(a, (count + 1) * sizeof *buttons);
	bool bad = !choices || !state || !details || !buttons;

	buffer_init(&names, 0);
	for (size_t i = 0; !bad && i < count; i++) {
		if (i < NAMES_MAX)
			buffer_print(&names, "%s%s", i ? ", " : "", list[i].name);
		bad = json_array_append_new(choices, json_string(list[i].name)) ||
		      !(buttons[i] = arena_zalloc(a, sizeof **buttons));
		if (!bad)
			*buttons[i] = (struct askd_button){.size = sizeof **buttons,
			        .label = arena_text(a, askd_text_of(list[i].name)),
			        .action = ASKD_LITERAL("database"),
			        .data = arena_text(a, askd_text_of(list[i].name))};
	}
	if (count > NAMES_MAX)
		buffer_add_string(&names, ", ...");
	turn_say(turn, ASKD_TURN_CLARIFY,
	        names.failed
	                ? NULL
	                : i18n_text(a, turn->state.language, "Which database do you mean: {names}?",
	                          "names", names.s ? names.s : "", NULL));
	bad = bad || json_object_set(details, "choices", choices) ||
	      (!turn->state.ephemeral && json_object_set_new(state, "question",
	                                         json_stringn(question.s, (size_t)question.n)));
	if (!bad && turn->message_count) {
		message = (struct askd_message *)turn->messages[0];
		message->details = json_write(a, details);
		message->buttons = (const struct askd_button *const *)buttons;
		turn->outcome.state = json_write(a, state);
		turn->outcome.awaits = 1;
		turn->new_state = true;
		turn->conversation.state_skill = "";
	}
	turn->skill = NULL;
	buffer_finish(&names);
	json_decref(choices);
	json_decref(state);
	json_decref(details);
}

/* The question that ask_which has kept; else the text itself. */
static struct askd_text kept_question(struct turn *turn)
{
	json_t *state = json_read(askd_text_of(turn->conversation.state), NULL);
	const char *question = json_get_string(state, "question");
	const char *copy =
	        question && *question ? arena_string(&turn->state.arena, question) : NULL;

	json_decref(state);
	return copy ? askd_text_of(copy) : turn->turn.text;
}

/* The person has answered ask_which: the question is the one from before. */
static void take_question_back(struct turn *turn)
{
	turn->turn.text = kept_question(turn);
}

bool gate_asked_which(const struct turn *turn)
{
	const struct conversation *c = &turn->conversation;

	return c->awaits && c->state && c->state_skill && !c->state_skill[0];
}

void gate_select(struct turn *turn, const char *name)
{
	struct query_database found;
	struct askd_error error = {0};
	int32_t rc = query_find_name(turn->state.plan->rooms.query, &turn->state.arena,
	        &turn->state.scope, 0, name, &found, &error);

	if (rc) {
		turn_say_error(turn, &error);
		return;
	}
	turn->conversation.database = turn->turn.database = found.handle;
	turn->database_name = found.name;
	turn_say(turn, ASKD_TURN_ANSWER,
	        i18n_text(&turn->state.arena, turn->state.language,
	                "From now on I look into {name}. What would you like to know?", "name",
	                found.name, NULL));
}

/* Names only what the person may ask anyway. */
static void say_no_database(struct turn *turn, const char *name)
{
	const struct assistant_rooms *rooms = &turn->state.plan->rooms;
	struct arena *a = &turn->state.arena;
	const char *language = turn->state.language, *nearest = NULL, **names;
	const struct query_database *list = NULL;
	struct askd_error error = {0};
	size_t count = 0;

	if (turn->state.scope.local && config_find_database(rooms->config, name) &&
	        !registry_find(rooms->registry, "database", name)) {
		turn_say(turn, ASKD_TURN_REFUSED,
		        i18n_text(a, language,
		                "The database {name} is optional and did not open when askd "
		                "started; the log says why.",
		                "name", name, NULL));
		return;
	}
	if (!query_databases(rooms->query, a, &turn->state.scope, &list, &count, &error) &&
	        (names = arena_zalloc(a, (count + 1) * sizeof *names))) {
		for (size_t i = 0; i < count; i++)
			names[i] = list[i].name;
		nearest = text_nearest(name, names);
	}
	turn_say(turn, ASKD_TURN_REFUSED,
	        nearest ? i18n_text(a, language,
	                          "There is no database {name} here that you may ask. Did you mean "
	                          "{nearest}?",
	                          "name", name, "nearest", nearest, NULL)
	                : i18n_text(a, language,
	                          "There is no database {name} here that you may ask. Please "
	                          "check the name, or ask without one.",
	                          "name", name, NULL));
}

bool gate_database(struct turn *turn)
{
	struct query *query = turn->state.plan->rooms.query;
	struct arena *a = &turn->state.arena;
	struct conversation *c = &turn->conversation;
	const struct query_database *list = NULL, *chosen = NULL;
	struct query_database found;
	struct askd_error error = {0};
	bool reply = gate_asked_which(turn);
	struct askd_text answer =
	        turn->event->kind == ASKD_EVENT_BUTTON ? turn->turn.data : turn->turn.text;
	struct askd_text question = turn->turn.text;
	size_t count = 0, words = 0;
	int32_t rc;

	if (turn->event->database.s && turn->event->database.n) {
		rc = query_find_name(
		        query, a, &turn->state.scope, 0, turn->event->database.s, &found, &error);
		/* Who may name a file may also read why it does not open. */
		if (rc && rc != ASKD_E_CANCELED && rc != ASKD_E_NOMEM &&
		        query_is_address(&turn->state.scope, turn->event->database.s)) {
			turn_say(turn, ASKD_TURN_REFUSED,
			        i18n_text(a, turn->state.language,
			                "This database cannot be opened: {reason}.", "reason",
			                error.message, NULL));
			turn->skill = NULL;
			return false;
		}
		if (rc == ASKD_E_NOT_FOUND || rc == ASKD_E_DENIED) {
			log_info("assistant", turn->id, "%s", error.message);
			say_no_database(turn, turn->event->database.s);
			turn->skill = NULL;
			return false;
		}
		if (rc) {
			turn_say_error(turn, &error);
			return false;
		}
		chosen = &found;
	}
	if (!chosen && query_databases(query, a, &turn->state.scope, &list, &count, &error)) {
		turn_say_error(turn, &error);
		return false;
	}
	if (!chosen && reply) {
		chosen = named(answer, list, count, &words);
		/* Whole sentences are new questions, also when a name occurs in them. */
		if (chosen && words <= REPLY_WORDS)
			take_question_back(turn);
		else if (words == 1)
			question = kept_question(turn); /* mistyped */
	}
	for (size_t i = 0; !chosen && i < count; i++)
		if (list[i].handle == c->database)
			chosen = &list[i];
	/* It may be one that was opened by its path. */
	if (!chosen && c->database &&
	        !query_find(query, a, &turn->state.scope, c->database, &found, NULL))
		chosen = &found;
	if (!chosen && count == 1)
		chosen = &list[0];
	if (!chosen && count > 1 && turn->text && !(c->awaits && !reply)) {
		ask_which(turn, question, list, count);
		return false;
	}
	if (chosen) {
		if (reply) { /* ours is answered, one way or the other */
			c->state = NULL;
			c->awaits = false;
		}
		c->database = chosen->handle;
		turn->turn.database = chosen->handle;
		turn->database_name = arena_string(a, chosen->name);
	}
	return true;
}
