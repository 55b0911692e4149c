/* restore.c: unpacks an archive of the state, checks it, and puts it into place.
 *
 * The unpacked files stand in state_dir/restore.new. A small file, state_dir/restore.ready, is the
 * decision: before it nothing of the state has changed, after it every opening of the state first
 * moves what is still to be moved. Each file that is replaced is renamed, then its successor comes;
 * a file that has no successor left in restore.new is in place already. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/tar.h"
#include "base/testpoint.h"
#include "store/backup.h"
#include "store/backup_private.h"

#define READY "restore.ready"
#define SUFFIX ".before-restore-"

enum { PIECE = 1 << 16, SUFFIX_MAX = 64 };

struct restore {
	const struct config *config;
	struct config staged;
	struct arena arena;
	struct backup_manifest manifest;
	int lock;
	char folder[STORE_PATH + 32];
	char suffix[SUFFIX_MAX];
};

/* ---- the key ---- */

static int32_t copy_file(const char *from, const char *to, struct askd_error *reterr)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out =
	        in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
	struct tar_writer writer = {.fd = out};
	char piece[PIECE];
	ssize_t got = -1;
	bool ok = out >= 0;

	while (ok && (got = read(in, piece, sizeof piece)) > 0) {
		tar_put(&writer, piece, (size_t)got);
		ok = !writer.error;
	}
	ok = ok && !got && !fsync(out);
	if (writer.error)
		errno = writer.error;
	if (!ok)
		askd_fail(reterr, ASKD_E_IO, "%s cannot be copied to %s: %s", from, to,
		        strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) && ok) {
		ok = false;
		askd_fail(reterr, ASKD_E_IO, "%s: %s", to, strerror(errno));
	}
	crypto_wipe(piece, sizeof piece);
	return ok ? ASKD_OK : ASKD_E_IO;
}

/* The key that the restored state will be opened with must be the one of the archive. */
static int32_t check_key(struct restore *r, struct askd_error *reterr)
{
	const struct backup_manifest *m = &r->manifest;
	const char *folder = m->with_key ? r->folder : r->config->state_dir;
	unsigned char key[CRYPTO_KEY], check[CRYPTO_KEY], mac_key[CRYPTO_KEY], mac[CRYPTO_HASH];
	char from[STORE_PATH + 48], to[STORE_PATH + 48];
	struct askd_error err = {0};
	int32_t rc = key_find(r->config, folder, key, &err);

	if (rc == ASKD_E_NOT_FOUND) {
		rc = askd_fail(reterr, ASKD_E_CONFIG,
		        "the master key is not in the backup and not in %s: put its copy there as "
		        "master.key (mode 600, owned by the user that runs askd), then restore "
		        "again",
		        r->config->state_dir);
	} else if (rc) {
		error_copy(reterr, &err);
	} else if (!key_check_of(key, check) || !key_backup_of(key, mac_key) ||
	           !crypto_hmac(mac_key, sizeof mac_key, m->text.s, (size_t)m->text.n, mac)) {
		rc = askd_fail(reterr, ASKD_E_INTERNAL, "keys cannot be derived");
	} else if (!crypto_equal(check, m->key_check, CRYPTO_KEY)) {
		rc = askd_fail(reterr, ASKD_E_CONFIG,
		        "the master key (%s) is not the one of this backup, whose contents nobody "
		        "could open with it: put the right key there, then restore again",
		        r->config->master_key ? "security.master_key"
		        : m->with_key         ? "in the backup"
		                              : "master.key in state_dir");
	} else if (!crypto_equal(mac, m->mac, CRYPTO_HASH)) {
		rc = askd_fail(reterr, ASKD_E_PROTOCOL,
		        "somebody without the master key has changed it: take another backup");
	} else if (!m->with_key && !r->config->master_key) {
		snprintf(from, sizeof from, "%s/master.key", r->config->state_dir);
		snprintf(to, sizeof to, "%s/master.key", r->folder);
		rc = copy_file(from, to, reterr);
	}
	crypto_wipe(key, sizeof key);
	crypto_wipe(mac_key, sizeof mac_key);
	return rc;
}

/* ---- into place ---- */

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static void folder_of(const char *path, char folder[STORE_PATH])
{
	const char *slash = strrchr(path, '/');

	snprintf(folder, STORE_PATH, "%.*s", slash ? (int)(slash - path + (slash == path)) : 1,
	        slash ? path : ".");
}

