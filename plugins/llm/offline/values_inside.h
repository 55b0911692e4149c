/* values_inside.h: how the index of values lies in memory. */
#ifndef OFFLINE_VALUES_INSIDE_H
#define OFFLINE_VALUES_INSIDE_H

#include "values.h"

enum {
	VALUE_KEY = 256,      /* room for a key: longer ones are not indexed */
	VALUE_WORDS = 12,     /* of a value that can be found by themselves */
	MASK_DIGIT = 1 << 26, /* beside one bit for each letter from a to z */
	MASK_OTHER = 1 << 27  /* other letters */
};

enum { VALUE_ALIAS = 1u << 31 /* in `column`: the key is another way to say the text */ };

struct value {
	uint32_t text, key; /* where they stand in `text` of the index */
	uint32_t column;
};

struct shape {
	uint32_t mask, length; /* of the key */
};

struct posting {
	uint32_t hash, value; /* the first value with this key */
};

struct values {
	char *text;
	size_t text_bytes;
	struct value *values; /* sorted by key */
	struct shape *shapes; /* of each value */
	size_t count;
	struct posting *stems, *words; /* sorted by hash; words: of keys with several */
	size_t stem_count, word_count;
	uint32_t *short_forms; /* values with abbreviations: "Comp. Sci." */
	size_t short_count;
};

/* Folded text without punctuation, one blank between words. SIZE_MAX: no room. */
size_t values_squash(const char *folded, char *out, size_t room);
uint32_t values_hash(const char *s, size_t n);
uint32_t values_mask(const char *key, size_t n);

/* values_alias.c: calls `put` with the key of each other way to say a value. false: no memory. */
struct aliases;
typedef void alias_put(void *owner, const char *key);
struct aliases *aliases_create(struct pool *pool);
bool aliases_each(const struct aliases *aliases, const char *text, unsigned kinds,
        struct pool *pool, alias_put *put, void *owner);

#endif
