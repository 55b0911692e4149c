/* http.c: the transport "http": options, and the loop that accepts and watches connections. */
#include "http.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	TURN_MS = 200,          /* between two looks at the cancel word */
	SWEEP_US = 1000 * 1000, /* between two looks at slow connections */
	DRAIN_TURN_MS = 50,
	PAUSE_US = 100 * 1000, /* without accepting, when no descriptor is left */
	KEEP_SHARE = 4,        /* of the descriptors, for models and databases: 1 in so many */
	KEEP_MIN = 128,        /* of those, or half of all if that is less */
	KEEP_MAX = 1024,       /* of those */
	EVENTS = 64,
	PEM_MAX = 1 << 20
};

static const struct askd_option options[] = {
        {.name = "listen",
                .help = "Addresses to listen on: HOST:PORT, [HOST]:PORT or unix:/PATH",
                .def = "[\"127.0.0.1:8080\"]",
                ASKD_OPTION_LIST(struct http, listen)},
        {.name = "tls_certificate",
                .help = "PEM file of the certificate and its chain; without it TLS is off. A "
                        "reload "
                        "takes a renewed file",
                .flags = ASKD_OPT_FILE,
                ASKD_OPTION_TEXT(struct http, tls_certificate)},
        {.name = "tls_key",
                .help = "PEM file of the certificate's private key",
                .flags = ASKD_OPT_FILE,
                ASKD_OPTION_TEXT(struct http, tls_key)},
        {.name = "proxies",
                .help = "Addresses and networks of proxies whose X-Forwarded-For and "
                        "X-Forwarded-Proto are believed; unix: whoever uses a local socket",
                ASKD_OPTION_LIST(struct http, proxies)},
        {.name = "cors",
                .help = "Origins whose pages may use the service, such as "
                        "https://app.example.org",
                ASKD_OPTION_LIST(struct http, cors)},
        {.name = "connections",
                .help = "Most connections at once",
                .def = "10000",
                .min = 1,
                .max = 1000000,
                ASKD_OPTION_INT(struct http, connections)},
        {.name = "per_address",
                .help = "Most connections of one address, or IPv6 network of 64 bits; proxies and "
                        "this machine are not counted; 0: no limit",
                .def = "512",
                .max = 1000000,
                ASKD_OPTION_INT(struct http, per_address)},
        {.name = "body",
                .help = "Longest body of a request whose route does not say otherwise",
                .def = "1M",
                .min = 1024,
                .max = INT64_C(1) << 40,
                ASKD_OPTION_SIZE(struct http, body)},
        {.name = "header_timeout",
                .help = "Time in which the headers of a request must have arrived",
                .def = "15s",
                .min = 100,
                .max = 600000,
                ASKD_OPTION_DURATION(struct http, header_ms)},
        {.name = "idle_timeout",
                .help = "Time after which a connection on which nothing moves is closed",
                .def = "60s",
                .min = 1000,
                .max = 3600000,
                ASKD_OPTION_DURATION(struct http, idle_ms)},
        {.name = "memory",
                .help = "Memory of a connection, which the headers of a request must fit in",
                .def = "8704",
                .min = 4096,
                .max = 128 << 10,
                ASKD_OPTION_SIZE(struct http, memory)},
        {.name = "threads",
                .help = "Threads that read requests and write answers; one serves tens of "
                        "thousands a second, more help where many begin TLS at once",
                .def = "1",
                .min = 1,
                .max = HTTP_LOOPS_MAX,
                ASKD_OPTION_INT(struct http, loops)},
        {.name = NULL},
};

int64_t http_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- open
 * ------------------------------------------------------------------------------------------- */

static char *file_read(const char *path, const char *option, struct askd_error *reterr)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(PEM_MAX + 1) : NULL;
	size_t n;

	if (!file) {
		askd_fail(reterr, ASKD_E_CONFIG, "%s: cannot read %.200s: %s", option, path,
		        strerror(errno));
		return NULL;
	}
	n = text ? fread(text, 1, PEM_MAX + 1, file) : 0;
	fclose(file);
	if (!n || n > PEM_MAX || memchr(text, 0, n) || !strstr((text[n] = 0, text), "-----BEGIN")) {
		askd_fail(reterr, ASKD_E_CONFIG, "%s: %.200s is no PEM file", option, path);
		free(text);
		return NULL;
	}
	return text;
}

