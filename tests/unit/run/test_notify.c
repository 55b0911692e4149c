/* test_notify.c: what the service manager hears, and when its watchdog hears nothing. */
#include "run/notify.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum { WAIT_MS = 20 * 1000, WATCH_US = 90 * 1000 };

static int manager; /* the socket of the service manager */

static int setup(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size;
	char name[64];

	(void)state;
	snprintf(name, sizeof name, "@askd-test-notify-%d", getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager < 0 || bind(manager, (struct sockaddr *)&address, size))
		return -1;
	return setenv("NOTIFY_SOCKET", name, 1);
}

static int teardown(void **state)
{
	(void)state;
	notify_stop();
	unsetenv("NOTIFY_SOCKET");
	return close(manager);
}

/* The next message; "" when none comes in time. */
static const char *heard(int wait_ms)
{
	static char text[1024];
	struct pollfd ready = {.fd = manager, .events = POLLIN};
	ssize_t n = poll(&ready, 1, wait_ms) == 1 ? recv(manager, text, sizeof text - 1, 0) : 0;

	text[n > 0 ? n : 0] = 0;
	return text;
}

static void lines_reach_the_manager_and_no_child_speaks_for_us(void **state)
{
	long long us;

	(void)state;
	notify_start();
	assert_null(getenv("NOTIFY_SOCKET"));
	notify_send("READY=1\nSTATUS=%s", "Ready");
	assert_string_equal(heard(WAIT_MS), "READY=1\nSTATUS=Ready");
	notify_reloading();
	assert_int_equal(sscanf(heard(WAIT_MS), "RELOADING=1\nMONOTONIC_USEC=%lld", &us), 1);
	assert_in_range(us, clock_monotonic_us() - INT64_C(60000000), clock_monotonic_us());
}

static void without_a_manager_nothing_is_sent(void **state)
{
	struct watchdog *watchdog;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "1000", 1);
	notify_start();
	notify_send("READY=1");
	assert_string_equal(heard(0), "");
	assert_int_equal(watchdog_start(&watchdog, NULL, NULL, NULL), ASKD_OK);
	assert_null(watchdog);
	watchdog_stop(watchdog);
}

/* ---- the watchdog ----------------------------------------------------------------------------
 */

/* Something that hangs until it is let go. */
struct hang {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool begun, released;
};

static void hang(void *arg)
{
	struct hang *h = arg;

	pthread_mutex_lock(&h->lock);
	h->begun = true;
	pthread_cond_broadcast(&h->changed);
	while (!h->released)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static void await_hang(struct hang *h)
{
	pthread_mutex_lock(&h->lock);
	while (!h->begun)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static void release(struct hang *h)
{
	pthread_mutex_lock(&h->lock);
	h->released = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

/* Alive, then not, then alive: `by_timer` the timers' thread hangs, else the only worker does. */
static void silence_while_hung(bool by_timer)
{
	struct hang h = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
	struct timer timer = {.fn = hang, .arg = &h};
	struct work work = {.fn = hang, .arg = &h, .urgent = true};
	struct workers *workers = workers_create(1, 8);
	struct timers *timers = timers_create();
	struct watchdog *watchdog;
	char us[24];

	snprintf(us, sizeof us, "%d", WATCH_US);
	setenv("WATCHDOG_USEC", us, 1);
	notify_start();
	assert_int_equal(watchdog_start(&watchdog, timers, workers, NULL), ASKD_OK);
	assert_non_null(watchdog);
	assert_string_equal(heard(WAIT_MS), "WATCHDOG=1");
	if (by_timer)
		assert_true(timers_set(timers, &timer, 0));
	else
		assert_int_equal(workers_submit(workers, &work, NULL), ASKD_OK);
	await_hang(&h);
	while (*heard(WATCH_US / 1000)) /* at most the one that was on its way */
		;
	assert_string_equal(heard(3 * WATCH_US / 1000), "");
	release(&h);
	assert_string_equal(heard(WAIT_MS), "WATCHDOG=1");
	watchdog_stop(watchdog);
	timers_clear(timers, &timer);
	workers_drain(workers, WAIT_MS);
	timers_destroy(timers);
	workers_destroy(workers);
	while (*heard(0))
		;
}

static void hung_worker_silences_the_watchdog(void **state)
{
	(void)state;
	silence_while_hung(false);
}

static void hung_timers_silence_the_watchdog(void **state)
{
	(void)state;
	silence_while_hung(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                lines_reach_the_manager_and_no_child_speaks_for_us, setup, teardown),
	        cmocka_unit_test_setup_teardown(without_a_manager_nothing_is_sent, setup, teardown),
	        cmocka_unit_test_setup_teardown(hung_worker_silences_the_watchdog, setup, teardown),
	        cmocka_unit_test_setup_teardown(hung_timers_silence_the_watchdog, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
