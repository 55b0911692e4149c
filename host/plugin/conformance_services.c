/* conformance_services.c: stand-ins for every service, so that a plugin opens and runs with no
 * daemon around it. They keep the rules of the contract; what they answer is scripted or empty. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/conformance_run.h"

struct conformance_services conformance_services;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over what calls write there */

/* Counts one up; the new count. */
static size_t count_up(size_t *counter)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = ++*counter;
	pthread_mutex_unlock(&lock);
	return n;
}

#define SERVICE(name, in_type, out_type)                                          \
	static int32_t name(const struct askd_host *host, struct askd_call *call, \
	        const struct in_type *in, struct out_type *out, struct askd_error *reterr)

SERVICE(http_fetch, askd_http_request, askd_http_response)
{
	const struct conformance_answer *answer = &conformance_services.http;
	struct askd_http_response unwanted = {.size = sizeof unwanted};
	const char *colon = answer->header ? strchr(answer->header, ':') : NULL;
	size_t n = answer->body ? strlen(answer->body) : 0;

	(void)host;
	count_up(&conformance_services.http_calls);
	if (answer->rc) {
		askd_fail(reterr, answer->rc, "the test's network says so");
		if (reterr)
			reterr->flags = answer->flags;
		return answer->rc;
	}
	out = out ? out : &unwanted;
	out->status = answer->status;
	if (colon) {
		struct askd_header *header = call->alloc(call, sizeof *header);
		const struct askd_header **list = call->alloc(call, 2 * sizeof *list);

		if (!header || !list)
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory");
		*header = (struct askd_header){.size = sizeof *header,
		        .name = askd_copy(call, answer->header, (uint64_t)(colon - answer->header)),
		        .value = askd_copy(call, colon + 2, strlen(colon + 2))};
		list[0] = header;
		list[1] = NULL;
		out->headers = list;
	}
	if (in->stream && answer->status / 100 == 2) {
		/* In two pieces, cut anywhere. */
		for (size_t at = 0, piece = (n + 1) / 2; at < n; at += piece) {
			struct askd_http_chunk chunk = {.size = sizeof chunk,
			        .data = {answer->body + at, n - at < piece ? n - at : piece}};
			int32_t rc = in->stream->put(in->stream, &chunk);

			if (rc)
				return askd_fail(reterr, rc, "the receiver stopped");
		}
	} else {
		struct askd_text body = askd_copy(call, answer->body ? answer->body : "", n);

		out->body = (struct askd_bytes){body.s, body.n};
	}
	return ASKD_OK;
}

SERVICE(inbox_deliver, askd_event, askd_delivered)
{
	size_t delivered;

	(void)host, (void)call;
	if (!in->key.n || !in->conversation.n || !in->sender.n)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "an event needs key, conversation and sender");
	delivered = count_up(&conformance_services.delivered);
	if (out)
		out->id = delivered;
	return ASKD_OK;
}

SERVICE(turn_reply, askd_message, askd_delivered)
{
	size_t replies;

	(void)host, (void)call;
	if (conformance_services.turn_rc)
		return askd_fail(
		        reterr, conformance_services.turn_rc, "the test's service says so");
	pthread_mutex_lock(&lock);
	replies = ++conformance_services.replies;
	snprintf(conformance_services.last_reply, sizeof conformance_services.last_reply, "%s",
	        in->text.s ? in->text.s : "");
	pthread_mutex_unlock(&lock);
	if (out)
		out->id = replies;
	return ASKD_OK;
}

SERVICE(turn_progress, askd_progress, askd_nothing)
{
	(void)host, (void)call, (void)in, (void)out, (void)reterr;
	return ASKD_OK;
}

SERVICE(turn_ask, askd_event, askd_reply)
{
	(void)host, (void)in, (void)reterr;
	if (out) {
		out->kind = ASKD_TURN_ANSWER;
		out->turn = 1;
		out->object = askd_print(call, "{\"kind\":\"answer\",\"answer\":\"A stand-in "
		                               "answers.\",\"columns\":[],\"data\":[]}");
	}
	return ASKD_OK;
}

SERVICE(turn_history, askd_session, askd_session_history)
{
	(void)host, (void)call, (void)reterr;
	if (!in->name.n)
		return askd_fail(reterr, ASKD_E_INVALID, "a session has a name");
	if (out)
		out->turns = ASKD_LITERAL("[]");
	return ASKD_OK;
}

