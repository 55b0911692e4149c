/* local.c: the local socket. A request is one header with the descriptors 0, 1, 2, then the words,
 * each with its length; the reply is the exit status. A client that closes its sending side
 * cancels. */
#include "web/local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum {
	LOCAL_MAGIC = 0x6c6b7361, /* "askl" */
	LOCAL_VERSION = 2,        /* of this exchange */
	LOCAL_WORDS = 1024,
	LOCAL_BYTES = 1 << 20,
	LOCAL_CLIENTS = 64,
	LOCAL_READ_S = 10,
	LOCAL_BACKLOG = 16,
	LOCAL_PAUSE_MS = 100, /* when no descriptor is left */
	LOCAL_STACK = 1 << 20
};

struct header {
	uint32_t magic, version, words, bytes;
};
struct answer {
	uint32_t magic, version;
	int32_t status;
	uint32_t refused; /* 1: another version; status means nothing */
};

struct client {
	struct local_server *server;
	int fd, fds[3];
	pthread_t thread;
	struct cancel cancel;
	bool running; /* the request is read: what comes now is the end of the client */
	bool done;
	struct client *next;
};

struct local_server {
	local_handler handler;
	void *arg;
	int dir, fd, wake;
	pthread_t thread;
	pthread_mutex_t lock; /* all below */
	bool stopping, draining;
	struct client *clients;
	size_t count;
};

/* ---- bytes ------------------------------------------------------------------------------------
 */

static bool read_all(int fd, void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = recv(fd, at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t put = send(fd, at, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		at += put;
		n -= (size_t)put;
	}
	return true;
}

/* The socket's address, however long the folder's name is. */
static void address_of(int dir, struct sockaddr_un *address)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/askd.sock", dir);
}

