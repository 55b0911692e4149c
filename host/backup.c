/* backup.c: `askd backup` and `askd restore`.
 *
 * The file is made, verified and named by the command, with the rights of whoever calls it; the
 * process that holds the state only writes the archive into it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/testpoint.h"
#include "daemon_inside.h"
#include "store/audit.h"
#include "store/backup.h"
#include "verbs.h"

#ifndef ASKD_VERSION
#error "the build defines ASKD_VERSION"
#endif

/* "1.2 MB" */
static const char *size_text(uint64_t bytes, char out[32])
{
	if (bytes < 10000)
		snprintf(out, 32, "%llu bytes", (unsigned long long)bytes);
	else if (bytes < 1000000)
		snprintf(out, 32, "%.1f KB", (double)bytes / 1e3);
	else
		snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
	return out;
}

/* ---- where the state is ---- */

int backup_serve(struct daemon *daemon, const struct call_scope *scope, int argc, char **argv,
        int out, int err)
{
	struct backup_wish wish = {.scope = scope, .version = ASKD_VERSION, .out = out};
	struct askd_error error = {0};
	int64_t bytes = 0;
	int32_t rc;

	if (argc == 4 && !strcmp(argv[1], "--made") && text_to_int(argv[3], &bytes)) {
		rc = store_backup_made(
		        daemon->rooms.store, scope, argv[2], (uint64_t)bytes, &error);
	} else {
		for (int i = 1; i < argc; i++) {
			wish.with_key = wish.with_key || !strcmp(argv[i], "--with-key");
			wish.with_config = wish.with_config || !strcmp(argv[i], "--with-config");
		}
		rc = store_backup(daemon->rooms.store, &wish, &error);
	}
	if (rc)
		dprintf(err, "askd backup: %s\n", error.message);
	return rc != ASKD_OK;
}

/* ---- askd backup ---- */

struct backup_arguments {
	const char *file;
	bool with_key, with_config;
};

static bool read_backup_arguments(const struct arguments *args, struct backup_arguments *wish)
{
	static const char *const options[] = {"--with-key", "--with-config", NULL};

	for (int i = 1; i < args->count; i++) {
		const char *word = args->words[i];

		if (!strcmp(word, "--with-key"))
			wish->with_key = true;
		else if (!strcmp(word, "--with-config"))
			wish->with_config = true;
		else if ((*word == '-' && word[1]) || wish->file)
			return arguments_unexpected(args, word, options), false;
		else
			wish->file = word;
	}
	if (!wish->file)
		fprintf(stderr, "askd backup: name the file to make, as in: askd backup "
		                "askd-backup.tar\n");
	return wish->file;
}

/* The archive's text goes where standard output goes meanwhile. */
static int fill(const struct arguments *args, const struct config *config,
        const struct backup_arguments *wish, int fd)
{
	const char *const words[] = {"backup", "--stream",
	        wish->with_key ? "--with-key" : "--stream",
	        wish->with_config ? "--with-config" : "--stream", NULL};
	int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), status = 1;

	fflush(stdout);
	if (kept < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		fprintf(stderr, "askd backup: %s\n", strerror(errno));
	} else {
		status = state_command(config, args->config, 4, words);
		if (dup2(kept, STDOUT_FILENO) < 0)
			status = 1;
	}
	if (kept >= 0)
		close(kept);
	return status;
}

/* FILE.new, empty and ours alone; -1: it was said why. */
static int open_new(const char *file, const char *fresh)
{
	struct stat ours, there;
	int fd;

	if (!stat(file, &there) && S_ISDIR(there.st_mode)) {
		fprintf(stderr, "askd backup: %s is a folder: name a file in it\n", file);
		return -1;
	}
	fd = open(fresh, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "askd backup: %s cannot be made: %s\n", fresh, strerror(errno));
		return -1;
	}
	/* Whoever was a moment faster has renamed the file that we have just opened. */
	if (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &ours) || stat(fresh, &there) ||
	        ours.st_ino != there.st_ino || ours.st_dev != there.st_dev) {
		fprintf(stderr, "askd backup: another backup is writing %s: wait for its end\n",
		        file);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) || fchmod(fd, 0600)) {
		fprintf(stderr, "askd backup: %s: %s\n", fresh, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static bool flush_folder(const char *file)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(file, '/');
	bool ok;
	int fd;

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - file + 1) : 1,
	        slash ? file : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && !fsync(fd);
	if (fd >= 0)
		close(fd);
	return ok;
}

