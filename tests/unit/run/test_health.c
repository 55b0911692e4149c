/* Health: instances are asked in rounds, what they say is kept, and the end waits for no one. */
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
	        "transport: {console: null}\nskill: {query: null, %s}\n",
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

static struct health_state wait_for(struct health *health, const char *name, uint32_t rounds)
{
	const int64_t end_us = clock_monotonic_us() + 20000000;
	const struct plugin_instance *instance = registry_find(house.registry, "skill", name);
	struct health_state state;

	do {
		assert_true(clock_monotonic_us() < end_us);
		assert_true(health_get(health, instance, &state));
		usleep(1000);
	} while (state.asked < rounds);
	return state;
}

static void what_instances_say_is_kept_and_counted(void **state)
{
	struct health *health;
	struct health_state said;
	struct buffer text;

	(void)state;
	setenv("ASKD_TEST_HEALTH_MS", "1", 1);
	open_house("well: {plugin: " OFFERS "}, ill: {plugin: " OFFERS ", health: degraded}, "
	           "gone: {plugin: " OFFERS ", health: down}, silent: {plugin: " SILENT "}");
	health = health_start(house.registry, house.timers, house.workers, NULL);
	assert_non_null(health);
	said = wait_for(health, "well", 1);
	assert_int_equal(said.status, ASKD_HEALTH_OK);
	assert_string_equal(said.reason, "");
	said = wait_for(health, "ill", 1);
	assert_int_equal(said.status, ASKD_HEALTH_DEGRADED);
	assert_string_equal(said.reason, "the option says so");
	said = wait_for(health, "gone", 1);
	assert_int_equal(said.status, ASKD_HEALTH_DOWN);
	assert_false(health_get(health, registry_find(house.registry, "skill", "silent"), &said));
#ifdef ASKD_FAULTS
	wait_for(health, "well", 3); /* it is asked again and again */
#endif
	health_stop(health);
	buffer_init(&text, 0);
	metrics_print(&text);
	assert_non_null(strstr(text.s, "askd_instance_health{instance=\"skill/ill\"} 1\n"));
	assert_non_null(strstr(text.s, "askd_instance_health{instance=\"skill/gone\"} 2\n"));
	assert_non_null(strstr(text.s, "askd_instance_health{instance=\"skill/well\"} 0\n"));
	buffer_finish(&text);
}

static void the_end_comes_at_any_moment(void **state)
{
	(void)state;
	setenv("ASKD_TEST_HEALTH_MS", "1", 1);
	open_house("well: {plugin: " OFFERS "}, ill: {plugin: " OFFERS ", health: degraded}");
	for (int i = 0; i < 200; i++) {
		struct health *health =
		        health_start(house.registry, house.timers, house.workers, NULL);

		assert_non_null(health);
		if (i % 4 == 0)
			wait_for(health, "well", 1);
		health_stop(health);
	}
	health_stop(NULL);
}

static void a_house_without_it_is_left_alone(void **state)
{
	struct health *health;

	(void)state;
	open_house("silent: {plugin: " SILENT "}");
	health = health_start(house.registry, house.timers, house.workers, NULL);
	assert_non_null(health);
	assert_int_equal(workers_stats(house.workers).threads, 0);
	health_stop(health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(what_instances_say_is_kept_and_counted, close_house),
	        cmocka_unit_test_teardown(the_end_comes_at_any_moment, close_house),
	        cmocka_unit_test_teardown(a_house_without_it_is_left_alone, close_house),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
