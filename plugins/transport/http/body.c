/* body.c: the body of a request: in memory while it is short, then in a file without a name. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "http.h"

static int file_open(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int fd, n;

	if (!folder || !*folder)
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	n = snprintf(path, sizeof path, "%s/askd-body-XXXXXX", folder);
	if (n < 0 || (size_t)n >= sizeof path)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool file_write(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t written = write(fd, data, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		n -= (size_t)written;
	}
	return true;
}

static bool memory_take(struct http_request *request, const char *data, size_t n)
{
	size_t length = (size_t)request->length, capacity = request->body_capacity;

	if (length + n > capacity) {
		char *body;

		capacity = capacity ? capacity : request->head->sized ? length + n : 1024;
		while (capacity < length + n)
			capacity *= 2;
		if (request->head->sized && request->head->announced <= HTTP_BODY_MEMORY)
			capacity = (size_t)request->head->announced;
		body = realloc(request->body, capacity);
		if (!body)
			return false;
		request->body = body;
		request->body_capacity = capacity;
	}
	memcpy(request->body + length, data, n);
	return true;
}

unsigned int body_take(struct http_request *request, const char *data, size_t n)
{
	bool taken;

	if (n > request->max_body || request->length > request->max_body - n)
		return 413;
	if (request->body_fd < 0 && request->length + n > HTTP_BODY_MEMORY) {
		request->body_fd = file_open();
		if (request->body_fd < 0 ||
		        !file_write(request->body_fd, request->body, (size_t)request->length))
			return 503;
		free(request->body);
		request->body = NULL;
		request->body_capacity = 0;
	}
	taken = request->body_fd >= 0 ? file_write(request->body_fd, data, n)
	                              : memory_take(request, data, n);
	if (!taken)
		return 503;
	request->length += n;
	return 0;
}

void body_message(struct http_request *request, struct askd_file *file)
{
	struct askd_web_request *message = &request->head->message;

	if (request->body_fd >= 0) {
		file->fd = request->body_fd;
		file->length = request->length;
		file->name = ASKD_LITERAL("body");
		file->mime = head_find(request->head, "content-type");
		if (!file->mime.s)
			file->mime = ASKD_LITERAL("application/octet-stream");
		message->file = file;
	} else if (request->length) {
		message->body = (struct askd_bytes){request->body, request->length};
	}
}

void body_release(struct http_request *request)
{
	free(request->body);
	request->body = NULL;
	request->body_capacity = 0;
	if (request->body_fd >= 0)
		close(request->body_fd);
	request->body_fd = -1;
}
