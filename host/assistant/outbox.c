/* outbox.c: deliveries: rows `sending` before the call, in order for each conversation, paced,
 * retried.
 *
 * After a crash a part found `sending` that is an edit is repeated; a new message is sent once
 * more, marked; a working message is left as it is. */
#include <errno.h>
#include <stdlib.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/testpoint.h"

enum {
	SEND_MS = 60 * 1000,
	ATTEMPTS_MAX = 30,
	BACKOFF_MIN_MS = 500,
	BACKOFF_MAX_MS = 5 * 60 * 1000,
	SLICE_US = 1000 * 1000,
	LOAD_MAX = 100000
};

struct outbox_item {
	uint64_t id, turn, conversation, working;
	uint32_t kind, part, attempts;
	bool busy, sending, group;
	bool gone; /* its conversation went while it was being sent */
	int64_t due_us;
	char *address, *thread, *payload;
	struct outbox_item *next;
};

/* When a conversation may be written to again. */
struct pace {
	uint64_t conversation;
	int64_t next_us;
	struct pace *next;
};

struct askd_text outbox_text(struct arena *a, const char *text)
{
	json_t *object = text ? json_pack("{s:s}", "text", text) : NULL;
	struct askd_text payload = object ? json_write(a, object) : (struct askd_text){NULL, 0};

	json_decref(object);
	return payload;
}

int32_t outbox_add(struct way *way, struct store_unit *unit, struct arena *a,
        const struct outbox_row *row, struct askd_error *reterr)
{
	struct askd_error error = {0};
	struct askd_text sealed =
	        event_seal(way->assistant, a, "outbox", row->id, row->payload, &error);

	if (!sealed.s)
		return error_copy(reterr, &error);
	store_unit_add(unit, 1,
	        "insert into outbox (id, turn, conversation, instance, address, thread, is_group, "
	        "kind, part, working, status, attempts, created_us, payload) "
	        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11, $12)",
	        STORE_PARAMS(store_id(row->id), store_int((int64_t)row->turn),
	                store_int((int64_t)row->conversation), store_string(way->name),
	                store_string(row->address), store_string(row->thread),
	                store_int(row->group), store_int(row->kind), store_int(row->part),
	                store_id(row->working), store_int(clock_now_us()),
	                store_bytes(sealed.s, (size_t)sealed.n)));
	return ASKD_OK;
}

static void item_free(struct outbox_item *item)
{
	if (!item)
		return;
	free(item->address);
	free(item->thread);
	free(item->payload);
	free(item);
}

void outbox_push(struct way *way, const struct outbox_row *row, bool sending)
{
	struct outbox_item *item = calloc(1, sizeof *item), **last;

	if (item) {
		*item = (struct outbox_item){.id = row->id,
		        .turn = row->turn,
		        .conversation = row->conversation,
		        .working = row->working,
		        .kind = row->kind,
		        .part = row->part,
		        .group = row->group,
		        .sending = sending,
		        .address = strdup(row->address),
		        .thread = row->thread ? strdup(row->thread) : NULL,
		        .payload = strdup(row->payload.s)};
	}
	if (!item || !item->address || !item->payload || (row->thread && !item->thread)) {
		log_error("assistant", row->turn,
		        "no memory to deliver an answer now: it is stored and goes out at the next "
		        "start");
		item_free(item);
		return;
	}
	pthread_mutex_lock(&way->lock);
	for (last = &way->items; *last; last = &(*last)->next)
		;
	*last = item;
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
}

/* ---- pacing. With the lock. -------------------------------------------------------------------
 */

static struct pace *pace_of(struct way *way, uint64_t conversation, int64_t now_us)
{
	struct pace **at = &way->paces, *found = NULL;

