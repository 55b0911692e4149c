/* Outgoing HTTP against a server that misbehaves on request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugin/crossing.h"
#include "plugin/registry.h"
#include "run/http.h"
#include "run/metrics.h"

/* ---- the server -------------------------------------------------------------------------------
 */

enum { STREAM_CHUNKS = 40, STREAM_CHUNK = 64 << 10 };

static int listening;
static int port;
static pthread_t acceptor;
static sem_t arrived;         /* a request for /never or /slow was read */
static sem_t go_on;           /* /slow may answer */
static int served, connected; /* atomic */

static void say(int fd, const char *s)
{
	size_t n = strlen(s);

	while (n) {
		ssize_t sent = send(fd, s, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		s += sent;
		n -= (size_t)sent;
	}
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* The head of one request and its body; false: the client is gone. */
static bool read_request(int fd, char *head, size_t size, char *body, size_t body_size)
{
	size_t n = 0, length = 0;
	char *end = NULL, *field;

	while (!end) {
		ssize_t got = n + 1 < size ? recv(fd, head + n, size - n - 1, 0) : -1;

		if (got <= 0)
			return false;
		n += (size_t)got;
		head[n] = 0;
		end = strstr(head, "\r\n\r\n");
	}
	field = strstr(head, "Content-Length: ");
	if (field)
		length = strtoul(field + 16, NULL, 10);
	n -= (size_t)(end + 4 - head);
	if (length >= body_size)
		return false;
	memcpy(body, end + 4, n);
	while (n < length) {
		ssize_t got = recv(fd, body + n, length - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	body[length] = 0;
	end[2] = 0;
	return true;
}

static char filling[STREAM_CHUNK]; /* filled before the first connection */

static void serve_stream(int fd)
{
	char size[16];

	say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	snprintf(size, sizeof size, "%x\r\n", STREAM_CHUNK);
	for (int i = 0; i < STREAM_CHUNKS; i++) {
		say(fd, size);
		if (!send_all(fd, filling, sizeof filling))
			return;
		say(fd, "\r\n");
	}
	say(fd, "0\r\n\r\n");
}

/* false: the connection ends here. */
static bool answer(int fd, const char *head, const char *body)
{
	char reply[16384], byte;
	const char *path = strchr(head, ' ') + 1;

	if (!strncmp(path, "/echo", 5)) {
		snprintf(reply, sizeof reply,
		        "HTTP/1.1 200 OK\r\nX-Seen: %.3s\r\nContent-Length: %zu\r\n\r\n%s", head,
		        strlen(body), body);
		say(fd, reply);
	} else if (!strncmp(path, "/look", 5)) {
		snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		        strlen(head), head);
		say(fd, reply);
	} else if (!strncmp(path, "/busy", 5)) {
		say(fd, "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nwait");
	} else if (!strncmp(path, "/moved", 6)) {
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
	} else if (!strncmp(path, "/cut", 4)) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		return false;
	} else if (!strncmp(path, "/garbage", 8)) {
		say(fd, "\x16\x03 this is no HTTP at all\r\n\r\n");
		return false;
	} else if (!strncmp(path, "/headers", 8)) {
		say(fd, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 400; i++) {
			snprintf(reply, sizeof reply, "X-%d: %01000d\r\n", i, 0);
			say(fd, reply);
		}
		say(fd, "Content-Length: 0\r\n\r\n");
	} else if (!strncmp(path, "/latin", 6)) {
		say(fd, "HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 0\r\n\r\n");
	} else if (!strncmp(path, "/stream", 7)) {
		serve_stream(fd);
	} else if (!strncmp(path, "/never", 6)) {
		sem_post(&arrived);
		while (recv(fd, &byte, 1, 0) > 0)
			;
		return false;
	} else if (!strncmp(path, "/slow", 5)) {
		sem_post(&arrived);
		sem_wait(&go_on);
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
	} else if (!strncmp(path, "/hangup", 7)) {
		/* Promises to stay and does not: the next request meets a closed connection. */
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		return false;
	}
	return true;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char head[8192], body[8192];

	__atomic_add_fetch(&connected, 1, __ATOMIC_SEQ_CST);
	while (read_request(fd, head, sizeof head, body, sizeof body)) {
		__atomic_add_fetch(&served, 1, __ATOMIC_SEQ_CST);
		if (!answer(fd, head, body))
			break;
	}
	close(fd);
	return NULL;
}

static void *accept_all(void *arg)
{
	pthread_attr_t attr;

	(void)arg;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (;;) {
		int fd = accept(listening, NULL, NULL), on = 1;
		pthread_t thread;

		if (fd < 0)
			break;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd))
			close(fd);
	}
	pthread_attr_destroy(&attr);
	return NULL;
}

