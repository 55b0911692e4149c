#include "table.h"

#include <ctype.h>

#include "page.h"

enum { COLUMNS = 64, NARROWEST = 4, GAP = 2, LIST_LINES = 60, NAME_WIDTH = 24 };

const char *table_text(const json_t *cell, char small[64], size_t *n)
{
	if (json_is_string(cell)) {
		*n = json_string_length(cell);
		return json_string_value(cell);
	}
	small[0] = 0;
	if (json_is_integer(cell))
		snprintf(small, 64, "%lld", (long long)json_integer_value(cell));
	else if (json_is_real(cell))
		snprintf(small, 64, "%.15g", json_real_value(cell));
	else if (json_is_boolean(cell))
		snprintf(small, 64, "%s", json_is_true(cell) ? "true" : "false");
	else if (cell && !json_is_null(cell))
		snprintf(small, 64, "...");
	*n = strlen(small);
	return small;
}

static bool numeric(const json_t *cell)
{
	const char *s = json_string_value(cell);
	if (json_is_number(cell))
		return true;
	if (!s)
		return false;
	s += *s == '-';
	return isdigit((unsigned char)*s) && strspn(s, "0123456789.") == strlen(s);
}

struct table {
	const json_t *columns, *data;
	size_t rows, shown, count; /* count: columns that are shown */
	uint32_t width[COLUMNS];
	bool number[COLUMNS];
};

static const json_t *table_cell(const struct table *t, size_t row, size_t column)
{
	return json_array_get(json_array_get(t->data, row), column);
}

static void measure(struct table *t, size_t column)
{
	const json_t *name = json_array_get(t->columns, column);
	uint32_t width = screen_width(json_string_value(name), json_string_length(name));
	bool any = false, other = false;
	for (size_t r = 0; r < t->shown; r++) {
		char small[64];
		size_t n;
		const json_t *cell = table_cell(t, r, column);
		const char *s = table_text(cell, small, &n);
		uint32_t w = screen_width(s, n);
		width = w > width ? w : width;
		any = any || numeric(cell);
		other = other || (cell && !json_is_null(cell) && !numeric(cell));
	}
	t->number[column] = any && !other;
	t->width[column] = width ? width : 1;
}

static uint32_t total(const struct table *t)
{
	uint32_t sum = t->count ? (uint32_t)(t->count - 1) * GAP : 0;
	for (size_t c = 0; c < t->count; c++)
		sum += t->width[c];
	return sum;
}

/* Narrows the widest column, texts before numbers. false: there are too many of them. */
static bool fit(struct table *t, uint32_t width)
{
	while (total(t) > width) {
		size_t widest = t->count;
		for (int numbers = 0; numbers < 2 && widest == t->count; numbers++)
			for (size_t c = 0; c < t->count; c++)
				if (t->number[c] == numbers &&
				        t->width[c] > (numbers ? NARROWEST : 8) &&
				        (widest == t->count || t->width[c] > t->width[widest]))
					widest = c;
		if (widest == t->count)
			return false;
		t->width[widest]--;
	}
	return true;
}

static void print_cell(struct screen *screen, const struct table *t, size_t column, const char *s,
        size_t n, bool last)
{
	uint32_t width = t->width[column], w = screen_width(s, n);
	if (t->number[column] && w < width)
		screen_blanks(screen, width - w);
	w = screen_text(screen, s, n, false, width);
	if (last)
		return;
	if (!t->number[column] && w < width)
		screen_blanks(screen, width - w);
	screen_blanks(screen, GAP);
}

static void print_columns(struct screen *screen, const struct table *t)
{
	for (size_t c = 0; c < t->count; c++) {
		const json_t *name = json_array_get(t->columns, c);
		print_cell(screen, t, c, json_string_value(name), json_string_length(name),
		        c + 1 == t->count);
	}
	screen_raw(screen, "\n");
	for (size_t c = 0; c < t->count; c++) {
		for (uint32_t i = 0; i < t->width[c]; i++)
			screen_raw(screen, "-");
		screen_blanks(screen, c + 1 < t->count ? GAP : 0);
	}
	screen_raw(screen, "\n");
	for (size_t r = 0; r < t->shown; r++) {
		for (size_t c = 0; c < t->count; c++) {
			char small[64];
			size_t n;
			const char *s = table_text(table_cell(t, r, c), small, &n);
			print_cell(screen, t, c, s, n, c + 1 == t->count);
		}
		screen_trim(screen);
		screen_raw(screen, "\n");
	}
}

/* Each row under the other, a line for each of its values. */
static void print_list(struct screen *screen, struct table *t)
{
	uint32_t names = 0, room;
	for (size_t c = 0; c < t->count; c++) {
		const json_t *name = json_array_get(t->columns, c);
		uint32_t w = screen_width(json_string_value(name), json_string_length(name));
		names = w > names ? w : names;
	}
	names = names > screen->width / 2 ? screen->width / 2 : names;
	names = names > NAME_WIDTH ? NAME_WIDTH : names;
	room = screen->width - names - 2;
	if (t->shown * t->count > LIST_LINES)
		t->shown = t->count < LIST_LINES ? LIST_LINES / t->count : 1;
	for (size_t r = 0; r < t->shown; r++) {
		screen_raw(screen, r ? "\n" : "");
		for (size_t c = 0; c < t->count; c++) {
			const json_t *name = json_array_get(t->columns, c);
			char small[64];
			size_t n;
			const char *s = table_text(table_cell(t, r, c), small, &n);
			uint32_t w = screen_text(screen, json_string_value(name),
			        json_string_length(name), false, names);
			screen_raw(screen, ": ");
			screen_blanks(screen, names - w);
			screen_text(screen, s, n, false, room);
			screen_raw(screen, "\n");
		}
	}
}

void table_print(struct screen *screen, const struct page_voice *voice, const json_t *columns,
        const json_t *data, size_t most, const char *rest)
{
	struct table t = {.columns = columns, .data = data, .rows = json_array_size(data)};
	size_t count = json_array_size(columns);
	char number[32];
	t.shown = t.rows < most ? t.rows : most;
	for (size_t c = 0; c < count; c++)
		if (!json_is_string(json_array_get(columns, c)))
			return;
	t.count = count < COLUMNS ? count : COLUMNS;
	for (size_t c = 0; c < t.count; c++)
		measure(&t, c);
	if (count == t.count && fit(&t, screen->width)) {
		print_columns(screen, &t);
	} else {
		t.count = count;
		print_list(screen, &t);
	}
	if (t.shown < t.rows) {
		snprintf(number, sizeof number, "%zu", t.rows - t.shown);
		screen_raw(screen, page_say(voice, rest, "*rows", number, NULL));
		screen_raw(screen, "\n");
	}
}

void table_drop_empty(json_t *columns, json_t *rows)
{
	for (size_t c = json_array_size(columns); c > 0; c--) {
		json_t *row;
		bool empty = true;
		char small[64];
		size_t r, n;
		json_array_foreach(rows, r, row)
		{
			table_text(json_array_get(row, c - 1), small, &n);
			empty = empty && !n;
		}
		if (!empty)
			continue;
		json_array_remove(columns, c - 1);
		json_array_foreach(rows, r, row)
		{
			json_array_remove(row, c - 1);
		}
	}
}
