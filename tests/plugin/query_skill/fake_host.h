/* fake_host.h: a host made by hand for tests of one plugin: a call with an arena, and askd.i18n/1.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <askd/extensions.h>
#include <stdbool.h>

struct fake_call {
	struct askd_call call; /* first */
	void **blocks;
	size_t count, room;
	uint32_t cancel;
	int64_t fails_after; /* the allocation with this number fails, and all later ones; -1: none
	                      */
};

void fake_call_init(struct fake_call *call);
void fake_call_finish(struct fake_call *call);
/* Replaces {names}; escapes '*' in values unless the name of the argument begins with '*'. */
extern const struct askd_i18n_service fake_i18n;

/* Builds columns and a batch, in the arena, out of a text: columns by '|', rows by lines, the first
 * line the names. A cell that is a number becomes INT or FLOAT, "NULL" becomes NULL, one like
 * 2024-05-03 a DATE. */
void fake_batch(struct fake_call *call, const char *text,
        const struct askd_db_column *const **columns, struct askd_batch *batch);

#endif
