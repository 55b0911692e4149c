/* echo_llm: a model whose replies stand in the option `replies`. A reply "!BUSY 1500" is the error
 * with this name, and the delay that the other side names. Each call takes the next; the last one
 * stays. Without replies it repeats the last message. */
#include <stdlib.h>

#include <askd/llm.h>

struct echo_llm {
	const char *const *replies;
	int64_t local;
	uint32_t next; /* atomic */
};

static const struct askd_option options[] = {
        {.name = "replies",
                .help = "what it answers, in order",
                ASKD_OPTION_LIST(struct echo_llm, replies)},
        {.name = "local",
                .help = "says that no byte leaves the machine",
                .def = "true",
                ASKD_OPTION_BOOL(struct echo_llm, local)},
        {.name = NULL},
};

static const struct {
	const char *name;
	int32_t code;
} errors[] = {{"BUSY", ASKD_E_BUSY}, {"IO", ASKD_E_IO}, {"TIMEOUT", ASKD_E_TIMEOUT},
        {"AUTH", ASKD_E_AUTH}, {"QUOTA", ASKD_E_QUOTA}, {"REFUSED", ASKD_E_REFUSED},
        {"PROTOCOL", ASKD_E_PROTOCOL}, {"TOO_LARGE", ASKD_E_TOO_LARGE},
        {"NOT_FOUND", ASKD_E_NOT_FOUND}, {"DENIED", ASKD_E_DENIED}};

static int32_t fail_as(const char *reply, struct askd_error *reterr)
{
	const char *blank = strchr(reply, ' ');
	size_t n = blank ? (size_t)(blank - reply) : strlen(reply);
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strlen(errors[i].name) == n && !strncmp(errors[i].name, reply, n)) {
			int32_t rc = askd_fail(reterr, errors[i].code, "scripted %s", reply);
			if (reterr && (rc == ASKD_E_BUSY || rc == ASKD_E_IO))
				reterr->flags = ASKD_ERR_RETRY;
			if (reterr && blank)
				reterr->retry_after_ms = (uint32_t)strtoul(blank, NULL, 10);
			return rc;
		}
	return askd_fail(reterr, ASKD_E_INTERNAL, "no error is called %s", reply);
}

static const char *next_reply(struct echo_llm *echo)
{
	uint32_t i = 0, turn = __atomic_fetch_add(&echo->next, 1, __ATOMIC_RELAXED);
	if (!echo->replies || !echo->replies[0])
		return NULL;
	while (i < turn && echo->replies[i + 1])
		i++;
	return echo->replies[i];
}

static struct askd_text last_message(const struct askd_llm_request *in)
{
	struct askd_text text = {NULL, 0};
	for (const struct askd_llm_message *const *m = in->messages; m && *m; m++)
		text = (*m)->text;
	return text;
}

ASKD_DEFINE(echo_complete, askd_llm_request, askd_llm_reply)
{
	const char *reply = next_reply((struct echo_llm *)self);
	struct askd_text text = reply ? askd_text_of(reply) : last_message(in);
	if (reply && reply[0] == '!')
		return fail_as(reply + 1, reterr);
	if (!text.s)
		return askd_fail(reterr, ASKD_E_INVALID, "no message");
	if (in->stream) {
		ASKD_MAKE(struct askd_llm_chunk, chunk, .text = text);
		int32_t rc = in->stream->put(in->stream, &chunk);
		if (rc)
			return rc;
	}
	out->finish = ASKD_FINISH_STOP;
	out->confidence_milli = -1;
	out->input = 100;
	out->output = text.n;
	out->text = askd_copy(call, text.s, text.n);
	out->model = ASKD_LITERAL("echo");
	return ASKD_OK;
}

ASKD_DEFINE(echo_model, askd_llm_model, askd_llm_model)
{
	const struct echo_llm *echo = (const struct echo_llm *)self;
	out->flags = ASKD_LLM_FREE | ASKD_LLM_STREAM | (echo->local ? ASKD_LLM_LOCAL : 0);
	out->name = ASKD_LITERAL("echo");
	return ASKD_OK;
}

ASKD_MAKE(
        static const struct askd_llm_iface, iface, .complete = echo_complete, .model = echo_model);
ASKD_PLUGIN(.kind = ASKD_KIND_LLM, .name = "echo_llm", .version = "1.0",
        .summary = "answers what its options say", .license = "MIT", .options = options,
        .instance_size = sizeof(struct echo_llm), .flags = ASKD_CONCURRENT, .iface = &iface);
