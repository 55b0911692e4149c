/* chat_complete.c: which names could a person mean? */
#include <ctype.h>
#include <strings.h>

#include "chat.h"

enum { WORDS_MOST = 200 };

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void add(json_t *words, const char *word, const char *typed, size_t n)
{
	size_t i;
	json_t *known;

	if (!word || strncasecmp(word, typed, n) != 0 || json_array_size(words) >= WORDS_MOST)
		return;
	json_array_foreach(words, i, known)
	{
		if (!strcmp(json_string_value(known), word))
			return;
	}
	json_array_append_new(words, json_string(word));
}

static void add_columns(json_t *words, const json_t *table, const char *typed, size_t n)
{
	const json_t *column;
	size_t i;

	json_array_foreach(json_object_get(table, "columns"), i, column)
	{
		add(words, json_string_value(json_object_get(column, "name")), typed, n);
	}
}

/* Is the name a word of the text? */
static bool mentions(const char *text, size_t length, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0, end; at < length; at = end + (end == at)) {
		for (end = at; end < length && in_name(text[end]); end++)
			;
		if (n && end - at == n && !strncasecmp(text + at, name, n))
			return true;
	}
	return false;
}

bool chat_complete_needs_tables(const char *line)
{
	return line[0] != '/' || strchr(line, ' ');
}

json_t *chat_complete(const json_t *tables, const char *line, size_t *start)
{
	json_t *words = json_array();
	size_t length = strlen(line), i, n;
	const json_t *table;

	*start = length;
	while (*start && in_name(line[*start - 1]))
		--*start;
	if (*start == 1 && line[0] == '/')
		*start = 0; /* the slash belongs to the command */
	n = length - *start;
	if (line[0] == '/' && !*start) {
		for (const char *const *name = chat_command_names; *name; name++)
			add(words, *name, line, n);
		return words;
	}
	json_array_foreach(tables, i, table)
	{
		const char *name = json_string_value(json_object_get(table, "name"));
		size_t before = name ? strlen(name) : 0;

		/* "orders.to": a column of orders and nothing else. */
		if (name && *start > before && line[*start - 1] == '.' &&
		        !strncasecmp(line + *start - 1 - before, name, before) &&
		        (*start - 1 == before || !in_name(line[*start - 2 - before]))) {
			json_array_clear(words);
			add_columns(words, table, line + *start, n);
			return words;
		}
		add(words, name, line + *start, n);
		if (name && mentions(line, *start, name))
			add_columns(words, table, line + *start, n);
	}
	return words;
}
