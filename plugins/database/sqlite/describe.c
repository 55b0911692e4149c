/* describe.c: tables and views, their columns, keys and references. */
#include <stdlib.h>
#include <strings.h>

#include "sqlite.h"

struct description {
	struct connection *connection;
	struct askd_call *call;
	struct askd_error *reterr;
};

/* Compiles one of the driver's own statements with a text as ?1. */
static sqlite3_stmt *ask(struct connection *connection, const char *sql, const char *name)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(connection->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return NULL;
	if (name && sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT) != SQLITE_OK) {
		sqlite3_finalize(stmt);
		return NULL;
	}
	return stmt;
}

static int32_t failed(const struct description *d)
{
	int rc = sqlite3_errcode(d->connection->db);
	return failure_report(d->connection, rc == SQLITE_OK ? SQLITE_NOMEM : rc, false, d->reterr);
}

static const char *text_at(sqlite3_stmt *stmt, int column)
{
	const unsigned char *s = sqlite3_column_text(stmt, column);
	return s ? (const char *)s : "";
}

/* A list in the arena that grows by doubling. */
static bool push(struct askd_call *call, const void ***list, size_t *count, const void *item)
{
	if (!*list || (*count >= 7 && (*count & (*count + 1)) == 0)) {
		size_t room = *list ? (*count + 1) * 2 : 8;
		const void **grown = call->alloc(call, room * sizeof *grown);
		if (!grown)
			return false;
		if (*count)
			memcpy(grown, *list, *count * sizeof *grown);
		*list = grown;
	}
	(*list)[(*count)++] = item;
	(*list)[*count] = NULL;
	return true;
}

/* Views that no longer fit their tables, and tables whose module is missing, have no columns that
 * could be told: they are left out. */
static bool is_broken(int rc)
{
	return (rc & 0xff) == SQLITE_ERROR;
}

static int32_t add_columns(const struct description *d, const char *name,
        struct askd_db_table *table, bool *has_rowid_column)
{
	static const char sql[] =
	        "SELECT name, type, \"notnull\", pk, "
	        "(SELECT count(*) FROM pragma_index_list(?1) AS l WHERE l.\"unique\" AND NOT "
	        "l.partial "
	        "AND (SELECT count(*) FROM pragma_index_info(l.name)) = 1 "
	        "AND (SELECT i.name FROM pragma_index_info(l.name) AS i) = x.name), "
	        "(SELECT count(*) FROM pragma_table_info(?1) WHERE pk > 0) "
	        "FROM pragma_table_xinfo(?1) AS x WHERE hidden <> 1";
	sqlite3_stmt *stmt = ask(d->connection, sql, name);
	const void **list = NULL;
	size_t count = 0;
	int rc;
	if (!stmt)
		return failed(d);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct askd_db_column *column = d->call->alloc(d->call, sizeof *column);
		const char *column_name = text_at(stmt, 0), *type = text_at(stmt, 1);
		bool key = sqlite3_column_int(stmt, 3) > 0;
		if (!column)
			break;
		*column = (struct askd_db_column){.size = sizeof *column};
		column->name = value_clean(d->call, column_name);
		column->type = value_declared(type);
		if (*type)
			column->type_name = value_clean(d->call, type);
		/* Only an INTEGER PRIMARY KEY and a declared NOT NULL exclude NULL. */
		column->nullable =
		        !sqlite3_column_int(stmt, 2) &&
		        !(key && !strcasecmp(type, "INTEGER") && sqlite3_column_int(stmt, 5) == 1);
		column->key =
		        (key ? ASKD_KEY_PRIMARY : 0u) |
		        (sqlite3_column_int(stmt, 4) || (key && sqlite3_column_int(stmt, 5) == 1)
		                        ? ASKD_KEY_UNIQUE
		                        : 0u);
		*has_rowid_column |= !strcasecmp(column_name, "_rowid_");
		if (!push(d->call, &list, &count, column))
			break;
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW && !is_broken(rc)) {
		int32_t code = failed(d);
		sqlite3_finalize(stmt);
		return code;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_ROW)
		return askd_fail(d->reterr, ASKD_E_TOO_LARGE, "no room for the columns");
	table->columns = rc == SQLITE_DONE ? (const struct askd_db_column *const *)list : NULL;
	return ASKD_OK;
}

/* The primary key of a table, which a reference without column names means. */
static struct askd_text key_of(const struct description *d, const char *name)
{
	static const char sql[] =
	        "SELECT json_group_array(name) FROM "
	        "(SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk)";
	sqlite3_stmt *stmt = ask(d->connection, sql, name);
	struct askd_text text = ASKD_LITERAL("[]");
	if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
		text = value_clean(d->call, text_at(stmt, 0));
	sqlite3_finalize(stmt);
	return text;
}

