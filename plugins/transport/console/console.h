/* console.h: the instance, and what its verbs share. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "arguments.h"
#include "page.h"

enum { STATUS_ANSWERED, STATUS_ERROR, STATUS_UNANSWERED };

struct console {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
	const struct askd_query_service *query;
	const struct askd_i18n_service *i18n;
};

/* Says what is wrong with the arguments. false: nothing. */
bool wrong_usage(
        const struct arguments *a, const struct page_voice *voice, const char *usage, int32_t err);
/* A line "askd: ..." for standard error. */
void complain(const struct page_voice *voice, int32_t err, const char *text);
/* What a stage does, for people. stage: as askd_progress names it. */
const char *stage_text(const struct page_voice *voice, const char *stage);

#endif
