/* print.c: a form as SQL in the dialect of the database. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "form.h"

enum { DEPTH = 4, SQL_MAX = 16384, NAMES = FORM_TABLES * 2 };

struct printer {
	const struct schema *schema;
	struct joins *joins;
	struct form_cost *cost;
	char text[SQL_MAX];
	size_t n;
	size_t aliases; /* given so far, so that no two tables of a statement share a name */
	int depth;
	bool failed;
	bool present; /* of the query that comes next: rows where its value is missing stay out */
	enum { SQLITE, POSTGRES, MYSQL, SQLSERVER } dialect;
};

/* The tables that a query stands on. */
struct scope {
	struct join_tree tree;
	size_t alias; /* number of the first table's; 0: one table, which needs none */
};

static void put_bytes(struct printer *p, const char *s, size_t n)
{
	if (p->failed || p->n + n + 1 > SQL_MAX) {
		p->failed = true;
		return;
	}
	memcpy(p->text + p->n, s, n);
	p->n += n;
	p->text[p->n] = 0;
}

static void put(struct printer *p, const char *s)
{
	put_bytes(p, s, strlen(s));
}

/* Words that must be quoted where they are names, in some dialect or other. */
static bool is_reserved(const char *s)
{
	static const char *const words[] = {"add", "all", "alter", "analyze", "and", "any", "array",
	        "as", "asc", "between", "both", "by", "case", "cast", "character", "check",
	        "collate", "column", "constraint", "create", "cross", "current", "date", "default",
	        "delete", "desc", "distinct", "drop", "else", "end", "escape", "except", "exists",
	        "fetch", "filter", "for", "foreign", "from", "full", "grant", "group", "groups",
	        "having", "if", "in", "index", "inner", "insert", "intersect", "interval", "into",
	        "is", "isnull", "join", "key", "left", "like", "limit", "match", "natural", "no",
	        "not", "notnull", "null", "of", "offset", "on", "only", "or", "order", "outer",
	        "over", "partition", "primary", "range", "rank", "read", "references", "right",
	        "row", "rows", "select", "session_user", "set", "some", "system", "table", "then",
	        "time", "timestamp", "to", "transaction", "trigger", "union", "unique", "update",
	        "user", "using", "values", "view", "when", "where", "window", "with", "year", NULL};

	for (size_t i = 0; words[i]; i++)
		if (*words[i] == tolower((unsigned char)*s) && !strcasecmp(words[i], s))
			return true;
	return false;
}

/* Quoted where it must be: PostgreSQL takes other letters for small ones. */
static void put_name(struct printer *p, const char *name)
{
	const char open = "\"\"`["[p->dialect], end = "\"\"`]"[p->dialect];
	bool plain = isalpha((unsigned char)*name) || *name == '_';

	for (const char *s = name; *s && plain; s++)
		plain = (isalnum((unsigned char)*s) || *s == '_') &&
		        !(p->dialect == POSTGRES && isupper((unsigned char)*s));
	if (plain && !is_reserved(name)) {
		put(p, name);
		return;
	}
	put_bytes(p, &open, 1);
	for (const char *s = name; *s; s++) {
		put_bytes(p, s, 1);
		if (*s == end)
			put_bytes(p, s, 1);
	}
	put_bytes(p, &end, 1);
}

static void put_alias(struct printer *p, const struct scope *scope, uint32_t table)
{
	char name[24];

	for (size_t i = 0; i < scope->tree.table_count; i++)
		if (scope->tree.tables[i] == table) {
			snprintf(name, sizeof name, "t%zu", scope->alias + i);
			put(p, name);
			return;
		}
	p->failed = true;
}

static void put_column(struct printer *p, const struct scope *scope, int32_t column)
{
	const struct schema_column *c = &p->schema->columns[column];

	if (scope->alias) {
		put_alias(p, scope, c->table);
		put(p, ".");
	}
	put_name(p, c->name);
}

/* What cuts a time to a period: by dialect and enum form_period; @ stands for the column. Weeks are
 * those of the year that begin on Monday, ISO weeks where the dialect has them. */
static const char *const periods[][6] = {
        {"@", "date(@)", "strftime('%Y-%W', @)", "strftime('%Y-%m', @)",
                "strftime('%Y', @) || '-Q' || ((strftime('%m', @) + 2) / 3)", "strftime('%Y', @)"},
        {"@", "to_char(@, 'YYYY-MM-DD')", "to_char(@, 'IYYY-IW')", "to_char(@, 'YYYY-MM')",
                "to_char(@, 'YYYY-\"Q\"Q')", "to_char(@, 'YYYY')"},
        {"@", "date_format(@, '%Y-%m-%d')", "date_format(@, '%x-%v')", "date_format(@, '%Y-%m')",
                "concat(year(@), '-Q', quarter(@))", "date_format(@, '%Y')"},
        {"@", "convert(char(10), @, 23)",
                ("concat(year(dateadd(day, 26 - datepart(iso_week, @), @)), '-', "
                 "datepart(iso_week, @))"),
                "convert(char(7), @, 23)", "concat(year(@), '-Q', datepart(quarter, @))",
                "convert(char(4), @, 23)"}};

