/* figures_set.c: what can be derived from the rows. */
#include "figures.h"

#include <math.h>
#include <stdlib.h>

enum { PAIRS = 20, CELLS = 200, TOPS = 20, MASKS = 2000, MASK_BYTES = 200, SHORT = 64 };

static bool reserve(struct figures *f, void **list, size_t n, size_t *room, size_t size)
{
	void *more;
	size_t want = *room ? *room * 2 : 64;
	if (n < *room)
		return true;
	more = f->failed ? NULL : realloc(*list, want * size);
	if (!more) {
		f->failed = true;
		return false;
	}
	*list = more;
	*room = want;
	return true;
}

static void add(struct figures *f, struct figure_set *set, double value, enum figure_source source,
        uint32_t column, uint32_t row)
{
	if (!isfinite(value) ||
	        !reserve(f, (void **)&set->list, set->n, &set->room, sizeof *set->list))
		return;
	set->list[set->n++] = (struct figure){value, (uint16_t)source, (uint16_t)column, row};
}

static void add_ratio(
        struct figures *f, double a, double b, enum figure_source source, uint32_t column)
{
	if (b != 0)
		add(f, &f->ratios, a / b, source, column, 0);
}

static void add_date(struct figures *f, const struct number *number)
{
	if (!reserve(f, (void **)&f->dates, f->date_count, &f->date_room, sizeof *f->dates))
		return;
	/* A quarter is kept as its first month, negative: it proves no month. */
	f->dates[f->date_count++] =
	        number->quarter ? -(number->year * 10000 + number->quarter)
	                        : number->year * 10000 + number->month * 100 + number->day;
}

static void add_mask(struct figures *f, struct askd_text text)
{
	bool any = false;
	if (text.n < 2 || text.n > MASK_BYTES || f->mask_count >= MASKS)
		return;
	for (size_t i = 0; i < text.n && !any; i++)
		any = text.s[i] >= '0' && text.s[i] <= '9';
	if (any && reserve(f, (void **)&f->masks, f->mask_count, &f->mask_room, sizeof *f->masks))
		f->masks[f->mask_count++] = text;
}

/* The numbers of a text: of the question, of the statement, of a cell. */
static void add_text(struct figures *f, struct askd_text text, enum figure_source source,
        uint32_t column, uint32_t row)
{
	struct number list[NUMBERS_MAX];
	struct str *normal = &f->normal;
	size_t n;
	str_clear(normal);
	numbers_normalise(normal, text.s, text.n);
	n = normal->n ? numbers_read(normal->s, normal->n, true, list) : 0;
	for (size_t i = 0; i < n && i < NUMBERS_MAX; i++) {
		const struct number *number = &list[i];
		if (number->kind == NUMBER_DATE) {
			add_date(f, number);
			if (number->year)
				add(f, &f->plain, number->year, FIGURE_DATE, column, row);
			if (number->swapped) {
				struct number other = *number;
				other.month = number->day;
				other.day = number->month;
				add_date(f, &other);
			}
		} else if (number->kind == NUMBER_TIME) {
			if (reserve(f, (void **)&f->minutes, f->minute_count, &f->minute_room,
			            sizeof *f->minutes))
				f->minutes[f->minute_count++] = number->minute;
		} else if (number->kind == NUMBER_NAME && source != FIGURE_CELL) {
			str_add(&f->names, normal->s + number->at, number->n);
			str_add(&f->names, "\n", 1);
		}
		for (uint32_t k = 0; k < number->readings; k++) {
			double value = number->reading[k];
			add(f, &f->plain, number->negative ? -value : value, source, column, row);
			if (number->kind == NUMBER_PERCENT)
				add(f, &f->ratios, value / 100, source, column, row);
		}
	}
	f->failed |= normal->failed;
}

/* Is it a number? Then it is in *number, too. */
static bool add_cell(struct figures *f, uint32_t row, uint32_t column, double *number)
{
	const struct askd_value *value = rows_cell(f->rows, row, column);
	if (rows_number(value, number)) {
		add(f, &f->plain, *number, FIGURE_CELL, column, row);
		/* 0.425 may be said as 42.5 %. */
		if (*number >= -1 && *number <= 1)
			add(f, &f->ratios, *number, FIGURE_CELL, column, row);
		return true;
	}
	if (value->type > ASKD_FLOAT && value->type != ASKD_BYTES) {
		struct askd_text text = {value->u.s, value->len};
		add_mask(f, text);
		if (text.n <= SHORT)
			add_text(f, text, FIGURE_CELL, column, row);
	}
	return false;
}

static int down(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x > y ? -1 : x < y;
}

