#include "page.h"

#include <ctype.h>
#include <stdlib.h>

enum { PAGE_COLUMNS = 64, NARROWEST = 4, GAP = 2, SAY_ARGS = 8 };

const char *page_say(const struct page_voice *voice, const char *text, ...)
{
	struct askd_header list[SAY_ARGS];
	const struct askd_header *args[SAY_ARGS + 1] = {NULL};
	ASKD_MAKE(struct askd_i18n_result, result, .text = {0});
	ASKD_MAKE(struct askd_i18n_text, in, .count = 1, .text = askd_text_of(text), .args = args);
	va_list ap;
	va_start(ap, text);
	for (uint32_t n = 0; n < SAY_ARGS; n++) {
		const char *name = va_arg(ap, const char *);
		if (!name)
			break;
		list[n] = (struct askd_header){.size = sizeof list[n],
		        .name = askd_text_of(name),
		        .value = askd_text_of(va_arg(ap, const char *))};
		args[n] = &list[n];
	}
	va_end(ap);
	if (voice->i18n->text(voice->host, voice->call, &in, &result, NULL) || !result.text.s)
		return text;
	return result.text.s;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* The text of a cell, in `small` where it is no text. */
static const char *cell_text(const json_t *cell, char small[64], size_t *n)
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
	uint32_t width[PAGE_COLUMNS];
	bool number[PAGE_COLUMNS];
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
		const char *s = cell_text(cell, small, &n);
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

/* Narrows the widest column, texts before numbers; then leaves columns out. */
static void fit(struct table *t, uint32_t width)
{
	while (total(t) > width) {
		size_t widest = t->count;
		for (int numbers = 0; numbers < 2 && widest == t->count; numbers++)
			for (size_t c = 0; c < t->count; c++)
				if (t->number[c] == numbers &&
				        t->width[c] > (numbers ? NARROWEST : 8) &&
				        (widest == t->count || t->width[c] > t->width[widest]))
					widest = c;
		if (widest < t->count)
			t->width[widest]--;
		else if (t->count > 1)
			t->count--;
		else
			return;
	}
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

static void print_table(struct screen *screen, const struct page_voice *voice, struct table *t)
{
	char number[32];
	size_t columns = json_array_size(t->columns);
	for (size_t c = 0; c < t->count; c++)
		measure(t, c);
	fit(t, screen->width);
	screen_raw(screen, "\n");
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
			const char *s = cell_text(table_cell(t, r, c), small, &n);
			print_cell(screen, t, c, s, n, c + 1 == t->count);
		}
		screen_raw(screen, "\n");
	}
	if (t->shown < t->rows) {
		snprintf(number, sizeof number, "%zu", t->rows - t->shown);
		screen_raw(screen, page_say(voice, "... and {rows} more rows, use --json for all.",
		                           "*rows", number, NULL));
		screen_raw(screen, "\n");
	}
	if (t->count < columns) {
		snprintf(number, sizeof number, "%zu", columns - t->count);
		screen_raw(screen,
		        page_say(voice, "... and {columns} more columns, use --json for all.",
		                "*columns", number, NULL));
		screen_raw(screen, "\n");
	}
}

static void print_data(struct screen *screen, const struct page_voice *voice, const json_t *object)
{
	struct table t = {.columns = json_object_get(object, "columns"),
	        .data = json_object_get(object, "data")};
	t.rows = json_array_size(t.data);
	t.shown = t.rows < PAGE_ROWS ? t.rows : PAGE_ROWS;
	t.count = json_array_size(t.columns);
	if (t.count > PAGE_COLUMNS)
		t.count = PAGE_COLUMNS;
	for (size_t c = 0; c < t.count; c++)
		if (!json_is_string(json_array_get(t.columns, c)))
			return;
	/* A single value stands in the answer. */
	if (t.rows && t.count && (t.rows > 1 || t.count > 1))
		print_table(screen, voice, &t);
	if (json_is_true(json_object_get(object, "truncated"))) {
		screen_raw(
		        screen, page_say(voice, "The database holds more rows than these.", NULL));
		screen_raw(screen, "\n");
	}
}

/* ---- the lines below ------------------------------------------------------------------------- */

static void dim_line(struct screen *screen, const char *s)
{
	screen_dim(screen, true);
	screen_text(screen, s, strlen(s), true, 0);
	screen_dim(screen, false);
	screen_raw(screen, "\n");
}