static void put_period(
        struct printer *p, const struct scope *scope, int32_t column, enum form_period period)
{
	for (const char *s = periods[p->dialect][period]; *s; s++)
		if (*s == '@')
			put_column(p, scope, column);
		else
			put_bytes(p, s, 1);
}

static void put_expression(
        struct printer *p, const struct scope *scope, const struct form_expression *e)
{
	static const char *const functions[] = {"", "COUNT", "SUM", "AVG", "MIN", "MAX"};

	if (e->aggregate) {
		put(p, functions[e->aggregate]);
		put(p, e->distinct ? "(DISTINCT " : "(");
	}
	if (e->column != FORM_STAR) {
		put_period(p, scope, e->column, e->period);
	} else {
		if (!e->aggregate && scope->alias && e->table >= 0) {
			put_alias(p, scope, (uint32_t)e->table);
			put(p, ".");
		}
		put(p, "*");
	}
	if (e->aggregate)
		put(p, ")");
}

static void put_value(struct printer *p, const struct form_value *value)
{
	if (!value->quoted) {
		put(p, value->text);
		return;
	}
	put(p, "'");
	for (const char *s = value->text; *s; s++) {
		put_bytes(p, s, 1);
		if (*s == '\'' || (*s == '\\' && p->dialect == MYSQL))
			put_bytes(p, s, 1);
	}
	put(p, "'");
}

static void put_query(struct printer *p, const struct form_query *query);

/* From an instant on until another, which does not belong to it; or all but that. */
static void put_range(
        struct printer *p, const struct scope *scope, const struct form_filter *filter)
{
	const bool not = filter->operator== FORM_NOT_BETWEEN,
	           both = filter->value.text && filter->until.text;

	put(p, not &&both ? "(" : "");
	if (filter->value.text) {
		put_expression(p, scope, &filter->left);
		put(p, not ? " < " : " >= ");
		put_value(p, &filter->value);
	}
	if (both)
		put(p, not ? " OR " : " AND ");
	if (filter->until.text) {
		put_expression(p, scope, &filter->left);
		put(p, not ? " >= " : " < ");
		put_value(p, &filter->until);
	}
	put(p, not &&both ? ")" : "");
}

static void put_filter(
        struct printer *p, const struct scope *scope, const struct form_filter *filter)
{
	static const char *const operators[] = {" = ", " <> ", " > ", " >= ", " < ",
	        " <= ", " BETWEEN ", " NOT BETWEEN ", " LIKE ", " NOT LIKE ", " IS NULL",
	        " IS NOT NULL", " NOT IN "};

	const bool between = filter->operator== FORM_BETWEEN || filter->operator== FORM_NOT_BETWEEN;

	if (between && filter->open) {
		put_range(p, scope, filter);
		return;
	}
	put_expression(p, scope, &filter->left);
	put(p, operators[filter->operator]);
	if (filter->query) {
		put(p, "(");
		p->present = filter->operator== FORM_NOT_IN;
		put_query(p, filter->query);
		put(p, ")");
	} else if (filter->operator!= FORM_NULL && filter->operator!= FORM_NOT_NULL) {
		put_value(p, &filter->value);
		if (between) {
			put(p, " AND ");
			put_value(p, &filter->until);
		}
	}
}

/* The filters of one of the two kinds: on rows, or on groups. */
static void put_filters(struct printer *p, const struct scope *scope,
        const struct form_query *query, bool of_groups, const char *word)
{
	bool any = false, open = false;

	for (const struct form_filter *f = query->filters; f; f = f->next) {
		const struct form_filter *next = f->next;

		if ((f->left.aggregate != AGGREGATE_NONE) != of_groups)
			continue;
		while (next && (next->left.aggregate != AGGREGATE_NONE) != of_groups)
			next = next->next;
		if (!any)
			put(p, word);
		else if (!open)
			put(p, " AND ");
		if (f->or_next && next && !open) {
			put(p, "(");
			open = true;
		}
		put_filter(p, scope, f);
		if (open && f->or_next && next) {
			put(p, " OR ");
		} else if (open) {
			put(p, ")");
			open = false;
		}
		any = true;
	}
}

