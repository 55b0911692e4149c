/* head.c: what stands before the body: read once, refused when two readers could understand it
 * differently. */
#include <stdlib.h>
#include <strings.h>

#include "http.h"

enum { HEADERS_MAX = 200, PARAMS_MAX = 100 };

/* Parsers of the library before 1.0 cut a line at a NUL byte and join folded lines without a
 * trace. They write 0 bytes over the ends of lines, so what was left out shows as a gap. */
static bool parser_hides(void)
{
	return !strncmp(MHD_get_version(), "0.", 2);
}

struct reading {
	struct http_head *head;
	size_t words; /* bytes of names and values */
	size_t room;
	const char *end; /* of the last line seen */
	bool gap, unsound;
};

/* ---- headers
 * ------------------------------------------------------------------------------------- */

static enum MHD_Result count(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size,
        const char *value, size_t value_size)
{
	struct reading *r = cls;

	(void)kind;
	r->room++;
	r->words += name_size + value_size + 2;
	if (!path_is_token(name, name_size) || !path_is_text(value ? value : "", value_size, true))
		r->unsound = true;
	if (value) {
		size_t between = (size_t)(value - name);

		if (value < name + name_size + 1 || between > name_size + 64)
			r->gap = true;
		else
			for (const char *p = name + name_size + 1; p < value; p++)
				r->gap |= *p != ' ' && *p != '\t';
		/* CR and LF are two 0 bytes now; only one of them, which some readers take for the
		 * end of a line and others do not, was one. */
		r->gap |= name != r->end + 2;
		r->end = value + value_size;
	}
	return MHD_YES;
}

static void header_set(struct askd_header *header, const char *name, size_t name_size,
        const char *value, size_t value_size)
{
	*header = (struct askd_header){
	        .size = sizeof *header, .name = {name, name_size}, .value = {value, value_size}};
}

static enum MHD_Result keep(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size,
        const char *value, size_t value_size)
{
	struct reading *r = cls;
	struct http_head *head = r->head;
	struct askd_header *header = &head->headers[head->header_count];
	char *lower = head->words + r->words, *copy;

	(void)kind;
	for (size_t i = 0; i < name_size; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	lower[name_size] = 0;
	while (value_size && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t'))
		value_size--;
	copy = lower + name_size + 1;
	if (value_size)
		memcpy(copy, value, value_size);
	copy[value_size] = 0;
	r->words += name_size + value_size + 2;
	header_set(header, lower, name_size, copy, value_size);
	head->header_list[head->header_count++] = header;
	return head->header_count < head->header_room ? MHD_YES : MHD_NO;
}

struct askd_text head_find(const struct http_head *head, const char *name)
{
	struct askd_text none = {NULL, 0};

	for (size_t i = 0; i < head->header_count; i++)
		if (!strcmp(head->headers[i].name.s, name))
			return head->headers[i].value;
	return none;
}

static size_t occurrences(const struct http_head *head, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < head->header_count; i++)
		n += !strcmp(head->headers[i].name.s, name);
	return n;
}

static bool refuse(struct http_refusal *refusal, unsigned int status, const char *text)
{
	*refusal = (struct http_refusal){status,
	        status == 503   ? "UNAVAILABLE"
	        : status == 431 ? "TOO_LARGE"
	                        : "INVALID_REQUEST",
	        text};
	return false;
}

/* Two readers must see the same end of the body. */
static bool framing(struct http_head *head, bool old, struct http_refusal *refusal)
{
	struct askd_text length = head_find(head, "content-length"),
	                 coding = head_find(head, "transfer-encoding"),
	                 expect = head_find(head, "expect");

	if (coding.s) {
		if (length.s)
			return refuse(refusal, 400,
			        "the request has both Content-Length and Transfer-Encoding");
		if (old || strcasecmp(coding.s, "chunked") != 0)
			return refuse(refusal, 400,
			        "the only Transfer-Encoding that is understood is chunked");
		head->chunked = true;
	}
	if (length.s) {
		if (!length.n || length.n > 18 || strspn(length.s, "0123456789") != length.n)
			return refuse(refusal, 400, "the Content-Length is no number");
		head->announced = strtoull(length.s, NULL, 10);
		head->sized = true;
	}
	head->expects = expect.s && !strcasecmp(expect.s, "100-continue");
	return true;
}

static bool headers_read(struct http_head *head, struct MHD_Connection *mhd, const char *version,
        struct http_refusal *refusal)
{
	static const char *const single[] = {"host", "content-length", "transfer-encoding",
	        "content-type", "authorization", "origin", "idempotency-key", NULL};
	bool old = !strcmp(version, "HTTP/1.0");
	struct reading r = {.head = head, .end = version + strlen(version)};
	size_t room;

	if (!old && strcmp(version, "HTTP/1.1") != 0)
		return refuse(refusal, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, count, &r);
	if (r.unsound)
		return refuse(refusal, 400,
		        "a header is not UTF-8 text, has a control character, or a bad name");
	r.gap |= r.end[1] || r.end[2] || r.end[3]; /* of the last line and the empty one */
	if (r.gap && parser_hides())
		return refuse(refusal, 400,
		        "a header has a NUL byte, is folded over lines, or does not end in CR LF");
	room = r.room;
	if (room > HEADERS_MAX)
		return refuse(refusal, 431, "there are more than 200 headers");
	head->headers = calloc(room + 1, sizeof *head->headers);
	head->header_list = calloc(room + 1, sizeof *head->header_list);
	head->words = malloc(r.words + 1);
	if (!head->headers || !head->header_list || !head->words)
		return refuse(refusal, 503, "there is no memory");
	head->header_room = room;
	r.words = 0;
	if (room)
		MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, keep, &r);
	for (size_t i = 0; single[i]; i++)
		if (occurrences(head, single[i]) > 1)
			return refuse(refusal, 400, "a header that must be unique occurs twice");
	if (!old && !head_find(head, "host").n)
		return refuse(refusal, 400, "the Host header is missing");
	return framing(head, old, refusal);
}

