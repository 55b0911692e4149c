/* turn.c: one turn from the gate to its last transaction, on one thread. */
#include <errno.h>
#include <stdlib.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "run/metrics.h"

enum { TURN_ARENA = 64 << 20, ORDER_SLICE_US = 50 * 1000 };

/* ---- life -------------------------------------------------------------------------------------
 */

struct turn *turn_create(struct assistant *assistant, uint64_t id,
        struct plugin_instance *transport, const struct askd_event *event,
        struct askd_error *reterr)
{
	struct turn *turn = calloc(1, sizeof *turn);
	struct turn_state *state;

	if (!turn) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a turn");
		return NULL;
	}
	state = &turn->state;
	turn->assistant = state->assistant = assistant;
	turn->id = id;
	turn->transport = transport;
	plugin_instance_hold(transport);
	arena_init(&state->arena, TURN_ARENA);
	cancel_init(&state->cancel);
	state->scope = (struct call_scope){.id = id,
	        .turn = id,
	        .deadline_us = clock_monotonic_us() + (int64_t)TURN_TIME_MS * 1000,
	        .cancel = &state->cancel,
	        .turn_state = state};
	state->language = "en";
	state->zone = "UTC";
	state->egress = CONFIG_EGRESS_ALL;
	state->stages = json_array();
	state->queries = json_array();
	turn->event = contract_copy(&state->arena, contract_find("askd_event"), event);
	if (!state->stages || !state->queries || !turn->event) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a turn");
		turn_destroy(turn);
		return NULL;
	}
	state->ephemeral = (event->flags & ASKD_EVENT_EPHEMERAL) != 0;
	if (state->ephemeral)
		state->scope.flags |= ASKD_CALL_EPHEMERAL;
	turn->address = "";
	turn->database_name = NULL;
	turn->outcome.size = sizeof turn->outcome;
	return turn;
}

void turn_destroy(struct turn *turn)
{
	if (!turn)
		return;
	store_unit_destroy(turn->state.unit);
	json_decref(turn->state.stages);
	json_decref(turn->state.queries);
	cancel_finish(&turn->state.cancel);
	arena_finish(&turn->state.arena);
	plugin_instance_drop(turn->transport);
	if (turn->state.plan)
		generation_drop(turn->state.scope.generation);
	free(turn);
}

void turn_list(struct turn *turn, bool text)
{
	struct assistant *assistant = turn->assistant;
	struct turn **last;

	pthread_mutex_lock(&assistant->lock);
	turn->text = turn->text || text;
	if (turn->listed) {
		pthread_mutex_unlock(&assistant->lock);
		return;
	}
	turn->sequence = ++assistant->sequence;
	for (last = &assistant->turns; *last; last = &(*last)->next)
		;
	turn->next = NULL;
	*last = turn;
	turn->listed = true;
	pthread_mutex_unlock(&assistant->lock);
}

void turn_unlist(struct turn *turn)
{
	struct assistant *assistant = turn->assistant;

	if (!turn->listed)
		return;
	pthread_mutex_lock(&assistant->lock);
	for (struct turn **at = &assistant->turns; *at; at = &(*at)->next)
		if (*at == turn) {
			*at = turn->next;
			break;
		}
	turn->listed = false;
	pthread_cond_broadcast(&assistant->changed);
	pthread_mutex_unlock(&assistant->lock);
}

bool turn_over(struct turn *turn)
{
	return cancel_fired(&turn->state.cancel) ||
	       clock_monotonic_us() >= turn->state.scope.deadline_us;
}

bool turn_is_limited(const struct turn *turn)
{
	return turn->kind == ASKD_TURN_REFUSED && turn->state.limited_us > 0;
}

/* ---- what the host itself says ----------------------------------------------------------------
 */

