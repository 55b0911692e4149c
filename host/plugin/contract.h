/* contract.h: every struct and every function that crosses between host and plugins, as data. From
 * it come recording, fault injection, redaction and fuzz input; later isolation. */
#ifndef PLUGIN_CONTRACT_H
#define PLUGIN_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"

#include <askd/extensions.h>
#include <askd/http.h>
#include <askd/mailer.h>
#include <askd/web.h>

/* How a member crosses. */
enum contract_kind {
	CONTRACT_SIZE,     /* the struct's own size */
	CONTRACT_INTEGER,  /* 4 or 8 bytes */
	CONTRACT_RESERVED, /* must be 0 */
	CONTRACT_TEXT,
	CONTRACT_JSON, /* a text that holds JSON */
	CONTRACT_BYTES,
	CONTRACT_VALUES, /* struct askd_values */
	CONTRACT_CELLS,  /* cells of a batch: rows * columns */
	CONTRACT_STRUCT, /* pointer to one message */
	CONTRACT_LIST,   /* NULL-terminated array of pointers to messages */
	CONTRACT_OBJECT, /* void * of the plugin's */
	CONTRACT_FD,
	CONTRACT_SINK, /* pointer to a sink of `sub` */
	/* These stand in static tables and frozen structs only, never in a message. */
	CONTRACT_STRING,  /* const char * */
	CONTRACT_STRINGS, /* NULL-terminated array of const char * */
	CONTRACT_STATIC,  /* pointer to what lives as long as its owner */
	CONTRACT_CODE,    /* a function */
	CONTRACT_CHARS,   /* char[n] that holds a C string */
	CONTRACT_RAW      /* the inside of a slice or value */
};

/* What a recording or a log may keep of it. */
enum contract_privacy { CONTRACT_PLAIN, CONTRACT_CONTENT, CONTRACT_SECRET };

struct contract_struct;

struct contract_member {
	const char *name;
	uint32_t kind, privacy, offset, length;
	const struct contract_struct *sub; /* STRUCT, LIST, SINK */
};

struct contract_struct {
	const char *name;
	uint32_t size, count;
	const struct contract_member *members;
};

enum contract_thread { CONTRACT_MAIN, CONTRACT_RUN, CONTRACT_WORKER, CONTRACT_ANY };

/* X(TABLE, table, function, IN, OUT, thread): every function of every kind and extension, in which
 * struct askd_<table> it stands. `nothing` stands for an absent side. */
#define CONTRACT_FUNCTIONS(X)                                                                 \
	X(DATABASE, database_iface, CONNECT, connect, db_connect, object, WORKER)             \
	X(DATABASE, database_iface, DESCRIBE, describe, db_describe, nothing, WORKER)         \
	X(DATABASE, database_iface, QUERY, query, db_query, db_result, WORKER)                \
	X(DATABASE, database_iface, NEXT, next, db_fetch, batch, WORKER)                      \
	X(DATABASE, database_iface, FINISH, finish, nothing, nothing, WORKER)                 \
	X(DATABASE, database_iface, INTERRUPT, interrupt, nothing, nothing, ANY)              \
	X(DATABASE, database_iface, RESET, reset, nothing, nothing, WORKER)                   \
	X(DATABASE, database_iface, DISCONNECT, disconnect, nothing, nothing, WORKER)         \
	X(LLM, llm_iface, COMPLETE, complete, llm_request, llm_reply, WORKER)                 \
	X(LLM, llm_iface, MODEL, model, llm_model, llm_model, WORKER)                         \
	X(TRANSPORT, transport_iface, RUN, run, nothing, nothing, RUN)                        \
	X(TRANSPORT, transport_iface, SEND, send, outgoing, outgone, WORKER)                  \
	X(TRANSPORT, transport_iface, NOTICE, notice, notice, nothing, WORKER)                \
	X(TRANSPORT, transport_iface, FETCH, fetch, remote_file, nothing, WORKER)             \
	X(TRANSPORT, transport_iface, CAPABILITIES, capabilities, nothing, capabilities, ANY) \
	X(SKILL, skill_iface, OFFER, offer, turn, offer, WORKER)                              \
	X(SKILL, skill_iface, HANDLE, handle, turn, outcome, WORKER)                          \
	X(MAILER, mailer_iface, SEND, send, mail, outgone, WORKER)                            \
	X(HEALTH, health, REPORT, report, nothing, health_report, WORKER)                     \
	X(TOOL, tool, RUN, run, tool_call, tool_result, WORKER)                               \
	X(VERB, verb, RUN, run, verb_call, verb_result, WORKER)                               \
	X(HOOKS, hooks, BEFORE, before, hook_event, hook_verdict, WORKER)                     \
	X(HOOKS, hooks, AFTER, after, hook_event, hook_verdict, WORKER)                       \
	X(WEB_SERVER, web_server, BEGIN, begin, web_response, nothing, ANY)                   \
	X(WEB_SERVER, web_server, WRITE, write, web_data, nothing, WORKER)                    \
	X(WEB_SERVER, web_server, DRAIN, drain, nothing, nothing, RUN)                        \
	X(ROUTE, route, HANDLE, handle, web_request, web_response, WORKER)

