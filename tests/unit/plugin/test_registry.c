/* test_registry.c: instances of a configuration, what they are given, and the extensions. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugins.h"

static struct askd_error err;

static const char *const search_path[] = {BINARY_DIR "/test-plugins", NULL};

/* Three instances in a row: two skills and a model; `broken` is the one with the wrong option. */
static struct config_instance instances[3];
static struct config config;
static struct arena arena;

static const struct yaml_node *yaml(const char *s)
{
	struct yaml_node *node = yaml_read_string(&arena, "askd.yaml", s, strlen(s), &err);
	if (!node)
		fail_msg("%s", err.message);
	return node;
}

static int config_make(void **state)
{
	(void)state;
	arena_init(&arena, 0);
	memset(instances, 0, sizeof instances);
	instances[0] = (struct config_instance){
	        .kind = "llm", .name = "main", .plugin = "echo_llm", .next = &instances[1]};
	instances[1] = (struct config_instance){.kind = "skill",
	        .name = "guard",
	        .plugin = "hooks",
	        .node = yaml("before: nonsense\n"),
	        .next = &instances[2]};
	instances[2] = (struct config_instance){
	        .kind = "skill", .name = "tools", .plugin = "tools_verbs_health"};
	memset(&config, 0, sizeof config);
	config.plugin_path = search_path;
	config.instances = instances;
	return 0;
}