static void tell_key(const struct config *config, bool with_key, FILE *out)
{
	char where[PATH_MAX];

	snprintf(where, sizeof where, "%s/master.key", config->state_dir);
	if (with_key)
		fprintf(out, "The master key is in it: whoever can read this file can read every "
		             "conversation.\nKeep it as safe as the key itself.\n");
	else
		fprintf(out,
		        "The master key is not in it, and without the key nobody can open what was "
		        "said.\nThe key is %s: keep a copy of it in another place than this "
		        "file.\n",
		        config->master_key ? "security.master_key of the configuration" : where);
}

static void tell_backup(const struct config *config, const char *file, uint64_t bytes,
        const struct backup_manifest *m)
{
	char size[32];

	printf("%s: %s, verified\n", file, size_text(bytes, size));
	for (const struct backup_file *f = m->files; f; f = f->next)
		if (f->rows)
			printf("  %s: %llu rows\n", f->name, (unsigned long long)f->rows);
	printf("  audit: %llu rows, none was changed, removed or added\n",
	        (unsigned long long)m->audit_rows);
	tell_key(config, m->with_key, stdout);
	if (m->with_config)
		printf("The configuration is in it, but not what it takes from other files or from "
		       "the environment.\n");
}

static int tell_made(
        const struct arguments *args, const struct config *config, const char *file, uint64_t bytes)
{
	char where[PATH_MAX], number[24];
	const char *const words[] = {"backup", "--made", where, number, NULL};

	if (!realpath(file, where))
		snprintf(where, sizeof where, "%s", file);
	snprintf(number, sizeof number, "%llu", (unsigned long long)bytes);
	return state_command(config, args->config, 4, words);
}

static int to_file(const struct arguments *args, const struct config *config,
        const struct backup_arguments *wish)
{
	struct backup_manifest manifest;
	struct askd_error error = {0};
	char fresh[PATH_MAX];
	struct arena arena;
	struct stat st;
	int fd, status = 1;

	if (snprintf(fresh, sizeof fresh, "%s.new", wish->file) >= (int)sizeof fresh) {
		fprintf(stderr, "askd backup: the name of the file is too long\n");
		return 1;
	}
	fd = open_new(wish->file, fresh);
	if (fd < 0)
		return 1;
	arena_init(&arena, 0);
	if (fill(args, config, wish, fd))
		goto out;
	TESTPOINT("backup_written");
	/* Read again what stands on the disk. */
	if (fsync(fd) || fstat(fd, &st) || lseek(fd, 0, SEEK_SET) < 0)
		fprintf(stderr, "askd backup: %s: %s\n", fresh, strerror(errno));
	else if (backup_read(fd, NULL, &arena, &manifest, &error))
		fprintf(stderr, "askd backup: %s: %s\n", fresh, error.message);
	else if (rename(fresh, wish->file) || !flush_folder(wish->file))
		fprintf(stderr, "askd backup: %s: %s\n", wish->file, strerror(errno));
	else
		status = 0;
	if (!status) {
		tell_backup(config, wish->file, (uint64_t)st.st_size, &manifest);
		tell_made(args, config, wish->file, (uint64_t)st.st_size);
	}
out:
	if (status)
		unlink(fresh);
	close(fd);
	arena_finish(&arena);
	return status;
}

static int to_output(const struct arguments *args, const struct config *config,
        const struct backup_arguments *wish)
{
	int status;

	if (isatty(STDOUT_FILENO)) {
		fprintf(stderr, "askd backup: '-' writes the archive to standard output: send it "
		                "into a file or another program\n");
		return 1;
	}
	status = fill(args, config, wish, STDOUT_FILENO);
	if (!status) {
		tell_key(config, wish->with_key, stderr);
		tell_made(args, config, "(standard output)", 0);
	}
	return status;
}

int command_backup(const struct arguments *args)
{
	struct backup_arguments wish = {0};
	struct config *config;
	int status;

	if (!read_backup_arguments(args, &wish) || !(config = arguments_config_or_daemon(args)))
		return 1;
	status = strcmp(wish.file, "-") ? to_file(args, config, &wish)
	                                : to_output(args, config, &wish);
	config_destroy(config);
	return status;
}

/* ---- askd restore ---- */

/* Opens the unpacked state with this program and this configuration, as the next start will:
 * what is older is brought up to date there, what is newer or damaged is refused. */
