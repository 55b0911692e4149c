/* table.h: rows for a terminal. */
#ifndef CONSOLE_TABLE_H
#define CONSOLE_TABLE_H

#include <jansson.h>

#include "screen.h"

struct page_voice;

/* The text of a cell, in `small` where it is no text; empty for null. */
const char *table_text(const json_t *cell, char small[64], size_t *n);
/* At most `most` rows as columns that fit, numbers to the right; where there are too many columns
 * each row as a list of names and values. `rest`: what is said where rows are left out, English
 * with {rows}. Prints nothing where the columns are no list of texts. */
void table_print(struct screen *screen, const struct page_voice *voice, const json_t *columns,
        const json_t *data, size_t most, const char *rest);

/* Leaves out the columns that are empty in every row. */
void table_drop_empty(json_t *columns, json_t *rows);

#endif
