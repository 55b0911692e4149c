/* library_elf.h: a shared object judged by its bytes, before the loader may touch it: the loader
 * trusts what it maps, and dies of a truncated file. Inside this room only. */
#ifndef PLUGIN_LIBRARY_ELF_H
#define PLUGIN_LIBRARY_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <askd/askd.h>

enum { ELF_SEGMENTS = 64 };

struct elf_file {
	/* Where it will lie, relative to its load address. */
	struct {
		uint64_t start, end;
	} segments[ELF_SEGMENTS];
	size_t count;
	char build_id[41]; /* hex; "" if it has none */
};

/* INVALID and a sentence when `path` is no complete shared object for this machine. */
int32_t elf_read(const char *path, struct elf_file *elf, struct askd_error *reterr);
/* Do the n bytes at p lie in one segment, with the object loaded at `base`? */
bool elf_has(const struct elf_file *elf, uintptr_t base, const void *p, uint64_t n);
/* Bytes from p to the end of its segment; 0: not inside. */
uint64_t elf_room(const struct elf_file *elf, uintptr_t base, const void *p);

#endif
