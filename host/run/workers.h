/* workers.h: the elastic pool. Threads are made on demand, kept 10 s, have 1 MB stacks; work above
 * the limit waits without a thread, fairly: round robin over `group`, urgent work first. */
#ifndef RUN_WORKERS_H
#define RUN_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <askd/askd.h>

struct workers;

struct work {
	void (*fn)(void *arg); /* on a worker; runs to its end */
	void *arg;
	uint64_t group;    /* fairness: the organisation, else the key, else the person */
	bool urgent;       /* buttons, cancels, administration: before all questions */
	struct work *next; /* the pool's while it is queued; the caller owns the memory */
};

struct workers *workers_create(size_t max, size_t queue);
/* Other limits from now on. Threads above a lower one end when they have nothing to do. [any] */
void workers_resize(struct workers *w, size_t max, size_t queue);
/* BUSY|RETRY: above the queue's limit, or stopping. NOMEM when no thread could be made at all. */
int32_t workers_submit(struct workers *w, struct work *work, struct askd_error *reterr);
/* Takes no more work; waits until all that is running and queued has ended, at most wait_ms; true
 * if it has. */
bool workers_drain(struct workers *w, int64_t wait_ms);
void workers_destroy(struct workers *w); /* after drain */
struct workers_stats {
	size_t threads, idle, running, queued;
};
struct workers_stats workers_stats(struct workers *w);

#endif
