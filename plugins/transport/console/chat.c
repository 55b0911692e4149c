#include "chat.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SESSION_CHARACTERS = 22, /* 132 bits */
	RETRY_MOST_MS = 5000,    /* longer than that nobody waits without having said so */
	RETRIES = 3
};

/* ---- what is said ---------------------------------------------------------------------------- */

void chat_show(struct chat *chat, struct screen *page)
{
	live_erase(chat);
	/* Who reads us has gone: so do we. */
	if (page->n && !screen_write(page, chat->call, chat->out))
		chat->leaving = true;
	screen_finish(page);
}

void chat_tell(struct chat *chat, const char *text)
{
	struct screen page;

	screen_init(&page, chat->out);
	screen_prose(&page, text, strlen(text), 0);
	screen_raw(&page, "\n");
	chat_show(chat, &page);
}

void chat_complain(struct chat *chat, const char *text)
{
	chat->complained = true;
	if (chat->silent)
		return;
	live_erase(chat);
	complain(&chat->voice, chat->err, text);
}

bool chat_confirm(struct chat *chat, const char *question, bool otherwise)
{
	const char *line, *prompt;

	if (!input_talks(chat->input))
		return otherwise;
	prompt = page_say(&chat->voice, "{question} [y/N] ", "*question", question, NULL);
	if (input_line(chat->input, prompt, false, &line) != INPUT_LINE)
		return false;
	line += strspn(line, " ");
	return *line == 'y' || *line == 'Y';
}

/* ---- questions ------------------------------------------------------------------------------- */

struct question {
	json_t *object;
	uint32_t kind;
	int64_t retry_ms;
	bool canceled;
};

static void take_answer(struct chat *chat, void *arg, json_t *line)
{
	struct question *question = arg;
	json_t *stage = json_object_get(line, "stage"), *draft = json_object_get(line, "draft");
	json_t *object = json_object_get(line, "object");
	const char *failed = json_string_value(json_object_get(line, "failed"));

	if (stage) {
		live_stage(&chat->live, json_string_value(stage));
	} else if (draft) {
		live_draft(&chat->live, json_string_value(draft), json_string_length(draft),
		        json_is_true(json_object_get(line, "more")));
	} else if (object) {
		question->object = json_incref(object);
		question->kind = (uint32_t)json_integer_value(json_object_get(line, "kind"));
		question->retry_ms = json_integer_value(json_object_get(line, "retry_ms"));
	} else if (failed) {
		chat_complain(
		        chat, page_say(&chat->voice, "the question could not be asked: {reason}",
		                      "*reason", failed, NULL));
	} else if (json_is_true(json_object_get(line, "own"))) {
		chat->served = false; /* whoever had the state has left */
	} else {
		question->canceled |= json_is_true(json_object_get(line, "canceled"));
	}
}

static void use_database(struct chat *chat, const char *name)
{
	if (!name || !strcmp(name, chat->database))
		return;
	snprintf(chat->database, sizeof chat->database, "%s", name);
	json_decref(chat->tables);
	chat->tables = NULL;
}

static void show_answer(struct chat *chat, const struct question *question)
{
	const json_t *receipt = json_object_get(question->object, "receipt");
	struct screen page;

	json_decref(chat->last);
	chat->last = json_incref(question->object);
	chat->asked = true;
	use_database(chat, json_string_value(json_object_get(receipt, "database")));
	screen_init(&page, chat->out);
	page_print(&page, &chat->voice, question->object, question->kind, true);
	screen_raw(&page, input_talks(chat->input) ? "\n" : "");
	chat_show(chat, &page);
}

/* A limit that fills again by itself: no person has to send it again. false: nobody waits. */
static bool wait_for_limit(struct chat *chat, int64_t ms)
{
	struct pollfd signals = {.fd = input_signals(chat->input), .events = POLLIN};

	live_stage(&chat->live, "waiting");
	live_draw(chat);
	if (poll(&signals, 1, (int)ms) <= 0)
		return true;
	switch (input_signal(chat->input)) {
	case INPUT_LEAVE:
		chat->leaving = true;
		return false;
	case INPUT_INTERRUPT:
		return false;
	default:
		return true;
	}
}

