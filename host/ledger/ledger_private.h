/* ledger_private.h: what the files of this room share. */
#ifndef LEDGER_LEDGER_PRIVATE_H
#define LEDGER_LEDGER_PRIVATE_H

#include <pthread.h>

#include "ledger/ledger.h"

enum { LEDGER_WARNED = 64 };

struct ledger {
	struct store *store;
	const struct config *config; /* the first one: where there is no generation */
	pthread_mutex_t lock;        /* of all below */
	pthread_cond_t wake, passed;
	pthread_t thread;
	bool running, stopping;
	uint64_t wanted, done, tried; /* rounds of the applier */
	uint64_t flushing;            /* the round that somebody waits for */
	struct askd_error error;      /* of the last round that failed */
	char *warned[LEDGER_WARNED];
	size_t warned_count;
};

#define STAGE_COLUMNS                                                                       \
	"id, turn, conversation, person, organisation, name, ordinal, status, llm, model, " \
	"prompt, input, output, cached, reasoning, cost_pico, reserved_pico, started_us, "  \
	"ended_us, payload"
enum { STAGE_COLUMN_COUNT = 20 };

/* stages.c */
int32_t stages_migrate(struct store *store, struct askd_error *reterr);
/* false: the arena is full. */
bool stages_take(
        struct arena *a, const struct store_rows *rows, size_t row, struct ledger_stage *stage);

/* applier.c */
int32_t applier_migrate(struct ledger *ledger, struct askd_error *reterr);
int32_t applier_prices(
        struct ledger *ledger, const struct config *config, struct askd_error *reterr);
int32_t applier_start(struct ledger *ledger, struct askd_error *reterr);
void applier_stop(struct ledger *ledger);

#endif
