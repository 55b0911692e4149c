/* engine.h: a question in words in, a statement in SQL out, or why not. */
#ifndef OFFLINE_ENGINE_H
#define OFFLINE_ENGINE_H

#include "schema.h"

struct engine_question {
	const char *text;
	size_t n;
	const char *today; /* "2026-11-21": the day of the asker, for "last month" */
	const struct source *source; /* for probes; NULL: none */
	/* Told of every step, one line each: links, covers, candidates with their features. NULL: not. */
	void (*trace)(void *owner, const char *line);
	void *owner;
};

enum { ENGINE_SUGGESTIONS = 3, ENGINE_CHOICES = 3 };

struct engine_reply {
	const char *sql;          /* NULL: declined */
	int32_t confidence_milli; /* 0 to 1000 */
	const char *explanation;  /* how the question was read, in words for people */
	const char *ignored;      /* words that were not understood, "" for none */
	const char *reason;       /* declined: why, for people */
	const char *suggestions[ENGINE_SUGGESTIONS + 1]; /* questions that it can answer; NULL-terminated */
	/* Other readings that would give another result: SQL and how it was read; NULL-terminated. */
	const char *choices[ENGINE_CHOICES + 1], *choice_sql[ENGINE_CHOICES + 1];
};

/* Reads a question against a schema that was learnt. All texts of the reply stand in `pool`.
 * Thread-safe: the schema is only read. Fails without memory alone. */
int32_t engine_answer(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct engine_reply *reply,
        struct askd_error *reterr);

#endif
