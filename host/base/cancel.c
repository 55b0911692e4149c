/* cancel.c: a wish to stop, and who must be told of it. */
#include "base/cancel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "askd: %s: %s\n", what, strerror(error));
		abort();
	}
}

void cancel_init(struct cancel *c)
{
	pthread_mutexattr_t attributes;

	*c = (struct cancel){0};
	/* Recursive: a hook may remove itself or others. */
	check(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
	check(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE),
	        "pthread_mutexattr_settype");
	check(pthread_mutex_init(&c->lock, &attributes), "pthread_mutex_init");
	check(pthread_mutexattr_destroy(&attributes), "pthread_mutexattr_destroy");
}

void cancel_finish(struct cancel *c)
{
	if (!c)
		return;
	/* Whoever fires may still be inside the lock. */
	check(pthread_mutex_lock(&c->lock), "pthread_mutex_lock");
	c->hooks = NULL;
	check(pthread_mutex_unlock(&c->lock), "pthread_mutex_unlock");
	check(pthread_mutex_destroy(&c->lock), "pthread_mutex_destroy");
}

bool cancel_fired(const struct cancel *c)
{
	return __atomic_load_n(&c->word, __ATOMIC_ACQUIRE) != 0;
}

/* Hooks run inside the lock: that is what makes cancel_hook_remove wait for them. Each leaves the
 * list before it runs, and is not touched after. */
void cancel_fire(struct cancel *c)
{
	check(pthread_mutex_lock(&c->lock), "pthread_mutex_lock");
	__atomic_store_n(&c->word, 1, __ATOMIC_RELEASE);
	while (c->hooks) {
		struct cancel_hook *hook = c->hooks;

		c->hooks = hook->next;
		hook->next = NULL;
		hook->fn(hook->arg);
	}
	check(pthread_mutex_unlock(&c->lock), "pthread_mutex_unlock");
}

void cancel_hook_add(struct cancel *c, struct cancel_hook *hook)
{
	check(pthread_mutex_lock(&c->lock), "pthread_mutex_lock");
	if (cancel_fired(c)) {
		hook->next = NULL;
		hook->fn(hook->arg);
	} else {
		hook->next = c->hooks;
		c->hooks = hook;
	}
	check(pthread_mutex_unlock(&c->lock), "pthread_mutex_unlock");
}

void cancel_hook_remove(struct cancel *c, struct cancel_hook *hook)
{
	struct cancel_hook **at;

	check(pthread_mutex_lock(&c->lock), "pthread_mutex_lock");
	for (at = &c->hooks; *at; at = &(*at)->next)
		if (*at == hook) {
			*at = hook->next;
			hook->next = NULL;
			break;
		}
	check(pthread_mutex_unlock(&c->lock), "pthread_mutex_unlock");
}
