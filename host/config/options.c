/* options.c: from a map of YAML to a struct, by a table. */
#include "config/options.h"

#include <inttypes.h>
#include <strings.h>

#include "base/log.h"
#include "base/text.h"
#include "config/options_private.h"

enum { HOST_LENGTH_MAX = 1 << 20, NAMES_MAX = 128 };

const struct askd_option *options_next(const struct askd_option *entry, uint32_t stride)
{
	return (const struct askd_option *)(const void *)((const char *)entry + stride);
}

const char *options_type_name(uint32_t type)
{
	static const char *const names[] = {"unknown", "text", "integer", "yes or no", "duration",
	        "size", "choice", "list", "map", "any"};

	return names[type < sizeof names / sizeof *names ? type : 0];
}

static int32_t no_memory(struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the configuration");
}

/* A scalar without quotes and text: as if the line were not there. */
static bool is_absent(const struct yaml_node *node)
{
	return !node || (node->kind == YAML_SCALAR && !node->quoted && !*node->text);
}

/* Writes a number as the operator writes it. */
static void add_number(struct buffer *b, uint32_t type, int64_t number)
{
	static const struct {
		int64_t factor;
		const char *name;
	} durations[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}},
	  sizes[] = {{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}, {1, ""}};
	size_t i = 0;

	if (type == ASKD_OPT_DURATION) {
		while (number % durations[i].factor || (!number && durations[i].factor > 1000))
			i++;
		buffer_print(b, "%" PRId64 "%s", number / durations[i].factor, durations[i].name);
	} else if (type == ASKD_OPT_SIZE) {
		while (number % sizes[i].factor || (!number && sizes[i].factor > 1))
			i++;
		buffer_print(b, "%" PRId64 "%s", number / sizes[i].factor, sizes[i].name);
	} else {
		buffer_print(b, "%" PRId64, number);
	}
}

static bool has_range(const struct askd_option *option)
{
	return option->min || option->max;
}

/* "an integer from 1 to 65535" */
static void add_expected(struct buffer *b, const struct askd_option *option)
{
	static const char *const words[] = {"a value", "a text", "an integer", "yes or no",
	        "a duration such as 500ms, 20s, 5m, 8h or 2d", "a size such as 64K, 8M or 1G",
	        "one of ", "a list of texts", "a map of names to texts", "a value"};

	buffer_add_string(b, words[option->type <= ASKD_OPT_JSON ? option->type : 0]);
	if (option->type == ASKD_OPT_INT || option->type == ASKD_OPT_DURATION ||
	        option->type == ASKD_OPT_SIZE) {
		if (!has_range(option))
			return;
		buffer_add_string(b, " from ");
		add_number(b, option->type, option->min);
		if (option->max >= option->min && option->max != INT64_MAX) {
			buffer_add_string(b, " to ");
			add_number(b, option->type, option->max);
		}
	}
}

static int32_t fail_expected(struct askd_error *reterr, const struct yaml_node *node,
        const struct askd_option *option, const char *owner)
{
	struct buffer b;

	buffer_init(&b, 0);
	add_expected(&b, option);
	yaml_fail(reterr, node, "found %s for '%s' of %s, expected %s",
	        option->flags & ASKD_OPT_SECRET && node->kind == YAML_SCALAR
	                ? "a value that is not shown here"
	                : yaml_found(node),
	        option->name, owner, b.s && !b.failed ? b.s : "another value");
	buffer_finish(&b);
	return ASKD_E_CONFIG;
}

/* The index of the text in the choices, -1: none. */
static int64_t choice_of(const char *const *choices, const char *text)
{
	for (int64_t i = 0; choices[i]; i++)
		if (!strcmp(choices[i], text))
			return i;
	return -1;
}

/* Longest text that fits into the option. */
static size_t length_max(const struct askd_option *option)
{
	return option->max > 0 && option->max < HOST_LENGTH_MAX ? (size_t)option->max
	                                                        : HOST_LENGTH_MAX;
}

/* One text of a TEXT, LIST or MAP: a scalar that is not too long, and one of the permitted. */
static int32_t check_text(const struct yaml_node *node, const struct askd_option *option,
        const char *owner, struct askd_error *reterr)
{
	if (node->kind != YAML_SCALAR || (!node->quoted && !*node->text))
		return fail_expected(reterr, node, option, owner);
	if (strlen(node->text) > length_max(option))
		return yaml_fail(reterr, node,
		        "found %zu bytes for '%s' of %s, expected at most %zu", strlen(node->text),
		        option->name, owner, length_max(option));
	if (option->choices && choice_of(option->choices, node->text) < 0) {
		if (node->secret || option->flags & ASKD_OPT_SECRET)
			return fail_expected(reterr, node, option, owner);
		return yaml_fail_name(reterr, &node->place, node->text, option->choices);
	}
	if (option->flags & ASKD_OPT_SECRET)
		log_hide(node->text);
	return ASKD_OK;
}

