/* template_name: a driver for a text file: one table, `lines(number, text)`, and one statement. */
#include <errno.h>
#include <stdlib.h>

#include <askd/database.h>

struct template_name {
	const char *path;
};

struct connection {
	const struct template_name *instance;
	uint32_t interrupted; /* set from any thread, cleared by reset */
	uint32_t reserved;
};

struct cursor {
	struct connection *connection;
	FILE *file;
	char *line;
	size_t room;
	int64_t number;
	struct askd_value cells[2];
};

ASKD_QUIET static const struct askd_option options[] = {
        {.name = "path",
                .help = "the file",
                .max = 4000,
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct template_name, path)},
        {.name = NULL},
};
ASKD_LOUD

ASKD_MAKE(static const struct askd_db_column, number_column, .type = ASKD_INT,
        .key = ASKD_KEY_PRIMARY, .name = {"number", 6}, .type_name = {"integer", 7});
ASKD_MAKE(static const struct askd_db_column, text_column, .type = ASKD_TEXT, .name = {"text", 4},
        .type_name = {"text", 4});
static const struct askd_db_column *const columns[] = {&number_column, &text_column, NULL};

/* The language, as data: the host's SQL gate works from it. */
static const char *const first_words[] = {"select", NULL};
static const char *const functions[] = {NULL};
ASKD_MAKE(static const struct askd_dialect, dialect, .parameters = ASKD_PARAM_QUESTION,
        .limit = ASKD_LIMIT_LIMIT, .name = "template_name", .schemes = "template_name",
        .quote = "\"\"", .strings = "", .comments = "--", .first_words = first_words,
        .functions = functions);

ASKD_DEFINE(template_name_connect, askd_db_connect, askd_object)
{
	const struct template_name *mine = (const struct template_name *)self;
	struct connection *connection;
	FILE *file = fopen(mine->path, "re");

	if (in->flags & ASKD_DB_WRITE) {
		if (file)
			fclose(file);
		return askd_fail(reterr, ASKD_E_UNSUPPORTED, "this driver only reads");
	}
	if (!file)
		return askd_fail(reterr, errno == ENOENT ? ASKD_E_NOT_FOUND : ASKD_E_IO, "%s: %s",
		        mine->path, strerror(errno));
	fclose(file);
	connection = (struct connection *)calloc(1, sizeof *connection);
	if (!connection)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a connection");
	connection->instance = mine;
	out->handle = connection;
	return ASKD_OK;
}

ASKD_DEFINE(template_name_describe, askd_db_describe, askd_nothing)
{
	ASKD_MAKE(struct askd_db_table, table, .kind = ASKD_TABLE, .rows = -1, .name = {"lines", 5},
	        .columns = columns);

	if (in->table.s && !askd_equal(in->table, table.name))
		return ASKD_OK;
	return in->tables->put(in->tables, &table);
}

ASKD_DEFINE(template_name_query, askd_db_query, askd_db_result)
{
	struct connection *connection = (struct connection *)self;
	struct cursor *cursor;

	if (!askd_equal(in->sql, ASKD_LITERAL("select number, text from lines"))) {
		int32_t rc =
		        askd_fail(reterr, ASKD_E_STATEMENT, "only: select number, text from lines");
		if (reterr) {
			reterr->position = 1;
			snprintf(reterr->native, sizeof reterr->native, "SYNTAX");
		}
		return rc;
	}
	cursor = (struct cursor *)calloc(1, sizeof *cursor);
	if (!cursor)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a cursor");
	cursor->connection = connection;
	cursor->file = fopen(connection->instance->path, "re");
	if (!cursor->file) {
		free(cursor);
		return askd_fail(reterr, ASKD_E_IO, "the file is gone: %s", strerror(errno));
	}
	out->cursor = cursor;
	out->columns = columns;
	return ASKD_OK;
}

/* One row a batch keeps the example short; a real driver fills in->max_rows. */
ASKD_DEFINE(template_name_next, askd_db_fetch, askd_batch)
{
	struct cursor *cursor = (struct cursor *)self;
	ssize_t n;

	if (askd_canceled(call) ||
	        __atomic_load_n(&cursor->connection->interrupted, __ATOMIC_ACQUIRE))
		return askd_fail(reterr, ASKD_E_CANCELED, "interrupted");
	out->columns = 2;
	out->affected = -1;
	n = getline(&cursor->line, &cursor->room, cursor->file);
	if (n < 0) {
		out->end = 1;
		return ASKD_OK;
	}
	if (n && cursor->line[n - 1] == '\n')
		cursor->line[--n] = 0;
	cursor->cells[0].type = ASKD_INT;
	cursor->cells[0].u.i = ++cursor->number;
	cursor->cells[1].type = ASKD_TEXT;
	cursor->cells[1].flags = 0;
	if (in->max_value && (uint64_t)n > in->max_value) {
		n = (ssize_t)in->max_value;
		while (n && ((unsigned char)cursor->line[n] & 0xc0) == 0x80)
			n--; /* cut at a character's end */
		cursor->line[n] = 0;
		cursor->cells[1].flags = ASKD_CUT;
	}
	cursor->cells[1].len = (uint32_t)n;
	cursor->cells[1].u.s = cursor->line;
	out->rows = 1;
	out->cells = cursor->cells;
	return ASKD_OK;
}

ASKD_DEFINE(template_name_finish, askd_nothing, askd_nothing)
{
	struct cursor *cursor = (struct cursor *)self;

	fclose(cursor->file);
	free(cursor->line);
	free(cursor);
	return ASKD_OK;
}

ASKD_DEFINE(template_name_interrupt, askd_nothing, askd_nothing)
{
	__atomic_store_n(&((struct connection *)self)->interrupted, 1, __ATOMIC_RELEASE);
	return ASKD_OK;
}

ASKD_DEFINE(template_name_reset, askd_nothing, askd_nothing)
{
	__atomic_store_n(&((struct connection *)self)->interrupted, 0, __ATOMIC_RELEASE);
	return ASKD_OK;
}

ASKD_DEFINE(template_name_disconnect, askd_nothing, askd_nothing)
{
	free(self);
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_database_iface, iface, .dialect = &dialect,
        .connect = template_name_connect, .describe = template_name_describe,
        .query = template_name_query, .next = template_name_next, .finish = template_name_finish,
        .interrupt = template_name_interrupt, .reset = template_name_reset,
        .disconnect = template_name_disconnect);

ASKD_PLUGIN(.kind = ASKD_KIND_DATABASE, .name = "template_name", .version = "0.1.0",
        .summary = "the lines of a text file", .license = "MIT", .options = options,
        .instance_size = sizeof(struct template_name), .flags = ASKD_CONCURRENT, .iface = &iface);