/* ---- path and query
 * -------------------------------------------------------------------------------- */

static bool params_read(struct http_head *head, const char *query, size_t n)
{
	struct askd_header *params;
	char *out;
	size_t room = 1, count_ = 0;

	for (size_t i = 0; i < n; i++)
		room += query[i] == '&';
	if (room > PARAMS_MAX)
		return false;
	/* One block: the list, the parameters, their text. */
	head->param_list = calloc(1,
	        (room + 1) * sizeof *head->param_list + room * sizeof *params + n + 2 * room + 2);
	if (!head->param_list)
		return false;
	params = (struct askd_header *)(head->param_list + room + 1);
	out = (char *)(params + room);
	for (size_t from = 0; from < n;) {
		const char *end = memchr(query + from, '&', n - from);
		size_t length = end ? (size_t)(end - query) - from : n - from, name, value = 0;
		const char *equal = memchr(query + from, '=', length);
		size_t named = equal ? (size_t)(equal - query) - from : length;
		char *s = out;

		if (length) {
			if (!path_decode(query + from, named, true, out, &name))
				return false;
			out += name + 1;
			if (!path_decode(equal ? equal + 1 : "", equal ? length - named - 1 : 0,
			            true, out, &value))
				return false;
			header_set(&params[count_], s, name, out, value);
			head->param_list[count_] = &params[count_];
			count_++;
			out += value + 1;
		}
		from += length + 1;
	}
	head->param_count = count_;
	return true;
}

/* `uri` as received: the path up to a '?', or a whole address. */
static bool uri_read(
        struct http_head *head, const char *uri, size_t n, struct http_refusal *refusal)
{
	const char *query;
	size_t length, path;

	if (n > 8 && (!strncasecmp(uri, "http://", 7) || !strncasecmp(uri, "https://", 8))) {
		const char *name = strstr(uri, "://") + 3, *from = strchr(name, '/');
		struct askd_text host = head_find(head, "host");

		if (!from)
			return refuse(refusal, 400, "the address of the request has no path");
		if (host.s && (host.n != (size_t)(from - name) ||
		                      strncasecmp(host.s, name, (size_t)host.n) != 0))
			return refuse(refusal, 400,
			        "the address of the request names another host than the Host "
			        "header");
		n -= (size_t)(from - uri);
		uri = from;
	}
	query = memchr(uri, '?', n);
	path = query ? (size_t)(query - uri) : n;
	head->uri = malloc(n + 2);
	if (!head->uri)
		return refuse(refusal, 503, "there is no memory");
	if (!path_normalise(uri, path, head->uri, &length))
		return refuse(refusal, 400,
		        "the path must begin with '/', stay below it, and be UTF-8 text without "
		        "backslashes, control characters and escaped slashes");
	head->message.path = (struct askd_text){head->uri, length};
	if (!query)
		return true;
	n -= path + 1;
	memcpy(head->uri + path + 1, query + 1, n);
	head->uri[path + 1 + n] = 0;
	head->message.query = (struct askd_text){head->uri + path + 1, n};
	if (!path_is_text(head->message.query.s, n, false) ||
	        !params_read(head, head->message.query.s, n))
		return refuse(refusal, 400,
		        "the query of the address is malformed, or has more than 100 parameters");
	return true;
}

