/* unit.c: lists of writes. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "store/store_private.h"

enum { UNIT_BYTES = 256 << 20 };

struct store_unit *store_unit_create(struct store *store, enum store_database db)
{
	struct store_unit *unit = calloc(1, sizeof *unit);

	if (!unit)
		return NULL;
	unit->store = store;
	unit->db = db;
	arena_init(&unit->arena, UNIT_BYTES);
	sem_init(&unit->ended, 0, 0);
	return unit;
}

void store_unit_destroy(struct store_unit *unit)
{
	while (unit) {
		struct store_unit *joined = unit->joined;
		arena_finish(&unit->arena);
		sem_destroy(&unit->ended);
		free(unit);
		unit = joined;
	}
}

static void unit_fail(struct store_unit *unit, int32_t code, const char *message)
{
	if (!unit->error.code)
		askd_fail(&unit->error, code, "%s", message);
}

static const struct askd_value *copy_values(
        struct arena *a, const struct askd_value *values, size_t count)
{
	struct askd_value *copy = arena_alloc(a, count * sizeof *copy + 1);

	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = values[i];
		if (copy[i].type > ASKD_FLOAT &&
		        !(copy[i].u.s = arena_copy(
		                  a, values[i].u.s ? values[i].u.s : "", values[i].len)))
			return NULL;
	}
	return copy;
}

void unit_add_statement(struct store_unit *unit, int32_t expect, bool audit, struct askd_text sql,
        const struct askd_value *params, size_t count, const char *prefix)
{
	struct store_statement *statement;

	if (!unit || unit->error.code)
		return;
	statement = arena_zalloc(&unit->arena, sizeof *statement);
	if (statement) {
		statement->expect = expect;
		statement->audit = audit;
		statement->sql = arena_text(&unit->arena, sql);
		statement->prefix = arena_text(&unit->arena, askd_text_of(prefix));
		statement->params = copy_values(&unit->arena, params, count);
		statement->count = count;
	}
	if (unit->arena.full) {
		unit_fail(unit, ASKD_E_NOMEM, "no memory for a write");
		return;
	}
	if (unit->last)
		unit->last->next = statement;
	else
		unit->first = statement;
	unit->last = statement;
}

void store_unit_add(struct store_unit *unit, int32_t expect, const char *sql,
        const struct askd_value *params, size_t count)
{
	unit_add_statement(unit, expect, false, askd_text_of(sql), params, count, NULL);
}

void store_unit_add_text(struct store_unit *unit, int32_t expect, struct askd_text sql,
        const struct askd_value *params, size_t count, const char *prefix)
{
	unit_add_statement(unit, expect, false, sql, params, count, prefix);
}

void store_unit_join(struct store_unit *unit, struct store_unit *from)
{
	struct store_unit *tail = from;

	if (!from)
		return;
	if (!unit) {
		store_unit_destroy(from);
		return;
	}
	if (from->error.code && !unit->error.code)
		unit->error = from->error;
	if (from->db != unit->db || from->store != unit->store)
		unit_fail(unit, ASKD_E_INVALID, "writes to two databases cannot be one unit");
	if (from->first) {
		if (unit->last)
			unit->last->next = from->first;
		else
			unit->first = from->first;
		unit->last = from->last;
	}
	while (tail->joined)
		tail = tail->joined;
	tail->joined = unit->joined;
	unit->joined = from;
}

int32_t store_commit(struct store_unit *unit, struct askd_error *reterr)
{
	int32_t rc;

	if (!unit)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a write");
	if (!unit->error.code && unit->first) {
		writer_queue(&unit->store->parts[unit->db].writer, unit);
		while (sem_wait(&unit->ended))
			; /* a signal's handler ran */
	}
	rc = unit->error.code ? error_copy(reterr, &unit->error) : ASKD_OK;
	store_unit_destroy(unit);
	return rc;
}

void store_commit_later(struct store_unit *unit)
{
	if (!unit)
		return;
	if (unit->error.code || !unit->first) {
		if (unit->error.code)
			log_warning("store", 0, "a write was given up: %s", unit->error.message);
		store_unit_destroy(unit);
		return;
	}
	unit->detached = true;
	writer_queue(&unit->store->parts[unit->db].writer, unit);
}
