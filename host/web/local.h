/* local.h: the local socket, state_dir/askd.sock: other askd commands on this machine are served by
 * the daemon that holds the state. The caller's descriptors 0, 1, 2 travel along; who it is says
 * SO_PEERCRED. */
#ifndef WEB_LOCAL_H
#define WEB_LOCAL_H

#include "base/cancel.h"
#include "config/config.h"

/* One command of a client, on a thread of its own. Returns the exit status. cancel fires when the
 * client goes away. */
typedef int (*local_handler)(void *arg, uint32_t uid, const char *user, int argc, char **argv,
        int in, int out, int err, struct cancel *cancel);

struct local_server;
struct local_server *local_server_start(
        const char *state_dir, local_handler handler, void *arg, struct askd_error *reterr);
void local_server_stop(struct local_server *server); /* cancels and waits for what is running */
/* Takes no new clients; lets those that have come end by themselves. */
void local_server_drain(struct local_server *server);

/* Runs a command in the daemon that serves state_dir. NOT_FOUND: nobody is there. Forwards SIGINT
 * as a cancel. On OK *status is the exit status. */
int32_t local_client_run(
        const char *state_dir, int argc, char **argv, int *status, struct askd_error *reterr);
/* The same with other descriptors in the place of 0, 1 and 2. */
int32_t local_client_run_on(const char *state_dir, int argc, char **argv, const int fds[3],
        int *status, struct askd_error *reterr);

#endif
