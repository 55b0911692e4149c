/* explain.c: how a question was read, in words for people, from the form. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "form.h"

enum { DEPTH = 3 };

struct speaker {
	const struct schema *schema;
	struct pool *pool;
	const struct form_query *query;
	const char *text;
	int depth;
};

__attribute__((format(printf, 2, 3))) static void say(struct speaker *s, const char *format, ...)
{
	va_list ap;
	char piece[512];

	va_start(ap, format);
	vsnprintf(piece, sizeof piece, format, ap);
	va_end(ap);
	if (s->text)
		s->text = pool_print(s->pool, "%s%s", s->text, piece);
}

const char *form_plural(struct pool *pool, const char *words)
{
	static const char *const same[] = {"data", "info", "information", "staff", "people", "history",
	        "equipment", "series", NULL};
	size_t n = strlen(words);
	const char *last = strrchr(words, ' ');
	const char *noun = last ? last + 1 : words;

	for (size_t i = 0; same[i]; i++)
		if (!strcmp(noun, same[i]))
			return words;
	if (n < 2 || (words[n - 1] == 's' && words[n - 2] != 's' && words[n - 2] != 'u'))
		return words;
	if (!strcmp(noun, "person"))
		return pool_print(pool, "%.*speople", (int)(noun - words), words);
	if (words[n - 1] == 'y' && !strchr("aeiou", words[n - 2]))
		return pool_print(pool, "%.*sies", (int)n - 1, words);
	if (strchr("sxz", words[n - 1]) || (words[n - 1] == 'h' && strchr("cs", words[n - 2])))
		return pool_print(pool, "%ses", words);
	return pool_print(pool, "%ss", words);
}

/* The tables that the query stands on; whose rows they are comes first. */
static size_t tables_of(const struct speaker *s, uint32_t *tables)
{
	return form_tables(s->schema, s->query, tables, FORM_TABLES);
}

static const char *table_words(const struct speaker *s, uint32_t table)
{
	return form_plural(s->pool, s->schema->tables[table].words);
}

/* A column; with its table where another column has the same name. */
static const char *column_words(const struct speaker *s, int32_t column)
{
	const struct schema_column *c = &s->schema->columns[column];
	uint32_t tables[FORM_TABLES];
	size_t count = tables_of(s, tables);

	for (size_t i = 0; i < count; i++) {
		const struct schema_table *t = &s->schema->tables[tables[i]];

		for (uint32_t k = 0; k < t->columns; k++)
			if (tables[i] != c->table &&
			        !strcmp(s->schema->columns[t->first + k].words, c->words))
				return pool_print(s->pool, "%s (%s)", c->words, table_words(s, c->table));
	}
	return c->words;
}

static void say_expression(struct speaker *s, const struct form_expression *e)
{
	static const char *const names[] = {"", "the number of ", "the sum of ", "the average of ",
	        "the lowest ", "the highest "};

	say(s, "%s%s", names[e->aggregate], e->distinct ? "different " : "");
	if (e->column != FORM_STAR) {
		const struct schema_column *c = &s->schema->columns[e->column];

		/* Counting keys counts rows. */
		if (e->aggregate == AGGREGATE_COUNT && e->distinct && c->flags & COLUMN_PRIMARY)
			say(s, "%s", table_words(s, c->table));
		else
			say(s, "%s", column_words(s, e->column));
	} else if (e->aggregate) {
		uint32_t tables[FORM_TABLES];
		size_t count = tables_of(s, tables);

		say(s, "%s",
		        e->table >= 0 ? table_words(s, (uint32_t)e->table)
		        : count       ? table_words(s, tables[0])
		                      : "rows");
	} else {
		say(s, "everything");
	}
}

static void say_query(struct speaker *s, const struct form_query *query);

static void say_inner(struct speaker *s, const struct form_query *query)
{
	const struct form_query *outer = s->query;

	if (s->depth < DEPTH)
		say_query(s, query);
	s->query = outer;
}

