#include "say.h"

#include "str.h"

enum { SAY_ARGS = 8 };

static const struct askd_header *find(
        const struct askd_header *const *args, const char *name, size_t n, bool *raw)
{
	for (; *args; args++) {
		*raw = (*args)->name.s[0] == '*';
		if ((*args)->name.n == n + *raw && !memcmp((*args)->name.s + *raw, name, n))
			return *args;
	}
	return NULL;
}

/* When the service fails, English is better than silence. */
static struct askd_text in_english(const struct voice *voice, const struct askd_i18n_text *in)
{
	struct askd_text text = in->plural.s && in->count != 1 ? in->plural : in->text, said;
	struct str out = {0};
	for (size_t i = 0; i < text.n;) {
		const char *close = text.s[i] == '{' ? memchr(text.s + i, '}', text.n - i) : NULL;
		size_t n = close ? (size_t)(close - text.s) - i - 1 : 0;
		bool raw = false;
		const struct askd_header *arg =
		        close ? find(in->args, text.s + i + 1, n, &raw) : NULL;
		bool counted = !arg && n == 5 && !memcmp(text.s + i + 1, "count", 5);
		if (arg && raw)
			str_text(&out, arg->value);
		else if (arg)
			str_markdown(&out, arg->value.s, arg->value.n);
		else if (counted)
			str_print(&out, "%lld", (long long)in->count);
		else
			str_add(&out, text.s + i, 1);
		i += arg || counted ? n + 2 : 1;
	}
	said = str_copy(voice->call, &out);
	str_finish(&out);
	return said;
}

static struct askd_text format(
        const struct voice *voice, const char *text, const char *plural, int64_t count, va_list ap)
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
	if (voice->i18n->text(voice->host, voice->call, &in, &result, NULL) || !result.text.s)
		return in_english(voice, &in);
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
