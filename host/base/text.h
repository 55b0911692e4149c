/* text.h: slices, growable buffers, UTF-8, and names that were nearly right. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <askd/askd.h>

/* A growable byte buffer, always followed by a 0. Sticky failure: after a failed allocation or when
 * `max` would be passed, `failed` is set and all further additions do nothing. */
struct buffer {
	char *s; /* NULL until the first addition */
	size_t n, room;
	size_t max; /* 0: no limit */
	bool failed;
};

void buffer_init(struct buffer *b, size_t max);
void buffer_finish(struct buffer *b);
void buffer_clear(struct buffer *b); /* keeps the memory */
void buffer_add(struct buffer *b, const void *p, size_t n);
void buffer_add_string(struct buffer *b, const char *s); /* NULL adds nothing */
void buffer_add_text(struct buffer *b, struct askd_text text);
__attribute__((format(printf, 2, 3))) void buffer_print(struct buffer *b, const char *format, ...);
void buffer_add_int(struct buffer *b, int64_t value);
/* The contents as a slice; never absent unless the buffer failed. */
struct askd_text buffer_text(const struct buffer *b);

/* Strict UTF-8 (no overlong forms, no surrogates); NUL counts as invalid. */
bool text_is_valid(const char *s, size_t n);
/* Bytes of the valid character that begins at s; 0: there is none. */
size_t text_character(const char *s, size_t n);
/* The longest length <= max bytes that ends at a character's end. */
size_t text_cut(const char *s, size_t n, size_t max);
bool text_is(struct askd_text text, const char *s);
/* The entry of the NULL-terminated list that is nearest to `name` by edit distance, or NULL if none
 * is near enough to be meant. */
const char *text_nearest(const char *name, const char *const *names);
/* Strict numbers, parsed to the last character; false when that fails or does not fit. */
bool text_to_int(const char *s, int64_t *value);
/* "20s", "1.5h" is not accepted; units ms s m h d; result in milliseconds. */
bool text_to_duration(const char *s, int64_t *ms);
/* "64K", "8M", "1G", "8MiB", or bytes. */
bool text_to_size(const char *s, int64_t *bytes);
/* Decimal text times 10^scale as an exact integer: ("0.075", 6) -> 75000. false when inexact. */
bool text_to_scaled(const char *s, unsigned scale, int64_t *value);

#endif
