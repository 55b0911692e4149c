/* way_loop.h: the loop of one instance of a transport, on threads of the host's. Inside this room
 * only. */
#ifndef ASSISTANT_WAY_LOOP_H
#define ASSISTANT_WAY_LOOP_H

#include "assistant/inside.h"

/* Begins the loop of way->instance; it becomes way->loop. [main] */
int32_t way_loop_start(struct way *way, struct askd_error *reterr);
/* Tells it to end; waits for nothing. */
void way_loop_cancel(struct way_loop *loop);
/* Waits until way->loop has ended, which then leaves: what it still serves ends by itself. BUSY: it
 * does not end. CANCELED: `stop` says that nobody waits. [main] */
int32_t way_loop_leave(struct way *way, bool (*stop)(void), struct askd_error *reterr);
/* A thread of the host's for a transport. */
int32_t way_thread(struct way *way, pthread_t *thread, void *(*fn)(void *), void *arg,
        struct askd_error *reterr);

#endif
