/* http_io.h: the one I/O thread of outgoing HTTP and what it shares with those who wait. Private to
 * http.c and http_io.c. */
#ifndef RUN_HTTP_IO_H
#define RUN_HTTP_IO_H

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "run/http.h"

enum {
	HTTP_STREAM_WAITING = 256 << 10, /* bytes of a stream that may wait for their receiver */
	HTTP_HEADERS_MAX = 256 << 10,    /* bytes of all headers of a reply */
	HTTP_ORIGIN = 300
};

/* Which multi handle. The limit of connections is one of a multi handle, and HTTP/2 needs a small
 * one, HTTP/1.1 a large one. */
enum http_side { HTTP_SIDE_2, HTTP_SIDE_1, HTTP_SIDE_COUNT };

enum { HTTP_ADD = 1, HTTP_ABORT = 2, HTTP_RESUME = 4 }; /* wishes to the I/O thread */

/* One request. Lives on the stack of the thread that waits for it. */
struct transfer {
	CURL *easy; /* the waiting thread's until it is added, then the I/O thread's */
	enum http_side side;
	char origin[HTTP_ORIGIN]; /* "host:port" */
	bool secure, loopback;
	bool wants_stream;
	const struct askd_http_request *request;
	size_t body_max; /* of a whole body */

	/* Of the I/O thread until `done`. */
	struct buffer headers; /* name 0 value 0 ... of the last reply that began */
	bool began;            /* the first byte of a body was seen */
	bool headers_too_large, body_too_large;
	uint64_t file_at;
	struct transfer *previous, *next; /* all that run */

	/* Under `lock`. */
	pthread_mutex_t lock;
	bool woken;         /* a post of `wake` comes, or waits to be taken */
	struct buffer body; /* whole, or what waits for the receiver */
	bool streams;       /* it goes to the receiver piece by piece */
	bool paused, canceled, done;

	sem_t wake; /* something under `lock` has changed */

	/* Set before done. */
	CURLcode result;
	char why[CURL_ERROR_SIZE]; /* libcurl's words; may be empty */
	bool aborted;
	bool sent; /* bytes of the request have left */
	long status, version;
	bool no_descriptor;
	long tunnel; /* the status of a proxy that was asked to connect; 0: none */

	/* Under the lock of the thread. */
	unsigned wishes;
	bool listed, closed;
	struct transfer *next_wish;
};

int32_t http_io_open(struct askd_error *reterr); /* allows the thread, which starts with the first
                                                    wish */
void http_io_close(void);
/* A cleaned handle, or NULL. Give it back with http_io_recycle unless it was added. */
CURL *http_io_easy(void);
void http_io_recycle(CURL *easy);
/* [any] false: the thread is stopping or cannot be made. Never blocks. After `closed` it does
 * nothing. */
bool http_io_wish(struct transfer *t, unsigned wish);
/* Where an origin's requests go. */
enum http_side http_io_side(const char *origin, bool secure);
struct http_stats http_io_stats(void);
/* Gives the lock back and wakes the one who waits. It must not be touched after that if it is done.
 */
void http_io_unlock_wake(struct transfer *t);
/* Waits for the next wake. Called and returns with the lock held. false: the deadline (0: none)
 * passed. */
bool http_io_wait(struct transfer *t, int64_t deadline_us);
size_t http_io_write(char *data, size_t one, size_t n, void *arg);
size_t http_io_header(char *data, size_t one, size_t n, void *arg);

#endif
