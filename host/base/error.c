/* error.c: names of codes, prefixes, copies. */
#include "base/error.h"

#include "base/text.h"

/* At minus the code. */
static const char *const names[] = {"OK", "INVALID", "UNSUPPORTED", "CONFIG", "NOMEM", "INTERNAL",
        "IO", "TIMEOUT", "CRASHED", "CANCELED", "BUSY", "QUOTA", "AUTH", "DENIED", "TOO_LARGE",
        "REFUSED", "PROTOCOL", "STATEMENT", "CONFLICT", "NOT_FOUND", "REMOTE", "GONE"};
_Static_assert(sizeof names / sizeof *names == 1 - ASKD_E_LAST, "every code has its name");

const char *error_name(int32_t code)
{
	return code > 0 || code < ASKD_E_LAST ? "?" : names[-code];
}

int32_t error_code(const char *name)
{
	for (int32_t code = 0; name && code >= ASKD_E_LAST; code--)
		if (!strcmp(name, names[-code]))
			return code;
	return ASKD_OK;
}

void error_prefix(struct askd_error *err, const char *format, ...)
{
	char message[sizeof err->message];
	va_list ap;
	int n;
	size_t kept;

	if (!err)
		return;
	va_start(ap, format);
	n = vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	kept = (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
	kept += (size_t)snprintf(message + kept, sizeof message - kept, ": %s", err->message);
	if (kept >= sizeof message) {
		/* Where it was cut, the last character may be half: look back for its beginning. */
		kept = sizeof message - 1;
		for (size_t back = 1; back <= 4 && back <= kept; back++)
			if (((unsigned char)message[kept - back] & 0xc0) != 0x80) {
				if (!text_character(message + kept - back, back))
					kept -= back;
				break;
			}
	}
	memcpy(err->message, message, kept);
	err->message[kept] = 0;
}

int32_t error_copy(struct askd_error *to, const struct askd_error *from)
{
	int32_t code = from->code;

	if (to && to != from)
		*to = *from;
	return code;
}
