/* group.c: one transaction for several units, in which a fault of one does not touch the others.
 *
 * Faults are rare, and savepoints cost as much as the writes. So a group is written without them
 * first; when one of its units fails, all of it is undone and written again with a savepoint for
 * each unit, which tells who failed and keeps the rest. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "store/store_private.h"

enum { BUSY_US = 10 * 1000000, BUSY_PAUSE_NS = 20 * 1000000 };

static int32_t run_text(struct store_writer *writer, struct askd_text sql, struct askd_error *err)
{
	struct store_statement statement = {.sql = sql};

	return connection_run(&writer->connection, &writer->call, &statement, NULL, err);
}

/* Somebody else (a person with the sqlite3 program) may hold the lock for a moment. */
static int32_t begin(struct store_writer *writer, struct askd_error *err)
{
	int64_t until_us = clock_monotonic_us() + BUSY_US;
	const struct timespec pause = {0, BUSY_PAUSE_NS};
	int32_t rc;

	/* The dialects differ in this one word only: where writers exclude each other by locks of
	 * the file, the lock must be taken at once. */
	struct askd_text sql = ASKD_LITERAL("BEGIN");
	const struct askd_database_iface *iface =
	        plugin_instance_iface(writer->connection.instance);
	if (iface->dialect && !strcmp(iface->dialect->name, "sqlite"))
		sql = ASKD_LITERAL("BEGIN IMMEDIATE");
	while ((rc = run_text(writer, sql, err)) == ASKD_E_BUSY && clock_monotonic_us() < until_us)
		nanosleep(&pause, NULL);
	if (rc == ASKD_E_BUSY) {
		error_prefix(err, "another program holds the lock of the store for more than %d s",
		        BUSY_US / 1000000);
		err->flags = ASKD_ERR_RETRY;
	}
	return rc;
}

/* No room on the disk, as the database or the system names it. A failed flush is never that: what
 * it leaves behind is unknown. */
static bool is_full(const struct askd_error *err)
{
	if (err->code != ASKD_E_IO || strstr(err->native, "FSYNC"))
		return false;
	return !strcmp(err->native, "SQLITE_FULL") || !strcmp(err->native, "53100") ||
	       err->detail == ENOSPC || err->detail == EDQUOT || err->detail == EFBIG;
}

static void say_full(struct askd_error *err)
{
	char why[sizeof err->message];

	snprintf(why, sizeof why, "%s", err->message);
	askd_fail(err, ASKD_E_IO,
	        "the disk of state_dir is full, nothing of this was stored: make room there "
	        "(%.300s)",
	        why);
	err->flags = ASKD_ERR_RETRY;
}

/* Faults that concern the database, and so the whole group. */
static bool is_general(const struct askd_error *err)
{
	return err->code == ASKD_E_IO || err->code == ASKD_E_PROTOCOL || err->code == ASKD_E_BUSY;
}

static int32_t run_statement(struct store_writer *writer, const struct store_statement *statement,
        struct askd_error *err)
{
	int64_t affected = -1;
	int32_t rc;

	if (statement->audit)
		return chain_append(writer, statement->params, err);
	rc = connection_run(&writer->connection, &writer->call, statement, &affected, err);
	if (!rc && statement->expect >= 0 && affected != statement->expect)
		rc = askd_fail(err, ASKD_E_CONFLICT,
		        "%lld rows were changed where %d were expected: %.*s", (long long)affected,
		        statement->expect, (int)(statement->sql.n < 80 ? statement->sql.n : 80),
		        statement->sql.s);
	return rc;
}

static int32_t run_statements(
        struct store_writer *writer, const struct store_unit *unit, struct askd_error *err)
{
	int32_t rc = ASKD_OK;

	for (const struct store_statement *s = unit->first; s && !rc; s = s->next)
		rc = run_statement(writer, s, err);
	return rc;
}

/* Writes one unit. OK: it stands, or *unit has its error and nothing of it is left. Anything else:
 * the group is lost. */
static int32_t write_unit(
        struct store_writer *writer, struct store_unit *unit, struct askd_error *err)
{
	struct audit_chain before = writer->chain;
	int32_t rc = run_text(writer, ASKD_LITERAL("SAVEPOINT askd_unit"), err);

