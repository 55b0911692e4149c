/* pattern.c: LIKE and GLOB. SQLite's own compare a long text with a long pattern in one instruction
 * that nothing can stop; these take the same decisions, and look at the clock. */
#include "sqlite.h"

struct pattern {
	unsigned any, one, set, escape; /* 0: none */
	bool fold;                      /* ASCII letters without their case */
};

enum { MATCH_NO, MATCH_YES, MATCH_STOPPED };

static unsigned read_character(const unsigned char **at)
{
	const unsigned char *s = *at;
	unsigned c = *s++;
	if (c >= 0xc0) {
		c &= c >= 0xf0 ? 7 : c >= 0xe0 ? 15 : 31;
		while ((*s & 0xc0) == 0x80)
			c = c << 6 | (*s++ & 0x3f);
	}
	*at = s;
	return c;
}

static unsigned fold(unsigned c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* A set "[a-z]" behind its bracket. */
static bool in_set(const unsigned char **at, unsigned c)
{
	unsigned prior = 0, p = read_character(at);
	bool seen = false, invert = false;
	if (p == '^') {
		invert = true;
		p = read_character(at);
	}
	if (p == ']') {
		seen = c == ']';
		p = read_character(at);
	}
	while (p && p != ']') {
		if (p == '-' && **at != ']' && **at && prior) {
			p = read_character(at);
			seen |= c >= prior && c <= p;
			prior = 0;
		} else {
			seen |= c == p;
			prior = p;
		}
		p = p ? read_character(at) : 0;
	}
	return p && seen != invert;
}

/* One place of the pattern against one character; moves both on. */
static bool match_one(
        const struct pattern *kind, const unsigned char **pattern, const unsigned char **text)
{
	unsigned p = read_character(pattern), c;
	if (!**text)
		return false;
	c = read_character(text);
	if (p == kind->one && p)
		return true;
	if (kind->set && p == kind->set)
		return in_set(pattern, c);
	if (kind->escape && p == kind->escape && !(p = read_character(pattern)))
		return false;
	return p == c || (kind->fold && fold(p) == fold(c));
}

/* Goes back only to the last "any": enough to decide, and never more than text * pattern steps. */
static int match(sqlite3_context *context, const struct pattern *kind, const unsigned char *pattern,
        const unsigned char *text)
{
	const unsigned char *again = NULL, *from = NULL;
	uint64_t steps = 0;
	for (;;) {
		const unsigned char *look = pattern;
		unsigned p = read_character(&look);
		if (++steps % (1 << 16) == 0 && functions_must_stop(context))
			return MATCH_STOPPED;
		if (p && p == kind->any && p != kind->escape) {
			pattern = look;
			if (!*pattern)
				return MATCH_YES;
			again = pattern;
			from = text;
			continue;
		}
		if (!p && !*text)
			return MATCH_YES;
		if (p && match_one(kind, &pattern, &text))
			continue;
		if (!again || !*from)
			return MATCH_NO;
		read_character(&from);
		p = *again;
		if (p && p < 0x80 && p != kind->one && p != kind->set && p != kind->escape &&
		        p != kind->any) {
			/* Only where the next character fits can a match begin. */
			unsigned want = kind->fold ? fold(p) : p;
			while (*from && (kind->fold ? fold(*from) : *from) != want)
				from++;
		}
		pattern = again;
		text = from;
	}
}

static void compare(
        sqlite3_context *context, int count, sqlite3_value **values, struct pattern kind)
{
	const unsigned char *pattern, *text;
	int result;
	for (int i = 0; i < 2; i++)
		if (sqlite3_value_type(values[i]) == SQLITE_BLOB &&
		        sqlite3_compileoption_used("LIKE_DOESNT_MATCH_BLOBS")) {
			sqlite3_result_int(context, 0);
			return;
		}
	if (sqlite3_value_bytes(values[0]) > sqlite3_limit(sqlite3_context_db_handle(context),
	                                             SQLITE_LIMIT_LIKE_PATTERN_LENGTH, -1)) {
		sqlite3_result_error(context, "LIKE or GLOB pattern too complex", -1);
		return;
	}
	if (count == 3) {
		const unsigned char *escape = sqlite3_value_text(values[2]);
		if (!escape)
			return;
		if (!*escape || (kind.escape = read_character(&escape), *escape)) {
			sqlite3_result_error(
			        context, "ESCAPE expression must be a single character", -1);
			return;
		}
		if (kind.escape == kind.one)
			kind.one = 0;
	}
	pattern = sqlite3_value_text(values[0]);
	text = sqlite3_value_text(values[1]);
	if (!pattern || !text)
		return;
	result = match(context, &kind, pattern, text);
	if (result != MATCH_STOPPED)
		sqlite3_result_int(context, result == MATCH_YES);
}

static void bounded_like(sqlite3_context *context, int count, sqlite3_value **values)
{
	compare(context, count, values, (struct pattern){.any = '%', .one = '_', .fold = true});
}

static void bounded_glob(sqlite3_context *context, int count, sqlite3_value **values)
{
	compare(context, count, values, (struct pattern){.any = '*', .one = '?', .set = '['});
}

int pattern_install(struct connection *connection)
{
	static const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = sqlite3_create_function_v2(
	        connection->db, "like", 2, flags, connection, bounded_like, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(connection->db, "like", 3, flags, connection,
		        bounded_like, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(connection->db, "glob", 2, flags, connection,
		        bounded_glob, NULL, NULL, NULL);
	return rc;
}
