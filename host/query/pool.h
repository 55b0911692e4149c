/* pool.h: connections to one database. One turn uses a connection at a time. Private to query/. */
#ifndef QUERY_POOL_H
#define QUERY_POOL_H

#include <pthread.h>

#include "plugin/registry.h"
#include "run/timers.h"

enum { POOL_MAX = 20, POOL_IDLE = 4, POOL_IDLE_US = 60 * 1000 * 1000 };

struct pool;

/* A connection, and what keeps `interrupt` apart from `finish`. */
struct pool_connection {
	struct pool *pool;
	void *handle; /* the driver's */
	int64_t idle_since_us;
	struct pool_connection *next;
	pthread_mutex_t lock;
	/* Under the lock. */
	bool working;     /* a statement runs: interrupt makes sense */
	bool interrupted; /* its state is unknown: never used again */
};

struct pool_waiter;

struct pool {
	struct plugin_instance *instance;
	struct timers *timers;
	const char *name;                      /* of the database */
	char label_busy[128], label_idle[128]; /* of the metrics */
	size_t max, keep;
	bool unnamed; /* no configuration names it: not among the metrics, nothing to look up there
	               */
	pthread_mutex_t lock;
	/* Under the lock. */
	size_t open; /* connections that exist or are being made */
	size_t idle_count;
	struct pool_connection *idle;     /* last used first */
	struct pool_waiter *first, *last; /* in the order in which they came */
};

int32_t pool_init(struct pool *pool, struct plugin_instance *instance, struct timers *timers,
        const char *name, struct askd_error *reterr);
/* Closes what is idle. */
void pool_rest(struct pool *pool);
/* The same. No connection may be out. */
void pool_finish(struct pool *pool);

/* What a piece of work on a connection may take: the scope with its cancel, and until when
 * (CLOCK_MONOTONIC, 0: the scope's). */
struct pool_work {
	const struct call_scope *scope;
	int64_t deadline_us;
};
/* A call for the driver with what is left of the work's time. */
void pool_call_init(struct plugin_call *call, const struct pool_work *work);

/* A connection that has just proved that it works. Waits for one when all are busy, first come
 * first served; TIMEOUT, CANCELED, or why none can be made. */
int32_t pool_take(struct pool *pool, const struct pool_work *work,
        struct pool_connection **connection, struct askd_error *reterr);
/* usable: false when the last statement left doubts. */
void pool_give(struct pool_connection *connection, bool usable);

/* One statement on the connection: between begin and end a cancel or the deadline interrupts it. */
struct pool_guard {
	struct pool_connection *connection;
	const struct pool_work *work;
	struct cancel_hook hook;
	struct timer timer;
	bool timed_out; /* under the connection's lock */
	bool hooked, timed;
};
void pool_guard_begin(
        struct pool_guard *guard, struct pool_connection *connection, const struct pool_work *work);
/* Finishes the cursor (NULL: none), which no interrupt overlaps. What the caller must answer, given
 * the rc of the statement: an interrupt of ours is CANCELED or TIMEOUT. *err is changed with it. */
int32_t pool_guard_end(struct pool_guard *guard, void *cursor, int32_t rc, struct askd_error *err);

#endif
