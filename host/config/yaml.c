/* yaml.c: from the events of libyaml to a tree, refusing what is outside the subset. */
#include "config/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/text.h"
#include "config/interpolate.h"

enum { FILE_MAX_BYTES = 1 << 20, DEPTH_MAX = 64, MAP_MAX = 10000 };

struct reader {
	struct arena *a;
	const char *file;
	struct yaml_node *open[DEPTH_MAX]; /* the lists and maps that are not ended */
	size_t count[DEPTH_MAX];           /* their children */
	size_t depth;
	bool key_pending;
	struct askd_text key;
	struct yaml_place key_place;
	struct yaml_node *root;
};

static struct yaml_place place_of(const struct reader *r, const yaml_mark_t *mark)
{
	return (struct yaml_place){r->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

static int32_t no_memory(struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the configuration");
}

/* The place of byte `at`, and what is wrong there. */
static int32_t fail_byte(
        struct reader *r, const char *s, size_t at, const char *problem, struct askd_error *reterr)
{
	struct yaml_place place = {r->file, 1, 1};

	for (size_t i = 0; i < at; i++) {
		if (s[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)s[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return yaml_fail_at(reterr, &place, "found %s, expected valid UTF-8 text", problem);
}

static int32_t fail_parser(struct reader *r, const yaml_parser_t *parser, const char *s, size_t n,
        struct askd_error *reterr)
{
	struct yaml_place place;
	const char *problem = parser->problem ? parser->problem : "no YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return no_memory(reterr);
	if (parser->error == YAML_READER_ERROR)
		return fail_byte(r, s, parser->problem_offset < n ? parser->problem_offset : n,
		        "a control character", reterr);
	place = place_of(r, &parser->problem_mark);
	return yaml_fail_at(reterr, &place,
	        "found bad YAML (%s%s%s), expected lines of 'name: value', nested by indentation "
	        "with spaces",
	        problem, parser->context ? ", " : "", parser->context ? parser->context : "");
}

/* The plain scalars that mean nothing. */
static bool is_null(const char *s)
{
	return !*s || !strcmp(s, "~") || !strcmp(s, "null") || !strcmp(s, "Null") ||
	       !strcmp(s, "NULL");
}

/* Takes the scalar in the place of a name in a map. */
static int32_t take_key(struct reader *r, const yaml_event_t *event, struct askd_error *reterr)
{
	const struct yaml_node *map = r->open[r->depth - 1];
	const char *s = (const char *)event->data.scalar.value;
	size_t n = event->data.scalar.length;

	r->key_place = place_of(r, &event->start_mark);
	if (!n)
		return yaml_fail_at(reterr, &r->key_place, "found no name, expected 'name: value'");
	if (n == 2 && !memcmp(s, "<<", 2))
		return yaml_fail_at(reterr, &r->key_place,
		        "found the merge key '<<', expected the values themselves");
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (node->key.n == n && !memcmp(node->key.s, s, n))
			return yaml_fail_at(reterr, &r->key_place,
			        "found %s twice (first in line %u), expected each name once",
			        yaml_quote(s, n), node->key_place.line);
	r->key.s = arena_copy(r->a, s, n);
	r->key.n = n;
	r->key_pending = true;
	return r->key.s ? ASKD_OK : no_memory(reterr);
}

/* Hangs a node where the document is. */
static int32_t take_node(struct reader *r, struct yaml_node *node, struct askd_error *reterr)
{
	struct yaml_node *parent = r->depth ? r->open[r->depth - 1] : NULL;

	if (!parent) {
		r->root = node;
		return ASKD_OK;
	}
	if (++r->count[r->depth - 1] > MAP_MAX)
		return yaml_fail(
		        reterr, node, "found more than %d entries, expected fewer", MAP_MAX);
	yaml_append(parent, NULL, node);
	if (parent->kind == YAML_MAP) {
		node->key = r->key;
		node->key_place = r->key_place;
		r->key_pending = false;
	}
	return ASKD_OK;
}

static int32_t take_scalar(struct reader *r, const yaml_event_t *event, struct askd_error *reterr)
{
	struct yaml_node *node;
	int32_t rc;

	if (r->depth && r->open[r->depth - 1]->kind == YAML_MAP && !r->key_pending)
		return take_key(r, event, reterr);
	node = arena_zalloc(r->a, sizeof *node);
	if (!node)
		return no_memory(reterr);
	node->kind = YAML_SCALAR;
	node->place = place_of(r, &event->start_mark);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text =
	        arena_copy(r->a, (const char *)event->data.scalar.value, event->data.scalar.length);
	if (!node->text)
		return no_memory(reterr);
	rc = interpolate(r->a, node, reterr);
	if (rc)
		return rc;
	if (!node->quoted && is_null(node->text))
		node->text = "";
	return take_node(r, node, reterr);
}

static int32_t take_start(
        struct reader *r, const yaml_event_t *event, enum yaml_kind kind, struct askd_error *reterr)
{
	struct yaml_place place = place_of(r, &event->start_mark);
	struct yaml_node *node;
	int32_t rc;

	if (r->depth == DEPTH_MAX)
		return yaml_fail_at(reterr, &place,
		        "found nesting deeper than %d levels, expected less", DEPTH_MAX);
	if (r->depth && r->open[r->depth - 1]->kind == YAML_MAP && !r->key_pending)
		return yaml_fail_at(
		        reterr, &place, "found a list or map as a name, expected a text");
	node = yaml_make(r->a, kind, NULL);
	if (!node)
		return no_memory(reterr);
	node->place = place;
	rc = take_node(r, node, reterr);
	if (rc)
		return rc;
	r->count[r->depth] = 0;
	r->open[r->depth++] = node;
	return ASKD_OK;
}

/* What the subset leaves out. */
static int32_t check_event(struct reader *r, const yaml_event_t *event, struct askd_error *reterr)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	struct yaml_place place = place_of(r, &event->start_mark);

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return yaml_fail_at(reterr, &place, "found the alias '*%.60s', expected the value",
		        (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (r->root)
			return yaml_fail_at(
			        reterr, &place, "found a second document, expected one in a file");
		if (event->data.document_start.tag_directives.start !=
		        event->data.document_start.tag_directives.end)
			return yaml_fail_at(reterr, &place, "found a %%TAG line, expected none");
		break;
	default:
		break;
	}
	if (anchor)
		return yaml_fail_at(reterr, &place, "found the anchor '&%.60s', expected the value",
		        (const char *)anchor);
	if (tag)
		return yaml_fail_at(reterr, &place, "found the tag '%.60s', expected the value",
		        (const char *)tag);
	return ASKD_OK;
}

static int32_t take_event(struct reader *r, const yaml_event_t *event, struct askd_error *reterr)
{
	int32_t rc = check_event(r, event, reterr);

	if (rc)
		return rc;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(r, event, reterr);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(r, event, YAML_LIST, reterr);
	case YAML_MAPPING_START_EVENT:
		return take_start(r, event, YAML_MAP, reterr);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return ASKD_OK;
	default:
		return ASKD_OK;
	}
}

static int32_t parse(struct reader *r, const char *s, size_t n, struct askd_error *reterr)
{
	yaml_parser_t parser;
	yaml_event_t event;
	int32_t rc = ASKD_OK;
	bool more = true;

	if (!yaml_parser_initialize(&parser))
		return no_memory(reterr);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)s, n);
	while (more && !rc) {
		if (!yaml_parser_parse(&parser, &event)) {
			rc = fail_parser(r, &parser, s, n, reterr);
			break;
		}
		more = event.type != YAML_STREAM_END_EVENT;
		rc = take_event(r, &event, reterr);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return rc;
}

struct yaml_node *yaml_read_string(
        struct arena *a, const char *name, const char *s, size_t n, struct askd_error *reterr)
{
	struct reader r = {.a = a, .file = arena_string(a, name)};
	size_t at = 0;

	if (!r.file) {
		no_memory(reterr);
		return NULL;
	}
	if (n > FILE_MAX_BYTES) {
		struct yaml_place place = {r.file, 0, 0};

		yaml_fail_at(
		        reterr, &place, "found %zu bytes, expected at most %d", n, FILE_MAX_BYTES);
		return NULL;
	}
	while (at < n) {
		size_t length = text_character(s + at, n - at);

		if (!length) {
			fail_byte(&r, s, at, s[at] ? "invalid UTF-8" : "a NUL byte", reterr);
			return NULL;
		}
		at += length;
	}
	if (parse(&r, s, n, reterr))
		return NULL;
	if (!r.root) { /* an empty document is an empty value */
		r.root = yaml_make(a, YAML_SCALAR, "");
		if (!r.root) {
			no_memory(reterr);
			return NULL;
		}
		r.root->place = (struct yaml_place){r.file, 1, 1};
	}
	return r.root;
}

struct yaml_node *yaml_read_file(struct arena *a, const char *path, struct askd_error *reterr)
{
	struct yaml_place place = {path, 0, 0};
	struct askd_text text = {NULL, 0};
	int rc = file_read_bytes(a, path, FILE_MAX_BYTES, &text);

	if (rc == EFBIG) {
		yaml_fail_at(reterr, &place, "found more than %d bytes, expected at most that many",
		        FILE_MAX_BYTES);
		return NULL;
	}
	if (rc) {
		yaml_fail_at(reterr, &place,
		        "found no file that can be read (%s), expected a YAML file", strerror(rc));
		return NULL;
	}
	return yaml_read_string(a, path, text.s, text.n, reterr);
}
