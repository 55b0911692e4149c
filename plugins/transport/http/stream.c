/* stream.c: a body that comes piece by piece: a bounded queue between whoever writes and the
 * library, which asks for more when the client has taken what was there. */
#include <stdlib.h>

#include "http.h"

enum { BLOCK = 4096, WAIT_SLICE_MS = 100 };

/* With the lock. Somebody has something new for the library's thread. */
static void wake(struct http_request *request)
{
	if (request->suspended) {
		request->suspended = false;
		MHD_resume_connection(request->mhd);
	}
}

/* The library asks for at most `max` bytes. */
static ssize_t read_some(void *cls, uint64_t position, char *out, size_t max)
{
	struct http_request *request = cls;
	size_t n;
	ssize_t given;

	(void)position;
	pthread_mutex_lock(&request->lock);
	n = request->last - request->first;
	if (n) {
		n = n < max ? n : max;
		memcpy(out, request->queue + request->first, n);
		request->first += n;
		if (request->first == request->last)
			request->first = request->last = 0;
		pthread_cond_broadcast(&request->changed);
		given = (ssize_t)n;
	} else if (request->ended) {
		given = MHD_CONTENT_READER_END_OF_STREAM;
	} else if (request->gone || request->http->aborting || !request->mhd) {
		given = MHD_CONTENT_READER_END_WITH_ERROR;
	} else {
		request->suspended = true;
		MHD_suspend_connection(request->mhd);
		given = 0;
	}
	pthread_mutex_unlock(&request->lock);
	return given;
}

static void read_end(void *cls)
{
	request_release(cls);
}

struct MHD_Response *stream_create(struct http_request *request)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
	        MHD_SIZE_UNKNOWN, BLOCK, read_some, request, read_end);

	if (response)
		request->references++;
	return response;
}

/* With the lock. */
static bool append(struct http_request *request, const char *data, size_t n)
{
	size_t waiting = request->last - request->first, capacity = request->capacity;

	if (!n)
		return true;
	if (request->first && request->last + n > capacity) {
		memmove(request->queue, request->queue + request->first, waiting);
		request->first = 0;
		request->last = waiting;
	}
	if (waiting + n > capacity) {
		char *queue;

		capacity = capacity ? capacity : BLOCK;
		while (capacity < waiting + n)
			capacity *= 2;
		queue = realloc(request->queue, capacity);
		if (!queue)
			return false;
		request->queue = queue;
		request->capacity = capacity;
	}
	memcpy(request->queue + request->last, data, n);
	request->last += n;
	return true;
}

bool stream_first(struct http_request *request, const void *data, size_t n)
{
	return append(request, data, n);
}

/* With the lock. False: the call is over. */
static bool wait_for_room(struct http_request *request, const struct askd_call *call)
{
	int64_t left_ms = askd_limit_ms(call, WAIT_SLICE_MS), until_us;
	struct timespec until;

	if (left_ms <= 0 || askd_canceled(call))
		return false;
	until_us = http_now_us() + left_ms * 1000;
	until = (struct timespec){until_us / 1000000, until_us % 1000000 * 1000};
	pthread_cond_clockwait(&request->changed, &request->lock, CLOCK_MONOTONIC, &until);
	return true;
}

/* With the lock. */
static int32_t put(struct http_request *request, const struct askd_call *call,
        const struct askd_web_data *in, struct askd_error *reterr)
{
	const char *data = in->data.p;
	size_t left = data ? (size_t)in->data.n : 0;

	if (!request->gone && (!request->stream || request->ended))
		return askd_fail(reterr, ASKD_E_INVALID,
		        request->ended ? "the reply has ended already"
		                       : "the reply was not begun as a stream");
	while (left) {
		size_t waiting = request->last - request->first, n;

		if (request->gone)
			break;
		/* What is short goes out whole or not at all. */
		if (waiting + (left < BLOCK ? left : 1) > HTTP_QUEUE_MAX) {
			if (!wait_for_room(request, call))
				return askd_canceled(call)
				               ? askd_fail(reterr, ASKD_E_CANCELED,
				                         "canceled while the client was slow")
				               : askd_fail(reterr, ASKD_E_TIMEOUT,
				                         "the client is too slow");
			continue;
		}
		n = left < HTTP_QUEUE_MAX - waiting ? left : HTTP_QUEUE_MAX - waiting;
		if (!append(request, data, n))
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the reply");
		data += n;
		left -= n;
		wake(request);
	}
	if (request->gone)
		return askd_fail(reterr, ASKD_E_GONE, "the client has left");
	if (in->flags & ASKD_WEB_END) {
		request->ended = true;
		wake(request);
	}
	return ASKD_OK;
}

int32_t stream_write(void *self, struct askd_call *call, const struct askd_web_data *in,
        struct askd_nothing *out, struct askd_error *reterr)
{
	struct http_request *request = request_find(self, in->id);
	int32_t rc;

	(void)out;
	if (!request)
		return askd_fail(reterr, ASKD_E_GONE, "the client has left");
	pthread_mutex_lock(&request->lock);
	rc = put(request, call, in, reterr);
	pthread_mutex_unlock(&request->lock);
	request_release(request);
	return rc;
}
