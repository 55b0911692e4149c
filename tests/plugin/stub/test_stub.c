/* test_stub.c: the stub host with a real plugin linked into the test, as authors do it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <askd/stub.h>

extern const struct askd_plugin askd_plugin_v1; /* echo_llm or ping: see CMakeLists.txt */

static struct askd_error err;

#ifdef WITH_PING
static void a_skill_speaks_through_the_stub(void **state)
{
	struct askd_stub *stub = askd_stub_create(&askd_plugin_v1);
	ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT);
	ASKD_MAKE(struct askd_outcome, outcome, .status = 0);
	(void)state;
	assert_non_null(stub);
	assert_int_equal(askd_stub_open(stub, NULL, &err), ASKD_OK);
	assert_int_equal(
	        askd_stub_call(stub, struct askd_skill_iface, handle, &turn, &outcome, &err),
	        ASKD_OK);
	assert_string_equal(askd_stub_sent(stub), "reply pong\n");
	askd_stub_destroy(stub);
}
#else
static void options_fill_the_instance(void **state)
{
	static const char *const options[] = {"replies", "[\"one\", \"!BUSY 70\"]", NULL};
	struct askd_stub *stub = askd_stub_create(&askd_plugin_v1);
	ASKD_MAKE(struct askd_llm_request, request, .temperature_milli = -1);
	ASKD_MAKE(struct askd_llm_reply, reply, .finish = 0);
	(void)state;
	assert_non_null(stub);
	assert_int_equal(askd_stub_open(stub, options, &err), ASKD_OK);
	assert_int_equal(
	        askd_stub_call(stub, struct askd_llm_iface, complete, &request, &reply, &err),
	        ASKD_OK);
	assert_string_equal(reply.text.s, "one");
	assert_int_equal(
	        askd_stub_call(stub, struct askd_llm_iface, complete, &request, &reply, &err),
	        ASKD_E_BUSY);
	assert_int_equal(err.retry_after_ms, 70);
	askd_stub_destroy(stub);
}

static void wrong_options_are_refused(void **state)
{
	static const char *const wrong[][3] = {{"replies", "[\"one\"", NULL},
	        {"replies", "one", NULL}, {"local", "perhaps", NULL}, {"nobody", "1", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct askd_stub *stub = askd_stub_create(&askd_plugin_v1);
		assert_non_null(stub);
		assert_int_equal(askd_stub_open(stub, wrong[i], &err), ASKD_E_CONFIG);
		assert_non_null(strstr(err.message, wrong[i][0]));
		askd_stub_destroy(stub);
	}
}

static void scripted_services_answer_in_order(void **state)
{
	struct askd_stub *stub = askd_stub_create(&askd_plugin_v1);
	const struct askd_host *host = (const struct askd_host *)(void *)stub;
	const struct askd_http_service *http;
	struct askd_call *call;
	ASKD_MAKE(struct askd_http_request, request, .method = ASKD_LITERAL("GET"),
	        .url = ASKD_LITERAL("http://a/"));
	ASKD_MAKE(struct askd_http_response, response, .status = 0);
	(void)state;
	assert_non_null(stub);
	http = host->service(host, "askd.http/1");
	assert_null(host->service(host, "askd.nobody/1"));
	call = askd_stub_begin(stub, 1000);
	assert_int_equal(askd_stub_http(stub, 404, "no"), ASKD_OK);
	assert_int_equal(askd_stub_http(stub, ASKD_E_TIMEOUT, NULL), ASKD_OK);
	assert_int_equal(http->fetch(host, call, &request, &response, &err), ASKD_OK);
	assert_int_equal(response.status, 404);
	assert_int_equal(http->fetch(host, call, &request, &response, &err), ASKD_E_TIMEOUT);
	assert_int_equal(http->fetch(host, call, &request, &response, &err), ASKD_E_IO);
	assert_string_equal(askd_stub_sent(stub), "GET http://a/\nGET http://a/\nGET http://a/\n");
	askd_stub_clock(stub, 42);
	assert_int_equal(host->now_us(host), 42);
	askd_stub_cancel(stub, 1);
	assert_true(askd_canceled(call));
	host->log(host, call, ASKD_LOG_INFO, "a line");
	assert_string_equal(askd_stub_log(stub), "a line\n");
	askd_stub_destroy(stub);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef WITH_PING
	        cmocka_unit_test(a_skill_speaks_through_the_stub),
#else
	        cmocka_unit_test(options_fill_the_instance),
	        cmocka_unit_test(wrong_options_are_refused),
	        cmocka_unit_test(scripted_services_answer_in_order),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
