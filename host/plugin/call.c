/* call.c: one crossing from the host into a plugin. */
#include "plugin/call.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "plugin/crossing.h"
#include "plugin/registry.h"

enum {
	SCRATCH = 512,             /* above the largest message that a function returns */
	LOCK_SLICE_US = 100 * 1000 /* between two looks at the cancel word */
};

static _Thread_local uint32_t depth; /* crossings that stand on this thread's stack */

/* ---- the call ---------------------------------------------------------------------------------
 */

static void *call_alloc(struct askd_call *base, uint64_t n)
{
	struct plugin_call *call = (struct plugin_call *)base;
	if (n > CALL_ARENA) {
		call->arena.full = true;
		return NULL;
	}
	return arena_alloc(&call->arena, (size_t)n);
}

void plugin_call_init(struct plugin_call *call, const struct call_scope *scope, int64_t limit_ms)
{
	int64_t deadline_us = scope->deadline_us;
	memset(call, 0, sizeof *call);
	if (limit_ms > 0) {
		int64_t now_us = clock_monotonic_us();
		int64_t limit_us = limit_ms < (INT64_MAX - now_us) / 1000 ? now_us + limit_ms * 1000
		                                                          : INT64_MAX;
		if (!deadline_us || limit_us < deadline_us)
			deadline_us = limit_us;
	}
	call->base.size = sizeof call->base;
	call->base.flags = scope->flags & ASKD_CALL_EPHEMERAL;
	call->base.id = scope->id;
	call->base.deadline_us = deadline_us;
	call->base.cancel = &scope->cancel->word;
	call->base.alloc = call_alloc;
	call->scope = scope;
	arena_init(&call->arena, CALL_ARENA);
}

void plugin_call_finish(struct plugin_call *call)
{
	if (!call || !call->base.alloc)
		return;
	arena_finish(&call->arena);
	call->base.alloc = NULL;
}

struct plugin_call *plugin_call_of(struct askd_call *call)
{
	if (!call || call->size != sizeof *call || call->alloc != call_alloc)
		return NULL;
	return (struct plugin_call *)call;
}

int32_t plugin_call_over(const struct plugin_call *call, struct askd_error *err)
{
	if (askd_canceled(&call->base))
		return askd_fail(err, ASKD_E_CANCELED, "canceled before it began");
	if (call->base.deadline_us) {
		/* The coarse clock costs a quarter and lags by some milliseconds: good enough to
		 * see that the deadline is far. */
		struct timespec coarse;
		clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
		if (call->base.deadline_us -
		                        ((int64_t)coarse.tv_sec * 1000000 + coarse.tv_nsec / 1000) <
		                20000 &&
		        clock_monotonic_us() >= call->base.deadline_us)
			return askd_fail(
			        err, ASKD_E_TIMEOUT, "the deadline passed before it began");
	}
	return ASKD_OK;
}

/* ---- observers --------------------------------------------------------------------------------
 */

static struct plugin_observer *observers;

void plugin_observe(struct plugin_observer *observer)
{
	struct plugin_observer **last = &observers;
	while (*last)
		last = &(*last)->next;
	observer->next = NULL;
	*last = observer;
}

void plugin_observe_reset(void)
{
	observers = NULL;
}

bool crossing_is_observed(void)
{
	return observers != NULL;
}

int32_t crossing_before(struct crossing *crossing, struct askd_error *err)
{
	crossing->began_us = clock_monotonic_us();
	for (struct plugin_observer *o = observers; o; o = o->next) {
		int32_t rc = o->before ? o->before(o->arg, crossing->function, crossing->instance,
		                                 crossing->call, crossing->in, err)
		                       : ASKD_OK;
		if (rc < 0)
			return rc;
	}
	return ASKD_OK;
}

void crossing_after(const struct crossing *crossing, int32_t rc, const struct askd_error *err)
{
	int64_t elapsed_us = clock_monotonic_us() - crossing->began_us;
	for (struct plugin_observer *o = observers; o; o = o->next)
		if (o->after)
			o->after(o->arg, crossing->function, crossing->instance, crossing->call,
			        crossing->in, rc ? NULL : crossing->out, rc, rc ? err : NULL,
			        elapsed_us);
}

int32_t crossing_enter(struct askd_error *err)
{
	if (depth >= CALL_DEPTH)
		return askd_fail(err, ASKD_E_INTERNAL,
		        "more than %d calls stand inside each other: does a service call itself?",
		        CALL_DEPTH);
	depth++;
	return ASKD_OK;
}

