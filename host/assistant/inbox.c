/* inbox.c: events come in: stored before they are confirmed, once each, in order; and questions
 * whose answer is waited for. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/testpoint.h"

enum { RETRY_US = 1000 * 1000, SESSION_RAW = 16, WAIT_SLICE_US = 50 * 1000 };

/* Events of one conversation that wait for the gate, one of them inside. */
struct lane {
	uint64_t conversation;
	struct turn *head, *tail;
	bool inside; /* the head has been handed to a worker */
	struct lane *next;
};

/* ---- order ------------------------------------------------------------------------------------
 */

static void run_queued(void *arg)
{
	struct turn *turn = arg;
	bool stopping;

	pthread_mutex_lock(&turn->assistant->lock);
	stopping = turn->assistant->stopping;
	pthread_mutex_unlock(&turn->assistant->lock);
	if (stopping)
		inbox_release(turn); /* stays stored for the next start */
	else
		turn_run(turn);
	turn_destroy(turn);
}

/* Hands the head of a lane to a worker; when all places are taken a timer tries again. Locked. */
static void lane_submit(struct assistant *assistant, struct lane *lane)
{
	struct turn *turn = lane->head;
	struct askd_error error = {0};

	turn->work = (struct work){.fn = run_queued,
	        .arg = turn,
	        .group = turn->conversation.id,
	        .urgent = turn->event->kind == ASKD_EVENT_BUTTON};
	lane->inside = true;
	if (!workers_submit(assistant->rooms.workers, &turn->work, &error))
		return;
	lane->inside = false;
	if (!assistant->stopping)
		timers_set(assistant->rooms.timers, &assistant->retry,
		        clock_monotonic_us() + RETRY_US);
}

void inbox_retry(void *arg)
{
	struct assistant *assistant = arg;

	pthread_mutex_lock(&assistant->lock);
	for (struct lane *lane = assistant->lanes; lane && !assistant->stopping; lane = lane->next)
		if (!lane->inside)
			lane_submit(assistant, lane);
	pthread_mutex_unlock(&assistant->lock);
}

int32_t inbox_enqueue(struct turn *turn, struct askd_error *reterr)
{
	struct assistant *assistant = turn->assistant;
	struct lane *lane;

	pthread_mutex_lock(&assistant->lock);
	for (lane = assistant->lanes; lane; lane = lane->next)
		if (lane->conversation == turn->conversation.id)
			break;
	if (!lane) {
		lane = calloc(1, sizeof *lane);
		if (!lane) {
			pthread_mutex_unlock(&assistant->lock);
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a conversation");
		}
		lane->conversation = turn->conversation.id;
		lane->next = assistant->lanes;
		assistant->lanes = lane;
	}
	turn->laned = true;
	turn->lane_next = NULL;
	if (lane->tail)
		lane->tail->lane_next = turn;
	else
		lane->head = turn;
	lane->tail = turn;
	if (!lane->inside && lane->head == turn)
		lane_submit(assistant, lane);
	pthread_mutex_unlock(&assistant->lock);
	return ASKD_OK;
}

void inbox_release(struct turn *turn)
{
	struct assistant *assistant = turn->assistant;
	struct lane **at, *lane;

	if (!turn->laned)
		return;
	pthread_mutex_lock(&assistant->lock);
	for (at = &assistant->lanes; *at && (*at)->head != turn; at = &(*at)->next)
		;
	lane = *at;
	turn->laned = false;
	if (lane) {
		lane->head = turn->lane_next;
		lane->inside = false;
		if (lane->head) {
			lane_submit(assistant, lane);
		} else {
			*at = lane->next;
			free(lane);
		}
	}
	pthread_mutex_unlock(&assistant->lock);
}

void inbox_drop(struct assistant *assistant)
{
	while (assistant->lanes) {
		struct lane *lane = assistant->lanes;

		assistant->lanes = lane->next;
		while (lane->head) {
			struct turn *turn = lane->head;

			lane->head = turn->lane_next;
			turn_destroy(turn);
		}
		free(lane);
	}
}

