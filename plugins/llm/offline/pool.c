/* pool.c: memory that is given back in one piece. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

struct pool_block {
	struct pool_block *next;
	uint64_t bytes[];
};

enum { BLOCK_MIN = 4096, BLOCK_MAX = 65536 };

void pool_finish(struct pool *pool)
{
	struct pool_block *block = pool->blocks;
	while (block) {
		struct pool_block *next = block->next;
		free(block);
		block = next;
	}
	*pool = (struct pool){0};
}

/* A block of its own for what is large, behind the first one, whose rest stays in use. */
static void *alloc_large(struct pool *pool, size_t n)
{
	struct pool_block *block =
	        n < SIZE_MAX / 2 && !pool->failed ? calloc(1, sizeof *block + n) : NULL;
	if (!block) {
		pool->failed = true;
		return NULL;
	}
	pool->total += sizeof *block + n;
	if (pool->blocks) {
		block->next = pool->blocks->next;
		pool->blocks->next = block;
	} else {
		pool->blocks = block;
		pool->used = pool->room = n;
	}
	return block->bytes;
}

void *pool_alloc(struct pool *pool, size_t n)
{
	size_t room;
	void *p;
	if (pool->failed)
		return NULL;
	if (n >= BLOCK_MAX / 4)
		return alloc_large(pool, n);
	n = (n + 7) & ~(size_t)7;
	if (pool->room - pool->used < n) {
		struct pool_block *block;
		room = pool->total < BLOCK_MIN ? BLOCK_MIN : pool->total;
		room = room < n * 2 ? n * 2 : room;
		room = room > BLOCK_MAX ? BLOCK_MAX : (room + 7) & ~(size_t)7;
		block = calloc(1, sizeof *block + room);
		if (!block) {
			pool->failed = true;
			return NULL;
		}
		block->next = pool->blocks;
		pool->blocks = block;
		pool->used = 0;
		pool->room = room;
		pool->total += sizeof *block + room;
	}
	p = (char *)pool->blocks->bytes + pool->used;
	pool->used += n;
	return p;
}

char *pool_copy(struct pool *pool, const char *s, size_t n)
{
	char *copy = n < SIZE_MAX ? pool_alloc(pool, n + 1) : NULL;
	if (copy && n)
		memcpy(copy, s, n);
	return copy;
}

char *pool_print(struct pool *pool, const char *format, ...)
{
	va_list ap, again;
	int n;
	char *s;
	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	s = n < 0 ? NULL : pool_alloc(pool, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, format, again);
	else
		pool->failed = true;
	va_end(again);
	return s;
}

void *pool_grow(struct pool *pool, void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 8;
	void *larger;
	if (array && count < *room)
		return array;
	if (more > SIZE_MAX / 4 / size) {
		pool->failed = true;
		return NULL;
	}
	larger = pool_alloc(pool, more * size);
	if (!larger)
		return NULL;
	if (count)
		memcpy(larger, array, count * size);
	*room = more;
	return larger;
}
