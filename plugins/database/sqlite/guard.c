/* guard.c: the authorizer. Readers get an allow-list: everything that is not named here is refused
 * by SQLite while it compiles the statement. In store mode it holds statements to their prefix. */
#include <stdlib.h>
#include <strings.h>

#include "sqlite.h"

/* Sorted. Functions that only compute, and that end soon whatever they are given. Left out on
 * purpose: randomblob, zeroblob, load_extension, fts3_tokenizer, json_set, json_insert and
 * json_patch (a long path recurses without limit; a patch takes quadratic time). */
static const char *const functions[] = {"->", "->>", "abs", "acos", "acosh", "asin", "asinh",
        "atan", "atan2", "atanh", "avg", "bm25", "ceil", "ceiling", "char", "coalesce", "concat",
        "concat_ws", "cos", "cosh", "count", "cume_dist", "current_date", "current_time",
        "current_timestamp", "date", "datetime", "degrees", "dense_rank", "exp", "first_value",
        "floor", "format", "glob", "group_concat", "hex", "highlight", "if", "ifnull", "iif",
        "instr", "json", "json_array", "json_array_length", "json_extract", "json_group_array",
        "json_group_object", "json_object", "json_quote", "json_type", "json_valid", "julianday",
        "lag", "last_value", "lead", "length", "like", "likelihood", "likely", "ln", "log", "log10",
        "log2", "lower", "ltrim", "match", "max", "min", "mod", "nth_value", "ntile", "nullif",
        "octet_length", "percent_rank", "pi", "pow", "power", "printf", "quote", "radians",
        "random", "rank", "replace", "round", "row_number", "rtrim", "sign", "sin", "sinh",
        "snippet", "soundex", "sqlite_version", "sqrt", "strftime", "string_agg", "substr",
        "substring", "sum", "tan", "tanh", "time", "timediff", "total", "trim", "trunc", "typeof",
        "unhex", "unicode", "unixepoch", "unlikely", "upper"};

static int compare_names(const void *key, const void *entry)
{
	return strcasecmp(key, *(const char *const *)entry);
}

static bool function_allowed(const char *name)
{
	return bsearch(name, functions, sizeof functions / sizeof *functions, sizeof *functions,
	               compare_names) != NULL;
}

static bool begins(const char *name, const char *prefix)
{
	return !strncasecmp(name, prefix, strlen(prefix));
}

/* SQLite's own tables, and those that are functions in disguise. */
static bool is_internal(const char *table)
{
	return begins(table, "sqlite_") || begins(table, "pragma_") ||
	       !strcasecmp(table, "dbstat") || !strcasecmp(table, "bytecode") ||
	       !strcasecmp(table, "tables_used") || !strcasecmp(table, "fts3tokenize");
}

static bool is_json_table(const char *table)
{
	return !strcasecmp(table, "json_each") || !strcasecmp(table, "json_tree");
}

__attribute__((format(printf, 2, 3))) static int deny(
        struct connection *connection, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(connection->denied, sizeof connection->denied, format, ap);
	va_end(ap);
	return SQLITE_DENY;
}

static const char *action_name(int action)
{
	switch (action) {
	case SQLITE_INSERT:
		return "INSERT";
	case SQLITE_UPDATE:
		return "UPDATE";
	case SQLITE_DELETE:
		return "DELETE";
	case SQLITE_ATTACH:
		return "ATTACH";
	case SQLITE_DETACH:
		return "DETACH";
	case SQLITE_PRAGMA:
		return "PRAGMA";
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return "a transaction statement";
	case SQLITE_ANALYZE:
		return "ANALYZE";
	case SQLITE_REINDEX:
		return "REINDEX";
	case SQLITE_ALTER_TABLE:
		return "ALTER TABLE";
	case SQLITE_CREATE_VTABLE:
	case SQLITE_CREATE_TABLE:
	case SQLITE_CREATE_INDEX:
	case SQLITE_CREATE_VIEW:
	case SQLITE_CREATE_TRIGGER:
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_INDEX:
	case SQLITE_CREATE_TEMP_VIEW:
	case SQLITE_CREATE_TEMP_TRIGGER:
		return "CREATE";
	case SQLITE_DROP_VTABLE:
	case SQLITE_DROP_TABLE:
	case SQLITE_DROP_INDEX:
	case SQLITE_DROP_VIEW:
	case SQLITE_DROP_TRIGGER:
	case SQLITE_DROP_TEMP_TABLE:
	case SQLITE_DROP_TEMP_INDEX:
	case SQLITE_DROP_TEMP_VIEW:
	case SQLITE_DROP_TEMP_TRIGGER:
		return "DROP";
	default:
		return "this statement";
	}
}

static bool in_prefix(const struct connection *connection, const char *table)
{
	return begins(table, connection->prefix);
}

