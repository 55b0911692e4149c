/* bundled.h: the files of config/ that are compiled in. */
#ifndef CONFIG_BUNDLED_H
#define CONFIG_BUNDLED_H

#include <stddef.h>

struct config_bundled_file {
	const char *name; /* "defaults.yaml", "prompts/analysis.md" */
	const char *data; /* followed by a 0 */
	size_t n;
};

extern const struct config_bundled_file config_bundled_files[]; /* ends with a NULL name */

/* Its text and length (n may be NULL), or NULL: there is no such file. */
const char *config_bundled(const char *name, size_t *n);

#endif
