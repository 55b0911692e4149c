/* screen.h: what goes to a person's terminal: harmless characters, display widths, whole writes. */
#ifndef CONSOLE_SCREEN_H
#define CONSOLE_SCREEN_H

#include <stdbool.h>

#include <askd/askd.h>

/* A growing page. Sticky failure. Zero-initialised it is empty. */
struct screen {
	char *s;
	size_t n, room;
	bool failed;
	bool colour;    /* dim lines may be dim */
	bool terminal;  /* prose is wrapped at words */
	uint32_t width; /* columns of the terminal */
	uint32_t rows;  /* of the terminal */
};

/* Width and colour as fd and the environment say; 80 columns where it is no terminal. */
void screen_init(struct screen *screen, int fd);
void screen_finish(struct screen *screen);
void screen_clear(struct screen *screen); /* empty again */
void screen_trim(struct screen *screen);  /* no blanks at its end */
/* Bytes of ours, as they are. */
void screen_raw(struct screen *screen, const char *s);
void screen_bytes(struct screen *screen, const char *s, size_t n);
/* A text from elsewhere: control characters, also those that are hidden in Unicode, become
 * U+FFFD; lines: line feeds stay, else they become blanks. Cut at `width` columns with an ellipsis;
 * 0: never. Returns the columns that it took. */
uint32_t screen_text(struct screen *screen, const char *s, size_t n, bool lines, uint32_t width);
/* The columns that screen_text would take. */
uint32_t screen_width(const char *s, size_t n);
/* Sentences: as screen_text with lines, on a terminal broken between words at its width; the lines
 * after the first begin under the column `indent`, where the cursor stands. */
void screen_prose(struct screen *screen, const char *s, size_t n, uint32_t indent);
/* The character at s, broken bytes are U+FFFD, and its bytes. n > 0. */
uint32_t screen_decode(const char *s, size_t n, size_t *length);
bool screen_is_whole(const char *s, size_t n); /* no byte of the first character is missing */
bool screen_is_text(const char *s, size_t n);  /* valid UTF-8 */
size_t screen_characters(const char *s, size_t n);
/* CommonMark as prose: escapes, emphasis and code marks go. */
void screen_markdown(struct screen *screen, const char *s, size_t n);
void screen_blanks(struct screen *screen, uint32_t n);
void screen_dim(struct screen *screen, bool on);
/* Writes it all, with patience for a slow reader until the call is canceled. false: the reader has
 * left, or memory was short. */
bool screen_write(const struct screen *screen, struct askd_call *call, int fd);
bool screen_write_bytes(struct askd_call *call, int fd, const char *s, size_t n);

#endif