static void add_pair(struct figures *f, double a, double b, uint32_t column)
{
	add(f, &f->plain, a - b, FIGURE_DIFFERENCE, column, 0);
	add(f, &f->plain, b - a, FIGURE_DIFFERENCE, column, 0);
	add_ratio(f, a, b, FIGURE_RATIO, column);
	add_ratio(f, b, a, FIGURE_RATIO, column);
	/* Change in percent, both ways. */
	add_ratio(f, a - b, b, FIGURE_RATIO, column);
	add_ratio(f, b - a, a, FIGURE_RATIO, column);
}

/* v: the numbers of a column in the order of the rows; sorted in passing. */
static void add_column(struct figures *f, double *v, size_t n, uint32_t column)
{
	double sum = 0, prefix = 0, average, median, first = v[0], last = v[n - 1];
	size_t distinct = 0;
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	for (size_t i = 0; i + 1 < n && i < CELLS; i++)
		if (n > PAIRS)
			add_pair(f, v[i], v[i + 1], column);
	average = sum / (double)n;
	if (n <= PAIRS)
		for (size_t i = 0; i < n; i++)
			for (size_t j = i + 1; j < n; j++)
				add_pair(f, v[i], v[j], column);
	qsort(v, n, sizeof *v, down);
	median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	add(f, &f->plain, sum, FIGURE_SUM, column, 0);
	add(f, &f->plain, average, FIGURE_AVERAGE, column, 0);
	add(f, &f->plain, sum / f->rows->batch.rows, FIGURE_AVERAGE, column, 0);
	add(f, &f->plain, median, FIGURE_AVERAGE, column, 0);
	add(f, &f->plain, v[0], FIGURE_EXTREME, column, 0);
	add(f, &f->plain, v[n - 1], FIGURE_EXTREME, column, 0);
	add(f, &f->plain, (double)n, FIGURE_COUNT, column, 0);
	add_pair(f, v[0], v[n - 1], column);
	add_pair(f, first, last, column);
	for (size_t i = 0; i < n; i++) {
		distinct += !i || v[i] != v[i - 1];
		prefix += v[i];
		if (i < CELLS) {
			add_ratio(f, v[i], sum, FIGURE_SHARE, column);
			add_ratio(f, sum - v[i], sum, FIGURE_SHARE, column);
			add_pair(f, v[i], average, column);
			if (n > PAIRS) {
				add_pair(f, v[0], v[i], column);
				add_pair(f, v[i], v[n - 1], column);
			}
		}
		/* "The top three together". */
		if (i < TOPS || i + 1 == n) {
			add(f, &f->plain, prefix, FIGURE_SUM, column, 0);
			add(f, &f->plain, sum - prefix, FIGURE_SUM, column, 0);
			add_ratio(f, prefix, sum, FIGURE_SHARE, column);
			add_ratio(f, sum - prefix, sum, FIGURE_SHARE, column);
		}
	}
	add(f, &f->plain, (double)distinct, FIGURE_COUNT, column, 0);
}