void turn_say(struct turn *turn, uint32_t kind, const char *text)
{
	struct askd_message *message = arena_zalloc(&turn->state.arena, sizeof *message);

	turn->kind = kind;
	turn->message_count = 0;
	turn->new_state = false;
	if (!message || !text) {
		turn->failed = ASKD_E_NOMEM;
		return;
	}
	message->size = sizeof *message;
	message->text = askd_text_of(text);
	turn->message_ids[0] = id_make();
	turn->messages[turn->message_count++] = message;
}

static const char *error_text(int32_t code)
{
	switch (code) {
	case ASKD_E_CANCELED:
		return "I stopped.";
	case ASKD_E_TIMEOUT:
		return "This took too long, so I stopped. A narrower question, for example about a "
		       "shorter time, often works.";
	case ASKD_E_BUSY:
		return "I am very busy right now. Please ask again in a minute.";
	case ASKD_E_QUOTA:
		return "The budget for questions is used up for now. Whoever runs me can raise it.";
	case ASKD_E_IO:
	case ASKD_E_CRASHED:
	case ASKD_E_PROTOCOL:
	case ASKD_E_REMOTE:
		return "I could not get an answer just now; the trouble is on my side. Please try "
		       "again in a moment. (Reference: {id})";
	case ASKD_E_DENIED:
		return "I am not permitted to do that here. Whoever runs me can change it. "
		       "(Reference: {id})";
	case ASKD_E_TOO_LARGE:
		return "That is more than I can handle at once. Please ask for less, for example "
		       "for a shorter time or fewer columns.";
	case ASKD_E_REFUSED: /* by the egress level, or by the vendor's own filter */
		return "I could not answer this: no model was allowed to, or willing to. Whoever "
		       "runs "
		       "me can see why. (Reference: {id})";
	case ASKD_E_STATEMENT:
		return "I could not turn this into a safe question to the database. Please say it "
		       "in other words.";
	case ASKD_E_CONFLICT:
		return "Something changed while I was working. Please send that again.";
	case ASKD_E_NOT_FOUND:
		return "Something that I need for this is not there any more. Please ask again "
		       "from "
		       "the beginning; if that does not help, whoever runs me can look into it. "
		       "(Reference: {id})";
	default:
		return "Something on my side is not working as it should. I have noted it for the "
		       "people who run me. (Reference: {id})";
	}
}

/* A limit of a stage: it fills again by itself. */
static void say_limited(struct turn *turn)
{
	const int64_t seconds = (turn->state.limited_us + 999999) / 1000000;
	struct arena *a = &turn->state.arena;
	const char *language = turn->state.language;

	turn_say(turn, ASKD_TURN_REFUSED,
	        seconds < 120 ? i18n_plural(a, language,
	                                "You have asked all that you may for now. Please ask again "
	                                "in one second.",
	                                "You have asked all that you may for now. Please ask again "
	                                "in {count} seconds.",
	                                seconds, NULL)
	                      : i18n_plural(a, language,
	                                "You have asked all that you may for now. Please ask again "
	                                "in one minute.",
	                                "You have asked all that you may for now. Please ask again "
	                                "in {count} minutes.",
	                                (seconds + 59) / 60, NULL));
}

void turn_say_error(struct turn *turn, const struct askd_error *error)
{
	char id[24];
	uint32_t kind = error->code == ASKD_E_QUOTA || error->code == ASKD_E_REFUSED
	                        ? ASKD_TURN_REFUSED
	                        : ASKD_TURN_ERROR;

	if (error->code == ASKD_E_BUSY && turn->state.limited_us) {
		log_info("assistant", turn->id, "refused: %s", error->message);
		say_limited(turn);
		return;
	}
	snprintf(id, sizeof id, "%llu", (unsigned long long)turn->id);
	if (error->code != ASKD_E_CANCELED)
		log_warning("assistant", turn->id, "the turn failed with %s: %s",
		        error_name(error->code), turn->state.ephemeral ? "" : error->message);
	turn_say(turn, kind,
	        i18n_text(&turn->state.arena, turn->state.language, error_text(error->code), "id",
	                id, NULL));
	if (turn->failed || error->code == ASKD_E_NOMEM || error->code == ASKD_E_CANCELED)
		turn->failed = turn->failed ? turn->failed : error->code;
}

