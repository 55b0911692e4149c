/* cursor.c: a statement that runs, and its rows in batches. */
#include <stdlib.h>

#include "sqlite.h"

enum { BLOCK_BYTES = 128 << 10, BLOCK_KEPT = 1 << 20, ROWS_MAX = 1 << 16 };

/* ---- memory of a batch: blocks that stay where they are ---- */

static char *take(struct cursor *cursor, size_t n)
{
	struct block *block = cursor->block;
	char *p;
	if (!block || n > block->room - block->used) {
		struct block *next = block ? block->next : cursor->blocks;
		if (!next || n > next->room) {
			size_t room = n > BLOCK_BYTES ? n : BLOCK_BYTES;
			struct block *fresh = malloc(sizeof *fresh + room);
			if (!fresh)
				return NULL;
			fresh->room = room;
			fresh->next = next;
			if (block)
				block->next = fresh;
			else
				cursor->blocks = fresh;
			next = fresh;
		}
		next->used = 0;
		cursor->block = block = next;
	}
	p = block->data + block->used;
	block->used += n;
	return p;
}

static void free_blocks(struct cursor *cursor, size_t keep)
{
	struct block **at = &cursor->blocks, *block;
	size_t kept = 0;
	while ((block = *at)) {
		if (kept + block->room <= keep) {
			kept += block->room;
			at = &block->next;
		} else {
			*at = block->next;
			free(block);
		}
	}
	cursor->block = NULL;
}

void cursor_release(struct cursor *cursor)
{
	statement_release(cursor->statement);
	cursor->statement = NULL;
	free_blocks(cursor, 0);
	free(cursor->cells);
	cursor->cells = NULL;
	cursor->cell_room = 0;
}

/* ---- query ---- */

static int32_t step(struct cursor *cursor, struct askd_error *reterr)
{
	int rc = sqlite3_step(cursor->statement->stmt);
	cursor->row = rc == SQLITE_ROW;
	cursor->done = rc == SQLITE_DONE;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return ASKD_OK;
	return failure_report(cursor->connection, rc, cursor->commits, reterr);
}

/* What the first row shows, for columns that have no declaration. */
static uint32_t type_of_row(const struct cursor *cursor, int column)
{
	if (!cursor->row)
		return ASKD_OTHER;
	switch (sqlite3_column_type(cursor->statement->stmt, column)) {
	case SQLITE_INTEGER:
		return ASKD_INT;
	case SQLITE_FLOAT:
		return ASKD_FLOAT;
	case SQLITE_TEXT:
		return ASKD_TEXT;
	case SQLITE_BLOB:
		return ASKD_BYTES;
	default:
		return ASKD_OTHER;
	}
}

/* Room for what is said about the columns. Before the first step: after it a COMMIT is done, and
 * must not be reported as failed. */
struct columns {
	const struct askd_db_column **list;
	struct askd_db_column *items;
	int count;
};

static int32_t reserve_columns(struct cursor *cursor, struct askd_call *call,
        struct columns *columns, struct askd_error *reterr)
{
	size_t count = (size_t)sqlite3_column_count(cursor->statement->stmt);
	columns->items = call->alloc(
	        call, count * sizeof *columns->items + (count + 1) * sizeof *columns->list);
	columns->count = (int)count;
	if (!columns->items)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the columns");
	columns->list = (void *)(columns->items + count);
	return statement_types(cursor->statement, reterr);
}

static void describe_columns(
        struct cursor *cursor, struct askd_call *call, const struct columns *columns)
{
	sqlite3_stmt *stmt = cursor->statement->stmt;
	const struct askd_db_column **list = columns->list;
	struct askd_db_column *items = columns->items;
	size_t count = (size_t)columns->count;
	for (size_t i = 0; i < count; i++) {
		const char *name = sqlite3_column_name(stmt, (int)i);
		const char *declaration = sqlite3_column_decltype(stmt, (int)i);
		uint32_t type = cursor->statement->types[i];
		items[i] = (struct askd_db_column){.size = sizeof *items, .nullable = 1};
		items[i].type = type == ASKD_OTHER ? type_of_row(cursor, (int)i) : type;
		items[i].name = value_clean(call, name ? name : "");
		if (declaration && *declaration)
			items[i].type_name = value_clean(call, declaration);
		list[i] = &items[i];
	}
	list[count] = NULL;
}