/* The same for services: struct askd_<table>. */
#define CONTRACT_SERVICES(X)                                                              \
	X(HTTP, http_service, FETCH, fetch, http_request, http_response, WORKER)          \
	X(LLM_STAGE, llm_service, COMPLETE, complete, llm_request, llm_reply, WORKER)     \
	X(INBOX, inbox_service, DELIVER, deliver, event, delivered, WORKER)               \
	X(TURN, turn_service, REPLY, reply, message, delivered, WORKER)                   \
	X(TURN, turn_service, PROGRESS, progress, progress, nothing, WORKER)              \
	X(TURN, turn_service, POST, post, message, delivered, WORKER)                     \
	X(TURN, turn_service, ASK, ask, event, reply, WORKER)                             \
	X(TURN, turn_service, HISTORY, history, session, session_history, WORKER)         \
	X(TURN, turn_service, FORGET, forget, session, session_result, WORKER)            \
	X(TURN, turn_service, CANCEL, cancel, session, session_result, WORKER)            \
	X(QUERY, query_service, RUN, run, query_run, query_result, WORKER)                \
	X(QUERY, query_service, CATALOGUE, catalogue, query_catalogue, catalogue, WORKER) \
	X(QUERY, query_service, DATABASES, databases, nothing, query_databases, WORKER)   \
	X(QUERY, query_service, OPEN, open, query_open, query_database, WORKER)           \
	X(STORE, store_service, READ, read, store_read, store_rows, WORKER)               \
	X(STORE, store_service, WRITE, write, store_write, nothing, WORKER)               \
	X(I18N, i18n_service, TEXT, text, i18n_text, i18n_result, ANY)                    \
	X(AUDIT, audit_service, WRITE, write, audit_entry, nothing, WORKER)               \
	X(METRICS, metrics_service, ADD, add, metric, nothing, ANY)                       \
	X(METRICS, metrics_service, OBSERVE, observe, metric, nothing, ANY)               \
	X(LISTEN, listen_service, OPEN, open, listen_request, listen_socket, WORKER)      \
	X(WEB, web_service, HEAD, head, web_request, web_verdict, ANY)                    \
	X(WEB, web_service, DISPATCH, dispatch, web_request, nothing, ANY)                \
	X(WEB, web_service, GONE, gone, web_data, nothing, ANY)                           \
	X(WEB, web_service, BEGIN, begin, web_response, nothing, WORKER)                  \
	X(WEB, web_service, WRITE, write, web_data, nothing, WORKER)

enum contract_function {
#define X(TABLE, table, NAME, name, in, out, thread) CONTRACT_##TABLE##_##NAME,
	CONTRACT_FUNCTIONS(X) CONTRACT_SERVICES(X)
#undef X
	        CONTRACT_FUNCTION_COUNT
};

struct contract_function_info {
	const char *table, *name;               /* "database_iface", "query" */
	uint32_t offset;                        /* of the function in its table */
	uint32_t thread;                        /* enum contract_thread */
	const struct contract_struct *in, *out; /* NULL: nothing */
};

extern const struct contract_function_info contract_functions[CONTRACT_FUNCTION_COUNT];
extern const struct contract_struct *const contract_structs[]; /* all, NULL-terminated */
/* "askd_batch"; NULL: there is none. */
const struct contract_struct *contract_find(const char *name);
/* "database_iface.query"; a static text. */
const char *contract_function_name(enum contract_function function);

/* A deep copy in one arena: strings, sub-messages, lists; sinks, objects and descriptors become
 * NULL, 0, -1. NULL when the arena is full. */
void *contract_copy(struct arena *a, const struct contract_struct *type, const void *message);
/* Is what a plugin handed over sound: size (older plugins may know less), texts valid and
 * terminated, JSON that parses, cells of a known type, lists not endless, objects there, reserved
 * 0? PROTOCOL and which member, if not. */
int32_t contract_check(
        const struct contract_struct *type, const void *message, struct askd_error *reterr);
/* Have the message and all inside it our size? Else it came from a plugin of an older minor. */
bool contract_is_whole(const struct contract_struct *type, const void *message);
/* Messages inside *message that are shorter than ours, from a plugin of an older minor version, are
 * replaced by copies of our size, zero-filled; *message itself has our size already. Message must
 * have passed contract_check. false: the arena is full. */
bool contract_widen(struct arena *a, const struct contract_struct *type, void *message);
/* A JSON object on one line, with the members that `keep` allows (enum contract_privacy: the
 * highest kept); other texts appear as "***". No address is ever printed: objects and descriptors
 * appear as `true`. NULL prints null. */
void contract_print(struct buffer *b, const struct contract_struct *type, const void *message,
        enum contract_privacy keep);
/* The same, with objects as the number that `ordinal` gives them. */
void contract_print_objects(struct buffer *b, const struct contract_struct *type,
        const void *message, enum contract_privacy keep,
        uint64_t (*ordinal)(void *arg, const void *object), void *arg);

#endif