static int may_read(struct connection *connection, const char *table, const char *database)
{
	if (!table || !*table || is_json_table(table))
		return SQLITE_OK;
	if (database && strcasecmp(database, "main") != 0)
		return deny(connection, "only the database main may be read, not %.40s", database);
	if (is_internal(table))
		return deny(connection, "the internal table %.60s may not be read", table);
	if (connection->prefix && !in_prefix(connection, table))
		return deny(connection,
		        "the table %.60s may not be used: its name must begin with "
		        "%.40s",
		        table, connection->prefix);
	return SQLITE_OK;
}

static int may_compute(struct connection *connection, int action, const char *function)
{
	switch (action) {
	case SQLITE_SELECT:
		/* Views and WITH are copied in wherever they are named, and so may double at each
		 * level. */
		if (++connection->selects > READER_EXPANSION)
			return deny(connection, "the statement grows to more than %d SELECTs",
			        READER_EXPANSION);
		return SQLITE_OK;
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		if (function && function_allowed(function))
			return SQLITE_OK;
		return deny(
		        connection, "the function %.60s is not allowed", function ? function : "?");
	default:
		return -1;
	}
}

static int judge_reader(struct connection *connection, int action, const char *first,
        const char *second, const char *database)
{
	int verdict = may_compute(connection, action, second);
	if (verdict >= 0)
		return verdict;
	if (action == SQLITE_READ)
		return may_read(connection, first, database);
	return deny(
	        connection, "%s is not allowed: this connection only reads", action_name(action));
}

/* Creating, dropping and altering make SQLite write its own schema table, which no statement may
 * touch directly: SQLite refuses that by itself. */
static int judge_prefixed(struct connection *connection, int action, const char *first,
        const char *second, const char *database)
{
	int verdict;
	bool schema = first && (!strcasecmp(first, "sqlite_master") ||
	                               !strcasecmp(first, "sqlite_temp_master"));
	const char *table = first;
	if (connection->changing == SQLITE_ALTER_TABLE) {
		/* The new name is nowhere to be seen. */
		if (action == SQLITE_FUNCTION && second &&
		        !strcasecmp(second, "sqlite_rename_table"))
			return deny(connection, "ALTER TABLE ... RENAME TO is not allowed here");
		if (action == SQLITE_FUNCTION || action == SQLITE_SELECT || action == SQLITE_PRAGMA)
			return SQLITE_OK;
	}
	if (connection->changing == SQLITE_CREATE_TABLE && action == SQLITE_SELECT)
		return deny(connection, "CREATE TABLE ... AS is not allowed here");
	verdict = may_compute(connection, action, second);
	if (verdict >= 0)
		return verdict;
	switch (action) {
	case SQLITE_READ:
		if (schema && connection->changing)
			return SQLITE_OK;
		return may_read(connection, first, database);
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
		if (schema)
			return SQLITE_OK;
		if (connection->changing && first && begins(first, "sqlite_stat"))
			return SQLITE_OK;
		return may_read(connection, first, database);
	case SQLITE_ALTER_TABLE: /* database, table */
		table = second;
		break;
	case SQLITE_CREATE_TABLE:
	case SQLITE_DROP_TABLE:
		break;
	case SQLITE_CREATE_INDEX: /* index, table */
	case SQLITE_DROP_INDEX:
		/* The index behind a PRIMARY KEY or UNIQUE is named by SQLite, after its table. */
		if (first && strncmp(first, "sqlite_autoindex_", 17) != 0 &&
		        !in_prefix(connection, first))
			return deny(connection, "the index %.60s must begin with %.40s", first,
			        connection->prefix);
		table = second;
		break;
	case SQLITE_REINDEX:
		return SQLITE_OK;
	default:
		return deny(connection, "%s is not allowed here", action_name(action));
	}
	if (!table || is_internal(table) || !in_prefix(connection, table))
		return deny(connection,
		        "the table %.60s may not be changed: its name must begin "
		        "with %.40s",
		        table ? table : "?", connection->prefix);
	if (action != SQLITE_ALTER_TABLE && database && strcasecmp(database, "main") != 0)
		return deny(connection, "temporary tables are not allowed");
	connection->changing = (uint32_t)action;
	return SQLITE_OK;
}

static int authorize(void *arg, int action, const char *first, const char *second,
        const char *database, const char *inner)
{
	struct connection *connection = arg;
	(void)inner;
	if (connection->trusted)
		return SQLITE_OK;
	if (!connection->writer)
		return judge_reader(connection, action, first, second, database);
	if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
		return connection->prefix ? deny(connection, "ATTACH is not allowed") : SQLITE_OK;
	return connection->prefix ? judge_prefixed(connection, action, first, second, database)
	                          : SQLITE_OK;
}

int32_t guard_install(struct connection *connection, struct askd_error *reterr)
{
	int rc = sqlite3_set_authorizer(connection->db, authorize, connection);
	return rc == SQLITE_OK ? ASKD_OK : failure_report(connection, rc, false, reterr);
}
