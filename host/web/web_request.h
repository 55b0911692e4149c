/* web_request.h: one request from its dispatch to its last byte. Inside this room only. */
#ifndef WEB_WEB_REQUEST_H
#define WEB_WEB_REQUEST_H

#include "web/web_private.h"

struct request {
	struct web *web;
	struct generation *generation; /* held */
	const struct site *site;       /* of the generation */
	const struct route *route;
	struct plugin_instance *server; /* held */
	const struct askd_web_server *table;
	struct arena arena;
	struct askd_web_request *in;
	struct askd_file file; /* what in->file points to; fd -1: none */
	struct cancel cancel;
	struct call_scope scope;
	struct identity who;
	bool identified, limited, placed;
	uint64_t subject; /* of limits.key */
	struct limits_state limit;
	const char *name; /* X-Request-ID */
	int64_t began_us;
	int32_t status;                       /* of the reply; 0: not begun */
	bool streaming, ended, gone, running; /* atomic */
	pthread_mutex_t writing;              /* one piece of a stream at a time */
	bool told;                            /* that askd stops; with `writing` */
	bool seen;                            /* by requests_tell; with the lock, as what follows */
	uint32_t refs;
	struct work work;
	struct request *next;
};

/* ---- web_answer.c ---- */

enum { ANSWER_MS = 30 * 1000 };

/* What the host adds to a reply. */
struct answer_extra {
	const char *name; /* X-Request-ID */
	struct limits_state limit;
};

extern struct cancel answer_never; /* for crossings that nobody cancels */

/* The client's X-Request-ID, else one that names the call. */
const char *answer_name(struct arena *a, const struct askd_web_request *in, uint64_t id);
/* Hands a reply to the server. [any] */
int32_t answer_send(struct plugin_instance *server, const struct askd_web_server *table,
        struct plugin_call *call, const struct askd_web_response *response,
        const struct answer_extra *extra, struct askd_error *reterr);
/* Once for each request: the whole reply, or the beginning of a streamed one. */
int32_t answer_begin(struct request *request, struct plugin_call *call,
        const struct askd_web_response *response, struct askd_error *reterr);
/* The same in a call of its own, where nobody is left to tell that it failed. */
void answer_whole(struct request *request, const struct askd_web_response *response);
void answer_refuse(struct request *request, int32_t status, int64_t retry_s);
void answer_count(const struct route *route, int32_t status, int64_t began_us);

/* ---- web_request.c ---- */

/* [any] The route is INSTANT: the handler runs here, and the server has its answer when this
 * returns. */
int32_t request_instant(struct generation *generation, const struct route *route,
        struct plugin_instance *server, const struct askd_web_server *table,
        const struct askd_web_request *in, struct askd_error *reterr);
/* [any] A worker takes it; or it is refused and answered at once. */
int32_t request_start(struct web *web, struct generation *generation, const struct route *route,
        struct plugin_instance *server, const struct askd_web_server *table,
        const struct askd_web_request *in, struct askd_error *reterr);
void request_gone(struct web *web, uint64_t id);
int32_t request_begin(struct web *web, struct plugin_call *call, const struct askd_web_response *in,
        struct askd_error *reterr);
int32_t request_write(struct web *web, struct plugin_call *call, const struct askd_web_data *in,
        struct askd_error *reterr);
void request_put(struct request *request);    /* a reference less */
void request_unlist(struct request *request); /* out of the table; once */
void request_end_stream(struct request *request, struct plugin_call *call);
/* Whole seconds, at least 1. */
int64_t request_seconds(int64_t us);

/* ---- web_stop.c ---- */

/* Tells a stream of events, once, that askd stops: what runs may still be answered, and when to
 * come back. Nothing happens before `stopping` is set, or while somebody writes: that one does it
 * after its piece. */
void request_tell(struct request *request);
void requests_tell(struct web *web); /* all of them */
/* Ends the streams that their handlers have left open. */
void requests_end_open(struct web *web);
/* Fires the cancel of all that runs; with the lock. */
void requests_cancel(struct web *web);

#endif