SERVICE(turn_session, askd_session, askd_session_result)
{
	(void)host, (void)call, (void)out;
	return in->name.n || in->turn ? ASKD_OK
	                              : askd_fail(reterr, ASKD_E_INVALID, "a session has a name");
}

/* What the line of a service's script says; 0: go on. */
static int32_t scripted(int32_t rc, struct askd_error *reterr)
{
	return rc ? askd_fail(reterr, rc, "the test's service says so") : ASKD_OK;
}

SERVICE(llm_complete, askd_llm_request, askd_llm_reply)
{
	const char *text = conformance_services.stage;

	(void)host;
	if (!in->task || !in->model.n)
		return askd_fail(reterr, ASKD_E_INVALID, "a stage and a task are due");
	if (out) {
		out->finish = ASKD_FINISH_STOP;
		out->confidence_milli = -1;
		out->text = askd_print(call, "%s",
		        text ? text : "{\"action\":\"answer\",\"answer\":\"A stand-in answers.\"}");
	}
	return scripted(conformance_services.llm_rc, reterr);
}

/* The one database: a table of one column. */
enum { DATABASE = 1 };
static const struct askd_db_column column = {
        .size = sizeof column, .type = ASKD_INT, .name = {"number", 6}};
static const struct askd_db_column *const columns[] = {&column, NULL};
static const struct askd_db_table table = {.size = sizeof table,
        .kind = ASKD_TABLE,
        .rows = 1,
        .name = {"customers", 9},
        .columns = columns};
static const struct askd_db_table *const tables[] = {&table, NULL};

SERVICE(query_run, askd_query_run, askd_query_result)
{
	static const struct askd_value cell = {.type = ASKD_INT, .u.i = 4};
	static const struct askd_batch batch = {.size = sizeof batch,
	        .rows = 1,
	        .columns = 1,
	        .end = 1,
	        .affected = -1,
	        .cells = &cell};
	const struct askd_query_rows rows = {
	        .size = sizeof rows, .columns = columns, .batch = &batch};
	int32_t rc = scripted(conformance_services.run_rc, reterr);

	(void)host;
	count_up(&conformance_services.runs);
	if (!rc && in->database != DATABASE)
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no such database");
	if (!rc && in->rows && in->rows->put(in->rows, &rows))
		rc = askd_fail(reterr, ASKD_E_CANCELED, "the receiver stopped");
	if (!rc && out) {
		out->rows = 1;
		out->verdict = askd_print(call, "reads only");
	}
	return rc;
}

SERVICE(query_catalogue, askd_query_catalogue, askd_catalogue)
{
	(void)host, (void)call;
	count_up(&conformance_services.catalogues);
	if (in->database != DATABASE)
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no such database");
	if (out) {
		out->version = 1;
		out->database = DATABASE;
		out->name = ASKD_LITERAL("shop");
		out->dialect = ASKD_LITERAL("ansi");
		out->tables = tables;
	}
	return scripted(conformance_services.catalogue_rc, reterr);
}

SERVICE(query_databases, askd_nothing, askd_query_databases)
{
	static const struct askd_query_database database = {.size = sizeof database,
	        .handle = DATABASE,
	        .name = {"shop", 4},
	        .dialect = {"ansi", 4}};
	static const struct askd_query_database *const list[] = {&database, NULL};

	(void)host, (void)call, (void)in;
	if (out)
		out->databases = list;
	return scripted(conformance_services.catalogue_rc, reterr);
}

SERVICE(query_open, askd_query_open, askd_query_database)
{
	(void)host, (void)call;
	if (!askd_equal(in->address, ASKD_LITERAL("shop")))
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no such database");
	if (out) {
		out->handle = DATABASE;
		out->name = ASKD_LITERAL("shop");
		out->dialect = ASKD_LITERAL("ansi");
	}
	return scripted(conformance_services.catalogue_rc, reterr);
}

SERVICE(store_service_read, askd_store_read, askd_store_rows)
{
	struct askd_batch *batch = call->alloc(call, sizeof *batch);

	(void)host, (void)in;
	if (!batch)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory");
	*batch = (struct askd_batch){.size = sizeof *batch, .end = 1, .affected = -1};
	if (out)
		out->batch = batch;
	return scripted(conformance_services.store_rc, reterr);
}

