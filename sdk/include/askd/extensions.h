/*
 * askd/extensions.h: tables that a plugin of any kind may offer beside its own (askd_plugin's
 * `extensions`), and small services for all: askd.i18n/1, askd.audit/1, askd.metrics/1,
 * askd.listen/1. All tables are static data, listed and checked before any code of the plugin runs.
 */
#ifndef ASKD_EXTENSIONS_H
#define ASKD_EXTENSIONS_H

#include <askd/skill.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- "askd.health/1": struct askd_health ------------------------------------------------------
 */

enum { ASKD_HEALTH_OK, ASKD_HEALTH_DEGRADED, ASKD_HEALTH_DOWN };

struct askd_health_report {
	uint32_t size;
	uint32_t status;         /* ASKD_HEALTH_* */
	struct askd_text reason; /* absent: none */
};

struct askd_health {
	uint32_t size;
	uint32_t reserved;
	/* [worker] self: instance. Asked by a timer and cached; must cost no money. */
	ASKD_FN(report, askd_nothing, askd_health_report);
};

/* ---- "askd.tools/1": struct askd_tools --------------------------------------------------------
 */

struct askd_tool_result {
	uint32_t size;
	uint32_t reserved;
	struct askd_text json;
};

/* A function that a model may call under the asker's rights, where a stage of the configuration
 * names it. Its arguments are a JSON object that the model wrote: check them. When it fails, the
 * model reads that, and the words of INVALID, NOT_FOUND and UNSUPPORTED. At most 64 KB of JSON.
 * After a crash it may run a second time with the same arguments. */
struct askd_tool {
	uint32_t size;
	uint32_t flags;
	const char *name;                               /* letters, digits, '_' */
	const char *description;                        /* for the model */
	const char *schema;                             /* JSON schema of the arguments */
	const char *permission;                         /* NULL: every asker */
	ASKD_FN(run, askd_tool_call, askd_tool_result); /* [worker] self: instance */
};

struct askd_tools {
	uint32_t size;
	uint32_t reserved;
	const struct askd_tool *const *tools; /* NULL-terminated */
};

/* ---- "askd.verbs/1": struct askd_verbs --------------------------------------------------------
 */

struct askd_verb_call {
	uint32_t size;
	int32_t in; /* descriptors of the person's terminal, borrowed */
	int32_t out;
	int32_t err;
	struct askd_text args;   /* JSON list of texts, without the verb */
	struct askd_text config; /* ASKD_VERB_CLIENT only: the file that -c named; absent: none */
};

struct askd_verb_result {
	uint32_t size;
	int32_t status; /* exit status of the command */
};

/* `flags` of a verb */
enum {
	/* It runs in the process that the person started, never in the daemon: with the person's
	 * environment, terminal, working folder and rights, and an instance of its own. The state
	 * is not there, so services that need it answer BUSY; askd.i18n/1 works. What it wants of
	 * the daemon it asks by commands of its own (/proc/self/exe). SIGHUP, SIGINT, SIGQUIT,
	 * SIGTERM, SIGTSTP, SIGCONT and SIGWINCH are blocked: it takes them with signalfd(2), and
	 * unblocks them in what it starts. */
	ASKD_VERB_CLIENT = 1
};

/* A word of the command line: askd NAME ... */
struct askd_verb {
	uint32_t size;
	uint32_t flags; /* ASKD_VERB_* */
	const char *name;
	const char *usage;                              /* "askd ask [-d DATABASE] QUESTION" */
	const char *help;                               /* one sentence */
	ASKD_FN(run, askd_verb_call, askd_verb_result); /* [worker] self: instance */
};

struct askd_verbs {
	uint32_t size;
	uint32_t reserved;
	const struct askd_verb *const *verbs; /* NULL-terminated */
};

/* ---- "askd.hooks/1": struct askd_hooks --------------------------------------------------------
 */

struct askd_hook_event {
	uint32_t size;
	uint32_t status; /* after: ASKD_TURN_* */
	const struct askd_turn *turn;
	const struct askd_message *message; /* after: the answer; NULL: none */
};

enum { ASKD_HOOK_PASS, ASKD_HOOK_CHANGE, ASKD_HOOK_REFUSE };

struct askd_hook_verdict {
	uint32_t size;
	uint32_t verdict;        /* ASKD_HOOK_* */
	struct askd_text text;   /* CHANGE: before, the new question; after, the new answer */
	struct askd_text reason; /* REFUSE: what the person reads */
};

/* Before and after each turn, in the order of the configuration. A hook that fails is logged and
 * counts as PASS. */
struct askd_hooks {
	uint32_t size;
	uint32_t reserved;
	ASKD_FN(before, askd_hook_event,
	        askd_hook_verdict); /* [worker] self: instance; may be NULL */
	ASKD_FN(after, askd_hook_event,
	        askd_hook_verdict); /* [worker] self: instance; may be NULL */
};

/* ---- services ----------------------------------------------------------------------------------
 */

struct askd_i18n_text {
	uint32_t size;
	uint32_t reserved;
	int64_t count;             /* chooses between `text` and `plural` */
	struct askd_text language; /* BCP 47; absent: English */
	struct askd_text text;   /* English, with {names} for arguments: the key of the catalogue */
	struct askd_text plural; /* English for count != 1; absent: the same */
	const struct askd_header *const *args; /* name, value */
};

struct askd_i18n_result {
	uint32_t size;
	uint32_t reserved;
	struct askd_text text;
};

/* askd.i18n/1: every text for a person. {count} is always known. */
struct askd_i18n_service {
	uint32_t size;
	uint32_t reserved;
	ASKD_SERVICE(text, askd_i18n_text, askd_i18n_result); /* [any] */
};

struct askd_audit_entry {
	uint32_t size;
	uint32_t reserved;
	struct askd_text action;  /* "database.added" */
	struct askd_text subject; /* what it was done to; no secret, no content */
	struct askd_text details; /* JSON object; may be absent */
};

/* askd.audit/1: append-only, hash-chained. The actor is the call's. */
struct askd_audit_service {
	uint32_t size;
	uint32_t reserved;
	ASKD_SERVICE(write, askd_audit_entry, askd_nothing); /* [worker] */
};

struct askd_metric {
	uint32_t size;
	uint32_t reserved;
	struct askd_text
	        name; /* letters, digits, '_'; the host puts askd_<kind>_<plugin>_ before it */
	struct askd_text label; /* value of the label "of"; may be absent */
	int64_t value;
};

/* askd.metrics/1 */
struct askd_metrics_service {
	uint32_t size;
	uint32_t reserved;
	ASKD_SERVICE(add, askd_metric, askd_nothing);     /* [any] a counter */
	ASKD_SERVICE(observe, askd_metric, askd_nothing); /* [any] a histogram, microseconds */
};

enum { ASKD_LISTEN_MORE = 1 }; /* another address follows at once: askd is not ready before that */

struct askd_listen_request {
	uint32_t size;
	uint32_t flags;           /* ASKD_LISTEN_MORE */
	struct askd_text address; /* "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock" */
};

struct askd_listen_socket {
	uint32_t size;
	int32_t fd; /* the host's, survives reloads: never close it; duplicate it to hand it on */
};

/* askd.listen/1: listening sockets. The same address always gives the same socket. */
struct askd_listen_service {
	uint32_t size;
	uint32_t reserved;
	ASKD_SERVICE(open, askd_listen_request, askd_listen_socket); /* [run] [worker] */
};

#ifdef __cplusplus
}
#endif
#endif