	while (*at) {
		struct pace *pace = *at;

		if (pace->conversation == conversation) {
			found = pace;
		} else if (pace->next_us <= now_us) {
			*at = pace->next;
			free(pace);
			continue;
		}
		at = &pace->next;
	}
	if (!found && (found = calloc(1, sizeof *found))) {
		found->conversation = conversation;
		found->next = way->paces;
		way->paces = found;
	}
	return found;
}

static int64_t interval_us(uint32_t count, int64_t per_us)
{
	return count ? per_us / count : 0;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void pace_sent(struct way *way, const struct outbox_item *item)
{
	const struct askd_capabilities *can = &way->capabilities;
	int64_t now_us = clock_monotonic_us(), wait_us;
	struct pace *pace = pace_of(way, item->conversation, now_us);

	wait_us = larger(interval_us(can->per_conversation_second, 1000000),
	        interval_us(can->per_conversation_minute, 60000000));
	if (item->group)
		wait_us = larger(wait_us, interval_us(can->per_group_minute, 60000000));
	if (pace)
		pace->next_us = larger(pace->next_us, now_us + wait_us);
}

/* The first item whose time has come and before which nothing of its conversation waits. */
static struct outbox_item *next_item(struct way *way, int64_t now_us, int64_t *wake_us)
{
	*wake_us = now_us + SLICE_US;
	if (!way->instance || way->synchronous)
		return NULL;
	if (way->next_us > now_us) {
		*wake_us = way->next_us;
		return NULL;
	}
	for (struct outbox_item *item = way->items; item; item = item->next) {
		const struct outbox_item *before = way->items;
		const struct pace *pace;
		int64_t due_us = item->due_us;

		while (before != item && before->conversation != item->conversation)
			before = before->next;
		if (before != item || item->busy)
			continue;
		pace = pace_of(way, item->conversation, now_us);
		if (pace && pace->next_us > due_us)
			due_us = pace->next_us;
		if (due_us <= now_us)
			return item;
		if (due_us < *wake_us)
			*wake_us = due_us;
	}
	return NULL;
}

static void item_remove(struct way *way, struct outbox_item *item)
{
	for (struct outbox_item **at = &way->items; *at; at = &(*at)->next)
		if (*at == item) {
			*at = item->next;
			break;
		}
	item_free(item);
}

/* ---- one delivery -----------------------------------------------------------------------------
 */

static int32_t mark(struct way *way, const struct outbox_item *item, int64_t status,
        struct askd_text remote, struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(way->assistant->rooms.store, STORE_MANAGER);
	bool ended = status != OUTBOX_WAITING && status != OUTBOX_SENDING;

	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to mark a delivery");
	store_unit_add(unit, 1,
	        "update outbox set status = $1, attempts = $2, ended_us = $3, "
	        "remote = coalesce($4, remote) where id = $5",
	        STORE_PARAMS(store_int(status), store_int(item->attempts),
	                ended ? store_int(clock_now_us()) : store_null(), store_text(remote),
	                store_id(item->id)));
	return store_commit(unit, reterr);
}

/* The other side's id of the message that this one replaces; absent: it becomes a new one. */
static int32_t find_edited(struct way *way, const struct outbox_item *item, struct arena *a,
        struct askd_text *edits, struct askd_error *reterr)
{
	struct store_rows rows;
	int32_t rc;

	*edits = (struct askd_text){NULL, 0};
	if (!item->working || !(way_capabilities(way).flags & ASKD_TRANSPORT_EDITS))
		return ASKD_OK;
	rc = store_read(way->assistant->rooms.store, STORE_MANAGER, a, NULL,
	        ASKD_LITERAL("select remote from outbox where id = $1 and status = 2"),
	        STORE_PARAMS(store_id(item->working)), 1, &rows, reterr);
	if (!rc && rows.rows)
		*edits = store_cell_text(&rows, 0, 0);
	return rc;
}

static int32_t fill(struct arena *a, const struct outbox_item *item, struct askd_outgoing *out,
        struct askd_error *reterr)
{
	json_t *payload = json_read(askd_text_of(item->payload), reterr);
	const json_t *buttons = json_object_get(payload, "buttons");
	const char *text = json_get_string(payload, "text");
	size_t count = json_array_size(buttons);
	struct askd_outgoing_row **rows = NULL;

	if (!payload)
		return reterr->code;
	*out = (struct askd_outgoing){.size = sizeof *out,
	        .id = item->id,
	        .conversation = askd_text_of(item->address),
	        .thread = askd_text_of(item->thread),
	        .text = askd_text_of(arena_string(a, text ? text : ""))};
	if (item->sending)
		out->text = askd_text_of(i18n_text(a, "en",
		        "{text}\n\n(Sent again after an interruption: you may have this already.)",
		        "*text", out->text.s, NULL));
	rows = arena_zalloc(a, (count + 1) * sizeof *rows);
	for (size_t i = 0; rows && i < count; i++) {
		const json_t *one = json_array_get(buttons, i);
		struct askd_outgoing_button *button = arena_zalloc(a, sizeof *button);
		const struct askd_outgoing_button **list = arena_zalloc(a, 2 * sizeof *list);

		rows[i] = arena_zalloc(a, sizeof **rows);
		if (!button || !list || !rows[i])
			break;
		*button = (struct askd_outgoing_button){.size = sizeof *button,
		        .label = askd_text_of(arena_string(a, json_get_string(one, "label"))),
		        .token = askd_text_of(arena_string(a, json_get_string(one, "token")))};
		list[0] = button;
		*rows[i] = (struct askd_outgoing_row){.size = sizeof **rows, .buttons = list};
	}
	out->rows = (const struct askd_outgoing_row *const *)rows;
	json_decref(payload);
	return a->full ? askd_fail(reterr, ASKD_E_NOMEM, "no memory to deliver") : ASKD_OK;
}

static bool may_retry(const struct askd_error *error)
{
	return error->code == ASKD_E_BUSY || error->code == ASKD_E_NOMEM ||
	       error->code == ASKD_E_TIMEOUT || error->code == ASKD_E_CRASHED ||
	       (error->flags & (ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE));
}

static int64_t backoff_ms(uint32_t attempts, uint32_t named_ms)
{
	int64_t ms = BACKOFF_MIN_MS;
	uint16_t chance;

	if (named_ms)
		return named_ms;
	for (uint32_t i = 1; i < attempts && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	random_bytes(&chance, sizeof chance);
	return ms + ms * chance / 4 / UINT16_MAX;
}

/* After a failure: when it is tried again, or how it ends. With no lock. */
static void failed(
        struct way *way, struct outbox_item *item, bool edit, const struct askd_error *error)
{
	int64_t wait_us = backoff_ms(item->attempts, error->retry_after_ms) * 1000, until_us;
	struct askd_error stored = {0};
	struct askd_text none = {NULL, 0};
	const bool maybe = !edit && (error->flags & ASKD_ERR_MAYBE_DONE);
	int64_t status = OUTBOX_WAITING;

	if (error->code == ASKD_E_CANCELED && cancel_fired(&way->send_cancel))
		return; /* the row stays as it is; the next start takes it up */
	log_warning("assistant", item->turn, "%s did not deliver: %s (%s)", way->name,
	        error->message, error_name(error->code));
	if (error->code == ASKD_E_GONE) {
		uint64_t conversation = item->conversation;

		if (mark(way, item, OUTBOX_GONE, none, &stored))
			log_error("assistant", item->turn, "a delivery could not be marked: %s",
			        stored.message);
		pthread_mutex_lock(&way->lock);
		item_remove(way, item);
		pthread_mutex_unlock(&way->lock);
		outbox_gone(way, conversation);
		return;
	}
	/* What may have arrived once stays so, whatever the later attempts say. */
	item->sending = item->sending || maybe;
	if (may_retry(error) && item->attempts < ATTEMPTS_MAX) {
		/* A message that may have arrived is sent once more, not for ever. */
		status = maybe && item->attempts >= 2 ? OUTBOX_FAILED
		         : item->sending              ? OUTBOX_SENDING
		                                      : OUTBOX_WAITING;
	} else if (edit) {
		item->working = 0; /* what should be replaced is not there: as a new message */
		wait_us = 0;
	} else {
		status = OUTBOX_FAILED;
	}
	if (item->kind == OUTBOX_WORKING)
		status = OUTBOX_SKIPPED; /* the answer must not wait for it */
	pthread_mutex_lock(&way->lock);
	if (item->gone)
		status = OUTBOX_GONE;
	pthread_mutex_unlock(&way->lock);
	if (mark(way, item, status, none, &stored))
		log_error("assistant", item->turn, "a delivery could not be marked: %s",
		        stored.message);
	pthread_mutex_lock(&way->lock);
	until_us = clock_monotonic_us() + wait_us;
	if (error->flags & ASKD_ERR_TARGET) {
		struct pace *pace = pace_of(way, item->conversation, 0);

		if (pace)
			pace->next_us = larger(pace->next_us, until_us);
	} else if (error->code == ASKD_E_BUSY) {
		way->next_us = larger(way->next_us, until_us);
	}
	if ((status == OUTBOX_WAITING || status == OUTBOX_SENDING) && !item->gone) {
		item->due_us = until_us;
		item->busy = false;
	} else {
		item_remove(way, item);
	}
	pthread_cond_broadcast(&way->changed);
	pthread_mutex_unlock(&way->lock);
}

static void deliver(struct way *way, struct plugin_instance *instance, struct outbox_item *item)
{
	struct call_scope scope = {.id = item->turn ? item->turn : item->id,
	        .conversation = item->conversation,
	        .cancel = &way->send_cancel};
	struct plugin_call call;
	struct askd_outgoing out;
	struct askd_outgone gone;
	struct askd_error error = {0};
	struct askd_text edits, none = {NULL, 0};
	bool edit = false;
	int32_t rc;

	plugin_call_init(&call, &scope, SEND_MS);
	rc = find_edited(way, item, &call.arena, &edits, &error);
	if (!rc) {
		/* An edit may come twice; what it should replace may be missing, though. */
		edit = edits.s != NULL;
		if (edit)
			item->sending = false;
		rc = fill(&call.arena, item, &out, &error);
	}
	if (!rc) {
		out.edits = edits;
		item->attempts++;
		rc = mark(way, item, OUTBOX_SENDING, none, &error);
	} else {
		item->attempts++;
	}
	if (!rc)
		rc = enter_transport_iface_send(instance, NULL, NULL, &call, &out, &gone, &error);
	if (!rc) {
		TESTPOINT("delivered");
		pthread_mutex_lock(&way->lock);
		pace_sent(way, item);
		pthread_mutex_unlock(&way->lock);
		if (mark(way, item, OUTBOX_DONE, gone.message.s ? gone.message : edits, &error))
			log_error("assistant", item->turn, "a delivery could not be marked: %s",
			        error.message);
		TESTPOINT("confirmed");
		pthread_mutex_lock(&way->lock);
		item_remove(way, item);
		pthread_cond_broadcast(&way->changed);
		pthread_mutex_unlock(&way->lock);
	} else {
		failed(way, item, edit, &error);
	}
	plugin_call_finish(&call);
}

void *outbox_thread(void *arg)
{
	struct way *way = arg;

	pthread_mutex_lock(&way->lock);
	while (!way->stopping) {
		int64_t wake_us;
		struct outbox_item *item = next_item(way, clock_monotonic_us(), &wake_us);

		if (item) {
			struct plugin_instance *instance = way->instance;

			plugin_instance_hold(instance);
			item->busy = true;
			/* Counted before it goes out: the other senders must not go with it. */
			way->next_us = larger(way->next_us,
			        clock_monotonic_us() +
			                interval_us(way->capabilities.per_second, 1000000));
			pthread_mutex_unlock(&way->lock);
			deliver(way, instance, item);
			plugin_instance_drop(instance);
			pthread_mutex_lock(&way->lock);
		} else {
			struct timespec until = {wake_us / 1000000, wake_us % 1000000 * 1000};

			pthread_cond_clockwait(&way->changed, &way->lock, CLOCK_MONOTONIC, &until);
		}
	}
	pthread_mutex_unlock(&way->lock);
	return NULL;
}

void outbox_gone(struct way *way, uint64_t conversation)
{
	struct store_unit *unit = store_unit_create(way->assistant->rooms.store, STORE_MANAGER);
	struct askd_error error = {0};

	pthread_mutex_lock(&way->lock);
	for (struct outbox_item *item = way->items, *next; item; item = next) {
		next = item->next;
		if (item->conversation != conversation)
			continue;
		if (item->busy)
			item->gone = true; /* a sender holds it */
		else
			item_remove(way, item);
	}
	pthread_mutex_unlock(&way->lock);
	if (!unit)
		return;
	store_unit_add(unit, -1,
	        "update outbox set status = 4, ended_us = $1 "
	        "where conversation = $2 and status in (0, 1)",
	        STORE_PARAMS(store_int(clock_now_us()), store_id(conversation)));
	if (store_commit(unit, &error))
		log_error("assistant", 0, "a conversation that is gone: %s", error.message);
}

int32_t outbox_load(struct way *way, struct askd_error *reterr)
{
	struct assistant *assistant = way->assistant;
	struct store_rows rows;
	struct arena a;
	struct store_unit *unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	struct askd_error error = {0};
	int32_t rc;

	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to deliver");
	/* A working message has no worth any more, whether it went out or not. */
	store_unit_add(unit, -1,
	        "update outbox set status = 5, ended_us = $1 "
	        "where instance = $2 and kind = 0 and status in (0, 1)",
	        STORE_PARAMS(store_int(clock_now_us()), store_string(way->name)));
	rc = store_commit(unit, reterr);
	if (rc)
		return rc;
	arena_init(&a, 0);
	rc = store_read(assistant->rooms.store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("select id, turn, conversation, working, kind, part, is_group, "
	                     "address, thread, payload, status from outbox "
	                     "where instance = $1 and status in (0, 1) order by created_us, id"),
	        STORE_PARAMS(store_string(way->name)), LOAD_MAX, &rows, reterr);
	for (size_t i = 0; !rc && i < rows.rows; i++) {
		struct outbox_row row = {.id = (uint64_t)store_cell_int(&rows, i, 0),
		        .turn = (uint64_t)store_cell_int(&rows, i, 1),
		        .conversation = (uint64_t)store_cell_int(&rows, i, 2),
		        .working = (uint64_t)store_cell_int(&rows, i, 3),
		        .kind = (uint32_t)store_cell_int(&rows, i, 4),
		        .part = (uint32_t)store_cell_int(&rows, i, 5),
		        .group = store_cell_int(&rows, i, 6) != 0,
		        .address = store_cell_text(&rows, i, 7).s,
		        .thread = store_cell_text(&rows, i, 8).s};

		row.payload = event_unseal(
		        assistant, &a, "outbox", row.id, store_cell_text(&rows, i, 9), &error);
		if (!row.payload.s)
			log_error("assistant", row.turn, "an answer cannot be delivered: %s",
			        error.message);
		else
			outbox_push(way, &row, store_cell_int(&rows, i, 10) == OUTBOX_SENDING);
	}
	arena_finish(&a);
	return rc;
}

void way_forget(struct way *way)
{
	while (way->items) {
		struct outbox_item *item = way->items;

		way->items = item->next;
		item_free(item);
	}
	while (way->paces) {
		struct pace *pace = way->paces;

		way->paces = pace->next;
		free(pace);
	}
}
