/* language_sqlite.c: the language of SQLite 3. */
#include "sql/language.h"

static const char *const strings[] = {"x", NULL};
static const char *const comments[] = {"--", "/*", NULL};
static const char *const long_operators[] = {
        "->>", "->", "||", "<<", ">>", "<=", ">=", "<>", "!=", "==", NULL};
static const char *const first_words[] = {"select", "values", "with", NULL};
static const char *const table_functions[] = {"json_each", "json_tree", NULL};
static const char *const schemas[] = {"main", NULL};
static const char *const internal[] = {"sqlite_*", "pragma_*", "dbstat", "bytecode", "tables_used",
        "fts3tokenize", "fts5vocab", "fts4aux", NULL};

/* Functions that only compute. Those that write, that load code, that tell of the machine, and
 * those that one call can keep busy for minutes are left out: load_extension, fts3_tokenizer,
 * randomblob, zeroblob, json_set, json_insert, json_patch, changes, last_insert_rowid,
 * sqlite_source_id. */
static const char *const functions[] = {"abs", "acos", "acosh", "asin", "asinh", "atan", "atan2",
        "atanh", "avg", "bm25", "ceil", "ceiling", "char", "coalesce", "concat", "concat_ws", "cos",
        "cosh", "count", "cume_dist", "current_date", "current_time", "current_timestamp", "date",
        "datetime", "degrees", "dense_rank", "exp", "first_value", "floor", "format", "glob",
        "group_concat", "hex", "highlight", "if", "ifnull", "iif", "instr", "json", "json_array",
        "json_array_length", "json_extract", "json_group_array", "json_group_object", "json_object",
        "json_quote", "json_type", "json_valid", "julianday", "lag", "last_value", "lead", "length",
        "like", "likelihood", "likely", "ln", "log", "log10", "log2", "lower", "ltrim", "match",
        "max", "min", "mod", "nth_value", "ntile", "nullif", "octet_length", "percent_rank", "pi",
        "pow", "power", "printf", "quote", "radians", "random", "rank", "replace", "round",
        "row_number", "rtrim", "sign", "sin", "sinh", "snippet", "soundex", "sqlite_version",
        "sqrt", "strftime", "string_agg", "substr", "substring", "sum", "tan", "tanh", "time",
        "timediff", "total", "trim", "trunc", "typeof", "unhex", "unicode", "unixepoch", "unlikely",
        "upper"};

const struct sql_dialect sql_language_sqlite = {
        .name = "sqlite",
        .schemes = "sqlite sqlite3",
        .hint = "SQLite 3: LIMIT n OFFSET m; || joins texts; dates are texts: date(), datetime(), "
                "strftime('%Y-%m', column), julianday(); integer division cuts, so CAST(x AS "
                "REAL); "
                "LIKE ignores the case of ASCII letters; no ILIKE, no :: casts, no INTERVAL",
        .flags = SQL_STRING_NAMES | SQL_BOM_BLANK | SQL_IN_TABLE,
        .parameters = ASKD_PARAM_DOLLAR,
        .limit = ASKD_LIMIT_LIMIT,
        .quotes = {{'"', '"'}, {'`', '`'}, {'[', ']'}},
        .strings = strings,
        .comments = comments,
        .operators = "+-*/%&|~<>=",
        .long_operators = long_operators,
        .name_extra = "$",
        .first_words = first_words,
        .functions = functions,
        .function_count = sizeof functions / sizeof *functions,
        .table_functions = table_functions,
        .schemas = schemas,
        .name_parts = 2,
        .internal = internal,
};
