/* daemon_inside.h: what the files of the daemon share. */
#ifndef DAEMON_INSIDE_H
#define DAEMON_INSIDE_H

#include "daemon.h"
#include "plugin/generation.h"
#include "run/health.h"
#include "web/local.h"
#include "web/web.h"

struct reload_request;

struct daemon {
	const struct config *config;   /* the first: what only a restart changes stays as it says */
	struct assistant_rooms rooms;  /* those that live once */
	struct generation *generation; /* the current one; main thread only */
	struct generation *old;        /* that are still held */
	struct assistant *assistant;
	struct local_server *local;
	bool serving; /* `askd run`, not one command */
	struct health *health;
	struct watchdog *watchdog;
	struct web *web;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	bool stopping;
	struct reload_request *requests; /* the first to come first */
};

/* ---- daemon.c ---- */

/* Until all that serve the web listen, or have failed to; at most a few seconds. [main] */
void daemon_wait_for_servers(const struct registry *registry);
/* Enters a verb; the words as its arguments. Returns the exit status. [any] */
int daemon_run_verb(struct plugin_instance *instance, const struct askd_verb *verb,
        const struct call_scope *scope, const char *config_path, int argc, char **argv, int in,
        int out, int err);

/* ---- generations.c ---- */

/* Opens all that hangs on a configuration; takes over from `previous` (NULL: none) what has not
 * changed. With `serve` also what the web serves. `rooms` that are not there: it is only looked
 * whether it would open. [main] */
int32_t generation_open(struct generation **generation, const struct assistant_rooms *rooms,
        const struct config *config, const struct generation *previous, bool serve,
        struct askd_error *reterr);
void generation_close(struct generation *generation); /* nobody holds it. [main] */

/* ---- reload.c ---- */

/* `askd reload`: waits for the main thread to do it. [any] */
int reload_command(struct daemon *daemon, int argc, char **argv, int out, int err);
/* Whoever waits for a reload is told that none comes any more. [main] */
void reload_stop(struct daemon *daemon);

#endif