/* ---- the path ---------------------------------------------------------------------------------
 */

/* Who has no place yet is not waited for: we might hold the place that it waits for. */
static bool goes_first(const struct turn *other, const struct turn *turn)
{
	return other != turn && other->text && other->conversation.id == turn->conversation.id &&
	       (other->running || (other->admitted && other->sequence < turn->sequence));
}

/* Texts of one conversation run one after the other, in the order in which they came. */
static bool wait_for_order(struct turn *turn)
{
	struct assistant *assistant = turn->assistant;
	bool mine = false;

	pthread_mutex_lock(&assistant->lock);
	while (!mine && !turn_over(turn)) {
		const struct turn *other = assistant->turns;
		struct timespec until;
		int64_t until_us;

		while (other && !goes_first(other, turn))
			other = other->next;
		mine = turn->running = !other;
		if (mine)
			break;
		until_us = clock_monotonic_us() + ORDER_SLICE_US;
		until = (struct timespec){until_us / 1000000, until_us % 1000000 * 1000};
		pthread_cond_clockwait(
		        &assistant->changed, &assistant->lock, CLOCK_MONOTONIC, &until);
	}
	pthread_mutex_unlock(&assistant->lock);
	return mine;
}

static void describe(struct turn *turn)
{
	const struct askd_event *event = turn->event;
	struct askd_turn *out = &turn->turn;
	struct arena *a = &turn->state.arena;
	size_t count = 0;
	struct askd_attachment **files;

	*out = (struct askd_turn){.size = sizeof *out,
	        .kind = event->kind,
	        .flags = event->flags,
	        .id = turn->id,
	        .conversation = turn->conversation.id,
	        .person = turn->state.scope.person,
	        .organisation = turn->state.scope.organisation,
	        .now_us = event->at_us > 0 ? event->at_us : clock_now_us(),
	        .language = askd_text_of(turn->state.language),
	        .zone = askd_text_of(turn->state.zone),
	        .text = event->text.s ? event->text : ASKD_LITERAL(""),
	        .tables = event->tables};
	while (event->files && event->files[count])
		count++;
	files = arena_zalloc(a, (count + 1) * sizeof *files);
	for (size_t i = 0; files && i < count; i++) {
		files[i] = arena_zalloc(a, sizeof **files);
		if (!files[i])
			break;
		*files[i] = (struct askd_attachment){.size = sizeof **files,
		        .id = i + 1,
		        .length = event->files[i]->length,
		        .name = event->files[i]->name,
		        .mime = event->files[i]->mime};
	}
	out->files = (const struct askd_attachment *const *)files;
}

static bool load(struct turn *turn)
{
	struct askd_error error = {0};

	if (!conversation_load(turn, &error))
		return true;
	turn_say_error(turn, &error);
	return false;
}

/* Everything up to the skill. false: it is answered, or over. */
static bool prepare(struct turn *turn)
{
	struct askd_error error = {0};

	if (!gate_person(turn))
		return false;
	if (!turn->conversation.id)
		turn->conversation.id =
		        conversation_id(turn->transport->host.instance, turn->address);
	if (!turn->conversation.id) {
		askd_fail(&error, ASKD_E_NOMEM, "no memory for a conversation");
		turn_say_error(turn, &error);
		return false;
	}
	turn->state.scope.conversation = turn->conversation.id;
	describe(turn);
	if (turn->event->kind == ASKD_EVENT_BUTTON) {
		inbox_release(turn);
		return load(turn) && route_button(turn) && gate_database(turn);
	}
	if (route_command(turn)) {
		inbox_release(turn);
		return turn->skill && load(turn) && gate_database(turn);
	}
	turn_list(turn, true);
	if (!gate_limits(turn))
		return false;
	TESTPOINT("limited");
	if (!wait_for_order(turn)) {
		askd_fail(&error,
		        cancel_fired(&turn->state.cancel) ? ASKD_E_CANCELED : ASKD_E_TIMEOUT,
		        "ended while it waited for the turn before it");
		turn_say_error(turn, &error);
		return false;
	}
	return load(turn) && gate_database(turn) && route_text(turn);
}

