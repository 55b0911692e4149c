#include "figures.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const char *const source_names[] = {"cell", "sum", "average", "extreme", "count",
        "difference", "ratio", "share", "question", "statement", "date"};

/* The plainest figure within [low, high], or NULL. */
static const struct figure *find(const struct figure_set *set, double low, double high)
{
	size_t a = 0, b = set->n;
	const struct figure *best = NULL;
	double slack = 4 * DBL_EPSILON * (fabs(low) + fabs(high));
	low -= slack;
	high += slack;
	while (a < b) {
		size_t middle = a + (b - a) / 2;
		if (set->list[middle].value < low)
			a = middle + 1;
		else
			b = middle;
	}
	for (uint32_t tries = 0; a < set->n && set->list[a].value <= high && tries < 32;
	        a++, tries++)
		if (!best || set->list[a].source < best->source)
			best = &set->list[a];
	return best;
}

/* A number as it stands in the sentence, in units of the set (percent: scale 0.01). A number
 * without a sign may be said of a loss as well. */
static const struct figure *match(
        const struct figure_set *set, const struct number *number, uint32_t reading, double scale)
{
	double value = number->reading[reading] * scale;
	double half = number->unit[reading] * scale / 2;
	double round = number->round * scale;
	double low = value - half, high = value + half;
	const struct figure *figure = NULL;
	for (int about = 0; about < 2 && !figure; about++) {
		if (about) {
			if (number->about == NUMBER_EXACT || round > value)
				break;
			low = number->about == NUMBER_OVER    ? value
			      : number->about == NUMBER_UNDER ? value - round
			                                      : value - round / 2;
			high = number->about == NUMBER_OVER    ? value + round
			       : number->about == NUMBER_UNDER ? value
			                                       : value + round / 2;
		}
		if (!number->negative)
			figure = find(set, low, high);
		if (!figure)
			figure = find(set, -high, -low);
	}
	return figure;
}

/* ---- dates ----------------------------------------------------------------------------------- */

static bool same_date(int32_t known, int32_t year, int32_t month, int32_t day, int32_t quarter)
{
	int32_t y, m, d;
	if (known < 0) {
		known = -known;
		return quarter && (!year || year == known / 10000) && quarter == known % 10000;
	}
	y = known / 10000;
	m = known / 100 % 100;
	d = known % 100;
	if (year && year != y)
		return false;
	if (quarter)
		return m && (m + 2) / 3 == quarter;
	return (!month || month == m) && (!day || day == d);
}

static bool date_known(const struct figures *f, const struct number *number)
{
	for (size_t i = 0; i < f->date_count; i++)
		if (same_date(f->dates[i], number->year, number->month, number->day,
		            number->quarter) ||
		        (number->swapped && same_date(f->dates[i], number->year, number->day,
		                                    number->month, 0)))
			return true;
	return false;
}

static bool is_cell(const struct figures *f, int32_t value)
{
	const struct figure *figure = find(&f->plain, value, value);
	return figure && figure->source == FIGURE_CELL;
}

/* "May 12 orders were placed": the day is a count. A month or quarter beside its year may stand in
 * columns of their own. */
static bool date_by_parts(const struct figures *f, const struct number *number)
{
	if (!number->year && number->day)
		return number->followed && find(&f->plain, number->day, number->day);
	if (number->day || !number->year || !is_cell(f, number->year))
		return false;
	return is_cell(f, number->quarter ? number->quarter : number->month);
}

/* ---- counts of some of the rows -------------------------------------------------------------- */

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80;
}

static bool contains(struct askd_text text, const char *s, size_t n)
{
	const char *at = text.s, *end = text.s + text.n;
	while (n && (size_t)(end - at) >= n && (at = memmem(at, (size_t)(end - at), s, n))) {
		if ((at == text.s || !word_char(at[-1]) || !word_char(*s)) &&
		        (at + n == end || !word_char(at[n]) || !word_char(s[n - 1])))
			return true;
		at++;
	}
	return false;
}

