/* faults.c: allocations that fail on purpose. In builds with ASKD_FAULTS the linker sends every malloc,
 * calloc, realloc, strdup and strndup of the host and of the plugins through here; libraries' own are
 * left alone. ASKD_TEST_FAIL_ALLOC=N fails the N-th after arming; ASKD_TEST_COUNT_ALLOC=FILE writes how
 * many there were. With ASKD_TEST_ARM=start the counting begins at once, else with faults_arm(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long counted, target = -1;
static int armed;

void faults_arm(void)
{
	const char *n = getenv("ASKD_TEST_FAIL_ALLOC");

	target = n ? atol(n) : -1;
	__atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
}

__attribute__((constructor)) static void arm_at_start(void)
{
	const char *when = getenv("ASKD_TEST_ARM");

	if (when && !strcmp(when, "start"))
		faults_arm();
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
		__atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED) == target;
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