/* ---- the client -------------------------------------------------------------------------------
 */

static struct config_instance configured = {.kind = "llm", .name = "main", .plugin = "test"};
static struct plugin_instance instance = {.config = &configured, .host.instance = "llm/main"};
static const struct askd_http_service *http;

struct client {
	struct cancel cancel;
	struct call_scope scope;
	struct plugin_call call;
	struct askd_http_response out;
	struct askd_error err;
};

static void client_init(struct client *c, int64_t ms)
{
	memset(c, 0, sizeof *c);
	cancel_init(&c->cancel);
	c->scope.cancel = &c->cancel;
	plugin_call_init(&c->call, &c->scope, ms);
	c->call.owner = &instance;
	c->out.size = sizeof c->out;
}

static void client_finish(struct client *c)
{
	plugin_call_finish(&c->call);
	cancel_finish(&c->cancel);
}

static int32_t send_request(struct client *c, struct askd_http_request *in, const char *path)
{
	char url[256];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
	in->size = sizeof *in;
	in->url = askd_text_of(url);
	if (!in->method.s)
		in->method = ASKD_LITERAL("GET");
	return http->fetch(&instance.host, &c->call.base, in, &c->out, &c->err);
}

static int32_t get(struct client *c, const char *path)
{
	struct askd_http_request in = {0};

	return send_request(c, &in, path);
}

static const char *header(const struct client *c, const char *name)
{
	for (size_t i = 0; c->out.headers && c->out.headers[i]; i++)
		if (!strcmp(c->out.headers[i]->name.s, name))
			return c->out.headers[i]->value.s;
	return NULL;
}

static int setup(void **state)
{
	struct sockaddr_in address = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	bool enters;

	(void)state;
	memset(filling, 'x', sizeof filling);
	sem_init(&arrived, 0, 0);
	sem_init(&go_on, 0, 0);
	listening = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&address, sizeof address) ||
	        listen(listening, 1024) ||
	        getsockname(listening, (struct sockaddr *)&address, &size))
		return -1;
	port = ntohs(address.sin_port);
	if (pthread_create(&acceptor, NULL, accept_all, NULL))
		return -1;
	if (http_start(NULL))
		return -1;
	http = service_find("askd.http/1", &enters);
	return http ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	http_stop();
	metrics_stop();
	registry_reset_services();
	shutdown(listening, SHUT_RDWR);
	close(listening);
	pthread_join(acceptor, NULL);
	return 0;
}

/* ---- what is promised -------------------------------------------------------------------------
 */

static void body_headers_and_status_arrive(void **state)
{
	struct askd_header tag = {sizeof tag, 0, ASKD_LITERAL("X-Tag"), ASKD_LITERAL("1")};
	const struct askd_header *headers[] = {&tag, NULL};
	struct askd_http_request in = {
	        .method = ASKD_LITERAL("POST"), .headers = headers, .body = {"hello", 5}};
	struct client c;

	(void)state;
	client_init(&c, 10000);
	assert_int_equal(send_request(&c, &in, "/echo"), ASKD_OK);
	assert_int_equal(c.out.status, 200);
	assert_int_equal(c.out.body.n, 5);
	assert_string_equal(c.out.body.p, "hello");
	assert_string_equal(header(&c, "x-seen"), "POS");
	client_finish(&c);
	client_init(&c, 10000);
	in.method = ASKD_LITERAL("GET");
	in.body = (struct askd_bytes){NULL, 0};
	assert_int_equal(send_request(&c, &in, "/look"), ASKD_OK);
	assert_non_null(strstr(c.out.body.p, "X-Tag: 1"));
	assert_null(strstr(c.out.body.p, "Expect"));
	client_finish(&c);
}

static void any_status_is_a_reply(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/busy"), ASKD_OK);
	assert_int_equal(c.out.status, 429);
	assert_string_equal(c.out.body.p, "wait");
	assert_string_equal(header(&c, "retry-after"), "7");
	client_finish(&c);
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/moved"), ASKD_OK);
	assert_int_equal(c.out.status, 302); /* not followed */
	client_finish(&c);
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/latin"), ASKD_OK);
	assert_string_equal(header(&c, "x-name"), "caf\xc3\xa9");
	client_finish(&c);
}

static void faults_have_their_class(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/cut?key=secret"), ASKD_E_IO);
	assert_true(c.err.flags & ASKD_ERR_RETRY);
	assert_true(c.err.flags & ASKD_ERR_MAYBE_DONE);
	assert_null(strstr(c.err.message, "secret"));
	client_finish(&c);
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/garbage"), ASKD_E_PROTOCOL);
	client_finish(&c);
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/headers"), ASKD_E_TOO_LARGE);
	client_finish(&c);
}