static void wake(struct local_server *server)
{
	uint64_t one = 1;

	/* A full counter wakes as well. */
	if (write(server->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		log_warning("web", 0, "local socket: %s", strerror(errno));
}

/* ---- the server -------------------------------------------------------------------------------
 */

static bool read_header(struct client *client, struct header *header)
{
	union {
		char room[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {header, sizeof *header};
	struct msghdr message = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.room,
	        .msg_controllen = sizeof control.room};
	struct cmsghdr *c;
	ssize_t got;

	do
		got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			memcpy(client->fds, CMSG_DATA(c), (n < 3 ? n : 3) * sizeof(int));
		}
	return got == sizeof *header && header->magic == LOCAL_MAGIC;
}

/* The words in one block: pointers first. NULL: the request is broken. */
static char **read_words(int fd, const struct header *header)
{
	size_t room = (header->words + 1) * sizeof(char *);
	char **words, *at;
	uint32_t left = header->bytes;

	if (!header->words || header->words > LOCAL_WORDS || header->bytes > LOCAL_BYTES)
		return NULL;
	words = calloc(1, room + header->bytes + header->words);
	if (!words)
		return NULL;
	at = (char *)words + room;
	for (uint32_t i = 0; i < header->words; i++) {
		uint32_t n;

		if (!read_all(fd, &n, sizeof n) || n > left || !read_all(fd, at, n)) {
			free(words);
			return NULL;
		}
		words[i] = at;
		at += n + 1;
		left -= n;
	}
	return words;
}

static void answer(struct client *client, int status, bool refused)
{
	struct answer reply = {LOCAL_MAGIC, LOCAL_VERSION, status, refused};

	if (!write_all(client->fd, &reply, sizeof reply))
		log_debug("web", 0, "a client of the local socket went away");
}

static void serve(struct client *client)
{
	struct local_server *server = client->server;
	struct timeval limit = {.tv_sec = LOCAL_READ_S};
	struct ucred peer;
	socklen_t size = sizeof peer;
	struct header header = {0};
	struct passwd entry, *found = NULL;
	char names[4096], number[24];
	char **words;

	if (setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
	        getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	        !read_header(client, &header))
		return;
	if (header.version != LOCAL_VERSION) {
		answer(client, 1, true);
		return;
	}
	if (client->fds[0] < 0 || client->fds[1] < 0 || client->fds[2] < 0 ||
	        !(words = read_words(client->fd, &header))) {
		if (client->fds[2] >= 0)
			dprintf(client->fds[2],
			        "askd: the running daemon could not take this command in\n");
		answer(client, 1, false);
		return;
	}
	pthread_mutex_lock(&server->lock);
	client->running = true;
	pthread_mutex_unlock(&server->lock);
	wake(server);
	snprintf(number, sizeof number, "%u", peer.uid);
	if (getpwuid_r(peer.uid, &entry, names, sizeof names, &found))
		found = NULL;
	answer(client,
	        server->handler(server->arg, peer.uid, found ? found->pw_name : number,
	                (int)header.words, words, client->fds[0], client->fds[1], client->fds[2],
	                &client->cancel),
	        false);
	free(words);
}

static void *client_thread(void *arg)
{
	struct client *client = arg;
	struct local_server *server = client->server;

	pthread_setname_np(pthread_self(), "local-client");
	serve(client);
	for (size_t i = 0; i < 3; i++)
		if (client->fds[i] >= 0)
			close(client->fds[i]);
	pthread_mutex_lock(&server->lock);
	client->done = true;
	pthread_mutex_unlock(&server->lock);
	wake(server);
	return NULL;
}

static void client_free(struct client *client)
{
	close(client->fd);
	cancel_finish(&client->cancel);
	free(client);
}

/* false: no descriptor is left for one that waits. */
static bool take_client(struct local_server *server)
{
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	struct client *client;
	pthread_attr_t attr;
	int e;

	if (fd < 0)
		return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
	client = server->count < LOCAL_CLIENTS ? calloc(1, sizeof *client) : NULL;
	if (!client) {
		log_warning("web", 0, "local socket: too many commands at once");
		close(fd);
		return true;
	}
	client->server = server;
	client->fd = fd;
	client->fds[0] = client->fds[1] = client->fds[2] = -1;
	cancel_init(&client->cancel);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LOCAL_STACK);
	pthread_mutex_lock(&server->lock);
	e = pthread_create(&client->thread, &attr, client_thread, client);
	if (!e) {
		client->next = server->clients;
		server->clients = client;
		server->count++;
	}
	pthread_mutex_unlock(&server->lock);
	pthread_attr_destroy(&attr);
	if (e) {
		log_warning("web", 0, "local socket: no thread: %s", strerror(e));
		client_free(client);
	}
	return true;
}

/* Ends what is done. */
static void reap(struct local_server *server)
{
	struct client *done = NULL;

	pthread_mutex_lock(&server->lock);
	for (struct client **at = &server->clients; *at;) {
		struct client *client = *at;

		if (client->done) {
			*at = client->next;
			client->next = done;
			done = client;
			server->count--;
		} else {
			at = &client->next;
		}
	}
	pthread_mutex_unlock(&server->lock);
	while (done) {
		struct client *client = done;

		done = client->next;
		pthread_join(client->thread, NULL);
		client_free(client);
	}
}

/* Accepts, watches the running clients for their end, and reaps. */
static void *server_thread(void *arg)
{
	struct local_server *server = arg;
	struct pollfd list[LOCAL_CLIENTS + 2];
	struct client *owners[LOCAL_CLIENTS + 2];
	bool room = true;

	pthread_setname_np(pthread_self(), "local");
	for (;;) {
		bool more;
		nfds_t n = 2;
		uint64_t count;

		list[0] = (struct pollfd){.fd = server->wake, .events = POLLIN};
		list[1] = (struct pollfd){.fd = room ? server->fd : -1, .events = POLLIN};
		pthread_mutex_lock(&server->lock);
		if (server->stopping) {
			list[1].fd = -1;
			for (struct client *c = server->clients; c; c = c->next) {
				cancel_fire(&c->cancel);
				if (!c->running)
					shutdown(c->fd, SHUT_RD);
			}
		}
		for (struct client *c = server->clients; c; c = c->next)
			if (c->running && !c->done && !cancel_fired(&c->cancel)) {
				owners[n] = c;
				list[n++] =
				        (struct pollfd){.fd = c->fd, .events = POLLIN | POLLRDHUP};
			}
		more = server->clients || !(server->stopping || server->draining);
		pthread_mutex_unlock(&server->lock);
		/* The name is gone, so whoever is not in the queue now will not come any more. */
		if (!more && room && (list[1].fd < 0 || poll(&list[1], 1, 0) <= 0))
			break;
		if (poll(list, n, room ? -1 : LOCAL_PAUSE_MS) < 0 && errno != EINTR) {
			log_error("web", 0, "local socket: %s", strerror(errno));
			break;
		}
		if ((list[0].revents & POLLIN) && read(server->wake, &count, sizeof count) < 0 &&
		        errno != EAGAIN)
			log_warning("web", 0, "local socket: %s", strerror(errno));
		for (nfds_t i = 2; i < n; i++)
			if (list[i].revents)
				cancel_fire(&owners[i]->cancel);
		room = !(list[1].revents & POLLIN) || take_client(server);
		reap(server);
	}
	return NULL;
}

static int32_t server_bind(
        struct local_server *server, const char *state_dir, struct askd_error *reterr)
{
	struct sockaddr_un address;

	server->dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server->dir < 0)
		return askd_fail(reterr, ASKD_E_IO, "%s: %s", state_dir, strerror(errno));
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->wake < 0 || server->fd < 0)
		return askd_fail(reterr, ASKD_E_IO, "local socket: %s", strerror(errno));
	/* Whoever is here holds the folder: a socket that is left is of a process that is gone. */
	if (unlinkat(server->dir, "askd.sock", 0) && errno != ENOENT)
		return askd_fail(reterr, ASKD_E_IO, "%s/askd.sock: %s", state_dir, strerror(errno));
	address_of(server->dir, &address);
	if (bind(server->fd, (struct sockaddr *)&address, sizeof address) ||
	        fchmodat(server->dir, "askd.sock", 0600, 0) || listen(server->fd, LOCAL_BACKLOG))
		return askd_fail(reterr, ASKD_E_IO, "%s/askd.sock: %s", state_dir, strerror(errno));
	return ASKD_OK;
}

