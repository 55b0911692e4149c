/* assistant.c: opens, starts and stops the room. */
#include "assistant/assistant.h"

#include <stdlib.h>

#include "assistant/inside.h"
#include "assistant/memory.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum { PURGE_EVERY_H = 1, STOP_WAIT_MS = 10 * 1000 };

struct assistant *assistant_current;

/* ---- services ---------------------------------------------------------------------------------
 */

static int32_t service_deliver(const struct askd_host *host, struct askd_call *base,
        const struct askd_event *in, struct askd_delivered *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct askd_delivered own = {.size = sizeof own};

	(void)host;
	if (!assistant_current)
		return askd_fail(reterr, ASKD_E_BUSY, "the assistant is not running");
	return inbox_deliver(assistant_current, call, in, out ? out : &own, reterr);
}

static const struct askd_inbox_service inbox_service = {
        .size = sizeof inbox_service,
        .deliver = service_deliver,
};

static int32_t service_complete(const struct askd_host *host, struct askd_call *base,
        const struct askd_llm_request *in, struct askd_llm_reply *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct askd_llm_reply own = {.size = sizeof own};
	struct turn_state *state = turn_state_of(call->scope);
	struct askd_llm_request request = *in;
	struct askd_task task;

	(void)host;
	/* What was said before is the host's to know: a skill need not pass it. */
	if (state && in->task && !in->task->history && text_is(in->task->kind, "analysis")) {
		task = *in->task;
		task.history = memory_history(state, &call->arena);
		request.task = &task;
	}
	if (!state)
		return askd_fail(reterr, ASKD_E_INVALID, "a stage can be called in a turn only");
	return stages_complete(state->plan->stages, call, &request, out ? out : &own, reterr);
}

static const struct askd_llm_service llm_service = {
        .size = sizeof llm_service,
        .complete = service_complete,
};

int32_t assistant_offer(struct askd_error *reterr)
{
	(void)reterr;
	registry_offer_service("askd.inbox/1", &inbox_service, false);
	registry_offer_service("askd.turn/1", &turn_service, true);
	registry_offer_service("askd.llm/1", &llm_service, true);
	return ASKD_OK;
}

/* ---- what other rooms tell --------------------------------------------------------------------
 */

static struct store_unit *turn_unit(const struct call_scope *scope)
{
	struct turn_state *state = turn_state_of(scope);

	if (!state)
		return NULL;
	if (!state->unit)
		state->unit = store_unit_create(state->assistant->rooms.store, STORE_MANAGER);
	return state->unit;
}

static void take_query(void *arg, const struct call_scope *scope, const struct query_event *event)
{
	struct turn_state *state = turn_state_of(scope);
	struct query_database database = {.name = ""};
	json_t *one;

	(void)arg;
	if (!state)
		return;
	if (!query_find(state->plan->rooms.query, &state->arena, scope, event->database, &database,
	            NULL)) {
		/* DEFAULT stands between RESULTS and ALL: what it means depends on the engine. */
		if (database.egress == CONFIG_EGRESS_DEFAULT) {
			if (state->egress == CONFIG_EGRESS_ALL)
				state->egress = CONFIG_EGRESS_DEFAULT;
		} else if (database.egress < state->egress &&
		           database.egress != CONFIG_EGRESS_ALL) {
			state->egress = database.egress;
		}
	} else {
		state->egress = CONFIG_EGRESS_NOTHING; /* who cannot be asked permits nothing */
	}
	one = json_pack("{s:s,s:s%,s:s,s:I,s:I,s:s}", "database",
	        database.name ? database.name : "", "sql", event->sql.s ? event->sql.s : "",
	        (size_t)event->sql.n, "verdict",
	        !event->verdict          ? ""
	        : event->verdict->passed ? "passed"
	                                 : event->verdict->reason,
	        "rows", (json_int_t)event->rows, "ms", (json_int_t)(event->elapsed_us / 1000),
	        "status", error_name(event->rc));
	if (json_array_append_new(state->queries, one))
		log_warning("assistant", scope->id, "a statement is missing in the receipt");
}

/* ---- old payloads -----------------------------------------------------------------------------
 */

