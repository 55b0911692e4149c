/* values.h: the index of the values of a schema. */
#ifndef OFFLINE_VALUES_H
#define OFFLINE_VALUES_H

#include "schema.h"

/* A value before it is in the index. */
struct value_draft {
	const char *text;
	uint32_t column;
	unsigned kinds; /* ALIAS_*: how else it may be said */
};
enum { ALIAS_GENDER = 1 /* M, F */, ALIAS_WORDS = 2 /* one of few: "FullTime" */ };

/* `drafts` are reordered; texts are copied. NULL: no memory. */
struct values *values_create(struct value_draft *drafts, size_t count);
void values_destroy(struct values *values);
size_t values_memory(const struct values *values);

#endif
