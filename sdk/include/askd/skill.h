/*
 * askd/skill.h: the kind askd.skill/1, which owns a subject: its commands and the handling of a
 * turn; and the services that skills use: askd.turn/1, askd.query/1, askd.store/1.
 *
 * A turn is one event and its handling. `handle` may run twice for one turn (after a crash), so
 * derive ids from turn->id. What is said with `reply` and written with askd.store is collected and
 * becomes durable in one transaction when handle has returned ASKD_OK; after an error nothing of it
 * remains. Nothing reaches a person that did not pass the host.
 */
#ifndef ASKD_SKILL_H
#define ASKD_SKILL_H

#include <askd/llm.h>
#include <askd/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASKD_KIND_SKILL "askd.skill/1"

/* A file that came with a turn. */
struct askd_attachment {
	uint32_t size;
	uint32_t flags;
	uint64_t id;
	uint64_t length; /* bytes; 0: unknown */
	struct askd_text name;
	struct askd_text mime;
};

/* One event, as a skill sees it. */
struct askd_turn {
	uint32_t size;
	uint32_t kind;  /* ASKD_EVENT_TEXT ... */
	uint32_t flags; /* ASKD_EVENT_EPHEMERAL ... */
	uint32_t reserved;
	uint64_t id;
	uint64_t conversation;
	uint64_t person;
	uint64_t organisation;     /* 0: none */
	uint64_t database;         /* handle of the selected one; 0: none */
	int64_t now_us;            /* when the event was written */
	struct askd_text language; /* BCP 47 */
	struct askd_text zone;     /* IANA */
	struct askd_text command;  /* name without the slash; absent: a plain text */
	struct askd_text text;     /* the question, or what follows the command */
	struct askd_text action;   /* of the button that was pressed */
	struct askd_text data;     /* of the button that was pressed */
	struct askd_text state;    /* this conversation's, JSON; absent: none */
	struct askd_text tables;   /* JSON list that narrows the schema; absent: all */
	const struct askd_attachment *const *files;
};

/* A button under a message. The host makes the token. */
struct askd_button {
	uint32_t size;
	uint32_t flags;
	struct askd_text label;
	struct askd_text action;
	struct askd_text data;
};

/* Something to say. */
struct askd_message {
	uint32_t size;
	uint32_t flags;
	uint64_t edits;               /* id of an earlier message to replace; 0: a new one */
	uint64_t person;              /* `post` only: to whom; 0: the conversation */
	struct askd_text text;        /* CommonMark */
	struct askd_text sql;         /* the statement that ran; may be absent */
	struct askd_text explanation; /* how the answer came about; may be absent */
	struct askd_text details;     /* JSON object: choices, suggestions, insights, figures; the
	                               * member `receipt` goes into the receipt */
	const struct askd_db_column *const *columns;
	const struct askd_batch *table;
	const struct askd_button *const *buttons;
	const struct askd_attachment *const *files;
};

/* `status` of an outcome, `kind` of a reply */
enum {
	ASKD_TURN_ANSWER,
	ASKD_TURN_CLARIFY,
	ASKD_TURN_DECLINED, /* the skill cannot answer that */
	ASKD_TURN_REFUSED,  /* it may not be asked: rights, limits, safety */
	ASKD_TURN_ERROR
};

/* How a turn ended. */
struct askd_outcome {
	uint32_t size;
	uint32_t status;   /* ASKD_TURN_* */
	uint32_t state_ms; /* life of `state`; 0: the host's default */
	uint32_t awaits;   /* 1: the next text of this conversation is for this skill */
	struct askd_text
	        state; /* this conversation's, JSON, at most 16 KB; absent: none any more */
};

/* How well a skill can take a turn. */
struct askd_offer {
	uint32_t size;
	int32_t milli; /* 0: not at all, 1000: certainly */
	struct askd_text why;
};

/* The answer of a turn that was waited for. */
struct askd_reply {
	uint32_t size;
	uint32_t kind; /* ASKD_TURN_* */
	uint64_t turn;
	struct askd_text object; /* JSON: kind, answer, sql, columns, data, cost, stages, ... as
	                          * documented for POST /api/query */
	int64_t retry_after_ms;  /* REFUSED by a limit that fills again by itself: when; else 0 */
};

/* A session of the asker's, as `ask` names it. Nobody reaches a session of somebody else's. */
struct askd_session {
	uint32_t size;
	uint32_t turns; /* history: at most so many, the last ones; 0: 50 */
	uint64_t turn;  /* cancel: this turn alone, `name` may be absent then; 0: all of the session
	                 */
	struct askd_text name; /* the session id */
};

