/*
 * askd/web.h: HTTP, inwards. A transport that serves HTTP offers "askd.web_server/1"; whoever owns
 * routes offers "askd.routes/1"; the host stands between them: it finds the route, checks
 * permission and size, runs the handler on a worker, and hands the reply to the server that has the
 * connection.
 *
 * A request is an id, not a callback object: anyone may write to it, from any thread, later.
 */
#ifndef ASKD_WEB_H
#define ASKD_WEB_H

#include <askd/askd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A request. Headers and parameters are in the order received; names of headers in lower case. */
struct askd_web_request {
	uint32_t size;
	uint32_t flags;          /* ASKD_WEB_* */
	uint64_t id;             /* the server's, unique in the process */
	struct askd_text method; /* "POST" */
	struct askd_text path;   /* decoded, normalised, begins with "/"; without the query */
	struct askd_text query;  /* as received, without "?"; absent: none */
	struct askd_text remote; /* address of the client: "192.0.2.7", after trusted proxies */
	struct askd_text person; /* filled by the host: id of the person, absent: nobody known */
	const struct askd_header *const *headers;
	const struct askd_header *const
	        *params;              /* of the query, decoded, and of the path's {names} */
	struct askd_bytes body;       /* up to 64 KB; absent: none, or in `file` */
	const struct askd_file *file; /* a larger body or an upload; NULL: none */
};

enum {
	ASKD_WEB_TLS = 1,     /* the client's connection is encrypted */
	ASKD_WEB_LOOPBACK = 2 /* the client is on this machine, with no proxy between */
};

enum { ASKD_WEB_STREAM = 1 }; /* flag of a response: the body follows by write, until END */

struct askd_web_response {
	uint32_t size;
	int32_t status; /* 200, 404, ... */
	uint64_t id;    /* of the request; filled by the host for handlers */
	uint32_t flags; /* ASKD_WEB_STREAM */
	uint32_t reserved;
	struct askd_text type;                    /* "application/json"; absent: none */
	const struct askd_header *const *headers; /* further ones; no CR, LF or NUL inside */
	struct askd_bytes body;
	const struct askd_file *file; /* instead of body */
};

/* What the host says of a request before its body is read. */
struct askd_web_verdict {
	uint32_t size;
	int32_t status;        /* 0: read the body, then dispatch; else answer with this at once */
	uint64_t max_body;     /* bytes; more is answered with 413; 0: the server's default */
	struct askd_text type; /* of the answer when status is not 0 */
	const struct askd_header *const *headers; /* of that answer: Allow, Retry-After, ... */
	struct askd_bytes body;                   /* of that answer */
};

enum { ASKD_WEB_END = 1 }; /* flag of data: nothing follows */

struct askd_web_data {
	uint32_t size;
	uint32_t flags; /* ASKD_WEB_END */
	uint64_t id;
	struct askd_bytes data;
};

/* "askd.web_server/1": what a transport that has the connections offers. self: instance. */
struct askd_web_server {
	uint32_t size;
	uint32_t reserved;
	/* [any] Answers a request, or begins to (STREAM). GONE: the client has left. Also called
	 * inside dispatch. Everything is copied before it returns; a file is duplicated. */
	ASKD_FN(begin, askd_web_response, askd_nothing);
	/* [worker] More of a streamed reply. Waits while the client is slow (256 KB wait at most);
	 * GONE when it left, TIMEOUT past the call's deadline. */
	ASKD_FN(write, askd_web_data, askd_nothing);
	/* [run] After `run` was canceled and has returned (soon, without closing what it still
	 * answers): waits until the last reply is out and all connections are closed, for another
	 * instance may serve the same address meanwhile. When the call is over it cuts off what is
	 * left. NULL: `run` has ended everything. */
	ASKD_FN(drain, askd_nothing, askd_nothing);
};

/* askd.web/1, for the server and for the owners of routes. */
struct askd_web_service {
	uint32_t size;
	uint32_t reserved;
	/* [any] never blocks: 404, 405, 413, 401 before the body is read. For the server. */
	ASKD_SERVICE(head, askd_web_request, askd_web_verdict);
	/* [any] never blocks: a worker takes it, or it is answered inside (by begin), when the
	 * route is INSTANT or nothing more is to be found out. For the server, once for each
	 * request, after head said 0. Any failure: answer 503 with Retry-After. To a HEAD the
	 * server sends no body, whatever the reply holds. */
	ASKD_SERVICE(dispatch, askd_web_request, askd_nothing);
	/* [any] The client hung up: its turn is canceled. For the server; in->id alone counts. */
	ASKD_SERVICE(gone, askd_web_data, askd_nothing);
	/* [worker] For owners of routes: a streamed reply starts. */
	ASKD_SERVICE(begin, askd_web_response, askd_nothing);
	/* [worker] For owners of routes. GONE when the client left. */
	ASKD_SERVICE(write, askd_web_data, askd_nothing);
};

/* `flags` of a route: what its reply is. */
enum {
	ASKD_ROUTE_JSON = 1,      /* the reply is JSON of reply_schema */
	ASKD_ROUTE_STREAM = 2,    /* it may answer with begin and write */
	ASKD_ROUTE_SSE = 4,       /* text/event-stream when the client accepts that */
	ASKD_ROUTE_UPLOAD = 8,    /* the body always comes as a file */
	ASKD_ROUTE_CALLBACK = 16, /* called by another service: no person, the handler checks */
	ASKD_ROUTE_INSTANT = 32   /* the handler is [any], never blocks, runs on the event thread */
};

/* One route. Static. */
struct askd_route {
	uint32_t size;
	uint32_t flags;
	const char *method; /* "GET"; HEAD comes with GET */
	const char
	        *path; /* "/api/sessions/{id}/history"; {name} is one part, a final "*" the rest */
	const char *permission;     /* NULL: everybody, also unknown; "ask": whoever may ask;
	                             * "operator": admins. NULL for INSTANT and CALLBACK */
	const char *summary;        /* one sentence, for the OpenAPI document */
	const char *request_schema; /* JSON schema of the body, of GET and DELETE: of the query's
	                             * parameters; NULL: none */
	const char *reply_schema;   /* JSON schema of a 200; NULL: none */
	uint64_t max_body;          /* bytes; 0: the server's default */
	/* [worker] [any] when INSTANT. self: instance. On ASKD_OK `out` is the reply; a status from
	 * 400 on without a body gets the usual {error, code, details}. Who has begun a streamed
	 * reply leaves `status` 0: it then ends with the handler, unless `flags` says STREAM, which
	 * keeps it open until somebody writes END or the client leaves. An error becomes a reply by
	 * its code: NOT_FOUND 404, DENIED 403, CONFLICT 409, TOO_LARGE 413, QUOTA 429, BUSY 503,
	 * TIMEOUT 504, else 500; its message is logged, never sent. */
	ASKD_FN(handle, askd_web_request, askd_web_response);
};

/* "askd.routes/1" */
struct askd_routes {
	uint32_t size;
	uint32_t reserved;
	const struct askd_route *const *routes; /* NULL-terminated */
};

#ifdef __cplusplus
}
#endif
#endif
