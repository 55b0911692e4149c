/* offline_cache.c: what was learnt of databases, shared by all who ask, within a bound of memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "offline.h"

enum {
	LEARN_MS = 20000,    /* at most, and no more than half of what the asker has */
	LEARN_ONE_MS = 5000, /* of one statement */
	SLICE_MS = 50        /* between two looks at whether the asker still waits */
};

struct cache_entry {
	uint64_t database, version, tables; /* the key; tables: 0: all of them */
	struct schema *schema;              /* NULL: it is being learnt for the first time */
	size_t bytes;
	int64_t learnt_us;
	uint32_t users;
	bool learning; /* somebody learns it, for the first time or anew */
	bool gone;     /* not in the list any more: the last user frees it */
	struct cache_entry *next;
};

const struct schema *cache_schema(const struct cache_entry *entry)
{
	return entry->schema;
}

static void entry_free(struct cache_entry *entry)
{
	schema_destroy(entry->schema);
	free(entry);
}

/* Which tables they are, in whatever order. */
static uint64_t hash_tables(const struct askd_catalogue *catalogue, bool *whole)
{
	uint64_t sum = 1;
	size_t n = 0;
	for (; catalogue->tables && catalogue->tables[n]; n++) {
		const struct askd_db_table *t = catalogue->tables[n];
		uint64_t hash = UINT64_C(14695981039346656037);
		for (size_t i = 0; i < t->schema.n + t->name.n; i++)
			hash = (hash ^ (unsigned char)(i < t->schema.n
			                                       ? t->schema.s[i]
			                                       : t->name.s[i - t->schema.n])) *
			       UINT64_C(1099511628211);
		sum += hash * (2 * (uint64_t)t->schema.n + 1);
	}
	*whole = *whole || n < CACHE_WHOLE;
	return n < CACHE_WHOLE ? sum : 0;
}

/* With the lock. Frees it when nobody uses it. */
static void unlink_entry(struct offline *offline, struct cache_entry **at)
{
	struct cache_entry *entry = *at;
	*at = entry->next;
	offline->used -= entry->bytes;
	entry->gone = true;
	if (!entry->users)
		entry_free(entry);
}

/* With the lock. What was used longest ago goes first; what is in use or being learnt stays. */
static void shrink(struct offline *offline)
{
	while (offline->used > (size_t)offline->memory) {
		struct cache_entry **last = NULL;
		for (struct cache_entry **at = &offline->entries; *at; at = &(*at)->next)
			if (!(*at)->users && !(*at)->learning)
				last = at;
		if (!last)
			return;
		unlink_entry(offline, last);
	}
}

/* With the lock. The entry of that key, moved to the front; NULL: none. */
static struct cache_entry *find(
        struct offline *offline, uint64_t database, uint64_t version, uint64_t tables)
{
	struct cache_entry **at = &offline->entries, *entry;
	while (*at && !((*at)->database == database && (*at)->version == version &&
	                      (*at)->tables == tables))
		at = &(*at)->next;
	entry = *at;
	if (entry) {
		*at = entry->next;
		entry->next = offline->entries;
		offline->entries = entry;
	}
	return entry;
}

/* With the lock: until somebody has learnt something, or this asker waits no more. */
static int32_t wait_changed(
        struct offline *offline, const struct askd_call *call, struct askd_error *reterr)
{
	struct timespec until;
	if (askd_canceled(call))
		return askd_fail(reterr, ASKD_E_CANCELED, "canceled");
	if (!askd_limit_ms(call, 1))
		return askd_fail(reterr, ASKD_E_TIMEOUT, "the schema was not learnt in time");
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SLICE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_clockwait(&offline->changed, &offline->lock, CLOCK_MONOTONIC, &until);
	return ASKD_OK;
}

static int32_t learn_from(struct offline *offline, struct askd_call *call,
        const struct askd_catalogue *catalogue, struct schema **schema, struct askd_error *reterr)
{
	int64_t all_ms = askd_limit_ms(call, 2 * LEARN_MS) / 2;
	struct reading reading;
	struct schema *made = schema_create(catalogue, reterr);
	int32_t rc;
	if (!made)
		return reterr->code;
	reading_init(&reading, offline, call, catalogue->database, LEARN_ONE_MS, all_ms);
	rc = schema_learn(made, &reading.source, (uint32_t)offline->values, reterr);
	if (!rc && reading.canceled)
		rc = askd_fail(reterr, ASKD_E_CANCELED, "canceled");
	if (rc)
		schema_destroy(made);
	else
		*schema = made;
	return rc;
}

