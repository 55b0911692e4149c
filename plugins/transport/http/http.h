/* http.h: the inside of the transport "http".
 *
 * run()'s thread accepts connections and watches those whose request is being worked on; a few
 * loops of libmicrohttpd read requests and write answers. A request that is not answered inside
 * dispatch is suspended until somebody calls begin for its id.
 *
 * Locks: a request's own lock may be held when the instance's is taken, never the other way round.
 */
#ifndef HTTP_H
#define HTTP_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <askd/extensions.h>
#include <askd/transport.h>
#include <askd/web.h>

#include "path.h"
#include "peer.h"

enum {
	HTTP_LOOPS_MAX = 16,
	HTTP_LISTEN_MAX = 16,
	HTTP_BUCKETS = 4096,         /* of requests by id, and of addresses */
	HTTP_BODY_MEMORY = 64 << 10, /* a longer body goes into a file */
	HTTP_QUEUE_MAX = 256 << 10,  /* bytes of a stream that wait for a slow client */
	HTTP_DISCARD_MAX = 16 << 20, /* bytes read in vain so that a refusal arrives */
	HTTP_BYTES_PER_MS = 1,       /* slower clients are cut off */
	HTTP_STACK = 1 << 20,
	HTTP_CALL_MS = 30 * 1000
};

struct http;

/* A client's connection. Found by its descriptor: the library hands connections over late. */
struct http_conn {
	struct http *http;
	int fd;
	bool counted; /* in the table of addresses */
	struct peer peer;
	char remote[PEER_TEXT];       /* the peer as text */
	struct http_request *request; /* that has begun and not ended; the library's threads' */
	_Atomic bool started;         /* the library has it, so the descriptor is surely ours */
	_Atomic bool busy;            /* a request is being read or answered */
	_Atomic bool served;          /* it has had one */
	_Atomic int64_t until_us;     /* CLOCK_MONOTONIC; cut off then; 0: never */
};

enum http_state {
	HTTP_HEAD,    /* the headers are not seen yet */
	HTTP_READING, /* its body comes */
	HTTP_REFUSED, /* the body is read in vain, then `response` goes out */
	HTTP_WORKING, /* handed to the host */
	HTTP_ANSWERED /* the library has the response */
};

/* One request. Counted: the library's connection, a stream's reader, and who looks it up. */
struct http_request {
	struct http_request *next; /* in its bucket; under the instance's lock */
	struct http *http;
	uint64_t id;
	_Atomic uint32_t references;
	uint32_t flags;        /* ASKD_WEB_* */
	enum http_state state; /* of the library's thread alone, as what follows */
	struct http_conn *conn;
	struct http_head *head; /* until dispatch has returned */
	struct askd_call *call; /* from head to dispatch, when no body comes between; else NULL */
	const char *origin;     /* of `cors`, that matches the client's; NULL: none */
	const char *uri;        /* where the library has it, for its length as received */
	size_t uri_length;
	uint64_t max_body, length; /* bytes allowed, bytes so far */
	int64_t began_us;
	char *body; /* up to HTTP_BODY_MEMORY */
	size_t body_capacity;
	int body_fd; /* -1: none */
	bool watched, dispatched, chunked;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t changed;
	struct MHD_Connection *mhd; /* NULL: it is over */
	struct MHD_Response *response;
	unsigned int status;
	uint64_t answer_bytes;
	bool begun, stream, ended, gone, told, suspended;
	char *queue; /* of a stream: bytes from `first` to `last` wait */
	size_t first, last, capacity;
};

struct http {
	/* options */
	const char *const *listen, *const *proxies, *const *cors;
	const char *tls_certificate, *tls_key;
	int64_t connections, per_address, body, header_ms, idle_ms, memory, loops;

	const struct askd_host *host;
	const struct askd_web_service *web;
	const struct askd_listen_service *listening;
	char *certificate, *key; /* PEM; NULL: no TLS */
	struct peer_net *nets;   /* of `proxies` */
	size_t net_count;
	uint32_t seed;

	/* of run */
	int epoll;
	struct MHD_Daemon *daemons[HTTP_LOOPS_MAX];
	unsigned int daemon_count;
	_Atomic bool draining; /* connections are closed after their answer */
	_Atomic bool aborting; /* nothing is waited for any more */

