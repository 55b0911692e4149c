/* growth.c: SQLite copies the body of a WITH to each place that names it, while it compiles and so
 * cannot be stopped: thirty bodies that each name the last one twice would need a thousand million
 * copies. This counts the copies before SQLite makes them. */
#include <strings.h>

#include "sqlite.h"

enum { BODIES = 256, DEPTH = 256 };

struct token {
	const char *s; /* without quotes */
	size_t n;
	char kind; /* 'n' a name or keyword, else the character itself; 0: the end */
	bool quoted;
};

struct body {
	struct token name;
	const char *from, *to;
	uint64_t used, sum;
};

struct growth {
	const char *at, *end;
	struct body bodies[BODIES];
	size_t count;
	int open[DEPTH]; /* the body that a parenthesis opened, or -1 */
	size_t depth;
};

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static struct token next(struct growth *g)
{
	struct token token = {g->end, 0, 0, false};
	const char *s = g->at, *end = g->end, *stop;
	for (;;) {
		while (s < end && (unsigned char)*s <= ' ')
			s++;
		if (end - s > 1 && s[0] == '-' && s[1] == '-') {
			stop = memchr(s, '\n', (size_t)(end - s));
			s = stop ? stop + 1 : end;
		} else if (end - s > 2 && s[0] == '/' && s[1] == '*') {
			stop = memmem(s + 2, (size_t)(end - s - 2), "*/", 2);
			s = stop ? stop + 2 : end;
		} else {
			break;
		}
	}
	g->at = s;
	if (s == end)
		return token;
	token.s = s;
	token.kind = *s;
	if (*s == '"' || *s == '\'' || *s == '`' || *s == '[') {
		char close = *s == '[' ? ']' : *s;
		for (s++;
		        s < end && (*s != close || (close != ']' && s + 1 < end && s[1] == close));
		        s++)
			if (*s == close)
				s++;
		token.s++;
		token.kind = 'n';
		token.quoted = true;
		token.n = (size_t)(s - token.s);
		g->at = s < end ? s + 1 : end;
	} else if (is_name(*s)) {
		while (s < end && is_name(*s))
			s++;
		token.kind = 'n';
		token.n = (size_t)(s - token.s);
		g->at = s;
	} else {
		token.n = 1;
		g->at = s + 1;
	}
	return token;
}

static bool is_word(struct token token, const char *word)
{
	return token.kind == 'n' && !token.quoted && strlen(word) == token.n &&
	       !strncasecmp(token.s, word, token.n);
}

static bool same(struct token a, struct token b)
{
	return a.kind == 'n' && a.n == b.n && !strncasecmp(a.s, b.s, a.n);
}

/* "name AS (", "name (columns) AS NOT MATERIALIZED (": notes where each body begins and ends.
 * false: more than can be counted. */
static bool find_bodies(struct growth *g, const char *sql)
{
	struct token before_group[DEPTH], last = {0}, candidate = {0};
	struct token token;
	g->at = sql;
	while ((token = next(g)).kind) {
		if (token.kind == '(') {
			bool opens = candidate.kind == 'n';
			if (g->depth == DEPTH || (opens && g->count == BODIES))
				return false;
			before_group[g->depth] = last;
			g->open[g->depth++] = opens ? (int)g->count : -1;
			if (opens)
				g->bodies[g->count++] = (struct body){
				        .name = candidate, .from = token.s, .to = g->end};
		} else if (token.kind == ')' && g->depth) {
			int body = g->open[--g->depth];
			if (body >= 0)
				g->bodies[body].to = token.s;
			last = before_group[g->depth];
			candidate.kind = 0;
			continue;
		}
		if (is_word(token, "as"))
			candidate = last;
		else if (!is_word(token, "not") && !is_word(token, "materialized"))
			candidate.kind = 0;
		last = token;
	}
	return true;
}

static const struct body *around(const struct growth *g, const char *place)
{
	const struct body *inner = NULL;
	for (size_t i = 0; i < g->count; i++)
		if (place > g->bodies[i].from && place < g->bodies[i].to)
			inner = &g->bodies[i]; /* they are in the order of their beginnings */
	return inner;
}

static void refer(struct growth *g, struct token name)
{
	const struct body *in = around(g, name.s);
	for (size_t i = 0; i < g->count; i++) {
		struct body *body = &g->bodies[i];
		if (!same(name, body->name) || (name.s > body->from && name.s < body->to) ||
		        name.s == body->name.s)
			continue;
		body->sum += in ? in->used : 1;
		if (body->sum > READER_EXPANSION)
			body->sum = READER_EXPANSION + 1;
	}
}

/* One pass settles one more level. */
static bool pass(struct growth *g, const char *sql, uint64_t *total)
{
	struct token before = {0}, last = {0}, token;
	bool changed = false;
	g->at = sql;
	for (size_t i = 0; i < g->count; i++)
		g->bodies[i].sum = 0;
	for (; last.kind || g->at == sql; before = last, last = token) {
		token = next(g);
		if (last.kind == 'n' && token.kind != '.' &&
		        (before.kind == ',' || before.kind == '(' || is_word(before, "from") ||
		                is_word(before, "join") || is_word(before, "in")))
			refer(g, last);
		if (!token.kind)
			break;
	}
	*total = 0;
	for (size_t i = 0; i < g->count; i++) {
		changed |= g->bodies[i].used != g->bodies[i].sum;
		g->bodies[i].used = g->bodies[i].sum;
		*total += g->bodies[i].used;
	}
	return changed;
}

bool growth_is_bounded(struct askd_text sql)
{
	struct growth g;
	uint64_t total = 0;
	size_t passes = 0;
	if (!strcasestr(sql.s, "with"))
		return true;
	g.end = sql.s + sql.n;
	g.count = g.depth = 0;
	if (!find_bodies(&g, sql.s))
		return false;
	while (g.count && pass(&g, sql.s, &total))
		if (total > READER_EXPANSION || passes++ > g.count)
			return false;
	return true;
}
