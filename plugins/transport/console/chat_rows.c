/* chat_rows.c: /tables and /csv. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chat.h"
#include "table.h"

enum { EVERY_ROW = 10000 };

static const char *text_at(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static const char *say(const struct chat *chat, const char *text)
{
	return page_say(&chat->voice, text, NULL);
}

/* ---- /tables --------------------------------------------------------------------------------- */

static const json_t *find_table(const json_t *tables, const char *name)
{
	const json_t *table;
	size_t i;

	json_array_foreach(tables, i, table)
	{
		const char *its = text_at(table, "name"), *schema = text_at(table, "schema");
		size_t n = schema ? strlen(schema) : 0;

		if (its && (!strcasecmp(its, name) ||
		                   (n && !strncasecmp(schema, name, n) && name[n] == '.' &&
		                           !strcasecmp(name + n + 1, its))))
			return table;
	}
	return NULL;
}

/* Where a column leads to: "customers.id"; NULL: nowhere. */
static json_t *target_of(const json_t *table, const char *column)
{
	const json_t *references = json_object_get(table, "references"), *reference;
	size_t i;

	json_array_foreach(references, i, reference)
	{
		const json_t *columns = json_object_get(reference, "columns"), *name;
		size_t k;

		json_array_foreach(columns, k, name)
		{
			const char *remote = json_string_value(
			        json_array_get(json_object_get(reference, "remote"), k));

			if (json_string_value(name) && !strcmp(json_string_value(name), column))
				return json_sprintf("-> %s%s%s", text_at(reference, "table"),
				        remote ? "." : "", remote ? remote : "");
		}
	}
	return NULL;
}

static json_t *columns_of(const struct chat *chat, const json_t *table)
{
	json_t *rows = json_array();
	const json_t *columns = json_object_get(table, "columns"), *column;
	size_t i;

	json_array_foreach(columns, i, column)
	{
		const char *name = text_at(column, "name"), *key = text_at(column, "key");
		const char *type = text_at(column, "type"), *comment = text_at(column, "comment");
		json_t *target = name ? target_of(table, name) : NULL;
		const char *leads = json_string_value(target);
		const char *must = json_is_true(json_object_get(column, "nullable"))
		                           ? ""
		                           : say(chat, "always there");

		json_array_append_new(
		        rows, json_pack("[s?,s,s++,s,s]", name, type ? type : "",
		                      key ? say(chat, key) : "", key && leads ? " " : "",
		                      leads ? leads : "", must, comment ? comment : ""));
		json_decref(target);
	}
	return rows;
}

static json_t *list_of(const json_t *tables)
{
	json_t *rows = json_array();
	const json_t *table;
	size_t i;

	json_array_foreach(tables, i, table)
	{
		const json_t *columns = json_object_get(table, "columns"), *column;
		const char *schema = text_at(table, "schema"), *name = text_at(table, "name");
		json_int_t estimate = json_integer_value(json_object_get(table, "rows"));
		struct screen names = {0};
		size_t k;

		json_array_foreach(columns, k, column)
		{
			screen_raw(&names, k ? ", " : "");
			screen_raw(&names, text_at(column, "name") ? text_at(column, "name") : "?");
		}
		json_array_append_new(rows,
		        json_pack("[s++,s?,o,s?]", schema ? schema : "", schema ? "." : "",
		                name ? name : "?", text_at(table, "kind"),
		                estimate < 0 ? json_null() : json_integer(estimate), names.s));
		screen_finish(&names);
	}
	return rows;
}

static void no_table(struct chat *chat, const json_t *tables, const char *name)
{
	const char **names = calloc(json_array_size(tables) + 1, sizeof *names), *nearest = NULL;
	const json_t *table;
	size_t i, n = 0;

	json_array_foreach(tables, i, table)
	{
		if (names && text_at(table, "name"))
			names[n++] = text_at(table, "name");
	}
	if (names)
		nearest = arguments_nearest(name, names);
	free(names);
	chat_tell(chat,
	        nearest ? page_say(&chat->voice,
	                          "There is no table {name}. Did you mean {nearest}?", "*name",
	                          name, "*nearest", nearest, NULL)
	                : page_say(&chat->voice, "There is no table {name}; /tables lists them.",
	                          "*name", name, NULL));
}

void chat_show_tables(struct chat *chat, const char *rest)
{
	const json_t *tables, *table = NULL;
	json_t *columns, *rows;
	struct screen page;

	if (!chat->database[0]) {
		chat_tell(
		        chat, say(chat, "No database is chosen yet. Ask a question first, or leave "
		                        "and come back with: askd chat -d DATABASE"));
		return;
	}
	tables = chat_tables(chat, true);
	if (!tables)
		return;
	if (*rest && !(table = find_table(tables, rest))) {
		no_table(chat, tables, rest);
		return;
	}
	columns = table ? json_pack("[s,s,s,s,s]", say(chat, "column"), say(chat, "type"),
	                          say(chat, "key"), say(chat, "value"), say(chat, "meaning"))
	                : json_pack("[s,s,s,s]", say(chat, "table"), say(chat, "kind"),
	                          say(chat, "rows"), say(chat, "columns"));
	rows = table ? columns_of(chat, table) : list_of(tables);
	screen_init(&page, chat->out);
	table_drop_empty(columns, rows);
	table_print(&page, &chat->voice, columns, rows, EVERY_ROW, "... and {rows} more.");
	chat_show(chat, &page);
	json_decref(columns);
	json_decref(rows);
}

