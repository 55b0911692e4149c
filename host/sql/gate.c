/* gate.c: one pass over the tokens with a stack of what is open: parentheses and CASE. It knows
 * where a statement may begin, where a table is named and where a function is called; everything
 * else is the database's grammar, which rejects what makes no sense. */
#include "sql/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sql/scope.h"
#include "sql/token.h"

enum frame_kind { F_STATEMENT, F_PLAIN, F_FUNCTION, F_COLUMNS, F_BODY, F_CASE };

/* Where a WITH stands. */
enum with_state { WITH_NONE, WITH_NAME, WITH_COLUMNS, WITH_AS, WITH_BODY, WITH_NEXT };

struct frame {
	enum frame_kind kind;
	enum with_state with;
	size_t at;         /* of what opened it */
	bool started;      /* a token has been seen */
	bool query;        /* it holds a SELECT */
	bool in_from;      /* a comma is followed by a table */
	bool expect_table; /* the next name is a table's */
	unsigned ors, ands, operators, compounds, joins;
	size_t names, references; /* of the scope, when it was opened */
};

struct gate {
	const struct sql_dialect *dialect;
	struct sql_reader reader;
	struct sql_token before, last, now, next;
	struct frame frames[SQL_GATE_NESTING + 2];
	size_t depth;            /* frames in use */
	enum frame_kind opening; /* what the next parenthesis opens */
	bool ended;              /* a semicolon was passed */
	size_t parts;            /* of the dotted name that is being read */
	struct sql_token first_part;
	struct scope scope;
	struct sql_verdict *verdict;
};

/* ---- the verdict ---- */

__attribute__((format(printf, 4, 5))) static bool refuse(
        struct gate *g, size_t at, const char *code, const char *format, ...)
{
	struct sql_verdict *v = g->verdict;
	va_list ap;
	va_start(ap, format);
	vsnprintf(v->reason, sizeof v->reason, format, ap);
	va_end(ap);
	v->reason[text_cut(v->reason, strlen(v->reason), sizeof v->reason - 1)] = 0;
	snprintf(v->code, sizeof v->code, "%s", code);
	v->position = (uint32_t)at + 1;
	v->passed = false;
	v->table_count = 0;
	return false;
}

/* An identifier of the statement as it may stand in a reason: at most 60 bytes, one line. */
static const char *shown(const struct gate *g, const struct sql_token *token, char out[64])
{
	struct askd_text text = sql_token_inside(&g->reader, token);
	size_t n = text_cut(text.s, text.n, 60);
	memcpy(out, text.s, n);
	out[n] = 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
	return out;
}

/* ---- tokens ---- */

static void advance(struct gate *g)
{
	g->before = g->last;
	g->last = g->now;
	g->now = g->next;
	g->next = sql_token_next(&g->reader);
}

/* The token behind the next one. */
static struct sql_token look_further(const struct gate *g)
{
	struct sql_reader copy = g->reader;
	return sql_token_next(&copy);
}

static struct frame *top(struct gate *g)
{
	return &g->frames[g->depth - 1];
}

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

/* ---- frames ---- */

static bool push(struct gate *g, enum frame_kind kind)
{
	struct frame *f;
	if (g->depth > SQL_GATE_NESTING)
		return refuse(g, g->now.at, "nesting",
		        "more than %d levels of parentheses and CASE: write it flatter, for "
		        "example with WITH",
		        SQL_GATE_NESTING);
	f = &g->frames[g->depth++];
	*f = (struct frame){.kind = kind,
	        .at = g->now.at,
	        .names = g->scope.name_count,
	        .references = g->scope.reference_count};
	return true;
}

static bool pop(struct gate *g)
{
	struct frame *f = top(g);
	if (!scope_close(&g->scope, f->names, f->references, f->at))
		return refuse(g, f->at, "growth",
		        "the WITH queries use each other so often that the statement grows too "
		        "large: name each of them fewer times");
	g->depth--;
	return true;
}

static void reset_chains(struct frame *f)
{
	f->ors = f->ands = f->operators = 0;
}

static bool count_operator(struct gate *g)
{
	struct frame *f = top(g);
	if (g->now.word == W_OR) {
		f->ors++;
		f->ands = f->operators = 0;
	} else if (g->now.word == W_AND) {
		f->ands++;
		f->operators = 0;
	} else {
		f->operators++;
	}
	if (f->ors > SQL_GATE_CHAIN || f->ands > SQL_GATE_CHAIN || f->operators > SQL_GATE_CHAIN)
		return refuse(g, g->now.at, "chain",
		        "more than %d operators in one expression: use IN (...), or join with a "
		        "list of VALUES",
		        SQL_GATE_CHAIN);
	return true;
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
		return refuse(g, g->now.at, "function",
		        "the function %s is not allowed with a schema before its name",
		        shown(g, &g->now, text));
	if (as_table && sql_list_has(g->dialect->table_functions, name.s, name.n))
		return true;
	if (!function_allowed(g, name) ||
	        (as_table && g->dialect->table_functions && g->dialect->schemas))
		return refuse(g, g->now.at, "function", "the function %s is not allowed",
		        shown(g, &g->now, text));
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
		return refuse(g, g->now.at, "internal", "the internal table %s may not be read",
		        shown(g, &g->now, text));
	return true;
}

