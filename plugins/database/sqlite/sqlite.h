/* sqlite.h: what the files of this driver share. A connection is used by one thread at a time; only
 * `interrupted` and sqlite3_interrupt are touched from others. */
#ifndef SQLITE_DRIVER_H
#define SQLITE_DRIVER_H

#include <stdbool.h>
#include <sys/types.h>

#include <askd/database.h>

#include <sqlite3.h>

enum {
	READER_LENGTH = 16 << 20, /* bytes of a value or row that a reader may hold */
	READER_SQL = 256 << 10,   /* bytes of a reader's statement */
	WRITER_SQL = 1 << 20,     /* the same in store mode */
	LIMIT_DEPTH = 600,        /* of an expression; fits a stack of 1 MB */
	LIMIT_COMPOUND = 500,     /* terms of UNION and the like */
	READER_PROGRAM = 250000,  /* instructions of a compiled statement */
	READER_EXPANSION = 4096,  /* SELECTs after views and WITH are copied in */
	PATTERN_BYTES = 4096,     /* of a LIKE or GLOB pattern */
	PROGRESS_STEPS = 1000,    /* instructions between two looks at the clock */
	CACHE_STATEMENTS = 64,
	CACHE_SQL = 8 << 10, /* longer statements are not kept */
	CACHE_HINTS = 256,
	BATCH_ROWS = 256,
	BATCH_BYTES = 64 << 10
};

struct driver {
	const char *path;
	int64_t busy_ms;
	const struct askd_host *host;
};

/* A compiled statement, in the cache of its connection or of its cursor alone. */
struct statement {
	sqlite3_stmt *stmt;
	char *sql; /* NULL: not in the cache */
	size_t sql_n;
	char *prefix; /* NULL: all tables */
	uint64_t hash, used;
	bool numbered;  /* its parameters are $1, $2 and so on, in this order */
	bool commits;   /* COMMIT, END or RELEASE */
	int compiled;   /* SQLITE_STMTSTATUS_REPREPARE when `types` were looked up */
	int columns;    /* entries of `types` */
	uint8_t *types; /* declared ASKD_* of each column; ASKD_OTHER: none */
};

struct block {
	struct block *next;
	size_t room, used;
	char data[];
};

struct connection;

struct cursor {
	struct connection *connection;
	struct statement *statement; /* in the cache, or `own`; NULL: none */
	struct statement own;
	bool open, row, done; /* row: sqlite3_step has delivered one that was not handed over */
	bool commits;         /* its end makes something permanent */
	bool changes;         /* INSERT, UPDATE, DELETE */
	int columns;
	int64_t changes_before;
	struct askd_value *cells;
	size_t cell_room;
	struct block *blocks, *block;
};

struct connection {
	sqlite3 *db;
	const struct driver *driver;
	bool writer, durable;
	bool trusted; /* the driver's own statements pass the authorizer */
	dev_t device;
	ino_t inode;
	uint32_t interrupted;   /* atomic: interrupt was called since reset */
	int32_t stopped;        /* ASKD_E_TIMEOUT or ASKD_E_CANCELED: why this call was stopped */
	struct askd_call *call; /* the call that is inside */
	const char *prefix;     /* of the statement that is compiled or run; NULL: all */
	uint32_t selects;       /* SELECTs in the statement that is being compiled */
	uint32_t changing;      /* the statement being compiled creates, drops or alters */
	char denied[160];       /* what the authorizer refused */
	struct statement cache[CACHE_STATEMENTS];
	uint8_t places[CACHE_HINTS]; /* where a statement with that end of its hash was last */
	uint64_t clock;
	struct cursor cursor;
};

/* The shape of every function of the iface. */
#define DRIVER_FN(name, IN, OUT)                                                               \
	int32_t name(void *self, struct askd_call *call, const struct IN *in, struct OUT *out, \
	        struct askd_error *reterr)

/* connection.c */
DRIVER_FN(connection_connect, askd_db_connect, askd_object);
DRIVER_FN(connection_interrupt, askd_nothing, askd_nothing);
DRIVER_FN(connection_reset, askd_nothing, askd_nothing);
DRIVER_FN(connection_disconnect, askd_nothing, askd_nothing);
/* Around each entry: remembers the call, and answers CANCELED or TIMEOUT when it is over already.
 */
int32_t connection_enter(
        struct connection *connection, struct askd_call *call, struct askd_error *reterr);
void connection_leave(struct connection *connection);
/* Has the call that is inside been canceled, or its deadline passed? Notes which. */
bool connection_must_stop(struct connection *connection);

/* cursor.c */
DRIVER_FN(cursor_query, askd_db_query, askd_db_result);
DRIVER_FN(cursor_next, askd_db_fetch, askd_batch);
DRIVER_FN(cursor_finish, askd_nothing, askd_nothing);
void cursor_release(struct cursor *cursor); /* with all its memory */

/* describe.c */
DRIVER_FN(describe_tables, askd_db_describe, askd_nothing);

/* guard.c: what a statement may do, decided while it is compiled. */
int32_t guard_install(struct connection *connection, struct askd_error *reterr);

/* functions.c, pattern.c: replacements of functions that could not be stopped. */
int functions_install(struct connection *connection);
int pattern_install(struct connection *connection);
/* For loops inside a function: true, with the result set to an error, when it has to stop. */
bool functions_must_stop(sqlite3_context *context);

/* statement.c */
/* The statement from the cache, or a new one there or in *own. */
int32_t statement_prepare(struct connection *connection, struct askd_text sql, const char *prefix,
        struct statement *own, struct statement **statement, struct askd_error *reterr);
int32_t statement_bind(struct connection *connection, const struct statement *statement,
        struct askd_values params, struct askd_error *reterr);
/* Looks the columns' types up unless that was done since it was last compiled. */
int32_t statement_types(struct statement *statement, struct askd_error *reterr);
/* Ends its run; NULL is fine. */
void statement_release(struct statement *statement);
void statement_drop_all(struct connection *connection);

/* growth.c: false: WITHs that name each other would be copied more than READER_EXPANSION times. */
bool growth_is_bounded(struct askd_text sql);

/* value.c */
bool value_is_text(const char *s, size_t n); /* valid UTF-8 without NUL */
/* The type of values by a column's declaration, or ASKD_OTHER when that leaves it open. */
uint32_t value_declared(const char *declaration);
/* What a text is by its column's type and its own shape: DATE, TIME, TIMESTAMP or TEXT. */
uint32_t value_shape(uint32_t declared, const char *s, size_t n);
/* A copy that is valid UTF-8, wrong bytes replaced. */
struct askd_text value_clean(struct askd_call *call, const char *s);

/* failure.c: reports what SQLite reports. commits: it may have become permanent all the same. */
int32_t failure_report(
        struct connection *connection, int rc, bool commits, struct askd_error *reterr);
int32_t failure_of_open(sqlite3 *db, int rc, const char *path, struct askd_error *reterr);
const char *failure_name(int extended); /* "SQLITE_IOERR_FSYNC" */

#endif
