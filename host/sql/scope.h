/* scope.h: which names in a statement are tables, and which stand for a WITH; private to this room.
 */
#ifndef SQL_SCOPE_H
#define SQL_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <askd/askd.h>

enum {
	SCOPE_REFERENCES = 1024, /* names after FROM and JOIN in one statement */
	SCOPE_NAMES = 128,       /* names of WITH that are visible at one place */
	SCOPE_GROWTH = 2000      /* copies that a database makes of the bodies of all WITH */
};

struct scope_reference {
	struct askd_text name; /* absent: not a reference, but copies made by a WITH that ended */
	size_t at;             /* place in the statement */
	uint64_t copies;       /* how often the database expands the text around it */
	bool qualified;        /* with its schema: never a WITH */
};

struct scope_name {
	struct askd_text name;
	size_t from, to; /* its body */
	uint64_t used, direct;
};

struct scope {
	struct scope_reference references[SCOPE_REFERENCES];
	struct scope_name names[SCOPE_NAMES];
	size_t reference_count, name_count;
};

/* false: too many. */
bool scope_refer(struct scope *scope, struct askd_text name, size_t at, bool qualified);
bool scope_define(struct scope *scope, struct askd_text name);
/* The query ends that began at `at`, defined the names from `names` on, and made the references
 * from `references` on: those that meant one of the names disappear. false: the WITHs multiply too
 * much.
 */
bool scope_close(struct scope *scope, size_t names, size_t references, size_t at);

#endif