struct askd_session_history {
	uint32_t size;
	uint32_t count;         /* turns */
	struct askd_text turns; /* JSON list, oldest first: {turn_id, at, question, answer, sql} */
};

struct askd_session_result {
	uint32_t size;
	uint32_t count; /* turns that were forgotten or canceled */
};

/* The service askd.turn/1: the two ways to speak, and the way to ask. */
struct askd_turn_service {
	uint32_t size;
	uint32_t reserved;
	/* [worker] Collects a message of this turn. */
	ASKD_SERVICE(reply, askd_message, askd_delivered);
	/* [worker] What is happening; goes out at once, never stored. */
	ASKD_SERVICE(progress, askd_progress, askd_nothing);
	/* [worker] From a job: a message into its conversation, or to in->person. */
	ASKD_SERVICE(post, askd_message, askd_delivered);
	/* [worker] [run] For synchronous transports: gates and runs a turn on this thread. Fails
	 * only when there is no answer to give (CANCELED, NOMEM, BUSY while draining); a refusal is
	 * a reply of kind ASKD_TURN_REFUSED. */
	ASKD_SERVICE(ask, askd_event, askd_reply);
	/* [worker] What was said in a session that this instance asked in. NOT_FOUND: there is no
	 * such session of the asker's. */
	ASKD_SERVICE(history, askd_session, askd_session_history);
	/* [worker] Forgets what was said and what is remembered in a session; the costs stay.
	 * NOT_FOUND as above. */
	ASKD_SERVICE(forget, askd_session, askd_session_result);
	/* [worker] Stops what runs in a session of the asker's. Nothing runs: count is 0. */
	ASKD_SERVICE(cancel, askd_session, askd_session_result);
};

/* ---- askd.query/1: questions to customers' databases, as the asker, through the gate ----------
 */

/* Rows of a statement. The first item carries the columns. */
struct askd_query_rows {
	uint32_t size;
	uint32_t reserved;
	const struct askd_db_column *const *columns;
	const struct askd_batch *batch;
};
ASKD_SINK(askd_query_rows);

struct askd_query_run {
	uint32_t size;
	uint32_t max_rows; /* 0: the database's own limit, which is never exceeded */
	uint64_t database; /* handle */
	struct askd_text sql;
	struct askd_values params;
	const struct askd_query_rows_sink *rows;
	uint32_t flags; /* ASKD_QUERY_LOOK_UP */
	uint32_t reserved;
};

/* `flags` of a run */
enum {
	/* An engine on this machine reads values in order to understand questions: max_rows may
	 * be up to ASKD_QUERY_LOOK_UP_ROWS, and the statement is none of the answer's, so the
	 * receipt does not list it. All other rules of a run hold. */
	ASKD_QUERY_LOOK_UP = 1
};
enum { ASKD_QUERY_LOOK_UP_ROWS = 100000 };

/* `flags` of a result */
enum { ASKD_QUERY_TRUNCATED = 1 }; /* more rows exist than were handed over */

struct askd_query_result {
	uint32_t size;
	uint32_t flags; /* ASKD_QUERY_TRUNCATED */
	uint64_t rows;
	int64_t elapsed_us;       /* in the database, with fetching */
	struct askd_text verdict; /* of the gate, for the receipt */
};

enum { ASKD_QUERY_NO_SAMPLES = 1 }; /* `flags` of a catalogue: sample values are not needed */

struct askd_query_catalogue {
	uint32_t size;
	uint32_t flags;    /* ASKD_QUERY_NO_SAMPLES */
	uint64_t database; /* handle */
	struct askd_text
	        question;        /* the tables that matter to it come first; absent: all, by name */
	struct askd_text tables; /* JSON list that narrows; absent: all */
};

struct askd_query_database {
	uint32_t size;
	uint32_t reserved;
	uint64_t handle;
	struct askd_text name;
	struct askd_text dialect;
};

struct askd_query_databases {
	uint32_t size;
	uint32_t reserved;
	const struct askd_query_database *const *databases; /* by name */
};

struct askd_query_open {
	uint32_t size;
	uint32_t reserved;
	struct askd_text address; /* a name, "shop.db", "sqlite:///srv/shop.db" */
};

