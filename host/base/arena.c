/* arena.c: blocks that grow, given back all at once. */
#include "base/arena.h"

#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(ARENA_POISON)
#define ARENA_POISON
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

/* The first block is one that the C library keeps at hand for a thread: most calls need no more. */
enum { ALIGN = 16, BLOCK_FIRST = 992, BLOCK_MAX = 256 * 1024 };

/* The first block of the list is the one that is filled; full ones and large allocations follow. */
struct arena_block {
	struct arena_block *next;
	size_t room, used;
	_Alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

static void block_free(struct arena_block *block)
{
	UNPOISON(block->data, block->room);
	free(block);
}

void arena_finish(struct arena *a)
{
	if (!a)
		return;
	while (a->blocks) {
		struct arena_block *block = a->blocks;

		a->blocks = block->next;
		block_free(block);
	}
	a->used = 0;
	a->full = false;
}

void arena_reset(struct arena *a)
{
	struct arena_block *kept = NULL;

	for (struct arena_block *block = a->blocks, *next; block; block = next) {
		next = block->next;
		if (!kept && block->room <= BLOCK_MAX) {
			kept = block;
			kept->next = NULL;
			kept->used = 0;
			POISON(kept->data, kept->room);
		} else {
			block_free(block);
		}
	}
	a->blocks = kept;
	a->used = 0;
	a->full = false;
}

static struct arena_block *block_make(size_t room)
{
	struct arena_block *block = malloc(sizeof *block + room);

	if (!block)
		return NULL;
	block->next = NULL;
	block->room = room;
	block->used = 0;
	POISON(block->data, room);
	return block;
}

/* A block with n bytes free, or NULL. */
static struct arena_block *block_for(struct arena *a, size_t n)
{
	struct arena_block *block = a->blocks;
	size_t room = BLOCK_FIRST;

	if (block && block->room - block->used >= n)
		return block;
	if (block && block->room < BLOCK_MAX)
		while (room <= block->room)
			room *= 2;
	else if (block)
		room = BLOCK_MAX;
	if (n <= room) {
		block = block_make(room);
		if (block) {
			block->next = a->blocks;
			a->blocks = block;
		}
		return block;
	}
	/* Larger than a block: one of its own, behind the one that is being filled. */
	block = block_make(n);
	if (block && a->blocks) {
		block->next = a->blocks->next;
		a->blocks->next = block;
	} else if (block) {
		a->blocks = block;
	}
	return block;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *block;
	size_t rounded;
	void *p;

	if (n > SIZE_MAX / 2)
		goto full;
	rounded = ((n ? n : 1) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->limit && (rounded > a->limit || a->used > a->limit - rounded))
		goto full;
	block = block_for(a, rounded);
	if (!block)
		goto full;
	p = block->data + block->used;
	block->used += rounded;
	a->used += rounded;
	UNPOISON(p, n);
	return p;
full:
	a->full = true;
	return NULL;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p)
		memset(p, 0, n);
	return p;
}

char *arena_copy(struct arena *a, const char *s, size_t n)
{
	char *copy;

	if (!s)
		return NULL;
	if (n == SIZE_MAX) {
		a->full = true;
		return NULL;
	}
	copy = arena_alloc(a, n + 1);
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, s, n);
	copy[n] = 0;
	return copy;
}

char *arena_string(struct arena *a, const char *s)
{
	return s ? arena_copy(a, s, strlen(s)) : NULL;
}

struct askd_text arena_text(struct arena *a, struct askd_text text)
{
	char *copy = arena_copy(a, text.s, text.n);

	return (struct askd_text){copy, copy ? text.n : 0};
}

char *arena_vprint(struct arena *a, const char *format, va_list ap)
{
	va_list again;
	char *s = NULL;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	if (n < 0)
		a->full = true;
	else
		s = arena_alloc(a, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, format, again);
	va_end(again);
	return s;
}

char *arena_print(struct arena *a, const char *format, ...)
{
	va_list ap;
	char *s;

	va_start(ap, format);
	s = arena_vprint(a, format, ap);
	va_end(ap);
	return s;
}
