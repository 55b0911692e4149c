/* functions.c: SQLite asks whether to stop only between its instructions, so one call of a function
 * must not run long. printf with a wide field, and replace, instr and trim with long arguments, do:
 * here are the same functions with bounds. */
#include <limits.h>
#include <stdlib.h>

#include "sqlite.h"

enum { FIELD_MAX = 10000, POLL_STEPS = 1 << 16 };

bool functions_must_stop(sqlite3_context *context)
{
	struct connection *connection = sqlite3_user_data(context);
	if (!connection_must_stop(connection))
		return false;
	sqlite3_result_error_code(context, SQLITE_INTERRUPT);
	return true;
}

/* ---- printf ---- */

struct format {
	sqlite3_context *context;
	sqlite3_str *out;
	sqlite3_value **args;
	int count, used;
	const char *s;
};

struct field {
	char flags[8];
	size_t flag_count;
	int64_t width, precision; /* -1: absent */
};

static sqlite3_value *next_argument(struct format *f)
{
	return f->used < f->count ? f->args[f->used++] : NULL;
}

static int64_t next_integer(struct format *f)
{
	sqlite3_value *value = next_argument(f);
	return value ? sqlite3_value_int64(value) : 0;
}

static const char *next_text(struct format *f)
{
	sqlite3_value *value = next_argument(f);
	return value ? (const char *)sqlite3_value_text(value) : NULL;
}

static void add_flag(struct field *field, char flag)
{
	if (!memchr(field->flags, flag, field->flag_count) &&
	        field->flag_count < sizeof field->flags)
		field->flags[field->flag_count++] = flag;
}

static int64_t read_number(struct format *f)
{
	int64_t number = 0;
	for (; *f->s >= '0' && *f->s <= '9'; f->s++)
		number = number > FIELD_MAX ? number : number * 10 + (*f->s - '0');
	return number;
}

/* Flags, width, precision, length; leaves f->s at the conversion. */
static void read_field(struct format *f, struct field *field)
{
	memset(field, 0, sizeof *field);
	field->width = field->precision = -1;
	while (*f->s && strchr("-+ #!0,", *f->s))
		add_flag(field, *f->s++);
	if (*f->s == '*') {
		int64_t width = (int)next_integer(f);
		if (width < 0)
			add_flag(field, '-');
		field->width = width < 0 ? -width : width;
		f->s++;
	} else if (*f->s >= '1' && *f->s <= '9') {
		field->width = read_number(f);
	}
	if (*f->s == '.') {
		f->s++;
		if (*f->s == '*') {
			int64_t precision = (int)next_integer(f);
			field->precision = precision < 0 ? -precision : precision;
			f->s++;
		} else {
			field->precision = read_number(f);
		}
	}
	if (*f->s == 'l' && *++f->s == 'l')
		f->s++;
}

/* "%-10.3" and the conversion: what sqlite3_str_appendf takes. */
static void write_field(const struct field *field, const char *conversion, char out[64])
{
	int n = snprintf(out, 64, "%%%.*s", (int)field->flag_count, field->flags);
	if (field->width >= 0)
		n += snprintf(out + n, (size_t)(64 - n), "%d", (int)field->width);
	if (field->precision >= 0)
		n += snprintf(out + n, (size_t)(64 - n), ".%d", (int)field->precision);
	snprintf(out + n, (size_t)(64 - n), "%s", conversion);
}

