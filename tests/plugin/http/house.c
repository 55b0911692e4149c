/* house.c: a host for the transport "http", and a client that sends bytes as they are. */
#include "house.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern const struct askd_plugin askd_plugin_v1;

static struct house *house_of(const struct askd_host *host)
{
	return (struct house *)((char *)(uintptr_t)host - offsetof(struct house, host));
}

/* ---- calls
 * ---------------------------------------------------------------------------------------- */

struct call {
	struct askd_call base;
	struct house *house;
};

static void *call_alloc(struct askd_call *call, uint64_t n)
{
	(void)call, (void)n;
	return NULL;
}

static void call_init(struct call *call, struct house *house, uint32_t ms)
{
	*call = (struct call){.base = {.size = sizeof call->base,
	                              .deadline_us = ms ? http_now_us() + ms * INT64_C(1000) : 0,
	                              .cancel = &house->cancel,
	                              .alloc = call_alloc},
	        .house = house};
}

static struct askd_call *call_begin(const struct askd_host *host, uint32_t ms)
{
	struct house *house = house_of(host);
	struct call *call = malloc(sizeof *call);

	assert_non_null(call);
	call_init(call, house, ms);
	pthread_mutex_lock(&house->lock);
	house->calls++;
	pthread_mutex_unlock(&house->lock);
	return &call->base;
}

static void call_end(struct askd_call *base)
{
	struct house *house = ((struct call *)base)->house;

	pthread_mutex_lock(&house->lock);
	house->calls--;
	pthread_mutex_unlock(&house->lock);
	free(base);
}

static void host_log(
        const struct askd_host *host, struct askd_call *call, uint32_t level, const char *line)
{
	(void)host, (void)call, (void)level, (void)line;
}

static int32_t host_random(const struct askd_host *host, void *p, uint64_t n)
{
	(void)host;
	return getrandom(p, (size_t)n, 0) == (ssize_t)n ? ASKD_OK : ASKD_E_IO;
}

/* ---- services
 * -------------------------------------------------------------------------------------- */

static int32_t listen_open(const struct askd_host *host, struct askd_call *call,
        const struct askd_listen_request *in, struct askd_listen_socket *out,
        struct askd_error *reterr)
{
	struct house *house = house_of(host);
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof any;