void crossing_leave(void)
{
	depth--;
}

/* ---- errors -----------------------------------------------------------------------------------
 */

/* One line of valid UTF-8 that ends inside its array: whatever the plugin left there. */
static void line_repair(char *s, size_t size)
{
	size_t n = strnlen(s, size - 1);
	s[n] = 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			s[i] = ' ';
	if (!text_is_valid(s, n)) {
		/* cut inside a character at the end is the usual fault; all else becomes '?' */
		size_t cut = n;
		while (cut && n - cut < 4 && !text_is_valid(s, cut))
			cut--;
		if (text_is_valid(s, cut)) {
			n = cut;
		} else {
			for (size_t i = 0; i < n; i++)
				if ((signed char)s[i] < 0)
					s[i] = '?';
		}
	}
	while (n && s[n - 1] == ' ')
		n--;
	s[n] = 0;
}

int32_t crossing_error(struct askd_error *err, int32_t rc, const char *who, const char *function)
{
	if (rc > 0 || rc < ASKD_E_LAST)
		return askd_fail(err, ASKD_E_INTERNAL, "%s: %s returned %d, which is no error code",
		        who, function, rc);
	err->code = rc;
	err->flags &= ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE | ASKD_ERR_TARGET;
	memset(err->reserved, 0, sizeof err->reserved);
	line_repair(err->native, sizeof err->native);
	line_repair(err->message, sizeof err->message);
	if (!err->message[0])
		snprintf(err->message, sizeof err->message, "%s: %s failed with %s and no reason",
		        who, function, error_name(rc));
	return rc;
}

void crossing_error_clear(struct askd_error *err)
{
	memset(err, 0, offsetof(struct askd_error, native));
	err->native[0] = 0;
	err->message[0] = 0;
}

/* ---- sinks ------------------------------------------------------------------------------------
 */

/* All sinks have this shape. */
struct any;
ASKD_SINK(any);

/* What stands between a plugin and the host's sink: items are checked first. */
struct guard {
	struct any_sink sink; /* what the plugin gets */
	const struct any_sink *host;
	const struct contract_struct *type;
	struct plugin_call *call;
	struct askd_error fault; /* code 0: none so far */
};

static int32_t guard_put(const struct any_sink *sink, const struct any *item)
{
	struct guard *guard = (struct guard *)sink->owner;
	const void *wide = item;
	if (guard->fault.code)
		return guard->fault.code;
	if (contract_check(guard->type, item, &guard->fault))
		return guard->fault.code;
	if (!contract_is_whole(guard->type, item)) {
		/* of an older plugin: the copy lives as long as the call */
		wide = contract_copy(&guard->call->arena, guard->type, item);
		if (!wide)
			return askd_fail(&guard->fault, ASKD_E_TOO_LARGE, "no room for an item");
	}
	return guard->host->put(guard->host, wide);
}

static const struct contract_member *sink_member(const struct contract_struct *type)
{
	for (uint32_t i = 0; type && i < type->count; i++)
		if (type->members[i].kind == CONTRACT_SINK)
			return &type->members[i];
	return NULL;
}

/* Which functions take a sink: asked at each crossing, so looked up once. */
static const struct contract_member *sinks[CONTRACT_FUNCTION_COUNT];

__attribute__((constructor)) static void sinks_find(void)
{
	for (unsigned i = 0; i < CONTRACT_FUNCTION_COUNT; i++)
		sinks[i] = sink_member(contract_functions[i].in);
}

/* The host's sink in *in; NULL: there is none. */
static const struct any_sink *sink_in(const struct contract_member *m, const void *in)
{
	const struct any_sink *sink = NULL;
	if (m)
		memcpy(&sink, (const char *)in + m->offset, sizeof sink);
	return sink;
}

/* ---- the door ---------------------------------------------------------------------------------
 */

/* Every function of every kind has this shape, but for the types of in and out. */
typedef int32_t entry(
        void *self, struct askd_call *call, const void *in, void *out, struct askd_error *reterr);

/* Those that release or stop something are entered also when the time is over. */
static bool is_always_entered(enum contract_function function)
{
	return function == CONTRACT_DATABASE_FINISH || function == CONTRACT_DATABASE_DISCONNECT ||
	       function == CONTRACT_DATABASE_RESET || function == CONTRACT_DATABASE_INTERRUPT ||
	       function == CONTRACT_TRANSPORT_CAPABILITIES;
}

