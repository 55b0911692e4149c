#include "say.h"

enum { SAY_ARGS = 8 };

static struct askd_text format(const struct voice *voice, const char *text, const char *plural,
        int64_t count, va_list ap)
{
	struct askd_header list[SAY_ARGS];
	const struct askd_header *args[SAY_ARGS + 1] = {NULL};
	ASKD_MAKE(struct askd_i18n_result, result, .text = {0});
	ASKD_MAKE(struct askd_i18n_text, in, .count = count, .language = voice->language,
	        .text = askd_text_of(text), .plural = askd_text_of(plural), .args = args);
	for (uint32_t n = 0; n < SAY_ARGS; n++) {
		const char *name = va_arg(ap, const char *);
		if (!name)
			break;
		list[n] = (struct askd_header){.size = sizeof list[n],
		        .name = askd_text_of(name),
		        .value = askd_text_of(va_arg(ap, const char *))};
		args[n] = &list[n];
	}
	if (voice->i18n->text(voice->host, voice->call, &in, &result, NULL))
		return (struct askd_text){0};
	return result.text;
}

struct askd_text say(const struct voice *voice, const char *text, ...)
{
	struct askd_text said;
	va_list ap;
	va_start(ap, text);
	said = format(voice, text, NULL, 1, ap);
	va_end(ap);
	return said;
}

struct askd_text say_count(
        const struct voice *voice, const char *text, const char *plural, int64_t count, ...)
{
	struct askd_text said;
	va_list ap;
	va_start(ap, count);
	said = format(voice, text, plural, count, ap);
	va_end(ap);
	return said;
}