static void library_log(void *cls, const char *format, va_list ap)
{
	const struct http *http = cls;
	char line[400];
	int n = vsnprintf(line, sizeof line, format, ap);

	for (size_t i = 0; n > 0 && i < sizeof line && line[i]; i++)
		if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] > '~')
			line[i] = line[i] == '\n' ? ' ' : '?';
	if (n > 0)
		http->host->log(http->host, NULL, ASKD_LOG_DEBUG, line);
}

static struct MHD_Daemon *library_start(struct http *http, bool trial)
{
	struct MHD_OptionItem tls[] = {
	        {MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate},
	        {MHD_OPTION_HTTPS_MEM_KEY, 0, http->key},
	        {MHD_OPTION_HTTPS_PRIORITIES, 0,
	                (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
	        {MHD_OPTION_END, 0, NULL},
	};
	unsigned int flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;

	if (!trial)
		flags |= MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
	if (http->certificate)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, serve, http, MHD_OPTION_EXTERNAL_LOGGER,
	        library_log, http, MHD_OPTION_NOTIFY_CONNECTION, accept_notify, http,
	        MHD_OPTION_NOTIFY_COMPLETED, serve_completed, http, MHD_OPTION_URI_LOG_CALLBACK,
	        serve_uri, http, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)http->memory,
	        MHD_OPTION_CONNECTION_LIMIT, (unsigned int)http->connections,
	        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)((http->idle_ms + 999) / 1000),
	        MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_THREAD_STACK_SIZE, (size_t)HTTP_STACK,
	        MHD_OPTION_ARRAY, http->certificate ? tls : &tls[3], MHD_OPTION_END);
}

static int32_t open_tls(struct http *http, struct askd_error *reterr)
{
	struct MHD_Daemon *trial;

	if (!http->tls_certificate && !http->tls_key)
		return ASKD_OK;
	if (!http->tls_certificate || !http->tls_key)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'tls_certificate' and 'tls_key' belong "
		        "together: give both or none");
	http->certificate = file_read(http->tls_certificate, "tls_certificate", reterr);
	http->key = http->certificate ? file_read(http->tls_key, "tls_key", reterr) : NULL;
	if (!http->key)
		return ASKD_E_CONFIG;
	trial = library_start(http, true);
	if (!trial)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "the certificate in %.150s and the key in %.150s cannot be used together",
		        http->tls_certificate, http->tls_key);
	MHD_stop_daemon(trial);
	return ASKD_OK;
}

static int32_t open_lists(struct http *http, struct askd_error *reterr)
{
	size_t n = 0;

	while (http->listen && http->listen[n])
		n++;
	if (!n || n > HTTP_LISTEN_MAX)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'listen' names %zu addresses, 1 to %d can be", n, HTTP_LISTEN_MAX);
	for (const char *const *o = http->cors; o && *o; o++) {
		const char *host = strstr(*o, "://");

		if (strcmp(*o, "*") != 0 && (!host || !host[3] || strchr(host + 3, '/')))
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "cors: \"%.100s\" is no origin such as https://app.example.org "
			        "(without a path)",
			        *o);
		if (!path_is_text(*o, strlen(*o), false))
			return askd_fail(reterr, ASKD_E_CONFIG, "cors: an origin is no text");
	}
	for (n = 0; http->proxies && http->proxies[n]; n++)
		;
	http->nets = calloc(n + 1, sizeof *http->nets);
	if (!http->nets)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the list of proxies");
	for (; http->net_count < n; http->net_count++)
		if (!peer_net_parse(http->proxies[http->net_count], &http->nets[http->net_count]))
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "proxies: \"%.100s\" is no address or network such as 10.0.0.0/8, "
			        "2001:db8::/32 or unix",
			        http->proxies[http->net_count]);
	return ASKD_OK;
}

static void finish(struct http *http, struct askd_call *call);