/* The first message of a turn in a chat, which the answer will replace. */
static void send_working(struct turn *turn)
{
	struct way *way = turn->way;
	struct arena *a = &turn->state.arena;
	struct askd_error error = {0};
	struct store_rows rows;
	struct store_unit *unit;
	struct outbox_row row = {.id = id_make(),
	        .turn = turn->id,
	        .conversation = turn->conversation.id,
	        .kind = OUTBOX_WORKING,
	        .group = (turn->event->flags & ASKD_EVENT_GROUP) != 0,
	        .address = turn->event->conversation.s,
	        .thread = turn->event->thread.s};

	if (!way || !(way_capabilities(way).flags & ASKD_TRANSPORT_EDITS) || !turn->text)
		return;
	if (turn->resumed &&
	        !store_read(turn->assistant->rooms.store, STORE_MANAGER, a, NULL,
	                ASKD_LITERAL("select id from outbox where turn = $1 and kind = 0"),
	                STORE_PARAMS(store_id(turn->id)), 4, &rows, &error) &&
	        rows.rows) {
		turn->working = (uint64_t)store_cell_int(&rows, 0, 0);
		return;
	}
	row.payload = outbox_text(a,
	        i18n_text(a, turn->state.language, "One moment, I am looking into it ...", NULL));
	unit = store_unit_create(turn->assistant->rooms.store, STORE_MANAGER);
	if (!unit)
		return;
	if (outbox_add(way, unit, a, &row, &error)) {
		store_unit_destroy(unit);
	} else if (!store_commit(unit, &error)) {
		turn->working = row.id;
		outbox_push(way, &row, false);
		return;
	}
	log_warning("assistant", turn->id, "no working message: %s", error.message);
}

static int32_t handle(struct turn *turn, struct askd_error *error)
{
	struct plugin_call call;
	struct askd_outcome outcome;
	struct arena *a = &turn->state.arena;
	int32_t rc;

	plugin_call_init(&call, &turn->state.scope, 0);
	rc = enter_skill_iface_handle(turn->skill, NULL, NULL, &call, &turn->turn, &outcome, error);
	if (!rc && outcome.status > ASKD_TURN_ERROR)
		rc = askd_fail(error, ASKD_E_INTERNAL, "%s: no outcome has the status %u",
		        turn->skill->host.instance, outcome.status);
	if (!rc && outcome.state.n > TURN_STATE_MAX)
		rc = askd_fail(error, ASKD_E_INTERNAL,
		        "%s: its state has %llu bytes, %d are allowed", turn->skill->host.instance,
		        (unsigned long long)outcome.state.n, TURN_STATE_MAX);
	if (!rc) {
		turn->outcome = outcome;
		turn->outcome.state = arena_text(a, outcome.state);
		turn->kind = outcome.status;
		turn->new_state = true;
		if (outcome.state.s && !turn->outcome.state.s)
			rc = askd_fail(error, ASKD_E_NOMEM, "no memory for a state");
	}
	plugin_call_finish(&call);
	return rc;
}

/* Forgets what a first attempt said and wrote, so that a second begins from the start. */
static void begin_again(struct turn *turn)
{
	struct turn_state *state = &turn->state;

	store_unit_destroy(state->unit);
	state->unit = NULL;
	turn->message_count = 0;
	turn->new_state = false;
	turn->outcome = (struct askd_outcome){.size = sizeof turn->outcome};
	if (state->durable)
		/* The stages answer from the store; without it they go on counting. */
		for (size_t i = 0; i < TURN_STAGE_NAMES; i++)
			state->counts[i].next = 0;
	json_array_clear(state->queries);
	if (state->durable)
		json_array_clear(state->stages);
}

