/* http_io.c: epoll, two multi handles, an eventfd. Nothing here blocks but epoll_wait. */
#include "run/http_io.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	HTTP_EASY_KEPT = 64,
	HTTP_EVENTS = 64,
	HTTP_ORIGINS = 256,
	HTTP_CONNECTIONS_2 = 32,
	HTTP_CONNECTIONS_1 = 4096,
	HTTP_CACHED = 256,
	HTTP_STREAMS = 100
};
static const int64_t origin_life_us = INT64_C(600) * 1000000;

struct side {
	CURLM *multi;
	int64_t timer_us; /* -1: none */
	uint32_t index;
};

static struct {
	pthread_mutex_t lock;
	bool open, started, stopping;
	pthread_t thread;
	int epoll, wake;
	struct side sides[HTTP_SIDE_COUNT];
	struct transfer *wishes, *wishes_last;
	CURL *easy[HTTP_EASY_KEPT];
	size_t easy_count;
	/* https origins that speak HTTP/1.1 */
	struct {
		char name[HTTP_ORIGIN];
		int64_t until_us;
	} origins[HTTP_ORIGINS];
	size_t origin_count;
	uint64_t requests, connections, running;
	struct transfer *transfers; /* of the I/O thread alone */
} io = {.lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1, .wake = -1};

/* ---- what libcurl calls, on the I/O thread ----------------------------------------------------
 */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct side *side = arg;
	struct epoll_event event = {
	        .data.u64 = (uint64_t)(uint32_t)fd | (uint64_t)side->index << 32};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		/* Also when libcurl closed it already: then there is nothing to remove. */
		epoll_ctl(io.epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events =
	        (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(io.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event)) {
		int other = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

		if ((errno != ENOENT && errno != EEXIST) ||
		        epoll_ctl(io.epoll, other, fd, &event)) {
			log_error("run", 0, "cannot watch a socket: %s", strerror(errno));
			return -1;
		}
	}
	curl_multi_assign(side->multi, fd, side);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct side *side = arg;

	(void)multi;
	side->timer_us = ms < 0 ? -1 : clock_monotonic_us() + (int64_t)ms * 1000;
	return 0;
}

static void origin_remember(const char *name)
{
	int64_t now = clock_monotonic_us();
	size_t i;

	pthread_mutex_lock(&io.lock);
	for (i = 0; i < io.origin_count; i++)
		if (!strcmp(io.origins[i].name, name))
			break;
	if (i == io.origin_count && i < HTTP_ORIGINS) {
		io.origin_count++;
	} else if (i == HTTP_ORIGINS) {
		i = 0; /* the one that ends first makes room */
		for (size_t j = 1; j < HTTP_ORIGINS; j++)
			if (io.origins[j].until_us < io.origins[i].until_us)
				i = j;
	}
	strcpy(io.origins[i].name, name); /* both have HTTP_ORIGIN bytes */
	io.origins[i].until_us = now + origin_life_us;
	pthread_mutex_unlock(&io.lock);
}

enum http_side http_io_side(const char *origin, bool secure)
{
	enum http_side side = HTTP_SIDE_2;

	if (!secure)
		return HTTP_SIDE_1;
	pthread_mutex_lock(&io.lock);
	for (size_t i = 0; i < io.origin_count; i++)
		if (!strcmp(io.origins[i].name, origin) &&
		        io.origins[i].until_us > clock_monotonic_us())
			side = HTTP_SIDE_1;
	pthread_mutex_unlock(&io.lock);
	return side;
}

size_t http_io_header(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	char *colon, *value, *end;
	(void)one;

	if (n >= 5 && !memcmp(data, "HTTP/", 5)) {
		/* A reply begins; what came before was an interim one. */
		buffer_clear(&t->headers);
		if (t->secure && t->side == HTTP_SIDE_2 && n > 8 && data[5] == '1')
			origin_remember(t->origin);
		return n;
	}
	colon = memchr(data, ':', n);
	if (!colon || colon == data || memchr(data, 0, n))
		return n; /* the empty line at the end, or nothing that a reader could use */
	value = colon + 1;
	end = data + n;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	for (char *c = data; c < colon; c++) {
		char lower = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);

		buffer_add(&t->headers, &lower, 1);
	}
	buffer_add(&t->headers, "", 1);
	buffer_add(&t->headers, value, (size_t)(end - value));
	buffer_add(&t->headers, "", 1);
	if (t->headers.failed) {
		t->headers_too_large = true;
		return 0;
	}
	return n;
}

