/* config.c: the whole configuration: askd, security, and what is looked up in the rest. */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config_private.h"
#include "config/interpolate.h"
#include "config/options.h"

enum { NAME_MAX_BYTES = 64 };

static const char config_default_path[] = "/etc/askd/askd.yaml";

int32_t config_no_memory(struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the configuration");
}

bool config_is_name(const char *name)
{
	size_t n = strlen(name);

	return n && n <= NAME_MAX_BYTES &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

int32_t config_check_map(const struct yaml_node *node, const char *owner, struct askd_error *reterr)
{
	if (!node || node->kind == YAML_MAP)
		return ASKD_OK;
	return yaml_fail(
	        reterr, node, "found %s for '%s', expected a map", yaml_found(node), owner);
}

const struct yaml_place *config_place(const struct yaml_node *map, const char *name)
{
	const struct yaml_node *node = yaml_find(map, name);

	return node ? &node->place : map ? &map->place : NULL;
}

/* Paths in the file are seen from the folder of the file. */
static int32_t resolve(struct config *config, const struct yaml_node *map, const char *name,
        const char **path, struct askd_error *reterr)
{
	const struct yaml_place *place = config_place(map, name);

	if (!*path)
		return ASKD_OK;
	if (!**path)
		return yaml_fail_at(
		        reterr, place, "found an empty text for '%s', expected a path", name);
	*path = file_relative(&config->arena, place ? place->file : NULL, *path);
	return *path ? ASKD_OK : config_no_memory(reterr);
}

/* Where askd keeps its state when nobody says. */
static int32_t default_state_dir(struct config *config, struct askd_error *reterr)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (config->state_dir)
		return ASKD_OK;
	if (!geteuid())
		config->state_dir = "/var/lib/askd";
	else if (state && *state == '/')
		config->state_dir = arena_print(&config->arena, "%s/askd", state);
	else if (home && *home == '/')
		config->state_dir = arena_print(&config->arena, "%s/.local/state/askd", home);
	else
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "found no folder for the state, expected 'state_dir' under 'askd', or "
		        "$XDG_STATE_HOME or $HOME in the environment");
	return config->state_dir ? ASKD_OK : config_no_memory(reterr);
}

/* Beside the program (a build), where an installed program's plugins lie as seen from it (a prefix
 * that was moved or chosen at installation), and where the build was told to install them: for the
 * program of a package that is /usr/local, if anything is there. */
