/* chat_commands.c: what begins with a slash. */
#include <ctype.h>

#include "chat.h"

enum { NAME_BYTES = 40, LABEL_WIDTH = 12, USAGE_WIDTH = 17 };

struct command {
	const char *name, *arguments, *help;
	void (*run)(struct chat *chat, const char *rest);
};

static const char *text_at(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static const char *say(const struct chat *chat, const char *text)
{
	return page_say(&chat->voice, text, NULL);
}

/* ---- what the last answer was ---------------------------------------------------------------- */

bool chat_has_answer(struct chat *chat)
{
	if (!chat->last)
		chat_tell(chat, say(chat, "Nothing has been asked yet."));
	return chat->last != NULL;
}

static void show_sql(struct chat *chat, const char *rest)
{
	const char *sql = text_at(chat->last, "sql");
	struct screen page;

	(void)rest;
	if (!chat_has_answer(chat))
		return;
	if (!sql || !*sql) {
		chat_tell(chat, say(chat, "The last answer came without a statement."));
		return;
	}
	screen_init(&page, chat->out);
	screen_text(&page, sql, strlen(sql), true, 0);
	screen_raw(&page, "\n");
	chat_show(chat, &page);
}

/* "label       text" */
static void row_at(struct screen *page, uint32_t width, const char *label, const char *text)
{
	uint32_t w = screen_text(page, label, strlen(label), false, 0);
	uint32_t blanks = w < width ? width - w : 1;

	screen_blanks(page, blanks);
	screen_prose(page, text, strlen(text), w + blanks);
	screen_raw(page, "\n");
}

static void row(struct screen *page, const char *label, const char *text)
{
	row_at(page, LABEL_WIDTH, label, text);
}

static void row_number(
        struct screen *page, const char *label, const json_t *number, const char *unit)
{
	char text[64];

	snprintf(text, sizeof text, "%lld%s", (long long)json_integer_value(number), unit);
	row(page, label, text);
}

static void why_stages(struct chat *chat, struct screen *page, const json_t *object)
{
	const json_t *stages = json_object_get(object, "stages"), *stage;
	size_t i;

	json_array_foreach(stages, i, stage)
	{
		const char *name = text_at(stage, "stage"), *llm = text_at(stage, "llm");
		const char *model = text_at(stage, "model"), *left = text_at(stage, "left");
		char input[24], output[24], ms[24], price[40];

		snprintf(input, sizeof input, "%lld",
		        (long long)json_integer_value(json_object_get(stage, "input_tokens")));
		snprintf(output, sizeof output, "%lld",
		        (long long)json_integer_value(json_object_get(stage, "output_tokens")));
		snprintf(ms, sizeof ms, "%lld",
		        (long long)json_integer_value(json_object_get(stage, "ms")));
		row(page, name ? name : "?",
		        page_say(&chat->voice,
		                "{llm}/{model}, {input}+{output} tokens, {price}, {ms} ms; left "
		                "the "
		                "house: {left}",
		                "*llm", llm ? llm : "?", "*model", model ? model : "?", "*input",
		                input, "*output", output, "*price",
		                page_dollars(json_object_get(stage, "cost_pico"), price)
		                        ? price
		                        : say(chat, "cost unknown"),
		                "*ms", ms, "*left", left ? left : "?", NULL));
	}
}

static void why_queries(struct chat *chat, struct screen *page, const json_t *receipt)
{
	const json_t *queries = json_object_get(receipt, "queries"), *query;
	size_t i;

	json_array_foreach(queries, i, query)
	{
		const char *verdict = text_at(query, "verdict"), *sql = text_at(query, "sql");
		char rows[24], ms[24];

		snprintf(rows, sizeof rows, "%lld",
		        (long long)json_integer_value(json_object_get(query, "rows")));
		snprintf(ms, sizeof ms, "%lld",
		        (long long)json_integer_value(json_object_get(query, "ms")));
		row(page, say(chat, "statement"), sql ? sql : "?");
		row(page, "",
		        page_say(&chat->voice, "{verdict}; rows: {rows}; {ms} ms", "*verdict",
		                verdict ? verdict : "?", "*rows", rows, "*ms", ms, NULL));
	}
}

static void show_why(struct chat *chat, const char *rest)
{
	const json_t *receipt = json_object_get(chat->last, "receipt");
	const json_t *cost = json_object_get(chat->last, "cost"), *dropped, *sentence;
	const char *understood = text_at(receipt, "understood"), *left = text_at(receipt, "left");
	const char *verdict = text_at(receipt, "verdict");
	struct screen page;
	char price[40], tenths[32];
	size_t i;

	(void)rest;
	if (!chat_has_answer(chat))
		return;
	if (!understood)
		understood = text_at(receipt, "question");
	screen_init(&page, chat->out);
	row(&page, say(chat, "question"), understood ? understood : "?");
	if (text_at(receipt, "database"))
		row(&page, say(chat, "database"), text_at(receipt, "database"));
	if (text_at(receipt, "skill"))
		row(&page, say(chat, "skill"), text_at(receipt, "skill"));
	why_stages(chat, &page, chat->last);
	why_queries(chat, &page, receipt);
	if (verdict)
		row(&page, say(chat, "gate"), verdict);
	if (json_integer_value(json_object_get(receipt, "repairs")))
		row_number(&page, say(chat, "corrected"), json_object_get(receipt, "repairs"), "x");
	dropped = json_object_get(receipt, "dropped");
	json_array_foreach(dropped, i, sentence)
	{
		row(&page, say(chat, "left out"), json_string_value(sentence));
	}
	if (json_is_integer(json_object_get(receipt, "confidence_milli"))) {
		snprintf(tenths, sizeof tenths, "%lld %%",
		        (long long)json_integer_value(
		                json_object_get(receipt, "confidence_milli")) /
		                10);
		row(&page, say(chat, "confidence"), tenths);
	}
	row(&page, say(chat, "cost"),
	        page_dollars(json_object_get(cost, "pico"), price) ? price
	                                                           : say(chat, "cost unknown"));
	row(&page, say(chat, "left"), left ? left : "?");
	chat_show(chat, &page);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void take_forgotten(struct chat *chat, void *arg, json_t *line)
{
	const char *failed = text_at(line, "failed");

	if (failed)
		chat_complain(chat, page_say(&chat->voice, "nothing was forgotten: {reason}",
		                            "*reason", failed, NULL));
	else
		*(bool *)arg = json_is_integer(json_object_get(line, "forgotten"));
}

static void clear(struct chat *chat, const char *rest)
{
	bool forgotten = false;

	(void)rest;
	if (!chat_confirm(chat, say(chat, "Forget what was said in this conversation?"), true)) {
		chat_tell(chat, say(chat, "Nothing was forgotten."));
		return;
	}
	chat_errand(chat, json_pack("{s:s,s:s}", "do", "forget", "session", chat->session),
	        take_forgotten, &forgotten);
	if (!forgotten)
		return;
	json_decref(chat->last);
	chat->last = NULL;
	chat->asked = false;
	chat_tell(chat, say(chat, "Forgotten. The next question begins a new conversation."));
}

static void cancel(struct chat *chat, const char *rest)
{
	(void)rest;
	chat_tell(chat, say(chat, "Nothing is running. While a question runs, Ctrl-C stops it."));
}

static void quit(struct chat *chat, const char *rest)
{
	(void)rest;
	chat->leaving = true;
}

static void help(struct chat *chat, const char *rest);

static const struct command commands[] = {
        {"/help", "", "this list", help},
        {"/tables", "[TABLE]", "the tables, or the columns of one", chat_show_tables},
        {"/sql", "", "the statement of the last answer", show_sql},
        {"/why", "", "how the last answer came about, and what it cost", show_why},
        {"/csv", "[FILE]", "all rows of the last answer, for a spreadsheet", chat_show_csv},
        {"/clear", "", "forgets this conversation", clear},
        {"/cancel", "", "Ctrl-C stops a question that runs", cancel},
        {"/quit", "", "leaves, as Ctrl-D does", quit},
};
enum { COMMANDS = sizeof commands / sizeof *commands };
const char *const chat_command_names[] = {
        "/help", "/tables", "/sql", "/why", "/csv", "/clear", "/cancel", "/quit", NULL};

static void help(struct chat *chat, const char *rest)
{
	struct screen page;
	const char *what;
	char usage[40];

	(void)rest;
	screen_init(&page, chat->out);
	what = say(chat,
	        "A question in your own words, the number of something that was offered, or:");
	screen_prose(&page, what, strlen(what), 0);
	screen_raw(&page, "\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		snprintf(usage, sizeof usage, "%s %s", commands[i].name, commands[i].arguments);
		row_at(&page, USAGE_WIDTH, usage, say(chat, commands[i].help));
	}
	chat_show(chat, &page);
}

/* A command that is not ours may be a skill's; the host knows. */
static void ask_host(struct chat *chat, const char *line, const char *word)
{
	json_t *before = json_incref(chat->last);
	const json_t *receipt;
	const char *kind, *nearest = arguments_nearest(word, chat_command_names);

	chat_ask(chat, line);
	kind = text_at(chat->last, "kind");
	receipt = json_object_get(chat->last, "receipt");
	if (chat->last == before || !kind || strcmp(kind, "declined") != 0 ||
	        text_at(receipt, "skill")) {
		json_decref(before);
		return;
	}
	/* Nobody's: the answer before it remains the last one. */
	json_decref(chat->last);
	chat->last = before;
	chat_tell(chat, nearest ? page_say(&chat->voice, "Did you mean {nearest}?", "*nearest",
	                                  nearest, NULL)
	                        : say(chat, "/help lists what can be typed here."));
}

bool chat_command(struct chat *chat, const char *line)
{
	char word[NAME_BYTES];
	size_t n = 0;

	if (!strcmp(line, "exit") || !strcmp(line, "quit"))
		line = "/quit";
	if (line[0] != '/' || !isalpha((unsigned char)line[1]))
		return false;
	do {
		word[n] = (char)tolower((unsigned char)line[n]);
		n++;
	} while (n < sizeof word - 1 && (isalnum((unsigned char)line[n]) || line[n] == '_'));
	word[n] = 0;
	if (line[n] && line[n] != ' ')
		return false; /* "/usr/bin" is no command */
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(word, commands[i].name)) {
			commands[i].run(chat, line + n + strspn(line + n, " "));
			return true;
		}
	ask_host(chat, line, word);
	return true;
}