/* ---- asynchronous -----------------------------------------------------------------------------
 */

/* The key of the conversation: the chat, and the topic inside it. */
static const char *chat_address(struct arena *a, const struct askd_event *event)
{
	return event->thread.s ? arena_print(a, "%s\n%s", event->conversation.s, event->thread.s)
	                       : arena_string(a, event->conversation.s);
}

int32_t inbox_place(struct turn *turn, struct askd_error *reterr)
{
	turn->address = chat_address(&turn->state.arena, turn->event);
	if (turn->address)
		turn->conversation.id =
		        conversation_id(turn->transport->host.instance, turn->address);
	if (!turn->address || !turn->conversation.id)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a turn");
	turn->state.scope.conversation = turn->conversation.id;
	return ASKD_OK;
}

static void add_rows(struct turn *turn, struct store_unit *unit, struct askd_text payload)
{
	int64_t now_us = clock_now_us();

	store_unit_add(unit, 1,
	        "insert into inbox (id, instance, key, transport, received_us, ephemeral, payload) "
	        "values ($1, $2, $3, $4, $5, $6, $7)",
	        STORE_PARAMS(store_id(turn->id), store_string(turn->inbox_key),
	                store_text(turn->event->key), store_string(turn->transport->host.instance),
	                store_int(now_us), store_int(turn->state.ephemeral),
	                store_bytes(payload.s, (size_t)payload.n)));
	turn_row_add(turn, unit, now_us);
}

/* Stores event and turn. CONFLICT: the key is known. */
static int32_t store_event(struct turn *turn, struct askd_error *reterr)
{
	struct assistant *assistant = turn->assistant;
	struct arena *a = &turn->state.arena;
	struct askd_text payload = {NULL, 0};
	struct store_unit *unit;

	if (!turn->state.ephemeral) {
		payload = event_seal(
		        assistant, a, "inbox", turn->id, event_write(a, turn->event), reterr);
		if (!payload.s)
			return reterr->code;
	}
	unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for an event");
	add_rows(turn, unit, payload);
	return store_commit(unit, reterr);
}

/* The turn that has this key already; 0: none. */
static uint64_t find_key(struct turn *turn, bool *ended, struct askd_error *reterr)
{
	struct store_rows rows;

	if (store_read(turn->assistant->rooms.store, STORE_MANAGER, &turn->state.arena, NULL,
	            ASKD_LITERAL("select id, ended_us from inbox where instance = $1 and key = $2"),
	            STORE_PARAMS(store_string(turn->inbox_key), store_text(turn->event->key)), 1,
	            &rows, reterr) ||
	        !rows.rows)
		return 0;
	*ended = store_cell(&rows, 0, 1)->type != ASKD_NULL;
	return (uint64_t)store_cell_int(&rows, 0, 0);
}

/* What a log may show of it. What follows a command may be a secret. */
static const char *shown(const struct turn *turn)
{
	struct askd_text text = turn->event->text.s ? turn->event->text : ASKD_LITERAL("");

	if (turn->state.ephemeral)
		return "(not kept)";
	for (size_t i = 0; i < text.n && text.s[0] == '/'; i++)
		if (isspace((unsigned char)text.s[i]))
			text.n = i;
	return log_excerpt(text);
}

static void cancel_turn(struct turn *turn, bool gone)
{
	turn->gone = turn->gone || gone;
	cancel_fire(&turn->state.cancel);
}

/* What runs in it and what waits; gone: nobody would read that they stopped. */
static void cancel_conversation(struct assistant *assistant, uint64_t conversation, bool gone)
{
	pthread_mutex_lock(&assistant->lock);
	for (struct turn *turn = assistant->turns; turn; turn = turn->next)
		if (turn->conversation.id == conversation)
			cancel_turn(turn, gone);
	for (struct lane *lane = assistant->lanes; lane; lane = lane->next)
		if (lane->conversation == conversation)
			for (struct turn *turn = lane->head; turn; turn = turn->lane_next)
				cancel_turn(turn, gone);
	pthread_mutex_unlock(&assistant->lock);
}

