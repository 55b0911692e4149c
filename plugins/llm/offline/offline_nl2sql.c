/* offline_nl2sql.c: askd nl2sql: questions as lines of JSON in, statements as lines of JSON out. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "offline.h"

#define USAGE "askd nl2sql [-d DATABASE] [--explain]"

enum { LINE_BYTES = 1 << 20, READ_BYTES = 64 << 10, SLICE_MS = 100, QUESTION_MS = 60000 };

static const char help[] =
        "Usage: " USAGE "\n\n"
        "Reads questions from standard input, one JSON object a line:\n"
        "  {\"id\": 1, \"db\": \"shop.db\", \"question\": \"How many customers are there?\"}\n"
        "and writes for each, in order, the statement that answers it:\n"
        "  {\"id\": 1, \"sql\": \"SELECT count(*) FROM customers\", \"confidence\": 0.93}\n"
        "\"sql\" is null where the question is declined. \"db\" is the path of a file, a URL, or\n"
        "a configured name; -d names one for all questions. \"today\": \"2026-11-21\" says how\n"
        "\"last month\" is to be read. --explain adds how the question was understood. No\n"
        "statement is run but the short ones that read values.\n";

struct session {
	struct offline *offline;
	struct askd_call *call; /* of the whole command */
	const struct askd_verb_call *verb;
	const char *database; /* -d; NULL: each question names its own */
	bool explain;
	char *last; /* the database of the last question, and its handle */
	uint64_t handle;
};

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_all(const struct session *s, int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t put = write(fd, text, n);
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (put < 0 && errno == EAGAIN && poll(&p, 1, SLICE_MS) < 0 && errno != EINTR)
			return false;
		if (put < 0 && askd_canceled(s->call))
			return false;
		text += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
	return true;
}

/* Takes the object over. */
static bool write_line(const struct session *s, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(4)) : NULL;
	size_t n = text ? strlen(text) : 0;
	bool written = false;
	if (text) {
		text[n] = '\n'; /* over the final 0 */
		written = write_all(s, s->verb->out, text, n + 1);
	}
	free(text);
	json_decref(object);
	return written;
}

/* ---- one question ---------------------------------------------------------------------------- */

static json_t *id_of(const json_t *object)
{
	json_t *id = json_object_get(object, "id");
	return id ? json_incref(id) : json_null();
}

static json_t *failed(json_t *id, const char *why)
{
	return json_pack("{s:o,s:n,s:i,s:s}", "id", id, "sql", "confidence", 0, "error", why);
}

static bool set(json_t *object, const char *name, const char *text)
{
	return !json_object_set_new(object, name, text && *text ? json_string(text) : json_null());
}

static bool explain(json_t *object, const struct engine_reply *reply)
{
	json_t *suggestions = json_array(), *choices = json_array();
	bool ok = set(object, "explanation", reply->explanation) &&
	          set(object, "ignored", reply->ignored) && set(object, "reason", reply->reason);
	for (size_t i = 0; ok && i < ENGINE_SUGGESTIONS && reply->suggestions[i]; i++)
		ok = !json_array_append_new(suggestions, json_string(reply->suggestions[i]));
	for (size_t i = 0; ok && i < ENGINE_CHOICES && reply->choices[i]; i++)
		ok = !json_array_append_new(
		        choices, json_pack("{s:s,s:s?}", "explanation", reply->choices[i], "sql",
		                         reply->choice_sql[i]));
	ok = !json_object_set_new(object, "suggestions", suggestions) && ok;
	return !json_object_set_new(object, "choices", choices) && ok;
}

/* The handle of the database that the question is for. */
static int32_t find_database(struct session *s, struct askd_call *call, const char *name, bool anew,
        struct askd_error *err)
{
	const struct offline *o = s->offline;
	ASKD_MAKE(struct askd_query_open, in, .address = askd_text_of(name));
	ASKD_MAKE(struct askd_query_database, found, .handle = 0);
	char *copy;
	int32_t rc;
	if (!anew && s->last && !strcmp(s->last, name))
		return ASKD_OK;
	rc = o->query->open(o->host, call, &in, &found, err);
	if (rc)
		return rc;
	copy = strdup(name);
	if (!copy)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a name");
	free(s->last);
	s->last = copy;
	s->handle = found.handle;
	return ASKD_OK;
}

