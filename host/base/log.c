/* log.c: lines for operators. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

enum { MESSAGE_MAX = 16384, SECRET_MIN = 6, EXCERPT_CHARACTERS = 50 };

static _Atomic uint32_t log_level = ASKD_LOG_INFO;
static _Atomic int log_form = LOG_FORMAT_TEXT;

/* Longest first, so that a secret inside another does not break it up. Never freed. */
static pthread_rwlock_t secrets_lock = PTHREAD_RWLOCK_INITIALIZER;
static char **secrets;
static size_t secrets_count;

static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool to_file;
static char *file_path;
static int file_fd = -1;

void log_init(uint32_t level, enum log_format format)
{
	atomic_store(&log_level, level);
	atomic_store(&log_form, (int)format);
}

bool log_wants(uint32_t level)
{
	return level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_hide(const char *secret)
{
	size_t n = secret ? strlen(secret) : 0, at = 0;
	char **grown, *copy = NULL;

	if (n < SECRET_MIN)
		return;
	pthread_rwlock_wrlock(&secrets_lock);
	for (size_t i = 0; i < secrets_count; i++)
		if (!strcmp(secrets[i], secret))
			goto out;
	copy = strdup(secret);
	grown = copy ? realloc(secrets, (secrets_count + 1) * sizeof *secrets) : NULL;
	if (!grown) {
		/* A daemon that would print its secrets must not go on. */
		fprintf(stderr, "askd: no memory to keep a secret out of the log\n");
		abort();
	}
	secrets = grown;
	while (at < secrets_count && strlen(secrets[at]) >= n)
		at++;
	memmove(secrets + at + 1, secrets + at, (secrets_count - at) * sizeof *secrets);
	secrets[at] = copy;
	secrets_count++;
out:
	pthread_rwlock_unlock(&secrets_lock);
}

/* Replaces each registered secret; the replacement is never longer. */
static void redact(char *s, size_t *n)
{
	pthread_rwlock_rdlock(&secrets_lock);
	for (size_t i = 0; i < secrets_count; i++) {
		size_t secret_n = strlen(secrets[i]);
		char *from = s, *found;

		while ((found = memmem(from, *n - (size_t)(from - s), secrets[i], secret_n))) {
			char *rest = found + secret_n;

			memcpy(found, "***", 3);
			memmove(found + 3, rest, (size_t)(s + *n - rest) + 1);
			*n -= secret_n - 3;
			from = found + 3;
		}
	}
	pthread_rwlock_unlock(&secrets_lock);
}

/* Valid UTF-8 goes through, other bytes become \xNN; in text, so do control characters. */
static void sanitise(struct buffer *b, const char *s, size_t n, bool controls)
{
	while (n) {
		size_t length = text_character(s, n);
		unsigned char c = (unsigned char)*s;

		if (controls && (c == '\n' || c == '\t')) {
			buffer_add_string(b, c == '\n' ? "\\n" : "\\t");
			length = 1;
		} else if (!length || (controls && (c < 0x20 || c == 0x7f))) {
			buffer_print(b, "\\x%02x", c);
			length = 1;
		} else if (controls && c == 0xc2 && (unsigned char)s[1] < 0xa0) {
			buffer_print(b, "\\u%04x", (unsigned char)s[1]); /* C1 controls */
		} else {
			buffer_add(b, s, length);
		}
		s += length;
		n -= length;
	}
}

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

int32_t log_to_file(const char *path, struct askd_error *reterr)
{
	char *copy = path ? strdup(path) : NULL;
	int fd = copy ? open_file(path) : -1;

	if (path && !copy)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the log");
	if (path && fd < 0) {
		free(copy);
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "the log %s cannot be opened (%s): make its folder and give it to the user "
		        "that runs askd, or leave askd.log.file out",
		        path, strerror(errno));
	}
	pthread_mutex_lock(&file_lock);
	if (file_fd >= 0)
		close(file_fd);
	free(file_path);
	file_path = copy;
	file_fd = fd;
	atomic_store(&to_file, path != NULL);
	pthread_mutex_unlock(&file_lock);
	return ASKD_OK;
}

/* Goes on in a new file where the old one was moved away or removed; in the old one where no new
 * one can be made. */
