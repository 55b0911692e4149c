/* options_private.h: what the reader and the judge of option tables share. */
#ifndef CONFIG_OPTIONS_PRIVATE_H
#define CONFIG_OPTIONS_PRIVATE_H

#include "config/options.h"

/* What an option's member holds. */
union option_value {
	int64_t number;
	const void *pointer; /* text or list */
};

/* Reads the node as the option says. `owner` names the map in messages. */
int32_t option_read(struct arena *a, const struct yaml_node *node, const struct askd_option *option,
        const char *owner, union option_value *value, struct askd_error *reterr);
/* The default of an option as a node; NULL with ASKD_OK: it has none. */
int32_t option_default(struct arena *a, const struct askd_option *option,
        const struct yaml_node **node, struct askd_error *reterr);

#endif