static void nobody_listening_is_not_maybe_done(void **state)
{
	struct askd_http_request in = {.size = sizeof in, .method = ASKD_LITERAL("GET")};
	struct sockaddr_in address = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct client c;
	char url[64];

	(void)state;
	/* Bound but not listening: nobody else can take the port meanwhile. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(url, sizeof url, "http://u:pw@127.0.0.1:%d/", ntohs(address.sin_port));
	in.url = askd_text_of(url);
	client_init(&c, 10000);
	assert_int_equal(http->fetch(&instance.host, &c.call.base, &in, &c.out, &c.err), ASKD_E_IO);
	assert_true(c.err.flags & ASKD_ERR_RETRY);
	assert_false(c.err.flags & ASKD_ERR_MAYBE_DONE);
	assert_null(strstr(c.err.message, "pw"));
	client_finish(&c);
	close(fd);
}

static void injected_lines_are_refused(void **state)
{
	static const char *const urls[] = {"http://127.0.0.1/a\r\nX: y", "ftp://127.0.0.1/",
	        "file:///etc/passwd", "no url", "http://127.0.0.1/a b", ""};
	struct askd_header bad = {sizeof bad, 0, ASKD_LITERAL("X"), ASKD_LITERAL("a\r\nHost: b")};
	const struct askd_header *headers[] = {&bad, NULL};
	struct askd_http_request in = {.headers = headers};
	struct client c;

	(void)state;
	client_init(&c, 10000);
	assert_int_equal(send_request(&c, &in, "/echo"), ASKD_E_INVALID);
	bad.name = ASKD_LITERAL("X: a\r\nY");
	bad.value = ASKD_LITERAL("v");
	assert_int_equal(send_request(&c, &in, "/echo"), ASKD_E_INVALID);
	bad.name = ASKD_LITERAL("Content-Length");
	assert_int_equal(send_request(&c, &in, "/echo"), ASKD_E_INVALID);
	in.headers = NULL;
	in.method = ASKD_LITERAL("GET / HTTP/1.1\r\nX:");
	assert_int_equal(send_request(&c, &in, "/echo"), ASKD_E_INVALID);
	in.method = ASKD_LITERAL("GET");
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		in.url = askd_text_of(urls[i]);
		assert_int_equal(http->fetch(&instance.host, &c.call.base, &in, &c.out, &c.err),
		        ASKD_E_INVALID);
	}
	client_finish(&c);
}

static void deadline_ends_the_wait(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, 50);
	assert_int_equal(get(&c, "/never"), ASKD_E_TIMEOUT);
	assert_true(c.err.flags & ASKD_ERR_MAYBE_DONE);
	client_finish(&c);
	assert_int_equal(sem_wait(&arrived), 0);
}

static void *fetch_never(void *arg)
{
	struct client *c = arg;

	return (void *)(intptr_t)get(c, "/never");
}

static void cancel_ends_the_transfer_at_once(void **state)
{
	struct client c;
	pthread_t thread;
	int64_t began_us;
	void *rc;

	(void)state;
	client_init(&c, 60000);
	assert_int_equal(pthread_create(&thread, NULL, fetch_never, &c), 0);
	sem_wait(&arrived);
	began_us = clock_monotonic_us();
	cancel_fire(&c.cancel);
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, ASKD_E_CANCELED);
	assert_true(clock_monotonic_us() - began_us < 100 * 1000);
	assert_int_equal(http_stats().running, 0);
	client_finish(&c);
}

static void closed_kept_connection_is_tried_anew(void **state)
{
	struct client c;

	(void)state;
	for (int i = 0; i < 20; i++) {
		client_init(&c, 10000);
		assert_int_equal(get(&c, "/hangup"), ASKD_OK);
		assert_string_equal(c.out.body.p, "ok");
		client_finish(&c);
	}
}

static void connections_are_reused(void **state)
{
	int before;
	struct client c;

	(void)state;
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/echo"), ASKD_OK);
	client_finish(&c);
	before = __atomic_load_n(&connected, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 20; i++) {
		client_init(&c, 10000);
		assert_int_equal(get(&c, "/echo"), ASKD_OK);
		client_finish(&c);
	}
	assert_int_equal(__atomic_load_n(&connected, __ATOMIC_SEQ_CST), before);
}

struct receiver {
	pthread_t thread;
	int64_t bytes, stop_after;
	bool other_thread;
};

static int32_t receive(const struct askd_http_chunk_sink *sink, const struct askd_http_chunk *chunk)
{
	struct receiver *r = sink->owner;

	if (!pthread_equal(pthread_self(), r->thread))
		r->other_thread = true;
	r->bytes += (int64_t)chunk->data.n;
	return r->stop_after && r->bytes >= r->stop_after ? ASKD_E_REFUSED : ASKD_OK;
}

static void stream_arrives_on_the_callers_thread(void **state)
{
	struct receiver r = {.thread = pthread_self()};
	struct askd_http_chunk_sink sink = {.size = sizeof sink, .owner = &r, .put = receive};
	struct askd_http_request in = {.stream = &sink};
	struct client c;

	(void)state;
	client_init(&c, 20000);
	assert_int_equal(send_request(&c, &in, "/stream"), ASKD_OK);
	assert_int_equal(r.bytes, (int64_t)STREAM_CHUNKS * STREAM_CHUNK);
	assert_false(r.other_thread);
	assert_null(c.out.body.p);
	client_finish(&c);
	/* Errors come whole. */
	client_init(&c, 20000);
	r.bytes = 0;
	assert_int_equal(send_request(&c, &in, "/busy"), ASKD_OK);
	assert_int_equal(r.bytes, 0);
	assert_string_equal(c.out.body.p, "wait");
	client_finish(&c);
	/* The receiver's wish ends it. */
	client_init(&c, 20000);
	r.stop_after = 1;
	assert_int_equal(send_request(&c, &in, "/stream"), ASKD_E_REFUSED);
	client_finish(&c);
	assert_int_equal(http_stats().running, 0);
}

