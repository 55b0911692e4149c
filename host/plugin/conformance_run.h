/* conformance_run.h: what the files of the conformance suite share. Inside this room only. */
#ifndef PLUGIN_CONFORMANCE_RUN_H
#define PLUGIN_CONFORMANCE_RUN_H

#include "plugin/registry.h"

enum { RUN_LIMIT_MS = 5000 }; /* of one call, where a check says nothing else */

/* A check that stands in the options file under `check:`. See docs/plugins.md. */
struct conformance {
	FILE *out;
	struct arena arena;
	size_t passed, failed;
	struct buffer not_tried; /* a line each */
	const struct plugin_library *library;
	const struct yaml_node *options;  /* NULL: none given */
	const struct yaml_node *checks;   /* the map `check` in it; NULL: none */
	struct plugin_instance *instance; /* open, or NULL */
	struct cancel cancel;
	struct call_scope scope;
};

/* Counts and prints one line. */
__attribute__((format(printf, 4, 5))) bool conformance_check(
        struct conformance *run, bool good, const char *name, const char *detail, ...);
__attribute__((format(printf, 2, 3))) void conformance_skip(
        struct conformance *run, const char *format, ...);
/* Opens an instance with the options, over which `more` (a map or NULL) goes. */
struct plugin_instance *conformance_open(
        struct conformance *run, const struct yaml_node *more, struct askd_error *reterr);
/* OK, or a failure that may happen: with a reason, and neither a defect of the plugin nor a reply
 * that broke the contract. */
bool conformance_fair(int32_t rc, const struct askd_error *error);
/* A failure must have the class that is due, and one line of reason. */
bool conformance_error(struct conformance *run, const char *name, int32_t rc,
        const struct askd_error *error, int32_t expected);

/* One plain call of the instance, without effects that would add up; any thread. */
typedef int32_t (*conformance_entry)(
        struct conformance *run, uint64_t id, struct askd_error *error);
/* Makes the call from several threads at once, if the plugin says that it can be: each is to end
 * as one alone does. */
void conformance_together(struct conformance *run, const char *name, conformance_entry enter);

/* What askd.http/1 answers to every call. */
struct conformance_answer {
	int32_t rc;     /* ASKD_E_* instead of an answer; 0: the answer */
	uint32_t flags; /* ASKD_ERR_*, with rc */
	int32_t status;
	const char *body;   /* NULL: none */
	const char *header; /* "name: value" or NULL */
};
#define CONFORMANCE_DELAY "retry-after: 7" /* the seconds must reach retry_after_ms */

/* What the stub services do and remember, so that checks can ask. Written under a lock while calls
 * run; read and set between them. */
struct conformance_services {
	struct conformance_answer http;
	/* what these fail with; 0: they do not */
	int32_t turn_rc, llm_rc, catalogue_rc, run_rc, store_rc;
	const char *stage; /* what a stage of askd.llm/1 answers; NULL: a decision to answer */
	size_t http_calls, replies, delivered, catalogues, runs;
	char last_reply[256];
};
extern struct conformance_services conformance_services;
void conformance_services_offer(void);

/* A class of errors that the header of a kind names, and how it is provoked. */
struct conformance_class {
	const char *name;                 /* of the variant under `check:`; NULL: it has none */
	const char *what;                 /* "a wrong key"; NULL ends a table */
	int32_t code;                     /* ASKD_OK: it is no error */
	uint32_t flags;                   /* ASKD_ERR_* that must be set */
	struct conformance_answer answer; /* absent: every server says it in its own way */
};
/* Provokes each class, with `enter` on run->instance, and names those that it could not. over_http:
 * the plugin reaches the other side through askd.http/1. */
void conformance_classes(struct conformance *run, const struct conformance_class *classes,
        bool over_http, conformance_entry enter);
/* The answer that the options file names under check.answers; false: none. */
bool conformance_answer_of(
        struct conformance *run, const char *name, struct conformance_answer *answer);

void conformance_database(struct conformance *run);
void conformance_llm(struct conformance *run);
void conformance_skill(struct conformance *run);
void conformance_transport(struct conformance *run);
void conformance_mailer(struct conformance *run);
void conformance_extensions(struct conformance *run);

#endif
