/* stub.c: the host struct, its instance and its calls. */
#include "stub.h"

#include <stdlib.h>

/* ---- memory -----------------------------------------------------------------------------------
 */

void *stub_alloc(struct stub_block **blocks, size_t n)
{
	struct stub_block *block =
	        n < SIZE_MAX - sizeof *block ? calloc(1, sizeof *block + n) : NULL;
	if (!block)
		return NULL;
	block->next = *blocks;
	*blocks = block;
	return block + 1;
}

void stub_free(struct stub_block **blocks)
{
	while (*blocks) {
		struct stub_block *next = (*blocks)->next;
		free(*blocks);
		*blocks = next;
	}
}

void stub_add(struct stub_text *text, const char *line, size_t n)
{
	char *s = realloc(text->s, text->n + n + 2);
	if (!s)
		return;
	memcpy(s + text->n, line, n);
	text->s = s;
	text->n += n + 1;
	s[text->n - 1] = '\n';
	s[text->n] = 0;
}

/* ---- calls ------------------------------------------------------------------------------------
 */

static void *call_alloc(struct askd_call *call, uint64_t n)
{
	return stub_alloc(&((struct stub_call *)call)->blocks, (size_t)n);
}

static int64_t monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct stub_call *call_create(struct askd_stub *stub, uint32_t ms)
{
	struct stub_call *call = calloc(1, sizeof *call);
	if (!call)
		return NULL;
	call->base.size = sizeof call->base;
	call->base.id = 1;
	call->base.deadline_us = monotonic_us() + (int64_t)ms * 1000;
	call->base.cancel = &stub->canceled;
	call->base.alloc = call_alloc;
	return call;
}

static void call_destroy(struct stub_call *call)
{
	if (call)
		stub_free(&call->blocks);
	free(call);
}

struct askd_call *askd_stub_begin(struct askd_stub *stub, uint32_t ms)
{
	call_destroy(stub->call);
	stub->call = call_create(stub, ms);
	return stub->call ? &stub->call->base : NULL;
}

void askd_stub_cancel(struct askd_stub *stub, uint32_t canceled)
{
	__atomic_store_n(&stub->canceled, canceled, __ATOMIC_RELAXED);
}

/* ---- the host's functions ---------------------------------------------------------------------
 */

static const struct stub_service *find_service(const struct askd_stub *stub, const char *id)
{
	for (size_t i = 0; i < stub->service_count; i++)
		if (!strcmp(stub->services[i].id, id))
			return &stub->services[i];
	return NULL;
}

static const void *host_service(const struct askd_host *host, const char *id)
{
	const struct stub_service *service = find_service((const struct askd_stub *)host, id);
	return service ? service->table : NULL;
}

static void host_log(
        const struct askd_host *host, struct askd_call *call, uint32_t level, const char *line)
{
	/* The plugin has a const view of what is ours to write. */
	struct askd_stub *stub = (struct askd_stub *)(uintptr_t)host;
	(void)call;
	(void)level;
	stub_add(&stub->log, line, strlen(line));
}

static int64_t host_now_us(const struct askd_host *host)
{
	const struct askd_stub *stub = (const struct askd_stub *)host;
	struct timespec now;
	if (stub->now_us)
		return stub->now_us;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The same bytes in each run: tests want to compare. */
static int32_t host_random(const struct askd_host *host, void *p, uint64_t n)
{
	(void)host;
	for (uint64_t i = 0; i < n; i++)
		((unsigned char *)p)[i] = (unsigned char)(i * 167 + 13);
	return ASKD_OK;
}

static struct askd_call *host_call_begin(const struct askd_host *host, uint32_t ms)
{
	struct stub_call *call = call_create((struct askd_stub *)(uintptr_t)host, ms);
	return call ? &call->base : NULL;
}

static struct askd_call *host_call_within(
        const struct askd_host *host, struct askd_call *call, uint32_t ms)
{
	return host_call_begin(host, ms ? ms : (uint32_t)askd_limit_ms(call, INT32_MAX));
}

static void host_call_end(struct askd_call *call)
{
	call_destroy((struct stub_call *)call);
}

/* ---- the stub ---------------------------------------------------------------------------------
 */

struct askd_stub *askd_stub_create(const struct askd_plugin *plugin)
{
	struct askd_stub *stub = calloc(1, sizeof *stub);
	if (!stub)
		return NULL;
	stub->host = (struct askd_host){.size = sizeof stub->host,
	        .minor = ASKD_SDK_MINOR,
	        .instance = "stub/test",
	        .service = host_service,
	        .log = host_log,
	        .now_us = host_now_us,
	        .random = host_random,
	        .call_begin = host_call_begin,
	        .call_end = host_call_end,
	        .call_within = host_call_within};
	stub->plugin = plugin;
	if (stub_services_init(stub)) {
		askd_stub_destroy(stub);
		return NULL;
	}
	return stub;
}

int32_t askd_stub_open(
        struct askd_stub *stub, const char *const *options, struct askd_error *reterr)
{
	int32_t rc;
	if (stub->open)
		return askd_fail(reterr, ASKD_E_INVALID, "the instance is open already");
	free(stub->self);
	stub_free(&stub->options);
	stub->self = calloc(1, stub->plugin->instance_size ? stub->plugin->instance_size : 1);
	if (!stub->self)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the instance");
	rc = stub_options_read(stub, options, reterr);
	if (!rc && stub->plugin->open)
		rc = stub->plugin->open(stub->self, &stub->host, reterr);
	stub->open = !rc;
	return rc;
}

void askd_stub_close(struct askd_stub *stub)
{
	if (stub->open && stub->plugin->close)
		stub->plugin->close(stub->self);
	stub->open = 0;
}

void askd_stub_destroy(struct askd_stub *stub)
{
	if (!stub)
		return;
	askd_stub_close(stub);
	call_destroy(stub->call);
	stub_services_finish(stub);
	stub_free(&stub->options);
	free(stub->self);
	free(stub->log.s);
	free(stub->sent.s);
	free(stub);
}

void *askd_stub_self(const struct askd_stub *stub)
{
	return stub->self;
}

const void *askd_stub_iface(const struct askd_stub *stub)
{
	return stub->plugin->iface;
}

const void *askd_stub_extension(const struct askd_stub *stub, const char *id)
{
	for (const struct askd_extension *const *e = stub->plugin->extensions; e && *e; e++)
		if (!strcmp((*e)->id, id))
			return (*e)->table;
	return NULL;
}

void askd_stub_clock(struct askd_stub *stub, int64_t now_us)
{
	stub->now_us = now_us;
}

const char *askd_stub_log(const struct askd_stub *stub)
{
	return stub->log.s ? stub->log.s : "";
}

const char *askd_stub_sent(const struct askd_stub *stub)
{
	return stub->sent.s ? stub->sent.s : "";
}

int32_t askd_stub_service(struct askd_stub *stub, const char *id, const void *table, void *user)
{
	struct stub_service *service = NULL;
	for (size_t i = 0; i < stub->service_count; i++)
		if (!strcmp(stub->services[i].id, id))
			service = &stub->services[i];
	if (!service) {
		if (stub->service_count == STUB_SERVICES)
			return ASKD_E_NOMEM;
		service = &stub->services[stub->service_count++];
	}
	*service = (struct stub_service){id, table, user};
	return ASKD_OK;
}

void *askd_stub_user(const struct askd_host *host, const char *id)
{
	const struct stub_service *service = find_service((const struct askd_stub *)host, id);
	return service ? service->user : NULL;
}
