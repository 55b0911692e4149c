/* limits.c: buckets by (name of the limit, subject). A bucket that is as good as new is forgotten:
 * each call looks at a few neighbours, so memory follows the subjects that are active. */
#include "run/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"

enum {
	LIMITS_FIRST_ROOM = 256,
	LIMITS_MAX = 1 << 20, /* subjects; above it the idlest neighbours go first */
	LIMITS_WINDOWS = 8,
	LIMITS_SWEEP = 2 /* buckets looked at by each call */
};

struct waiter {
	pthread_cond_t cond;
	struct limits *limits;
	bool granted, canceled;
	struct waiter *next;
};

/* A sliding window out of two fixed ones: the last one counts as far as it still overlaps. */
struct window {
	int64_t start_us, current, last;
};

struct bucket {
	struct bucket *next;
	uint64_t subject;
	int64_t level; /* tokens times per_us: exact */
	int64_t level_us;
	struct config_rate rate; /* that the level counts in */
	int64_t fresh_us;        /* from then on it is as good as new */
	int64_t running, waiting;
	struct waiter *first, *last; /* those in limits_wait, in their order */
	struct window windows[LIMITS_WINDOWS];
	bool used; /* level is set */
	char name[];
};

struct limits {
	pthread_mutex_t lock;
	unsigned char key[CRYPTO_KEY];
	struct bucket **buckets;
	size_t room, count, hand;
};

struct limits *limits_create(void)
{
	struct limits *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->room = LIMITS_FIRST_ROOM;
	l->buckets = calloc(l->room, sizeof(struct bucket *));
	if (!l->buckets || pthread_mutex_init(&l->lock, NULL)) {
		free(l->buckets);
		free(l);
		return NULL;
	}
	random_bytes(l->key, sizeof l->key);
	return l;
}

void limits_destroy(struct limits *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->room; i++)
		while (l->buckets[i]) {
			struct bucket *next = l->buckets[i]->next;

			free(l->buckets[i]);
			l->buckets[i] = next;
		}
	free(l->buckets);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static size_t place_of(const struct limits *l, const char *name, uint64_t subject)
{
	uint64_t h = subject * UINT64_C(0x9e3779b97f4a7c15);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32) & (l->room - 1);
}

static bool is_busy(const struct bucket *b)
{
	return b->running || b->waiting;
}

static void sweep(struct limits *l, int64_t now_us, bool force)
{
	for (int i = 0; i < LIMITS_SWEEP; i++) {
		struct bucket **at = &l->buckets[l->hand++ & (l->room - 1)];

		while (*at) {
			struct bucket *b = *at;

			if (is_busy(b) || (!force && b->fresh_us > now_us)) {
				at = &b->next;
				continue;
			}
			*at = b->next;
			l->count--;
			free(b);
		}
	}
}

static void grow(struct limits *l)
{
	size_t old = l->room;
	struct bucket **from = l->buckets, **to = calloc(2 * old, sizeof *to);

	if (!to)
		return; /* longer chains are still right */
	l->buckets = to;
	l->room = 2 * old;
	for (size_t i = 0; i < old; i++)
		while (from[i]) {
			struct bucket *b = from[i];
			size_t place = place_of(l, b->name, b->subject);

			from[i] = b->next;
			b->next = to[place];
			to[place] = b;
		}
	free(from);
}

static struct bucket *bucket_find(struct limits *l, const char *name, uint64_t subject)
{
	struct bucket *b = l->buckets[place_of(l, name, subject)];

	while (b && (b->subject != subject || strcmp(b->name, name) != 0))
		b = b->next;
	return b;
}

static struct bucket *bucket_get(
        struct limits *l, const char *name, uint64_t subject, int64_t now_us)
{
	struct bucket *b;
	size_t n, place;

	sweep(l, now_us, false);
	b = bucket_find(l, name, subject);
	if (b)
		return b;
	for (int i = 0; l->count >= LIMITS_MAX && i < 64; i++)
		sweep(l, now_us, true);
	n = strlen(name) + 1;
	b = calloc(1, sizeof *b + n);
	if (!b)
		return NULL;
	memcpy(b->name, name, n);
	b->subject = subject;
	if (l->count >= l->room && l->room < LIMITS_MAX)
		grow(l);
	place = place_of(l, name, subject);
	b->next = l->buckets[place];
	l->buckets[place] = b;
	l->count++;
	return b;
}

static int64_t saturate(__int128 v)
{
	return v > INT64_MAX ? INT64_MAX : v < 0 ? 0 : (int64_t)v;
}

