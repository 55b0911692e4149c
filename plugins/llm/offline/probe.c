/* probe.c: of two readings of nearly the same weight the one that finds something. */
#include <string.h>

#include "parse.h"

enum {
	PROBES = 3, /* statements for a question, at most */
	NEAR = 2000 /* a reading whose score is further away is not asked about */
};

static int32_t look(void *owner, const struct askd_value *cells, uint32_t columns)
{
	bool *found = owner;

	/* A sum over nothing is NULL, a count of nothing 0. */
	for (uint32_t i = 0; i < columns; i++)
		*found |= cells[i].type != ASKD_NULL &&
		          !((cells[i].type == ASKD_INT || cells[i].type == ASKD_BOOL) &&
		                  !cells[i].u.i);
	return ASKD_OK;
}

/* What cannot be asked within the limits of the source counts as found. */
static bool finds(const struct source *source, const char *sql)
{
	struct askd_error ignored = {0};
	bool found = false;

	return source->read(source, sql, 1, look, &found, &ignored) != ASKD_OK || found;
}

const struct candidate *probe(const struct source *source, const struct candidate *candidates,
        size_t count, const struct candidate *best)
{
	const struct candidate *next = best;
	const char *asked[PROBES];

	if (!source || !best || !best->form->filters)
		return best;
	for (size_t n = 0; n < PROBES && next; n++) {
		if (finds(source, next->sql))
			return next;
		asked[n] = next->sql;
		next = NULL;
		for (size_t i = 0; i < count; i++) {
			const struct candidate *c = &candidates[i];
			bool told = best->score - c->score > NEAR || !c->form->filters;

			for (size_t k = 0; k <= n && !told; k++)
				told = !strcmp(asked[k], c->sql);
			if (!told && (!next || c->score > next->score))
				next = c;
		}
	}
	return best;
}
