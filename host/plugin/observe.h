/* observe.h: two observers for tests: a recorder of crossings and an injector of faults. Only in
 * builds with ASKD_FAULTS; elsewhere nothing of it exists. */
#ifndef PLUGIN_OBSERVE_H
#define PLUGIN_OBSERVE_H

#ifdef ASKD_FAULTS
#include "plugin/call.h"

/* ASKD_TEST_RECORD=FILE: appends one line of JSON a crossing: number, correlation, function,
 * instance, in, out or error. Secrets never enter it, content not when the call is ephemeral;
 * objects are ordinals; no address, no deadline, no time of day of the recorder's.
 * ASKD_TEST_FAIL=FUNCTION:N:CODE: the N-th crossing of this function fails with that error, in
 * place of being entered: "database_iface.query:1:IO"; "*:17:TIMEOUT": the 17th of all. IO, TIMEOUT
 * and BUSY say that a retry may help. Functions that release something are counted, and never
 * failed. @FILE takes the words out of a file with each observe_arm(), none if it is empty. Called
 * once at start, before anything crosses. INVALID when the words make no sense, IO when the file
 * cannot be written. */
int32_t observe_from_environment(struct askd_error *reterr);
/* Counts from 1 again, with the words that now stand in the file of ASKD_TEST_FAIL=@FILE; without
 * such a file it does nothing. Nothing crosses meanwhile. */
void observe_arm(void);
/* The same with values instead of the environment; NULL: not wanted. Tests. */
int32_t observe_start(const char *record, const char *fail, struct askd_error *reterr);
/* Takes both out again and closes the file. Nothing crosses meanwhile. */
void observe_stop(void);
#endif

#endif
