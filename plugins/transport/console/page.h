/* page.h: an answer as a person reads it in a terminal. */
#ifndef CONSOLE_PAGE_H
#define CONSOLE_PAGE_H

#include <jansson.h>

#include <askd/extensions.h>

#include "screen.h"

enum { PAGE_ROWS = 50, CHAT_ROWS = 25 };

struct page_voice {
	const struct askd_host *host;
	const struct askd_i18n_service *i18n;
	struct askd_call *call;
};

/* English with {names}, then name, value, ..., NULL. Never NULL: English where all else fails. The
 * values are plain text. */
__attribute__((sentinel)) const char *page_say(
        const struct page_voice *voice, const char *text, ...);
/* object: as documented for POST /api/query. kind: ASKD_TURN_*. chat: a line of one is asked next,
 * so nothing says how to go on. */
void page_print(struct screen *screen, const struct page_voice *voice, const json_t *object,
        uint32_t kind, bool chat);
/* The texts that one may choose by their number. NULL: none. */
const json_t *page_picks(const json_t *object);
/* Sentences as a line of less weight. */
void page_dim(struct screen *screen, const char *s);
/* Pico-dollars as dollars: at least four digits behind the dot, and all that matter. false: the
 * price is unknown. */
bool page_dollars(const json_t *pico, char out[40]);

#endif