static int32_t learn(struct offline *offline, struct askd_call *call,
        const struct askd_catalogue *catalogue, bool whole, struct schema **schema,
        struct askd_error *reterr)
{
	const struct askd_host *host = offline->host;
	ASKD_MAKE(struct askd_query_catalogue, in, .flags = ASKD_QUERY_NO_SAMPLES,
	        .database = catalogue->database);
	ASKD_MAKE(struct askd_catalogue, all, .version = 0);
	struct askd_call *inner;
	int32_t rc;
	if (whole)
		return learn_from(offline, call, catalogue, schema, reterr);
	inner = host->call_within(host, call, 0);
	if (!inner)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a schema");
	rc = offline->query->catalogue(host, inner, &in, &all, reterr);
	if (!rc)
		rc = learn_from(offline, call, &all, schema, reterr);
	host->call_end(inner);
	return rc;
}

/* With the lock. The schema is there: it stands for its key, and the one of an older version of the
 * same tables goes. */
static void settle(struct offline *offline, struct cache_entry *entry, struct schema *schema)
{
	entry->schema = schema;
	entry->bytes = schema_memory(schema);
	offline->used += entry->bytes;
	for (struct cache_entry **at = &offline->entries; *at;) {
		struct cache_entry *other = *at;
		if (other != entry && other->database == entry->database &&
		        other->tables == entry->tables && !other->learning)
			unlink_entry(offline, at);
		else
			at = &other->next;
	}
	shrink(offline);
}

static struct cache_entry *entry_create(
        struct offline *offline, uint64_t database, uint64_t version, uint64_t tables)
{
	struct cache_entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->database = database;
	entry->version = version;
	entry->tables = tables;
	entry->users = 1;
	entry->learning = true;
	entry->next = offline->entries;
	offline->entries = entry;
	return entry;
}

/* With the lock: takes it out of the list, wherever it stands now. */
static void take_out(struct offline *offline, struct cache_entry *entry)
{
	struct cache_entry **at = &offline->entries;
	while (*at != entry)
		at = &(*at)->next;
	unlink_entry(offline, at);
}

/* With the lock, which is let go of meanwhile. `old`: what was learnt before, in use by this asker;
 * NULL: nothing. */
static int32_t learn_entry(struct offline *offline, struct askd_call *call,
        const struct askd_catalogue *catalogue, bool whole, uint64_t tables,
        struct cache_entry *old, struct cache_entry **out, struct askd_error *reterr)
{
	struct cache_entry *entry =
	        old ? old : entry_create(offline, catalogue->database, catalogue->version, tables);
	struct schema *schema = NULL;
	int32_t rc;
	if (!entry)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a schema");
	entry->learning = true;
	pthread_mutex_unlock(&offline->lock);
	rc = learn(offline, call, catalogue, whole, &schema, reterr);
	pthread_mutex_lock(&offline->lock);
	entry->learning = false;
	if (rc != ASKD_E_CANCELED)
		entry->learnt_us = reading_now_us();
	pthread_cond_broadcast(&offline->changed);
	if (!rc && old) {
		/* Others read the old one still: the new one takes its place in the list. */
		entry = entry_create(offline, catalogue->database, catalogue->version, tables);
		if (entry) {
			entry->learning = false;
			entry->learnt_us = old->learnt_us;
			old->users--;
		} else {
			schema_destroy(schema);
			entry = old;
		}
	}
	if (!rc && !entry->schema)
		settle(offline, entry, schema);
	if (rc && !old) {
		entry->users = 0;
		take_out(offline, entry);
		return rc;
	}
	/* An old one is better than none, but nobody waits any more after a cancel. */
	if (rc && (rc == ASKD_E_CANCELED || rc == ASKD_E_NOMEM)) {
		old->users--;
		return rc;
	}
	*out = entry;
	return ASKD_OK;
}

int32_t cache_take(struct offline *offline, struct askd_call *call,
        const struct askd_catalogue *catalogue, bool whole, struct cache_entry **out,
        struct askd_error *reterr)
{
	uint64_t tables = hash_tables(catalogue, &whole);
	struct askd_error own, *err = reterr ? reterr : &own;
	int32_t rc = ASKD_OK;
	pthread_mutex_lock(&offline->lock);
	for (;;) {
		struct cache_entry *entry =
		        find(offline, catalogue->database, catalogue->version, tables);
		bool stale = entry && entry->schema && !entry->learning &&
		             reading_now_us() - entry->learnt_us >= offline->refresh_ms * 1000;
		if (entry && !entry->schema) {
			rc = wait_changed(offline, call, err);
			if (rc)
				break;
			continue;
		}
		if (entry)
			entry->users++;
		if (entry && !stale)
			*out = entry;
		else
			rc = learn_entry(offline, call, catalogue, whole, tables, entry, out, err);
		break;
	}
	pthread_mutex_unlock(&offline->lock);
	return rc;
}

void cache_give(struct offline *offline, struct cache_entry *entry)
{
	if (!entry)
		return;
	pthread_mutex_lock(&offline->lock);
	if (!--entry->users && entry->gone)
		entry_free(entry);
	else
		shrink(offline);
	pthread_mutex_unlock(&offline->lock);
}

void cache_finish(struct offline *offline)
{
	while (offline->entries) {
		struct cache_entry *entry = offline->entries;
		offline->entries = entry->next;
		entry_free(entry);
	}
}
