/* notify.h: what the service manager is told, by the protocol of sd_notify(3), and its watchdog.
 * Without a manager (NOTIFY_SOCKET is not set) all of it does nothing. */
#ifndef RUN_NOTIFY_H
#define RUN_NOTIFY_H

#include <stdint.h>

#include "run/timers.h"
#include "run/workers.h"

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks in our name. [main] Before other threads. */
void notify_start(void);
/* Lines of NAME=VALUE: "READY=1\nSTATUS=...". Never blocks; what cannot be sent is lost. [any] */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* RELOADING=1 with the time that Type=notify-reload asks for; READY=1 ends it. [any] */
void notify_reloading(void);
void notify_stop(void);

/* Says WATCHDOG=1 each time that the timers' thread has asked the workers and one of them has
 * answered; at a third of the manager's time. *out NULL: nobody watches. [main] */
struct watchdog;
int32_t watchdog_start(struct watchdog **out, struct timers *timers, struct workers *workers,
        struct askd_error *reterr);
void watchdog_stop(struct watchdog *watchdog); /* before the workers drain */

#endif
