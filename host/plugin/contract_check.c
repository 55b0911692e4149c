/* contract_check.c: is a message that a plugin handed over sound? Plugins, and drivers above all,
 * are not trusted to be right; what can be checked without leaving the memory that they name is. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "plugin/contract.h"

enum {
	LIST_MAX = 100000,    /* items of one list */
	CELLS_MAX = 1 << 24,  /* cells of one batch or list of values */
	LENGTH_MAX = 1 << 30, /* bytes of one text */
	PATH_MAX_TEXT = 200,  /* of a member's place, in messages */
	/* Kinds of members that may be wrong; each bit stands for one kind. */
	CHECKED = 1 << CONTRACT_TEXT | 1 << CONTRACT_JSON | 1 << CONTRACT_BYTES |
	          1 << CONTRACT_VALUES | 1 << CONTRACT_CELLS | 1 << CONTRACT_RESERVED |
	          1 << CONTRACT_STRUCT | 1 << CONTRACT_LIST | 1 << CONTRACT_OBJECT
};

/* Where we are: frames on the stack, from the member up to the message. */
struct place {
	const struct place *up;
	const char *name;
	int64_t index; /* -1: no list */
};

static size_t place_print(const struct place *place, char *out, size_t size)
{
	size_t n = place->up ? place_print(place->up, out, size) : 0;
	int more;
	if (n >= size)
		return size;
	more = place->index < 0 ? snprintf(out + n, size - n, "%s%s", n ? "." : "", place->name)
	                        : snprintf(out + n, size - n, "%s%s[%lld]", n ? "." : "",
	                                  place->name, (long long)place->index);
	return more < 0 ? n : n + (size_t)more;
}

static int32_t wrong(struct askd_error *reterr, const struct place *place, const char *what)
{
	char path[PATH_MAX_TEXT];
	place_print(place, path, sizeof path);
	return askd_fail(reterr, ASKD_E_PROTOCOL, "%s: %s", path, what);
}

static const char *text_fault(const char *s, uint64_t n)
{
	if (!s)
		return n ? "an absent text has a length" : NULL;
	if (n > LENGTH_MAX)
		return "is longer than 1 GiB";
	if (s[n])
		return "does not end in a 0";
	return text_is_valid(s, (size_t)n) ? NULL : "is not UTF-8";
}

static const char *cell_fault(const struct askd_value *v)
{
	if (v->flags & ~ASKD_CUT)
		return "has an unknown flag";
	if (v->type <= ASKD_FLOAT) {
		if (v->len)
			return "is a number with a length";
		if (v->type == ASKD_BOOL && (v->u.i & ~1))
			return "is a yes/no that is neither 0 nor 1";
		return NULL;
	}
	if (v->type > ASKD_OTHER)
		return "has an unknown type";
	if (!v->u.s)
		return "is a text without an address";
	if (v->u.s[v->len])
		return "does not end in a 0";
	if (v->type != ASKD_BYTES && !text_is_valid(v->u.s, v->len))
		return "is not UTF-8";
	return NULL;
}

static int32_t check_cells(const struct place *place, const struct askd_value *cells, uint64_t n,
        struct askd_error *reterr)
{
	if (!n)
		return ASKD_OK;
	if (n > CELLS_MAX)
		return wrong(reterr, place, "has more than 16,777,216 cells");
	if (!cells)
		return wrong(reterr, place, "has no cells, but claims some");
	for (uint64_t i = 0; i < n; i++) {
		const char *fault = cell_fault(&cells[i]);
		if (fault) {
			struct place cell = {place->up, place->name, (int64_t)i};
			return wrong(reterr, &cell, fault);
		}
	}
	return ASKD_OK;
}

static int32_t check_json(
        const struct place *place, struct askd_text text, struct askd_error *reterr)
{
	struct askd_error why = {0};
	if (!text.s || !json_check(text, &why))
		return ASKD_OK;
	return why.code == ASKD_E_NOMEM ? error_copy(reterr, &why)
	                                : wrong(reterr, place, "is not JSON");
}

