/* console.c: askd ask, a question from a terminal. */
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "chat.h"
#include "exchange.h"
#include "reading.h"

#define USAGE "askd ask [-d DATABASE] [--session ID] [--json] \"QUESTION\""

static int32_t console_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct console *console = self;
	int32_t rc;
	console->host = host;
	rc = askd_need(host, "askd.turn/1", &console->turn, reterr);
	if (!rc)
		rc = askd_need(host, "askd.query/1", &console->query, reterr);
	if (!rc)
		rc = askd_need(host, "askd.i18n/1", &console->i18n, reterr);
	return rc;
}

ASKD_DEFINE(console_capabilities, askd_nothing, askd_capabilities)
{
	out->flags = ASKD_TRANSPORT_SYNCHRONOUS;
	return ASKD_OK;
}

/* ---- what happens meanwhile ------------------------------------------------------------------ */

struct watcher {
	struct page_voice voice;
	int32_t err;
	bool terminal, written;
};

const char *stage_text(const struct page_voice *voice, const char *stage)
{
	if (!strcmp(stage, "analysis"))
		return page_say(voice, "Reading the question ...", NULL);
	if (!strcmp(stage, "database"))
		return page_say(voice, "Asking the database ...", NULL);
	if (!strcmp(stage, "answer"))
		return page_say(voice, "Writing the answer ...", NULL);
	return page_say(voice, "Working ...", NULL);
}

static int32_t watch(const struct askd_progress_sink *sink, const struct askd_progress *progress)
{
	struct watcher *watcher = sink->owner;
	struct screen line = {.width = 80};
	if (!watcher->terminal || progress->kind != ASKD_PROGRESS_STAGE)
		return ASKD_OK;
	screen_raw(&line, "\r\033[K");
	screen_raw(&line, stage_text(&watcher->voice, progress->stage.s ? progress->stage.s : ""));
	watcher->written |= screen_write(&line, watcher->voice.call, watcher->err);
	screen_finish(&line);
	return ASKD_OK;
}

/* ---- the question ---------------------------------------------------------------------------- */

/* All of `in`. NULL: *problem says why. */
static json_t *read_question(struct askd_call *call, int32_t in, const char **problem)
{
	json_t *question = NULL;
	size_t n = 0;
	char *text = reading(call, in, QUESTION_BYTES, false, &n, problem);

	if (n > QUESTION_BYTES)
		*problem = "it is longer than 64 KB";
	while (n && strchr(" \t\r\n", text[n - 1]) && text[n - 1])
		n--;
	if (text && n <= QUESTION_BYTES) {
		question = memchr(text, 0, n) ? NULL : json_stringn(text, n);
		*problem = "it is not UTF-8 text";
	}
	free(text);
	return question;
}

static bool is_blank(const json_t *question)
{
	const char *text = json_string_value(question);
	return !text || !text[strspn(text, " \t\r\n")];
}

void complain(const struct page_voice *voice, int32_t err, const char *text)
{
	struct screen line = {.width = 80};
	screen_raw(&line, "askd: ");
	screen_text(&line, text, strlen(text), true, 0);
	screen_raw(&line, "\n");
	(void)screen_write(&line, voice->call, err);
	screen_finish(&line);
}

bool wrong_usage(
        const struct arguments *a, const struct page_voice *voice, const char *usage, int32_t err)
{
	if (a->needs)
		complain(voice, err,
		        page_say(voice, "the option {option} needs a value; usage: {usage}",
		                "*option", a->needs, "*usage", usage, NULL));
	else if (a->unknown[0] && a->nearest)
		complain(voice, err,
		        page_say(voice, "there is no option {option}; did you mean {nearest}?",
		                "*option", a->unknown, "*nearest", a->nearest, NULL));
	else if (a->unknown[0])
		complain(voice, err,
		        page_say(voice, "there is no option {option}; usage: {usage}", "*option",
		                a->unknown, "*usage", usage, NULL));
	return a->needs || a->unknown[0];
}

/* ---- ask ------------------------------------------------------------------------------------- */

static int32_t show(const struct page_voice *voice, const struct askd_verb_call *in, bool json,
        const struct askd_reply *reply)
{
	struct screen page;
	json_t *object = NULL;
	bool written;
	screen_init(&page, in->out);
	if (json) {
		written = screen_write_bytes(
		                  voice->call, in->out, reply->object.s, reply->object.n) &&
		          screen_write_bytes(voice->call, in->out, "\n", 1);
	} else {
		object = json_loadb(reply->object.s, reply->object.n, 0, NULL);
		if (!json_is_object(object)) {
			complain(
			        voice, in->err, page_say(voice, "the answer cannot be read", NULL));
			written = false;
		} else {
			page_print(&page, voice, object, reply->kind, false);
			written = screen_write(&page, voice->call, in->out);
		}
	}
	json_decref(object);
	screen_finish(&page);
	if (!written || reply->kind == ASKD_TURN_ERROR)
		return STATUS_ERROR;
	return reply->kind == ASKD_TURN_ANSWER ? STATUS_ANSWERED : STATUS_UNANSWERED;
}

