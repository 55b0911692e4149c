/* config_instances.c: the configured plugins, and what the host reads of them. */
#include "base/text.h"
#include "config/config_private.h"
#include "config/options.h"

const char *const config_kinds[] = {"llm", "database", "transport", "mailer", "skill", NULL};

static const char *const instance_known[] = {"plugin", "optional", "isolation", NULL};
static const char *const database_known[] = {
        "plugin", "optional", "isolation", "access", "egress", "schemas", "limits", NULL};
static const char *const store_known[] = {"plugin", NULL};

static const char *const isolations[] = {"none", "process", NULL};
static const char *const egresses[] = {"nothing", "schema", "results", "all", "default", NULL};
static const char *const durabilities[] = {"normal", "full", NULL};

#define INSTANCE_OPTIONS(owner, member)                                                    \
	{.name = "plugin",                                                                 \
	        .help = "Which plugin it is, by name",                                     \
	        .flags = ASKD_OPT_REQUIRED,                                                \
	        ASKD_OPTION_TEXT(owner, member plugin)},                                   \
	        {.name = "optional",                                                       \
	                .help = "Left out with a warning when it cannot open, instead of " \
	                        "stopping the start",                                      \
	                .def = "no",                                                       \
	                ASKD_OPTION_BOOL(owner, member optional)},                         \
	{                                                                                  \
		.name = "isolation", .help = "Whether it runs in a process of its own",    \
		.def = "none", ASKD_OPTION_CHOICE(owner, member isolation, isolations)     \
	}

const struct askd_option config_instance_options[] = {
        INSTANCE_OPTIONS(struct config_instance, ), {.name = NULL}};

const struct askd_option config_database_options[] = {
        INSTANCE_OPTIONS(struct config_database, instance.),
        {.name = "access",
                .help = "Who may ask it: everyone, org:NAME, person:NAME, key:NAME; absent: only "
                        "users of this machine who can read this file",
                ASKD_OPTION_LIST(struct config_database, access)},
        {.name = "egress",
                .help = "What may leave the house for a remote model: nothing, schema, results, "
                        "all; default is results, and all where the model is local",
                .def = "default",
                ASKD_OPTION_CHOICE(struct config_database, egress, egresses)},
        {.name = "schemas",
                .help = "The schemas that are asked; absent: all that the user may see",
                ASKD_OPTION_LIST(struct config_database, schemas)},
        {.name = NULL}};

const struct askd_option config_database_limit_options[] = {
        {.name = "rows",
                .help = "Rows of one answer",
                .def = "1000",
                .min = 1,
                .max = 1000000,
                ASKD_OPTION_INT(struct config_database, rows)},
        {.name = "bytes",
                .help = "Bytes of one answer",
                .def = "16M",
                .min = 1024,
                .max = INT64_C(1) << 30,
                ASKD_OPTION_SIZE(struct config_database, bytes)},
        {.name = "time",
                .help = "Time of one statement",
                .def = "30s",
                .min = 10,
                .max = 3600000,
                ASKD_OPTION_DURATION(struct config_database, time_ms)},
        {.name = "value",
                .help = "Bytes of one cell; longer ones are cut",
                .def = "64K",
                .min = 16,
                .max = 16 << 20,
                ASKD_OPTION_SIZE(struct config_database, value)},
        {.name = NULL}};

const struct askd_option config_store_options[] = {
        {.name = "durability",
                .help = "full: on disk before an event is acknowledged; normal: a power cut may "
                        "lose the last moments",
                .def = "full",
                ASKD_OPTION_CHOICE(struct config, durability, durabilities)},
        {.name = NULL}};

const struct askd_option config_store_database_options[] = {
        {.name = "plugin",
                .help = "Which database plugin keeps it; the other options are the plugin's",
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct config_store_database, plugin)},
        {.name = NULL}};

/* The names in a map, for the tables that know only some of them. */
static const char *const *all_names(struct config *config, const struct yaml_node *map)
{
	const char **names;
	size_t n = 0;

	for (const struct yaml_node *node = map->first; node; node = node->next)
		n++;
	names = arena_alloc(&config->arena, (n + 1) * sizeof *names);
	if (!names)
		return NULL;
	n = 0;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		names[n++] = node->key.s;
	names[n] = NULL;
	return names;
}

static int32_t check_plugin(
        const struct yaml_node *map, const char *owner, struct askd_error *reterr)
{
	const struct yaml_node *plugin = yaml_find(map, "plugin");

	if (!plugin || config_is_name(plugin->text))
		return ASKD_OK;
	return yaml_fail(reterr, plugin,
	        "found %s for 'plugin' of %s, expected the name of a plugin: letters a-z, digits, "
	        "'_' and '-'",
	        yaml_found(plugin), owner);
}

static int32_t check_access(
        const struct yaml_node *map, const char *owner, struct askd_error *reterr)
{
	static const char *const prefixes[] = {"org:", "person:", "key:", NULL};
	static const char *const words[] = {
	        "everyone", "org:NAME", "person:NAME", "key:NAME", NULL};
	const struct yaml_node *access = yaml_find(map, "access");

	for (const struct yaml_node *who = access ? access->first : NULL; who; who = who->next) {
		bool ok = !strcmp(who->text, "everyone");

		for (size_t i = 0; prefixes[i] && !ok; i++)
			ok = !strncmp(who->text, prefixes[i], strlen(prefixes[i])) &&
			     who->text[strlen(prefixes[i])];
		if (!ok && who->secret)
			return yaml_fail(reterr, who,
			        "found %s for 'access' of %s, expected everyone, org:NAME, "
			        "person:NAME or key:NAME",
			        yaml_found(who), owner);
		if (!ok)
			return yaml_fail_name(reterr, &who->place, who->text, words);
	}
	return ASKD_OK;
}

