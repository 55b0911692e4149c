/* token.c: the tokenizer. */
#include <string.h>
#include <strings.h>

#include "sql/token.h"

static const struct {
	const char *s;
	enum sql_word word;
} words[] = {{"all", W_ALL}, {"and", W_AND}, {"any", W_ANY}, {"as", W_AS}, {"between", W_BETWEEN},
        {"by", W_BY}, {"case", W_CASE}, {"cast", W_CAST}, {"collate", W_COLLATE},
        {"delete", W_DELETE}, {"distinct", W_DISTINCT}, {"else", W_ELSE}, {"end", W_END},
        {"escape", W_ESCAPE}, {"except", W_EXCEPT}, {"exists", W_EXISTS}, {"fetch", W_FETCH},
        {"filter", W_FILTER}, {"for", W_FOR}, {"from", W_FROM}, {"glob", W_GLOB},
        {"group", W_GROUP}, {"having", W_HAVING}, {"in", W_IN}, {"insert", W_INSERT},
        {"intersect", W_INTERSECT}, {"into", W_INTO}, {"is", W_IS}, {"isnull", W_ISNULL},
        {"join", W_JOIN}, {"key", W_KEY}, {"lateral", W_LATERAL}, {"like", W_LIKE},
        {"limit", W_LIMIT}, {"lock", W_LOCK}, {"match", W_MATCH}, {"materialized", W_MATERIALIZED},
        {"merge", W_MERGE}, {"no", W_NO}, {"not", W_NOT}, {"notnull", W_NOTNULL}, {"null", W_NULL},
        {"offset", W_OFFSET}, {"on", W_ON}, {"only", W_ONLY}, {"or", W_OR}, {"order", W_ORDER},
        {"over", W_OVER}, {"recursive", W_RECURSIVE}, {"regexp", W_REGEXP}, {"replace", W_REPLACE},
        {"returning", W_RETURNING}, {"row", W_ROW}, {"select", W_SELECT}, {"set", W_SET},
        {"share", W_SHARE}, {"some", W_SOME}, {"then", W_THEN}, {"union", W_UNION},
        {"update", W_UPDATE}, {"using", W_USING}, {"values", W_VALUES}, {"when", W_WHEN},
        {"where", W_WHERE}, {"window", W_WINDOW}, {"with", W_WITH}};

enum { WORD_COUNT = sizeof words / sizeof *words, WORD_LONGEST = 12 };

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(unsigned char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c >= 0x80;
}

static bool is_name(const struct sql_dialect *dialect, unsigned char c)
{
	return is_letter(c) || is_digit(c) ||
	       (c && dialect->name_extra && strchr(dialect->name_extra, c));
}

static enum sql_word word_of(const char *s, size_t n)
{
	size_t low = 0, high = WORD_COUNT;
	if (n > WORD_LONGEST)
		return W_NONE;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strncasecmp(s, words[middle].s, n);
		if (!order)
			order = words[middle].s[n] ? -1 : 0;
		if (!order)
			return words[middle].word;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return W_NONE;
}

static unsigned char peek(const struct sql_reader *r, size_t ahead)
{
	return r->at + ahead < r->n ? (unsigned char)r->s[r->at + ahead] : 0;
}

static struct sql_token make(
        const struct sql_reader *r, enum sql_token_type type, size_t at, size_t n)
{
	(void)r;
	return (struct sql_token){.type = type, .at = at, .n = n};
}

static struct sql_token bad(struct sql_reader *r, size_t at, const char *code, const char *problem)
{
	r->at = at; /* the same answer again, should somebody read on */
	return (struct sql_token){
	        .type = SQL_BAD, .at = at, .n = 1, .problem = problem, .code = code};
}

static bool begins(const struct sql_reader *r, const char *s)
{
	size_t n = strlen(s);
	return r->n - r->at >= n && !memcmp(r->s + r->at, s, n);
}

