/* phrase.h: rows in words, without a model. */
#ifndef QUERY_PHRASE_H
#define QUERY_PHRASE_H

#include "rows.h"
#include "say.h"
#include "str.h"

/* CommonMark into *out: rows as the answer to a question, found by a statement. 0 or NOMEM. */
int32_t phrase_rows(const struct voice *voice, const struct rows *rows, struct askd_text question,
        struct askd_text sql, struct str *out);
/* A cell as people write it: grouped digits, at most two behind the mark; nothing is escaped. */
void phrase_cell(const struct askd_value *value, struct askd_text column, struct askd_text language,
        struct str *out);

#endif
