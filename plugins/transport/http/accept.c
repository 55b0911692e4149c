/* accept.c: connections: who may have how many, and for how long. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "http.h"

enum { ACCEPT_BURST = 64 };

struct http_address {
	struct http_address *next; /* in its bucket */
	struct peer peer;
	uint32_t count;
};

/* ---- how many an address has
 * --------------------------------------------------------------------- */

static struct http_address **bucket_of(struct http *http, const struct peer *peer)
{
	uint32_t hash = http->seed;

	for (size_t i = 0; i < sizeof peer->bytes; i++)
		hash = (hash ^ peer->bytes[i]) * 16777619u;
	return &http->addresses[(hash ^ hash >> 15) % HTTP_BUCKETS];
}

/* With the lock. False: it has as many as it may. */
static bool address_add(struct http *http, const struct peer *peer)
{
	struct http_address **bucket, *a;
	struct peer group = *peer;

	peer_group(&group);
	bucket = bucket_of(http, &group);
	for (a = *bucket; a; a = a->next)
		if (!memcmp(a->peer.bytes, group.bytes, sizeof group.bytes))
			break;
	if (!a) {
		a = calloc(1, sizeof *a);
		if (!a)
			return false;
		a->peer = group;
		a->next = *bucket;
		*bucket = a;
	}
	if (a->count >= (uint64_t)http->per_address)
		return false;
	a->count++;
	return true;
}

static void address_drop(struct http *http, const struct peer *peer)
{
	struct peer group = *peer;

	peer_group(&group);
	for (struct http_address **a = bucket_of(http, &group); *a; a = &(*a)->next)
		if (!memcmp((*a)->peer.bytes, group.bytes, sizeof group.bytes)) {
			if (!--(*a)->count) {
				struct http_address *empty = *a;

				*a = empty->next;
				free(empty);
			}
			return;
		}
}

/* ---- the table of connections
 * -------------------------------------------------------------------- */

/* With the lock. */
static void conn_drop(struct http *http, struct http_conn *conn)
{
	if (!conn)
		return;
	http->conns[conn->fd] = NULL;
	http->conn_count--;
	if (conn->counted)
		address_drop(http, &conn->peer);
	free(conn);
}

/* With the lock. */
static bool conn_room(struct http *http, int fd)
{
	size_t room = http->conn_room ? http->conn_room : 64;
	struct http_conn **conns;

	while (room <= (size_t)fd)
		room *= 2;
	if (room == http->conn_room)
		return true;
	conns = reallocarray(http->conns, room, sizeof *conns);
	if (!conns)
		return false;
	memset(conns + http->conn_room, 0, (room - http->conn_room) * sizeof *conns);
	http->conns = conns;
	http->conn_room = room;
	return true;
}

/* False: there are too many already, or there is no memory. */
static bool conn_add(struct http *http, int fd, const struct sockaddr *address)
{
	struct http_conn *conn = calloc(1, sizeof *conn);
	bool added = false;

	if (!conn)
		return false;
	conn->http = http;
	conn->fd = fd;
	peer_of(address, &conn->peer);
	peer_print(&conn->peer, conn->remote);
	conn->until_us = http_now_us() + http->header_ms * 1000;
	conn->counted = http->per_address && !conn->peer.local && !peer_is_loopback(&conn->peer) &&
	                !peer_is_in(&conn->peer, http->nets, http->net_count);
	pthread_mutex_lock(&http->lock);
	/* One that the library gave up before it began with it has left its number behind. */
	if ((size_t)fd < http->conn_room)
		conn_drop(http, http->conns[fd]);
	if (http->conn_count < http->room && conn_room(http, fd) &&
	        (!conn->counted || address_add(http, &conn->peer))) {
		http->conns[fd] = conn;
		http->conn_count++;
		added = true;
	}
	pthread_mutex_unlock(&http->lock);
	if (!added)
		free(conn);
	return added;
}

/* ---- accepting
 * ----------------------------------------------------------------------------------- */

static void refuse(const struct http *http, int fd)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
	                           "Content-Length: 0\r\nConnection: close\r\n\r\n";

	if (!http->certificate && send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

bool accept_all(struct http *http, int listener)
{
	for (int i = 0; i < ACCEPT_BURST; i++) {
		struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
		struct sockaddr *any = (struct sockaddr *)&address;
		socklen_t size = sizeof address;
		int fd = accept4(listener, any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
			       errno != ENOMEM;
		}
		if (!conn_add(http, fd, any)) {
			refuse(http, fd);
			continue;
		}
		/* The library closes the socket also when it fails, and the number may be another's
		 * by then: the table forgets it when the number comes again. */
		(void)MHD_add_connection(
		        http->daemons[(unsigned int)fd % http->daemon_count], fd, any, size);
	}
	return true;
}

void accept_notify(void *cls, struct MHD_Connection *mhd, void **context,
        enum MHD_ConnectionNotificationCode what)
{
	struct http *http = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED && *context)
		serve_forgotten(*context);
	pthread_mutex_lock(&http->lock);
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
		        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		struct http_conn *conn = http->conns[info->connect_fd];

		conn->started = true;
		*context = conn;
	} else {
		conn_drop(http, *context);
		*context = NULL;
	}
	pthread_mutex_unlock(&http->lock);
}

size_t accept_sweep(struct http *http, enum accept_sweep which)
{
	int64_t now_us = http_now_us();
	size_t count = 0;

	pthread_mutex_lock(&http->lock);
	for (size_t fd = 0; http->conn_count && fd < http->conn_room; fd++) {
		struct http_conn *conn = http->conns[fd];
		int64_t until_us;
		int waiting = 0;

		if (!conn)
			continue;
		until_us = conn->until_us;
		/* The library may have given up one that it has not begun with. */
		count += conn->started || until_us > now_us;
		if (!conn->started)
			continue;
		if (which == ACCEPT_ALL || (until_us && until_us < now_us) ||
		        (which == ACCEPT_IDLE && conn->served && !conn->busy &&
		                !ioctl(conn->fd, FIONREAD, &waiting) && !waiting))
			shutdown(conn->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&http->lock);
	return count;
}

void accept_finish(struct http *http)
{
	for (size_t fd = 0; fd < http->conn_room; fd++)
		conn_drop(http, http->conns[fd]);
	free(http->conns);
	http->conns = NULL;
	http->conn_room = http->conn_count = 0;
}
