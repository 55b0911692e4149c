/* yaml.h: one YAML document with the place of every node. A strict subset: no aliases, anchors,
 * merge keys, tags, duplicate keys, several documents; at most 1 MiB and 64 levels. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>

#include "base/arena.h"

struct yaml_place {
	const char
	        *file; /* as given on the command line; "(defaults)"; "$ASKD__LLM__MAIN__MODEL" */
	uint32_t line, column; /* from 1; 0: none */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted; /* a scalar in quotes: never null, never a number to the reader who cares */
	bool secret; /* its text came through ${file:...} or ${VAR}: never print it */
	struct yaml_place place;
	const char *text;     /* scalar, after interpolation; "" for null */
	struct askd_text key; /* of this node inside a map */
	struct yaml_place key_place;
	struct yaml_node *first, *last, *next; /* children; sibling */
};

/* Parses and interpolates ${VAR}, ${VAR:default}, ${file:PATH} ("$${" is a literal "${"). NULL and
 * *reterr (CONFIG, message "FILE:LINE:COLUMN: found ..., expected ...") on any fault. */
struct yaml_node *yaml_read_file(struct arena *a, const char *path, struct askd_error *reterr);
struct yaml_node *yaml_read_string(
        struct arena *a, const char *name, const char *s, size_t n, struct askd_error *reterr);
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);
/* Deep merge: maps are merged, everything else is replaced by the overlay. Returns the result. */
struct yaml_node *yaml_merge(struct arena *a, struct yaml_node *base, struct yaml_node *overlay);
/* Do both say the same, in the same order? NULL: nothing stands there. */
bool yaml_equal(const struct yaml_node *a, const struct yaml_node *b);
/* A node of a made-up document: for environment overrides and the tests. */
struct yaml_node *yaml_make(struct arena *a, enum yaml_kind kind, const char *text);
void yaml_append(struct yaml_node *parent, const char *key, struct yaml_node *child);
/* JSON text of a node: scalars become numbers, booleans or null where YAML 1.2 core says so. */
const char *yaml_to_json(struct arena *a, const struct yaml_node *node);
/* What stands there, for messages: "'abc'", "a map", "nothing"; never a secret. In a static buffer
 * of the thread. */
const char *yaml_found(const struct yaml_node *node);
/* The same about a text that is no node. */
const char *yaml_quote(const char *s, size_t n);
/* Is a value with this name a secret by custom: password, api_key, bot_token? */
bool yaml_is_secret_name(const char *name);
/* Adds ", expected one of a, b, c" and, if one is near, ", did you mean 'b'?" to the message. */
int32_t yaml_fail_name(struct askd_error *reterr, const struct yaml_place *place, const char *found,
        const char *const *names);
__attribute__((format(printf, 3, 4))) int32_t yaml_fail_at(
        struct askd_error *reterr, const struct yaml_place *place, const char *format, ...);
/* askd_fail(CONFIG) with the node's place before the message. */
__attribute__((format(printf, 3, 4))) int32_t yaml_fail(
        struct askd_error *reterr, const struct yaml_node *node, const char *format, ...);

#endif
