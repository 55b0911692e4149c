/* conformance_kinds.c: what the kinds llm, transport and mailer must do, and the extensions. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "plugin/conformance_run.h"

/* ---- llm ---------------------------------------------------------------------------------------
 */

static int32_t ask_model(struct conformance *run, int64_t limit_ms, struct askd_error *error)
{
	struct plugin_call call;
	struct askd_llm_message system = {.size = sizeof system,
	        .role = ASKD_ROLE_SYSTEM,
	        .text = ASKD_LITERAL("Answer with one word."),
	        .tool_call_id = {NULL, 0}};
	struct askd_llm_message user = {
	        .size = sizeof user, .role = ASKD_ROLE_USER, .text = ASKD_LITERAL("Ready?")};
	const struct askd_llm_message *const messages[] = {&system, &user, NULL};
	struct askd_task task = {.size = sizeof task,
	        .now_us = clock_now_us(),
	        .kind = ASKD_LITERAL("answer"),
	        .question = ASKD_LITERAL("Ready?"),
	        .language = ASKD_LITERAL("en"),
	        .zone = ASKD_LITERAL("UTC")};
	struct askd_llm_request request = {.size = sizeof request,
	        .temperature_milli = -1,
	        .messages = messages,
	        .task = &task};
	struct askd_llm_reply reply;
	int32_t rc;

	plugin_call_init(&call, &run->scope, limit_ms);
	rc = enter_llm_iface_complete(run->instance, NULL, NULL, &call, &request, &reply, error);
	if (!rc && (!reply.text.s && !reply.calls))
		rc = askd_fail(error, ASKD_E_INTERNAL, "OK, with neither text nor tool calls");
	plugin_call_finish(&call);
	return rc;
}

/* As the contract's words for `complete` list them. */
static const struct conformance_class llm_classes[] = {
        {"ok", "a sound reply", ASKD_OK, 0, {0}},
        {"auth", "a wrong key (401)", ASKD_E_AUTH, 0,
                {.status = 401, .body = "{\"error\":{\"message\":\"bad key\"}}"}},
        {"denied", "a right that is missing (403)", ASKD_E_DENIED, 0,
                {.status = 403, .body = "{\"error\":{\"message\":\"no\"}}"}},
        {"not_found", "an unknown model (404)", ASKD_E_NOT_FOUND, 0,
                {.status = 404, .body = "{\"error\":{\"message\":\"no such model\"}}"}},
        {"quota", "no money left (402)", ASKD_E_QUOTA, 0,
                {.status = 402, .body = "{\"error\":{\"message\":\"pay\"}}"}},
        {"too_large", "a request that is too long (413)", ASKD_E_TOO_LARGE, 0,
                {.status = 413, .body = "{}"}},
        {"busy", "too many requests (429)", ASKD_E_BUSY, 0,
                {.status = 429,
                        .header = CONFORMANCE_DELAY,
                        .body = "{\"error\":{\"message\":\"slow down\"}}"}},
        {NULL, "a server that is full (503)", ASKD_E_BUSY, 0,
                {.status = 503, .header = CONFORMANCE_DELAY, .body = "full"}},
        {"io", "a server that fails (500)", ASKD_E_IO, ASKD_ERR_RETRY,
                {.status = 500, .body = "oops"}},
        {"protocol", "a reply that makes no sense", ASKD_E_PROTOCOL, 0,
                {.status = 200, .body = "this is no JSON"}},
        {"refused", "the vendor's own filter", ASKD_E_REFUSED, 0, {0}},
        {NULL, "a lost connection", ASKD_E_IO, ASKD_ERR_RETRY,
                {.rc = ASKD_E_IO, .flags = ASKD_ERR_RETRY}},
        {NULL, "a deadline", ASKD_E_TIMEOUT, 0, {.rc = ASKD_E_TIMEOUT}},
        {NULL, "a cancel", ASKD_E_CANCELED, 0, {.rc = ASKD_E_CANCELED}},
        {NULL, "an endless body", ASKD_E_TOO_LARGE, 0, {.rc = ASKD_E_TOO_LARGE}},
        {NULL, NULL, 0, 0, {0}},
};

static int32_t complete_once(struct conformance *run, uint64_t id, struct askd_error *error)
{
	(void)id;
	return ask_model(run, RUN_LIMIT_MS, error);
}

