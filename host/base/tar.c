/* tar.c: plain files in the format of POSIX ustar. */
#include "base/tar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512, OCTAL_DIGITS = 11, SIZE_BYTES = 12, GNU_BINARY = 0x80 };

struct head {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct head) == BLOCK, "a head is one block");

/* ---- writing ---- */

void tar_put(struct tar_writer *tar, const void *p, size_t n)
{
	const char *at = p;

	while (n && !tar->error) {
		ssize_t put = write(tar->fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			tar->error = put < 0 ? errno : ENOSPC;
			return;
		}
		at += put;
		n -= (size_t)put;
	}
}

/* The sum of all bytes, its own field taken as blanks. */
static unsigned sum_of(const struct head *head)
{
	const unsigned char *p = (const unsigned char *)head;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof *head; i++)
		sum += i >= offsetof(struct head, sum) && i < offsetof(struct head, type) ? ' '
		                                                                          : p[i];
	return sum;
}

static void put_size(char field[SIZE_BYTES], uint64_t size)
{
	char digits[32];

	if (size >> (3 * OCTAL_DIGITS)) {
		for (int i = SIZE_BYTES - 1; i > 0; i--, size >>= 8)
			field[i] = (char)(size & 0xff);
		field[0] = (char)GNU_BINARY;
	} else {
		snprintf(digits, sizeof digits, "%0*llo", OCTAL_DIGITS, (unsigned long long)size);
		memcpy(field, digits, SIZE_BYTES);
	}
}

void tar_begin(struct tar_writer *tar, const char *name, uint64_t size)
{
	struct head head = {.mode = "0000600",
	        .uid = "0000000",
	        .gid = "0000000",
	        .type = '0',
	        .magic = {'u', 's', 't', 'a', 'r', 0, '0', '0'}};
	size_t n = strlen(name);
	char digits[16];

	memcpy(head.name, name, n < sizeof head.name ? n : sizeof head.name);
	put_size(head.size, size);
	put_size(head.mtime, (uint64_t)tar->at_s);
	snprintf(digits, sizeof digits, "%06o", sum_of(&head));
	memcpy(head.sum, digits, 7);
	head.sum[7] = ' ';
	tar_put(tar, &head, sizeof head);
}

void tar_end(struct tar_writer *tar, uint64_t size)
{
	static const char zeros[BLOCK];

	if (size % BLOCK)
		tar_put(tar, zeros, BLOCK - size % BLOCK);
}

void tar_finish(struct tar_writer *tar)
{
	static const char zeros[2 * BLOCK];

	tar_put(tar, zeros, sizeof zeros);
}

/* ---- reading ---- */

static int32_t read_exactly(int fd, void *p, size_t n, struct askd_error *reterr)
{
	char *at = p;

	while (n) {
		ssize_t got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return askd_fail(reterr, ASKD_E_IO, "cannot be read: %s", strerror(errno));
		if (!got)
			return askd_fail(
			        reterr, ASKD_E_PROTOCOL, "ends in the middle: it was cut off");
		at += got;
		n -= (size_t)got;
	}
	return ASKD_OK;
}

static bool get_size(const char field[SIZE_BYTES], uint64_t *size)
{
	uint64_t value = 0;

	if ((unsigned char)field[0] == GNU_BINARY) {
		if (field[1] || field[2] || field[3] || (field[4] & 0x80))
			return false;
		for (int i = 4; i < SIZE_BYTES; i++)
			value = value << 8 | (unsigned char)field[i];
	} else {
		for (int i = 0; i < OCTAL_DIGITS; i++) {
			if (field[i] < '0' || field[i] > '7')
				return false;
			value = value << 3 | (uint64_t)(field[i] - '0');
		}
	}
	*size = value;
	return true;
}

static bool is_zero(const struct head *head)
{
	const char *p = (const char *)head;

	for (size_t i = 0; i < sizeof *head; i++)
		if (p[i])
			return false;
	return true;
}

int32_t tar_get(struct tar_reader *tar, void *p, size_t n, size_t *got, struct askd_error *reterr)
{
	size_t want = tar->left < n ? (size_t)tar->left : n;
	int32_t rc = read_exactly(tar->fd, p, want, reterr);

	if (rc)
		return rc;
	tar->left -= want;
	*got = want;
	return ASKD_OK;
}

int32_t tar_next(
        struct tar_reader *tar, char name[TAR_NAME + 1], uint64_t *size, struct askd_error *reterr)
{
	struct head head;
	char skipped[16 * BLOCK], sum[16];
	size_t got;
	int32_t rc = ASKD_OK;

	while (!rc && tar->left)
		rc = tar_get(tar, skipped, sizeof skipped, &got, reterr);
	if (!rc && tar->pad)
		rc = read_exactly(tar->fd, skipped, tar->pad, reterr);
	tar->pad = 0;
	if (!rc)
		rc = read_exactly(tar->fd, &head, sizeof head, reterr);
	if (rc)
		return rc;
	if (is_zero(&head))
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "the archive ends");
	snprintf(sum, sizeof sum, "%06o", sum_of(&head));
	if (memcmp(head.magic, "ustar", 5) != 0 || memcmp(head.sum, sum, 6) != 0 ||
	        head.type != '0' || !head.name[0] || head.prefix[0] ||
	        !get_size(head.size, &tar->left))
		return askd_fail(
		        reterr, ASKD_E_PROTOCOL, "is no archive as askd makes it, or damaged");
	tar->pad = (uint32_t)((BLOCK - tar->left % BLOCK) % BLOCK);
	memcpy(name, head.name, sizeof head.name);
	name[TAR_NAME] = 0;
	*size = tar->left;
	return ASKD_OK;
}
