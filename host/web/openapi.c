/* openapi.c: the OpenAPI 3.1 document, made from the tables of routes. */
#include <string.h>

#include "base/json.h"
#include "web/web_private.h"

static const char components[] =
        "{\"securitySchemes\":{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\","
        "\"description\":\"An API key of askd.\"}},"
        "\"schemas\":{\"Error\":{\"type\":\"object\",\"additionalProperties\":false,"
        "\"required\":[\"error\",\"code\",\"details\"],\"properties\":{"
        "\"error\":{\"type\":\"string\",\"description\":\"For people, in their language.\"},"
        "\"code\":{\"type\":\"string\",\"pattern\":\"^[A-Z_]+$\"},"
        "\"details\":{\"type\":[\"object\",\"null\"]}}}},"
        "\"responses\":{\"Error\":{\"description\":\"It did not work.\",\"content\":{"
        "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}}";

/* Takes the reference of value, also when it fails. */
static bool put(json_t *object, const char *name, json_t *value)
{
	return !json_object_set_new(object, name, value);
}

static json_t *schema_of(const char *text)
{
	return text ? json_read(askd_text_of(text), NULL) : json_object();
}

static bool add_params(json_t *list, const struct route *route)
{
	json_t *schema, *properties, *one;
	const json_t *required;
	const char *name;

	for (size_t i = 0; i < route->count; i++) {
		const struct route_part *part = &route->parts[i];

		if (part->named &&
		        json_array_append_new(list,
		                json_pack("{s:s%,s:s,s:b,s:{s:s}}", "name", part->s, part->n, "in",
		                        "path", "required", 1, "schema", "type", "string")))
			return false;
	}
	if (route->rest && json_array_append_new(list,
	                           json_pack("{s:s,s:s,s:b,s:{s:s}}", "name", "path", "in", "path",
	                                   "required", 1, "schema", "type", "string")))
		return false;
	if (!route->request_schema ||
	        (strcmp(route->method, "GET") != 0 && strcmp(route->method, "DELETE") != 0))
		return true;
	schema = schema_of(route->request_schema);
	properties = json_object_get(schema, "properties");
	required = json_object_get(schema, "required");
	json_object_foreach(properties, name, one)
	{
		bool needed = false;
		size_t i;
		json_t *word;

		json_array_foreach(required, i, word) needed |=
		        json_is_string(word) && !strcmp(json_string_value(word), name);
		if (json_array_append_new(
		            list, json_pack("{s:s,s:s,s:b,s:O}", "name", name, "in", "query",
		                          "required", needed, "schema", one))) {
			json_decref(schema);
			return false;
		}
	}
	json_decref(schema);
	return true;
}

static json_t *body_of(const struct route *route)
{
	if (!strcmp(route->method, "GET") || !strcmp(route->method, "DELETE"))
		return NULL;
	if (route->flags & ASKD_ROUTE_UPLOAD)
		return json_pack("{s:b,s:{s:{s:{s:s,s:s}}}}", "required", 1, "content",
		        "application/octet-stream", "schema", "type", "string", "format", "binary");
	if (!route->request_schema)
		return NULL;
	return json_pack("{s:b,s:{s:{s:o}}}", "required", 1, "content", "application/json",
	        "schema", schema_of(route->request_schema));
}

static json_t *responses_of(const struct route *route)
{
	json_t *content = json_object(), *good = NULL, *all = json_object();
	bool done = content && all;

	if (done && (route->flags & ASKD_ROUTE_JSON || route->reply_schema))
		done = put(content, "application/json",
		        json_pack("{s:o}", "schema", schema_of(route->reply_schema)));
	if (done && route->flags & ASKD_ROUTE_SSE)
		done = put(content, "text/event-stream",
		        json_pack("{s:{s:s}}", "schema", "type", "string"));
	if (done) {
		good = json_pack("{s:s}", "description", route->summary);
		done = good &&
		       (!json_object_size(content) || !json_object_set(good, "content", content));
	}
	done = done && !json_object_set(all, "200", good) &&
	       put(all, "default", json_pack("{s:s}", "$ref", "#/components/responses/Error"));
	json_decref(content);
	json_decref(good);
	if (done)
		return all;
	json_decref(all);
	return NULL;
}

static json_t *operation_of(const struct route *route)
{
	json_t *operation = json_object(), *params = json_array(), *body = body_of(route);
	const char *owner = route->instance ? route->instance->host.instance : "askd";
	bool done = operation && params && put(operation, "summary", json_string(route->summary)) &&
	            put(operation, "tags", json_pack("[s]", owner)) && add_params(params, route);

	if (done && json_array_size(params))
		done = !json_object_set(operation, "parameters", params);
	if (done && body)
		done = !json_object_set(operation, "requestBody", body);
	if (done)
		done = put(operation, "responses", responses_of(route));
	if (done)
		done = put(operation, "security",
		        route->permission ? json_pack("[{s:[]}]", "key") : json_array());
	json_decref(params);
	json_decref(body);
	if (done)
		return operation;
	json_decref(operation);
	return NULL;
}

static bool add_route(json_t *paths, const struct route *route)
{
	char path[512], method[16];
	size_t n = strlen(route->path);
	json_t *item, *operation = operation_of(route);

	snprintf(path, sizeof path, "%.*s%s", (int)(n - route->rest), route->path,
	        route->rest ? "{path}" : "");
	for (n = 0; route->method[n] && n < sizeof method - 1; n++)
		method[n] = (char)(route->method[n] | 0x20);
	method[n] = 0;
	item = json_object_get(paths, path);
	if (!item && !put(paths, path, json_object())) {
		json_decref(operation);
		return false;
	}
	return put(json_object_get(paths, path), method, operation);
}

struct askd_text openapi_make(struct arena *a, const struct route *routes, size_t count)
{
	json_t *document = json_pack("{s:s,s:{s:s,s:s,s:s}}", "openapi", "3.1.0", "info", "title",
	        "askd", "version", "1", "description",
	        "Ask databases in plain words. Every error is {error, code, details}.");
	json_t *paths = json_object();
	struct askd_text text = {NULL, 0};
	bool done = document && paths;

	for (size_t i = count; done && i > 0; i--)
		done = add_route(paths, &routes[i - 1]);
	if (done && !json_object_set(document, "paths", paths) &&
	        put(document, "components", json_read(askd_text_of(components), NULL)))
		text = json_write(a, document);
	json_decref(paths);
	json_decref(document);
	return text;
}