static bool check_schema(struct gate *g, const struct sql_token *token)
{
	struct askd_text name = sql_token_inside(&g->reader, token);
	char text[64];
	if (!g->dialect->schemas || sql_list_has(g->dialect->schemas, name.s, name.n))
		return true;
	return refuse(g, token->at, "database", "the database %s may not be used, only %s",
	        shown(g, token, text), g->dialect->schemas[0]);
}

/* g->now is the first part of a table's name, or a function that gives a table. */
static bool read_table(struct gate *g)
{
	struct sql_token first = g->now;
	struct askd_text name = sql_token_inside(&g->reader, &g->now), whole = name;
	size_t parts = 1;
	char text[64];
	top(g)->expect_table = false;
	if (g->next.type == SQL_OPEN)
		return check_function(g, true);
	if (!check_part(g, name))
		return false;
	for (; g->next.type == SQL_DOT; parts++) {
		if (parts == 1 && !check_schema(g, &g->now))
			return false;
		advance(g);
		advance(g);
		if (!is_identifier(g, &g->now))
			return refuse(g, g->now.at, "syntax", "a name is expected after the dot");
		name = sql_token_inside(&g->reader, &g->now);
		if (!check_part(g, name))
			return false;
		if (parts == g->dialect->name_parts)
			return refuse(g, first.at, "database",
			        "the table %s is named with too many parts",
			        shown(g, &g->now, text));
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
		return refuse(
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
		return refuse(g, g->now.at, "writes", "%s changes data: only reading is allowed",
		        shown(g, &g->now, text));
	return refuse(g, g->now.at, "first_word",
	        "the statement must begin with SELECT, WITH or VALUES, not %s",
	        g->now.type == SQL_STRING ? "a string" : shown(g, &g->now, text));
}

/* true: g->now belongs to the head of the WITH; *done tells so. */
static bool read_with(struct gate *g, bool *done)
{
	struct frame *f = top(g);
	*done = true;
	switch (f->with) {
	case WITH_NAME:
		if (g->now.word == W_RECURSIVE && g->next.word != W_AS && g->next.type != SQL_OPEN)
			return true;
		if (!is_identifier(g, &g->now))
			break;
		if (!scope_define(&g->scope, sql_token_inside(&g->reader, &g->now)))
			return refuse(
			        g, g->now.at, "tables", "more than %d names in WITH", SCOPE_NAMES);
		f->with = WITH_COLUMNS;
		return true;
	case WITH_COLUMNS:
		if (g->now.type == SQL_OPEN) {
			f->with = WITH_AS;
			return push(g, F_COLUMNS);
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
		return push(g, F_BODY);
	default: /* behind a body */
		if (g->now.type == SQL_COMMA) {
			f->with = WITH_NAME;
			return true;
		}
		f->with = WITH_NONE;
		*done = false;
		return begin_statement_word(g);
	}
	return refuse(
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
		reset_chains(f);
		return true;
	case W_FROM:
		if (g->last.word == W_DISTINCT &&
		        (g->before.word == W_IS || g->before.word == W_NOT))
			return true;
		reset_chains(f);
		if (f->kind != F_FUNCTION || f->query)
			f->in_from = f->expect_table = true;
		return true;
	case W_JOIN:
		f->in_from = f->expect_table = true;
		if (++f->joins > SQL_GATE_CHAIN)
			return refuse(g, g->now.at, "chain", "more than %d joins", SQL_GATE_CHAIN);
		return true;
	case W_UNION:
	case W_EXCEPT:
	case W_INTERSECT:
		f->joins = 0;
		if (++f->compounds > SQL_GATE_CHAIN)
			return refuse(g, g->now.at, "chain",
			        "more than %d SELECTs joined by UNION, EXCEPT and INTERSECT",
			        SQL_GATE_CHAIN);
		/* fall through */
	case W_WHERE:
	case W_GROUP:
	case W_HAVING:
	case W_ORDER:
	case W_LIMIT:
		f->in_from = f->expect_table = false;
		reset_chains(f);
		return true;
	case W_WINDOW: /* a keyword only before "name AS" */
		if (is_identifier(g, &g->next) && look_further(g).word == W_AS)
			f->in_from = false;
		return true;
	case W_WHEN:
	case W_THEN:
	case W_ELSE:
	case W_ON:
	case W_BY:
		reset_chains(f);
		return true;
	default:
		return true;
	}
}

static bool read_word(struct gate *g)
{
	struct frame *f = top(g);
	switch (g->now.word) {
	case W_CASE:
		return push(g, F_CASE);
	case W_END:
		return f->kind == F_CASE ? pop(g) : true;
	case W_INTO:
		return refuse(g, g->now.at, "writes",
		        "INTO is not allowed: only reading is, and the rows are returned anyway");
	case W_FOR:
		if (g->next.word == W_UPDATE || g->next.word == W_SHARE ||
		        (g->next.word == W_NO && look_further(g).word == W_KEY) ||
		        (g->next.word == W_KEY && look_further(g).word == W_SHARE))
			return refuse(g, g->now.at, "locking",
			        "FOR UPDATE and FOR SHARE are not "
			        "allowed: only reading is");
		return true;
	case W_LOCK:
		if (g->next.word == W_IN && look_further(g).word == W_SHARE)
			return refuse(g, g->now.at, "locking",
			        "LOCK IN SHARE MODE is not allowed: only reading is");
		return true;
	case W_IN:
		if (g->dialect->flags & SQL_IN_TABLE && is_identifier(g, &g->next))
			f->expect_table = true;
		return count_operator(g);
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
		return count_operator(g);
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
		return refuse(g, g->first_part.at, "database",
		        "the column %s is named with too many parts", shown(g, &g->now, text));
	if (g->next.type == SQL_OPEN && g->last.word != W_AS &&
	        (part || g->now.type != SQL_WORD || is_call(g)))
		return check_function(g, false);
	return g->now.type == SQL_WORD && !part ? read_word(g) : true;
}

/* ---- one token ---- */

static bool open_parenthesis(struct gate *g)
{
	struct frame *f = top(g);
	enum frame_kind kind = g->opening;
	bool tables = f->expect_table && kind == F_PLAIN;
	if (f->kind == F_STATEMENT && !f->started)
		kind = F_STATEMENT;
	g->opening = F_PLAIN;
	f->started = true;
	if (kind == F_PLAIN)
		f->expect_table = false;
	if (!push(g, kind))
		return false;
	/* "FROM (a JOIN b)"; a SELECT inside sets it right. */
	top(g)->in_from = top(g)->expect_table = tables;
	return true;
}

static bool close_parenthesis(struct gate *g)
{
	struct frame *f = top(g);
	bool body = f->kind == F_BODY;
	if (f->kind == F_CASE)
		return refuse(g, g->now.at, "unbalanced", "a CASE is not ended with END");
	if (g->depth == 1)
		return refuse(g, g->now.at, "unbalanced", "a closing parenthesis is too many");
	if (!pop(g))
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
		return refuse(g, g->now.at, "writes", "%s changes data: only reading is allowed",
		        shown(g, &g->now, text));
	if (g->now.word == W_VALUES || g->now.word == W_WITH || g->now.word == W_SELECT) {
		f->query = true;
		f->in_from = f->expect_table = false;
	}
	return true;
}

static bool read_token(struct gate *g)
{
	struct frame *f = top(g);
	bool first = !f->started;
	if (g->ended && g->now.type != SQL_SEMICOLON)
		return refuse(g, g->now.at, "stacked",
		        "only one statement is allowed: remove what follows the semicolon");
	if (g->now.type == SQL_SEMICOLON) {
		if (g->depth > 1)
			return refuse(g, top(g)->at, "unbalanced",
			        "%s is not closed before the semicolon",
			        f->kind == F_CASE ? "a CASE" : "a parenthesis");
		if (first && !g->ended)
			return refuse(g, g->now.at, "empty",
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
		reset_chains(f);
		f->expect_table = f->in_from;
		return true;
	case SQL_OPERATOR:
		return count_operator(g);
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
			return refuse(g, g->scope.references[i].at, "tables",
			        "more than %d tables are read", SQL_GATE_TABLES);
		v->tables[v->table_count++] = name;
	}
	return true;
}

static bool judge(struct gate *g)
{
	if (!push(g, F_STATEMENT))
		return false;
	g->next = sql_token_next(&g->reader);
	for (advance(g); g->now.type != SQL_END; advance(g)) {
		if (g->now.type == SQL_BAD)
			return refuse(g, g->now.at, g->now.code, "%s", g->now.problem);
		if (!read_token(g))
			return false;
	}
	if (g->depth > 1)
		return refuse(g, top(g)->at, "unbalanced", "%s is not closed",
		        top(g)->kind == F_CASE ? "a CASE" : "a parenthesis");
	if (!top(g)->started)
		return refuse(g, 0, "empty", "there is no statement");
	if (top(g)->with)
		return refuse(g, g->now.at, "syntax", "after WITH a SELECT is missing");
	return pop(g) && take_tables(g);
}

void sql_gate(
        const struct sql_dialect *dialect, const char *sql, size_t n, struct sql_verdict *verdict)
{
	struct gate g;
	verdict->passed = false;
	verdict->position = 0;
	verdict->reason[0] = verdict->code[0] = 0;
	verdict->table_count = 0;
	memset(&g, 0, offsetof(struct gate, scope));
	g.scope.reference_count = g.scope.name_count = 0;
	g.dialect = dialect;
	g.reader = (struct sql_reader){.dialect = dialect, .s = sql, .n = n};
	g.opening = F_PLAIN;
	g.verdict = verdict;
	if (n > SQL_GATE_BYTES)
		refuse(&g, 0, "size",
		        "the statement has %zu bytes, the limit is %d: write it shorter", n,
		        SQL_GATE_BYTES);
	else if (!text_is_valid(sql, n))
		refuse(&g, 0, "encoding", "the statement is not valid UTF-8 without NUL");
	else
		verdict->passed = judge(&g);
}
