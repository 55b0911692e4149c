/* init.c: `askd init`: from nothing to a configuration that works, in five questions. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "init.h"
#include "run/http.h"
#include "run/listen.h"
#include "run/metrics.h"
#include "store/store.h"
#include "verbs.h"

/* Written beside and linked into place: never over anything. 0, or an errno value. */
static int write_new(const char *path, const char *text, size_t n, mode_t mode)
{
	char fresh[PATH_MAX];
	int fd, e = 0;

	if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
		return ENAMETOOLONG;
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return errno;
	if (fchmod(fd, mode))
		e = errno;
	else if (write(fd, text, n) != (ssize_t)n)
		e = ENOSPC;
	else if (fsync(fd))
		e = errno;
	if (close(fd) && !e)
		e = errno;
	if (!e && link(fresh, path))
		e = errno;
	unlink(fresh);
	return e;
}

/* A configuration that is there keeps its name with the time behind it. */
static bool put_aside(struct init *init)
{
	char kept[PATH_MAX], at[32];
	time_t now = (time_t)(clock_now_us() / 1000000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(at, sizeof at, "%Y%m%dT%H%M%SZ", &tm);
	snprintf(kept, sizeof kept, "%s.before-init-%s", init->file, at);
	if (rename(init->file, kept)) {
		fprintf(stderr, "askd init: %s: %s\n", init->file, strerror(errno));
		return false;
	}
	printf("what was in %s is now in %s\n", init->file, kept);
	return true;
}

static int32_t good_replace(struct init *init, const char *answer, struct askd_error *reterr)
{
	(void)init;
	return strcmp(answer, "yes") && strcmp(answer, "no")
	               ? askd_fail(reterr, ASKD_E_INVALID, "expected yes or no")
	               : ASKD_OK;
}

/* May the file be written? */
static bool check_place(struct init *init)
{
	struct stat st;
	const char *answer;

	if (lstat(init->file, &st))
		return true;
	if (!S_ISREG(st.st_mode) || !init->force) {
		fprintf(stderr,
		        "askd init: found %s, %s %lld bytes, and changed nothing: name another "
		        "file%s\n",
		        init->file, S_ISREG(st.st_mode) ? "a file of" : "which is no file, of",
		        (long long)st.st_size,
		        S_ISREG(st.st_mode) ? ", or add --force, which keeps it under another name"
		                            : "");
		return false;
	}
	if (init->yes)
		return true;
	answer = init_ask(init, "There is a configuration already. Replace it? yes or no", "no",
	        good_replace);
	return answer && !strcmp(answer, "yes");
}

static bool write_files(struct init *init)
{
	const char *slash = strrchr(init->file, '/');
	char path[PATH_MAX] = "";
	struct stat st;
	int e = 0;

	if (init->secret_name) {
		snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - init->file + 1) : 0,
		        init->file, init->secret_name);
		e = write_new(path, init->secret_text, strlen(init->secret_text), 0600);
		if (e) {
			fprintf(stderr,
			        "askd init: %s cannot be made: %s; nothing was changed. Name a "
			        "variable "
			        "for the secret instead, or move that file away\n",
			        path, strerror(e));
			return false;
		}
	}
	if (!lstat(init->file, &st) && !put_aside(init))
		e = EEXIST;
	if (!e)
		e = write_new(init->file, init->yaml.s, init->yaml.n, init->secret ? 0600 : 0644);
	if (!e) {
		init->secret_path = *path ? arena_string(&init->arena, path) : NULL;
		printf("\nwrote %s%s%s\n", init->file, *path ? ", and the secret into " : "", path);
		return true;
	}
	if (*path)
		unlink(path);
	fprintf(stderr, "askd init: %s cannot be written: %s\n", init->file, strerror(e));
	return false;
}

/* Root sets up a service: its user must be able to read what root owns. */
static int share(const char *path, gid_t group)
{
	return path && (chown(path, 0, group) || chmod(path, 0640));
}

