/* stage_tools.c: a model asks for a tool, the host runs it and asks the model again. */
#include "assistant/stage_tools.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum {
	TOOL_CALLS = 16,        /* in one reply */
	TOOL_RESULT = 64 * 1024 /* bytes of a result */
};

struct tool_at {
	struct plugin_instance *instance;
	const struct askd_tool *tool;
};

/* The first instance in the order of the file that offers it. */
static struct tool_at find(const struct stages *stages, const char *name)
{
	struct plugin_instance **instance = stages->rooms.registry->instances;

	for (; instance && *instance; instance++) {
		const struct askd_tools *tools =
		        plugin_instance_extension(*instance, "askd.tools/1");

		for (size_t i = 0; tools && tools->tools[i]; i++)
			if (!strcmp(tools->tools[i]->name, name))
				return (struct tool_at){*instance, tools->tools[i]};
	}
	return (struct tool_at){NULL, NULL};
}

static int32_t fail_unknown(const struct stages *stages, const struct config_stage *stage,
        const char *name, struct askd_error *reterr)
{
	struct plugin_instance **instance = stages->rooms.registry->instances;
	const char *names[64], *nearest;
	size_t n = 0;

	for (; instance && *instance; instance++) {
		const struct askd_tools *tools =
		        plugin_instance_extension(*instance, "askd.tools/1");

		for (size_t i = 0; tools && tools->tools[i] && n < 63; i++)
			names[n++] = tools->tools[i]->name;
	}
	names[n] = NULL;
	nearest = text_nearest(name, names);
	return askd_fail(reterr, ASKD_E_CONFIG,
	        "%s:%u:%u: the stage '%s' names the tool '%s', which no configured plugin "
	        "offers%s%s%s",
	        stage->place.file ? stage->place.file : "configuration", stage->place.line,
	        stage->place.column, stage->name, name, nearest ? ", did you mean '" : "",
	        nearest ? nearest : "", nearest ? "'?" : "");
}

int32_t stage_tools_check(
        const struct stages *stages, const struct config_stage *stage, struct askd_error *reterr)
{
	for (size_t i = 0; stage->tools && stage->tools[i]; i++) {
		if (find(stages, stage->tools[i]).tool)
			continue;
		if (!stages->rooms.registry->warnings)
			return fail_unknown(stages, stage, stage->tools[i], reterr);
		log_warning("assistant", 0,
		        "the stage %s goes without the tool %s, which no plugin that did open "
		        "offers",
		        stage->name, stage->tools[i]);
	}
	return ASKD_OK;
}

/* Permissions of persons are not there yet: what needs one is for who sits at the machine. */
static bool may_call(const struct stage_call *c, const struct askd_tool *tool)
{
	return !tool->permission || c->call->scope->local;
}

/* What a tool says is content, like rows. */
static bool may_see(const struct stage_call *c, const struct stage_candidate *candidate)
{
	return stage_egress_for(c, (candidate->flags & ASKD_LLM_LOCAL) != 0) >=
	       CONFIG_EGRESS_RESULTS;
}

/* The tools that this person's model may call, and those of the skill behind them. NULL and
 * a->full: no memory; NULL otherwise: none. */
static const struct askd_llm_tool *const *offer(
        const struct stage_call *c, const struct askd_llm_tool *const *own, struct arena *a)
{
	const char *const *names = c->config->tools;
	const struct askd_llm_tool **list;
	struct askd_llm_tool *made;
	size_t named = 0, more = 0, n = 0;

	while (names[named])
		named++;
	while (own && own[more])
		more++;
	made = arena_zalloc(a, (named + 1) * sizeof *made);
	list = arena_zalloc(a, (named + more + 1) * sizeof *list);
	if (!made || !list)
		return NULL;
	for (size_t i = 0; i < named; i++) {
		const struct askd_tool *tool = find(c->stages, names[i]).tool;

		if (!tool || !may_call(c, tool))
			continue;
		made[n] = (struct askd_llm_tool){.size = sizeof *made,
		        .name = askd_text_of(tool->name),
		        .description = askd_text_of(tool->description),
		        .schema = askd_text_of(tool->schema)};
		list[n] = &made[n];
		n++;
	}
	if (!n)
		return NULL;
	for (size_t i = 0; i < more; i++)
		list[n + i] = own[i];
	return list;
}

/* ---- one call ---------------------------------------------------------------------------------
 */

/* What the model reads when there is no result. */
static struct askd_text trouble(struct arena *a, const char *text)
{
	json_t *json = json_pack("{s:s}", "error", text);
	struct askd_text written = json ? json_write(a, json) : (struct askd_text){NULL, 0};

