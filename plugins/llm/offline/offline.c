/* offline.c: an engine that answers questions without a model, from the structured task. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include "offline.h"

enum { PROBE_MS = 50 }; /* of all probes of a question */

/* ---- a question to the engine ---------------------------------------------------------------- */

int32_t offline_answer(struct offline *offline, struct askd_call *call, struct pool *pool,
        struct cache_entry *entry, uint64_t database, struct engine_question *question,
        struct engine_reply *reply, struct askd_error *reterr)
{
	struct reading probes;
	if (offline->probes) {
		reading_init(&probes, offline, call, database, PROBE_MS, PROBE_MS);
		question->source = &probes.source;
	}
	*reply = (struct engine_reply){.sql = NULL};
	return engine_answer(cache_schema(entry), pool, question, reply, reterr);
}

/* ---- the decision as the skill reads it ------------------------------------------------------ */

/* In the arena; absent: it is full. Takes the object over. */
static struct askd_text dump(struct askd_call *call, json_t *object)
{
	struct askd_text text = {NULL, 0};
	char *s = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(4)) : NULL;
	if (s)
		text = askd_copy(call, s, strlen(s));
	free(s);
	json_decref(object);
	return text;
}

static json_t *list_of(const char *const *texts, size_t max)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < max && texts[i]; i++)
		if (json_array_append_new(list, json_string(texts[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int32_t decline(struct askd_call *call, const char *reason, json_t *suggestions,
        int32_t confidence_milli, struct askd_llm_reply *out, struct askd_error *reterr)
{
	out->confidence_milli = confidence_milli;
	out->text = dump(
	        call, json_pack("{s:s,s:s,s:f,s:o*}", "action", "decline", "answer", reason,
	                      "confidence", confidence_milli / 1000.0, "suggestions", suggestions));
	return out->text.s ? ASKD_OK
	                   : askd_fail(reterr, ASKD_E_NOMEM, "no memory for the decision");
}

/* A text of ours for the person, with one value in it; English when the service fails. */
static const char *say(const struct offline *offline, struct askd_call *call,
        const struct askd_task *task, const char *text, const char *name, const char *value)
{
	ASKD_MAKE(
	        struct askd_header, arg, .name = askd_text_of(name), .value = askd_text_of(value));
	const struct askd_header *const args[] = {name ? &arg : NULL, NULL};
	ASKD_MAKE(struct askd_i18n_result, result, .text = {0});
	ASKD_MAKE(struct askd_i18n_text, in, .count = 1, .language = task->language,
	        .text = askd_text_of(text), .args = args);
	if (offline->i18n->text(offline->host, call, &in, &result, NULL) || !result.text.s)
		return text;
	return result.text.s;
}

/* Without the point at its end. */
static size_t sentence_length(const char *s)
{
	size_t n = strlen(s);

	return n && s[n - 1] == '.' ? n - 1 : n;
}

/* What else it could mean is told with the reading, not offered as `choices`: those are words to
 * send back, and readings are none. */
static const char *with_others(const struct offline *offline, struct askd_call *call,
        const struct askd_task *task, const char *reading, const char *const *others)
{
	struct askd_text list = {NULL, 0};
	/* The first is the reading itself. Each is a sentence: here they are parts of one. */
	for (size_t i = 1; others[0] && i < ENGINE_CHOICES && others[i]; i++)
		list = askd_print(call, "%s%s%.*s", list.s ? list.s : "", list.s ? "; " : "",
		        (int)sentence_length(others[i]), others[i]);
	if (!list.s)
		return reading;
	list = askd_print(call, "%s%s%s", reading, *reading ? " " : "",
	        say(offline, call, task, "It could also mean: {readings}.", "*readings", list.s));
	return list.s ? list.s : reading;
}

static int32_t decide(const struct offline *offline, struct askd_call *call,
        const struct askd_task *task, const struct engine_reply *reply, struct askd_llm_reply *out,
        struct askd_error *reterr)
{
	const char *explanation = reply->explanation ? reply->explanation : "";
	struct askd_text reading;
	if (!reply->sql)
		return decline(call,
		        /* with names and words as they are, whatever Markdown makes of their signs
		         */
		        say(offline, call, task, "{reason}", "reason",
		                reply->reason ? reply->reason : ""),
		        list_of(reply->suggestions, ENGINE_SUGGESTIONS), 0, out, reterr);
	reading = askd_print(call, "%.*s", (int)sentence_length(explanation), explanation);
	if (reply->confidence_milli < offline->least_milli)
		return decline(call,
		        reading.n
		                ? say(offline, call, task,
		                          "I am not sure enough of what is meant. I would read it "
		                          "as: {reading}. Please ask it in other words.",
		                          "reading", reading.s)
		                : say(offline, call, task,
		                          "I am not sure enough of what is meant. Please ask it in "
		                          "other words.",
		                          NULL, NULL),
		        list_of(reply->suggestions, ENGINE_SUGGESTIONS), reply->confidence_milli,
		        out, reterr);
	explanation = with_others(offline, call, task, explanation, reply->choices);
	out->confidence_milli = reply->confidence_milli;
	out->explanation = askd_copy(call, explanation, strlen(explanation));
	out->text = dump(call,
	        json_pack("{s:s,s:s,s:s,s:f}", "action", "sql", "sql", reply->sql, "explanation",
	                explanation, "confidence", reply->confidence_milli / 1000.0));
	return out->text.s ? ASKD_OK
	                   : askd_fail(reterr, ASKD_E_NOMEM, "no memory for the decision");
}

/* ---- the stages ------------------------------------------------------------------------------ */

static int32_t analyse(struct offline *offline, struct askd_call *call,
        const struct askd_task *task, struct askd_llm_reply *out, struct askd_error *reterr)
{
	char day[16] = "";
	time_t now = (time_t)(task->now_us / 1000000);
	struct engine_question question = {.text = task->question.s,
	        .n = (size_t)task->question.n,
	        .today = task->today.n ? task->today.s : day};
	struct cache_entry *entry = NULL;
	struct pool pool = {.blocks = NULL};
	struct engine_reply reply;
	struct tm tm;
	int32_t rc;
	if (!task->catalogue || !task->question.s)
		return askd_fail(
		        reterr, ASKD_E_UNSUPPORTED, "an analysis needs a question and a catalogue");
	/* It would say the same once more. */
	if (task->problem.n)
		return decline(call,
		        say(offline, call, task,
		                "I could not put this into a query that the database takes. Please "
		                "ask it in other words.",
		                NULL, NULL),
		        NULL, 0, out, reterr);
	if (gmtime_r(&now, &tm))
		strftime(day, sizeof day, "%Y-%m-%d", &tm);
	rc = cache_take(offline, call, task->catalogue, false, &entry, reterr);
	if (!rc)
		rc = offline_answer(offline, call, &pool, entry, task->catalogue->database,
		        &question, &reply, reterr);
	if (!rc && askd_canceled(call))
		rc = askd_fail(reterr, ASKD_E_CANCELED, "canceled");
	if (!rc)
		rc = decide(offline, call, task, &reply, out, reterr);
	pool_finish(&pool);
	cache_give(offline, entry);
	return rc;
}

ASKD_DEFINE(offline_complete, askd_llm_request, askd_llm_reply)
{
	struct offline *offline = self;
	const struct askd_task *task = in->task;
	out->finish = ASKD_FINISH_STOP;
	out->confidence_milli = -1;
	out->model = ASKD_LITERAL("offline");
	if (task && askd_equal(task->kind, ASKD_LITERAL("analysis")))
		return analyse(offline, call, task, out, reterr);
	/* Rows are put into words by the one who has them, who must know how anyway: no text. */
	if (task && askd_equal(task->kind, ASKD_LITERAL("answer"))) {
		out->text = ASKD_LITERAL("");
		return ASKD_OK;
	}
	return askd_fail(reterr, ASKD_E_UNSUPPORTED,
	        "without a model there is an analysis and an answer, no other stage: name another "
	        "llm for it under assistant.stages");
}

ASKD_DEFINE(offline_model, askd_llm_model, askd_llm_model)
{
	out->flags = ASKD_LLM_LOCAL | ASKD_LLM_FREE;
	out->name = ASKD_LITERAL("offline");
	return ASKD_OK;
}

/* ---- the plugin ------------------------------------------------------------------------------ */

static int32_t offline_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct offline *offline = self;
	char *end = NULL;
	double least = offline->decline_below ? strtod(offline->decline_below, &end) : 0;
	int32_t rc;
	if (offline->decline_below &&
	        (end == offline->decline_below || *end || !(least >= 0 && least <= 1)))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'decline_below' is %.40s: write a number from 0 to 1, such as 0.5",
		        offline->decline_below);
	offline->least_milli = (int32_t)lround(least * 1000);
	offline->host = host;
	rc = askd_need(host, "askd.query/1", &offline->query, reterr);
	if (!rc)
		rc = askd_need(host, "askd.i18n/1", &offline->i18n, reterr);
	if (!rc && pthread_mutex_init(&offline->lock, NULL))
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a lock");
	if (!rc)
		pthread_cond_init(&offline->changed, NULL);
	return rc;
}

static void offline_close(void *self)
{
	struct offline *offline = self;
	cache_finish(offline);
	pthread_cond_destroy(&offline->changed);
	pthread_mutex_destroy(&offline->lock);
}

ASKD_QUIET
static const struct askd_option options[] = {
        {.name = "values",
                .help = "Different values of a column that are read so that questions may name "
                        "them; 0: none",
                .def = "10000",
                .max = ASKD_QUERY_LOOK_UP_ROWS,
                ASKD_OPTION_INT(struct offline, values)},
        {.name = "memory",
                .help = "For what is known of databases; what was asked longest ago is forgotten "
                        "first",
                .def = "64M",
                .min = 1 << 20,
                .max = INT64_C(64) << 30,
                ASKD_OPTION_SIZE(struct offline, memory)},
        {.name = "refresh",
                .help = "After that time the values of a database are read anew",
                .def = "10m",
                .min = 1000,
                .max = INT64_C(30) * 24 * 3600 * 1000,
                ASKD_OPTION_DURATION(struct offline, refresh_ms)},
        {.name = "probes",
                .help = "Whether a few quick looks into the database may decide between readings "
                        "of a question",
                .def = "yes",
                ASKD_OPTION_BOOL(struct offline, probes)},
        {.name = "decline_below",
                .help = "From 0 to 1: a reading with less confidence than that is not carried "
                        "out",
                .def = "0.55",
                .max = 20,
                ASKD_OPTION_TEXT(struct offline, decline_below)},
        {.name = NULL}};
static const struct askd_llm_iface iface = {
        .size = sizeof iface, .complete = offline_complete, .model = offline_model};
static const struct askd_extension *const extensions[] = {&offline_verbs, NULL};
ASKD_LOUD

ASKD_PLUGIN(.kind = ASKD_KIND_LLM, .name = "offline", .version = "0.9.0",
        .summary = "Answers questions without a model", .license = "MIT", .options = options,
        .instance_size = sizeof(struct offline), .flags = ASKD_CONCURRENT, .open = offline_open,
        .close = offline_close, .iface = &iface, .extensions = extensions);