static entry *find_entry(const struct contract_function_info *info, const void *table)
{
	entry *fn = NULL;
	uint32_t size;
	if (!table)
		return NULL;
	memcpy(&size, table, sizeof size);
	if (size >= info->offset + sizeof fn)
		memcpy(&fn, (const char *)table + info->offset, sizeof fn);
	return fn;
}

static int32_t serial_lock(struct plugin_instance *instance, const struct plugin_call *call,
        bool always, struct askd_error *err)
{
	for (;;) {
		int64_t slice_us = LOCK_SLICE_US;
		struct timespec until;
		int rc;
		if (!always && call->base.deadline_us) {
			int64_t left_us = call->base.deadline_us - clock_monotonic_us();
			slice_us = left_us < 0 ? 0 : left_us < slice_us ? left_us : slice_us;
		}
		/* Short slices of the wall clock: it may jump, the deadline is looked at anew. */
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += slice_us * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		rc = pthread_mutex_timedlock(&instance->serial, &until);
		if (!rc)
			return ASKD_OK;
		if (rc == EDEADLK)
			return askd_fail(err, ASKD_E_INTERNAL,
			        "%s: enters itself, but is not ASKD_CONCURRENT",
			        instance->host.instance);
		if (rc != ETIMEDOUT)
			return askd_fail(err, ASKD_E_INTERNAL, "%s: its lock is broken: %s",
			        instance->host.instance, strerror(rc));
		if (!always && plugin_call_over(call, err))
			return err->code;
	}
}

/* What the plugin made although the crossing failed in the end goes back to it. */
static void give_back(struct plugin_instance *instance, enum contract_function function,
        struct plugin_call *call, const void *out)
{
	const struct contract_function_info *info = NULL;
	void *made = NULL;
	entry *release;
	if (function == CONTRACT_DATABASE_CONNECT) {
		made = ((const struct askd_object *)out)->handle;
		info = &contract_functions[CONTRACT_DATABASE_DISCONNECT];
	} else if (function == CONTRACT_DATABASE_QUERY) {
		made = ((const struct askd_db_result *)out)->cursor;
		info = &contract_functions[CONTRACT_DATABASE_FINISH];
	}
	release = made ? find_entry(info, plugin_instance_iface(instance)) : NULL;
	if (release)
		release(made, &call->base, NULL, NULL, NULL);
}

static int32_t check_out(enum contract_function function, const struct contract_struct *type,
        struct plugin_call *call, const void *in, void *out, struct askd_error *err)
{
	int32_t rc = contract_check(type, out, err);
	if (rc)
		return rc;
	memcpy(out, &type->size, sizeof type->size);
	if (function == CONTRACT_DATABASE_NEXT) {
		const struct askd_db_fetch *fetch = in;
		const struct askd_batch *batch = out;
		if (fetch->max_rows && batch->rows > fetch->max_rows)
			return askd_fail(err, ASKD_E_PROTOCOL,
			        "batch.rows: %u, but %u were asked for", batch->rows,
			        fetch->max_rows);
	}
	if (!contract_widen(&call->arena, type, out))
		return askd_fail(err, ASKD_E_TOO_LARGE, "no room for the reply");
	return ASKD_OK;
}

/* Enters with the sink of *in replaced by the guard's. *faulty: an item was refused. What few
 * crossings need has a frame of its own: a thread that waits inside stands in many of them. */
__attribute__((noinline)) static int32_t enter_guarded(entry *fn, const struct contract_member *m,
        const struct contract_struct *type, void *object, struct plugin_call *call, const void *in,
        void *out, bool *faulty, struct askd_error *err)
{
	struct guard guard = {
	        .sink = {.size = sizeof guard.sink, .owner = &guard, .put = guard_put},
	        .host = sink_in(m, in),
	        .type = m->sub,
	        .call = call};
	const void *mine = &guard.sink;
	uint64_t copy[SCRATCH / 8];
	int32_t rc;
	memcpy(copy, in, type->size);
	memcpy((char *)copy + m->offset, &mine, sizeof mine);
	rc = fn(object, &call->base, copy, out, err);
	if (!rc && guard.fault.code) {
		*faulty = true;
		rc = error_copy(err, &guard.fault);
	}
	return rc;
}

