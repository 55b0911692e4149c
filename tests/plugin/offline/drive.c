/* drive.c: asks the offline engine from the outside, for development. One JSON object a line:
 * {"id": 0, "db": "x.sqlite", "question": "...", "today": "2026-11-21"} -> {"id", "sql",
 * "confidence"}.
 *
 *   drive [--explain]            questions on stdin
 *   drive --schema FILE...       how the databases were understood
 *   drive --all FILE...          reads all, keeps all: times and memory */
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine.h"

struct database {
	struct database *next;
	char *path;
	sqlite3 *db;
	struct schema *schema;
	struct source source;
	struct pool catalogue; /* memory of what is described */
	double ms;
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- the source --------------------------------------------------------------------------------
 */

static int32_t read_rows(const struct source *source, const char *sql, uint32_t max_rows,
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
		abort();
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

static struct askd_catalogue read_catalogue(struct pool *pool, sqlite3 *db)
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

static struct database *database_open(struct database **list, const char *path)
{
	struct database *d = *list;
	struct askd_catalogue catalogue;
	struct askd_error error = {0};
	char uri[4096];
	double start = now_ms();
	for (; d; d = d->next)
		if (!strcmp(d->path, path))
			return d;
	d = calloc(1, sizeof *d);
	if (!d || !(d->path = strdup(path)))
		abort();
	d->next = *list;
	*list = d;
	snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
	if (sqlite3_open_v2(uri, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) !=
	        SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(d->db));
		return d;
	}
	d->source = (struct source){read_rows, d->db};
	catalogue = read_catalogue(&d->catalogue, d->db);
	d->schema = schema_create(&catalogue, &error);
	pool_finish(&d->catalogue);
	if (!d->schema || schema_learn(d->schema, &d->source, 10000, &error))
		fprintf(stderr, "%s: %s\n", path, error.message);
	d->ms = now_ms() - start;
	return d;
}

/* ---- what is printed ---------------------------------------------------------------------------
 */

static void print_flags(uint32_t flags)
{
	static const char *const names[] = {"primary", "foreign", "unique", "code", "name", "enum",
	        "measure", "year", "truth", "indexed", "iso", "textual"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & 1u << i)
			printf(" %s", names[i]);
}

static void print_phrases(const struct schema *schema, enum phrase_kind kind, uint32_t index)
{
	printf("        ");
	for (size_t i = 0; i < schema->phrase_count; i++) {
		const struct schema_phrase *phrase = &schema->phrases[i];
		if (phrase->kind == kind && phrase->index == index)
			printf("%s=%u; ", phrase->stems, phrase->weight);
	}
	printf("\n");
}

static const char *column_name(const struct schema *schema, int32_t column)
{
	return column < 0 ? "-" : schema->columns[column].name;
}

static void print_schema(const struct schema *schema)
{
	static const char *const classes[] = {"text", "number", "time", "other"};
	for (uint32_t i = 0; i < schema->table_count; i++) {
		const struct schema_table *t = &schema->tables[i];
		printf("%s (%s) key %s, display %s %s%s%s\n", t->name, t->words,
		        column_name(schema, t->key), column_name(schema, t->display),
		        column_name(schema, t->display2), t->junction ? ", junction" : "",
		        t->view ? ", view" : "");
		print_phrases(schema, PHRASE_TABLE, i);
		for (uint32_t j = t->first; j < t->first + t->columns; j++) {
			const struct schema_column *c = &schema->columns[j];
			printf("    %s (%s) %s", c->name, c->words, classes[c->type]);
			print_flags(c->flags);
			printf(" distinct %u%s%s", c->distinct, c->unit ? " unit " : "",
			        c->unit ? c->unit : "");
			if (c->yes)
				printf(" yes %s no %s", c->yes[0], c->yes[1]);
			printf("\n");
			print_phrases(schema, PHRASE_COLUMN, j);
		}
	}
	for (size_t i = 0; i < schema->edge_count; i++) {
		const struct schema_edge *e = &schema->edges[i];
		const struct schema_column *from = &schema->columns[e->from],
		                           *to = &schema->columns[e->to];
		printf("%s.%s -> %s.%s %u%s\n", schema->tables[from->table].name, from->name,
		        schema->tables[to->table].name, to->name, e->cost,
		        e->more ? " with next" : "");
	}
}

static json_t *list_of(const char *const *texts)
{
	json_t *list = json_array();
	for (; *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

static void keep_line(void *owner, const char *line)
{
	json_array_append_new(owner, json_string(line));
}

static void answer(struct database **list, const json_t *in, bool explain, bool traced)
{
	json_t *trace = traced ? json_array() : NULL;
	const char *path = json_string_value(json_object_get(in, "db"));
	const char *text = json_string_value(json_object_get(in, "question"));
	const char *today = json_string_value(json_object_get(in, "today"));
	struct database *d = path && text ? database_open(list, path) : NULL;
	json_t *out = json_object();
	struct engine_reply reply = {0};
	struct askd_error error = {0};
	struct pool pool = {0};
	if (d && d->schema) {
		struct engine_question question = {
		        text, strlen(text), today ? today : "2026-11-21", &d->source, NULL, NULL};

		if (traced) {
			question.trace = keep_line;
			question.owner = trace;
		}
		if (engine_answer(d->schema, &pool, &question, &reply, &error)) {
			fprintf(stderr, "%s\n", error.message);
			reply = (struct engine_reply){0};
		}
	}
	if (traced)
		json_object_set(out, "trace", trace);
	json_decref(trace);
	json_object_set(out, "id", json_object_get(in, "id"));
	json_object_set_new(out, "sql", reply.sql ? json_string(reply.sql) : json_null());
	json_object_set_new(out, "confidence", json_real(reply.confidence_milli / 1000.0));
	if (explain) {
		const char *const *choices = reply.choices;
		json_object_set_new(out, "explanation",
		        json_string(reply.explanation ? reply.explanation : ""));
		json_object_set_new(
		        out, "ignored", json_string(reply.ignored ? reply.ignored : ""));
		json_object_set_new(out, "reason", json_string(reply.reason ? reply.reason : ""));
		json_object_set_new(out, "suggestions", list_of(reply.suggestions));
		json_object_set_new(out, "choices", list_of(choices));
		json_object_set_new(out, "choice_sql", list_of(reply.choice_sql));
	}
	json_dumpf(out, stdout, JSON_COMPACT);
	printf("\n");
	fflush(stdout);
	json_decref(out);
	pool_finish(&pool);
}

static void all(struct database **list, char **paths)
{
	size_t bytes = 0, phrases = 0, columns = 0;
	double worst = 0, total = 0;
	const char *slowest = "";
	struct rusage usage;
	for (; *paths; paths++) {
		struct database *d = database_open(list, *paths);
		if (!d->schema)
			continue;
		bytes += schema_memory(d->schema);
		phrases += d->schema->phrase_count;
		columns += d->schema->column_count;
		total += d->ms;
		if (d->ms > worst) {
			worst = d->ms;
			slowest = d->path;
		}
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("%zu columns, %zu phrases, %.1f MB in schemas, %.1f MB resident at most\n"
	       "%.0f ms in all, slowest %.0f ms %s\n",
	        columns, phrases, (double)bytes / 1e6, (double)usage.ru_maxrss / 1e3, total, worst,
	        slowest);
}

int main(int argc, char **argv)
{
	struct database *list = NULL;
	bool traced = argc > 1 && !strcmp(argv[1], "--trace");
	bool explain = traced || (argc > 1 && !strcmp(argv[1], "--explain"));
	char *line = NULL;
	size_t room = 0;
	if (argc > 1 && !strcmp(argv[1], "--all")) {
		all(&list, argv + 2);
	} else if (argc > 1 && !strcmp(argv[1], "--schema")) {
		for (char **path = argv + 2; *path; path++) {
			struct database *d = database_open(&list, *path);
			if (d->schema)
				print_schema(d->schema);
		}
	} else if (argc > 1 && !explain) {
		fprintf(stderr, "drive [--explain | --trace] | --schema FILE... | --all FILE...\n");
		return 2;
	} else {
		while (getline(&line, &room, stdin) > 0) {
			json_t *in = json_loads(line, 0, NULL);
			if (in)
				answer(&list, in, explain, traced);
			json_decref(in);
		}
		free(line);
	}
	while (list) {
		struct database *d = list;
		list = d->next;
		schema_destroy(d->schema);
		sqlite3_close(d->db);
		free(d->path);
		free(d);
	}
	return 0;
}
