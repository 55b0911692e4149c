/* statement.c: compiling one statement, keeping it for the next time, giving it its parameters. */
#include <stdlib.h>

#include "sqlite.h"

/* After the first statement only blanks, comments and semicolons may follow. */
static bool is_empty(const char *s, const char *end)
{
	while (s < end) {
		if (*s == ' ' || (*s >= '\t' && *s <= '\r') || *s == ';') {
			s++;
		} else if (end - s > 1 && s[0] == '-' && s[1] == '-') {
			const char *line = memchr(s, '\n', (size_t)(end - s));
			s = line ? line + 1 : end;
		} else if (end - s > 1 && s[0] == '/' && s[1] == '*') {
			const char *close = s + 2;
			while (close + 1 < end && !(close[0] == '*' && close[1] == '/'))
				close++;
			s = close + 1 < end ? close + 2 : end;
		} else {
			return false;
		}
	}
	return true;
}

static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t hash = 1469598103934665603u;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)s[i]) * 1099511628211u;
	return hash;
}

static bool same_prefix(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void drop(struct statement *statement)
{
	sqlite3_finalize(statement->stmt);
	free(statement->sql);
	free(statement->prefix);
	memset(statement, 0, sizeof *statement);
}

void statement_drop_all(struct connection *connection)
{
	for (size_t i = 0; i < CACHE_STATEMENTS; i++)
		drop(&connection->cache[i]);
}

static struct statement *find(
        struct connection *connection, uint64_t hash, struct askd_text sql, const char *prefix)
{
	for (size_t i = 0; i < CACHE_STATEMENTS; i++) {
		struct statement *s = &connection->cache[i];
		if (s->stmt && s->hash == hash && s->sql_n == sql.n &&
		        !memcmp(s->sql, sql.s, sql.n) && same_prefix(s->prefix, prefix))
			return s;
	}
	return NULL;
}

/* Takes over the compiled statement; NULL when memory is short: it then is not kept. */
static struct statement *keep(struct connection *connection, uint64_t hash, struct askd_text sql,
        const struct statement *statement)
{
	struct statement *place = &connection->cache[0];
	char *copy = malloc(sql.n + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < CACHE_STATEMENTS && place->stmt; i++)
		if (connection->cache[i].used < place->used || !connection->cache[i].stmt)
			place = &connection->cache[i];
	drop(place);
	memcpy(copy, sql.s, sql.n);
	copy[sql.n] = 0;
	*place = *statement;
	place->sql = copy;
	place->sql_n = sql.n;
	place->hash = hash;
	place->used = ++connection->clock;
	return place;
}

int32_t statement_prepare(struct connection *connection, struct askd_text sql, const char *prefix,
        struct statement *statement, struct statement **cached, struct askd_error *reterr)
{
	bool small = sql.n <= CACHE_SQL;
	uint64_t hash = small ? hash_of(sql.s, sql.n) : 0;
	struct statement *place = small ? find(connection, hash, sql, prefix) : NULL;
	const char *tail = NULL;
	int rc;
	memset(statement, 0, sizeof *statement);
	if (place) {
		place->used = ++connection->clock;
		*cached = place;
		*statement = *place;
		return ASKD_OK;
	}
	if (sql.n > (size_t)(connection->writer ? WRITER_SQL : READER_SQL))
		return askd_fail(reterr, ASKD_E_TOO_LARGE,
		        "the statement has %llu bytes, the limit is %d", (unsigned long long)sql.n,
		        connection->writer ? WRITER_SQL : READER_SQL);
	if (memchr(sql.s, 0, sql.n))
		return askd_fail(reterr, ASKD_E_STATEMENT, "the statement holds a NUL byte");
	if (!connection->writer && !growth_is_bounded(sql))
		return askd_fail(reterr, ASKD_E_TOO_LARGE,
		        "the WITH queries name each other so often that the statement grows to "
		        "more "
		        "than %d SELECTs",
		        READER_EXPANSION);
	if (prefix && !(statement->prefix = strdup(prefix)))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a statement");
	connection->prefix = prefix;
	connection->changing = 0;
	connection->selects = 0;
	rc = sqlite3_prepare_v3(connection->db, sql.s, (int)sql.n + 1,
	        small ? SQLITE_PREPARE_PERSISTENT : 0, &statement->stmt, &tail);
	if (rc != SQLITE_OK) {
		int32_t code = failure_report(connection, rc, false, reterr);
		drop(statement);
		return code;
	}
	if (!statement->stmt) {
		drop(statement);
		return askd_fail(reterr, ASKD_E_STATEMENT, "there is no statement in the text");
	}
	if (!is_empty(tail, sql.s + sql.n)) {
		drop(statement);
		askd_fail(reterr, ASKD_E_STATEMENT,
		        "a second statement follows the first: only one is run");
		if (reterr)
			reterr->position = (uint32_t)(tail - sql.s) + 1;
		return ASKD_E_STATEMENT;
	}
	*cached = small ? keep(connection, hash, sql, statement) : NULL;
	return ASKD_OK;
}

void statement_release(struct statement *statement, struct statement *cached)
{
	if (cached) {
		sqlite3_reset(statement->stmt);
		sqlite3_clear_bindings(statement->stmt);
	} else if (statement->stmt) {
		drop(statement);
	}
	memset(statement, 0, sizeof *statement);
}

/* "$12" -> 12; 0 for anything else. */
static uint64_t number_of(const char *name)
{
	uint64_t number = 0;
	if (!name || *name != '$' || name[1] == '0')
		return 0;
	for (name++; *name >= '0' && *name <= '9' && number < 100000; name++)
		number = number * 10 + (uint64_t)(*name - '0');
	return *name ? 0 : number;
}

static int bind_value(sqlite3_stmt *stmt, int index, const struct askd_value *value)
{
	switch (value->type) {
	case ASKD_NULL:
		return sqlite3_bind_null(stmt, index);
	case ASKD_INT:
	case ASKD_BOOL:
		return sqlite3_bind_int64(stmt, index, value->u.i);
	case ASKD_FLOAT:
		return sqlite3_bind_double(stmt, index, value->u.f);
	case ASKD_BYTES:
		return sqlite3_bind_blob64(
		        stmt, index, value->len ? value->u.s : "", value->len, SQLITE_TRANSIENT);
	default:
		return sqlite3_bind_text64(stmt, index, value->len ? value->u.s : "", value->len,
		        SQLITE_TRANSIENT, SQLITE_UTF8);
	}
}

int32_t statement_bind(struct connection *connection, sqlite3_stmt *stmt, struct askd_values params,
        struct askd_error *reterr)
{
	int count = sqlite3_bind_parameter_count(stmt);
	for (int i = 1; i <= count; i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i);
		uint64_t number = number_of(name);
		int rc;
		if (!number)
			return askd_fail(reterr, ASKD_E_STATEMENT,
			        "parameters are written $1, $2 and so on, not %s",
			        name ? name : "?");
		if (number > params.n)
			return askd_fail(reterr, ASKD_E_STATEMENT,
			        "%s has no value: %llu were given", name,
			        (unsigned long long)params.n);
		rc = bind_value(stmt, i, &params.v[number - 1]);
		if (rc != SQLITE_OK)
			return failure_report(connection, rc, false, reterr);
	}
	return ASKD_OK;
}
