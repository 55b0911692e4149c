/* listen.c: listening sockets, kept by address so that a new generation of the configuration can
 * take over what the old one serves. */
#include "run/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "plugin/call.h"
#include "plugin/registry.h"
#include "run/inherit.h"

enum { LISTEN_BACKLOG = 1024 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

struct listener {
	struct listener *next;
	union address address; /* as asked for: zeroed before it was filled */
	int fd;
	uint64_t user; /* the instance that asked for it last */
	dev_t dev;     /* of a local socket's file: only our own is removed */
	ino_t ino;
};

/* Who has opened all its sockets, or failed to. */
struct opener {
	struct opener *next;
	uint64_t user;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static struct listener *listeners;
static struct opener *openers;

static bool port_of(const char *s, in_port_t *port)
{
	int64_t value;

	if (!text_to_int(s, &value) || value < 0 || value > 65535)
		return false;
	*port = htons((uint16_t)value);
	return true;
}

/* "127.0.0.1:8080", "localhost:8080", "[::1]:8080", "*:8080", "unix:/run/x.sock" */
static bool parse(const char *s, union address *a, socklen_t *size)
{
	char host[64];
	const char *colon;
	size_t n;

	memset(a, 0, sizeof *a);
	if (!strncmp(s, "unix:", 5)) {
		s += 5;
		n = strlen(s);
		if (s[0] != '/' || n >= sizeof a->local.sun_path)
			return false;
		a->local.sun_family = AF_UNIX;
		memcpy(a->local.sun_path, s, n + 1);
		*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
		return true;
	}
	colon = strrchr(s, ':');
	if (!colon || colon == s)
		return false;
	n = (size_t)(colon - s);
	if (n >= sizeof host)
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = 0;
		a->v6.sin6_family = AF_INET6;
		*size = sizeof a->v6;
		return inet_pton(AF_INET6, host + 1, &a->v6.sin6_addr) == 1 &&
		       port_of(colon + 1, &a->v6.sin6_port);
	}
	a->v4.sin_family = AF_INET;
	*size = sizeof a->v4;
	if (!strcmp(host, "localhost"))
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (!strcmp(host, "*"))
		a->v4.sin_addr.s_addr = htonl(INADDR_ANY);
	else if (inet_pton(AF_INET, host, &a->v4.sin_addr) != 1)
		return false;
	return port_of(colon + 1, &a->v4.sin_port);
}

/* A file left by a process that is gone; one that still answers is left alone. */
static void remove_stale(const struct sockaddr_un *local, socklen_t size)
{
	struct stat st;
	int fd;

	if (lstat(local->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)local, size) && errno == ECONNREFUSED)
		unlink(local->sun_path);
	close(fd);
}

static int fail_errno(const char *address, int error, struct askd_error *reterr)
{
	int32_t code = ASKD_E_IO;
	const char *remedy = "";

	if (error == EADDRINUSE) {
		code = ASKD_E_CONFLICT;
		remedy = "; another program listens there: choose another address or stop it";
	} else if (error == EACCES || error == EPERM) {
		code = ASKD_E_DENIED;
		remedy = "; ports under 1024 and the folder of a socket need the right";
	} else if (error == EADDRNOTAVAIL) {
		code = ASKD_E_CONFIG;
		remedy = "; this machine does not have the address";
	}
	askd_fail(reterr, code, "cannot listen on %.120s: %s%s", address, strerror(error), remedy);
	if (reterr)
		reterr->detail = error;
	return -1;
}

static int socket_make(
        const char *address, struct listener *l, socklen_t size, struct askd_error *reterr)
{
	bool local = l->address.any.sa_family == AF_UNIX;
	struct stat st;
	int fd, on = 1, error;

	fd = inherit_take(&l->address.any);
	if (fd >= 0)
		return fd; /* the file of a local one is not ours to remove */
	fd = socket(l->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(address, errno, reterr);
	if (local) {
		remove_stale(&l->address.local, size);
	} else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
	           (l->address.any.sa_family == AF_INET6 &&
	                   setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on))) {
		goto fail;
	}
	if (bind(fd, &l->address.any, size))
		goto fail;
	if (local) {
		if (lstat(l->address.local.sun_path, &st))
			goto fail;
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	if (listen(fd, LISTEN_BACKLOG))
		goto fail;
	return fd;
fail:
	error = errno;
	close(fd);
	return fail_errno(address, error, reterr);
}

static void name_of(const union address *a, char name[LISTEN_NAME])
{
	char host[INET6_ADDRSTRLEN];

	if (a->any.sa_family == AF_UNIX)
		snprintf(name, LISTEN_NAME, "unix:%s", a->local.sun_path);
	else if (a->any.sa_family == AF_INET6)
		snprintf(name, LISTEN_NAME, "[%s]:%u",
		        inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof host),
		        ntohs(a->v6.sin6_port));
	else if (a->v4.sin_addr.s_addr == htonl(INADDR_ANY))
		snprintf(name, LISTEN_NAME, "*:%u", ntohs(a->v4.sin_port));
	else
		snprintf(name, LISTEN_NAME, "%s:%u",
		        inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof host),
		        ntohs(a->v4.sin_port));
}

