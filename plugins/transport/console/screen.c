#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SCREEN_WIDTH = 80, SCREEN_NARROW = 20, SCREEN_WIDE = 1000, WAIT_MS = 100 };

void screen_init(struct screen *screen, int fd)
{
	struct winsize size = {0};
	const char *no_colour = getenv("NO_COLOR");
	bool terminal = isatty(fd) == 1;
	*screen = (struct screen){.width = SCREEN_WIDTH};
	screen->colour = terminal && !(no_colour && *no_colour);
	if (terminal && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		screen->width = size.ws_col;
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

static void add(struct screen *screen, const char *s, size_t n)
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

void screen_raw(struct screen *screen, const char *s)
{
	add(screen, s, strlen(s));
}

/* One character of UTF-8; broken bytes give U+FFFD. */
static uint32_t decode(const char *s, size_t n, size_t *length)
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
	*length = want;
	return u;
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

static uint32_t columns(uint32_t u)
{
	static const struct range none[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd},
	        {0x610, 0x61a}, {0x64b, 0x65f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	        {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
	static const struct range two[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf},
	        {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
	        {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
	        {0x20000, 0x3fffd}};
	if (within(u, none, sizeof none / sizeof *none))
		return 0;
	return within(u, two, sizeof two / sizeof *two) ? 2 : 1;
}

uint32_t screen_width(const char *s, size_t n)
{
	uint32_t width = 0;
	for (size_t i = 0, length; i < n && width < SCREEN_WIDE * 4; i += length) {
		uint32_t u = decode(s + i, n - i, &length);
		width += harmful(u) ? 1 : columns(u);
	}
	return width;
}

uint32_t screen_text(struct screen *screen, const char *s, size_t n, bool lines, uint32_t width)
{
	bool cut = width && screen_width(s, n) > width;
	uint32_t taken = 0;
	for (size_t i = 0, length; i < n; i += length) {
		uint32_t u = decode(s + i, n - i, &length), w = harmful(u) ? 1 : columns(u);
		if (cut && taken + w > width - 1)
			break;
		if (u == '\n' && lines)
			add(screen, "\n", 1);
		else if (u == '\n' || u == '\t' || u == '\r')
			add(screen, " ", 1);
		else if (harmful(u) || u == 0xfffd)
			add(screen, "\xef\xbf\xbd", 3);
		else
			add(screen, s + i, length);
		taken += w;
	}
	if (cut) {
		add(screen, "\xe2\x80\xa6", 3);
		taken++;
	}
	return taken;
}

void screen_markdown(struct screen *screen, const char *s, size_t n)
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
		screen_text(screen, s + start, i - start, true, 0);
		start = i + skip;
		/* The character behind a backslash stands for itself. */
		i += escaped ? 1 : skip - 1;
	}
	if (start < n)
		screen_text(screen, s + start, n - start, true, 0);
}

void screen_blanks(struct screen *screen, uint32_t n)
{
	while (n--)
		add(screen, " ", 1);
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
