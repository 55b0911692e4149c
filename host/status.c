/* status.c: `askd status`: what runs, and how it is. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "daemon_inside.h"
#include "run/listen.h"
#include "store/backup.h"
#include "verbs.h"

#ifndef ASKD_VERSION
#error "the build defines ASKD_VERSION"
#endif

enum { LIMIT_MS = 10 * 1000, DAY_S = 86400, TRY_MS = 1000, TRY_ALL_US = 4 * 1000 * 1000 };

/* ---- where the state is ---- */

static void add_address(void *arg, const char *name)
{
	json_array_append_new(arg, json_string(name));
}

struct databases {
	const struct call_scope *scope;
	json_t *list;
	int64_t until_us;
};

static void add_database(void *arg, const struct query_pool *pool)
{
	struct databases *databases = arg;
	struct askd_error error = {0};
	const char *status = "not asked";
	int32_t rc = ASKD_OK;

	if (clock_monotonic_us() < databases->until_us) {
		rc = query_try(pool->instance, databases->scope, TRY_MS, &error);
		status = rc ? "failed" : "ok";
	}
	json_array_append_new(databases->list,
	        json_pack("{s:s,s:s,s:s?,s:{s:I,s:I,s:I}}", "name", pool->name, "status", status,
	                "reason", rc ? error.message : NULL, "connections", "busy",
	                (json_int_t)(pool->open - pool->idle), "idle", (json_int_t)pool->idle,
	                "max", (json_int_t)pool->max));
}

static void add_engine(void *arg, const struct plan_engine *engine)
{
	json_array_append_new(arg, json_pack("{s:s,s:s,s:i,s:I}", "name", engine->name, "status",
	                                   engine->left_out_ms ? "left out"
	                                   : engine->failures  ? "failing"
	                                                       : "ok",
	                                   "failures", (int)engine->failures, "again_in_ms",
	                                   (json_int_t)engine->left_out_ms));
}

/* Sums of today, by UTC as costs are. */
static json_t *today(struct store *store, struct askd_error *reterr)
{
	int64_t day = clock_now_us() / 1000000 / DAY_S;
	struct store_rows turns, costs;
	json_t *object = NULL;
	struct arena a;

	arena_init(&a, 0);
	if (!store_read(store, STORE_MANAGER, &a, NULL,
	            ASKD_LITERAL(
	                    "select count(*), sum(case when kind = $1 or status = 'lost' then 1 "
	                    "else 0 end) from turns where id >= $2"),
	            STORE_PARAMS(store_int(ASKD_TURN_ERROR),
	                    store_int((int64_t)id_first_of(day * DAY_S * 1000))),
	            1, &turns, reterr) &&
	        !store_read(store, STORE_COSTS, &a, NULL,
	                ASKD_LITERAL("select sum(calls), sum(input + output), sum(cost_pico), "
	                             "sum(unknown) from model_usage where day = $1"),
	                STORE_PARAMS(store_int(day)), 1, &costs, reterr))
		object = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "questions",
		        (json_int_t)store_cell_int(&turns, 0, 0), "errors",
		        (json_int_t)store_cell_int(&turns, 0, 1), "calls",
		        (json_int_t)store_cell_int(&costs, 0, 0), "tokens",
		        (json_int_t)store_cell_int(&costs, 0, 1), "cost_pico",
		        (json_int_t)store_cell_int(&costs, 0, 2), "cost_unknown",
		        (json_int_t)store_cell_int(&costs, 0, 3));
	arena_finish(&a);
	return object;
}

static json_t *last_backup(struct store *store, struct askd_error *reterr)
{
	struct askd_text text;
	json_t *last = NULL;
	struct arena a;

	arena_init(&a, 0);
	if (!store_backup_last(store, &a, &text, reterr))
		last = text.s ? json_read(text, reterr) : json_null();
	arena_finish(&a);
	return last;
}

