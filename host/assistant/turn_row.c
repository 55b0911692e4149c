/* turn_row.c: the row of a turn that somebody waits for. */
#include "assistant/inside.h"

void turn_add_row(struct turn_state *state, struct store_unit *unit)
{
	struct turn *turn = (struct turn *)state;
	const struct call_scope *scope = &state->scope;

	if (!state->begins)
		return;
	store_unit_add(unit, 1,
	        "insert into turns (id, conversation, person, organisation, instance, identity, "
	        "durable, ephemeral, status, started_us) "
	        "values ($1, $2, $3, $4, $5, $6, 0, $7, 'running', $8)",
	        STORE_PARAMS(store_id(turn->id), store_int((int64_t)turn->conversation.id),
	                store_id(scope->person), store_id(scope->organisation),
	                store_string(turn->transport->host.instance), store_string(scope->identity),
	                store_int(state->ephemeral), store_int(state->begins_us)));
}
