/* source.h: where the engine reads values: a database as its asker may see it. */
#ifndef OFFLINE_SOURCE_H
#define OFFLINE_SOURCE_H

#include <askd/llm.h>

/* Rows as they come; a value other than ASKD_OK ends the reading and is handed back. */
typedef int32_t source_row(void *owner, const struct askd_value *cells, uint32_t columns);

struct source {
	/* One statement that only reads, at most `max_rows` rows. */
	int32_t (*read)(const struct source *source, const char *sql, uint32_t max_rows,
	        source_row *row, void *owner, struct askd_error *reterr);
	void *state;
};

#endif
