/* queue_transport.c: an asynchronous transport out of a folder, for tests.
 *
 * In: SPOOL/NAME.json, one event each, in the order of the names, made visible by a rename. After
 * deliver has returned it becomes NAME.done (NAME.duplicate when it was known). Members: key,
 * conversation, sender, text, ... as in struct askd_event; kind and flags are numbers. An event
 * without a key has its file's name as key.
 * Out: SPOOL/sent.jsonl, one line a message: {"id", "edits", "message", "conversation", "thread",
 * "text", "buttons": [{"label", "token"}]}; "message" is "m" and the number of the line, or what
 * was edited. SPOOL/notices.jsonl has the notices. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <askd/transport.h>

enum { LOOK_EVERY_MS = 10 };

struct queue {
	const char *spool;
	int64_t edits, duplicate, fail, pause_ms, text_max, per_second, per_conversation_second;
	const char *fail_with;
	const struct askd_host *host;
	const struct askd_inbox_service *inbox;
	pthread_mutex_t lock; /* what follows */
	int64_t failed;
};

static const struct askd_option options[] = {
        {.name = "spool",
                .help = "Folder of events and messages",
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct queue, spool)},
        {.name = "edits",
                .help = "Whether messages can be edited",
                .def = "yes",
                ASKD_OPTION_BOOL(struct queue, edits)},
        {.name = "duplicate",
                .help = "Whether each event is delivered twice",
                .def = "no",
                ASKD_OPTION_BOOL(struct queue, duplicate)},
        {.name = "fail",
                .help = "How many messages fail at first",
                .def = "0",
                .max = 1000000,
                ASKD_OPTION_INT(struct queue, fail)},
        {.name = "fail_with",
                .help = "With which error they fail",
                .def = "IO",
                ASKD_OPTION_TEXT(struct queue, fail_with)},
        {.name = "pause",
                .help = "Delay that a failure names",
                .def = "10ms",
                ASKD_OPTION_DURATION(struct queue, pause_ms)},
        {.name = "text_max",
                .help = "Characters of a message",
                .def = "0",
                .max = 1000000,
                ASKD_OPTION_INT(struct queue, text_max)},
        {.name = "per_second",
                .help = "Pace over all conversations",
                .def = "0",
                .max = 1000000,
                ASKD_OPTION_INT(struct queue, per_second)},
        {.name = "per_conversation_second",
                .help = "Pace",
                .def = "0",
                .max = 1000000,
                ASKD_OPTION_INT(struct queue, per_conversation_second)},
        {.name = NULL},
};

static int32_t queue_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct queue *queue = self;

	queue->host = host;
	pthread_mutex_init(&queue->lock, NULL);
	return askd_need(host, "askd.inbox/1", &queue->inbox, reterr);
}

static void queue_close(void *self)
{
	pthread_mutex_destroy(&((struct queue *)self)->lock);
}

/* ---- in ---------------------------------------------------------------------------------------
 */

static struct askd_text member(const json_t *object, const char *name)
{
	return askd_text_of(json_string_value(json_object_get(object, name)));
}