bool listen_name(const char *address, char name[LISTEN_NAME])
{
	union address a;
	socklen_t size;

	if (!parse(address, &a, &size))
		return false;
	name_of(&a, name);
	return true;
}

void listen_each(void (*tell)(void *arg, const char *name), void *arg)
{
	char name[LISTEN_NAME];

	pthread_mutex_lock(&lock);
	for (const struct listener *l = listeners; l; l = l->next) {
		name_of(&l->address, name);
		tell(arg, name);
	}
	pthread_mutex_unlock(&lock);
}

static int32_t fail_address(const char *address, struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_CONFIG,
	        "found the address '%.120s', expected IPv4:PORT, [IPv6]:PORT, *:PORT, "
	        "localhost:PORT or unix:/PATH",
	        address);
}

int32_t listen_try(const char *address, struct askd_error *reterr)
{
	struct listener l = {0};
	struct askd_error err = {0};
	socklen_t size = 0;
	int fd;

	if (!parse(address, &l.address, &size))
		return fail_address(address, reterr);
	fd = socket_make(address, &l, size, &err);
	if (fd < 0) {
		if (reterr)
			*reterr = err;
		return err.code;
	}
	if (l.address.any.sa_family == AF_UNIX)
		unlink(l.address.local.sun_path);
	close(fd);
	return ASKD_OK;
}

int listen_open(const char *address, uint64_t user, struct askd_error *reterr)
{
	struct listener *l, *found;
	socklen_t size = 0;
	int fd = -1;

	l = calloc(1, sizeof *l);
	if (!l) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a listening socket");
		return -1;
	}
	if (!parse(address, &l->address, &size)) {
		fail_address(address, reterr);
		free(l);
		return -1;
	}
	pthread_mutex_lock(&lock);
	for (found = listeners; found; found = found->next)
		if (!memcmp(&found->address, &l->address, sizeof l->address))
			break;
	if (found) {
		fd = found->fd;
		found->user = user;
		free(l);
	} else {
		fd = l->fd = socket_make(address, l, size, reterr);
		if (fd < 0) {
			free(l);
		} else {
			l->user = user;
			l->next = listeners;
			listeners = l;
		}
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

/* With the lock. */
static bool is_open(uint64_t user)
{
	const struct opener *o = openers;

	while (o && o->user != user)
		o = o->next;
	return o != NULL;
}

static void note_opener(uint64_t user)
{
	struct opener *o;

	pthread_mutex_lock(&lock);
	o = is_open(user) ? NULL : calloc(1, sizeof *o);
	if (o) {
		*o = (struct opener){openers, user};
		openers = o;
		pthread_cond_broadcast(&opened);
	}
	pthread_mutex_unlock(&lock);
}

bool listen_wait(const struct plugin_instance *instance, int64_t until_us)
{
	const struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
	bool is;

	pthread_mutex_lock(&lock);
	while (!(is = is_open(instance->id)) && clock_monotonic_us() < until_us)
		pthread_cond_clockwait(&opened, &lock, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&lock);
	return is;
}

static int32_t service_open(const struct askd_host *host, struct askd_call *call,
        const struct askd_listen_request *in, struct askd_listen_socket *out,
        struct askd_error *reterr)
{
	struct askd_error err = {0};
	int fd;

	(void)host;
	if (!in || !in->address.s)
		return askd_fail(reterr, ASKD_E_INVALID, "askd.listen/1 open needs an address");
	fd = listen_open(in->address.s, plugin_call_of(call)->owner->id, &err);
	if (fd < 0 || !(in->flags & ASKD_LISTEN_MORE))
		note_opener(plugin_call_of(call)->owner->id);
	if (fd < 0) {
		if (reterr)
			*reterr = err;
		return err.code;
	}
	if (out)
		out->fd = fd;
	return ASKD_OK;
}

static const struct askd_listen_service service = {.size = sizeof service, .open = service_open};

int32_t listen_start(struct askd_error *reterr)
{
	(void)reterr;
	registry_offer_service("askd.listen/1", &service, false);
	return ASKD_OK;
}

static void close_list(struct listener *l)
{
	struct listener *next;
	struct stat st;

	for (; l; l = next) {
		next = l->next;
		if (l->address.any.sa_family == AF_UNIX && !lstat(l->address.local.sun_path, &st) &&
		        st.st_dev == l->dev && st.st_ino == l->ino)
			unlink(l->address.local.sun_path);
		close(l->fd);
		free(l);
	}
}

static bool is_among(uint64_t user, const uint64_t *users, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (users[i] == user)
			return true;
	return false;
}

void listen_keep(const uint64_t *users, size_t count)
{
	struct listener **at, *gone = NULL;
	struct opener **each;

	pthread_mutex_lock(&lock);
	for (each = &openers; *each;) {
		struct opener *o = *each;

		if (is_among(o->user, users, count)) {
			each = &o->next;
			continue;
		}
		*each = o->next;
		free(o);
	}
	for (at = &listeners; *at;) {
		struct listener *l = *at;

		if (is_among(l->user, users, count)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		l->next = gone;
		gone = l;
	}
	close_list(gone); /* under the lock: nobody may make one of the same path meanwhile */
	pthread_mutex_unlock(&lock);
}

void listen_stop(void)
{
	listen_keep(NULL, 0);
}
