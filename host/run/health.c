/* health.c: a timer, one urgent work for a round, and what each instance said last. */
#include "run/health.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "run/metrics.h"

enum { EVERY_MS = 60 * 1000, REPORT_MS = 5000, REASON = 240 };

struct entry {
	struct plugin_instance *instance;
	const struct askd_health *table;
	uint32_t status; /* ASKD_HEALTH_*, the last; of the round that runs */
};

struct answer {
	uint32_t status;
	char reason[REASON]; /* "": none */
};

struct health {
	struct timers *timers;
	struct workers *workers;
	int64_t every_ms;
	struct cancel cancel;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t ended;
	bool running, stopping;
	struct timer timer;
	struct work work;
	size_t count;
	struct entry entries[];
};

static int64_t interval_ms(void)
{
#ifdef ASKD_FAULTS
	const char *text = getenv("ASKD_TEST_HEALTH_MS");
	int64_t ms;

	if (text && text_to_int(text, &ms) && ms > 0)
		return ms;
#endif
	return EVERY_MS;
}

static void set_timer(struct health *h, int64_t ms)
{
	if (!h->stopping && !timers_set(h->timers, &h->timer, clock_monotonic_us() + ms * 1000))
		log_error("run", 0, "no memory to ask the plugins how they are");
}

static void tell(const char *name, const struct answer *answer)
{
	const char *reason = answer->reason[0] ? answer->reason : "it gives no reason";

	if (answer->status == ASKD_HEALTH_OK)
		log_info("run", 0, "%s is well again", name);
	else
		log_warning("run", 0, "%s is %s: %s", name,
		        answer->status == ASKD_HEALTH_DOWN ? "down" : "degraded", reason);
}

/* false: it was not asked, since the round is canceled. */
static bool ask(struct health *h, const struct entry *entry, struct answer *answer)
{
	const struct call_scope scope = {.id = id_make(), .cancel = &h->cancel};
	struct askd_health_report report = {.size = sizeof report};
	struct askd_error error = {0};
	struct askd_text reason;
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &scope, REPORT_MS);
	rc = enter_health_report(entry->instance, entry->table, NULL, &call, NULL, &report, &error);
	*answer = (struct answer){.status = rc ? ASKD_HEALTH_DOWN : report.status};
	if (answer->status > ASKD_HEALTH_DOWN)
		answer->status = ASKD_HEALTH_DOWN;
	reason = rc ? askd_text_of(error.message) : report.reason;
	if (reason.s)
		snprintf(answer->reason, sizeof answer->reason, "%.*s",
		        (int)text_cut(reason.s, (size_t)reason.n, REASON - 1), reason.s);
	plugin_call_finish(&call);
	return !cancel_fired(&h->cancel);
}

static void label_of(const struct plugin_instance *instance, char label[160])
{
	snprintf(label, 160, "instance=\"%.140s\"", instance->host.instance);
}

static void keep(struct entry *entry, const struct answer *answer)
{
	const char *name = entry->instance->host.instance;
	char label[160];

	/* A reason may hold figures that change all the time: the status makes the news. */
	if (entry->status != answer->status)
		tell(name, answer);
	entry->status = answer->status;
	label_of(entry->instance, label);
	metrics_set("askd_instance_health", label, answer->status);
}

static void run_round(void *arg)
{
	struct health *h = arg;
	struct answer answer;

	for (size_t i = 0; i < h->count && !cancel_fired(&h->cancel); i++)
		if (ask(h, &h->entries[i], &answer))
			keep(&h->entries[i], &answer);
	pthread_mutex_lock(&h->lock);
	h->running = false;
	set_timer(h, h->every_ms);
	pthread_cond_broadcast(&h->ended);
	pthread_mutex_unlock(&h->lock);
}

/* On the thread of the timers. */
static void begin_round(void *arg)
{
	struct health *h = arg;

	pthread_mutex_lock(&h->lock);
	h->running = !h->stopping && !workers_submit(h->workers, &h->work, NULL);
	if (!h->running)
		set_timer(h, h->every_ms); /* too busy: the next time */
	pthread_mutex_unlock(&h->lock);
}

/* After that no round runs, and none will. */
static void halt(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_mutex_unlock(&h->lock);
	cancel_fire(&h->cancel);
	timers_clear(h->timers, &h->timer);
	pthread_mutex_lock(&h->lock);
	while (h->running)
		pthread_cond_wait(&h->ended, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static struct entry *find(struct health *h, const struct plugin_instance *instance)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->entries[i].instance == instance)
			return &h->entries[i];
	return NULL;
}

static void take_over(struct health *h, struct health *previous)
{
	halt(previous);
	for (size_t i = 0; i < previous->count; i++) {
		struct entry *old = &previous->entries[i], *same = find(h, old->instance);
		char label[160];

		if (same) {
			same->status = old->status;
			continue;
		}
		/* Another instance of its name sets it anew. */
		label_of(old->instance, label);
		metrics_remove("askd_instance_health", label);
	}
}

struct health *health_start(struct registry *registry, struct health *previous,
        struct timers *timers, struct workers *workers, struct askd_error *reterr)
{
	struct plugin_instance **i;
	struct health *h;
	size_t count = 0;

	for (i = registry->instances; i && *i; i++)
		count += plugin_instance_extension(*i, "askd.health/1") != NULL;
	h = calloc(1, sizeof *h + count * sizeof *h->entries);
	if (!h) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to start");
		return NULL;
	}
	for (i = registry->instances; i && *i; i++) {
		const struct askd_health *table = plugin_instance_extension(*i, "askd.health/1");

		if (table)
			h->entries[h->count++] = (struct entry){.instance = *i, .table = table};
	}
	h->timers = timers;
	h->workers = workers;
	h->every_ms = interval_ms();
	h->timer = (struct timer){.fn = begin_round, .arg = h};
	h->work = (struct work){.fn = run_round, .arg = h, .urgent = true};
	cancel_init(&h->cancel);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->ended, NULL);
	if (previous)
		take_over(h, previous);
	pthread_mutex_lock(&h->lock);
	if (h->count)
		set_timer(h, 0);
	pthread_mutex_unlock(&h->lock);
	return h;
}

void health_stop(struct health *h)
{
	if (!h)
		return;
	halt(h);
	pthread_cond_destroy(&h->ended);
	pthread_mutex_destroy(&h->lock);
	cancel_finish(&h->cancel);
	free(h);
}
