/* schema_sql.c: the little SQL that learning needs. */
#include <string.h>

#include "schema_inside.h"

const char *sql_name(struct pool *pool, const struct schema *schema, const char *name)
{
	char open = '"', close = '"';
	size_t n = 3;
	char *text, *end;
	if (!strcmp(schema->dialect, "mysql"))
		open = close = '`';
	else if (!strcmp(schema->dialect, "sqlserver"))
		open = '[', close = ']';
	for (const char *s = name; *s; s++)
		n += 1 + (*s == close);
	text = end = pool_alloc(pool, n);
	if (!text)
		return NULL;
	*end++ = open;
	for (; *name; name++) {
		if (*name == close)
			*end++ = close;
		*end++ = *name;
	}
	*end = close;
	return text;
}

const char *sql_table(
        struct pool *pool, const struct schema *schema, const struct schema_table *table)
{
	const char *name = sql_name(pool, schema, table->name);
	const char *in = table->schema ? sql_name(pool, schema, table->schema) : NULL;
	return in && name ? pool_print(pool, "%s.%s", in, name) : name;
}

const char *sql_text(struct pool *pool, const char *text)
{
	size_t n = 3;
	char *quoted, *end;
	for (const char *s = text; *s; s++)
		n += 1 + (*s == '\'');
	quoted = end = pool_alloc(pool, n);
	if (!quoted)
		return NULL;
	*end++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			*end++ = '\'';
		*end++ = *text;
	}
	*end = '\'';
	return quoted;
}

const char *sql_limited(struct pool *pool, const struct schema *schema, bool distinct,
        const char *what, const char *from, uint32_t rows)
{
	const char *once = distinct ? "DISTINCT " : "";
	if (!what || !from)
		return NULL;
	if (!strcmp(schema->dialect, "sqlserver"))
		return pool_print(pool, "SELECT %sTOP (%u) %s FROM %s", once, rows, what, from);
	return pool_print(pool, "SELECT %s%s FROM %s LIMIT %u", once, what, from, rows);
}
