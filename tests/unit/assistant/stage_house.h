/* stage_house.h: the rooms below a stage, played for test_stage.c and test_tools.c: engines are
 * functions, the ledger is a list that writes down its order. Included once. */
#ifndef STAGE_HOUSE_H
#define STAGE_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assistant/stage_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "run/metrics.h"

enum { ROWS = 64, ENGINES = 3, STEPS = 8 };

struct engine {
	struct plugin_instance instance;
	struct config_instance config;
	uint32_t flags;
	/* The replies in order; the last one stays. rc 0: a reply. */
	struct step {
		int32_t rc;
		uint32_t error_flags, retry_after_ms;
		int32_t confidence;
	} steps[STEPS];
	/* Beside the step: the reply calls this tool; NULL: none. */
	struct {
		const char *tool, *arguments;
	} wants[STEPS];
	uint32_t calls;
	char seen[20000]; /* all messages of the last request */
	char model[64];
	bool saw_rows;
	uint32_t tools, tool_choice; /* of the last request: how many were offered */
};

static struct house {
	struct engine engines[ENGINES];
	struct config config;
	struct config_stage stage;
	struct assistant_rooms rooms;
	struct stages *stages;
	struct turn_state turn;
	struct plugin_call call;
	struct ledger_stage rows[ROWS];
	struct arena kept;
	size_t row_count;
	char order[2048]; /* "R": reserved, "C": called, "S": settled */
	int64_t egress;
	int32_t commit_fails;
	struct cancel *fire; /* canceled by the next call of an engine */
	struct plugin_instance *list[2];
	struct registry registry;      /* in rooms only where a test puts it there */
	struct plugin_instance offers; /* its instance, which offers `tools` */
	const struct askd_tools *tools;
	uint32_t tool_runs;
	int64_t tool_egress; /* what a run leaves as the turn's level */
	int32_t tool_fails;
	struct config_limit limit;
} house;

static void note(const char *what)
{
	strncat(house.order, what, sizeof house.order - strlen(house.order) - 1);
}

struct plugin_instance *registry_find(
        const struct registry *registry, const char *kind, const char *name)
{
	(void)registry;
	assert_string_equal(kind, "llm");
	for (int i = 0; i < ENGINES; i++)
		if (house.engines[i].config.name && !strcmp(house.engines[i].config.name, name))
			return &house.engines[i].instance;
	return NULL;
}

const struct config_instance *config_find(
        const struct config *config, const char *kind, const char *name)
{
	(void)config, (void)kind, (void)name;
	return NULL;
}

const struct config_stage *config_find_stage(const struct config *config, const char *name)
{
	return !strcmp(config->stages->name, name) ? config->stages : NULL;
}

const struct config_limit *config_find_limit(const struct config *config, const char *name)
{
	(void)config;
	return house.limit.name && !strcmp(house.limit.name, name) ? &house.limit : NULL;
}

const void *plugin_instance_extension(const struct plugin_instance *instance, const char *id)
{
	return instance == &house.offers && !strcmp(id, "askd.tools/1") ? house.tools : NULL;
}

static void *call_alloc(struct askd_call *call, uint64_t n)
{
	return arena_alloc(&((struct plugin_call *)call)->arena, n);
}

void plugin_call_init(struct plugin_call *call, const struct call_scope *scope, int64_t limit_ms)
{
	memset(call, 0, sizeof *call);
	call->base.size = sizeof call->base;
	call->base.alloc = call_alloc;
	call->base.cancel = &scope->cancel->word;
	call->base.deadline_us = limit_ms ? clock_monotonic_us() + limit_ms * 1000 : 0;
	call->scope = scope;
	arena_init(&call->arena, 0);
}

void plugin_call_finish(struct plugin_call *call)
{
	arena_finish(&call->arena);
}

/* Says its arguments. */
static int32_t tool_run(struct plugin_call *call, const struct askd_tool_call *in,
        struct askd_tool_result *out, struct askd_error *err)
{
	house.tool_runs++;
	house.turn.egress = house.tool_egress;
	if (house.tool_fails)
		return askd_fail(err, house.tool_fails, "TheToolsOwnWords");
	out->json = askd_copy(&call->base, in->arguments.s, in->arguments.n);
	return ASKD_OK;
}

int32_t plugin_invoke(struct plugin_instance *instance, enum contract_function function,
        const void *table, void *object, struct plugin_call *call, const void *in, void *out,
        struct askd_error *err)
{
	struct engine *e = (struct engine *)((char *)instance - offsetof(struct engine, instance));
	const struct askd_llm_request *request = in;
	struct askd_llm_reply *reply = out;
	struct askd_llm_model *model = out;
	const struct step *step;
	uint32_t at;

