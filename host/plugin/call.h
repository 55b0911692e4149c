/* call.h: one crossing, host side: the call with its arena and its scope, and the one door through
 * which the host enters plugins and plugins enter services. */
#ifndef PLUGIN_CALL_H
#define PLUGIN_CALL_H

#include "base/arena.h"
#include "base/cancel.h"
#include "plugin/contract.h"

struct plugin_instance;
struct generation;

/* On whose behalf something runs. Lives as long as the turn, verb or loop; shared by all its calls.
 */
struct call_scope {
	uint64_t id; /* correlation: the turn's id where there is one */
	uint64_t turn, conversation, person, organisation, key; /* 0: none */
	const char
	        *identity;   /* "local:alice", "telegram/bot:17"; for audit and logs; may be NULL */
	uint32_t flags;      /* ASKD_CALL_EPHEMERAL */
	uint32_t local;      /* 1: a local identity, who may use every database of the file */
	const char *folder;  /* of a local identity: to which its paths are relative; may be NULL */
	int64_t deadline_us; /* CLOCK_MONOTONIC; 0: none. No call of the scope outlasts it */
	struct cancel *cancel; /* never NULL */
	void *turn_state;      /* assistant's; NULL outside a turn */
	/* Whose configuration counts; whoever made the scope holds it. NULL: the current one. */
	struct generation *generation;
};

struct plugin_call {
	struct askd_call base; /* what the plugin sees; must be first */
	struct arena arena;
	const struct call_scope *scope;
	struct plugin_instance *instance; /* whom it entered; NULL for call_begin */
	struct plugin_instance
	        *owner; /* whose plugin holds it now, also for call_begin; else NULL */
	uint32_t depth; /* nesting of crossings on this thread, at most 16 */
	uint32_t reserved;
};

enum {
	CALL_ARENA = 64 << 20, /* bytes that outputs of one crossing may take */
	CALL_DEPTH = 16        /* crossings that may stand inside each other on one thread */
};

/* limit_ms: from now, never beyond the scope's deadline; 0: the scope's. */
void plugin_call_init(struct plugin_call *call, const struct call_scope *scope, int64_t limit_ms);
void plugin_call_finish(struct plugin_call *call);
/* The host's call behind a plugin's; NULL when it is not one of ours. */
struct plugin_call *plugin_call_of(struct askd_call *call);

/* Is it past its deadline (TIMEOUT), or not wanted any more (CANCELED)? Else 0. */
int32_t plugin_call_over(const struct plugin_call *call, struct askd_error *err);

/* The one door in. `table` is the iface, extension table, verb or tool in which the function
 * stands, `object` its self (NULL: the instance). Serialises instances that are not concurrent,
 * zeroes out, applies observers (recorder, fault injector, metrics), reports a full arena as
 * TOO_LARGE, checks what came back. UNSUPPORTED when the plugin left the function out. err is
 * always filled on failure, also when the plugin left it empty; it may be NULL. A call that is past
 * its deadline or canceled does not enter (TIMEOUT, CANCELED), but for finish, disconnect, reset,
 * interrupt and capabilities. Items that a plugin puts into a sink of *in are checked as well. */
int32_t plugin_invoke(struct plugin_instance *instance, enum contract_function function,
        const void *table, void *object, struct plugin_call *call, const void *in, void *out,
        struct askd_error *err);

/* database_query(instance, connection, call, &in, &out, &err), and so on for each function: typed
 * doors. For the kinds' own ifaces `table` is the instance's. */
const void *plugin_instance_iface(const struct plugin_instance *instance);
#define X(TABLE, table, NAME, name, in_type, out_type, thread)                                   \
	static inline int32_t enter_##table##_##name(struct plugin_instance *instance,           \
	        const void *where, void *object, struct plugin_call *call,                       \
	        const struct askd_##in_type *in, struct askd_##out_type *out,                    \
	        struct askd_error *err)                                                          \
	{                                                                                        \
		return plugin_invoke(                                                            \
		        instance, CONTRACT_##TABLE##_##NAME, where, object, call, in, out, err); \
	}
CONTRACT_FUNCTIONS(X)
#undef X
/* Use: enter_database_iface_query(instance, NULL, connection, &call, &in, &out, &err);
 * where == NULL: the instance's iface. */

/* Observers see every crossing in both directions: recorder, fault injector, metrics. Installed at
 * start. `before` may return a negative code with *err filled: the function is then not entered. */
struct plugin_observer {
	int32_t (*before)(void *arg, enum contract_function function, const char *instance,
	        struct plugin_call *call, const void *in, struct askd_error *err);
	void (*after)(void *arg, enum contract_function function, const char *instance,
	        struct plugin_call *call, const void *in, const void *out, int32_t rc,
	        const struct askd_error *err, int64_t elapsed_us);
	void *arg;
	struct plugin_observer *next;
};
void plugin_observe(struct plugin_observer *observer);
void plugin_observe_reset(void);

#endif
