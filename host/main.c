/* main.c: the command line. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon.h"
#include "plugin/command.h"
#include "run/inherit.h"
#include "run/notify.h"
#include "web/local.h"

enum { MALLOC_ARENAS = 16 };

#ifndef ASKD_VERSION
#error "the build defines ASKD_VERSION"
#endif

static const struct daemon_verb own_verbs[] = {
        {"run", "askd run [-c FILE]", "Runs the daemon in the foreground until SIGTERM."},
        {"check", "askd check [-c FILE]", "Checks the whole configuration; connects to nothing."},
        {"reload", "askd reload [-c FILE]",
                "Has the running daemon take up its changed configuration."},
        {"plugin", "askd plugin list | info KIND/NAME | check FILE.so | new KIND NAME",
                "Shows, judges and makes plugins."},
        {"key", "askd key create NAME | list | revoke NAME | forget-sealed",
                "API keys for programs."},
        {"audit", "askd audit", "Checks that no row of the audit was changed, removed or added."},
        {"version", "askd version", "Prints the version."},
        {"help", "askd help [COMMAND]", "Prints this, or how to use one command."},
        {NULL, NULL, NULL},
};

struct arguments {
	const char *config; /* -c; NULL: not given */
	int count;          /* words that remain: the command and what belongs to it */
	char **words;
};

/* Takes `-c FILE` and `--config FILE` out of argv, wherever they stand before a `--`. */
static bool arguments_read(struct arguments *args, int argc, char **argv)
{
	args->words = calloc((size_t)argc + 1, sizeof *args->words);
	if (!args->words) {
		fprintf(stderr, "askd: no memory\n");
		return false;
	}
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (i < argc)
				args->words[args->count++] = argv[i++];
		} else if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "--config") ||
		           !strncmp(argv[i], "--config=", 9)) {
			const char *file = argv[i][1] == '-' ? strchr(argv[i], '=') : NULL;

			file = file ? file + 1 : argv[++i];
			if (!file || !*file) {
				fprintf(stderr, "askd: -c needs a file, as in: askd run -c "
				                "askd.yaml\n");
				return false;
			}
			if (args->config) {
				fprintf(stderr,
				        "askd: found two configurations, %s and %s, expected one; "
				        "files that are laid over it go into conf.d/ beside it\n",
				        args->config, file);
				return false;
			}
			args->config = file;
		} else {
			args->words[args->count++] = argv[i];
		}
	}
	return true;
}

static const char *user_name(void)
{
	const struct passwd *entry = getpwuid(getuid());

	return entry ? entry->pw_name : "nobody";
}

/* `run`, `check` and `version` stand alone. */
static bool is_alone(const struct arguments *args)
{
	if (args->count == 1)
		return true;
	fprintf(stderr, "askd: '%s' was not expected after '%s'; see: askd help %s\n",
	        args->words[1], args->words[0], args->words[0]);
	return false;
}

static struct config *read_config(const struct arguments *args)
{
	struct askd_error error = {0};
	struct config *config = config_read(args->config, &error);

	if (!config)
		fprintf(stderr, "askd: %s\n", error.message);
	else
		log_init((uint32_t)config->log_level, (enum log_format)config->log_format);
	return config;
}

/* The words of the plugins, read from whatever configuration is in reach; none if there is none. */
static const struct daemon_verb *plugin_verbs(const struct config *config, struct arena *a)
{
	const struct daemon_verb *verbs = NULL;
	struct registry *registry;

	if (daemon_offer(NULL))
		return NULL;
	registry = registry_open(config, NULL);
	if (registry) {
		verbs = daemon_verbs(registry, a);
		registry_close(registry);
	}
	return verbs;
}

static int command_help(const struct arguments *args)
{
	const char *wanted = args->count > 1 ? args->words[1] : NULL;
	struct config *config = config_read(args->config, NULL);
	const struct daemon_verb *lists[2] = {own_verbs, NULL};
	const char *names[64] = {NULL};
	const char *nearest;
	struct arena arena;
	size_t n = 0;
	int status = 0;

	arena_init(&arena, 0);
	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	lists[1] = config ? plugin_verbs(config, &arena) : NULL;
	if (!wanted)
		printf("askd %s: asks your own databases in plain language\n\n", ASKD_VERSION);
	for (size_t l = 0; l < 2; l++)
		for (const struct daemon_verb *v = lists[l]; v && v->name; v++) {
			if (n < 63)
				names[n++] = v->name;
			if (!wanted) {
				printf("  %-10s %s\n", v->name, v->help);
			} else if (!strcmp(v->name, wanted)) {
				printf("%s\n\n%s\n", v->usage, v->help);
				goto out;
			}
		}
	if (!wanted) {
		printf("\nEvery command takes -c FILE, the configuration; without it askd reads\n"
		       "$ASKD_CONFIG or /etc/askd/askd.yaml, and without those works on "
		       "defaults.\n");
		goto out;
	}
	nearest = text_nearest(wanted, names);
	fprintf(stderr, "askd: no command '%s'%s%s%s\n", wanted, nearest ? ", did you mean '" : "",
	        nearest ? nearest : "", nearest ? "'?" : "");
	status = 1;
out:
	arena_finish(&arena);
	config_destroy(config);
	return status;
}

