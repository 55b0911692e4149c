/* catalogue.h: the schema of a database: read through a connection, kept, shared, copied to those
 * who ask. Private to query/. */
#ifndef QUERY_CATALOGUE_H
#define QUERY_CATALOGUE_H

#include "query/query_room.h"

enum {
	CATALOGUE_TABLES = 10000,
	CATALOGUE_COLUMNS = 2000,
	CATALOGUE_MANY_TABLES = 60, /* above one of these a question gets only a part */
	CATALOGUE_MANY_BYTES = 32 << 10,
	CATALOGUE_PART = 40, /* tables of a part, then those that they refer to */
	CATALOGUE_SAMPLES = 5,
	CATALOGUE_SAMPLE_BYTES = 40
};

/* Sample values of a table, read once when they are first wanted. */
struct catalogue_samples {
	bool read;
	struct askd_values *columns; /* in the order of the table's; NULL: none */
};

/* What was read at one time. Immutable but for the samples, which appear once. */
struct catalogue {
	int64_t refs; /* atomic */
	uint64_t version;
	struct arena arena;
	const struct askd_db_table **tables; /* by schema and name, NULL-terminated */
	size_t count, name_bytes;
	pthread_mutex_t lock; /* of the samples */
	struct arena sample_arena;
	struct catalogue_samples *samples;
};

/* The fresh one, or the last one while nothing fresher can be had. Release it. */
int32_t catalogue_get(struct database *db, const struct pool_work *work,
        struct catalogue **catalogue, struct askd_error *err);
void catalogue_release(struct catalogue *catalogue); /* NULL is fine */
/* A statement did not fit the schema: it may have changed. */
void catalogue_doubt(struct database *db);
/* Is there a table of this name in the default schema? */
bool catalogue_has(const struct catalogue *catalogue, const char *table);
bool catalogue_same_name(const char *a, const char *b); /* as SQL compares names */

/* describe.c: reads it. */
int32_t catalogue_read(struct database *db, const struct pool_work *work,
        struct catalogue **catalogue, struct askd_error *err);
/* samples.c: reads those of the tables whose index is in the list, as far as the time goes. */
void catalogue_sample(struct database *db, struct catalogue *catalogue,
        const struct pool_work *work, const size_t *list, size_t n);
/* rank.c: which tables, in which order: indexes into list (room for count), their number returned.
 * question absent: all, by name. */
size_t catalogue_rank(const struct catalogue *catalogue, struct askd_text question,
        const bool *wanted, size_t *list);

#endif
