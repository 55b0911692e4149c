#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Between fork and exec: only what a signal handler may call. Signals of the terminal are for the
 * chat, which passes on what is meant for the errand. */
_Noreturn static void become(const int from[3], char *const *argv, pid_t parent, bool stay)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	/* Whoever stays sees the end of its input. */
	if (!stay && (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent))
		_exit(127);
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			_exit(127);
	execv("/proc/self/exe", argv);
	_exit(127);
}

/* The pipes stand above 2, so that dup2 makes copies, which stay open in the new program. */
static bool make_pipe(int ends[2])
{
	int made[2];

	if (pipe2(made, O_CLOEXEC))
		return false;
	for (int i = 0; i < 2; i++) {
		ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 3);
		close(made[i]);
	}
	return ends[0] >= 0 && ends[1] >= 0;
}

static bool hand_over(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0, at = 0;

	if (text)
		text[n++] = '\n'; /* instead of the final 0 */
	while (at < n) {
		ssize_t done = write(fd, text + at, n - at);

		if (done < 0 && errno != EINTR)
			break; /* it has ended already: its lines say why */
		at += done > 0 ? (size_t)done : 0;
	}
	free(text);
	return n > 0;
}

bool errand_begin(struct errand *errand, const char *config, const json_t *request, bool stay)
{
	char *argv[] = {(char *)"askd", (char *)"ask", (char *)"--exchange",
	        (char *)(config ? "-c" : NULL), (char *)config, NULL};
	int ends[6] = {
	        -1, -1, -1, -1, -1, -1}; /* in, out, err: where one reads, where one writes */
	pid_t parent = getpid(), process = -1;
	int e;

	*errand = (struct errand){.in = -1, .streams = {{.fd = -1}, {.fd = -1}}};
	if (make_pipe(ends) && make_pipe(ends + 2) && make_pipe(ends + 4))
		process = fork();
	if (!process)
		become((const int[3]){ends[0], ends[3], ends[5]}, argv, parent, stay);
	e = errno;
	if (process < 0) {
		for (size_t i = 0; i < 6; i++)
			shut(&ends[i]);
		errno = e;
		return false;
	}
	close(ends[0]);
	close(ends[3]);
	close(ends[5]);
	errand->process = process;
	errand->in = ends[1];
	errand->streams[ERRAND_OUT].fd = ends[2];
	errand->streams[ERRAND_ERR].fd = ends[4];
	if (!hand_over(errand->in, request)) {
		kill(process, SIGTERM);
		errand_end(errand);
		errno = ENOMEM;
		return false;
	}
	if (!stay)
		shut(&errand->in);
	return true;
}

bool errand_read(struct errand *errand, int which)
{
	struct errand_stream *stream = &errand->streams[which];
	char *piece = malloc(PIECE);
	ssize_t got = piece ? read(stream->fd, piece, PIECE) : -1;
	bool more = got > 0 || (got < 0 && piece && errno == EINTR);

	if (got > 0)
		screen_bytes(&stream->text, piece, (size_t)got);
	free(piece);
	more = more && !stream->text.failed;
	if (!more)
		shut(&stream->fd);
	return more;
}

char *errand_line(struct errand *errand, int which)
{
	struct errand_stream *stream = &errand->streams[which];
	struct screen *text = &stream->text;
	char *end;

	/* The line of the last call. */
	if (stream->taken) {
		text->n -= stream->taken;
		memmove(text->s, text->s + stream->taken, text->n + 1);
		stream->taken = stream->seen = 0;
	}
	if (!text->n)
		return NULL;
	end = memchr(text->s + stream->seen, '\n', text->n - stream->seen);
	stream->seen = text->n;
	if (!end && stream->fd >= 0)
		return NULL;
	stream->taken = end ? (size_t)(end - text->s) + 1 : text->n;
	if (end)
		*end = 0;
	return text->s;
}

bool errand_open(const struct errand *errand)
{
	return errand->streams[ERRAND_OUT].fd >= 0 || errand->streams[ERRAND_ERR].fd >= 0;
}

bool errand_end(struct errand *errand)
{
	int status = -1;

	if (!errand->process)
		return false;
	shut(&errand->in);
	for (int i = 0; i < ERRAND_STREAMS; i++) {
		shut(&errand->streams[i].fd);
		screen_finish(&errand->streams[i].text);
	}
	while (waitpid(errand->process, &status, 0) < 0 && errno == EINTR)
		;
	errand->process = 0;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}