static int32_t read_list(struct arena *a, const struct yaml_node *node,
        const struct askd_option *option, const char *owner, union option_value *value,
        struct askd_error *reterr)
{
	size_t count = 0, i = 0, each = option->type == ASKD_OPT_MAP ? 2 : 1;
	/* One text may stand for a list of one. */
	const bool one = each == 1 && node->kind == YAML_SCALAR && (node->quoted || *node->text);
	const struct yaml_node *first = one ? node : node->first;
	const char **list;

	if (!one && node->kind != (each == 2 ? YAML_MAP : YAML_LIST))
		return fail_expected(reterr, node, option, owner);
	for (const struct yaml_node *child = first; child; child = one ? NULL : child->next)
		count++;
	list = arena_alloc(a, (count * each + 1) * sizeof *list);
	if (!list)
		return no_memory(reterr);
	for (const struct yaml_node *child = first; child; child = one ? NULL : child->next) {
		const char *text;
		int32_t rc = check_text(child, option, owner, reterr);

		if (rc)
			return rc;
		if (each == 2) {
			list[i++] = arena_copy(a, child->key.s, child->key.n);
			if (!list[i - 1])
				return no_memory(reterr);
		}
		text = arena_string(a, child->text);
		if (!text)
			return no_memory(reterr);
		list[i++] = text;
	}
	list[i] = NULL;
	value->pointer = list;
	return ASKD_OK;
}

static int32_t read_text(struct arena *a, const struct yaml_node *node,
        const struct askd_option *option, const char *owner, union option_value *value,
        struct askd_error *reterr)
{
	int32_t rc;

	if (option->type == ASKD_OPT_JSON) {
		value->pointer = yaml_to_json(a, node);
		if (!value->pointer)
			return no_memory(reterr);
		if (strlen(value->pointer) > length_max(option))
			return yaml_fail(reterr, node,
			        "found %zu bytes for '%s' of %s, expected at most %zu",
			        strlen(value->pointer), option->name, owner, length_max(option));
		if (option->flags & ASKD_OPT_SECRET && node->kind == YAML_SCALAR)
			log_hide(node->text);
		return ASKD_OK;
	}
	rc = check_text(node, option, owner, reterr);
	if (rc)
		return rc;
	value->pointer = arena_string(a, node->text);
	return value->pointer ? ASKD_OK : no_memory(reterr);
}

static bool read_bool(const char *s, int64_t *number)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", NULL};

	for (int64_t i = 0; words[i]; i++)
		if (!strcasecmp(words[i], s)) {
			*number = i & 1;
			return true;
		}
	return false;
}

int32_t option_read(struct arena *a, const struct yaml_node *node, const struct askd_option *option,
        const char *owner, union option_value *value, struct askd_error *reterr)
{
	const char *s = node->text;
	bool ok = false;

	switch (option->type) {
	case ASKD_OPT_TEXT:
	case ASKD_OPT_JSON:
		return read_text(a, node, option, owner, value, reterr);
	case ASKD_OPT_LIST:
	case ASKD_OPT_MAP:
		return read_list(a, node, option, owner, value, reterr);
	default:
		break;
	}
	if (node->kind != YAML_SCALAR)
		return fail_expected(reterr, node, option, owner);
	switch (option->type) {
	case ASKD_OPT_INT:
		ok = text_to_int(s, &value->number);
		break;
	case ASKD_OPT_BOOL:
		ok = read_bool(s, &value->number);
		break;
	case ASKD_OPT_DURATION:
		ok = text_to_duration(s, &value->number);
		break;
	case ASKD_OPT_SIZE:
		ok = text_to_size(s, &value->number);
		break;
	case ASKD_OPT_CHOICE:
		value->number = choice_of(option->choices, s);
		if (value->number < 0)
			return node->secret
			               ? fail_expected(reterr, node, option, owner)
			               : yaml_fail_name(reterr, &node->place, s, option->choices);
		return ASKD_OK;
	default:
		return askd_fail(reterr, ASKD_E_UNSUPPORTED,
		        "'%s' of %s has the type %u, which this askd does not know", option->name,
		        owner, option->type);
	}
	if (ok && option->type != ASKD_OPT_BOOL && has_range(option))
		ok = value->number >= option->min &&
		     (option->max < option->min || value->number <= option->max);
	return ok ? ASKD_OK : fail_expected(reterr, node, option, owner);
}

/* Most defaults are one word, which needs no parser. */
static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./");

	return n && !s[n] && strcasecmp(s, "null") != 0;
}