static void attempt(struct turn *turn)
{
	struct askd_error error = {0};

	if (!handle(turn, &error)) {
		if (!turn->message_count && turn->kind != ASKD_TURN_ANSWER) {
			askd_fail(&error, ASKD_E_INTERNAL, "%s said nothing",
			        turn->skill->host.instance);
			turn_say_error(turn, &error);
		}
		hooks_after(turn);
		return;
	}
	store_unit_destroy(turn->state.unit);
	turn->state.unit = NULL;
	turn->outcome = (struct askd_outcome){.size = sizeof turn->outcome};
	turn_say_error(turn, &error);
	hooks_after(turn);
}

/* Stopped by the end of the daemon, not by a person: it stays stored and runs at the next start. */
static bool is_postponed(const struct turn *turn)
{
	bool stopping;

	if (!turn->state.durable || !cancel_fired(&turn->state.cancel))
		return false;
	pthread_mutex_lock(&turn->assistant->lock);
	stopping = turn->assistant->stopping;
	pthread_mutex_unlock(&turn->assistant->lock);
	return stopping;
}

static void finish(struct turn *turn, bool ran)
{
	struct askd_error error = {0};
	int32_t rc = turn_finish(turn, false, &error);

	if (rc == ASKD_E_CONFLICT && ran && !turn_over(turn)) {
		log_info("assistant", turn->id, "something changed meanwhile: once more");
		begin_again(turn);
		attempt(turn);
		rc = turn_finish(turn, false, &error);
	}
	if (!rc)
		return;
	store_unit_destroy(turn->state.unit);
	turn->state.unit = NULL;
	turn->outcome = (struct askd_outcome){.size = sizeof turn->outcome};
	turn_say_error(turn, &error);
	rc = turn_finish(turn, true, &error);
	if (rc)
		log_error("assistant", turn->id, "the end of the turn could not be stored: %s",
		        error.message);
}

/* What it begins under, it ends under. */
static void join_generation(struct turn *turn)
{
	struct turn_state *state = &turn->state;

	state->scope.generation = generation_hold(&state->scope);
	state->plan = state->scope.generation->plan;
	if (state->plan->rooms.config->zone)
		state->zone = state->plan->rooms.config->zone;
}

void turn_run(struct turn *turn)
{
	static const char *const kinds[] = {"kind=\"answer\"", "kind=\"clarify\"",
	        "kind=\"declined\"", "kind=\"refused\"", "kind=\"error\""};
	int64_t began_us = clock_monotonic_us();
	bool ran = false, ready;

	join_generation(turn);
	ready = prepare(turn);
	turn->state.heard = turn->way || turn->state.progress;
	/* With a key the row of a turn that somebody waits for is there already. Refused before
	 * anything began, it has none. */
	if (!turn->way && !turn->state.stored && (ready || turn->kind <= ASKD_TURN_CLARIFY)) {
		turn->state.begins = true;
		turn->state.begins_us = clock_now_us();
	}
	if (ready) {
		turn_list(turn, false);
		if (hooks_before(turn)) {
			send_working(turn);
			if (turn->way)
				turn_notice(turn, ASKD_NOTICE_TYPING, (struct askd_text){NULL, 0});
			ran = true;
			attempt(turn);
		}
	}
	inbox_release(turn);
	if (!is_postponed(turn))
		finish(turn, ran);
	gate_leave(turn);
	turn_unlist(turn);
	metrics_add("askd_turns_total", kinds[turn->kind], 1);
	metrics_observe_us("askd_turn_seconds", kinds[turn->kind], clock_monotonic_us() - began_us);
}