DRIVER_FN(cursor_query, askd_db_query, askd_db_result)
{
	struct connection *connection = self;
	struct cursor *cursor = &connection->cursor;
	const char *prefix = in->prefix.s && in->prefix.n ? in->prefix.s : NULL;
	struct columns columns = {0};
	bool alone;
	int32_t rc;
	if (cursor->open)
		return askd_fail(reterr, ASKD_E_INVALID, "the last cursor was not finished");
	if (!in->sql.s)
		return askd_fail(reterr, ASKD_E_INVALID, "there is no statement");
	rc = connection_enter(connection, call, reterr);
	if (rc)
		return rc;
	cursor->row = cursor->done = false;
	rc = statement_prepare(
	        connection, in->sql, prefix, &cursor->own, &cursor->statement, reterr);
	if (rc)
		goto out;
	rc = statement_bind(connection, cursor->statement, in->params, reterr);
	if (rc)
		goto out;
	connection->prefix = cursor->statement->prefix;
	cursor->changes = !sqlite3_stmt_readonly(cursor->statement->stmt);
	cursor->changes_before = sqlite3_total_changes64(connection->db);
	alone = sqlite3_get_autocommit(connection->db);
	cursor->commits =
	        connection->writer && ((alone && cursor->changes) || cursor->statement->commits);
	rc = reserve_columns(cursor, call, &columns, reterr);
	if (!rc)
		rc = step(cursor, reterr);
	/* The first step compiles again what an older schema was compiled for. */
	cursor->columns = sqlite3_column_count(cursor->statement->stmt);
	if (!rc)
		rc = cursor->columns == columns.count
		             ? statement_types(cursor->statement, reterr)
		             : reserve_columns(cursor, call, &columns, reterr);
	if (rc)
		goto out;
	describe_columns(cursor, call, &columns);
	out->columns = columns.list;
	cursor->open = true;
	out->cursor = cursor;
out:
	if (rc) {
		statement_release(cursor->statement);
		cursor->statement = NULL;
	}
	connection_leave(connection);
	return rc;
}

/* ---- next ---- */

/* A copy of a text or of bytes, with a 0 behind it. */
static bool copy_long(struct cursor *cursor, const void *p, size_t n, uint64_t max_value,
        struct askd_value *value)
{
	char *copy;
	if (max_value && n > max_value) {
		n = (size_t)max_value;
		if (value->type == ASKD_TEXT)
			while (n && (((const char *)p)[n] & 0xc0) == 0x80)
				n--;
		value->flags = ASKD_CUT;
	}
	copy = take(cursor, n + 1);
	if (!copy)
		return false;
	if (n)
		memcpy(copy, p, n);
	copy[n] = 0;
	value->u.s = copy;
	value->len = (uint32_t)n;
	return true;
}

static bool copy_text(
        struct cursor *cursor, int column, uint64_t max_value, struct askd_value *value)
{
	sqlite3_stmt *stmt = cursor->statement->stmt;
	const char *s = (const char *)sqlite3_column_text(stmt, column);
	size_t n = (size_t)sqlite3_column_bytes(stmt, column);
	uint32_t declared = cursor->statement->types[column];
	if (!s)
		return false;
	value->type = ASKD_TEXT;
	if (!copy_long(cursor, s, n, max_value, value))
		return false;
	if (!value_is_text(value->u.s, value->len))
		value->type = ASKD_BYTES;
	else if (declared == ASKD_DATE || declared == ASKD_TIMESTAMP || declared == ASKD_TIME)
		value->type = (uint16_t)(value->flags ? ASKD_TEXT : value_shape(declared, s, n));
	return true;
}