static bool flush_folder_of(const char *path)
{
	char folder[STORE_PATH];
	bool ok;
	int fd;

	folder_of(path, folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && !fsync(fd);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* true: there was nothing, or it is out of the way. */
static bool put_aside(const char *path, const char *end, const char *suffix)
{
	char from[STORE_PATH + 64], to[STORE_PATH + 128];

	snprintf(from, sizeof from, "%s%s", path, end);
	snprintf(to, sizeof to, "%s%s%s", path, suffix, end);
	return !rename(from, to) || errno == ENOENT;
}

static bool same_content(const char *a, const char *b)
{
	char left[4096], right[4096];
	int one = open(a, O_RDONLY | O_CLOEXEC), other = open(b, O_RDONLY | O_CLOEXEC);
	ssize_t n = one >= 0 ? read(one, left, sizeof left) : -1;
	ssize_t m = other >= 0 ? read(other, right, sizeof right) : -1;
	bool same = n >= 0 && n == m && n < (ssize_t)sizeof left && !memcmp(left, right, (size_t)n);

	if (one >= 0)
		close(one);
	if (other >= 0)
		close(other);
	crypto_wipe(left, sizeof left);
	crypto_wipe(right, sizeof right);
	return same;
}

static int32_t move_in(const char *from, const char *to, struct askd_error *reterr)
{
	char fresh[STORE_PATH + 64];

	if (!rename(from, to))
		return ASKD_OK;
	if (errno != EXDEV)
		return askd_fail(reterr, ASKD_E_IO, "%s cannot be moved to %s: %s", from, to,
		        strerror(errno));
	snprintf(fresh, sizeof fresh, "%s.new", to);
	unlink(fresh);
	if (copy_file(from, fresh, reterr))
		return ASKD_E_IO;
	if (rename(fresh, to) || unlink(from))
		return askd_fail(reterr, ASKD_E_IO, "%s: %s", to, strerror(errno));
	return ASKD_OK;
}

static int32_t replace(const char *folder, const char *name, const char *target, const char *suffix,
        struct askd_error *reterr)
{
	char from[STORE_PATH + 64];
	int32_t rc;

	snprintf(from, sizeof from, "%s/%s", folder, name);
	if (!exists(from))
		return ASKD_OK;
	if (!strcmp(name, "master.key") && same_content(from, target)) {
		unlink(from);
		return ASKD_OK;
	}
	if (!put_aside(target, "-wal", suffix) || !put_aside(target, "-shm", suffix) ||
	        !put_aside(target, "", suffix))
		return askd_fail(
		        reterr, ASKD_E_IO, "%s cannot be renamed: %s", target, strerror(errno));
	TESTPOINT("restore_aside");
	rc = move_in(from, target, reterr);
	if (!rc && !flush_folder_of(target))
		rc = askd_fail(reterr, ASKD_E_IO, "the folder of %s: %s", target, strerror(errno));
	TESTPOINT("restore_moved");
	return rc;
}

int32_t restore_go_on(const struct config *config, struct askd_error *reterr)
{
	char ready[STORE_PATH + 32], folder[STORE_PATH + 32], key[STORE_PATH + 32];
	char suffix[SUFFIX_MAX] = "";
	struct arena a;
	const char *path;
	ssize_t n = -1;
	int32_t rc = ASKD_OK;
	int fd;

	snprintf(ready, sizeof ready, "%s/" READY, config->state_dir);
	snprintf(folder, sizeof folder, "%s/" BACKUP_FOLDER, config->state_dir);
	backup_clean(folder);
	snprintf(folder, sizeof folder, "%s/" RESTORE_FOLDER, config->state_dir);
	fd = open(ready, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		backup_clean(folder);
		return ASKD_OK;
	}
	if (fd >= 0) {
		n = read(fd, suffix, sizeof suffix - 1);
		close(fd);
	}
	if (n <= 0 || strncmp(suffix, SUFFIX, strlen(SUFFIX)) != 0 || strchr(suffix, '/'))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "%s cannot be read: a restore was interrupted; restore once more with "
		        "--force",
		        ready);
	arena_init(&a, 0);
	for (int db = 0; !rc && db < STORE_DATABASE_COUNT; db++) {
		path = store_file(config, (enum store_database)db, &a);
		if (path)
			rc = replace(folder, db == STORE_MANAGER ? "manager.db" : "costs.db", path,
			        suffix, reterr);
	}
	snprintf(key, sizeof key, "%s/master.key", config->state_dir);
	if (!rc)
		rc = replace(folder, "master.key", key, suffix, reterr);
	if (!rc && (unlink(ready) || !flush_folder_of(ready)))
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", ready, strerror(errno));
	if (!rc)
		backup_clean(folder);
	arena_finish(&a);
	return rc;
}

/* ---- the whole way ---- */

static int32_t stage(struct restore *r, struct askd_error *reterr)
{
	struct config *staged = &r->staged;

	*staged = *r->config;
	staged->state_dir = r->folder;
	staged->manager.node = store_options(&r->arena, r->config->manager.node, "manager.db");
	staged->costs.node = store_options(&r->arena, r->config->costs.node, "costs.db");
	return r->arena.full ? askd_fail(reterr, ASKD_E_NOMEM, "no memory to restore") : ASKD_OK;
}

static int32_t check_place(struct restore *r, bool force, struct askd_error *reterr)
{
	char folder[STORE_PATH];

	for (int db = 0; db < STORE_DATABASE_COUNT; db++) {
		const char *path = store_file(r->config, (enum store_database)db, &r->arena);

		if (!path)
			return askd_fail(reterr, ASKD_E_UNSUPPORTED,
			        "store.%s is kept by a server, not in a file: restore it with that "
			        "server's own tool",
			        db == STORE_MANAGER ? "manager" : "costs");
		folder_of(path, folder);
		if (strcmp(folder, r->config->state_dir) != 0 && access(folder, W_OK | X_OK))
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "%s: %s: make it, then restore again", folder, strerror(errno));
		if (!force && exists(path))
			return askd_fail(reterr, ASKD_E_CONFLICT,
			        "there is a state already (%s): with --force the backup takes its "
			        "place, and what is there is kept beside it under another name",
			        path);
	}
	return ASKD_OK;
}