	(void)table, (void)object;
	if (function == CONTRACT_TOOL_RUN)
		return tool_run(call, in, out, err);
	if (function == CONTRACT_LLM_MODEL) {
		const struct askd_llm_model *asked = in;
		model->flags = e->flags;
		model->name = asked->name.n ? asked->name : ASKD_LITERAL("own-model");
		return ASKD_OK;
	}
	note("C");
	if (house.fire)
		cancel_fire(house.fire);
	e->seen[0] = 0;
	for (size_t i = 0; request->messages && request->messages[i]; i++)
		strncat(e->seen, request->messages[i]->text.s,
		        sizeof e->seen - strlen(e->seen) - 1);
	e->saw_rows = request->task && request->task->rows;
	e->tools = 0;
	while (request->tools && request->tools[e->tools])
		e->tools++;
	e->tool_choice = request->tool_choice;
	snprintf(e->model, sizeof e->model, "%s", request->model.s ? request->model.s : "");
	at = e->calls < STEPS ? e->calls : STEPS - 1;
	step = &e->steps[at];
	__atomic_add_fetch(&e->calls, 1, __ATOMIC_RELEASE);
	if (step->rc) {
		askd_fail(err, step->rc, "scripted");
		err->flags = step->error_flags;
		err->retry_after_ms = step->retry_after_ms;
		return step->rc;
	}
	reply->finish = ASKD_FINISH_STOP;
	reply->confidence_milli = step->confidence;
	reply->input = 100;
	reply->output = 10;
	reply->text = askd_print(&call->base, "reply of %s", e->config.name);
	reply->model = ASKD_LITERAL("model-2026");
	if (e->wants[at].tool) {
		static struct askd_tool_call wanted;
		static const struct askd_tool_call *const calls[] = {&wanted, NULL};

		wanted = (struct askd_tool_call){.size = sizeof wanted,
		        .id = ASKD_LITERAL("call-1"),
		        .name = askd_text_of(e->wants[at].tool),
		        .arguments = askd_text_of(e->wants[at].arguments)};
		reply->finish = ASKD_FINISH_TOOLS;
		reply->calls = calls;
	}
	return ASKD_OK;
}

struct store_unit *store_unit_create(struct store *store, enum store_database db)
{
	(void)store, (void)db;
	return (struct store_unit *)&house;
}

int32_t store_commit(struct store_unit *unit, struct askd_error *reterr)
{
	assert_ptr_equal(unit, &house);
	return house.commit_fails ? askd_fail(reterr, house.commit_fails, "the disk is full")
	                          : ASKD_OK;
}

void store_commit_later(struct store_unit *unit)
{
	assert_ptr_equal(unit, &house);
}

void turn_row_begin(struct turn_state *state, struct store_unit *unit)
{
	(void)state;
	assert_ptr_equal(unit, &house);
}

int32_t store_seal(struct store *store, struct arena *a, const char *place, struct askd_bytes plain,
        struct askd_bytes *sealed, struct askd_error *reterr)
{
	(void)store, (void)reterr;
	sealed->p = arena_print(a, "%s#%s", place, (const char *)plain.p);
	sealed->n = strlen(sealed->p);
	return ASKD_OK;
}

int32_t store_unseal(struct store *store, struct arena *a, const char *place,
        struct askd_bytes sealed, struct askd_bytes *plain, struct askd_error *reterr)
{
	(void)store, (void)reterr;
	assert_int_equal(strncmp(sealed.p, place, strlen(place)), 0);
	plain->p = arena_string(a, strchr(sealed.p, '#') + 1);
	plain->n = strlen(plain->p);
	return ASKD_OK;
}

int64_t ledger_cost(struct ledger *ledger, const char *llm, const char *model, int64_t at_us,
        uint64_t input, uint64_t output, uint64_t cached, bool is_free)
{
	(void)ledger, (void)llm, (void)model, (void)at_us, (void)cached;
	return is_free ? 0 : (int64_t)(input * 2 + output * 3);
}

void ledger_stage_reserve(struct store_unit *unit, const struct ledger_stage *stage)
{
	(void)unit;
	note("R");
	assert_int_equal(stage->status, LEDGER_RESERVED);
	assert_true(house.row_count < ROWS);
	for (size_t i = 0; i < house.row_count; i++)
		assert_true(house.rows[i].ordinal != stage->ordinal ||
		            strcmp(house.rows[i].name, stage->name) != 0);
	house.rows[house.row_count++] = *stage;
}