static void whole_body_is_bounded_by_the_arena(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, 20000);
	c.call.arena.limit = 1 << 20;
	assert_int_equal(get(&c, "/stream"), ASKD_E_TOO_LARGE);
	client_finish(&c);
}

static void file_is_sent_from_its_beginning(void **state)
{
	FILE *f = tmpfile();
	struct askd_file file = {.size = sizeof file, .fd = fileno(f), .length = 9};
	struct askd_http_request in = {.method = ASKD_LITERAL("PUT"), .file = &file};
	struct client c;

	(void)state;
	fputs("from file", f);
	fflush(f);
	client_init(&c, 10000);
	assert_int_equal(send_request(&c, &in, "/echo"), ASKD_OK);
	assert_string_equal(c.out.body.p, "from file");
	client_finish(&c);
	fclose(f);
}

enum { MANY = 500 };

static void *fetch_slow(void *arg)
{
	struct client c;
	intptr_t rc;

	(void)arg;
	client_init(&c, 60000);
	rc = get(&c, "/slow");
	if (!rc && strcmp(c.out.body.p, "slow") != 0)
		rc = -100;
	client_finish(&c);
	return (void *)rc;
}

static void five_hundred_wait_at_once(void **state)
{
	static pthread_t threads[MANY];
	pthread_attr_t attr;
	void *rc;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 << 10);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(pthread_create(&threads[i], &attr, fetch_slow, NULL), 0);
	pthread_attr_destroy(&attr);
	for (int i = 0; i < MANY; i++)
		sem_wait(&arrived);
	/* Every one is at the server before the first is answered. */
	assert_int_equal(http_stats().running, MANY);
	for (int i = 0; i < MANY; i++)
		sem_post(&go_on);
	for (int i = 0; i < MANY; i++) {
		pthread_join(threads[i], &rc);
		assert_int_equal((intptr_t)rc, 0);
	}
}

static void stop_cancels_what_runs(void **state)
{
	struct client c;
	pthread_t thread;
	void *rc;

	(void)state;
	client_init(&c, 60000);
	assert_int_equal(pthread_create(&thread, NULL, fetch_never, &c), 0);
	sem_wait(&arrived);
	http_stop();
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, ASKD_E_CANCELED);
	client_finish(&c);
	client_init(&c, 1000);
	assert_int_equal(get(&c, "/echo"), ASKD_E_CANCELED);
	client_finish(&c);
	assert_int_equal(http_start(NULL), ASKD_OK);
	client_init(&c, 10000);
	assert_int_equal(get(&c, "/echo"), ASKD_OK);
	client_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(body_headers_and_status_arrive),
	        cmocka_unit_test(any_status_is_a_reply),
	        cmocka_unit_test(faults_have_their_class),
	        cmocka_unit_test(nobody_listening_is_not_maybe_done),
	        cmocka_unit_test(injected_lines_are_refused),
	        cmocka_unit_test(deadline_ends_the_wait),
	        cmocka_unit_test(cancel_ends_the_transfer_at_once),
	        cmocka_unit_test(closed_kept_connection_is_tried_anew),
	        cmocka_unit_test(connections_are_reused),
	        cmocka_unit_test(stream_arrives_on_the_callers_thread),
	        cmocka_unit_test(whole_body_is_bounded_by_the_arena),
	        cmocka_unit_test(file_is_sent_from_its_beginning),
	        cmocka_unit_test(five_hundred_wait_at_once),
	        cmocka_unit_test(stop_cancels_what_runs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
