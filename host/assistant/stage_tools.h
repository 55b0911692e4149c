/* stage_tools.h: the tools that a stage's model may call: offered, run under the asker's rights,
 * answered. Only for files of stage.c. */
#ifndef ASSISTANT_STAGE_TOOLS_H
#define ASSISTANT_STAGE_TOOLS_H

#include "assistant/stage_state.h"

/* Every tool that a stage names is offered by an instance. [main] */
int32_t stage_tools_check(
        const struct stages *stages, const struct config_stage *stage, struct askd_error *reterr);
/* Does the reply call tools that the host runs? A skill runs its own itself. */
bool stage_tools_wanted(const struct stage_call *c, const struct askd_llm_reply *reply);
/* One engine until it answers without calling a tool, at most STAGE_ROUNDS times; each round is an
 * attempt of its own. `request` is what make_request made. An engine that cannot call tools, or
 * may not see what they say, answers without them. The texts of the rounds live in the arena of
 * c->call. */
int32_t stage_tools_use(struct stage_call *c, const struct stage_candidate *candidate,
        const struct askd_llm_request *request, struct askd_llm_reply *reply,
        struct askd_error *error);

#endif
