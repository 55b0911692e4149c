/* gate.c: one pass over the tokens with a stack of what is open: parentheses and CASE. It knows
 * where a statement may begin, where a table is named and where a function is called; everything
 * else is the database's grammar, which rejects what makes no sense. */
#include "sql/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sql/gate_state.h"

/* ---- tokens ---- */

static bool is_identifier(const struct gate *g, const struct sql_token *token)
{
	return token->type == SQL_WORD || token->type == SQL_NAME ||
	       (token->type == SQL_STRING && g->dialect->flags & SQL_STRING_NAMES);
}

static bool ends_operand(const struct sql_token *token)
{
	return token->type == SQL_NAME || token->type == SQL_STRING || token->type == SQL_NUMBER ||
	       token->type == SQL_PARAMETER || token->type == SQL_CLOSE ||
	       (token->type == SQL_WORD &&
	               (token->word == W_NONE || token->word == W_END || token->word == W_NULL ||
	                       token->word == W_NOT || token->word == W_REPLACE));
}

static bool is_writer(enum sql_word word)
{
	return word == W_INSERT || word == W_UPDATE || word == W_DELETE || word == W_REPLACE ||
	       word == W_MERGE;
}

/* "DELETE FROM", "UPDATE t", "REPLACE INTO" where a statement may stand; but not a column of such a
 * name, as in "(replace IS NULL)". */
static bool begins_write(const struct gate *g)
{
	if (g->now.type != SQL_WORD || !is_writer(g->now.word))
		return false;
	if (g->next.type == SQL_NAME || g->next.type == SQL_STRING)
		return true;
	return g->next.type == SQL_WORD &&
	       (g->next.word == W_NONE || g->next.word == W_INTO || g->next.word == W_FROM ||
	               g->next.word == W_ONLY ||
	               (g->now.word == W_INSERT && g->next.word == W_OR) ||
	               (g->now.word == W_UPDATE && g->next.word == W_OR));
}

/* ---- names ---- */

