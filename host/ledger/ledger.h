/* ledger.h: what was used and what it cost, exact in pico-dollars. Owns the stage rows (manager)
 * and the tables of `costs`, which an applier fills from finished stages, idempotent by stage id.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "store/store.h"

struct ledger;

enum { LEDGER_UNKNOWN = -1 }; /* a cost that nobody knows */

int32_t ledger_open(struct ledger **ledger, struct store *store, const struct config *config,
        struct askd_error *reterr);
/* The prices of another configuration go into `costs`, beside what stands there. [main] */
int32_t ledger_follow(
        struct ledger *ledger, const struct config *config, struct askd_error *reterr);
void ledger_close(struct ledger *ledger); /* applies what is left */

/* By the current generation's prices: pico-dollars, or LEDGER_UNKNOWN when there is no price
 * (warned once a model). Cached tokens are part of input. Overflow: LEDGER_UNKNOWN. free: the
 * engine needs no price. */
int64_t ledger_cost(struct ledger *ledger, const char *llm, const char *model, int64_t at_us,
        uint64_t input, uint64_t output, uint64_t cached, bool free);

enum ledger_stage_status { LEDGER_RESERVED, LEDGER_DONE, LEDGER_FAILED, LEDGER_UNKNOWN_FATE };

struct ledger_stage {
	uint64_t id, turn, conversation, person, organisation;
	const char *name; /* "analysis", "answer", "database" */
	uint32_t ordinal; /* of this name in the turn, from 0 */
	uint32_t status;  /* enum ledger_stage_status */
	const char *llm, *model,
	        *prompt; /* instance; model that answered; prompt's name and version */
	uint64_t input, output, cached, reasoning;
	int64_t cost_pico; /* LEDGER_UNKNOWN */
	int64_t reserved_pico;
	int64_t started_us, ended_us;
	struct askd_bytes
	        payload; /* sealed by the caller: what is needed to resume; absent: none */
};
/* Before a paid call: adds the row, RESERVED. Commit it before the call. One stage of a key (turn,
 * name, ordinal) is RESERVED or DONE at most: a second one is a CONFLICT; after FAILED and
 * UNKNOWN_FATE the key is free for another attempt. */
void ledger_stage_reserve(struct store_unit *unit, const struct ledger_stage *stage);
/* After it: DONE or FAILED with the figures. CONFLICT: it was settled before. */
void ledger_stage_settle(struct store_unit *unit, const struct ledger_stage *stage);
/* The stage by key, or NOT_FOUND. Texts and payload in the arena. */
int32_t ledger_stage_find(struct ledger *ledger, struct arena *a, uint64_t turn, const char *name,
        uint32_t ordinal, struct ledger_stage *stage, struct askd_error *reterr);
/* At start: stages that a crash left RESERVED, of turns that are over or will be resumed, become
 * UNKNOWN_FATE with their reservation as cost. */
int32_t ledger_recover(struct ledger *ledger, struct askd_error *reterr);
/* The turn is over: forgets what its stages keep for resuming it. */
void ledger_forget(struct store_unit *unit, uint64_t turn);
/* Tells the applier that stages were settled; it works on a thread of its own. [any] */
void ledger_notify(struct ledger *ledger);
/* Waits until everything settled before is in `costs`. */
int32_t ledger_flush(struct ledger *ledger, struct askd_error *reterr);

#endif
