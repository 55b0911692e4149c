/* schema_house.h: a schema made of a script, for the tests of what is understood of it. */
#ifndef SCHEMA_HOUSE_H
#define SCHEMA_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema.h"
#include "sqlite_source.h"
#include "words.h"

struct fixture {
	sqlite3 *db;
	struct source source;
	struct schema *schema;
	struct pool pool;
};

static inline void run(sqlite3 *db, const char *script)
{
	char *message = NULL;
	if (sqlite3_exec(db, script, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
}

static inline void open_database(struct fixture *f, const char *script)
{
	*f = (struct fixture){0};
	assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
	run(f->db, script);
	f->source = (struct source){sqlite_read, f->db};
}

static inline struct schema *create(struct fixture *f)
{
	struct pool pool = {0};
	struct askd_error error = {0};
	struct askd_catalogue catalogue = sqlite_catalogue(&pool, f->db);
	struct schema *schema = schema_create(&catalogue, &error);
	pool_finish(&pool);
	return schema;
}

/* A database as its script makes it, understood. */
static inline void learn(struct fixture *f, const char *script)
{
	struct askd_error error = {0};
	open_database(f, script);
	f->schema = create(f);
	assert_non_null(f->schema);
	if (schema_learn(f->schema, &f->source, 1000, &error))
		fail_msg("%s", error.message);
}

static inline void done(struct fixture *f)
{
	schema_destroy(f->schema);
	sqlite3_close(f->db);
	pool_finish(&f->pool);
}

static inline uint32_t table_of(const struct fixture *f, const char *name)
{
	for (uint32_t i = 0; i < f->schema->table_count; i++)
		if (!strcmp(f->schema->tables[i].name, name))
			return i;
	fail_msg("no table %s", name);
	return 0;
}

static inline uint32_t column_of(const struct fixture *f, const char *table, const char *name)
{
	const struct schema_table *t = &f->schema->tables[table_of(f, table)];
	for (uint32_t i = 0; i < t->columns; i++)
		if (!strcmp(f->schema->columns[t->first + i].name, name))
			return t->first + i;
	fail_msg("no column %s.%s", table, name);
	return 0;
}

static inline const struct schema_column *column(
        const struct fixture *f, const char *table, const char *name)
{
	return &f->schema->columns[column_of(f, table, name)];
}

/* The weight of a phrase, 0: it does not mean this. */
static inline int weight(struct fixture *f, const char *said, enum phrase_kind kind, uint32_t index)
{
	struct words words = {0};
	char stems[200] = "";
	bool cut;
	size_t count = 0;
	const struct schema_phrase *phrase;
	assert_true(words_read(&f->pool, said, strlen(said), &words, &cut));
	for (size_t i = 0; i < words.count; i++) {
		strcat(stems, i ? " " : "");
		strcat(stems, words.words[i].stem);
	}
	phrase = schema_find(f->schema, stems, &count);
	for (size_t i = 0; i < count; i++)
		if (phrase[i].kind == kind && phrase[i].index == index)
			return phrase[i].weight;
	return 0;
}

static inline int says_column(
        struct fixture *f, const char *said, const char *table, const char *name)
{
	return weight(f, said, PHRASE_COLUMN, column_of(f, table, name));
}

static inline int says_table(struct fixture *f, const char *said, const char *table)
{
	return weight(f, said, PHRASE_TABLE, table_of(f, table));
}

/* The cost of the way from one column to another, 0: there is none. */
static inline uint32_t way(const struct fixture *f, const char *table, const char *from,
        const char *other, const char *to)
{
	uint32_t a = column_of(f, table, from), b = column_of(f, other, to);
	for (size_t i = 0; i < f->schema->edge_count; i++)
		if (f->schema->edges[i].from == a && f->schema->edges[i].to == b)
			return f->schema->edges[i].cost;
	return 0;
}

static inline void assert_display(const struct fixture *f, const char *table, const char *name)
{
	int32_t display = f->schema->tables[table_of(f, table)].display;
	assert_string_equal(display < 0 ? "" : f->schema->columns[display].name, name);
}

#endif
