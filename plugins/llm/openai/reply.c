/* reply.c: from the server's objects to the contract's reply. */
#include <stdlib.h>

#include "openai.h"

void openai_reply_free(struct openai_reply *r)
{
	bytes_free(&r->text);
	bytes_free(&r->refusal);
	for (size_t i = 0; i < r->call_count; i++) {
		bytes_free(&r->calls[i].id);
		bytes_free(&r->calls[i].name);
		bytes_free(&r->calls[i].arguments);
	}
	free(r->calls);
	json_decref(r->error);
	memset(r, 0, sizeof *r);
}

static void add_string(struct bytes *b, const json_t *value)
{
	if (json_is_string(value))
		bytes_add(b, json_string_value(value), json_string_length(value));
}

static uint64_t count(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) > 0
	               ? (uint64_t)json_integer_value(value)
	               : 0;
}

static void read_usage(struct openai_reply *r, const json_t *usage)
{
	const json_t *cached;

	if (!json_is_object(usage))
		return;
	r->usage = true;
	r->input = count(json_object_get(usage, "prompt_tokens"));
	r->output = count(json_object_get(usage, "completion_tokens"));
	cached = json_object_get(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
	if (!cached)
		cached = json_object_get(usage, "prompt_cache_hit_tokens");
	r->cached = count(cached);
	r->cached = r->cached > r->input ? r->input : r->cached;
	r->reasoning = count(json_object_get(
	        json_object_get(usage, "completion_tokens_details"), "reasoning_tokens"));
	r->reasoning = r->reasoning > r->output ? r->output : r->reasoning;
}

static struct openai_call *call_at(struct openai_reply *r, size_t index)
{
	struct openai_call *grown;

	if (index >= OPENAI_CALLS_MAX)
		return NULL;
	if (index >= r->call_count) {
		grown = realloc(r->calls, (index + 1) * sizeof *grown);
		if (!grown)
			return NULL;
		memset(grown + r->call_count, 0, (index + 1 - r->call_count) * sizeof *grown);
		r->calls = grown;
		r->call_count = index + 1;
	}
	return &r->calls[index];
}

/* Calls of a message, or pieces of calls. Pieces without an index continue the last call, or begin
 * a new one when they carry an id. */
static void read_calls(struct openai_reply *r, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const json_t *function = json_object_get(item, "function");
		const json_t *position = json_object_get(item, "index");
		const json_t *id = json_object_get(item, "id");
		const json_t *arguments = json_object_get(function, "arguments");
		size_t index = r->call_count;
		struct openai_call *call;

		if (json_is_integer(position))
			index = (size_t)json_integer_value(position);
		else if (r->call_count && !json_is_string(id))
			index = r->call_count - 1;
		call = call_at(r, index);
		if (!call) {
			r->failed = true;
			return;
		}
		if (!call->id.n)
			add_string(&call->id, id);
		if (!call->name.n)
			add_string(&call->name, json_object_get(function, "name"));
		if (json_is_object(arguments)) {
			char *dumped = json_dumps(arguments, JSON_COMPACT);

			bytes_add(&call->arguments, dumped ? dumped : "",
			        dumped ? strlen(dumped) : 0);
			r->failed |= !dumped;
			free(dumped);
		} else {
			add_string(&call->arguments, arguments);
		}
		r->failed |= call->id.failed || call->name.failed || call->arguments.failed;
	}
}

static void keep(char *to, size_t size, const json_t *value)
{
	if (json_is_string(value) && json_string_length(value) && !*to) {
		snprintf(to, size, "%s", json_string_value(value));
		while (*to && !openai_is_text(to, strlen(to)))
			to[strlen(to) - 1] = 0;
	}
}

/* Text, or a list of parts with texts. */
static void read_content(struct openai_reply *r, const json_t *content)
{
	const json_t *part;
	size_t i;

	add_string(&r->text, content);
	json_array_foreach(content, i, part) add_string(&r->text, json_object_get(part, "text"));
	r->failed |= r->text.failed;
}

bool openai_reply_read(struct openai_reply *r, const json_t *object, struct askd_text *piece)
{
	const json_t *choice, *message, *error = json_object_get(object, "error");
	const size_t before = r->text.n;

	*piece = (struct askd_text){NULL, 0};
	if (!json_is_object(object))
		return false;
	if (error && !json_is_null(error)) {
		if (!r->error)
			r->error = json_deep_copy(object);
		r->failed |= !r->error;
		return true;
	}
	if (!json_object_get(object, "choices") && !json_object_get(object, "usage"))
		return false;
	keep(r->id, sizeof r->id, json_object_get(object, "id"));
	keep(r->model, sizeof r->model, json_object_get(object, "model"));
	read_usage(r, json_object_get(object, "usage"));
	choice = json_array_get(json_object_get(object, "choices"), 0);
	if (!choice)
		return true;
	message = json_object_get(choice, "delta");
	if (!json_is_object(message))
		message = json_object_get(choice, "message");
	read_content(r, json_object_get(message, "content"));
	add_string(&r->refusal, json_object_get(message, "refusal"));
	read_calls(r, json_object_get(message, "tool_calls"));
	keep(r->finish, sizeof r->finish, json_object_get(choice, "finish_reason"));
	r->failed |= r->refusal.failed;
	if (r->text.n > before)
		*piece = (struct askd_text){r->text.s + before, r->text.n - before};
	return true;
}