static unsigned first_character(const char *text)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "");
	unsigned c = *s;
	if (c < 0xc0)
		return c;
	c &= c >= 0xf0 ? 7 : c >= 0xe0 ? 15 : 31;
	for (int i = 1; i < 4 && (s[i] & 0xc0) == 0x80; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* false: the text ends here, as with SQLite's own printf at a conversion that it does not know. */
static bool convert(struct format *f, const struct field *field)
{
	char spec[64], conversion[5] = "ll?";
	char c = *f->s;
	switch (c) {
	case '%':
		sqlite3_str_appendchar(f->out, 1, '%');
		break;
	case 'p':
		c = 'X';
		/* fall through */
	case 'd':
	case 'i':
	case 'u':
	case 'x':
	case 'X':
	case 'o':
	case 'r':
		conversion[2] = c;
		write_field(field, conversion, spec);
		sqlite3_str_appendf(f->out, spec, next_integer(f));
		break;
	case 'f':
	case 'e':
	case 'E':
	case 'g':
	case 'G': {
		sqlite3_value *value = next_argument(f);
		conversion[0] = c;
		conversion[1] = 0;
		write_field(field, conversion, spec);
		sqlite3_str_appendf(f->out, spec, value ? sqlite3_value_double(value) : 0.0);
		break;
	}
	case 'c':
		write_field(field, "c", spec);
		sqlite3_str_appendf(f->out, spec, first_character(next_text(f)));
		break;
	case 'z':
		c = 's';
		/* fall through */
	case 's':
	case 'q':
	case 'Q':
	case 'w':
		conversion[0] = c;
		conversion[1] = 0;
		write_field(field, conversion, spec);
		sqlite3_str_appendf(f->out, spec, next_text(f));
		break;
	case 'n':
		break;
	default:
		return false;
	}
	f->s++;
	return true;
}

static void bounded_printf(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct format f = {.context = context, .args = values + 1, .count = count - 1};
	unsigned steps = 0;
	int n;
	if (count < 1 || !(f.s = (const char *)sqlite3_value_text(values[0])))
		return;
	f.out = sqlite3_str_new(sqlite3_context_db_handle(context));
	while (*f.s && sqlite3_str_errcode(f.out) == SQLITE_OK) {
		const char *percent = strchr(f.s, '%');
		size_t plain = percent ? (size_t)(percent - f.s) : strlen(f.s);
		struct field field;
		if (plain)
			sqlite3_str_append(f.out, f.s, plain > INT_MAX ? INT_MAX : (int)plain);
		if (!percent)
			break;
		f.s = percent + 1;
		if (!*f.s) {
			sqlite3_str_appendchar(f.out, 1, '%');
			break;
		}
		read_field(&f, &field);
		if (field.width > FIELD_MAX || field.precision > FIELD_MAX) {
			sqlite3_result_error(
			        context, "printf: a field is wider than 10000 characters", -1);
			sqlite3_free(sqlite3_str_finish(f.out));
			return;
		}
		if (!*f.s || !convert(&f, &field))
			break;
		if (++steps % 1024 == 0 && functions_must_stop(context)) {
			sqlite3_free(sqlite3_str_finish(f.out));
			return;
		}
	}
	n = sqlite3_str_errcode(f.out);
	if (n != SQLITE_OK) {
		sqlite3_free(sqlite3_str_finish(f.out));
		if (n == SQLITE_TOOBIG)
			sqlite3_result_error_toobig(context);
		else
			sqlite3_result_error_nomem(context);
		return;
	}
	n = sqlite3_str_length(f.out); /* 0: the result is NULL, as with SQLite's own */
	sqlite3_result_text(context, sqlite3_str_finish(f.out), n, sqlite3_free);
}

/* ---- instr and replace: memmem() is linear, SQLite's search is not ---- */

static void linear_instr(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *text, *part, *found;
	size_t text_n, part_n;
	int64_t position = 1;
	bool bytes = sqlite3_value_type(values[0]) == SQLITE_BLOB &&
	             sqlite3_value_type(values[1]) == SQLITE_BLOB;
	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
	        sqlite3_value_type(values[1]) == SQLITE_NULL)
		return;
	text = bytes ? sqlite3_value_blob(values[0]) : (const void *)sqlite3_value_text(values[0]);
	part = bytes ? sqlite3_value_blob(values[1]) : (const void *)sqlite3_value_text(values[1]);
	text_n = (size_t)sqlite3_value_bytes(values[0]);
	part_n = (size_t)sqlite3_value_bytes(values[1]);
	if (!part_n) {
		sqlite3_result_int(context, 1);
		return;
	}
	if (!part || (text_n && !text)) {
		sqlite3_result_error_nomem(context);
		return;
	}
	found = text_n ? memmem(text, text_n, part, part_n) : NULL;
	if (!found) {
		sqlite3_result_int(context, 0);
		return;
	}
	for (const char *s = text; s < found; s++)
		position += bytes || (s[0] & 0xc0) != 0x80;
	sqlite3_result_int64(context, position);
}

