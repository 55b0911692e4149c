/* prompt.c: a prompt's text with its names filled in. */
#include <strings.h>

#include "assistant/prompt_parts.h"
#include "base/error.h"

enum prompt_name {
	NAME_QUESTION,
	NAME_LANGUAGE,
	NAME_ZONE,
	NAME_TODAY,
	NAME_DIALECT,
	NAME_SCHEMA,
	NAME_HISTORY,
	NAME_SQL,
	NAME_PROBLEM,
	NAME_FACTS,
	NAME_TABLE,
	NAME_REPLY_SCHEMA,
	NAME_COUNT
};
static const char *const names[] = {"question", "language", "zone", "today", "dialect", "schema",
        "history", "sql", "problem", "facts", "table", "reply_schema", NULL};
static const char separator[] = "--- user";

enum { NAME_MAX = 32, PROMPT_BYTES = 4 << 20 };

/* Tags that the bundled prompts put around data: a value cannot close them. */
static const char *const tags[] = {"question", "history", "schema", "sql", "problem", "facts",
        "rows", "table", "system", "user", NULL};

static int name_index(const char *s, size_t n)
{
	for (int i = 0; names[i]; i++)
		if (!strncmp(names[i], s, n) && !names[i][n])
			return i;
	return -1;
}

/* The line "--- user": its start and what follows it. */
static bool find_separator(const char *prompt, const char **at, const char **after)
{
	for (const char *line = prompt; line && *line;) {
		const char *end = strchrnul(line, '\n');
		size_t n = (size_t)(end - line);

		while (n && (line[n - 1] == ' ' || line[n - 1] == '\r' || line[n - 1] == '\t'))
			n--;
		if (n == sizeof separator - 1 && !memcmp(line, separator, n)) {
			*at = line;
			*after = *end ? end + 1 : end;
			return true;
		}
		line = *end ? end + 1 : NULL;
	}
	return false;
}

int32_t prompt_check(const char *name, const char *prompt, struct askd_error *reterr)
{
	const char *at, *after;

	if (!text_is_valid(prompt, strlen(prompt)))
		return askd_fail(reterr, ASKD_E_CONFIG, "prompt %s: is not valid UTF-8", name);
	if (!find_separator(prompt, &at, &after))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "prompt %s: has no line '--- user', which separates the system message "
		        "from "
		        "the user's",
		        name);
	if (find_separator(after, &(const char *){NULL}, &(const char *){NULL}))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "prompt %s: has the line '--- user' twice, expected it once", name);
	for (const char *p = prompt; *p; p++) {
		const char *end;
		char found[NAME_MAX];
		const char *nearest;
		unsigned line = 1;

		if (*p != '{')
			continue;
		if (p[1] == '{') {
			p++;
			continue;
		}
		for (const char *q = prompt; q < p; q++)
			line += *q == '\n';
		end = strpbrk(p + 1, "{}\n");
		if (!end || *end != '}')
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "prompt %s, line %u: '{' begins a name, but no '}' follows it; "
			        "write "
			        "'{{' for a brace",
			        name, line);
		if (name_index(p + 1, (size_t)(end - p - 1)) < 0) {
			snprintf(found, sizeof found, "%.*s",
			        (int)(end - p - 1 < NAME_MAX - 1 ? end - p - 1 : NAME_MAX - 1),
			        p + 1);
			nearest = text_nearest(found, names);
			return askd_fail(reterr, ASKD_E_CONFIG,
			        "prompt %s, line %u: unknown name {%s}%s%s%s; known are question, "
			        "language, zone, today, dialect, schema, history, sql, problem, "
			        "facts, "
			        "table, reply_schema",
			        name, line, found, nearest ? ", did you mean {" : "",
			        nearest ? nearest : "", nearest ? "}?" : "");
		}
		p = end;
	}
	return ASKD_OK;
}

/* Does one of the tags begin at s? */
static bool is_tag(const char *s, const char *end)
{
	for (int t = 0; tags[t]; t++) {
		size_t n = strlen(tags[t]);

		if ((size_t)(end - s) >= n && !strncasecmp(s, tags[t], n))
			return true;
	}
	return false;
}

/* Appends a value that cannot close the tags around it. */
static void add_inert(struct buffer *b, struct askd_text value)
{
	const char *from = value.s, *end = value.s + value.n, *s = from;

	while ((s = memchr(s, '<', (size_t)(end - s)))) {
		const char *slash = s + 1;

		while (slash < end && *slash == ' ')
			slash++;
		if (slash < end && *slash == '/' && is_tag(slash + 1, end)) {
			buffer_add(b, from, (size_t)(s - from));
			buffer_add_string(b, "&lt;");
			from = s + 1;
		}
		s++;
	}
	buffer_add(b, from, (size_t)(end - from));
}

/* One paragraph; left out when it has names and all of them are empty. */
static void add_paragraph(
        struct buffer *b, const char *s, const char *end, const struct askd_text *values)
{
	size_t start = b->n;
	bool named = false, filled = false;
	const char *open;