static json_t *state_of(const struct config *config)
{
	uint64_t bytes = 0, free_bytes = 0;
	struct statvfs fs;
	struct arena a;

	arena_init(&a, 0);
	for (int db = 0; db < STORE_DATABASE_COUNT; db++) {
		const char *path = store_file(config, (enum store_database)db, &a);
		const char *wal = path ? arena_print(&a, "%s-wal", path) : NULL;
		struct stat st;

		if (path && !stat(path, &st))
			bytes += (uint64_t)st.st_size;
		if (wal && !stat(wal, &st))
			bytes += (uint64_t)st.st_size;
	}
	arena_finish(&a);
	if (statvfs(config->state_dir, &fs)) /* nothing was ever started */
		return json_pack(
		        "{s:s,s:n,s:n}", "folder", config->state_dir, "bytes", "free_bytes");
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return json_pack("{s:s,s:I,s:I}", "folder", config->state_dir, "bytes", (json_int_t)bytes,
	        "free_bytes", (json_int_t)free_bytes);
}

static json_t *look(
        struct daemon *daemon, const struct call_scope *scope, struct askd_error *reterr)
{
	struct generation *generation = generation_hold(NULL);
	struct databases databases = {scope, json_array(), clock_monotonic_us() + TRY_ALL_US};
	struct assistant_load load = assistant_load(daemon->assistant);
	json_t *engines = json_array(), *addresses = json_array(), *status = NULL;
	json_t *sums = today(daemon->rooms.store, reterr), *last = NULL;
	char since[32];

	if (sums)
		last = last_backup(daemon->rooms.store, reterr);
	listen_each(add_address, addresses);
	query_each(generation->query, add_database, &databases);
	plan_engines(generation->plan, add_engine, engines);
	if (sums && last) {
		status = json_pack("{s:b,s:I,s:s,s:I,s:s,s:s?,s:I,s:O,s:O,s:O,s:{s:I,s:I},s:O,s:o,"
		                   "s:O}",
		        "running", daemon->serving, "pid", (json_int_t)getpid(), "version",
		        ASKD_VERSION, "since_us", (json_int_t)daemon->since_us, "since",
		        clock_format(daemon->since_us, since, sizeof since), "configuration",
		        daemon->config->path, "generation",
		        (json_int_t)__atomic_load_n(&daemon->reloads, __ATOMIC_RELAXED) + 1,
		        "addresses", addresses, "databases", databases.list, "engines", engines,
		        "questions", "running", (json_int_t)load.running, "waiting",
		        (json_int_t)load.waiting, "today", sums, "state", state_of(daemon->config),
		        "last_backup", last);
		if (!status)
			askd_fail(reterr, ASKD_E_NOMEM, "no memory to say how it is");
	}
	json_decref(addresses);
	json_decref(databases.list);
	json_decref(engines);
	json_decref(sums);
	json_decref(last);
	generation_drop(generation);
	return status;
}

/* ---- words ---- */

static void add_size(struct buffer *b, int64_t bytes)
{
	static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && unit < 4; unit++)
		value /= 1000;
	buffer_print(b, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_period(struct buffer *b, int64_t us)
{
	int64_t s = us / 1000000;

	if (s >= DAY_S)
		buffer_print(b, "%lld d %lld h", (long long)s / DAY_S, (long long)s % DAY_S / 3600);
	else if (s >= 3600)
		buffer_print(b, "%lld h %lld min", (long long)s / 3600, (long long)s % 3600 / 60);
	else if (s >= 60)
		buffer_print(b, "%lld min", (long long)s / 60);
	else
		buffer_print(b, "%lld s", (long long)s);
}

static void say_parts(struct buffer *b, const json_t *status)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(status, "addresses"), i, one)
	        buffer_print(b, "listens     %s\n", json_string_value(one));
	json_array_foreach(json_object_get(status, "databases"), i, one)
	{
		const json_t *pool = json_object_get(one, "connections");
		const char *reason = json_get_string(one, "reason");

		buffer_print(b,
		        "database    %s: %s%s%s; connections: %lld busy, %lld idle, %lld at "
		        "most\n",
		        json_get_string(one, "name"), json_get_string(one, "status"),
		        reason ? ": " : "", reason ? reason : "",
		        (long long)json_get_int(pool, "busy", 0),
		        (long long)json_get_int(pool, "idle", 0),
		        (long long)json_get_int(pool, "max", 0));
	}
	json_array_foreach(json_object_get(status, "engines"), i, one)
	{
		int64_t failures = json_get_int(one, "failures", 0);
		int64_t again_ms = json_get_int(one, "again_in_ms", 0);

		buffer_print(b, "engine      %s: %s", json_get_string(one, "name"),
		        json_get_string(one, "status"));
		if (failures)
			buffer_print(b, ", failed %lld times in a row", (long long)failures);
		if (again_ms)
			buffer_print(b, ", tried again in %lld s", (long long)again_ms / 1000 + 1);
		buffer_add_string(b, "\n");
	}
}

