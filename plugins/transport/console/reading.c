#include "reading.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 4096, LOOK_MS = 100 };

static char *give_up(char *text, const char **problem, const char *why)
{
	free(text);
	*problem = why;
	return NULL;
}

char *reading(struct askd_call *call, int in, size_t most, bool line, size_t *length,
        const char **problem)
{
	size_t n = 0, room = 0;
	char *text = NULL, *end = NULL;

	while (!end) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		ssize_t got;

		if (askd_canceled(call))
			return give_up(text, problem, "canceled");
		if (room - n < PIECE) {
			char *more = realloc(text, room * 2 + 2 * PIECE);

			if (!more)
				return give_up(text, problem, "there is no memory for it");
			text = more;
			room = room * 2 + 2 * PIECE;
		}
		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		got = read(in, text + n, PIECE - 1);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		end = line ? memchr(text + n, '\n', (size_t)got) : NULL;
		n = end ? (size_t)(end - text) : n + (size_t)got;
		if (n > most)
			break;
	}
	text[n] = 0;
	*length = n;
	return text;
}