	json_decref(json);
	return written;
}

/* The tool that the stage named, or NULL and *why not. */
static struct tool_at choose(
        const struct stage_call *c, struct arena *a, const char *name, struct askd_text *why)
{
	struct tool_at at = {NULL, NULL};

	for (size_t i = 0; c->config->tools[i] && !at.tool; i++)
		if (!strcmp(c->config->tools[i], name))
			at = find(c->stages, name);
	if (!at.tool)
		*why = trouble(a, "there is no such tool");
	else if (!may_call(c, at.tool))
		*why = trouble(a, "the person who asks may not use this tool");
	else
		return at;
	return (struct tool_at){NULL, NULL};
}

static bool is_object(struct askd_text text)
{
	json_t *json = json_read(text, NULL);
	const bool object = json_is_object(json);

	json_decref(json);
	return object;
}

/* The tool's own words go to the model where they are about the arguments; others may quote what
 * it worked on. */
static struct askd_text failure(struct arena *a, const struct askd_error *error)
{
	const char *text = arena_print(a, "the tool failed: %s", error_name(error->code));

	if (error->message[0] &&
	        (error->code == ASKD_E_INVALID || error->code == ASKD_E_NOT_FOUND ||
	                error->code == ASKD_E_UNSUPPORTED))
		text = arena_print(a, "the tool failed: %s", error->message);
	return text ? trouble(a, text) : (struct askd_text){NULL, 0};
}

/* Absent text: no memory. */
static struct askd_text run_tool(const struct stage_call *c, const struct askd_tool_call *wanted,
        struct tool_at at, struct arena *a, bool *ok)
{
	struct askd_tool_call in = *wanted;
	struct askd_tool_result out = {.size = sizeof out};
	struct askd_error error = {0};
	struct askd_text text;
	struct plugin_call call;

	in.size = sizeof in;
	if (!in.arguments.n)
		in.arguments = ASKD_LITERAL("{}");
	if (!is_object(in.arguments))
		return trouble(a, "the arguments are no JSON object");
	plugin_call_init(&call, c->call->scope, stage_limit_ms(c));
	if (enter_tool_run(at.instance, at.tool, NULL, &call, &in, &out, &error)) {
		log_info("assistant", c->call->base.id, "the tool %s of %s failed with %s",
		        at.tool->name, at.instance->host.instance, error_name(error.code));
		text = failure(a, &error);
	} else if (out.json.n > TOOL_RESULT) {
		log_info("assistant", c->call->base.id, "the tool %s of %s said more than %d bytes",
		        at.tool->name, at.instance->host.instance, TOOL_RESULT);
		text = trouble(a, "the result is too large: ask for less");
	} else {
		*ok = true;
		text = out.json.n ? arena_text(a, out.json) : ASKD_LITERAL("null");
	}
	plugin_call_finish(&call);
	return text;
}

/* ---- a conversation with an engine ------------------------------------------------------------
 */

struct talk {
	const struct stage_call *c;
	struct arena *a;
	const struct askd_llm_message *const *messages; /* with a NULL behind the last */
	size_t count;
};

static bool talk_add(struct talk *talk, const struct askd_llm_message *message)
{
	const struct askd_llm_message **list =
	        arena_zalloc(talk->a, (talk->count + 2) * sizeof *list);
	struct askd_llm_message *copy = arena_alloc(talk->a, sizeof *copy);

	if (!list || !copy)
		return false;
	*copy = *message;
	copy->size = sizeof *copy;
	for (size_t i = 0; i < talk->count; i++)
		list[i] = talk->messages[i];
	list[talk->count++] = copy;
	talk->messages = list;
	return true;
}

static int32_t over(const struct stage_call *c, struct askd_error *error)
{
	if (askd_canceled(&c->call->base))
		return askd_fail(error, ASKD_E_CANCELED, "canceled");
	if (c->call->base.deadline_us && !askd_limit_ms(&c->call->base, 1000))
		return askd_fail(error, ASKD_E_TIMEOUT,
		        "the time was over before the model had what its tools said");
	return ASKD_OK;
}

/* Runs what the model asked for; `line` is the reply's in the receipt. */
static int32_t answer_calls(struct talk *talk, const struct askd_llm_reply *reply, json_t *line,
        struct askd_error *error)
{
	const struct stage_call *c = talk->c;
	struct askd_llm_message message = {
	        .role = ASKD_ROLE_ASSISTANT, .text = reply->text, .calls = reply->calls};
	json_t *receipt = json_array();
	bool full = !receipt || !talk_add(talk, &message);
	int32_t rc = ASKD_OK;

