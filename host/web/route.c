/* route.c: the routes of all owners, and which of them a request means. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "web/web_private.h"

enum { OWN_MAX = 32 };

static struct web_route own[OWN_MAX];
static size_t own_count;

void web_add_route(const struct web_route *route)
{
	for (size_t i = 0; i < own_count; i++)
		if (!strcmp(own[i].path, route->path) && !strcmp(own[i].method, route->method)) {
			own[i] = *route;
			return;
		}
	if (own_count < OWN_MAX)
		own[own_count++] = *route;
}

/* ---- collecting ------------------------------------------------------------------------------ */

static const char *owner_of(const struct route *route)
{
	return route->instance ? route->instance->host.instance : "askd";
}

static int32_t fault(const struct route *route, const char *why, struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_CONFIG, "%s: the route %s %s %s", owner_of(route),
	        route->method, route->path, why);
}

static bool name_is_sound(const char *s, size_t n)
{
	if (!n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", s[i]))
			return false;
	return true;
}

static bool is_schema(const char *text)
{
	json_t *schema = text ? json_read(askd_text_of(text), NULL) : NULL;
	bool good = !text || json_is_object(schema);

	json_decref(schema);
	return good;
}

/* Cuts the path into its parts. */
static int32_t route_parse(struct route *route, struct askd_error *reterr)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
	const char *at = route->path;
	size_t i = 0;

	while (methods[i] && strcmp(methods[i], route->method) != 0)
		i++;
	if (!methods[i])
		return fault(route, "has a method that is none of GET, POST, PUT, PATCH, DELETE",
		        reterr);
	while (*at == '/') {
		struct route_part *part = &route->parts[route->count];
		size_t n = strcspn(++at, "/");

		if (route->rest)
			return fault(route, "has something behind its *", reterr);
		if (route->count == WEB_PARTS)
			return fault(route, "has too many parts", reterr);
		if (n == 1 && *at == '*') {
			route->rest = true;
		} else {
			part->named = n > 2 && at[0] == '{' && at[n - 1] == '}';
			part->s = at + part->named;
			part->n = n - 2 * part->named;
			if (part->named ? !name_is_sound(part->s, part->n)
			                : strcspn(part->s, "{}*?#%") < part->n)
				return fault(route, "has a part that cannot be read", reterr);
			route->count++;
		}
		at += n;
	}
	if (*at)
		return fault(route, "does not begin with a slash", reterr);
	if (!is_schema(route->request_schema) || !is_schema(route->reply_schema))
		return fault(route, "has a schema that is no JSON object", reterr);
	if (route->permission && !auth_knows(route->permission))
		return fault(route, "asks for a permission that is unknown here", reterr);
	if (route->permission && route->flags & (ASKD_ROUTE_INSTANT | ASKD_ROUTE_CALLBACK))
		return fault(
		        route, "cannot have a permission: it is instant or a callback", reterr);
	return ASKD_OK;
}

/* -1: a is the more particular one; 0: they mean the same paths, or neither is. */
static int route_compare(const struct route *a, const struct route *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (a->parts[i].named != b->parts[i].named)
			return a->parts[i].named ? 1 : -1;
	if (a->rest != b->rest)
		return a->rest ? 1 : -1;
	return a->count > b->count ? -1 : a->count < b->count;
}

static bool is_same_path(const struct route *a, const struct route *b)
{
	if (a->count != b->count || a->rest != b->rest)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->parts[i].named != b->parts[i].named ||
		        (!a->parts[i].named &&
		                (a->parts[i].n != b->parts[i].n ||
		                        memcmp(a->parts[i].s, b->parts[i].s, a->parts[i].n) != 0)))
			return false;
	return true;
}

/* Puts it into the list at its place. */
static int32_t route_insert(
        struct route *list, size_t *count, const struct route *route, struct askd_error *reterr)
{
	size_t at = *count;

	for (size_t i = 0; i < *count; i++)
		if (!strcmp(list[i].method, route->method) && is_same_path(&list[i], route))
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "%s and %s both want the route %s %s: leave one of them out",
			        owner_of(&list[i]), owner_of(route), route->method, route->path);
	while (at && route_compare(route, &list[at - 1]) < 0) {
		list[at] = list[at - 1];
		at--;
	}
	list[at] = *route;
	++*count;
	return ASKD_OK;
}

static size_t routes_number(const struct web_rooms *rooms)
{
	size_t n = own_count;

	for (struct plugin_instance **i = rooms->registry->instances; i && *i; i++) {
		const struct askd_routes *routes = plugin_instance_extension(*i, "askd.routes/1");

		for (size_t k = 0; routes && routes->routes[k]; k++)
			n++;
	}
	return n;
}

