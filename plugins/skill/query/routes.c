/* routes.c: the table of routes, and all but the asking: tables, schemas, sessions, stopping. */
#include "routes.h"

#include <stdlib.h>

#include "str.h"

/* ---- databases ------------------------------------------------------------------------------- */

static json_t *text_or_null(struct askd_text text)
{
	return text.s ? json_stringn(text.s, text.n) : json_null();
}

static json_t *database_names(const struct askd_query_databases *all)
{
	json_t *list = json_array();

	for (size_t i = 0; list && all->databases && all->databases[i]; i++)
		if (json_array_append_new(list, text_or_null(all->databases[i]->name))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* The one that is named, else the only one. NULL: there is none, or more than one. */
static const struct askd_query_database *choose(
        const struct askd_query_databases *all, struct askd_text name)
{
	const struct askd_query_database *const *list = all->databases;

	if (!name.s)
		return list && list[0] && !list[1] ? list[0] : NULL;
	for (; list && *list; list++)
		if (askd_equal((*list)->name, name))
			return *list;
	return NULL;
}

static const char *const kinds[] = {"table", "table", "view", "materialized view"};

static json_t *columns_of(const struct askd_db_table *table)
{
	json_t *list = json_array();

	for (size_t i = 0; list && table->columns && table->columns[i]; i++) {
		const struct askd_db_column *c = table->columns[i];

		if (json_array_append_new(
		            list, json_pack("{s:o,s:o,s:b,s:b,s:o}", "name", text_or_null(c->name),
		                          "type", text_or_null(c->type_name), "nullable",
		                          c->nullable != 0, "key", c->key != 0, "comment",
		                          text_or_null(c->comment)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *table_of(const struct askd_db_table *table, bool with_columns)
{
	json_t *object = json_pack("{s:o,s:o,s:s,s:o,s:o}", "schema", text_or_null(table->schema),
	        "name", text_or_null(table->name), "kind",
	        kinds[table->kind < sizeof kinds / sizeof *kinds ? table->kind : 0], "rows",
	        table->rows < 0 ? json_null() : json_integer(table->rows), "comment",
	        text_or_null(table->comment));

	if (object && with_columns && json_object_set_new(object, "columns", columns_of(table))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int32_t show(struct route_call *r, const struct askd_query_databases *all,
        const struct askd_query_database *database, struct askd_text tables, bool with_columns,
        struct askd_error *reterr)
{
	const struct query_skill *skill = r->skill;
	json_t *list = json_array(), *object = NULL;
	ASKD_MAKE(struct askd_catalogue, catalogue, .version = 0);
	ASKD_MAKE(struct askd_query_catalogue, in, .tables = tables);
	int32_t rc = ASKD_OK;

	if (database) {
		in.database = database->handle;
		rc = skill->query->catalogue(skill->host, r->call, &in, &catalogue, reterr);
	}
	for (size_t i = 0; !rc && catalogue.tables && catalogue.tables[i]; i++)
		if (json_array_append_new(list, table_of(catalogue.tables[i], with_columns)))
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the tables");
	if (rc) {
		json_decref(list);
		return rc;
	}
	object = json_pack("{s:o,s:o,s:o,s:o}", "database",
	        database ? text_or_null(database->name) : json_null(), "dialect",
	        database ? text_or_null(database->dialect) : json_null(), "databases",
	        database_names(all), "tables", list);
	return route_reply(r, object, reterr);
}

static int32_t describe(struct route_call *r, struct askd_text name, struct askd_text tables,
        bool with_columns, struct askd_error *reterr)
{
	const struct query_skill *skill = r->skill;
	const struct askd_query_database *database;
	ASKD_MAKE(struct askd_query_databases, all, .databases = NULL);
	int32_t rc = skill->query->databases(skill->host, r->call, NULL, &all, reterr);

	if (rc)
		return rc;
	database = choose(&all, name);
	if (!database && name.s)
		return route_refuse(r, 404, "NOT_FOUND",
		        say(&r->voice, "There is no database by this name that you may ask.", NULL),
		        json_pack("{s:o}", "databases", database_names(&all)));
	if (!database && with_columns)
		return route_refuse(r, 400, "INVALID_REQUEST",
		        say(&r->voice, "Which database do you mean?", NULL),
		        json_pack("{s:o}", "databases", database_names(&all)));
	return show(r, &all, database, tables, with_columns, reterr);
}

ASKD_DEFINE(route_tables, askd_web_request, askd_web_response)
{
	struct route_call r;
	int32_t rc;

	route_begin(&r, self, call, in, out, false);
	rc = describe(&r, route_param(in, "database"), (struct askd_text){0}, false, reterr);
	route_end(&r);
	return rc;
}

ASKD_DEFINE(route_schema, askd_web_request, askd_web_response)
{
	struct askd_text database, tables;
	struct route_call r;
	int32_t rc = ASKD_OK;

	if (route_begin(&r, self, call, in, out, true) && route_text(&r, "database", &database) &&
	        route_list(&r, "tables", &tables))
		rc = describe(&r, database, tables, true, reterr);
	route_end(&r);
	return rc;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static int32_t no_session(struct route_call *r)
{
	return route_refuse(r, 404, "NOT_FOUND",
	        say(&r->voice, "There is no such session of yours.", NULL), NULL);
}

ASKD_DEFINE(route_history, askd_web_request, askd_web_response)
{
	const struct query_skill *skill = self;
	struct askd_text turns = route_param(in, "turns");
	ASKD_MAKE(struct askd_session, session, .name = route_param(in, "id"));
	ASKD_MAKE(struct askd_session_history, history, .count = 0);
	struct route_call r;
	struct askd_text body;
	int32_t rc;

	route_begin(&r, skill, call, in, out, false);
	if (turns.s)
		session.turns = (uint32_t)strtoul(turns.s, NULL, 10);
	rc = skill->turn->history(skill->host, call, &session, &history, reterr);
	if (rc == ASKD_E_NOT_FOUND)
		return no_session(&r);
	if (rc)
		return rc;
	{
		json_t *name = text_or_null(session.name);
		char *quoted = name ? json_dumps(name, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

		body = quoted ? askd_print(call, "{\"session_id\":%s,\"turns\":%s}", quoted,
		                        history.turns.s)
		              : (struct askd_text){0};
		free(quoted);
		json_decref(name);
	}
	if (!body.s)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a history");
	out->status = 200;
	out->type = ASKD_LITERAL("application/json");
	out->body = (struct askd_bytes){body.s, body.n};
	return ASKD_OK;
}

ASKD_DEFINE(route_forget, askd_web_request, askd_web_response)
{
	const struct query_skill *skill = self;
	ASKD_MAKE(struct askd_session, session, .name = route_param(in, "id"));
	ASKD_MAKE(struct askd_session_result, result, .count = 0);
	struct route_call r;
	int32_t rc;

	route_begin(&r, skill, call, in, out, false);
	rc = skill->turn->forget(skill->host, call, &session, &result, reterr);
	if (rc == ASKD_E_NOT_FOUND)
		return no_session(&r);
	return rc ? rc
	          : route_reply(
	                    &r, json_pack("{s:I}", "forgotten", (json_int_t)result.count), reterr);
}

ASKD_DEFINE(route_cancel, askd_web_request, askd_web_response)
{
	const struct query_skill *skill = self;
	ASKD_MAKE(struct askd_session, session, .turn = 0);
	ASKD_MAKE(struct askd_session_result, result, .count = 0);
	struct askd_text turn = {0};
	struct route_call r;
	int32_t rc = ASKD_OK;

	if (!route_begin(&r, skill, call, in, out, true) ||
	        !route_text(&r, "session_id", &session.name) || !route_text(&r, "turn_id", &turn))
		goto out;
	if (turn.n)
		session.turn = strtoull(turn.s, NULL, 10);
	if (!session.turn && !session.name.n) {
		rc = route_refuse(&r, 400, "INVALID_REQUEST",
		        say(&r.voice, "Name the session or the turn that is to stop.", NULL), NULL);
		goto out;
	}
	rc = skill->turn->cancel(skill->host, call, &session, &result, reterr);
	if (!rc)
		rc = route_reply(
		        &r, json_pack("{s:I}", "canceled", (json_int_t)result.count), reterr);
out:
	route_end(&r);
	return rc;
}

/* ---- the table ------------------------------------------------------------------------------- */

ASKD_MAKE(static const struct askd_route, ask, .flags = ASKD_ROUTE_JSON | ASKD_ROUTE_SSE,
        .method = "POST", .path = "/api/query", .permission = "ask",
        .summary = "Asks a question. As text/event-stream: the events stage, text and replace (the "
                   "answer as it is written), then result or error.",
        .request_schema = query_schema_ask, .reply_schema = query_schema_reply,
        .handle = route_ask);
ASKD_MAKE(static const struct askd_route, tables, .flags = ASKD_ROUTE_JSON, .method = "GET",
        .path = "/api/tables", .permission = "ask",
        .summary = "The databases that may be asked, and the tables of one of them.",
        .request_schema = query_schema_tables_in, .reply_schema = query_schema_tables,
        .handle = route_tables);
ASKD_MAKE(static const struct askd_route, schema, .flags = ASKD_ROUTE_JSON, .method = "POST",
        .path = "/api/schema", .permission = "ask",
        .summary = "Tables of a database with their columns.",
        .request_schema = query_schema_schema_in, .reply_schema = query_schema_schema,
        .handle = route_schema);
ASKD_MAKE(static const struct askd_route, history, .flags = ASKD_ROUTE_JSON, .method = "GET",
        .path = "/api/sessions/{id}/history", .permission = "ask",
        .summary = "What was asked and answered in a session.",
        .request_schema = query_schema_history_in, .reply_schema = query_schema_history,
        .handle = route_history);
ASKD_MAKE(static const struct askd_route, forget, .flags = ASKD_ROUTE_JSON, .method = "DELETE",
        .path = "/api/sessions/{id}/history", .permission = "ask", .summary = "Forgets a session.",
        .reply_schema = query_schema_forgotten, .handle = route_forget);
ASKD_MAKE(static const struct askd_route, cancel, .flags = ASKD_ROUTE_JSON, .method = "POST",
        .path = "/api/cancel", .permission = "ask",
        .summary = "Stops what runs in a session, or one turn of it.",
        .request_schema = query_schema_cancel, .reply_schema = query_schema_canceled,
        .handle = route_cancel);

static const struct askd_route *const list[] = {
        &ask, &tables, &schema, &history, &forget, &cancel, NULL};
ASKD_MAKE(static const struct askd_routes, routes, .routes = list);
ASKD_MAKE(const struct askd_extension, query_routes, .id = "askd.routes/1", .table = &routes);
