#include "chat_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 16 << 20, MODE = 0600, FOLDER_MODE = 0700 };

bool history_path(char *path, size_t size)
{
	const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
	int n;

	if (!home || home[0] != '/')
		return false;
	n = state && state[0] == '/' ? snprintf(path, size, "%s/askd/history", state)
	                             : snprintf(path, size, "%s/.local/state/askd/history", home);
	return n > 0 && (size_t)n < size;
}

static void make_folders(const char *path)
{
	char folder[4096];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
		if (mkdir(folder, FOLDER_MODE) && errno != EEXIST)
			return;
	}
}

/* A file of this person's that nobody else reads. -1: it is none, or cannot be opened. */
static int open_own(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, MODE);
	struct stat s;

	if (fd >= 0 && (fstat(fd, &s) || !S_ISREG(s.st_mode) || s.st_uid != geteuid() ||
	                       ((s.st_mode & 077) && fchmod(fd, MODE)))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(fd, s, n);

		if (done < 0 && errno != EINTR)
			return false;
		s += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return true;
}

/* The whole file; NULL: there is none that counts. */
static char *read_file(const char *path, size_t *n)
{
	int fd = open_own(path, O_RDONLY);
	struct stat s;
	char *text = NULL;

	*n = 0;
	if (fd >= 0 && !fstat(fd, &s) && s.st_size <= FILE_BYTES)
		text = malloc((size_t)s.st_size + 1);
	while (text && *n < (size_t)s.st_size) {
		ssize_t got = read(fd, text + *n, (size_t)s.st_size - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*n += (size_t)got;
	}
	if (text)
		text[*n] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}

/* Puts the last entries in the place of all, at once. */
static void shorten(const char *path, const char *last, size_t n)
{
	char draft[4096];
	int fd, length = snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid());

	if (length < 0 || (size_t)length >= sizeof draft)
		return;
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	if (fd < 0)
		return;
	if (!write_all(fd, last, n) || rename(draft, path))
		unlink(draft);
	close(fd);
}

void history_read(const char *path, void (*take)(void *arg, const char *entry), void *arg)
{
	size_t n, lines = 0;
	char *text = read_file(path, &n), *start = text, *rest = NULL;

	if (!text)
		return;
	for (size_t i = 0; i < n; i++) {
		text[i] = text[i] ? text[i] : ' ';
		lines += text[i] == '\n';
	}
	for (size_t skip = lines > HISTORY_ENTRIES ? lines - HISTORY_ENTRIES : 0; skip; skip--)
		start = strchr(start, '\n') + 1;
	if (lines > HISTORY_ENTRIES)
		shorten(path, start, n - (size_t)(start - text));
	for (char *line = strtok_r(start, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take(arg, line);
	free(text);
}

bool history_add(const char *path, const char *entry)
{
	size_t n = strlen(entry);
	char *line = malloc(n + 1);
	bool good;
	int fd;

	if (!line)
		return false;
	memcpy(line, entry, n);
	line[n] = '\n';
	fd = open_own(path, O_WRONLY | O_APPEND | O_CREAT);
	if (fd < 0 && errno == ENOENT) {
		make_folders(path);
		fd = open_own(path, O_WRONLY | O_APPEND | O_CREAT);
	}
	good = fd >= 0 && write_all(fd, line, n + 1);
	if (fd >= 0)
		close(fd);
	free(line);
	return good;
}
