/* fuzz_gate.c: any bytes through the gate: no crash, and a verdict that holds together. */
#include <stdlib.h>

#include "sql/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

ASKD_MAKE(static const struct askd_dialect, built_in, .name = "sqlite");
static const char *const functions[] = {"count", "sum", NULL};
ASKD_MAKE(static const struct askd_dialect, described, .name = "described",
        .flags = ASKD_DIALECT_BACKSLASH | ASKD_DIALECT_NESTED_COMMENT,
        .parameters = ASKD_PARAM_QUESTION, .limit = ASKD_LIMIT_LIMIT, .quote = "``[]",
        .strings = "x n e", .comments = "-- # /*", .functions = functions);
ASKD_MAKE(static const struct askd_dialect, named, .name = "named", .parameters = ASKD_PARAM_AT,
        .limit = ASKD_LIMIT_TOP, .quote = "\"\"", .comments = "-- /*", .functions = functions);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct askd_dialect *const all[] = {&built_in, &described, &named};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct sql_dialect *dialect = sql_dialect_of(all[i], NULL);
		struct sql_verdict v;
		const char *s = (const char *)data;
		if (!dialect)
			abort();
		sql_gate(dialect, s, size, &v);
		if (v.passed != !v.code[0] || v.position > size + 1 ||
		        v.table_count > SQL_GATE_TABLES || (!v.passed && !v.reason[0]))
			abort();
		for (size_t k = 0; k < v.table_count; k++)
			if (v.tables[k].s < s || v.tables[k].s + v.tables[k].n > s + size)
				abort();
	}
	return 0;
}
