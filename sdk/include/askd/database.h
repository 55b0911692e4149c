/*
 * askd/database.h: the kind askd.database/1, a driver.
 *
 * The instance is one configured database. It makes connections; a connection is used by one turn
 * at a time and has at most one cursor. Skills only ever reach connections opened as reader; the
 * host's own state is kept through connections opened with ASKD_DB_WRITE.
 *
 * A driver executes exactly the bytes it is given: it never rewrites SQL, adds no LIMIT, and never
 * runs more than one statement. Transactions are statements.
 *
 * Errors that every driver tells apart (the conformance suite provokes them): STATEMENT with
 * `position` and `native` when the text is wrong; CONFLICT for a unique or foreign key; DENIED for
 * a missing right and for any write on a reader; AUTH for a wrong password; NOT_FOUND for a missing
 * database; IO|RETRY for a lost server; TIMEOUT past the deadline; CANCELED after interrupt;
 * BUSY|RETRY for a lock; TOO_LARGE for a value or statement above the server's own limit.
 */
#ifndef ASKD_DATABASE_H
#define ASKD_DATABASE_H

#include <askd/askd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASKD_KIND_DATABASE "askd.database/1"

/* An object of the plugin's: a connection. */
struct askd_object {
	uint32_t size;
	uint32_t reserved;
	void *handle;
};

enum {
	ASKD_DB_WRITE = 1,  /* store mode: reads and writes. Without it every write must fail by the
	                     * database's own means */
	ASKD_DB_DURABLE = 2 /* store mode: a commit returns after the data has reached the disk */
};

struct askd_db_connect {
	uint32_t size;
	uint32_t flags;           /* ASKD_DB_* */
	struct askd_text address; /* the IP that the host's address rules allowed; absent: any */
};

/* kinds of askd_db_table */
enum { ASKD_TABLE = 1, ASKD_VIEW, ASKD_MATERIALIZED_VIEW };

/* `key` of a column */
enum { ASKD_KEY_PRIMARY = 1, ASKD_KEY_UNIQUE = 2 };

struct askd_db_column {
	uint32_t size;
	uint32_t type;     /* ASKD_INT ... what its values mostly are; ASKD_OTHER: unknown */
	uint32_t nullable; /* 1: may be NULL, or unknown */
	uint32_t key;      /* ASKD_KEY_* bits; describe only */
	struct askd_text name;
	struct askd_text type_name; /* as the database writes it: "numeric(10,2)"; may be absent */
	struct askd_text comment;   /* may be absent */
	struct askd_values samples; /* filled by the host only, under the egress policy */
};

/* A foreign key of a table. */
struct askd_db_reference {
	uint32_t size;
	uint32_t reserved;
	struct askd_text columns; /* JSON list of this table's column names */
	struct askd_text schema;  /* of the other table; absent: the default one */
	struct askd_text table;
	struct askd_text remote_columns; /* JSON list, in the same order */
};

struct askd_db_table {
	uint32_t size;
	uint32_t kind;           /* ASKD_TABLE ... */
	int64_t rows;            /* estimate; -1: unknown */
	struct askd_text schema; /* absent: the database has none, or it is the default one */
	struct askd_text name;
	struct askd_text comment; /* may be absent */
	const struct askd_db_column *const *columns;
	const struct askd_db_reference *const *references;
};
ASKD_SINK(askd_db_table);

struct askd_db_describe {
	uint32_t size;
	uint32_t reserved;
	struct askd_text schema; /* only this one; absent: all that the account may see */
	struct askd_text table;  /* only this one; absent: all */
	const struct askd_db_table_sink *tables;
};

struct askd_db_query {
	uint32_t size;
	uint32_t reserved;
	struct askd_text sql;      /* one statement */
	struct askd_values params; /* for $1, $2, ... or ?, as the dialect says */
	struct askd_text
	        prefix; /* store mode only: the statement may touch tables whose names begin
	                 * with this, no others; absent: all. Checked before it runs */
};