static void say_filter(struct speaker *s, const struct form_filter *f)
{
	static const char *const operators[] = {" is ", " is not ", " is above ", " is at least ",
	        " is below ", " is at most ", " is between ", " contains ", " does not contain ",
	        " is missing", " is not missing", " is one of ", " is none of "};

	say_expression(s, &f->left);
	if (f->operator== FORM_BETWEEN && f->open) {
		if (f->value.text)
			say(s, " from %s on", f->value.text);
		if (f->until.text)
			say(s, "%s before %s", f->value.text ? " and" : " is", f->until.text);
		return;
	}
	say(s, "%s", operators[f->operator]);
	if (f->query) {
		say(s, "(");
		say_inner(s, f->query);
		say(s, ")");
	} else if (f->operator== FORM_LIKE || f->operator== FORM_NOT_LIKE) {
		size_t n = strlen(f->value.text), from = *f->value.text == '%';
		size_t end = n > 1 && f->value.text[n - 1] == '%' ? n - 1 : n;

		say(s, "\"%.*s\"", (int)(end - from), f->value.text + from);
	} else if (f->operator!= FORM_NULL && f->operator!= FORM_NOT_NULL) {
		say(s, "%s", f->value.text);
		if (f->operator== FORM_BETWEEN)
			say(s, " and %s", f->until.text);
	}
}

static void say_filters(struct speaker *s, bool of_groups, const char *word)
{
	const char *joint = word;

	for (const struct form_filter *f = s->query->filters; f; f = f->next) {
		if ((f->left.aggregate != AGGREGATE_NONE) != of_groups)
			continue;
		say(s, "%s", joint);
		say_filter(s, f);
		joint = f->or_next ? " or " : " and ";
	}
}

static void say_order(struct speaker *s)
{
	const struct form_query *q = s->query;

	for (size_t i = 0; i < q->orders; i++) {
		say(s, "%s", i ? ", then by " : "; by ");
		say_expression(s, &q->order[i].by);
		say(s, "%s", q->order[i].descending ? ", the highest first" : ", the lowest first");
	}
	if (q->limit == 1)
		say(s, "; only the first");
	else if (q->limit)
		say(s, "; only the first %u", q->limit);
}

static void say_query(struct speaker *s, const struct form_query *query)
{
	static const char *const sets[] = {"", ", that are also in: ", ", without those in: ", ", and: "};
	uint32_t tables[FORM_TABLES];
	size_t count, said = 0;

	s->query = query;
	s->depth++;
	count = tables_of(s, tables);
	say(s, "%s", query->distinct ? "different values of " : "");
	for (size_t i = 0; i < query->selected; i++) {
		say(s, "%s", !i ? "" : i + 1 < query->selected ? ", " : " and ");
		say_expression(s, &query->select[i]);
	}
	for (size_t i = 0; i < count; i++) {
		bool shown = false;

		for (size_t k = 0; k < query->selected; k++)
			shown |= query->select[k].aggregate == AGGREGATE_COUNT &&
			         query->select[k].column == FORM_STAR &&
			         query->select[k].table == (int32_t)tables[i];
		if (shown && count == 1)
			break;
		if (shown)
			continue;
		say(s, "%s%s", said++ ? ", " : " of ", table_words(s, tables[i]));
	}
	say_filters(s, false, " where ");
	for (size_t i = 0; i < query->groups; i++) {
		say(s, "%s", i ? " and " : ", for each ");
		say(s, "%s",
		        s->schema->columns[query->group[i]].flags & COLUMN_PRIMARY
		                ? table_words(s, s->schema->columns[query->group[i]].table)
		                : column_words(s, query->group[i]));
	}
	say_filters(s, true, ", where ");
	if (query->set && query->other) {
		say(s, "%s", sets[query->set]);
		say_inner(s, query->other);
		s->query = query;
	}
	say_order(s);
	s->depth--;
}

const char *form_explain(
        const struct schema *schema, struct pool *pool, const struct form_query *query)
{
	struct speaker s = {.schema = schema, .pool = pool, .text = ""};
	char *text;

	say_query(&s, query);
	if (!s.text || !*s.text)
		return s.text;
	text = pool_print(pool, "%s.", s.text);
	if (text && *text >= 'a' && *text <= 'z')
		*text = (char)(*text - 'a' + 'A');
	return text;
}
