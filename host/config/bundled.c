/* bundled.c: looks up the files that are compiled in. */
#include "config/bundled.h"

#include <string.h>

const char *config_bundled(const char *name, size_t *n)
{
	for (const struct config_bundled_file *file = config_bundled_files; file->name; file++)
		if (!strcmp(file->name, name)) {
			if (n)
				*n = file->n;
			return file->data;
		}
	return NULL;
}
