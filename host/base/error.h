/* error.h: helpers around struct askd_error. Fill it with askd_fail(). */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#include <askd/askd.h>

/* "INVALID", "STATEMENT", ...; "OK" for 0, "?" for others. */
const char *error_name(int32_t code);
/* The code with this name ("IO"), or 0. */
int32_t error_code(const char *name);
/* Puts "prefix: " before the message; cuts at its end. NULL is fine. */
__attribute__((format(printf, 2, 3))) void error_prefix(
        struct askd_error *err, const char *format, ...);
/* askd_fail that keeps native, position, flags and delay of *from. Returns from->code. */
int32_t error_copy(struct askd_error *to, const struct askd_error *from);

#endif
