/* timers.c: a binary heap by time, and one thread that is made with the first timer. */
#include "run/timers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct timers {
	pthread_mutex_t lock;
	pthread_cond_t earlier; /* the first timer changed, or the end came */
	pthread_cond_t fired;   /* a function returned */
	pthread_t thread;
	bool started, quitting;
	struct timer **heap; /* from 1 */
	int64_t count, room;
	int64_t wakes_us;            /* until when the thread sleeps; of the past while it works */
	const struct timer *running; /* whose function is being called */
};

struct timers *timers_create(void)
{
	struct timers *t = calloc(1, sizeof *t);
	pthread_condattr_t attr;

	if (!t)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (pthread_mutex_init(&t->lock, NULL))
		goto no_lock;
	if (pthread_cond_init(&t->earlier, &attr))
		goto no_earlier;
	if (pthread_cond_init(&t->fired, NULL))
		goto no_fired;
	pthread_condattr_destroy(&attr);
	return t;
no_fired:
	pthread_cond_destroy(&t->earlier);
no_earlier:
	pthread_mutex_destroy(&t->lock);
no_lock:
	pthread_condattr_destroy(&attr);
	free(t);
	return NULL;
}

static void place(struct timers *t, int64_t i, struct timer *timer)
{
	t->heap[i] = timer;
	timer->index = i;
}

/* Moves the timer from the free place i to where it belongs. */
static void settle(struct timers *t, int64_t i, struct timer *timer)
{
	int64_t child;

	while (i > 1 && t->heap[i / 2]->at_us > timer->at_us) {
		place(t, i, t->heap[i / 2]);
		i /= 2;
	}
	while ((child = 2 * i) <= t->count) {
		if (child < t->count && t->heap[child + 1]->at_us < t->heap[child]->at_us)
			child++;
		if (t->heap[child]->at_us >= timer->at_us)
			break;
		place(t, i, t->heap[child]);
		i = child;
	}
	place(t, i, timer);
}

static void take_out(struct timers *t, struct timer *timer)
{
	int64_t i = timer->index;
	struct timer *last = t->heap[t->count--];

	timer->index = 0;
	if (last != timer)
		settle(t, i, last);
}

static void *timers_main(void *arg)
{
	struct timers *t = arg;
	struct timespec until;
	struct timer *timer;
	void (*fn)(void *);
	void *fn_arg;

	pthread_setname_np(pthread_self(), "timers");
	pthread_mutex_lock(&t->lock);
	while (!t->quitting) {
		if (!t->count) {
			t->wakes_us = INT64_MAX;
			pthread_cond_wait(&t->earlier, &t->lock);
			continue;
		}
		timer = t->heap[1];
		if (timer->at_us > clock_monotonic_us()) {
			t->wakes_us = timer->at_us;
			until.tv_sec = (time_t)(timer->at_us / 1000000);
			until.tv_nsec = (long)(timer->at_us % 1000000) * 1000;
			pthread_cond_timedwait(&t->earlier, &t->lock, &until);
			continue;
		}
		take_out(t, timer);
		t->running = timer;
		fn = timer->fn;
		fn_arg = timer->arg;
		pthread_mutex_unlock(&t->lock);
		fn(fn_arg); /* the timer may be set again or freed in there */
		pthread_mutex_lock(&t->lock);
		t->running = NULL;
		pthread_cond_broadcast(&t->fired);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static bool start_thread(struct timers *t)
{
	pthread_attr_t attr;
	sigset_t all, old;

	if (t->started)
		return true;
	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setstacksize(&attr, 1 << 20);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	t->started = !pthread_create(&t->thread, &attr, timers_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return t->started;
}

static bool make_room(struct timers *t)
{
	struct timer **heap;
	int64_t room;

	if (t->count + 1 < t->room)
		return true;
	room = t->room ? 2 * t->room : 64;
	heap = realloc(t->heap, (size_t)room * sizeof *heap);
	if (!heap)
		return false;
	t->heap = heap;
	t->room = room;
	return true;
}

bool timers_set(struct timers *t, struct timer *timer, int64_t at_us)
{
	bool done = false;

	pthread_mutex_lock(&t->lock);
	if (!t->quitting && start_thread(t) && (timer->index || make_room(t))) {
		if (timer->index)
			take_out(t, timer);
		timer->at_us = at_us < 0 ? 0 : at_us;
		settle(t, ++t->count, timer);
		/* Deadlines mostly come one after the other, and are cleared in time: then the
		 * thread sleeps on until that of the first. */
		if (timer->at_us < t->wakes_us) {
			t->wakes_us = timer->at_us;
			pthread_cond_signal(&t->earlier);
		}
		done = true;
	}
	pthread_mutex_unlock(&t->lock);
	return done;
}

void timers_clear(struct timers *t, struct timer *timer)
{
	pthread_mutex_lock(&t->lock);
	/* Its function may set it again while we wait. */
	for (;;) {
		if (timer->index)
			take_out(t, timer);
		if (t->running != timer)
			break;
		pthread_cond_wait(&t->fired, &t->lock);
	}
	pthread_mutex_unlock(&t->lock);
}

void timers_destroy(struct timers *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->quitting = true;
	pthread_cond_signal(&t->earlier);
	pthread_mutex_unlock(&t->lock);
	if (t->started)
		pthread_join(t->thread, NULL);
	for (int64_t i = 1; i <= t->count; i++)
		t->heap[i]->index = 0;
	free(t->heap);
	pthread_cond_destroy(&t->earlier);
	pthread_cond_destroy(&t->fired);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
