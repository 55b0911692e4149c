/* http.c: one request from its check to its reply, on the thread that waits for it. */
#include "run/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugin/registry.h"
#include "run/http_io.h"
#include "run/metrics.h"

enum { HTTP_HEADER_COUNT = 200, HTTP_URL = 16 << 10, HTTP_HEADER = 64 << 10 };
/* Each transfer that waits for its reply holds a buffer of this size; libcurl's own is four times
 * as large. */
static const long HTTP_RECEIVE = 4 << 10;

/* ---- what is asked ----------------------------------------------------------------------------
 */

static bool is_token(struct askd_text text)
{
	if (!text.s || !text.n)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.s[i];

		if (c <= ' ' || c >= 127 || strchr("()<>@,;:\\\"/[]?={}", c))
			return false;
	}
	return true;
}

/* Neither the end of a line nor another control character but the tab. */
static bool is_line(struct askd_text text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.s[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return true;
}

static int32_t check_headers(const struct askd_header *const *headers, struct askd_error *reterr)
{
	static const char *const ours[] = {
	        "content-length", "transfer-encoding", "connection", "expect", "upgrade", NULL};

	for (size_t i = 0; headers && headers[i]; i++) {
		struct askd_text name = headers[i]->name, value = headers[i]->value;

		if (i >= HTTP_HEADER_COUNT)
			return askd_fail(
			        reterr, ASKD_E_INVALID, "more than %d headers", HTTP_HEADER_COUNT);
		if (!is_token(name) || name.n > 256)
			return askd_fail(
			        reterr, ASKD_E_INVALID, "header %zu has no valid name", i + 1);
		if (!value.s || !is_line(value) || value.n > HTTP_HEADER)
			return askd_fail(reterr, ASKD_E_INVALID,
			        "the header %s has no value that fits one line", name.s);
		for (size_t j = 0; ours[j]; j++)
			if (!strcasecmp(name.s, ours[j]))
				return askd_fail(reterr, ASKD_E_INVALID,
				        "the header %s is made by askd itself", ours[j]);
	}
	return ASKD_OK;
}

/* Does no byte to this host leave the machine? */
static bool is_loopback(const char *host)
{
	struct in_addr four;

	return !strcasecmp(host, "localhost") || !strcmp(host, "[::1]") ||
	       !strncmp(host, "[::ffff:127.", 12) ||
	       (inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

/* Checks the address and fills where it leads to. */
static int32_t check_url(struct askd_text url, struct transfer *t, struct askd_error *reterr)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	int32_t rc = ASKD_OK;
	CURLU *parts;

	if (!url.s || !url.n || url.n > HTTP_URL || !is_line(url) || memchr(url.s, ' ', url.n) ||
	        memchr(url.s, '\t', url.n))
		return askd_fail(reterr, ASKD_E_INVALID, "not a URL");
	parts = curl_url();
	if (!parts)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a URL");
	if (curl_url_set(parts, CURLUPART_URL, url.s, 0) != CURLUE_OK ||
	        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
		rc = askd_fail(reterr, ASKD_E_INVALID, "not a URL");
	} else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
		rc = askd_fail(reterr, ASKD_E_INVALID,
		        "found a URL of another scheme, expected http or https");
	} else if (snprintf(t->origin, sizeof t->origin, "%s:%s", host, port) >=
	           (int)sizeof t->origin) {
		rc = askd_fail(reterr, ASKD_E_INVALID, "the name of the host is too long");
	} else {
		t->secure = !strcmp(scheme, "https");
		t->loopback = is_loopback(host);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return rc;
}

static size_t read_file(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	const struct askd_file *file = t->request->file;
	uint64_t left = file->length > t->file_at ? file->length - t->file_at : 0;
	ssize_t got;

	n *= one;
	if (n > left)
		n = (size_t)left;
	if (!n)
		return 0;
	do
		got = pread(file->fd, data, n, (off_t)t->file_at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return CURL_READFUNC_ABORT; /* shorter than it said */
	t->file_at += (uint64_t)got;
	return (size_t)got;
}

static int seek_file(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	t->file_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

static struct curl_slist *make_headers(const struct askd_http_request *in)
{
	struct curl_slist *list = NULL;
	bool typed = false, done = true;
	struct buffer line;

	buffer_init(&line, 0);
	for (size_t i = 0; done && in->headers && in->headers[i]; i++) {
		const struct askd_header *h = in->headers[i];

		buffer_clear(&line);
		buffer_add_text(&line, h->name);
		/* libcurl's way to send a header without a value */
		buffer_add_string(&line, h->value.n ? ": " : ";");
		buffer_add_text(&line, h->value);
		typed = typed || !strcasecmp(h->name.s, "content-type");
		done = !line.failed && add_line(&list, line.s);
	}
	buffer_finish(&line);
	/* No 100-continue, and no type that nobody named. */
	done = done && add_line(&list, "Expect:") && (typed || add_line(&list, "Content-Type:"));
	if (done)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

/* libcurl's options are variadic and may fail for lack of memory. */
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_body(struct transfer *t)
{
	const struct askd_http_request *in = t->request;
	CURL *easy = t->easy;
	bool ok = true, posts;

	posts = !strcmp(in->method.s, "POST") || !strcmp(in->method.s, "PUT") ||
	        !strcmp(in->method.s, "PATCH");
	if (in->file) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_READFUNCTION, read_file);
		SET(CURLOPT_READDATA, t);
		SET(CURLOPT_SEEKFUNCTION, seek_file);
		SET(CURLOPT_SEEKDATA, t);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)in->file->length);
	} else if (in->body.p || posts) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(in->body.p ? in->body.n : 0));
		SET(CURLOPT_POSTFIELDS, in->body.p ? (const char *)in->body.p : "");
	} else if (!strcmp(in->method.s, "HEAD")) {
		SET(CURLOPT_NOBODY, 1L);
		return ok;
	}
	SET(CURLOPT_CUSTOMREQUEST, in->method.s);
	return ok;
}