static int config_free(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

static void a_fault_in_an_instance_stops_the_start_with_its_place(void **state)
{
	(void)state;
	assert_null(registry_open(&config, &err));
	assert_int_equal(err.code, ASKD_E_CONFIG);
	assert_non_null(strstr(err.message, "askd.yaml:1"));
}

/* Opens the next generation after `old`, which it closes. */
static struct registry *reopen(struct registry *old)
{
	struct registry *next = registry_reopen(old, &config, &err);

	if (!next)
		fail_msg("%s", err.message);
	registry_close(old);
	return next;
}

static void an_instance_with_the_same_options_is_taken_over(void **state)
{
	struct registry *registry;
	const struct plugin_instance *llm, *tools;

	(void)state;
	instances[0].node = yaml("replies: [one, two]\n");
	instances[0].next = &instances[2];
	registry = reopen(NULL);
	llm = registry_find(registry, "llm", "main");
	tools = registry_find(registry, "skill", "tools");
	instances[0].node = yaml("local: yes\nreplies: ['one', two]\n");
	registry = reopen(registry);
	assert_ptr_equal(registry_find(registry, "llm", "main"), llm);
	assert_ptr_equal(registry_find(registry, "skill", "tools"), tools);
	instances[0].node = yaml("replies: [onetwo]\n");
	registry = reopen(registry);
	assert_ptr_not_equal(registry_find(registry, "llm", "main"), llm);
	assert_ptr_equal(registry_find(registry, "skill", "tools"), tools);
	/* Another name is another instance. */
	instances[2].name = "more";
	registry = reopen(registry);
	assert_null(registry_find(registry, "skill", "tools"));
	assert_non_null(registry_find(registry, "skill", "more"));
	/* One that fails leaves the others as they are. */
	llm = registry_find(registry, "llm", "main");
	instances[2].node = yaml("health: nonsense\n");
	assert_null(registry_reopen(registry, &config, &err));
	assert_ptr_equal(registry_find(registry, "llm", "main"), llm);
	assert_int_equal(llm->references, 1);
	registry_close(registry);
}

static void who_works_with_an_instance_keeps_it_open(void **state)
{
	struct registry *registry;
	struct plugin_instance *llm;

	(void)state;
	instances[0].next = NULL;
	registry = reopen(NULL);
	llm = registry_find(registry, "llm", "main");
	plugin_instance_hold(llm);
	registry_close(registry);
	assert_string_equal(llm->host.instance, "llm/main");
	assert_string_equal(llm->config->plugin, "echo_llm");
	plugin_instance_drop(llm);
	registry_reap();
}

static void an_optional_instance_is_left_out_with_a_warning(void **state)
{
	struct registry *registry;
	struct plugin_instance *i;
	(void)state;
	instances[1].optional = 1;
	registry = registry_open(&config, &err);
	if (!registry)
		fail_msg("%s", err.message);
	assert_int_equal(registry->warnings, 1);
	assert_null(registry_find(registry, "skill", "guard"));
	assert_non_null(registry_find(registry, "llm", "main"));
	i = registry_next(registry, "skill", NULL);
	assert_string_equal(i->host.instance, "skill/tools");
	assert_null(registry_next(registry, "skill", i));
	registry_close(registry);
	/* missing altogether is a fault of the same sort */
	instances[1].plugin = "hoks";
	registry = registry_open(&config, &err);
	assert_non_null(registry);
	registry_close(registry);
	instances[1].optional = 0;
	assert_null(registry_open(&config, &err));
	assert_non_null(strstr(err.message, "did you mean hooks?"));
}

static void extensions_are_called_through_their_tables(void **state)
{
	struct fixture f;
	struct plugin_instance *i;
	const struct askd_tools *tools;
	const struct askd_verbs *verbs;
	ASKD_MAKE(struct askd_tool_call, tool_call, .arguments = ASKD_LITERAL("{\"a\":1}"));
	struct askd_tool_result tool_result;
	struct askd_health_report report;
	struct askd_verb_result verb_result;
	struct askd_verb_call verb_call = {
	        .size = sizeof verb_call, .args = ASKD_LITERAL("[\"x\"]")};
	char line[32] = "";
	int pipes[2];
	(void)state;
	fixture_init(&f, "skill", TEST_PLUGIN("skill/tools_verbs_health"), "health: degraded\n");
	i = fixture_open(&f);
	tools = plugin_instance_extension(i, "askd.tools/1");
	assert_int_equal(
	        enter_tool_run(i, tools->tools[0], NULL, &f.call, &tool_call, &tool_result, &err),
	        ASKD_OK);
	assert_string_equal(tool_result.json.s, "{\"a\":1}");
	tool_call.arguments = ASKD_LITERAL("no JSON");
	assert_int_equal(
	        enter_tool_run(i, tools->tools[0], NULL, &f.call, &tool_call, &tool_result, &err),
	        ASKD_E_PROTOCOL);
	assert_int_equal(enter_health_report(i, plugin_instance_extension(i, "askd.health/1"), NULL,
	                         &f.call, NULL, &report, &err),
	        ASKD_OK);
	assert_int_equal(report.status, ASKD_HEALTH_DEGRADED);
	assert_int_equal(pipe(pipes), 0);
	verb_call.out = pipes[1];
	verbs = plugin_instance_extension(i, "askd.verbs/1");
	assert_int_equal(
	        enter_verb_run(i, verbs->verbs[0], NULL, &f.call, &verb_call, &verb_result, &err),
	        ASKD_OK);
	assert_int_equal(verb_result.status, 3);
	assert_true(read(pipes[0], line, sizeof line - 1) > 0);
	assert_string_equal(line, "[\"x\"]\n");
	close(pipes[0]);
	close(pipes[1]);
	registry_close_one(i);
	fixture_finish(&f);
}

static void hooks_see_the_turn_and_may_change_or_refuse_it(void **state)
{
	static const struct {
		const char *yaml;
		uint32_t verdict;
		int32_t rc;
	} cases[] = {{"before: pass\n", ASKD_HOOK_PASS, ASKD_OK},
	        {"before: change\ntext: new\n", ASKD_HOOK_CHANGE, ASKD_OK},
	        {"before: refuse\ntext: not here\n", ASKD_HOOK_REFUSE, ASKD_OK},
	        {"before: fail\n", 0, ASKD_E_INTERNAL},
	        {"before: refuse\nword: absent\n", ASKD_HOOK_PASS, ASKD_OK}};
	(void)state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct fixture f;
		struct plugin_instance *i;
		struct askd_hook_verdict verdict;
		ASKD_MAKE(struct askd_turn, turn, .text = ASKD_LITERAL("how many"));
		ASKD_MAKE(struct askd_hook_event, event, .turn = &turn);
		fixture_init(&f, "skill", TEST_PLUGIN("skill/hooks"), cases[k].yaml);
		i = fixture_open(&f);
		assert_int_equal(enter_hooks_before(i, plugin_instance_extension(i, "askd.hooks/1"),
		                         NULL, &f.call, &event, &verdict, &err),
		        cases[k].rc);
		if (!cases[k].rc)
			assert_int_equal(verdict.verdict, cases[k].verdict);
		registry_close_one(i);
		fixture_finish(&f);
	}
}

