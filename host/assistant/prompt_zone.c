/* prompt_zone.c: the day that a person lives in, out of the system's zone files (RFC 8536). libc's
 * own functions know only the one zone of the process. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "assistant/prompt_parts.h"

enum { ZONE_FILE_MAX = 64 * 1024, ZONE_HEADER = 44 };

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
	if (!zone.n || zone.n > 64 || zone.s[0] == '/')
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
	unsigned char *data;
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
	return data;
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

bool prompt_zone_offset(struct askd_text zone, int64_t at_s, int64_t *offset_s)
{
	size_t n = 0, wide = 4, first, times, types, type = 0;
	unsigned char *data, *p;
	bool found = false;

	if (!zone.s || !zone_name_is_sound(zone))
		return false;
	data = zone_read(zone, &n);
	p = data;
	if (!data || !header_is_sound(p, n))
		goto out;
	first = ZONE_HEADER + block_size(p, 4);
	if (p[4] >= '2' && first < n && header_is_sound(p + first, n - first)) {
		p += first;
		n -= first;
		wide = 8;
	}
	times = big_32(p + 32);
	types = big_32(p + 36);
	if (!types || ZONE_HEADER + block_size(p, wide) > n)
		goto out;
	p += ZONE_HEADER;
	for (size_t i = 0; i < times; i++) {
		int64_t begins = wide == 8 ? big_64(p + i * 8) : (int32_t)big_32(p + i * 4);

		if (begins > at_s)
			break;
		type = p[times * wide + i];
	}
	if (type >= types)
		goto out;
	*offset_s = (int32_t)big_32(p + times * (wide + 1) + type * 6);
	found = true;
out:
	free(data);
	return found;
}

void prompt_add_today(struct buffer *b, int64_t now_us, struct askd_text zone)
{
	int64_t seconds = now_us / 1000000, offset = 0;
	char day[48];
	time_t local;
	struct tm tm;

	if (prompt_zone_offset(zone, seconds, &offset))
		seconds += offset;
	local = (time_t)seconds;
	/* strftime's names are English here: no room sets a locale. */
	if (gmtime_r(&local, &tm) && strftime(day, sizeof day, "%A %Y-%m-%d", &tm))
		buffer_add_string(b, day);
}
