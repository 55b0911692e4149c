/* stage_state.h: what the files of stage.c share. */
#ifndef ASSISTANT_STAGE_STATE_H
#define ASSISTANT_STAGE_STATE_H

#include "assistant/stage.h"

enum {
	STAGE_TRIES = 3,          /* of one engine in one call */
	STAGE_ATTEMPTS = 64,      /* rows of one call, over all engines and restarts */
	STAGE_CANDIDATES = 16,    /* a stage's engine and its fallbacks */
	STAGE_ROUNDS = 8,         /* replies of one engine to one call, with tools between them */
	BREAKER_FAILURES = 5,     /* in a row, until it opens */
	STAGE_OUTPUT_GUESS = 1024 /* tokens that are reserved when the stage sets no limit */
};

/* Whether an engine is worth calling. */
struct stage_breaker {
	const struct plugin_instance *instance;
	uint32_t failures;     /* in a row */
	int64_t open_until_us; /* CLOCK_MONOTONIC; 0: closed */
	bool probing;          /* half open: one call tries */
	struct stage_breaker *next;
};

struct stages {
	struct assistant_rooms rooms;
	int64_t backoff_ms, backoff_max_ms; /* of an engine that names no delay */
	int64_t breaker_open_ms;
	pthread_mutex_t lock; /* breakers and warnings */
	struct stage_breaker *breakers;
};

/* One call of a skill. */
struct stage_kept {
	struct askd_llm_reply reply;
	size_t line; /* of the receipt */
};

struct stage_call {
	struct stages *stages;
	struct turn_state *turn;
	struct plugin_call *call; /* the skill's; its arena takes the reply */
	const struct askd_llm_request *in;
	const struct config_stage *config;
	uint32_t ordinal;        /* of this call among those of the stage in this turn, from 0 */
	uint32_t attempt;        /* rows used so far */
	bool first;              /* no stage of this turn was called before */
	bool keep;               /* the turn is resumed after a crash: replies are stored */
	int64_t database_egress; /* as configured for the task's database; ALL: there is none */
	const char *dialect_hint;
	struct plugin_instance *candidates[STAGE_CANDIDATES];
	size_t count;
	/* Replies that called tools, from before a crash: what one engine had said so far, at most
	 * STAGE_ROUNDS. NULL: none. */
	struct stage_kept *kept;
	size_t kept_count;
	const char *kept_llm;
};

/* One engine for a call. */
struct stage_candidate {
	struct plugin_instance *instance;
	const char *name;  /* "main" */
	const char *model; /* in the scratch arena */
	uint32_t flags;    /* ASKD_LLM_* */
	int64_t egress;    /* what may leave, or what a local engine may see */
};

/* ---- stage.c ---- */

/* One engine, with its retries. The reply is in the arena of c->call. */
int32_t stage_engine_use(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct askd_llm_reply *reply,
        struct askd_error *error);

/* ---- stage_wait.c ---- */

/* May it be called now? Opens the half: the one that gets `true` then must report. [any] */
bool breaker_allows(struct stages *stages, const struct plugin_instance *instance);
/* rc of the call; warns once when it opens. */
void breaker_report(struct stages *stages, const struct plugin_instance *instance, int32_t rc);
/* As it stands in another generation; no call of this one runs yet. */
void breaker_copy(
        struct stages *stages, struct stages *from, const struct plugin_instance *instance);
void breakers_destroy(struct stages *stages);
/* Waits before the next try. false: canceled, or the deadline comes first. */
bool stage_wait(struct stage_call *c, const struct askd_error *error, uint32_t tries);

/* ---- stage_egress.c ---- */

/* Fills database_egress and dialect_hint from the task's catalogue. NOT_FOUND, DENIED. */
int32_t stage_egress_find(struct stage_call *c, struct askd_error *reterr);
/* The level for an engine; local: no byte leaves this machine. */
int64_t stage_egress_for(const struct stage_call *c, bool local);
const char *stage_egress_word(int64_t level);

/* ---- stage_try.c ---- */

/* What the engine says about the model of this stage; texts in the arena. */
int32_t stage_candidate_fill(struct stage_call *c, size_t index, struct arena *a,
        struct stage_candidate *candidate, struct askd_error *reterr);
/* Milliseconds that one call of the stage may take now; 0: no limit. */
int64_t stage_limit_ms(const struct stage_call *c);
/* One call of one engine: reserve, enter, settle, receipt. The reply is in the arena of c->call. */
int32_t stage_try(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct askd_llm_reply *reply,
        struct askd_error *reterr);

/* ---- stage_reply.c ---- */

/* A copy of the reply in another arena; NOMEM. */
int32_t stage_reply_copy(struct arena *a, const struct askd_llm_reply *from,
        struct askd_llm_reply *to, struct askd_error *reterr);
/* To sealed bytes and back; `id` is the row's. */
int32_t stage_reply_seal(struct stages *stages, struct arena *a, uint64_t id,
        const struct askd_llm_reply *reply, const char *left, struct askd_bytes *sealed,
        struct askd_error *reterr);
int32_t stage_reply_unseal(struct stages *stages, struct arena *a, uint64_t id,
        struct askd_bytes sealed, struct askd_llm_reply *reply, const char **left,
        struct askd_error *reterr);
/* The row's line in the receipt of the turn. confidence_milli: -1: none. */
void stage_receipt(struct stage_call *c, const struct ledger_stage *row, const char *left,
        int32_t confidence_milli);

#endif