static int32_t deliver_file(struct queue *queue, struct askd_call *call, const char *name)
{
	char path[4096], done[4200];
	json_t *object;
	struct askd_delivered out = {.size = sizeof out};
	struct askd_error error = {0};
	int32_t rc;

	snprintf(path, sizeof path, "%s/%s", queue->spool, name);
	object = json_load_file(path, 0, NULL);
	if (!object)
		return ASKD_E_PROTOCOL;
	ASKD_MAKE(struct askd_event, event,
	        .kind = (uint32_t)json_integer_value(json_object_get(object, "kind")),
	        .flags = (uint32_t)json_integer_value(json_object_get(object, "flags")),
	        .at_us = json_integer_value(json_object_get(object, "at_us")),
	        .key = member(object, "key"), .conversation = member(object, "conversation"),
	        .thread = member(object, "thread"), .sender = member(object, "sender"),
	        .sender_name = member(object, "sender_name"),
	        .language = member(object, "language"), .text = member(object, "text"),
	        .message = member(object, "message"), .token = member(object, "token"),
	        .database = member(object, "database"));
	if (!event.kind)
		event.kind = ASKD_EVENT_TEXT;
	if (!event.key.s)
		event.key = askd_text_of(name);
	rc = queue->inbox->deliver(queue->host, call, &event, &out, &error);
	if (!rc && queue->duplicate)
		rc = queue->inbox->deliver(queue->host, call, &event, &out, &error);
	if (!rc) {
		snprintf(done, sizeof done, "%.*s.%s", (int)(strlen(path) - 5), path,
		        out.flags & ASKD_DELIVERED_DUPLICATE ? "duplicate" : "done");
		if (rename(path, done))
			rc = ASKD_E_IO;
	} else {
		queue->host->log(queue->host, call, ASKD_LOG_WARNING, error.message);
	}
	json_decref(object);
	return rc;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int32_t look(struct queue *queue)
{
	DIR *folder = opendir(queue->spool);
	char *names[1024];
	const struct dirent *entry;
	size_t n = 0;
	int32_t rc = ASKD_OK;

	if (!folder)
		return ASKD_E_IO;
	while (n < 1024 && (entry = readdir(folder))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && !strcmp(dot, ".json") && (names[n] = strdup(entry->d_name)))
			n++;
	}
	closedir(folder);
	qsort(names, n, sizeof *names, compare);
	for (size_t i = 0; i < n; i++) {
		struct askd_call *call = rc ? NULL : queue->host->call_begin(queue->host, 60000);

		if (call) {
			rc = deliver_file(queue, call, names[i]);
			queue->host->call_end(call);
		}
		free(names[i]);
	}
	return rc;
}

ASKD_DEFINE(queue_run, askd_nothing, askd_nothing)
{
	struct queue *queue = self;
	const struct timespec pause = {0, LOOK_EVERY_MS * 1000000};

	while (!askd_canceled(call)) {
		look(queue);
		nanosleep(&pause, NULL);
	}
	return ASKD_E_CANCELED;
}

/* ---- out --------------------------------------------------------------------------------------
 */

