/* prompt_parts.h: what prompt.c is made of: the task as far as it may leave the house, and its
 * parts as text. */
#ifndef ASSISTANT_PROMPT_PARTS_H
#define ASSISTANT_PROMPT_PARTS_H

#include "assistant/prompt.h"
#include "base/text.h"

/* The task without what the egress level forbids, in the arena; parts that are allowed are shared
 * with *task. The one place where egress is applied to content: what is rendered and what an engine
 * gets come from its result. REFUSED under CONFIG_EGRESS_NOTHING; NOMEM. */
int32_t prompt_filter(struct arena *a, const struct askd_task *task, int64_t egress,
        const struct askd_task **filtered, struct askd_error *reterr);

/* Each appends a part of the task, nothing when the task does not have it. */
void prompt_add_schema(struct buffer *b, const struct askd_catalogue *catalogue);
void prompt_add_history(struct buffer *b, const struct askd_task *task);
void prompt_add_table(struct buffer *b, const struct askd_task *task);
/* "Saturday 2026-11-21", the date at that time in the zone (UTC when the zone is unknown). */
void prompt_add_today(struct buffer *b, int64_t now_us, struct askd_text zone);
/* "2026-11-21", the same day alone. Absent: no memory. */
struct askd_text prompt_today(struct arena *a, int64_t now_us, struct askd_text zone);
/* Seconds to add to UTC in an IANA zone at that time; false: no such zone. */
bool prompt_zone_offset(struct askd_text zone, int64_t at_s, int64_t *offset_s);

#endif
