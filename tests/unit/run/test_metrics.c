/* Metrics as Prometheus reads them, and listening sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/crossing.h"
#include "plugin/registry.h"
#include "run/listen.h"
#include "run/metrics.h"

static void series_are_printed_as_prometheus_reads_them(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 0);
	metrics_add("askd_turns_total", "kind=\"answer\"", 2);
	metrics_add("askd_turns_total", "kind=\"answer\"", 3);
	metrics_add("askd_turns_total", "kind=\"answer\"", -9); /* counters never fall */
	metrics_set("askd_workers", NULL, 7);
	metrics_set("askd_workers", NULL, 4);
	metrics_observe_us("askd_turn_seconds", NULL, 1500);
	metrics_observe_us("askd_turn_seconds", NULL, 200000000);
	metrics_set("askd_turn_seconds", NULL, 1); /* the name has another type */
	metrics_print(&b);
	assert_non_null(strstr(b.s, "# TYPE askd_turns_total counter\n"
	                            "askd_turns_total{kind=\"answer\"} 5\n"));
	assert_non_null(strstr(b.s, "# TYPE askd_workers gauge\naskd_workers 4\n"));
	assert_non_null(strstr(b.s, "askd_turn_seconds_bucket{le=\"0.001\"} 0\n"));
	assert_non_null(strstr(b.s, "askd_turn_seconds_bucket{le=\"0.0025\"} 1\n"));
	assert_non_null(strstr(b.s, "askd_turn_seconds_bucket{le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(b.s, "askd_turn_seconds_sum 200.0015\n"));
	assert_non_null(strstr(b.s, "askd_turn_seconds_count 2\n"));
	assert_non_null(strstr(b.s, "askd_metrics_dropped_total 1\n"));
	buffer_finish(&b);
	metrics_stop();
}

static void series_are_bounded(void **state)
{
	struct buffer b;
	char label[64];
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 12000; i++) {
		snprintf(label, sizeof label, "of=\"%d\"", i);
		metrics_add("askd_test_total", label, 1);
	}
	buffer_init(&b, 0);
	metrics_print(&b);
	for (const char *s = b.s; (s = strstr(s, "\naskd_test_total{")); s++)
		lines++;
	assert_int_equal(lines, 10000);
	buffer_finish(&b);
	metrics_stop();
}

static struct config_instance configured = {.kind = "llm", .name = "main", .plugin = "my-model"};
static struct plugin_instance instance = {.config = &configured, .host.instance = "llm/main"};

static void plugins_cannot_leave_their_names(void **state)
{
	const struct askd_metrics_service *service;
	struct askd_metric metric = {.size = sizeof metric,
	        .name = ASKD_LITERAL("tokens_total"),
	        .label = ASKD_LITERAL("a\"b\\c\nd"),
	        .value = 3};
	struct cancel cancel;
	struct call_scope scope = {.cancel = &cancel};
	struct plugin_call call;
	struct askd_error err;
	struct buffer b;
	bool enters;

	(void)state;
	cancel_init(&cancel);
	assert_int_equal(metrics_start(NULL), ASKD_OK);
	service = service_find("askd.metrics/1", &enters);
	assert_non_null(service);
	plugin_call_init(&call, &scope, 0);
	call.owner = &instance;
	assert_int_equal(service->add(&instance.host, &call.base, &metric, NULL, &err), ASKD_OK);
	metric.name = ASKD_LITERAL("x} 1\nfake");
	assert_int_equal(
	        service->add(&instance.host, &call.base, &metric, NULL, &err), ASKD_E_INVALID);
	buffer_init(&b, 0);
	metrics_print(&b);
	assert_non_null(
	        strstr(b.s, "\naskd_llm_my_model_tokens_total{of=\"a\\\"b\\\\c\\nd\"} 3\n"));
	assert_null(strstr(b.s, "fake"));
	/* The crossings themselves were counted, the failed one with its class. */
	assert_non_null(
	        strstr(b.s, "askd_crossings_total{kind=\"metrics_service\",function=\"add\"} 2\n"));
	assert_non_null(strstr(b.s, "askd_crossing_errors_total{kind=\"metrics_service\","
	                            "function=\"add\",class=\"INVALID\"} 1\n"));
	buffer_finish(&b);
	plugin_call_finish(&call);
	cancel_finish(&cancel);
	metrics_stop();
	registry_reset_services();
}

