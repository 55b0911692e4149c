/* routes_io.c: bodies in, objects and errors out. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "routes.h"
#include "str.h"

enum { BODY_MAX = 1 << 20, NAMES_MAX = 1000 };

static struct askd_text find(const struct askd_header *const *list, const char *name)
{
	for (; list && *list; list++)
		if (askd_equal((*list)->name, askd_text_of(name)))
			return (*list)->value;
	return (struct askd_text){0};
}

struct askd_text route_header(const struct askd_web_request *in, const char *name)
{
	return find(in->headers, name);
}

struct askd_text route_param(const struct askd_web_request *in, const char *name)
{
	return find(in->params, name);
}

static json_t *error_object(const char *code, struct askd_text text, json_t *details)
{
	json_t *object = json_object();

	if (object && !json_object_set_new(object, "error", json_stringn(text.s, text.n)) &&
	        !json_object_set_new(object, "code", json_string(code)) &&
	        !json_object_set(object, "details", details ? details : json_null())) {
		json_decref(details);
		return object;
	}
	json_decref(details);
	json_decref(object);
	return NULL;
}

/* Takes the object. */
static struct askd_text dump(struct askd_call *call, json_t *object)
{
	char *s = object ? json_dumps(object, JSON_COMPACT) : NULL;
	struct askd_text text = s ? askd_copy(call, s, strlen(s)) : (struct askd_text){0};

	free(s);
	json_decref(object);
	return text;
}

struct askd_text route_error_text(
        struct askd_call *call, const char *code, struct askd_text text, json_t *details)
{
	return dump(call, error_object(code, text, details));
}

int32_t route_refuse(struct route_call *r, int32_t status, const char *code, struct askd_text text,
        json_t *details)
{
	struct askd_text body = route_error_text(r->call, code, text, details);

	r->out->status = status; /* without a body the host words it */
	r->out->type = ASKD_LITERAL("application/json");
	r->out->body = (struct askd_bytes){body.s, body.n};
	return ASKD_OK;
}

int32_t route_reply(struct route_call *r, json_t *object, struct askd_error *reterr)
{
	struct askd_text text = dump(r->call, object);

	if (!text.s)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a reply");
	r->out->status = 200;
	r->out->type = ASKD_LITERAL("application/json");
	r->out->body = (struct askd_bytes){text.s, text.n};
	return ASKD_OK;
}

/* ---- the body -------------------------------------------------------------------------------- */

static bool is_json(struct askd_text type)
{
	size_t n = sizeof "application/json" - 1;

	return type.n >= n && !strncasecmp(type.s, "application/json", n) &&
	       (type.n == n || type.s[n] == ';' || type.s[n] == ' ');
}

/* The whole body, in the arena when it comes as a file. false: larger than is taken, or lost. */
static bool read_body(struct route_call *r, struct askd_bytes *body)
{
	const struct askd_file *file = r->in->file;
	char *copy;

	*body = r->in->body;
	if (!file)
		return body->n <= BODY_MAX;
	if (file->length > BODY_MAX || !(copy = r->call->alloc(r->call, file->length + 1)))
		return false;
	for (uint64_t at = 0; at < file->length;) {
		ssize_t got = pread(file->fd, copy + at, file->length - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += (uint64_t)got;
	}
	*body = (struct askd_bytes){copy, file->length};
	return true;
}

static bool take_body(struct route_call *r)
{
	struct askd_bytes body;
	json_error_t error;

	/* Another type would let a foreign page's form ask in the name of who looks at it. */
	if (!is_json(route_header(r->in, "content-type"))) {
		r->out->status = 415;
		return false;
	}
	if (!read_body(r, &body)) {
		r->out->status = 413;
		return false;
	}
	r->body = body.p ? json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &error) : NULL;
	if (json_is_object(r->body))
		return true;
	route_refuse(r, 400, "INVALID_REQUEST",
	        say(&r->voice, "The body of this request must be a JSON object.", NULL),
	        body.p && !r->body
	                ? json_pack("{s:i,s:i}", "line", error.line, "column", error.column)
	                : NULL);
	return false;
}

bool route_begin(struct route_call *r, const struct query_skill *skill, struct askd_call *call,
        const struct askd_web_request *in, struct askd_web_response *out, bool wants_body)
{
	struct askd_text language = route_header(in, "accept-language");
	size_t n = 0;

	while (n < language.n && n < 16 && language.s[n] != ',' && language.s[n] != ';')
		n++;
	*r = (struct route_call){.skill = skill,
	        .call = call,
	        .in = in,
	        .out = out,
	        .voice = {skill->host, skill->i18n, call,
	                n >= 2 && n < 16 && language.s[0] != '*' ? askd_copy(call, language.s, n)
	                                                         : (struct askd_text){0}}};
	return !wants_body || take_body(r);
}

void route_end(struct route_call *r)
{
	json_decref(r->body);
	r->body = NULL;
}

static bool refuse_type(struct route_call *r, const char *name, struct askd_text text)
{
	route_refuse(r, 400, "INVALID_REQUEST", text, json_pack("{s:s}", "member", name));
	return false;
}

bool route_text(struct route_call *r, const char *name, struct askd_text *text)
{
	const json_t *value = json_object_get(r->body, name);

	*text = (struct askd_text){0};
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return refuse_type(
		        r, name, say(&r->voice, "{name} must be a text.", "name", name, NULL));
	*text = (struct askd_text){json_string_value(value), json_string_length(value)};
	return true;
}

bool route_list(struct route_call *r, const char *name, struct askd_text *list)
{
	json_t *value = json_object_get(r->body, name);
	bool good = json_is_array(value) && json_array_size(value) <= NAMES_MAX;
	size_t i;
	json_t *item;

	*list = (struct askd_text){0};
	if (!value || json_is_null(value))
		return true;
	json_array_foreach(value, i, item) good = good && json_is_string(item);
	if (!good)
		return refuse_type(r, name,
		        say(&r->voice, "{name} must be a list of names.", "name", name, NULL));
	*list = dump(r->call, json_incref(value));
	return true;
}
