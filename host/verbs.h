/* verbs.h: the words of the command line that the program itself has, a file each. */
#ifndef VERBS_H
#define VERBS_H

#include "daemon.h"

struct arguments {
	const char *config; /* -c; NULL: not given */
	int count;          /* words that remain: the command and what belongs to it */
	char **words;
};

/* Exit statuses as the Linux Standard Base has them for `status`. */
enum { STATUS_NOT_RUNNING = 3, STATUS_UNKNOWN = 4 };

/* Each returns the exit status, and has said on standard error why when it is not 0. [main] */
int command_backup(const struct arguments *args);
int command_restore(const struct arguments *args);
int command_status(const struct arguments *args);
int command_doctor(const struct arguments *args);
int command_init(const struct arguments *args);

/* ---- main.c: what they share ---- */

/* NULL: it was said why. */
struct config *arguments_config(const struct arguments *args);
/* The same for commands that a running daemon does: a fault in the file, such as a variable that is
 * set for the service alone, is then no reason not to. The configuration may be `faulty`. */
struct config *arguments_config_or_daemon(const struct arguments *args);
/* Runs the words where the state is: in the daemon that holds it, else in this process, which opens
 * it for that. [main] */
int state_command(
        const struct config *config, const char *config_path, int count, const char *const *words);
/* Says that a word or option was not expected, and what was meant. Returns 1. options: NULL at the
 * end. */
int arguments_unexpected(
        const struct arguments *args, const char *word, const char *const *options);

/* The time behind the option at *i, which moves on to it; at most ten minutes. false: it was said
 * what is wrong. */
bool arguments_timeout(const struct arguments *args, int *i, int64_t *ms);

/* ---- the same words, where the state is: called by daemon_command. [any] ---- */

int backup_serve(struct daemon *daemon, const struct call_scope *scope, int argc, char **argv,
        int out, int err);
int status_serve(struct daemon *daemon, const struct call_scope *scope, int argc, char **argv,
        int out, int err);

#endif
