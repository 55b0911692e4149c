#include "facts.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

enum { FACT_COLUMNS = 8, FACT_SHARES = 10 };

/* A number as a person would write it: integers whole, others with at most 6 digits behind. */
static json_t *number_of(double value)
{
	char text[64];
	json_t *number;
	if (!isfinite(value))
		return json_null();
	if (value == floor(value) && fabs(value) < 9007199254740992.0)
		return json_integer((json_int_t)value);
	/* Through text: 0.1 + 0.2 shall not become 0.30000000000000004. */
	snprintf(text, sizeof text, "%.12g", value);
	number = json_real(strtod(text, NULL));
	return number;
}

static bool add(json_t *list, const char *figure, const char *column, const char *row, double value)
{
	json_t *entry = json_object();
	bool good = entry && !json_object_set_new(entry, "figure", json_string(figure)) &&
	            (!column || !json_object_set_new(entry, "column", json_string(column))) &&
	            (!row || !json_object_set_new(entry, "row", json_string(row))) &&
	            !json_object_set_new(entry, "value", number_of(value));
	if (!good) {
		json_decref(entry);
		return false;
	}
	return !json_array_append_new(list, entry);
}

/* Identifiers have no sum. */
static bool is_key(struct askd_text name)
{
	return (name.n == 2 && str_starts(name, "id")) ||
	       (name.n > 3 && str_starts((struct askd_text){name.s + name.n - 3, 3}, "_id"));
}

static bool add_column(json_t *list, const struct rows *rows, uint32_t column, int32_t label)
{
	struct askd_text name = rows_name(rows, column);
	double sum = 0, low = INFINITY, high = -INFINITY, v;
	uint32_t n = 0;
	bool good, positive = true;
	for (uint32_t r = 0; r < rows->batch.rows; r++) {
		if (!rows_number(rows_cell(rows, r, column), &v))
			continue;
		n++;
		sum += v;
		low = v < low ? v : low;
		high = v > high ? v : high;
		positive = positive && v >= 0;
	}
	good = add(list, "count", name.s, NULL, n) && add(list, "sum", name.s, NULL, sum) &&
	       add(list, "average", name.s, NULL, sum / n) &&
	       add(list, "minimum", name.s, NULL, low) && add(list, "maximum", name.s, NULL, high);
	if (label < 0 || !positive || sum <= 0 || n < 2)
		return good;
	for (uint32_t r = 0; good && r < rows->batch.rows && r < FACT_SHARES; r++) {
		const struct askd_value *cell = rows_cell(rows, r, (uint32_t)label);
		if (cell->type > ASKD_FLOAT && cell->len && cell->len <= 100 &&
		        rows_number(rows_cell(rows, r, column), &v))
			good = add(list, "share in percent", name.s, cell->u.s,
			        round(v / sum * 1000) / 10);
	}
	return good;
}

int32_t facts_write(const struct rows *rows, struct str *out)
{
	json_t *list = json_array();
	uint32_t columns = 0;
	bool good = list && add(list, "rows", NULL, NULL, rows->batch.rows);
	char *text = NULL;
	if (rows->batch.rows > 1)
		for (uint32_t c = 0; good && c < rows->batch.columns && columns < FACT_COLUMNS; c++)
			if (rows_numeric(rows, c) && !is_key(rows_name(rows, c))) {
				good = add_column(list, rows, c, rows_label(rows));
				columns++;
			}
	if (good)
		text = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(12));
	str_puts(out, text);
	good = text && !out->failed;
	free(text);
	json_decref(list);
	return good ? ASKD_OK : ASKD_E_NOMEM;
}
