/* assistant.h: the path of a turn: inbox, gate, route, skill, outbox. Offers askd.inbox/1,
 * askd.turn/1, askd.llm/1. */
#ifndef ASSISTANT_ASSISTANT_H
#define ASSISTANT_ASSISTANT_H

#include "ledger/ledger.h"
#include "people/people.h"
#include "query/query.h"
#include "run/limits.h"
#include "run/timers.h"
#include "run/workers.h"

struct assistant;
struct plan;

struct assistant_rooms {
	const struct config *config;
	struct registry *registry;
	struct store *store;
	struct people *people;
	struct ledger *ledger;
	struct query *query;
	struct limits *limits;
	struct workers *workers;
	struct timers *timers;
};

/* Before instances open: offers the services. */
int32_t assistant_offer(struct askd_error *reterr);
/* What a generation works with, after its instances have opened: migrations of the skills (with a
 * store), commands, stages, prompts, transports. What is known about engines in trouble is taken
 * over from `previous` (NULL: none). Fails before anything has changed for others. [main] */
int32_t plan_open(struct plan **plan, const struct assistant_rooms *rooms,
        const struct plan *previous, struct askd_error *reterr);
/* How its engines are: failures in a row, and for how long one is left out because of them. [any]
 */
struct plan_engine {
	const char *name;
	uint32_t failures;
	int64_t left_out_ms;
};
void plan_engines(
        struct plan *plan, void (*tell)(void *arg, const struct plan_engine *engine), void *arg);
void plan_close(struct plan *plan); /* no turn holds its generation any more. [main] */
/* Questions that run, and that wait for their turn. [any] */
struct assistant_load {
	size_t running, waiting;
};
struct assistant_load assistant_load(struct assistant *assistant);
/* The turns of all generations, and the transports of `plan`; config, registry and query of the
 * rooms count for nothing. [main] */
int32_t assistant_open(struct assistant **assistant, const struct assistant_rooms *rooms,
        const struct plan *plan, struct askd_error *reterr);
/* For a state that was put back from a backup: closes the questions that were under way when it was
 * made, and the messages that waited to be sent. Most of it has happened since; what ran or went
 * out a second time would cost or disturb somebody. *questions, *messages: how many. Before
 * assistant_start. [main] */
int32_t assistant_forget_waiting(struct assistant *assistant, uint64_t *questions,
        uint64_t *messages, struct askd_error *reterr);
/* Runs the transports' loops, resumes what a crash left, delivers what waits. [main] */
int32_t assistant_start(struct assistant *assistant, struct askd_error *reterr);
/* The transports of `plan` from now on: loops of those that are replaced or gone end, then those
 * that are new begin. Conversations, and what waits to be delivered, stay. Until `stop` says true;
 * the first failure is in *reterr, the others go on. [main] */
int32_t assistant_follow(struct assistant *assistant, const struct plan *plan, bool (*stop)(void),
        struct askd_error *reterr);
/* Ends the threads of loops that are over; generation_on_unused tells when there are any. [main] */
void assistant_tidy(struct assistant *assistant);
/* Takes no new turns from now on; what is canceled with a key stays for the next start. [main] */
void assistant_refuse(struct assistant *assistant);
/* The same, lets running ones end within drain_ms, cancels the rest. [main] */
void assistant_stop(struct assistant *assistant, int64_t drain_ms);
void assistant_close(struct assistant *assistant);

#endif