/* Fills the bucket up to now; the time until one token is there, 0: it is. */
static int64_t rate_wait(struct bucket *b, const struct config_limit *limit, int64_t now_us)
{
	int64_t count = limit->rate.count, per = limit->rate.per_us > 0 ? limit->rate.per_us : 1;
	int64_t full = saturate((__int128)(limit->burst > 0 ? limit->burst : count) * per);

	if (!b->used || b->rate.count != count || b->rate.per_us != per) {
		b->level = full; /* new, or changed by a reload */
		b->rate = (struct config_rate){count, per};
		b->used = true;
	} else if (now_us > b->level_us) {
		b->level = saturate((__int128)b->level + (__int128)(now_us - b->level_us) * count);
	}
	if (b->level > full)
		b->level = full;
	b->level_us = now_us;
	return b->level >= per ? 0 : (per - b->level + count - 1) / count;
}

static void window_turn(struct window *w, int64_t per, int64_t now_us)
{
	int64_t start = now_us - now_us % per;

	if (start == w->start_us)
		return;
	if (start < w->start_us) {
		if (w->start_us - start < 2 * per)
			return; /* the clock was set back a little */
		*w = (struct window){.start_us = start};
		return;
	}
	w->last = start - w->start_us == per ? w->current : 0;
	w->current = 0;
	w->start_us = start;
}

/* The time until fewer than `count` events lie in the last `per` microseconds. */
static int64_t window_wait(const struct window *w, const struct config_rate *rate, int64_t now_us)
{
	int64_t per = rate->per_us, room = rate->count - 1, passed = now_us - w->start_us;
	int64_t last = w->last, current = w->current, at;

	if (passed < 0)
		passed = 0;
	if ((__int128)last * (per - passed) <= (__int128)(room - current) * per)
		return 0;
	if (current <= room) {
		/* last * (per - at) / per + current <= room */
		at = per - (int64_t)((__int128)(room - current) * per / last);
		return at > passed ? at - passed : 1;
	}
	at = per - (int64_t)((__int128)room * per / current);
	return per - passed + (at > 0 ? at : 0);
}

enum limits_verdict limits_take(struct limits *l, const struct config_limit *limit,
        uint64_t subject, int64_t now_us, int64_t *retry_after_us)
{
	int64_t wait = 0, fresh = now_us, w;
	struct bucket *b;
	size_t n = 0;

	if (!limit->rate.count && (!limit->windows || !limit->windows[0].count))
		return LIMITS_PASS;
	pthread_mutex_lock(&l->lock);
	b = bucket_get(l, limit->name, subject, now_us);
	if (!b) {
		pthread_mutex_unlock(&l->lock);
		if (retry_after_us)
			*retry_after_us = 1000000;
		return LIMITS_REFUSE;
	}
	if (limit->rate.count)
		wait = rate_wait(b, limit, now_us);
	for (; limit->windows && limit->windows[n].count && n < LIMITS_WINDOWS; n++) {
		if (limit->windows[n].per_us <= 0)
			continue;
		window_turn(&b->windows[n], limit->windows[n].per_us, now_us);
		w = window_wait(&b->windows[n], &limit->windows[n], now_us);
		wait = w > wait ? w : wait;
	}
	/* All or nothing: a refusal takes no token anywhere. */
	if (!wait) {
		if (limit->rate.count)
			b->level -= limit->rate.per_us > 0 ? limit->rate.per_us : 1;
		for (size_t i = 0; i < n; i++)
			b->windows[i].current++;
	}
	if (limit->rate.count) {
		int64_t burst = limit->burst > 0 ? limit->burst : limit->rate.count;

		fresh = now_us +
		        saturate((__int128)burst * limit->rate.per_us / limit->rate.count) + 1;
	}
	for (size_t i = 0; i < n; i++)
		if (now_us + 2 * limit->windows[i].per_us > fresh)
			fresh = now_us + 2 * limit->windows[i].per_us;
	if (fresh > b->fresh_us)
		b->fresh_us = fresh;
	pthread_mutex_unlock(&l->lock);
	if (wait && retry_after_us)
		*retry_after_us = wait;
	return wait ? LIMITS_REFUSE : LIMITS_PASS;
}

void limits_return(struct limits *l, const struct config_limit *limit, uint64_t subject)
{
	struct bucket *b;

	pthread_mutex_lock(&l->lock);
	b = bucket_find(l, limit->name, subject);
	if (b && b->used && limit->rate.count)
		b->level += limit->rate.per_us > 0 ? limit->rate.per_us : 1;
	for (size_t i = 0; b && limit->windows && limit->windows[i].count && i < LIMITS_WINDOWS;
	        i++)
		if (b->windows[i].current)
			b->windows[i].current--;
	pthread_mutex_unlock(&l->lock);
}

struct limits_state limits_look(
        struct limits *l, const struct config_limit *limit, uint64_t subject, int64_t now_us)
{
	int64_t per = limit->rate.per_us > 0 ? limit->rate.per_us : 1;
	int64_t size = limit->burst > 0 ? limit->burst : limit->rate.count;
	struct limits_state state = {.size = size, .left = size};
	struct bucket *b;

