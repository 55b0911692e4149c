/* arguments.h: the words behind `askd ask` and `askd chat`. */
#ifndef CONSOLE_ARGUMENTS_H
#define CONSOLE_ARGUMENTS_H

#include <jansson.h>
#include <stdbool.h>

enum { QUESTION_BYTES = 64 * 1024 };

struct arguments {
	json_t *list;         /* owns the texts */
	const char *database; /* NULL: the selected one */
	const char *session;  /* NULL: a new one */
	json_t *question;     /* a string; NULL: none given */
	bool json, help, standard_input, exchange;
	char unknown[64];    /* an option that does not exist; empty: none */
	const char *nearest; /* the option that was meant; NULL: unknown */
	const char *needs;   /* an option that lacks its value; NULL: none */
};

extern const char *const ask_options[], *const chat_options[]; /* those that help names */
/* args: JSON list of texts; options: one of the lists above. false: it is no list, or no memory.
 * arguments_finish always. */
bool arguments_read(struct arguments *a, const char *const *options, const char *args, size_t n);
/* The word of the NULL-terminated list that is as near as a slip of the hand. NULL: none. */
const char *arguments_nearest(const char *word, const char *const *list);
void arguments_finish(struct arguments *a);

#endif
