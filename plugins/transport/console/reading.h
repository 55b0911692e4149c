/* reading.h: a text from a descriptor, while the call is wanted. */
#ifndef CONSOLE_READING_H
#define CONSOLE_READING_H

#include <stdbool.h>

#include <askd/askd.h>

/* All of `in`, or with `line` its first line without the line feed. Reads on until it has more than
 * `most` bytes. NULL: *problem says why, in English. Free it. */
char *reading(struct askd_call *call, int in, size_t most, bool line, size_t *length,
        const char **problem);

#endif