/* As `askd check`, and then the state with its key. */
static int finish(struct init *init)
{
	struct askd_error error = {0};
	struct config *config;
	struct store *store;
	struct stat st;
	int status = 1;

	/* The file is what is checked, not the environment of this moment. */
	if (init->missing)
		setenv(init->missing, "not-set-yet", 0);
	config = config_read(init->file, &error);
	if (!config || daemon_would_open(config, &error)) {
		fprintf(stderr, "askd check: %s\n", error.message);
		goto out;
	}
	printf("askd check: %s: fine\n", init->file);
	if (init->missing)
		printf("%s is not set here: set it before the next command\n", init->missing);
	status = 0;
	if (!geteuid() && !stat(config->state_dir, &st) && st.st_uid) {
		if (share(init->file, st.st_gid) || share(init->secret_path, st.st_gid)) {
			fprintf(stderr, "askd init: %s: %s\n", init->file, strerror(errno));
			status = 1;
		}
		printf("The master key is made with the first start, by the user who owns "
		       "%s:\nkeep a "
		       "copy of master.key then.\n",
		        config->state_dir);
		goto out;
	}
	store = store_open(config, &error);
	if (store)
		printf("The master key is %s/master.key. Without it nobody can open what will be "
		       "stored:\nkeep a copy of it in another place.\n",
		        config->state_dir);
	else
		fprintf(stderr, "askd init: %s\n", error.message);
	status = !store;
	store_close(store);
	if (!status)
		printf("\nNext:\n  askd chat -c %s\n  askd run -c %s\n", init->file, init->file);
out:
	config_destroy(config);
	return status;
}

static int run(struct init *init)
{
	struct buffer rest;
	int status = 1;

	if (!check_place(init))
		return 1;
	buffer_print(&init->yaml,
	        "# Written by askd init. All else has defaults: docs/configuration.md lists every "
	        "option.\n"
	        "# After a change: askd check -c %s\n\n",
	        init->file);
	buffer_init(&rest, 0);
	/* The section `askd` is asked for last, and gets what the web needs. */
	if (init_database(init) && init_engine(init)) {
		struct buffer first = init->yaml;
		bool web;

		buffer_init(&init->yaml, 0);
		web = init_web(init);
		rest = init->yaml;
		init->yaml = first;
		if (web && init_zone(init)) {
			buffer_add_text(&init->yaml, buffer_text(&rest));
			if (init->yaml.failed || rest.failed)
				fprintf(stderr, "askd init: no memory\n");
			else
				status = write_files(init) ? finish(init) : 1;
		}
	}
	buffer_finish(&rest);
	return status;
}

static bool read_words(const struct arguments *args, struct init *init)
{
	static const char *const options[] = {"--yes", "--force", "--database", NULL};

	init->file = args->config;
	for (int i = 1; i < args->count; i++) {
		const char *word = args->words[i];

		if (!strcmp(word, "--yes"))
			init->yes = true;
		else if (!strcmp(word, "--force"))
			init->force = true;
		else if (!strcmp(word, "--database") && i + 1 < args->count)
			init->database = args->words[++i];
		else if (*word == '-' || init->file)
			return arguments_unexpected(args, word, options), false;
		else
			init->file = word;
	}
	if (!init->file)
		init->file = "askd.yaml";
	return true;
}

int command_init(const struct arguments *args)
{
	struct init init = {.terminal = isatty(STDIN_FILENO)};
	struct askd_error error = {0};
	int status = 1;

	if (!read_words(args, &init))
		return 1;
	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	arena_init(&init.arena, 0);
	buffer_init(&init.yaml, 0);
	init.defaults = config_read_string(init.file, "", &error);
	if (!init.defaults || daemon_offer(&error)) {
		fprintf(stderr, "askd: %s\n", error.message);
	} else {
		status = run(&init);
		http_stop();
		listen_stop();
		metrics_stop();
	}
	config_destroy(init.defaults);
	buffer_finish(&init.yaml);
	arena_finish(&init.arena);
	return status;
}