/* Events that start no turn. */
static bool is_signal(struct assistant *assistant, struct way *way, const struct askd_event *in,
        uint64_t conversation)
{
	switch (in->kind) {
	case ASKD_EVENT_CANCEL:
		cancel_conversation(assistant, conversation, false);
		return true;
	case ASKD_EVENT_GONE:
		cancel_conversation(assistant, conversation, true);
		outbox_gone(way, conversation);
		return true;
	case ASKD_EVENT_EDIT: /* what was asked has been answered as it was */
		return true;
	default:
		/* In a group people speak to each other; only what is meant for us is for us. */
		return (in->flags & ASKD_EVENT_GROUP) && !(in->flags & ASKD_EVENT_ADDRESSED) &&
		       in->kind == ASKD_EVENT_TEXT;
	}
}

static bool is_stopping(struct assistant *assistant)
{
	bool stopping;

	pthread_mutex_lock(&assistant->lock);
	stopping = assistant->stopping;
	pthread_mutex_unlock(&assistant->lock);
	return stopping;
}

int32_t inbox_deliver(struct assistant *assistant, struct plugin_call *call,
        const struct askd_event *in, struct askd_delivered *out, struct askd_error *reterr)
{
	struct askd_error error = {0};
	struct way *way = way_find(assistant, call->owner);
	struct turn *turn;
	bool ended = false;
	int32_t rc;

	TESTPOINT("received");
	if (!way)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "%s is no asynchronous transport: use ask of askd.turn/1",
		        call->owner->host.instance);
	if (!in->key.s || !in->key.n || !in->conversation.s || in->kind < ASKD_EVENT_TEXT ||
	        in->kind > ASKD_EVENT_GONE)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "an event needs a kind, a key and a conversation");
	if (is_stopping(assistant))
		return askd_fail(reterr, ASKD_E_BUSY, "askd is stopping");
	if (!(turn = turn_create(assistant, id_make(), call->owner, in, reterr)))
		return ASKD_E_NOMEM;
	turn->way = way;
	turn->inbox_key = way->name;
	turn->state.durable = !turn->state.ephemeral;
	if ((rc = inbox_place(turn, &error)))
		goto fail;
	if (is_signal(assistant, way, in, turn->conversation.id)) {
		turn_destroy(turn);
		return ASKD_OK;
	}
	rc = store_event(turn, &error);
	if (rc == ASKD_E_CONFLICT) {
		uint64_t known = find_key(turn, &ended, &error);

		if (known) {
			out->flags = ASKD_DELIVERED_DUPLICATE;
			out->id = known;
			turn_destroy(turn);
			return ASKD_OK;
		}
	}
	if (rc)
		goto fail;
	turn->state.stored = true;
	out->id = turn->id;
	TESTPOINT("stored");
	log_debug("assistant", turn->id, "%s: %s", way->name, shown(turn));
	if (inbox_enqueue(turn, &error)) {
		/* It is stored: the next start runs it. */
		log_error("assistant", turn->id, "a stored event must wait for the next start: %s",
		        error.message);
		turn_destroy(turn);
	}
	return ASKD_OK;
fail:
	turn_destroy(turn);
	error_copy(reterr, &error);
	return rc;
}

/* ---- waited for -------------------------------------------------------------------------------
 */

static void fire(void *arg)
{
	cancel_fire(arg);
}

