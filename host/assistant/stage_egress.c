/* stage_egress.c: what of a turn may leave the house for an engine. */
#include "assistant/stage_state.h"
#include "sql/dialect.h"

int32_t stage_egress_find(struct stage_call *c, struct askd_error *reterr)
{
	const struct askd_catalogue *catalogue = c->in->task ? c->in->task->catalogue : NULL;
	struct query_database database = {.egress = CONFIG_EGRESS_ALL};
	const struct sql_dialect *dialect = NULL;
	int32_t rc;

	c->database_egress = CONFIG_EGRESS_ALL;
	if (!catalogue)
		return ASKD_OK;
	if (catalogue->database) {
		rc = query_find(c->stages->rooms.query, &c->call->arena, c->call->scope,
		        catalogue->database, &database, reterr);
		if (rc)
			return rc;
		c->database_egress = database.egress;
	}
	if (catalogue->dialect.n) {
		ASKD_MAKE(struct askd_dialect, named, .name = catalogue->dialect.s);
		dialect = sql_dialect_of(&named, NULL);
	}
	c->dialect_hint = dialect ? sql_dialect_hint(dialect) : NULL;
	return ASKD_OK;
}

int64_t stage_egress_for(const struct stage_call *c, bool local)
{
	int64_t of_default = local ? CONFIG_EGRESS_ALL : CONFIG_EGRESS_RESULTS;
	int64_t database =
	        c->database_egress == CONFIG_EGRESS_DEFAULT ? of_default : c->database_egress;
	int64_t turn = c->turn->egress == CONFIG_EGRESS_DEFAULT ? of_default : c->turn->egress;

	if (turn < database)
		database = turn;
	/* `nothing` leaves engines of this machine alone, which may then see what they need. A
	 * level that was set on purpose binds them too: a server on loopback may be a relay. */
	if (local && database == CONFIG_EGRESS_NOTHING)
		return CONFIG_EGRESS_ALL;
	return database;
}

const char *stage_egress_word(int64_t level)
{
	static const char *const words[] = {"nothing", "schema", "results", "all"};

	return level >= 0 && level <= CONFIG_EGRESS_ALL ? words[level] : "results";
}