static int32_t enter(struct plugin_instance *instance, entry *fn, enum contract_function function,
        void *object, struct plugin_call *call, const void *in, void *out, struct askd_error *err)
{
	const struct contract_function_info *info = &contract_functions[function];
	bool faulty = false;
	int32_t rc = sink_in(sinks[function], in) ? enter_guarded(fn, sinks[function], info->in,
	                                                    object, call, in, out, &faulty, err)
	                                          : fn(object, &call->base, in, out, err);
	if (faulty)
		return rc;
	if (call->arena.full && !is_always_entered(function)) {
		if (!rc)
			give_back(instance, function, call, out);
		rc = askd_fail(err, ASKD_E_TOO_LARGE, "%s: the reply of %s is larger than %d MB",
		        instance->host.instance, info->name, CALL_ARENA >> 20);
	} else if (rc) {
		rc = crossing_error(err, rc, instance->host.instance, info->name);
	} else if (info->out) {
		rc = check_out(function, info->out, call, in, out, err);
		if (rc) {
			error_prefix(err, "%s: %s", instance->host.instance, info->name);
			give_back(instance, function, call, out);
		}
	}
	return rc;
}

static int32_t check_in(
        const struct contract_function_info *info, const void *in, struct askd_error *err)
{
	uint32_t size;
	if (!info->in)
		return ASKD_OK;
	if (in)
		memcpy(&size, in, sizeof size);
	if (!in || size != info->in->size)
		return askd_fail(err, ASKD_E_INVALID, "%s.%s: %s is missing or has no size",
		        info->table, info->name, info->in->name);
	return ASKD_OK;
}

/* With room for what the caller does not want to see. */
__attribute__((noinline)) static int32_t invoke_unseen(struct plugin_instance *instance,
        enum contract_function function, const void *table, void *object, struct plugin_call *call,
        const void *in, void *out, struct askd_error *err)
{
	uint64_t scratch[SCRATCH / 8];
	struct askd_error own;
	return plugin_invoke(
	        instance, function, table, object, call, in, out ? out : scratch, err ? err : &own);
}

int32_t plugin_invoke(struct plugin_instance *instance, enum contract_function function,
        const void *table, void *object, struct plugin_call *call, const void *in, void *out,
        struct askd_error *err)
{
	const struct contract_function_info *info = &contract_functions[function];
	struct plugin_instance *was_instance = call->instance, *was_owner = call->owner;
	uint32_t was_depth = call->depth;
	bool always = is_always_entered(function), serial = false;
	struct crossing crossing;
	entry *fn = find_entry(info, table ? table : plugin_instance_iface(instance));
	int32_t rc;

	if (!err || (info->out && !out))
		return invoke_unseen(instance, function, table, object, call, in, out, err);
	crossing_error_clear(err);
	if (!fn)
		return askd_fail(err, ASKD_E_UNSUPPORTED, "%s: has no function %s",
		        instance->host.instance, info->name);
	rc = check_in(info, in, err);
	if (!rc && !always)
		rc = plugin_call_over(call, err);
	if (!rc && call->arena.full && !always)
		rc = askd_fail(err, ASKD_E_TOO_LARGE, "the call's memory is used up");
	if (!rc)
		rc = crossing_enter(err);
	if (rc)
		return rc;
	if (info->out) {
		memset(out, 0, info->out->size);
		memcpy(out, &info->out->size, sizeof info->out->size);
	} else {
		out = NULL;
	}
	call->depth = depth;
	crossing = (struct crossing){function, instance->host.instance, call, in, out, 0};
	if (observers)
		rc = crossing_before(&crossing, err);
	if (!rc && !(instance->library->plugin->flags & ASKD_CONCURRENT)) {
		rc = serial_lock(instance, call, always, err);
		serial = !rc;
	}
	if (rc) {
		rc = crossing_error(err, rc, instance->host.instance, info->name);
	} else {
		call->instance = call->owner = instance;
		rc = enter(instance, fn, function, object ? object : instance->self, call, in, out,
		        err);
		call->instance = was_instance;
		call->owner = was_owner;
	}
	if (serial)
		pthread_mutex_unlock(&instance->serial);
	if (observers)
		crossing_after(&crossing, rc, err);
	call->depth = was_depth;
	crossing_leave();
	return rc;
}

const void *plugin_instance_iface(const struct plugin_instance *instance)
{
	return instance->library->iface;
}