struct askd_db_result {
	uint32_t size;
	uint32_t reserved;
	void *cursor; /* an object; closed with finish, always, also when `columns` is empty */
	const struct askd_db_column *const *columns; /* in the call's arena; empty: no result set */
};

struct askd_db_fetch {
	uint32_t size;
	uint32_t max_rows;  /* of this batch; the host's default is 256 */
	uint64_t max_bytes; /* of text in this batch, roughly: stop after the row that passes it */
	uint64_t max_value; /* longer values are cut at a character's end and flagged ASKD_CUT */
};

/* Rows of a cursor. Belongs to the cursor: valid until the next call on it. */
struct askd_batch {
	uint32_t size;
	uint32_t rows;
	uint32_t columns;
	uint32_t end;     /* 1: no more rows follow this batch */
	int64_t affected; /* when `end`: rows that the statement changed; -1: not applicable */
	const struct askd_value *cells; /* rows * columns, row by row */
};

/* flags of askd_dialect */
enum {
	ASKD_DIALECT_BACKSLASH = 1,     /* backslash escapes inside '...' */
	ASKD_DIALECT_NESTED_COMMENT = 2 /* comments of slash and star nest */
};
/* `parameters` of askd_dialect: how the n-th parameter is written */
enum { ASKD_PARAM_DOLLAR = 1 /* $1 */, ASKD_PARAM_QUESTION /* ? */, ASKD_PARAM_AT /* @p1 */ };
/* `limit` of askd_dialect: how a statement is told to return n rows */
enum {
	ASKD_LIMIT_LIMIT = 1 /* LIMIT n */,
	ASKD_LIMIT_FETCH /* FETCH FIRST n ROWS ONLY */,
	ASKD_LIMIT_TOP /* SELECT TOP (n) */
};

/* The language that a driver's database speaks. A driver names a dialect that the host knows
 * ("sqlite", "postgres", "mysql", "sqlserver": leave all other members 0), or describes its own,
 * and the host's SQL gate works from the description. Static. */
struct askd_dialect {
	uint32_t size;
	uint32_t flags;       /* ASKD_DIALECT_* */
	uint32_t parameters;  /* ASKD_PARAM_* */
	uint32_t limit;       /* ASKD_LIMIT_* */
	const char *name;     /* "sqlite"; also told to the model */
	const char *schemes;  /* of URLs, separated by blanks: "postgres postgresql" */
	const char *quote;    /* pairs that quote a name: "\"\"" or "[]``" */
	const char *strings;  /* prefixes of string literals, separated by blanks: "x n" */
	const char *comments; /* starts of comments, separated by blanks */
	const char *const *first_words; /* lower case; NULL: select, with, values */
	const char *const *functions;   /* allowed functions, lower case; others are refused */
};

struct askd_database_iface {
	uint32_t size;
	uint32_t flags;
	const struct askd_dialect *dialect;
	/* [worker] self: instance. A ready connection, or the reason. */
	ASKD_FN(connect, askd_db_connect, askd_object);
	/* [worker] self: connection. What the account may see, table by table, into the sink. */
	ASKD_FN(describe, askd_db_describe, askd_nothing);
	/* [worker] self: connection. Starts one statement, exactly as given. */
	ASKD_FN(query, askd_db_query, askd_db_result);
	/* [worker] self: cursor. The next rows; after `end` it is not called again. */
	ASKD_FN(next, askd_db_fetch, askd_batch);
	/* [worker] self: cursor. Releases it, also early: the rest of the rows is discarded. */
	ASKD_FN(finish, askd_nothing, askd_nothing);
	/* [any] self: connection. Makes a running query or next return CANCELED soon. Never
	 * overlaps finish. The connection passes reset before it is used again. */
	ASKD_FN(interrupt, askd_nothing, askd_nothing);
	/* [worker] self: connection. Between turns: no lock, setting, transaction or temporary
	 * object of the last turn is left; also proves that the server still answers. */
	ASKD_FN(reset, askd_nothing, askd_nothing);
	/* [worker] self: connection. Frees it; cannot fail. */
	ASKD_FN(disconnect, askd_nothing, askd_nothing);
};

#ifdef __cplusplus
}
#endif
#endif