static int by_text(const void *a, const void *b)
{
	const struct askd_value *x = *(const struct askd_value *const *)a;
	const struct askd_value *y = *(const struct askd_value *const *)b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = n ? memcmp(x->u.s, y->u.s, n) : 0;
	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* How often each text occurs, how many differ, how many are missing. */
static void add_counts(struct figures *f, uint32_t column)
{
	uint32_t rows = f->rows->batch.rows, n = 0, distinct = 0;
	bool repeats = false;
	const struct askd_value **v = malloc((rows + 1) * sizeof *v);
	if (!v) {
		f->failed = true;
		return;
	}
	for (uint32_t r = 0; r < rows; r++) {
		const struct askd_value *value = rows_cell(f->rows, r, column);
		if (value->type > ASKD_FLOAT)
			v[n++] = value;
	}
	qsort(v, n, sizeof *v, by_text);
	for (uint32_t i = 0, start = 0; i < n; i++)
		if (i + 1 == n || by_text(&v[i], &v[i + 1])) {
			distinct++;
			add(f, &f->plain, i + 1 - start, FIGURE_COUNT, column, 0);
			/* Where each stands once, a share says nothing of it. */
			if (i > start)
				add_ratio(f, i + 1 - start, n, FIGURE_SHARE, column);
			repeats |= i > start;
			start = i + 1;
		}
	if (repeats)
		add_ratio(f, 1, n, FIGURE_SHARE, column);
	if (n) {
		add(f, &f->plain, distinct, FIGURE_COUNT, column, 0);
		add(f, &f->plain, n, FIGURE_COUNT, column, 0);
		add(f, &f->plain, rows - n, FIGURE_COUNT, column, 0);
	}
	free(v);
}

/* Between the columns: within a row, and between the totals. */
static void add_across(struct figures *f, uint32_t a, uint32_t b)
{
	double x, y, sum_x = 0, sum_y = 0;
	for (uint32_t r = 0; r < f->rows->batch.rows; r++) {
		bool has_x = rows_number(rows_cell(f->rows, r, a), &x);
		bool has_y = rows_number(rows_cell(f->rows, r, b), &y);
		sum_x += has_x ? x : 0;
		sum_y += has_y ? y : 0;
		if (!has_x || !has_y || r >= CELLS)
			continue;
		add_pair(f, x, y, a);
		add(f, &f->plain, x + y, FIGURE_SUM, a, 0);
		add_ratio(f, x, x + y, FIGURE_SHARE, a);
		add_ratio(f, y, x + y, FIGURE_SHARE, a);
	}
	add_pair(f, sum_x, sum_y, a);
	add(f, &f->plain, sum_x + sum_y, FIGURE_SUM, a, 0);
}

static void add_rows(struct figures *f)
{
	const struct rows *rows = f->rows;
	uint32_t numeric[8], numerics = 0, count = rows->batch.rows;
	double *v = malloc((count + 1) * sizeof *v);
	if (!v) {
		f->failed = true;
		return;
	}
	for (uint32_t c = 0; c < rows->batch.columns; c++) {
		size_t n = 0, empty = 0;
		add_mask(f, rows_name(rows, c));
		for (uint32_t r = 0; r < count; r++) {
			n += add_cell(f, r, c, &v[n]);
			empty += rows_cell(rows, r, c)->type == ASKD_NULL;
		}
		if (n && n + empty == count) {
			add_column(f, v, n, c);
			if (n < count)
				add(f, &f->plain, count - (double)n, FIGURE_COUNT, c, 0);
			if (numerics < 8)
				numeric[numerics++] = c;
		} else if (count) {
			add_counts(f, c);
		}
	}
	for (uint32_t a = 0; a < numerics; a++)
		for (uint32_t b = a + 1; b < numerics; b++)
			add_across(f, numeric[a], numeric[b]);
	free(v);
}

static bool is_before(const struct figure *a, const struct figure *b)
{
	if (a->value < b->value)
		return true;
	if (a->value > b->value)
		return false;
	if (a->source != b->source)
		return a->source < b->source;
	return a->column != b->column ? a->column < b->column : a->row < b->row;
}

/* Sorted, by Shell's method: no call for each comparison, no memory. Of equal values the plainest
 * source stays. */
static void seal(struct figure_set *set)
{
	struct figure *list = set->list;
	size_t gap = 1, n = 0;

	while (gap < set->n / 3)
		gap = gap * 3 + 1;
	for (; gap; gap /= 3)
		for (size_t i = gap; i < set->n; i++) {
			struct figure moved = list[i];
			size_t at = i;

			for (; at >= gap && is_before(&moved, &list[at - gap]); at -= gap)
				list[at] = list[at - gap];
			list[at] = moved;
		}
	for (size_t i = 0; i < set->n; i++)
		if (!n || list[i].value != list[n - 1].value)
			list[n++] = list[i];
	set->n = n;
}

static void add_today(struct figures *f, int64_t now_us)
{
	time_t now = (time_t)(now_us / 1000000);
	struct tm tm;
	struct number today = {.kind = NUMBER_DATE};
	if (!now_us || !gmtime_r(&now, &tm))
		return;
	today.year = tm.tm_year + 1900;
	today.month = tm.tm_mon + 1;
	today.day = tm.tm_mday;
	add_date(f, &today);
}

int32_t figures_init(struct figures *f, const struct rows *rows, struct askd_text question,
        struct askd_text sql, int64_t now_us)
{
	*f = (struct figures){.rows = rows};
	add_rows(f);
	add(f, &f->plain, rows->batch.rows, FIGURE_COUNT, 0, 0);
	add(f, &f->plain, (double)rows->seen, FIGURE_COUNT, 0, 0);
	add_text(f, question, FIGURE_QUESTION, 0, 0);
	add_text(f, sql, FIGURE_STATEMENT, 0, 0);
	add_today(f, now_us);
	seal(&f->plain);
	seal(&f->ratios);
	/* Only now the texts stand still. */
	for (size_t i = 0, start = 0; i < f->names.n; i++)
		if (f->names.s[i] == '\n') {
			add_mask(f, (struct askd_text){f->names.s + start, i - start});
			start = i + 1;
		}
	f->failed |= f->names.failed;
	return f->failed ? ASKD_E_NOMEM : ASKD_OK;
}

void figures_finish(struct figures *f)
{
	if (!f)
		return;
	free(f->plain.list);
	free(f->ratios.list);
	free(f->dates);
	free(f->minutes);
	free(f->masks);
	str_finish(&f->names);
	str_finish(&f->normal);
	*f = (struct figures){.rows = NULL};
}
