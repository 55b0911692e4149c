/* pool.h: memory that is given back in one piece: of a schema, of a question. */
#ifndef OFFLINE_POOL_H
#define OFFLINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_block;

/* Zeroed: empty. After `failed` every further request fails as well, so that it is enough to look
 * once at the end. */
struct pool {
	struct pool_block *blocks;
	size_t used, room; /* of the first block */
	size_t total;      /* bytes taken from the system */
	bool failed;
};

void pool_finish(struct pool *pool);
/* Zeroed, aligned to 8 bytes. NULL: no memory. */
void *pool_alloc(struct pool *pool, size_t n);
/* A copy with a 0 behind it. */
char *pool_copy(struct pool *pool, const char *s, size_t n);
char *pool_print(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The array with room for one more element of `size` bytes: itself, or a larger copy in the pool.
 * `count` elements are used; *room is kept between calls. NULL: no memory. */
void *pool_grow(struct pool *pool, void *array, size_t count, size_t *room, size_t size);

#endif
