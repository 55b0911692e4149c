/* house.h: a host for the transport "http", and a client that sends bytes as they are. */
#ifndef HOUSE_H
#define HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http.h"

/* What the host answers, by path:
 *   /instant   200 inside dispatch; the text says what was understood
 *   /park      later, by the test: house_parked() waits for it
 *   /denied    401 by head        /small   bodies up to 10 bytes     /busy   BUSY
 *   /file      200 out of a file  /bad     a header with a line end */
struct house {
	struct http http; /* set options before house_start */
	struct askd_host host;
	const char *listen[2];
	char address[64], path[64];
	uint32_t cancel;
	pthread_t loop;
	int32_t rc;
	struct askd_error error;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t changed;
	uint64_t parked[256];
	size_t parked_count, taken, gone_count, dispatched;
	uint64_t gone[256];
	size_t calls; /* begun and not ended */
};

struct house *house_create(void);
void house_start(struct house *house);
void house_destroy(struct house *house);

/* The next parked request. */
uint64_t house_parked(struct house *house);
void house_wait_gone(struct house *house, uint64_t id);
int32_t house_begin(
        struct house *house, uint64_t id, int32_t status, uint32_t flags, const char *body);
/* `ms` until the deadline. */
int32_t house_write(
        struct house *house, uint64_t id, const char *data, size_t n, uint32_t flags, uint32_t ms);

/* A connection; small: with a small receive buffer. */
int client_open(const struct house *house);
void client_send(int fd, const void *data, size_t n);
void client_say(int fd, const char *text);
/* All until the other side closes, or until `until` occurs. NUL-terminated; lives until the next
 * call. */
const char *client_read(int fd, const char *until);
/* Sends one request on a connection of its own that is closed after it; the whole answer. */
const char *exchange(const struct house *house, const void *data, size_t n);
const char *ask(const struct house *house, const char *text);
int status_of(const char *answer);

#endif
