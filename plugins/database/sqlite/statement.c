/* statement.c: compiling one statement, keeping it for the next time, giving it its parameters. */
#include <stdlib.h>
#include <strings.h>

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

/* Eight bytes at a time; the last word is filled with zeros. */
static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t hash = n, word;
	for (; n >= sizeof word; s += sizeof word, n -= sizeof word) {
		memcpy(&word, s, sizeof word);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, s, n);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static bool begins_with_word(const char *s, const char *word)
{
	size_t n = strlen(word);
	while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		s++;
	return !strncasecmp(s, word, n) && !(s[n] >= 'a' && s[n] <= 'z') &&
	       !(s[n] >= 'A' && s[n] <= 'Z') && s[n] != '_';
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

/* What is asked at each run is found out once. */
static void look_over(struct statement *statement, const char *sql)
{
	int count = sqlite3_bind_parameter_count(statement->stmt), i = 1;
	while (i <= count &&
	        number_of(sqlite3_bind_parameter_name(statement->stmt, i)) == (uint64_t)i)
		i++;
	statement->numbered = i > count;
	statement->commits = begins_with_word(sql, "commit") || begins_with_word(sql, "end") ||
	                     begins_with_word(sql, "release");
	statement->columns = -1;
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
	free(statement->types);
	memset(statement, 0, sizeof *statement);
}

void statement_drop_all(struct connection *connection)
{
	for (size_t i = 0; i < CACHE_STATEMENTS; i++)
		drop(&connection->cache[i]);
}

static bool is_it(
        const struct statement *statement, uint64_t hash, struct askd_text sql, const char *prefix)
{
	return statement->stmt && statement->hash == hash && statement->sql_n == sql.n &&
	       !memcmp(statement->sql, sql.s, sql.n) && same_prefix(statement->prefix, prefix);
}

static struct statement *find(
        struct connection *connection, uint64_t hash, struct askd_text sql, const char *prefix)
{
	uint8_t *hint = &connection->places[hash % CACHE_HINTS];
	if (is_it(&connection->cache[*hint], hash, sql, prefix))
		return &connection->cache[*hint];
	for (size_t i = 0; i < CACHE_STATEMENTS; i++)
		if (is_it(&connection->cache[i], hash, sql, prefix)) {
			*hint = (uint8_t)i;
			return &connection->cache[i];
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
        struct statement *own, struct statement **statement, struct askd_error *reterr)
{
	bool small = sql.n <= CACHE_SQL;
	uint64_t hash = small ? hash_of(sql.s, sql.n) : 0;
	struct statement *place = small ? find(connection, hash, sql, prefix) : NULL;
	const char *tail = NULL;
	int rc;
	if (place) {
		place->used = ++connection->clock;
		*statement = place;
		return ASKD_OK;
	}
	memset(own, 0, sizeof *own);
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
	if (prefix && !(own->prefix = strdup(prefix)))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a statement");
	connection->prefix = prefix;
	connection->changing = 0;
	connection->selects = 0;
	rc = sqlite3_prepare_v3(connection->db, sql.s, (int)sql.n + 1,
	        small ? SQLITE_PREPARE_PERSISTENT : 0, &own->stmt, &tail);
	if (rc != SQLITE_OK) {
		int32_t code = failure_report(connection, rc, false, reterr);
		drop(own);
		return code;
	}
	if (!own->stmt) {
		drop(own);
		return askd_fail(reterr, ASKD_E_STATEMENT, "there is no statement in the text");
	}
	if (!is_empty(tail, sql.s + sql.n)) {
		drop(own);
		askd_fail(reterr, ASKD_E_STATEMENT,
		        "a second statement follows the first: only one is run");
		if (reterr)
			reterr->position = (uint32_t)(tail - sql.s) + 1;
		return ASKD_E_STATEMENT;
	}
	look_over(own, sql.s);
	place = small ? keep(connection, hash, sql, own) : NULL;
	*statement = place ? place : own;
	return ASKD_OK;
}

void statement_release(struct statement *statement)
{
	if (!statement)
		return;
	if (statement->sql) {
		sqlite3_reset(statement->stmt);
		sqlite3_clear_bindings(statement->stmt);
	} else {
		drop(statement);
	}
}

int32_t statement_types(struct statement *statement, struct askd_error *reterr)
{
	int compiled = sqlite3_stmt_status(statement->stmt, SQLITE_STMTSTATUS_REPREPARE, 0);
	int count = sqlite3_column_count(statement->stmt);
	uint8_t *types;
	if (statement->columns == count && statement->compiled == compiled)
		return ASKD_OK;
	types = statement->columns == count ? statement->types
	                                    : realloc(statement->types, (size_t)count + 1);
	if (!types)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the columns");
	for (int i = 0; i < count; i++)
		types[i] = (uint8_t)value_declared(sqlite3_column_decltype(statement->stmt, i));
	statement->types = types;
	statement->columns = count;
	statement->compiled = compiled;
	return ASKD_OK;
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

int32_t statement_bind(struct connection *connection, const struct statement *statement,
        struct askd_values params, struct askd_error *reterr)
{
	int count = sqlite3_bind_parameter_count(statement->stmt);
	for (int i = 1; i <= count; i++) {
		uint64_t number = (uint64_t)i;
		int rc;
		if (!statement->numbered || number > params.n) {
			const char *name = sqlite3_bind_parameter_name(statement->stmt, i);
			number = number_of(name);
			if (!number)
				return askd_fail(reterr, ASKD_E_STATEMENT,
				        "parameters are written $1, $2 and so on, not %s",
				        name ? name : "?");
			if (number > params.n)
				return askd_fail(reterr, ASKD_E_STATEMENT,
				        "%s has no value: %llu were given", name,
				        (unsigned long long)params.n);
		}
		rc = bind_value(statement->stmt, i, &params.v[number - 1]);
		if (rc != SQLITE_OK)
			return failure_report(connection, rc, false, reterr);
	}
	return ASKD_OK;
}
