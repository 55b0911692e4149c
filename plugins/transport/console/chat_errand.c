/* chat_errand.c: what the chat asks of whoever holds the state, and meanwhile what the person does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "chat.h"

enum { TICK_MS = 1000 };

/* "2026-11-21T18:53:03.632Z info ...": in a conversation the log of every day is in the way. */
static bool is_chatter(const struct chat *chat, const char *line)
{
	size_t n = strcspn(line, " ");

	return chat->talking && n > 20 && line[10] == 'T' && line[n - 1] == 'Z' &&
	       (!strncmp(line + n, " info ", 6) || !strncmp(line + n, " debug ", 7));
}

/* What an errand prints for people. A note is enough once, not for each question. */
void chat_show_errors(struct chat *chat, struct errand *errand)
{
	static const char note[] = "askd: note: ";
	char *line;

	while ((line = errand_line(errand, ERRAND_ERR))) {
		struct screen page;

		if (chat->silent || is_chatter(chat, line))
			continue;
		if (!strncmp(line, note, sizeof note - 1)) {
			if (!strcmp(line, chat->told))
				continue;
			snprintf(chat->told, sizeof chat->told, "%s", line);
		}
		chat->complained = true;
		live_erase(chat);
		screen_init(&page, chat->err);
		screen_text(&page, line, strlen(line), true, 0);
		screen_raw(&page, "\n");
		screen_write(&page, chat->call, chat->err);
		screen_finish(&page);
	}
}

static void end_hold(struct chat *chat)
{
	chat_show_errors(chat, &chat->hold);
	errand_end(&chat->hold);
}

/* What the holder says: in its log, for instance. */
static void hear_hold(struct chat *chat)
{
	if (!errand_read(&chat->hold, ERRAND_ERR))
		end_hold(chat);
}

struct work {
	struct errand errand;
	void (*take)(struct chat *chat, void *arg, json_t *line);
	void *arg;
	uint32_t interrupts;
	bool first; /* it ends with its first line */
	bool lines; /* there was one */
};

static void on_signal(struct chat *chat, struct work *work)
{
	switch (input_signal(chat->input)) {
	case INPUT_INTERRUPT:
		/* Out of a file there is no prompt to come back to. */
		chat->leaving |= !input_talks(chat->input);
		/* What does not hear the first one does not deserve a third. */
		kill(work->errand.process, ++work->interrupts < 3 ? SIGINT : SIGKILL);
		break;
	case INPUT_LEAVE:
		chat->leaving = true;
		work->interrupts++;
		kill(work->errand.process, SIGTERM);
		break;
	default:
		break;
	}
}

static void take_lines(struct chat *chat, struct work *work)
{
	char *text;

	while ((text = errand_line(&work->errand, ERRAND_OUT))) {
		json_t *line = json_loads(text, 0, NULL);

		work->lines = true;
		if (line)
			work->take(chat, work->arg, line);
		json_decref(line);
	}
}

/* Until it ends, or with `first` has said something. */
static void attend(struct chat *chat, struct work *work)
{
	struct errand *errand = &work->errand;

	live_begin(&chat->live);
	while (errand_open(errand) && !(work->first && work->lines)) {
		struct pollfd list[] = {{.fd = input_signals(chat->input), .events = POLLIN},
		        {.fd = errand->streams[ERRAND_OUT].fd, .events = POLLIN},
		        {.fd = errand->streams[ERRAND_ERR].fd, .events = POLLIN},
		        {.fd = chat->hold.process ? chat->hold.streams[ERRAND_ERR].fd : -1,
		                .events = POLLIN}};

		if (poll(list, 4, TICK_MS) < 0 && errno != EINTR)
			break;
		if (list[0].revents)
			on_signal(chat, work);
		if (list[3].revents) {
			hear_hold(chat);
			chat_show_errors(chat, &chat->hold);
		}
		if (list[2].revents)
			errand_read(errand, ERRAND_ERR);
		if (list[1].revents)
			errand_read(errand, ERRAND_OUT);
		take_lines(chat, work);
		/* Whoever stopped it needs no reasons. */
		if (!work->interrupts)
			chat_show_errors(chat, errand);
		if (errand->streams[ERRAND_OUT].fd >= 0)
			live_draw(chat);
	}
	live_end(chat);
}

static bool begin(struct chat *chat, struct work *work, json_t *request, bool stay)
{
	bool begun = request && errand_begin(&work->errand, chat->config, request, stay);

	json_decref(request);
	if (!begun)
		chat_complain(chat, page_say(&chat->voice,
		                            "a command of its own could not be started: {reason}",
		                            "*reason", strerror(errno), NULL));
	return begun;
}

static void take_databases(struct chat *chat, void *arg, json_t *line)
{
	json_t *names = json_object_get(line, "databases");
	const char *failed = json_string_value(json_object_get(line, "failed"));

	(void)arg;
	if (failed)
		chat_complain(chat, failed);
	if (names) {
		json_decref(chat->databases);
		chat->databases = json_incref(names);
		chat->served = !json_is_true(json_object_get(line, "own"));
	}
}

static bool is_held(const struct chat *chat)
{
	struct pollfd end = {.fd = chat->hold.streams[ERRAND_OUT].fd, .events = POLLIN};

	return chat->hold.process && end.fd >= 0 && poll(&end, 1, 0) == 0;
}

/* Somebody has to have the state while we talk. The one who had it may be gone by now: another
 * daemon, or a process of our own, takes over. false: nobody can. */
bool chat_hold(struct chat *chat)
{
	struct work work = {.take = take_databases, .first = true};

	if (chat->served || is_held(chat))
		return true;
	if (chat->hold.process)
		end_hold(chat);
	if (!begin(chat, &work,
	            json_pack("{s:s,s:I}", "do", "hold", "parent", (json_int_t)getpid()), true))
		return false;
	attend(chat, &work);
	if (!work.lines || chat->served) {
		chat_show_errors(chat, &work.errand);
		errand_end(&work.errand);
	} else {
		chat->hold = work.errand;
	}
	return chat->databases != NULL;
}

bool chat_errand(struct chat *chat, json_t *request,
        void (*take)(struct chat *chat, void *arg, json_t *line), void *arg)
{
	struct work work = {.take = take, .arg = arg};

	if (!begin(chat, &work, request, false))
		return true;
	attend(chat, &work);
	errand_end(&work.errand);
	return !work.interrupts;
}

/* The holder may serve others yet; Ctrl-C ends it at once. */
void chat_let_go(struct chat *chat)
{
	struct work work = {.errand = chat->hold, .take = take_databases};

	if (!chat->hold.process)
		return;
	chat->hold.process = 0;
	chat->live.on = false;
	close(work.errand.in);
	work.errand.in = -1;
	attend(chat, &work);
	errand_end(&work.errand);
}
