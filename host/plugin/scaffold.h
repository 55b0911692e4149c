/* scaffold.h: `askd plugin new`: a folder with a compiling, passing plugin, to be built against the
 * installed SDK alone. */
#ifndef PLUGIN_SCAFFOLD_H
#define PLUGIN_SCAFFOLD_H

#include <stdio.h>

/* The kinds that there is a template for: all of them. NULL ends the list. */
extern const char *const scaffold_kinds[];

/* Makes ./NAME with NAME.c, CMakeLists.txt and options.yaml. Never overwrites. Returns the exit
 * status. */
int scaffold_make(const char *kind, const char *name, FILE *out, FILE *err);

#endif