/* A condition would cost two calls of the system more: its waiter leaves the lock marked. */
void http_io_unlock_wake(struct transfer *t)
{
	bool posts = !t->woken;

	t->woken = true;
	pthread_mutex_unlock(&t->lock);
	if (posts)
		sem_post(&t->wake);
}

bool http_io_wait(struct transfer *t, int64_t deadline_us)
{
	struct timespec until = {.tv_sec = (time_t)(deadline_us / 1000000),
	        .tv_nsec = (long)(deadline_us % 1000000) * 1000};
	int failed;

	pthread_mutex_unlock(&t->lock);
	do
		failed = deadline_us ? sem_clockwait(&t->wake, CLOCK_MONOTONIC, &until)
		                     : sem_wait(&t->wake);
	while (failed && errno == EINTR);
	pthread_mutex_lock(&t->lock);
	if (!failed)
		t->woken = false;
	return !failed;
}

size_t http_io_write(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t taken = n;
	long status = 0;

	(void)one;
	pthread_mutex_lock(&t->lock);
	if (!t->began) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		t->streams = t->wants_stream && status >= 200 && status < 300;
		t->began = true;
		t->body.max = t->streams ? 0 : t->body_max;
	}
	if (t->streams && t->body.n && t->body.n + n > HTTP_STREAM_WAITING) {
		t->paused = true;
		taken = CURL_WRITEFUNC_PAUSE;
	} else {
		buffer_add(&t->body, data, n);
		if (t->body.failed) {
			t->body_too_large = true;
			taken = n + 1; /* anything but n ends the transfer */
		}
	}
	if (t->streams)
		http_io_unlock_wake(t);
	else
		pthread_mutex_unlock(&t->lock);
	return taken;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

/* Takes the transfer from libcurl and hands it back to the one who waits. It must not be touched
 * after that. */
static void finish(struct transfer *t, CURLcode result, bool aborted)
{
	curl_off_t uploaded = 0;
	long request = 0, connects = 0;
	curl_off_t greeted_us = 0;
	CURL *easy = t->easy;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &t->status);
	curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &t->version);
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request);
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &greeted_us);
	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &t->tunnel);
	/* What is asked of a proxy counts as sent as well. A new connection that never came to
	 * speak TLS has carried nothing of the request. */
	t->sent = (request > 0 || uploaded > 0) && (!t->secure || !connects || greeted_us > 0);
	t->result = result;
	t->aborted = aborted;
	curl_multi_remove_handle(io.sides[t->side].multi, easy);
	if (t->previous)
		t->previous->next = t->next;
	else
		io.transfers = t->next;
	if (t->next)
		t->next->previous = t->previous;

	pthread_mutex_lock(&io.lock);
	io.connections += (uint64_t)(connects > 0 ? connects : 0);
	io.running--;
	t->closed = true;
	if (t->listed) {
		struct transfer **at = &io.wishes, *before = NULL;

		for (; *at != t; before = *at, at = &(*at)->next_wish)
			;
		*at = t->next_wish;
		if (io.wishes_last == t)
			io.wishes_last = before;
		t->listed = false;
	}
	pthread_mutex_unlock(&io.lock);

	t->easy = NULL;
	http_io_recycle(easy);
	pthread_mutex_lock(&t->lock);
	t->done = true;
	http_io_unlock_wake(t);
}

/* false: it could not be added, and is finished. */
static bool add(struct transfer *t)
{

	t->previous = NULL;
	t->next = io.transfers;
	if (t->next)
		t->next->previous = t;
	io.transfers = t;
	if (curl_multi_add_handle(io.sides[t->side].multi, t->easy) == CURLM_OK)
		return true;
	finish(t, CURLE_OUT_OF_MEMORY, false);
	return false;
}

