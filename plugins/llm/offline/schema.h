/* schema.h: a database as the engine understands it: names as phrases of words, keys, what its
 * columns are for, and where its values stand. Built once per version of a catalogue; read by
 * several threads then. */
#ifndef OFFLINE_SCHEMA_H
#define OFFLINE_SCHEMA_H

#include "pool.h"
#include "source.h"

enum column_class { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_TIME /* date or instant */, COLUMN_OTHER };

/* `flags` of a column */
enum {
	COLUMN_PRIMARY = 1, /* of the primary key */
	COLUMN_FOREIGN = 2, /* leads to another table */
	COLUMN_UNIQUE = 4,  /* no value twice, as declared or as counted */
	COLUMN_CODE = 8,    /* names a thing for machines: id, code, number of something */
	COLUMN_NAME = 16,   /* names a thing for people: name, title, label */
	COLUMN_ENUM = 32,   /* at most 50 different values, each several times */
	COLUMN_MEASURE =
	        64, /* a number that can be summed or averaged: neither key nor code nor year */
	COLUMN_YEAR = 128,    /* a number that is a year */
	COLUMN_TRUTH = 256,   /* two values such as 0/1, Y/N, true/false */
	COLUMN_INDEXED = 512, /* its values are in the index */
	COLUMN_ISO = 1024,    /* COLUMN_TIME: the values are texts that begin with YYYY-MM-DD */
	/* The values are texts: COLUMN_NUMBER: that look like numbers; COLUMN_TIME: that are dates
	 * in another form than ISO, and indexed. */
	COLUMN_TEXTUAL = 2048
};

struct schema_column {
	const char *name; /* as the database writes it */
	uint32_t table;   /* index */
	uint32_t flags;   /* COLUMN_* */
	enum column_class type;
	uint32_t distinct;      /* values counted for the index; 0: not counted */
	const char *words;      /* for people: "customer name" */
	const char *unit;       /* as its name tells: "meters"; NULL: none */
	const char *const *yes; /* COLUMN_TRUTH: the literals that mean yes and no as SQL writes
	                         * them, [0] yes, [1] no */
};

struct schema_table {
	const char *name, *schema; /* schema: NULL, or what must stand before the name */
	const char *words;         /* for people, in the plural if it is one: "customers" */
	uint32_t first, columns;   /* its columns: schema->columns[first ... first + columns - 1] */
	int32_t display;           /* the column that names a row to people; -1: none */
	int32_t display2;          /* the first name where `display` is the last name; -1: none */
	int32_t key;               /* the column of a primary key of one column; -1: none */
	int64_t rows;              /* -1: unknown */
	bool junction;             /* holds little but two keys: stands between two tables */
	bool view;
};

/* A way between two tables. */
struct schema_edge {
	uint32_t from, to; /* columns: the foreign one and the one that it refers to */
	uint32_t cost;     /* declared 10, inferred 16 */
	uint32_t more;     /* the next edges that belong to it: a reference of several columns */
};

enum phrase_kind { PHRASE_TABLE, PHRASE_COLUMN };

/* One way to say a table or a column. */
struct schema_phrase {
	const char *stems; /* "custom name": stems with one blank between them */
	uint16_t words;    /* how many stems */
	uint16_t weight;   /* 1000: its full name; less: shortened, expanded, a synonym */
	enum phrase_kind kind;
	uint32_t index; /* of the table or column */
};

struct values;

struct schema {
	struct pool pool;
	uint64_t version;
	const char *dialect; /* "sqlite" */
	struct schema_table *tables;
	struct schema_column *columns;
	struct schema_edge *edges;
	struct schema_phrase *phrases; /* sorted by stems, then by weight, the best first */
	size_t table_count, column_count, edge_count, phrase_count;
	struct values *values; /* NULL: none yet */
};

/* A schema from a catalogue, without values. NULL and *reterr. */
struct schema *schema_create(const struct askd_catalogue *catalogue, struct askd_error *reterr);
void schema_destroy(struct schema *schema);
/* Reads the values of the columns that are worth it and what they tell: classes, flags and display
 * columns become better, undeclared references are found, phrases are added. `max_values` per
 * column. A column that cannot be read is left out. */
int32_t schema_learn(struct schema *schema, const struct source *source, uint32_t max_values,
        struct askd_error *reterr);
/* The phrases with exactly these stems: the first, and how many follow one another. */
const struct schema_phrase *schema_find(
        const struct schema *schema, const char *stems, size_t *count);
size_t schema_memory(const struct schema *schema);

/* ---- values ------------------------------------------------------------------------------------
 */

struct value_hit {
	uint32_t column;
	uint32_t weight; /* 1000: as written but for case; 950: but for accents and punctuation too;
	                  * 850: the same stems; 840: another word for it ("American" for "USA");
	                  * 900 and less: a part of it (from 700 on), or a typing error away (from
	                  * 600 on) */
	const char *text; /* as stored; lives as long as the schema */
};

/* The values that a phrase may mean, the best first; at most `max`. `folded`: words_fold() of it;
 * `stems`: its stems. `fuzzy`: also parts of values and typing errors (slower). */
size_t values_find(const struct schema *schema, const char *folded, const char *stems, bool fuzzy,
        struct value_hit *hits, size_t max);

#endif
