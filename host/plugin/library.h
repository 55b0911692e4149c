/* library.h: one shared object: found, opened, judged by its constant alone, before any of its code
 * runs. Never unloaded once accepted. */
#ifndef PLUGIN_LIBRARY_H
#define PLUGIN_LIBRARY_H

#include "plugin/contract.h"

struct plugin_library {
	const char *path;
	const struct askd_plugin *plugin; /* a zero-filled copy of our size, its struct_size kept */
	const void *iface;                /* copy of our size, zero-filled where it is shorter */
	const struct askd_option
	        *options;  /* as the plugin wrote them; stride plugin->option_size */
	char build_id[41]; /* hex; "" if it has none */
	struct plugin_library *next;
};

/* Opens and checks. kind: "askd.llm/1" or NULL for any. Refusals are sentences: "PATH: needs ABI
 * 0.8, this host offers 0.9 ...". The same path gives the same library. By one thread at a time. */
struct plugin_library *plugin_library_open(
        const char *path, const char *kind, struct askd_error *reterr);
/* PATH/<kind>/<name>.so in the directories of the search path; NOT_FOUND names them and the nearest
 * name. By one thread at a time. */
struct plugin_library *plugin_library_find(const char *const *search_path, const char *kind,
        const char *name, struct askd_error *reterr);
/* Every plugin of the kind ("database") in the folders of the search path, by name; of two of one
 * name the first. Those that are refused are left out. At most `max`, how many is returned. By one
 * thread at a time. */
size_t plugin_library_all(const char *const *search_path, const char *kind,
        const struct plugin_library **list, size_t max);
/* Is the file another one than when it was opened? It counts from the next start on. */
bool plugin_library_is_stale(const struct plugin_library *library);
/* The table of an extension, or NULL. */
const void *plugin_library_extension(const struct plugin_library *library, const char *id);

#endif
