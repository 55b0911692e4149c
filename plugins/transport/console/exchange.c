#include "exchange.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "reading.h"

enum { REQUEST_BYTES = 1 << 20, LOOK_MS = 100 };

struct side {
	const struct console *console;
	struct askd_call *call;
	int32_t in, out;
};

/* Takes over `line`. false: nobody reads it, or no memory. */
static bool put(const struct side *side, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	bool good = text && screen_write_bytes(side->call, side->out, text, strlen(text)) &&
	            screen_write_bytes(side->call, side->out, "\n", 1);

	free(text);
	json_decref(line);
	return good;
}

static int32_t put_failed(const struct side *side, const char *why)
{
	put(side, json_pack("{s:s}", "failed", why[0] ? why : "no reason was given"));
	return STATUS_ERROR;
}

static json_t *text_of(struct askd_text text)
{
	return text.s ? json_stringn(text.s, (size_t)text.n) : json_null();
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Does it run in the process that was started for it, or in one that had the state already? */
static bool is_own(const json_t *request)
{
	return json_integer_value(json_object_get(request, "parent")) == getppid();
}

/* ---- ask ------------------------------------------------------------------------------------- */

static int32_t watch(const struct askd_progress_sink *sink, const struct askd_progress *progress)
{
	const struct side *side = sink->owner;
	json_t *line = NULL;

	if (progress->kind == ASKD_PROGRESS_STAGE)
		line = json_pack("{s:o}", "stage", text_of(progress->stage));
	else if (progress->kind == ASKD_PROGRESS_REPLACE || progress->kind == ASKD_PROGRESS_APPEND)
		line = json_pack("{s:o,s:b}", "draft", text_of(progress->text), "more",
		        progress->kind == ASKD_PROGRESS_APPEND);
	else
		return ASKD_OK;
	return put(side, line) ? ASKD_OK : ASKD_E_CANCELED;
}

static int32_t ask(const struct side *side, const json_t *request)
{
	const json_t *text = json_object_get(request, "text");
	struct askd_progress_sink sink = {.size = sizeof sink, .owner = (void *)side, .put = watch};
	struct askd_error err = {.code = 0};
	ASKD_MAKE(struct askd_reply, reply, .kind = ASKD_TURN_ERROR);
	ASKD_MAKE(struct askd_event, event, .kind = ASKD_EVENT_TEXT,
	        .conversation = askd_text_of(member(request, "session")),
	        .text = {json_string_value(text), json_string_length(text)},
	        .database = askd_text_of(member(request, "database")), .progress = &sink);
	char head[96];
	int32_t rc =
	        side->console->turn->ask(side->console->host, side->call, &event, &reply, &err);

	if (rc == ASKD_E_CANCELED) {
		put(side, json_pack("{s:b}", "canceled", 1));
		return STATUS_UNANSWERED;
	}
	if (rc || !reply.object.s)
		return put_failed(side, err.message);
	snprintf(head, sizeof head, "{\"kind\":%u,\"retry_ms\":%lld,\"object\":", reply.kind,
	        (long long)reply.retry_after_ms);
	if (!screen_write_bytes(side->call, side->out, head, strlen(head)) ||
	        !screen_write_bytes(
	                side->call, side->out, reply.object.s, (size_t)reply.object.n) ||
	        !screen_write_bytes(side->call, side->out, "}\n", 2))
		return STATUS_ERROR;
	return reply.kind == ASKD_TURN_ERROR ? STATUS_ERROR : STATUS_ANSWERED;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static json_t *columns_of(const struct askd_db_table *table)
{
	json_t *list = json_array();

	for (size_t i = 0; list && table->columns && table->columns[i]; i++) {
		const struct askd_db_column *column = table->columns[i];
		const char *key = column->key & ASKD_KEY_PRIMARY  ? "primary"
		                  : column->key & ASKD_KEY_UNIQUE ? "unique"
		                                                  : NULL;
		json_array_append_new(list,
		        json_pack("{s:o,s:o,s:o,s:s?,s:b}", "name", text_of(column->name), "type",
		                text_of(column->type_name), "comment", text_of(column->comment),
		                "key", key, "nullable", column->nullable));
	}
	return list;
}

static json_t *references_of(const struct askd_db_table *table)
{
	json_t *list = json_array();

	for (size_t i = 0; list && table->references && table->references[i]; i++) {
		const struct askd_db_reference *to = table->references[i];

		json_array_append_new(
		        list, json_pack("{s:o?,s:o,s:o?}", "columns",
		                      json_loadb(to->columns.s ? to->columns.s : "",
		                              (size_t)to->columns.n, 0, NULL),
		                      "table", text_of(to->table), "remote",
		                      json_loadb(to->remote_columns.s ? to->remote_columns.s : "",
		                              (size_t)to->remote_columns.n, 0, NULL)));
	}
	return list;
}

static json_t *table_of(const struct askd_db_table *table)
{
	static const char *const kinds[] = {"table", "table", "view", "materialized view"};

	return json_pack("{s:o,s:o,s:o,s:s,s:I,s:o,s:o}", "schema", text_of(table->schema), "name",
	        text_of(table->name), "comment", text_of(table->comment), "kind",
	        kinds[table->kind <= ASKD_MATERIALIZED_VIEW ? table->kind : 0], "rows",
	        (json_int_t)table->rows, "columns", columns_of(table), "references",
	        references_of(table));
}

static int32_t tables(const struct side *side, const json_t *request)
{
	const struct askd_query_service *query = side->console->query;
	const struct askd_host *host = side->console->host;
	const char *name = member(request, "database");
	struct askd_error err = {.code = 0};
	ASKD_MAKE(struct askd_query_databases, found, .databases = NULL);
	ASKD_MAKE(struct askd_query_catalogue, wanted, .database = 0);
	ASKD_MAKE(struct askd_catalogue, catalogue, .tables = NULL);
	json_t *list;

	if (query->databases(host, side->call, NULL, &found, &err))
		return put_failed(side, err.message);
	for (size_t i = 0; name && found.databases && found.databases[i]; i++)
		if (!strcmp(found.databases[i]->name.s, name))
			wanted.database = found.databases[i]->handle;
	if (!wanted.database)
		return put_failed(side, "there is no such database here");
	if (query->catalogue(host, side->call, &wanted, &catalogue, &err))
		return put_failed(side, err.message);
	list = json_array();
	for (size_t i = 0; list && catalogue.tables && catalogue.tables[i]; i++)
		json_array_append_new(list, table_of(catalogue.tables[i]));
	return put(side, json_pack("{s:o}", "tables", list)) ? STATUS_ANSWERED : STATUS_ERROR;
}

/* ---- hold, forget ---------------------------------------------------------------------------- */

static int32_t hold(const struct side *side, const json_t *request)
{
	ASKD_MAKE(struct askd_query_databases, found, .databases = NULL);
	struct askd_error err = {.code = 0};
	json_t *names = json_array();

	if (side->console->query->databases(side->console->host, side->call, NULL, &found, &err)) {
		json_decref(names);
		return put_failed(side, err.message);
	}
	for (size_t i = 0; names && found.databases && found.databases[i]; i++)
		json_array_append_new(names, text_of(found.databases[i]->name));
	if (!put(side, json_pack("{s:o,s:b}", "databases", names, "own", is_own(request))))
		return STATUS_ERROR;
	while (!askd_canceled(side->call)) {
		struct pollfd p = {.fd = side->in, .events = POLLIN};
		char byte;

		if (poll(&p, 1, LOOK_MS) > 0 && read(side->in, &byte, 1) == 0)
			break;
	}
	return STATUS_ANSWERED;
}

static int32_t forget(const struct side *side, const json_t *request)
{
	ASKD_MAKE(struct askd_session, session, .name = askd_text_of(member(request, "session")));
	ASKD_MAKE(struct askd_session_result, result, .count = 0);
	struct askd_error err = {.code = 0};
	int32_t rc = side->console->turn->forget(
	        side->console->host, side->call, &session, &result, &err);

	/* Where nothing was said there is no session yet. */
	if (rc && rc != ASKD_E_NOT_FOUND)
		return put_failed(side, err.message);
	return put(side, json_pack("{s:I}", "forgotten", (json_int_t)result.count))
	               ? STATUS_ANSWERED
	               : STATUS_ERROR;
}

int32_t exchange(const struct console *console, struct askd_call *call, int32_t in, int32_t out)
{
	const struct side side = {console, call, in, out};
	const char *problem = "it is no request";
	size_t n = 0;
	char *line = reading(call, in, REQUEST_BYTES, true, &n, &problem);
	json_t *request = line ? json_loadb(line, n, 0, NULL) : NULL;
	const char *what = member(request, "do");
	int32_t status;

	if (what && !strcmp(what, "hold"))
		status = hold(&side, request);
	else if (what && !strcmp(what, "ask"))
		status = ask(&side, request);
	else if (what && !strcmp(what, "tables"))
		status = tables(&side, request);
	else if (what && !strcmp(what, "forget"))
		status = forget(&side, request);
	else
		status = put_failed(&side, problem);
	json_decref(request);
	free(line);
	return status;
}