static void say_backup(struct buffer *b, const json_t *last)
{
	int64_t at_us = json_get_int(last, "at_us", 0);
	char at[32];

	if (at_us)
		buffer_print(b, "last backup %s, %s\n", clock_format(at_us, at, sizeof at),
		        json_get_string(last, "where"));
	else
		buffer_add_string(b, "last backup none: askd backup FILE\n");
}

static void say_all(struct buffer *b, const json_t *status)
{
	const json_t *work = json_object_get(status, "questions");
	const json_t *sums = json_object_get(status, "today");
	const json_t *state = json_object_get(status, "state");
	const char *path = json_get_string(status, "configuration");
	int64_t unknown = json_get_int(sums, "cost_unknown", 0);

	buffer_print(b, "askd %s runs as process %lld, since %s (",
	        json_get_string(status, "version"), (long long)json_get_int(status, "pid", 0),
	        json_get_string(status, "since"));
	add_period(b, clock_now_us() - json_get_int(status, "since_us", 0));
	buffer_print(b, ")\nconfigured  by %s", path ? path : "its defaults");
	if (json_get_int(status, "generation", 1) > 1)
		buffer_print(b, ", taken up %lld times",
		        (long long)json_get_int(status, "generation", 1));
	buffer_add_string(b, "\n");
	say_parts(b, status);
	buffer_print(b, "now         %lld questions run, %lld wait\n",
	        (long long)json_get_int(work, "running", 0),
	        (long long)json_get_int(work, "waiting", 0));
	buffer_print(b, "today       %lld questions, %lld errors, $%.4f",
	        (long long)json_get_int(sums, "questions", 0),
	        (long long)json_get_int(sums, "errors", 0),
	        (double)json_get_int(sums, "cost_pico", 0) / 1e12);
	if (unknown)
		buffer_print(b, " and %lld calls of unknown cost", (long long)unknown);
	buffer_print(b, " (since 00:00 UTC)\nstate       %s: ", json_get_string(state, "folder"));
	add_size(b, json_get_int(state, "bytes", 0));
	buffer_add_string(b, ", ");
	add_size(b, json_get_int(state, "free_bytes", 0));
	buffer_add_string(b, " free on its disk\n");
	say_backup(b, json_object_get(status, "last_backup"));
}

