/* daemon.h: the rooms put together: one process that holds a state folder. */
#ifndef DAEMON_H
#define DAEMON_H

#include "assistant/assistant.h"

struct daemon;

/* Reads nothing: `config` is given, stays the caller's, and lasts as long as the daemon. Opens
 * every room and instance and serves the local socket; with `serve` also runs the transports' loops
 * and resumes what a crash left. NULL and *reterr when something cannot start; CONFLICT: another
 * process holds the state. [main]
 */
struct daemon *daemon_open(const struct config *config, bool serve, struct askd_error *reterr);
/* Lets running turns end within the configured drain time; without `serve` also the commands of
 * others that came over the local socket, however long they take. [main] */
void daemon_close(struct daemon *daemon);
int64_t daemon_drain_ms(const struct daemon *daemon); /* how long that may take. [main] */

/* After SIGUSR1 (something is to be closed, or somebody asks for a reload), and after SIGHUP with
 * `reload`: does what is to be done. A pending SIGTERM or SIGINT, which the caller has blocked,
 * ends a reload. [main] */
void daemon_tend(struct daemon *daemon, bool reload);

/* Opens all that needs neither state nor network: instances, stages, prompts. [main] */
int32_t daemon_check(const struct config *config, struct askd_error *reterr);

/* Who gives a command, and from where. */
struct daemon_caller {
	const char *user;
	const char *config; /* the configuration that was named, or NULL */
	const char *folder; /* to which its paths are relative */
};
/* Runs one command under a local identity: a verb of a plugin, or `key`. Returns the exit status.
 * [any] */
int daemon_command(struct daemon *daemon, const struct daemon_caller *caller, int argc, char **argv,
        int in, int out, int err, struct cancel *cancel);

/* The instance whose verb `word` runs in the client (ASKD_VERB_CLIENT). NULL: there is none, or the
 * verb belongs to whoever holds the state. Opens nothing but libraries. [main] */
const struct config_instance *client_verb_find(const struct config *config, const char *word);
/* Runs argv[0] of it here, with a copy of the instance. The caller has blocked the signals that
 * ASKD_VERB_CLIENT names. Returns the exit status. [main] */
int client_verb_run(const struct config *config, const struct config_instance *which,
        const char *identity, const char *config_path, int argc, char **argv, int in, int out,
        int err);

/* The words of the command line that instances offer, for help and for the nearest name. */
struct daemon_verb {
	const char *name, *usage, *help;
};
/* The NULL-name-terminated list in the arena. */
const struct daemon_verb *daemon_verbs(struct registry *registry, struct arena *a);

/* Offers every service without state behind it, so that instances can be opened and asked. */
int32_t daemon_offer(struct askd_error *reterr);

#endif
