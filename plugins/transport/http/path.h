/* path.h: text out of a request, decoded once. No state. */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* UTF-8 without NUL and control characters; `tab` allows a tab. */
bool path_is_text(const char *s, size_t n, bool tab);
/* A token of RFC 9110: a method, the name of a header. */
bool path_is_token(const char *s, size_t n);
/* Decodes %xx, with `plus` also '+' as a space, into `out`, which has room for n + 1 bytes. False:
 * a broken escape, or no text. */
bool path_decode(const char *s, size_t n, bool plus, char *out, size_t *length);
/* The path of a request: decoded once, without empty, "." and ".." parts. False when it does not
 * begin with '/', climbs above the root, or holds a backslash, an escaped '/' or no text. */
bool path_normalise(const char *s, size_t n, char *out, size_t *length);

#endif
