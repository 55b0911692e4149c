/* schema.c: a schema from a catalogue; looking things up in it. */
#include <stdlib.h>
#include <string.h>

#include "schema_inside.h"
#include "values.h"

static const char *copy_text(struct pool *pool, struct askd_text text)
{
	return pool_copy(pool, text.s ? text.s : "", text.s ? text.n : 0);
}

static void count(const struct askd_catalogue *catalogue, struct schema *schema)
{
	const struct askd_db_table *const *table = catalogue->tables;
	for (; table && *table; table++) {
		const struct askd_db_column *const *column = (*table)->columns;
		if (!column || !*column)
			continue;
		schema->table_count++;
		for (; *column; column++)
			schema->column_count++;
	}
}

static enum column_class class_of(uint32_t type)
{
	switch (type) {
	case ASKD_INT:
	case ASKD_FLOAT:
	case ASKD_DECIMAL:
		return COLUMN_NUMBER;
	case ASKD_DATE:
	case ASKD_TIMESTAMP:
	case ASKD_TIMESTAMPTZ:
		return COLUMN_TIME;
	case ASKD_TEXT:
	case ASKD_UUID:
		return COLUMN_TEXT;
	default:
		return COLUMN_OTHER;
	}
}

static void add_column(
        struct schema *schema, uint32_t table, const struct askd_db_column *told, size_t index)
{
	struct schema_column *column = &schema->columns[index];
	column->name = copy_text(&schema->pool, told->name);
	column->table = table;
	column->type = class_of(told->type);
	if (told->type == ASKD_BOOL)
		column->flags |= COLUMN_TRUTH;
	if (told->key & ASKD_KEY_PRIMARY)
		column->flags |= COLUMN_PRIMARY;
	if (told->key & ASKD_KEY_UNIQUE)
		column->flags |= COLUMN_UNIQUE;
}

static bool copy_tables(struct draft *draft, const struct askd_catalogue *catalogue)
{
	struct schema *schema = draft->schema;
	const struct askd_db_table *const *told = catalogue->tables;
	uint32_t at = 0, next = 0;
	schema->tables =
	        pool_alloc(&schema->pool, (schema->table_count + 1) * sizeof *schema->tables);
	schema->columns =
	        pool_alloc(&schema->pool, (schema->column_count + 1) * sizeof *schema->columns);
	draft->told = pool_alloc(&draft->pool, (schema->table_count + 1) * sizeof *draft->told);
	if (!schema->tables || !schema->columns || !draft->told)
		return false;
	for (; told && *told; told++) {
		struct schema_table *table = &schema->tables[at];
		const struct askd_db_column *const *column = (*told)->columns;
		if (!column || !*column)
			continue;
		draft->told[at] = *told;
		table->name = copy_text(&schema->pool, (*told)->name);
		table->schema =
		        (*told)->schema.s ? copy_text(&schema->pool, (*told)->schema) : NULL;
		table->first = next;
		table->display = table->display2 = table->key = -1;
		table->rows = (*told)->rows;
		table->view = (*told)->kind != ASKD_TABLE;
		for (; *column; column++)
			add_column(schema, at, *column, next++);
		table->columns = next - table->first;
		at++;
	}
	return !schema->pool.failed;
}

struct schema *schema_create(const struct askd_catalogue *catalogue, struct askd_error *reterr)
{
	struct schema *schema = calloc(1, sizeof *schema);
	struct draft draft = {.schema = schema};
	bool made = false;
	if (!schema)
		goto out;
	schema->version = catalogue->version;
	schema->dialect = copy_text(&schema->pool, catalogue->dialect);
	count(catalogue, schema);
	if (!schema->dialect || !copy_tables(&draft, catalogue) || !names_read(&draft) ||
	        !names_say(schema, &draft) || !keys_read(&draft) || !classes_guess(&draft))
		goto out;
	keys_mark_junctions(schema);
	made = phrases_make(&draft) && !schema->pool.failed;
out:
	pool_finish(&draft.pool);
	if (!made) {
		schema_destroy(schema);
		schema = NULL;
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for the schema");
	}
	return schema;
}

void schema_destroy(struct schema *schema)
{
	if (!schema)
		return;
	values_destroy(schema->values);
	pool_finish(&schema->pool);
	free(schema);
}

const struct schema_phrase *schema_find(
        const struct schema *schema, const char *stems, size_t *found)
{
	size_t low = 0, high = schema->phrase_count, n = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(schema->phrases[middle].stems, stems) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < schema->phrase_count && !strcmp(schema->phrases[low + n].stems, stems))
		n++;
	*found = n;
	return n ? &schema->phrases[low] : NULL;
}

size_t schema_memory(const struct schema *schema)
{
	return sizeof *schema + schema->pool.total + values_memory(schema->values);
}