static void follow_file(void)
{
	struct stat named, held;
	int fd;

	if (!stat(file_path, &named) && !fstat(file_fd, &held) && named.st_ino == held.st_ino &&
	        named.st_dev == held.st_dev)
		return;
	fd = open_file(file_path);
	if (fd < 0)
		return;
	close(file_fd);
	file_fd = fd;
}

static bool write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t wrote = write(fd, s, n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		s += wrote;
		n -= (size_t)wrote;
	}
	return true;
}

static void write_line(const char *s, size_t n)
{
	bool written = false;

	if (atomic_load(&to_file)) {
		pthread_mutex_lock(&file_lock);
		if (file_fd >= 0) {
			follow_file();
			written = write_all(file_fd, s, n);
		}
		pthread_mutex_unlock(&file_lock);
	}
	if (!written)
		write_all(STDERR_FILENO, s, n); /* where that fails there is nobody to tell */
}

static void format_line(struct buffer *line, const char *level, const char *room, uint64_t id,
        const struct buffer *message)
{
	char at[32];
	size_t at_n;
	struct buffer clean;

	clock_format(clock_now_us(), at, sizeof at);
	at_n = strlen(at);
	if (at_n == 27) { /* milliseconds are enough for a person */
		at[23] = 'Z';
		at[24] = 0;
	}
	if (atomic_load_explicit(&log_form, memory_order_relaxed) == LOG_FORMAT_TEXT) {
		buffer_print(line, "%s %s %s ", at, level, room);
		if (id)
			buffer_print(line, "#%llu ", (unsigned long long)id);
		sanitise(line, message->s, message->n, true);
	} else {
		buffer_init(&clean, 0);
		sanitise(&clean, message->s, message->n, false);
		buffer_print(line, "{\"at\":\"%s\",\"level\":\"%s\",\"room\":", at, level);
		json_add_string(line, room, strlen(room));
		if (id)
			buffer_print(line, ",\"id\":\"%llu\"", (unsigned long long)id);
		buffer_add_string(line, ",\"message\":");
		json_add_string(line, clean.s ? clean.s : "", clean.n);
		buffer_add_string(line, "}");
		line->failed |= clean.failed;
		buffer_finish(&clean);
	}
	buffer_add_string(line, "\n");
}

void log_write(uint32_t level, const char *room, uint64_t id, const char *format, ...)
{
	static const char *const levels[] = {"error", "error", "warning", "info", "debug"};
	static const char no_memory[] = "error log no memory for a line of the log\n";
	struct buffer message, line;
	int saved = errno;
	va_list ap, again;
	int n;

	if (!log_wants(level))
		return;
	buffer_init(&message, 0);
	buffer_init(&line, 0);
	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	message.s = n < 0 ? NULL : malloc((size_t)n + 1);
	if (message.s) {
		message.n = (size_t)vsnprintf(message.s, (size_t)n + 1, format, again);
		/* First the secrets, then the cut: half a secret would not be found. */
		redact(message.s, &message.n);
		message.n = text_cut(message.s, message.n, MESSAGE_MAX);
		format_line(&line, levels[level <= ASKD_LOG_DEBUG ? level : ASKD_LOG_DEBUG], room,
		        id, &message);
	} else {
		line.failed = true;
	}
	va_end(again);
	if (line.failed)
		write_line(no_memory, sizeof no_memory - 1);
	else
		write_line(line.s, line.n);
	buffer_finish(&message);
	buffer_finish(&line);
	errno = saved;
}

const char *log_excerpt(struct askd_text text)
{
	static _Thread_local char out[EXCERPT_CHARACTERS * 4 + 1];
	size_t n = 0, left = text.s ? text.n : 0;
	const char *s = text.s;

	for (int i = 0; i < EXCERPT_CHARACTERS && left; i++) {
		size_t length = text_character(s, left);
		unsigned char c = (unsigned char)*s;

		if (!length || c < 0x20 || c == 0x7f) {
			out[n++] = length ? ' ' : '?';
			length = 1;
		} else {
			memcpy(out + n, s, length);
			n += length;
		}
		s += length;
		left -= length;
	}
	out[n] = 0;
	return out;
}
