/* gate.h: may this statement, written by a model, run? Judged on a real token stream: one
 * statement, reading only, allow-listed functions, bounded size, nesting and chains. */
#ifndef SQL_GATE_H
#define SQL_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/dialect.h"

enum {
	SQL_GATE_BYTES = 100 * 1024,
	SQL_GATE_NESTING = 100,
	SQL_GATE_CHAIN = 500,
	SQL_GATE_TABLES = 64
};

struct sql_verdict {
	bool passed;
	uint32_t position;  /* 1-based byte where the trouble is; 0: none */
	char reason[256];   /* for a model that repairs it and for the receipt: "function
	                     * load_extension   is not allowed"; quotes only identifiers, at most 60
	                     * bytes of them */
	char code[24];      /* stable word: "writes", "stacked", "function", "nesting", ... */
	size_t table_count; /* names that the statement reads from, CTE names excluded */
	struct askd_text tables[SQL_GATE_TABLES]; /* slices of the statement (not NUL-terminated) */
};

/* Never crashes, never recurses on input, linear in n. */
void sql_gate(
        const struct sql_dialect *dialect, const char *sql, size_t n, struct sql_verdict *verdict);

#endif
