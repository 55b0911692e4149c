/* generation.c: who holds which reading of the configuration. */
#include "plugin/generation.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct generation *current;
static void (*on_unused)(void); /* atomic */

struct generation *generation_hold(const struct call_scope *scope)
{
	struct generation *generation;

	pthread_mutex_lock(&lock);
	generation = scope && scope->generation ? scope->generation : current;
	if (generation)
		generation->references++;
	pthread_mutex_unlock(&lock);
	return generation;
}

void generation_drop(struct generation *generation)
{
	bool last;

	if (!generation)
		return;
	pthread_mutex_lock(&lock);
	last = !--generation->references;
	pthread_mutex_unlock(&lock);
	if (last)
		generation_tell_unused();
}

void generation_set(struct generation *generation)
{
	struct generation *old;

	pthread_mutex_lock(&lock);
	old = current;
	current = generation;
	if (generation)
		generation->references++;
	pthread_mutex_unlock(&lock);
	generation_drop(old);
}

bool generation_is_held(struct generation *generation)
{
	bool held;

	pthread_mutex_lock(&lock);
	held = generation->references > 0;
	pthread_mutex_unlock(&lock);
	return held;
}

void generation_on_unused(void (*fn)(void))
{
	__atomic_store_n(&on_unused, fn, __ATOMIC_RELEASE);
}

void generation_tell_unused(void)
{
	void (*fn)(void) = __atomic_load_n(&on_unused, __ATOMIC_ACQUIRE);

	if (fn)
		fn();
}
