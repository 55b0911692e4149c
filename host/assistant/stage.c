/* stage.c: which engine answers a stage, and what happens when it does not. */
#include "assistant/stage.h"

#include <stdlib.h>

#include "assistant/prompt_parts.h"
#include "assistant/stage_tools.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum { BACKOFF_MS = 500, BACKOFF_MAX_MS = 8000, BREAKER_OPEN_MS = 30000 };

static int32_t engine_check(const struct stages *stages, const struct config_stage *stage,
        const char *llm, struct askd_error *reterr)
{
	const struct config_instance *config;

	if (registry_find(stages->rooms.registry, "llm", llm))
		return ASKD_OK;
	config = config_find(stages->rooms.config, "llm", llm);
	if (config && config->optional) {
		log_warning("assistant", 0, "the stage %s goes without llm/%s, which did not open",
		        stage->name, llm);
		return ASKD_OK;
	}
	return askd_fail(reterr, ASKD_E_CONFIG,
	        "%s:%u:%u: the stage '%s' names llm/%s, which is not configured",
	        stage->place.file ? stage->place.file : "configuration", stage->place.line,
	        stage->place.column, stage->name, llm);
}

int32_t stages_open(
        struct stages **stages, const struct assistant_rooms *rooms, struct askd_error *reterr)
{
	struct stages *made = calloc(1, sizeof *made);
	int32_t rc = ASKD_OK;

	if (!made)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the stages");
	made->rooms = *rooms;
	made->backoff_ms = BACKOFF_MS;
	made->backoff_max_ms = BACKOFF_MAX_MS;
	made->breaker_open_ms = BREAKER_OPEN_MS;
	pthread_mutex_init(&made->lock, NULL);
	for (const struct config_stage *stage = rooms->config->stages; stage && !rc;
	        stage = stage->next) {
		/* A stage of the defaults whose engine nobody configured fails when it is called.
		 */
		const bool written = stage->place.file && stage->place.file[0] != '(';

		if (stage->llm && (written || config_find(rooms->config, "llm", stage->llm)))
			rc = engine_check(made, stage, stage->llm, reterr);
		for (size_t i = 0; !rc && stage->fallback && stage->fallback[i]; i++)
			rc = engine_check(made, stage, stage->fallback[i], reterr);
		if (!rc && stage->prompt)
			rc = prompt_check(stage->prompt_name ? stage->prompt_name : stage->name,
			        stage->prompt, reterr);
		if (!rc)
			rc = stage_tools_check(made, stage, reterr);
	}
	if (rc) {
		stages_close(made);
		return rc;
	}
	*stages = made;
	return ASKD_OK;
}

void stages_follow(struct stages *stages, struct stages *previous)
{
	struct plugin_instance **i = stages->rooms.registry->instances;

	for (; i && *i; i++)
		breaker_copy(stages, previous, *i);
}

void stages_close(struct stages *stages)
{
	if (!stages)
		return;
	breakers_destroy(stages);
	pthread_mutex_destroy(&stages->lock);
	free(stages);
}

/* The number of this call among those of its stage in this turn. */
static int32_t count_call(struct stage_call *c, struct askd_error *reterr)
{
	struct turn_state *turn = c->turn;
	size_t i = 0;

	c->first = !turn->counts[0].name;
	while (i < TURN_STAGE_NAMES && turn->counts[i].name &&
	        strcmp(turn->counts[i].name, c->config->name) != 0)
		i++;
	if (i == TURN_STAGE_NAMES)
		return askd_fail(reterr, ASKD_E_TOO_LARGE,
		        "a turn may use at most %d different stages", TURN_STAGE_NAMES);
	turn->counts[i].name = c->config->name;
	c->ordinal = turn->counts[i].next++;
	return ASKD_OK;
}

static int32_t find_engines(struct stage_call *c, struct askd_error *reterr)
{
	const struct config_stage *config = c->config;
	struct registry *registry = c->stages->rooms.registry;
	struct plugin_instance *instance =
	        config->llm ? registry_find(registry, "llm", config->llm) : NULL;

	if (instance)
		c->candidates[c->count++] = instance;
	for (size_t i = 0; config->fallback && config->fallback[i] && c->count < STAGE_CANDIDATES;
	        i++) {
		instance = registry_find(registry, "llm", config->fallback[i]);
		if (instance)
			c->candidates[c->count++] = instance;
	}
	if (!c->count)
		return askd_fail(reterr, ASKD_E_CONFIG, "the stage '%s' has no engine: llm/%s %s",
		        config->name, config->llm ? config->llm : "?",
		        config->llm && config_find(c->stages->rooms.config, "llm", config->llm)
		                ? "did not open; the start of the log says why"
		                : "is not configured");
	return ASKD_OK;
}