	for (size_t i = 0; reply->calls[i] && !full; i++) {
		const struct askd_tool_call *wanted = reply->calls[i];
		const int64_t began_us = clock_monotonic_us();
		struct askd_text text = {NULL, 0};
		struct tool_at at;
		bool ok = false;

		if ((rc = over(c, error)))
			break;
		at = choose(c, talk->a, wanted->name.s ? wanted->name.s : "", &text);
		if (i >= TOOL_CALLS)
			text = trouble(talk->a, "too many calls at once: this one did not run");
		else if (at.tool)
			text = run_tool(c, wanted, at, talk->a, &ok);
		message = (struct askd_llm_message){
		        .role = ASKD_ROLE_TOOL, .text = text, .tool_call_id = wanted->id};
		/* A name that nobody offers is the model's own text, and stays out. */
		full = !text.s || !talk_add(talk, &message) ||
		       json_array_append_new(receipt,
		               json_pack("{s:s, s:I, s:b}", "name", at.tool ? at.tool->name : "?",
		                       "ms", (json_int_t)((clock_monotonic_us() - began_us) / 1000),
		                       "ok", ok));
	}
	if (!rc && (full || json_object_set(line, "tools", receipt)))
		rc = askd_fail(error, ASKD_E_NOMEM, "no memory for the tools of a stage");
	json_decref(receipt);
	return rc ? rc : over(c, error);
}

/* The replies with calls that an earlier run of this turn has paid for. */
static int32_t replay_rounds(struct stage_call *c, const struct stage_candidate *candidate,
        struct talk *talk, uint32_t *rounds, struct askd_error *error)
{
	int32_t rc = ASKD_OK;

	if (!c->kept_count || strcmp(c->kept_llm, candidate->name) != 0)
		return ASKD_OK;
	for (size_t i = 0; !rc && i < c->kept_count; i++)
		rc = answer_calls(talk, &c->kept[i].reply,
		        json_array_get(c->turn->stages, c->kept[i].line), error);
	*rounds = (uint32_t)c->kept_count;
	c->kept_count = 0;
	return rc;
}

bool stage_tools_wanted(const struct stage_call *c, const struct askd_llm_reply *reply)
{
	if (!c->config->tools)
		return false;
	for (size_t i = 0; reply->calls && reply->calls[i]; i++)
		for (size_t k = 0; c->in->tools && c->in->tools[k]; k++)
			if (askd_equal(reply->calls[i]->name, c->in->tools[k]->name))
				return false; /* the skill's own: it runs them itself */
	return reply->calls && reply->calls[0];
}

int32_t stage_tools_use(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct askd_llm_reply *reply,
        struct askd_error *error)
{
	struct talk talk = {.c = c, .a = &c->call->arena};
	struct askd_llm_request next = *request;
	uint32_t rounds = 0;
	int32_t rc;

	if (!c->config->tools || !(candidate->flags & ASKD_LLM_TOOLS) || !may_see(c, candidate))
		return stage_engine_use(c, candidate, request, reply, error);
	next.tools = offer(c, c->in->tools, talk.a);
	if (talk.a->full)
		return askd_fail(error, ASKD_E_NOMEM, "no memory for the tools of a stage");
	if (!next.tools)
		return stage_engine_use(c, candidate, request, reply, error);
	talk.messages = request->messages;
	while (talk.messages && talk.messages[talk.count])
		talk.count++;
	rc = replay_rounds(c, candidate, &talk, &rounds, error);
	for (; !rc; rounds++) {
		next.messages = talk.messages;
		if (!may_see(c, candidate))
			return askd_fail(error, ASKD_E_REFUSED,
			        "what the tools of the stage '%s' said may not go to llm/%s: they "
			        "used a database with a lower egress",
			        c->config->name, candidate->name);
		if (rounds + 1 >= STAGE_ROUNDS)
			next.tool_choice = ASKD_TOOL_NONE;
		rc = stage_engine_use(c, candidate, &next, reply, error);
		if (rc || !stage_tools_wanted(c, reply))
			return rc;
		if (rounds + 1 >= STAGE_ROUNDS)
			return askd_fail(error, ASKD_E_REMOTE,
			        "llm/%s still calls tools of the stage '%s' after %d rounds",
			        candidate->name, c->config->name, STAGE_ROUNDS);
		rc = answer_calls(&talk, reply,
		        json_array_get(c->turn->stages, json_array_size(c->turn->stages) - 1),
		        error);
	}
	return rc;
}
