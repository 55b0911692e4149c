/* host.h: the struct askd_host that an instance gets. Inside this room only. */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include "plugin/registry.h"

/* Fills instance->host; name lives as long as the instance. */
void host_init(struct plugin_instance *instance, const char *name);
/* Cancels the calls that the instance began, and waits until they are ended. false: a thread of a
 * library still holds one after 5 seconds. */
bool host_finish(struct plugin_instance *instance);

#endif
