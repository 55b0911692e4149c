/* log.h: lines for operators: text or JSON on standard error or in a file, with the correlation id
 * of the call. No secret and no content of persons; use log_excerpt for the first characters of a
 * question. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <askd/askd.h>

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

void log_init(uint32_t level /* ASKD_LOG_* */, enum log_format format);
/* Lines go to the end of this file from now on; NULL: to standard error. It is made where it is not
 * there, 0640, and made anew with the next line after somebody moved it away, so that whoever
 * rotates logs has nobody to tell. A line that it does not take goes to standard error. On failure
 * lines go where they went. Thread-safe. */
int32_t log_to_file(const char *path, struct askd_error *reterr);
bool log_wants(uint32_t level);
/* room: "store"; id: correlation id, 0: none. Thread-safe; one write(2) a line. Control characters
 * and invalid UTF-8 in the message are escaped. */
__attribute__((format(printf, 4, 5))) void log_write(
        uint32_t level, const char *room, uint64_t id, const char *format, ...);
#define log_error(room, id, ...) log_write(ASKD_LOG_ERROR, room, id, __VA_ARGS__)
#define log_warning(room, id, ...) log_write(ASKD_LOG_WARNING, room, id, __VA_ARGS__)
#define log_info(room, id, ...) log_write(ASKD_LOG_INFO, room, id, __VA_ARGS__)
#define log_debug(room, id, ...) log_write(ASKD_LOG_DEBUG, room, id, __VA_ARGS__)
/* Registers a secret: every later line has its occurrences replaced by "***" (the last defence;
 * texts under 6 bytes are not registered). */
void log_hide(const char *secret);
/* At most 50 characters of `text`, one line, in a static buffer of the thread. */
const char *log_excerpt(struct askd_text text);

#endif
