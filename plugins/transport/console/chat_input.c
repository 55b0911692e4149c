/* chat_input.c: libedit runs with a function of ours that reads the keys, so that signals, pasted
 * lines and what else happens meanwhile are seen in one place, without a signal handler. */
#include "chat_input.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "arguments.h"
#include "chat_history.h"
#include "screen.h"

#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define PASTE_BEGIN "\033[200~"
#define PASTE_END "\033[201~"

enum {
	PASTE_MARK = 6,   /* bytes of PASTE_BEGIN, of PASTE_END */
	MARK_MS = 50,     /* for the rest of a key that a terminal sends as several bytes */
	PASTE_MS = 1000,  /* for the rest of what is pasted */
	KEY_PASTED = 0x1e /* stands for the pasted text, whose insertion is a command */
};

struct input {
	struct input_settings settings;
	int signals;
	bool talks, dumb;
	struct termios before; /* of the terminal; talks only */
	locale_t utf8, old;
	EditLine *edit;
	History *history;
	FILE *files[3];
	char path[4096]; /* of the history; empty: none */
	const char *prompt;
	enum input_got got; /* of the line that is being read */
	char keys[4096];    /* read, not used yet */
	size_t at, n;
	bool end;
	struct screen line; /* the one that was handed out; its bytes until then */
	struct screen pasted;
};

/* ---- signals and modes ----------------------------------------------------------------------- */

int input_signals(const struct input *input)
{
	return input->signals;
}

bool input_talks(const struct input *input)
{
	return input->talks;
}

static void set_before(const struct input *input)
{
	if (input->talks)
		tcsetattr(input->settings.in, TCSADRAIN, &input->before);
}

/* Ctrl-Z: stopped with the terminal as it was, until somebody continues us. */
static void stop(const struct input *input)
{
	struct termios mode;
	bool kept = input->talks && !tcgetattr(input->settings.in, &mode);

	set_before(input);
	kill(getpid(), SIGSTOP);
	if (kept)
		tcsetattr(input->settings.in, TCSADRAIN, &mode);
}

enum input_event input_signal(struct input *input)
{
	struct signalfd_siginfo info;

