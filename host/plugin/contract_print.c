/* contract_print.c: a message as one line of JSON, for recordings and traces, without what must not
 * be kept. */
#include <string.h>

#include "base/json.h"
#include "plugin/contract.h"

struct printer {
	struct buffer *b;
	enum contract_privacy keep;
	uint64_t (*ordinal)(void *arg, const void *object);
	void *arg;
};

static const char hex[] = "0123456789abcdef";

static void print_bytes(struct buffer *b, const unsigned char *p, size_t n)
{
	buffer_add(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		char two[2] = {hex[p[i] >> 4], hex[p[i] & 15]};
		buffer_add(b, two, 2);
	}
	buffer_add(b, "\"", 1);
}

/* The type stands beside the value, since a recording must tell 1 from "1". */
static void print_cells(struct buffer *b, const struct askd_value *cells, uint64_t n)
{
	buffer_add(b, "[", 1);
	for (uint64_t i = 0; cells && i < n; i++) {
		buffer_print(b, "%s[%u,", i ? "," : "", (unsigned)cells[i].type);
		json_add_value(b, &cells[i]);
		buffer_add_string(b, cells[i].flags & ASKD_CUT ? ",true]" : "]");
	}
	buffer_add(b, "]", 1);
}

static void print_integer(struct buffer *b, const void *at, uint32_t length)
{
	uint16_t u16;
	int32_t i32;
	int64_t i64;
	if (length == sizeof u16) {
		memcpy(&u16, at, sizeof u16);
		buffer_print(b, "%u", u16);
	} else if (length == sizeof i32) {
		memcpy(&i32, at, sizeof i32);
		buffer_print(b, "%d", i32);
	} else {
		memcpy(&i64, at, sizeof i64);
		buffer_print(b, "%lld", (long long)i64);
	}
}

static void print_struct(
        const struct printer *p, const struct contract_struct *type, const void *message);

static void print_list(
        const struct printer *p, const struct contract_struct *type, const void *const *list)
{
	buffer_add(p->b, "[", 1);
	for (size_t i = 0; list && list[i]; i++) {
		buffer_add_string(p->b, i ? "," : "");
		print_struct(p, type, list[i]);
	}
	buffer_add(p->b, "]", 1);
}

/* Is there anything to print, or is it absent, 0, empty? */
static bool is_absent(const struct contract_member *m, const char *at)
{
	const void *p;
	int32_t fd;
	switch (m->kind) {
	case CONTRACT_SIZE:
	case CONTRACT_RESERVED:
	case CONTRACT_STATIC:
	case CONTRACT_CODE:
	case CONTRACT_RAW:
		return true;
	case CONTRACT_FD:
		memcpy(&fd, at, sizeof fd);
		return fd < 0;
	case CONTRACT_INTEGER:
		for (uint32_t i = 0; i < m->length; i++)
			if (at[i])
				return false;
		return true;
	case CONTRACT_CHARS:
		return !*at;
	default: /* all others begin with an address */
		memcpy(&p, at, sizeof p);
		return !p;
	}
}

static void print_member(
        const struct printer *p, const struct contract_member *m, const void *message)
{
	const char *at = (const char *)message + m->offset;
	const void *pointer;
	if (m->privacy > p->keep) {
		buffer_add_string(p->b, "\"***\"");
		return;
	}
	switch (m->kind) {
	case CONTRACT_TEXT:
	case CONTRACT_JSON: {
		struct askd_text text;
		memcpy(&text, at, sizeof text);
		json_add_string(p->b, text.s, (size_t)text.n);
		return;
	}
	case CONTRACT_BYTES: {
		struct askd_bytes bytes;
		memcpy(&bytes, at, sizeof bytes);
		print_bytes(p->b, bytes.p, (size_t)bytes.n);
		return;
	}
	case CONTRACT_VALUES: {
		struct askd_values values;
		memcpy(&values, at, sizeof values);
		print_cells(p->b, values.v, values.n);
		return;
	}
	case CONTRACT_CELLS: {
		const struct askd_batch *batch = message;
		print_cells(p->b, batch->cells, (uint64_t)batch->rows * batch->columns);
		return;
	}
	case CONTRACT_INTEGER:
		print_integer(p->b, at, m->length);
		return;
	case CONTRACT_CHARS:
		json_add_string(p->b, at, strnlen(at, m->length));
		return;
	default:
		break;
	}
	if (m->kind == CONTRACT_FD) {
		buffer_add_string(p->b, "true");
		return;
	}
	memcpy(&pointer, at, sizeof pointer);
	if (m->kind == CONTRACT_STRUCT)
		print_struct(p, m->sub, pointer);
	else if (m->kind == CONTRACT_LIST)
		print_list(p, m->sub, pointer);
	else if (m->kind == CONTRACT_STRING)
		json_add_string(p->b, pointer, strlen(pointer));
	else if (m->kind == CONTRACT_OBJECT && p->ordinal)
		buffer_print(p->b, "%llu", (unsigned long long)p->ordinal(p->arg, pointer));
	else
		buffer_add_string(p->b, "true");
}

static void print_struct(
        const struct printer *p, const struct contract_struct *type, const void *message)
{
	uint32_t size = type->size;
	bool first = true;
	if (!message) {
		buffer_add_string(p->b, "null");
		return;
	}
	if (type->members[0].kind == CONTRACT_SIZE)
		memcpy(&size, message, sizeof size);
	buffer_add(p->b, "{", 1);
	for (uint32_t i = 0; i < type->count; i++) {
		const struct contract_member *m = &type->members[i];
		if (m->offset + m->length > size || is_absent(m, (const char *)message + m->offset))
			continue;
		buffer_print(p->b, "%s\"%s\":", first ? "" : ",", m->name);
		print_member(p, m, message);
		first = false;
	}
	buffer_add(p->b, "}", 1);
}

void contract_print_objects(struct buffer *b, const struct contract_struct *type,
        const void *message, enum contract_privacy keep,
        uint64_t (*ordinal)(void *arg, const void *object), void *arg)
{
	struct printer printer = {b, keep, ordinal, arg};
	print_struct(&printer, type, message);
}

void contract_print(struct buffer *b, const struct contract_struct *type, const void *message,
        enum contract_privacy keep)
{
	contract_print_objects(b, type, message, keep, NULL, NULL);
}
