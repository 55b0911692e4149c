/* config_private.h: what the files that read the sections share. */
#ifndef CONFIG_CONFIG_PRIVATE_H
#define CONFIG_CONFIG_PRIVATE_H

#include "config/config.h"

/* Reads the map `node` (NULL: defaults) by a table of the host's. */
#define CONFIG_OPTIONS(config, node, table, owner, known, target, reterr)                     \
	options_read(&(config)->arena, node, table, sizeof(struct askd_option), owner, known, \
	        target, reterr)

extern const struct askd_option config_askd_options[], config_log_options[],
        config_workers_options[], config_security_options[], config_store_options[],
        config_store_database_options[], config_instance_options[], config_database_options[],
        config_database_limit_options[], config_stage_options[], config_chat_options[],
        config_program_options[], config_assistant_options[], config_limit_options[],
        config_price_options[], config_budget_options[];

extern const char *const config_kinds[]; /* "llm", ...: sections of instances */

int32_t config_no_memory(struct askd_error *reterr);
/* [a-z0-9_-], at most 64 bytes. */
bool config_is_name(const char *name);
/* Nothing stands there, or null: an instance or bucket of the defaults that is switched off. */
bool config_is_absent(const struct yaml_node *node);
/* Checks that a section is a map, or absent. */
int32_t config_check_map(
        const struct yaml_node *node, const char *owner, struct askd_error *reterr);
/* The place of a member, or of the map if it has none. */
const struct yaml_place *config_place(const struct yaml_node *map, const char *name);

/* The sections, in the order in which they are read. */
int32_t config_read_instances(
        struct config *config, const struct yaml_node *root, struct askd_error *reterr);
int32_t config_read_store(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr);
int32_t config_read_limits(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr);
int32_t config_read_prices(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr);
int32_t config_read_budgets(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr);
int32_t config_read_assistant(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr);

/* The names of all instances of a kind, NULL-terminated, in the arena; NULL: no memory. */
const char *const *config_names(struct config *config, const char *kind);

/* The document of all layers, with the defaults below; layers.c. */
struct yaml_node *layers_read(struct arena *a, const char *path, struct askd_error *reterr);
struct yaml_node *layers_read_string(
        struct arena *a, const char *name, const char *yaml, struct askd_error *reterr);

#endif
