/* template_name: a transport that reads questions from one file, a line each, and appends answers
 * to another. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <askd/transport.h>

struct template_name {
	const struct askd_host *host;
	const struct askd_inbox_service *inbox;
	const char *questions, *answers;
};

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "questions",
                .help = "file that people append their questions to",
                .max = 4000,
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct template_name, questions)},
        {.name = "answers",
                .help = "file that the answers are appended to",
                .max = 4000,
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct template_name, answers)},
        {.name = NULL},
};
ASKD_LOUD

static int32_t template_name_open(
        void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct template_name *mine = (struct template_name *)self;

	mine->host = host;
	return askd_need(host, "askd.inbox/1", &mine->inbox, reterr);
}

/* Hands one line over under its place in the file: the same place again is the same event, so
 * reading the file from its start after a restart asks nothing twice. */
static int32_t deliver(const struct template_name *mine, const char *line, size_t n, long place,
        struct askd_error *reterr)
{
	struct askd_call *call = mine->host->call_begin(mine->host, 30000);
	int32_t rc;

	if (!call)
		return askd_fail(reterr, ASKD_E_NOMEM, "no call");
	ASKD_MAKE(struct askd_event, event, .kind = ASKD_EVENT_TEXT);
	event.key = askd_print(call, "line-%ld", place);
	event.conversation = ASKD_LITERAL("file");
	event.sender = ASKD_LITERAL("reader");
	event.sender_name = ASKD_LITERAL("Reader");
	event.text = askd_copy(call, line, n);
	rc = mine->inbox->deliver(mine->host, call, &event, NULL, reterr);
	mine->host->call_end(call);
	return rc;
}

/* The loop: returns when the host cancels it, or with an error, after which the host runs it again.
 */
ASKD_DEFINE(template_name_run, askd_nothing, askd_nothing)
{
	const struct template_name *mine = (const struct template_name *)self;
	const struct timespec pause = {0, 100000000};
	FILE *file = NULL;
	char *line = NULL;
	size_t room = 0;
	int32_t rc = ASKD_OK;

	while (!rc && !askd_canceled(call)) {
		long place;
		ssize_t n;

		if (!file && !(file = fopen(mine->questions, "re")) && errno != ENOENT)
			rc = askd_fail(
			        reterr, ASKD_E_IO, "%s: %s", mine->questions, strerror(errno));
		if (!file || (place = ftell(file)) < 0 || (n = getline(&line, &room, file)) < 1 ||
		        line[n - 1] != '\n') {
			if (file) { /* not a whole line yet: look again later */
				fseek(file, place, SEEK_SET);
				clearerr(file);
			}
			nanosleep(&pause, NULL);
			continue;
		}
		if (n > 1)
			rc = deliver(mine, line, (size_t)n - 1, place, reterr);
	}
	free(line);
	if (file)
		fclose(file);
	return rc;
}

ASKD_DEFINE(template_name_send, askd_outgoing, askd_outgone)
{
	const struct template_name *mine = (const struct template_name *)self;
	struct askd_text line = askd_print(call, "%s\n", in->text.s ? in->text.s : "");
	int fd = open(mine->answers, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	int32_t rc = ASKD_OK;

	if (fd < 0 || !line.s || write(fd, line.s, line.n) != (ssize_t)line.n)
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", mine->answers, strerror(errno));
	if (fd >= 0)
		close(fd);
	out->message = askd_print(call, "%llu", (unsigned long long)in->id);
	return rc;
}

ASKD_DEFINE(template_name_capabilities, askd_nothing, askd_capabilities)
{
	out->per_second = 100;
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_transport_iface, iface, .run = template_name_run,
        .send = template_name_send, .capabilities = template_name_capabilities);

ASKD_PLUGIN(.kind = ASKD_KIND_TRANSPORT, .name = "template_name", .version = "0.1.0",
        .summary = "questions and answers in two files", .license = "MIT", .options = options,
        .instance_size = sizeof(struct template_name), .flags = ASKD_CONCURRENT,
        .open = template_name_open, .iface = &iface);
