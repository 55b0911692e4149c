/* str.h: a growable text, and what texts from strangers need before they stand in Markdown. */
#ifndef QUERY_STR_H
#define QUERY_STR_H

#include <stdbool.h>

#include <askd/askd.h>

/* Always followed by a 0 once something was added. Sticky failure: after a failed allocation
 * `failed` is set and further additions do nothing. Zero-initialised it is empty. */
struct str {
	char *s;
	size_t n, room;
	bool failed;
};

void str_finish(struct str *b);
void str_clear(struct str *b); /* keeps the memory */
void str_add(struct str *b, const void *p, size_t n);
void str_puts(struct str *b, const char *s); /* NULL adds nothing */
void str_text(struct str *b, struct askd_text text);
/* Room for n more bytes, behind those that are there; NULL: it failed, or n is 0. What was written
 * to it counts once str_took is told where it ends. */
char *str_room(struct str *b, size_t n);
void str_took(struct str *b, const char *end);
__attribute__((format(printf, 2, 3))) void str_print(struct str *b, const char *format, ...);
/* Appends s so that CommonMark shows exactly its characters, on one line; control characters
 * become blanks. */
void str_markdown(struct str *b, const char *s, size_t n);
/* Appends s as a string of JSON, in quotes. */
void str_json(struct str *b, const char *s, size_t n);
/* A list of JSON as it is written, without its brackets. Zero-initialised it is empty. */
struct str_list {
	struct str text;
	uint32_t count;
};
/* Where the next item goes, behind a comma if one is needed. */
struct str *str_list_next(struct str_list *list);
/* All items of `more` behind those of `list`. */
void str_list_extend(struct str_list *list, const struct str_list *more);
/* The whole list, with its brackets. */
void str_list_put(struct str *b, const struct str_list *list);

/* A copy in the arena; absent when the buffer failed or the arena is full. */
struct askd_text str_copy(struct askd_call *call, const struct str *b);

/* s without blanks at both ends. */
struct askd_text str_trim(struct askd_text s);
/* Does s begin with the lower-case ASCII word, in any case? */
bool str_starts(struct askd_text s, const char *word);
/* The longest length <= max that ends at the end of a character. */
size_t str_cut(const char *s, size_t n, size_t max);

#endif
