/* stub_services.c: askd.http/1, askd.llm/1 and askd.turn/1 that answer from a script. */
#include "stub.h"

#include <stdlib.h>

static int32_t script(struct stub_reply **list, int32_t status, const char *body)
{
	struct stub_reply *reply = calloc(1, sizeof *reply);
	if (reply)
		reply->body = strdup(body ? body : "");
	if (!reply || !reply->body) {
		free(reply);
		return ASKD_E_NOMEM;
	}
	reply->status = status;
	while (*list)
		list = &(*list)->next;
	*list = reply;
	return ASKD_OK;
}

/* The next reply of the script, with its body in the call. */
static int32_t play(struct stub_reply **list, struct askd_call *call, int32_t *status,
        struct askd_text *body, struct askd_error *reterr)
{
	struct stub_reply *reply = *list;
	if (!reply)
		return askd_fail(reterr, ASKD_E_IO, "the script of the stub has no more replies");
	*list = reply->next;
	*status = reply->status;
	*body = askd_copy(call, reply->body, strlen(reply->body));
	free(reply->body);
	free(reply);
	if (!body->s)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory");
	return *status < 0 ? askd_fail(reterr, *status, "the script says so") : ASKD_OK;
}

/* Joins texts with blanks into a line of what was sent. */
static void note(struct askd_stub *stub, struct askd_text a, struct askd_text b, struct askd_text c)
{
	struct askd_text texts[] = {a, b, c};
	char *line = malloc((size_t)(a.n + b.n + c.n + 3));
	size_t n = 0;
	if (!line)
		return;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!texts[i].s)
			continue;
		if (n)
			line[n++] = ' ';
		memcpy(line + n, texts[i].s, (size_t)texts[i].n);
		n += (size_t)texts[i].n;
	}
	stub_add(&stub->sent, line, n);
	free(line);
}

/* The plugin has a const view of what is ours to write. */
static struct askd_stub *stub_of(const struct askd_host *host)
{
	return (struct askd_stub *)(uintptr_t)host;
}

static int32_t http_fetch(const struct askd_host *host, struct askd_call *call,
        const struct askd_http_request *in, struct askd_http_response *out,
        struct askd_error *reterr)
{
	struct askd_stub *stub = stub_of(host);
	struct askd_text body = {NULL, 0}, sent = {(const char *)in->body.p, in->body.n};
	int32_t status = 0, rc;
	note(stub, in->method, in->url, sent);
	rc = play(&stub->http, call, &status, &body, reterr);
	if (rc)
		return rc;
	if (in->stream && status >= 200 && status < 300) {
		ASKD_MAKE(struct askd_http_chunk, chunk, .data = {body.s, body.n});
		rc = in->stream->put(in->stream, &chunk);
		body = (struct askd_text){NULL, 0};
	}
	if (!rc && out) {
		out->status = status;
		out->body = (struct askd_bytes){body.s, body.n};
	}
	return rc;
}

static int32_t llm_complete(const struct askd_host *host, struct askd_call *call,
        const struct askd_llm_request *in, struct askd_llm_reply *out, struct askd_error *reterr)
{
	struct askd_stub *stub = stub_of(host);
	struct askd_text text, none = {NULL, 0};
	int32_t code, rc;
	note(stub, in->model, in->task ? in->task->question : none, none);
	rc = play(&stub->llm, call, &code, &text, reterr);
	if (!rc && out) {
		out->text = text;
		out->finish = ASKD_FINISH_STOP;
		out->confidence_milli = -1;
	}
	return rc;
}

static int32_t turn_reply(const struct askd_host *host, struct askd_call *call,
        const struct askd_message *in, struct askd_delivered *out, struct askd_error *reterr)
{
	struct askd_text none = {NULL, 0};
	(void)call, (void)out, (void)reterr;
	note(stub_of(host), ASKD_LITERAL("reply"), in->text, none);
	return ASKD_OK;
}

static int32_t turn_progress(const struct askd_host *host, struct askd_call *call,
        const struct askd_progress *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct askd_text none = {NULL, 0};
	(void)call, (void)out, (void)reterr;
	note(stub_of(host), ASKD_LITERAL("progress"), in->text, none);
	return ASKD_OK;
}

static int32_t turn_post(const struct askd_host *host, struct askd_call *call,
        const struct askd_message *in, struct askd_delivered *out, struct askd_error *reterr)
{
	struct askd_text none = {NULL, 0};
	(void)call, (void)out, (void)reterr;
	note(stub_of(host), ASKD_LITERAL("post"), in->text, none);
	return ASKD_OK;
}

static const struct askd_http_service http = {.size = sizeof http, .fetch = http_fetch};
static const struct askd_llm_service llm = {.size = sizeof llm, .complete = llm_complete};
static const struct askd_turn_service turn = {
        .size = sizeof turn, .reply = turn_reply, .progress = turn_progress, .post = turn_post};

int32_t stub_services_init(struct askd_stub *stub)
{
	int32_t rc = askd_stub_service(stub, "askd.http/1", &http, stub);
	if (!rc)
		rc = askd_stub_service(stub, "askd.llm/1", &llm, stub);
	if (!rc)
		rc = askd_stub_service(stub, "askd.turn/1", &turn, stub);
	return rc;
}

static void drop(struct stub_reply **list)
{
	while (*list) {
		struct stub_reply *next = (*list)->next;
		free((*list)->body);
		free(*list);
		*list = next;
	}
}

void stub_services_finish(struct askd_stub *stub)
{
	drop(&stub->http);
	drop(&stub->llm);
}

int32_t askd_stub_http(struct askd_stub *stub, int32_t status, const char *body)
{
	return script(&stub->http, status, body);
}

int32_t askd_stub_llm(struct askd_stub *stub, int32_t code, const char *text)
{
	return script(&stub->llm, code, text);
}
