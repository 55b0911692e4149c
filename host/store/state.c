/* state.c: the folder of the state, and the lock that keeps a second askd out of it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store_private.h"

static int32_t make_folder(const char *path, struct askd_error *reterr)
{
	char part[STORE_PATH];
	size_t n = strlen(path);
	struct stat st;

	if (n >= sizeof part)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "state_dir is longer than %zu bytes: choose a shorter path", sizeof part);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] && part[i] != '/')
			continue;
		part[i] = 0;
		if (mkdir(part, 0700) && errno != EEXIST)
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "state_dir %s cannot be made (%s): make it and give it to the user "
			        "that runs askd, or set askd.state_dir",
			        part, strerror(errno));
		part[i] = path[i];
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "state_dir %s is no folder: set askd.state_dir to one", path);
	if (access(path, R_OK | W_OK | X_OK))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "state_dir %s cannot be written (%s): give it to the user that runs askd",
		        path, strerror(errno));
	if (st.st_mode & 077)
		log_warning("store", 0,
		        "state_dir %s is open to other users (mode %03o): chmod 700 it", path,
		        (unsigned)st.st_mode & 0777);
	return ASKD_OK;
}

/* "askd run" of a process: the program's name and its verb, never more of its arguments. */
static void name_process(long pid, char *out, size_t size)
{
	char path[64], text[256];
	const char *program, *verb;
	ssize_t n;
	int fd;

	out[0] = 0;
	snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof text - 2);
	close(fd);
	if (n <= 0)
		return;
	text[n] = text[n + 1] = 0;
	program = strrchr(text, '/');
	program = program ? program + 1 : text;
	verb = text + strlen(text) + 1;
	snprintf(out, size, " (%s%s%s)", program, *verb && *verb != '-' ? " " : "",
	        *verb != '-' ? verb : "");
}

int32_t store_as_owner(const char *state_dir, struct askd_error *reterr)
{
	const struct passwd *owner;
	struct stat st;

	if (geteuid() || stat(state_dir, &st) || !st.st_uid)
		return ASKD_OK;
	owner = getpwuid(st.st_uid);
	if ((owner ? initgroups(owner->pw_name, owner->pw_gid) : setgroups(0, NULL)) ||
	        setgid(owner ? owner->pw_gid : st.st_gid) || setuid(st.st_uid))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "state_dir %s belongs to user %ld, and root cannot become that user (%s): "
		        "run askd as that user",
		        state_dir, (long)st.st_uid, strerror(errno));
	return ASKD_OK;
}

int32_t state_lock(const char *state_dir, int *fd, struct askd_error *reterr)
{
	char path[STORE_PATH + 16], text[32] = "", who[300];
	int lock = -1, n;
	int32_t rc = store_as_owner(state_dir, reterr);

	if (!rc)
		rc = make_folder(state_dir, reterr);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "%s/askd.lock", state_dir);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return askd_fail(
		        reterr, ASKD_E_CONFIG, "%s cannot be opened: %s", path, strerror(errno));
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		int why = errno;
		ssize_t got = why == EWOULDBLOCK ? read(lock, text, sizeof text - 1) : 0;
		long pid = got > 0 ? strtol(text, NULL, 10) : 0;

		if (why != EWOULDBLOCK) {
			rc = askd_fail(reterr, ASKD_E_CONFIG,
			        "%s cannot be locked (%s): state_dir must be on a local file "
			        "system",
			        path, strerror(why));
		} else {
			name_process(pid, who, sizeof who);
			rc = askd_fail(reterr, ASKD_E_CONFLICT,
			        "state_dir %s is in use by process %ld%s: stop it first, or give "
			        "this one another state_dir",
			        state_dir, pid, who);
		}
		goto out;
	}
	n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(lock, 0) || pwrite(lock, text, (size_t)n, 0) != n) {
		rc = askd_fail(reterr, ASKD_E_IO, "%s cannot be written: %s", path,
		        strerror(errno ? errno : ENOSPC));
		goto out;
	}
	*fd = lock;
	lock = -1;
out:
	if (lock >= 0)
		close(lock);
	return rc;
}