static void grant_wishes(void)
{
	for (;;) {
		struct transfer *t;
		unsigned wishes;
		bool paused;

		pthread_mutex_lock(&io.lock);
		t = io.wishes;
		if (!t) {
			pthread_mutex_unlock(&io.lock);
			return;
		}
		io.wishes = t->next_wish;
		if (!io.wishes)
			io.wishes_last = NULL;
		t->listed = false;
		wishes = t->wishes;
		t->wishes = 0;
		pthread_mutex_unlock(&io.lock);

		if (((wishes & HTTP_ADD) && !add(t)) || wishes == HTTP_ADD)
			continue;
		if (wishes & HTTP_ABORT) {
			finish(t, CURLE_ABORTED_BY_CALLBACK, true);
			continue;
		}
		pthread_mutex_lock(&t->lock);
		paused = t->paused;
		t->paused = false;
		pthread_mutex_unlock(&t->lock);
		/* What libcurl kept back arrives inside this call, and may pause again. */
		if (paused && curl_easy_pause(t->easy, CURLPAUSE_CONT) != CURLE_OK)
			finish(t, CURLE_WRITE_ERROR, false);
	}
}

static void collect(struct side *side)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(side->multi, &left))) {
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		finish(t, message->data.result, false);
	}
}

static int wait_ms(void)
{
	int64_t first = -1, now, ms;

	for (size_t i = 0; i < HTTP_SIDE_COUNT; i++)
		if (io.sides[i].timer_us >= 0 && (first < 0 || io.sides[i].timer_us < first))
			first = io.sides[i].timer_us;
	if (first < 0)
		return -1;
	now = clock_monotonic_us();
	if (first <= now)
		return 0;
	ms = (first - now + 999) / 1000;
	return ms > 60000 ? 60000 : (int)ms;
}

static void handle_event(const struct epoll_event *event)
{
	uint64_t drained;
	uint32_t index = (uint32_t)(event->data.u64 >> 32);
	int mask, running;

	if (index == HTTP_SIDE_COUNT) {
		while (read(io.wake, &drained, sizeof drained) < 0 && errno == EINTR)
			;
		return;
	}
	mask = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
	       (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	       (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	curl_multi_socket_action(
	        io.sides[index].multi, (curl_socket_t)(uint32_t)event->data.u64, mask, &running);
}

static void *http_main(void *arg)
{
	struct epoll_event events[HTTP_EVENTS];
	bool stopping = false;
	int n, running;

	pthread_setname_np(pthread_self(), "http-out");
	(void)arg;
	while (!stopping || io.transfers) {
		n = epoll_wait(io.epoll, events, HTTP_EVENTS, stopping ? 0 : wait_ms());
		for (int i = 0; i < n; i++)
			handle_event(&events[i]);
		grant_wishes();
		for (size_t i = 0; i < HTTP_SIDE_COUNT; i++) {
			struct side *side = &io.sides[i];

			if (side->timer_us >= 0 && side->timer_us <= clock_monotonic_us()) {
				side->timer_us = -1; /* set anew from inside, if need be */
				curl_multi_socket_action(
				        side->multi, CURL_SOCKET_TIMEOUT, 0, &running);
			}
			collect(side);
		}
		pthread_mutex_lock(&io.lock);
		stopping = io.stopping;
		pthread_mutex_unlock(&io.lock);
		if (stopping) {
			grant_wishes(); /* no new ones come */
			while (io.transfers)
				finish(io.transfers, CURLE_ABORTED_BY_CALLBACK, true);
		}
	}
	return NULL;
}

/* ---- from other threads -----------------------------------------------------------------------
 */

static bool side_make(struct side *side, uint32_t index)
{
	CURLM *multi = curl_multi_init();

	if (!multi)
		return false;
	*side = (struct side){.multi = multi, .timer_us = -1, .index = index};
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, side);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, side);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CACHED);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	        index == HTTP_SIDE_2 ? (long)HTTP_CONNECTIONS_2 : (long)HTTP_CONNECTIONS_1);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING,
	        index == HTTP_SIDE_2 ? (long)CURLPIPE_MULTIPLEX : (long)CURLPIPE_NOTHING);
	curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)HTTP_STREAMS);
	return true;
}

static void thread_resources_free(void)
{
	for (size_t i = 0; i < HTTP_SIDE_COUNT; i++) {
		curl_multi_cleanup(io.sides[i].multi);
		io.sides[i].multi = NULL;
	}
	if (io.epoll >= 0)
		close(io.epoll);
	if (io.wake >= 0)
		close(io.wake);
	io.epoll = io.wake = -1;
}