static int32_t ask(const struct console *console, const struct page_voice *voice,
        const struct askd_verb_call *in, const struct arguments *a, const json_t *question)
{
	struct watcher watcher = {
	        .voice = *voice, .err = in->err, .terminal = isatty(in->err) == 1};
	struct askd_progress_sink sink = {.size = sizeof sink, .owner = &watcher, .put = watch};
	struct askd_error err = {.code = 0};
	ASKD_MAKE(struct askd_reply, reply, .kind = ASKD_TURN_ERROR);
	ASKD_MAKE(struct askd_event, event, .kind = ASKD_EVENT_TEXT,
	        .conversation = askd_text_of(a->session),
	        .text = {json_string_value(question), json_string_length(question)},
	        .database = askd_text_of(a->database), .progress = &sink);
	int32_t rc = console->turn->ask(console->host, voice->call, &event, &reply, &err);
	if (watcher.written)
		(void)screen_write_bytes(voice->call, in->err, "\r\033[K", 4);
	if (rc == ASKD_E_CANCELED) {
		complain(voice, in->err, page_say(voice, "canceled", NULL));
		return STATUS_ERROR;
	}
	if (rc || !reply.object.s) {
		complain(voice, in->err,
		        page_say(voice, "the question could not be asked: {reason}", "*reason",
		                err.message[0] ? err.message : "no answer came", NULL));
		return STATUS_ERROR;
	}
	return show(voice, in, a->json, &reply);
}

ASKD_DEFINE(console_ask, askd_verb_call, askd_verb_result)
{
	const struct console *console = self;
	struct page_voice voice = {console->host, console->i18n, call};
	struct arguments a;
	json_t *question = NULL;
	const char *problem;
	int32_t rc = ASKD_OK;

	out->status = STATUS_ERROR;
	if (!arguments_read(&a, ask_options, in->args.s, in->args.n)) {
		rc = askd_fail(reterr, ASKD_E_INVALID, "the arguments are no list of texts");
		goto out;
	}
	if (wrong_usage(&a, &voice, USAGE, in->err))
		goto out;
	if (a.exchange) {
		out->status = exchange(console, call, in->in, in->out);
		goto out;
	}
	if (a.help) {
		const char *help = page_say(&voice,
		        "Usage: {usage}\n\n"
		        "Answers a question from a database. -d selects the database, --session\n"
		        "continues an earlier conversation, --json prints the whole answer as "
		        "JSON.\n"
		        "Without a question, or with \"-\", it is read from standard input.\n",
		        "*usage", USAGE, NULL);
		if (screen_write_bytes(call, in->out, help, strlen(help)))
			out->status = STATUS_ANSWERED;
		goto out;
	}
	question = json_incref(a.question);
	if (!question && (a.standard_input || isatty(in->in) != 1)) {
		question = read_question(call, in->in, &problem);
		if (!question) {
			complain(&voice, in->err,
			        page_say(&voice, "the question on standard input: {problem}",
			                "*problem", page_say(&voice, problem, NULL), NULL));
			goto out;
		}
	}
	if (json_string_length(question) > QUESTION_BYTES) {
		complain(&voice, in->err,
		        page_say(&voice, "the question is longer than 64 KB", NULL));
		goto out;
	}
	if (is_blank(question)) {
		complain(&voice, in->err,
		        page_say(&voice, "there is no question; try: askd ask {example}",
		                "*example",
		                "\"How much did the customers of each city order in all?\"", NULL));
		goto out;
	}
	out->status = ask(console, &voice, in, &a, question);
out:
	json_decref(question);
	arguments_finish(&a);
	return rc;
}

/* ---- chat ------------------------------------------------------------------------------------ */

ASKD_DEFINE(console_chat, askd_verb_call, askd_verb_result)
{
	return chat_run(self, call, in, out, reterr);
}

/* ---- tables ---------------------------------------------------------------------------------- */

ASKD_MAKE(static const struct askd_verb, verb_ask, .name = "ask", .usage = USAGE,
        .help = "Answers a question from a database.", .run = console_ask);
ASKD_MAKE(static const struct askd_verb, verb_chat, .flags = ASKD_VERB_CLIENT, .name = "chat",
        .usage = CHAT_USAGE, .help = "Answers questions in a conversation.", .run = console_chat);
static const struct askd_verb *const verb_list[] = {&verb_ask, &verb_chat, NULL};
ASKD_MAKE(static const struct askd_verbs, verbs, .verbs = verb_list);
ASKD_MAKE(static const struct askd_extension, extension, .id = "askd.verbs/1", .table = &verbs);
static const struct askd_extension *const extensions[] = {&extension, NULL};
ASKD_MAKE(static const struct askd_transport_iface, iface, .capabilities = console_capabilities);
ASKD_PLUGIN(.kind = ASKD_KIND_TRANSPORT, .name = "console", .version = "0.9.0",
        .summary = "questions from a terminal", .license = "MIT",
        .instance_size = sizeof(struct console), .flags = ASKD_CONCURRENT, .open = console_open,
        .iface = &iface, .extensions = extensions);