static bool copy_cell(
        struct cursor *cursor, int column, uint64_t max_value, struct askd_value *value)
{
	sqlite3_stmt *stmt = cursor->statement->stmt;
	memset(value, 0, sizeof *value);
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		value->type = ASKD_INT;
		value->u.i = sqlite3_column_int64(stmt, column);
		if (cursor->statement->types[column] == ASKD_BOOL &&
		        (value->u.i == 0 || value->u.i == 1))
			value->type = ASKD_BOOL;
		return true;
	case SQLITE_FLOAT:
		value->type = ASKD_FLOAT;
		value->u.f = sqlite3_column_double(stmt, column);
		return true;
	case SQLITE_TEXT:
		return copy_text(cursor, column, max_value, value);
	case SQLITE_BLOB: {
		const void *p = sqlite3_column_blob(stmt, column);
		size_t n = (size_t)sqlite3_column_bytes(stmt, column);
		value->type = ASKD_BYTES;
		return (p || !n) && copy_long(cursor, p, n, max_value, value);
	}
	default:
		return true;
	}
}

static bool make_room(struct cursor *cursor, size_t cells)
{
	struct askd_value *grown;
	size_t room = cursor->cell_room ? cursor->cell_room : 256;
	while (room < cells)
		room *= 2;
	if (room == cursor->cell_room)
		return true;
	grown = realloc(cursor->cells, room * sizeof *grown);
	if (!grown)
		return false;
	cursor->cells = grown;
	cursor->cell_room = room;
	return true;
}

DRIVER_FN(cursor_next, askd_db_fetch, askd_batch)
{
	struct cursor *cursor = self;
	struct connection *connection = cursor->connection;
	uint32_t max_rows = in->max_rows ? in->max_rows : BATCH_ROWS, rows = 0;
	uint64_t max_bytes = in->max_bytes ? in->max_bytes : BATCH_BYTES, bytes = 0;
	size_t columns = (size_t)cursor->columns;
	int32_t rc;
	if (!cursor->open)
		return askd_fail(reterr, ASKD_E_INVALID, "the cursor was finished already");
	rc = connection_enter(connection, call, reterr);
	if (rc)
		return rc;
	if (max_rows > ROWS_MAX)
		max_rows = ROWS_MAX;
	connection->prefix = cursor->statement->prefix;
	cursor->block = NULL;
	for (;;) {
		if (!cursor->row && !cursor->done)
			rc = step(cursor, reterr);
		if (rc || cursor->done || rows == max_rows || bytes >= max_bytes)
			break;
		if (!make_room(cursor, (rows + 1) * columns)) {
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a row");
			break;
		}
		for (size_t i = 0; i < columns; i++) {
			struct askd_value *value = &cursor->cells[rows * columns + i];
			if (!copy_cell(cursor, (int)i, in->max_value, value)) {
				rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a value");
				goto out;
			}
			bytes += value->len;
		}
		rows++;
		cursor->row = false;
	}
	if (rc)
		goto out;
	out->rows = rows;
	out->columns = (uint32_t)columns;
	out->cells = rows ? cursor->cells : NULL;
	out->end = cursor->done;
	out->affected = -1;
	if (cursor->done && cursor->changes)
		out->affected = sqlite3_total_changes64(connection->db) == cursor->changes_before
		                        ? 0
		                        : sqlite3_changes64(connection->db);
out:
	connection_leave(connection);
	return rc;
}

DRIVER_FN(cursor_finish, askd_nothing, askd_nothing)
{
	struct cursor *cursor = self;
	(void)call, (void)in, (void)out, (void)reterr;
	statement_release(cursor->statement);
	cursor->statement = NULL;
	cursor->open = cursor->row = cursor->done = false;
	free_blocks(cursor, BLOCK_KEPT);
	if (cursor->cell_room * sizeof *cursor->cells > BLOCK_KEPT) {
		free(cursor->cells);
		cursor->cells = NULL;
		cursor->cell_room = 0;
	}
	return ASKD_OK;
}
