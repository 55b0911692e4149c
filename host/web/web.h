/* web.h: routes of all owners, permissions, request ids; the host's own routes. Offers askd.web/1.
 * Plugins' handlers run on workers, as the person whom the request's key names. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <askd/web.h>

#include "people/people.h"
#include "run/limits.h"
#include "run/workers.h"

struct web;
struct site;

struct web_rooms {
	const struct config *config;
	struct registry *registry;
	struct people *people;
	struct limits *limits;
	struct workers *workers;
};

/* Before instances open. */
void web_offer(void);
/* What a generation serves, after its instances have opened: collects "askd.routes/1"; CONFIG when
 * two routes clash. Files of the same folder are taken over from `previous` (NULL: none). [main] */
int32_t site_open(struct site **site, const struct web_rooms *rooms, const struct site *previous,
        struct askd_error *reterr);
void site_close(struct site *site); /* no request holds its generation any more. [main] */
/* The requests of all generations; rooms->config and rooms->registry count for nothing. [main] */
int32_t web_open(struct web **web, const struct web_rooms *rooms, struct askd_error *reterr);
/* /ready answers 200 between these. [main] */
void web_ready(struct web *web, bool ready);
/* No new requests (503, Retry-After); cancels what still runs after wait_ms. [main] */
void web_stop(struct web *web, int64_t wait_ms);
void web_close(struct web *web);

/* A route of the host's own, static: /health, /ready, /metrics, files. Registered by rooms before
 * web_open. */
struct web_route {
	uint32_t flags; /* ASKD_ROUTE_* */
	const char *method, *path, *permission, *summary, *reply_schema;
	/* [any] when INSTANT, else [worker]. Fills *out in the call's arena. */
	int32_t (*handle)(void *arg, struct plugin_call *call, const struct askd_web_request *in,
	        struct askd_web_response *out, struct askd_error *reterr);
	void *arg;
};
void web_add_route(const struct web_route *route);

/* {"error","code","details"} as every error is answered. `retry_after_s`: 0 none. */
void web_error(struct plugin_call *call, struct askd_web_response *out, int32_t status,
        const char *code, const char *text, int64_t retry_after_s);

#endif