int32_t routes_collect(struct arena *a, const struct web_rooms *rooms, struct route **routes,
        size_t *count, struct askd_error *reterr)
{
	struct route *list = arena_zalloc(a, (routes_number(rooms) + 1) * sizeof *list);
	int32_t rc = ASKD_OK;
	size_t n = 0;

	if (!list)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the routes");
	for (size_t i = 0; !rc && i < own_count; i++) {
		struct route one = {.flags = own[i].flags,
		        .method = own[i].method,
		        .path = own[i].path,
		        .permission = own[i].permission,
		        .summary = own[i].summary,
		        .reply_schema = own[i].reply_schema,
		        .own = own[i]};

		/* The files of the web root stand behind every other route. */
		if (!strcmp(own[i].path, "/*") && !rooms->config->web_root)
			continue;
		rc = route_parse(&one, reterr);
		if (!rc)
			rc = route_insert(list, &n, &one, reterr);
	}
	for (struct plugin_instance **i = rooms->registry->instances; i && *i && !rc; i++) {
		const struct askd_routes *table = plugin_instance_extension(*i, "askd.routes/1");

		for (size_t k = 0; !rc && table && table->routes[k]; k++) {
			const struct askd_route *r = table->routes[k];
			struct route one = {.flags = r->flags,
			        .method = r->method,
			        .path = r->path,
			        .permission = r->permission,
			        .summary = r->summary,
			        .request_schema = r->request_schema,
			        .reply_schema = r->reply_schema,
			        .max_body = r->max_body,
			        .table = r,
			        .instance = *i};

			rc = route_parse(&one, reterr);
			if (!rc)
				rc = route_insert(list, &n, &one, reterr);
		}
	}
	for (size_t i = 0; !rc && i < n; i++) {
		list[i].label = arena_print(a, "route=\"%s %s\"", list[i].method, list[i].path);
		list[i].label_good = arena_print(a, "%s,status=\"200\"", list[i].label);
		if (!list[i].label || !list[i].label_good)
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the routes");
	}
	if (rc)
		return rc;
	*routes = list;
	*count = n;
	return ASKD_OK;
}

/* ---- matching -------------------------------------------------------------------------------- */

/* The part of the path that begins behind the slash at `at`. */
static size_t part_length(struct askd_text path, size_t at)
{
	const char *slash = memchr(path.s + at, '/', (size_t)path.n - at);

	return slash ? (size_t)(slash - path.s) - at : (size_t)path.n - at;
}

static bool is_match(const struct route *route, struct askd_text path)
{
	size_t at = 0;

	for (size_t i = 0; i < route->count; i++) {
		const struct route_part *part = &route->parts[i];
		size_t n;

		if (at >= path.n || path.s[at] != '/')
			return false;
		n = part_length(path, ++at);
		if (part->named ? !n : n != part->n || memcmp(path.s + at, part->s, n) != 0)
			return false;
		at += n;
	}
	return route->rest ? at < path.n : at == path.n;
}

static void allow(struct route_match *match, const char *method)
{
	size_t n = strlen(match->allow), length = strlen(method);

	for (const char *at = match->allow; (at = strstr(at, method)); at += length)
		if (!at[length] || at[length] == ',')
			return;
	snprintf(match->allow + n, sizeof match->allow - n, "%s%s", n ? ", " : "", method);
}

void routes_match(const struct route *routes, size_t count, struct askd_text method,
        struct askd_text path, struct route_match *match)
{
	bool head = text_is(method, "HEAD");
	const struct route *shape = NULL;

	*match = (struct route_match){0};
	for (size_t i = 0; i < count; i++) {
		const struct route *route = &routes[i];

		if (!is_match(route, path))
			continue;
		/* What is under /api is never a file. */
		if (route->rest && !route->count && path.n >= 5 && !memcmp(path.s, "/api/", 5))
			continue;
		/* A path that is somebody's own is not handed to a broader one for its method. */
		if (shape && !is_same_path(shape, route))
			break;
		shape = route;
		if (text_is(method, route->method) || (head && !strcmp(route->method, "GET"))) {
			match->route = route;
			return;
		}
		allow(match, route->method);
		if (!strcmp(route->method, "GET"))
			allow(match, "HEAD");
	}
}

static const struct askd_header *param(
        struct arena *a, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct askd_header *header = arena_zalloc(a, sizeof *header);

	if (!header)
		return NULL;
	header->size = sizeof *header;
	header->name = (struct askd_text){arena_copy(a, name, name_n), name_n};
	header->value = (struct askd_text){arena_copy(a, value, value_n), value_n};
	return header->name.s && header->value.s ? header : NULL;
}

const struct askd_header *const *route_params(
        struct arena *a, const struct route *route, const struct askd_web_request *in)
{
	const struct askd_header **list;
	size_t n = 0, given = 0, at = 0, names;

	while (in->params && in->params[given])
		given++;
	list = arena_zalloc(a, (route->count + given + 2) * sizeof *list);
	if (!list)
		return NULL;
	for (size_t i = 0; i < route->count; i++) {
		const struct route_part *part = &route->parts[i];
		size_t length = part_length(in->path, ++at);

		if (part->named &&
		        !(list[n++] = param(a, part->s, part->n, in->path.s + at, length)))
			return NULL;
		at += length;
	}
	if (route->rest &&
	        !(list[n++] = param(a, "*", 1, in->path.s + at + 1, (size_t)in->path.n - at - 1)))
		return NULL;
	names = n;
	for (size_t i = 0; i < given; i++) {
		bool hidden = false;

		for (size_t k = 0; k < names && !hidden; k++)
			hidden = askd_equal(list[k]->name, in->params[i]->name);
		if (!hidden)
			list[n++] = in->params[i];
	}
	return list;
}
