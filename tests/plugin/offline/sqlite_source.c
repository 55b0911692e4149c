/* sqlite_source.c: an SQLite database as the offline engine is given one. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite_source.h"

/* ---- the source --------------------------------------------------------------------------------
 */

int32_t sqlite_read(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	sqlite3_stmt *stmt = NULL;
	struct askd_value *cells = NULL;
	uint32_t columns, rows = 0;
	int32_t rc = ASKD_OK;
	int step;
	if (sqlite3_prepare_v2(source->state, sql, -1, &stmt, NULL) != SQLITE_OK)
		return askd_fail(
		        reterr, ASKD_E_STATEMENT, "%s: %s", sqlite3_errmsg(source->state), sql);
	columns = (uint32_t)sqlite3_column_count(stmt);
	cells = calloc(columns + 1, sizeof *cells);
	if (!cells)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a row");
	while (!rc && rows < max_rows && (step = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			rc = askd_fail(reterr, ASKD_E_STATEMENT, "%s: %s",
			        sqlite3_errmsg(source->state), sql);
			break;
		}
		for (uint32_t i = 0; i < columns; i++) {
			cells[i] = (struct askd_value){0};
			switch (sqlite3_column_type(stmt, (int)i)) {
			case SQLITE_INTEGER:
				cells[i].type = ASKD_INT;
				cells[i].u.i = sqlite3_column_int64(stmt, (int)i);
				break;
			case SQLITE_FLOAT:
				cells[i].type = ASKD_FLOAT;
				cells[i].u.f = sqlite3_column_double(stmt, (int)i);
				break;
			case SQLITE_TEXT:
				cells[i].type = ASKD_TEXT;
				cells[i].u.s = (const char *)sqlite3_column_text(stmt, (int)i);
				cells[i].len = (uint32_t)sqlite3_column_bytes(stmt, (int)i);
				break;
			case SQLITE_BLOB:
				cells[i].type = ASKD_BYTES;
				cells[i].u.s = sqlite3_column_blob(stmt, (int)i);
				cells[i].len = (uint32_t)sqlite3_column_bytes(stmt, (int)i);
				break;
			default:
				break;
			}
		}
		rc = row(owner, cells, columns);
		rows++;
	}
	free(cells);
	sqlite3_finalize(stmt);
	return rc;
}

/* ---- the catalogue -----------------------------------------------------------------------------
 */

struct list {
	const void **items;
	size_t count, room;
};

static void push(struct pool *pool, struct list *list, const void *item)
{
	/* One more than used: for the NULL at the end. */
	list->items = pool_grow(pool, list->items, list->count ? list->count + 1 : 0, &list->room,
	        sizeof *list->items);
	if (!list->items)
		abort();
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql, const char *name)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	if (name)
		sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT);
	return stmt;
}

static struct askd_text text_at(struct pool *pool, sqlite3_stmt *stmt, int column)
{
	const char *s = (const char *)sqlite3_column_text(stmt, column);
	return askd_text_of(s ? pool_copy(pool, s, strlen(s)) : "");
}

static uint32_t declared(const char *type)
{
	static const struct {
		const char *part;
		uint32_t type;
	} words[] = {{"INT", ASKD_INT}, {"CHAR", ASKD_TEXT}, {"CLOB", ASKD_TEXT},
	        {"TEXT", ASKD_TEXT}, {"REAL", ASKD_FLOAT}, {"FLOA", ASKD_FLOAT},
	        {"DOUB", ASKD_FLOAT}, {"DECIMAL", ASKD_DECIMAL}, {"NUMERIC", ASKD_DECIMAL},
	        {"BOOL", ASKD_BOOL}, {"DATETIME", ASKD_TIMESTAMP}, {"TIMESTAMP", ASKD_TIMESTAMP},
	        {"DATE", ASKD_DATE}, {"TIME", ASKD_TIME}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(type, words[i].part))
			return words[i].type;
	return ASKD_OTHER;
}

static void describe(struct pool *pool, sqlite3 *db, struct askd_db_table *table)
{
	struct list columns = {0}, references = {0};
	sqlite3_stmt *stmt = ask(db,
	        "SELECT name, type, \"notnull\", pk, (SELECT count(*) FROM pragma_table_info(?1) "
	        "WHERE pk > 0), (SELECT count(*) FROM pragma_index_list(?1) AS l WHERE "
	        "l.\"unique\" "
	        "AND NOT l.partial AND (SELECT count(*) FROM pragma_index_info(l.name)) = 1 AND "
	        "(SELECT i.name FROM pragma_index_info(l.name) AS i) = x.name) "
	        "FROM pragma_table_xinfo(?1) AS x WHERE hidden <> 1",
	        table->name.s);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		struct askd_db_column *column = pool_alloc(pool, sizeof *column);
		bool key = sqlite3_column_int(stmt, 3) > 0;
		column->size = sizeof *column;
		column->name = text_at(pool, stmt, 0);
		column->type_name = text_at(pool, stmt, 1);
		column->type = declared(column->type_name.s);
		column->nullable = !sqlite3_column_int(stmt, 2);
		column->key =
		        (key ? ASKD_KEY_PRIMARY : 0u) |
		        (sqlite3_column_int(stmt, 5) || (key && sqlite3_column_int(stmt, 4) == 1)
		                        ? ASKD_KEY_UNIQUE
		                        : 0u);
		push(pool, &columns, column);
	}
	sqlite3_finalize(stmt);
	stmt = ask(db,
	        "SELECT \"table\", json_group_array(\"from\"), CASE WHEN count(*) = count(\"to\") "
	        "THEN "
	        "json_group_array(\"to\") ELSE (SELECT json_group_array(name) FROM (SELECT name "
	        "FROM "
	        "pragma_table_info(f.\"table\") WHERE pk > 0 ORDER BY pk)) END FROM "
	        "(SELECT * FROM pragma_foreign_key_list(?1) ORDER BY id, seq) AS f "
	        "GROUP BY id ORDER BY id DESC",
	        table->name.s);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		struct askd_db_reference *reference = pool_alloc(pool, sizeof *reference);
		reference->size = sizeof *reference;
		reference->table = text_at(pool, stmt, 0);
		reference->columns = text_at(pool, stmt, 1);
		reference->remote_columns = text_at(pool, stmt, 2);
		push(pool, &references, reference);
	}
	sqlite3_finalize(stmt);
	table->columns = (const struct askd_db_column *const *)columns.items;
	table->references = (const struct askd_db_reference *const *)references.items;
}

struct askd_catalogue sqlite_catalogue(struct pool *pool, sqlite3 *db)
{
	struct list tables = {0};
	sqlite3_stmt *stmt = ask(db,
	        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN "
	        "('table', "
	        "'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
	        NULL);
	ASKD_MAKE(
	        struct askd_catalogue, catalogue, .version = 1, .dialect = ASKD_LITERAL("sqlite"));
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		struct askd_db_table *table = pool_alloc(pool, sizeof *table);
		table->size = sizeof *table;
		table->name = text_at(pool, stmt, 0);
		table->kind = !strcmp(text_at(pool, stmt, 1).s, "view") ? ASKD_VIEW : ASKD_TABLE;
		table->rows = -1;
		describe(pool, db, table);
		push(pool, &tables, table);
	}
	sqlite3_finalize(stmt);
	catalogue.tables = (const struct askd_db_table *const *)tables.items;
	return catalogue;
}
