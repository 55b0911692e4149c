/* turn_state.h: what the files of assistant/ share about one running turn. Used by the thread that
 * runs the turn; other threads only fire its cancel. */
#ifndef ASSISTANT_TURN_STATE_H
#define ASSISTANT_TURN_STATE_H

#include "assistant/assistant.h"
#include "base/json.h"

enum { TURN_STAGE_NAMES = 16 };

struct turn_state {
	struct assistant *assistant;
	const struct plan *plan; /* of scope.generation, which the turn holds; NULL until it runs */
	struct call_scope scope; /* scope.turn_state points back here */
	struct cancel cancel;
	struct arena arena; /* lives as long as the turn */
	bool durable;       /* it is resumed after a crash: stage replies are kept until it ends */
	bool ephemeral;
	/* Its row is not written yet: it goes with the first unit that the turn commits. */
	bool stored; /* its row is written */
	bool begins;
	int64_t begins_us;
	const char *language, *zone;               /* never NULL */
	const struct askd_progress_sink *progress; /* of `ask`; NULL: none */
	bool heard; /* somebody sees the text grow: that sink, or a chat */

	/* Collected until the last transaction. */
	struct store_unit *unit; /* what skills wrote WITH_TURN; made at first use */

	/* Kept by stage.c. */
	struct {
		const char *name;
		uint32_t next; /* ordinal of the next call of this stage */
	} counts[TURN_STAGE_NAMES];

	/* The lowest egress level (enum config_egress; DEFAULT stands between RESULTS and ALL) of
	 * the databases that this turn has touched; CONFIG_EGRESS_ALL while it touched none. Kept
	 * by the query listener of assistant.c. */
	int64_t egress;

	int64_t limited_us; /* a limit, of questions or of a stage, is used up for that long; 0:
	                     * none is */

	/* The receipt, as JSON arrays, appended to as things happen. Owned by the turn.
	 * stages: {stage, ordinal, llm, model, prompt, input_tokens, output_tokens, cost_pico|null,
	 * ms, status, left: "nothing|schema|results|all", confidence?, tools?: [{name, ms, ok}]}
	 * queries: {database, sql, verdict, rows, ms, status} */
	json_t *stages, *queries;
};

/* turn_row.c. Adds the row of a turn that begins; whoever commits the unit then clears
 * `begins` and sets `stored`. */
void turn_row_begin(struct turn_state *state, struct store_unit *unit);

/* The turn behind a call, or NULL outside a turn. */
static inline struct turn_state *turn_state_of(const struct call_scope *scope)
{
	return scope ? scope->turn_state : NULL;
}

#endif
