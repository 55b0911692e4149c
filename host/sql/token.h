/* token.h: SQL as tokens; private to this room. Linear, never recurses, copies nothing. */
#ifndef SQL_TOKEN_H
#define SQL_TOKEN_H

#include "sql/language.h"

enum sql_token_type {
	SQL_END,
	SQL_WORD,   /* a name or keyword without quotes */
	SQL_NAME,   /* a quoted name */
	SQL_STRING, /* with its quotes and prefix */
	SQL_NUMBER,
	SQL_PARAMETER,
	SQL_OPERATOR,
	SQL_OPEN,
	SQL_CLOSE,
	SQL_COMMA,
	SQL_DOT,
	SQL_SEMICOLON,
	SQL_BAD /* `problem` says why */
};

/* Keywords that the gate looks at; 0: any other word. */
enum sql_word {
	W_NONE,
	W_ALL,
	W_AND,
	W_ANY,
	W_AS,
	W_BETWEEN,
	W_BY,
	W_CASE,
	W_CAST,
	W_COLLATE,
	W_DELETE,
	W_DISTINCT,
	W_ELSE,
	W_END,
	W_ESCAPE,
	W_EXCEPT,
	W_EXISTS,
	W_FETCH,
	W_FILTER,
	W_FOR,
	W_FROM,
	W_GLOB,
	W_GROUP,
	W_HAVING,
	W_IN,
	W_INSERT,
	W_INTERSECT,
	W_INTO,
	W_IS,
	W_ISNULL,
	W_JOIN,
	W_KEY,
	W_LATERAL,
	W_LIKE,
	W_LIMIT,
	W_LOCK,
	W_MATCH,
	W_MATERIALIZED,
	W_MERGE,
	W_NO,
	W_NOT,
	W_NOTNULL,
	W_NULL,
	W_OFFSET,
	W_ON,
	W_ONLY,
	W_OR,
	W_ORDER,
	W_OVER,
	W_RECURSIVE,
	W_REGEXP,
	W_REPLACE,
	W_RETURNING,
	W_ROW,
	W_SELECT,
	W_SET,
	W_SHARE,
	W_SOME,
	W_THEN,
	W_UNION,
	W_UPDATE,
	W_USING,
	W_VALUES,
	W_WHEN,
	W_WHERE,
	W_WINDOW,
	W_WITH
};

struct sql_token {
	enum sql_token_type type;
	enum sql_word word;  /* SQL_WORD only */
	size_t at, n;        /* place in the statement, with quotes */
	const char *problem; /* SQL_BAD: what is wrong there */
	const char *code;    /* SQL_BAD: the verdict's word */
};

struct sql_reader {
	const struct sql_dialect *dialect;
	const char *s;
	size_t n, at;
};

/* The next token; comments and blanks are passed over. After SQL_END and SQL_BAD the same again. */
struct sql_token sql_token_next(struct sql_reader *reader);

/* The inside of a token's quotes; the whole token when it has none. */
struct askd_text sql_token_inside(const struct sql_reader *reader, const struct sql_token *token);

#endif