SERVICE(store_service_write, askd_store_write, askd_nothing)
{
	(void)host, (void)call, (void)out;
	return in->statements ? scripted(conformance_services.store_rc, reterr)
	                      : askd_fail(reterr, ASKD_E_INVALID, "nothing to write");
}

SERVICE(i18n_service_text, askd_i18n_text, askd_i18n_result)
{
	(void)host, (void)reterr;
	if (out)
		out->text = askd_copy(call, in->text.s, in->text.n);
	return ASKD_OK;
}

SERVICE(audit_service_write, askd_audit_entry, askd_nothing)
{
	(void)host, (void)call, (void)out;
	return in->action.n ? ASKD_OK
	                    : askd_fail(reterr, ASKD_E_INVALID, "an entry needs an action");
}

SERVICE(metrics_service_any, askd_metric, askd_nothing)
{
	(void)host, (void)call, (void)out;
	return in->name.n ? ASKD_OK : askd_fail(reterr, ASKD_E_INVALID, "a metric needs a name");
}

SERVICE(listen_service_open, askd_listen_request, askd_listen_socket)
{
	static int fd = -1;

	(void)host, (void)call, (void)in;
	if (fd < 0)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || listen(fd, 8))
		return askd_fail(reterr, ASKD_E_IO, "no socket");
	if (out)
		out->fd = fd;
	return ASKD_OK;
}

SERVICE(web_head, askd_web_request, askd_web_verdict)
{
	(void)host, (void)call;
	if (!in->method.n || !in->path.n || in->path.s[0] != '/')
		return askd_fail(reterr, ASKD_E_INVALID, "a request needs a method and a path");
	if (out)
		out->status = 404;
	return ASKD_OK;
}

SERVICE(web_dispatch, askd_web_request, askd_nothing)
{
	(void)host, (void)call, (void)out;
	return in->id ? askd_fail(reterr, ASKD_E_BUSY, "the test answers no request")
	              : askd_fail(reterr, ASKD_E_INVALID, "a request needs an id");
}

SERVICE(web_begin, askd_web_response, askd_nothing)
{
	(void)host, (void)call, (void)out;
	return in->status >= 100 && in->status <= 599
	               ? ASKD_OK
	               : askd_fail(reterr, ASKD_E_INVALID, "a response needs a status");
}

SERVICE(web_data, askd_web_data, askd_nothing)
{
	(void)host, (void)call, (void)in, (void)out, (void)reterr;
	return ASKD_OK;
}

#define TABLE(type, name, ...) static const struct type name = {.size = sizeof name, __VA_ARGS__}

TABLE(askd_http_service, http, .fetch = http_fetch);
TABLE(askd_inbox_service, inbox, .deliver = inbox_deliver);
TABLE(askd_turn_service, turn, .reply = turn_reply, .progress = turn_progress, .post = turn_reply,
        .ask = turn_ask, .history = turn_history, .forget = turn_session, .cancel = turn_session);
TABLE(askd_llm_service, llm, .complete = llm_complete);
TABLE(askd_query_service, query, .run = query_run, .catalogue = query_catalogue,
        .databases = query_databases, .open = query_open);
TABLE(askd_store_service, store, .read = store_service_read, .write = store_service_write);
TABLE(askd_i18n_service, i18n, .text = i18n_service_text);
TABLE(askd_audit_service, audit, .write = audit_service_write);
TABLE(askd_metrics_service, metrics, .add = metrics_service_any, .observe = metrics_service_any);
TABLE(askd_listen_service, listening, .open = listen_service_open);
TABLE(askd_web_service, web, .head = web_head, .dispatch = web_dispatch, .gone = web_data,
        .begin = web_begin, .write = web_data);

void conformance_services_offer(void)
{
	registry_offer_service("askd.http/1", &http, false);
	registry_offer_service("askd.inbox/1", &inbox, false);
	registry_offer_service("askd.turn/1", &turn, true);
	registry_offer_service("askd.llm/1", &llm, true);
	registry_offer_service("askd.query/1", &query, true);
	registry_offer_service("askd.store/1", &store, false);
	registry_offer_service("askd.i18n/1", &i18n, false);
	registry_offer_service("askd.audit/1", &audit, false);
	registry_offer_service("askd.metrics/1", &metrics, false);
	registry_offer_service("askd.listen/1", &listening, false);
	registry_offer_service("askd.web/1", &web, true);
}