	if (b->n)
		buffer_add_string(b, "\n\n");
	while ((open = memchr(s, '{', (size_t)(end - s)))) {
		const char *close = NULL;
		int index = -1;

		buffer_add(b, s, (size_t)(open - s));
		if (open + 1 < end && open[1] != '{')
			close = memchr(open, '}', (size_t)(end - open));
		if (close)
			index = name_index(open + 1, (size_t)(close - open - 1));
		if (index < 0) { /* "{{", or a brace that is none of ours */
			buffer_add(b, open, 1);
			s = open + 1 + (open + 1 < end && open[1] == '{');
			continue;
		}
		named = true;
		if (values[index].n) {
			filled = true;
			add_inert(b, values[index]);
		}
		s = close + 1;
	}
	buffer_add(b, s, (size_t)(end - s));
	if (named && !filled && !b->failed) {
		b->n = start;
		if (b->s)
			b->s[start] = 0;
	}
}

/* Is the line that begins at s blank? *next: behind it. */
static bool line_is_blank(const char *s, const char *end, const char **next)
{
	const char *stop = memchr(s, '\n', (size_t)(end - s));

	*next = stop ? stop + 1 : end;
	while (s < *next && (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n'))
		s++;
	return s == *next;
}

static void add_part(
        struct buffer *b, const char *s, const char *end, const struct askd_text *values)
{
	while (s < end) {
		const char *next, *stop;

		if (line_is_blank(s, end, &next)) {
			s = next;
			continue;
		}
		for (stop = next; stop < end && !line_is_blank(stop, end, &next);)
			stop = next;
		next = stop;
		while (stop > s && (stop[-1] == '\n' || stop[-1] == '\r'))
			stop--;
		add_paragraph(b, s, stop, values);
		s = next;
	}
}

/* Takes what the buffer holds into the arena and empties it; a failure stays in the buffer. */
static bool keep(struct arena *a, struct buffer *b, struct askd_text *text)
{
	*text = arena_text(a, buffer_text(b));
	if (!b->failed)
		buffer_clear(b);
	return text->s != NULL;
}

/* Why the buffer or the arena took no more. */
static int32_t shortage(const struct buffer *b, struct askd_error *reterr)
{
	if (b->failed && b->n > PROMPT_BYTES / 2)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "the prompt is longer than %d bytes",
		        PROMPT_BYTES);
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the prompt of a stage");
}

static bool collect(struct arena *a, struct buffer *b, const struct askd_task *task,
        struct askd_text reply_schema, const char *dialect_hint, struct askd_text *values)
{
	const struct askd_catalogue *catalogue = task->catalogue;
	bool ok;

	values[NAME_QUESTION] = task->question;
	values[NAME_LANGUAGE] = task->language;
	values[NAME_ZONE] = task->zone.n ? task->zone : ASKD_LITERAL("UTC");
	values[NAME_SQL] = task->sql;
	values[NAME_FACTS] = task->facts;
	values[NAME_REPLY_SCHEMA] = reply_schema;
	prompt_add_today(b, task->now_us, task->zone);
	ok = keep(a, b, &values[NAME_TODAY]);
	if (dialect_hint)
		buffer_add_string(b, dialect_hint);
	else if (catalogue)
		buffer_add_text(b, catalogue->dialect);
	ok = keep(a, b, &values[NAME_DIALECT]) && ok;
	prompt_add_schema(b, catalogue);
	ok = keep(a, b, &values[NAME_SCHEMA]) && ok;
	prompt_add_history(b, task);
	ok = keep(a, b, &values[NAME_HISTORY]) && ok;
	prompt_add_table(b, task);
	ok = keep(a, b, &values[NAME_TABLE]) && ok;
	buffer_add_text(b, task->problem);
	if (task->detail.n) {
		buffer_add_string(b, task->problem.n ? "\nThe database says: " : "");
		buffer_add_text(b, task->detail);
	}
	return keep(a, b, &values[NAME_PROBLEM]) && ok;
}

int32_t prompt_render(struct arena *a, const char *prompt, const struct askd_task *task,
        struct askd_text reply_schema, const char *dialect_hint, int64_t egress,
        const struct askd_llm_message *const **messages, struct askd_error *reterr)
{
	const struct askd_llm_message **list = arena_zalloc(a, 3 * sizeof(void *));
	struct askd_llm_message *made = arena_zalloc(a, 2 * sizeof *made);
	struct askd_text values[NAME_COUNT] = {{NULL, 0}};
	const char *at, *after;
	const struct askd_task *allowed;
	struct arena parts; /* what is filled in: not kept while the model thinks */
	struct buffer b;
	int32_t rc = prompt_filter(a, task, egress, &allowed, reterr);

	if (rc)
		return rc;
	if (!find_separator(prompt, &at, &after))
		return askd_fail(reterr, ASKD_E_CONFIG, "a prompt has no line '--- user'");
	buffer_init(&b, PROMPT_BYTES);
	arena_init(&parts, a->limit);
	if (!list || !made || !collect(&parts, &b, allowed, reply_schema, dialect_hint, values)) {
		rc = shortage(&b, reterr);
		goto out;
	}
	for (int i = 0, count = 0; i < 2; i++) {
		add_part(&b, i ? after : prompt, i ? after + strlen(after) : at, values);
		if (!b.failed && !b.n)
			continue;
		made[i].size = sizeof made[i];
		made[i].role = i ? ASKD_ROLE_USER : ASKD_ROLE_SYSTEM;
		if (!keep(a, &b, &made[i].text)) {
			rc = shortage(&b, reterr);
			goto out;
		}
		list[count++] = &made[i];
	}
	*messages = list;
out:
	arena_finish(&parts);
	buffer_finish(&b);
	return rc;
}
