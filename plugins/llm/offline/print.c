/* print.c: a form as SQL in the dialect of the database. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "form.h"

enum { DEPTH = 4, SQL_MAX = 16384, NAMES = FORM_TABLES * 2 };

struct printer {
	const struct schema *schema;
	struct form_cost *cost;
	char text[SQL_MAX];
	size_t n;
	size_t aliases; /* given so far, so that no two tables of a statement share a name */
	int depth;
	bool failed, brackets, backticks;
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

static void put_name(struct printer *p, const char *name)
{
	char open = p->backticks ? '`' : p->brackets ? '[' : '"', end = p->brackets ? ']' : open;
	bool plain = isalpha((unsigned char)*name) || *name == '_';

	for (const char *s = name; *s && plain; s++)
		plain = isalnum((unsigned char)*s) || *s == '_';
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

/* What cuts a time to a period, around the column, by dialect and enum form_period. ISO texts of
 * SQLite may be days or instants. */
static const char *const periods[][6][2] = {
        {{"", ""}, {"date(", ")"}, {"strftime('%Y-%W', ", ")"}, {"strftime('%Y-%m', ", ")"},
                {"strftime('%Y', ", ")"}, {"strftime('%Y', ", ")"}},
        {{"", ""}, {"to_char(", ", 'YYYY-MM-DD')"}, {"to_char(", ", 'IYYY-IW')"},
                {"to_char(", ", 'YYYY-MM')"}, {"to_char(", ", 'YYYY-\"Q\"Q')"},
                {"to_char(", ", 'YYYY')"}},
        {{"", ""}, {"date_format(", ", '%Y-%m-%d')"}, {"date_format(", ", '%x-%v')"},
                {"date_format(", ", '%Y-%m')"}, {"concat(year(", "))"},
                {"date_format(", ", '%Y')"}}};

static void put_period(
        struct printer *p, const struct scope *scope, int32_t column, enum form_period period)
{
	size_t dialect = !strcmp(p->schema->dialect, "postgres") ? 1 : p->backticks ? 2 : 0;

	if (period == PERIOD_QUARTER && dialect != 1) {
		/* year and quarter: no function of its own */
		put(p, dialect ? "concat(year(" : "strftime('%Y', ");
		put_column(p, scope, column);
		put(p, dialect ? "), '-Q', quarter(" : ") || '-Q' || ((strftime('%m', ");
		put_column(p, scope, column);
		put(p, dialect ? "))" : ") + 2) / 3)");
		return;
	}
	put(p, periods[dialect][period][0]);
	put_column(p, scope, column);
	put(p, periods[dialect][period][1]);
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
		if (*s == '\'' || (*s == '\\' && p->backticks))
			put_bytes(p, s, 1);
	}
	put(p, "'");
}

static void put_query(struct printer *p, const struct form_query *query);

static void put_filter(
        struct printer *p, const struct scope *scope, const struct form_filter *filter)
{
	static const char *const operators[] = {" = ", " <> ", " > ", " >= ", " < ",
	        " <= ", " BETWEEN ", " LIKE ", " NOT LIKE ", " IS NULL", " IS NOT NULL", " IN ",
	        " NOT IN "};

