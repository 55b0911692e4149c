/* memory.h: what a conversation still knows: its last turns. */
#ifndef ASSISTANT_MEMORY_H
#define ASSISTANT_MEMORY_H

#include "assistant/turn_state.h"

/* The last turns of the turn's conversation, oldest first, NULL-terminated, in the arena: as many
 * as assistant.memory says, as far back as no pause was longer than its idle time; the last turn is
 * always among them. The assistant's SQL stands in `calls` as name "sql", arguments {"sql": ...}.
 * Never NULL; empty when there is nothing, when the store fails (logged) or memory is short. */
const struct askd_llm_message *const *memory_history(struct turn_state *turn, struct arena *a);
/* Keeps question and answer of a turn with its last transaction. */
struct turn;
int32_t memory_keep(
        struct turn *turn, struct store_unit *unit, struct arena *a, struct askd_error *reterr);

#endif
