/* contract.c: the lists of all structs and functions, and the deep copy of a message. */
#include "plugin/contract.h"

#include <string.h>

#include "plugin/contract_members.h"

#define X(name) &contract_##name,
const struct contract_struct *const contract_structs[] = {CONTRACT_STRUCTS(X) NULL};
#undef X

/* What stands for a side that is absent; SIDE turns it into NULL. */
static const struct contract_struct contract_nothing = {"askd_nothing", 0, 0, NULL};
#define SIDE(name)                                                                    \
	(__builtin_types_compatible_p(struct askd_##name, struct askd_nothing) ? NULL \
	                                                                       : &contract_##name)

const struct contract_function_info contract_functions[CONTRACT_FUNCTION_COUNT] = {
#define X(TABLE, table, NAME, name, in, out, thread)                                       \
	[CONTRACT_##TABLE##_##NAME] = {#table, #name, offsetof(struct askd_##table, name), \
	        CONTRACT_##thread, SIDE(in), SIDE(out)},
        CONTRACT_FUNCTIONS(X) CONTRACT_SERVICES(X)
#undef X
};

static const char *const function_names[CONTRACT_FUNCTION_COUNT] = {
#define X(TABLE, table, NAME, name, in, out, thread) [CONTRACT_##TABLE##_##NAME] = #table "." #name,
        CONTRACT_FUNCTIONS(X) CONTRACT_SERVICES(X)
#undef X
};

const char *contract_function_name(enum contract_function function)
{
	return (unsigned)function < CONTRACT_FUNCTION_COUNT ? function_names[function] : "?";
}

const struct contract_struct *contract_find(const char *name)
{
	for (const struct contract_struct *const *s = contract_structs; *s; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}

/* ---- deep copy --------------------------------------------------------------------------------
 */

/* The bytes of a message that are there: of an older plugin's struct fewer than of ours. */
static uint32_t message_size(const struct contract_struct *type, const void *message)
{
	uint32_t size;
	if (type->members[0].kind != CONTRACT_SIZE)
		return type->size;
	memcpy(&size, message, sizeof size);
	return size < type->size ? size : type->size;
}

static size_t list_length(const void *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static const struct askd_value *copy_cells(
        struct arena *a, const struct askd_value *cells, uint64_t n)
{
	struct askd_value *copy;
	if (!cells || !n)
		return NULL;
	if (n > SIZE_MAX / sizeof *copy) {
		a->full = true;
		return NULL;
	}
	copy = arena_alloc(a, (size_t)n * sizeof *copy);
	for (uint64_t i = 0; copy && i < n; i++) {
		copy[i] = cells[i];
		if (cells[i].type > ASKD_FLOAT)
			copy[i].u.s = arena_copy(a, cells[i].u.s, cells[i].len);
	}
	return copy;
}

static void copy_member(struct arena *a, const struct contract_member *m, void *message, void *at);

static void *copy_struct(struct arena *a, const struct contract_struct *type, const void *message)
{
	char *copy;
	uint32_t have;
	if (!message)
		return NULL;
	have = message_size(type, message);
	copy = arena_zalloc(a, type->size);
	if (!copy)
		return NULL;
	memcpy(copy, message, have);
	if (type->members[0].kind == CONTRACT_SIZE)
		memcpy(copy, &type->size, sizeof type->size);
	for (uint32_t i = 0; i < type->count; i++)
		copy_member(a, &type->members[i], copy, copy + type->members[i].offset);
	return copy;
}

static void **copy_list(
        struct arena *a, const struct contract_struct *type, const void *const *list)
{
	size_t n = list_length(list);
	void **copy = n ? arena_alloc(a, (n + 1) * sizeof *copy) : NULL;
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = copy_struct(a, type, list[i]);
	if (copy)
		copy[n] = NULL;
	return copy;
}

static char **copy_strings(struct arena *a, const char *const *list)
{
	size_t n = list_length((const void *const *)list);
	char **copy = list ? arena_alloc(a, (n + 1) * sizeof *copy) : NULL;
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = arena_string(a, list[i]);
	if (copy)
		copy[n] = NULL;
	return copy;
}

/* `at` holds the shallow copy of the member, and gets the deep one. */
static void copy_member(struct arena *a, const struct contract_member *m, void *message, void *at)
{
	void *p = NULL;
	switch (m->kind) {
	case CONTRACT_TEXT:
	case CONTRACT_JSON: {
		struct askd_text *text = at;
		*text = arena_text(a, *text);
		return;
	}
	case CONTRACT_BYTES: {
		struct askd_bytes *bytes = at;
		bytes->p = arena_copy(a, bytes->p, (size_t)bytes->n);
		return;
	}
	case CONTRACT_VALUES: {
		struct askd_values *values = at;
		values->v = copy_cells(a, values->v, values->n);
		return;
	}
	case CONTRACT_CELLS: {
		struct askd_batch *batch = message;
		batch->cells = copy_cells(a, batch->cells, (uint64_t)batch->rows * batch->columns);
		return;
	}
	case CONTRACT_FD: {
		int32_t none = -1;
		memcpy(at, &none, sizeof none);
		return;
	}
	case CONTRACT_STRUCT:
		memcpy(&p, at, sizeof p);
		p = copy_struct(a, m->sub, p);
		break;
	case CONTRACT_LIST:
		memcpy(&p, at, sizeof p);
		p = copy_list(a, m->sub, p);
		break;
	case CONTRACT_STRING:
		memcpy(&p, at, sizeof p);
		p = arena_string(a, p);
		break;
	case CONTRACT_STRINGS:
		memcpy(&p, at, sizeof p);
		p = copy_strings(a, p);
		break;
	case CONTRACT_OBJECT:
	case CONTRACT_SINK:
	case CONTRACT_STATIC:
	case CONTRACT_CODE:
		break;
	default:
		return;
	}
	memcpy(at, &p, sizeof p);
}

void *contract_copy(struct arena *a, const struct contract_struct *type, const void *message)
{
	void *copy;
	bool was_full = a->full;
	a->full = false;
	copy = copy_struct(a, type, message);
	if (a->full)
		return NULL;
	a->full = was_full;
	return copy;
}

/* ---- older, shorter messages ------------------------------------------------------------------
 */

static bool widen_one(struct arena *a, const struct contract_struct *type, const void **message);

/* Is there anything shorter than ours below? The usual answer is no, and nothing is copied. */
static bool is_short(const struct contract_struct *type, const void *message, bool top)
{
	uint32_t have = message_size(type, message);
	if (!top && have < type->size)
		return true;
	for (uint32_t i = 0; i < type->count; i++) {
		const struct contract_member *m = &type->members[i];
		const void *p;
		if ((m->kind != CONTRACT_STRUCT && m->kind != CONTRACT_LIST) ||
		        m->offset + m->length > have)
			continue;
		memcpy(&p, (const char *)message + m->offset, sizeof p);
		if (m->kind == CONTRACT_STRUCT && p && is_short(m->sub, p, false))
			return true;
		for (const void *const *item = m->kind == CONTRACT_LIST ? p : NULL; item && *item;
		        item++)
			if (is_short(m->sub, *item, false))
				return true;
	}
	return false;
}

bool contract_is_whole(const struct contract_struct *type, const void *message)
{
	return !is_short(type, message, false);
}

static bool widen_members(struct arena *a, const struct contract_struct *type, void *message)
{
	for (uint32_t i = 0; i < type->count; i++) {
		const struct contract_member *m = &type->members[i];
		void *at = (char *)message + m->offset;
		const void *p;
		if (m->kind != CONTRACT_STRUCT && m->kind != CONTRACT_LIST)
			continue;
		memcpy(&p, at, sizeof p);
		if (!p)
			continue;
		if (m->kind == CONTRACT_STRUCT) {
			if (!widen_one(a, m->sub, &p))
				return false;
		} else {
			size_t n = list_length(p);
			const void **list = arena_alloc(a, (n + 1) * sizeof *list);
			if (!list)
				return false;
			memcpy(list, p, (n + 1) * sizeof *list);
			for (size_t k = 0; k < n; k++)
				if (!widen_one(a, m->sub, &list[k]))
					return false;
			p = list;
		}
		memcpy(at, &p, sizeof p);
	}
	return true;
}

static bool widen_one(struct arena *a, const struct contract_struct *type, const void **message)
{
	char *copy;
	if (!is_short(type, *message, false))
		return true;
	copy = arena_zalloc(a, type->size);
	if (!copy)
		return false;
	memcpy(copy, *message, message_size(type, *message));
	memcpy(copy, &type->size, sizeof type->size);
	*message = copy;
	return widen_members(a, type, copy);
}

bool contract_widen(struct arena *a, const struct contract_struct *type, void *message)
{
	return !is_short(type, message, true) || widen_members(a, type, message);
}
