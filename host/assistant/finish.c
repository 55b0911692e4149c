/* finish.c: the last transaction of a turn: conversation, memory, state, what the skill wrote,
 * audit, outbox and the end of the turn, together or not at all. */
#include "assistant/inside.h"
#include "assistant/memory.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "store/audit.h"

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {"answer", "clarify", "declined", "refused", "error"};
	return names[kind];
}

static int32_t add_conversation(
        struct turn *turn, struct store_unit *unit, struct arena *a, struct askd_error *reterr)
{
	const struct conversation *c = &turn->conversation;
	const struct askd_event *event = turn->event;
	const char *skill = turn->skill      ? turn->skill->host.instance
	                    : c->state_skill ? c->state_skill
	                                     : "";
	struct askd_text state = {NULL, 0};
	int64_t now_us = clock_now_us(), until_us = 0;
	/* A dialogue that belongs to another skill goes on. */
	const bool others = !turn->outcome.state.s && c->state && c->state_skill &&
	                    strcmp(c->state_skill, skill) != 0;

	if (turn->new_state && turn->outcome.state.s && !turn->state.ephemeral) {
		state = event_seal(
		        turn->assistant, a, "conversations", c->id, turn->outcome.state, reterr);
		if (!state.s)
			return reterr ? reterr->code : ASKD_E_INTERNAL;
		until_us = now_us + (int64_t)(turn->outcome.state_ms ? turn->outcome.state_ms
		                                                     : DIALOGUE_TTL_MS) *
		                            1000;
	}
	/* $15: whether this turn decides on the dialogue. */
	store_unit_add(unit, 1,
	        "insert into conversations (id, instance, address, thread, person, db, state, "
	        "state_skill, state_until_us, awaits, chat, is_group, created_us, used_us) "
	        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
	        "on conflict (id) do update set person = excluded.person, db = excluded.db, "
	        "used_us = excluded.used_us, "
	        "state = case when $15 then excluded.state else conversations.state end, "
	        "state_skill = case when $15 then excluded.state_skill "
	        "else conversations.state_skill end, "
	        "state_until_us = case when $15 then excluded.state_until_us "
	        "else conversations.state_until_us end, "
	        "awaits = case when $15 then excluded.awaits else conversations.awaits end",
	        STORE_PARAMS(store_id(c->id), store_string(turn->transport->host.instance),
	                store_string(turn->address), store_text(event->thread),
	                store_id(turn->state.scope.person), store_id(c->database),
	                store_bytes(state.s, (size_t)state.n),
	                state.s ? store_string(skill) : store_null(), store_int(until_us),
	                store_int(state.s && turn->outcome.awaits),
	                turn->way ? store_text(event->conversation) : store_null(),
	                store_int((event->flags & ASKD_EVENT_GROUP) != 0), store_int(now_us),
	                store_int(now_us),
	                (struct askd_value){.type = ASKD_BOOL, .u.i = turn->new_state && !others}));
	return ASKD_OK;
}

static int32_t add_end(
        struct turn *turn, struct store_unit *unit, struct arena *a, struct askd_error *reterr)
{
	const struct call_scope *scope = &turn->state.scope;
	struct askd_text reply = {NULL, 0};
	int64_t now_us = clock_now_us();

	if (turn->inbox_key && !turn->way && !turn->state.ephemeral && !turn_is_limited(turn)) {
		reply = event_seal(turn->assistant, a, "turns", turn->id, turn->object, reterr);
		if (!reply.s)
			return reterr ? reterr->code : ASKD_E_INTERNAL;
	}
	store_unit_add(unit, 1,
	        "update turns set conversation = $1, person = $2, organisation = $3, "
	        "identity = $4, status = 'done', kind = $5, skill = $6, db = $7, ended_us = $8, "
	        "reply = $9 where id = $10 and status = 'running'",
	        STORE_PARAMS(store_int((int64_t)turn->conversation.id), store_id(scope->person),
	                store_id(scope->organisation), store_string(scope->identity),
	                store_int(turn->kind),
	                store_string(turn->skill ? turn->skill->host.instance : NULL),
	                store_id(turn->turn.database), store_int(now_us),
	                store_bytes(reply.s, (size_t)reply.n), store_id(turn->id)));
	if (turn->state.durable)
		ledger_forget(unit, turn->id);
	/* Who comes too early is to ask again: the same key must not find the refusal then. */
	if (turn->inbox_key && !turn->way && turn_is_limited(turn))
		store_unit_add(unit, 1, "delete from inbox where id = $1",
		        STORE_PARAMS(store_id(turn->id)));
	else if (turn->inbox_key)
		store_unit_add(unit, 1, "update inbox set ended_us = $1 where id = $2",
		        STORE_PARAMS(store_int(now_us), store_id(turn->id)));
	return ASKD_OK;
}

static void add_audit(struct turn *turn, struct store_unit *unit, struct arena *a)
{
	const char *subject = arena_print(a, "turn/%llu", (unsigned long long)turn->id);
	const char *details = arena_print(a, "{\"kind\":\"%s\",\"database\":\"%llu\"}",
	        kind_name(turn->kind), (unsigned long long)turn->turn.database);
	struct audit_entry entry = {&turn->state.scope, "turn.ended", subject, details};

	audit_add(unit, &entry);
}

