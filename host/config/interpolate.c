/* interpolate.c: ${VAR}, ${VAR:default}, ${file:PATH}. */
#include "config/interpolate.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum { SECRET_FILE_MAX = 65536, VALUE_MAX = 1 << 20 };

int file_read_bytes(struct arena *a, const char *path, size_t max, struct askd_text *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct buffer b;
	char part[8192];
	ssize_t got = 0;

	if (fd < 0)
		return errno;
	buffer_init(&b, 0);
	while (b.n <= max && (got = read(fd, part, sizeof part)) != 0) {
		if (got > 0)
			buffer_add(&b, part, (size_t)got);
		else if (errno != EINTR)
			break;
	}
	if (got < 0 && b.n <= max)
		rc = errno;
	else if (b.n > max)
		rc = EFBIG;
	else if (b.failed)
		rc = ENOMEM;
	if (!rc) {
		char *copy = arena_copy(a, b.s ? b.s : "", b.n);

		if (copy)
			*text = (struct askd_text){copy, b.n};
		else
			rc = ENOMEM;
	}
	buffer_finish(&b);
	close(fd);
	return rc;
}

int file_read(struct arena *a, const char *path, size_t max, struct askd_text *text)
{
	struct askd_text read_text;
	int rc = file_read_bytes(a, path, max, &read_text);

	if (!rc && !text_is_valid(read_text.s, read_text.n))
		rc = EILSEQ;
	if (!rc)
		*text = read_text;
	return rc;
}

const char *file_relative(struct arena *a, const char *from, const char *path)
{
	const char *slash = from ? strrchr(from, '/') : NULL;

	if (*path == '/' || !slash)
		return arena_string(a, path);
	return arena_print(a, "%.*s/%s", (int)(slash - from), from, path);
}

static bool is_name(const char *s, size_t n)
{
	if (!n || isdigit((unsigned char)*s))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

static _Thread_local bool forgiving;

void interpolate_forgive(bool forgive)
{
	forgiving = forgive;
}

static int32_t add_file(struct arena *a, struct buffer *b, struct yaml_node *node, const char *name,
        struct askd_error *reterr)
{
	const char *path = file_relative(a, node->place.file, name);
	struct askd_text text = {NULL, 0};
	int rc = path ? file_read(a, path, SECRET_FILE_MAX, &text) : ENOMEM;

	if (rc && forgiving)
		return ASKD_OK;
	if (rc == EFBIG)
		return yaml_fail(reterr, node,
		        "found ${file:%.150s}, which has more than %d bytes, expected a short text",
		        name, SECRET_FILE_MAX);
	if (rc == EILSEQ)
		return yaml_fail(reterr, node,
		        "found ${file:%.150s}, which is not valid UTF-8, expected a text", name);
	if (rc)
		return yaml_fail(reterr, node,
		        "found ${file:%.150s}, expected a file that can be read: %s", name,
		        strerror(rc));
	if (text.n && text.s[text.n - 1] == '\n')
		text.n--;
	if (text.n && text.s[text.n - 1] == '\r')
		text.n--;
	buffer_add(b, text.s, text.n);
	node->secret = true;
	((char *)text.s)[text.n] = 0;
	log_hide(text.s);
	return ASKD_OK;
}

static int32_t add_variable(struct buffer *b, struct yaml_node *node, const char *name,
        const char *otherwise, struct askd_error *reterr)
{
	const char *value = getenv(name);

	/* An empty variable is as good as none where there is a default. */
	if (otherwise && (!value || !*value)) {
		buffer_add_string(b, otherwise);
		return ASKD_OK;
	}
	if (!value && forgiving)
		return ASKD_OK;
	if (!value)
		return yaml_fail(reterr, node,
		        "found ${%.80s}, expected a variable that is set: set %.80s in the "
		        "environment, or give a default as in ${%.80s:default}",
		        name, name, name);
	if (!text_is_valid(value, strlen(value)))
		return yaml_fail(reterr, node,
		        "found ${%.80s}, whose value is not valid UTF-8, expected a text", name);
	buffer_add_string(b, value);
	node->secret = true;
	if (yaml_is_secret_name(name))
		log_hide(value);
	return ASKD_OK;
}

int32_t interpolate(struct arena *a, struct yaml_node *node, struct askd_error *reterr)
{
	const char *s = node->text, *open;
	int32_t rc = ASKD_OK;
	struct buffer b;

	if (!strstr(s, "${"))
		return ASKD_OK;
	buffer_init(&b, VALUE_MAX);
	while (!rc && (open = strstr(s, "${"))) {
		const char *end = strchr(open, '}'), *colon;
		char *name;

		if (open > s && open[-1] == '$') { /* "$${" is a literal "${" */
			buffer_add(&b, s, (size_t)(open - s));
			buffer_add_string(&b, "{");
			s = open + 2;
			continue;
		}
		buffer_add(&b, s, (size_t)(open - s));
		name = end ? arena_copy(a, open + 2, (size_t)(end - open - 2)) : NULL;
		if (!end) {
			rc = yaml_fail(reterr, node,
			        "found '${' without its '}', expected ${VAR}, ${VAR:default} or "
			        "${file:PATH}; a literal '${' is written '$${'");
		} else if (!name) {
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the configuration");
		} else if (!strncmp(name, "file:", 5) && name[5]) {
			rc = add_file(a, &b, node, name + 5, reterr);
		} else {
			colon = strchr(name, ':');
			if (colon)
				name[colon - name] = 0;
			if (!is_name(name, strlen(name)) || (colon && strcmp(name, "file") == 0))
				rc = yaml_fail(reterr, node,
				        "found '${%.80s%s', expected ${VAR}, ${VAR:default} or "
				        "${file:PATH}; a literal '${' is written '$${'",
				        name, colon ? ":...}" : "}");
			else
				rc = add_variable(&b, node, name, colon ? colon + 1 : NULL, reterr);
		}
		s = end ? end + 1 : s;
	}
	if (!rc) {
		buffer_add_string(&b, s);
		node->text = b.failed ? NULL : arena_copy(a, b.s ? b.s : "", b.n);
		if (!node->text)
			rc = yaml_fail(reterr, node,
			        "found more than %d bytes after interpolation, expected less",
			        VALUE_MAX);
	}
	buffer_finish(&b);
	return rc;
}
