/* metrics.h: counters and histograms, Prometheus text. Offers askd.metrics/1. */
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include "base/text.h"

/* Names are static strings: "askd_turns_total"; label: "kind=\"answer\"" or NULL. [any] */
void metrics_add(const char *name, const char *label, int64_t value);
void metrics_set(const char *name, const char *label, int64_t value);
void metrics_remove(const char *name, const char *label); /* of a gauge: it is gone */
void metrics_observe_us(const char *name, const char *label, int64_t us);
void metrics_print(struct buffer *b);             /* Prometheus text format 0.0.4 */
int32_t metrics_start(struct askd_error *reterr); /* offers the service and counts crossings */
void metrics_stop(void);

#endif