/* How many rows the sentence names by their label. */
static uint32_t named_rows(const struct figures *f, struct askd_text sentence)
{
	int32_t label = rows_label(f->rows);
	uint32_t n = 0;
	for (uint32_t r = 0; label >= 0 && r < f->rows->batch.rows; r++) {
		const struct askd_value *value = rows_cell(f->rows, r, (uint32_t)label);
		if (value->type > ASKD_FLOAT && contains(sentence, value->u.s, value->len))
			n++;
	}
	return n;
}

/* "Two cities are above 1,000": the count of rows beyond another number of the sentence. */
static bool counts_beyond(const struct figures *f, double count, double limit)
{
	for (uint32_t c = 0; c < f->rows->batch.columns; c++) {
		uint32_t above = 0, below = 0, equal = 0;
		double v;
		if (!rows_numeric(f->rows, c))
			continue;
		for (uint32_t r = 0; r < f->rows->batch.rows; r++) {
			if (!rows_number(rows_cell(f->rows, r, c), &v))
				continue;
			above += v > limit;
			below += v < limit;
			equal += v == limit;
		}
		if (count == above || count == below || count == above + equal ||
		        count == below + equal || count == equal)
			return true;
	}
	return false;
}

static bool counts_some(const struct figures *f, const struct number *list, size_t n, size_t which,
        struct askd_text sentence)
{
	double count = list[which].reading[0];
	if (list[which].readings != 1 || list[which].negative || count != floor(count) ||
	        count > f->rows->batch.rows)
		return false;
	if (list[which].top || count == named_rows(f, sentence))
		return true;
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; i != which && k < list[i].readings; k++)
			if (find(&f->plain, list[i].reading[k], list[i].reading[k]) &&
			        counts_beyond(f, count, list[i].reading[k]))
				return true;
	return false;
}

/* ---- a sentence ------------------------------------------------------------------------------ */

/* Ratios without a percent sign are only meant where the sentence speaks of one. */
static bool speaks_of_ratio(const char *normal)
{
	static const char *const words[] = {"per ", "ratio", "average", "each", "pro ",
	        "verhältnis", "durchschnitt", "mean", "fold", "times", "factor", "share", NULL};
	for (const char *const *word = words; *word; word++)
		if (strstr(normal, *word))
			return true;
	return false;
}

static const struct figure *derive(
        const struct figures *f, const struct number *number, const char *normal)
{
	const struct figure *figure = NULL;
	for (uint32_t k = 0; k < number->readings && !figure; k++) {
		if (number->kind == NUMBER_PERCENT) {
			figure = match(&f->ratios, number, k, 0.01);
			if (!figure)
				figure = match(&f->plain, number, k, 1);
		} else if (number->kind == NUMBER_TIMES) {
			figure = match(&f->ratios, number, k, 1);
			if (!figure)
				figure = match(&f->plain, number, k, 1);
		} else {
			figure = match(&f->plain, number, k, 1);
			if (!figure && number->unit[k] < 1 && speaks_of_ratio(normal))
				figure = match(&f->ratios, number, k, 1);
		}
	}
	return figure;
}

static bool minute_known(const struct figures *f, int32_t minute)
{
	for (size_t i = 0; i < f->minute_count; i++)
		if (f->minutes[i] == minute)
			return true;
	return false;
}

static void note(const struct figures *f, struct str_list *found, const struct str *normal,
        const struct number *number, const struct figure *figure)
{
	bool date = number->kind == NUMBER_DATE || number->kind == NUMBER_TIME;
	struct str *out;
	if (!found || found->count >= 100)
		return;
	out = str_list_next(found);
	str_puts(out, "{\"text\":");
	str_json(out, normal->s + number->at, number->n);
	str_puts(out, ",\"source\":\"");
	str_puts(out, figure ? source_names[figure->source] : date ? "date" : "count");
	str_puts(out, "\"");
	if (figure && figure->source <= FIGURE_SHARE && f->rows->columns &&
	        figure->column < f->rows->batch.columns) {
		struct askd_text name = rows_name(f->rows, figure->column);
		str_puts(out, ",\"column\":");
		str_json(out, name.s, name.n);
	}
	if (figure && figure->source == FIGURE_CELL)
		str_print(out, ",\"row\":%u", figure->row + 1);
	str_puts(out, "}");
}

