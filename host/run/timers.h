/* timers.h: one thread that calls functions at a time. They must be short and never block. */
#ifndef RUN_TIMERS_H
#define RUN_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timers;

struct timer {
	int64_t at_us; /* CLOCK_MONOTONIC */
	void (*fn)(void *arg);
	void *arg;
	int64_t index; /* place in the heap; 0: not set */
};

struct timers *timers_create(void);
void timers_destroy(struct timers *t);
/* The caller owns the struct until it fired or was cleared; setting it again moves it. */
bool timers_set(struct timers *t, struct timer *timer, int64_t at_us);
/* After it returned, fn is not running and will not run. Not from inside fn. */
void timers_clear(struct timers *t, struct timer *timer);

#endif