/* ---- who asks
 * ---------------------------------------------------------------------------------------- */

/* Without a port. */
static bool host_is_loopback(struct askd_text host)
{
	const char *colon = strrchr(host.s ? host.s : "", ':');
	size_t n = host.n;
	struct peer peer;

	if (colon && !strchr(colon, ']'))
		n = (size_t)(colon - host.s);
	return (n == 9 && !strncasecmp(host.s, "localhost", n)) ||
	       (n && peer_parse(host.s, n, &peer) && peer_is_loopback(&peer));
}

/* The last address in the list that is no proxy of ours: what stands before it, anybody can write.
 */
static void forwarded(const struct http *http, struct askd_text list, struct peer *peer)
{
	size_t end = list.n;

	while (end) {
		size_t from = end;
		struct peer found;

		while (from && list.s[from - 1] != ',')
			from--;
		while (from < end && list.s[from] == ' ')
			from++;
		while (end > from && list.s[end - 1] == ' ')
			end--;
		if (!peer_parse(list.s + from, end - from, &found))
			return;
		*peer = found;
		if (!peer_is_in(&found, http->nets, http->net_count))
			return;
		while (from && list.s[from - 1] != ',')
			from--;
		end = from ? from - 1 : 0;
	}
}

static void who(struct http_request *request)
{
	static const char *const signs[] = {
	        "forwarded", "x-forwarded-for", "x-real-ip", "via", NULL};
	struct http *http = request->http;
	struct http_head *head = request->head;
	struct peer peer = request->conn->peer;
	const char *remote = request->conn->remote;
	bool proxied = false, encrypted = http->certificate != NULL;

	for (size_t i = 0; signs[i]; i++)
		proxied |= head_find(head, signs[i]).s != NULL;
	if (peer_is_in(&peer, http->nets, http->net_count)) {
		struct askd_text proto = head_find(head, "x-forwarded-proto");

		if (occurrences(head, "x-forwarded-for") == 1) {
			forwarded(http, head_find(head, "x-forwarded-for"), &peer);
			peer_print(&peer, head->remote);
			remote = head->remote;
		}
		if (proto.s)
			encrypted = !strcasecmp(proto.s, "https");
		proxied = true;
	}
	/* A page elsewhere may have pointed its own name to this machine: the name tells. */
	if (!proxied && peer_is_loopback(&peer) && host_is_loopback(head_find(head, "host")))
		request->flags |= ASKD_WEB_LOOPBACK;
	if (encrypted)
		request->flags |= ASKD_WEB_TLS;
	head->message.remote = askd_text_of(remote);
	head->message.flags = request->flags;
}

/* ---- all of it
 * --------------------------------------------------------------------------------------- */

bool head_read(struct http_request *request, struct MHD_Connection *mhd, const char *method,
        const char *version, struct http_refusal *refusal)
{
	struct http_head *head = calloc(1, sizeof *head);
	size_t length = strlen(method);

	if (!head)
		return refuse(refusal, 503, "there is no memory");
	request->head = head;
	if (!headers_read(head, mhd, version, refusal))
		return false;
	if (!path_is_token(method, length) || length > 32)
		return refuse(refusal, 400, "the method is no word");
	if (parser_hides() && (request->uri != method + length + 1 ||
	                              version != request->uri + request->uri_length + 1))
		return refuse(refusal, 400,
		        "the first line has a NUL byte, or more than one space between its parts");
	/* The library has put a 0 in place of the '?' by now: our copy lies behind the request. */
	if (!uri_read(head, (const char *)(request + 1), request->uri_length, refusal))
		return false;
	who(request);
	head->message.size = sizeof head->message;
	head->message.id = request->id;
	head->message.method = (struct askd_text){method, length};
	head->message.headers = head->header_list;
	head->message.params = head->param_list;
	return true;
}

void head_destroy(struct http_head *head)
{
	if (!head)
		return;
	free(head->uri);
	free(head->words);
	free(head->headers);
	free(head->header_list);
	free(head->param_list);
	free(head);
}
