/* rows.h: the rows of a statement, kept in the memory of the call. */
#ifndef QUERY_ROWS_H
#define QUERY_ROWS_H

#include <stdbool.h>

#include <askd/skill.h>

enum { ROWS_MAX = 1000, ROWS_BYTES = 16 << 20 };

struct rows {
	struct askd_query_rows_sink sink; /* hand this to askd.query; owner points back here */
	struct askd_call *call;
	const struct askd_db_column *const *columns; /* NULL until the first item */
	struct askd_batch batch;                     /* all that was kept */
	struct askd_value *cells;
	uint64_t seen;  /* rows that came, also those not kept */
	uint64_t bytes; /* of text that was kept */
	uint32_t room;  /* rows that fit into `cells` */
	bool truncated; /* there were more than are kept */
};

void rows_init(struct rows *rows, struct askd_call *call);
/* column 0 ... batch.columns-1 */
const struct askd_value *rows_cell(const struct rows *rows, uint32_t row, uint32_t column);
struct askd_text rows_name(const struct rows *rows, uint32_t column);
/* The number in a cell: a number, or a text that is nothing but one. */
bool rows_number(const struct askd_value *value, double *number);
/* True when at least one cell of the column is a number and no other is a text. */
bool rows_numeric(const struct rows *rows, uint32_t column);
/* The column whose texts name the rows; -1: none. */
int32_t rows_label(const struct rows *rows);

#endif