static bool write_all(int fd, const struct buffer *b)
{
	size_t done = 0;

	while (!b->failed && done < b->n) {
		ssize_t put = write(fd, b->s + done, b->n - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return !b->failed;
}

int status_serve(struct daemon *daemon, const struct call_scope *scope, int argc, char **argv,
        int out, int err)
{
	struct askd_error error = {0};
	json_t *status = look(daemon, scope, &error);
	struct buffer b;
	bool ok;

	if (!status) {
		dprintf(err, "askd status: %s\n", error.message);
		return STATUS_UNKNOWN;
	}
	buffer_init(&b, 0);
	if (argc > 1 && !strcmp(argv[1], "--json")) {
		json_add(&b, status);
		buffer_add_string(&b, "\n");
	} else if (daemon->serving) {
		say_all(&b, status);
	} else {
		buffer_print(&b,
		        "askd is not running; the state is held by a command, process %lld, until "
		        "it ends\n",
		        (long long)getpid());
	}
	ok = write_all(out, &b);
	buffer_finish(&b);
	json_decref(status);
	return !ok ? STATUS_UNKNOWN : daemon->serving ? 0 : STATUS_NOT_RUNNING;
}

/* ---- the command ---- */

/* Nobody is there. */
static int tell_stopped(const struct config *config, bool json, const struct askd_error *fault)
{
	json_t *status = json_pack("{s:b,s:o}", "running", false, "state", state_of(config));
	struct buffer b;

	buffer_init(&b, 0);
	if (json) {
		json_add(&b, status);
		buffer_add_string(&b, "\n");
	} else {
		const json_t *state = json_object_get(status, "state");

		buffer_print(&b, "askd is not running on %s (", config->state_dir);
		if (json_is_integer(json_object_get(state, "bytes"))) {
			add_size(&b, json_get_int(state, "bytes", 0));
			buffer_add_string(&b, ", ");
			add_size(&b, json_get_int(state, "free_bytes", 0));
			buffer_add_string(&b, " free on its disk)\n");
		} else {
			buffer_add_string(&b, "which is not there yet)\n");
		}
		buffer_print(&b,
		        "Start it with: askd run%s%s\n"
		        "or, where it is installed as a service: systemctl start askd\n",
		        config->path ? " -c " : "", config->path ? config->path : "");
	}
	if (fault->code)
		fprintf(stderr,
		        "askd: the configuration has a fault, with which it would not start: "
		        "%s\n",
		        fault->message);
	fflush(stdout);
	write_all(STDOUT_FILENO, &b);
	buffer_finish(&b);
	json_decref(status);
	return STATUS_NOT_RUNNING;
}

static void give_up(int signal)
{
	static const char said[] =
	        "askd: the daemon runs but does not say how it is: restart it, and "
	        "keep its log\n";

	(void)signal;
	if (write(STDERR_FILENO, said, sizeof said - 1) < 0)
		_exit(STATUS_UNKNOWN);
	_exit(STATUS_UNKNOWN);
}

/* A daemon that hangs must not make those hang that watch it. */
static bool set_limit(int64_t ms)
{
	const struct itimerval limit = {.it_value = {ms / 1000, ms % 1000 * 1000}};

	return signal(SIGALRM, give_up) != SIG_ERR && !setitimer(ITIMER_REAL, &limit, NULL);
}

static void copy(int from, int to)
{
	struct buffer b;
	char piece[4096];
	off_t at = 0;
	ssize_t n;

	buffer_init(&b, 0);
	for (; (n = pread(from, piece, sizeof piece, at)) > 0; at += n)
		buffer_add(&b, piece, (size_t)n);
	write_all(to, &b);
	buffer_finish(&b);
}

static int ask(const struct arguments *args, bool json, int64_t limit_ms)
{
	char *words[] = {(char *)(args->config ? args->config : ""), (char *)"/", (char *)"status",
	        (char *)"--json", NULL};
	/* Not the caller's own: a daemon that hangs would keep them open. */
	const int fds[3] = {-1, memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)};
	struct askd_error fault = {0}, error = {0};
	struct config *config;
	int status = STATUS_UNKNOWN;

	/* The daemon that runs has its own configuration: a fault in the file is no reason not to
	 * ask it. */
	config = config_read(args->config, &fault);
	if (!config)
		config = config_read_faulty(args->config);
	if (!config || fds[1] < 0 || fds[2] < 0 || !set_limit(limit_ms)) {
		fprintf(stderr, "askd: %s\n", config ? strerror(errno) : fault.message);
		config_destroy(config);
		return STATUS_UNKNOWN;
	}
	switch (local_client_run_on(config->state_dir, json ? 4 : 3, words, fds, &status, &error)) {
	case ASKD_OK:
		copy(fds[1], STDOUT_FILENO);
		copy(fds[2], STDERR_FILENO);
		break;
	case ASKD_E_NOT_FOUND:
		status = tell_stopped(config, json, &fault);
		break;
	default:
		fprintf(stderr, "askd: %s\n", error.message);
		status = STATUS_UNKNOWN;
	}
	config_destroy(config);
	return status;
}

int command_status(const struct arguments *args)
{
	static const char *const options[] = {"--json", "--timeout", NULL};
	int64_t limit_ms = LIMIT_MS;
	bool json = false;

	for (int i = 1; i < args->count; i++) {
		if (!strcmp(args->words[i], "--json"))
			json = true;
		else if (strcmp(args->words[i], "--timeout") != 0)
			return arguments_unexpected(args, args->words[i], options), STATUS_UNKNOWN;
		else if (!arguments_timeout(args, &i, &limit_ms))
			return STATUS_UNKNOWN;
	}
	return ask(args, json, limit_ms);
}
