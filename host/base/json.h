/* json.h: JSON from strangers, with limits; jansson does the work. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"

enum { JSON_DEPTH_MAX = 64 };

/* NULL and *reterr (INVALID, with line and column) when it is no JSON, deeper than JSON_DEPTH_MAX
 * (counted before the parser sees it), has a NUL or duplicate keys. json_decref it. */
json_t *json_read(struct askd_text text, struct askd_error *reterr);
/* Is it JSON that json_read takes? Says so as json_read does, but makes no tree of what it is. */
int32_t json_check(struct askd_text text, struct askd_error *reterr);
/* true: certainly JSON that json_read takes. false: nothing is known, ask json_read; so it goes for
 * what is rare (escapes in keys, numbers of many digits, more than 64 keys in open objects). */
bool json_is_plain(struct askd_text text);
/* The members of that name of a JSON object, as they stand there; absent where there is none, and
 * all when it is no object. It must be JSON that was checked. */
void json_pick(struct askd_text object, const char *const *names, struct askd_text *values);
/* Appends checked JSON without the blanks between its words. */
void json_add_plain(struct buffer *b, struct askd_text json);
/* Bytes until one that cannot stand in a JSON string as it is; valid UTF-8 is due. */
size_t json_string_run(const char *s, size_t n);
/* Appends it as compact text; the buffer fails when json is NULL or nested beyond sense. */
void json_add(struct buffer *b, const json_t *json);
/* The same as a text in the arena; absent when memory is short. */
struct askd_text json_write(struct arena *a, const json_t *json);
/* Members of an object; NULL or the default when absent or of another type. */
const char *json_get_string(const json_t *object, const char *name);
int64_t json_get_int(const json_t *object, const char *name, int64_t otherwise);
/* Appends s as a JSON string with its quotes. */
void json_add_string(struct buffer *b, const char *s, size_t n);
/* Appends a value as design says: integers above 2^53 and decimals as strings, dates in ISO 8601,
 * bytes as base64, NaN and infinities as null. */
void json_add_value(struct buffer *b, const struct askd_value *value);

#endif
