/* stage_try.c: one call of one engine, between its reservation and its settlement. */
#include "assistant/stage_state.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "run/metrics.h"

enum { ECHO_MIN = 24 }; /* bytes that an error has in common with a request by no accident */

int32_t stage_candidate_fill(struct stage_call *c, size_t index, struct arena *a,
        struct stage_candidate *candidate, struct askd_error *reterr)
{
	struct plugin_instance *instance = c->candidates[index];
	/* The stage's model is a name of its first engine; fallbacks know their own. */
	const char *wanted = index ? NULL : c->config->model;
	struct askd_llm_model in = {.size = sizeof in, .name = askd_text_of(wanted)};
	struct askd_llm_model out = {.size = sizeof out};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, c->call->scope, 0);
	rc = enter_llm_iface_model(instance, NULL, NULL, &call, &in, &out, reterr);
	if (!rc) {
		candidate->instance = instance;
		candidate->name = instance->config->name;
		candidate->model = wanted       ? wanted
		                   : out.name.s ? arena_copy(a, out.name.s, out.name.n)
		                                : arena_string(a, "");
		candidate->flags = out.flags;
		candidate->egress = stage_egress_for(c, (out.flags & ASKD_LLM_LOCAL) != 0);
		if (!candidate->model)
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the call of a stage");
	}
	plugin_call_finish(&call);
	return rc;
}

/* Tokens that the request has, roughly: four bytes each. */
static uint64_t input_guess(const struct askd_llm_request *request)
{
	uint64_t bytes = request->reply_schema.n;

	for (size_t i = 0; request->messages && request->messages[i]; i++)
		bytes += request->messages[i]->text.n;
	for (size_t i = 0; request->tools && request->tools[i]; i++)
		bytes += request->tools[i]->description.n + request->tools[i]->schema.n;
	return bytes / 4 + 1;
}

static int64_t cost_of(const struct stage_call *c, const struct stage_candidate *candidate,
        const char *model, int64_t at_us, uint64_t input, uint64_t output, uint64_t cached)
{
	return ledger_cost(c->stages->rooms.ledger, candidate->name, model, at_us, input, output,
	        cached, (candidate->flags & ASKD_LLM_FREE) != 0);
}

static int32_t reserve(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct ledger_stage *row, struct askd_error *reterr)
{
	const struct call_scope *scope = c->call->scope;
	const uint64_t output = request->max_output ? request->max_output : STAGE_OUTPUT_GUESS;
	struct store_unit *unit;
	int32_t rc;

	if (c->attempt >= STAGE_ATTEMPTS)
		return askd_fail(reterr, ASKD_E_IO, "the stage %s was tried %d times in vain",
		        c->config->name, STAGE_ATTEMPTS);
	*row = (struct ledger_stage){.id = id_make(),
	        .turn = scope->turn,
	        .conversation = scope->conversation,
	        .person = scope->person,
	        .organisation = scope->organisation,
	        .name = c->config->name,
	        .ordinal = c->ordinal * STAGE_ATTEMPTS + c->attempt++,
	        .status = LEDGER_RESERVED,
	        .llm = candidate->name,
	        .model = candidate->model,
	        .prompt = c->config->prompt_name ? c->config->prompt_name : "",
	        .started_us = clock_now_us()};
	row->reserved_pico = cost_of(
	        c, candidate, candidate->model, row->started_us, input_guess(request), output, 0);
	row->cost_pico = row->reserved_pico;
	unit = store_unit_create(c->stages->rooms.store, STORE_MANAGER);
	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reservation of a stage");
	turn_row_begin(c->turn, unit);
	ledger_stage_reserve(unit, row);
	rc = store_commit(unit, reterr);
	if (!rc)
		c->turn->begins = false, c->turn->stored = true;
	return rc;
}

static void count(const struct ledger_stage *row)
{
	static const char *const fates[] = {"reserved", "done", "failed", "unknown"};
	char label[192];

	snprintf(label, sizeof label, "llm=\"%.64s\",stage=\"%.64s\",status=\"%s\"", row->llm,
	        row->name, fates[row->status]);
	metrics_add("askd_stages_total", label, 1);
	snprintf(label, sizeof label, "llm=\"%.64s\"", row->llm);
	metrics_add("askd_tokens_total", label, (int64_t)(row->input + row->output));
	if (row->cost_pico >= 0)
		metrics_add("askd_cost_picodollars_total", label, row->cost_pico);
	else
		metrics_add("askd_cost_unknown_total", label, 1);
}

/* The row becomes final. A turn that would be resumed waits until that is on the disk, so that it
 * never pays for a finished stage twice; the others go on: what they write next comes after it.
 * A reply that was paid for is not thrown away because this failed. */
static void settle(struct stage_call *c, struct ledger_stage *row)
{
	struct store_unit *unit = store_unit_create(c->stages->rooms.store, STORE_MANAGER);
	struct askd_error error = {0};
	int32_t rc = ASKD_E_NOMEM;

	count(row);
	if (unit) {
		ledger_stage_settle(unit, row);
		if (c->turn->durable) {
			rc = store_commit(unit, &error);
		} else {
			store_commit_later(unit);
			rc = ASKD_OK;
		}
	}
	if (rc)
		log_error("assistant", c->call->base.id,
		        "the call of llm/%s for the stage %s could not be settled: %s %s", row->llm,
		        row->name, error_name(rc), error.message);
	else
		ledger_notify(c->stages->rooms.ledger);
}

