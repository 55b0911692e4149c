/* testpoint.h: named places where a test may stop the program dead. Only in builds with
 * ASKD_FAULTS; elsewhere nothing of it exists. */
#ifndef BASE_TESTPOINT_H
#define BASE_TESTPOINT_H

#ifdef ASKD_FAULTS
/* ASKD_TEST_KILL="model_called:3": raises SIGKILL the third time this point is passed.
 * ASKD_TEST_HOLD="model_called:/path": waits there while that file exists. */
void testpoint(const char *name);
#define TESTPOINT(name) testpoint(name)
#else
#define TESTPOINT(name) ((void)0)
#endif

#endif
