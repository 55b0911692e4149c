/* yaml_tree.c: what is done with the tree: find, make, merge, to JSON; and errors with a place. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "config/yaml.h"

enum { FOUND_MAX = 60, PLACE_MAX = 160, NAMES_MAX = 160 };

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (text_is(node->key, key))
			return node;
	return NULL;
}

struct yaml_node *yaml_make(struct arena *a, enum yaml_kind kind, const char *text)
{
	struct yaml_node *node = arena_zalloc(a, sizeof *node);

	if (!node)
		return NULL;
	node->kind = kind;
	node->place.file = "(made)";
	if (kind == YAML_SCALAR) {
		node->text = arena_string(a, text ? text : "");
		if (!node->text)
			return NULL;
	}
	return node;
}

void yaml_append(struct yaml_node *parent, const char *key, struct yaml_node *child)
{
	child->key = askd_text_of(key);
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

/* Puts `node` where `old` hangs in `map`. */
static void replace(struct yaml_node *map, struct yaml_node *old, struct yaml_node *node)
{
	struct yaml_node **at = &map->first;

	while (*at != old)
		at = &(*at)->next;
	node->next = old->next;
	*at = node;
	if (map->last == old)
		map->last = node;
}

struct yaml_node *yaml_merge(struct arena *a, struct yaml_node *base, struct yaml_node *overlay)
{
	if (!base || !overlay)
		return base ? base : overlay;
	if (base->kind != YAML_MAP || overlay->kind != YAML_MAP)
		return overlay;
	for (struct yaml_node *node = overlay->first, *next; node; node = next) {
		struct yaml_node *old = (struct yaml_node *)yaml_find(base, node->key.s);

		next = node->next;
		if (!old) {
			yaml_append(base, node->key.s, node);
			continue;
		}
		if (old->kind == YAML_MAP && node->kind == YAML_MAP)
			yaml_merge(a, old, node);
		else
			replace(base, old, node);
	}
	return base;
}

/* Is it a number of YAML 1.2's core schema, in digits? */
static bool is_number(const char *s)
{
	size_t before = 0, after = 0;

	s += *s == '-' || *s == '+';
	for (; isdigit((unsigned char)*s); s++)
		before++;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++)
			after++;
	if (!before && !after)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		if (!isdigit((unsigned char)*s))
			return false;
		while (isdigit((unsigned char)*s))
			s++;
	}
	return !*s;
}

static void add_scalar(struct buffer *b, const struct yaml_node *node)
{
	struct askd_value value = {.type = ASKD_FLOAT};
	const char *s = node->text;
	int64_t number;

	if (node->quoted) {
		json_add_string(b, s, strlen(s));
	} else if (!*s) {
		buffer_add_string(b, "null");
	} else if (!strcmp(s, "true") || !strcmp(s, "True") || !strcmp(s, "TRUE")) {
		buffer_add_string(b, "true");
	} else if (!strcmp(s, "false") || !strcmp(s, "False") || !strcmp(s, "FALSE")) {
		buffer_add_string(b, "false");
	} else if (text_to_int(s, &number)) {
		buffer_print(b, "%lld", (long long)number);
	} else if (is_number(s) && isfinite(strtod(s, NULL))) {
		value.u.f = strtod(s, NULL);
		json_add_value(b, &value);
	} else {
		json_add_string(b, s, strlen(s));
	}
}

/* The depth is that of a document: at most 64. */
static void add_json(struct buffer *b, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR) {
		add_scalar(b, node);
		return;
	}
	buffer_add(b, node->kind == YAML_MAP ? "{" : "[", 1);
	for (const struct yaml_node *child = node->first; child; child = child->next) {
		if (child != node->first)
			buffer_add(b, ",", 1);
		if (node->kind == YAML_MAP) {
			json_add_string(b, child->key.s, child->key.n);
			buffer_add(b, ":", 1);
		}
		add_json(b, child);
	}
	buffer_add(b, node->kind == YAML_MAP ? "}" : "]", 1);
}

const char *yaml_to_json(struct arena *a, const struct yaml_node *node)
{
	const char *json = NULL;
	struct buffer b;

	buffer_init(&b, 0);
	add_json(&b, node);
	if (b.failed)
		a->full = true;
	else
		json = arena_copy(a, b.s, b.n);
	buffer_finish(&b);
	return json;
}

