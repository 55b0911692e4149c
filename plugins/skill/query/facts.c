#include "facts.h"

#include <math.h>
#include <stdlib.h>

enum { FACT_COLUMNS = 8, FACT_SHARES = 10 };

/* The digits of n, backwards from `end`. Returns where they begin. */
static char *put_digits(char *end, uint64_t n)
{
	do
		*--end = (char)('0' + n % 10);
	while (n /= 10);
	return end;
}

/* A number as a person would write it: integers whole, others with at most 6 digits behind or,
 * where those are not enough, with 12 in all. */
static void add_number(struct str *out, double value)
{
	char text[40], *end = text + sizeof text, *s = end;
	double size = fabs(value);
	uint64_t millionths;
	if (!isfinite(value)) {
		str_puts(out, "null");
		return;
	}
	if (value == floor(value) && size < 9007199254740992.0) {
		s = put_digits(end, (uint64_t)size);
	} else if (size >= 1 && size < 1e6) {
		millionths = (uint64_t)(size * 1e6 + 0.5);
		for (uint32_t i = 0; i < 6; i++, millionths /= 10)
			if (s < end || millionths % 10)
				*--s = (char)('0' + millionths % 10);

		if (s < end)
			*--s = '.';
		s = put_digits(s, millionths);
	} else {
		str_print(out, "%.12g", value);
		return;
	}
	if (value < 0)
		*--s = '-';
	str_add(out, s, (size_t)(end - s));
}

static void add(
        struct str *out, const char *figure, const char *column, const char *row, double value)
{
	str_puts(out, out->n > 1 ? ",{\"figure\":\"" : "{\"figure\":\"");
	str_puts(out, figure);
	str_puts(out, "\"");
	if (column) {
		str_puts(out, ",\"column\":");
		str_json(out, column, strlen(column));
	}
	if (row) {
		str_puts(out, ",\"row\":");
		str_json(out, row, strlen(row));
	}
	str_puts(out, ",\"value\":");
	add_number(out, value);
	str_puts(out, "}");
}

/* Identifiers have no sum. */
static bool is_key(struct askd_text name)
{
	return (name.n == 2 && str_starts(name, "id")) ||
	       (name.n > 3 && str_starts((struct askd_text){name.s + name.n - 3, 3}, "_id"));
}

static void add_column(struct str *out, const struct rows *rows, uint32_t column, int32_t label)
{
	struct askd_text name = rows_name(rows, column);
	double sum = 0, low = INFINITY, high = -INFINITY, v;
	uint32_t n = 0;
	bool positive = true;
	for (uint32_t r = 0; r < rows->batch.rows; r++) {
		if (!rows_number(rows_cell(rows, r, column), &v))
			continue;
		n++;
		sum += v;
		low = v < low ? v : low;
		high = v > high ? v : high;
		positive = positive && v >= 0;
	}
	add(out, "count", name.s, NULL, n);
	add(out, "sum", name.s, NULL, sum);
	add(out, "average", name.s, NULL, sum / n);
	add(out, "minimum", name.s, NULL, low);
	add(out, "maximum", name.s, NULL, high);
	if (label < 0 || !positive || sum <= 0 || n < 2)
		return;
	for (uint32_t r = 0; r < rows->batch.rows && r < FACT_SHARES; r++) {
		const struct askd_value *cell = rows_cell(rows, r, (uint32_t)label);
		if (cell->type > ASKD_FLOAT && cell->type != ASKD_BYTES && cell->len &&
		        cell->len <= 100 && rows_number(rows_cell(rows, r, column), &v))
			add(out, "share in percent", name.s, cell->u.s, round(v / sum * 1000) / 10);
	}
}

int32_t facts_write(const struct rows *rows, struct str *out)
{
	int32_t label = rows_label(rows);
	uint32_t columns = 0;
	str_puts(out, "[");
	add(out, "rows", NULL, NULL, rows->batch.rows);
	if (rows->batch.rows > 1)
		for (uint32_t c = 0; c < rows->batch.columns && columns < FACT_COLUMNS; c++)
			if (rows_numeric(rows, c) && !is_key(rows_name(rows, c))) {
				add_column(out, rows, c, label);
				columns++;
			}
	str_puts(out, "]");
	return out->failed ? ASKD_E_NOMEM : ASKD_OK;
}