	if (filter->operator== FORM_BETWEEN && filter->open) {
		/* From an instant on until another, which does not belong to it. */
		if (filter->value.text) {
			put_expression(p, scope, &filter->left);
			put(p, " >= ");
			put_value(p, &filter->value);
		}
		if (filter->until.text) {
			put(p, filter->value.text ? " AND " : "");
			put_expression(p, scope, &filter->left);
			put(p, " < ");
			put_value(p, &filter->until);
		}
		return;
	}
	put_expression(p, scope, &filter->left);
	put(p, operators[filter->operator]);
	if (filter->query) {
		put(p, "(");
		put_query(p, filter->query);
		put(p, ")");
	} else if (filter->operator!= FORM_NULL && filter->operator!= FORM_NOT_NULL) {
		put_value(p, &filter->value);
		if (filter->operator== FORM_BETWEEN) {
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

static void put_tables(struct printer *p, const struct scope *scope)
{
	const struct schema *s = p->schema;
	bool there[NAMES] = {true};
	size_t left = scope->tree.edge_count;
	bool used[NAMES] = {false};

	for (size_t i = 0; i < scope->tree.table_count; i++) {
		const struct schema_table *t = &s->tables[scope->tree.tables[i]];

		if (i)
			break;
		if (t->schema) {
			put_name(p, t->schema);
			put(p, ".");
		}
		put_name(p, t->name);
		if (scope->alias) {
			put(p, " AS ");
			put_alias(p, scope, scope->tree.tables[0]);
		}
	}
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
			if (s->tables[ends[fresh]].schema) {
				put_name(p, s->tables[ends[fresh]].schema);
				put(p, ".");
			}
			put_name(p, s->tables[ends[fresh]].name);
			put(p, " AS ");
			put_alias(p, scope, ends[fresh]);
			put(p, " ON ");
			put_column(p, scope, (int32_t)e->from);
			put(p, " = ");
			put_column(p, scope, (int32_t)e->to);
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

/* The grouping columns; in strict dialects also what is selected beside them. */
static void put_groups(struct printer *p, const struct scope *scope, const struct form_query *query)
{
	put(p, " GROUP BY ");
	for (size_t i = 0; i < query->groups; i++) {
		put(p, i ? ", " : "");
		put_period(p, scope, query->group[i], query->group_period[i]);
	}
	for (size_t i = 0; strcmp(p->schema->dialect, "sqlite") != 0 && i < query->selected; i++) {
		bool grouped = query->select[i].aggregate || query->select[i].column < 0;

		for (size_t k = 0; k < query->groups; k++)
			grouped |= query->group[k] == query->select[i].column;
		if (!grouped) {
			put(p, ", ");
			put_column(p, scope, query->select[i].column);
		}
	}
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
	static const char *const sets[] = {"", " INTERSECT ", " EXCEPT ", " UNION "};
	uint32_t terminals[FORM_TABLES];
	struct scope scope = {.alias = 0};
	char number[24];
	size_t count = form_tables(p->schema, query, terminals, FORM_TABLES);

	if (p->failed || ++p->depth > DEPTH || !query->selected ||
	        !join_find(p->schema, terminals, count, &scope.tree)) {
		p->failed = true;
		return;
	}
	p->cost->tables += (uint32_t)scope.tree.table_count;
	p->cost->joins += (uint32_t)scope.tree.edge_count;
	p->cost->cost += scope.tree.cost;
	p->cost->unmentioned += (uint32_t)(scope.tree.table_count - count);
	if (scope.tree.table_count > 1) {
		scope.alias = p->aliases + 1;
		p->aliases += scope.tree.table_count;
	}
	put(p, query->distinct ? "SELECT DISTINCT " : "SELECT ");
	if (query->limit && p->brackets) {
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
	if (query->groups)
		put_groups(p, &scope, query);
	put_filters(p, &scope, query, true, " HAVING ");
	if (query->set && query->other) {
		put(p, sets[query->set]);
		put_query(p, query->other);
	}
	for (size_t i = 0; i < query->orders; i++) {
		put(p, i ? ", " : " ORDER BY ");
		put_expression(p, &scope, &query->order[i].by);
		put(p, query->order[i].descending ? " DESC" : "");
	}
	if (query->limit && !p->brackets) {
		snprintf(number, sizeof number, " LIMIT %u", query->limit);
		put(p, number);
	}
	p->depth--;
}

const char *form_print(const struct schema *schema, struct pool *pool,
        const struct form_query *query, struct form_cost *cost)
{
	struct printer *p = pool_alloc(pool, sizeof *p);

	if (!p)
		return NULL;
	*cost = (struct form_cost){0};
	p->schema = schema;
	p->cost = cost;
	p->brackets = !strcmp(schema->dialect, "sqlserver");
	p->backticks = !strcmp(schema->dialect, "mysql");
	put_query(p, query);
	return p->failed ? NULL : pool_copy(pool, p->text, p->n);
}
