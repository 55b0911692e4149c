#include "page.h"

#include <stdlib.h>

#include "table.h"

enum { SAY_ARGS = 8 };

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

/* ---- the rows -------------------------------------------------------------------------------- */

static void print_data(
        struct screen *screen, const struct page_voice *voice, const json_t *object, bool chat)
{
	const json_t *columns = json_object_get(object, "columns");
	const json_t *data = json_object_get(object, "data");
	size_t rows = json_array_size(data), count = json_array_size(columns);

	/* A single value stands in the answer. */
	if (rows && count && (rows > 1 || count > 1)) {
		screen_raw(screen, "\n");
		table_print(screen, voice, columns, data, chat ? CHAT_ROWS : PAGE_ROWS,
		        chat ? "... and {rows} more rows: /csv FILE writes all of them."
		             : "... and {rows} more rows, use --json for all.");
	}
	if (json_is_true(json_object_get(object, "truncated"))) {
		screen_raw(
		        screen, page_say(voice, "The database holds more rows than these.", NULL));
		screen_raw(screen, "\n");
	}
}

/* A skill may have put them into its words, numbers and all. */
static bool says_picks(const char *text, const json_t *list)
{
	json_t *first = json_sprintf("1. %s", json_string_value(json_array_get(list, 0)));
	bool found = first && text && strstr(text, json_string_value(first));

	json_decref(first);
	return found;
}

/* What one can choose from or ask next, by number. */
static void print_picks(struct screen *screen, const struct page_voice *voice, const json_t *object,
        const char *text)
{
	const json_t *list = page_picks(object), *pick;
	char number[32];
	size_t i;

	if (!list || says_picks(text, list))
		return;
	screen_raw(screen, "\n");
	if (list != json_object_get(object, "choices")) {
		screen_raw(screen, page_say(voice, "You could ask:", NULL));
		screen_raw(screen, "\n");
	}
	json_array_foreach(list, i, pick)
	{
		snprintf(number, sizeof number, "%zu. ", i + 1);
		screen_raw(screen, number);
		screen_text(screen, json_string_value(pick), json_string_length(pick), false, 0);
		screen_raw(screen, "\n");
	}
}

/* ---- the lines below ------------------------------------------------------------------------- */

void page_dim(struct screen *screen, const char *s)
{
	screen_dim(screen, true);
	screen_prose(screen, s, strlen(s), 0);
	screen_dim(screen, false);
	screen_raw(screen, "\n");
}

bool page_dollars(const json_t *pico, char out[40])
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
	screen_raw(&line, page_dollars(json_object_get(cost, "pico"), amount)
	                          ? amount
	                          : page_say(voice, "cost unknown", NULL));
	if (!line.failed)
		page_dim(screen, line.s);
	screen->failed |= line.failed;
	screen_finish(&line);
}

const json_t *page_picks(const json_t *object)
{
	static const char *const names[] = {"choices", "suggestions"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const json_t *list = json_object_get(object, names[i]);

		if (json_array_size(list))
			return list;
	}
	return NULL;
}

void page_print(struct screen *screen, const struct page_voice *voice, const json_t *object,
        uint32_t kind, bool chat)
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
	print_data(screen, voice, object, chat);
	print_picks(screen, voice, object, json_string_value(answer));
	if ((sql && *sql) || (explanation && *explanation) || was_called(object))
		screen_raw(screen, "\n");
	if (sql && *sql) {
		screen_dim(screen, true);
		screen_raw(screen, page_say(voice, "SQL: ", NULL));
		screen_text(screen, sql, strlen(sql), true, 0);
		screen_dim(screen, false);
		screen_raw(screen, "\n");
	}
	if (explanation && *explanation)
		page_dim(screen, explanation);
	print_cost(screen, voice, object);
	if (session && *session && !chat)
		page_dim(screen,
		        kind == ASKD_TURN_CLARIFY
		                ? page_say(voice, "To reply: askd ask --session {session} \"...\"",
		                          "*session", session, NULL)
		                : page_say(voice, "To go on: askd ask --session {session} \"...\"",
		                          "*session", session, NULL));
}
