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
/* After instances have opened: migrations of the skills, command tables, prompts checked. [main] */
int32_t assistant_open(struct assistant **assistant, const struct assistant_rooms *rooms,
        struct askd_error *reterr);
/* Runs the transports' loops, resumes what a crash left, delivers what waits. [main] */
int32_t assistant_start(struct assistant *assistant, struct askd_error *reterr);
/* Takes no new turns from now on; what is canceled with a key stays for the next start. [main] */
void assistant_refuse(struct assistant *assistant);
/* The same, lets running ones end within drain_ms, cancels the rest. [main] */
void assistant_stop(struct assistant *assistant, int64_t drain_ms);
void assistant_close(struct assistant *assistant);

#endif