static void http_close(void *self)
{
	struct http *http = self;

	finish(http, NULL);
	pthread_mutex_destroy(&http->lock);
	if (http->key)
		explicit_bzero(http->key, strlen(http->key));
	free(http->key);
	free(http->certificate);
	free(http->nets);
}

static int32_t http_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct http *http = self;
	int32_t rc;

	http->host = host;
	http->epoll = -1;
	pthread_mutex_init(&http->lock, NULL);
	rc = askd_need(host, "askd.web/1", &http->web, reterr);
	if (!rc)
		rc = askd_need(host, "askd.listen/1", &http->listening, reterr);
	if (!rc)
		rc = host->random(host, &http->seed, sizeof http->seed);
	if (!rc)
		rc = open_lists(http, reterr);
	if (!rc)
		rc = open_tls(http, reterr);
	if (rc)
		http_close(http);
	return rc;
}

/* ---- the loop
 * ------------------------------------------------------------------------------------------ */

struct loop {
	struct http *http;
	struct askd_call *call;
	int listeners[HTTP_LISTEN_MAX];
	size_t count;
	bool listening; /* the listeners are in the set */
	int64_t sweep_us;
	int64_t paused_us; /* when descriptors had run out last; 0: never */
};

static void listen_on(struct loop *loop, bool on)
{
	for (size_t i = 0; i < loop->count && loop->listening != on; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};

		epoll_ctl(loop->http->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, loop->listeners[i],
		        &event);
	}
	loop->listening = on;
}

static void turn(struct loop *loop, int wait_ms)
{
	struct http *http = loop->http;
	struct epoll_event events[EVENTS];
	int n = epoll_wait(http->epoll, events, EVENTS, wait_ms);
	int64_t now_us = http_now_us();

	for (int i = 0; i < n; i++) {
		uint64_t id = events[i].data.u64;

		if (id >= HTTP_LISTEN_MAX) {
			serve_hung_up(http, loop->call, id);
		} else if (!accept_all(http, loop->listeners[id])) {
			/* No descriptor is left: look again later instead of turning in circles. */
			if (!loop->paused_us || now_us - loop->paused_us > 60 * SWEEP_US)
				http->host->log(http->host, loop->call, ASKD_LOG_WARNING,
				        "no descriptors are left for new connections: raise "
				        "LimitNOFILE of the service or lower 'connections'");
			loop->paused_us = now_us;
			listen_on(loop, false);
			break;
		}
	}
	if (!http->draining && now_us - loop->paused_us >= PAUSE_US)
		listen_on(loop, true);
	if (now_us - loop->sweep_us >= SWEEP_US) {
		loop->sweep_us = now_us;
		accept_sweep(http, ACCEPT_SLOW);
	}
}

static bool is_idle(struct http *http)
{
	bool idle;

	pthread_mutex_lock(&http->lock);
	idle = !http->request_count;
	pthread_mutex_unlock(&http->lock);
	return idle;
}

/* Ends what is left; nothing is accepted any more. */
static void finish(struct http *http, struct askd_call *call)
{
	struct loop loop = {.http = http, .call = call};

	if (http->epoll < 0)
		return;
	http->draining = true;
	serve_abort(http);
	/* The library must not be stopped while a connection is parked. */
	while (!is_idle(http)) {
		accept_sweep(http, ACCEPT_ALL);
		turn(&loop, 10);
	}
	for (unsigned int i = 0; i < http->daemon_count; i++)
		MHD_stop_daemon(http->daemons[i]);
	http->daemon_count = 0;
	accept_finish(http);
	close(http->epoll);
	http->epoll = -1;
}

/* Clients never get the descriptors that their questions need. */
static void fit_connections(struct loop *loop)
{
	struct http *http = loop->http;
	struct rlimit limit;
	uint64_t kept;
	char text[256];

	http->room = (size_t)http->connections;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return;
	kept = limit.rlim_cur / KEEP_SHARE;
	if (kept < KEEP_MIN)
		kept = limit.rlim_cur < 2 * KEEP_MIN ? limit.rlim_cur / 2 : KEEP_MIN;
	if (kept > KEEP_MAX)
		kept = KEEP_MAX;
	if (http->room <= limit.rlim_cur - kept)
		return;
	http->room = (size_t)(limit.rlim_cur - kept);
	snprintf(text, sizeof text,
	        "connections: %lld do not fit into the %llu descriptors of this process, of which "
	        "%llu are kept for models and databases: at most %zu are taken; raise LimitNOFILE "
	        "of the service or lower 'connections'",
	        (long long)http->connections, (unsigned long long)limit.rlim_cur,
	        (unsigned long long)kept, http->room);
	http->host->log(http->host, loop->call, ASKD_LOG_WARNING, text);
}

