/* prompt_text.c: schema, history and rows as a model reads them. */
#include <inttypes.h>

#include "assistant/prompt_parts.h"
#include "base/json.h"

enum {
	SCHEMA_BYTES = 64 * 1024, /* from here on tables are listed by name only */
	SCHEMA_NAMES = 16 * 1024, /* and from here on they are counted */
	SAMPLES_MAX = 5,
	SAMPLE_BYTES = 40,
	COMMENT_BYTES = 200,
	TABLE_ROWS = 100,
	TABLE_BYTES = 8 * 1024,
	CELL_BYTES = 200,
	HISTORY_TEXT = 1000, /* bytes of one earlier answer or statement */
	HISTORY_BYTES = 16 * 1024
};

/* One line: control characters become blanks; cut at a character's end. */
static void add_line(struct buffer *b, struct askd_text text, size_t max)
{
	size_t n = text.s ? text_cut(text.s, text.n, max) : 0;

	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.s[i];

		if (c >= 0x20 && c != 0x7f)
			continue;
		buffer_add(b, text.s + from, i - from);
		buffer_add(b, " ", 1);
		from = i + 1;
	}
	if (n > from)
		buffer_add(b, text.s + from, n - from);
	if (text.s && n < text.n)
		buffer_add_string(b, "...");
}

static bool name_is_plain(struct askd_text name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		            (i && c >= '0' && c <= '9') || (unsigned char)c >= 0x80))
			return false;
	}
	return name.n > 0;
}

/* A name as SQL may write it: quoted where it must be. */
static void add_name(struct buffer *b, struct askd_text name)
{
	if (name_is_plain(name)) {
		buffer_add_text(b, name);
		return;
	}
	buffer_add(b, "\"", 1);
	for (size_t i = 0; i < name.n; i++) {
		if (name.s[i] == '"')
			buffer_add(b, "\"", 1);
		add_line(b, (struct askd_text){name.s + i, 1}, 1);
	}
	buffer_add(b, "\"", 1);
}

static void add_table_name(struct buffer *b, struct askd_text schema, struct askd_text name)
{
	if (schema.n) {
		add_name(b, schema);
		buffer_add(b, ".", 1);
	}
	add_name(b, name);
}

static void add_comment(struct buffer *b, struct askd_text comment)
{
	if (!comment.n)
		return;
	buffer_add_string(b, " \"");
	add_line(b, comment, COMMENT_BYTES);
	buffer_add(b, "\"", 1);
}

/* A value as it stands in a cell. */
static void add_value(struct buffer *b, const struct askd_value *value, size_t max)
{
	switch (value->type) {
	case ASKD_NULL:
		buffer_add_string(b, "NULL");
		break;
	case ASKD_INT:
		buffer_add_int(b, value->u.i);
		break;
	case ASKD_BOOL:
		buffer_add_string(b, value->u.i ? "true" : "false");
		break;
	case ASKD_FLOAT:
		json_add_value(b, value);
		break;
	case ASKD_BYTES:
		buffer_print(b, "(%" PRIu32 " bytes)", value->len);
		break;
	default:
		add_line(b, (struct askd_text){value->u.s, value->len}, max);
		if (value->flags & ASKD_CUT && value->len <= max)
			buffer_add_string(b, "...");
	}
}

static void add_samples(struct buffer *b, struct askd_values samples)
{
	for (uint64_t i = 0; i < samples.n && i < SAMPLES_MAX; i++) {
		const struct askd_value *value = &samples.v[i];
		bool quoted = value->type > ASKD_FLOAT && value->type != ASKD_DECIMAL;

		buffer_add_string(b, i ? ", " : " e.g. ");
		if (quoted)
			buffer_add(b, "'", 1);
		add_value(b, value, SAMPLE_BYTES);
		if (quoted)
			buffer_add(b, "'", 1);
	}
}

static const char *type_word(uint32_t type)
{
	static const char *const words[] = {"", "integer", "boolean", "float", "text", "bytes",
	        "decimal", "date", "time", "timestamp", "timestamptz", "json", "uuid", ""};

	return type < sizeof words / sizeof *words ? words[type] : "";
}

static void add_column(struct buffer *b, const struct askd_db_column *column)
{
	add_name(b, column->name);
	if (column->type_name.n) {
		buffer_add(b, " ", 1);
		add_line(b, column->type_name, 64);
	} else if (*type_word(column->type)) {
		buffer_print(b, " %s", type_word(column->type));
	}
	if (column->key & ASKD_KEY_PRIMARY)
		buffer_add_string(b, " pk");
	else if (column->key & ASKD_KEY_UNIQUE)
		buffer_add_string(b, " unique");
	add_comment(b, column->comment);
	add_samples(b, column->samples);
}

/* ["a","b"] as names: a, b */
static void add_name_list(struct buffer *b, struct askd_text list, struct askd_text table)
{
	json_t *names = json_read(list, NULL), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name))
			continue;
		if (i)
			buffer_add_string(b, ", ");
		if (table.n) {
			add_name(b, table);
			buffer_add(b, ".", 1);
		}
		add_name(b, askd_text_of(json_string_value(name)));
	}
	json_decref(names);
}