	(void)call, (void)in, (void)reterr;
	out->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(out->fd >= 0);
	assert_int_equal(bind(out->fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(listen(out->fd, 100), 0);
	assert_int_equal(getsockname(out->fd, (struct sockaddr *)&any, &size), 0);
	pthread_mutex_lock(&house->lock);
	snprintf(house->address, sizeof house->address, "%d %d", out->fd, ntohs(any.sin_port));
	pthread_cond_broadcast(&house->changed);
	pthread_mutex_unlock(&house->lock);
	return ASKD_OK;
}

static bool is(struct askd_text path, const char *name)
{
	return askd_equal(path, askd_text_of(name));
}

static int32_t web_head(const struct askd_host *host, struct askd_call *call,
        const struct askd_web_request *in, struct askd_web_verdict *out, struct askd_error *reterr)
{
	(void)host, (void)call, (void)reterr;
	if (is(in->path, "/denied")) {
		out->status = 401;
		out->type = ASKD_LITERAL("application/json");
		out->body = (struct askd_bytes){"{\"error\":\"who\"}", 15};
	}
	out->max_body = is(in->path, "/small") ? 10 : 4 << 20;
	return ASKD_OK;
}

static int32_t describe(struct house *house, const struct askd_web_request *in)
{
	char text[8192], byte[2] = "-";
	size_t n;
	ASKD_MAKE(struct askd_web_response, response, .id = in->id, .status = 200,
	        .type = ASKD_LITERAL("text/plain"));

	n = (size_t)snprintf(text, sizeof text,
	        "method=%s path=%s query=%s remote=%s flags=%u body=%llu file=%llu headers=",
	        in->method.s, in->path.s, in->query.s ? in->query.s : "(none)", in->remote.s,
	        in->flags, (unsigned long long)in->body.n,
	        (unsigned long long)(in->file ? in->file->length : 0));
	if (in->file && pread(in->file->fd, byte, 1, (off_t)in->file->length - 1) == 1)
		n += (size_t)snprintf(text + n, sizeof text - n, "last:%s,", byte);
	for (const struct askd_header *const *h = in->headers; h && *h && n < 7000; h++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s:%s,", (*h)->name.s,
		        (*h)->value.n < 100 ? (*h)->value.s : "(long)");
	for (const struct askd_header *const *h = in->params; h && *h && n < 7000; h++)
		n += (size_t)snprintf(
		        text + n, sizeof text - n, " %s=%s", (*h)->name.s, (*h)->value.s);
	response.body = (struct askd_bytes){text, n};
	return reply_begin(&house->http, NULL, &response, NULL, NULL);
}

static int32_t answer_file(struct house *house, uint64_t id)
{
	FILE *file = tmpfile();
	ASKD_MAKE(struct askd_file, out, .length = 300000);
	ASKD_MAKE(struct askd_web_response, response, .id = id, .status = 200, .file = &out);
	int32_t rc;

	assert_non_null(file);
	for (int i = 0; i < 300000; i++)
		fputc('f', file);
	fflush(file);
	out.fd = fileno(file);
	rc = reply_begin(&house->http, NULL, &response, NULL, NULL);
	fclose(file);
	return rc;
}

static int32_t web_dispatch(const struct askd_host *host, struct askd_call *call,
        const struct askd_web_request *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct house *house = house_of(host);

	(void)call, (void)out;
	pthread_mutex_lock(&house->lock);
	house->dispatched++;
	if (is(in->path, "/park"))
		house->parked[house->parked_count++ % 256] = in->id;
	pthread_cond_broadcast(&house->changed);
	pthread_mutex_unlock(&house->lock);
	if (is(in->path, "/busy"))
		return askd_fail(reterr, ASKD_E_BUSY, "full");
	if (is(in->path, "/file"))
		return answer_file(house, in->id);
	return is(in->path, "/park") ? ASKD_OK : describe(house, in);
}

static int32_t web_gone(const struct askd_host *host, struct askd_call *call,
        const struct askd_web_data *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct house *house = house_of(host);

	(void)call, (void)out, (void)reterr;
	pthread_mutex_lock(&house->lock);
	house->gone[house->gone_count++ % 256] = in->id;
	pthread_cond_broadcast(&house->changed);
	pthread_mutex_unlock(&house->lock);
	return ASKD_OK;
}

static const struct askd_web_service web = {
        .size = sizeof web, .head = web_head, .dispatch = web_dispatch, .gone = web_gone};
static const struct askd_listen_service listening = {.size = sizeof listening, .open = listen_open};

static const void *service(const struct askd_host *host, const char *id)
{
	(void)host;
	return !strcmp(id, "askd.web/1")      ? (const void *)&web
	       : !strcmp(id, "askd.listen/1") ? (const void *)&listening
	                                      : NULL;
}

/* ---- the house
 * ------------------------------------------------------------------------------------- */

struct house *house_create(void)
{
	struct house *house = calloc(1, sizeof *house);

	assert_non_null(house);
	house->listen[0] = "127.0.0.1:0";
	house->http.listen = house->listen;
	house->http.connections = 200;
	house->http.body = 1 << 20;
	house->http.header_ms = 15000;
	house->http.idle_ms = 60000;
	house->http.memory = 8704;
	house->http.loops = 2;
	house->host = (struct askd_host){.size = sizeof house->host,
	        .minor = ASKD_SDK_MINOR,
	        .instance = "transport/web",
	        .service = service,
	        .log = host_log,
	        .random = host_random,
	        .call_begin = call_begin,
	        .call_end = call_end};
	pthread_mutex_init(&house->lock, NULL);
	pthread_cond_init(&house->changed, NULL);
	return house;
}

static void *loop(void *arg)
{
	struct house *house = arg;
	const struct askd_transport_iface *iface = askd_plugin_v1.iface;
	struct call call;

	call_init(&call, house, 0);
	house->rc = iface->run(&house->http, &call.base, NULL, NULL, &house->error);
	return NULL;
}

static void wait_changed(struct house *house)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 20;
	if (pthread_cond_clockwait(&house->changed, &house->lock, CLOCK_MONOTONIC, &until))
		fail_msg("waited 20 s in vain");
}

void house_start(struct house *house)
{
	struct askd_error error = {0};

	if (askd_plugin_v1.open(&house->http, &house->host, &error))
		fail_msg("open: %s", error.message);
	assert_int_equal(pthread_create(&house->loop, NULL, loop, house), 0);
	pthread_mutex_lock(&house->lock);
	while (!house->address[0])
		wait_changed(house);
	pthread_mutex_unlock(&house->lock);
}

void house_destroy(struct house *house)
{
	__atomic_store_n(&house->cancel, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(house->loop, NULL), 0);
	assert_int_equal(house->rc, ASKD_E_CANCELED);
	askd_plugin_v1.close(&house->http);
	assert_int_equal(house->calls, 0);
	close(atoi(house->address));
	pthread_cond_destroy(&house->changed);
	pthread_mutex_destroy(&house->lock);
	free(house);
}

uint64_t house_parked(struct house *house)
{
	uint64_t id;

	pthread_mutex_lock(&house->lock);
	while (house->taken == house->parked_count)
		wait_changed(house);
	id = house->parked[house->taken++ % 256];
	pthread_mutex_unlock(&house->lock);
	return id;
}

void house_wait_gone(struct house *house, uint64_t id)
{
	bool found = false;

	pthread_mutex_lock(&house->lock);
	for (;;) {
		for (size_t i = 0; i < house->gone_count && i < 256; i++)
			found |= house->gone[i] == id;
		if (found)
			break;
		wait_changed(house);
	}
	pthread_mutex_unlock(&house->lock);
}

int32_t house_begin(
        struct house *house, uint64_t id, int32_t status, uint32_t flags, const char *body)
{
	ASKD_MAKE(struct askd_web_response, response, .id = id, .status = status, .flags = flags,
	        .type = ASKD_LITERAL("text/event-stream"), .body = {body, body ? strlen(body) : 0});

