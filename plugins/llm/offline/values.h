/* values.h: the index of the values of a schema. */
#ifndef OFFLINE_VALUES_H
#define OFFLINE_VALUES_H

#include "schema.h"

/* A value before it is in the index. */
struct value_draft {
	const char *text;
	uint32_t column;
};

/* `drafts` are reordered; texts are copied. NULL: no memory. */
struct values *values_create(struct value_draft *drafts, size_t count);
void values_destroy(struct values *values);
size_t values_memory(const struct values *values);

#endif
