/* dialect.c: dialects by name, and those that drivers describe themselves. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sql/language.h"

static const struct sql_dialect *const built_in[] = {&sql_language_sqlite};

/* Descriptions are static data of plugins that are never unloaded, so what was compiled from one
 * is kept beside it for ever. */
struct compiled {
	struct sql_dialect dialect;
	const struct askd_dialect *from;
	struct compiled *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct compiled *compiled;

bool sql_list_has(const char *const *list, const char *s, size_t n)
{
	for (; list && *list; list++)
		if (!strncasecmp(*list, s, n) && !(*list)[n])
			return true;
	return false;
}

static bool has_name_only(const struct askd_dialect *d)
{
	return !d->flags && !d->parameters && !d->limit && !d->schemes && !d->quote &&
	       !d->strings && !d->comments && !d->first_words && !d->functions;
}

/* "-- #" as a list. NULL: no memory. */
static const char *const *split(const char *s)
{
	size_t n = strlen(s), count = 0, words = 1;
	char **list, *copy;
	for (size_t i = 0; i < n; i++)
		words += s[i] == ' ';
	list = calloc(1, (words + 1) * sizeof *list + n + 1);
	if (!list)
		return NULL;
	copy = memcpy(list + words + 1, s, n + 1);
	for (char *rest = NULL, *word = strtok_r(copy, " ", &rest); word;
	        word = strtok_r(NULL, " ", &rest))
		list[count++] = word;
	return (const char *const *)list;
}

static int compare(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static int32_t refuse(const struct askd_dialect *from, const char *what, struct askd_error *reterr)
{
	return askd_fail(reterr, ASKD_E_CONFIG, "the dialect \"%s\": %s", from->name, what);
}

static int32_t fill_functions(
        struct sql_dialect *d, const struct askd_dialect *from, struct askd_error *reterr)
{
	const char **sorted;
	size_t count = 0;
	while (from->functions && from->functions[count])
		count++;
	sorted = calloc(count + 1, sizeof *sorted);
	if (!sorted)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a dialect");
	if (count)
		memcpy(sorted, from->functions, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare);
	d->functions = sorted;
	d->function_count = count;
	return ASKD_OK;
}

static int32_t fill(
        struct sql_dialect *d, const struct askd_dialect *from, struct askd_error *reterr)
{
	static const char *const first_words[] = {"select", "values", "with", NULL};
	static const char *const known_comments[] = {"--", "#", "//", "/*", NULL};
	static const char *const internal[] = {
	        "information_schema", "pg_*", "sqlite_*", "sys", "system", NULL};
	static const char *const long_operators[] = {"->>", "#>>", "->", "#>", "||", "<<", ">>",
	        "<=", ">=", "<>", "!=", "==", "::", "@>", "<@", NULL};
	size_t pairs;
	if (from->flags & ~(uint32_t)(ASKD_DIALECT_BACKSLASH | ASKD_DIALECT_NESTED_COMMENT))
		return refuse(from, "it has flags that this host does not know", reterr);
	if (from->parameters < ASKD_PARAM_DOLLAR || from->parameters > ASKD_PARAM_AT)
		return refuse(from, "'parameters' is none of ASKD_PARAM_*", reterr);
	if (from->limit < ASKD_LIMIT_LIMIT || from->limit > ASKD_LIMIT_TOP)
		return refuse(from, "'limit' is none of ASKD_LIMIT_*", reterr);
	if (!from->quote || strlen(from->quote) % 2 || strlen(from->quote) > 12 || !*from->quote)
		return refuse(from, "'quote' must hold one to six pairs of characters", reterr);
	if (!from->comments)
		return refuse(from, "'comments' is missing", reterr);
	d->name = from->name;
	d->schemes = from->schemes;
	d->flags = (from->flags & ASKD_DIALECT_BACKSLASH ? SQL_BACKSLASH : 0u) |
	           (from->flags & ASKD_DIALECT_NESTED_COMMENT ? SQL_NESTED_COMMENT : 0u);
	d->parameters = from->parameters;
	d->limit = from->limit;
	d->hint = d->limit == ASKD_LIMIT_TOP     ? "SELECT TOP (n)"
	          : d->limit == ASKD_LIMIT_FETCH ? "FETCH FIRST n ROWS ONLY"
	                                         : "LIMIT n";
	pairs = strlen(from->quote) / 2;
	memcpy(d->quotes, from->quote, pairs * 2);
	/* The double quotes mean a string where they quote no name. */
	if (!strchr(from->quote, '"'))
		d->flags |= SQL_DOUBLE_STRINGS;
	d->strings = split(from->strings ? from->strings : "");
	d->comments = split(from->comments);
	if (!d->strings || !d->comments)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a dialect");
	for (const char *const *c = d->comments; *c; c++)
		if (!sql_list_has(known_comments, *c, strlen(*c)))
			return refuse(from, "'comments' may name --, #, // and /* only", reterr);
	d->operators = "+-*/%&|~<>=^#!";
	d->long_operators = long_operators;
	d->name_extra = "$";
	d->first_words = from->first_words ? from->first_words : first_words;
	d->name_parts = 2;
	d->internal = internal;
	return fill_functions(d, from, reterr);
}

static const struct sql_dialect *compile(const struct askd_dialect *from, struct askd_error *reterr)
{
	struct compiled *c = compiled;
	while (c && c->from != from)
		c = c->next;
	if (c)
		return &c->dialect;
	c = calloc(1, sizeof *c);
	if (!c) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for a dialect");
		return NULL;
	}
	if (fill(&c->dialect, from, reterr)) {
		free((void *)c->dialect.strings);
		free((void *)c->dialect.comments);
		free((void *)c->dialect.functions);
		free(c);
		return NULL;
	}
	c->from = from;
	c->next = compiled;
	compiled = c;
	return &c->dialect;
}

const struct sql_dialect *sql_dialect_of(
        const struct askd_dialect *description, struct askd_error *reterr)
{
	const struct sql_dialect *dialect;
	if (!description || !description->name || !*description->name) {
		askd_fail(reterr, ASKD_E_CONFIG, "the driver names no dialect");
		return NULL;
	}
	if (!has_name_only(description)) {
		pthread_mutex_lock(&lock);
		dialect = compile(description, reterr);
		pthread_mutex_unlock(&lock);
		return dialect;
	}
	for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
		if (!strcmp(built_in[i]->name, description->name))
			return built_in[i];
	askd_fail(reterr, ASKD_E_CONFIG,
	        "this host does not know the dialect \"%s\", and the driver does not describe it: "
	        "it knows \"sqlite\"",
	        description->name);
	return NULL;
}

const char *sql_dialect_name(const struct sql_dialect *dialect)
{
	return dialect->name;
}

const char *sql_dialect_schemes(const struct sql_dialect *dialect)
{
	return dialect->schemes ? dialect->schemes : "";
}

const char *sql_dialect_hint(const struct sql_dialect *dialect)
{
	return dialect->hint;
}