static int32_t look(struct session *s, struct askd_call *call, const char *name,
        struct askd_catalogue *catalogue, struct askd_error *err)
{
	const struct offline *o = s->offline;
	int32_t rc = find_database(s, call, name, false, err);
	for (int tries = 0; !rc; tries++) {
		ASKD_MAKE(struct askd_query_catalogue, in, .flags = ASKD_QUERY_NO_SAMPLES,
		        .database = s->handle);
		*catalogue = (struct askd_catalogue){.size = sizeof *catalogue};
		rc = o->query->catalogue(o->host, call, &in, catalogue, err);
		if (rc != ASKD_E_NOT_FOUND || tries)
			break;
		/* So many others were asked that it was forgotten. */
		rc = find_database(s, call, name, true, err);
	}
	return rc;
}

/* The day of the person who sits there, if the question does not say. */
static const char *today_of(const struct session *s, const json_t *object, char day[16])
{
	const char *today = json_string_value(json_object_get(object, "today"));
	time_t now = (time_t)(s->offline->host->now_us(s->offline->host) / 1000000);
	struct tm tm;
	if (today)
		return today;
	return localtime_r(&now, &tm) && strftime(day, 16, "%Y-%m-%d", &tm) ? day : "1970-01-01";
}

static json_t *answer(struct session *s, struct askd_call *call, const json_t *object, json_t *id)
{
	const json_t *text = json_object_get(object, "question");
	const char *name =
	        s->database ? s->database : json_string_value(json_object_get(object, "db"));
	char day[16];
	struct engine_question question = {.text = json_string_value(text),
	        .n = json_string_length(text),
	        .today = today_of(s, object, day)};
	ASKD_MAKE(struct askd_catalogue, catalogue, .version = 0);
	struct askd_error err = {.code = 0};
	struct cache_entry *entry = NULL;
	struct engine_reply reply;
	struct pool pool = {.blocks = NULL};
	json_t *out;
	int32_t rc;
	if (!question.text)
		return failed(id, "there is no \"question\"");
	if (!name)
		return failed(id, "there is no \"db\"");
	rc = look(s, call, name, &catalogue, &err);
	if (!rc)
		rc = cache_take(s->offline, call, &catalogue, true, &entry, &err);
	if (!rc)
		rc = offline_answer(
		        s->offline, call, &pool, entry, s->handle, &question, &reply, &err);
	if (rc) {
		out = failed(id, err.message[0] ? err.message : "it failed");
	} else {
		out = json_pack("{s:o,s:s?,s:f}", "id", id, "sql", reply.sql, "confidence",
		        reply.sql ? reply.confidence_milli / 1000.0 : 0.0);
		if (out && s->explain && !explain(out, &reply)) {
			json_decref(out);
			out = NULL;
		}
	}
	pool_finish(&pool);
	cache_give(s->offline, entry);
	return out;
}

/* false: nobody reads the answers any more, or there is no memory. */
static bool take_line(struct session *s, const char *line, size_t n)
{
	const struct askd_host *host = s->offline->host;
	struct askd_call *call;
	json_error_t error;
	json_t *object, *out;
	while (n && strchr(" \t\r", line[n - 1]))
		n--;
	if (!n)
		return true;
	object = json_loadb(line, n, 0, &error);
	if (!json_is_object(object)) {
		out = json_pack("{s:n,s:s}", "id", "error",
		        object ? "a line must be a JSON object" : error.text);
		json_decref(object);
		return write_line(s, out);
	}
	call = host->call_within(host, s->call, QUESTION_MS);
	out = call ? answer(s, call, object, id_of(object)) : NULL;
	host->call_end(call);
	json_decref(object);
	return !askd_canceled(s->call) && write_line(s, out);
}

