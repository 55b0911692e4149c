/* offline.h: what the files of the plugin around the engine share. */
#ifndef OFFLINE_OFFLINE_H
#define OFFLINE_OFFLINE_H

#include <pthread.h>

#include <askd/extensions.h>

#include "engine.h"

struct cache_entry;

struct offline {
	/* options */
	int64_t values, memory, refresh_ms, probes;
	const char *decline_below;
	/* the rest */
	const struct askd_host *host;
	const struct askd_query_service *query;
	const struct askd_i18n_service *i18n;
	int32_t least_milli; /* of decline_below */
	/* offline_cache.c */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a schema was learnt, or could not be */
	/* Under the lock. */
	struct cache_entry *entries; /* used last first */
	size_t used;                 /* bytes of all schemas */
};

/* offline_cache.c: a schema per database, version and set of tables, learnt by the first who asks.
 */

/* Of a part of the tables a catalogue of at least so many may be a choice of the host's: the whole
 * one is learnt then. */
enum { CACHE_WHOLE = 40 };
/* The schema of the catalogue, in use until cache_give. `whole`: the catalogue has all tables. */
int32_t cache_take(struct offline *offline, struct askd_call *call,
        const struct askd_catalogue *catalogue, bool whole, struct cache_entry **entry,
        struct askd_error *reterr);
void cache_give(struct offline *offline, struct cache_entry *entry); /* NULL is fine */
const struct schema *cache_schema(const struct cache_entry *entry);
void cache_finish(struct offline *offline);

/* offline_reading.c: the source of the engine: statements through askd.query/1 as the asker of a
 * call. */
struct reading {
	struct source source; /* first: hand this to the engine */
	const struct offline *offline;
	struct askd_call *call;
	uint64_t database;
	int64_t one_ms, until_us; /* of one statement; of all together (CLOCK_MONOTONIC) */
	bool canceled;            /* nobody waits any more */
};
void reading_init(struct reading *reading, const struct offline *offline, struct askd_call *call,
        uint64_t database, int64_t one_ms, int64_t all_ms);
int64_t reading_now_us(void);

/* offline.c: a question to the engine, with probes if they are wanted. */
int32_t offline_answer(struct offline *offline, struct askd_call *call, struct pool *pool,
        struct cache_entry *entry, uint64_t database, struct engine_question *question,
        struct engine_reply *reply, struct askd_error *reterr);

/* offline_nl2sql.c: askd nl2sql */
extern const struct askd_extension offline_verbs;

#endif
