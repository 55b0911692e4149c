/* language.h: a dialect as data; private to this room. Everything in which databases differ, as far
 * as the tokenizer and the gate must know, stands here; their code knows no database. */
#ifndef SQL_LANGUAGE_H
#define SQL_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/dialect.h"

enum {
	SQL_BACKSLASH = 1,        /* backslash escapes inside '...' */
	SQL_NESTED_COMMENT = 2,   /* comments of slash and star nest */
	SQL_EXECUTABLE = 4,       /* slash, star, exclamation mark (or M!) is code: refused */
	SQL_DASHES_BLANK = 8,     /* -- begins a comment only before a blank */
	SQL_DOLLAR_QUOTES = 16,   /* $tag$ ... $tag$ is a string */
	SQL_STRING_NAMES = 32,    /* a string may stand where a table's name is expected */
	SQL_BOM_BLANK = 64,       /* U+FEFF is a blank anywhere */
	SQL_DOUBLE_STRINGS = 128, /* "..." is a string */
	SQL_IN_TABLE = 256        /* IN may be followed by a table's name */
};

struct sql_dialect {
	const char *name;
	const char *hint;
	const char *schemes;         /* of URLs, separated by blanks; may be NULL */
	uint32_t flags;              /* SQL_BACKSLASH ... */
	uint32_t parameters;         /* ASKD_PARAM_* */
	uint32_t limit;              /* ASKD_LIMIT_* */
	char quotes[8][2];           /* opening and closing; ends with a 0 */
	const char *const *strings;  /* prefixes of strings, lower case; backslash escapes in those
	                              * that begin with 'e' */
	const char *const *comments; /* of "--", "#", "//", "/ *" */
	const char *operators;       /* single characters */
	const char *const *long_operators; /* longest first */
	const char *name_extra;         /* characters of a name beside letters, digits, _ and those
	                                 * above 127; never first */
	const char *const *first_words; /* sorted; with it a statement may begin */
	const char *const *functions;   /* sorted, lower case */
	size_t function_count;
	const char *const *table_functions; /* allowed where a table is expected */
	const char *const *schemas;         /* that may be named before a table; NULL: any */
	size_t name_parts;                  /* of a table's name at most */
	const char *const *internal;        /* tables refused: a name, or a beginning and '*' */
};

extern const struct sql_dialect sql_language_sqlite;

/* Is the word (n bytes, any case) in the NULL-terminated list of lower-case words? */
bool sql_list_has(const char *const *list, const char *s, size_t n);

#endif