/* The session of a program: what it named, else one that nobody can guess. */
static int32_t open_session(struct turn *turn, struct askd_error *reterr)
{
	struct arena *a = &turn->state.arena;
	const char *identity = turn->state.scope.identity;
	unsigned char raw[SESSION_RAW];
	char name[SESSION_RAW * 2];

	if (turn->event->conversation.s && turn->event->conversation.n) {
		turn->session = turn->event->conversation.s;
	} else {
		random_bytes(raw, sizeof raw);
		crypto_base64url(raw, sizeof raw, name);
		turn->session = arena_string(a, name);
	}
	if (!identity)
		identity = turn->event->sender.s ? turn->event->sender.s : "";
	turn->address = turn->session ? arena_print(a, "%s\n%s", identity, turn->session) : NULL;
	if (!turn->address)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a session");
	turn->conversation.id = conversation_id(turn->transport->host.instance, turn->address);
	turn->state.scope.conversation = turn->conversation.id;
	return turn->conversation.id ? ASKD_OK
	                             : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a session");
}

/* Whose key this is: the same key of another identity is another key. */
static int32_t open_key(struct turn *turn, struct askd_error *reterr)
{
	const char *identity = turn->state.scope.identity ? turn->state.scope.identity
	                       : turn->event->sender.s    ? turn->event->sender.s
	                                                  : "";

	if (!turn->event->key.s || !turn->event->key.n)
		return ASKD_OK;
	turn->inbox_key =
	        arena_print(&turn->state.arena, "%s|%s", turn->transport->host.instance, identity);
	turn->state.durable = !turn->state.ephemeral;
	return turn->inbox_key ? ASKD_OK : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a key");
}

/* Does another thread run it? With the lock. */
static bool is_running(const struct turn *turn, uint64_t id)
{
	for (const struct turn *other = turn->assistant->turns; other; other = other->next)
		if (other != turn && other->id == id)
			return true;
	return false;
}

/* Takes up a turn that nobody runs: from now on the same key waits for this thread. */
static bool claim(struct turn *turn, uint64_t id)
{
	bool mine;

	pthread_mutex_lock(&turn->assistant->lock);
	mine = !is_running(turn, id);
	if (mine)
		turn->id = id;
	pthread_mutex_unlock(&turn->assistant->lock);
	return mine;
}

/* Waits while another thread answers the same key. */
static void wait_for(struct turn *turn, uint64_t id)
{
	struct assistant *assistant = turn->assistant;

	pthread_mutex_lock(&assistant->lock);
	while (is_running(turn, id) && !turn_over(turn)) {
		int64_t until_us = clock_monotonic_us() + WAIT_SLICE_US;
		struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

		pthread_cond_clockwait(
		        &assistant->changed, &assistant->lock, CLOCK_MONOTONIC, &until);
	}
	pthread_mutex_unlock(&assistant->lock);
}

/* The reply that was stored under the key. */
static int32_t stored_reply(struct turn *turn, uint64_t id, struct arena *a, struct askd_reply *out,
        struct askd_error *reterr)
{
	struct store_rows rows;
	struct askd_text object;
	int32_t rc = store_read(turn->assistant->rooms.store, STORE_MANAGER, &turn->state.arena,
	        NULL, ASKD_LITERAL("select kind, reply from turns where id = $1"),
	        STORE_PARAMS(store_id(id)), 1, &rows, reterr);

	if (rc)
		return rc;
	if (!rows.rows || store_cell(&rows, 0, 1)->type == ASKD_NULL)
		return askd_fail(
		        reterr, ASKD_E_NOT_FOUND, "the reply to this key is not kept any more");
	object =
	        event_unseal(turn->assistant, a, "turns", id, store_cell_text(&rows, 0, 1), reterr);
	if (!object.s)
		return reterr ? reterr->code : ASKD_E_INTERNAL;
	out->kind = (uint32_t)store_cell_int(&rows, 0, 0);
	out->turn = id;
	out->object = object;
	return ASKD_OK;
}

/* Stores the key, or finds what it stands for. *known: out is filled, nothing is left to do. */
static int32_t take_key(struct turn *turn, struct arena *a, struct askd_reply *out, bool *known,
        struct askd_error *reterr)
{
	struct askd_error error = {0};
	bool ended = false;
	uint64_t id;
	int32_t rc = store_event(turn, &error);