static int command_check(const struct arguments *args)
{
	struct config *config = is_alone(args) ? read_config(args) : NULL;
	struct askd_error error = {0};
	int status = 1;

	if (!config)
		return 1;
	if (daemon_check(config, &error)) {
		fprintf(stderr, "askd: %s\n", error.message);
	} else {
		size_t count = 0;
		for (const struct config_instance *i = config->instances; i; i = i->next)
			count++;
		printf("%s: fine (%zu instances)\n", config->path ? config->path : "defaults",
		        count);
		status = 0;
	}
	config_destroy(config);
	return status;
}

static int command_plugin(const struct arguments *args)
{
	struct config *config = read_config(args);
	int status = 1;

	if (config)
		status = plugin_command(config, args->count - 1, args->words + 1, stdout, stderr);
	config_destroy(config);
	return status;
}

/* SIGTERM and friends reach one thread only, by sigwait; everything else is blocked everywhere. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is a full disk: an error, not a death */
}

enum { STOP_EXTRA_MS = 30 * 1000 }; /* after the drain: for what was canceled to end */

static int command_run(const struct arguments *args)
{
	struct config *config = is_alone(args) ? read_config(args) : NULL;
	struct askd_error error = {0};
	struct daemon *daemon;
	sigset_t signals, waited;
	int64_t drain_ms;
	int got = 0;

	if (!config)
		return 1;
	inherit_start();
	inherit_raise_limit();
	notify_start();
	block_signals(&signals);
	/* What wakes the main thread, and must never end the process. */
	waited = signals;
	sigaddset(&waited, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &waited, NULL);
	daemon = daemon_open(config, true, &error);
	if (!daemon) {
		fprintf(stderr, "askd: %s\n", error.message);
		notify_stop();
		config_destroy(config);
		return 1;
	}
	log_info("main", 0, "askd %s is ready", ASKD_VERSION);
	notify_send("READY=1\nSTATUS=Ready");
	while (!sigwait(&waited, &got) && got != SIGTERM && got != SIGINT)
		daemon_tend(daemon, got == SIGHUP);
	drain_ms = daemon_drain_ms(daemon);
	log_info("main", 0, "stopping: running turns have %lld ms to end", (long long)drain_ms);
	notify_send("STOPPING=1\nSTATUS=Stopping: running turns have %lld ms to end\n"
	            "EXTEND_TIMEOUT_USEC=%lld",
	        (long long)drain_ms, (long long)(drain_ms + STOP_EXTRA_MS) * 1000);
	/* A second signal ends the process at once: what is stored stays, the rest is resumed. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	daemon_close(daemon);
	notify_stop();
	config_destroy(config);
	return 0;
}

/* Where paths of the command line begin. */
static const char *own_folder(void)
{
	static char folder[PATH_MAX];

	return getcwd(folder, sizeof folder) ? folder : "/";
}

/* What the holder of the state must know: the configuration that was named, the folder, the words.
 * NULL: no memory. */
static char **words_for_holder(const struct arguments *args)
{
	char **words = calloc((size_t)args->count + 3, sizeof *words);

	if (!words) {
		fprintf(stderr, "askd: no memory\n");
		return NULL;
	}
	words[0] = (char *)(args->config ? args->config : "");
	words[1] = (char *)own_folder();
	memcpy(words + 2, args->words, (size_t)args->count * sizeof *words);
	return words;
}

/* A verb that runs here whoever holds the state. It takes all these signals itself. */
static int command_client(const struct config *config, const struct config_instance *which,
        const struct arguments *args)
{
	static const int list[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH};
	char identity[160];
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		sigaddset(&signals, list[i]);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	snprintf(identity, sizeof identity, "local:%s", user_name());
	return client_verb_run(config, which, identity, args->config, args->count, args->words,
	        STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
}

enum { HOLDER_TRIES = 250 }; /* five seconds */

struct interrupt {
	sigset_t signals;
	struct cancel *cancel;
	bool done; /* atomic: the command has ended by itself */
};

static void *wait_for_interrupt(void *arg)
{
	struct interrupt *interrupt = arg;
	int got;

	sigwait(&interrupt->signals, &got);
	if (!__atomic_load_n(&interrupt->done, __ATOMIC_ACQUIRE))
		cancel_fire(interrupt->cancel);
	return NULL;
}

/* A command that needs the state: served by the daemon that holds it, else by this process. */
static int command_with_state(const struct arguments *args)
{
	struct config *config = read_config(args);
	const struct config_instance *client =
	        config ? client_verb_find(config, args->words[0]) : NULL;
	struct askd_error error = {0};
	struct daemon *daemon = NULL;
	struct cancel cancel;
	struct interrupt interrupt = {.cancel = &cancel};
	pthread_t thread;
	char **words;
	int status = 1;
	int32_t rc;

	if (!config)
		return 1;
	if (client) {
		status = command_client(config, client, args);
		config_destroy(config);
		return status;
	}
	cancel_init(&cancel);
	words = words_for_holder(args);
	if (!words)
		goto out;
	block_signals(&interrupt.signals);
	/* Several commands at once: the first holds the state and serves the others; one that finds
	 * the holder just coming or going looks again. */
	for (int tries = 0; !daemon; tries++) {
		const struct timespec pause = {0, 20 * 1000 * 1000};

		pthread_sigmask(SIG_UNBLOCK, &interrupt.signals, NULL);
		rc = local_client_run(config->state_dir, args->count + 2, words, &status, &error);
		if (rc == ASKD_OK)
			goto out;
		pthread_sigmask(SIG_BLOCK, &interrupt.signals, NULL);
		if (rc == ASKD_E_NOT_FOUND)
			daemon = daemon_open(config, false, &error);
		if (!daemon && (error.code != ASKD_E_CONFLICT || tries == HOLDER_TRIES)) {
			fprintf(stderr, "askd: %s\n", error.message);
			goto out;
		}
		if (!daemon)
			nanosleep(&pause, NULL);
	}
	if (pthread_create(&thread, NULL, wait_for_interrupt, &interrupt)) {
		fprintf(stderr, "askd: no thread for signals: %s\n", strerror(errno));
		goto out;
	}
	status = daemon_command(daemon,
	        &(struct daemon_caller){.user = user_name(), .folder = own_folder()}, args->count,
	        args->words, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, &cancel);
	__atomic_store_n(&interrupt.done, true, __ATOMIC_RELEASE);
	pthread_kill(thread, SIGHUP);
	pthread_join(thread, NULL);
	/* What follows waits for others' commands only: a signal may end it at once. */
	pthread_sigmask(SIG_UNBLOCK, &interrupt.signals, NULL);
out:
	daemon_close(daemon);
	cancel_finish(&cancel);
	config_destroy(config);
	free(words);
	return status;
}

/* For the daemon that runs, and for no other. */
static int command_reload(const struct arguments *args)
{
	struct config *config = read_config(args);
	struct askd_error error = {0};
	char **words = words_for_holder(args);
	int status = 1;

	if (!config || !words)
		goto out;
	switch (local_client_run(config->state_dir, args->count + 2, words, &status, &error)) {
	case ASKD_OK:
		goto out;
	case ASKD_E_NOT_FOUND:
		fprintf(stderr,
		        "askd: no daemon is running on %s: `askd run` reads the configuration when "
		        "it starts\n",
		        config->state_dir);
		break;
	default:
		fprintf(stderr, "askd: %s\n", error.message);
	}
	status = 1;
out:
	config_destroy(config);
	free(words);
	return status;
}

/* The way out when the master key is lost for good: without it no other command opens the state. */
static int command_forget_sealed(const struct arguments *args)
{
	struct config *config = read_config(args);
	struct askd_error error = {0};
	uint64_t rows = 0;
	int status = 1;

	if (!config)
		return 1;
	if (args->count != 3 || strcmp(args->words[2], "--yes") != 0)
		fprintf(stderr,
		        "askd: this removes every record of %s that was sealed with the lost "
		        "master key\n"
		        "(contents of conversations, messages that wait). Costs, persons and the "
		        "audit "
		        "stay.\n"
		        "If a copy of the key exists, put it back instead. To go on:\n"
		        "  askd key forget-sealed --yes\n",
		        config->state_dir);
	else if (store_forget_sealed(config, &rows, &error))
		fprintf(stderr, "askd: %s\n", error.message);
	else
		status = printf("removed %llu sealed records\n", (unsigned long long)rows) < 0;
	config_destroy(config);
	return status;
}

int main(int argc, char **argv)
{
	struct arguments args = {0};
	const char *verb;
	int status = 1;

	/* With fewer the threads wait for each other; more cost memory and bring no speed. */
	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	log_init(ASKD_LOG_WARNING, LOG_FORMAT_TEXT);
	if (!arguments_read(&args, argc, argv))
		goto out;
	verb = args.count ? args.words[0] : "help";
	if (!strcmp(verb, "help") || !strcmp(verb, "--help") || !strcmp(verb, "-h"))
		status = command_help(&args);
	else if (!strcmp(verb, "version") || !strcmp(verb, "--version"))
		status = !is_alone(&args) || printf("askd %s (SDK %d.%d)\n", ASKD_VERSION,
		                                     ASKD_SDK_MAJOR, ASKD_SDK_MINOR) < 0;
	else if (!strcmp(verb, "run"))
		status = command_run(&args);
	else if (!strcmp(verb, "check"))
		status = command_check(&args);
	else if (!strcmp(verb, "reload"))
		status = command_reload(&args);
	else if (!strcmp(verb, "plugin"))
		status = command_plugin(&args);
	else if (!strcmp(verb, "key") && args.count > 1 && !strcmp(args.words[1], "forget-sealed"))
		status = command_forget_sealed(&args);
	else
		status = command_with_state(&args);
out:
	free(args.words);
	return status;
}
