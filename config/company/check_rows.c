/* check_rows.c: from a check to its question and rows, and whether the rows of an answer are those.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { WIDEST = 32, TERMS = 4 };

/* ---- the question and its answer by hand ---- */

static json_t *value_of(sqlite3_stmt *stmt, int column)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(stmt, column));
	case SQLITE_FLOAT:
		return json_real(sqlite3_column_double(stmt, column));
	case SQLITE_NULL:
		return json_null();
	default:
		return json_string((const char *)sqlite3_column_text(stmt, column));
	}
}

/* All rows; NULL: failed. */
static json_t *rows_of(sqlite3 *db, const char *sql, int64_t seed, const char *value)
{
	json_t *rows = json_array();
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), at;
	if (!rc && (at = sqlite3_bind_parameter_index(stmt, ":seed")))
		rc = sqlite3_bind_int64(stmt, at, seed);
	if (!rc && (at = sqlite3_bind_parameter_index(stmt, ":value")))
		rc = sqlite3_bind_text(stmt, at, value, -1, SQLITE_STATIC);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		json_t *row = json_array();
		rc = SQLITE_OK;
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			rc |= json_array_append_new(row, value_of(stmt, i));
		rc |= json_array_append_new(rows, row);
	}
	sqlite3_finalize(stmt);
	if (rc != SQLITE_DONE) {
		json_decref(rows);
		return NULL;
	}
	return rows;
}

bool check_prepare(
        const struct check *check, sqlite3 *db, int64_t seed, char **question, json_t **expected)
{
	const char *mark = strstr(check->question, "{}"), *value = NULL;
	json_t *found = NULL, *rows = NULL;
	char *text = NULL;
	size_t size;
	FILE *to;
	if (check->value) {
		found = rows_of(db, check->value, seed, NULL);
		value = json_string_value(json_array_get(json_array_get(found, 0), 0));
		if (!value) {
			json_decref(found);
			return false;
		}
	}
	if (check->sql)
		rows = rows_of(db, check->sql, seed, value);
	to = open_memstream(&text, &size);
	if (to && mark && value)
		fprintf(to, "%.*s%s%s", (int)(mark - check->question), check->question, value,
		        mark + 2);
	else if (to)
		fputs(check->question, to);
	json_decref(found);
	if (!to || fclose(to) || (check->sql && !rows)) {
		free(text);
		json_decref(rows);
		return false;
	}
	*question = text;
	*expected = rows;
	return true;
}

/* ---- comparing ---- */

/* Numbers to 7 digits. */
static void print_cell(FILE *to, const json_t *cell)
{
	if (json_is_number(cell))
		fprintf(to, "%.7g\t", json_number_value(cell));
	else if (json_is_string(cell))
		fprintf(to, "'%s'\t", json_string_value(cell));
	else
		fputs("NULL\t", to);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **lines_free(char **lines)
{
	for (size_t i = 0; lines && lines[i]; i++)
		free(lines[i]);
	free(lines);
	return NULL;
}

/* The cells at `pick` of one row; NULL: no memory. */
static char *line_of(const json_t *row, const size_t *pick, size_t columns)
{
	char *line = NULL;
	size_t size;
	FILE *to = open_memstream(&line, &size);
	for (size_t c = 0; to && c < columns; c++)
		print_cell(to, json_array_get(row, pick[c]));
	if (to && fclose(to)) {
		free(line);
		line = NULL;
	}
	return line;
}

/* The columns at `pick` of all rows, a line for each, sorted unless their order counts; NULL: no
 * memory. */
static char **lines_of(const json_t *rows, const size_t *pick, size_t columns, bool ordered)
{
	size_t n = json_array_size(rows);
	char **lines = calloc(n + 1, sizeof *lines);
	for (size_t i = 0; lines && i < n; i++)
		if (!(lines[i] = line_of(json_array_get(rows, i), pick, columns)))
			lines = lines_free(lines);
	if (lines && !ordered)
		qsort(lines, n, sizeof *lines, by_text);
	return lines;
}

static bool are_equal(char *const *a, char *const *b)
{
	while (*a && *b && !strcmp(*a, *b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

bool check_agrees(const json_t *expected, const json_t *rows, bool ordered)
{
	size_t columns = json_array_size(json_array_get(expected, 0)),
	       width = json_array_size(json_array_get(rows, 0)), pick[TERMS] = {0}, ways = 1;
	char **want, **have;
	bool same = false;
	if (json_array_size(rows) != json_array_size(expected) || !columns || columns > TERMS ||
	        width > WIDEST)
		return false;
	for (size_t c = 0; c < columns; c++) {
		pick[c] = c;
		ways *= width;
	}
	want = lines_of(expected, pick, columns, ordered);
	/* Each number below `ways` is a choice of columns, written to the base of the width. */
	for (size_t way = 0; want && !same && way < ways; way++) {
		for (size_t c = 0, rest = way; c < columns; c++, rest /= width)
			pick[c] = rest % width;
		have = lines_of(rows, pick, columns, ordered);
		same = have && are_equal(want, have);
		lines_free(have);
	}
	lines_free(want);
	return same;
}