void conformance_llm(struct conformance *run)
{
	struct askd_error error = {0};
	struct askd_llm_model in = {.size = sizeof in}, out;
	struct plugin_call call;
	bool over_http;
	int32_t rc;

	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	rc = enter_llm_iface_model(run->instance, NULL, NULL, &call, &in, &out, &error);
	conformance_error(run, "model", rc, &error, ASKD_OK);
	plugin_call_finish(&call);
	conformance_services = (struct conformance_services){.http = {.rc = ASKD_E_IO}};
	rc = ask_model(run, RUN_LIMIT_MS, &error);
	over_http = conformance_services.http_calls > 0;
	if (!over_http)
		conformance_error(run, "complete without a network", rc, &error, ASKD_OK);
	conformance_classes(run, llm_classes, over_http, complete_once);
	conformance_services = (struct conformance_services){.http = {.rc = ASKD_E_IO}};
	conformance_together(run, "complete", complete_once);
}

/* ---- transport ----------------------------------------------------------------------------------
 */

struct running {
	struct conformance *run;
	struct call_scope scope;
	struct cancel cancel;
	int32_t rc;
	struct askd_error error;
};

static void *run_loop(void *arg)
{
	struct running *running = arg;
	struct plugin_call call;

	plugin_call_init(&call, &running->scope, 0);
	running->rc = enter_transport_iface_run(
	        running->run->instance, NULL, NULL, &call, NULL, NULL, &running->error);
	plugin_call_finish(&call);
	return NULL;
}

static void check_loop(struct conformance *run, const char *name)
{
	struct running running = {.run = run};
	struct timespec pause = {0, 50000000};
	pthread_t thread;
	int64_t began_us, took_us;

	cancel_init(&running.cancel);
	running.scope = run->scope;
	running.scope.cancel = &running.cancel;
	if (pthread_create(&thread, NULL, run_loop, &running)) {
		conformance_check(run, false, name, "no thread");
	} else {
		nanosleep(&pause, NULL);
		began_us = clock_monotonic_us();
		cancel_fire(&running.cancel);
		pthread_join(thread, NULL);
		took_us = clock_monotonic_us() - began_us;
		conformance_check(
		        run, took_us < 2000000, name, "%lld ms", (long long)took_us / 1000);
		conformance_check(run,
		        running.rc == ASKD_E_CANCELED ||
		                conformance_fair(running.rc, &running.error),
		        "run returns OK or a reason", "%s: %s", error_name(running.rc),
		        running.error.message);
	}
	cancel_finish(&running.cancel);
}

static int32_t send_message(struct conformance *run, const char *text, struct askd_error *error)
{
	struct askd_outgoing message = {.size = sizeof message,
	        .id = 4711,
	        .conversation = ASKD_LITERAL("check"),
	        .text = askd_text_of(text)};
	struct askd_outgone gone;
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	rc = enter_transport_iface_send(run->instance, NULL, NULL, &call, &message, &gone, error);
	plugin_call_finish(&call);
	return rc;
}

static int32_t capabilities_once(struct conformance *run, uint64_t id, struct askd_error *error)
{
	struct askd_capabilities capabilities;
	struct plugin_call call;
	int32_t rc;

	(void)id;
	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	rc = enter_transport_iface_capabilities(
	        run->instance, NULL, NULL, &call, NULL, &capabilities, error);
	plugin_call_finish(&call);
	return rc;
}

/* `reference` is the other side's id of a file; *bytes says how much of it arrived. */
static int32_t fetch_file(
        struct conformance *run, const char *reference, off_t *bytes, struct askd_error *error)
{
	struct askd_remote_file file = {.size = sizeof file,
	        .fd = memfd_create("fetched", MFD_CLOEXEC),
	        .ref = askd_text_of(reference)};
	struct plugin_call call;
	int32_t rc;

	if (file.fd < 0)
		return askd_fail(error, ASKD_E_IO, "no file to fetch into");
	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	rc = enter_transport_iface_fetch(run->instance, NULL, NULL, &call, &file, NULL, error);
	plugin_call_finish(&call);
	*bytes = lseek(file.fd, 0, SEEK_END);
	close(file.fd);
	return rc;
}

static void check_fetch(struct conformance *run)
{
	const struct yaml_node *known = run->checks ? yaml_find(run->checks, "fetch") : NULL;
	struct askd_error error = {0};
	off_t bytes = 0;
	int32_t rc = fetch_file(run, "there is no file with this id", &bytes, &error);

	conformance_check(run, rc && conformance_fair(rc, &error),
	        "fetch of an unknown file fails with a reason", "%s", error_name(rc));
	if (!known || known->kind != YAML_SCALAR) {
		conformance_skip(
		        run, "fetch: name a file of the other side under check: {fetch: ID}");
		return;
	}
	rc = fetch_file(run, known->text, &bytes, &error);
	if (conformance_error(run, "fetch of check.fetch", rc, &error, ASKD_OK))
		conformance_check(
		        run, bytes > 0, "fetch writes into the host's file", "nothing came");
}

