/* stage.h: a stage of a turn: which engine, which prompt, what may leave the house, retries,
 * fallback, reservation and settlement, replay. Offered to skills as askd.llm/1. */
#ifndef ASSISTANT_STAGE_H
#define ASSISTANT_STAGE_H

#include "assistant/turn_state.h"

struct stages;

/* Checks every configured stage: its instances exist, its prompt renders. [main] */
int32_t stages_open(
        struct stages **stages, const struct assistant_rooms *rooms, struct askd_error *reterr);
/* Takes over what is known about the engines that both have. */
void stages_follow(struct stages *stages, struct stages *previous);
void stages_close(struct stages *stages);
/* plan_engines */
void stages_engines(struct stages *stages,
        void (*tell)(void *arg, const struct plan_engine *engine), void *arg);
/* askd.llm/1 complete; `call` is the plugin's, with a scope that has a turn. */
int32_t stages_complete(struct stages *stages, struct plugin_call *call,
        const struct askd_llm_request *in, struct askd_llm_reply *out, struct askd_error *reterr);

#endif
