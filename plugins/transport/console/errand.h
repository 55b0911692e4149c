/* errand.h: a command of its own that `askd chat` starts, `askd ask --exchange`: whoever holds the
 * state does what it asks (exchange.h), and what comes back arrives line by line. */
#ifndef CONSOLE_ERRAND_H
#define CONSOLE_ERRAND_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "screen.h"

enum { ERRAND_OUT, ERRAND_ERR, ERRAND_STREAMS };

struct errand_stream {
	int fd;             /* -1: closed */
	struct screen text; /* what has come */
	size_t seen, taken; /* bytes of it without a line feed; of the last line */
};

struct errand {
	pid_t process; /* 0: there is none */
	int in;        /* -1: closed */
	struct errand_stream streams[ERRAND_STREAMS];
};

/* Starts it and hands over the request. `stay`: `in` stays open until the end. config: the file of
 * -c; NULL: none. false: it could not be started (errno). */
bool errand_begin(struct errand *errand, const char *config, const json_t *request, bool stay);
/* Reads what is there. false: this stream is at its end, or memory is short. */
bool errand_read(struct errand *errand, int stream);
/* The next whole line that has come, without its line feed, valid until the next call; at the end
 * of the stream also a last one without. NULL: none yet. */
char *errand_line(struct errand *errand, int stream);
bool errand_open(const struct errand *errand); /* more may come */
/* Closes what is open and waits for the process. true: it ended with the status 0. */
bool errand_end(struct errand *errand);

#endif
