/* web_answer.c: replies on their way out: the headers that every one has, once for each request. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "run/metrics.h"
#include "web/web_request.h"

enum { REQUEST_ID_MAX = 128, DIGITS_MAX = 24 };

struct cancel answer_never = {.lock = PTHREAD_MUTEX_INITIALIZER};

int64_t request_seconds(int64_t us)
{
	return us < 1000000 ? 1 : (us + 999999) / 1000000;
}

const char *answer_name(struct arena *a, const struct askd_web_request *in, uint64_t id)
{
	struct askd_text given = web_header(in, "x-request-id");
	char *at;

	for (size_t i = 0; given.s && i < given.n; i++)
		if (!isalnum((unsigned char)given.s[i]) && !strchr("._:-/+=", given.s[i]))
			given.s = NULL;
	if (given.s && given.n && given.n <= REQUEST_ID_MAX)
		return given.s;
	at = arena_alloc(a, DIGITS_MAX);
	if (!at)
		return "0";
	at += DIGITS_MAX;
	*--at = 0;
	do
		*--at = (char)('0' + id % 10);
	while (id /= 10);
	return at;
}

static bool has_header(const struct askd_web_response *response, const char *name)
{
	for (size_t i = 0; response->headers && response->headers[i]; i++)
		if (!strcasecmp(response->headers[i]->name.s, name))
			return true;
	return false;
}

/* The reply with the headers that every one has. false: no memory. */
static bool complete(struct plugin_call *call, const struct askd_web_response *response,
        const struct answer_extra *extra, struct reply_headers *headers,
        struct askd_web_response *full)
{
	const struct limits_state *limit = &extra->limit;
	char number[24];
	bool good = true;

	headers->count = 0;
	*full = *response;
	for (size_t i = 0; response->headers && response->headers[i]; i++) {
		if (headers->count >= 16)
			return false;
		headers->list[headers->count++] = response->headers[i];
	}
	good = reply_header(headers, &call->arena, "x-request-id", extra->name);
	if (!has_header(response, "x-content-type-options"))
		good = good &&
		       reply_header(headers, &call->arena, "x-content-type-options", "nosniff");
	if (!has_header(response, "cache-control"))
		good = good && reply_header(headers, &call->arena, "cache-control", "no-store");
	if (limit->size) {
		snprintf(number, sizeof number, "%lld", (long long)limit->size);
		good = good && reply_header(headers, &call->arena, "x-ratelimit-limit", number);
		snprintf(number, sizeof number, "%lld", (long long)limit->left);
		good = good && reply_header(headers, &call->arena, "x-ratelimit-remaining", number);
		snprintf(number, sizeof number, "%lld",
		        (long long)((limit->full_us + 999999) / 1000000));
		good = good && reply_header(headers, &call->arena, "x-ratelimit-reset", number);
	}
	headers->list[headers->count] = NULL;
	full->headers = headers->list;
	return good;
}

void answer_count(const struct route *route, int32_t status, int64_t began_us)
{
	char label[256];

	if (status != 200)
		snprintf(label, sizeof label, "%s,status=\"%d\"", route->label, status);
	metrics_add("askd_web_requests_total", status == 200 ? route->label_good : label, 1);
	metrics_observe_us(
	        "askd_web_request_seconds", route->label, clock_monotonic_us() - began_us);
}

/* Hands a reply to the server. */
int32_t answer_send(struct plugin_instance *server, const struct askd_web_server *table,
        struct plugin_call *call, const struct askd_web_response *response,
        const struct answer_extra *extra, struct askd_error *reterr)
{
	struct reply_headers headers;
	struct askd_web_response full;

	if (!complete(call, response, extra, &headers, &full))
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "the reply has too many headers");
	return enter_web_server_begin(server, table, NULL, call, &full, NULL, reterr);
}

/* Once for each request: the whole reply, or the beginning of a streamed one. */
int32_t answer_begin(struct request *request, struct plugin_call *call,
        const struct askd_web_response *response, struct askd_error *reterr)
{
	struct answer_extra extra = {request->name, request->limit};
	int32_t none = 0, rc;

	if (!__atomic_compare_exchange_n(&request->status, &none, response->status, false,
	            __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return askd_fail(reterr, ASKD_E_INVALID, "this request has its reply");
	if (__atomic_load_n(&request->gone, __ATOMIC_ACQUIRE))
		return askd_fail(reterr, ASKD_E_GONE, "the client has left");
	/* Who hears of it from the server may write at once. */
	if (response->flags & ASKD_WEB_STREAM)
		__atomic_store_n(&request->streaming, true, __ATOMIC_RELEASE);
	TESTPOINT("delivered");
	rc = answer_send(request->server, request->table, call, response, &extra, reterr);
	TESTPOINT("confirmed");
	return rc;
}

/* A reply of the host's own, at the end of the path. */
void answer_whole(struct request *request, const struct askd_web_response *response)
{
	struct call_scope scope = {.id = request->scope.id, .cancel = &answer_never};
	struct askd_web_response full = *response;
	struct plugin_call call;
	struct askd_error error = {0};

	plugin_call_init(&call, &scope, ANSWER_MS);
	full.id = request->in->id;
	if (answer_begin(request, &call, &full, &error) && error.code != ASKD_E_GONE)
		log_warning("web", scope.id, "a reply did not go out: %s", error.message);
	plugin_call_finish(&call);
}

void answer_refuse(struct request *request, int32_t status, int64_t retry_s)
{
	struct call_scope scope = {.id = request->scope.id, .cancel = &answer_never};
	struct askd_web_response response = {.size = sizeof response};
	struct plugin_call call;

	plugin_call_init(&call, &scope, 0);
	reply_error(&call, request->in, &response, status, retry_s);
	answer_whole(request, &response);
	plugin_call_finish(&call);
}