static int32_t check(const struct figures *f, const struct str *normal, bool spaces,
        struct askd_text sentence, struct str_list *found, struct str *culprit)
{
	struct number list[NUMBERS_MAX];
	size_t n = numbers_read(normal->s, normal->n, spaces, list);
	if (n > NUMBERS_MAX) {
		if (culprit)
			str_puts(culprit, "too many numbers");
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const struct number *number = &list[i];
		const struct figure *figure = NULL;
		bool good;
		switch (number->kind) {
		case NUMBER_DATE:
			good = date_known(f, number) || date_by_parts(f, number);
			break;
		case NUMBER_TIME:
			good = minute_known(f, number->minute);
			break;
		case NUMBER_NAME:
			good = false;
			break;
		case NUMBER_ORDINAL:
			good = number->readings == 1 && number->reading[0] >= 1 &&
			       number->reading[0] <=
			               (f->rows->batch.rows ? f->rows->batch.rows : 1);
			good = good || (figure = match(&f->plain, number, 0, 1)) != NULL;
			break;
		default:
			figure = derive(f, number, normal->s);
			good = figure || (number->kind == NUMBER_PLAIN &&
			                         counts_some(f, list, n, i, sentence));
		}
		if (!good) {
			if (culprit)
				str_add(culprit, normal->s + number->at, number->n);
			return 0;
		}
		note(f, found, normal, number, figure);
	}
	return found && found->text.failed ? ASKD_E_NOMEM : 1;
}

/* Forgets what was found of a sentence that is not kept. */
static void forget(struct str_list *found, const struct str_list *had)
{
	if (!found || !found->text.s)
		return;
	found->count = had->count;
	str_took(&found->text, found->text.s + had->text.n);
}

/* Blanks out what repeats a text of the rows or of the question letter by letter. */
static void mask(const struct figures *f, char *s, size_t n, bool lower)
{
	for (size_t m = 0; m < f->mask_count; m++) {
		const struct askd_text *text = &f->masks[m];
		bool own = f->names.s && text->s >= f->names.s && text->s < f->names.s + f->names.n;
		char *at = s;
		if (own != lower)
			continue;
		while ((at = memmem(at, n - (size_t)(at - s), text->s, text->n))) {
			size_t end = (size_t)(at - s) + text->n;
			if ((at == s || !word_char(at[-1])) && (end == n || !word_char(s[end])))
				memset(at, '#', text->n);
			at++;
		}
	}
}

int32_t figures_check(
        struct figures *f, struct askd_text sentence, struct str_list *found, struct str *culprit)
{
	struct str masked = {0}, normal = {0};
	const struct str_list had = found ? *found : (struct str_list){.count = 0};
	int32_t rc;

	if (culprit)
		str_clear(culprit);
	str_text(&masked, sentence);
	if (!masked.s || masked.failed) {
		rc = masked.failed ? ASKD_E_NOMEM : 1;
		goto out;
	}
	mask(f, masked.s, masked.n, false);
	numbers_normalise(&normal, masked.s, masked.n);
	if (normal.failed) {
		rc = ASKD_E_NOMEM;
		goto out;
	}
	if (!normal.s) {
		rc = 1;
		goto out;
	}
	mask(f, normal.s, normal.n, true);
	rc = check(f, &normal, true, sentence, found, culprit);
	if (!rc) {
		forget(found, &had);
		if (culprit)
			str_clear(culprit);
		rc = check(f, &normal, false, sentence, found, culprit);
	}
	if (rc != 1)
		forget(found, &had);
out:
	str_finish(&masked);
	str_finish(&normal);
	return rc;
}