	if (rc != ASKD_E_CONFLICT) {
		turn->state.stored = !rc;
		return rc ? error_copy(reterr, &error) : ASKD_OK;
	}
	if (!(id = find_key(turn, &ended, &error)))
		return error_copy(reterr, &error);
	while (!ended) {
		bool mine = claim(turn, id);

		/* Who ran it until now has stored its end before it let go. */
		if (!find_key(turn, &ended, &error))
			return error_copy(reterr, &error);
		if (mine || ended || turn_over(turn))
			break;
		wait_for(turn, id);
	}
	if (ended) {
		*known = true;
		return stored_reply(turn, id, a, out, reterr);
	}
	if (turn_over(turn))
		return askd_fail(reterr, ASKD_E_CANCELED, "nobody waits any more");
	/* A crash took it: this thread takes it up where it was left. */
	turn->state.scope.id = turn->state.scope.turn = id;
	turn->resumed = turn->state.stored = true;
	return ASKD_OK;
}

int32_t inbox_ask(struct assistant *assistant, struct plugin_call *call,
        const struct askd_event *in, struct askd_reply *out, struct askd_error *reterr)
{
	const struct call_scope *from = call->scope;
	struct call_scope *scope;
	struct turn *turn;
	bool known = false;
	int32_t rc;

	TESTPOINT("received");
	if (turn_state_of(from))
		return askd_fail(reterr, ASKD_E_INVALID, "a turn cannot ask");
	if (in->kind != ASKD_EVENT_TEXT && in->kind != ASKD_EVENT_BUTTON)
		return askd_fail(reterr, ASKD_E_INVALID, "only texts and buttons can be asked");
	if (is_stopping(assistant))
		return askd_fail(reterr, ASKD_E_BUSY, "askd is stopping");
	if (!(turn = turn_create(assistant, id_make(), call->owner, in, reterr)))
		return ASKD_E_NOMEM;
	scope = &turn->state.scope;
	scope->person = from->person;
	scope->organisation = from->organisation;
	scope->key = from->key;
	scope->local = from->local;
	scope->folder = from->folder;
	scope->identity = from->identity;
	scope->generation = from->generation;
	if (call->base.deadline_us && call->base.deadline_us < scope->deadline_us)
		scope->deadline_us = call->base.deadline_us;
	if (from->flags & ASKD_CALL_EPHEMERAL) {
		scope->flags |= ASKD_CALL_EPHEMERAL;
		turn->state.ephemeral = true;
	}
	turn->state.progress = in->progress;
	turn->hook = (struct cancel_hook){.fn = fire, .arg = &turn->state.cancel};
	cancel_hook_add(from->cancel, &turn->hook);
	rc = open_session(turn, reterr);
	if (!rc)
		rc = open_key(turn, reterr);
	if (!rc && turn->inbox_key) {
		turn_list(turn, false); /* so that the same key waits for this thread */
		rc = take_key(turn, &call->arena, out, &known, reterr);
	}
	if (rc || known)
		goto out;
	TESTPOINT("stored");
	log_debug("assistant", turn->id, "%s: %s", call->owner->host.instance, shown(turn));
	turn_run(turn);
	if (turn->failed) {
		rc = askd_fail(reterr, turn->failed, "%s",
		        turn->failed == ASKD_E_CANCELED ? "nobody waits any more"
		                                        : "no memory for an answer");
		goto out;
	}
	out->kind = turn->kind;
	out->turn = turn->id;
	out->retry_after_ms = turn_is_limited(turn) ? (turn->state.limited_us + 999) / 1000 : 0;
	out->object = arena_text(&call->arena, turn->object);
	if (!out->object.s)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for an answer");
out:
	turn_unlist(turn);
	cancel_hook_remove(from->cancel, &turn->hook);
	turn_destroy(turn);
	return rc;
}