void ledger_stage_settle(struct store_unit *unit, const struct ledger_stage *stage)
{
	(void)unit;
	note("S");
	for (size_t i = 0; i < house.row_count; i++)
		if (house.rows[i].id == stage->id) {
			house.rows[i] = *stage;
			house.rows[i].model = arena_string(&house.kept, stage->model);
			if (stage->payload.p)
				house.rows[i].payload.p =
				        arena_copy(&house.kept, stage->payload.p, stage->payload.n);
		}
}

int32_t ledger_stage_find(struct ledger *ledger, struct arena *a, uint64_t turn, const char *name,
        uint32_t ordinal, struct ledger_stage *stage, struct askd_error *reterr)
{
	(void)ledger, (void)a, (void)turn;
	for (size_t i = 0; i < house.row_count; i++)
		if (house.rows[i].ordinal == ordinal && !strcmp(house.rows[i].name, name)) {
			*stage = house.rows[i];
			return ASKD_OK;
		}
	return askd_fail(reterr, ASKD_E_NOT_FOUND, "no such stage");
}

void ledger_notify(struct ledger *ledger)
{
	(void)ledger;
}

void metrics_add(const char *name, const char *label, int64_t value)
{
	(void)name, (void)label, (void)value;
}

void metrics_observe_us(const char *name, const char *label, int64_t us)
{
	(void)name, (void)label, (void)us;
}

int32_t query_find(struct query *query, struct arena *a, const struct call_scope *scope,
        uint64_t handle, struct query_database *database, struct askd_error *reterr)
{
	(void)query, (void)a, (void)scope;
	if (handle != 17)
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "no such database");
	database->egress = house.egress;
	return ASKD_OK;
}

const struct sql_dialect *sql_dialect_of(
        const struct askd_dialect *description, struct askd_error *reterr)
{
	(void)description, (void)reterr;
	return NULL;
}

const char *sql_dialect_hint(const struct sql_dialect *dialect)
{
	(void)dialect;
	return NULL;
}

/* ---- a test's beginning and end -----------------------------------------------------------------
 */

static struct askd_llm_reply reply; /* of the last call, as is `error` */
static struct askd_error error;

static void turn_begin(void)
{
	struct turn_state *turn = &house.turn;

	memset(turn, 0, sizeof *turn);
	cancel_init(&turn->cancel);
	turn->scope = (struct call_scope){
	        .id = 5, .turn = 5, .person = 6, .cancel = &turn->cancel, .turn_state = turn};
	turn->durable = true;
	turn->egress = CONFIG_EGRESS_ALL;
	turn->stages = json_array();
	plugin_call_init(&house.call, &turn->scope, 60000);
}

static void turn_end(void)
{
	plugin_call_finish(&house.call);
	json_decref(house.turn.stages);
	cancel_finish(&house.turn.cancel);
}

/* Engines that answer, and a stage of the first one; what a test wants otherwise it changes before
 * house_open. */
static void house_init(void)
{
	static const char *const names[] = {"main", "second", "third"};

	log_init(0, LOG_FORMAT_TEXT);
	memset(&house, 0, sizeof house);
	arena_init(&house.kept, 0);
	house.egress = CONFIG_EGRESS_DEFAULT;
	for (int i = 0; i < ENGINES; i++) {
		house.engines[i].config.name = names[i];
		house.engines[i].instance.config = &house.engines[i].config;
		for (int k = 0; k < STEPS; k++)
			house.engines[i].steps[k].confidence = -1;
	}
	house.stage = (struct config_stage){.name = "analysis",
	        .llm = "main",
	        .prompt = "System\n--- user\n{question}\n\n{schema}\n\n{history}\n\n{table}\n\n"
	                  "{problem}\n",
	        .prompt_name = "analysis (test)",
	        .temperature_milli = -1,
	        .timeout_ms = 20000};
	house.config.stages = &house.stage;
	house.rooms.config = &house.config;
}

static void house_open(void)
{
	assert_int_equal(stages_open(&house.stages, &house.rooms, &error), ASKD_OK);
	house.stages->backoff_ms = 1;
	house.stages->backoff_max_ms = 4;
	turn_begin();
}

static int tear_down(void **state)
{
	(void)state;
	turn_end();
	stages_close(house.stages);
	arena_finish(&house.kept);
	return 0;
}

static int32_t complete_task(const struct askd_task *task)
{
	struct askd_llm_request in = {.size = sizeof in,
	        .temperature_milli = -1,
	        .model = ASKD_LITERAL("analysis"),
	        .task = task};

	memset(&reply, 0, sizeof reply);
	memset(&error, 0, sizeof error);
	return stages_complete(house.stages, &house.call, &in, &reply, &error);
}

#endif
