/* workers.c: the pool. A worker that ends one piece of work takes the next itself; only submit
 * wakes or makes threads, so that no place is ever free while work that may take it waits. */
#include "run/workers.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

enum {
	WORKERS_STACK = 1 << 20,
	WORKERS_GUARD = 64 << 10,
	WORKERS_IDLE_S = 10,
	WORKERS_GROUPS = 256 /* buckets of the hash */
};

/* Work of one group that waits; exists only while it has some. */
struct group {
	uint64_t id;
	struct work *head, *tail;
	struct group *next;      /* ring of turns: after the last comes `workers.turn` */
	struct group *same_hash; /* chain of the bucket */
};

struct worker {
	struct workers *pool;
	pthread_t thread;
	sem_t wake; /* posted once for each `woken` */
	bool woken;
	struct worker *next; /* idle, or dead */
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something ended: drain and destroy look again */
	size_t max, queue;
	size_t alive;         /* threads that run the loop */
	size_t starting;      /* threads being made, or made and not in the loop yet */
	size_t waking;        /* woken, have not looked for work yet */
	size_t idle;          /* on idle_list */
	size_t running;       /* inside fn */
	size_t running_plain; /* of these, work that is not urgent */
	size_t queued, queued_urgent;
	bool draining, quitting;
	struct worker *idle_list; /* last in, first out: the others may end */
	struct worker *dead;      /* ended, to be joined */
	struct work *urgent_head, *urgent_tail;
	struct group *turn, *turn_tail; /* whose turn is next */
	struct group *buckets[WORKERS_GROUPS];
	struct group common; /* takes the work of groups for which there is no memory */
};

struct workers *workers_create(size_t max, size_t queue)
{
	struct workers *w = calloc(1, sizeof *w);
	pthread_condattr_t attr;

