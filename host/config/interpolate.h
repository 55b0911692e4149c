/* interpolate.h: ${VAR}, ${VAR:default}, ${file:PATH} inside a scalar. */
#ifndef CONFIG_INTERPOLATE_H
#define CONFIG_INTERPOLATE_H

#include "config/yaml.h"

/* Reads a whole file of at most `max` bytes into the arena, with a 0 behind. 0, or an errno value;
 * EFBIG: larger. */
int file_read_bytes(struct arena *a, const char *path, size_t max, struct askd_text *text);
/* The same for a text; EILSEQ: no UTF-8, or with a NUL. */
int file_read(struct arena *a, const char *path, size_t max, struct askd_text *text);
/* `path` as seen from the folder of `from` (a file); absolute paths stay. NULL: no memory. */
const char *file_relative(struct arena *a, const char *from, const char *path);
/* Puts the values into node->text and sets node->secret. Values that are secrets (files, and
 * variables whose name says so) are kept out of the log from now on. */
/* A forgiving thread takes what is missing (a variable, a file) as empty: for looking at a
 * configuration with a fault, never for working with it. */
void interpolate_forgive(bool forgive);
int32_t interpolate(struct arena *a, struct yaml_node *node, struct askd_error *reterr);

#endif
