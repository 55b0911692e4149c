/* The whole configuration: defaults, layers, what refers to what. */
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

#include "config/bundled.h"
#include "config/config.h"
#include "config/options.h"

static struct askd_error error;

static struct config *read_good(const char *yaml)
{
	struct config *config = config_read_string("t.yaml", yaml, &error);

	if (!config)
		fail_msg("%s gives: %s", yaml, error.message);
	return config;
}

static void refused(const char *yaml, const char *message)
{
	memset(&error, 0, sizeof error);
	assert_null(config_read_string("t.yaml", yaml, &error));
	assert_int_equal(error.code, ASKD_E_CONFIG);
	if (!strstr(error.message, message))
		fail_msg("%s gives: %s", yaml, error.message);
}

static void nothing_is_enough(void **state)
{
	struct config *config = read_good("");
	const struct config_limit *limit;

	(void)state;
	assert_string_equal(config_find(config, "transport", "console")->plugin, "console");
	assert_string_equal(config_find(config, "skill", "query")->plugin, "query");
	assert_string_equal(config->manager.plugin, "sqlite");
	assert_string_equal(yaml_find(config->costs.node, "path")->text, "costs.db");
	assert_int_equal(config->durability, CONFIG_DURABILITY_FULL);
	assert_int_equal(config->log_level, ASKD_LOG_INFO);
	assert_int_equal(config->workers_max, 4096);
	assert_int_equal(config->workers_queue, 20000);
	assert_int_equal(config->drain_ms, 30000);
	assert_string_equal(config->zone, "UTC");
	assert_non_null(config->plugin_path[0]);
	assert_int_equal(config->anonymous, CONFIG_ANONYMOUS_NO);
	assert_int_equal(config->memory_chat_idle_ms, 300000);
	assert_int_equal(config->memory_program_idle_ms, 3600000);
	limit = config_find_limit(config, "question");
	assert_int_equal(limit->rate.count, 1);
	assert_int_equal(limit->rate.per_us, 1000000);
	assert_int_equal(limit->burst, 3);
	assert_int_equal(limit->concurrent, 1);
	assert_int_equal(limit->waiting, 1);
	assert_int_equal(config_find_limit(config, "key")->by, CONFIG_BY_KEY);
	limit = config_find_limit(config, "login");
	assert_int_equal(limit->by, CONFIG_BY_ADDRESS);
	assert_int_equal(limit->burst, 30);
	limit = config_find_limit(config, "free");
	assert_int_equal(limit->windows[1].count, 100);
	assert_int_equal(limit->windows[1].per_us, INT64_C(3600000000));
	assert_int_equal(limit->windows[3].count, 0);
	assert_string_equal(config_find_stage(config, "analysis")->llm, "offline");
	assert_string_equal(config_find_stage(config, "answer")->llm, "offline");
	assert_string_equal(config_find(config, "llm", "offline")->plugin, "offline");
	assert_string_equal(config_find_stage(config, "email")->prompt_name, "email (bundled)");
	assert_int_equal(config_find_stage(config, "email")->temperature_milli, -1);
	assert_null(config_find_stage(config, "other"));
	config_destroy(config);
	config_destroy(NULL);
	assert_non_null(config_bundled("defaults.yaml", NULL));
	assert_null(config_bundled("defaults", NULL));
}

static void stage_finds_its_llm(void **state)
{
	struct config *config = read_good("llm: {b: {plugin: x}, a: {plugin: x}}");

	(void)state;
	assert_string_equal(config_find_stage(config, "answer")->llm, "b");
	assert_null(config_find(config, "llm", "offline")); /* of those who configure none */
	config_destroy(config);
	config = read_good("llm: {b: {plugin: x}, main: {plugin: x}}");
	assert_string_equal(config_find_stage(config, "analysis")->llm, "main");
	config_destroy(config);
	config = read_good("llm: {b: {plugin: x}, main: {plugin: x}}\n"
	                   "assistant: {stages: {analysis: {llm: b, fallback: [main], "
	                   "escalate_below: 0.85, temperature: 1.5}, email: {llm: main}, "
	                   "mine: {limits: [free]}}}");
	assert_string_equal(config_find_stage(config, "answer")->llm, "b");
	assert_string_equal(config_find_stage(config, "answer")->fallback[0], "main");
	assert_string_equal(config_find_stage(config, "email")->llm, "main");
	assert_null(config_find_stage(config, "email")->fallback);
	assert_int_equal(config_find_stage(config, "analysis")->escalate_below_milli, 850);
	assert_int_equal(config_find_stage(config, "analysis")->temperature_milli, 1500);
	assert_null(config_find_stage(config, "mine")->prompt);
	assert_string_equal(config_find_stage(config, "mine")->limits[0], "free");
	config_destroy(config);
}