	if (!w)
		return NULL;
	w->max = max ? max : 1;
	w->queue = queue;
	if (pthread_mutex_init(&w->lock, NULL)) {
		free(w);
		return NULL;
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (pthread_cond_init(&w->changed, &attr)) {
		pthread_condattr_destroy(&attr);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return NULL;
	}
	pthread_condattr_destroy(&attr);
	return w;
}

/* One place is kept for urgent work, unless there is only one. */
static size_t plain_places(const struct workers *w)
{
	return w->max > 1 ? w->max - 1 : 1;
}

static struct group **bucket_of(struct workers *w, uint64_t id)
{
	return &w->buckets[(id * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

static struct group *group_get(struct workers *w, uint64_t id)
{
	struct group **bucket = bucket_of(w, id), *g;

	for (g = *bucket; g; g = g->same_hash)
		if (g->id == id)
			return g;
	g = calloc(1, sizeof *g);
	if (!g)
		return &w->common;
	g->id = id;
	g->same_hash = *bucket;
	*bucket = g;
	return g;
}

static void group_free(struct workers *w, struct group *g)
{
	struct group **at;

	if (g == &w->common)
		return;
	for (at = bucket_of(w, g->id); *at != g; at = &(*at)->same_hash)
		;
	*at = g->same_hash;
	free(g);
}

static void turn_append(struct workers *w, struct group *g)
{
	g->next = NULL;
	if (w->turn)
		w->turn_tail->next = g;
	else
		w->turn = g;
	w->turn_tail = g;
}

static void enqueue(struct workers *w, struct work *work)
{
	struct group *g;

	work->next = NULL;
	w->queued++;
	if (work->urgent) {
		w->queued_urgent++;
		if (w->urgent_head)
			w->urgent_tail->next = work;
		else
			w->urgent_head = work;
		w->urgent_tail = work;
		return;
	}
	g = group_get(w, work->group);
	if (g->head) {
		g->tail->next = work;
	} else {
		g->head = work;
		turn_append(w, g);
	}
	g->tail = work;
}

/* The next piece of work that may start now, or NULL. */
static struct work *dequeue(struct workers *w)
{
	struct work *work = w->urgent_head;
	struct group *g;

	if (work) {
		w->urgent_head = work->next;
		w->queued_urgent--;
	} else {
		g = w->turn;
		if (!g || w->running_plain >= plain_places(w))
			return NULL;
		work = g->head;
		g->head = work->next;
		w->turn = g->next;
		if (g->head)
			turn_append(w, g);
		else
			group_free(w, g);
		w->running_plain++;
	}
	w->queued--;
	w->running++;
	return work;
}

static bool unlink_work(struct work **head, struct work **tail, const struct work *work)
{
	struct work *before = NULL;

	for (struct work *at = *head; at; before = at, at = at->next) {
		if (at != work)
			continue;
		if (before)
			before->next = at->next;
		else
			*head = at->next;
		if (*tail == at)
			*tail = before;
		return true;
	}
	return false;
}

/* Takes back work that nobody has begun; false: somebody has. */
static bool take_back(struct workers *w, struct work *work)
{
	struct group *before = NULL, *g;

	if (work->urgent) {
		if (!unlink_work(&w->urgent_head, &w->urgent_tail, work))
			return false;
		w->queued_urgent--;
		w->queued--;
		return true;
	}
	for (g = w->turn; g; before = g, g = g->next) {
		if (!unlink_work(&g->head, &g->tail, work))
			continue;
		if (!g->head) {
			if (before)
				before->next = g->next;
			else
				w->turn = g->next;
			if (w->turn_tail == g)
				w->turn_tail = before;
			group_free(w, g);
		}
		w->queued--;
		return true;
	}
	return false;
}

static void join_list(struct worker *list)
{
	while (list) {
		struct worker *next = list->next;

		pthread_join(list->thread, NULL);
		sem_destroy(&list->wake);
		free(list);
		list = next;
	}
}

/* A condition would leave the lock marked, and each use of it would be a call of the system. */
static bool wait_wake(struct worker *self, const struct timespec *until)
{
	int failed;

	do
		failed = until ? sem_clockwait(&self->wake, CLOCK_MONOTONIC, until)
		               : sem_wait(&self->wake);
	while (failed && errno == EINTR);
	return !failed;
}

/* Waits on the idle list; false: nobody needed this thread for a while, or the pool ends. */
static bool wait_idle(struct workers *w, struct worker *self)
{
	struct timespec until;
	struct worker **at;
	bool taken;

	if (w->quitting)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WORKERS_IDLE_S;
	self->woken = false;
	self->next = w->idle_list;
	w->idle_list = self;
	w->idle++;
	pthread_mutex_unlock(&w->lock);
	taken = wait_wake(self, &until);
	pthread_mutex_lock(&w->lock);
	if (self->woken) {
		if (!taken) {
			pthread_mutex_unlock(&w->lock);
			wait_wake(self, NULL);
			pthread_mutex_lock(&w->lock);
		}
		w->waking--;
		return true;
	}
	for (at = &w->idle_list; *at != self; at = &(*at)->next)
		;
	*at = self->next;
	w->idle--;
	return false;
}

static void *worker_main(void *arg)
{
	struct worker *self = arg, *dead;
	struct workers *w = self->pool;
	struct work *work;
	bool urgent;

	pthread_setname_np(pthread_self(), "worker");
	pthread_mutex_lock(&w->lock);
	w->starting--;
	w->alive++;
	for (;;) {
		work = dequeue(w);
		if (!work) {
			if (!wait_idle(w, self))
				break;
			continue;
		}
		urgent = work->urgent;
		pthread_mutex_unlock(&w->lock);
		work->fn(work->arg); /* the caller may free `work` in there */
		pthread_mutex_lock(&w->lock);
		w->running--;
		if (!urgent)
			w->running_plain--;
		pthread_cond_broadcast(&w->changed);
	}
	w->alive--;
	dead = w->dead;
	self->next = NULL;
	w->dead = self;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	join_list(dead);
	return NULL;
}

static bool start_thread(struct workers *w)
{
	struct worker *self = calloc(1, sizeof *self);
	pthread_attr_t attr;
	sigset_t all, old;
	bool done;

	if (!self)
		return false;
	self->pool = w;
	sem_init(&self->wake, 0, 0);
	done = !pthread_attr_init(&attr);
	if (done) {
		pthread_attr_setstacksize(&attr, WORKERS_STACK);
		pthread_attr_setguardsize(&attr, WORKERS_GUARD);
		/* Signals are for the main thread. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		done = !pthread_create(&self->thread, &attr, worker_main, self);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		pthread_attr_destroy(&attr);
	}
	if (!done) {
		sem_destroy(&self->wake);
		free(self);
	}
	return done;
}

/* Takes an idle worker off the list. It waits for a post of its `wake`. */
static struct worker *idle_take(struct workers *w)
{
	struct worker *idle = w->idle_list;

	w->idle_list = idle->next;
	w->idle--;
	w->waking++;
	idle->woken = true;
	return idle;
}

/* Finds an idle worker, whom the caller wakes (without the lock: it is the first thing he takes),
 * else makes a thread. Called and returns with the lock held. NOMEM: there is none at all, and
 * `work` was taken back. */
static int32_t find_worker(
        struct workers *w, struct work *work, struct worker **found, struct askd_error *reterr)
{
	if (!work->urgent && w->running_plain >= plain_places(w))
		return ASKD_OK;
	if (w->idle_list) {
		*found = idle_take(w);
		return ASKD_OK;
	}
	if (w->alive + w->starting >= w->max)
		return ASKD_OK;
	w->starting++;
	pthread_mutex_unlock(&w->lock);
	if (start_thread(w)) {
		pthread_mutex_lock(&w->lock);
		return ASKD_OK;
	}
	pthread_mutex_lock(&w->lock);
	w->starting--;
	pthread_cond_broadcast(&w->changed);
	if (w->alive) {
		log_warning("run", 0, "cannot make another thread beside %zu; work waits for them",
		        w->alive);
		if (w->idle_list)
			return find_worker(w, work, found, reterr);
		return ASKD_OK;
	}
	if (!take_back(w, work))
		return ASKD_OK;
	return askd_fail(reterr, ASKD_E_NOMEM, "cannot make a thread");
}

int32_t workers_submit(struct workers *w, struct work *work, struct askd_error *reterr)
{
	size_t waiting, free_places;
	struct worker *found = NULL;
	int32_t rc;

	pthread_mutex_lock(&w->lock);
	/* Urgent work has waiting places of its own. */
	waiting = work->urgent ? w->queued_urgent : w->queued - w->queued_urgent;
	free_places = w->max > w->running ? w->max - w->running : 0;
	if (!work->urgent)
		free_places =
		        plain_places(w) > w->running_plain ? plain_places(w) - w->running_plain : 0;
	if (w->draining || waiting >= w->queue + free_places) {
		rc = askd_fail(reterr, ASKD_E_BUSY,
		        w->draining ? "askd is stopping"
		                    : "all workers are busy and the queue is full");
		if (reterr)
			reterr->flags = ASKD_ERR_RETRY;
	} else {
		enqueue(w, work);
		rc = find_worker(w, work, &found, reterr);
	}
	pthread_mutex_unlock(&w->lock);
	if (found)
		sem_post(&found->wake);
	return rc;
}

void workers_resize(struct workers *w, size_t max, size_t queue)
{
	pthread_mutex_lock(&w->lock);
	w->max = max ? max : 1;
	w->queue = queue;
	/* What waits may have places now, and only a submit would have looked for them. */
	for (size_t n = w->queued; n && w->turn && w->alive; n--) {
		struct worker *found = NULL;

		(void)find_worker(w, w->turn->head, &found, NULL);
		if (found)
			sem_post(&found->wake);
	}
	pthread_mutex_unlock(&w->lock);
}

bool workers_drain(struct workers *w, int64_t wait_ms)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(wait_ms / 1000);
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&w->lock);
	w->draining = true;
	while (w->running || w->queued)
		if (pthread_cond_timedwait(&w->changed, &w->lock, &until) == ETIMEDOUT)
			break;
	done = !w->running && !w->queued;
	pthread_mutex_unlock(&w->lock);
	return done;
}

void workers_destroy(struct workers *w)
{
	struct worker *dead;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->draining = w->quitting = true;
	while (w->idle_list)
		sem_post(&idle_take(w)->wake);
	/* What is queued still runs: somebody may wait for it. */
	while (w->alive || w->starting)
		pthread_cond_wait(&w->changed, &w->lock);
	dead = w->dead;
	w->dead = NULL;
	pthread_mutex_unlock(&w->lock);
	join_list(dead);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct workers_stats workers_stats(struct workers *w)
{
	struct workers_stats stats;

	pthread_mutex_lock(&w->lock);
	stats = (struct workers_stats){.threads = w->alive + w->starting,
	        .idle = w->idle,
	        .running = w->running,
	        .queued = w->queued};
	pthread_mutex_unlock(&w->lock);
	return stats;
}
