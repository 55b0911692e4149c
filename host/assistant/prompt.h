/* prompt.h: from a stage's prompt and a task to messages, under an egress level.
 *
 * A prompt is a text with a line "--- user" that separates the system message from the user's, and
 * with {names} in it: {question} {language} {zone} {today} {dialect} {schema} {history} {sql}
 * {problem} {facts} {table} {reply_schema}. "{{" is a literal brace. A paragraph (text between
 * blank lines) whose only names are empty is left out. */
#ifndef ASSISTANT_PROMPT_H
#define ASSISTANT_PROMPT_H

#include "base/arena.h"
#include "config/config.h"

#include <askd/llm.h>

/* CONFIG and the unknown name, if the text cannot be a prompt. */
int32_t prompt_check(const char *name, const char *prompt, struct askd_error *reterr);
/* The NULL-terminated messages in the arena. egress: enum config_egress, what may leave.
 * dialect_hint may be NULL. */
int32_t prompt_render(struct arena *a, const char *prompt, const struct askd_task *task,
        struct askd_text reply_schema, const char *dialect_hint, int64_t egress,
        const struct askd_llm_message *const **messages, struct askd_error *reterr);

#endif
