/* recover.c: what a crash left: turns that are stored run again, the others are closed as lost. */
#include "assistant/inside.h"
#include "base/clock.h"
#include "base/log.h"

enum { RECOVER_MAX = 100000 };

int32_t inbox_close_lost(struct assistant *assistant, struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	int64_t now_us = clock_now_us();

	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to recover turns");
	store_unit_add(unit, -1,
	        "update inbox set ended_us = $1 where ended_us is null and ephemeral = 1",
	        STORE_PARAMS(store_int(now_us)));
	store_unit_add(unit, -1,
	        "update turns set status = 'lost', ended_us = $1 "
	        "where status = 'running' and durable = 0",
	        STORE_PARAMS(store_int(now_us)));
	return store_commit(unit, reterr);
}

static void close_turn(struct store_unit *unit, uint64_t id)
{
	int64_t now_us = clock_now_us();

	store_unit_add(unit, -1, "update inbox set ended_us = $1 where id = $2",
	        STORE_PARAMS(store_int(now_us), store_id(id)));
	store_unit_add(unit, -1, "update turns set status = 'lost', ended_us = $1 where id = $2",
	        STORE_PARAMS(store_int(now_us), store_id(id)));
	ledger_forget(unit, id);
}

void inbox_close_unasked(struct assistant *assistant, struct store_unit *unit, int64_t before_us)
{
	struct askd_error error = {0};
	struct store_rows rows;
	struct arena a;

	arena_init(&a, 0);
	if (store_read(assistant->rooms.store, STORE_MANAGER, &a, NULL,
	            ASKD_LITERAL("select id from inbox where ended_us is null "
	                         "and instance <> transport and received_us < $1 limit $2"),
	            STORE_PARAMS(store_int(before_us), store_int(RECOVER_MAX)), RECOVER_MAX, &rows,
	            &error))
		log_warning("assistant", 0, "turns that nobody asks for are not closed: %s",
		        error.message);
	else
		for (size_t i = 0; i < rows.rows; i++)
			close_turn(unit, (uint64_t)store_cell_int(&rows, i, 0));
	arena_finish(&a);
}

static int32_t give_up(struct assistant *assistant, uint64_t id, const char *why)
{
	struct store_unit *unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	struct askd_error error = {0};

	log_error("assistant", id, "a stored turn cannot be resumed: %s", why);
	if (!unit)
		return ASKD_E_NOMEM;
	close_turn(unit, id);
	if (store_commit(unit, &error))
		log_error("assistant", id, "%s", error.message);
	return ASKD_OK;
}

static int32_t resume(struct assistant *assistant, struct arena *a, uint64_t id,
        const char *transport, const char *key_of, struct askd_text sealed)
{
	struct askd_error error = {0};
	struct way *way = way_find_name(assistant, transport);
	struct askd_text plain;
	const struct askd_event *event;
	struct turn *turn;

	if (!way) /* somebody waited: asking again with the same key resumes it */
		return strcmp(transport, key_of) ? ASKD_OK
		                                 : give_up(assistant, id, "its transport is gone");
	plain = event_unseal(assistant, a, "inbox", id, sealed, &error);
	event = plain.s ? event_read(a, plain, &error) : NULL;
	if (!event)
		return error.code == ASKD_E_NOMEM ? error.code
		                                  : give_up(assistant, id, error.message);
	if (!(turn = turn_create(assistant, id, way->instance, event, &error)))
		return error.code;
	turn->way = way;
	turn->inbox_key = way->name;
	turn->state.durable = turn->state.stored = turn->resumed = true;
	if (inbox_place(turn, &error) || inbox_enqueue(turn, &error)) {
		turn_destroy(turn);
		return error.code;
	}
	return ASKD_OK;
}

int32_t inbox_recover(struct assistant *assistant, struct askd_error *reterr)
{
	struct store_rows rows;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(assistant->rooms.store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("select id, transport, instance, payload from inbox "
	                     "where ended_us is null order by id"),
	        NULL, 0, RECOVER_MAX, &rows, reterr);
	if (!rc && rows.rows)
		log_info("assistant", 0, "resuming %zu turns that were not ended", rows.rows);
	for (size_t i = 0; !rc && i < rows.rows; i++)
		if (resume(assistant, &a, (uint64_t)store_cell_int(&rows, i, 0),
		            store_cell_text(&rows, i, 1).s, store_cell_text(&rows, i, 2).s,
		            store_cell_text(&rows, i, 3)))
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory to resume turns");
	arena_finish(&a);
	return rc;
}

int32_t assistant_forget_waiting(struct assistant *assistant, uint64_t *questions,
        uint64_t *messages, struct askd_error *reterr)
{
	struct store *store = assistant->rooms.store;
	struct store_unit *unit = store_unit_create(store, STORE_MANAGER);
	struct store_rows open = {0}, unsent = {0};
	struct arena a;
	int32_t rc;

	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to close turns");
	arena_init(&a, 0);
	rc = store_read(store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("select id from inbox where ended_us is null union "
	                     "select id from turns where status = 'running'"),
	        NULL, 0, RECOVER_MAX, &open, reterr);
	if (!rc)
		rc = store_read(store, STORE_MANAGER, &a, NULL,
		        ASKD_LITERAL("select count(*) from outbox where status in (0, 1)"), NULL, 0,
		        1, &unsent, reterr);
	for (size_t i = 0; !rc && i < open.rows; i++)
		close_turn(unit, (uint64_t)store_cell_int(&open, i, 0));
	if (rc) {
		store_unit_destroy(unit);
		goto out;
	}
	store_unit_add(unit, -1,
	        "update outbox set status = $1, ended_us = $2 where status in (0, 1)",
	        STORE_PARAMS(store_int(OUTBOX_SKIPPED), store_int(clock_now_us())));
	rc = store_commit(unit, reterr);
	if (!rc) {
		*questions = open.rows;
		*messages = (uint64_t)store_cell_int(&unsent, 0, 0);
	}
out:
	arena_finish(&a);
	return rc;
}