void chat_ask(struct chat *chat, const char *text)
{
	struct question question = {.object = NULL};
	bool whole = true;

	chat->complained = false;
	if (!chat_hold(chat))
		return;
	for (int tries = 0; whole; tries++) {
		json_decref(question.object);
		question = (struct question){.object = NULL};
		whole = chat_errand(chat,
		        json_pack("{s:s,s:s,s:s,s:s?,s:I}", "do", "ask", "text", text, "session",
		                chat->session, "database", chat->wanted, "parent",
		                (json_int_t)getpid()),
		        take_answer, &question);
		if (question.kind != ASKD_TURN_REFUSED || question.retry_ms <= 0 ||
		        question.retry_ms > RETRY_MOST_MS || tries == RETRIES)
			break;
		whole = wait_for_limit(chat, question.retry_ms);
	}
	live_end(chat);
	if (question.object)
		show_answer(chat, &question);
	else if (!whole || question.canceled)
		chat_tell(chat, page_say(&chat->voice, "Stopped.", NULL));
	else if (!chat->complained)
		chat_complain(
		        chat, page_say(&chat->voice, "no answer came; please ask again", NULL));
	json_decref(question.object);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void take_tables(struct chat *chat, void *arg, json_t *line)
{
	const char *failed = json_string_value(json_object_get(line, "failed"));
	json_t *tables = json_object_get(line, "tables");

	(void)arg;
	if (failed)
		chat_complain(
		        chat, page_say(&chat->voice, "{database} cannot be looked into: {reason}",
		                      "*database", chat->database, "*reason", failed, NULL));
	if (tables) {
		json_decref(chat->tables);
		chat->tables = json_incref(tables);
	}
}

const json_t *chat_tables(struct chat *chat, bool anew)
{
	if (chat->tables && anew) {
		json_decref(chat->tables);
		chat->tables = NULL;
	}
	if (!chat->tables && chat->database[0])
		chat_errand(chat,
		        json_pack("{s:s,s:s}", "do", "tables", "database", chat->database),
		        take_tables, NULL);
	return chat->tables;
}

static json_t *complete(void *arg, const char *line, size_t *start)
{
	struct chat *chat = arg;
	bool on = chat->live.on;
	const json_t *tables;

	/* The line that is edited stands where all that would be written. */
	chat->silent = true;
	chat->live.on = false;
	tables = chat_complete_needs_tables(line) ? chat_tables(chat, false) : NULL;
	chat->live.on = on;
	chat->silent = false;
	return chat_complete(tables, line, start);
}

/* ---- the conversation ------------------------------------------------------------------------ */

static int hold_fd(void *arg)
{
	const struct chat *chat = arg;

	return chat->hold.process ? chat->hold.streams[ERRAND_ERR].fd : -1;
}

/* While a line is edited nothing is printed: the next page does it. */
static void hear_meanwhile(void *arg)
{
	struct chat *chat = arg;

	errand_read(&chat->hold, ERRAND_ERR);
}

static void greet(struct chat *chat)
{
	struct screen names = {0};
	const json_t *name;
	size_t i;

	json_array_foreach(chat->databases, i, name)
	{
		screen_raw(&names, i ? ", " : "");
		screen_raw(&names, json_string_value(name));
	}
	if (!names.n)
		chat_tell(chat, page_say(&chat->voice,
		                        "There is no database here that you may ask yet. Whoever "
		                        "runs askd can add one, or let you in.",
		                        NULL));
	else
		chat_tell(chat,
		        page_say(&chat->voice,
		                "Ask about {database} in your own words. /tables shows its "
		                "tables, /help the rest.",
		                "*database", chat->database[0] ? chat->database : names.s, NULL));
	chat_tell(chat, page_say(&chat->voice, "Ctrl-C stops a question, Ctrl-D leaves.", NULL));
	screen_finish(&names);
}

/* The number of something that was offered stands for it. */
static const char *meant(const struct chat *chat, const char *line)
{
	const json_t *picks = page_picks(chat->last);
	size_t digits = strspn(line, "0123456789");
	unsigned long number;

	if (!digits || digits > 3 || line[digits + strspn(line + digits, " .)")])
		return line;
	number = strtoul(line, NULL, 10);
	return number && number <= json_array_size(picks)
	               ? json_string_value(json_array_get(picks, number - 1))
	               : line;
}

static void take_line(struct chat *chat, const char *line)
{
	char *copy = strdup(meant(chat, line + strspn(line, " \t"))), *text = copy;

	if (!copy) {
		chat_complain(chat, page_say(&chat->voice, "there is no memory for it", NULL));
		return;
	}
	text += strspn(text, " \t\r");
	for (size_t n = strlen(text); n && strchr(" \t\r", text[n - 1]); n--)
		text[n - 1] = 0;
	if (*text && !chat_command(chat, text))
		chat_ask(chat, text);
	free(copy);
}

static void begin_voice(struct chat *chat)
{
	const struct askd_host *host = chat->console->host;
	struct askd_call *call = host->call_begin(host, UINT32_MAX);

	chat->voice = (struct page_voice){host, chat->console->i18n, call ? call : chat->call};
}

static void end_voice(struct chat *chat)
{
	if (chat->voice.call != chat->call)
		chat->console->host->call_end(chat->voice.call);
}

static void converse(struct chat *chat)
{
	while (!chat->leaving) {
		const char *line = NULL;
		char prompt[300];

		end_voice(chat);
		begin_voice(chat);
		if (chat->hold.process)
			chat_show_errors(chat, &chat->hold);
		snprintf(
		        prompt, sizeof prompt, "%s> ", chat->database[0] ? chat->database : "askd");
		switch (input_line(chat->input, prompt, true, &line)) {
		case INPUT_LINE:
			take_line(chat, line);
			break;
		case INPUT_CLEARED:
			break;
		case INPUT_BAD:
			chat_complain(chat,
			        page_say(&chat->voice,
			                "this line is longer than 64 KB, or no UTF-8 text", NULL));
			break;
		case INPUT_END:
			chat->leaving = true;
		}
	}
	if (input_talks(chat->input) && chat->asked)
		chat_tell(chat, page_say(&chat->voice,
		                        "To go on another time: askd chat --session {session}",
		                        "*session", chat->session, NULL));
}

/* A name that nobody can guess. */
static bool new_session(struct chat *chat, char name[static SESSION_CHARACTERS + 1])
{
	static const char letters[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const struct askd_host *host = chat->console->host;

	if (host->random(host, name, SESSION_CHARACTERS))
		return false;
	for (size_t i = 0; i < SESSION_CHARACTERS; i++)
		name[i] = letters[(unsigned char)name[i] % 64];
	name[SESSION_CHARACTERS] = 0;
	chat->session = name;
	return true;
}

static int32_t talk(struct chat *chat)
{
	const struct input_settings settings = {
	        chat->in, chat->out, chat->err, complete, hear_meanwhile, hold_fd, chat};
	const char *term = getenv("TERM");
	int32_t status = STATUS_ERROR;

	chat->input = input_open(&settings);
	if (!chat->input) {
		chat_complain(chat, page_say(&chat->voice, "the terminal cannot be used", NULL));
		return STATUS_ERROR;
	}
	chat->live.on = isatty(chat->out) == 1 && term && strcmp(term, "dumb") != 0;
	if (chat_hold(chat)) {
		if (chat->wanted)
			use_database(chat, chat->wanted);
		else if (json_array_size(chat->databases) == 1)
			use_database(chat, json_string_value(json_array_get(chat->databases, 0)));
		if (input_talks(chat->input))
			greet(chat);
		chat->talking = isatty(chat->err) == 1;
		converse(chat);
		status = STATUS_ANSWERED;
	}
	chat_let_go(chat);
	input_close(chat->input);
	return status;
}

int32_t chat_run(const struct console *console, struct askd_call *call,
        const struct askd_verb_call *in, struct askd_verb_result *out, struct askd_error *reterr)
{
	struct chat chat = {.console = console,
	        .call = call,
	        .in = in->in,
	        .out = in->out,
	        .err = in->err,
	        .config = in->config.s};
	char name[SESSION_CHARACTERS + 1];
	struct arguments a;
	int32_t rc = ASKD_OK;

	out->status = STATUS_ERROR;
	begin_voice(&chat);
	if (!arguments_read(&a, chat_options, in->args.s, in->args.n)) {
		rc = askd_fail(reterr, ASKD_E_INVALID, "the arguments are no list of texts");
		goto out;
	}
	if (wrong_usage(&a, &chat.voice, CHAT_USAGE, in->err))
		goto out;
	if (a.question || a.standard_input) {
		complain(&chat.voice, in->err,
		        page_say(&chat.voice,
		                "chat takes no question; type it at the prompt, or use: askd ask",
		                NULL));
		goto out;
	}
	if (a.help) {
		chat_tell(
		        &chat, page_say(&chat.voice,
		                       "Usage: {usage}\n\nAnswers questions in a conversation. -d "
		                       "selects the database, --session goes on with an earlier "
		                       "conversation. Questions may also come from a file or a "
		                       "pipe, one on each line.",
		                       "*usage", CHAT_USAGE, NULL));
		out->status = STATUS_ANSWERED;
		goto out;
	}
	chat.wanted = a.database;
	chat.session = a.session;
	if (!chat.session && !new_session(&chat, name)) {
		rc = askd_fail(reterr, ASKD_E_INTERNAL, "there is no name for the session");
		goto out;
	}
	out->status = talk(&chat);
out:
	end_voice(&chat);
	json_decref(chat.databases);
	json_decref(chat.last);
	json_decref(chat.tables);
	arguments_finish(&a);
	return rc;
}