static void put_table(struct printer *p, const struct scope *scope, uint32_t table)
{
	const struct schema_table *t = &p->schema->tables[table];

	if (t->schema) {
		put_name(p, t->schema);
		put(p, ".");
	}
	put_name(p, t->name);
	if (scope->alias) {
		put(p, " AS ");
		put_alias(p, scope, table);
	}
}

static void put_tables(struct printer *p, const struct scope *scope)
{
	const struct schema *s = p->schema;
	bool there[NAMES] = {true};
	size_t left = scope->tree.edge_count;
	bool used[NAMES] = {false};

	put_table(p, scope, scope->tree.tables[0]);
	/* Each further table by an edge to one that is there. */
	for (size_t round = 0; left && round <= scope->tree.edge_count; round++)
		for (size_t i = 0; i < scope->tree.edge_count; i++) {
			const struct schema_edge *e = &s->edges[scope->tree.edges[i]];
			uint32_t ends[2] = {s->columns[e->from].table, s->columns[e->to].table};
			size_t at[2] = {NAMES, NAMES}, fresh;

			if (used[i])
				continue;
			for (size_t k = 0; k < scope->tree.table_count; k++)
				for (int w = 0; w < 2; w++)
					if (scope->tree.tables[k] == ends[w])
						at[w] = k;
			if (at[0] == NAMES || at[1] == NAMES || there[at[0]] == there[at[1]])
				continue;
			fresh = there[at[0]] ? 1 : 0;
			there[at[fresh]] = used[i] = true;
			left--;
			put(p, " JOIN ");
			put_table(p, scope, ends[fresh]);
			for (uint32_t part = 0; part <= e->more; part++) {
				put(p, part ? " AND " : " ON ");
				put_column(p, scope, (int32_t)e[part].from);
				put(p, " = ");
				put_column(p, scope, (int32_t)e[part].to);
			}
		}
	p->failed |= left != 0;
}

static void note(
        const struct schema *schema, int32_t column, uint32_t *tables, size_t *count, size_t max)
{
	uint32_t table;

	if (column < 0)
		return;
	table = schema->columns[column].table;
	for (size_t i = 0; i < *count; i++)
		if (tables[i] == table)
			return;
	if (*count < max)
		tables[(*count)++] = table;
}

size_t form_tables(
        const struct schema *schema, const struct form_query *query, uint32_t *tables, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < query->table_count && count < max; i++) {
		bool there = false;

		for (size_t k = 0; k < count; k++)
			there |= tables[k] == query->tables[i];
		if (!there)
			tables[count++] = query->tables[i];
	}
	for (size_t i = 0; i < query->selected; i++)
		note(schema, query->select[i].column, tables, &count, max);
	for (const struct form_filter *f = query->filters; f; f = f->next)
		note(schema, f->left.column, tables, &count, max);
	for (size_t i = 0; i < query->groups; i++)
		note(schema, query->group[i], tables, &count, max);
	for (size_t i = 0; i < query->orders; i++)
		note(schema, query->order[i].by.column, tables, &count, max);
	return count;
}

/* A column of the result or of the order by which a strict dialect wants the rows grouped as well.
 */
static void put_grouped_too(struct printer *p, const struct scope *scope,
        const struct form_query *query, const struct form_expression *e)
{
	if (e->aggregate || e->column < 0)
		return;
	for (size_t k = 0; k < query->groups; k++)
		if (query->group[k] == e->column)
			return;
	put(p, ", ");
	put_column(p, scope, e->column);
}

/* The grouping columns; in strict dialects also what is shown or ordered by beside them. */
static void put_groups(struct printer *p, const struct scope *scope, const struct form_query *query)
{
	put(p, " GROUP BY ");
	for (size_t i = 0; i < query->groups; i++) {
		put(p, i ? ", " : "");
		put_period(p, scope, query->group[i], query->group_period[i]);
	}
	if (p->dialect == SQLITE)
		return;
	for (size_t i = 0; i < query->selected; i++)
		put_grouped_too(p, scope, query, &query->select[i]);
	for (size_t i = 0; i < query->orders; i++)
		put_grouped_too(p, scope, query, &query->order[i].by);
}

/* NOT IN is never true where a value of the list is missing: only a primary key never is. */
static void put_present(
        struct printer *p, const struct scope *scope, const struct form_query *query)
{
	const int32_t column = query->select[0].column;
	bool filtered = false;

	if (column < 0 || p->schema->columns[column].flags & COLUMN_PRIMARY)
		return;
	for (const struct form_filter *f = query->filters; f; f = f->next)
		filtered |= f->left.aggregate == AGGREGATE_NONE;
	put(p, filtered ? " AND " : " WHERE ");
	put_column(p, scope, column);
	put(p, " IS NOT NULL");
}

