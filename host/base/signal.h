/* signal.h: what an earlier room tells the later ones. Never POSIX signals. */
#ifndef BASE_SIGNAL_H
#define BASE_SIGNAL_H

#include <stdint.h>

enum signal_id {
	SIGNAL_PERSON_CHANGED, /* data: const uint64_t *person; rights must be looked up again */
	SIGNAL_KEY_REVOKED,    /* data: const uint64_t *key */
	SIGNAL_STORE_FATAL,    /* data: const char *reason; the daemon must stop */
	SIGNAL_COUNT
};

/* Subscriptions are made at start, before threads run, and last until the process ends. */
void signal_subscribe(enum signal_id id, void (*fn)(void *arg, const void *data), void *arg);
void signal_raise(enum signal_id id, const void *data); /* [any] on the raising thread */
void signal_reset(void);                                /* tests: no subscriptions any more */

#endif