static void instance_of_the_file_wins(void **state)
{
	struct config *config = read_good("transport: {web: {plugin: http}, console: null}\n"
	                                  "store: {manager: {plugin: postgres, host: db}, costs: "
	                                  "{path: other.db}}\n"
	                                  "skill: {first: {plugin: x, optional: yes, isolation: "
	                                  "process}}\nlimits: {question: {burst: 9}, free: null}");
	const struct config_instance *first;

	(void)state;
	assert_null(config_find(config, "transport", "console"));
	assert_non_null(config_find(config, "transport", "web"));
	/* Another plugin: the options of the default are none of its. The same: they stay. */
	assert_null(yaml_find(config->manager.node, "path"));
	assert_string_equal(config->costs.plugin, "sqlite");
	assert_string_equal(yaml_find(config->costs.node, "path")->text, "other.db");
	first = config_find(config, "skill", "first");
	assert_int_equal(first->optional, 1);
	assert_int_equal(first->isolation, CONFIG_ISOLATION_PROCESS);
	assert_string_equal(first->next->name, "query");
	assert_int_equal(config_find_limit(config, "question")->burst, 9);
	assert_int_equal(config_find_limit(config, "question")->concurrent, 1);
	assert_null(config_find_limit(config, "free"));
	config_destroy(config);
}

static void database_has_access_egress_limits(void **state)
{
	struct config *config = read_good(
	        "database:\n  a: {plugin: x, access: [everyone, 'org:A b'], egress: schema, "
	        "schemas: [s], limits: {rows: 5, time: 1s}}\n  b: {plugin: x}\n");
	const struct config_database *a = config_find_database(config, "a");
	const struct config_database *b = config_find_database(config, "b");

	(void)state;
	assert_string_equal(a->access[1], "org:A b");
	assert_int_equal(a->egress, CONFIG_EGRESS_SCHEMA);
	assert_string_equal(a->schemas[0], "s");
	assert_int_equal(a->rows, 5);
	assert_int_equal(a->time_ms, 1000);
	assert_int_equal(a->bytes, 16 << 20);
	assert_int_equal(a->value, 65536);
	assert_null(b->access);
	assert_int_equal(b->egress, CONFIG_EGRESS_DEFAULT);
	assert_int_equal(b->rows, 1000);
	assert_null(config_find_database(config, "c"));
	config_destroy(config);
}

static void price_of_the_day_is_exact(void **state)
{
	struct config *config = read_good(
	        "llm: {main: {plugin: x}}\npricing: {main: {m: [{from: 2026-01-01, input: 0.075, "
	        "output: 0.3}, {input: 1, output: 2.5, cached: 0.000001}]}}\n"
	        "budgets: {all: {day: 5.00, month: 50}}");
	const struct config_price *price;

	(void)state;
	price = config_find_price(config, "main", "m", INT64_C(1767225600000000) - 1);
	assert_int_equal(price->input, 1000000);
	assert_int_equal(price->output, 2500000);
	assert_int_equal(price->cached, 1);
	price = config_find_price(config, "main", "m", INT64_C(1767225600000000));
	assert_int_equal(price->input, 75000);
	assert_int_equal(price->cached, 75000);
	/* 342 tokens in, 903 out: 0.00029655 dollars. */
	assert_int_equal(342 * price->input + 903 * price->output, 296550000);
	assert_null(config_find_price(config, "main", "other", 0));
	assert_null(config_find_price(config, "local", "m", 0));
	assert_true(config->budgets->day_pico == INT64_C(5000000000000));
	assert_int_equal(config->budgets->by, CONFIG_BY_ORGANISATION);
	config_destroy(config);
}

