/* testpoint.c: named places where a test may stop the program dead. */
#include "base/testpoint.h"

#ifdef ASKD_FAULTS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char kill_name[64], hold_name[64];
static const char *hold_path;
static int64_t kill_at;
static _Atomic int64_t passed;

/* Splits "name:rest"; NULL when it is not of that form. */
static const char *split(const char *variable, char *name, size_t size)
{
	const char *s = getenv(variable), *colon = s ? strchr(s, ':') : NULL;

	if (!colon || (size_t)(colon - s) >= size)
		return NULL;
	memcpy(name, s, (size_t)(colon - s));
	name[colon - s] = 0;
	return colon + 1;
}

static void read_environment(void)
{
	const char *count = split("ASKD_TEST_KILL", kill_name, sizeof kill_name);

	if (!count || !text_to_int(count, &kill_at))
		kill_name[0] = 0;
	hold_path = split("ASKD_TEST_HOLD", hold_name, sizeof hold_name);
}

void testpoint(const char *name)
{
	const struct timespec pause = {0, 5000000};

	pthread_once(&once, read_environment);
	if (hold_path && !strcmp(name, hold_name))
		while (!access(hold_path, F_OK))
			nanosleep(&pause, NULL);
	if (kill_name[0] && !strcmp(name, kill_name) && atomic_fetch_add(&passed, 1) + 1 == kill_at)
		raise(SIGKILL);
}
#else
_Static_assert(1, "nothing in this build");
#endif
