/* facts.h: figures computed from all rows, for the model that words the answer. */
#ifndef QUERY_FACTS_H
#define QUERY_FACTS_H

#include "rows.h"
#include "str.h"

/* A JSON list of {"figure", "value", "column"?, "row"?} into *out. 0 or NOMEM. */
int32_t facts_write(const struct rows *rows, struct str *out);

#endif
