/* inherit.c: listening sockets that were there before us. */
#include "run/inherit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum { INHERIT_FIRST = 3, INHERIT_MAX = 64, INHERIT_NAME = 64, INHERIT_TEXT = 160 };

static struct inherited {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} address;
	char name[INHERIT_NAME]; /* FileDescriptorName= of the unit */
	int fd;
	bool both;  /* an IPv6 socket that takes IPv4 as well */
	bool taken; /* atomic */
} sockets[INHERIT_MAX];
static size_t count;

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof value;

	return getsockopt(fd, level, name, &value, &size) ? -1 : value;
}

/* The next of the names between colons. */
static void take_name(const char **names, char out[static INHERIT_NAME])
{
	size_t n = *names ? strcspn(*names, ":") : 0;

	snprintf(out, INHERIT_NAME, "%.*s", (int)n, *names ? *names : "");
	if (*names)
		*names += n + ((*names)[n] == ':');
}

static bool is_listener(struct inherited *s)
{
	socklen_t size = sizeof s->address;
	int flags = fcntl(s->fd, F_GETFL), on = 1;
	bool local;

	if (flags < 0 || fcntl(s->fd, F_SETFD, FD_CLOEXEC) ||
	        option(s->fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
	        option(s->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1 ||
	        getsockname(s->fd, &s->address.any, &size) ||
	        fcntl(s->fd, F_SETFL, flags | O_NONBLOCK))
		return false;
	local = s->address.any.sa_family == AF_UNIX;
	s->both = s->address.any.sa_family == AF_INET6 && !option(s->fd, IPPROTO_IPV6, IPV6_V6ONLY);
	return local || !setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void inherit_start(void)
{
	const char *pid_text = getenv("LISTEN_PID"), *n_text = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	int64_t pid = 0, n = 0;

	if (pid_text && n_text && text_to_int(pid_text, &pid) && pid == getpid() &&
	        text_to_int(n_text, &n))
		for (int fd = INHERIT_FIRST; fd < INHERIT_FIRST + n; fd++) {
			struct inherited *s = &sockets[count];

			if (count == INHERIT_MAX) {
				log_warning("run", 0,
				        "more than %d inherited sockets: the rest is "
				        "left alone",
				        INHERIT_MAX);
				break;
			}
			*s = (struct inherited){.fd = fd};
			take_name(&names, s->name);
			if (is_listener(s))
				count++;
			else
				log_warning("run", 0,
				        "the inherited descriptor %d (%s) is no listening stream "
				        "socket: it is left alone",
				        fd, s->name);
		}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static bool is_any(const struct sockaddr_in6 *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(&a->sin6_addr);
}

static bool matches(const struct inherited *s, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)address;

	/* ListenStream=8080 means every address of both families, and so does "*:8080". */
	if (s->both && is_any(&s->address.v6) && address->sa_family == AF_INET)
		return v4->sin_addr.s_addr == htonl(INADDR_ANY) &&
		       v4->sin_port == s->address.v6.sin6_port;
	if (s->address.any.sa_family != address->sa_family)
		return false;
	switch (address->sa_family) {
	case AF_INET:
		return v4->sin_port == s->address.v4.sin_port &&
		       v4->sin_addr.s_addr == s->address.v4.sin_addr.s_addr;
	case AF_INET6:
		return v6->sin6_port == s->address.v6.sin6_port &&
		       !memcmp(&v6->sin6_addr, &s->address.v6.sin6_addr, sizeof v6->sin6_addr);
	default:
		return !strncmp(local->sun_path, s->address.local.sun_path, sizeof local->sun_path);
	}
}

int inherit_take(const struct sockaddr *address)
{
	for (size_t i = 0; i < count; i++)
		if (matches(&sockets[i], address)) {
			int fd = fcntl(sockets[i].fd, F_DUPFD_CLOEXEC, INHERIT_FIRST);

			if (fd >= 0)
				__atomic_store_n(&sockets[i].taken, true, __ATOMIC_RELAXED);
			return fd;
		}
	return -1;
}

static void print_address(const struct inherited *s, char out[static INHERIT_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";

	switch (s->address.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &s->address.v4.sin_addr, host, sizeof host);
		snprintf(out, INHERIT_TEXT, "%s:%u", host, ntohs(s->address.v4.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &s->address.v6.sin6_addr, host, sizeof host);
		snprintf(out, INHERIT_TEXT, "[%s]:%u", host, ntohs(s->address.v6.sin6_port));
		break;
	default:
		snprintf(out, INHERIT_TEXT, "unix:%.*s", (int)sizeof s->address.local.sun_path,
		        s->address.local.sun_path);
	}
}

void inherit_tell_rest(void)
{
	char text[INHERIT_TEXT];

	for (size_t i = 0; i < count; i++)
		if (!__atomic_load_n(&sockets[i].taken, __ATOMIC_RELAXED)) {
			print_address(&sockets[i], text);
			log_warning("run", 0,
			        "the inherited socket %s (%s) is answered by nobody: name this "
			        "address under 'listen' of a transport, or take it out of the "
			        "socket unit",
			        text, sockets[i].name);
		}
}

void inherit_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			log_warning("run", 0, "the limit of descriptors cannot be raised: %s",
			        strerror(errno));
	}
}
