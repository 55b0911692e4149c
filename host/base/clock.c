/* clock.c: time, chance, ids. */
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#ifdef ASKD_FAULTS
#include "base/text.h"
#endif

enum { ID_CHANCE_BITS = 21, RANDOM_POOL = 512, RANDOM_SMALL = 64 };

static _Atomic int64_t offset_us; /* what a test added to the real clock */

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now)) {
		perror("askd: clock_gettime");
		abort();
	}
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#ifdef ASKD_FAULTS
static void read_environment(void)
{
	const char *s = getenv("ASKD_TEST_NOW");
	int64_t now_us;

	if (s && text_to_int(s, &now_us) && now_us)
		atomic_store(&offset_us, now_us - read_us(CLOCK_REALTIME));
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
#define READ_ENVIRONMENT() pthread_once(&once, read_environment)
#else
#define READ_ENVIRONMENT() ((void)0)
#endif

int64_t clock_now_us(void)
{
	READ_ENVIRONMENT();
	return read_us(CLOCK_REALTIME) + atomic_load_explicit(&offset_us, memory_order_relaxed);
}

int64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void clock_set_us(int64_t now_us)
{
	READ_ENVIRONMENT();
	atomic_store(&offset_us, now_us ? now_us - read_us(CLOCK_REALTIME) : 0);
}

char *clock_format(int64_t us, char *out, size_t size)
{
	int64_t seconds = us / 1000000, rest = us % 1000000;
	struct tm tm;
	time_t t;

	if (rest < 0) {
		rest += 1000000;
		seconds--;
	}
	t = (time_t)seconds;
	if (!gmtime_r(&t, &tm) || snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
	                                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	                                  tm.tm_min, tm.tm_sec, (int)rest) >= (int)size)
		snprintf(out, size, "%lldus", (long long)us);
	return out;
}

static void read_random(void *p, size_t n)
{
	unsigned char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			perror("askd: getrandom");
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

/* Ids and nonces take a few bytes each: one system call fetches many. What was handed out is wiped,
 * and a child does not go on with what its parent has. */
static struct {
	pthread_mutex_t lock;
	size_t left; /* the first bytes are still unused */
	unsigned char bytes[RANDOM_POOL];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void pool_lock(void)
{
	pthread_mutex_lock(&pool.lock);
}

static void pool_unlock(void)
{
	pthread_mutex_unlock(&pool.lock);
}

static void pool_forget(void)
{
	explicit_bzero(pool.bytes, sizeof pool.bytes);
	pool.left = 0;
	pthread_mutex_unlock(&pool.lock);
}

__attribute__((constructor)) static void pool_guard(void)
{
	if (pthread_atfork(pool_lock, pool_unlock, pool_forget)) {
		fputs("askd: no memory for a handler of forks\n", stderr);
		abort();
	}
}

void random_bytes(void *p, size_t n)
{
	if (n > RANDOM_SMALL) {
		read_random(p, n);
		return;
	}
	pool_lock();
	if (pool.left < n) {
		read_random(pool.bytes, sizeof pool.bytes);
		pool.left = sizeof pool.bytes;
	}
	pool.left -= n;
	memcpy(p, pool.bytes + pool.left, n);
	explicit_bzero(pool.bytes + pool.left, n);
	pool_unlock();
}

uint64_t id_first_of(int64_t ms)
{
	return ((uint64_t)ms & ((UINT64_C(1) << 42) - 1)) << ID_CHANCE_BITS;
}

uint64_t id_make(void)
{
	static _Atomic uint64_t last;
	uint64_t previous = atomic_load(&last), id, ms = (uint64_t)(clock_now_us() / 1000);
	uint32_t chance;

	random_bytes(&chance, sizeof chance);
	/* One bit less of chance leaves each millisecond at least 2^20 ids; past that we borrow
	 * from the next one. */
	chance &= (1u << (ID_CHANCE_BITS - 1)) - 1;
	ms &= (UINT64_C(1) << 42) - 1;
	do {
		id = ms << ID_CHANCE_BITS | chance;
		if (id <= previous)
			id = previous + 1;
	} while (!atomic_compare_exchange_weak(&last, &previous, id));
	return id;
}
