/* command.h: `askd plugin list | info | check | new`. */
#ifndef PLUGIN_COMMAND_H
#define PLUGIN_COMMAND_H

#include "config/config.h"

/* argv[0] is the word after "plugin". Returns the exit status. */
int plugin_command(const struct config *config, int argc, char **argv, FILE *out, FILE *err);

/* "KIND/NAME" of each file in the folders, each once, ends with NULL; NULL: no memory. No file is
 * opened. */
const char *const *plugin_names(const char *const *plugin_path, struct arena *a);

#endif