/* Libcurl does not say why there is no socket. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	t->no_descriptor = fd < 0 && (errno == EMFILE || errno == ENFILE);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static bool set_options(struct transfer *t, struct curl_slist *headers)
{
	const char *authorities = getenv("SSL_CERT_FILE");
	CURL *easy = t->easy;
	bool ok = true;

	SET(CURLOPT_URL, t->request->url.s);
	SET(CURLOPT_PRIVATE, t);
	/* Refused by a handle whose last transfer left it a buffer; that one will do. */
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, HTTP_RECEIVE);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver's thread */
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (authorities && authorities[0])
		SET(CURLOPT_CAINFO, authorities);
	/* Who asks a model on this machine does so to keep the question on it. */
	if (t->loopback)
		SET(CURLOPT_PROXY, "");
	SET(CURLOPT_ERRORBUFFER, t->why);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_HTTP_VERSION, t->side == HTTP_SIDE_2 ? (long)CURL_HTTP_VERSION_2TLS
	                                                 : (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PIPEWAIT, t->side == HTTP_SIDE_2 ? 1L : 0L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_USERAGENT, "askd");
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_HEADERFUNCTION, http_io_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, http_io_write);
	SET(CURLOPT_WRITEDATA, t);
	return ok && set_body(t);
}

/* ---- what comes back --------------------------------------------------------------------------
 */

/* Why there is no reply. The message names the host and nothing else of the URL. */
static int32_t explain(const struct transfer *t, struct askd_error *reterr)
{
	int32_t code = ASKD_E_IO;
	uint32_t flags = t->sent ? ASKD_ERR_MAYBE_DONE : 0;
	const char *why = curl_easy_strerror(t->result);

	switch (t->result) {
	case CURLE_WRITE_ERROR:
		if (t->headers_too_large)
			return askd_fail(reterr, ASKD_E_TOO_LARGE,
			        "%s: the headers of the reply are larger than %d bytes", t->origin,
			        HTTP_HEADERS_MAX);
		if (t->body_too_large) {
			askd_fail(reterr, ASKD_E_TOO_LARGE,
			        "%s: the reply is larger than %zu bytes", t->origin, t->body_max);
			if (reterr)
				reterr->flags = flags;
			return ASKD_E_TOO_LARGE;
		}
		break;
	case CURLE_URL_MALFORMAT:
	case CURLE_BAD_FUNCTION_ARGUMENT:
		code = ASKD_E_INVALID;
		break;
	case CURLE_OUT_OF_MEMORY:
		code = ASKD_E_NOMEM;
		break;
	case CURLE_OPERATION_TIMEDOUT:
		code = ASKD_E_TIMEOUT;
		flags |= ASKD_ERR_RETRY;
		break;
	case CURLE_UNSUPPORTED_PROTOCOL: /* the first line is no status line */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		code = ASKD_E_PROTOCOL;
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return askd_fail(reterr, code,
		        "%s: %s; further authorities are named by the variable SSL_CERT_FILE",
		        t->origin, t->why[0] ? t->why : why);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_READ_ERROR:
	case CURLE_ABORTED_BY_CALLBACK:
		break; /* the same again would end the same way */
	case CURLE_COULDNT_CONNECT:
		if (t->no_descriptor) /* ours is the fault, not the server's */
			return askd_fail(reterr, ASKD_E_NOMEM,
			        "%s: no descriptor is left for a connection, raise LimitNOFILE of "
			        "the service or lower 'connections' of the HTTP transport",
			        t->origin);
		if (!t->loopback && t->why[0])
			why = t->why;
		/* fall through */
	default:
		flags |= ASKD_ERR_RETRY;
	}
	if (t->tunnel >= 300) {
		askd_fail(reterr, code, "%s: the proxy answered %ld", t->origin, t->tunnel);
		flags = t->tunnel >= 500 ? ASKD_ERR_RETRY : 0;
	} else {
		askd_fail(reterr, code, "%s: %s", t->origin, why);
	}
	if (reterr)
		reterr->flags = flags;
	return code;
}