static void linear_replace(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *text = (const char *)sqlite3_value_text(values[0]), *old, *new, *found, *end;
	size_t text_n = (size_t)sqlite3_value_bytes(values[0]), old_n, new_n;
	sqlite3_str *out;
	int rc, n;
	(void)count;
	if (!text || !(old = (const char *)sqlite3_value_text(values[1])))
		return;
	if (!*old) {
		sqlite3_result_value(context, values[0]);
		return;
	}
	old_n = (size_t)sqlite3_value_bytes(values[1]);
	if (!(new = (const char *)sqlite3_value_text(values[2])))
		return;
	new_n = (size_t)sqlite3_value_bytes(values[2]);
	end = text + text_n;
	out = sqlite3_str_new(sqlite3_context_db_handle(context));
	while (sqlite3_str_errcode(out) == SQLITE_OK &&
	        (found = memmem(text, (size_t)(end - text), old, old_n))) {
		sqlite3_str_append(out, text, (int)(found - text));
		sqlite3_str_append(out, new, (int)new_n);
		text = found + old_n;
	}
	sqlite3_str_append(out, text, (int)(end - text));
	rc = sqlite3_str_errcode(out);
	n = sqlite3_str_length(out);
	if (rc == SQLITE_TOOBIG)
		sqlite3_result_error_toobig(context);
	else if (rc != SQLITE_OK)
		sqlite3_result_error_nomem(context);
	else if (!n)
		sqlite3_result_text(context, "", 0, SQLITE_STATIC);
	else
		sqlite3_result_text(context, sqlite3_str_value(out), n, SQLITE_TRANSIENT);
	sqlite3_free(sqlite3_str_finish(out));
}

/* ---- trim: every character against every character of a set ---- */

static size_t character_length(const char *s, const char *end)
{
	size_t n = 1;
	if ((unsigned char)*s >= 0xc0)
		while (s + n < end && ((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	return n;
}

/* The length of a character of the set that stands at the front or the back of the text; 0: none.
 * -1: has to stop. */
static int64_t find_at(sqlite3_context *context, const char *text, size_t n, const char *set,
        size_t set_n, bool back, uint64_t *steps)
{
	const char *end = set + set_n;
	for (const char *s = set; s < end;) {
		size_t size = character_length(s, end);
		if (size <= n && !memcmp(back ? text + n - size : text, s, size))
			return (int64_t)size;
		s += size;
		if (++*steps % POLL_STEPS == 0 && functions_must_stop(context))
			return -1;
	}
	return 0;
}

static void bounded_trim(
        sqlite3_context *context, int count, sqlite3_value **values, bool front, bool back)
{
	const char *text = (const char *)sqlite3_value_text(values[0]), *set = " ";
	size_t n = (size_t)sqlite3_value_bytes(values[0]), set_n = 1;
	uint64_t steps = 0;
	int64_t size = 0;
	if (!text)
		return;
	if (count == 2) {
		set = (const char *)sqlite3_value_text(values[1]);
		if (!set)
			return;
		set_n = (size_t)sqlite3_value_bytes(values[1]);
	}
	while (front && n && (size = find_at(context, text, n, set, set_n, false, &steps)) > 0) {
		text += size;
		n -= (size_t)size;
	}
	while (size >= 0 && back && n &&
	        (size = find_at(context, text, n, set, set_n, true, &steps)) > 0)
		n -= (size_t)size;
	if (size >= 0)
		sqlite3_result_text(context, text, (int)n, SQLITE_TRANSIENT);
}

static void bounded_both(sqlite3_context *context, int count, sqlite3_value **values)
{
	bounded_trim(context, count, values, true, true);
}

static void bounded_left(sqlite3_context *context, int count, sqlite3_value **values)
{
	bounded_trim(context, count, values, true, false);
}

static void bounded_right(sqlite3_context *context, int count, sqlite3_value **values)
{
	bounded_trim(context, count, values, false, true);
}

int functions_install(struct connection *connection)
{
	static const struct {
		const char *name;
		int count;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} list[] = {{"printf", -1, bounded_printf}, {"format", -1, bounded_printf},
	        {"instr", 2, linear_instr}, {"replace", 3, linear_replace},
	        {"trim", 1, bounded_both}, {"trim", 2, bounded_both}, {"ltrim", 1, bounded_left},
	        {"ltrim", 2, bounded_left}, {"rtrim", 1, bounded_right},
	        {"rtrim", 2, bounded_right}};
	int rc = SQLITE_OK;
	for (size_t i = 0; rc == SQLITE_OK && i < sizeof list / sizeof *list; i++)
		rc = sqlite3_create_function_v2(connection->db, list[i].name, list[i].count,
		        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, connection,
		        list[i].function, NULL, NULL, NULL);
	return rc;
}