int32_t restore_begin(struct restore **restore, const struct config *config, int fd, bool force,
        struct askd_error *reterr)
{
	struct restore *r = calloc(1, sizeof *r);
	char ready[STORE_PATH + 32];
	int32_t rc;

	if (!r)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to restore");
	r->config = config;
	r->lock = -1;
	arena_init(&r->arena, 0);
	rc = state_lock(config->state_dir, &r->lock, reterr);
	if (rc)
		goto fail;
	if (force) {
		/* Another one that stopped half way, and cannot go on, gives way to this one. */
		snprintf(ready, sizeof ready, "%s/" READY, config->state_dir);
		if (restore_go_on(config, NULL))
			unlink(ready);
	} else {
		rc = restore_go_on(config, reterr);
	}
	snprintf(r->folder, sizeof r->folder, "%s/" RESTORE_FOLDER, config->state_dir);
	backup_clean(r->folder);
	if (!rc)
		rc = check_place(r, force, reterr);
	if (!rc && mkdir(r->folder, 0700))
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", r->folder, strerror(errno));
	if (!rc)
		rc = backup_read(fd, r->folder, &r->arena, &r->manifest, reterr);
	if (!rc)
		rc = check_key(r, reterr);
	if (!rc)
		rc = stage(r, reterr);
	if (rc)
		goto fail;
	*restore = r;
	return ASKD_OK;
fail:
	restore_finish(r);
	return rc;
}

const struct backup_manifest *restore_manifest(const struct restore *restore)
{
	return &restore->manifest;
}

const struct config *restore_config(const struct restore *restore)
{
	return &restore->staged;
}

/* What the unpacked state's last opening left beside its databases would not come along. */
static int32_t flush(const struct restore *r, struct askd_error *reterr)
{
	static const char *const names[] = {"manager.db", "costs.db"};
	char path[STORE_PATH + 64];
	struct stat st;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int fd;

		snprintf(path, sizeof path, "%s/%s-wal", r->folder, names[i]);
		if (!stat(path, &st) && st.st_size)
			return askd_fail(reterr, ASKD_E_INTERNAL, "%s is still in use", path);
		snprintf(path, sizeof path, "%s/%s", r->folder, names[i]);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || fsync(fd)) {
			askd_fail(reterr, ASKD_E_IO, "%s: %s", path, strerror(errno));
			if (fd >= 0)
				close(fd);
			return ASKD_E_IO;
		}
		close(fd);
	}
	if (!flush_folder_of(path))
		return askd_fail(reterr, ASKD_E_IO, "%s: %s", r->folder, strerror(errno));
	return ASKD_OK;
}

int32_t restore_commit(struct restore *r, const char **suffix, struct askd_error *reterr)
{
	char ready[STORE_PATH + 32], fresh[STORE_PATH + 48];
	time_t now = (time_t)(clock_now_us() / 1000000);
	struct tm tm;
	bool ok;
	int fd;
	int32_t rc = flush(r, reterr);

	if (rc)
		return rc;
	gmtime_r(&now, &tm);
	strftime(r->suffix, sizeof r->suffix, SUFFIX "%Y%m%dT%H%M%SZ", &tm);
	snprintf(ready, sizeof ready, "%s/" READY, r->config->state_dir);
	snprintf(fresh, sizeof fresh, "%s.new", ready);
	unlink(fresh);
	TESTPOINT("restore_checked");
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, r->suffix, strlen(r->suffix)) == (ssize_t)strlen(r->suffix) &&
	     !fsync(fd);
	if (fd >= 0 && close(fd))
		ok = false;
	if (!ok || rename(fresh, ready) || !flush_folder_of(ready))
		return askd_fail(
		        reterr, ASKD_E_IO, "%s cannot be made: %s", ready, strerror(errno));
	TESTPOINT("restore_decided");
	*suffix = r->suffix;
	return restore_go_on(r->config, reterr);
}

void restore_finish(struct restore *r)
{
	char ready[STORE_PATH + 32];

	if (!r)
		return;
	/* What is decided but could not be ended goes on at the next start. */
	snprintf(ready, sizeof ready, "%s/" READY, r->config->state_dir);
	if (r->lock >= 0 && *r->folder && !exists(ready))
		backup_clean(r->folder);
	if (r->lock >= 0)
		close(r->lock);
	arena_finish(&r->arena);
	free(r);
}
