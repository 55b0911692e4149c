/* conformance_threads.c: a plugin with ASKD_CONCURRENT has many threads in one instance. What one
 * of them is told may not depend on who else is inside. */
#include <pthread.h>

#include "base/error.h"
#include "plugin/conformance_run.h"

enum { THREADS = 8, ROUNDS = 25 };

struct crowd {
	struct conformance *run;
	conformance_entry enter;
	pthread_barrier_t gate;
	int32_t expected;
	uint32_t next;        /* atomic: ids of turns differ */
	uint32_t strays;      /* atomic: calls that ended otherwise */
	uint32_t stray_noted; /* atomic: the first of them is in the members below */
	int32_t stray;        /* its code; read after the threads have ended */
	struct askd_error error;
};

static void *enter_often(void *arg)
{
	struct crowd *crowd = arg;

	pthread_barrier_wait(&crowd->gate);
	for (int i = 0; i < ROUNDS; i++) {
		struct askd_error error = {0};
		uint32_t id = __atomic_add_fetch(&crowd->next, 1, __ATOMIC_RELAXED);
		int32_t rc = crowd->enter(crowd->run, id, &error);

		if (rc == crowd->expected)
			continue;
		__atomic_add_fetch(&crowd->strays, 1, __ATOMIC_RELAXED);
		if (!__atomic_exchange_n(&crowd->stray_noted, 1, __ATOMIC_ACQ_REL)) {
			crowd->stray = rc;
			crowd->error = error;
		}
	}
	return NULL;
}

void conformance_together(struct conformance *run, const char *name, conformance_entry enter)
{
	struct crowd crowd = {.run = run, .enter = enter, .next = 100000};
	struct askd_error error = {0};
	pthread_t threads[THREADS];
	char title[128];

	if (!(run->library->plugin->flags & ASKD_CONCURRENT))
		return;
	snprintf(title, sizeof title, "%s: %d threads at once are told what one alone is", name,
	        THREADS);
	crowd.expected = enter(run, crowd.next, &error);
	if (pthread_barrier_init(&crowd.gate, NULL, THREADS + 1)) {
		conformance_check(run, false, title, "no barrier");
		return;
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, enter_often, &crowd)) {
			/* Those that started wait for good: the check is a process of its own. */
			conformance_check(run, false, title, "no thread");
			return;
		}
	pthread_barrier_wait(&crowd.gate);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd.gate);
	conformance_check(run, !crowd.strays, title,
	        "alone it is %s; of %d calls %u ended otherwise, the first with %s%s%s",
	        error_name(crowd.expected), THREADS * ROUNDS, crowd.strays, error_name(crowd.stray),
	        crowd.stray ? ": " : "", crowd.stray ? crowd.error.message : "");
}
