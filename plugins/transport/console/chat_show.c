/* chat_show.c: the part of the screen that is rewritten while a question runs. */
#include <stdlib.h>
#include <time.h>

#include "chat.h"

enum { SHOW_SECONDS = 3 };

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

void live_begin(struct live *live)
{
	screen_clear(&live->draft);
	live->stage[0] = 0;
	live->since = now_s();
}

void live_draft(struct live *live, const char *text, size_t n, bool more)
{
	if (!more)
		screen_clear(&live->draft);
	screen_bytes(&live->draft, text, n);
	live->changed = true;
}

void live_stage(struct live *live, const char *stage)
{
	snprintf(live->stage, sizeof live->stage, "%s", stage ? stage : "");
	live->changed = true;
}

static uint32_t rows_of(uint32_t width, uint32_t screen)
{
	return width > screen ? (width + screen - 1) / screen : 1;
}

void live_erase(struct chat *chat)
{
	struct live *live = &chat->live;
	struct screen page;
	char up[24];
	uint32_t rows = 0;

	if (!live->drawn)
		return;
	live->drawn = false;
	screen_init(&page, chat->out);
	for (uint32_t i = 0; i < live->lines; i++)
		rows += rows_of(live->widths[i], page.width);
	screen_raw(&page, "\r");
	if (rows > 1) {
		snprintf(up, sizeof up, "\033[%uA", rows - 1);
		screen_raw(&page, up);
	}
	screen_raw(&page, "\033[J");
	screen_write(&page, chat->call, chat->out);
	screen_finish(&page);
}

/* The draft as it is wrapped, its last lines that leave room for one more. */
static void add_draft(struct live *live, struct screen *page)
{
	struct screen draft = {.terminal = true, .width = page->width};
	uint32_t most = page->rows > 4 ? page->rows - 3 : 1, lines = 1;
	const char *line, *end;

	most = most < LIVE_LINES - 2 ? most : LIVE_LINES - 2;
	screen_markdown(&draft, live->draft.s, live->draft.n);
	for (size_t i = 0; i < draft.n; i++)
		lines += draft.s[i] == '\n';
	for (line = draft.n ? draft.s : NULL; line; line = end ? end + 1 : NULL) {
		size_t n;

		end = strchr(line, '\n');
		n = end ? (size_t)(end - line) : strlen(line);
		if (lines-- > most)
			continue;
		screen_bytes(page, line, n);
		screen_raw(page, "\n");
		live->widths[live->lines++] = screen_width(line, n);
	}
	screen_finish(&draft);
}

void live_draw(struct chat *chat)
{
	struct live *live = &chat->live;
	int64_t seconds = now_s() - live->since;
	const char *what = stage_text(&chat->voice, live->stage);
	struct screen page;
	char number[24];

	if (!live->on || (!live->stage[0] && !seconds) ||
	        (live->drawn && !live->changed && seconds == live->seconds))
		return;
	live->changed = false;
	live->seconds = seconds;
	live_erase(chat);
	screen_init(&page, chat->out);
	live->lines = 0;
	if (live->draft.n)
		add_draft(live, &page);
	if (seconds >= SHOW_SECONDS) {
		snprintf(number, sizeof number, "%lld", (long long)seconds);
		what = page_say(&chat->voice, "{what} {seconds} s, Ctrl-C stops it", "*what", what,
		        "*seconds", number, NULL);
	}
	screen_dim(&page, true);
	live->widths[live->lines++] = screen_text(&page, what, strlen(what), false, page.width - 1);
	screen_dim(&page, false);
	live->drawn = screen_write(&page, chat->call, chat->out);
	screen_finish(&page);
}

void live_end(struct chat *chat)
{
	live_erase(chat);
	screen_finish(&chat->live.draft);
}