/* By what is shown of two sets that are put together: its place, since their tables are gone. */
static void put_set_order(
        struct printer *p, const struct form_query *query, const struct form_expression *by)
{
	char number[24];

	for (size_t i = 0; i < query->selected; i++)
		if (query->select[i].column == by->column &&
		        query->select[i].aggregate == by->aggregate) {
			snprintf(number, sizeof number, "%zu", i + 1);
			put(p, number);
			return;
		}
	p->failed = true;
}

/* What a figure is called in the table that people see. */
static void put_label(
        struct printer *p, const struct form_query *query, const struct form_expression *e)
{
	static const char *const labels[] = {
	        "", "count", "total_", "average_", "lowest_", "highest_"};
	static const char *const spans[] = {"", "day", "week", "month", "quarter", "year"};
	const char *name = e->column < 0 ? "" : p->schema->columns[e->column].name;
	size_t same = 0;

	for (size_t i = 0; i < query->selected; i++)
		same += query->select[i].aggregate == e->aggregate;
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return;
	if (e->period) {
		put(p, " AS ");
		put_name(p, spans[e->period]);
	} else if (e->aggregate == AGGREGATE_COUNT && same == 1) {
		put(p, " AS count");
	} else if (e->aggregate && e->aggregate != AGGREGATE_COUNT && *name) {
		put(p, " AS ");
		put(p, labels[e->aggregate]);
		put(p, name);
	}
}

static void put_query(struct printer *p, const struct form_query *query)
{
	uint32_t terminals[FORM_TABLES];
	struct scope scope = {.alias = 0};
	const bool present = p->present;
	char number[24];
	size_t count = form_tables(p->schema, query, terminals, FORM_TABLES);

	if (p->failed || ++p->depth > DEPTH || !query->selected ||
	        !join_find(p->joins, terminals, count, &scope.tree)) {
		p->failed = true;
		return;
	}
	p->present = false;
	p->cost->tables += (uint32_t)scope.tree.table_count;
	p->cost->joins += (uint32_t)scope.tree.edge_count;
	p->cost->cost += scope.tree.cost;
	p->cost->unmentioned += (uint32_t)(scope.tree.table_count - count);
	if (scope.tree.table_count > 1) {
		scope.alias = p->aliases + 1;
		p->aliases += scope.tree.table_count;
	}
	put(p, query->distinct ? "SELECT DISTINCT " : "SELECT ");
	if (query->limit && p->dialect == SQLSERVER) {
		snprintf(number, sizeof number, "TOP %u ", query->limit);
		put(p, number);
	}
	for (size_t i = 0; i < query->selected; i++) {
		put(p, i ? ", " : "");
		put_expression(p, &scope, &query->select[i]);
		if (p->depth == 1)
			put_label(p, query, &query->select[i]);
	}
	put(p, " FROM ");
	put_tables(p, &scope);
	put_filters(p, &scope, query, false, " WHERE ");
	if (present)
		put_present(p, &scope, query);
	if (query->groups)
		put_groups(p, &scope, query);
	put_filters(p, &scope, query, true, " HAVING ");
	if (query->both) {
		put(p, " INTERSECT ");
		put_query(p, query->both);
	}
	for (size_t i = 0; i < query->orders; i++) {
		put(p, i ? ", " : " ORDER BY ");
		if (query->both)
			put_set_order(p, query, &query->order[i].by);
		else
			put_expression(p, &scope, &query->order[i].by);
		put(p, query->order[i].descending ? " DESC" : "");
	}
	if (query->limit && p->dialect != SQLSERVER) {
		snprintf(number, sizeof number, " LIMIT %u", query->limit);
		put(p, number);
	}
	p->depth--;
}

const char *form_print(const struct schema *schema, struct joins *joins, struct pool *pool,
        const struct form_query *query, struct form_cost *cost)
{
	static const char *const dialects[] = {"sqlite", "postgres", "mysql", "sqlserver"};
	struct printer p;

	/* Its text is large, and begins empty. */
	p.schema = schema;
	p.joins = joins;
	p.cost = cost;
	p.n = p.aliases = 0;
	p.depth = 0;
	p.failed = p.present = false;
	p.dialect = SQLITE;
	for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
		if (!strcmp(schema->dialect, dialects[i]))
			p.dialect = i;
	*cost = (struct form_cost){0};
	put_query(&p, query);
	return p.failed || pool->failed ? NULL : pool_copy(pool, p.text, p.n);
}
