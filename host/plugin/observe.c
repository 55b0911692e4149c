/* observe.c: the recorder and the fault injector of test builds. */
#include "plugin/observe.h"

#ifdef ASKD_FAULTS
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"

/* ---- the recorder -----------------------------------------------------------------------------
 */

enum { OBJECTS_MAX = 1024 };

static struct {
	pthread_mutex_t lock;
	int fd;
	uint64_t number;
	const void *objects[OBJECTS_MAX]; /* a ring: addresses are used again */
	uint64_t next;
	struct plugin_observer observer;
} recorder = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* An output names a new object: a known address was freed and came back. */
static uint64_t ordinal_new(void *arg, const void *object)
{
	size_t slot = recorder.next % OBJECTS_MAX;
	(void)arg;
	for (size_t i = 0; i < OBJECTS_MAX; i++)
		if (recorder.objects[i] == object)
			recorder.objects[i] = NULL;
	recorder.objects[slot] = object;
	recorder.next++;
	return recorder.next;
}

static void print_error(struct buffer *b, const struct askd_error *err, bool content)
{
	buffer_print(b, "{\"code\":\"%s\"", error_name(err->code));
	if (err->detail)
		buffer_print(b, ",\"detail\":%d", err->detail);
	if (err->flags)
		buffer_print(b, ",\"flags\":%u", err->flags);
	if (err->retry_after_ms)
		buffer_print(b, ",\"retry_after_ms\":%u", err->retry_after_ms);
	if (content) {
		buffer_add_string(b, ",\"message\":");
		json_add_string(b, err->message, strlen(err->message));
	}
	buffer_add(b, "}", 1);
}

static void record(void *arg, enum contract_function function, const char *instance,
        struct plugin_call *call, const void *in, const void *out, int32_t rc,
        const struct askd_error *err, int64_t elapsed_us)
{
	const struct contract_function_info *info = &contract_functions[function];
	bool content = !(call->base.flags & ASKD_CALL_EPHEMERAL);
	enum contract_privacy keep = content ? CONTRACT_CONTENT : CONTRACT_PLAIN;
	struct buffer b;
	(void)arg, (void)elapsed_us;
	buffer_init(&b, 0);
	pthread_mutex_lock(&recorder.lock);
	buffer_print(&b,
	        "{\"number\":%llu,\"id\":%llu,\"depth\":%u,\"function\":\"%s\",\"instance\":",
	        (unsigned long long)++recorder.number, (unsigned long long)call->base.id,
	        call->depth, contract_function_name(function));
	json_add_string(&b, instance, strlen(instance));
	if (info->in) {
		buffer_add_string(&b, ",\"in\":");
		contract_print(&b, info->in, in, keep);
	}
	if (rc) {
		buffer_add_string(&b, ",\"error\":");
		print_error(&b, err, content);
	} else if (info->out) {
		buffer_add_string(&b, ",\"out\":");
		contract_print_objects(&b, info->out, out, keep, ordinal_new, NULL);
	}
	buffer_add_string(&b, "}\n");
	/* One write a line: a killed process leaves whole lines. */
	while (!b.failed && write(recorder.fd, b.s, b.n) < 0 && errno == EINTR)
		;
	pthread_mutex_unlock(&recorder.lock);
	buffer_finish(&b);
}

/* ---- the injector -----------------------------------------------------------------------------
 */

static struct {
	char function[80];  /* "*": any */
	uint64_t at, count; /* count: atomic */
	int32_t code;
	struct plugin_observer observer;
} injector;

/* Without these nothing could be cleaned up, and no host can react to their failure. */
static bool is_release(enum contract_function function)
{
	return function == CONTRACT_DATABASE_FINISH || function == CONTRACT_DATABASE_DISCONNECT ||
	       function == CONTRACT_DATABASE_INTERRUPT;
}

