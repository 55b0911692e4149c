#include "rows.h"

#include <math.h>
#include <stdlib.h>

static struct askd_text keep(struct askd_call *call, struct askd_text text, bool *full)
{
	struct askd_text copy = {0};
	if (text.s) {
		copy = askd_copy(call, text.s, text.n);
		if (!copy.s)
			*full = true;
	}
	return copy;
}

static bool keep_columns(struct rows *rows, const struct askd_db_column *const *columns)
{
	const struct askd_db_column **list;
	uint32_t n = 0;
	bool full = false;
	while (columns[n])
		n++;
	list = rows->call->alloc(rows->call, (n + 1) * sizeof *list);
	if (!list)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct askd_db_column *copy = rows->call->alloc(rows->call, sizeof *copy);
		if (!copy)
			return false;
		*copy = (struct askd_db_column){.size = sizeof *copy,
		        .type = columns[i]->type,
		        .nullable = columns[i]->nullable,
		        .name = keep(rows->call, columns[i]->name, &full),
		        .type_name = keep(rows->call, columns[i]->type_name, &full)};
		list[i] = copy;
	}
	list[n] = NULL;
	rows->columns = list;
	rows->batch.columns = n;
	return !full;
}

static bool grow(struct rows *rows)
{
	uint32_t room = rows->room ? rows->room * 2 : 64;
	uint64_t width = rows->batch.columns;
	struct askd_value *cells;
	if (rows->batch.rows < rows->room)
		return true;
	cells = rows->call->alloc(rows->call, room * (width ? width : 1) * sizeof *cells);
	if (!cells)
		return false;
	if (rows->batch.rows)
		memcpy(cells, rows->cells, rows->batch.rows * width * sizeof *cells);
	rows->cells = cells;
	rows->batch.cells = cells;
	rows->room = room;
	return true;
}

static int32_t rows_put(const struct askd_query_rows_sink *sink, const struct askd_query_rows *item)
{
	struct rows *rows = sink->owner;
	const struct askd_batch *batch = item->batch;
	uint32_t width;

	if (!rows->columns && item->columns && !keep_columns(rows, item->columns))
		return ASKD_E_TOO_LARGE;
	if (!batch || !batch->rows)
		return ASKD_OK;
	width = rows->batch.columns;
	if (!rows->columns || batch->columns != width)
		return ASKD_E_PROTOCOL;
	for (uint32_t r = 0; r < batch->rows; r++) {
		rows->seen++;
		if (rows->batch.rows >= ROWS_MAX || rows->bytes > ROWS_BYTES) {
			rows->truncated = true;
			continue;
		}
		if (!grow(rows))
			return ASKD_E_TOO_LARGE;
		for (uint32_t c = 0; c < width; c++) {
			struct askd_value value = batch->cells[(uint64_t)r * width + c];
			if (value.type > ASKD_FLOAT) {
				struct askd_text copy = askd_copy(
				        rows->call, value.u.s ? value.u.s : "", value.len);
				if (!copy.s)
					return ASKD_E_TOO_LARGE;
				value.u.s = copy.s;
				rows->bytes += value.len;
			}
			rows->cells[(uint64_t)rows->batch.rows * width + c] = value;
		}
		rows->batch.rows++;
	}
	return ASKD_OK;
}

void rows_init(struct rows *rows, struct askd_call *call)
{
	*rows = (struct rows){.sink = {.size = sizeof rows->sink, .owner = rows, .put = rows_put},
	        .call = call,
	        .batch = {.size = sizeof rows->batch, .end = 1, .affected = -1}};
}

const struct askd_value *rows_cell(const struct rows *rows, uint32_t row, uint32_t column)
{
	return &rows->batch.cells[(uint64_t)row * rows->batch.columns + column];
}

struct askd_text rows_name(const struct rows *rows, uint32_t column)
{
	return rows->columns[column]->name.s ? rows->columns[column]->name : ASKD_LITERAL("");
}

bool rows_number(const struct askd_value *value, double *number)
{
	char *end;
	char first;
	double d;
	switch (value->type) {
	case ASKD_INT:
		*number = (double)value->u.i;
		return true;
	case ASKD_FLOAT:
		*number = value->u.f;
		return isfinite(value->u.f);
	case ASKD_DECIMAL:
	case ASKD_TEXT:
	case ASKD_OTHER:
		/* "inf", "nan" and hexadecimal are words here. */
		if (!value->len || value->len > 40)
			return false;
		first = value->u.s[0] == '-' ? value->u.s[1] : value->u.s[0];
		if (first < '0' || first > '9' ||
		        strspn(value->u.s, "-+.0123456789eE") < value->len)
			return false;
		d = strtod(value->u.s, &end);
		if (end != value->u.s + value->len || !isfinite(d))
			return false;
		*number = d;
		return true;
	default:
		return false;
	}
}

bool rows_numeric(const struct rows *rows, uint32_t column)
{
	bool any = false;
	for (uint32_t r = 0; r < rows->batch.rows; r++) {
		const struct askd_value *value = rows_cell(rows, r, column);
		double number;
		if (value->type == ASKD_NULL)
			continue;
		if (value->type == ASKD_BOOL || !rows_number(value, &number))
			return false;
		any = true;
	}
	return any;
}

int32_t rows_label(const struct rows *rows)
{
	for (uint32_t c = 0; c < rows->batch.columns; c++)
		for (uint32_t r = 0; r < rows->batch.rows; r++) {
			const struct askd_value *value = rows_cell(rows, r, c);
			double number;
			if (value->type > ASKD_FLOAT && value->type != ASKD_BYTES &&
			        !rows_number(value, &number))
				return (int32_t)c;
			if (value->type != ASKD_NULL)
				break;
		}
	return -1;
}
