#include "phrase.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "wording.h"

enum { PHRASE_ROWS = 10, PHRASE_COLUMNS = 8, PHRASE_CELL = 200 };

static bool speaks(struct askd_text language, const char *list)
{
	while (language.n >= 2 && *list) {
		if (str_starts(language, (char[]){list[0], list[1], 0}))
			return true;
		list += list[2] ? 3 : 2;
	}
	return false;
}

/* Years, codes and identifiers are written without marks between their digits. */
static bool is_code(struct askd_text name)
{
	static const char *const words[] = {"id", "year", "jahr", "code", "number", "nr", "no",
	        "zip", "postal", "phone", "key", "isbn", "sku", NULL};
	for (size_t i = 0; i < name.n;) {
		size_t end = i;
		while (end < name.n && isalnum((unsigned char)name.s[end]))
			end++;
		for (const char *const *word = words; *word; word++)
			if (end - i == strlen(*word) &&
			        str_starts((struct askd_text){name.s + i, end - i}, *word))
				return true;
		i = end + 1;
	}
	return false;
}

/* digits: "-1234567.5" */
static void add_grouped(struct str *out, const char *digits, bool code, struct askd_text language)
{
	const char *thousands = ",", *mark = ".", *dot = strchr(digits, '.');
	size_t whole, n = dot ? (size_t)(dot - digits) : strlen(digits);
	if (speaks(language, "de es it pt nl id tr da")) {
		thousands = ".";
		mark = ",";
	} else if (speaks(language, "fr ru uk pl cs sv fi nb no")) {
		thousands = "\xc2\xa0";
		mark = ",";
	}
	if (*digits == '-') {
		str_add(out, digits++, 1);
		n--;
	}
	whole = n;
	code = code || (whole <= 4 && !dot);
	for (size_t i = 0; i < n; i++) {
		if (!code && i && (n - i) % 3 == 0)
			str_puts(out, thousands);
		str_add(out, digits + i, 1);
	}
	if (dot && dot[1]) {
		str_puts(out, mark);
		str_puts(out, dot + 1);
	}
}

static void add_double(struct str *out, double value, bool code, struct askd_text language)
{
	char text[400];
	if (!isfinite(value) || fabs(value) >= 1e15) {
		str_print(out, "%.6g", value);
		return;
	}
	if (value == floor(value))
		snprintf(text, sizeof text, "%.0f", value);
	else if (fabs(value) >= 1)
		snprintf(text, sizeof text, "%.2f", value);
	else
		snprintf(text, sizeof text, "%.4f", value);
	add_grouped(out, text, code, language);
}

static bool plain_decimal(const char *s, size_t n)
{
	size_t sign = n && s[0] == '-';
	return n > sign && n < 60 && isdigit((unsigned char)s[sign]) &&
	       strspn(s + sign, "0123456789.") == n - sign;
}

void phrase_cell(const struct askd_value *value, struct askd_text column, struct askd_text language,
        struct str *out)
{
	char text[32];
	size_t n;
	switch (value->type) {
	case ASKD_NULL:
		str_puts(out, "-");
		return;
	case ASKD_BOOL:
		str_puts(out, value->u.i ? "true" : "false");
		return;
	case ASKD_INT:
		snprintf(text, sizeof text, "%lld", (long long)value->u.i);
		add_grouped(out, text, is_code(column), language);
		return;
	case ASKD_FLOAT:
		add_double(out, value->u.f, is_code(column), language);
		return;
	case ASKD_BYTES:
		str_print(out, "(%u bytes)", value->len);
		return;
	case ASKD_DECIMAL:
		if (plain_decimal(value->u.s, value->len)) {
			add_grouped(out, value->u.s, is_code(column), language);
			return;
		}
		break;
	default:
		break;
	}
	n = str_cut(value->u.s, value->len, PHRASE_CELL);
	str_add(out, value->u.s, n);
	if (n < value->len)
		str_puts(out, "\xe2\x80\xa6");
}

