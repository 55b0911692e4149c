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
	char *text;
	size_t n, room;
	int depth;
};

__attribute__((format(printf, 2, 3))) static void say(struct speaker *s, const char *format, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n >= 0 && s->n + (size_t)n >= s->room) {
		size_t room = (s->n + (size_t)n + 1) * 2;
		char *larger = pool_alloc(s->pool, room);

		if (larger && s->n)
			memcpy(larger, s->text, s->n);
		if (larger) {
			s->text = larger;
			s->room = room;
		}
	}
	/* What found no room is left out: the pool tells that there was no memory. */
	if (n >= 0 && s->n + (size_t)n < s->room) {
		vsnprintf(s->text + s->n, (size_t)n + 1, format, again);
		s->n += (size_t)n;
	}
	va_end(again);
}

const char *form_plural(struct pool *pool, const char *words)
{
	static const char *const same[] = {"data", "info", "information", "staff", "people",
	        "history", "equipment", "series", NULL};
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
	const char *words = form_plural(s->pool, s->schema->tables[table].words);

	return words ? words : "";
}

/* A column; with its table where another column of the query's tables has the same name. */
static void say_column(struct speaker *s, int32_t column)
{
	const struct schema_column *c = &s->schema->columns[column];
	uint32_t tables[FORM_TABLES];
	size_t count = tables_of(s, tables);
	bool twice = false;

	for (size_t i = 0; i < count; i++) {
		const struct schema_table *t = &s->schema->tables[tables[i]];

		for (uint32_t k = 0; k < t->columns && tables[i] != c->table; k++)
			twice |= !strcmp(s->schema->columns[t->first + k].words, c->words);
	}
	say(s, "%s", c->words);
	if (twice)
		say(s, " (%s)", table_words(s, c->table));
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
			say_column(s, e->column);
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
	        " is below ", " is at most ", " is between ", " is not between ", " contains ",
	        " does not contain ", " is missing", " is not missing", " is one of ",
	        " is none of "};

	const bool between = f->operator== FORM_BETWEEN || f->operator== FORM_NOT_BETWEEN;

	say_expression(s, &f->left);
	if (between && f->open) {
		say(s, "%s", f->operator== FORM_NOT_BETWEEN ? " is not" : "");
		if (f->value.text)
			say(s, " from %s on", f->value.text);
		if (f->until.text)
			say(s, "%s before %s",
			        f->value.text                    ? " and"
			        : f->operator== FORM_NOT_BETWEEN ? ""
			                                         : " is",
			        f->until.text);
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
		if (between)
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
	static const char *const periods[] = {"", "day", "week", "month", "quarter", "year"};
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
		const struct schema_column *c = &s->schema->columns[query->group[i]];

		say(s, "%s", i ? " and " : ", for each ");
		if (query->group_period[i])
			say(s, "%s", periods[query->group_period[i]]);
		else if (c->flags & COLUMN_PRIMARY)
			say(s, "of the %s", table_words(s, c->table));
		else
			say_column(s, query->group[i]);
	}
	say_filters(s, true, ", where ");
	if (query->both) {
		say(s, ", that are also in: ");
		say_inner(s, query->both);
		s->query = query;
	}
	say_order(s);
	s->depth--;
}

const char *form_explain(
        const struct schema *schema, struct pool *pool, const struct form_query *query)
{
	struct speaker s = {.schema = schema, .pool = pool};

	say_query(&s, query);
	say(&s, ".");
	if (pool->failed)
		return NULL;
	if (*s.text >= 'a' && *s.text <= 'z')
		*s.text = (char)(*s.text - 'a' + 'A');
	return s.text;
}