static int32_t read_database(struct config *config, const struct yaml_node *node, const char *owner,
        struct config_instance **instance, struct askd_error *reterr)
{
	struct config_database *database = arena_zalloc(&config->arena, sizeof *database);
	const char *const *names = all_names(config, node);
	const char *limits = arena_print(&config->arena, "%s.limits", owner);
	int32_t rc;

	if (!database || !names || !limits)
		return config_no_memory(reterr);
	rc = CONFIG_OPTIONS(config, node, config_database_options, owner, names, database, reterr);
	if (!rc)
		rc = CONFIG_OPTIONS(config, yaml_find(node, "limits"),
		        config_database_limit_options, limits, NULL, database, reterr);
	if (!rc)
		rc = check_access(node, owner, reterr);
	if (!rc) {
		database->instance.known = database_known;
		*instance = &database->instance;
	}
	return rc;
}

static int32_t read_plain(struct config *config, const struct yaml_node *node, const char *owner,
        struct config_instance **instance, struct askd_error *reterr)
{
	struct config_instance *plain = arena_zalloc(&config->arena, sizeof *plain);
	const char *const *names = all_names(config, node);
	int32_t rc;

	if (!plain || !names)
		return config_no_memory(reterr);
	rc = CONFIG_OPTIONS(config, node, config_instance_options, owner, names, plain, reterr);
	if (!rc) {
		plain->known = instance_known;
		*instance = plain;
	}
	return rc;
}

static int32_t read_instance(struct config *config, const char *kind, const struct yaml_node *node,
        struct config_instance **instance, struct askd_error *reterr)
{
	const char *owner = arena_print(&config->arena, "%s/%s", kind, node->key.s);
	int32_t rc;

	if (!owner)
		return config_no_memory(reterr);
	if (!config_is_name(node->key.s))
		return yaml_fail_at(reterr, &node->key_place,
		        "found %s, expected a name of letters a-z, digits, '_' and '-', at most 64 "
		        "bytes",
		        yaml_quote(node->key.s, node->key.n));
	rc = config_check_map(node, owner, reterr);
	if (!rc && !strcmp(kind, "database"))
		rc = read_database(config, node, owner, instance, reterr);
	else if (!rc)
		rc = read_plain(config, node, owner, instance, reterr);
	if (!rc)
		rc = check_plugin(node, owner, reterr);
	if (!rc) {
		(*instance)->kind = kind;
		(*instance)->name = node->key.s;
		(*instance)->node = node;
	}
	return rc;
}

int32_t config_read_instances(
        struct config *config, const struct yaml_node *root, struct askd_error *reterr)
{
	struct config_instance **end = &config->instances;

	for (const struct yaml_node *section = root->first; section; section = section->next)
		for (const char *const *kind = config_kinds; *kind; kind++) {
			if (!text_is(section->key, *kind))
				continue;
			for (const struct yaml_node *n = section->first; n; n = n->next) {
				int32_t rc;

				if (config_is_absent(n))
					continue;
				rc = read_instance(config, *kind, n, end, reterr);
				if (rc)
					return rc;
				end = &(*end)->next;
			}
		}
	return ASKD_OK;
}

const char *const *config_names(struct config *config, const char *kind)
{
	const char **names;
	size_t n = 0;

	for (const struct config_instance *i = config->instances; i; i = i->next)
		n += !strcmp(i->kind, kind);
	names = arena_alloc(&config->arena, (n + 1) * sizeof *names);
	if (!names)
		return NULL;
	n = 0;
	for (const struct config_instance *i = config->instances; i; i = i->next)
		if (!strcmp(i->kind, kind))
			names[n++] = i->name;
	names[n] = NULL;
	return names;
}

static int32_t read_store_database(struct config *config, const struct yaml_node *node,
        const char *owner, struct config_store_database *database, struct askd_error *reterr)
{
	const char *const *names;
	int32_t rc = config_check_map(node, owner, reterr);

	if (rc)
		return rc;
	if (!node)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "found no '%s', expected {plugin: NAME, ...}", owner);
	names = all_names(config, node);
	if (!names)
		return config_no_memory(reterr);
	rc = CONFIG_OPTIONS(
	        config, node, config_store_database_options, owner, names, database, reterr);
	database->node = node;
	database->known = store_known;
	return rc ? rc : check_plugin(node, owner, reterr);
}

int32_t config_read_store(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	static const char *const known[] = {"manager", "costs", NULL};
	int32_t rc =
	        CONFIG_OPTIONS(config, node, config_store_options, "store", known, config, reterr);

	if (!rc)
		rc = read_store_database(config, yaml_find(node, "manager"), "store.manager",
		        &config->manager, reterr);
	if (!rc)
		rc = read_store_database(
		        config, yaml_find(node, "costs"), "store.costs", &config->costs, reterr);
	return rc;
}
