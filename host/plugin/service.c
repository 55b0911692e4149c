/* service.c: the services that rooms offer to plugins, each behind a door of its own: the call must
 * be one that this plugin was given, what comes in must be sound, and observers see it. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "plugin/crossing.h"
#include "plugin/registry.h"

typedef int32_t service_fn(const struct askd_host *host, struct askd_call *call, const void *in,
        void *out, struct askd_error *reterr);

enum { SERVICE_MAX = 32, SERVICE_WORDS = 16, ID_MAX = 48 };
enum { SCRATCH = 256 }; /* above the largest message that a service returns */

/* What the rooms offered. Written at start, before any instance opens. */
static struct {
	char id[ID_MAX];
	bool enters;
	uint64_t table[SERVICE_WORDS]; /* the wrapped one */
} services[SERVICE_MAX];
static size_t service_count;
static service_fn *originals[CONTRACT_FUNCTION_COUNT];

/* `in` as the room may read it: of our size. NULL and *err when it is unsound. */
static const void *take_in(const struct contract_struct *type, struct plugin_call *call,
        const void *in, struct askd_error *err)
{
	if (contract_check(type, in, err)) {
		err->code = ASKD_E_INVALID; /* here it is the caller who broke the contract */
		return NULL;
	}
	if (contract_is_whole(type, in))
		return in;
	{
		/* A plugin of an older minor version. The sink is not part of a deep copy. */
		char *copy = arena_zalloc(&call->arena, type->size);
		uint32_t size;
		memcpy(&size, in, sizeof size);
		if (copy) {
			memcpy(copy, in, size);
			memcpy(copy, &type->size, sizeof type->size);
		}
		if (!copy || !contract_widen(&call->arena, type, copy)) {
			askd_fail(err, ASKD_E_TOO_LARGE, "the call's memory is used up");
			return NULL;
		}
		return copy;
	}
}

/* The plugin's out struct may be shorter than ours, or not wanted. */
static int32_t out_size(
        const struct contract_struct *type, const void *out, uint32_t *size, struct askd_error *err)
{
	*size = 0;
	if (!type || !out)
		return ASKD_OK;
	memcpy(size, out, sizeof *size);
	if (*size < 8 || *size % 8 || *size > type->size)
		return askd_fail(err, ASKD_E_INVALID, "%s: the size of out is %u, %u is due",
		        type->name, *size, type->size);
	return ASKD_OK;
}

static int32_t service_enter(enum contract_function function, const struct askd_host *host,
        struct askd_call *base, const void *in, void *out, struct askd_error *err);

/* With room for an error that the caller does not want to see. */
__attribute__((noinline)) static int32_t service_enter_unseen(enum contract_function function,
        const struct askd_host *host, struct askd_call *base, const void *in, void *out)
{
	struct askd_error own;
	return service_enter(function, host, base, in, out, &own);
}

static int32_t service_enter(enum contract_function function, const struct askd_host *host,
        struct askd_call *base, const void *in, void *out, struct askd_error *err)
{
	const struct contract_function_info *info = &contract_functions[function];
	struct plugin_call *call = plugin_call_of(base);
	uint64_t room[SCRATCH / 8];
	struct crossing crossing;
	uint32_t size;
	int32_t rc;

	if (!err)
		return service_enter_unseen(function, host, base, in, out);
	crossing_error_clear(err);
	/* The call says whose it is; `host` is compared, never followed, before that is known. */
	if (!call || !call->owner || &call->owner->host != host)
		return askd_fail(err, ASKD_E_INVALID,
		        "%s.%s: the call is not one that this plugin was given", info->table,
		        info->name);
	rc = out_size(info->out, out, &size, err);
	if (rc)
		return rc;
	if (info->in) {
		in = take_in(info->in, call, in, err);
		if (!in)
			return err->code;
	}
	rc = crossing_enter(err);
	if (rc)
		return rc;
	if (info->out) {
		memset(room, 0, info->out->size);
		memcpy(room, &info->out->size, sizeof info->out->size);
	}
	crossing = (struct crossing){function, host->instance, call, in, room, 0};
	if (crossing_is_observed())
		rc = crossing_before(&crossing, err);
	if (!rc)
		rc = originals[function](host, base, in, info->out ? room : NULL, err);
	if (rc)
		rc = crossing_error(err, rc, host->instance, info->name);
	if (crossing_is_observed())
		crossing_after(&crossing, rc, err);
	if (!rc && size) {
		memcpy(room, &size, sizeof size);
		memcpy(out, room, size);
	}
	crossing_leave();
	return rc;
}

