/* routes.h: the skill over HTTP: its table of routes, and what their files share. */
#ifndef QUERY_ROUTES_H
#define QUERY_ROUTES_H

#include <askd/web.h>

#include "query.h"

/* For askd_plugin.extensions. */
extern const struct askd_extension query_routes;

/* JSON schemas of what goes in and out (routes_schema.c). */
extern const char query_schema_ask[], query_schema_reply[], query_schema_tables[],
        query_schema_tables_in[], query_schema_schema[], query_schema_schema_in[],
        query_schema_history[], query_schema_history_in[], query_schema_forgotten[],
        query_schema_cancel[], query_schema_canceled[];

/* One request while it is answered. */
struct route_call {
	const struct query_skill *skill;
	struct askd_call *call;
	const struct askd_web_request *in;
	struct askd_web_response *out;
	struct voice voice;
	json_t *body; /* an object; NULL: none */
};

/* routes_io.c */
struct askd_text route_header(const struct askd_web_request *in, const char *name);
struct askd_text route_param(const struct askd_web_request *in, const char *name);
/* Fills r; with `wants_body` reads the JSON object of the body. false: it is answered (400, 413,
 * 415). Release with route_end. */
bool route_begin(struct route_call *r, const struct query_skill *skill, struct askd_call *call,
        const struct askd_web_request *in, struct askd_web_response *out, bool wants_body);
void route_end(struct route_call *r);
/* {error, code, details}; text: what say() gave; details is taken, may be NULL. */
int32_t route_refuse(struct route_call *r, int32_t status, const char *code, struct askd_text text,
        json_t *details);
/* 200 with the object, which is taken. */
int32_t route_reply(struct route_call *r, json_t *object, struct askd_error *reterr);
/* A text of the body; absent when it is not there or null. false: another type, answered. */
bool route_text(struct route_call *r, const char *name, struct askd_text *text);
/* A list of texts of the body, as JSON; absent when it is not there or null. false: answered. */
bool route_list(struct route_call *r, const char *name, struct askd_text *list);
/* {"error", "code", "details"} in the arena; absent: no memory. */
struct askd_text route_error_text(
        struct askd_call *call, const char *code, struct askd_text text, json_t *details);

/* routes_ask.c: POST /api/query */
int32_t route_ask(void *self, struct askd_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, struct askd_error *reterr);

#endif