/* ---- /csv ------------------------------------------------------------------------------------ */

static void csv_cell(struct screen *page, const json_t *cell)
{
	char small[64], *dump = NULL;
	const char *s;
	size_t n;

	if (json_is_object(cell) || json_is_array(cell)) {
		s = dump = json_dumps(cell, JSON_COMPACT);
		n = s ? strlen(s) : 0;
	} else {
		s = table_text(cell, small, &n);
		/* A number with all that matters of it. */
		if (json_is_real(cell) && strtod(small, NULL) != json_real_value(cell))
			n = (size_t)snprintf(small, sizeof small, "%.17g", json_real_value(cell));
	}
	if (n && (memchr(s, ',', n) || memchr(s, '"', n) || memchr(s, '\n', n) ||
	                 memchr(s, '\r', n))) {
		screen_raw(page, "\"");
		for (size_t i = 0; i < n; i++) {
			screen_bytes(page, s + i, 1);
			if (s[i] == '"')
				screen_raw(page, "\"");
		}
		screen_raw(page, "\"");
	} else if (n) {
		screen_bytes(page, s, n);
	}
	free(dump);
}

static void csv_line(struct screen *page, const json_t *cells)
{
	const json_t *cell;
	size_t i;

	json_array_foreach(cells, i, cell)
	{
		screen_raw(page, i ? "," : "");
		csv_cell(page, cell);
	}
	screen_raw(page, "\r\n");
}

/* false: errno says why. */
static bool write_file(const char *path, int flags, const struct screen *page)
{
	int fd = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	size_t at = 0;

	if (fd < 0)
		return false;
	while (at < page->n) {
		ssize_t done = write(fd, page->s + at, page->n - at);

		if (done < 0 && errno != EINTR)
			break;
		at += done > 0 ? (size_t)done : 0;
	}
	if (at < page->n) {
		int e = errno;

		close(fd);
		errno = e;
		return false;
	}
	return !close(fd);
}

/* "~/x" is in the home folder. */
static void path_of(const char *rest, char *path, size_t size)
{
	const char *home = getenv("HOME");

	snprintf(path, size, "%s%s", rest[0] == '~' && rest[1] == '/' && home ? home : "",
	        rest[0] == '~' && rest[1] == '/' && home ? rest + 1 : rest);
}

static void save_csv(struct chat *chat, const char *rest, const struct screen *page, size_t rows)
{
	char path[4096], number[24];
	bool good;

	path_of(rest, path, sizeof path);
	snprintf(number, sizeof number, "%zu", rows);
	good = write_file(path, O_EXCL, page);
	if (!good && errno == EEXIST) {
		if (!chat_confirm(chat,
		            page_say(&chat->voice, "{path} is there already. Replace it?", "*path",
		                    path, NULL),
		            false)) {
			chat_tell(chat, page_say(&chat->voice, "{path} was left as it is.", "*path",
			                        path, NULL));
			return;
		}
		good = write_file(path, O_TRUNC, page);
	}
	if (good)
		chat_tell(chat, page_say(&chat->voice, "Rows written to {path}: {rows}", "*rows",
		                        number, "*path", path, NULL));
	else
		chat_complain(chat, page_say(&chat->voice, "{path} could not be written: {reason}",
		                            "*path", path, "*reason", strerror(errno), NULL));
}

void chat_show_csv(struct chat *chat, const char *rest)
{
	const json_t *columns = json_object_get(chat->last, "columns"), *cells;
	const json_t *data = json_object_get(chat->last, "data");
	struct screen page, shown;
	size_t i;

	if (!chat_has_answer(chat))
		return;
	if (!json_array_size(columns)) {
		chat_tell(chat, say(chat, "The last answer came without rows."));
		return;
	}
	screen_init(&page, chat->out);
	csv_line(&page, columns);
	json_array_foreach(data, i, cells)
	{
		csv_line(&page, cells);
	}
	if (page.failed) {
		chat_complain(chat, say(chat, "there is no memory for it"));
	} else if (*rest) {
		save_csv(chat, rest, &page, json_array_size(data));
	} else if (page.terminal) {
		/* What a program reads goes out as it is; a terminal is protected. */
		screen_init(&shown, chat->out);
		for (const char *line = page.s, *end; *line; line = end + 2) {
			end = strstr(line, "\r\n");
			screen_text(&shown, line, (size_t)(end - line), true, 0);
			screen_raw(&shown, "\n");
		}
		chat_show(chat, &shown);
	} else {
		chat_show(chat, &page);
		return;
	}
	screen_finish(&page);
}
