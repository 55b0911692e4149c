/* lying_db: a driver that breaks the contract in the way that the statement names. The statement
 * "live" is honest: one row with the number of cursors that are open. */
#include <stdlib.h>

#include <askd/database.h>

struct lying_db {
	uint64_t connections, cursors; /* atomic */
};

struct connection {
	struct lying_db *db;
};

struct cursor {
	struct lying_db *db;
	const char *lie;
	struct askd_value cells[4];
};

static const char *const lies[] = {"live", "rows", "utf8", "unterminated", "type", "null_text",
        "no_cells", "cell_flags", "bool", "null_cursor", "positive", "beyond", "silent", "noisy",
        "bad_column", "size", "reserved", "full", NULL};

ASKD_DEFINE(db_connect, askd_db_connect, askd_object)
{
	struct connection *connection = NULL;
	if (askd_equal(in->address, ASKD_LITERAL("null")))
		return ASKD_OK; /* without a handle */
	connection = (struct connection *)calloc(1, sizeof *connection);
	if (!connection)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory");
	connection->db = (struct lying_db *)self;
	__atomic_add_fetch(&connection->db->connections, 1, __ATOMIC_RELAXED);
	out->handle = connection;
	out->reserved = askd_equal(in->address, ASKD_LITERAL("reserved"));
	return ASKD_OK;
}

ASKD_DEFINE(db_disconnect, askd_nothing, askd_nothing)
{
	__atomic_sub_fetch(&((struct connection *)self)->db->connections, 1, __ATOMIC_RELAXED);
	free(self);
	return ASKD_OK;
}

/* Two tables, of which the second has a name that is not UTF-8; what the sink says is ignored. */
ASKD_DEFINE(db_describe, askd_db_describe, askd_nothing)
{
	ASKD_MAKE(struct askd_db_table, good, .kind = ASKD_TABLE, .rows = -1,
	        .name = ASKD_LITERAL("good"));
	ASKD_MAKE(struct askd_db_table, bad, .kind = ASKD_TABLE, .rows = -1,
	        .name = ASKD_LITERAL("b\xff"
	                             "d"));
	in->tables->put(in->tables, &good);
	in->tables->put(in->tables, &bad);
	in->tables->put(in->tables, &good);
	return ASKD_OK;
}

static int is(const char *lie, const char *name)
{
	return lie && !strcmp(lie, name);
}

ASKD_DEFINE(db_query, askd_db_query, askd_db_result)
{
	static const struct askd_db_column column = {
	        .size = sizeof column, .type = ASKD_TEXT, .name = {"a", 1}};
	static const struct askd_db_column bad = {
	        .size = sizeof bad, .type = ASKD_TEXT, .name = {"\xff", 1}};
	static const struct askd_db_column *const columns[] = {&column, NULL};
	static const struct askd_db_column *const bad_columns[] = {&column, &bad, NULL};
	const char *lie = NULL;
	struct cursor *cursor;
	for (const char *const *l = lies; *l; l++)
		if (askd_equal(in->sql, askd_text_of(*l)))
			lie = *l;
	if (!lie)
		return askd_fail(reterr, ASKD_E_STATEMENT, "not a lie");
	if (is(lie, "positive"))
		return 7;
	if (is(lie, "beyond"))
		return ASKD_E_LAST - 1;
	if (is(lie, "silent"))
		return ASKD_E_REMOTE;
	if (is(lie, "noisy")) {
		memset(reterr, 'x', sizeof *reterr);
		memset(reterr->native, 0xff, sizeof reterr->native);
		memcpy(reterr->message, "two\nlines", 9);
		return ASKD_E_REMOTE;
	}
	cursor = (struct cursor *)calloc(1, sizeof *cursor);
	if (!cursor)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory");
	cursor->db = ((struct connection *)self)->db;
	cursor->lie = lie;
	__atomic_add_fetch(&cursor->db->cursors, 1, __ATOMIC_RELAXED);
	out->cursor = cursor;
	out->columns = is(lie, "bad_column") ? bad_columns : columns;
	if (is(lie, "full"))
		while (call->alloc(call, 1 << 20))
			;
	if (is(lie, "size"))
		out->size = 4;
	if (is(lie, "reserved"))
		out->reserved = 1;
	if (is(lie, "null_cursor")) {
		__atomic_sub_fetch(&cursor->db->cursors, 1, __ATOMIC_RELAXED);
		free(cursor);
		out->cursor = NULL;
	}
	return ASKD_OK;
}

ASKD_DEFINE(db_next, askd_db_fetch, askd_batch)
{
	struct cursor *cursor = (struct cursor *)self;
	struct askd_value *cell = &cursor->cells[0];
	*cell = (struct askd_value){.type = ASKD_TEXT, .len = 2, .u = {.s = "ok"}};
	out->rows = out->columns = out->end = 1;
	out->affected = -1;
	out->cells = cursor->cells;
	if (is(cursor->lie, "live")) {
		*cell = (struct askd_value){.type = ASKD_INT,
		        .u = {.i = (int64_t)__atomic_load_n(
		                      &cursor->db->cursors, __ATOMIC_RELAXED)}};
	} else if (is(cursor->lie, "rows")) {
		out->rows = in->max_rows + 1;
		out->columns = 0;
	} else if (is(cursor->lie, "utf8")) {
		cell->u.s = "12345678\xc3";
		cell->len = 9;
	} else if (is(cursor->lie, "unterminated")) {
		cell->len = 1;
	} else if (is(cursor->lie, "type")) {
		cell->type = ASKD_OTHER + 1;
	} else if (is(cursor->lie, "null_text")) {
		cell->u.s = NULL;
	} else if (is(cursor->lie, "no_cells")) {
		out->cells = NULL;
	} else if (is(cursor->lie, "cell_flags")) {
		cell->flags = 2;
	} else if (is(cursor->lie, "bool")) {
		*cell = (struct askd_value){.type = ASKD_BOOL, .u = {.i = 2}};
	}
	return ASKD_OK;
}

ASKD_DEFINE(db_finish, askd_nothing, askd_nothing)
{
	__atomic_sub_fetch(&((struct cursor *)self)->db->cursors, 1, __ATOMIC_RELAXED);
	free(self);
	return ASKD_OK;
}

ASKD_DEFINE(db_interrupt, askd_nothing, askd_nothing)
{
	return ASKD_OK;
}

ASKD_DEFINE(db_reset, askd_nothing, askd_nothing)
{
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_dialect, dialect, .name = "sqlite", .schemes = "lying");
ASKD_MAKE(static const struct askd_database_iface, iface, .dialect = &dialect,
        .connect = db_connect, .describe = db_describe, .query = db_query, .next = db_next,
        .finish = db_finish, .interrupt = db_interrupt, .reset = db_reset,
        .disconnect = db_disconnect);
ASKD_PLUGIN(.kind = ASKD_KIND_DATABASE, .name = "lying_db", .version = "1.0",
        .summary = "breaks the contract", .license = "MIT",
        .instance_size = sizeof(struct lying_db), .flags = ASKD_CONCURRENT, .iface = &iface);
