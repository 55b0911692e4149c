/* scope.c: a query's WITH names hide tables inside that query only. A database copies the body of a
 * WITH to each place where it is named, so a chain of a few, each naming the last one twice,
 * doubles at each step: this is counted here, before a database tries it. */
#include "sql/scope.h"

#include <strings.h>

static bool same(struct askd_text a, struct askd_text b)
{
	return a.n == b.n && !strncasecmp(a.s, b.s, a.n);
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a + b > SCOPE_GROWTH + 1 ? SCOPE_GROWTH + 1 : a + b;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
	return add(a * b, 0);
}

bool scope_refer(struct scope *scope, struct askd_text name, size_t at, bool qualified)
{
	if (scope->reference_count == SCOPE_REFERENCES)
		return false;
	scope->references[scope->reference_count++] =
	        (struct scope_reference){name, at, 1, qualified};
	return true;
}

bool scope_define(struct scope *scope, struct askd_text name)
{
	if (scope->name_count == SCOPE_NAMES)
		return false;
	scope->names[scope->name_count++] = (struct scope_name){.name = name};
	return true;
}

static struct scope_name *meant(struct scope *scope, size_t names, const struct scope_reference *r)
{
	if (r->qualified)
		return NULL;
	for (size_t i = scope->name_count; i > names; i--)
		if (same(scope->names[i - 1].name, r->name))
			return &scope->names[i - 1];
	return NULL;
}

/* The name in whose body the reference stands. */
static struct scope_name *around(struct scope *scope, size_t names, const struct scope_reference *r)
{
	for (size_t i = names; i < scope->name_count; i++)
		if (r->at >= scope->names[i].from && r->at < scope->names[i].to)
			return &scope->names[i];
	return NULL;
}

/* How often each body is copied. One pass settles one more level; a body that names itself is
 * recursive, and copied once for that. false: they go round in a circle. */
static bool settle(struct scope *scope, size_t names, size_t references)
{
	for (size_t pass = names; pass <= scope->name_count; pass++) {
		bool changed = false;
		for (size_t i = names; i < scope->name_count; i++)
			scope->names[i].direct = 0;
		for (size_t i = references; i < scope->reference_count; i++) {
			const struct scope_reference *r = &scope->references[i];
			struct scope_name *to = meant(scope, names, r);
			const struct scope_name *in = around(scope, names, r);
			if (to && to != in)
				to->direct = add(
				        to->direct, in ? multiply(in->used, r->copies) : r->copies);
		}
		for (size_t i = names; i < scope->name_count; i++) {
			changed |= scope->names[i].used != scope->names[i].direct;
			scope->names[i].used = scope->names[i].direct;
		}
		if (!changed)
			return true;
	}
	return false;
}

bool scope_close(struct scope *scope, size_t names, size_t references, size_t at)
{
	size_t kept = references;
	uint64_t growth = 0, sum = 0;
	if (scope->name_count == names)
		return true;
	if (!settle(scope, names, references))
		return false;
	for (size_t i = names; i < scope->name_count; i++)
		growth = add(growth, scope->names[i].used);
	for (size_t i = references; i < scope->reference_count; i++) {
		struct scope_reference r = scope->references[i];
		const struct scope_name *in = around(scope, names, &r);
		if (meant(scope, names, &r))
			continue;
		if (in)
			r.copies = multiply(r.copies, in->used);
		if (!r.name.s)
			sum = add(sum, r.copies);
		scope->references[kept++] = r;
	}
	scope->reference_count = kept;
	scope->name_count = names;
	/* What this query grows by is multiplied in its turn where it stands in a WITH. */
	if (add(sum, growth) > SCOPE_GROWTH || kept == SCOPE_REFERENCES)
		return false;
	scope->references[scope->reference_count++] =
	        (struct scope_reference){.at = at, .copies = growth, .qualified = true};
	return true;
}