static void purge(void *arg)
{
	struct assistant *assistant = arg;
	struct store_unit *unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	struct askd_error error = {0};
	int64_t now_us = clock_now_us();
	int64_t before_us = now_us - (int64_t)PAYLOAD_KEEP_H * 3600 * 1000000;

	if (unit) {
		store_unit_add(unit, -1,
		        "update inbox set payload = null "
		        "where ended_us < $1 and payload is not null",
		        STORE_PARAMS(store_int(before_us)));
		store_unit_add(unit, -1,
		        "update outbox set payload = null "
		        "where ended_us < $1 and payload is not null",
		        STORE_PARAMS(store_int(before_us)));
		store_unit_add(unit, -1,
		        "update turns set reply = null where ended_us < $1 and reply is not null",
		        STORE_PARAMS(store_int(before_us)));
		inbox_close_unasked(assistant, unit, before_us);
		store_unit_add(unit, -1, "delete from buttons where expires_us < $1",
		        STORE_PARAMS(store_int(now_us)));
		store_unit_add(unit, -1,
		        "update conversations set state = null, awaits = 0 "
		        "where state_until_us < $1 and state is not null",
		        STORE_PARAMS(store_int(now_us)));
		if (store_commit(unit, &error))
			log_warning("assistant", 0, "old texts could not be removed: %s",
			        error.message);
	}
	pthread_mutex_lock(&assistant->lock);
	assistant->purging = false;
	if (!assistant->stopping)
		timers_set(assistant->rooms.timers, &assistant->purge,
		        clock_monotonic_us() + (int64_t)PURGE_EVERY_H * 3600 * 1000000);
	pthread_cond_broadcast(&assistant->changed);
	pthread_mutex_unlock(&assistant->lock);
}

/* [timer] */
static void purge_due(void *arg)
{
	struct assistant *assistant = arg;

	pthread_mutex_lock(&assistant->lock);
	if (!assistant->stopping && !assistant->purging) {
		assistant->purge_work = (struct work){.fn = purge, .arg = assistant};
		assistant->purging = true;
		if (workers_submit(assistant->rooms.workers, &assistant->purge_work, NULL)) {
			assistant->purging = false;
			timers_set(assistant->rooms.timers, &assistant->purge,
			        clock_monotonic_us() + INT64_C(60) * 1000000);
		}
	}
	pthread_mutex_unlock(&assistant->lock);
}

/* ---- life -------------------------------------------------------------------------------------
 */

static int32_t migrate_skills(const struct assistant_rooms *rooms, struct askd_error *reterr)
{
	struct plugin_instance *skill = NULL;
	int32_t rc = ASKD_OK;

	while (!rc && (skill = registry_next(rooms->registry, "skill", skill))) {
		const struct askd_skill_iface *iface = plugin_instance_iface(skill);
		char room[128];

		snprintf(room, sizeof room, "skill/%s", skill->library->plugin->name);
		if (iface->migrations)
			rc = store_migrate(
			        rooms->store, STORE_MANAGER, room, iface->migrations, reterr);
	}
	return rc;
}

int32_t plan_open(struct plan **out, const struct assistant_rooms *rooms,
        const struct plan *previous, struct askd_error *reterr)
{
	struct plan *plan = calloc(1, sizeof *plan);
	int32_t rc;

	if (!plan)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the assistant");
	plan->rooms = *rooms;
	arena_init(&plan->arena, 0);
	rc = stages_open(&plan->stages, rooms, reterr);
	if (!rc)
		rc = route_open(plan, reterr);
	if (!rc)
		rc = way_plan(plan, reterr);
	if (!rc && rooms->store)
		rc = migrate_skills(rooms, reterr);
	if (rc) {
		plan_close(plan);
		return rc;
	}
	if (previous)
		stages_follow(plan->stages, previous->stages);
	*out = plan;
	return ASKD_OK;
}

void plan_close(struct plan *plan)
{
	if (!plan)
		return;
	stages_close(plan->stages);
	arena_finish(&plan->arena);
	free(plan);
}

