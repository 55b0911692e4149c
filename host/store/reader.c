/* reader.c: the connections that read. They are opened without the right to write, so that nothing
 * can write by them whatever the statement says. */
#include "base/clock.h"
#include "base/error.h"
#include "store/store_private.h"

void readers_init(struct store_readers *readers)
{
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->freed, NULL);
	readers->idle_count = readers->open_count = 0;
}

void readers_finish(struct store_readers *readers)
{
	for (size_t i = 0; i < readers->idle_count; i++)
		connection_close(&readers->idle[i]);
	readers->idle_count = 0;
	pthread_cond_destroy(&readers->freed);
	pthread_mutex_destroy(&readers->lock);
}

int32_t reader_take(struct store_part *part, const struct call_scope *scope,
        struct store_connection *connection, struct askd_error *reterr)
{
	struct store_readers *readers = &part->readers;
	bool make = false;
	int32_t rc = ASKD_OK;

	/* Reads are short: whoever holds a connection gives it back soon. */
	pthread_mutex_lock(&readers->lock);
	while (!readers->idle_count && readers->open_count == STORE_READERS)
		pthread_cond_wait(&readers->freed, &readers->lock);
	if (readers->idle_count) {
		*connection = readers->idle[--readers->idle_count];
	} else {
		readers->open_count++;
		make = true;
	}
	pthread_mutex_unlock(&readers->lock);
	if (make && (rc = connection_open(connection, part->instance, 0, scope, reterr))) {
		*connection = (struct store_connection){0};
		reader_give(part, connection, false);
	}
	return rc;
}

void reader_give(struct store_part *part, struct store_connection *connection, bool sound)
{
	struct store_readers *readers = &part->readers;

	if (!sound)
		connection_close(connection);
	pthread_mutex_lock(&readers->lock);
	if (sound)
		readers->idle[readers->idle_count++] = *connection;
	else
		readers->open_count--;
	pthread_cond_signal(&readers->freed);
	pthread_mutex_unlock(&readers->lock);
	*connection = (struct store_connection){0};
}

int32_t reader_read(struct store *store, enum store_database db, const struct call_scope *scope,
        struct arena *a, const struct store_statement *statement, size_t max_rows,
        struct store_rows *rows, const struct askd_db_column *const **columns,
        struct askd_error *reterr)
{
	struct store_part *part = &store->parts[db];
	struct store_connection connection = {0};
	struct plugin_call call;
	struct cancel cancel;
	struct call_scope own = {.cancel = &cancel};
	struct askd_error err = {0};
	int32_t rc;

	cancel_init(&cancel);
	if (!scope)
		scope = &own;
	rc = reader_take(part, scope, &connection, &err);
	if (!rc) {
		plugin_call_init(&call, scope, 0);
		rc = connection_read(
		        &connection, &call, statement, max_rows, a, rows, columns, &err);
		plugin_call_finish(&call);
		reader_give(part, &connection,
		        !rc || rc == ASKD_E_STATEMENT || rc == ASKD_E_DENIED ||
		                rc == ASKD_E_TOO_LARGE);
	}
	cancel_finish(&cancel);
	return rc ? error_copy(reterr, &err) : ASKD_OK;
}

int32_t store_read(struct store *store, enum store_database db, struct arena *a, const char *prefix,
        struct askd_text sql, const struct askd_value *params, size_t count, size_t max_rows,
        struct store_rows *rows, struct askd_error *reterr)
{
	struct store_statement statement = {
	        .sql = sql, .prefix = askd_text_of(prefix), .params = params, .count = count};

	return reader_read(store, db, NULL, a, &statement, max_rows, rows, NULL, reterr);
}
