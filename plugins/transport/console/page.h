/* page.h: an answer as a person reads it in a terminal. */
#ifndef CONSOLE_PAGE_H
#define CONSOLE_PAGE_H

#include <jansson.h>

#include <askd/extensions.h>

#include "screen.h"

enum { PAGE_ROWS = 50 };

struct page_voice {
	const struct askd_host *host;
	const struct askd_i18n_service *i18n;
	struct askd_call *call;
};

/* English with {names}, then name, value, ..., NULL. Never NULL: English where all else fails. The
 * values are plain text. */
__attribute__((sentinel)) const char *page_say(
        const struct page_voice *voice, const char *text, ...);
/* object: as documented for POST /api/query. kind: ASKD_TURN_*. */
void page_print(
        struct screen *screen, const struct page_voice *voice, const json_t *object, uint32_t kind);

#endif