/* "order_total" is called "order total"; an expression has no name for people. */
static bool column_name(struct askd_text name, struct str *out)
{
	if (!name.n)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.s[i];
		if (!isalnum(c) && c != '_' && c != ' ' && c < 0x80)
			return false;
	}
	for (size_t i = 0; i < name.n; i++)
		str_add(out, name.s[i] == '_' ? " " : name.s + i, 1);
	return true;
}

static int32_t put(struct str *out, struct askd_text said)
{
	str_text(out, said);
	return said.s && !out->failed ? ASKD_OK : ASKD_E_NOMEM;
}

/* "12 customers are in Berlin.": the words are the person's own. Absent: there is no sentence. */
static struct askd_text in_words_of(const struct voice *voice, struct askd_text question,
        const struct askd_value *cell, const char *value)
{
	bool count = cell->type == ASKD_INT, one = count && cell->u.i == 1;
	struct askd_text said = {0};
	struct str rest = {0}, text = {0};
	enum wording wording = WORDING_NONE;
	if (!voice->language.n || speaks(voice->language, "en"))
		wording = wording_of(question, &rest);
	if (!rest.s || rest.failed) {
		wording = WORDING_NONE;
	} else if (wording == WORDING_VALUE) {
		said = say(voice, "The {what} is {value}.", "what", rest.s, "value", value, NULL);
	} else if (wording == WORDING_PAST) {
		said = say(voice, "The {what} was {value}.", "what", rest.s, "value", value, NULL);
	} else if (!count) {
		wording = WORDING_NONE;
	} else if (one && (wording != WORDING_COUNT || wording_relative(&rest))) {
		said = say(voice, "The number of {what} is {value}.", "what", rest.s, "value",
		        value, NULL);
	} else if (wording == WORDING_THERE) {
		said = say(
		        voice, "There are {value} {what}.", "value", value, "what", rest.s, NULL);
	} else if (wording == WORDING_EXISTED) {
		said = say(
		        voice, "There were {value} {what}.", "value", value, "what", rest.s, NULL);
	} else if (wording == WORDING_COUNT && !one) {
		str_puts(&text, value);
		str_puts(&text, " ");
		str_markdown(&text, rest.s, rest.n);
		str_puts(&text, ".");
		said = str_copy(voice->call, &text);
	}
	str_finish(&rest);
	str_finish(&text);
	return said;
}

static int32_t phrase_single(const struct voice *voice, const struct rows *rows,
        struct askd_text question, struct str *out)
{
	struct str name = {0}, value = {0};
	const struct askd_value *cell = rows_cell(rows, 0, 0);
	bool named = column_name(rows_name(rows, 0), &name);
	struct askd_text said = {0};
	int32_t rc;
	phrase_cell(cell, rows_name(rows, 0), voice->language, &value);
	if (value.n && cell->type != ASKD_NULL)
		said = in_words_of(voice, question, cell, value.s);
	if (name.failed || value.failed)
		rc = ASKD_E_NOMEM;
	else if (said.n)
		rc = put(out, said);
	else if (cell->type == ASKD_NULL)
		rc = put(out, say(voice, "There is no value.", NULL));
	else if (named)
		rc = put(out, say(voice, "The {column} is {value}.", "column", name.s, "value",
		                      value.s ? value.s : "", NULL));
	else
		rc = put(out, say(voice, "The result is {value}.", "value", value.s ? value.s : "",
		                      NULL));
	str_finish(&name);
	str_finish(&value);
	return rc;
}

static void add_escaped(struct str *out, const struct rows *rows, uint32_t row, uint32_t column,
        struct askd_text language)
{
	struct str cell = {0};
	phrase_cell(rows_cell(rows, row, column), rows_name(rows, column), language, &cell);
	if (cell.s)
		str_markdown(out, cell.s, cell.n);
	out->failed |= cell.failed;
	str_finish(&cell);
}

