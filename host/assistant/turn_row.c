/* turn_row.c: the row of a turn at its beginning. */
#include "assistant/inside.h"

void turn_row_add(const struct turn *turn, struct store_unit *unit, int64_t started_us)
{
	const struct call_scope *scope = &turn->state.scope;

	store_unit_add(unit, 1,
	        "insert into turns (id, conversation, person, organisation, instance, identity, "
	        "durable, ephemeral, status, started_us) "
	        "values ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9)",
	        STORE_PARAMS(store_id(turn->id), store_int((int64_t)turn->conversation.id),
	                store_id(scope->person), store_id(scope->organisation),
	                store_string(turn->transport->host.instance), store_string(scope->identity),
	                store_int(turn->state.durable), store_int(turn->state.ephemeral),
	                store_int(started_us)));
}

void turn_row_begin(struct turn_state *state, struct store_unit *unit)
{
	if (state->begins)
		turn_row_add((struct turn *)state, unit, state->begins_us);
}
