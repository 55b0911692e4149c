/* status.c: what the host itself serves: is it alive, is it ready, its metrics, its document, and
 * the files of the web root. */
#include <string.h>

#include "base/log.h"
#include "run/metrics.h"
#include "web/web_private.h"

static struct askd_bytes bytes_of(struct askd_text text)
{
	return (struct askd_bytes){text.s, text.n};
}

/* [any] Touches nothing: that it answers is the answer. */
static int32_t health(void *arg, struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr)
{
	(void)arg, (void)call, (void)in, (void)reterr;
	out->status = 200;
	out->type = ASKD_LITERAL("application/json");
	out->body = bytes_of(ASKD_LITERAL("{\"status\":\"ok\"}"));
	return ASKD_OK;
}

/* [any] */
static int32_t ready(void *arg, struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr)
{
	const struct web *web = web_serving();

	(void)arg, (void)reterr;
	if (!web || !__atomic_load_n(&web->ready, __ATOMIC_ACQUIRE) ||
	        __atomic_load_n(&web->stopping, __ATOMIC_ACQUIRE)) {
		reply_error(call, in, out, 503, WEB_RETRY_S);
		return ASKD_OK;
	}
	out->status = 200;
	out->type = ASKD_LITERAL("application/json");
	out->body = bytes_of(ASKD_LITERAL("{\"status\":\"ready\"}"));
	return ASKD_OK;
}

static int32_t metrics(void *arg, struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr)
{
	struct web *web = web_serving();
	struct workers_stats stats;
	struct askd_text text;
	struct buffer b;

	(void)arg, (void)in;
	if (!web)
		return askd_fail(reterr, ASKD_E_BUSY, "the web is not open");
	stats = workers_stats(web->rooms.workers);
	metrics_set("askd_workers_threads", NULL, (int64_t)stats.threads);
	metrics_set("askd_workers_running", NULL, (int64_t)stats.running);
	metrics_set("askd_workers_queued", NULL, (int64_t)stats.queued);
	pthread_mutex_lock(&web->lock);
	metrics_set("askd_web_requests_running", NULL, (int64_t)web->running);
	pthread_mutex_unlock(&web->lock);
	buffer_init(&b, 0);
	metrics_print(&b);
	text = b.failed ? (struct askd_text){NULL, 0} : arena_text(&call->arena, buffer_text(&b));
	buffer_finish(&b);
	if (!text.s)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the metrics");
	out->status = 200;
	out->type = ASKD_LITERAL("text/plain; version=0.0.4; charset=utf-8");
	out->body = bytes_of(text);
	return ASKD_OK;
}

/* [any] In a request, so it has a generation. */
static int32_t openapi(void *arg, struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr)
{
	(void)arg, (void)in, (void)reterr;
	out->status = 200;
	out->type = ASKD_LITERAL("application/json");
	out->body = bytes_of(call->scope->generation->site->openapi);
	return ASKD_OK;
}

/* [any] In a request, so it has a generation. */
static int32_t file(void *arg, struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr)
{
	struct files *files = call->scope->generation->site->files;

	(void)arg;
	if (!files) {
		out->status = 404;
		return ASKD_OK;
	}
	return files_answer(files, call, in, out, reterr);
}

#define STATUS_SCHEMA                                                                          \
	"{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{\"type\":" \
	"\"string\"}}}"

void status_add_routes(void)
{
	static const struct web_route routes[] = {
	        {ASKD_ROUTE_JSON | ASKD_ROUTE_INSTANT, "GET", "/health", NULL,
	                "Says that the process answers; touches neither model nor database.",
	                STATUS_SCHEMA, health, NULL},
	        {ASKD_ROUTE_JSON | ASKD_ROUTE_INSTANT, "GET", "/ready", NULL,
	                "Says whether questions are taken: 503 while askd starts or stops.",
	                STATUS_SCHEMA, ready, NULL},
	        {0, "GET", "/metrics", "operator",
	                "Counters and histograms in the Prometheus text format.", NULL, metrics,
	                NULL},
	        {ASKD_ROUTE_JSON | ASKD_ROUTE_INSTANT, "GET", "/api/openapi.json", NULL,
	                "This document.", "{\"type\":\"object\"}", openapi, NULL},
	        {ASKD_ROUTE_INSTANT, "GET", "/*", NULL, "A file of the web front end.", NULL, file,
	                NULL},
	};

	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		web_add_route(&routes[i]);
}