/* Texts are UTF-8; a server may send anything. What is not UTF-8 is read as Latin-1. */
static struct askd_text header_text(struct arena *a, const char *s, size_t n)
{
	struct askd_text text = {0};
	char *out;
	size_t m = 0;

	if (text_is_valid(s, n)) {
		text.s = arena_copy(a, s, n);
		text.n = n;
		return text;
	}
	out = arena_alloc(a, 2 * n + 1);
	if (!out)
		return text;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x80) {
			out[m++] = (char)(0xc0 | c >> 6);
			c = 0x80 | (c & 0x3f);
		}
		out[m++] = (char)c;
	}
	out[m] = 0;
	return (struct askd_text){out, m};
}

static int32_t take_headers(struct transfer *t, struct arena *a, struct askd_http_response *out,
        struct askd_error *reterr)
{
	const char *s = t->headers.s, *end = s ? s + t->headers.n : s;
	const struct askd_header **list;
	struct askd_header *h;
	size_t count = 0, n = 0;
	bool decoded = false;

	for (const char *at = s; at < end; at += strlen(at) + 1) {
		if (!strcmp(at, "content-encoding"))
			decoded = true;
		at += strlen(at) + 1;
		count++;
	}
	list = arena_zalloc(a, (count + 1) * sizeof(struct askd_header *));
	h = arena_zalloc(a, (count + 1) * sizeof *h);
	if (!list || !h)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for the headers of a reply");
	while (s < end) {
		const char *name = s, *value = name + strlen(name) + 1;

		s = value + strlen(value) + 1;
		/* They describe bytes that nobody sees any more. */
		if (decoded &&
		        (!strcmp(name, "content-encoding") || !strcmp(name, "content-length")))
			continue;
		h[n].size = sizeof *h;
		h[n].name = header_text(a, name, strlen(name));
		h[n].value = header_text(a, value, strlen(value));
		list[n] = &h[n];
		n++;
	}
	if (a->full)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for the headers of a reply");
	out->headers = list;
	return ASKD_OK;
}

static int32_t take_reply(struct transfer *t, struct arena *a, struct askd_http_response *out,
        struct askd_error *reterr)
{
	int32_t rc;

	if (!out)
		return ASKD_OK;
	out->status = (int32_t)t->status;
	rc = take_headers(t, a, out, reterr);
	if (rc || t->streams)
		return rc;
	out->body.p = arena_copy(a, t->body.s ? t->body.s : "", t->body.n);
	out->body.n = t->body.n;
	return out->body.p ? ASKD_OK
	                   : askd_fail(reterr, ASKD_E_TOO_LARGE,
	                             "%s: no room for a reply of %zu bytes", t->origin, t->body.n);
}

/* ---- the wait ---------------------------------------------------------------------------------
 */

static void on_cancel(void *arg)
{
	struct transfer *t = arg;

	pthread_mutex_lock(&t->lock);
	t->canceled = true;
	http_io_unlock_wake(t);
	http_io_wish(t, HTTP_ABORT);
}

/* Hands on what has arrived of a stream. Called and returns with the lock held. */
static int32_t deliver(struct transfer *t)
{
	struct buffer piece = t->body;
	struct askd_http_chunk chunk = {.size = sizeof chunk};
	int32_t rc = ASKD_OK;
	bool paused = t->paused;

	buffer_init(&t->body, 0);
	pthread_mutex_unlock(&t->lock);
	if (paused)
		http_io_wish(t, HTTP_RESUME);
	chunk.data.p = piece.s;
	chunk.data.n = piece.n;
	if (piece.n)
		rc = t->request->stream->put(t->request->stream, &chunk);
	buffer_finish(&piece);
	pthread_mutex_lock(&t->lock);
	return rc;
}