/* ---- the lines ------------------------------------------------------------------------------- */

/* What stands in front of each end of a line, and the length of the rest. */
static bool take_lines(struct session *s, char *buffer, size_t *n)
{
	size_t start = 0;
	for (char *end; (end = memchr(buffer + start, '\n', *n - start));
	        start = (size_t)(end - buffer) + 1)
		if (!take_line(s, buffer + start, (size_t)(end - buffer) - start))
			return false;
	*n -= start;
	memmove(buffer, buffer + start, *n);
	return true;
}

static bool too_long(struct session *s)
{
	return write_line(s, json_pack("{s:n,s:s}", "id", "error", "a line is longer than 1 MB"));
}

static int32_t run_lines(struct session *s)
{
	char *buffer = malloc(LINE_BYTES + READ_BYTES);
	bool ok = buffer != NULL, skipping = false;
	size_t n = 0;
	while (ok && !askd_canceled(s->call)) {
		struct pollfd p = {.fd = s->verb->in, .events = POLLIN};
		ssize_t got;
		if (poll(&p, 1, SLICE_MS) <= 0)
			continue;
		got = read(s->verb->in, buffer + n, READ_BYTES);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		if (skipping) {
			char *end = memchr(buffer, '\n', (size_t)got);
			size_t skip = end ? (size_t)(end - buffer) + 1 : (size_t)got;
			skipping = !end;
			got -= (ssize_t)skip;
			memmove(buffer, buffer + skip, (size_t)got);
		}
		n += (size_t)got;
		ok = take_lines(s, buffer, &n);
		if (ok && n > LINE_BYTES - 1) {
			ok = too_long(s);
			skipping = true;
			n = 0;
		}
	}
	if (ok && n && !askd_canceled(s->call))
		ok = take_line(s, buffer, n);
	free(buffer);
	return ok && !askd_canceled(s->call) ? 0 : 1;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* What is wrong with the arguments; NULL: nothing. */
static const char *read_arguments(struct session *s, const json_t *args, bool *wants_help)
{
	size_t i;
	json_t *item;
	json_array_foreach(args, i, item)
	{
		const char *word = json_string_value(item);
		if (!word)
			return "the arguments are no list of texts";
		if (!strcmp(word, "--explain")) {
			s->explain = true;
		} else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
			*wants_help = true;
		} else if (!strncmp(word, "--database=", 11)) {
			s->database = word + 11;
		} else if (!strcmp(word, "-d") || !strcmp(word, "--database")) {
			s->database = json_string_value(json_array_get(args, ++i));
			if (!s->database)
				return "-d needs the name of a database";
		} else {
			return "unknown argument";
		}
	}
	return NULL;
}

ASKD_DEFINE(nl2sql_run, askd_verb_call, askd_verb_result)
{
	struct session s = {.offline = self, .call = call, .verb = in};
	json_t *args = in->args.s ? json_loadb(in->args.s, in->args.n, 0, NULL) : NULL;
	bool wants_help = false;
	const char *problem = read_arguments(&s, args, &wants_help);
	(void)reterr;
	out->status = 1;
	if (problem)
		dprintf(in->err, "askd nl2sql: %s; usage: " USAGE "\n", problem);
	else if (wants_help)
		out->status = !write_all(&s, in->out, help, sizeof help - 1);
	else
		out->status = run_lines(&s);
	free(s.last);
	json_decref(args);
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_verb, verb, .name = "nl2sql", .usage = USAGE,
        .help = "Turns questions into SQL, line by line, without a model.", .run = nl2sql_run);
static const struct askd_verb *const verb_list[] = {&verb, NULL};
ASKD_MAKE(static const struct askd_verbs, verbs, .verbs = verb_list);
ASKD_MAKE(const struct askd_extension, offline_verbs, .id = "askd.verbs/1", .table = &verbs);
