/* generation.h: one reading of the configuration, and what the rooms made of it. A reload makes the
 * next one; what has begun under an old one ends under it, and holds it until then. */
#ifndef PLUGIN_GENERATION_H
#define PLUGIN_GENERATION_H

#include "plugin/registry.h"

struct query;
struct plan;
struct site;

struct generation {
	const struct config *config;
	struct registry *registry;
	/* Each of the room that defines it; NULL: that room is not open. */
	struct query *query;
	struct plan *plan;
	struct site *site;

	struct config *owned; /* `config`, when it goes with the generation; else NULL */
	uint64_t references;  /* under generation.c's lock */
	struct generation *next;
};

/* The scope's generation (NULL: no scope), else the current one, held once more; NULL: none is set.
 * [any] */
struct generation *generation_hold(const struct call_scope *scope);
void generation_drop(struct generation *generation); /* [any] NULL is fine */
/* From now on the current one (NULL: none), held once. [main] */
void generation_set(struct generation *generation);
bool generation_is_held(struct generation *generation); /* by anybody, as the current one too */
/* Called by the thread that drops a generation or an instance as the last one: there is something
 * to close. NULL: nobody. [any] */
void generation_on_unused(void (*fn)(void));
void generation_tell_unused(void);

#endif
