/* Health: instances are asked in rounds, what they say is counted, and the end waits for no one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/health.h"
#include "run/metrics.h"

#define OFFERS "tools_verbs_health"
#define SILENT "hooks"

static struct {
	struct config *config;
	struct registry *registry;
	struct timers *timers;
	struct workers *workers;
} house;

static void open_house(const char *skills)
{
	struct askd_error error = {0};
	char yaml[1024];

	snprintf(yaml, sizeof yaml,
	        "askd: {plugin_path: [" BINARY_DIR "/test-plugins]}\n"
	        "transport: {console: null}\nllm: {}\nskill: {query: null, %s}\n",
	        skills);
	house.config = config_read_string("test", yaml, &error);
	if (!house.config)
		fail_msg("%s", error.message);
	house.registry = registry_open(house.config, &error);
	if (!house.registry)
		fail_msg("%s", error.message);
	house.timers = timers_create();
	house.workers = workers_create(4, 16);
	assert_non_null(house.timers);
	assert_non_null(house.workers);
}

static int close_house(void **state)
{
	(void)state;
	workers_drain(house.workers, 10000);
	timers_destroy(house.timers);
	workers_destroy(house.workers);
	registry_close(house.registry);
	config_destroy(house.config);
	return 0;
}

/* The gauge of an instance, set to what no instance says: what it says next is seen. */
static void forget(const char *name)
{
	char label[64];

	snprintf(label, sizeof label, "instance=\"skill/%s\"", name);
	metrics_set("askd_instance_health", label, 77);
}

static void wait_for(const char *name, uint32_t status)
{
	const int64_t end_us = clock_monotonic_us() + 20000000;
	char line[128];
	struct buffer text;
	bool there = false;

	snprintf(line, sizeof line, "askd_instance_health{instance=\"skill/%s\"} %u\n", name,
	        status);
	buffer_init(&text, 0);
	while (!there) {
		if (clock_monotonic_us() >= end_us)
			fail_msg("not found: %sin:\n%s", line, text.s);
		buffer_clear(&text);
		metrics_print(&text);
		assert_false(text.failed);
		there = strstr(text.s, line) != NULL;
		if (!there)
			usleep(1000);
	}
	buffer_finish(&text);
}

static void what_instances_say_is_asked_and_counted(void **state)
{
	struct health *health;
	struct buffer text;

	(void)state;
	setenv("ASKD_TEST_HEALTH_MS", "1", 1);
	open_house("well: {plugin: " OFFERS "}, ill: {plugin: " OFFERS ", health: degraded}, "
	           "gone: {plugin: " OFFERS ", health: down}, silent: {plugin: " SILENT "}");
	health = health_start(house.registry, NULL, house.timers, house.workers, NULL);
	assert_non_null(health);
	wait_for("well", ASKD_HEALTH_OK);
	wait_for("ill", ASKD_HEALTH_DEGRADED);
	wait_for("gone", ASKD_HEALTH_DOWN);
#ifdef ASKD_FAULTS
	forget("ill"); /* it is asked again and again */
	wait_for("ill", ASKD_HEALTH_DEGRADED);
#endif
	health_stop(health);
	buffer_init(&text, 0);
	metrics_print(&text);
	assert_null(strstr(text.s, "skill/silent"));
	buffer_finish(&text);
}

static void the_end_comes_at_any_moment(void **state)
{
	(void)state;
	setenv("ASKD_TEST_HEALTH_MS", "1", 1);
	open_house("well: {plugin: " OFFERS "}, ill: {plugin: " OFFERS ", health: degraded}");
	for (int i = 0; i < 200; i++) {
		struct health *health;

		forget("well");
		health = health_start(house.registry, NULL, house.timers, house.workers, NULL);
		assert_non_null(health);
		if (i % 4 == 0)
			wait_for("well", ASKD_HEALTH_OK);
		health_stop(health);
	}
	health_stop(NULL);
}

static void the_next_generation_asks_its_own(void **state)
{
	struct health *first, *second;
	struct registry *old;
	struct buffer text;

	(void)state;
	setenv("ASKD_TEST_HEALTH_MS", "1", 1);
	open_house("ill: {plugin: " OFFERS ", health: degraded}, gone: {plugin: " OFFERS
	           ", health: down}");
	first = health_start(house.registry, NULL, house.timers, house.workers, NULL);
	wait_for("ill", ASKD_HEALTH_DEGRADED);
	wait_for("gone", ASKD_HEALTH_DOWN);
	old = house.registry;
	house.config->instances->next = NULL; /* the first is left */
	house.registry = registry_reopen(old, house.config, NULL);
	second = health_start(house.registry, first, house.timers, house.workers, NULL);
	health_stop(first);
	registry_close(old);
	forget("ill");
	wait_for("ill", ASKD_HEALTH_DEGRADED);
	health_stop(second);
	buffer_init(&text, 0);
	metrics_print(&text);
	assert_null(strstr(text.s, "skill/gone"));
	buffer_finish(&text);
}

static void a_house_without_it_is_left_alone(void **state)
{
	struct health *health;

	(void)state;
	open_house("silent: {plugin: " SILENT "}");
	health = health_start(house.registry, NULL, house.timers, house.workers, NULL);
	assert_non_null(health);
	assert_int_equal(workers_stats(house.workers).threads, 0);
	health_stop(health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(what_instances_say_is_asked_and_counted, close_house),
	        cmocka_unit_test_teardown(the_end_comes_at_any_moment, close_house),
	        cmocka_unit_test_teardown(the_next_generation_asks_its_own, close_house),
	        cmocka_unit_test_teardown(a_house_without_it_is_left_alone, close_house),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
