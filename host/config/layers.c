/* layers.c: defaults < file < conf.d < environment, as one document. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "config/bundled.h"
#include "config/config_private.h"
#include "config/interpolate.h"

static const char environment_prefix[] = "ASKD__";

bool config_is_absent(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR && !node->quoted && !*node->text;
}

/* An instance that changes its plugin starts afresh: the old plugin's options are none of its. */
static void forget_options(struct yaml_node *old, const struct yaml_node *instance)
{
	const struct yaml_node *before = yaml_find(old, "plugin");
	const struct yaml_node *now = yaml_find(instance, "plugin");

	if (before && now && before->kind == YAML_SCALAR && now->kind == YAML_SCALAR &&
	        strcmp(before->text, now->text) != 0)
		old->first = old->last = NULL;
}

static void forget_replaced(const struct yaml_node *below, const struct yaml_node *above)
{
	static const char *const store[] = {"store", NULL};
	const char *const *const lists[] = {config_kinds, store};

	for (size_t i = 0; i < 2; i++)
		for (const char *const *name = lists[i]; *name; name++) {
			const struct yaml_node *old = yaml_find(below, *name);
			const struct yaml_node *section = yaml_find(above, *name);

			if (!old || !section || section->kind != YAML_MAP)
				continue;
			for (const struct yaml_node *n = section->first; n; n = n->next) {
				struct yaml_node *was =
				        (struct yaml_node *)yaml_find(old, n->key.s);

				if (was && was->kind == YAML_MAP && n->kind == YAML_MAP)
					forget_options(was, n);
			}
		}
}

static struct yaml_node *overlay(struct arena *a, struct yaml_node *below, struct yaml_node *above)
{
	forget_replaced(below, above);
	return yaml_merge(a, below, above);
}

/* Adds what is missing in `node` from the defaults; the order of the file stays. */
static void underlay(struct yaml_node *node, struct yaml_node *defaults)
{
	for (struct yaml_node *child = defaults->first, *next; child; child = next) {
		struct yaml_node *given = (struct yaml_node *)yaml_find(node, child->key.s);

		next = child->next;
		if (!given)
			yaml_append(node, child->key.s, child);
		else if (given->kind == YAML_MAP && child->kind == YAML_MAP)
			underlay(given, child);
	}
}

/* The root must be a map; an empty file is one. Sections without a value are left out. */
static struct yaml_node *check_root(
        struct arena *a, struct yaml_node *root, struct askd_error *reterr)
{
	struct yaml_node *map;

	if (!root)
		return NULL;
	if (root->kind != YAML_MAP && !config_is_absent(root)) {
		yaml_fail(reterr, root, "found %s, expected sections such as 'llm:'",
		        yaml_found(root));
		return NULL;
	}
	map = yaml_make(a, YAML_MAP, NULL);
	if (!map) {
		config_no_memory(reterr);
		return NULL;
	}
	map->place = root->place;
	for (struct yaml_node *node = root->first, *next; node; node = next) {
		next = node->next;
		if (!config_is_absent(node))
			yaml_append(map, node->key.s, node);
	}
	return map;
}

static struct yaml_node *add_defaults(
        struct arena *a, struct yaml_node *root, struct askd_error *reterr)
{
	size_t n = 0;
	const char *text = config_bundled("defaults.yaml", &n);
	struct yaml_node *defaults, *llm;

	if (!root || !text)
		return root;
	defaults = check_root(a, yaml_read_string(a, "(defaults)", text, n, reterr), reterr);
	if (!defaults)
		return NULL;
	forget_replaced(defaults, root);
	/* Whoever names an engine means that one: no other is beside it. */
	llm = (struct yaml_node *)yaml_find(defaults, "llm");
	if (llm && yaml_find(root, "llm"))
		llm->first = llm->last = NULL;
	underlay(root, defaults);
	return root;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sorted list of texts that grows. */
struct names {
	const char **list;
	size_t n, room;
};

static bool names_add(struct names *names, const char *name)
{
	if (!name)
		return false;
	if (names->n == names->room) {
		size_t room = names->room ? names->room * 2 : 16;
		const char **grown = realloc(names->list, room * sizeof *grown);

		if (!grown)
			return false;
		names->list = grown;
		names->room = room;
	}
	names->list[names->n++] = name;
	return true;
}

static struct yaml_node *add_folder(
        struct arena *a, struct yaml_node *root, const char *path, struct askd_error *reterr)
{
	const char *folder = file_relative(a, path, "conf.d");
	struct names names = {0};
	const struct dirent *entry;
	DIR *dir = folder ? opendir(folder) : NULL;

