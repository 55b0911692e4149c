/* chat.h: askd chat, a conversation at a terminal. It runs in the person's own process: keys,
 * pages, files and signals are here; what needs the state is asked by errands. */
#ifndef CONSOLE_CHAT_H
#define CONSOLE_CHAT_H

#include "chat_input.h"
#include "console.h"
#include "errand.h"

#define CHAT_USAGE "askd chat [-d DATABASE] [--session ID]"

enum { LIVE_LINES = 256 };

/* What is rewritten while a question runs: the answer so far, and a line that says what happens. */
struct live {
	bool on;                            /* a terminal that can do it */
	bool drawn;                         /* it stands on the screen */
	struct screen draft;                /* CommonMark */
	char stage[32];                     /* as askd_progress names it */
	bool changed;                       /* since it was drawn */
	int64_t seconds;                    /* that it had taken when it was drawn */
	int64_t since;                      /* seconds, CLOCK_MONOTONIC */
	uint32_t widths[LIVE_LINES], lines; /* of what is drawn */
};

struct chat {
	const struct console *console;
	struct askd_call *call;  /* of the verb */
	struct page_voice voice; /* with a call of its own for each line */
	int in, out, err;
	const char *config, *session;
	const char *wanted; /* -d; NULL: none */
	struct input *input;
	struct errand hold; /* has the state, where nobody else has it */
	struct live live;
	json_t *databases;            /* names of those that may be asked */
	json_t *last;                 /* the last answer, as --json prints it; NULL: none */
	json_t *tables;               /* of `database`; NULL: not asked yet */
	char database[256];           /* the last answer's; empty: none yet */
	char told[512];               /* the last note of an errand */
	bool asked, leaving, talking; /* talking: standard error is a part of the conversation */
	bool silent;                  /* nothing may be printed now */
	bool served;                  /* somebody else has the state */
	bool complained;              /* since the question was asked */
};

/* ---- chat.c ---- */

int32_t chat_run(const struct console *console, struct askd_call *call,
        const struct askd_verb_call *in, struct askd_verb_result *out, struct askd_error *reterr);
/* A question, or a command of a skill. */
void chat_ask(struct chat *chat, const char *text);
/* Shows what is on the page, and empties it. */
void chat_show(struct chat *chat, struct screen *page);
/* A line of ours. The text comes from page_say. */
void chat_tell(struct chat *chat, const char *text);
/* What the errands could not do. */
void chat_complain(struct chat *chat, const char *text);
/* y or n, where a person is there to say it; else `otherwise`. */
bool chat_confirm(struct chat *chat, const char *question, bool otherwise);
/* The tables of the database, asked once; anew: now. NULL: none, and it has been said why. */
const json_t *chat_tables(struct chat *chat, bool anew);

/* ---- chat_errand.c ---- */

/* Does an errand: takes over `request`; `take` gets each line that comes back. false: it was
 * stopped by Ctrl-C. */
bool chat_errand(struct chat *chat, json_t *request,
        void (*take)(struct chat *chat, void *arg, json_t *line), void *arg);
/* Sees to it that somebody has the state while we talk: whoever else has it, or a process of our
 * own; the one who had it may be gone by now. false: nobody can, and it has been said why. */
bool chat_hold(struct chat *chat);
/* Ends that. The process may serve others yet; Ctrl-C ends it at once. */
void chat_let_go(struct chat *chat);
/* Prints what an errand, or the holder, has written for people. */
void chat_show_errors(struct chat *chat, struct errand *errand);

/* ---- chat_rows.c ---- */

void chat_show_tables(struct chat *chat, const char *name); /* empty: all */
void chat_show_csv(struct chat *chat, const char *file);    /* empty: standard output */

/* ---- chat_commands.c ---- */

/* Is there a last answer? If not it is said. */
bool chat_has_answer(struct chat *chat);

/* Runs a command of the chat. false: it is none. */
bool chat_command(struct chat *chat, const char *line);
extern const char *const chat_command_names[]; /* with the slash, NULL-terminated */

/* ---- chat_complete.c ---- */

/* Names of tables and columns and commands that could stand at the end of the line; *start: where
 * in it they would begin. tables: as {"do":"tables"} gives them; may be NULL. A new list. */
json_t *chat_complete(const json_t *tables, const char *line, size_t *start);
/* Is a table's name likely to be wanted there? */
bool chat_complete_needs_tables(const char *line);

/* ---- chat_show.c ---- */

void live_begin(struct live *live);
void live_stage(struct live *live, const char *stage);
void live_draft(struct live *live, const char *text, size_t n, bool more);
void live_draw(struct chat *chat);  /* where there is something new */
void live_erase(struct chat *chat); /* the screen is as if it had never been there */
void live_end(struct chat *chat);

#endif