static int32_t default_plugin_path(struct config *config, struct askd_error *reterr)
{
	static const char *const near[] = {"plugins", ASKD_PLUGIN_DIR_FROM_PROGRAM};
	const char **list = arena_zalloc(&config->arena, 4 * sizeof *list);
	char program[PATH_MAX], real[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	struct stat status, installed;
	bool there = !stat(ASKD_PLUGIN_DIR, &installed), twice = false;
	size_t count = 0;

	if (!list)
		return config_no_memory(reterr);
	program[n > 0 ? n : 0] = 0;
	for (size_t i = 0; n > 0 && i < sizeof near / sizeof *near; i++) {
		const char *folder = file_relative(&config->arena, program, near[i]);

		if (!folder)
			return config_no_memory(reterr);
		if (!realpath(folder, real) || stat(real, &status) || !S_ISDIR(status.st_mode))
			continue;
		folder = arena_print(&config->arena, "%s", real);
		if (!folder)
			return config_no_memory(reterr);
		twice = twice || (there && installed.st_dev == status.st_dev &&
		                         installed.st_ino == status.st_ino);
		list[count++] = folder;
	}
	if (!count || (there && !twice))
		list[count] = ASKD_PLUGIN_DIR;
	config->plugin_path = list;
	return ASKD_OK;
}

static int32_t resolve_plugin_path(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	const struct yaml_node *path = yaml_find(node, "plugin_path");
	const char **list = (const char **)config->plugin_path; /* made a moment ago */

	if (!list)
		return default_plugin_path(config, reterr);
	for (; *list; list++) {
		*list = file_relative(&config->arena, path->place.file, *list);
		if (!*list)
			return config_no_memory(reterr);
	}
	return ASKD_OK;
}

/* "Europe/Berlin": a name, and known where the system has the time zones. */
static int32_t check_zone(
        const struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	static const char folder[] = "/usr/share/zoneinfo";
	const char *zone = config->zone;
	char path[sizeof folder + 80];
	bool ok = isalpha((unsigned char)*zone) && strlen(zone) < 64;
	struct stat status;

	for (const char *p = zone; *p; p++)
		ok = ok && (isalnum((unsigned char)*p) || strchr("/_+-", *p));
	if (ok && !stat(folder, &status)) {
		snprintf(path, sizeof path, "%s/%.64s", folder, zone);
		ok = !stat(path, &status) && S_ISREG(status.st_mode);
	}
	if (ok)
		return ASKD_OK;
	return yaml_fail_at(reterr, config_place(node, "zone"),
	        "found %s for 'zone' of askd, expected a time zone such as Europe/Berlin or UTC",
	        yaml_found(yaml_find(node, "zone")));
}

static int32_t read_askd(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	static const char *const known[] = {"log", "workers", NULL};
	int32_t rc =
	        CONFIG_OPTIONS(config, node, config_askd_options, "askd", known, config, reterr);

	if (!rc)
		rc = CONFIG_OPTIONS(config, yaml_find(node, "log"), config_log_options, "askd.log",
		        NULL, config, reterr);
	if (!rc)
		rc = CONFIG_OPTIONS(config, yaml_find(node, "workers"), config_workers_options,
		        "askd.workers", NULL, config, reterr);
	if (!rc)
		rc = resolve(config, node, "state_dir", &config->state_dir, reterr);
	if (!rc)
		rc = resolve(config, yaml_find(node, "log"), "file", &config->log_file, reterr);
	if (!rc)
		rc = resolve(config, node, "web_root", &config->web_root, reterr);
	if (!rc)
		rc = default_state_dir(config, reterr);
	if (!rc)
		rc = resolve_plugin_path(config, node, reterr);
	if (!rc)
		rc = check_zone(config, node, reterr);
	config->log_level += ASKD_LOG_ERROR; /* the choice counts from 0 */
	return rc;
}

static int32_t read_security(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	const struct yaml_node *admin;
	int32_t rc = CONFIG_OPTIONS(
	        config, node, config_security_options, "security", NULL, config, reterr);

	if (rc)
		return rc;
	admin = yaml_find(node, "admins");
	for (admin = admin ? admin->first : NULL; admin; admin = admin->next) {
		const char *colon = strchr(admin->text, ':');

		if (!colon || colon == admin->text || !colon[1])
			return yaml_fail(reterr, admin,
			        "found %s for 'admins' of security, expected ISSUER:SUBJECT such "
			        "as "
			        "\"telegram:123\"",
			        yaml_found(admin));
	}
	return resolve(config, node, "sqlite_root", &config->sqlite_root, reterr);
}

static int32_t check_sections(const struct yaml_node *root, struct askd_error *reterr)
{
	static const char *const names[] = {"askd", "security", "store", "limits", "pricing",
	        "budgets", "llm", "database", "transport", "mailer", "skill", "assistant", NULL};

	for (const struct yaml_node *node = root->first; node; node = node->next) {
		size_t i = 0;
		int32_t rc;

		while (names[i] && !text_is(node->key, names[i]))
			i++;
		if (!names[i])
			return yaml_fail_name(reterr, &node->key_place, node->key.s, names);
		rc = config_check_map(node, names[i], reterr);
		if (rc)
			return rc;
	}
	return ASKD_OK;
}

static int32_t read_all(
        struct config *config, const struct yaml_node *root, struct askd_error *reterr)
{
	int32_t rc = check_sections(root, reterr);

	if (!rc)
		rc = read_askd(config, yaml_find(root, "askd"), reterr);
	if (!rc)
		rc = read_security(config, yaml_find(root, "security"), reterr);
	if (!rc)
		rc = config_read_store(config, yaml_find(root, "store"), reterr);
	if (!rc)
		rc = config_read_limits(config, yaml_find(root, "limits"), reterr);
	if (!rc)
		rc = config_read_instances(config, root, reterr);
	if (!rc)
		rc = config_read_prices(config, yaml_find(root, "pricing"), reterr);
	if (!rc)
		rc = config_read_budgets(config, yaml_find(root, "budgets"), reterr);
	if (!rc)
		rc = config_read_assistant(config, yaml_find(root, "assistant"), reterr);
	return rc;
}

static struct config *config_create(struct askd_error *reterr)
{
	struct config *config = calloc(1, sizeof *config);

	if (config)
		arena_init(&config->arena, 0);
	else
		config_no_memory(reterr);
	return config;
}

/* With its path: the one that is given, or that holds when none is. */
static struct config *config_create_for(const char *path, struct askd_error *reterr)
{
	const char *named = getenv("ASKD_CONFIG");
	struct config *config = config_create(reterr);

	if (!config)
		return NULL;
	if (!path && named && *named)
		path = named;
	if (!path && !access(config_default_path, F_OK))
		path = config_default_path;
	if (path && !(config->path = arena_string(&config->arena, path))) {
		config_no_memory(reterr);
		config_destroy(config);
		return NULL;
	}
	return config;
}

struct config *config_read(const char *path, struct askd_error *reterr)
{
	struct config *config = config_create_for(path, reterr);
	struct yaml_node *root;

	if (!config)
		return NULL;
	config->root = root = layers_read(&config->arena, config->path, reterr);
	if (root && !read_all(config, root, reterr))
		return config;
	config_destroy(config);
	return NULL;
}

/* NULL where there is none, or something else in its place. */
static const struct yaml_node *section(const struct yaml_node *root, const char *name)
{
	const struct yaml_node *node = yaml_find(root, name);

	return node && node->kind == YAML_MAP ? node : NULL;
}

struct config *config_read_faulty(const char *path)
{
	struct config *config = config_create_for(path, NULL);
	const struct yaml_node *root, *askd, *state;

	if (!config)
		return NULL;
	config->faulty = true;
	interpolate_forgive(true);
	root = layers_read(&config->arena, config->path, NULL);
	interpolate_forgive(false);
	if (!root) /* no YAML: the folders by custom */
		root = layers_read_string(&config->arena, "(defaults)", "", NULL);
	config->root = root;
	if (!root || !read_all(config, root, NULL))
		goto out;
	/* One fault hides what stands behind it: each section by itself. */
	askd = section(root, "askd");
	state = askd ? yaml_find(askd, "state_dir") : NULL;
	config->state_dir =
	        state && state->kind == YAML_SCALAR && *state->text ? state->text : NULL;
	resolve(config, askd, "state_dir", &config->state_dir, NULL);
	default_state_dir(config, NULL);
	if (!config->plugin_path)
		default_plugin_path(config, NULL);
	config->instances = NULL;
	read_security(config, section(root, "security"), NULL);
	config_read_store(config, section(root, "store"), NULL);
	config_read_instances(config, root, NULL);
out:
	if (root && config->state_dir)
		return config;
	config_destroy(config);
	return NULL;
}

struct config *config_read_string(const char *name, const char *yaml, struct askd_error *reterr)
{
	struct config *config = config_create(reterr);
	struct yaml_node *root;

	if (!config)
		return NULL;
	config->root = root = layers_read_string(&config->arena, name, yaml, reterr);
	if (root && !read_all(config, root, reterr))
		return config;
	config_destroy(config);
	return NULL;
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	arena_finish(&config->arena);
	free(config);
}

const struct config_instance *config_find(
        const struct config *config, const char *kind, const char *name)
{
	for (const struct config_instance *i = config->instances; i; i = i->next)
		if (!strcmp(i->kind, kind) && !strcmp(i->name, name))
			return i;
	return NULL;
}

const struct config_database *config_find_database(const struct config *config, const char *name)
{
	/* The instance is the first member of its database. */
	return (const struct config_database *)(const void *)config_find(config, "database", name);
}

const struct config_stage *config_find_stage(const struct config *config, const char *name)
{
	for (const struct config_stage *stage = config->stages; stage; stage = stage->next)
		if (!strcmp(stage->name, name))
			return stage;
	return NULL;
}

const struct config_limit *config_find_limit(const struct config *config, const char *name)
{
	for (const struct config_limit *limit = config->limits; limit; limit = limit->next)
		if (!strcmp(limit->name, name))
			return limit;
	return NULL;
}

const struct config_price *config_find_price(
        const struct config *config, const char *llm, const char *model, int64_t at_us)
{
	const struct config_price *found = NULL;

	for (const struct config_price *price = config->prices; price; price = price->next)
		if (!strcmp(price->llm, llm) && !strcmp(price->model, model) &&
		        price->from_us <= at_us && (!found || price->from_us > found->from_us))
			found = price;
	return found;
}