/* Passes a comment. 1: passed, 0: none here, -1: not closed, -2: executable. */
static int pass_comment(struct sql_reader *r)
{
	const struct sql_dialect *d = r->dialect;
	for (const char *const *start = d->comments; *start; start++) {
		const char *line;
		size_t depth = 0;
		if (!begins(r, *start))
			continue;
		if (**start != '/' || (*start)[1] != '*') {
			if (!strcmp(*start, "--") && d->flags & SQL_DASHES_BLANK &&
			        peek(r, 2) > ' ')
				continue;
			line = memchr(r->s + r->at, '\n', r->n - r->at);
			r->at = line ? (size_t)(line - r->s) + 1 : r->n;
			return 1;
		}
		if (d->flags & SQL_EXECUTABLE &&
		        (peek(r, 2) == '!' || (lower(peek(r, 2)) == 'm' && peek(r, 3) == '!')))
			return -2;
		do {
			if (!depth || (d->flags & SQL_NESTED_COMMENT && begins(r, "/*"))) {
				depth++;
				r->at += 2;
			} else if (begins(r, "*/")) {
				depth--;
				r->at += 2;
			} else {
				r->at++;
			}
		} while (depth && r->at < r->n);
		return depth ? -1 : 1;
	}
	return 0;
}

/* At the opening quote: the end behind the closing one, or 0. */
static size_t quoted_end(const struct sql_reader *r, size_t at, char close, bool backslash)
{
	bool doubles = close != ']';
	for (at++; at < r->n; at++) {
		if (backslash && r->s[at] == '\\')
			at++;
		else if (r->s[at] != close)
			continue;
		else if (doubles && at + 1 < r->n && r->s[at + 1] == close)
			at++;
		else
			return at + 1;
	}
	return 0;
}

static struct sql_token read_string(struct sql_reader *r, size_t start, bool backslash)
{
	size_t end = quoted_end(r, r->at, r->s[r->at], backslash);
	if (!end)
		return bad(r, start, "unterminated", "a string is not closed");
	r->at = end;
	return make(r, SQL_STRING, start, end - start);
}

static struct sql_token read_word(struct sql_reader *r)
{
	struct sql_token token;
	size_t start = r->at;
	while (r->at < r->n && is_name(r->dialect, (unsigned char)r->s[r->at]))
		r->at++;
	if (peek(r, 0) == '\'' && sql_list_has(r->dialect->strings, r->s + start, r->at - start))
		return read_string(r, start,
		        r->dialect->flags & SQL_BACKSLASH ||
		                lower((unsigned char)r->s[start]) == 'e');
	token = make(r, SQL_WORD, start, r->at - start);
	token.word = word_of(r->s + start, token.n);
	return token;
}

static void pass_digits(struct sql_reader *r)
{
	while (is_digit(peek(r, 0)))
		r->at++;
}

static struct sql_token read_number(struct sql_reader *r)
{
	size_t start = r->at;
	if (peek(r, 0) == '0' && lower(peek(r, 1)) == 'x') {
		r->at += 2;
		while (is_digit(peek(r, 0)) ||
		        (lower(peek(r, 0)) >= 'a' && lower(peek(r, 0)) <= 'f'))
			r->at++;
	} else {
		pass_digits(r);
		if (peek(r, 0) == '.') {
			r->at++;
			pass_digits(r);
		}
		if (lower(peek(r, 0)) == 'e') {
			size_t sign = peek(r, 1) == '+' || peek(r, 1) == '-' ? 1 : 0;
			if (is_digit(peek(r, 1 + sign))) {
				r->at += 1 + sign;
				pass_digits(r);
			}
		}
	}
	if (r->at < r->n && is_name(r->dialect, (unsigned char)r->s[r->at]))
		return bad(r, start, "number", "a number runs into a name");
	return make(r, SQL_NUMBER, start, r->at - start);
}

/* $1, ? or @p1, exactly as the dialect says: other forms are read in surprising ways by some
 * databases. */
static struct sql_token read_parameter(struct sql_reader *r)
{
	size_t start = r->at;
	unsigned char c = peek(r, 0);
	bool digits = true;
	r->at++;
	if (c == '@' && lower(peek(r, 0)) == 'p')
		r->at++;
	if (c != '?') {
		digits = is_digit(peek(r, 0));
		pass_digits(r);
	}
	if (!digits || is_name(r->dialect, peek(r, 0)) || peek(r, 0) == ':' || peek(r, 0) == '(' ||
	        is_digit(peek(r, 0)) ||
	        c != (r->dialect->parameters == ASKD_PARAM_DOLLAR      ? '$'
	                     : r->dialect->parameters == ASKD_PARAM_AT ? '@'
	                                                               : '?'))
		return bad(r, start, "parameter",
		        r->dialect->parameters == ASKD_PARAM_DOLLAR
		                ? "parameters are written $1, $2 and so on"
		        : r->dialect->parameters == ASKD_PARAM_AT
		                ? "parameters are written @p1, @p2 and so on"
		                : "parameters are written ?");
	return make(r, SQL_PARAMETER, start, r->at - start);
}