/* Is this reply good enough to stop here? */
static bool is_sure(const struct stage_call *c, const struct askd_llm_reply *reply)
{
	return reply->confidence_milli < 0 ||
	       reply->confidence_milli >= c->config->escalate_below_milli;
}

/* A reply that called tools: its line of the receipt is the next one. */
static int32_t keep_round(struct stage_call *c, const struct askd_llm_reply *reply, const char *llm,
        struct askd_error *reterr)
{
	if (c->kept_count && strcmp(c->kept_llm, llm) != 0)
		c->kept_count = 0;
	if (c->kept_count == STAGE_ROUNDS)
		return ASKD_OK;
	if (!c->kept)
		c->kept = arena_alloc(&c->call->arena, STAGE_ROUNDS * sizeof *c->kept);
	if (!c->kept)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the replies of a stage");
	c->kept[c->kept_count].reply = *reply;
	c->kept[c->kept_count++].line = json_array_size(c->turn->stages);
	c->kept_llm = llm;
	return ASKD_OK;
}

/* Whose bucket it is. */
static uint64_t limit_subject(const struct stage_call *c, const struct config_limit *limit)
{
	const struct call_scope *scope = c->call->scope;

	if (limit->by == CONFIG_BY_KEY && scope->key)
		return scope->key;
	if (limit->by == CONFIG_BY_ORGANISATION && scope->organisation)
		return scope->organisation;
	if (limit->by == CONFIG_BY_CONVERSATION && scope->conversation)
		return scope->conversation;
	if (limit->by == CONFIG_BY_ADDRESS && scope->identity)
		return limits_subject(
		        c->stages->rooms.limits, scope->identity, strlen(scope->identity));
	return scope->person;
}

/* BUSY, and the turn knows until when: a limit of the stage is used up. */
static int32_t take_limits(struct stage_call *c, struct askd_error *reterr)
{
	const char *const *names = c->config->limits;
	int64_t retry_us = 0;

	for (size_t i = 0; names && names[i]; i++) {
		const struct config_limit *limit =
		        config_find_limit(c->stages->rooms.config, names[i]);

		if (!limit || limits_take(c->stages->rooms.limits, limit, limit_subject(c, limit),
		                      clock_monotonic_us(), &retry_us) != LIMITS_REFUSE)
			continue;
		c->turn->limited_us = retry_us > 0 ? retry_us : 1;
		return askd_fail(reterr, ASKD_E_BUSY, "the limit '%s' of the stage '%s' is used up",
		        limit->name, c->config->name);
	}
	return ASKD_OK;
}

/* What an earlier run of this turn left behind. *found: a reply is in *reply; *next: the candidate
 * to go on with, if the reply is not sure. */
static int32_t replay(struct stage_call *c, struct askd_llm_reply *reply, bool *found, size_t *next,
        struct askd_error *reterr)
{
	for (; c->attempt < STAGE_ATTEMPTS; c->attempt++) {
		struct arena *a = &c->call->arena;
		struct ledger_stage row = {0};
		struct askd_llm_reply kept = {.size = sizeof kept};
		const char *left = NULL;
		int32_t confidence = -1;
		size_t i = 0;
		int32_t rc = ledger_stage_find(c->stages->rooms.ledger, a, c->call->scope->turn,
		        c->config->name, c->ordinal * STAGE_ATTEMPTS + c->attempt, &row, reterr);

		if (rc == ASKD_E_NOT_FOUND)
			return ASKD_OK;
		if (rc)
			return rc;
		if (row.status == LEDGER_DONE && row.payload.p) {
			rc = stage_reply_unseal(
			        c->stages, a, row.id, row.payload, &kept, &left, reterr);
			if (rc)
				return rc;
			confidence = kept.confidence_milli;
		}
		if (row.status == LEDGER_DONE && row.payload.p && stage_tools_wanted(c, &kept)) {
			rc = keep_round(c, &kept, row.llm, reterr);
			if (rc)
				return rc;
		} else if (row.status == LEDGER_DONE && row.payload.p) {
			*reply = kept;
			*found = true;
			c->kept_count = 0;
			while (i < c->count && strcmp(c->candidates[i]->config->name, row.llm) != 0)
				i++;
			*next = i + 1;
		}
		stage_receipt(c, &row, left, confidence);
	}
	return ASKD_OK;
}