/* Waits for the end and delivers a stream meanwhile; 0, or why the transfer was given up. */
static int32_t wait_for(struct transfer *t, int64_t deadline_us)
{
	int32_t rc = ASKD_OK;
	bool late = false;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		if (t->canceled && !rc)
			rc = ASKD_E_CANCELED;
		if (!rc && t->streams && t->body.n) {
			rc = deliver(t);
			if (rc > 0)
				rc = ASKD_E_INVALID;
			continue;
		}
		if (t->done)
			break;
		if (!rc && deadline_us && (late || clock_monotonic_us() >= deadline_us))
			rc = ASKD_E_TIMEOUT;
		if (rc) {
			/* The I/O thread gives it back soon: it never blocks. */
			pthread_mutex_unlock(&t->lock);
			http_io_wish(t, HTTP_ABORT);
			pthread_mutex_lock(&t->lock);
			while (!t->done)
				http_io_wait(t, 0);
			break;
		}
		late = !http_io_wait(t, deadline_us);
	}
	/* Nobody may touch it any more: not even to post a wake. */
	if (t->woken)
		http_io_wait(t, 0);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

static int32_t gave_up(const struct transfer *t, int32_t rc, struct askd_error *reterr)
{
	if (rc == ASKD_E_TIMEOUT)
		askd_fail(reterr, rc, "%s: no complete reply before the deadline", t->origin);
	else if (rc == ASKD_E_CANCELED)
		askd_fail(reterr, rc, "%s: nobody waits for the reply any more", t->origin);
	else
		askd_fail(reterr, rc, "%s: the receiver of the stream stopped it", t->origin);
	if (reterr)
		reterr->flags = (t->sent ? ASKD_ERR_MAYBE_DONE : 0) |
		                (rc == ASKD_E_TIMEOUT ? ASKD_ERR_RETRY : 0);
	return rc;
}

static int32_t run(struct transfer *t, struct plugin_call *call, struct curl_slist *headers,
        struct askd_http_response *out, struct askd_error *reterr)
{
	struct cancel_hook hook = {.fn = on_cancel, .arg = t};
	struct cancel *cancel = call->scope ? call->scope->cancel : NULL;
	int32_t rc;

	t->side = http_io_side(t->origin, t->secure);
	t->easy = http_io_easy();
	if (!t->easy || !set_options(t, headers)) {
		http_io_recycle(t->easy);
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	}
	if (!http_io_wish(t, HTTP_ADD)) {
		http_io_recycle(t->easy);
		return askd_fail(reterr, ASKD_E_CANCELED, "askd is stopping");
	}
	if (cancel)
		cancel_hook_add(cancel, &hook);
	rc = wait_for(t, call->base.deadline_us);
	if (cancel)
		cancel_hook_remove(cancel, &hook);
	if (rc)
		return gave_up(t, rc, reterr);
	if (t->aborted)
		return gave_up(t, ASKD_E_CANCELED, reterr);
	if (t->result != CURLE_OK)
		return explain(t, reterr);
	return take_reply(t, &call->arena, out, reterr);
}

static int32_t service_fetch(const struct askd_host *host, struct askd_call *base,
        const struct askd_http_request *in, struct askd_http_response *out,
        struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct transfer t = {.request = in};
	struct curl_slist *headers;
	int64_t began_us = clock_monotonic_us();
	int32_t rc;

	(void)host;
	if (!call || !in)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "askd.http/1 fetch needs a call and a request");
	if (!is_token(in->method) || in->method.n > 32)
		return askd_fail(reterr, ASKD_E_INVALID, "not a method of HTTP");
	if ((rc = check_url(in->url, &t, reterr)) || (rc = check_headers(in->headers, reterr)))
		return rc;
	if (askd_canceled(base))
		return gave_up(&t, ASKD_E_CANCELED, reterr);
	headers = make_headers(in);
	if (!headers)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a request");
	t.wants_stream = in->stream != NULL;
	t.body_max = call->arena.limit ? call->arena.limit > call->arena.used
	                                         ? call->arena.limit - call->arena.used
	                                         : 1
	                               : SIZE_MAX / 4;
	buffer_init(&t.headers, HTTP_HEADERS_MAX);
	buffer_init(&t.body, 0);
	pthread_mutex_init(&t.lock, NULL);
	sem_init(&t.wake, 0, 0);
	rc = run(&t, call, headers, out, reterr);
	sem_destroy(&t.wake);
	pthread_mutex_destroy(&t.lock);
	buffer_finish(&t.headers);
	buffer_finish(&t.body);
	curl_slist_free_all(headers);
	metrics_add("askd_http_requests_total", rc ? "result=\"failed\"" : "result=\"replied\"", 1);
	metrics_observe_us("askd_http_request_seconds", NULL, clock_monotonic_us() - began_us);
	return rc;
}

static const struct askd_http_service service = {.size = sizeof service, .fetch = service_fetch};

int32_t http_start(struct askd_error *reterr)
{
	int32_t rc = http_io_open(reterr);

	if (!rc)
		registry_offer_service("askd.http/1", &service, false);
	return rc;
}

void http_stop(void)
{
	http_io_close();
}

struct http_stats http_stats(void)
{
	return http_io_stats();
}
