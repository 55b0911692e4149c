/* faults.c: allocations and flushes that fail on purpose. In builds with ASKD_FAULTS the linker
 * sends every malloc, calloc, realloc, strdup and strndup of the host and of the plugins through
 * here, and jansson is told to; what other libraries allocate is left alone.
 *
 * ASKD_TEST_FAIL_ALLOC=N fails the N-th after arming; @FILE takes N out of a file each time, none
 * if there is no number. ASKD_TEST_COUNT_ALLOC=FILE writes at the end how many there were since the
 * last arming. With ASKD_TEST_ARM=start the counting begins at once and goes on, else with each
 * faults_arm().
 *
 * ASKD_TEST_FAIL_FSYNC=FILE: while that file exists, each fsync and fdatasync of the process fails,
 * those of libraries too: this library comes before the C library. */
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long counted, target = -1;
static int armed, from_start;

void faults_arm(void)
{
	const char *n = getenv("ASKD_TEST_FAIL_ALLOC");
	FILE *file = n && *n == '@' ? fopen(n + 1, "r") : NULL;
	long wanted = n && *n != '@' ? atol(n) : -1;

	if (from_start && __atomic_load_n(&armed, __ATOMIC_ACQUIRE)) {
		if (file)
			fclose(file);
		return;
	}
	if (file) {
		if (fscanf(file, "%ld", &wanted) != 1)
			wanted = -1;
		fclose(file);
	}
	__atomic_store_n(&target, wanted, __ATOMIC_RELAXED);
	__atomic_store_n(&counted, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
}

__attribute__((constructor)) static void arm_at_start(void)
{
	const char *when = getenv("ASKD_TEST_ARM");

	json_set_alloc_funcs(__wrap_malloc, free);
	if (when && !strcmp(when, "start")) {
		faults_arm();
		from_start = 1;
	}
}

__attribute__((destructor)) static void write_count(void)
{
	const char *path = getenv("ASKD_TEST_COUNT_ALLOC");
	FILE *file = path ? fopen(path, "w") : NULL;

	if (file) {
		fprintf(file, "%ld\n", counted);
		fclose(file);
	}
}

static int fails(void)
{
	return __atomic_load_n(&armed, __ATOMIC_ACQUIRE) &&
	       __atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED) ==
	               __atomic_load_n(&target, __ATOMIC_RELAXED);
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
	return fails() ? NULL : calloc(count, n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : strndup(s, n);
}

/* ---- flushes ----------------------------------------------------------------------------------
 */

static int flush(int fd, const char *name)
{
	const char *path = getenv("ASKD_TEST_FAIL_FSYNC");
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

	if (!real || (path && !access(path, F_OK))) {
		errno = EIO;
		return -1;
	}
	return real(fd);
}

int fsync(int fd)
{
	return flush(fd, "fsync");
}

int fdatasync(int fd)
{
	return flush(fd, "fdatasync");
}