/* The request as this engine gets it. REFUSED: nothing may go to it. */
static int32_t make_request(struct stage_call *c, const struct stage_candidate *candidate,
        struct arena *a, struct askd_llm_request *request, struct askd_error *reterr)
{
	const bool local = (candidate->flags & ASKD_LLM_LOCAL) != 0;
	const struct askd_llm_request *in = c->in;
	int32_t rc;

	*request = *in;
	request->size = sizeof *request;
	/* Nobody sees the text grow: a reply that comes whole costs less to read. */
	if (!c->turn->heard)
		request->stream = NULL;
	request->model = askd_text_of(candidate->model);
	if (!request->model.n)
		request->model.s = NULL;
	if (!in->max_output && c->config->max_output > 0)
		request->max_output = c->config->max_output > UINT32_MAX
		                              ? UINT32_MAX
		                              : (uint32_t)c->config->max_output;
	if (in->temperature_milli < 0 || c->config->temperature_milli >= 0)
		request->temperature_milli = (int32_t)c->config->temperature_milli;
	if (candidate->egress == CONFIG_EGRESS_NOTHING)
		return askd_fail(reterr, ASKD_E_REFUSED,
		        "nothing of this database may leave the house (egress: nothing), and "
		        "llm/%s is "
		        "not on this machine",
		        candidate->name);
	if (in->messages && in->messages[0]) {
		if (!local && candidate->egress < CONFIG_EGRESS_RESULTS)
			return askd_fail(reterr, ASKD_E_REFUSED,
			        "a skill's own messages may not go to llm/%s: this turn used a "
			        "database "
			        "with egress '%s'",
			        candidate->name, stage_egress_word(candidate->egress));
		if (in->task) {
			rc = prompt_filter(a, in->task, candidate->egress, &request->task, reterr);
			if (rc)
				return rc;
		}
		return ASKD_OK;
	}
	if (!in->task)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "a call of the stage '%s' has neither a task nor messages",
		        c->config->name);
	/* Words about rows that may not be shown could only be made up, and would cost money. */
	if (candidate->egress < CONFIG_EGRESS_RESULTS && text_is(in->task->kind, "answer"))
		return askd_fail(reterr, ASKD_E_REFUSED,
		        "the rows may not go to llm/%s (egress: %s): they are put into words here",
		        candidate->name, stage_egress_word(candidate->egress));
	rc = prompt_filter(a, in->task, candidate->egress, &request->task, reterr);
	if (!rc && !c->config->prompt)
		rc = askd_fail(
		        reterr, ASKD_E_CONFIG, "the stage '%s' has no prompt", c->config->name);
	if (!rc)
		rc = prompt_render(a, c->config->prompt, request->task, in->reply_schema,
		        c->dialect_hint, candidate->egress, &request->messages, reterr);
	return rc;
}

/* Errors that may pass: the same engine once more. */
static bool may_pass(const struct askd_error *error, int32_t rc, uint32_t tries)
{
	if (tries >= STAGE_TRIES)
		return false;
	if (rc == ASKD_E_BUSY)
		return true;
	if (rc == ASKD_E_PROTOCOL)
		return tries < 2;
	/* A completion has no effect but its price, and that is booked with each try. */
	return (rc == ASKD_E_IO || rc == ASKD_E_TIMEOUT || rc == ASKD_E_CRASHED) &&
	       (error->flags & ASKD_ERR_RETRY);
}

/* Another engine may do better. */
static bool may_fall_back(int32_t rc)
{
	switch (rc) {
	case ASKD_E_CANCELED:
	case ASKD_E_NOMEM:
	case ASKD_E_INVALID:
		return false;
	default:
		return true;
	}
}

