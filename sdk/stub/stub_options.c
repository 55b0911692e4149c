/* stub_options.c: fills an instance from the plugin's option table. The words are those of the
 * configuration; lists and maps are flat JSON. */
#include "stub.h"

#include <errno.h>
#include <stdlib.h>

struct reader {
	struct askd_stub *stub;
	const struct askd_option *option;
	struct askd_error *reterr;
};

static int32_t wrong(const struct reader *r, const char *value, const char *expected)
{
	return askd_fail(r->reterr, ASKD_E_CONFIG, "option %s: \"%s\" is no %s", r->option->name,
	        value, expected);
}

static char *keep(struct askd_stub *stub, const char *s, size_t n)
{
	char *copy = stub_alloc(&stub->options, n + 1);
	if (copy)
		memcpy(copy, s, n);
	return copy;
}

/* A number with a unit: "20s", "64K"; units as pairs of a letter string and a factor. */
static int32_t read_number(const struct reader *r, const char *value, const char *const *units,
        const int64_t *factors, int64_t *number)
{
	char *end;
	long long n;
	int64_t factor = 1;
	errno = 0;
	n = strtoll(value, &end, 10);
	if (end == value || errno)
		return wrong(r, value, "number");
	if (*end) {
		size_t i = 0;
		while (units && units[i] && strcmp(end, units[i]) != 0)
			i++;
		if (!units || !units[i])
			return wrong(r, value, "number with a known unit");
		factor = factors[i];
	}
	if (__builtin_mul_overflow((int64_t)n, factor, number))
		return wrong(r, value, "number that fits");
	if ((r->option->min || r->option->max) &&
	        (*number < r->option->min || (r->option->max && *number > r->option->max)))
		return wrong(r, value, "number in the option's range");
	return ASKD_OK;
}

static int32_t read_bool(const struct reader *r, const char *value, int64_t *number)
{
	if (strcmp(value, "true") && strcmp(value, "yes") && strcmp(value, "false") &&
	        strcmp(value, "no"))
		return wrong(r, value, "yes or no");
	*number = *value == 't' || *value == 'y';
	return ASKD_OK;
}

static int32_t read_choice(const struct reader *r, const char *value, int64_t *number)
{
	for (int64_t i = 0; r->option->choices && r->option->choices[i]; i++)
		if (!strcmp(r->option->choices[i], value)) {
			*number = i;
			return ASKD_OK;
		}
	return wrong(r, value, "choice of this option");
}

static const char *skip(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* One JSON string with the simple escapes; NULL: it is none. */
static const char *read_string(struct askd_stub *stub, const char *s, const char **out)
{
	char *copy = keep(stub, s, strlen(s)), *to = copy;
	if (!copy || *s++ != '"')
		return NULL;
	for (; *s && *s != '"'; s++) {
		if (*s == '\\') {
			s++;
			if (*s != '"' && *s != '\\' && *s != '/' && *s != 'n' && *s != 't')
				return NULL;
			*to++ = *s == 'n' ? '\n' : *s == 't' ? '\t' : *s;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
	*out = copy;
	return *s ? s + 1 : NULL;
}

/* ["a", "b"] or {"a": "b"}: both become a flat NULL-terminated list. */
static int32_t read_texts(const struct reader *r, const char *value, const char *const **out)
{
	int map = r->option->type == ASKD_OPT_MAP;
	const char *s = skip(value), *what = map ? "JSON object of texts" : "JSON list of texts";
	size_t n = 0;
	const char **list = stub_alloc(&r->stub->options, (strlen(value) + 2) * sizeof *list);
	if (!list)
		return askd_fail(r->reterr, ASKD_E_NOMEM, "no memory");
	if (*s != (map ? '{' : '['))
		return wrong(r, value, what);
	s = skip(s + 1);
	while (*s && *s != (map ? '}' : ']')) {
		s = read_string(r->stub, s, &list[n]);
		if (!s)
			return wrong(r, value, what);
		s = skip(s);
		if (map && !(n % 2)) {
			if (*s != ':')
				return wrong(r, value, what);
			s = skip(s + 1);
		} else if (*s == ',') {
			s = skip(s + 1);
		}
		n++;
	}
	if (!*s || *skip(s + 1) || (map && n % 2))
		return wrong(r, value, what);
	*out = list;
	return ASKD_OK;
}

static int32_t read_one(const struct reader *r, const char *value)
{
	static const char *const times[] = {"ms", "s", "m", "h", "d", NULL};
	static const int64_t time_factors[] = {1, 1000, 60000, 3600000, 86400000};
	static const char *const sizes[] = {"K", "M", "G", "KiB", "MiB", "GiB", NULL};
	static const int64_t size_factors[] = {
	        1024, 1048576, 1073741824, 1024, 1048576, 1073741824};
	char *at = (char *)r->stub->self + r->option->offset;
	int64_t number = 0;
	int32_t rc = ASKD_OK;
	switch (r->option->type) {
	case ASKD_OPT_TEXT:
	case ASKD_OPT_JSON: {
		const char *copy = value ? keep(r->stub, value, strlen(value)) : NULL;
		if (value && !copy)
			return askd_fail(r->reterr, ASKD_E_NOMEM, "no memory");
		if (copy && r->option->max && strlen(copy) > (uint64_t)r->option->max)
			return wrong(r, value, "text of a permitted length");
		memcpy(at, &copy, sizeof copy);
		return ASKD_OK;
	}
	case ASKD_OPT_LIST:
	case ASKD_OPT_MAP: {
		const char *const *list = NULL;
		if (value && *value)
			rc = read_texts(r, value, &list);
		memcpy(at, &list, sizeof list);
		return rc;
	}
	case ASKD_OPT_INT:
		if (value)
			rc = read_number(r, value, NULL, NULL, &number);
		break;
	case ASKD_OPT_DURATION:
		if (value)
			rc = read_number(r, value, times, time_factors, &number);
		break;
	case ASKD_OPT_SIZE:
		if (value)
			rc = read_number(r, value, sizes, size_factors, &number);
		break;
	case ASKD_OPT_BOOL:
		if (value)
			rc = read_bool(r, value, &number);
		break;
	case ASKD_OPT_CHOICE:
		if (value)
			rc = read_choice(r, value, &number);
		break;
	default:
		return askd_fail(r->reterr, ASKD_E_CONFIG, "option %s: unknown type %u",
		        r->option->name, r->option->type);
	}
	memcpy(at, &number, sizeof number);
	return rc;
}

static const char *find_value(const char *const *options, const char *name)
{
	for (; options && options[0]; options += 2)
		if (!strcmp(options[0], name))
			return options[1];
	return NULL;
}

int32_t stub_options_read(
        struct askd_stub *stub, const char *const *options, struct askd_error *reterr)
{
	const struct askd_option *table = stub->plugin->options;
	for (const char *const *o = options; o && o[0]; o += 2) {
		const struct askd_option *entry = table;
		while (entry && entry->name && strcmp(entry->name, o[0]) != 0)
			entry++;
		if (!entry || !entry->name || !o[1])
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "option %s: the plugin has none of this name, or it has no value",
			        o[0]);
	}
	for (const struct askd_option *entry = table; entry && entry->name; entry++) {
		struct reader r = {stub, entry, reterr};
		const char *value = find_value(options, entry->name);
		int32_t rc;
		if (!value && (entry->flags & ASKD_OPT_REQUIRED))
			return askd_fail(
			        reterr, ASKD_E_CONFIG, "option %s: is required", entry->name);
		rc = read_one(&r, value ? value : entry->def);
		if (rc)
			return rc;
	}
	return ASKD_OK;
}