/* With the lock held. */
static bool start_thread(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)HTTP_SIDE_COUNT << 32};
	pthread_attr_t attr;
	sigset_t all, old;

	io.epoll = epoll_create1(EPOLL_CLOEXEC);
	io.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (io.epoll < 0 || io.wake < 0 || epoll_ctl(io.epoll, EPOLL_CTL_ADD, io.wake, &event))
		goto fail;
	for (uint32_t i = 0; i < HTTP_SIDE_COUNT; i++)
		if (!side_make(&io.sides[i], i))
			goto fail;
	if (pthread_attr_init(&attr))
		goto fail;
	pthread_attr_setstacksize(&attr, 1 << 20);
	/* Signals are for the main thread; SIGPIPE of a broken connection stays pending here. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	io.started = !pthread_create(&io.thread, &attr, http_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (io.started)
		return true;
fail:
	thread_resources_free();
	return false;
}

bool http_io_wish(struct transfer *t, unsigned wish)
{
	static const uint64_t one = 1;
	bool done = false;

	pthread_mutex_lock(&io.lock);
	if (t->closed) {
		done = true;
	} else if (!(wish & HTTP_ADD) ||
	           (io.open && !io.stopping && (io.started || start_thread()))) {
		if (wish & HTTP_ADD) {
			io.requests++;
			io.running++;
		}
		t->wishes |= wish;
		if (!t->listed) {
			t->listed = true;
			t->next_wish = NULL;
			if (io.wishes)
				io.wishes_last->next_wish = t;
			else
				io.wishes = t;
			io.wishes_last = t;
		}
		/* A full counter wakes as well. */
		if (write(io.wake, &one, sizeof one) < 0 && errno != EAGAIN)
			log_error("run", 0, "cannot wake the HTTP thread: %s", strerror(errno));
		done = true;
	}
	pthread_mutex_unlock(&io.lock);
	return done;
}

CURL *http_io_easy(void)
{
	CURL *easy = NULL;

	pthread_mutex_lock(&io.lock);
	if (io.easy_count)
		easy = io.easy[--io.easy_count];
	pthread_mutex_unlock(&io.lock);
	return easy ? easy : curl_easy_init();
}

void http_io_recycle(CURL *easy)
{
	if (!easy)
		return;
	curl_easy_reset(easy); /* forgets headers, body and callbacks of this request */
	pthread_mutex_lock(&io.lock);
	if (io.open && !io.stopping && io.easy_count < HTTP_EASY_KEPT) {
		io.easy[io.easy_count++] = easy;
		easy = NULL;
	}
	pthread_mutex_unlock(&io.lock);
	if (easy)
		curl_easy_cleanup(easy);
}

static CURLcode global_result;

static void global_init(void)
{
	global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int32_t http_io_open(struct askd_error *reterr)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
	if (global_result != CURLE_OK)
		return askd_fail(reterr, ASKD_E_INTERNAL, "libcurl does not start: %s",
		        curl_easy_strerror(global_result));
	pthread_mutex_lock(&io.lock);
	io.open = true;
	io.stopping = false;
	pthread_mutex_unlock(&io.lock);
	return ASKD_OK;
}

void http_io_close(void)
{
	static const uint64_t one = 1;
	bool started;

	pthread_mutex_lock(&io.lock);
	io.stopping = true;
	started = io.started;
	if (started && write(io.wake, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("run", 0, "cannot wake the HTTP thread: %s", strerror(errno));
	pthread_mutex_unlock(&io.lock);
	if (started)
		pthread_join(io.thread, NULL);
	pthread_mutex_lock(&io.lock);
	io.started = io.open = false;
	while (io.easy_count)
		curl_easy_cleanup(io.easy[--io.easy_count]);
	io.origin_count = 0;
	pthread_mutex_unlock(&io.lock);
	if (started)
		thread_resources_free();
}

struct http_stats http_io_stats(void)
{
	struct http_stats stats;

	pthread_mutex_lock(&io.lock);
	stats = (struct http_stats){io.requests, io.connections, io.running};
	pthread_mutex_unlock(&io.lock);
	return stats;
}
