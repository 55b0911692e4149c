#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SCREEN_WIDTH = 80, SCREEN_NARROW = 20, SCREEN_WIDE = 1000, SCREEN_ROWS = 24, WAIT_MS = 100 };

void screen_init(struct screen *screen, int fd)
{
	struct winsize size = {0};
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(fd) == 1;
	*screen = (struct screen){.terminal = terminal, .width = SCREEN_WIDTH, .rows = SCREEN_ROWS};
	screen->colour = terminal && !(no_colour && *no_colour) && !(term && !strcmp(term, "dumb"));
	if (terminal && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col && size.ws_row) {
		screen->width = size.ws_col;
		screen->rows = size.ws_row;
	}
	if (screen->width < SCREEN_NARROW)
		screen->width = SCREEN_NARROW;
	if (screen->width > SCREEN_WIDE)
		screen->width = SCREEN_WIDE;
}

void screen_finish(struct screen *screen)
{
	free(screen->s);
	screen->s = NULL;
	screen->n = screen->room = 0;
}

void screen_clear(struct screen *screen)
{
	screen->n = 0;
	screen->failed = false;
	if (screen->s)
		screen->s[0] = 0;
}

void screen_bytes(struct screen *screen, const char *s, size_t n)
{
	if (screen->failed || n >= SIZE_MAX / 4 - screen->n) {
		screen->failed = true;
		return;
	}
	if (screen->n + n + 1 > screen->room) {
		size_t room = (screen->n + n + 1) * 2 + 256;
		char *more = realloc(screen->s, room);
		if (!more) {
			screen->failed = true;
			return;
		}
		screen->s = more;
		screen->room = room;
	}
	memcpy(screen->s + screen->n, s, n);
	screen->n += n;
	screen->s[screen->n] = 0;
}

void screen_trim(struct screen *screen)
{
	while (screen->n && screen->s[screen->n - 1] == ' ')
		screen->s[--screen->n] = 0;
}

void screen_raw(struct screen *screen, const char *s)
{
	screen_bytes(screen, s, strlen(s));
}