	if (rc)
		return rc;
	rc = run_statements(writer, unit, err);
	if (rc) {
		writer->chain = before;
		if (is_general(err))
			return rc;
		unit->error = *err;
		rc = run_text(writer, ASKD_LITERAL("ROLLBACK TO SAVEPOINT askd_unit"), err);
		if (rc)
			return rc;
	}
	return run_text(writer, ASKD_LITERAL("RELEASE SAVEPOINT askd_unit"), err);
}

/* Begins a transaction and writes the units into it. OK: it waits for its commit. */
static int32_t write_units(struct store_writer *writer, struct store_unit **units, size_t count,
        struct askd_error *err)
{
	const struct audit_chain before = writer->chain;
	struct askd_error ignored;
	int32_t rc = begin(writer, err);
	bool began = !rc;

	for (size_t i = 0; i < count && !rc; i++)
		rc = run_statements(writer, units[i], err);
	if (rc && began && !is_general(err)) {
		writer->chain = before;
		/* Without memory SQLite may have rolled back by itself. */
		run_text(writer, ASKD_LITERAL("ROLLBACK"), &ignored);
		rc = begin(writer, err);
		for (size_t i = 0; i < count && !rc; i++)
			rc = write_unit(writer, units[i], err);
	}
	if (!rc && writer->chain.number != before.number)
		rc = chain_seal(writer, err);
	return rc;
}

static void fail_all(struct store_unit **units, size_t count, const struct askd_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!units[i]->error.code)
			units[i]->error = *err;
}

/* A statement that runs outside a transaction. */
static void write_alone(struct store_writer *writer, struct store_unit *unit)
{
	connection_run(&writer->connection, &writer->call, unit->first, NULL, &unit->error);
	if (is_full(&unit->error))
		say_full(&unit->error);
}

/* A busy database or missing memory may have kept a commit from even beginning. If there is still
 * a transaction to end, it was not committed. */
static bool is_undone(struct store_writer *writer, const struct askd_error *err)
{
	struct askd_error ignored;

	return (err->code == ASKD_E_NOMEM || err->code == ASKD_E_BUSY) &&
	       !run_text(writer, ASKD_LITERAL("ROLLBACK"), &ignored);
}

bool group_write(struct store_writer *writer, struct store_unit **units, size_t count)
{
	struct audit_chain before = writer->chain;
	struct askd_error err = {0}, ignored;
	bool commits = false;
	int32_t rc;

	if (count == 1 && units[0]->alone) {
		write_alone(writer, units[0]);
		return false;
	}
	rc = write_units(writer, units, count, &err);
	if (!rc) {
		TESTPOINT("store_commit");
		commits = true;
		rc = run_text(writer, ASKD_LITERAL("COMMIT"), &err);
	}
	if (!rc)
		return false;
	writer->chain = before;
	if (is_full(&err)) {
		say_full(&err);
	} else if (strstr(err.native, "FSYNC") || (commits && !is_undone(writer, &err))) {
		/* Nobody knows what is on the disk now. Trying again would hide it: after a failed
		 * flush the system calls the same pages clean. */
		snprintf(writer->reason, sizeof writer->reason,
		        "the %s database could not be made durable: %.300s (%s%s%s)",
		        writer->db == STORE_MANAGER ? "manager" : "costs", err.message,
		        err.native[0] ? err.native : error_name(err.code), err.detail ? ": " : "",
		        err.detail ? strerror(err.detail) : "");
		askd_fail(&err, ASKD_E_IO, "%s", writer->reason);
		err.flags = ASKD_ERR_MAYBE_DONE;
		fail_all(units, count, &err);
		return true;
	} else {
		if (err.code == ASKD_E_IO)
			err.flags |= ASKD_ERR_RETRY;
		err.flags &= ~(uint32_t)ASKD_ERR_MAYBE_DONE;
	}
	log_error("store", 0, "%zu writes were rolled back: %s", count, err.message);
	/* SQLite may have rolled back by itself: then there is nothing to end. */
	run_text(writer, ASKD_LITERAL("ROLLBACK"), &ignored);
	fail_all(units, count, &err);
	return false;
}
