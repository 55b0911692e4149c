/* template_name: a mailer that posts each message to a mail service over HTTP. */
#include <stdlib.h>

#include <askd/http.h>
#include <askd/mailer.h>

struct template_name {
	const struct askd_host *host;
	const struct askd_http_service *http;
	const char *url, *key;
};

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "url",
                .help = "where the service takes whole messages",
                .max = 2000,
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct template_name, url)},
        {.name = "key",
                .help = "sent as Authorization: Bearer KEY",
                .max = 1000,
                .flags = ASKD_OPT_REQUIRED | ASKD_OPT_SECRET,
                ASKD_OPTION_TEXT(struct template_name, key)},
        {.name = NULL},
};
ASKD_LOUD

static int32_t template_name_open(
        void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct template_name *mine = (struct template_name *)self;

	mine->host = host;
	return askd_need(host, "askd.http/1", &mine->http, reterr);
}

/* What the service's refusal means to the host, which decides what follows. */
static int32_t fail(
        int32_t status, const struct askd_header *const *headers, struct askd_error *reterr)
{
	int32_t rc = status == 401 || status == 403   ? ASKD_E_AUTH
	             : status == 429 || status >= 500 ? ASKD_E_BUSY    /* later */
	                                              : ASKD_E_REMOTE; /* never */
	long seconds = 0;

	askd_fail(reterr, rc, "the mail service answered %d", (int)status);
	if (!reterr)
		return rc;
	reterr->detail = status;
	for (uint64_t i = 0; headers && headers[i]; i++)
		if (askd_equal(headers[i]->name, ASKD_LITERAL("retry-after")))
			seconds = strtol(headers[i]->value.s, NULL, 10);
	if (rc == ASKD_E_BUSY && seconds > 0)
		reterr->retry_after_ms = seconds > 3600 ? 3600000 : (uint32_t)seconds * 1000;
	return rc;
}

ASKD_DEFINE(template_name_send, askd_mail, askd_outgone)
{
	const struct template_name *mine = (const struct template_name *)self;
	const struct askd_text bearer = askd_print(call, "Bearer %s", mine->key);
	int32_t rc;

	if (!in->message || !in->id.n)
		return askd_fail(reterr, ASKD_E_INVALID, "a mail needs a message and an id");
	ASKD_MAKE(struct askd_header, authorization, .name = ASKD_LITERAL("authorization"),
	        .value = bearer);
	ASKD_MAKE(struct askd_header, type, .name = ASKD_LITERAL("content-type"),
	        .value = in->message->mime);
	/* The same key is the same mail: the service sends it once. */
	ASKD_MAKE(
	        struct askd_header, once, .name = ASKD_LITERAL("idempotency-key"), .value = in->id);
	const struct askd_header *const headers[] = {&authorization, &type, &once, NULL};
	ASKD_MAKE(struct askd_http_request, request, .method = ASKD_LITERAL("POST"),
	        .url = askd_text_of(mine->url), .headers = headers, .file = in->message);
	ASKD_MAKE(struct askd_http_response, response);
	/* Its errors are ours: IO, TIMEOUT, CANCELED, with MAYBE_DONE when the fate is unknown. */
	rc = mine->http->fetch(mine->host, call, &request, &response, reterr);
	if (rc)
		return rc;
	if (response.status / 100 != 2)
		return fail(response.status, response.headers, reterr);
	out->message = askd_copy(call, in->id.s, in->id.n);
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_mailer_iface, iface, .send = template_name_send);

ASKD_PLUGIN(.kind = ASKD_KIND_MAILER, .name = "template_name", .version = "0.1.0",
        .summary = "posts mail to a service", .license = "MIT", .options = options,
        .instance_size = sizeof(struct template_name), .flags = ASKD_CONCURRENT,
        .open = template_name_open, .iface = &iface);