static int32_t inject(void *arg, enum contract_function function, const char *instance,
        struct plugin_call *call, const void *in, struct askd_error *err)
{
	uint64_t n;
	(void)arg, (void)instance, (void)call, (void)in;
	if (strcmp(injector.function, "*") != 0 &&
	        strcmp(injector.function, contract_function_name(function)) != 0)
		return ASKD_OK;
	n = __atomic_add_fetch(&injector.count, 1, __ATOMIC_RELAXED);
	if (n != injector.at || is_release(function))
		return ASKD_OK;
	askd_fail(err, injector.code, "%s fails because the test wants it",
	        contract_function_name(function));
	if (injector.code == ASKD_E_IO || injector.code == ASKD_E_TIMEOUT ||
	        injector.code == ASKD_E_BUSY)
		err->flags = ASKD_ERR_RETRY;
	return injector.code;
}

static bool function_is_known(const char *name)
{
	if (!strcmp(name, "*"))
		return true;
	for (unsigned i = 0; i < CONTRACT_FUNCTION_COUNT; i++)
		if (!strcmp(name, contract_function_name((enum contract_function)i)))
			return true;
	return false;
}

static int32_t injector_read(const char *fail, struct askd_error *reterr)
{
	const char *first = strchr(fail, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	char number[24] = "";
	int64_t at = 0;
	if (second && (size_t)(first - fail) < sizeof injector.function &&
	        (size_t)(second - first - 1) < sizeof number) {
		snprintf(injector.function, sizeof injector.function, "%.*s", (int)(first - fail),
		        fail);
		snprintf(number, sizeof number, "%.*s", (int)(second - first - 1), first + 1);
		injector.code = error_code(second + 1);
	}
	if (!second || !function_is_known(injector.function) || !text_to_int(number, &at) ||
	        at < 1 || injector.code >= 0)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "ASKD_TEST_FAIL=%s: FUNCTION:N:CODE is due, as in "
		        "database_iface.query:1:IO",
		        fail);
	injector.at = (uint64_t)at;
	injector.count = 0;
	injector.observer = (struct plugin_observer){.before = inject};
	return ASKD_OK;
}

int32_t observe_start(const char *path, const char *fail, struct askd_error *reterr)
{
	if (fail) {
		int32_t rc = injector_read(fail, reterr);
		if (rc)
			return rc;
	}
	if (path) {
		recorder.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (recorder.fd < 0)
			return askd_fail(reterr, ASKD_E_IO, "ASKD_TEST_RECORD=%s: %s", path,
			        strerror(errno));
		recorder.number = recorder.next = 0;
		memset(recorder.objects, 0, sizeof recorder.objects);
		recorder.observer = (struct plugin_observer){.after = record};
		plugin_observe(&recorder.observer);
	}
	if (fail)
		plugin_observe(&injector.observer);
	return ASKD_OK;
}

int32_t observe_from_environment(struct askd_error *reterr)
{
	const char *fail = getenv("ASKD_TEST_FAIL");

	if (fail && *fail == '@')
		fail = "*:9223372036854775807:INTERNAL"; /* never, until it is armed */
	return observe_start(getenv("ASKD_TEST_RECORD"), fail, reterr);
}

void observe_arm(void)
{
	const char *path = getenv("ASKD_TEST_FAIL");
	char words[128];
	struct askd_error error = {0};
	FILE *file = path && *path == '@' ? fopen(path + 1, "r") : NULL;

	if (!file)
		return;
	if (!fgets(words, sizeof words, file) || !*words)
		snprintf(words, sizeof words, "*:9223372036854775807:INTERNAL");
	fclose(file);
	words[strcspn(words, "\n")] = 0;
	if (injector_read(words, &error)) {
		fprintf(stderr, "askd: %s\n", error.message);
		abort();
	}
}

void observe_stop(void)
{
	plugin_observe_reset();
	if (recorder.fd >= 0)
		close(recorder.fd);
	recorder.fd = -1;
}
#else
/* An empty file is no C. */
typedef int observe_is_absent;
#endif