/* Pico-dollars as dollars: at least four digits behind the dot, and all that matter. */
static bool dollars(const json_t *pico, char out[40])
{
	const char *s = json_string_value(pico);
	long long n = s ? strtoll(s, NULL, 10) : (long long)json_integer_value(pico);
	size_t length;
	if (!json_is_integer(pico) && !s)
		return false;
	snprintf(out, 40, "$%lld.%012lld", n / 1000000000000, llabs(n % 1000000000000));
	for (length = strlen(out); out[length - 1] == '0' && out[length - 5] != '.';)
		out[--length] = 0;
	return true;
}

/* A call that never reached a model: nothing was read, written or paid. */
static bool is_idle(const json_t *stage)
{
	const json_t *cost = json_object_get(stage, "cost_pico");

	return json_is_integer(cost) && !json_integer_value(cost) &&
	       !json_integer_value(json_object_get(stage, "input_tokens")) &&
	       !json_integer_value(json_object_get(stage, "output_tokens"));
}

static bool was_called(const json_t *object)
{
	const json_t *stages = json_object_get(object, "stages"), *stage;
	size_t i;

	json_array_foreach(stages, i, stage)
	{
		if (!is_idle(stage))
			return true;
	}
	return false;
}

static void print_cost(struct screen *screen, const struct page_voice *voice, const json_t *object)
{
	const json_t *stages = json_object_get(object, "stages");
	const json_t *cost = json_object_get(object, "cost");
	struct screen line = {.width = screen->width};
	const json_t *stage;
	char amount[40];
	size_t i;
	if (!was_called(object))
		return;
	json_array_foreach(stages, i, stage)
	{
		if (is_idle(stage))
			continue;
		const char *name = json_string_value(json_object_get(stage, "stage"));
		const char *llm = json_string_value(json_object_get(stage, "llm"));
		const char *model = json_string_value(json_object_get(stage, "model"));
		char input[24], output[24];
		snprintf(input, sizeof input, "%lld",
		        (long long)json_integer_value(json_object_get(stage, "input_tokens")));
		snprintf(output, sizeof output, "%lld",
		        (long long)json_integer_value(json_object_get(stage, "output_tokens")));
		screen_raw(&line, line.n ? ", " : "");
		screen_raw(&line, name ? name : "?");
		screen_raw(&line, " ");
		screen_raw(&line, llm ? llm : "?");
		screen_raw(&line, model ? "/" : "");
		screen_raw(&line, model ? model : "");
		screen_raw(&line, " ");
		screen_raw(&line, page_say(voice, "{input}+{output} tokens", "*input", input,
		                          "*output", output, NULL));
	}
	screen_raw(&line, ", ");
	screen_raw(&line, dollars(json_object_get(cost, "pico"), amount)
	                          ? amount
	                          : page_say(voice, "cost unknown", NULL));
	if (!line.failed)
		dim_line(screen, line.s);
	screen->failed |= line.failed;
	screen_finish(&line);
}

/* Questions that could be asked instead, or next. */
static void print_suggestions(
        struct screen *screen, const struct page_voice *voice, const json_t *suggestions)
{
	const json_t *item;
	size_t i;
	if (json_array_size(suggestions)) {
		screen_raw(screen, "\n");
		screen_raw(screen, page_say(voice, "You could ask:", NULL));
		screen_raw(screen, "\n");
	}
	json_array_foreach(suggestions, i, item)
	{
		screen_raw(screen, "  ");
		screen_text(screen, json_string_value(item), json_string_length(item), false, 0);
		screen_raw(screen, "\n");
	}
}

void page_print(
        struct screen *screen, const struct page_voice *voice, const json_t *object, uint32_t kind)
{
	const json_t *answer = json_object_get(object, "answer");
	const char *sql = json_string_value(json_object_get(object, "sql"));
	const char *explanation = json_string_value(json_object_get(object, "explanation"));
	const char *session = json_string_value(json_object_get(object, "session_id"));

	if (!json_string_length(answer))
		answer = json_object_get(object, "message");
	if (json_string_length(answer)) {
		screen_markdown(screen, json_string_value(answer), json_string_length(answer));
		screen_raw(screen, "\n");
	}
	print_data(screen, voice, object);
	print_suggestions(screen, voice, json_object_get(object, "suggestions"));
	if ((sql && *sql) || (explanation && *explanation) || was_called(object))
		screen_raw(screen, "\n");
	if (sql && *sql)
		dim_line(screen, page_say(voice, "SQL: {sql}", "*sql", sql, NULL));
	if (explanation && *explanation)
		dim_line(screen, explanation);
	print_cost(screen, voice, object);
	if (session && *session)
		dim_line(screen,
		        kind == ASKD_TURN_CLARIFY
		                ? page_say(voice, "To reply: askd ask --session {session} \"...\"",
		                          "*session", session, NULL)
		                : page_say(voice, "To go on: askd ask --session {session} \"...\"",
		                          "*session", session, NULL));
}
