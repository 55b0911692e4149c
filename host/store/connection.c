/* connection.c: statements over a connection of the database plugin. */
#include <stdlib.h>

#include "base/error.h"
#include "store/store_private.h"

enum { BATCH_ROWS = 256, BATCH_BYTES = 1 << 20, VALUE_MAX = 16 << 20 };

int32_t connection_open(struct store_connection *connection, struct plugin_instance *instance,
        uint32_t flags, const struct call_scope *scope, struct askd_error *reterr)
{
	struct plugin_call call;
	struct askd_db_connect in = {.size = sizeof in, .flags = flags};
	struct askd_object out = {.size = sizeof out};
	int32_t rc;

	plugin_call_init(&call, scope, 0);
	rc = enter_database_iface_connect(instance, NULL, NULL, &call, &in, &out, reterr);
	plugin_call_finish(&call);
	if (!rc)
		*connection = (struct store_connection){instance, out.handle};
	return rc;
}

void connection_close(struct store_connection *connection)
{
	struct cancel cancel;
	struct call_scope scope = {.cancel = &cancel};
	struct plugin_call call;

	if (!connection->handle)
		return;
	cancel_init(&cancel);
	plugin_call_init(&call, &scope, 0);
	enter_database_iface_disconnect(
	        connection->instance, NULL, connection->handle, &call, NULL, NULL, NULL);
	plugin_call_finish(&call);
	cancel_finish(&cancel);
	connection->handle = NULL;
}

static int32_t start(struct store_connection *connection, struct plugin_call *call,
        const struct store_statement *statement, struct askd_db_result *result,
        struct askd_error *reterr)
{
	struct askd_db_query in = {.size = sizeof in,
	        .sql = statement->sql,
	        .params = {statement->params, statement->count},
	        .prefix = statement->prefix};

	*result = (struct askd_db_result){.size = sizeof *result};
	return enter_database_iface_query(
	        connection->instance, NULL, connection->handle, call, &in, result, reterr);
}

static int32_t next(struct store_connection *connection, struct plugin_call *call, void *cursor,
        struct askd_batch *batch, struct askd_error *reterr)
{
	struct askd_db_fetch in = {.size = sizeof in,
	        .max_rows = BATCH_ROWS,
	        .max_bytes = BATCH_BYTES,
	        .max_value = VALUE_MAX};

	*batch = (struct askd_batch){.size = sizeof *batch};
	return enter_database_iface_next(
	        connection->instance, NULL, cursor, call, &in, batch, reterr);
}

static void finish(struct store_connection *connection, struct plugin_call *call, void *cursor)
{
	enter_database_iface_finish(connection->instance, NULL, cursor, call, NULL, NULL, NULL);
}

int32_t connection_run(struct store_connection *connection, struct plugin_call *call,
        const struct store_statement *statement, int64_t *affected, struct askd_error *reterr)
{
	struct askd_db_result result;
	struct askd_batch batch;
	int32_t rc = start(connection, call, statement, &result, reterr);

	if (rc)
		goto out;
	do
		rc = next(connection, call, result.cursor, &batch, reterr);
	while (!rc && !batch.end);
	finish(connection, call, result.cursor);
	if (!rc && affected)
		*affected = batch.affected;
out:
	arena_reset(&call->arena);
	return rc;
}

/* Rows as they come: cells grow, their texts stand in the arena already. */
struct gathering {
	struct askd_value *cells;
	size_t count, room;
};

static int32_t gather(struct gathering *g, struct arena *a, const struct askd_batch *batch,
        struct askd_error *reterr)
{
	size_t more = (size_t)batch->rows * batch->columns;

	if (g->count + more > g->room) {
		size_t room = (g->count + more) * 2;
		struct askd_value *grown = realloc(g->cells, room * sizeof *grown);
		if (!grown)
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for rows");
		g->cells = grown;
		g->room = room;
	}
	for (size_t i = 0; i < more; i++) {
		struct askd_value value = batch->cells[i];
		if (value.flags & ASKD_CUT)
			return askd_fail(reterr, ASKD_E_TOO_LARGE,
			        "a stored value is longer than %d bytes", VALUE_MAX);
		if (value.type > ASKD_FLOAT &&
		        !(value.u.s = arena_copy(a, value.u.s ? value.u.s : "", value.len)))
			return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for rows");
		g->cells[g->count++] = value;
	}
	return ASKD_OK;
}

static const struct askd_db_column *const *copy_columns(
        struct arena *a, const struct askd_db_column *const *columns)
{
	const struct askd_db_column **list;
	size_t n = 0;

	while (columns && columns[n])
		n++;
	list = arena_zalloc(a, (n + 1) * sizeof *list);
	for (size_t i = 0; list && i < n; i++) {
		struct askd_db_column *column = arena_zalloc(a, sizeof *column);
		if (!column)
			return NULL;
		*column = (struct askd_db_column){.size = sizeof *column,
		        .type = columns[i]->type,
		        .nullable = columns[i]->nullable,
		        .name = arena_text(a, columns[i]->name),
		        .type_name = arena_text(a, columns[i]->type_name)};
		list[i] = column;
	}
	return list;
}

int32_t connection_read(struct store_connection *connection, struct plugin_call *call,
        const struct store_statement *statement, size_t max_rows, struct arena *a,
        struct store_rows *rows, const struct askd_db_column *const **columns,
        struct askd_error *reterr)
{
	struct askd_db_result result;
	struct askd_batch batch = {.size = sizeof batch};
	struct gathering g = {0};
	const struct askd_db_column *const *described = NULL;
	struct askd_value *cells = NULL;
	size_t count = 0, width = 0;
	int32_t rc = start(connection, call, statement, &result, reterr);

	if (rc)
		return rc;
	while (result.columns && result.columns[width])
		width++;
	if (columns && !(described = copy_columns(a, result.columns)))
		rc = askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for columns");
	while (!rc && !batch.end) {
		rc = next(connection, call, result.cursor, &batch, reterr);
		if (!rc && batch.rows && batch.columns != width)
			rc = askd_fail(reterr, ASKD_E_PROTOCOL,
			        "the database announced %zu columns and sent %u", width,
			        batch.columns);
		if (!rc)
			count += batch.rows;
		if (!rc && count > max_rows)
			rc = askd_fail(reterr, ASKD_E_TOO_LARGE, "more than %zu rows", max_rows);
		if (!rc)
			rc = gather(&g, a, &batch, reterr);
	}
	finish(connection, call, result.cursor);
	if (!rc) {
		cells = arena_alloc(a, g.count * sizeof *cells + 1);
		if (!cells)
			rc = askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for rows");
		else if (g.count)
			memcpy(cells, g.cells, g.count * sizeof *cells);
	}
	free(g.cells);
	if (!rc && rows)
		*rows = (struct store_rows){.rows = count, .columns = width, .cells = cells};
	if (!rc && columns)
		*columns = described;
	return rc;
}
