/* inherit.h: what the process was given by who started it: listening sockets of a service manager
 * (sd_listen_fds(3)), and the right to so many descriptors. */
#ifndef RUN_INHERIT_H
#define RUN_INHERIT_H

#include <sys/socket.h>

/* Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the environment. [main] Once, before
 * anything else is opened. */
void inherit_start(void);
/* A duplicate of the inherited socket that listens there; -1: none does. The inherited one stays,
 * so that an address that a configuration leaves out can come back. [any] */
int inherit_take(const struct sockaddr *address);
/* Warns of those that nobody has taken. [any] */
void inherit_tell_rest(void);
/* Raises the limit of descriptors as far as it may go. [main] */
void inherit_raise_limit(void);

#endif
