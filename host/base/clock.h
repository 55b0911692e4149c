/* clock.h: the one source of time, chance and ids; tests may replace the clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_now_us(void);       /* UTC */
int64_t clock_monotonic_us(void); /* CLOCK_MONOTONIC, the clock of deadlines */
/* Tests: all later clock_now_us() answer this plus the time that passed; 0 gives the real clock.
 * Builds with ASKD_FAULTS also read ASKD_TEST_NOW (microseconds) at start. */
void clock_set_us(int64_t now_us);
/* "2026-11-21T12:03:44.123456Z" into a buffer of at least 28 bytes; returns it. */
char *clock_format(int64_t us, char *out, size_t size);

void random_bytes(void *p, size_t n); /* cryptographically strong; aborts if there is no source */
/* 1 ... 2^63-1, unique, growing with time to the millisecond: 42 bits of ms, 21 of chance/sequence.
 */
uint64_t id_make(void);
/* The least id that can be made from that millisecond of UTC on. */
uint64_t id_first_of(int64_t ms);

#endif