int32_t option_default(struct arena *a, const struct askd_option *option,
        const struct yaml_node **node, struct askd_error *reterr)
{
	struct yaml_node *parsed;

	*node = NULL;
	if (!option->def)
		return ASKD_OK;
	if (is_word(option->def) || (!*option->def && option->type == ASKD_OPT_TEXT)) {
		parsed = yaml_make(a, YAML_SCALAR, option->def);
		if (!parsed)
			return no_memory(reterr);
		parsed->quoted = !*option->def;
		parsed->place = (struct yaml_place){"(default)", 1, 1};
	} else {
		parsed = yaml_read_string(a, "(default)", option->def, strlen(option->def), reterr);
		if (!parsed)
			return reterr && reterr->code ? reterr->code : ASKD_E_CONFIG;
	}
	if (!is_absent(parsed))
		*node = parsed;
	return ASKD_OK;
}

/* All names that may stand in the map, for the nearest one. */
static size_t collect(const char *names[NAMES_MAX + 1], const struct askd_option *table,
        uint32_t stride, const char *const *known)
{
	size_t n = 0;

	for (; table && table->name && n < NAMES_MAX; table = options_next(table, stride))
		names[n++] = table->name;
	for (; known && *known && n < NAMES_MAX; known++)
		names[n++] = *known;
	names[n] = NULL;
	return n;
}

static int32_t check_names(const struct yaml_node *map, const struct askd_option *table,
        uint32_t stride, const char *owner, const char *const *known, struct askd_error *reterr)
{
	const char *names[NAMES_MAX + 1];

	collect(names, table, stride, known);
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		size_t i = 0;

		while (names[i] && !text_is(node->key, names[i]))
			i++;
		if (names[i])
			continue;
		yaml_fail_name(reterr, &node->key_place, node->key.s, names);
		if (reterr) { /* say where it was found, if there is room */
			size_t n = strlen(reterr->message);

			snprintf(reterr->message + n, sizeof reterr->message - n, " (in %.80s)",
			        owner);
		}
		return ASKD_E_CONFIG;
	}
	return ASKD_OK;
}

/* The member is written through memcpy: its type is known from the table alone. */
static void store(void *target, const struct askd_option *option, const union option_value *value)
{
	char *at = (char *)target + option->offset;

	switch (option->type) {
	case ASKD_OPT_TEXT:
	case ASKD_OPT_JSON:
	case ASKD_OPT_LIST:
	case ASKD_OPT_MAP:
		memcpy(at, &value->pointer, sizeof value->pointer);
		break;
	default:
		memcpy(at, &value->number, sizeof value->number);
	}
}

/* A required name is missing: perhaps one of the names that somebody else reads is meant for it. */
static int32_t fail_missing(const struct yaml_node *map, const struct yaml_node *given,
        const struct askd_option *option, const struct askd_option *table, uint32_t stride,
        const char *owner, struct askd_error *reterr)
{
	const char *const wanted[] = {option->name, NULL};
	const struct yaml_place *place = NULL;
	struct buffer expected;

	for (const struct yaml_node *node = map ? map->first : NULL; node; node = node->next) {
		const struct askd_option *other = table;

		while (other->name && !text_is(node->key, other->name))
			other = options_next(other, stride);
		if (!other->name && text_nearest(node->key.s, wanted))
			return yaml_fail_name(reterr, &node->key_place, node->key.s, wanted);
	}
	if (given)
		place = &given->place;
	else if (map)
		place = map->key.s ? &map->key_place : &map->place;
	buffer_init(&expected, 0);
	add_expected(&expected, option);
	yaml_fail_at(reterr, place, "found no '%s' in %s, expected %s: %s", option->name, owner,
	        expected.s && !expected.failed ? expected.s : "a value",
	        option->help ? option->help : "it is required");
	buffer_finish(&expected);
	return ASKD_E_CONFIG;
}

int32_t options_read(struct arena *a, const struct yaml_node *node, const struct askd_option *table,
        uint32_t stride, const char *owner, const char *const *known, void *target,
        struct askd_error *reterr)
{
	const struct askd_option *first = table;
	struct askd_error failed = {0};
	int32_t rc;

	if (is_absent(node))
		node = NULL;
	if (node && node->kind != YAML_MAP)
		return yaml_fail(reterr, node, "found %s for %s, expected a map of options",
		        yaml_found(node), owner);
	rc = node ? check_names(node, table, stride, owner, known, &failed) : ASKD_OK;
	for (; !rc && table && table->name; table = options_next(table, stride)) {
		const struct yaml_node *given = yaml_find(node, table->name);
		union option_value value = {0};

		if (is_absent(given) && table->flags & ASKD_OPT_REQUIRED) {
			rc = fail_missing(node, given, table, first, stride, owner, &failed);
			break;
		}
		if (is_absent(given)) {
			rc = option_default(a, table, &given, &failed);
			if (rc || !given)
				continue;
		}
		rc = option_read(a, given, table, owner, &value, &failed);
		if (!rc)
			store(target, table, &value);
	}
	if (rc && reterr)
		*reterr = failed;
	return rc;
}