int32_t stage_engine_use(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct askd_llm_reply *reply,
        struct askd_error *error)
{
	for (uint32_t tries = 1;; tries++) {
		int32_t rc = stage_try(c, candidate, request, reply, error);

		if (!rc)
			return ASKD_OK;
		if (askd_canceled(&c->call->base))
			return askd_fail(error, ASKD_E_CANCELED, "canceled");
		if (!may_pass(error, rc, tries))
			return rc;
		if (rc == ASKD_E_PROTOCOL)
			continue;
		if (!stage_wait(c, error, tries))
			return askd_canceled(&c->call->base)
			               ? askd_fail(error, ASKD_E_CANCELED, "canceled")
			               : rc;
	}
}

/* All engines in order, until one is sure. */
static int32_t use_engines(struct stage_call *c, size_t from, struct askd_llm_reply *reply,
        bool *found, struct askd_error *error)
{
	int32_t rc = *found ? ASKD_OK : ASKD_E_INTERNAL, failed = ASKD_OK;
	struct askd_error *first = NULL; /* few calls have one: not on the stack of all that wait */
	struct arena scratch;

	arena_init(&scratch, CALL_ARENA);
	for (size_t i = from; i < c->count; i++) {
		struct stage_candidate candidate = {0};
		struct askd_llm_request request;
		struct askd_llm_reply answered;

		arena_reset(&scratch);
		rc = stage_candidate_fill(c, i, &scratch, &candidate, error);
		if (!rc)
			rc = make_request(c, &candidate, &scratch, &request, error);
		if (!rc && !breaker_allows(c->stages, c->candidates[i]) && i + 1 < c->count) {
			log_debug("assistant", c->call->base.id, "llm/%s is left out",
			        candidate.name);
			continue;
		}
		if (!rc)
			rc = stage_tools_use(c, &candidate, &request, &answered, error);
		if (!rc) {
			*reply = answered;
			*found = true;
			failed = ASKD_OK;
			if (is_sure(c, reply))
				break;
			continue;
		}
		if (!failed || failed == ASKD_E_REFUSED) {
			failed = rc;
			first = arena_alloc(&c->call->arena, sizeof *first);
			if (first)
				*first = *error;
		}
		if (!may_fall_back(rc) || askd_canceled(&c->call->base) ||
		        (c->call->base.deadline_us && !askd_limit_ms(&c->call->base, 1000)))
			break;
		if (i + 1 < c->count)
			log_warning("assistant", c->call->base.id,
			        "llm/%s cannot answer the stage %s (%s): falling back to llm/%s",
			        c->candidates[i]->config->name, c->config->name, error_name(rc),
			        c->candidates[i + 1]->config->name);
	}
	arena_finish(&scratch);
	if (*found && rc != ASKD_E_CANCELED)
		return ASKD_OK; /* an unsure reply is better than none */
	/* The first engine's trouble is what the operator must mend, but a cancel is a cancel. */
	if (rc != ASKD_E_CANCELED && failed && first) {
		*error = *first;
		rc = failed;
	}
	return rc;
}

int32_t stages_complete(struct stages *stages, struct plugin_call *call,
        const struct askd_llm_request *in, struct askd_llm_reply *out, struct askd_error *reterr)
{
	struct stage_call c = {.stages = stages, .call = call, .in = in};
	struct askd_llm_reply reply = {.size = sizeof reply, .confidence_milli = -1};
	struct askd_error error = {0};
	bool found = false, ask;
	size_t next = 0;
	int32_t rc;

	c.turn = turn_state_of(call->scope);
	if (!c.turn)
		return askd_fail(reterr, ASKD_E_INVALID, "a stage can be called in a turn only");
	c.config = in->model.s ? config_find_stage(stages->rooms.config, in->model.s) : NULL;
	if (!c.config)
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no stage '%s'",
		        in->model.s ? in->model.s : "");
	c.keep = c.turn->durable && !c.turn->ephemeral;
	rc = count_call(&c, &error);
	if (!rc)
		rc = find_engines(&c, &error);
	if (!rc)
		rc = stage_egress_find(&c, &error);
	if (!rc && c.keep)
		rc = replay(&c, &reply, &found, &next, &error);
	ask = !rc && !(found && (is_sure(&c, &reply) || next >= c.count));
	/* What an earlier run has asked already has been counted. */
	if (ask && !c.attempt)
		rc = take_limits(&c, &error);
	if (ask && !rc)
		rc = use_engines(&c, next, &reply, &found, &error);
	if (rc) {
		error.code = rc;
		if (reterr)
			*reterr = error;
		return rc;
	}
	if (out)
		*out = reply;
	return ASKD_OK;
}