static void faults_are_found_without_plugins(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {{"lmm: {}", "t.yaml:1:1: found 'lmm', expected one of "},
	        {"lmm: {}", "did you mean 'llm'?"},
	        {"llm: [1]", "t.yaml:1:6: found a list for 'llm', expected a map"},
	        {"- 1", "t.yaml:1:1: found a list, expected sections"},
	        {"llm: {main: {}}", "t.yaml:1:7: found no 'plugin' in llm/main"},
	        {"llm: {main: {plugin: ../x}}", "found '../x' for 'plugin'"},
	        {"llm: {Main: {plugin: x}}", "t.yaml:1:7: found 'Main', expected a name"},
	        {"llm: {main: {plugin: x, isolation: maybe}}", "expected one of none, process"},
	        {"llm: {main: {plugin: x}}\nassistant: {stages: {answer: {llm: mian}}}",
	                "t.yaml:2:36: found 'mian', expected main, did you mean 'main'?"},
	        {"llm: {main: {plugin: x}}\nassistant: {stages: {answer: {fallback: [lokal]}}}",
	                "t.yaml:2:42: found 'lokal', expected main"},
	        {"assistant: {stages: {answer: {llm: x}}}", "found 'x', expected offline"},
	        {"llm: {}\nassistant: {stages: {answer: {llm: x}}}", "found 'x', expected none"},
	        {"assistant: {stages: {answer: {limits: [fre]}}}", "did you mean 'free'?"},
	        {"assistant: {stages: {answer: {temperature: 2.1}}}", "from 0 to 2"},
	        {"assistant: {stages: {answer: {prompt: nowhere.md}}}", "No such file"},
	        {"assistant: {memry: {}}", "did you mean 'memory'?"},
	        {"llm: {main: {plugin: x}}\npricing: {mian: {}}", "t.yaml:2:11: found 'mian'"},
	        {"llm: {main: {plugin: x}}\npricing: {main: {m: {input: 1}}}", "no 'output'"},
	        {"llm: {main: {plugin: x}}\npricing: {main: {m: {input: 0.0000001, output: 1}}}",
	                "t.yaml:2:29: found '0.0000001' for 'input'"},
	        {"llm: {main: {plugin: x}}\npricing: {main: {m: {input: 1, output: 1, from: "
	         "2026-02-30}}}",
	                "expected a day"},
	        {"llm: {main: {plugin: x}}\npricing: {main: {m: [{input: 1, output: 1}, {input: 1, "
	         "output: 1}]}}",
	                "two prices"},
	        {"limits: {a: {rate: 1/m}}",
	                "t.yaml:1:20: found '1/m' in limits.a, expected a rate"},
	        {"limits: {a: {windows: [0/s]}}", "t.yaml:1:24: found '0/s'"},
	        {"budgets: {a: {day: -1}}", "found '-1' for 'day'"},
	        {"database: {a: {plugin: x, access: [everone]}}", "did you mean 'everyone'?"},
	        {"database: {a: {plugin: x, access: ['org:']}}", "found 'org:'"},
	        {"database: {a: {plugin: x, limits: {row: 1}}}",
	                "did you mean 'rows'? (in database/a.limits)"},
	        {"security: {admins: [me]}", "expected ISSUER:SUBJECT"},
	        {"askd: {zone: ../../etc/passwd}", "expected a time zone"},
	        {"askd: {log: {level: inf}}", "did you mean 'info'?"},
	        {"store: {manager: null}", "expected"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refused(cases[i].yaml, cases[i].message);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void layers_lie_over_one_another(void **state)
{
	static const char *const names[] = {"askd.yaml", "conf.d/10.yaml", "conf.d/20.yaml",
	        "conf.d/30.txt", "prompt.md", NULL};
	char folder[] = "/tmp/askd-layers-XXXXXX", path[128];
	struct config *config;
	const struct yaml_node *node;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/conf.d", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(folder, names[0],
	        "askd: {state_dir: state, drain: 1s, log: {level: debug}}\n"
	        "llm: {main: {plugin: x, model: one, other: 1}}\n"
	        "assistant: {stages: {answer: {prompt: prompt.md}}}\n");
	write_file(folder, names[1], "llm: {main: {model: two}}\naskd: {drain: 2s}\n");
	write_file(folder, names[2], "askd: {drain: 3s}\n");
	write_file(folder, names[3], "this is: [no YAML\n");
	write_file(folder, names[4], "Say it.\n");
	setenv("ASKD__LLM__MAIN__MODEL", "three: #3", 1);
	setenv("ASKD__LLM__LOCAL", "{plugin: y}", 1);
	setenv("ASKD__SECURITY__ADMINS", "[\"local:me\"]", 1);
	snprintf(path, sizeof path, "%s/askd.yaml", folder);
	setenv("ASKD_CONFIG", path, 1);
	config = config_read(NULL, &error);
	if (!config)
		fail_msg("%s", error.message);
	assert_string_equal(config->path, path);
	assert_int_equal(config->drain_ms, 3000);
	assert_int_equal(config->log_level, ASKD_LOG_DEBUG);
	node = config_find(config, "llm", "main")->node;
	assert_string_equal(yaml_find(node, "model")->text, "three: #3");
	assert_string_equal(yaml_find(node, "other")->text, "1");
	assert_string_equal(config_find(config, "llm", "local")->plugin, "y");
	assert_string_equal(config->admins[0], "local:me");
	assert_string_equal(config_find_stage(config, "answer")->prompt, "Say it.\n");
	snprintf(path, sizeof path, "%s/state", folder);
	assert_string_equal(config->state_dir, path);
	config_destroy(config);
	setenv("ASKD__LLM__MAIN__OPTIONAL", "perhaps", 1);
	assert_null(config_read(NULL, &error));
	assert_non_null(strstr(error.message, "$ASKD__LLM__MAIN__OPTIONAL: found 'perhaps'"));
	unsetenv("ASKD__LLM__MAIN__OPTIONAL");
	setenv("ASKD__LMM__MAIN", "x", 1);
	assert_null(config_read(NULL, &error));
	assert_non_null(strstr(error.message, "$ASKD__LMM__MAIN: found 'lmm'"));
	unsetenv("ASKD__LMM__MAIN");
	setenv("ASKD__ASKD____X", "x", 1);
	assert_null(config_read(NULL, &error));
	assert_non_null(strstr(error.message, "$ASKD__ASKD____X: "));
	unsetenv("ASKD__ASKD____X");
	unsetenv("ASKD__LLM__MAIN__MODEL");
	unsetenv("ASKD__LLM__LOCAL");
	unsetenv("ASKD__SECURITY__ADMINS");
	for (size_t i = 0; names[i]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	assert_null(config_read(NULL, &error));
	assert_non_null(strstr(error.message, "No such file"));
	unsetenv("ASKD_CONFIG");
	snprintf(path, sizeof path, "%s/conf.d", folder);
	rmdir(path);
	rmdir(folder);
}

static void tables_of_the_host_are_sound(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct config_section *s = config_sections(); s->name; s++, count++) {
		assert_non_null(s->help);
		if (options_check(s->options, sizeof *s->options, sizeof(struct config), &error))
			fail_msg("%s: %s", s->name, error.message);
	}
	assert_true(count > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_enough),
	        cmocka_unit_test(stage_finds_its_llm), cmocka_unit_test(instance_of_the_file_wins),
	        cmocka_unit_test(database_has_access_egress_limits),
	        cmocka_unit_test(price_of_the_day_is_exact),
	        cmocka_unit_test(faults_are_found_without_plugins),
	        cmocka_unit_test(layers_lie_over_one_another),
	        cmocka_unit_test(tables_of_the_host_are_sound)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
