/* limits.h: named buckets: rate with burst, windows, concurrency with waiting places. In memory. */
#ifndef RUN_LIMITS_H
#define RUN_LIMITS_H

#include "base/cancel.h"
#include "config/config.h"

struct limits;

enum limits_verdict { LIMITS_PASS, LIMITS_WAIT, LIMITS_REFUSE };

struct limits *limits_create(void);
void limits_destroy(struct limits *l);
/* now_us: always CLOCK_MONOTONIC. Rate and windows: takes one token for `subject`. REFUSE:
 * *retry_after_us says when one comes. */
enum limits_verdict limits_take(struct limits *l, const struct config_limit *limit,
        uint64_t subject, int64_t now_us, int64_t *retry_after_us);
/* Gives the token of the last limits_take back: what it was for counts for nothing. */
void limits_return(struct limits *l, const struct config_limit *limit, uint64_t subject);
/* What is left of the rate, without taking any: size of the bucket (0: there is no rate), whole
 * tokens in it, and the time until it is full. */
struct limits_state {
	int64_t size, left, full_us;
};
struct limits_state limits_look(
        struct limits *l, const struct config_limit *limit, uint64_t subject, int64_t now_us);
/* Concurrency: PASS takes a place (give it back with limits_leave); WAIT takes a waiting place, and
 * limits_wait blocks until it becomes a place; REFUSE: both are taken. */
enum limits_verdict limits_enter(
        struct limits *l, const struct config_limit *limit, uint64_t subject);
/* false: the deadline passed or *cancel was set; the waiting place is given back. */
bool limits_wait(struct limits *l, const struct config_limit *limit, uint64_t subject,
        int64_t deadline_us, struct cancel *cancel);
void limits_leave(struct limits *l, const struct config_limit *limit, uint64_t subject);
/* A subject out of text (an address): a keyed hash, never 0. */
uint64_t limits_subject(struct limits *l, const char *s, size_t n);

#endif
