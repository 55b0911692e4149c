/* crossing.h: what both directions of a crossing share: observers, depth, and errors as a plugin
 * may have left them. Inside this room only. */
#ifndef PLUGIN_CROSSING_H
#define PLUGIN_CROSSING_H

#include "plugin/call.h"

struct crossing {
	enum contract_function function;
	const char *instance;
	struct plugin_call *call;
	const void *in, *out;
	int64_t began_us;
};

bool crossing_is_observed(void);
int32_t crossing_before(struct crossing *crossing, struct askd_error *err);
void crossing_after(const struct crossing *crossing, int32_t rc, const struct askd_error *err);
/* INTERNAL when too many crossings stand inside each other on this thread. */
int32_t crossing_enter(struct askd_error *err);
void crossing_leave(void);
/* Makes *err sound after `function` of `who` failed with rc; returns the code that counts. */
int32_t crossing_error(struct askd_error *err, int32_t rc, const char *who, const char *function);
void crossing_error_clear(struct askd_error *err);
/* Registers the table that `service` of a host hands out; see registry_offer_service. */
void service_offer(const char *id, const void *table, bool enters);
void service_reset(void);
/* The wrapped table; *enters as it was offered. NULL: there is none. */
const void *service_find(const char *id, bool *enters);

#endif
