/* say.h: texts for persons, through askd.i18n/1. */
#ifndef QUERY_SAY_H
#define QUERY_SAY_H

#include <askd/extensions.h>

struct voice {
	const struct askd_host *host;
	const struct askd_i18n_service *i18n;
	struct askd_call *call;
	struct askd_text language;
};

/* English text with {names}, then name, value, ..., NULL: all `const char *`. Values are escaped
 * for CommonMark unless the name begins with '*' in the call. In the arena; absent: it is full. */
__attribute__((sentinel)) struct askd_text say(const struct voice *voice, const char *text, ...);
/* Chooses by count; {count} is known. */
__attribute__((sentinel)) struct askd_text say_count(
        const struct voice *voice, const char *text, const char *plural, int64_t count, ...);

#endif