	return reply_begin(&house->http, NULL, &response, NULL, NULL);
}

int32_t house_write(
        struct house *house, uint64_t id, const char *data, size_t n, uint32_t flags, uint32_t ms)
{
	struct call call;
	ASKD_MAKE(struct askd_web_data, out, .id = id, .flags = flags, .data = {data, n});

	call_init(&call, house, ms);
	return stream_write(&house->http, &call.base, &out, NULL, NULL);
}

/* ---- the client
 * ------------------------------------------------------------------------------------ */

int client_open(const struct house *house)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)atoi(strchr(house->address, ' ') + 1));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

void client_send(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) /* refused while it still came: the answer tells */
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

void client_say(int fd, const char *text)
{
	client_send(fd, text, strlen(text));
}

const char *client_read(int fd, const char *until)
{
	static char text[2 << 20];
	size_t n = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		text[n] = 0;
		if (until && strstr(text, until))
			return text;
		if (poll(&p, 1, 20000) != 1)
			fail_msg("no end after: %.300s", text);
		got = read(fd, text + n, sizeof text - 1 - n);
		if (got <= 0)
			return text;
		n += (size_t)got;
	}
}

const char *exchange(const struct house *house, const void *data, size_t n)
{
	int fd = client_open(house);
	const char *answer;

	client_send(fd, data, n);
	answer = client_read(fd, NULL);
	close(fd);
	return answer;
}

const char *ask(const struct house *house, const char *text)
{
	return exchange(house, text, strlen(text));
}

int status_of(const char *answer)
{
	int status = 0;

	return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}