static int32_t check_message(const struct contract_struct *type, const void *message,
        const struct place *place, struct askd_error *reterr);

static int32_t check_list(const struct contract_struct *type, const void *const *list,
        const struct place *place, struct askd_error *reterr)
{
	for (int64_t i = 0; list && list[i]; i++) {
		struct place item = {place->up, place->name, i};
		int32_t rc;
		if (i == LIST_MAX)
			return wrong(reterr, place, "has more than 100,000 items, or no end");
		rc = check_message(type, list[i], &item, reterr);
		if (rc)
			return rc;
	}
	return ASKD_OK;
}

static int32_t check_member(const struct contract_member *m, const void *message,
        const struct place *up, struct askd_error *reterr)
{
	struct place place = {up, m->name, -1};
	const char *at = (const char *)message + m->offset;
	const void *p;
	switch (m->kind) {
	case CONTRACT_TEXT:
	case CONTRACT_JSON: {
		struct askd_text text;
		const char *fault;
		memcpy(&text, at, sizeof text);
		fault = text_fault(text.s, text.n);
		if (fault)
			return wrong(reterr, &place, fault);
		return m->kind == CONTRACT_JSON ? check_json(&place, text, reterr) : ASKD_OK;
	}
	case CONTRACT_BYTES: {
		struct askd_bytes bytes;
		memcpy(&bytes, at, sizeof bytes);
		if (!bytes.p && bytes.n)
			return wrong(reterr, &place, "absent bytes have a length");
		return bytes.n > LENGTH_MAX ? wrong(reterr, &place, "is longer than 1 GiB")
		                            : ASKD_OK;
	}
	case CONTRACT_VALUES: {
		struct askd_values values;
		memcpy(&values, at, sizeof values);
		return check_cells(&place, values.v, values.n, reterr);
	}
	case CONTRACT_CELLS: {
		const struct askd_batch *batch = message;
		return check_cells(
		        &place, batch->cells, (uint64_t)batch->rows * batch->columns, reterr);
	}
	case CONTRACT_RESERVED:
		for (uint32_t i = 0; i < m->length; i++)
			if (at[i])
				return wrong(reterr, &place, "is not 0");
		return ASKD_OK;
	case CONTRACT_STRUCT:
		memcpy(&p, at, sizeof p);
		return p ? check_message(m->sub, p, &place, reterr) : ASKD_OK;
	case CONTRACT_LIST:
		memcpy(&p, at, sizeof p);
		return check_list(m->sub, p, &place, reterr);
	case CONTRACT_OBJECT:
		memcpy(&p, at, sizeof p);
		return p ? ASKD_OK : wrong(reterr, &place, "is NULL, an object is due");
	default:
		return ASKD_OK;
	}
}

static int32_t check_message(const struct contract_struct *type, const void *message,
        const struct place *place, struct askd_error *reterr)
{
	uint32_t size = type->size;
	if (type->members[0].kind == CONTRACT_SIZE) {
		memcpy(&size, message, sizeof size);
		if (size < 8 || size % 8 || size > type->size) {
			struct place member = {place, "size", -1};
			char what[80];
			snprintf(what, sizeof what, "is %u, this host knows %u", size, type->size);
			return wrong(reterr, &member, what);
		}
	}
	for (uint32_t i = 0; i < type->count; i++) {
		const struct contract_member *m = &type->members[i];
		int32_t rc;
		if (m->offset + m->length > size)
			break;
		if (!(1 << m->kind & CHECKED))
			continue;
		rc = check_member(m, message, place, reterr);
		if (rc)
			return rc;
	}
	return ASKD_OK;
}

int32_t contract_check(
        const struct contract_struct *type, const void *message, struct askd_error *reterr)
{
	/* "askd_db_result" is told as "db_result" */
	struct place top = {NULL, type->name + strlen("askd_"), -1};
	if (!message)
		return wrong(reterr, &top, "is missing");
	return check_message(type, message, &top, reterr);
}
