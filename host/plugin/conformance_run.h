/* conformance_run.h: what the files of the conformance suite share. Inside this room only. */
#ifndef PLUGIN_CONFORMANCE_RUN_H
#define PLUGIN_CONFORMANCE_RUN_H

#include "plugin/registry.h"

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
/* A failure must be a known code with one line of reason. */
/* OK, or a failure that may happen: with a reason, and neither a defect of the plugin nor a reply
 * that broke the contract. */
bool conformance_fair(int32_t rc, const struct askd_error *error);
bool conformance_error(struct conformance *run, const char *name, int32_t rc,
        const struct askd_error *error, int32_t expected);

/* One plain call of the instance, without effects that would add up; any thread. */
typedef int32_t (*conformance_entry)(
        struct conformance *run, uint64_t id, struct askd_error *error);
/* Makes the call from several threads at once, if the plugin says that it can be: each is to end
 * as one alone does. */
void conformance_together(struct conformance *run, const char *name, conformance_entry enter);

/* What the stub services remember, so that checks can ask. Written under a lock while calls run;
 * read and set between them. */
struct conformance_services {
	/* askd.http/1 answers this, once for every call */
	int32_t http_rc; /* ASKD_E_* instead of an answer; 0: the answer */
	int32_t http_status;
	const char *http_body;   /* "" none */
	const char *http_header; /* "name: value" or NULL */
	size_t http_calls, replies, delivered;
	char last_reply[256];
};
extern struct conformance_services conformance_services;
void conformance_services_offer(void);

void conformance_database(struct conformance *run);
void conformance_llm(struct conformance *run);
void conformance_skill(struct conformance *run);
void conformance_transport(struct conformance *run);
void conformance_mailer(struct conformance *run);
void conformance_extensions(struct conformance *run);

#endif