static int32_t try_state(const struct restore *restore, uint64_t *questions, uint64_t *answers,
        struct askd_error *reterr)
{
	const struct backup_manifest *m = restore_manifest(restore);
	struct daemon *daemon = daemon_open(restore_config(restore), false, reterr);
	char details[200];
	int32_t rc;

	if (!daemon)
		return reterr->code ? reterr->code : ASKD_E_CONFIG;
	snprintf(details, sizeof details, "{\"made\":\"%.40s\",\"version\":\"%.40s\"}", m->made,
	        m->version);
	rc = store_check_structure(daemon->rooms.store, reterr);
	if (!rc)
		rc = audit_verify(daemon->rooms.store, NULL, reterr);
	if (!rc)
		rc = assistant_forget_waiting(daemon->assistant, questions, answers, reterr);
	if (!rc)
		rc = audit_write(daemon->rooms.store,
		        &(struct audit_entry){
		                .action = "state.restored", .subject = "state", .details = details},
		        reterr);
	daemon_close(daemon);
	return rc;
}

static void tell_restored(const struct config *config, const struct backup_manifest *m,
        const char *suffix, uint64_t questions, uint64_t answers)
{
	char aside[PATH_MAX];

	printf("restored %s from the backup of %s (askd %s)\n", config->state_dir, m->made,
	        m->version);
	snprintf(aside, sizeof aside, "%s/manager.db%s", config->state_dir, suffix);
	if (!access(aside, F_OK))
		printf("What was there is kept beside it, as *%s: delete it when you are "
		       "content.\n",
		        suffix);
	if (questions || answers)
		printf("When the backup was made, %llu questions and %llu messages were under way. "
		       "They "
		       "are closed\nand not sent again: most have reached their persons since.\n",
		        (unsigned long long)questions, (unsigned long long)answers);
	if (m->with_config)
		printf("The configuration in the backup was not put back: tar xf FILE "
		       "askd-backup/config\n");
	printf("What happened after %s is gone, new API keys and revocations too: check `askd key "
	       "list`.\n",
	        m->made);
}

/* Root puts back the state of a service: what is made must belong to the user of the service, as
 * the folder does. The file is open already, and the configuration read. */
static bool become_owner(const char *state_dir)
{
	struct stat st;

	if (geteuid() || stat(state_dir, &st) || !st.st_uid)
		return true;
	if (!setgroups(0, NULL) && !setgid(st.st_gid) && !setuid(st.st_uid))
		return true;
	fprintf(stderr, "askd restore: cannot work as the owner of %s: %s\n", state_dir,
	        strerror(errno));
	return false;
}

static int restore_file(const struct config *config, const char *file, bool force)
{
	struct restore *restore = NULL;
	struct askd_error error = {0};
	uint64_t questions = 0, answers = 0;
	const char *suffix = "";
	int fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	int32_t rc;

	if (fd < 0) {
		fprintf(stderr, "askd restore: %s cannot be read: %s\n", file, strerror(errno));
		return 1;
	}
	if (!become_owner(config->state_dir)) {
		close(fd);
		return 1;
	}
	rc = restore_begin(&restore, config, fd, force, &error);
	if (rc && rc != ASKD_E_CONFLICT)
		error_prefix(&error, "%s", file);
	if (!rc && (rc = try_state(restore, &questions, &answers, &error)))
		error_prefix(&error, "%s cannot be used here, nothing was changed", file);
	if (!rc)
		rc = restore_commit(restore, &suffix, &error);
	if (rc)
		fprintf(stderr, "askd restore: %s\n", error.message);
	else
		tell_restored(config, restore_manifest(restore), suffix, questions, answers);
	restore_finish(restore);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc != ASKD_OK;
}

int command_restore(const struct arguments *args)
{
	static const char *const options[] = {"--force", NULL};
	const char *file = NULL;
	struct config *config;
	bool force = false;
	int status;

	for (int i = 1; i < args->count; i++) {
		const char *word = args->words[i];

		if (!strcmp(word, "--force"))
			force = true;
		else if ((*word == '-' && word[1]) || file)
			return arguments_unexpected(args, word, options);
		else
			file = word;
	}
	if (!file) {
		fprintf(stderr, "askd restore: name the backup, as in: askd restore "
		                "askd-backup.tar\n");
		return 1;
	}
	config = arguments_config(args);
	if (!config)
		return 1;
	status = restore_file(config, file, force);
	config_destroy(config);
	return status;
}
