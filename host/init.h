/* init.h: what the files of `askd init` share. */
#ifndef INIT_H
#define INIT_H

#include "config/config.h"
#include "plugin/library.h"

struct init {
	const char *file;     /* to write */
	const char *database; /* --database; NULL: asked for */
	bool yes, force, terminal;
	struct arena arena;
	struct config *defaults; /* of a file at that place with nothing in it */
	struct buffer yaml;
	bool reachable; /* somebody may ask who is not at a terminal here */
	bool secret;    /* the file names something that only its owner may know */
	/* A file with a secret to write beside it; NULL: none. */
	const char *secret_name, *secret_text;
	const char *secret_path; /* where it was written; NULL: it was not */
	const char *missing;     /* a variable that is not set here; NULL: none */
};

/* ---- init_ask.c ---- */

/* Puts the question, with `otherwise` in brackets (NULL: there is none), until `good` takes the
 * answer; what it says against one is shown. An end of the input takes what stands in brackets.
 * NULL: there is no answer that can be taken; it was said why. */
const char *init_ask(struct init *init, const char *question, const char *otherwise,
        int32_t (*good)(struct init *init, const char *answer, struct askd_error *reterr));
/* The next library of a kind in the folders of plugins, for which `fits` says yes; NULL: none.
 * Starts with *at 0. */
const struct plugin_library *init_library(struct init *init, const char *kind, size_t *at,
        bool (*fits)(const struct plugin_library *library));
const struct askd_option *init_option(const struct plugin_library *library, const char *name);
bool init_needs_nothing(const struct plugin_library *library); /* none of its options is required */
/* A text as a value of YAML. */
void init_add_value(struct buffer *b, const char *text);

/* ---- init_parts.c: the five questions; each adds its part to the file. false: it was said why.
 * ---- */

bool init_database(struct init *init);
bool init_engine(struct init *init);
bool init_web(struct init *init);
bool init_zone(struct init *init);

#endif