#define X(TABLE, table, NAME, name, in_type, out_type, thread)                                     \
	static int32_t door_##table##_##name(const struct askd_host *host, struct askd_call *call, \
	        const struct askd_##in_type *in, struct askd_##out_type *out,                      \
	        struct askd_error *reterr)                                                         \
	{                                                                                          \
		return service_enter(CONTRACT_##TABLE##_##NAME, host, call, in, out, reterr);      \
	}
CONTRACT_SERVICES(X)
#undef X

/* Puts the door of a function into the wrapped table when the offered one has the function. */
static void wrap(
        void *wrapped, const void *offered, enum contract_function function, const void *door)
{
	const struct contract_function_info *info = &contract_functions[function];
	service_fn *fn;
	memcpy(&fn, (const char *)offered + info->offset, sizeof fn);
	originals[function] = fn;
	if (fn)
		memcpy((char *)wrapped + info->offset, door, sizeof fn);
}

/* "askd.http/1" is struct askd_http_service. */
static bool table_name(const char *id, char *name, size_t size)
{
	const char *slash = strchr(id, '/');
	int n;
	if (strncmp(id, "askd.", 5) || !slash || strcmp(slash, "/1"))
		return false;
	n = snprintf(name, size, "%.*s_service", (int)(slash - id - 5), id + 5);
	return n > 0 && (size_t)n < size;
}

void service_offer(const char *id, const void *table, bool enters)
{
	char name[ID_MAX + 16], full[ID_MAX + 32];
	const struct contract_struct *type = NULL;
	uint64_t *wrapped = NULL;
	uint32_t size;
	memcpy(&size, table, sizeof size);
	if (strlen(id) < ID_MAX && table_name(id, name, sizeof name)) {
		snprintf(full, sizeof full, "askd_%s", name);
		type = contract_find(full);
	}
	if (!type || size != type->size || size > sizeof services[0].table) {
		log_error("plugin", 0, "%s is offered, but the contract knows no such service", id);
		return;
	}
	for (size_t i = 0; i < service_count; i++)
		if (!strcmp(services[i].id, id))
			wrapped = services[i].table; /* offered anew: the later one counts */
	if (!wrapped) {
		if (service_count == SERVICE_MAX) {
			log_error("plugin", 0, "%s: too many services", id);
			return;
		}
		snprintf(services[service_count].id, ID_MAX, "%s", id);
		services[service_count].enters = enters;
		wrapped = services[service_count++].table;
	}
	memset(wrapped, 0, sizeof services[0].table);
	memcpy(wrapped, &size, sizeof size);
#define X(TABLE, table_, NAME, fn, in_type, out_type, thread)                    \
	if (!strcmp(#table_, name)) {                                            \
		int32_t (*door)(const struct askd_host *, struct askd_call *,    \
		        const struct askd_##in_type *, struct askd_##out_type *, \
		        struct askd_error *) = door_##table_##_##fn;             \
		wrap(wrapped, table, CONTRACT_##TABLE##_##NAME, &door);          \
	}
	CONTRACT_SERVICES(X)
#undef X
}

void service_reset(void)
{
	memset(services, 0, sizeof services);
	memset(originals, 0, sizeof originals);
	service_count = 0;
}

const void *service_find(const char *id, bool *enters)
{
	for (size_t i = 0; i < service_count; i++)
		if (!strcmp(services[i].id, id)) {
			*enters = services[i].enters;
			return services[i].table;
		}
	return NULL;
}