/* $tag$ ... $tag$; a token of length 0 when there is no such opening here. */
static struct sql_token read_dollar(struct sql_reader *r)
{
	size_t start = r->at, tag = 1;
	const char *found;
	if (is_digit(peek(r, 1)))
		return make(r, SQL_BAD, start, 0);
	while (is_letter(peek(r, tag)) || is_digit(peek(r, tag)))
		tag++;
	if (peek(r, tag) != '$')
		return make(r, SQL_BAD, start, 0);
	tag++;
	found = memmem(r->s + start + tag, r->n - start - tag, r->s + start, tag);
	if (!found)
		return bad(r, start, "unterminated", "a string is not closed");
	r->at = (size_t)(found - r->s) + tag;
	return make(r, SQL_STRING, start, r->at - start);
}

static struct sql_token read_operator(struct sql_reader *r)
{
	size_t start = r->at;
	for (const char *const *o = r->dialect->long_operators; o && *o; o++)
		if (begins(r, *o)) {
			r->at += strlen(*o);
			return make(r, SQL_OPERATOR, start, r->at - start);
		}
	if (!strchr(r->dialect->operators, r->s[start]))
		return bad(r, start, "character", "a character that has no meaning in SQL");
	r->at++;
	return make(r, SQL_OPERATOR, start, 1);
}

static struct sql_token single(struct sql_reader *r, enum sql_token_type type)
{
	return make(r, type, r->at++, 1);
}

struct sql_token sql_token_next(struct sql_reader *r)
{
	const struct sql_dialect *d = r->dialect;
	unsigned char c;
	for (;;) {
		size_t start = r->at;
		int comment;
		if (r->at >= r->n)
			return make(r, SQL_END, r->n, 0);
		c = (unsigned char)r->s[r->at];
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
			r->at++;
			continue;
		}
		if (d->flags & SQL_BOM_BLANK && begins(r, "\xef\xbb\xbf")) {
			r->at += 3;
			continue;
		}
		if (c < ' ' || c == 0x7f)
			return bad(r, start, "character", "a control character");
		comment = pass_comment(r);
		if (comment == -1)
			return bad(r, start, "unterminated", "a comment is not closed");
		if (comment == -2)
			return bad(r, start, "comment", "this form of comment is run as code");
		if (!comment)
			break;
	}
	if (c == '\'' || (c == '"' && d->flags & SQL_DOUBLE_STRINGS))
		return read_string(r, r->at, d->flags & SQL_BACKSLASH);
	for (size_t i = 0; d->quotes[i][0]; i++)
		if (c == (unsigned char)d->quotes[i][0]) {
			size_t start = r->at, end = quoted_end(r, start, d->quotes[i][1], false);
			if (!end)
				return bad(r, start, "unterminated", "a quoted name is not closed");
			r->at = end;
			return make(r, SQL_NAME, start, end - start);
		}
	if (is_letter(c))
		return read_word(r);
	if (is_digit(c) || (c == '.' && is_digit(peek(r, 1))))
		return read_number(r);
	if (c == '$' && d->flags & SQL_DOLLAR_QUOTES) {
		struct sql_token token = read_dollar(r);
		if (token.n)
			return token;
	}
	if (c == '?' || c == '$' || c == '@' || c == ':') {
		bool operator= c == ':' && peek(r, 1) == ':';
		if (!operator)
			return read_parameter(r);
	}
	switch (c) {
	case '(':
		return single(r, SQL_OPEN);
	case ')':
		return single(r, SQL_CLOSE);
	case ',':
		return single(r, SQL_COMMA);
	case '.':
		return single(r, SQL_DOT);
	case ';':
		return single(r, SQL_SEMICOLON);
	default:
		return read_operator(r);
	}
}

struct askd_text sql_token_inside(const struct sql_reader *r, const struct sql_token *token)
{
	struct askd_text text = {r->s + token->at, token->n};
	if ((token->type == SQL_NAME || token->type == SQL_STRING) && token->n >= 2) {
		text.s++;
		text.n -= 2;
	}
	return text;
}
