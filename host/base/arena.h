/* arena.h: memory that is given back all at once. Aligned to 16 bytes. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <askd/askd.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used, limit; /* limit in bytes; 0: none */
	bool full;          /* sticky: an allocation failed or would have passed the limit */
};

void arena_init(struct arena *a, size_t limit);
void arena_reset(struct arena *a); /* keeps one block */
void arena_finish(struct arena *a);
void *arena_alloc(struct arena *a, size_t n);  /* NULL: full */
void *arena_zalloc(struct arena *a, size_t n); /* zeroed */
/* Copies end in a 0. They return NULL (an absent text) when the arena is full or s is NULL. */
char *arena_copy(struct arena *a, const char *s, size_t n);
char *arena_string(struct arena *a, const char *s);
struct askd_text arena_text(struct arena *a, struct askd_text text);
__attribute__((format(printf, 2, 3))) char *arena_print(struct arena *a, const char *format, ...);
__attribute__((format(printf, 2, 0))) char *arena_vprint(
        struct arena *a, const char *format, va_list ap);

#endif