static void server_free(struct local_server *server)
{
	if (server->fd >= 0)
		close(server->fd);
	if (server->wake >= 0)
		close(server->wake);
	if (server->dir >= 0)
		close(server->dir);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

struct local_server *local_server_start(
        const char *state_dir, local_handler handler, void *arg, struct askd_error *reterr)
{
	struct local_server *server = calloc(1, sizeof *server);
	int e;

	if (!server) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for the local socket");
		return NULL;
	}
	server->handler = handler;
	server->arg = arg;
	server->dir = server->fd = server->wake = -1;
	pthread_mutex_init(&server->lock, NULL);
	if (server_bind(server, state_dir, reterr)) {
		server_free(server);
		return NULL;
	}
	e = pthread_create(&server->thread, NULL, server_thread, server);
	if (e) {
		askd_fail(reterr, ASKD_E_NOMEM, "no thread for the local socket: %s", strerror(e));
		unlinkat(server->dir, "askd.sock", 0);
		server_free(server);
		return NULL;
	}
	return server;
}

static void server_end(struct local_server *server, bool cancel)
{
	if (!server)
		return;
	unlinkat(server->dir, "askd.sock", 0);
	pthread_mutex_lock(&server->lock);
	server->stopping = cancel;
	server->draining = !cancel;
	pthread_mutex_unlock(&server->lock);
	wake(server);
	pthread_join(server->thread, NULL);
	server_free(server);
}

void local_server_stop(struct local_server *server)
{
	server_end(server, true);
}

void local_server_drain(struct local_server *server)
{
	server_end(server, false);
}

/* ---- the client -------------------------------------------------------------------------------
 */

static int client_connect(const char *state_dir)
{
	struct sockaddr_un address;
	int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -1, e = 0;

	if (dir < 0)
		return -1;
	address_of(dir, &address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
		e = errno;
		close(fd);
		fd = -1;
	}
	close(dir);
	errno = e;
	return fd;
}

static bool send_request(int fd, int argc, char **argv)
{
	int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, null = -1;
	struct header header = {LOCAL_MAGIC, LOCAL_VERSION, (uint32_t)argc, 0};
	union {
		char room[CMSG_SPACE(sizeof fds)];
		struct cmsghdr align;
	} control;
	struct iovec part = {&header, sizeof header};
	struct msghdr message = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.room,
	        .msg_controllen = sizeof control.room};
	struct cmsghdr *c;
	bool sent;

	memset(&control, 0, sizeof control);
	for (int i = 0; i < argc; i++)
		header.bytes += (uint32_t)strlen(argv[i]);
	for (size_t i = 0; i < 3; i++)
		if (fcntl(fds[i], F_GETFD) < 0) {
			if (null < 0)
				null = open("/dev/null", O_RDWR | O_CLOEXEC);
			fds[i] = null;
		}
	c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	sent = sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof header;
	if (null >= 0)
		close(null);
	for (int i = 0; sent && i < argc; i++) {
		uint32_t n = (uint32_t)strlen(argv[i]);

		sent = write_all(fd, &n, sizeof n) && write_all(fd, argv[i], n);
	}
	return sent;
}

/* Waits for the answer; an interrupt closes our sending side, which cancels there. */
static bool wait_answer(int fd, int signals, struct answer *reply)
{
	struct pollfd list[2] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(list, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (list[1].revents) {
			if (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
				shutdown(fd, SHUT_WR);
		}
		if (list[0].revents)
			return read_all(fd, reply, sizeof *reply) && reply->magic == LOCAL_MAGIC;
	}
}

int32_t local_client_run(
        const char *state_dir, int argc, char **argv, int *status, struct askd_error *reterr)
{
	int fd = client_connect(state_dir), signals = -1;
	struct answer reply = {0};
	sigset_t set, old;
	int32_t rc = ASKD_OK;

	if (fd < 0)
		return errno == EACCES || errno == EPERM
		               ? askd_fail(reterr, ASKD_E_DENIED,
		                         "%s/askd.sock belongs to another user: run this as the "
		                         "user that runs askd, or name a configuration of "
		                         "your own with -c FILE",
		                         state_dir)
		               : askd_fail(reterr, ASKD_E_NOT_FOUND, "nobody serves %s", state_dir);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		rc = askd_fail(reterr, ASKD_E_IO, "no signals: %s", strerror(errno));
	else if (!send_request(fd, argc, argv) || !wait_answer(fd, signals, &reply))
		rc = askd_fail(reterr, ASKD_E_IO,
		        "the daemon that serves %s went away; what was asked may still be running "
		        "at its next start",
		        state_dir);
	else if (reply.refused)
		rc = askd_fail(reterr, ASKD_E_UNSUPPORTED,
		        "the daemon that serves %s speaks version %u of the local protocol, this "
		        "command %d: restart the daemon",
		        state_dir, reply.version, LOCAL_VERSION);
	else
		*status = reply.status;
	if (signals >= 0)
		close(signals);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(fd);
	return rc;
}