static int32_t send_once(struct conformance *run, uint64_t id, struct askd_error *error)
{
	(void)id;
	return send_message(run, "A message that is not taken.", error);
}

static void check_send(struct conformance *run)
{
	static const struct conformance_class classes[] = {
	        {"busy", "too many messages", ASKD_E_BUSY, 0,
	                {.status = 429, .header = CONFORMANCE_DELAY, .body = "{}"}},
	        {"auth", "a wrong key", ASKD_E_AUTH, 0, {.status = 401, .body = "{}"}},
	        {"gone", "a receiver who left", ASKD_E_GONE, ASKD_ERR_TARGET, {0}},
	        {"remote", "a message that is never taken", ASKD_E_REMOTE, 0, {0}},
	        {"io", "a lost connection", ASKD_E_IO, 0,
	                {.rc = ASKD_E_IO, .flags = ASKD_ERR_RETRY}},
	        {"maybe_done", "a connection that was cut", ASKD_E_IO, ASKD_ERR_MAYBE_DONE,
	                {.rc = ASKD_E_IO, .flags = ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE}},
	        {NULL, NULL, 0, 0, {0}},
	};
	struct conformance_services fresh = {.http = {.status = 200, .body = "{}"}};
	struct askd_error error = {0};
	bool over_http;
	int32_t rc;

	conformance_answer_of(run, "ok", &fresh.http);
	conformance_services = fresh;
	rc = send_message(run, "A message of the check: *one*, _two_, <three> & `four`.", &error);
	over_http = conformance_services.http_calls > 0;
	conformance_check(run, conformance_fair(rc, &error),
	        "send delivers, or fails with a reason", "%s: %s", error_name(rc), error.message);
	conformance_classes(run, classes, over_http, send_once);
	conformance_services = fresh;
	cancel_fire(&run->cancel);
	rc = send_message(run, "nobody waits", &error);
	conformance_error(run, "send after a cancel is CANCELED", rc, &error, ASKD_E_CANCELED);
	__atomic_store_n(&run->cancel.word, 0, __ATOMIC_RELAXED);
}

void conformance_transport(struct conformance *run)
{
	const struct askd_transport_iface *iface = plugin_instance_iface(run->instance);
	struct askd_capabilities capabilities;
	struct askd_error error = {0};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	rc = enter_transport_iface_capabilities(
	        run->instance, NULL, NULL, &call, NULL, &capabilities, &error);
	plugin_call_finish(&call);
	if (!conformance_error(run, "capabilities", rc, &error, ASKD_OK))
		return;
	conformance_together(run, "capabilities", capabilities_once);
	if (iface->run) {
		check_loop(run, "run ends soon after the cancel");
		check_loop(run, "run again ends soon after the cancel");
	}
	if (iface->fetch && run->options)
		check_fetch(run);
	if (capabilities.flags & ASKD_TRANSPORT_SYNCHRONOUS) {
		conformance_skip(run, "send: the transport is synchronous");
	} else if (run->options) {
		check_send(run);
	} else {
		conformance_skip(
		        run, "send: give --options with an address that may be written to");
	}
}

/* ---- mailer -------------------------------------------------------------------------------------
 */

static int32_t send_mail(
        struct conformance *run, const char *id, bool whole, struct askd_error *error)
{
	static const char text[] =
	        "From: askd@example.org\r\nTo: you@example.org\r\nSubject: check\r\n"
	        "Message-ID: <check-1@example.org>\r\n\r\nA message of the check.\r\n";
	struct askd_header to = {.size = sizeof to,
	        .name = ASKD_LITERAL("You"),
	        .value = ASKD_LITERAL("you@example.org")};
	const struct askd_header *const list[] = {&to, NULL};
	struct askd_file file = {.size = sizeof file,
	        .fd = memfd_create("mail", MFD_CLOEXEC),
	        .length = sizeof text - 1,
	        .name = ASKD_LITERAL("mail.eml"),
	        .mime = ASKD_LITERAL("message/rfc822")};
	struct askd_mail mail = {.size = sizeof mail,
	        .id = askd_text_of(id),
	        .from = ASKD_LITERAL("askd@example.org"),
	        .to = list,
	        .message = whole ? &file : NULL};
	struct askd_outgone gone;
	struct plugin_call call;
	int32_t rc = ASKD_E_IO;

