/* confidence.c: how sure the engine is. */
#include "parse.h"

int32_t confidence_of(const struct candidate *candidate, const struct candidate *rival,
        const struct lattice *lattice)
{
	(void)lattice, (void)rival;
	if (candidate->cover->missed)
		return 300;
	return 600;
}