	if (!limit->rate.count)
		return (struct limits_state){0};
	pthread_mutex_lock(&l->lock);
	b = bucket_find(l, limit->name, subject);
	if (b && b->used) {
		(void)rate_wait(b, limit, now_us);
		state.left = b->level / per;
		state.full_us = saturate(((__int128)size * per - b->level + limit->rate.count - 1) /
		                         limit->rate.count);
	}
	pthread_mutex_unlock(&l->lock);
	return state;
}

enum limits_verdict limits_enter(
        struct limits *l, const struct config_limit *limit, uint64_t subject)
{
	enum limits_verdict verdict = LIMITS_REFUSE;
	struct bucket *b;

	if (!limit->concurrent)
		return LIMITS_PASS;
	pthread_mutex_lock(&l->lock);
	b = bucket_get(l, limit->name, subject, clock_monotonic_us());
	if (b && b->running + b->waiting < limit->concurrent) {
		/* A place that is free while others wait is theirs. */
		b->running++;
		verdict = LIMITS_PASS;
	} else if (b && b->waiting < limit->waiting) {
		b->waiting++;
		verdict = LIMITS_WAIT;
	}
	pthread_mutex_unlock(&l->lock);
	return verdict;
}

/* Gives free places to those who wait longest. */
static void grant(struct bucket *b, int64_t concurrent)
{
	while (b->first && b->running < concurrent) {
		struct waiter *w = b->first;

		b->first = w->next;
		if (!b->first)
			b->last = NULL;
		b->waiting--;
		b->running++;
		w->granted = true;
		pthread_cond_signal(&w->cond);
	}
}

static void wake_canceled(void *arg)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->limits->lock);
	w->canceled = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->limits->lock);
}

static void remove_waiter(struct bucket *b, const struct waiter *w)
{
	struct waiter *before = NULL;

	for (struct waiter *at = b->first; at; before = at, at = at->next) {
		if (at != w)
			continue;
		if (before)
			before->next = at->next;
		else
			b->first = at->next;
		if (b->last == at)
			b->last = before;
		return;
	}
}

bool limits_wait(struct limits *l, const struct config_limit *limit, uint64_t subject,
        int64_t deadline_us, struct cancel *cancel)
{
	struct waiter w = {.limits = l};
	struct cancel_hook hook = {.fn = wake_canceled, .arg = &w};
	pthread_condattr_t attr;
	struct timespec until;
	struct bucket *b;

	if (!limit->concurrent)
		return true;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.cond, &attr);
	pthread_condattr_destroy(&attr);
	until.tv_sec = (time_t)(deadline_us / 1000000);
	until.tv_nsec = (long)(deadline_us % 1000000) * 1000;

	pthread_mutex_lock(&l->lock);
	b = bucket_find(l, limit->name, subject); /* busy buckets are never forgotten */
	if (b && b->waiting) {
		if (b->last)
			b->last->next = &w;
		else
			b->first = &w;
		b->last = &w;
		grant(b, limit->concurrent);
	}
	pthread_mutex_unlock(&l->lock);
	if (b && cancel)
		cancel_hook_add(cancel, &hook);
	pthread_mutex_lock(&l->lock);
	while (b && !w.granted && !w.canceled) {
		int rc = deadline_us ? pthread_cond_timedwait(&w.cond, &l->lock, &until)
		                     : pthread_cond_wait(&w.cond, &l->lock);

		if (rc == ETIMEDOUT)
			break;
	}
	if (b && !w.granted) {
		remove_waiter(b, &w);
		if (b->waiting)
			b->waiting--;
		grant(b, limit->concurrent);
	}
	pthread_mutex_unlock(&l->lock);
	if (b && cancel)
		cancel_hook_remove(cancel, &hook);
	pthread_cond_destroy(&w.cond);
	return w.granted;
}

void limits_leave(struct limits *l, const struct config_limit *limit, uint64_t subject)
{
	struct bucket *b;

	if (!limit->concurrent)
		return;
	pthread_mutex_lock(&l->lock);
	b = bucket_find(l, limit->name, subject);
	if (b && b->running) {
		b->running--;
		grant(b, limit->concurrent);
	}
	pthread_mutex_unlock(&l->lock);
}

uint64_t limits_subject(struct limits *l, const char *s, size_t n)
{
	unsigned char hash[CRYPTO_HASH] = {0};
	uint64_t subject = 0;

	/* Without a hash everybody would share a bucket: strict, never open. */
	if (crypto_hmac(l->key, sizeof l->key, s, n, hash))
		memcpy(&subject, hash, sizeof subject);
	return subject ? subject : 1;
}
