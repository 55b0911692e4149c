/* listen.h: listening sockets, kept by address across reloads. Offers askd.listen/1. */
#ifndef RUN_LISTEN_H
#define RUN_LISTEN_H

#include <stdint.h>

#include <askd/extensions.h>

int32_t listen_start(struct askd_error *reterr);
void listen_stop(void); /* closes all */
/* The socket of an address, made if new; -1 and *reterr. */
int listen_open(const char *address, struct askd_error *reterr);

#endif