static int32_t add_references(
        const struct description *d, const char *name, struct askd_db_table *table)
{
	static const char sql[] =
	        "SELECT \"table\", json_group_array(\"from\"), json_group_array(\"to\"), "
	        "count(*) = count(\"to\") FROM (SELECT * FROM pragma_foreign_key_list(?1) "
	        "ORDER BY id, seq) GROUP BY id ORDER BY id DESC";
	sqlite3_stmt *stmt = ask(d->connection, sql, name);
	const void **list = NULL;
	size_t count = 0;
	int rc;
	if (!stmt)
		return failed(d);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct askd_db_reference *reference = d->call->alloc(d->call, sizeof *reference);
		if (!reference)
			break;
		*reference = (struct askd_db_reference){.size = sizeof *reference};
		reference->table = value_clean(d->call, text_at(stmt, 0));
		reference->columns = value_clean(d->call, text_at(stmt, 1));
		reference->remote_columns = sqlite3_column_int(stmt, 3)
		                                    ? value_clean(d->call, text_at(stmt, 2))
		                                    : key_of(d, text_at(stmt, 0));
		if (!push(d->call, &list, &count, reference))
			break;
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
		int32_t code = failed(d);
		sqlite3_finalize(stmt);
		return code;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_ROW)
		return askd_fail(d->reterr, ASKD_E_TOO_LARGE, "no room for the references");
	table->references = (const struct askd_db_reference *const *)list;
	return ASKD_OK;
}

/* What ANALYZE counted, or the highest row number: both cost next to nothing. */
static int64_t estimate(const struct description *d, const char *name, bool rowid)
{
	sqlite3_stmt *stmt = ask(d->connection,
	        "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?1", name);
	int64_t rows = -1;
	if (stmt && sqlite3_step(stmt) == SQLITE_ROW &&
	        sqlite3_column_type(stmt, 0) == SQLITE_INTEGER)
		rows = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (rows < 0 && rowid) {
		char *sql = sqlite3_mprintf("SELECT max(_rowid_) FROM main.\"%w\"", name);
		stmt = sql ? ask(d->connection, sql, NULL) : NULL;
		if (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
			rows = sqlite3_column_int64(stmt, 0);
			rows = rows < 0 ? -1 : rows;
		}
		sqlite3_finalize(stmt);
		sqlite3_free(sql);
	}
	return rows;
}

/* The row: name, type, without rowid. */
static int32_t describe_one(
        const struct description *d, sqlite3_stmt *row, const struct askd_db_table_sink *sink)
{
	const char *name = text_at(row, 0), *type = text_at(row, 1);
	bool plain = !strcmp(type, "table"), has_rowid_column = false;
	ASKD_MAKE(struct askd_db_table, table, .rows = -1);
	int32_t rc;
	table.kind = !strcmp(type, "view") ? ASKD_VIEW : ASKD_TABLE;
	table.name = value_clean(d->call, name);
	rc = add_columns(d, name, &table, &has_rowid_column);
	if (rc || !table.columns)
		return rc;
	if (plain) {
		rc = add_references(d, name, &table);
		if (rc)
			return rc;
		table.rows = estimate(d, name, !sqlite3_column_int(row, 2) && !has_rowid_column);
	}
	return sink->put(sink, &table);
}

DRIVER_FN(describe_tables, askd_db_describe, askd_nothing)
{
	static const char sql[] = "SELECT name, type, wr FROM pragma_table_list "
	                          "WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') "
	                          "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
	                          "AND (?1 IS NULL OR name = ?1 COLLATE NOCASE) ORDER BY name";
	struct connection *connection = self;
	struct description d = {connection, call, reterr};
	sqlite3_stmt *stmt;
	int32_t rc;
	int step = SQLITE_DONE;
	(void)out;
	if (in->schema.s && strcasecmp(in->schema.s, "main") != 0)
		return ASKD_OK;
	if (connection->cursor.open)
		return askd_fail(reterr, ASKD_E_INVALID, "the last cursor was not finished");
	rc = connection_enter(connection, call, reterr);
	if (rc)
		return rc;
	connection->trusted = true;
	stmt = ask(connection, sql, in->table.s);
	if (!stmt)
		rc = failed(&d);
	while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = describe_one(&d, stmt, in->tables);
	if (!rc && step != SQLITE_DONE)
		rc = failed(&d);
	sqlite3_finalize(stmt);
	connection->trusted = false;
	connection_leave(connection);
	return rc;
}