static bool function_allowed(const struct gate *g, struct askd_text name)
{
	size_t low = 0, high = g->dialect->function_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *entry = g->dialect->functions[middle];
		int order = strncasecmp(name.s, entry, name.n);
		if (!order)
			order = entry[name.n] ? -1 : 0;
		if (!order)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool check_function(struct gate *g, bool as_table)
{
	struct askd_text name = sql_token_inside(&g->reader, &g->now);
	char text[64];
	g->opening = F_FUNCTION;
	if (g->last.type == SQL_DOT)
		return gate_refuse(g, g->now.at, "function",
		        "the function %s is not allowed with a schema before its name",
		        gate_shown(g, &g->now, text));
	if (as_table && sql_list_has(g->dialect->table_functions, name.s, name.n))
		return true;
	if (!function_allowed(g, name) ||
	        (as_table && g->dialect->table_functions && g->dialect->schemas))
		return gate_refuse(g, g->now.at, "function", "the function %s is not allowed",
		        gate_shown(g, &g->now, text));
	return true;
}

static bool is_internal(const struct gate *g, struct askd_text name)
{
	for (const char *const *entry = g->dialect->internal; entry && *entry; entry++) {
		size_t n = strlen(*entry);
		if ((*entry)[n - 1] == '*' ? name.n >= n - 1 && !strncasecmp(name.s, *entry, n - 1)
		                           : name.n == n && !strncasecmp(name.s, *entry, n))
			return true;
	}
	return false;
}

static bool check_part(struct gate *g, struct askd_text name)
{
	char text[64];
	if (is_internal(g, name))
		return gate_refuse(g, g->now.at, "internal",
		        "the internal table %s may not be read", gate_shown(g, &g->now, text));
	return true;
}

static bool check_schema(struct gate *g, const struct sql_token *token)
{
	struct askd_text name = sql_token_inside(&g->reader, token);
	char text[64];
	if (!g->dialect->schemas || sql_list_has(g->dialect->schemas, name.s, name.n))
		return true;
	return gate_refuse(g, token->at, "database", "the database %s may not be used, only %s",
	        gate_shown(g, token, text), g->dialect->schemas[0]);
}

/* g->now is the first part of a table's name, or a function that gives a table. */
static bool read_table(struct gate *g)
{
	struct sql_token first = g->now;
	struct askd_text name = sql_token_inside(&g->reader, &g->now), whole = name;
	size_t parts = 1;
	char text[64];
	gate_top(g)->expect_table = false;
	if (g->next.type == SQL_OPEN)
		return check_function(g, true);
	if (!check_part(g, name))
		return false;
	for (; g->next.type == SQL_DOT; parts++) {
		if (parts == 1 && !check_schema(g, &g->now))
			return false;
		gate_advance(g);
		gate_advance(g);
		if (!is_identifier(g, &g->now))
			return gate_refuse(
			        g, g->now.at, "syntax", "a name is expected after the dot");
		name = sql_token_inside(&g->reader, &g->now);
		if (!check_part(g, name))
			return false;
		if (parts == g->dialect->name_parts)
			return gate_refuse(g, first.at, "database",
			        "the table %s is named with too many parts",
			        gate_shown(g, &g->now, text));
	}
	if (g->next.type == SQL_OPEN)
		return check_function(g, true);
	if (parts > 1 && !g->dialect->schemas) {
		whole.s = g->reader.s + first.at;
		whole.n = g->now.at + g->now.n - first.at;
	} else {
		whole = name;
	}
	if (!scope_refer(&g->scope, whole, first.at, parts > 1))
		return gate_refuse(
		        g, first.at, "tables", "more than %d tables are named", SCOPE_REFERENCES);
	return true;
}

/* ---- WITH name (columns) AS [NOT] MATERIALIZED (body), ... ---- */

static bool begin_statement_word(struct gate *g)
{
	struct askd_text name = sql_token_inside(&g->reader, &g->now);
	char text[64];
	if (g->now.type == SQL_OPEN ||
	        (g->now.type == SQL_WORD && sql_list_has(g->dialect->first_words, name.s, name.n)))
		return true;
	if (g->now.type == SQL_WORD && is_writer(g->now.word))
		return gate_refuse(g, g->now.at, "writes",
		        "%s changes data: only reading is allowed", gate_shown(g, &g->now, text));
	return gate_refuse(g, g->now.at, "first_word",
	        "the statement must begin with SELECT, WITH or VALUES, not %s",
	        g->now.type == SQL_STRING ? "a string" : gate_shown(g, &g->now, text));
}

/* true: g->now belongs to the head of the WITH; *done tells so. */
static bool read_with(struct gate *g, bool *done)
{
	struct frame *f = gate_top(g);
	*done = true;
	switch (f->with) {
	case WITH_NAME:
		if (g->now.word == W_RECURSIVE && g->next.word != W_AS && g->next.type != SQL_OPEN)
			return true;
		if (!is_identifier(g, &g->now))
			break;
		if (!scope_define(&g->scope, sql_token_inside(&g->reader, &g->now)))
			return gate_refuse(
			        g, g->now.at, "tables", "more than %d names in WITH", SCOPE_NAMES);
		f->with = WITH_COLUMNS;
		return true;
	case WITH_COLUMNS:
		if (g->now.type == SQL_OPEN) {
			f->with = WITH_AS;
			return gate_push(g, F_COLUMNS);
		}
		/* fall through */
	case WITH_AS:
		if (g->now.word != W_AS)
			break;
		f->with = WITH_BODY;
		return true;
	case WITH_BODY:
		if (g->now.word == W_NOT || g->now.word == W_MATERIALIZED)
			return true;
		if (g->now.type != SQL_OPEN)
			break;
		g->scope.names[g->scope.name_count - 1].from = g->now.at;
		f->with = WITH_NEXT;
		return gate_push(g, F_BODY);
	default: /* behind a body */
		if (g->now.type == SQL_COMMA) {
			f->with = WITH_NAME;
			return true;
		}
		f->with = WITH_NONE;
		*done = false;
		return begin_statement_word(g);
	}
	return gate_refuse(
	        g, g->now.at, "syntax", "WITH is written: WITH name AS (SELECT ...) SELECT ...");
}

/* ---- words ---- */

/* An open parenthesis follows: does the word call a function, or is it a keyword before one? */
static bool is_call(const struct gate *g)
{
	switch (g->now.word) {
	case W_NONE:
	case W_REPLACE:
	case W_DELETE:
	case W_INSERT:
	case W_UPDATE:
	case W_MERGE:
	case W_KEY:
	case W_NO:
	case W_SHARE:
	case W_LOCK:
	case W_RECURSIVE:
	case W_END:
	case W_FETCH:
	case W_FOR:
		return true;
	case W_LIKE:
	case W_GLOB:
	case W_MATCH:
	case W_REGEXP: /* a LIKE (...) is an operator, like(...) a function */
		return !ends_operand(&g->last);
	case W_OVER:
	case W_FILTER:
		return g->last.type != SQL_CLOSE && g->last.type != SQL_WORD;
	default:
		return false;
	}
}

static bool read_clause(struct gate *g, struct frame *f)
{
	switch (g->now.word) {
	case W_SELECT:
		f->query = true;
		f->in_from = f->expect_table = false;
		gate_reset_chains(f);
		return true;
	case W_FROM:
		if (g->last.word == W_DISTINCT &&
		        (g->before.word == W_IS || g->before.word == W_NOT))
			return true;
		gate_reset_chains(f);
		if (f->kind != F_FUNCTION || f->query)
			f->in_from = f->expect_table = true;
		return true;
	case W_JOIN:
		f->in_from = f->expect_table = true;
		if (++f->joins > SQL_GATE_CHAIN)
			return gate_refuse(
			        g, g->now.at, "chain", "more than %d joins", SQL_GATE_CHAIN);
		return true;
	case W_UNION:
	case W_EXCEPT:
	case W_INTERSECT:
		f->joins = 0;
		if (++f->compounds > SQL_GATE_CHAIN)
			return gate_refuse(g, g->now.at, "chain",
			        "more than %d SELECTs joined by UNION, EXCEPT and INTERSECT",
			        SQL_GATE_CHAIN);
		/* fall through */
	case W_WHERE:
	case W_GROUP:
	case W_HAVING:
	case W_ORDER:
	case W_LIMIT:
		f->in_from = f->expect_table = false;
		gate_reset_chains(f);
		return true;
	case W_WINDOW: /* a keyword only before "name AS" */
		if (is_identifier(g, &g->next) && gate_look_further(g).word == W_AS)
			f->in_from = false;
		return true;
	case W_WHEN:
	case W_THEN:
	case W_ELSE:
	case W_ON:
	case W_BY:
		gate_reset_chains(f);
		return true;
	default:
		return true;
	}
}

static bool read_word(struct gate *g)
{
	struct frame *f = gate_top(g);
	switch (g->now.word) {
	case W_CASE:
		return gate_push(g, F_CASE);
	case W_END:
		return f->kind == F_CASE ? gate_pop(g) : true;
	case W_INTO:
		return gate_refuse(g, g->now.at, "writes",
		        "INTO is not allowed: only reading is, and the rows are returned anyway");
	case W_FOR:
		if (g->next.word == W_UPDATE || g->next.word == W_SHARE ||
		        (g->next.word == W_NO && gate_look_further(g).word == W_KEY) ||
		        (g->next.word == W_KEY && gate_look_further(g).word == W_SHARE))
			return gate_refuse(g, g->now.at, "locking",
			        "FOR UPDATE and FOR SHARE are not "
			        "allowed: only reading is");
		return true;
	case W_LOCK:
		if (g->next.word == W_IN && gate_look_further(g).word == W_SHARE)
			return gate_refuse(g, g->now.at, "locking",
			        "LOCK IN SHARE MODE is not allowed: only reading is");
		return true;
	case W_IN:
		if (g->dialect->flags & SQL_IN_TABLE && is_identifier(g, &g->next))
			f->expect_table = true;
		return gate_count_operator(g);
	case W_AND:
	case W_OR:
	case W_NOT:
	case W_IS:
	case W_ISNULL:
	case W_NOTNULL:
	case W_LIKE:
	case W_GLOB:
	case W_MATCH:
	case W_REGEXP:
	case W_BETWEEN:
	case W_COLLATE:
	case W_ESCAPE:
		return gate_count_operator(g);
	default:
		return read_clause(g, f);
	}
}

/* A name, a keyword or a string, where no table is expected. */
static bool read_identifier(struct gate *g)
{
	bool part = g->last.type == SQL_DOT;
	char text[64];
	g->parts = part ? g->parts + 1 : 1;
	if (!part)
		g->first_part = g->now;
	if (g->parts == 3 && !check_schema(g, &g->first_part))
		return false;
	if (g->parts > g->dialect->name_parts + 1)
		return gate_refuse(g, g->first_part.at, "database",
		        "the column %s is named with too many parts", gate_shown(g, &g->now, text));
	if (g->next.type == SQL_OPEN && g->last.word != W_AS &&
	        (part || g->now.type != SQL_WORD || is_call(g)))
		return check_function(g, false);
	return g->now.type == SQL_WORD && !part ? read_word(g) : true;
}

/* ---- one token ---- */

static bool open_parenthesis(struct gate *g)
{
	struct frame *f = gate_top(g);
	enum frame_kind kind = g->opening;
	bool tables = f->expect_table && kind == F_PLAIN;
	if (f->kind == F_STATEMENT && !f->started)
		kind = F_STATEMENT;
	g->opening = F_PLAIN;
	f->started = true;
	if (kind == F_PLAIN)
		f->expect_table = false;
	if (!gate_push(g, kind))
		return false;
	/* "FROM (a JOIN b)"; a SELECT inside sets it right. */
	gate_top(g)->in_from = gate_top(g)->expect_table = tables;
	return true;
}

static bool close_parenthesis(struct gate *g)
{
	struct frame *f = gate_top(g);
	bool body = f->kind == F_BODY;
	if (f->kind == F_CASE)
		return gate_refuse(g, g->now.at, "unbalanced", "a CASE is not ended with END");
	if (g->depth == 1)
		return gate_refuse(g, g->now.at, "unbalanced", "a closing parenthesis is too many");
	if (!gate_pop(g))
		return false;
	if (body)
		g->scope.names[g->scope.name_count - 1].to = g->now.at;
	return true;
}

/* The first token of a statement or a parenthesis. */
static bool read_first(struct gate *g, struct frame *f)
{
	char text[64];
	if (f->kind == F_STATEMENT && !begin_statement_word(g))
		return false;
	if (g->now.type != SQL_WORD)
		return true;
	if (f->kind != F_CASE && begins_write(g))
		return gate_refuse(g, g->now.at, "writes",
		        "%s changes data: only reading is allowed", gate_shown(g, &g->now, text));
	if (g->now.word == W_VALUES || g->now.word == W_WITH || g->now.word == W_SELECT) {
		f->query = true;
		f->in_from = f->expect_table = false;
	}
	return true;
}

static bool read_token(struct gate *g)
{
	struct frame *f = gate_top(g);
	bool first = !f->started;
	if (g->ended && g->now.type != SQL_SEMICOLON)
		return gate_refuse(g, g->now.at, "stacked",
		        "only one statement is allowed: remove what follows the semicolon");
	if (g->now.type == SQL_SEMICOLON) {
		if (g->depth > 1)
			return gate_refuse(g, gate_top(g)->at, "unbalanced",
			        "%s is not closed before the semicolon",
			        f->kind == F_CASE ? "a CASE" : "a parenthesis");
		if (first && !g->ended)
			return gate_refuse(g, g->now.at, "empty",
			        "there is no statement before the semicolon");
		g->ended = true;
		return true;
	}
	if (first && g->now.type != SQL_CLOSE && !read_first(g, f))
		return false;
	if (f->with) {
		bool done;
		if (!read_with(g, &done) || done)
			return g->verdict->code[0] == 0;
	}
	if (g->now.type != SQL_OPEN)
		f->started = true;
	if (first && g->now.word == W_WITH) {
		f->with = WITH_NAME;
		return true;
	}
	switch (g->now.type) {
	case SQL_OPEN:
		return open_parenthesis(g);
	case SQL_CLOSE:
		return close_parenthesis(g);
	case SQL_COMMA:
		gate_reset_chains(f);
		f->expect_table = f->in_from;
		return true;
	case SQL_OPERATOR:
		return gate_count_operator(g);
	case SQL_WORD:
	case SQL_NAME:
	case SQL_STRING:
		if (f->expect_table && is_identifier(g, &g->now)) {
			if (g->now.word == W_LATERAL || g->now.word == W_ONLY)
				return true;
			if (g->now.word != W_SELECT)
				return read_table(g);
		}
		return read_identifier(g);
	default:
		return true;
	}
}

static bool take_tables(struct gate *g)
{
	struct sql_verdict *v = g->verdict;
	for (size_t i = 0; i < g->scope.reference_count; i++) {
		struct askd_text name = g->scope.references[i].name;
		size_t known = 0;
		if (!name.s)
			continue;
		while (known < v->table_count &&
		        !(v->tables[known].n == name.n &&
		                !strncasecmp(v->tables[known].s, name.s, name.n)))
			known++;
		if (known < v->table_count)
			continue;
		if (v->table_count == SQL_GATE_TABLES)
			return gate_refuse(g, g->scope.references[i].at, "tables",
			        "more than %d tables are read", SQL_GATE_TABLES);
		v->tables[v->table_count++] = name;
	}
	return true;
}

static bool judge(struct gate *g)
{
	if (!gate_push(g, F_STATEMENT))
		return false;
	g->next = sql_token_next(&g->reader);
	for (gate_advance(g); g->now.type != SQL_END; gate_advance(g)) {
		if (g->now.type == SQL_BAD)
			return gate_refuse(g, g->now.at, g->now.code, "%s", g->now.problem);
		if (!read_token(g))
			return false;
	}
	if (g->depth > 1)
		return gate_refuse(g, gate_top(g)->at, "unbalanced", "%s is not closed",
		        gate_top(g)->kind == F_CASE ? "a CASE" : "a parenthesis");
	if (!gate_top(g)->started)
		return gate_refuse(g, 0, "empty", "there is no statement");
	if (gate_top(g)->with)
		return gate_refuse(g, g->now.at, "syntax", "after WITH a SELECT is missing");
	return gate_pop(g) && take_tables(g);
}

void sql_gate(
        const struct sql_dialect *dialect, const char *sql, size_t n, struct sql_verdict *verdict)
{
	/* Too large for the stacks of a thousand turns. */
	struct gate *g = malloc(sizeof *g);
	verdict->passed = false;
	verdict->position = 0;
	verdict->reason[0] = verdict->code[0] = 0;
	verdict->table_count = 0;
	if (!g) {
		snprintf(verdict->code, sizeof verdict->code, "memory");
		snprintf(
		        verdict->reason, sizeof verdict->reason, "no memory to read the statement");
		return;
	}
	memset(g, 0, offsetof(struct gate, scope));
	g->scope.reference_count = g->scope.name_count = 0;
	g->dialect = dialect;
	g->reader = (struct sql_reader){.dialect = dialect, .s = sql, .n = n};
	g->opening = F_PLAIN;
	g->verdict = verdict;
	if (n > SQL_GATE_BYTES)
		gate_refuse(g, 0, "size",
		        "the statement has %zu bytes, the limit is %d: write it shorter", n,
		        SQL_GATE_BYTES);
	else if (!text_is_valid(sql, n))
		gate_refuse(g, 0, "encoding", "the statement is not valid UTF-8 without NUL");
	else
		verdict->passed = judge(g);
	free(g);
}
