/* sessions.c: what a program asks about its sessions: what was said, forget it, stop what runs. */
#include <inttypes.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/audit.h"

enum { HISTORY_DEFAULT = 50, HISTORY_MAX = 200 };

/* The conversation that a session of the asker's is. 0 and *reterr. */
static uint64_t session_id(
        const struct plugin_call *call, const struct askd_session *in, struct askd_error *reterr)
{
	const char *identity = call->scope->identity ? call->scope->identity : "";
	struct buffer address;
	uint64_t id = 0;

	if (!in->name.n) {
		askd_fail(reterr, ASKD_E_INVALID, "a session has a name");
		return 0;
	}
	buffer_init(&address, 0);
	buffer_print(&address, "%s\n%s", identity, in->name.s);
	if (!address.failed)
		id = conversation_id(call->owner->host.instance, address.s);
	buffer_finish(&address);
	if (!id)
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a session");
	return id;
}

static int32_t session_find(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, uint64_t *id, struct askd_error *reterr)
{
	struct store_rows rows;
	int32_t rc;

	*id = session_id(call, in, reterr);
	if (!*id)
		return reterr ? reterr->code : ASKD_E_INVALID;
	rc = store_read(assistant->rooms.store, STORE_MANAGER, &call->arena, NULL,
	        ASKD_LITERAL("select id from conversations where id = $1"),
	        STORE_PARAMS(store_id(*id)), 1, &rows, reterr);
	if (!rc && !rows.rows)
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no such session");
	return rc;
}

/* One message into the object of its turn. false: no memory. */
static bool add_message(struct assistant *assistant, struct arena *a, json_t *turn,
        const struct store_rows *rows, size_t row)
{
	struct askd_error error = {0};
	struct askd_text plain = event_unseal(assistant, a, "messages",
	        (uint64_t)store_cell_int(rows, row, 0), store_cell_text(rows, row, 4), &error);
	json_t *object = plain.s ? json_read(plain, &error) : NULL;
	bool user = store_cell_int(rows, row, 2) == ASKD_ROLE_USER, good;
	const char *sql = json_get_string(object, "sql");

	if (!object) {
		log_warning("assistant", 0, "a message of a history is lost: %s", error.message);
		return true;
	}
	good = !json_object_set(
	        turn, user ? "question" : "answer", json_object_get(object, "text"));
	if (good && sql)
		good = !json_object_set(turn, "sql", json_object_get(object, "sql"));
	json_decref(object);
	return good;
}

static json_t *new_turn(uint64_t id, int64_t at_us)
{
	char number[24], at[32];

	snprintf(number, sizeof number, "%" PRIu64, id);
	return json_pack("{s:s,s:s,s:n,s:n,s:n}", "turn_id", number, "at",
	        clock_format(at_us, at, sizeof at), "question", "answer", "sql");
}

int32_t session_history(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, struct askd_session_history *out, struct askd_error *reterr)
{
	int64_t turns = in->turns ? in->turns : HISTORY_DEFAULT;
	json_t *list = json_array(), *turn = NULL;
	struct store_rows rows;
	uint64_t id, last = 0;
	bool good = list != NULL;
	int32_t rc = session_find(assistant, call, in, &id, reterr);

	turns = turns < HISTORY_MAX ? turns : HISTORY_MAX;
	if (!rc)
		rc = store_read(assistant->rooms.store, STORE_MANAGER, &call->arena, NULL,
		        ASKD_LITERAL("select id, turn, role, at_us, payload from messages "
		                     "where conversation = $1 "
		                     "order by turn desc, role desc, id desc limit $2"),
		        STORE_PARAMS(store_id(id), store_int(2 * turns)), (size_t)(2 * turns),
		        &rows, reterr);
	if (rc)
		goto out;
	for (size_t i = rows.rows; good && i > 0; i--) {
		uint64_t of = (uint64_t)store_cell_int(&rows, i - 1, 1);

		if (of != last) {
			turn = new_turn(of, store_cell_int(&rows, i - 1, 3));
			good = !json_array_append_new(list, turn);
			last = of;
		}
		good = good && add_message(assistant, &call->arena, turn, &rows, i - 1);
	}
	out->count = (uint32_t)json_array_size(list);
	out->turns = good ? json_write(&call->arena, list) : (struct askd_text){NULL, 0};
	if (!out->turns.s)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a history");
out:
	json_decref(list);
	return rc;
}

/* Fires the cancels; how many. `turn` 0: all of the conversation. */
static uint32_t cancel_turns(
        struct assistant *assistant, const struct call_scope *scope, uint64_t id, uint64_t turn)
{
	uint32_t count = 0;

	pthread_mutex_lock(&assistant->lock);
	for (struct turn *t = assistant->turns; t; t = t->next)
		if (t->text && !t->way && t->state.scope.person == scope->person &&
		        t->state.scope.key == scope->key &&
		        (turn ? t->id == turn : t->conversation.id == id)) {
			cancel_fire(&t->state.cancel);
			count++;
		}
	pthread_mutex_unlock(&assistant->lock);
	return count;
}

int32_t session_cancel(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, struct askd_session_result *out, struct askd_error *reterr)
{
	uint64_t id = in->turn ? 0 : session_id(call, in, reterr);

	if (!in->turn && !id)
		return reterr ? reterr->code : ASKD_E_INVALID;
	out->count = cancel_turns(assistant, call->scope, id, in->turn);
	return ASKD_OK;
}

int32_t session_forget(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, struct askd_session_result *out, struct askd_error *reterr)
{
	struct store_unit *unit;
	struct store_rows rows;
	uint64_t id;
	int32_t rc = session_find(assistant, call, in, &id, reterr);

	if (rc)
		return rc;
	cancel_turns(assistant, call->scope, id, 0);
	rc = store_read(assistant->rooms.store, STORE_MANAGER, &call->arena, NULL,
	        ASKD_LITERAL("select count(distinct turn) from messages where conversation = $1"),
	        STORE_PARAMS(store_id(id)), 1, &rows, reterr);
	if (rc)
		return rc;
	unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to forget a session");
	store_unit_add(unit, -1, "delete from messages where conversation = $1",
	        STORE_PARAMS(store_id(id)));
	store_unit_add(unit, -1,
	        "update inbox set payload = null where ended_us is not null and "
	        "id in (select id from turns where conversation = $1)",
	        STORE_PARAMS(store_id(id)));
	store_unit_add(unit, -1, "update turns set reply = null where conversation = $1",
	        STORE_PARAMS(store_id(id)));
	store_unit_add(unit, -1, "delete from buttons where conversation = $1",
	        STORE_PARAMS(store_id(id)));
	store_unit_add(
	        unit, -1, "delete from conversations where id = $1", STORE_PARAMS(store_id(id)));
	audit_add(unit, &(struct audit_entry){.scope = call->scope,
	                        .action = "session.forgotten",
	                        .subject = arena_print(&call->arena, "conversation/%" PRIu64, id)});
	out->count = rows.rows ? (uint32_t)store_cell_int(&rows, 0, 0) : 0;
	return store_commit(unit, reterr);
}