	if (file.fd >= 0 && write(file.fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1) {
		plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
		rc = enter_mailer_iface_send(run->instance, NULL, NULL, &call, &mail, &gone, error);
		plugin_call_finish(&call);
	}
	if (file.fd >= 0)
		close(file.fd);
	return rc;
}

static int32_t refuse_once(struct conformance *run, uint64_t id, struct askd_error *error)
{
	(void)id;
	return send_mail(run, "check-0@example.org", false, error);
}

static int32_t send_once_more(struct conformance *run, uint64_t id, struct askd_error *error)
{
	(void)id;
	return send_mail(run, "check-2@example.org", true, error);
}

void conformance_mailer(struct conformance *run)
{
	static const struct conformance_class classes[] = {
	        {"busy", "later", ASKD_E_BUSY, 0,
	                {.status = 429, .header = CONFORMANCE_DELAY, .body = "{}"}},
	        {NULL, "a server that is full", ASKD_E_BUSY, 0, {.status = 503, .body = "{}"}},
	        {"remote", "never", ASKD_E_REMOTE, 0, {.status = 422, .body = "{}"}},
	        {"auth", "a wrong key", ASKD_E_AUTH, 0, {.status = 401, .body = "{}"}},
	        {"io", "a lost connection", ASKD_E_IO, 0,
	                {.rc = ASKD_E_IO, .flags = ASKD_ERR_RETRY}},
	        {"maybe_done", "a connection that was cut", ASKD_E_IO, ASKD_ERR_MAYBE_DONE,
	                {.rc = ASKD_E_IO, .flags = ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE}},
	        {NULL, "a deadline", ASKD_E_TIMEOUT, 0, {.rc = ASKD_E_TIMEOUT}},
	        {NULL, "a cancel", ASKD_E_CANCELED, 0, {.rc = ASKD_E_CANCELED}},
	        {NULL, NULL, 0, 0, {0}},
	};
	struct askd_error error = {0};
	int32_t rc = send_mail(run, "check-0@example.org", false, &error);

	conformance_check(run, rc && conformance_fair(rc, &error),
	        "a mail without a message is refused", "%s%s%s", error_name(rc), rc ? ": " : "",
	        rc ? error.message : "");
	conformance_together(run, "send without a message", refuse_once);
	if (!run->options) {
		conformance_skip(run, "send: give --options with a place that may be written to");
		return;
	}
	conformance_services = (struct conformance_services){.http = {.status = 200, .body = "{}"}};
	conformance_answer_of(run, "ok", &conformance_services.http);
	rc = send_mail(run, "check-1@example.org", true, &error);
	if (conformance_error(run, "send", rc, &error, ASKD_OK)) {
		rc = send_mail(run, "check-1@example.org", true, &error);
		conformance_error(run, "send the same again", rc, &error, ASKD_OK);
	}
	conformance_classes(run, classes, conformance_services.http_calls > 0, send_once_more);
}

/* ---- extensions ---------------------------------------------------------------------------------
 */

void conformance_extensions(struct conformance *run)
{
	const struct askd_health *health =
	        plugin_instance_extension(run->instance, "askd.health/1");
	const struct askd_tools *tools = plugin_instance_extension(run->instance, "askd.tools/1");
	const struct askd_hooks *hooks = plugin_instance_extension(run->instance, "askd.hooks/1");
	struct askd_error error = {0};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	if (health) {
		struct askd_health_report report;

		rc = enter_health_report(run->instance, health, NULL, &call, NULL, &report, &error);
		conformance_check(run,
		        rc ? conformance_fair(rc, &error) : report.status <= ASKD_HEALTH_DOWN,
		        "health reports", "status %u", rc ? 0 : report.status);
	}
	for (size_t i = 0; tools && tools->tools[i]; i++) {
		struct askd_tool_call request = {.size = sizeof request,
		        .id = ASKD_LITERAL("1"),
		        .name = askd_text_of(tools->tools[i]->name),
		        .arguments = ASKD_LITERAL("{}")};
		struct askd_tool_result result;

		rc = enter_tool_run(
		        run->instance, tools->tools[i], NULL, &call, &request, &result, &error);
		conformance_check(run, conformance_fair(rc, &error), tools->tools[i]->name,
		        "%s: %s", error_name(rc), error.message);
	}
	if (hooks && hooks->before) {
		struct askd_turn turn = {.size = sizeof turn,
		        .kind = ASKD_EVENT_TEXT,
		        .id = 1,
		        .language = ASKD_LITERAL("en"),
		        .zone = ASKD_LITERAL("UTC"),
		        .text = ASKD_LITERAL("How many?")};
		struct askd_hook_event event = {.size = sizeof event, .turn = &turn};
		struct askd_hook_verdict verdict;

		rc = enter_hooks_before(
		        run->instance, hooks, NULL, &call, &event, &verdict, &error);
		conformance_check(run, conformance_fair(rc, &error),
		        "the hook before a turn decides", "%s: %s", error_name(rc), error.message);
	}
	plugin_call_finish(&call);
}