/* The service askd.query/1. Rights are checked at every call. */
struct askd_query_service {
	uint32_t size;
	uint32_t reserved;
	/* [worker] Runs one statement that only reads. REFUSED: the gate, `message` says why in
	 * words that a model can use to repair it; STATEMENT: the database rejects it; DENIED,
	 * NOT_FOUND: not this person's; TIMEOUT, TOO_LARGE: the limits of the database. */
	ASKD_SERVICE(run, askd_query_run, askd_query_result);
	/* [worker] The schema, from the cache where it is fresh. With samples only where the egress
	 * policy of the database lets them go to a model. */
	ASKD_SERVICE(catalogue, askd_query_catalogue, askd_catalogue);
	/* [worker] The databases that the asker may use. */
	ASKD_SERVICE(databases, askd_nothing, askd_query_databases);
	/* [worker] One database: a configured one by its name, else one that no configuration
	 * names: a file by its path, which may be relative to the folder of the asker, or what a
	 * URL leads to whose scheme a driver has. Those are for local askers alone: nobody else
	 * finds them, and `databases` does not list them. They are read only; after a while without
	 * use the handle is forgotten, and `open` gives the same one again. NOT_FOUND: there is
	 * neither; INVALID: the address makes no sense; UNSUPPORTED: no driver has the scheme;
	 * DENIED: the asker is not local, or may not read the file; PROTOCOL: it is no database. */
	ASKD_SERVICE(open, askd_query_open, askd_query_database);
};

/* ---- askd.store/1: a skill's own tables --------------------------------------------------------
 */

/* Numbered from 1, never changed once released. SQL in the common subset of SQLite and PostgreSQL:
 * bigint, double precision, text, bytea, smallint for yes/no; instants as microseconds; $n; names
 * begin with the plugin's name and an underscore; no auto-increment. Several statements are
 * separated by ";\n". */
struct askd_migration {
	uint32_t size;
	uint32_t number;
	const char *sql;
};

struct askd_store_statement {
	uint32_t size;
	int32_t expect; /* rows it must change; -1: any number */
	struct askd_text sql;
	struct askd_values params;
};

struct askd_store_read {
	uint32_t size;
	uint32_t max_rows; /* 0: 256; more rows than that: TOO_LARGE */
	struct askd_text sql;
	struct askd_values params;
};

struct askd_store_rows {
	uint32_t size;
	uint32_t reserved;
	const struct askd_db_column *const *columns;
	const struct askd_batch *batch; /* in the call's arena; all rows */
};

enum { ASKD_STORE_NOW = 1 }; /* commit before returning; else with the turn */

struct askd_store_write {
	uint32_t size;
	uint32_t flags; /* ASKD_STORE_NOW */
	const struct askd_store_statement *const *statements;
};

/* The service askd.store/1. Statements may touch the plugin's own tables only. */
struct askd_store_service {
	uint32_t size;
	uint32_t reserved;
	/* [worker] Does not see writes of this turn that are not committed yet. */
	ASKD_SERVICE(read, askd_store_read, askd_store_rows);
	/* [worker] All or nothing. CONFLICT: a count or a unique key was missed, with the whole
	 * turn rolled back; the host then runs the turn once more. */
	ASKD_SERVICE(write, askd_store_write, askd_nothing);
};

/* ---- the kind ---------------------------------------------------------------------------------
 */

enum {
	ASKD_COMMAND_SENSITIVE = 1
}; /* its arguments are secret: deleted from a chat after reading */

/* A command that people type, e.g. /history. Static. */
struct askd_command {
	uint32_t size;
	uint32_t flags;         /* ASKD_COMMAND_* */
	const char *name;       /* lower case, without the slash */
	const char *usage;      /* "/history [count]" */
	const char *help;       /* one sentence */
	const char *permission; /* NULL: everybody who may speak here */
};

struct askd_skill_iface {
	uint32_t size;
	uint32_t flags;
	const struct askd_command *const *commands;     /* NULL-terminated; NULL: none */
	const struct askd_migration *const *migrations; /* NULL-terminated; NULL: none */
	/* [worker] How well can you take this text? Fast, no network, no side effect. May be NULL:
	 * own commands and replies are routed by the tables. */
	ASKD_FN(offer, askd_turn, askd_offer);
	/* [worker] Handles a turn. May run twice for one turn. */
	ASKD_FN(handle, askd_turn, askd_outcome);
#if defined(ASKD_TEST_NEXT_MINOR) && ASKD_MINOR >= 1
	/* askd's own tests of growth define this: how a member of a later minor version looks. */
	ASKD_FN(newer, askd_turn, askd_outcome);
#endif
};

#ifdef __cplusplus
}
#endif
#endif