static uint32_t finish_of(const char *word)
{
	if (!strcmp(word, "length") || !strcmp(word, "max_tokens"))
		return ASKD_FINISH_LENGTH;
	if (!strcmp(word, "tool_calls") || !strcmp(word, "function_call"))
		return ASKD_FINISH_TOOLS;
	if (!strcmp(word, "content_filter"))
		return ASKD_FINISH_FILTER;
	return ASKD_FINISH_STOP;
}

/* Makes the calls in the arena; NULL: full. */
static const struct askd_tool_call *const *calls_out(
        const struct openai_reply *r, struct askd_call *call)
{
	const struct askd_tool_call **list =
	        call->alloc(call, (r->call_count + 1) * sizeof(void *));
	struct askd_tool_call *made = call->alloc(call, r->call_count * sizeof *made);

	if (!list || !made)
		return NULL;
	for (size_t i = 0; i < r->call_count; i++) {
		const struct openai_call *c = &r->calls[i];

		made[i] = (struct askd_tool_call){.size = sizeof made[i]};
		made[i].id = c->id.n ? askd_copy(call, c->id.s, c->id.n)
		                     : askd_print(call, "call_%zu", i);
		made[i].name = askd_copy(call, c->name.s ? c->name.s : "", c->name.n);
		made[i].arguments = c->arguments.n ? askd_copy(call, c->arguments.s, c->arguments.n)
		                                   : askd_copy(call, "{}", 2);
		list[i] = &made[i];
	}
	list[r->call_count] = NULL;
	return list;
}

/* A reply that was written, and so is charged, but is of no use. */
static int32_t useless(struct askd_error *reterr, int32_t code, const char *why)
{
	askd_fail(reterr, code, "%s", why);
	if (reterr)
		reterr->flags = ASKD_ERR_MAYBE_DONE | (code == ASKD_E_IO ? ASKD_ERR_RETRY : 0);
	return code;
}

int32_t openai_reply_finish(struct openai *o, struct openai_reply *r, struct askd_call *call,
        struct askd_llm_reply *out, struct askd_error *reterr)
{
	bool nameless = false;

	if (r->error)
		return openai_fail(o, 200, r->error, NULL, reterr);
	if (r->failed)
		return useless(reterr, ASKD_E_PROTOCOL, "the reply is too large");
	for (size_t i = 0; i < r->call_count; i++)
		nameless |= !r->calls[i].name.n;
	if (nameless)
		return useless(reterr, ASKD_E_PROTOCOL, "the reply calls a tool without a name");
	out->finish = finish_of(r->finish);
	if (r->refusal.n && !r->text.n)
		return useless(reterr, ASKD_E_REFUSED, "the model refused to answer");
	if (!r->text.n && out->finish == ASKD_FINISH_FILTER)
		return useless(
		        reterr, ASKD_E_REFUSED, "the server's content filter removed the reply");
	if (!r->text.n && !r->call_count && out->finish != ASKD_FINISH_LENGTH)
		return useless(reterr, ASKD_E_PROTOCOL, "the reply is empty");
	if (r->text.n && !openai_is_text(r->text.s, r->text.n))
		return useless(reterr, ASKD_E_PROTOCOL, "the reply is no valid text");
	if (r->call_count) {
		out->finish = ASKD_FINISH_TOOLS;
		out->calls = calls_out(r, call);
	}
	if (!r->usage && !__atomic_exchange_n(&o->warned, 1, __ATOMIC_RELAXED))
		o->host->log(o->host, call, ASKD_LOG_WARNING,
		        "the server does not say how many tokens were used: nothing is charged");
	out->confidence_milli = -1;
	out->input = r->input;
	out->output = r->output;
	out->cached = r->cached;
	out->reasoning = r->reasoning;
	out->text = askd_copy(call, r->text.s ? r->text.s : "", r->text.n);
	out->model = askd_copy(call, *r->model ? r->model : NULL, strlen(r->model));
	out->remote_id = askd_copy(call, *r->id ? r->id : NULL, strlen(r->id));
	return ASKD_OK;
}

int32_t openai_reply_whole(struct openai *o, struct askd_bytes body, struct askd_call *call,
        struct askd_llm_reply *out, struct askd_error *reterr)
{
	struct openai_reply reply;
	struct askd_text piece;
	json_t *json;
	bool cut = false;
	int32_t rc;

	if (body.n > OPENAI_TEXT_MAX)
		return useless(reterr, ASKD_E_PROTOCOL, "the reply is too large");
	json = openai_json(body.p, body.n, &cut);
	if (!json)
		return cut ? useless(reterr, ASKD_E_IO, "the reply was cut")
		           : useless(reterr, ASKD_E_PROTOCOL, "the reply is no JSON");
	memset(&reply, 0, sizeof reply);
	if (openai_reply_read(&reply, json, &piece))
		rc = openai_reply_finish(o, &reply, call, out, reterr);
	else
		rc = useless(reterr, ASKD_E_PROTOCOL, "the reply is no chat completion");
	openai_reply_free(&reply);
	json_decref(json);
	return rc;
}
