/* health.h: asks every instance that offers askd.health/1 how it is, once a minute. */
#ifndef RUN_HEALTH_H
#define RUN_HEALTH_H

#include "plugin/registry.h"
#include "run/timers.h"
#include "run/workers.h"

struct health;

/* The first round begins at once. What changes is logged; the gauge askd_instance_health has one
 * value for each instance. Builds with ASKD_FAULTS read the interval from ASKD_TEST_HEALTH_MS.
 * `previous` (NULL: none) asks no more from then on; what instances of both said last is taken
 * over. NULL and *reterr: no memory. [main] */
struct health *health_start(struct registry *registry, struct health *previous,
        struct timers *timers, struct workers *workers, struct askd_error *reterr);
/* Cancels a round that runs, and waits for its end. Before the workers are drained. [main] */
void health_stop(struct health *health);

#endif
