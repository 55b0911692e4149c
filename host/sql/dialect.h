/* dialect.h: what the tokenizer and the gate must know of a database's language, as data: built in
 * by name, or compiled from a driver's description. */
#ifndef SQL_DIALECT_H
#define SQL_DIALECT_H

#include <askd/database.h>

struct sql_dialect;

/* By description: one that has only a name must be a built-in ("sqlite"). NULL and *reterr
 * (CONFIG). Lives for ever. */
const struct sql_dialect *sql_dialect_of(
        const struct askd_dialect *description, struct askd_error *reterr);
const char *sql_dialect_name(const struct sql_dialect *dialect);
/* Of URLs that lead to its databases, separated by blanks: "sqlite sqlite3". */
const char *sql_dialect_schemes(const struct sql_dialect *dialect);
/* How people and models should be told about it, one line: "SQLite 3: LIMIT n, || joins texts, ..."
 */
const char *sql_dialect_hint(const struct sql_dialect *dialect);

#endif