bool yaml_is_secret_name(const char *name)
{
	static const char *const words[] = {
	        "password", "passwd", "secret", "token", "credential", "api_key", "apikey", NULL};
	char lower[128];
	size_t n = 0;

	for (; name[n] && n + 1 < sizeof lower; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = 0;
	for (size_t i = 0; words[i]; i++)
		if (strstr(lower, words[i]))
			return true;
	return (n >= 4 && !strcmp(lower + n - 4, "_key")) || !strcmp(lower, "key");
}

const char *yaml_quote(const char *s, size_t n)
{
	static _Thread_local char out[FOUND_MAX * 4 + 8];
	size_t used = 0, at = 0;

	out[used++] = '\'';
	while (at < n && used < FOUND_MAX) {
		size_t length = text_character(s + at, n - at);

		if (!length || (unsigned char)s[at] < 0x20) {
			out[used++] = s[at] == '\n' || s[at] == '\t' ? ' ' : '?';
			at++;
		} else {
			memcpy(out + used, s + at, length);
			used += length;
			at += length;
		}
	}
	if (at < n) {
		memcpy(out + used, "...", 3);
		used += 3;
	}
	out[used++] = '\'';
	out[used] = 0;
	return out;
}

const char *yaml_found(const struct yaml_node *node)
{
	if (node->kind == YAML_MAP)
		return node->first ? "a map" : "an empty map";
	if (node->kind == YAML_LIST)
		return node->first ? "a list" : "an empty list";
	if (node->secret || (node->key.s && yaml_is_secret_name(node->key.s)))
		return "a value that is not shown here";
	if (!*node->text && !node->quoted)
		return "nothing";
	return yaml_quote(node->text, strlen(node->text));
}

static void add_place(struct buffer *b, const struct yaml_place *place)
{
	const char *file = place->file ? place->file : "?";
	size_t n = strlen(file);

	/* The end of a long path says most. */
	if (n > PLACE_MAX) {
		size_t cut = n - PLACE_MAX;

		while (((unsigned char)file[cut] & 0xc0) == 0x80)
			cut++;
		buffer_print(b, "...%s", file + cut);
	} else {
		buffer_add(b, file, n);
	}
	if (place->line)
		buffer_print(b, ":%u:%u", place->line, place->column);
	buffer_add_string(b, ": ");
}

__attribute__((format(printf, 3, 0))) static int32_t vfail(
        struct askd_error *reterr, const struct yaml_place *place, const char *format, va_list ap)
{
	struct askd_text whole;
	struct buffer b;
	char message[512];

	vsnprintf(message, sizeof message, format, ap);
	buffer_init(&b, 0);
	if (place)
		add_place(&b, place);
	buffer_add_string(&b, message);
	whole = buffer_text(&b);
	if (reterr && whole.s)
		whole.n = text_cut(whole.s, whole.n, sizeof reterr->message - 1);
	askd_fail(
	        reterr, ASKD_E_CONFIG, "%.*s", whole.s ? (int)whole.n : 0, whole.s ? whole.s : "");
	buffer_finish(&b);
	return ASKD_E_CONFIG;
}

int32_t yaml_fail_at(
        struct askd_error *reterr, const struct yaml_place *place, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfail(reterr, place, format, ap);
	va_end(ap);
	return ASKD_E_CONFIG;
}

int32_t yaml_fail(struct askd_error *reterr, const struct yaml_node *node, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfail(reterr, node ? &node->place : NULL, format, ap);
	va_end(ap);
	return ASKD_E_CONFIG;
}

int32_t yaml_fail_name(struct askd_error *reterr, const struct yaml_place *place, const char *found,
        const char *const *names)
{
	const char *nearest = text_nearest(found, names);
	struct buffer b;

	buffer_init(&b, 0);
	for (size_t i = 0; names[i]; i++) {
		if (b.n + strlen(names[i]) > NAMES_MAX) {
			buffer_add_string(&b, ", ...");
			break;
		}
		buffer_print(&b, "%s%s", i ? ", " : "", names[i]);
	}
	yaml_fail_at(reterr, place, "found %s, expected %s%s%s%s%s",
	        yaml_quote(found, strlen(found)),
	        !names[0]  ? "none"
	        : names[1] ? "one of "
	                   : "",
	        b.s && !b.failed ? b.s : "", nearest ? ", did you mean '" : "",
	        nearest ? nearest : "", nearest ? "'?" : "");
	buffer_finish(&b);
	return ASKD_E_CONFIG;
}

/* The depth is that of a document: at most 64. */
bool yaml_equal(const struct yaml_node *a, const struct yaml_node *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->quoted != b->quoted ||
	        strcmp(a->text ? a->text : "", b->text ? b->text : "") != 0)
		return false;
	a = a->first;
	b = b->first;
	for (; a && b && askd_equal(a->key, b->key) && yaml_equal(a, b); a = a->next, b = b->next)
		;
	return a == b;
}
