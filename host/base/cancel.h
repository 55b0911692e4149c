/* cancel.h: a wish to stop, and who must be told of it. */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct cancel_hook {
	void (*fn)(void *arg); /* called once, on the thread that fires; must not block */
	void *arg;
	struct cancel_hook *next;
};

struct cancel {
	uint32_t word; /* what askd_call.cancel points to: atomic */
	uint32_t reserved;
	pthread_mutex_t lock;
	struct cancel_hook *hooks;
};

void cancel_init(struct cancel *c);
void cancel_finish(struct cancel *c);
void cancel_fire(struct cancel *c); /* [any] idempotent */
bool cancel_fired(const struct cancel *c);
/* After cancel_hook_remove has returned, fn is not running and will not be called. A hook that is
 * added after the fire is called at once, by the adding thread. */
void cancel_hook_add(struct cancel *c, struct cancel_hook *hook);
void cancel_hook_remove(struct cancel *c, struct cancel_hook *hook);

#endif