static void add_table(struct buffer *b, const struct askd_db_table *table)
{
	add_table_name(b, table->schema, table->name);
	buffer_add(b, "(", 1);
	for (size_t i = 0; table->columns && table->columns[i]; i++) {
		if (i)
			buffer_add_string(b, ", ");
		add_column(b, table->columns[i]);
	}
	buffer_add(b, ")", 1);
	add_comment(b, table->comment);
	if (table->kind == ASKD_VIEW || table->kind == ASKD_MATERIALIZED_VIEW)
		buffer_add_string(b, " -- view");
	else if (table->rows >= 0)
		buffer_print(b, " -- %" PRId64 " rows", table->rows);
	for (size_t i = 0; table->references && table->references[i]; i++) {
		const struct askd_db_reference *reference = table->references[i];

		buffer_add_string(b, "; ");
		add_name_list(b, reference->columns, table->name);
		buffer_add_string(b, " -> ");
		if (reference->schema.n) {
			add_name(b, reference->schema);
			buffer_add(b, ".", 1);
		}
		add_name_list(b, reference->remote_columns, reference->table);
	}
	buffer_add(b, "\n", 1);
}

void prompt_add_schema(struct buffer *b, const struct askd_catalogue *catalogue)
{
	size_t start = b->n, i = 0, listed, names;

	if (!catalogue || !catalogue->tables || !catalogue->tables[0])
		return;
	for (; catalogue->tables[i] && b->n - start < SCHEMA_BYTES; i++)
		add_table(b, catalogue->tables[i]);
	if (!catalogue->tables[i])
		goto out;
	buffer_add_string(b, "Further tables, by name only:");
	names = b->n;
	for (listed = i; catalogue->tables[i] && b->n - names < SCHEMA_NAMES; i++) {
		buffer_add_string(b, i == listed ? " " : ", ");
		add_table_name(b, catalogue->tables[i]->schema, catalogue->tables[i]->name);
	}
	for (listed = i; catalogue->tables[i];)
		i++;
	if (i > listed)
		buffer_print(b, ", and %zu more", i - listed);
out:
	while (!b->failed && b->n > start && b->s[b->n - 1] == '\n')
		b->s[--b->n] = 0;
}

static void add_statement(struct buffer *b, const struct askd_tool_call *call)
{
	json_t *arguments;
	const char *sql;

	if (!text_is(call->name, "sql"))
		return;
	arguments = json_read(call->arguments, NULL);
	sql = json_get_string(arguments, "sql");
	if (sql) {
		buffer_add_string(b, "SQL: ");
		add_line(b, askd_text_of(sql), HISTORY_TEXT);
		buffer_add(b, "\n", 1);
	}
	json_decref(arguments);
}

static void add_turn(struct buffer *b, const struct askd_llm_message *message)
{
	if (message->role == ASKD_ROLE_USER && message->text.n) {
		buffer_add_string(b, "Question: ");
		add_line(b, message->text, HISTORY_TEXT);
		buffer_add(b, "\n", 1);
	}
	if (message->role != ASKD_ROLE_ASSISTANT)
		return;
	for (size_t i = 0; message->calls && message->calls[i]; i++)
		add_statement(b, message->calls[i]);
	if (message->text.n) {
		buffer_add_string(b, "Answer: ");
		add_line(b, message->text, HISTORY_TEXT);
		buffer_add(b, "\n", 1);
	}
}

void prompt_add_history(struct buffer *b, const struct askd_task *task)
{
	size_t start = b->n, count = 0, cut;

	for (; task->history && task->history[count]; count++)
		add_turn(b, task->history[count]);
	/* The youngest matter most: what is too much goes from the beginning, by whole lines. */
	if (!b->failed && b->n - start > HISTORY_BYTES) {
		cut = b->n - HISTORY_BYTES;
		while (cut < b->n && b->s[cut - 1] != '\n')
			cut++;
		memmove(b->s + start, b->s + cut, b->n - cut + 1);
		b->n -= cut - start;
	}
	if (!b->failed && b->n > start)
		b->s[--b->n] = 0;
}

/* A cell: '|' and '\' are escaped, so that cells stay apart. */
static void add_cell(struct buffer *b, const struct askd_value *value)
{
	struct buffer cell;
	size_t from = 0;

	if (value->type <= ASKD_FLOAT) {
		add_value(b, value, CELL_BYTES);
		return;
	}
	buffer_init(&cell, 0);
	add_value(&cell, value, CELL_BYTES);
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.s[i] != '|' && cell.s[i] != '\\')
			continue;
		buffer_add(b, cell.s + from, i - from);
		buffer_add(b, "\\", 1);
		from = i;
	}
	if (cell.n > from)
		buffer_add(b, cell.s + from, cell.n - from);
	b->failed |= cell.failed;
	buffer_finish(&cell);
}

void prompt_add_table(struct buffer *b, const struct askd_task *task)
{
	const struct askd_batch *rows = task->rows;
	size_t start = b->n, shown = 0;

	if (!rows || !task->columns)
		return;
	for (size_t i = 0; task->columns[i]; i++) {
		buffer_add_string(b, i ? " | " : "");
		add_line(b, task->columns[i]->name, CELL_BYTES);
	}
	buffer_add(b, "\n", 1);
	for (; shown < rows->rows && shown < TABLE_ROWS && b->n - start < TABLE_BYTES; shown++) {
		for (size_t i = 0; i < rows->columns; i++) {
			buffer_add_string(b, i ? " | " : "");
			add_cell(b, &rows->cells[shown * rows->columns + i]);
		}
		buffer_add(b, "\n", 1);
	}
	if (!rows->rows)
		buffer_add_string(b, "(no rows)");
	else if (shown < rows->rows)
		buffer_print(b, "(%zu more rows are not shown)", rows->rows - shown);
	else if (!rows->end)
		buffer_add_string(b, "(more rows exist than were read)");
	else
		buffer_print(b, "(%zu %s in all)", shown, shown == 1 ? "row" : "rows");
}
