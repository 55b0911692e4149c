/* stage_reply.c: a reply that outlives its call: copied, sealed, put into the receipt. */
#include "assistant/stage_state.h"
#include "base/error.h"
#include "base/log.h"

int32_t stage_reply_copy(struct arena *a, const struct askd_llm_reply *from,
        struct askd_llm_reply *to, struct askd_error *reterr)
{
	struct askd_llm_reply copy = *from;
	const struct askd_tool_call **list = NULL;
	size_t n = 0;

	copy.size = sizeof copy;
	copy.text = arena_text(a, from->text);
	copy.model = arena_text(a, from->model);
	copy.remote_id = arena_text(a, from->remote_id);
	copy.explanation = arena_text(a, from->explanation);
	while (from->calls && from->calls[n])
		n++;
	if (n) {
		struct askd_tool_call *calls = arena_alloc(a, n * sizeof *calls);

		list = arena_alloc(a, (n + 1) * sizeof(void *));
		if (!calls || !list)
			goto nomem;
		for (size_t i = 0; i < n; i++) {
			calls[i] = *from->calls[i];
			calls[i].id = arena_text(a, from->calls[i]->id);
			calls[i].name = arena_text(a, from->calls[i]->name);
			calls[i].arguments = arena_text(a, from->calls[i]->arguments);
			list[i] = &calls[i];
		}
		list[n] = NULL;
	}
	copy.calls = list;
	if (a->full)
		goto nomem;
	*to = copy;
	return ASKD_OK;
nomem:
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reply of a stage");
}

static json_t *text_json(struct askd_text text)
{
	return text.s ? json_stringn(text.s, text.n) : json_null();
}

static struct askd_text json_text(struct arena *a, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return arena_text(
	        a, (struct askd_text){json_string_value(value), json_string_length(value)});
}

static json_t *calls_json(const struct askd_tool_call *const *calls)
{
	json_t *list = json_array();

	for (size_t i = 0; list && calls && calls[i]; i++)
		if (json_array_append_new(
		            list, json_pack("{s:o, s:o, s:o}", "id", text_json(calls[i]->id),
		                          "name", text_json(calls[i]->name), "arguments",
		                          text_json(calls[i]->arguments)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static const char *place_of(struct arena *a, uint64_t id)
{
	return arena_print(a, "stages|%llu", (unsigned long long)id);
}

int32_t stage_reply_seal(struct stages *stages, struct arena *a, uint64_t id,
        const struct askd_llm_reply *reply, const char *left, struct askd_bytes *sealed,
        struct askd_error *reterr)
{
	json_t *json = json_pack("{s:I, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}",
	        "finish", (json_int_t)reply->finish, "confidence", reply->confidence_milli, "input",
	        (json_int_t)reply->input, "output", (json_int_t)reply->output, "cached",
	        (json_int_t)reply->cached, "reasoning", (json_int_t)reply->reasoning, "text",
	        text_json(reply->text), "model", text_json(reply->model), "remote_id",
	        text_json(reply->remote_id), "explanation", text_json(reply->explanation), "calls",
	        calls_json(reply->calls), "left", left);
	const char *place = place_of(a, id);
	struct askd_text text = {NULL, 0};
	int32_t rc;

	if (json)
		text = json_write(a, json);
	json_decref(json);
	if (!text.s || !place)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to keep the reply of a stage");
	rc = store_seal(
	        stages->rooms.store, a, place, (struct askd_bytes){text.s, text.n}, sealed, reterr);
	return rc;
}

static int32_t calls_read(
        struct arena *a, const json_t *list, const struct askd_tool_call *const **calls)
{
	size_t n = json_array_size(list);
	const struct askd_tool_call **entries;
	struct askd_tool_call *made;

	*calls = NULL;
	if (!n)
		return ASKD_OK;
	entries = arena_alloc(a, (n + 1) * sizeof(void *));
	made = arena_zalloc(a, n * sizeof *made);
	if (!entries || !made)
		return ASKD_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *call = json_array_get(list, i);

		made[i].size = sizeof made[i];
		made[i].id = json_text(a, call, "id");
		made[i].name = json_text(a, call, "name");
		made[i].arguments = json_text(a, call, "arguments");
		entries[i] = &made[i];
	}
	entries[n] = NULL;
	*calls = entries;
	return ASKD_OK;
}

int32_t stage_reply_unseal(struct stages *stages, struct arena *a, uint64_t id,
        struct askd_bytes sealed, struct askd_llm_reply *reply, const char **left,
        struct askd_error *reterr)
{
	struct askd_llm_reply read = {.size = sizeof read};
	const char *place = place_of(a, id);
	struct askd_bytes plain;
	json_t *json;
	int32_t rc;

	if (!place)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reply of a stage");
	rc = store_unseal(stages->rooms.store, a, place, sealed, &plain, reterr);
	if (rc)
		return rc;
	json = json_read((struct askd_text){plain.p, plain.n}, reterr);
	if (!json)
		return ASKD_E_INVALID;
	read.finish = (uint32_t)json_get_int(json, "finish", ASKD_FINISH_STOP);
	read.confidence_milli = (int32_t)json_get_int(json, "confidence", -1);
	read.input = (uint64_t)json_get_int(json, "input", 0);
	read.output = (uint64_t)json_get_int(json, "output", 0);
	read.cached = (uint64_t)json_get_int(json, "cached", 0);
	read.reasoning = (uint64_t)json_get_int(json, "reasoning", 0);
	read.text = json_text(a, json, "text");
	read.model = json_text(a, json, "model");
	read.remote_id = json_text(a, json, "remote_id");
	read.explanation = json_text(a, json, "explanation");
	rc = calls_read(a, json_object_get(json, "calls"), &read.calls);
	*left = arena_string(a, json_get_string(json, "left"));
	json_decref(json);
	if (rc || a->full)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reply of a stage");
	*reply = read;
	return ASKD_OK;
}

void stage_receipt(struct stage_call *c, const struct ledger_stage *row, const char *left,
        int32_t confidence_milli)
{
	static const char *const words[] = {"reserved", "done", "failed", "unknown"};
	json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:o, s:I, s:s, s:s}", "stage",
	        row->name, "ordinal", (int)c->ordinal, "llm", row->llm ? row->llm : "", "model",
	        row->model ? row->model : "", "prompt", row->prompt ? row->prompt : "",
	        "input_tokens", (json_int_t)row->input, "output_tokens", (json_int_t)row->output,
	        "cost_pico",
	        row->cost_pico == LEDGER_UNKNOWN ? json_null() : json_integer(row->cost_pico), "ms",
	        (json_int_t)((row->ended_us - row->started_us) / 1000), "status",
	        words[row->status <= LEDGER_UNKNOWN_FATE ? row->status : LEDGER_FAILED], "left",
	        left ? left : "nothing");

	if (line && confidence_milli >= 0)
		json_object_set_new(line, "confidence", json_integer(confidence_milli));
	if (!line || !c->turn->stages || json_array_append_new(c->turn->stages, line))
		log_error("assistant", c->call->base.id,
		        "the receipt misses a call of the stage %s: no memory", row->name);
}