	if (read(input->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return INPUT_NOTHING;
	switch (info.ssi_signo) {
	case SIGINT:
		return INPUT_INTERRUPT;
	case SIGWINCH:
	case SIGCONT:
		return INPUT_REDRAW;
	case SIGTSTP:
		stop(input);
		return INPUT_REDRAW;
	default:
		return INPUT_LEAVE;
	}
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Of the prompt with n bytes of the line: the row, counted from the prompt's, and the column. */
static void place_of(const struct input *input, size_t n, uint32_t *row, uint32_t *column)
{
	struct screen size;
	uint32_t w = screen_width(input->prompt, strlen(input->prompt)) +
	             screen_width(el_line(input->edit)->buffer, n);

	screen_init(&size, input->settings.out);
	*row = w / size.width;
	*column = w % size.width;
}

static void move(const struct input *input, uint32_t n, char where)
{
	if (n)
		fprintf(input->files[1], "\033[%u%c", n, where);
}

/* Behind the last character, wherever the cursor is. */
static void go_to_end(const struct input *input)
{
	const LineInfo *info = el_line(input->edit);
	uint32_t row, end, column;

	if (input->dumb)
		return;
	place_of(input, (size_t)(info->cursor - info->buffer), &row, &column);
	place_of(input, (size_t)(info->lastchar - info->buffer), &end, &column);
	fputc('\r', input->files[1]);
	move(input, end - row, 'B');
	move(input, column, 'C');
}

/* Writes prompt and line anew in the place where they stand, for a screen of another size. */
static void redraw(const struct input *input)
{
	const LineInfo *info = el_line(input->edit);
	uint32_t row, column;

	place_of(input, (size_t)(info->cursor - info->buffer), &row, &column);
	fputc(input->dumb ? '\n' : '\r', input->files[1]);
	if (!input->dumb) {
		move(input, row, 'A');
		fputs("\033[J", input->files[1]);
	}
	el_resize(input->edit);
	el_set(input->edit, EL_REFRESH);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Waits for more keys. false: none came in time, or the line is over (input->got, input->end). */
static bool fill(struct input *input, int ms)
{
	if (input->at) {
		memmove(input->keys, input->keys + input->at, input->n - input->at);
		input->n -= input->at;
		input->at = 0;
	}
	for (;;) {
		int other = input->settings.meanwhile_fd(input->settings.arg);
		struct pollfd list[3] = {{.fd = input->signals, .events = POLLIN},
		        {.fd = input->settings.in, .events = POLLIN},
		        {.fd = other, .events = POLLIN}};
		int ready = poll(list, 3, ms);
		ssize_t got;

		if (ready < 0 && errno != EINTR)
			input->end = true;
		if (ready == 0 || input->end)
			return false;
		if (list[0].revents)
			switch (input_signal(input)) {
			case INPUT_INTERRUPT:
				input->got = INPUT_CLEARED;
				input->n = 0;
				return false;
			case INPUT_LEAVE:
				input->end = true;
				return false;
			case INPUT_REDRAW:
				if (input->edit)
					redraw(input);
				break;
			default:
				break;
			}
		if (list[2].revents)
			input->settings.meanwhile(input->settings.arg);
		if (!list[1].revents)
			continue;
		got = read(
		        input->settings.in, input->keys + input->n, sizeof input->keys - input->n);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		input->n += got > 0 ? (size_t)got : 0;
		input->end = got <= 0;
		return got > 0;
	}
}

static bool next_is(struct input *input, const char *mark)
{
	return input->n - input->at >= PASTE_MARK &&
	       !memcmp(input->keys + input->at, mark, PASTE_MARK);
}

/* May the keys that are there be the beginning of a mark? */
static bool may_become(const struct input *input, const char *mark)
{
	size_t n = input->n - input->at;

	return n && n < PASTE_MARK && !memcmp(input->keys + input->at, mark, n);
}

/* What is pasted, up to its end, as one line. */
static void take_pasted(struct input *input)
{
	struct screen *to = &input->pasted;

	screen_clear(to);
	input->at += PASTE_MARK;
	while (!next_is(input, PASTE_END)) {
		char c;

		if (input->at == input->n || may_become(input, PASTE_END)) {
			if (!fill(input, PASTE_MS))
				return;
			continue;
		}
		c = input->keys[input->at++];
		/* Lines become one; what would steer the editor is left out. */
		c = c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
		if (((unsigned char)c >= 0x20 && c != 0x7f && to->n < QUESTION_BYTES) &&
		        !(c == ' ' && (!to->n || to->s[to->n - 1] == ' ')))
			screen_bytes(to, &c, 1);
	}
	input->at += PASTE_MARK;
	while (to->n && to->s[to->n - 1] == ' ')
		to->s[--to->n] = 0;
}

/* The next key for the editor, as libedit wants it: 1, or 0 when the line is over. */
static int next_key(EditLine *edit, wchar_t *key)
{
	struct input *input = NULL;
	size_t length;

	el_get(edit, EL_CLIENTDATA, &input);
	if (input->at == input->n && !fill(input, -1))
		return 0;
	while (!input->dumb && may_become(input, PASTE_BEGIN) && fill(input, MARK_MS))
		;
	if (input->got == INPUT_CLEARED)
		return 0;
	if (next_is(input, PASTE_BEGIN)) {
		take_pasted(input);
		*key = KEY_PASTED;
		return input->got == INPUT_CLEARED ? 0 : 1;
	}
	/* A character of several bytes may come in parts. */
	while (!screen_is_whole(input->keys + input->at, input->n - input->at) &&
	        fill(input, MARK_MS))
		;
	*key = (wchar_t)screen_decode(input->keys + input->at, input->n - input->at, &length);
	input->at += length;
	return input->got == INPUT_CLEARED ? 0 : 1;
}

/* ---- the editor ------------------------------------------------------------------------------ */

static char *prompt_of(EditLine *edit)
{
	struct input *input = NULL;

	el_get(edit, EL_CLIENTDATA, &input);
	return (char *)input->prompt;
}

static unsigned char key_pasted(EditLine *edit, int key)
{
	struct input *input = NULL;

	(void)key;
	el_get(edit, EL_CLIENTDATA, &input);
	if (!input->pasted.n || el_insertstr(edit, input->pasted.s))
		return CC_ERROR;
	return CC_REFRESH;
}

/* As many bytes as all words begin with, in whole characters. */
static size_t common(const json_t *words)
{
	const char *first = json_string_value(json_array_get(words, 0));
	size_t n = strlen(first), i;
	const json_t *word;

	json_array_foreach(words, i, word)
	{
		const char *s = json_string_value(word);
		size_t same = 0;

		while (same < n && s[same] == first[same])
			same++;
		n = same;
	}
	while (n && ((unsigned char)first[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* All words under the line, in columns. */
static void list_words(const struct input *input, const json_t *words)
{
	struct screen page;
	uint32_t widest = 0, per_line, w;
	size_t i;
	const json_t *word;

	screen_init(&page, input->settings.out);
	json_array_foreach(words, i, word)
	{
		w = screen_width(json_string_value(word), json_string_length(word));
		widest = w > widest ? w : widest;
	}
	per_line = page.width / (widest + 2);
	per_line = per_line ? per_line : 1;
	go_to_end(input);
	screen_raw(&page, "\n");
	json_array_foreach(words, i, word)
	{
		w = screen_text(&page, json_string_value(word), json_string_length(word), false,
		        page.width);
		if ((i + 1) % per_line == 0 || i + 1 == json_array_size(words))
			screen_raw(&page, "\n");
		else
			screen_blanks(&page, widest + 2 - w);
	}
	if (!page.failed)
		fwrite(page.s, 1, page.n, input->files[1]);
	screen_finish(&page);
}

static unsigned char key_complete(EditLine *edit, int key)
{
	struct input *input = NULL;
	const LineInfo *info = el_line(edit);
	size_t length = (size_t)(info->cursor - info->buffer), start = 0, n;
	char *line = strndup(info->buffer, length);
	json_t *words;
	const char *first;
	unsigned char result = CC_ERROR;

	(void)key;
	el_get(edit, EL_CLIENTDATA, &input);
	words = line ? input->settings.complete(input->settings.arg, line, &start) : NULL;
	if (!json_array_size(words))
		goto out;
	first = json_string_value(json_array_get(words, 0));
	n = common(words);
	if (n > length - start || json_array_size(words) == 1) {
		char *insert = strndup(first, n);

		/* As the name is written, whatever was typed. */
		el_deletestr(edit, (int)screen_characters(line + start, length - start));
		if (insert && !el_insertstr(edit, insert) &&
		        (json_array_size(words) > 1 || !el_insertstr(edit, " ")))
			result = CC_REFRESH;
		free(insert);
	} else {
		list_words(input, words);
		el_set(edit, EL_REFRESH);
		result = CC_NORM;
	}
out:
	json_decref(words);
	free(line);
	return result;
}

static void remember(void *arg, const char *entry)
{
	struct input *input = arg;
	HistEvent event;

	if (entry[0])
		history(input->history, &event, H_ENTER, entry);
}

static FILE *stream_of(int fd, const char *mode)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *file = copy >= 0 ? fdopen(copy, mode) : NULL;

	if (!file && copy >= 0)
		close(copy);
	return file;
}

static bool open_editor(struct input *input)
{
	const struct input_settings *s = &input->settings;
	static const char *const keys[][2] = {{"^I", "askd-complete"}, {"\\036", "askd-pasted"},
	        {"^R", "em-inc-search-prev"}, {"\\e[3~", "ed-delete-next-char"},
	        {"\\e[1;5C", "em-next-word"}, {"\\e[1;5D", "ed-prev-word"}};
	HistEvent event;

	input->files[0] = stream_of(s->in, "r");
	input->files[1] = stream_of(s->out, "w");
	input->files[2] = stream_of(s->err, "w");
	input->history = history_init();
	if (!input->files[0] || !input->files[1] || !input->files[2] || !input->history)
		return false;
	input->edit = el_init_fd(
	        "askd", input->files[0], input->files[1], input->files[2], s->in, s->out, s->err);
	if (!input->edit)
		return false;
	history(input->history, &event, H_SETSIZE, HISTORY_ENTRIES);
	history(input->history, &event, H_SETUNIQUE, 1);
	el_set(input->edit, EL_CLIENTDATA, input);
	el_set(input->edit, EL_PROMPT, prompt_of);
	el_set(input->edit, EL_EDITOR, "emacs");
	el_set(input->edit, EL_SIGNAL, 0);
	el_set(input->edit, EL_HIST, history, input->history);
	el_set(input->edit, EL_GETCFN, next_key);
	/* While no line is edited nothing is echoed, and what is typed waits for the next line. */
	el_set(input->edit, EL_SETTY, "-x", "-echo", "-icanon", NULL);
	/* The narrow form of these never frees its copies of the names. */
	el_wset(input->edit, EL_ADDFN, L"askd-complete", L"Complete a name", key_complete);
	el_wset(input->edit, EL_ADDFN, L"askd-pasted", L"Insert what was pasted", key_pasted);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		el_set(input->edit, EL_BIND, keys[i][0], keys[i][1], NULL);
	el_source(input->edit, NULL);
	if (history_path(input->path, sizeof input->path))
		history_read(input->path, remember, input);
	else
		input->path[0] = 0;
	return true;
}

static void keep_line(struct input *input, const char *line)
{
	/* As in a shell: what begins with a blank is nobody's business. */
	if (line[0] == ' ' || !line[strspn(line, " ")])
		return;
	remember(input, line);
	if (input->path[0])
		history_add(input->path, line);
}

static enum input_got edit_line(
        struct input *input, const char *prompt, bool keep, const char **line)
{
	const char *text;
	int n = 0;

	input->prompt = prompt;
	if (!input->dumb)
		fputs(PASTE_ON, input->files[1]);
	text = el_gets(input->edit, &n);
	if (!text && input->got == INPUT_CLEARED) {
		go_to_end(input);
		fputs("^C", input->files[1]);
	}
	if (!input->dumb)
		fputs(PASTE_OFF, input->files[1]);
	fputs(text ? "" : "\n", input->files[1]);
	fflush(input->files[1]);
	if (!text || n <= 0)
		return input->got == INPUT_CLEARED ? INPUT_CLEARED : INPUT_END;
	screen_clear(&input->line);
	screen_bytes(&input->line, text, (size_t)n - (text[n - 1] == '\n'));
	if (input->line.failed || input->line.n > QUESTION_BYTES)
		return INPUT_BAD;
	*line = input->line.s;
	if (keep)
		keep_line(input, *line);
	return INPUT_LINE;
}

/* ---- no person ------------------------------------------------------------------------------- */

static enum input_got plain_line(struct input *input, const char **line)
{
	bool whole = false, too_long = false;

	screen_clear(&input->line);
	while (!whole) {
		const char *from, *end;
		size_t n;

		if (input->at == input->n && !fill(input, -1))
			break;
		from = input->keys + input->at;
		end = memchr(from, '\n', input->n - input->at);
		n = end ? (size_t)(end - from) : input->n - input->at;
		too_long = too_long || input->line.n + n > QUESTION_BYTES;
		if (!too_long)
			screen_bytes(&input->line, from, n);
		input->at += n + (end != NULL);
		whole = end != NULL;
	}
	if (input->got == INPUT_CLEARED || (!whole && !input->line.n && !too_long))
		return INPUT_END;
	if (too_long || input->line.failed || memchr(input->line.s, 0, input->line.n) ||
	        !screen_is_text(input->line.s, input->line.n))
		return INPUT_BAD;
	*line = input->line.s;
	return INPUT_LINE;
}

/* ---- all ------------------------------------------------------------------------------------- */

enum input_got input_line(struct input *input, const char *prompt, bool keep, const char **line)
{
	input->got = INPUT_LINE;
	if (input->end && input->at == input->n)
		return INPUT_END;
	return input->talks ? edit_line(input, prompt, keep, line) : plain_line(input, line);
}

struct input *input_open(const struct input_settings *settings)
{
	struct input *input = calloc(1, sizeof *input);
	const char *term = getenv("TERM");
	sigset_t blocked;

	if (!input)
		return NULL;
	input->settings = *settings;
	input->talks = isatty(settings->in) == 1 && isatty(settings->out) == 1 &&
	               !tcgetattr(settings->in, &input->before);
	input->dumb = !term || !*term || !strcmp(term, "dumb");
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	input->signals = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	input->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (input->utf8)
		input->old = uselocale(input->utf8);
	if (input->signals < 0 || (input->talks && !open_editor(input))) {
		input_close(input);
		return NULL;
	}
	return input;
}

void input_close(struct input *input)
{
	if (!input)
		return;
	set_before(input);
	if (input->edit)
		el_end(input->edit);
	if (input->history)
		history_end(input->history);
	for (size_t i = 0; i < 3; i++)
		if (input->files[i])
			fclose(input->files[i]);
	if (input->signals >= 0)
		close(input->signals);
	if (input->utf8) {
		uselocale(input->old);
		freelocale(input->utf8);
	}
	screen_finish(&input->line);
	screen_finish(&input->pasted);
	free(input);
}