static int32_t start(struct loop *loop, struct askd_error *reterr)
{
	struct http *http = loop->http;

	http->draining = http->aborting = false;
	fit_connections(loop);
	http->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (http->epoll < 0)
		return askd_fail(reterr, ASKD_E_IO, "no epoll set: %s", strerror(errno));
	for (; http->listen[loop->count]; loop->count++) {
		ASKD_MAKE(struct askd_listen_request, request,
		        .flags = http->listen[loop->count + 1] ? ASKD_LISTEN_MORE : 0,
		        .address = askd_text_of(http->listen[loop->count]));
		ASKD_MAKE(struct askd_listen_socket, socket, .fd = -1);
		int32_t rc =
		        http->listening->open(http->host, loop->call, &request, &socket, reterr);

		if (rc)
			return rc;
		loop->listeners[loop->count] = socket.fd;
	}
	for (; http->daemon_count < (unsigned int)http->loops; http->daemon_count++) {
		http->daemons[http->daemon_count] = library_start(http, false);
		if (!http->daemons[http->daemon_count])
			return askd_fail(reterr, ASKD_E_IO, "the HTTP library does not start: %s",
			        strerror(errno));
	}
	listen_on(loop, true);
	return ASKD_OK;
}

ASKD_DEFINE(http_run, askd_nothing, askd_nothing)
{
	struct http *http = self;
	struct loop loop = {.http = http, .call = call};
	int32_t rc;

	finish(http, call);
	rc = start(&loop, reterr);
	if (rc) {
		finish(http, call);
		return rc;
	}
	while (!askd_canceled(call))
		turn(&loop, loop.listening ? TURN_MS : PAUSE_US / 1000);
	/* What is being answered goes on: see drain. */
	listen_on(&loop, false);
	http->draining = true;
	return ASKD_E_CANCELED;
}

ASKD_DEFINE(http_drain, askd_nothing, askd_nothing)
{
	struct http *http = self;
	struct loop loop = {.http = http, .call = call};
	size_t left = 0;

	while (http->epoll >= 0 && (left = accept_sweep(http, ACCEPT_IDLE)) &&
	        !askd_canceled(call) && askd_limit_ms(call, DRAIN_TURN_MS))
		turn(&loop, DRAIN_TURN_MS);
	finish(http, call);
	if (!left)
		return ASKD_OK;
	return askd_fail(reterr, askd_canceled(call) ? ASKD_E_CANCELED : ASKD_E_TIMEOUT,
	        "%zu connections were left", left);
}

ASKD_DEFINE(http_capabilities, askd_nothing, askd_capabilities)
{
	out->flags = ASKD_TRANSPORT_SYNCHRONOUS;
	return ASKD_OK;
}

/* ---- tables
 * ---------------------------------------------------------------------------------------------- */

ASKD_MAKE(static const struct askd_web_server, server, .begin = reply_begin, .write = stream_write,
        .drain = http_drain);
ASKD_MAKE(static const struct askd_extension, server_extension, .id = "askd.web_server/1",
        .table = &server);
static const struct askd_extension *const extensions[] = {&server_extension, NULL};
ASKD_MAKE(static const struct askd_transport_iface, iface, .run = http_run,
        .capabilities = http_capabilities);

ASKD_PLUGIN(.kind = ASKD_KIND_TRANSPORT, .name = "http", .version = "0.9.0",
        .summary = "Serves the routes of askd over HTTP", .license = "MIT AND LGPL-2.1-or-later",
        .options = options, .instance_size = sizeof(struct http), .flags = ASKD_CONCURRENT,
        .open = http_open, .close = http_close, .iface = &iface, .extensions = extensions);