/* "Berlin 1,200.50", or "Berlin (orders 3, total 1,200.50)" */
static void add_row(
        struct str *out, const struct rows *rows, uint32_t row, struct askd_text language)
{
	uint32_t width = rows->batch.columns, columns = width;
	bool labelled = rows_label(rows) == 0 && width > 1;
	if (columns > PHRASE_COLUMNS)
		columns = PHRASE_COLUMNS;
	if (width == 1 || (width == 2 && labelled)) {
		add_escaped(out, rows, row, 0, language);
		if (width == 2) {
			str_puts(out, " ");
			add_escaped(out, rows, row, 1, language);
		}
		return;
	}
	if (labelled) {
		add_escaped(out, rows, row, 0, language);
		str_puts(out, " ");
	}
	str_puts(out, "(");
	for (uint32_t c = labelled; c < columns; c++) {
		struct askd_text name = rows_name(rows, c);
		str_puts(out, c > (uint32_t)labelled ? ", " : "");
		if (!column_name(name, out))
			str_markdown(out, name.s, name.n);
		str_puts(out, " ");
		add_escaped(out, rows, row, c, language);
	}
	str_puts(out, columns < width ? ", \xe2\x80\xa6)" : ")");
}

/* "name: Ada, city: Berlin" */
static void add_pairs(struct str *out, const struct rows *rows, struct askd_text language)
{
	uint32_t width = rows->batch.columns;
	for (uint32_t c = 0; c < width && c < PHRASE_COLUMNS; c++) {
		struct askd_text name = rows_name(rows, c);
		str_puts(out, c ? ", " : "");
		if (!column_name(name, out))
			str_markdown(out, name.s, name.n);
		str_puts(out, ": ");
		add_escaped(out, rows, 0, c, language);
	}
	str_puts(out, width > PHRASE_COLUMNS ? ", \xe2\x80\xa6" : ".");
}

/* Why nothing was found, as far as the statement tells. */
static int32_t phrase_nothing(const struct voice *voice, struct askd_text sql, struct str *out)
{
	struct str filters = {0};
	int32_t rc;
	wording_filters(sql, &filters);
	if (filters.failed)
		rc = ASKD_E_NOMEM;
	else if (filters.n)
		rc = put(out, say(voice, "Nothing was found: no row fits {filters}.", "filters",
		                      filters.s, NULL));
	else
		rc = put(out, say(voice, "Nothing was found.", NULL));
	str_finish(&filters);
	return rc;
}

int32_t phrase_rows(const struct voice *voice, const struct rows *rows, struct askd_text question,
        struct askd_text sql, struct str *out)
{
	struct str list = {0};
	uint32_t count = rows->batch.rows, shown = count < PHRASE_ROWS ? count : PHRASE_ROWS;
	char more[24];
	int32_t rc;

	if (!count || !rows->batch.columns)
		return phrase_nothing(voice, sql, out);
	if (count == 1 && rows->batch.columns == 1)
		return phrase_single(voice, rows, question, out);
	if (count == 1 && !rows->truncated) {
		add_pairs(out, rows, voice->language);
		return out->failed ? ASKD_E_NOMEM : ASKD_OK;
	}
	for (uint32_t r = 0; r < shown; r++) {
		str_puts(&list, r ? ", " : "");
		add_row(&list, rows, r, voice->language);
	}
	if (list.failed) {
		rc = ASKD_E_NOMEM;
	} else if (shown == count) {
		rc = put(out, say_count(voice, "{count} row: {list}.", "{count} rows: {list}.",
		                      count, "*list", list.s, NULL));
	} else {
		snprintf(more, sizeof more, "%u", count - shown);
		rc = put(out, say_count(voice, "{count} row: {list} and {more} more.",
		                      "{count} rows: {list} and {more} more.", count, "*list",
		                      list.s, "more", more, NULL));
	}
	str_finish(&list);
	if (!rc && rows->truncated) {
		str_puts(out, " ");
		rc = put(out, say(voice, "There are more rows than can be shown.", NULL));
	}
	return rc;
}