	if (!folder) {
		config_no_memory(reterr);
		return NULL;
	}
	if (!dir) {
		if (errno == ENOENT || errno == ENOTDIR)
			return root;
		askd_fail(reterr, ASKD_E_CONFIG, "%.200s: found no folder that can be read: %s",
		        folder, strerror(errno));
		return NULL;
	}
	while ((entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		if (n <= 5 || entry->d_name[0] == '.' || strcmp(entry->d_name + n - 5, ".yaml"))
			continue;
		if (!names_add(&names, arena_print(a, "%s/%s", folder, entry->d_name))) {
			config_no_memory(reterr);
			root = NULL;
			break;
		}
	}
	closedir(dir);
	if (names.n)
		qsort(names.list, names.n, sizeof *names.list, compare);
	for (size_t i = 0; root && i < names.n; i++) {
		struct yaml_node *node =
		        check_root(a, yaml_read_file(a, names.list[i], reterr), reterr);

		root = node ? overlay(a, root, node) : NULL;
	}
	free(names.list);
	return root;
}

/* The value of a variable: a flow value or a quoted text is YAML, anything else is as it stands. */
static struct yaml_node *read_value(
        struct arena *a, const char *place, const char *value, struct askd_error *reterr)
{
	struct yaml_node *node;

	if (!text_is_valid(value, strlen(value))) {
		askd_fail(reterr, ASKD_E_CONFIG, "%.120s: found invalid UTF-8, expected a text",
		        place);
		return NULL;
	}
	if (*value && strchr("[{'\"", *value)) {
		node = yaml_read_string(a, place, value, strlen(value), reterr);
	} else {
		node = yaml_make(a, YAML_SCALAR, strcmp(value, "null") == 0 ? "" : value);
		if (!node)
			config_no_memory(reterr);
		else
			node->place = (struct yaml_place){place, 0, 0};
	}
	return node;
}

/* ASKD__LLM__MAIN__MODEL=x as the document {llm: {main: {model: x}}}. */
static struct yaml_node *read_variable(
        struct arena *a, const char *variable, struct askd_error *reterr)
{
	const char *equals = strchr(variable, '=');
	const char *name = arena_copy(a, variable, (size_t)(equals - variable));
	const char *place = name ? arena_print(a, "$%s", name) : NULL;
	char *path = name ? arena_string(a, name + sizeof environment_prefix - 1) : NULL;
	struct yaml_node *root, *map, *value, *inner;
	size_t depth = 1;

	if (!place || !path)
		goto no_memory;
	for (char *p = path; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	value = read_value(a, place, equals + 1, reterr);
	root = map = value ? yaml_make(a, YAML_MAP, NULL) : NULL;
	if (!value)
		return NULL;
	if (!root)
		goto no_memory;
	root->place = (struct yaml_place){place, 0, 0};
	for (;;) {
		char *end = strstr(path, "__");

		if (end)
			*end = 0;
		if (!*path || *path == '_' || depth++ > 8) {
			askd_fail(reterr, ASKD_E_CONFIG,
			        "%.120s: found an empty or endless path, expected names joined by "
			        "'__' as in ASKD__LLM__MAIN__MODEL",
			        place);
			return NULL;
		}
		inner = end ? yaml_make(a, YAML_MAP, NULL) : value;
		if (!inner)
			goto no_memory;
		if (end)
			inner->place = root->place;
		yaml_append(map, path, inner);
		inner->key_place = root->place;
		if (!end)
			return root;
		map = inner;
		path = end + 2;
	}
no_memory:
	config_no_memory(reterr);
	return NULL;
}

static struct yaml_node *add_environment(
        struct arena *a, struct yaml_node *root, struct askd_error *reterr)
{
	struct names names = {0};

	for (char **variable = environ; root && variable && *variable; variable++)
		if (!strncmp(*variable, environment_prefix, sizeof environment_prefix - 1) &&
		        strchr(*variable, '=') && !names_add(&names, *variable)) {
			config_no_memory(reterr);
			root = NULL;
		}
	if (names.n)
		qsort(names.list, names.n, sizeof *names.list, compare);
	for (size_t i = 0; root && i < names.n; i++) {
		struct yaml_node *node = read_variable(a, names.list[i], reterr);

		root = node ? overlay(a, root, node) : NULL;
	}
	free(names.list);
	return root;
}

struct yaml_node *layers_read(struct arena *a, const char *path, struct askd_error *reterr)
{
	struct yaml_node *root;

	if (path)
		root = yaml_read_file(a, path, reterr);
	else
		root = yaml_read_string(a, "(defaults)", "", 0, reterr);
	root = check_root(a, root, reterr);
	if (root && path)
		root = add_folder(a, root, path, reterr);
	if (root)
		root = add_environment(a, root, reterr);
	return add_defaults(a, root, reterr);
}

struct yaml_node *layers_read_string(
        struct arena *a, const char *name, const char *yaml, struct askd_error *reterr)
{
	struct yaml_node *root = yaml_read_string(a, name, yaml, strlen(yaml), reterr);

	return add_defaults(a, check_root(a, root, reterr), reterr);
}
