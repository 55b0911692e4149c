/* listen.h: listening sockets, kept by address across reloads. Offers askd.listen/1. */
#ifndef RUN_LISTEN_H
#define RUN_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <askd/extensions.h>

struct plugin_instance;

int32_t listen_start(struct askd_error *reterr);
void listen_stop(void); /* closes all */
/* The socket of an address, made if new; -1 and *reterr. `user`: who asked for it last. */
int listen_open(const char *address, uint64_t user, struct askd_error *reterr);
/* The one way to write an address ("localhost:80" is "127.0.0.1:80"). false: it is none. */
enum { LISTEN_NAME = 128 };
bool listen_name(const char *address, char name[LISTEN_NAME]);
/* Tells each address that is listened to, in that writing. [any] */
void listen_each(void (*tell)(void *arg, const char *name), void *arg);
/* Could it be listened to? Leaves nothing behind. */
int32_t listen_try(const char *address, struct askd_error *reterr);
/* Closes the sockets of users that are not in the list. [any] */
void listen_keep(const uint64_t *users, size_t count);
/* Waits until the instance has opened all its sockets, or failed to. [main] */
bool listen_wait(const struct plugin_instance *instance, int64_t until_us);

#endif