static void a_scripted_model_answers_streams_and_fails(void **state)
{
	struct fixture f;
	struct plugin_instance *i;
	struct askd_llm_reply reply;
	ASKD_MAKE(struct askd_llm_request, in, .temperature_milli = -1);
	(void)state;
	fixture_init(&f, "llm", TEST_PLUGIN("llm/echo_llm"), "replies: [one, '!BUSY 1500', two]\n");
	i = fixture_open(&f);
	assert_int_equal(enter_llm_iface_complete(i, NULL, NULL, &f.call, &in, &reply, &err), 0);
	assert_string_equal(reply.text.s, "one");
	assert_int_equal(
	        enter_llm_iface_complete(i, NULL, NULL, &f.call, &in, &reply, &err), ASKD_E_BUSY);
	assert_int_equal(err.retry_after_ms, 1500);
	assert_int_equal(enter_llm_iface_complete(i, NULL, NULL, &f.call, &in, &reply, &err), 0);
	assert_int_equal(enter_llm_iface_complete(i, NULL, NULL, &f.call, &in, &reply, &err), 0);
	assert_string_equal(reply.text.s, "two");
	registry_close_one(i);
	fixture_finish(&f);
}

/* ---- instances that are not concurrent --------------------------------------------------------
 */

static uint32_t inside, most;

static int32_t slow_send(void *self, struct askd_call *call, const struct askd_mail *in,
        struct askd_outgone *out, struct askd_error *reterr)
{
	uint32_t now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	(void)self, (void)call, (void)in, (void)out, (void)reterr;
	if (now > __atomic_load_n(&most, __ATOMIC_SEQ_CST))
		__atomic_store_n(&most, now, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	return ASKD_OK;
}

static const struct askd_mailer_iface mailer = {.size = sizeof mailer, .send = slow_send};
static struct askd_plugin mailer_plugin;
static struct plugin_library mailer_library = {.plugin = &mailer_plugin, .iface = &mailer};
static struct plugin_instance mailer_instance = {.library = &mailer_library};

static void *send_ten(void *arg)
{
	struct cancel cancel;
	struct call_scope scope = {.cancel = &cancel};
	struct plugin_call call;
	(void)arg;
	cancel_init(&cancel);
	plugin_call_init(&call, &scope, 60000);
	for (int i = 0; i < 10; i++) {
		ASKD_MAKE(struct askd_mail, mail, .id = ASKD_LITERAL("a"));
		enter_mailer_iface_send(&mailer_instance, NULL, NULL, &call, &mail, NULL, NULL);
	}
	plugin_call_finish(&call);
	cancel_finish(&cancel);
	return NULL;
}

static uint32_t most_inside(uint64_t flags)
{
	pthread_t threads[4];
	mailer_plugin.flags = flags;
	mailer_instance.host.instance = "mailer/test";
	most = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_ten, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return most;
}

static void one_thread_at_a_time_enters_an_instance_that_is_not_concurrent(void **state)
{
	(void)state;
	pthread_mutex_init(&mailer_instance.serial, NULL);
	assert_int_equal(most_inside(0), 1);
	pthread_mutex_destroy(&mailer_instance.serial);
}

static const struct askd_turn_service turn_service = {.size = sizeof turn_service};

static void an_instance_that_is_not_concurrent_gets_no_service_that_enters_others(void **state)
{
	struct fixture f;
	struct plugin_instance *i;
	(void)state;
	fixture_init(&f, "mailer", TEST_PLUGIN("mailer/serial"), NULL);
	registry_offer_service("askd.turn/1", &turn_service, true);
	assert_null(registry_open_one(&f.config, NULL, &err));
	assert_int_equal(err.code, ASKD_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "mailer/test: needs the service askd.turn/1"));
	registry_reset_services();
	registry_offer_service("askd.turn/1", &turn_service, false);
	i = registry_open_one(&f.config, NULL, &err);
	assert_non_null(i);
	registry_close_one(i);
	registry_reset_services();
	fixture_finish(&f);
}

int main(void)
{
#define CONFIGURED(test) cmocka_unit_test_setup_teardown(test, config_make, config_free)
	const struct CMUnitTest tests[] = {
	        CONFIGURED(a_fault_in_an_instance_stops_the_start_with_its_place),
	        CONFIGURED(an_instance_with_the_same_options_is_taken_over),
	        CONFIGURED(who_works_with_an_instance_keeps_it_open),
	        CONFIGURED(an_optional_instance_is_left_out_with_a_warning),
	        cmocka_unit_test(extensions_are_called_through_their_tables),
	        cmocka_unit_test(hooks_see_the_turn_and_may_change_or_refuse_it),
	        cmocka_unit_test(a_scripted_model_answers_streams_and_fails),
	        cmocka_unit_test(one_thread_at_a_time_enters_an_instance_that_is_not_concurrent),
	        cmocka_unit_test(
	                an_instance_that_is_not_concurrent_gets_no_service_that_enters_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