	pthread_mutex_t lock; /* what follows */
	struct http_request *requests[HTTP_BUCKETS];
	struct http_conn **conns; /* by descriptor */
	size_t conn_room, conn_count, request_count;
	size_t room; /* connections that fit; set before the first */
	struct http_address *addresses[HTTP_BUCKETS];
};

int64_t http_now_us(void);

/* ---- accept.c: connections
 * ----------------------------------------------------------------------- */

/* Takes what waits on a listening socket. Returns false when the process has no more descriptors.
 */
bool accept_all(struct http *http, int listener);
/* The library began with a connection, or is done with it. */
void accept_notify(void *cls, struct MHD_Connection *mhd, void **context,
        enum MHD_ConnectionNotificationCode what);
enum accept_sweep { ACCEPT_SLOW, ACCEPT_IDLE, ACCEPT_ALL };
/* Cuts off connections whose time is over, also those that have had an answer and on which nothing
 * goes on, or all. Returns how many there were. */
size_t accept_sweep(struct http *http, enum accept_sweep which);
void accept_finish(struct http *http);

/* ---- head.c: what stands before the body
 * --------------------------------------------------------- */

/* Headers and parameters of a request, and the message made of them. */
struct http_head {
	char *uri;   /* decoded path, then the query as received */
	char *words; /* of headers, names in lower case */
	struct askd_header *headers;
	const struct askd_header **header_list, **param_list;
	size_t header_count, param_count, header_room;
	uint64_t announced;           /* Content-Length */
	bool sized, chunked, expects; /* 100-continue */
	char remote[PEER_TEXT];
	struct askd_web_request message;
};

/* An answer of this transport's own. */
struct http_refusal {
	unsigned int status;
	const char *code, *text;
};

/* Reads the headers of `request` into request->head. False and *refusal when it must not go on. */
bool head_read(struct http_request *request, struct MHD_Connection *mhd, const char *method,
        const char *version, struct http_refusal *refusal);
struct askd_text head_find(const struct http_head *head, const char *name);
void head_destroy(struct http_head *head);

/* ---- body.c
 * --------------------------------------------------------------------------------------- */

/* Takes a piece of the body. 0, or the status of a refusal. */
unsigned int body_take(struct http_request *request, const char *data, size_t n);
void body_message(struct http_request *request, struct askd_file *file);
void body_release(struct http_request *request);

/* ---- serve.c: requests
 * ------------------------------------------------------------------------------ */

void *serve_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result serve(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
        const char *version, const char *data, size_t *size, void **context);
void serve_completed(
        void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how);
/* The library does not say of every request that it has ended: of one whose parameters do not fit
 * into its memory it does not. Ends the last one of the connection, if it has not. */
void serve_forgotten(struct http_conn *conn);
/* The client of a request hung up. `call`: run's. */
void serve_hung_up(struct http *http, struct askd_call *call, uint64_t id);
/* Ends all that is still being worked on. */
void serve_abort(struct http *http);

/* With one more reference, which request_release gives back; NULL: it is over. */
struct http_request *request_find(struct http *http, uint64_t id);
void request_release(struct http_request *request);

/* ---- reply.c: answers
 * --------------------------------------------------------------------------------- */

/* NULL from any of them: no memory. */
struct MHD_Response *reply_refusal(
        const struct http_request *request, const struct http_refusal *refusal);
struct MHD_Response *reply_verdict(
        const struct http_request *request, const struct askd_web_verdict *verdict);
/* The answer to the question of a browser, which methods and headers another origin may use. */
struct MHD_Response *reply_preflight(const struct http_request *request);
int32_t reply_begin(void *self, struct askd_call *call, const struct askd_web_response *in,
        struct askd_nothing *out, struct askd_error *reterr);

/* ---- stream.c: a body that comes piece by piece
 * ------------------------------------------------------- */

/* Takes a reference of its own. */
struct MHD_Response *stream_create(struct http_request *request);
/* Appends at once what came with begin, whatever its size. */
bool stream_first(struct http_request *request, const void *data, size_t n);
int32_t stream_write(void *self, struct askd_call *call, const struct askd_web_data *in,
        struct askd_nothing *out, struct askd_error *reterr);

#endif
