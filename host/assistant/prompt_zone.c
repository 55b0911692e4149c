/* prompt_zone.c: the day that a person lives in, out of the system's zone files (RFC 8536). libc's
 * own functions know only the one zone of the process. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "assistant/prompt_parts.h"

enum { ZONE_FILE_MAX = 64 * 1024, ZONE_HEADER = 44, ZONE_NAME = 64, ZONES_KEPT = 64 };

/* Files that were read, kept for the process: each question asks for the date. */
static struct {
	pthread_mutex_t lock;
	size_t next; /* where the next one goes; the oldest gives way */
	struct {
		char name[ZONE_NAME + 1];
		unsigned char *data;
		size_t n;
	} kept[ZONES_KEPT];
} zones = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t big_32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big_64(const unsigned char *p)
{
	return (int64_t)((uint64_t)big_32(p) << 32 | big_32(p + 4));
}

static bool zone_name_is_sound(struct askd_text zone)
{
	if (!zone.n || zone.n > ZONE_NAME || zone.s[0] == '/')
		return false;
	for (size_t i = 0; i < zone.n; i++) {
		char c = zone.s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		            c == '/' || c == '_' || c == '-' || c == '+'))
			return false;
	}
	return true;
}

/* The file's bytes, malloc'ed; NULL: there is none. */
static unsigned char *zone_read(struct askd_text zone, size_t *n)
{
	char path[128];
	unsigned char *data, *fitting;
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", (int)zone.n, zone.s);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	data = malloc(ZONE_FILE_MAX);
	*n = 0;
	while (data && *n < ZONE_FILE_MAX && (got = read(fd, data + *n, ZONE_FILE_MAX - *n)) > 0)
		*n += (size_t)got;
	close(fd);
	fitting = data ? realloc(data, *n + 1) : NULL;
	return fitting ? fitting : data;
}

/* Bytes of the block behind a header, whose times have `wide` bytes. */
static size_t block_size(const unsigned char *header, size_t wide)
{
	return (size_t)big_32(header + 32) * (wide + 1) + (size_t)big_32(header + 36) * 6 +
	       big_32(header + 40) + (size_t)big_32(header + 28) * (wide + 4) +
	       big_32(header + 24) + big_32(header + 20);
}

static bool header_is_sound(const unsigned char *p, size_t n)
{
	if (n < ZONE_HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	for (size_t at = 20; at < ZONE_HEADER; at += 4)
		if (big_32(p + at) > 8192)
			return false;
	return true;
}

/* The zone's file, which stays with the cache; NULL: there is none. With the lock held. */
static const unsigned char *zone_find(struct askd_text zone, size_t *n)
{
	unsigned char *data;
	size_t place;

	for (size_t i = 0; i < ZONES_KEPT && zones.kept[i].data; i++)
		if (text_is(zone, zones.kept[i].name)) {
			*n = zones.kept[i].n;
			return zones.kept[i].data;
		}
	data = zone_read(zone, n);
	if (!data || !header_is_sound(data, *n)) {
		free(data);
		return NULL;
	}
	place = zones.next++ % ZONES_KEPT;
	free(zones.kept[place].data);
	zones.kept[place].data = data;
	zones.kept[place].n = *n;
	snprintf(
	        zones.kept[place].name, sizeof zones.kept[place].name, "%.*s", (int)zone.n, zone.s);
	return data;
}

/* The offset at that time, out of a file with a sound header. */
static bool offset_at(const unsigned char *p, size_t n, int64_t at_s, int64_t *offset_s)
{
	size_t wide = 4, first = ZONE_HEADER + block_size(p, 4), times, types, type = 0;

	if (p[4] >= '2' && first < n && header_is_sound(p + first, n - first)) {
		p += first;
		n -= first;
		wide = 8;
	}
	times = big_32(p + 32);
	types = big_32(p + 36);
	if (!types || ZONE_HEADER + block_size(p, wide) > n)
		return false;
	p += ZONE_HEADER;
	for (size_t i = 0; i < times; i++) {
		int64_t begins = wide == 8 ? big_64(p + i * 8) : (int32_t)big_32(p + i * 4);

		if (begins > at_s)
			break;
		type = p[times * wide + i];
	}
	if (type >= types)
		return false;
	*offset_s = (int32_t)big_32(p + times * (wide + 1) + type * 6);
	return true;
}

bool prompt_zone_offset(struct askd_text zone, int64_t at_s, int64_t *offset_s)
{
	const unsigned char *data;
	size_t n = 0;
	bool found;

	if (!zone.s || !zone_name_is_sound(zone))
		return false;
	pthread_mutex_lock(&zones.lock);
	data = zone_find(zone, &n);
	found = data && offset_at(data, n, at_s, offset_s);
	pthread_mutex_unlock(&zones.lock);
	return found;
}

static bool day_of(int64_t now_us, struct askd_text zone, struct tm *tm)
{
	int64_t seconds = now_us / 1000000, offset = 0;
	time_t local;

	if (prompt_zone_offset(zone, seconds, &offset))
		seconds += offset;
	local = (time_t)seconds;
	return gmtime_r(&local, tm) != NULL;
}

/* strftime's names are English here: no room sets a locale. */
void prompt_add_today(struct buffer *b, int64_t now_us, struct askd_text zone)
{
	char day[48];
	struct tm tm;

	if (day_of(now_us, zone, &tm) && strftime(day, sizeof day, "%A %Y-%m-%d", &tm))
		buffer_add_string(b, day);
}

struct askd_text prompt_today(struct arena *a, int64_t now_us, struct askd_text zone)
{
	char day[48];
	struct tm tm;

	if (!day_of(now_us, zone, &tm) || !strftime(day, sizeof day, "%Y-%m-%d", &tm))
		day[0] = 0;
	return arena_text(a, askd_text_of(day));
}