static void same_address_gives_the_same_socket(void **state)
{
	struct askd_error err;
	char folder[] = "/tmp/askd-listen-XXXXXX", address[64];
	struct stat st;
	int one, other, local;

	(void)state;
	one = listen_open("127.0.0.1:0", 1, &err);
	assert_true(one >= 0);
	assert_int_equal(listen_open("localhost:0", 1, &err), one);
	other = listen_open("[::1]:0", 1, &err);
	assert_true(other != one);
	assert_non_null(mkdtemp(folder));
	snprintf(address, sizeof address, "unix:%s/s", folder);
	local = listen_open(address, 1, &err);
	assert_true(local >= 0);
	assert_int_equal(listen_open(address, 1, &err), local);
	listen_stop();
	assert_int_equal(stat(address + 5, &st), -1);
	/* A file that a dead process left is replaced. */
	local = listen_open(address, 1, &err);
	assert_true(local >= 0);
	listen_stop();
	rmdir(folder);
}

static void sockets_of_who_is_gone_are_closed(void **state)
{
	static const uint64_t users[] = {2, 4};
	char folder[] = "/tmp/askd-listen-XXXXXX", address[64];
	struct askd_error err;
	struct stat st;
	int kept, handed_on;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address, sizeof address, "unix:%s/s", folder);
	assert_true(listen_open(address, 1, &err) >= 0);
	kept = listen_open("127.0.0.1:0", 2, &err);
	handed_on = listen_open("[::1]:0", 3, &err);
	assert_int_equal(listen_open("[::1]:0", 4, &err), handed_on);
	listen_keep(users, 2);
	assert_int_equal(stat(address + 5, &st), -1);
	assert_int_equal(listen_open("127.0.0.1:0", 2, &err), kept);
	assert_int_equal(listen_open("[::1]:0", 4, &err), handed_on);
	listen_stop();
	rmdir(folder);
}

static void a_gauge_that_is_gone_is_not_printed(void **state)
{
	struct buffer b;

	(void)state;
	metrics_set("askd_gone", "of=\"a\"", 1);
	metrics_set("askd_gone", "of=\"b\"", 2);
	metrics_remove("askd_gone", "of=\"a\"");
	metrics_remove("askd_gone", NULL);
	buffer_init(&b, 0);
	metrics_print(&b);
	assert_null(strstr(b.s, "askd_gone{of=\"a\"}"));
	assert_non_null(strstr(b.s, "askd_gone{of=\"b\"} 2\n"));
	buffer_finish(&b);
	metrics_stop();
}

static void bad_addresses_are_explained(void **state)
{
	static const char *const bad[] = {"", ":", "8080", "host.example:80", "127.0.0.1:70000",
	        "127.0.0.1:", "[::1]", "unix:relative", "1.2.3:80"};
	struct askd_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(listen_open(bad[i], 1, &err), -1);
		assert_int_equal(err.code, ASKD_E_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(series_are_printed_as_prometheus_reads_them),
	        cmocka_unit_test(series_are_bounded),
	        cmocka_unit_test(plugins_cannot_leave_their_names),
	        cmocka_unit_test(same_address_gives_the_same_socket),
	        cmocka_unit_test(sockets_of_who_is_gone_are_closed),
	        cmocka_unit_test(a_gauge_that_is_gone_is_not_printed),
	        cmocka_unit_test(bad_addresses_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
