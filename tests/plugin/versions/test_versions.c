/* test_versions.c: this host calls itself 1.ASKD_SDK_MINOR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "plugin/registry.h"

static void opens(const char *file, bool has_newer)
{
	struct askd_error err = {0};
	struct plugin_library *library = plugin_library_open(file, ASKD_KIND_SKILL, &err);
	const struct askd_skill_iface *iface;
	if (!library)
		fail_msg("%s", err.message);
	iface = library->iface;
	assert_non_null(iface->handle);
#ifdef ASKD_TEST_NEXT_MINOR
	assert_int_equal(iface->newer != NULL, has_newer);
	if (has_newer) {
		ASKD_MAKE(struct askd_outcome, outcome, .status = 0);
		assert_int_equal(iface->newer(NULL, NULL, NULL, &outcome, &err), ASKD_OK);
		assert_int_equal(outcome.status, ASKD_TURN_CLARIFY);
	}
#else
	(void)has_newer;
#endif
}

static void the_older_plugin_opens(void **state)
{
	(void)state;
	opens(PLUGINS "/versions_1_0.so", false);
}

static void the_newer_plugin_that_needs_only_the_older_contract_opens(void **state)
{
	(void)state;
	opens(PLUGINS "/versions_1_1_as_1_0.so", false);
}

static void the_newer_plugin_opens_in_the_newer_host_only(void **state)
{
	(void)state;
#ifdef ASKD_TEST_NEXT_MINOR
	opens(PLUGINS "/versions_1_1.so", true);
#else
	struct askd_error err = {0};
	assert_null(plugin_library_open(PLUGINS "/versions_1_1.so", NULL, &err));
	assert_int_equal(err.code, ASKD_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "needs ABI 1.1, this host offers 1.0"));
#endif
}

/* A function beyond the end of the older table is absent, not read. */
static void the_door_asks_the_size_of_the_table(void **state)
{
	struct askd_error err = {0};
	struct plugin_library *library =
	        plugin_library_open(PLUGINS "/versions_1_0.so", NULL, &err);
	struct plugin_instance instance = {.library = library, .host = {.instance = "skill/v"}};
	struct cancel cancel;
	struct call_scope scope = {.cancel = &cancel};
	struct plugin_call call;
	ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT);
	ASKD_MAKE(struct askd_outcome, outcome, .status = 0);
	struct askd_skill_iface shorter = {.size = offsetof(struct askd_skill_iface, handle)};
	(void)state;
	assert_non_null(library);
	cancel_init(&cancel);
	plugin_call_init(&call, &scope, 1000);
	assert_int_equal(
	        enter_skill_iface_handle(&instance, NULL, &instance, &call, &turn, &outcome, &err),
	        ASKD_OK);
	memcpy(&shorter.handle, &(void *){(void *)(uintptr_t)1}, sizeof(void *));
	assert_int_equal(enter_skill_iface_handle(
	                         &instance, &shorter, &instance, &call, &turn, &outcome, &err),
	        ASKD_E_UNSUPPORTED);
	plugin_call_finish(&call);
	cancel_finish(&cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_older_plugin_opens),
	        cmocka_unit_test(the_newer_plugin_that_needs_only_the_older_contract_opens),
	        cmocka_unit_test(the_newer_plugin_opens_in_the_newer_host_only),
	        cmocka_unit_test(the_door_asks_the_size_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
