/* template_name: a mailer that puts each message into a folder, one file each. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <askd/mailer.h>

struct template_name {
	const char *folder;
};

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "folder",
                .help = "where the messages go; it must exist",
                .max = 3000,
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct template_name, folder)},
        {.name = NULL},
};
ASKD_LOUD

/* The message under its id. The same id again overwrites itself: sending twice does no harm. */
ASKD_DEFINE(template_name_send, askd_mail, askd_outgone)
{
	const struct template_name *mine = (const struct template_name *)self;
	char path[4096], block[16384];
	uint64_t at = 0;
	int fd, rc = ASKD_OK;

	if (!in->message || !in->id.n || in->id.n > 200 || strchr(in->id.s, '/') ||
	        in->id.s[0] == '.')
		return askd_fail(
		        reterr, ASKD_E_INVALID, "a mail needs a message and an id without '/'");
	snprintf(path, sizeof path, "%s/%s.eml", mine->folder, in->id.s);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return askd_fail(reterr, ASKD_E_IO, "%s: %s", path, strerror(errno));
	while (at < in->message->length) {
		ssize_t n = pread(in->message->fd, block, sizeof block, (off_t)at);

		if (n <= 0 || write(fd, block, (size_t)n) != n) {
			rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", path,
			        n ? strerror(errno) : "cut short");
			break;
		}
		at += (uint64_t)n;
	}
	if (close(fd) && !rc)
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", path, strerror(errno));
	if (rc)
		unlink(path);
	else
		out->message = askd_copy(call, in->id.s, in->id.n);
	return rc;
}

ASKD_MAKE(static const struct askd_mailer_iface, iface, .send = template_name_send);

ASKD_PLUGIN(.kind = ASKD_KIND_MAILER, .name = "template_name", .version = "0.1.0",
        .summary = "puts mail into a folder", .license = "MIT", .options = options,
        .instance_size = sizeof(struct template_name), .flags = ASKD_CONCURRENT, .iface = &iface);
