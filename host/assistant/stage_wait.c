/* stage_wait.c: when an engine in trouble is called again. */
#include <stdlib.h>

#include "assistant/stage_state.h"
#include "base/clock.h"
#include "base/log.h"

/* The breaker of an instance, made at first use; NULL: no memory, it then never opens. */
static struct stage_breaker *breaker_of(
        struct stages *stages, const struct plugin_instance *instance)
{
	struct stage_breaker *breaker = stages->breakers;

	while (breaker && breaker->instance != instance)
		breaker = breaker->next;
	if (breaker)
		return breaker;
	breaker = calloc(1, sizeof *breaker);
	if (breaker) {
		breaker->instance = instance;
		breaker->next = stages->breakers;
		stages->breakers = breaker;
	}
	return breaker;
}

bool breaker_allows(struct stages *stages, const struct plugin_instance *instance)
{
	struct stage_breaker *breaker;
	bool allowed = true;

	pthread_mutex_lock(&stages->lock);
	breaker = breaker_of(stages, instance);
	if (breaker && breaker->open_until_us) {
		allowed = !breaker->probing && clock_monotonic_us() >= breaker->open_until_us;
		if (allowed)
			breaker->probing = true;
	}
	pthread_mutex_unlock(&stages->lock);
	return allowed;
}

void breaker_report(struct stages *stages, const struct plugin_instance *instance, int32_t rc)
{
	const bool trouble = rc == ASKD_E_IO || rc == ASKD_E_TIMEOUT || rc == ASKD_E_BUSY ||
	                     rc == ASKD_E_CRASHED;
	struct stage_breaker *breaker;
	bool opened = false, closed = false;

	pthread_mutex_lock(&stages->lock);
	breaker = breaker_of(stages, instance);
	if (breaker && rc == ASKD_E_CANCELED) {
		breaker->probing = false; /* says nothing about the engine */
	} else if (breaker && trouble) {
		breaker->failures++;
		if (breaker->failures >= BREAKER_FAILURES) {
			opened = !breaker->open_until_us;
			breaker->open_until_us =
			        clock_monotonic_us() + stages->breaker_open_ms * 1000;
		}
		breaker->probing = false;
	} else if (breaker) {
		closed = breaker->open_until_us != 0;
		breaker->failures = 0;
		breaker->open_until_us = 0;
		breaker->probing = false;
	}
	pthread_mutex_unlock(&stages->lock);
	if (opened)
		log_warning("assistant", 0,
		        "llm/%s failed %d times in a row: it is left out for %lld s at a time",
		        instance->config->name, BREAKER_FAILURES,
		        (long long)(stages->breaker_open_ms / 1000));
	if (closed)
		log_info("assistant", 0, "llm/%s answers again", instance->config->name);
}

void breaker_copy(
        struct stages *stages, struct stages *from, const struct plugin_instance *instance)
{
	struct stage_breaker *old, *breaker;

	pthread_mutex_lock(&from->lock);
	for (old = from->breakers; old && old->instance != instance; old = old->next)
		;
	breaker = old ? breaker_of(stages, instance) : NULL;
	if (breaker) {
		breaker->failures = old->failures;
		breaker->open_until_us = old->open_until_us;
	}
	pthread_mutex_unlock(&from->lock);
}

void breakers_destroy(struct stages *stages)
{
	while (stages->breakers) {
		struct stage_breaker *next = stages->breakers->next;

		free(stages->breakers);
		stages->breakers = next;
	}
}

void stages_engines(
        struct stages *stages, void (*tell)(void *arg, const struct plan_engine *engine), void *arg)
{
	for (struct plugin_instance **i = stages->rooms.registry->instances; i && *i; i++) {
		struct plan_engine engine = {.name = (*i)->config->name};
		const struct stage_breaker *breaker;

		if (strcmp((*i)->config->kind, "llm") != 0)
			continue;
		pthread_mutex_lock(&stages->lock);
		breaker = breaker_of(stages, *i);
		if (breaker) {
			int64_t left_us = breaker->open_until_us - clock_monotonic_us();

			engine.failures = breaker->failures;
			engine.left_out_ms =
			        breaker->open_until_us && left_us > 0 ? left_us / 1000 + 1 : 0;
		}
		pthread_mutex_unlock(&stages->lock);
		tell(arg, &engine);
	}
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool canceled;
};

static void wake(void *arg)
{
	struct waiter *waiter = arg;

	pthread_mutex_lock(&waiter->lock);
	waiter->canceled = true;
	pthread_cond_signal(&waiter->changed);
	pthread_mutex_unlock(&waiter->lock);
}

/* false: it was canceled before that. */
static bool wait_until(struct cancel *cancel, int64_t until_us)
{
	struct waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct cancel_hook hook = {.fn = wake, .arg = &waiter};
	const struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
	pthread_condattr_t attr;
	int rc = 0;

	if (pthread_condattr_init(&attr))
		return !cancel_fired(cancel);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(&waiter.changed, &attr);
	pthread_condattr_destroy(&attr);
	if (rc)
		return !cancel_fired(cancel);
	cancel_hook_add(cancel, &hook);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.canceled && !rc)
		rc = pthread_cond_timedwait(&waiter.changed, &waiter.lock, &until);
	pthread_mutex_unlock(&waiter.lock);
	cancel_hook_remove(cancel, &hook);
	pthread_cond_destroy(&waiter.changed);
	pthread_mutex_destroy(&waiter.lock);
	return !waiter.canceled;
}

bool stage_wait(struct stage_call *c, const struct askd_error *error, uint32_t tries)
{
	struct stages *stages = c->stages;
	int64_t ms = error->retry_after_ms, now_us = clock_monotonic_us();
	uint32_t chance;

	if (!ms) {
		ms = stages->backoff_ms;
		for (uint32_t i = 1; i < tries && ms < stages->backoff_max_ms; i++)
			ms *= 2;
		if (ms > stages->backoff_max_ms)
			ms = stages->backoff_max_ms;
		/* Between half and whole, so that many waiting turns do not come back at once. */
		random_bytes(&chance, sizeof chance);
		ms = ms / 2 + (int64_t)(chance % (uint64_t)(ms / 2 + 1));
	}
	if (c->call->base.deadline_us && now_us + ms * 1000 >= c->call->base.deadline_us)
		return false;
	return wait_until(c->call->scope->cancel, now_us + ms * 1000);
}
