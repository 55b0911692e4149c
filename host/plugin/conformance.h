/* conformance.h: `askd plugin check`: the rules of the contract against any plugin, in a child. */
#ifndef PLUGIN_CONFORMANCE_H
#define PLUGIN_CONFORMANCE_H

#include "plugin/registry.h"

/* Prints one line a check to `out` and a summary that names what was not tried. options: a YAML
 * file or NULL. Returns the exit status: 0 all passed, 1 some failed, 2 could not be run. */
int conformance_run(const char *path, const char *options, FILE *out);

#endif