int32_t assistant_open(struct assistant **out, const struct assistant_rooms *rooms,
        const struct plan *plan, struct askd_error *reterr)
{
	struct assistant *assistant = calloc(1, sizeof *assistant);
	int32_t rc;

	if (!assistant)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the assistant");
	assistant->rooms = *rooms;
	/* These are a generation's. */
	assistant->rooms.config = NULL;
	assistant->rooms.registry = NULL;
	assistant->rooms.query = NULL;
	pthread_mutex_init(&assistant->lock, NULL);
	pthread_cond_init(&assistant->changed, NULL);
	assistant->retry = (struct timer){.fn = inbox_retry, .arg = assistant};
	assistant->purge = (struct timer){.fn = purge_due, .arg = assistant};
	assistant->unlisten = (struct timer){.fn = way_unlisten};
	store_derive(rooms->store, "buttons", assistant->button_key);
	rc = store_migrate(rooms->store, STORE_MANAGER, "assistant", assistant_migrations, reterr);
	if (!rc)
		rc = way_follow(assistant, plan, NULL, reterr);
	if (!rc)
		rc = inbox_close_lost(assistant, reterr);
	if (!rc)
		rc = ledger_recover(rooms->ledger, reterr);
	if (rc) {
		assistant_close(assistant);
		return rc;
	}
	store_set_turn_unit(turn_unit);
	query_set_listener(take_query, NULL);
	assistant_current = assistant;
	*out = assistant;
	return ASKD_OK;
}

int32_t assistant_follow(struct assistant *assistant, const struct plan *plan, bool (*stop)(void),
        struct askd_error *reterr)
{
	return way_follow(assistant, plan, stop, reterr);
}

void assistant_tidy(struct assistant *assistant)
{
	struct way *way = NULL;

	while ((way = way_next(assistant, way)))
		way_tidy(way);
}

int32_t assistant_start(struct assistant *assistant, struct askd_error *reterr)
{
	struct way *way = NULL;
	int32_t rc = ASKD_OK;

	/* What waits goes first, then what was not ended, then what is new. */
	while (!rc && (way = way_next(assistant, way)))
		rc = outbox_load(way, reterr);
	if (!rc)
		rc = inbox_recover(assistant, reterr);
	way = NULL;
	while (!rc && (way = way_next(assistant, way)))
		rc = way_start(way, reterr);
	assistant->started = true;
	if (!rc)
		purge_due(assistant);
	return rc;
}

/* Waits until no turn runs; with the lock. */
static bool wait_idle(struct assistant *assistant, int64_t wait_ms)
{
	int64_t until_us = clock_monotonic_us() + wait_ms * 1000;
	struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

	while (assistant->turns && clock_monotonic_us() < until_us)
		pthread_cond_clockwait(
		        &assistant->changed, &assistant->lock, CLOCK_MONOTONIC, &until);
	return !assistant->turns;
}

void assistant_refuse(struct assistant *assistant)
{
	if (!assistant)
		return;
	pthread_mutex_lock(&assistant->lock);
	assistant->stopping = true;
	pthread_mutex_unlock(&assistant->lock);
}

void assistant_stop(struct assistant *assistant, int64_t drain_ms)
{
	struct way *way = NULL;

	if (!assistant)
		return;
	assistant_refuse(assistant);
	timers_clear(assistant->rooms.timers, &assistant->retry);
	timers_clear(assistant->rooms.timers, &assistant->purge);
	timers_clear(assistant->rooms.timers, &assistant->unlisten);
	while ((way = way_next(assistant, way)))
		way_stop_loop(way);
	pthread_mutex_lock(&assistant->lock);
	if (!wait_idle(assistant, drain_ms)) {
		for (struct turn *turn = assistant->turns; turn; turn = turn->next)
			cancel_fire(&turn->state.cancel);
		if (!wait_idle(assistant, STOP_WAIT_MS))
			log_warning("assistant", 0, "a turn does not end although it was canceled");
	}
	pthread_mutex_unlock(&assistant->lock);
	while ((way = way_next(assistant, way)))
		way_stop(way);
}

void assistant_close(struct assistant *assistant)
{
	if (!assistant)
		return;
	if (assistant_current == assistant) {
		assistant_current = NULL;
		store_set_turn_unit(NULL);
		query_set_listener(NULL, NULL);
	}
	inbox_drop(assistant);
	while (assistant->ways) {
		struct way *way = assistant->ways;

		assistant->ways = way->next;
		way_close(way);
	}
	pthread_cond_destroy(&assistant->changed);
	pthread_mutex_destroy(&assistant->lock);
	free(assistant);
}
