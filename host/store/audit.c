/* audit.c: entries on their way into the audit. */
#include "base/clock.h"
#include "store/store_private.h"

void audit_add(struct store_unit *unit, const struct audit_entry *entry)
{
	const struct call_scope *scope = entry->scope;
	const struct askd_value values[STORE_AUDIT_VALUES] = {
	        store_int(clock_now_us()),
	        store_string(scope && scope->identity ? scope->identity : "askd"),
	        store_id(scope ? scope->person : 0),
	        store_id(scope ? scope->organisation : 0),
	        store_id(scope ? scope->turn : 0),
	        store_string(entry->action),
	        store_string(entry->subject),
	        store_string(entry->details),
	};

	if (unit && unit->db != STORE_MANAGER && !unit->error.code)
		askd_fail(
		        &unit->error, ASKD_E_INVALID, "the audit is part of the manager database");
	unit_add_statement(unit, 1, true, (struct askd_text){0}, values, STORE_AUDIT_VALUES, NULL);
}

int32_t audit_write(struct store *store, const struct audit_entry *entry, struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(store, STORE_MANAGER);

	audit_add(unit, entry);
	return store_commit(unit, reterr);
}