/* A cut near `max` characters that people do not mind: a paragraph, a line, a word. */
static size_t part_end(const char *s, size_t n, uint64_t max)
{
	size_t at = 0, good = 0;
	uint64_t count = 0;

	while (at < n && count < max) {
		size_t step = text_character(s + at, n - at);

		at += step ? step : 1;
		count++;
		if (at < n && s[at - 1] == '\n')
			good = at;
	}
	if (at >= n)
		return n;
	if (good > at / 2)
		return good;
	for (size_t i = at; i > at / 2; i--)
		if (s[i - 1] == ' ')
			return i;
	return at;
}

static json_t *payload_rows(struct turn *turn, struct store_unit *unit, struct arena *a,
        const struct askd_message *message)
{
	json_t *rows = json_array();
	const char *skill = turn->skill ? turn->skill->host.instance : "";

	for (size_t i = 0; rows && message->buttons && message->buttons[i]; i++) {
		const struct askd_button *button = message->buttons[i];
		const char *token = button_make(turn, unit, a, button, skill);
		json_t *one = token ? json_pack("{s:s%,s:s}", "label",
		                              button->label.s ? button->label.s : "",
		                              (size_t)button->label.n, "token", token)
		                    : NULL;

		if (json_array_append_new(rows, one)) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

struct pushed {
	struct outbox_row row;
	struct pushed *next;
};

/* The outbox rows of a message: as many parts as the other side's limit asks for. */
static int32_t add_message(struct turn *turn, struct store_unit *unit, struct arena *a,
        size_t index, struct pushed ***last, struct askd_error *reterr)
{
	const struct askd_message *message = turn->messages[index];
	const char *text = reply_markdown(turn, message, a);
	const struct askd_capabilities can = way_capabilities(turn->way);
	size_t n = text ? strlen(text) : 0;
	uint32_t part = 0;

	if (!text)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for an answer");
	do {
		struct pushed *pushed = arena_zalloc(a, sizeof *pushed);
		size_t cut = can.text_max ? part_end(text, n, can.text_max) : n;
		json_t *object = json_object(), *rows = NULL;
		int bad = !object || !pushed ||
		          json_object_set_new(object, "text", json_stringn(text, cut));

		if (!bad && cut == n && can.token_max >= BUTTON_TOKEN && message->buttons) {
			rows = payload_rows(turn, unit, a, message);
			bad = !rows || json_object_set(object, "buttons", rows);
		}
		if (!bad)
			pushed->row = (struct outbox_row){
			        .id = part ? id_make() : turn->message_ids[index],
			        .turn = turn->id,
			        .conversation = turn->conversation.id,
			        .working = part             ? 0
			                   : message->edits ? message->edits
			                   : index == 0     ? turn->working
			                                    : 0,
			        .kind = OUTBOX_ANSWER,
			        .part = part,
			        .group = (turn->event->flags & ASKD_EVENT_GROUP) != 0,
			        .address = turn->event->conversation.s,
			        .thread = turn->event->thread.s,
			        .payload = json_write(a, object)};
		json_decref(rows);
		json_decref(object);
		if (bad || !pushed->row.payload.s)
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for an answer");
		if (outbox_add(turn->way, unit, a, &pushed->row, reterr))
			return reterr ? reterr->code : ASKD_E_INTERNAL;
		**last = pushed;
		*last = &pushed->next;
		part++;
		text += cut;
		n -= cut;
	} while (n);
	return ASKD_OK;
}

int32_t turn_finish(struct turn *turn, bool apology, struct askd_error *reterr)
{
	struct arena *a = &turn->state.arena;
	struct store_unit *unit = NULL;
	struct pushed *pushed = NULL, **last = &pushed;
	struct askd_error error = {0};
	int32_t rc = ASKD_OK;
	bool speaks;

	pthread_mutex_lock(&turn->assistant->lock);
	speaks = turn->way && !turn->gone;
	pthread_mutex_unlock(&turn->assistant->lock);
	turn->object = reply_object(turn, a);
	if (!turn->object.s)
		turn->failed = ASKD_E_NOMEM;
	if (!turn->way && !turn->state.stored && !turn->state.begins)
		return ASKD_OK; /* refused before anything began: nothing to keep */
	if (!(unit = store_unit_create(turn->assistant->rooms.store, STORE_MANAGER)))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the end of a turn");
	turn_row_begin(&turn->state, unit);
	rc = add_conversation(turn, unit, a, &error);
	if (!rc && !apology && !turn->state.ephemeral)
		rc = memory_keep(turn, unit, a, &error);
	if (!rc)
		rc = add_end(turn, unit, a, &error);
	if (!rc)
		add_audit(turn, unit, a);
	for (size_t i = 0; !rc && speaks && i < turn->message_count; i++)
		rc = add_message(turn, unit, a, i, &last, &error);
	if (rc) {
		store_unit_destroy(unit);
		if (reterr)
			*reterr = error;
		return rc;
	}
	if (turn->state.unit) {
		store_unit_join(unit, turn->state.unit);
		turn->state.unit = NULL;
	}
	rc = store_commit(unit, reterr);
	if (rc)
		return rc;
	turn->state.begins = false, turn->state.stored = true;
	TESTPOINT("turn_stored");
	for (; pushed; pushed = pushed->next)
		outbox_push(turn->way, &pushed->row, false);
	ledger_notify(turn->assistant->rooms.ledger);
	TESTPOINT("ledger");
	return ASKD_OK;
}