static void settle_failure(
        struct stage_call *c, struct ledger_stage *row, int32_t rc, const struct askd_error *error)
{
	/* It may have been charged: the reservation is the best that is known. */
	const bool charged = (error->flags & ASKD_ERR_MAYBE_DONE) || rc == ASKD_E_CRASHED ||
	                     rc == ASKD_E_PROTOCOL;

	row->status = charged ? LEDGER_UNKNOWN_FATE : LEDGER_FAILED;
	row->cost_pico = charged ? row->reserved_pico : 0;
	settle(c, row);
}

static void settle_reply(struct stage_call *c, const struct stage_candidate *candidate,
        struct ledger_stage *row, const struct askd_llm_reply *reply, const char *left,
        struct arena *scratch)
{
	struct askd_bytes sealed = {NULL, 0};
	struct askd_error error = {0};

	row->status = LEDGER_DONE;
	if (reply->model.n)
		row->model = reply->model.s;
	row->input = reply->input;
	row->output = reply->output;
	row->cached = reply->cached;
	row->reasoning = reply->reasoning;
	/* Servers answer with the dated name of a model; the price may stand under either. */
	row->cost_pico = cost_of(c, candidate, candidate->model, row->started_us, reply->input,
	        reply->output, reply->cached);
	if (c->keep && stage_reply_seal(c->stages, scratch, row->id, reply, left, &sealed, &error))
		log_error("assistant", c->call->base.id,
		        "the reply of the stage %s is not kept for a restart: %s", row->name,
		        error.message);
	row->payload = sealed;
	settle(c, row);
}

static bool is_inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A server may repeat in its error what it was asked: that is for no log. */
static void drop_echo(char *message, struct askd_text sent)
{
	size_t n = strlen(message);

	for (size_t at = 0; sent.s && at + ECHO_MIN <= n; at++) {
		const char *same = memmem(sent.s, (size_t)sent.n, message + at, ECHO_MIN);
		size_t left = same ? (size_t)(sent.s + sent.n - same) : 0, length = ECHO_MIN;

		if (!same || is_inside_character(message[at]))
			continue;
		while (length < left && message[at + length] &&
		        message[at + length] == same[length])
			length++;
		while (is_inside_character(message[at + length]))
			length--;
		memcpy(message + at, "...", 3);
		memmove(message + at + 3, message + at + length, n - at - length + 1);
		n -= length - 3;
		at += 2;
	}
}

int64_t stage_limit_ms(const struct stage_call *c)
{
	int64_t limit_ms = c->config->timeout_ms, rest_ms;

	if (c->call->base.deadline_us) {
		rest_ms = askd_limit_ms(&c->call->base, INT32_MAX);
		limit_ms = !limit_ms || rest_ms < limit_ms ? (rest_ms ? rest_ms : 1) : limit_ms;
	}
	return limit_ms;
}

int32_t stage_try(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct askd_llm_reply *reply,
        struct askd_error *error)
{
	const bool local = (candidate->flags & ASKD_LLM_LOCAL) != 0;
	const char *left = stage_egress_word(local ? CONFIG_EGRESS_NOTHING : candidate->egress);
	struct askd_llm_reply answered = {.size = sizeof answered, .confidence_milli = -1};
	struct ledger_stage row;
	struct plugin_call call;
	int64_t began_us;
	int32_t rc = reserve(c, candidate, request, &row, error);

	if (rc)
		return rc;
	plugin_call_init(&call, c->call->scope, stage_limit_ms(c));
	if (!c->first)
		TESTPOINT("second_call");
	TESTPOINT("model_called");
	began_us = clock_monotonic_us();
	rc = enter_llm_iface_complete(
	        candidate->instance, NULL, NULL, &call, request, &answered, error);
	metrics_observe_us("askd_stage_seconds", NULL, clock_monotonic_us() - began_us);
	TESTPOINT("model_answered");
	row.ended_us = row.started_us + (clock_monotonic_us() - began_us);
	breaker_report(c->stages, candidate->instance, rc);
	if (rc) {
		for (size_t i = 0; request->messages && request->messages[i]; i++)
			drop_echo(error->message, request->messages[i]->text);
		settle_failure(c, &row, rc, error);
		log_info("assistant", c->call->base.id, "llm/%s failed in the stage %s: %s %s",
		        row.llm, row.name, error_name(rc),
		        c->call->scope->flags & ASKD_CALL_EPHEMERAL ? "" : error->message);
		stage_receipt(c, &row, left, -1);
	} else {
		settle_reply(c, candidate, &row, &answered, left, &call.arena);
		stage_receipt(c, &row, left, answered.confidence_milli);
		rc = stage_reply_copy(&c->call->arena, &answered, reply, error);
	}
	plugin_call_finish(&call);
	return rc;
}
