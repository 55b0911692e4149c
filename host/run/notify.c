/* notify.c: datagrams to the service manager. The socket is made at the start and kept: the
 * watchdog must not fail because descriptors have run out. */
#include "run/notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

enum { NOTIFY_MAX = 512, WATCHDOG_PARTS = 3, WATCHDOG_MIN_US = 1000 };

static struct {
	int fd; /* -1: there is no manager */
	struct sockaddr_un address;
	socklen_t size;
	int64_t watchdog_us; /* 0: it does not watch */
} manager = {.fd = -1};

/* An absolute path, or @ and the name of an abstract socket. */
static bool take_address(const char *path)
{
	size_t n = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof manager.address.sun_path)
		return false;
	manager.address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(manager.address.sun_path, path, n);
	if (path[0] == '@')
		manager.address.sun_path[0] = 0;
	manager.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

static int64_t take_watchdog(const char *us_text, const char *pid_text)
{
	int64_t us = 0, pid = 0;

	if (!us_text || !text_to_int(us_text, &us) || us <= 0)
		return 0;
	if (pid_text && (!text_to_int(pid_text, &pid) || pid != getpid()))
		return 0;
	return us;
}

void notify_start(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	notify_stop();
	if (path && !take_address(path)) {
		log_warning("run", 0, "NOTIFY_SOCKET is no local socket: nobody is told anything");
	} else if (path) {
		manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (manager.fd < 0)
			log_warning("run", 0, "the service manager cannot be told anything: %s",
			        strerror(errno));
		else
			manager.watchdog_us =
			        take_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_stop(void)
{
	if (manager.fd >= 0)
		close(manager.fd);
	manager.fd = -1;
	manager.watchdog_us = 0;
}

void notify_send(const char *format, ...)
{
	char text[NOTIFY_MAX];
	va_list ap;
	int n;

	if (manager.fd < 0)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof text &&
	        sendto(manager.fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
	                (const struct sockaddr *)&manager.address, manager.size) < 0)
		log_debug("run", 0, "the service manager was not told: %s", strerror(errno));
}

void notify_reloading(void)
{
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reloading the configuration",
	        (long long)clock_monotonic_us());
}

/* ---- the watchdog ----------------------------------------------------------------------------
 */

struct watchdog {
	struct timers *timers;
	struct workers *workers;
	struct timer timer;
	struct work work;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t answered;
	bool asked, told, stopping; /* told: in the log, that nobody answers */
};

/* On a worker. */
static void answer(void *arg)
{
	struct watchdog *w = arg;

	notify_send("WATCHDOG=1");
	pthread_mutex_lock(&w->lock);
	w->asked = w->told = false;
	pthread_cond_signal(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

static void set_timer(struct watchdog *w)
{
	int64_t us = manager.watchdog_us / WATCHDOG_PARTS;

	if (!timers_set(w->timers, &w->timer,
	            clock_monotonic_us() + (us > WATCHDOG_MIN_US ? us : WATCHDOG_MIN_US)))
		log_error("run", 0, "no memory for the watchdog");
}

/* On the thread of the timers. */
static void ask(void *arg)
{
	struct watchdog *w = arg;

	pthread_mutex_lock(&w->lock);
	if (!w->asked && !w->stopping) {
		w->asked = !workers_submit(w->workers, &w->work, NULL);
	} else if (!w->stopping && !w->told) {
		w->told = true;
		log_warning("run", 0, "no worker answers the watchdog");
	}
	if (!w->stopping)
		set_timer(w);
	pthread_mutex_unlock(&w->lock);
}

int32_t watchdog_start(struct watchdog **out, struct timers *timers, struct workers *workers,
        struct askd_error *reterr)
{
	struct watchdog *w;

	*out = NULL;
	if (!manager.watchdog_us)
		return ASKD_OK;
	w = calloc(1, sizeof *w);
	if (!w)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the watchdog");
	w->timers = timers;
	w->workers = workers;
	w->timer = (struct timer){.fn = ask, .arg = w};
	w->work = (struct work){.fn = answer, .arg = w, .urgent = true};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->answered, NULL);
	set_timer(w);
	*out = w;
	return ASKD_OK;
}

void watchdog_stop(struct watchdog *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_mutex_unlock(&w->lock);
	timers_clear(w->timers, &w->timer);
	pthread_mutex_lock(&w->lock);
	while (w->asked)
		pthread_cond_wait(&w->answered, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
