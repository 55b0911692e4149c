/* template_name: an engine that answers every question with the same text. */
#include <askd/llm.h>

struct template_name {
	const char *answer;
};

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "answer",
                .help = "what it always says",
                .def = "I do not know.",
                .max = 2000,
                ASKD_OPTION_TEXT(struct template_name, answer)},
        {.name = NULL},
};
ASKD_LOUD

/* About four bytes make a token; a real engine reports what its vendor counted. */
static uint64_t count_tokens(struct askd_text text)
{
	return (text.n + 3) / 4;
}

/* A real engine sends in->messages through the service askd.http/1 (askd/http.h). */
ASKD_DEFINE(template_name_complete, askd_llm_request, askd_llm_reply)
{
	const struct template_name *mine = (const struct template_name *)self;

	if (askd_canceled(call))
		return askd_fail(reterr, ASKD_E_CANCELED, "nobody waits");
	if (!in->messages && !in->task)
		return askd_fail(reterr, ASKD_E_INVALID, "neither messages nor a task");
	for (uint64_t i = 0; in->messages && in->messages[i]; i++)
		out->input += count_tokens(in->messages[i]->text);
	out->text = askd_copy(call, mine->answer, strlen(mine->answer));
	out->output = count_tokens(out->text);
	out->model = ASKD_LITERAL("template_name-1");
	out->finish = ASKD_FINISH_STOP;
	out->confidence_milli = -1;
	if (in->stream) {
		ASKD_MAKE(struct askd_llm_chunk, chunk, .text = out->text);
		return in->stream->put(in->stream, &chunk);
	}
	return ASKD_OK;
}

ASKD_DEFINE(template_name_model, askd_llm_model, askd_llm_model)
{
	out->flags = ASKD_LLM_STREAM | ASKD_LLM_LOCAL | ASKD_LLM_FREE;
	out->name = ASKD_LITERAL("template_name-1");
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_llm_iface, iface, .complete = template_name_complete,
        .model = template_name_model);

ASKD_PLUGIN(.kind = ASKD_KIND_LLM, .name = "template_name", .version = "0.1.0",
        .summary = "always says the same", .license = "MIT", .options = options,
        .instance_size = sizeof(struct template_name), .flags = ASKD_CONCURRENT, .iface = &iface);
