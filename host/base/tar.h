/* tar.h: the little of the tar format (POSIX ustar) that a backup needs: plain files, one after the
 * other, from and to a descriptor that need not be seekable. Any tar reads what is written here;
 * what is read here must be of this kind. */
#ifndef BASE_TAR_H
#define BASE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <askd/askd.h>

enum { TAR_NAME = 100 };

struct tar_writer {
	int fd;
	int64_t at_s; /* the time of all files */
	int error;    /* errno of the first failure; everything after it does nothing */
};
/* A file of `size` bytes begins (less than 8 EiB; larger than 8 GiB in the way of GNU tar). Exactly
 * that many follow by tar_put. The name is shorter than TAR_NAME. */
void tar_begin(struct tar_writer *tar, const char *name, uint64_t size);
void tar_put(struct tar_writer *tar, const void *p, size_t n);
void tar_end(struct tar_writer *tar, uint64_t size); /* of the file that began */
void tar_finish(struct tar_writer *tar);             /* of the archive; `error` says how it went */

struct tar_reader {
	int fd;
	uint64_t left; /* of the file that began */
	uint32_t pad;
};
/* The next file; what is left of the last one is read over. NOT_FOUND: the archive ends here as it
 * should. PROTOCOL: it ends early, or is none. */
int32_t tar_next(
        struct tar_reader *tar, char name[TAR_NAME + 1], uint64_t *size, struct askd_error *reterr);
/* Up to n bytes of the file; *got 0: no more. */
int32_t tar_get(struct tar_reader *tar, void *p, size_t n, size_t *got, struct askd_error *reterr);

#endif