/* Appends a line and waits until it is on the disk; *number is its number, from 1. */
static int append(const struct queue *queue, const char *file, json_t *object, const char *numbered,
        int64_t *number)
{
	char path[4096], name[32], *line, block[4096];
	int fd, bad = -1;
	ssize_t got;
	off_t at = 0;

	snprintf(path, sizeof path, "%s/%s", queue->spool, file);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	*number = 1;
	while ((got = pread(fd, block, sizeof block, at)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			*number += block[i] == '\n';
		at += got;
	}
	if (numbered && !json_object_get(object, numbered)) {
		snprintf(name, sizeof name, "m%lld", (long long)*number);
		json_object_set_new(object, numbered, json_string(name));
	}
	line = json_dumps(object, JSON_COMPACT);
	if (line) {
		size_t n = strlen(line);

		line[n] = '\n'; /* in the place of the final 0: one write */
		bad = write(fd, line, n + 1) != (ssize_t)(n + 1) || fsync(fd);
		free(line);
	}
	close(fd);
	return bad;
}

static int32_t failure(struct queue *queue, struct askd_error *reterr)
{
	static const struct {
		const char *name;
		int32_t code;
		uint32_t flags;
	} classes[] = {{"IO", ASKD_E_IO, ASKD_ERR_RETRY}, {"BUSY", ASKD_E_BUSY, ASKD_ERR_TARGET},
	        {"MAYBE", ASKD_E_IO, ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE},
	        {"GONE", ASKD_E_GONE, ASKD_ERR_TARGET}, {"REMOTE", ASKD_E_REMOTE, 0},
	        {"AUTH", ASKD_E_AUTH, 0}};
	size_t i = 0;

	while (i < 5 && strcmp(classes[i].name, queue->fail_with) != 0)
		i++;
	askd_fail(reterr, classes[i].code, "failed on purpose");
	if (reterr) {
		reterr->flags = classes[i].flags;
		reterr->retry_after_ms =
		        classes[i].code == ASKD_E_BUSY ? (uint32_t)queue->pause_ms : 0;
	}
	return classes[i].code;
}

ASKD_DEFINE(queue_send, askd_outgoing, askd_outgone)
{
	struct queue *queue = self;
	json_t *object = json_object(), *buttons = json_array();
	char id[32];
	const char *message;
	int64_t number;
	int bad;

	pthread_mutex_lock(&queue->lock);
	if (queue->failed < queue->fail) {
		queue->failed++;
		pthread_mutex_unlock(&queue->lock);
		json_decref(object);
		json_decref(buttons);
		return failure(queue, reterr);
	}
	snprintf(id, sizeof id, "%llu", (unsigned long long)in->id);
	json_object_set_new(object, "id", json_string(id));
	if (in->edits.s) {
		json_object_set_new(object, "edits", json_string(in->edits.s));
		json_object_set_new(object, "message", json_string(in->edits.s));
	}
	json_object_set_new(object, "conversation", json_string(in->conversation.s));
	if (in->thread.s)
		json_object_set_new(object, "thread", json_string(in->thread.s));
	json_object_set_new(object, "text", json_string(in->text.s));
	for (size_t i = 0; in->rows && in->rows[i]; i++)
		for (size_t k = 0; in->rows[i]->buttons && in->rows[i]->buttons[k]; k++)
			json_array_append_new(buttons,
			        json_pack("{s:s,s:s}", "label", in->rows[i]->buttons[k]->label.s,
			                "token", in->rows[i]->buttons[k]->token.s));
	json_object_set(object, "buttons", buttons);
	bad = append(queue, "sent.jsonl", object, "message", &number);
	message = json_string_value(json_object_get(object, "message"));
	if (!bad && message)
		out->message = askd_copy(call, message, strlen(message));
	json_decref(buttons);
	json_decref(object);
	pthread_mutex_unlock(&queue->lock);
	return bad ? askd_fail(
	                     reterr, ASKD_E_IO, "the spool cannot be written: %s", strerror(errno))
	           : ASKD_OK;
}

ASKD_DEFINE(queue_notice, askd_notice, askd_nothing)
{
	struct queue *queue = self;
	json_t *object = json_pack("{s:i,s:s?,s:s?}", "kind", (int)in->kind, "conversation",
	        in->conversation.s, "text", in->text.s);
	int64_t number;
	int bad;

	pthread_mutex_lock(&queue->lock);
	bad = !object || append(queue, "notices.jsonl", object, NULL, &number);
	pthread_mutex_unlock(&queue->lock);
	json_decref(object);
	return bad ? askd_fail(reterr, ASKD_E_IO, "the spool cannot be written") : ASKD_OK;
}

/* Files of the other side lie in SPOOL/files/. */
ASKD_DEFINE(queue_fetch, askd_remote_file, askd_nothing)
{
	const struct queue *queue = self;
	char path[4200], block[4096];
	ssize_t n = 0;
	int fd;

	if (!in->ref.n || strchr(in->ref.s, '/'))
		return askd_fail(reterr, ASKD_E_INVALID, "a file's id has no slash");
	snprintf(path, sizeof path, "%s/files/%s", queue->spool, in->ref.s);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return askd_fail(reterr, errno == ENOENT ? ASKD_E_NOT_FOUND : ASKD_E_IO,
		        "the file cannot be read: %s", strerror(errno));
	while (!askd_canceled(call) && (n = read(fd, block, sizeof block)) > 0)
		if (write(in->fd, block, (size_t)n) != n) {
			n = -1;
			break;
		}
	close(fd);
	return n < 0 ? askd_fail(
	                       reterr, ASKD_E_IO, "the file cannot be copied: %s", strerror(errno))
	             : ASKD_OK;
}

ASKD_DEFINE(queue_capabilities, askd_nothing, askd_capabilities)
{
	const struct queue *queue = self;

	out->flags = queue->edits ? ASKD_TRANSPORT_EDITS : 0;
	out->text_max = (uint64_t)queue->text_max;
	out->token_max = 64;
	out->per_second = (uint32_t)queue->per_second;
	out->per_conversation_second = (uint32_t)queue->per_conversation_second;
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_transport_iface, iface, .run = queue_run, .send = queue_send,
        .notice = queue_notice, .fetch = queue_fetch, .capabilities = queue_capabilities);
ASKD_PLUGIN(.kind = "askd.transport/1", .name = "queue_transport", .version = "1.0",
        .summary = "a chat out of a folder, for tests", .license = "MIT", .options = options,
        .instance_size = sizeof(struct queue), .flags = ASKD_CONCURRENT, .open = queue_open,
        .close = queue_close, .iface = &iface);
