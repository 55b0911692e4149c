/* schema_inside.h: what the parts that build a schema share. */
#ifndef OFFLINE_SCHEMA_INSIDE_H
#define OFFLINE_SCHEMA_INSIDE_H

#include "schema.h"
#include "words.h"

/* A name taken apart: lower case, abbreviations written out. */
struct name {
	const char *const *words, *const *stems;
	struct name *raw;    /* the words as they stand, where any was written out; else NULL */
	const uint8_t *from; /* of each word: the index of its raw one */
	uint32_t count;
	uint32_t end;  /* a hash of the last stem */
	uint32_t skip; /* leading words that say nothing: "tbl", a prefix of all columns */
	uint32_t own;  /* leading words behind these that only repeat the table's name */
};

/* While a schema is built. */
struct draft {
	struct schema *schema;
	struct pool pool;                  /* scratch */
	const struct askd_db_table **told; /* of each table: what the catalogue says */
	struct name *tables, *columns;
	const char **vocabulary; /* words of the tables' names, sorted */
	size_t vocabulary_count;
	const char **known; /* words of all names, sorted */
	size_t known_count;
	uint32_t *keys; /* columns that are the whole key of a table */
	size_t key_count;
	bool persons; /* there is a table of persons */
	struct schema_phrase *phrases;
	size_t phrase_count, phrase_room;
};

/* schema_names.c: takes the names apart: draft->tables and draft->columns. */
bool names_read(struct draft *draft);
/* Writes `words` of tables and columns. */
bool names_say(struct schema *schema, const struct draft *draft);
/* Where a table's name ends without "details", "list" behind it. */
uint32_t name_core(const struct name *table);
bool name_ends(const struct name *name, const char *const *list);
bool name_has(const struct name *name, const char *const *list);
bool word_in(const char *word, const char *const *list);
/* Do the words of a column say exactly this table: "manufacturer"? */
bool name_says(const struct name *name, const struct name *table);

/* Is it a word of a table's name, maybe in the plural? */
bool vocabulary_has(const struct draft *draft, const char *word);
/* Is it a word of a name of the database? */
bool word_is_known(const struct draft *draft, const char *word);

/* schema_phrases.c: every way to say them, into schema->phrases. */
bool phrases_make(struct draft *draft);

/* schema_keys.c: keys and ways between tables. */
bool keys_read(struct draft *draft);
/* Marks tables that stand between others. */
void keys_mark_junctions(struct schema *schema);
/* Takes the ways out that `keep` (one for each edge) says no to. */
void keys_keep(struct schema *schema, const bool *keep);

enum { ENUM_MOST = 50 /* different values of a COLUMN_ENUM */ };

/* What a column was seen to hold. */
struct column_facts {
	uint64_t rows, nulls, bools, ints, floats, texts, others;
	uint64_t number_texts, zero_texts; /* of the texts; zero: a number like 007 */
	uint64_t iso_texts, date_texts;    /* of the texts; date: in another form */
	uint64_t bytes;                    /* of the texts */
	uint64_t distinct;      /* different values; with `whole` of all, else of the sample */
	int64_t min, max;       /* of the integers, and of texts that are integers */
	const char *samples[2]; /* the first two different values, as text */
	bool whole;             /* all rows were seen */
	bool broken;            /* it could not be read */
	bool gone;              /* and will never be */
	bool indexed;
	bool astray; /* it was believed to lead to another table */
};

/* schema_classes.c: what columns are for, as names and declared types tell. */
bool classes_guess(struct draft *draft);
/* The same as the values tell. */
bool classes_learn(struct draft *draft, uint32_t column, const struct column_facts *facts);
/* Chooses the columns that name a row to people. */
void classes_choose_display(struct draft *draft);

/* schema_sql.c: a name or a text as SQL writes it; NULL: no memory. */
const char *sql_name(struct pool *pool, const struct schema *schema, const char *name);
const char *sql_table(
        struct pool *pool, const struct schema *schema, const struct schema_table *table);
const char *sql_text(struct pool *pool, const char *text);
/* A statement that reads at most so many rows. NULL where an argument is. */
const char *sql_limited(struct pool *pool, const struct schema *schema, bool distinct,
        const char *what, const char *from, uint32_t rows);

#endif
