/* chat_input.h: where the lines of a chat come from: a person at a terminal, with editing, history
 * and completion, or a file or pipe. Also the signals of the terminal, which are blocked, and its
 * modes. */
#ifndef CONSOLE_CHAT_INPUT_H
#define CONSOLE_CHAT_INPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct input;

enum input_event {
	INPUT_NOTHING,
	INPUT_INTERRUPT, /* Ctrl-C */
	INPUT_LEAVE,     /* the terminal is gone, or somebody ends this process */
	INPUT_REDRAW     /* another size, or back from having been stopped */
};

enum input_got {
	INPUT_LINE,
	INPUT_CLEARED, /* Ctrl-C: nothing was meant */
	INPUT_BAD,     /* a line that is too long, or no text */
	INPUT_END
};

struct input_settings {
	int in, out, err;
	/* Words that could stand at the end of `line`, which ends at the cursor; *start: where in
	 * it they would begin. A new list of texts; NULL: none. */
	json_t *(*complete)(void *arg, const char *line, size_t *start);
	/* While nobody types: reads what comes from this descriptor; called when there is
	 * something. */
	void (*meanwhile)(void *arg);
	int (*meanwhile_fd)(void *arg); /* -1: nothing */
	void *arg;
};

/* NULL: no memory, or no descriptors. */
struct input *input_open(const struct input_settings *settings);
void input_close(struct input *input); /* the terminal is as it was */
/* A person is there: lines are edited, questions can be asked back. */
bool input_talks(const struct input *input);
/* The next line, without its line feed, valid until the next call. keep: into the history. */
enum input_got input_line(struct input *input, const char *prompt, bool keep, const char **line);
/* While something else goes on: descriptor to wait for, and what a signal meant. */
int input_signals(const struct input *input);
enum input_event input_signal(struct input *input);

#endif