uint32_t screen_decode(const char *s, size_t n, size_t *length)
{
	unsigned char c = (unsigned char)s[0];
	size_t want = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
	uint32_t u;
	*length = 1;
	if (want == 1)
		return c;
	if (!want || want > n || c > 0xf4)
		return 0xfffd;
	u = c & (0xffu >> (want + 1));
	for (size_t i = 1; i < want; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0xfffd;
		u = u << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (u > 0x10ffff || (u >= 0xd800 && u < 0xe000) ||
	        u < (want == 4          ? 0x10000u
	                    : want == 3 ? 0x800u
	                                : 0))
		return 0xfffd;
	*length = want;
	return u;
}

bool screen_is_whole(const char *s, size_t n)
{
	unsigned char c = n ? (unsigned char)s[0] : 0;
	size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;

	for (size_t i = 1; i < n && i < want; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return true;
	return n >= want;
}

bool screen_is_text(const char *s, size_t n)
{
	for (size_t i = 0, length; i < n; i += length)
		if (screen_decode(s + i, n - i, &length) == 0xfffd && length == 1)
			return false;
	return true;
}

size_t screen_characters(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0, length; i < n; i += length, count++)
		screen_decode(s + i, n - i, &length);
	return count;
}

struct range {
	uint32_t first, last;
};

static bool within(uint32_t u, const struct range *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (u >= list[i].first && u <= list[i].last)
			return true;
	return false;
}

/* Characters that steer a terminal or turn its text round. */
static bool harmful(uint32_t u)
{
	static const struct range list[] = {{0, 0x1f}, {0x7f, 0x9f}, {0x200e, 0x200f},
	        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
	        {0xe0000, 0xe0fff}, {0xd800, 0xdfff}};
	return within(u, list, sizeof list / sizeof *list);
}

/* As terminals count them: combining ones nothing, East Asian wide ones and pictures two. */
static uint32_t columns(uint32_t u)
{
	static const struct range none[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd},
	        {0x610, 0x61a}, {0x64b, 0x65f}, {0x93c, 0x93c}, {0x941, 0x948}, {0x94d, 0x94d},
	        {0xe31, 0xe31}, {0xe34, 0xe3a}, {0xe47, 0xe4e}, {0x1160, 0x11ff}, {0x1ab0, 0x1aff},
	        {0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
	        {0xfe20, 0xfe2f}};
	static const struct range two[] = {{0x1100, 0x115f}, {0x231a, 0x231b}, {0x2329, 0x232a},
	        {0x23e9, 0x23ec}, {0x23f0, 0x23f0}, {0x23f3, 0x23f3}, {0x25fd, 0x25fe},
	        {0x2614, 0x2615}, {0x2648, 0x2653}, {0x267f, 0x267f}, {0x2693, 0x2693},
	        {0x26a1, 0x26a1}, {0x26aa, 0x26ab}, {0x26bd, 0x26be}, {0x26c4, 0x26c5},
	        {0x26ce, 0x26ce}, {0x26d4, 0x26d4}, {0x26ea, 0x26ea}, {0x26f2, 0x26f3},
	        {0x26f5, 0x26f5}, {0x26fa, 0x26fa}, {0x26fd, 0x26fd}, {0x2705, 0x2705},
	        {0x270a, 0x270b}, {0x2728, 0x2728}, {0x274c, 0x274c}, {0x274e, 0x274e},
	        {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2795, 0x2797}, {0x27b0, 0x27b0},
	        {0x27bf, 0x27bf}, {0x2b1b, 0x2b1c}, {0x2b50, 0x2b50}, {0x2b55, 0x2b55},
	        {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xa960, 0xa97c}, {0xac00, 0xd7a3},
	        {0xf900, 0xfaff}, {0xfe10, 0xfe19}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
	        {0xffe0, 0xffe6}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
	        {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c},
	        {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0},
	        {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc},
	        {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596},
	        {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc},
	        {0x1f6d0, 0x1f6d7}, {0x1f6dd, 0x1f6df}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc},
	        {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};
	if (u < 0x300)
		return 1;
	if (within(u, none, sizeof none / sizeof *none))
		return 0;
	return within(u, two, sizeof two / sizeof *two) ? 2 : 1;
}

uint32_t screen_width(const char *s, size_t n)
{
	uint32_t width = 0;
	for (size_t i = 0, length; i < n && width < SCREEN_WIDE * 4; i += length) {
		uint32_t u = screen_decode(s + i, n - i, &length);
		width += harmful(u) ? 1 : columns(u);
	}
	return width;
}

uint32_t screen_text(struct screen *screen, const char *s, size_t n, bool lines, uint32_t width)
{
	bool cut = width && screen_width(s, n) > width;
	uint32_t taken = 0;
	for (size_t i = 0, length; i < n; i += length) {
		uint32_t u = screen_decode(s + i, n - i, &length), w = harmful(u) ? 1 : columns(u);
		if (cut && taken + w > width - 1)
			break;
		if (u == '\n' && lines)
			screen_bytes(screen, "\n", 1);
		else if (u == '\n' || u == '\t' || u == '\r')
			screen_bytes(screen, " ", 1);
		else if (harmful(u) || u == 0xfffd)
			screen_bytes(screen, "\xef\xbf\xbd", 3);
		else
			screen_bytes(screen, s + i, length);
		taken += w;
	}
	if (cut) {
		screen_bytes(screen, "\xe2\x80\xa6", 3);
		taken++;
	}
	return taken;
}

void screen_prose(struct screen *screen, const char *s, size_t n, uint32_t indent)
{
	uint32_t at = indent, begin = indent < screen->width / 2 ? indent : 2;

	if (!screen->terminal) {
		screen_text(screen, s, n, true, 0);
		return;
	}
	for (size_t i = 0, blanks, end; i < n; i = end) {
		uint32_t w;

		for (blanks = i; blanks < n && s[blanks] == ' '; blanks++)
			;
		for (end = blanks; end < n && s[end] != ' ' && s[end] != '\n'; end++)
			;
		w = screen_width(s + i, end - i);
		if (at > begin && at + w > screen->width) {
			screen_bytes(screen, "\n", 1);
			screen_blanks(screen, begin);
			i = blanks;
			w = screen_width(s + i, end - i);
			at = begin;
		}
		screen_text(screen, s + i, end - i, true, 0);
		at += w;
		if (end < n && s[end] == '\n') {
			screen_bytes(screen, "\n", 1);
			screen_blanks(screen, begin);
			end++;
			at = begin;
		}
	}
}

/* CommonMark without its marks. */
static void strip(struct screen *screen, const char *s, size_t n)
{
	size_t start = 0;
	for (size_t i = 0; i < n; i++) {
		size_t skip = 0;
		bool escaped = false;
		if (s[i] == '\\' && i + 1 < n && s[i + 1] > ' ' && s[i + 1] < 0x7f &&
		        strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", s[i + 1])) {
			skip = 1;
			escaped = true;
		} else if (i + 1 < n && s[i] == '*' && s[i + 1] == '*') {
			skip = 2;
		} else if (s[i] == '`') {
			skip = 1;
		}
		if (!skip)
			continue;
		screen_bytes(screen, s + start, i - start);
		start = i + skip;
		/* The character behind a backslash stands for itself. */
		i += escaped ? 1 : skip - 1;
	}
	if (start < n)
		screen_bytes(screen, s + start, n - start);
}

void screen_markdown(struct screen *screen, const char *s, size_t n)
{
	struct screen plain = {0};

	strip(&plain, s, n);
	if (plain.n)
		screen_prose(screen, plain.s, plain.n, 0);
	screen->failed |= plain.failed;
	screen_finish(&plain);
}

void screen_blanks(struct screen *screen, uint32_t n)
{
	while (n--)
		screen_bytes(screen, " ", 1);
}

void screen_dim(struct screen *screen, bool on)
{
	if (screen->colour)
		screen_raw(screen, on ? "\033[2m" : "\033[0m");
}

bool screen_write_bytes(struct askd_call *call, int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(fd, s, n);
		if (done > 0) {
			s += done;
			n -= (size_t)done;
		} else if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};
			if (poll(&p, 1, WAIT_MS) < 0 && errno != EINTR)
				return false;
		} else if (done == 0 || errno != EINTR) {
			return false;
		}
		if (n && (askd_canceled(call) || (call->deadline_us && !askd_limit_ms(call, 1))))
			return false;
	}
	return true;
}

bool screen_write(const struct screen *screen, struct askd_call *call, int fd)
{
	return !screen->failed && screen_write_bytes(call, fd, screen->s, screen->n);
}
