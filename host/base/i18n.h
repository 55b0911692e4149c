/* i18n.h: every text for a person. English text with {names} is the key; catalogues of other
 * languages map it. */
#ifndef BASE_I18N_H
#define BASE_I18N_H

#include "base/arena.h"

/* Arguments: name, value, name, value, NULL; all `const char *`; values are escaped for CommonMark
 * unless the name begins with '*' in the call (a text that is Markdown already).
 *   i18n_text(arena, "en", "I do not know {name}.", "name", name, NULL)
 * Returns the English text when the language has none; NULL only when the arena is full. */
__attribute__((sentinel)) const char *i18n_text(
        struct arena *a, const char *language, const char *text, ...);
/* Chooses by count; {count} is known. */
__attribute__((sentinel)) const char *i18n_plural(struct arena *a, const char *language,
        const char *text, const char *plural, int64_t count, ...);
/* The same with a list of pairs (askd.i18n/1). */
const char *i18n_format(struct arena *a, const char *language, const char *text, const char *plural,
        int64_t count, const struct askd_header *const *args);

#endif
