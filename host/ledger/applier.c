/* applier.c: from finished stages to the tables of `costs`, by one thread that alone writes there.
 *
 * A stage counts as applied in three steps: its row in conversation_stages and all sums change in
 * one unit of `costs`; then its mark in `manager` is set. A crash between the two leaves stages
 * that are taken again: those whose row is there already change no sum. */
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "base/text.h"
#include "ledger/ledger_private.h"

/* Stages are gathered for a while before they are booked: a hundred at once cost little more than
 * one. */
enum { BATCH = 100, STACK = 1 << 20, GATHER_MS = 200, AGAIN_MS = 5000, DAY_S = 86400 };

#define SUMS                                                                             \
	"calls bigint NOT NULL, input bigint NOT NULL, output bigint NOT NULL, "         \
	"cached bigint NOT NULL, reasoning bigint NOT NULL, cost_pico bigint NOT NULL, " \
	"unknown bigint NOT NULL"

static const struct askd_migration costs_1 = {.size = sizeof costs_1,
        .number = 1,
        .sql = "CREATE TABLE model_pricing (llm text NOT NULL, model text NOT NULL, "
               "from_us bigint NOT NULL, input bigint NOT NULL, output bigint NOT NULL, "
               "cached bigint NOT NULL, PRIMARY KEY (llm, model, from_us));\n"
               "CREATE TABLE conversations (id bigint PRIMARY KEY, person bigint NOT NULL, "
               "organisation bigint NOT NULL, first_us bigint NOT NULL, last_us bigint NOT "
               "NULL, " SUMS ");\n"
               "CREATE TABLE conversation_stages (stage bigint PRIMARY KEY, "
               "conversation bigint NOT NULL, turn bigint NOT NULL, person bigint NOT NULL, "
               "organisation bigint NOT NULL, name text NOT NULL, ordinal bigint NOT NULL, "
               "status smallint NOT NULL, llm text NOT NULL, model text NOT NULL, "
               "input bigint NOT NULL, output bigint NOT NULL, cached bigint NOT NULL, "
               "reasoning bigint NOT NULL, cost_pico bigint, started_us bigint NOT NULL, "
               "ended_us bigint NOT NULL);\n"
               "CREATE INDEX conversation_stages_conversation ON conversation_stages "
               "(conversation);\n"
               "CREATE TABLE model_usage (day bigint NOT NULL, person bigint NOT NULL, "
               "llm text NOT NULL, model text NOT NULL, " SUMS
               ", PRIMARY KEY (day, person, llm, model));\n"
               "CREATE TABLE stages_usage (day bigint NOT NULL, person bigint NOT NULL, "
               "name text NOT NULL, " SUMS ", PRIMARY KEY (day, person, name));\n"
               "CREATE TABLE org_model_usage (day bigint NOT NULL, "
               "organisation bigint NOT NULL, llm text NOT NULL, model text NOT NULL, " SUMS
               ", PRIMARY KEY (day, organisation, llm, model));\n"
               "CREATE TABLE org_stages_usage (day bigint NOT NULL, "
               "organisation bigint NOT NULL, name text NOT NULL, " SUMS
               ", PRIMARY KEY (day, organisation, name));\n"};
static const struct askd_migration *const list[] = {&costs_1, NULL};

/* Somebody removed the costs database: the finished stages hold all that it said. */
static int32_t book_again_when_lost(struct ledger *ledger, struct askd_error *reterr)
{
	struct arena a;
	struct store_rows booked = {0}, settled = {0};
	struct store_unit *unit;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(ledger->store, STORE_COSTS, &a, NULL,
	        ASKD_LITERAL("SELECT stage FROM conversation_stages LIMIT 1"), NULL, 0, 1, &booked,
	        reterr);
	if (!rc)
		rc = store_read(ledger->store, STORE_MANAGER, &a, NULL,
		        ASKD_LITERAL("SELECT id FROM stages WHERE applied = 1 LIMIT 1"), NULL, 0, 1,
		        &settled, reterr);
	if (!rc && !booked.rows && settled.rows) {
		log_warning("ledger", 0,
		        "the costs database is empty, though stages were booked: booking them "
		        "again");
		unit = store_unit_create(ledger->store, STORE_MANAGER);
		store_unit_add(
		        unit, -1, "UPDATE stages SET applied = 0 WHERE applied = 1", NULL, 0);
		rc = store_commit(unit, reterr);
	}
	arena_finish(&a);
	return rc;
}

int32_t applier_prices(
        struct ledger *ledger, const struct config *config, struct askd_error *reterr)
{
	struct store_unit *unit;

	if (!config->prices)
		return ASKD_OK;
	unit = store_unit_create(ledger->store, STORE_COSTS);
	for (const struct config_price *p = config->prices; p; p = p->next)
		store_unit_add(unit, 1,
		        "INSERT INTO model_pricing (llm, model, from_us, input, output, cached) "
		        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (llm, model, from_us) DO "
		        "UPDATE SET input = excluded.input, output = excluded.output, "
		        "cached = excluded.cached",
		        STORE_PARAMS(store_string(p->llm ? p->llm : ""),
		                store_string(p->model ? p->model : ""), store_int(p->from_us),
		                store_int(p->input), store_int(p->output), store_int(p->cached)));
	return store_commit(unit, reterr);
}

int32_t applier_migrate(struct ledger *ledger, struct askd_error *reterr)
{
	int32_t rc = store_migrate(ledger->store, STORE_COSTS, "ledger", list, reterr);

	if (!rc)
		rc = book_again_when_lost(ledger, reterr);
	return rc ? rc : applier_prices(ledger, ledger->config, reterr);
}

/* ---- the sums of a batch ---- */

/* $1 ... $7: calls, tokens, cost, calls of unknown cost. Sums stop at the largest number: one more
 * would turn them into inexact ones. */
#define ADD(table, column)                                                                  \
	column " = CASE WHEN " table "." column " > 9223372036854775807 - excluded." column \
	       " THEN 9223372036854775807 ELSE " table "." column " + excluded." column " END"
#define ADD_ALL(table)                                                                         \
	ADD(table, "calls")                                                                    \
	", " ADD(table, "input") ", " ADD(table, "output") ", " ADD(table, "cached") ", " ADD( \
	        table, "reasoning") ", " ADD(table, "cost_pico") ", " ADD(table, "unknown")
#define SUM_NAMES "calls, input, output, cached, reasoning, cost_pico, unknown"
#define SUM_VALUES "$1, $2, $3, $4, $5, $6, $7"

enum sum_kind {
	SUM_CONVERSATION,
	SUM_PERSON_MODEL,
	SUM_PERSON_STAGE,
	SUM_ORGANISATION_MODEL,
	SUM_ORGANISATION_STAGE,
	SUM_KIND_COUNT
};
enum { SUM_COUNT = 7, SUM_KEYS = 4 };

static const struct {
	const char *sql;
	size_t keys;
} sum_kinds[SUM_KIND_COUNT] = {
        [SUM_CONVERSATION] = {"INSERT INTO conversations (" SUM_NAMES
                              ", id, person, organisation, first_us, last_us) VALUES (" SUM_VALUES
                              ", $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET "
                              "last_us = CASE WHEN conversations.last_us > excluded.last_us "
                              "THEN conversations.last_us ELSE excluded.last_us END, " ADD_ALL(
                                      "conversations"),
                3},
        [SUM_PERSON_MODEL] = {"INSERT INTO model_usage (" SUM_NAMES
                              ", day, person, llm, model) VALUES (" SUM_VALUES
                              ", $8, $9, $10, $11) ON CONFLICT (day, person, llm, model) "
                              "DO UPDATE SET " ADD_ALL("model_usage"),
                4},
        [SUM_PERSON_STAGE] = {"INSERT INTO stages_usage (" SUM_NAMES
                              ", day, person, name) VALUES (" SUM_VALUES
                              ", $8, $9, $10) ON CONFLICT (day, person, name) "
                              "DO UPDATE SET " ADD_ALL("stages_usage"),
                3},
        [SUM_ORGANISATION_MODEL] = {"INSERT INTO org_model_usage (" SUM_NAMES
                                    ", day, organisation, llm, model) VALUES (" SUM_VALUES
                                    ", $8, $9, $10, $11) ON CONFLICT (day, organisation, llm, "
                                    "model) DO UPDATE SET " ADD_ALL("org_model_usage"),
                4},
        [SUM_ORGANISATION_STAGE] = {"INSERT INTO org_stages_usage (" SUM_NAMES
                                    ", day, organisation, name) VALUES (" SUM_VALUES
                                    ", $8, $9, $10) ON CONFLICT (day, organisation, name) "
                                    "DO UPDATE SET " ADD_ALL("org_stages_usage"),
                3},
};

struct sum {
	enum sum_kind kind;
	struct askd_value keys[SUM_KEYS]; /* their texts stand in the batch's arena */
	int64_t values[SUM_COUNT];
	int64_t first_us, last_us; /* of a conversation */
};

/* The sums of a batch, so that each row of `costs` is written once for all its stages. */
struct sums {
	struct sum list[BATCH * SUM_KIND_COUNT];
	size_t count;
};

static bool is_same(const struct askd_value *a, const struct askd_value *b)
{
	if (a->type != b->type)
		return false;
	return a->type == ASKD_TEXT ? a->len == b->len && !memcmp(a->u.s, b->u.s, a->len)
	                            : a->u.i == b->u.i;
}

static struct sum *sum_find(struct sums *sums, enum sum_kind kind, const struct askd_value *keys)
{
	const size_t count = sum_kinds[kind].keys;
	struct sum *sum;

	for (sum = sums->list; sum < sums->list + sums->count; sum++) {
		size_t same = 0;

		while (sum->kind == kind && same < count && is_same(&sum->keys[same], &keys[same]))
			same++;
		if (sum->kind == kind && same == count)
			return sum;
	}
	*sum = (struct sum){.kind = kind};
	memcpy(sum->keys, keys, count * sizeof *keys);
	sums->count++;
	return sum;
}

static void sum_add(struct sums *sums, enum sum_kind kind, const struct ledger_stage *s,
        const struct askd_value *keys)
{
	const int64_t more[SUM_COUNT] = {1, (int64_t)s->input, (int64_t)s->output,
	        (int64_t)s->cached, (int64_t)s->reasoning, s->cost_pico < 0 ? 0 : s->cost_pico,
	        s->cost_pico < 0};
	struct sum *sum = sum_find(sums, kind, keys);

	for (size_t i = 0; i < SUM_COUNT; i++)
		if (__builtin_add_overflow(sum->values[i], more[i], &sum->values[i]))
			sum->values[i] = INT64_MAX;
	if (!sum->first_us || s->started_us < sum->first_us)
		sum->first_us = s->started_us;
	if (s->ended_us > sum->last_us)
		sum->last_us = s->ended_us;
}

static void sums_write(const struct sums *sums, struct store_unit *unit)
{
	for (const struct sum *sum = sums->list; sum < sums->list + sums->count; sum++) {
		struct askd_value params[SUM_COUNT + SUM_KEYS + 2];
		size_t n = 0;

		for (size_t i = 0; i < SUM_COUNT; i++)
			params[n++] = store_int(sum->values[i]);
		for (size_t i = 0; i < sum_kinds[sum->kind].keys; i++)
			params[n++] = sum->keys[i];
		if (sum->kind == SUM_CONVERSATION) {
			params[n++] = store_int(sum->first_us);
			params[n++] = store_int(sum->last_us);
		}
		store_unit_add(unit, 1, sum_kinds[sum->kind].sql, params, n);
	}
}

static void add_stage(struct store_unit *unit, struct sums *sums, const struct ledger_stage *s)
{
	const struct askd_value day = store_int(s->ended_us / 1000000 / DAY_S),
	                        person = store_int((int64_t)s->person),
	                        organisation = store_int((int64_t)s->organisation),
	                        name = store_string(s->name),
	                        llm = store_string(s->llm ? s->llm : ""),
	                        model = store_string(s->model ? s->model : "");

	store_unit_add(unit, 1,
	        "INSERT INTO conversation_stages (stage, conversation, turn, person, organisation, "
	        "name, ordinal, status, llm, model, input, output, cached, reasoning, cost_pico, "
	        "started_us, ended_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
	        "$13, $14, $15, $16, $17)",
	        STORE_PARAMS(store_int((int64_t)s->id), store_int((int64_t)s->conversation),
	                store_int((int64_t)s->turn), person, organisation, name,
	                store_int(s->ordinal), store_int(s->status), llm, model,
	                store_int((int64_t)s->input), store_int((int64_t)s->output),
	                store_int((int64_t)s->cached), store_int((int64_t)s->reasoning),
	                s->cost_pico < 0 ? store_null() : store_int(s->cost_pico),
	                store_int(s->started_us), store_int(s->ended_us)));
	if (s->conversation)
		sum_add(sums, SUM_CONVERSATION, s,
		        (const struct askd_value[]){
		                store_int((int64_t)s->conversation), person, organisation});
	sum_add(sums, SUM_PERSON_MODEL, s, (const struct askd_value[]){day, person, llm, model});
	sum_add(sums, SUM_PERSON_STAGE, s, (const struct askd_value[]){day, person, name});
	if (!s->organisation)
		return;
	sum_add(sums, SUM_ORGANISATION_MODEL, s,
	        (const struct askd_value[]){day, organisation, llm, model});
	sum_add(sums, SUM_ORGANISATION_STAGE, s,
	        (const struct askd_value[]){day, organisation, name});
}

/* ---- a batch ---- */

static void add_list(struct buffer *b, size_t count)
{
	for (size_t i = 1; i <= count; i++)
		buffer_print(b, "%s$%zu", i > 1 ? ", " : "", i);
	buffer_add_string(b, ")");
}

static bool holds(const struct store_rows *rows, uint64_t id)
{
	for (size_t i = 0; i < rows->rows; i++)
		if ((uint64_t)store_cell_int(rows, i, 0) == id)
			return true;
	return false;
}

static int32_t apply_batch(struct ledger *ledger, struct arena *a, const struct store_rows *rows,
        struct askd_error *reterr)
{
	struct askd_value ids[BATCH];
	struct store_rows known;
	struct store_unit *unit = NULL;
	struct sums *sums = arena_zalloc(a, sizeof *sums);
	struct buffer sql;
	int32_t rc;

	if (!sums)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the ledger");
	for (size_t i = 0; i < rows->rows; i++)
		ids[i] = store_int(store_cell_int(rows, i, 0));
	buffer_init(&sql, 0);
	buffer_add_string(&sql, "SELECT stage FROM conversation_stages WHERE stage IN (");
	add_list(&sql, rows->rows);
	rc = sql.failed ? askd_fail(reterr, ASKD_E_NOMEM, "no memory for the ledger")
	                : store_read(ledger->store, STORE_COSTS, a, NULL, buffer_text(&sql), ids,
	                          rows->rows, BATCH, &known, reterr);
	if (rc)
		goto out;
	unit = store_unit_create(ledger->store, STORE_COSTS);
	for (size_t i = 0; i < rows->rows; i++) {
		struct ledger_stage stage;
		stages_take(a, rows, i, &stage);
		if (!holds(&known, stage.id))
			add_stage(unit, sums, &stage);
	}
	sums_write(sums, unit);
	rc = store_commit(unit, reterr);
	if (rc)
		goto out;
	TESTPOINT("ledger_applied");
	buffer_clear(&sql);
	buffer_add_string(&sql, "UPDATE stages SET applied = 1 WHERE id IN (");
	add_list(&sql, rows->rows);
	unit = store_unit_create(ledger->store, STORE_MANAGER);
	if (sql.failed) {
		store_unit_destroy(unit);
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for the ledger");
		goto out;
	}
	store_unit_add(unit, (int32_t)rows->rows, sql.s, ids, rows->rows);
	rc = store_commit(unit, reterr);
out:
	buffer_finish(&sql);
	return rc;
}

/* Everything that is settled now. */
static int32_t apply_all(struct ledger *ledger, struct askd_error *reterr)
{
	struct store_rows rows;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	do {
		arena_reset(&a);
		/* The payload stays where it is. */
		rc = store_read(ledger->store, STORE_MANAGER, &a, NULL,
		        ASKD_LITERAL("SELECT id, turn, conversation, person, organisation, name, "
		                     "ordinal, status, llm, model, prompt, input, output, cached, "
		                     "reasoning, cost_pico, reserved_pico, started_us, "
		                     "coalesce(ended_us, started_us), NULL FROM stages "
		                     "WHERE applied = 0 AND status <> 0 ORDER BY id LIMIT 100"),
		        NULL, 0, BATCH, &rows, reterr);
		if (!rc && rows.rows)
			rc = apply_batch(ledger, &a, &rows, reterr);
	} while (!rc && rows.rows == BATCH);
	arena_finish(&a);
	return rc;
}

/* ---- the thread ---- */

/* Waits so long, or until somebody wants all of it at once. false: the time is over. Under the
 * lock. */
static bool wait_ms(struct ledger *ledger, int64_t ms)
{
	const int64_t until_us = clock_monotonic_us() + ms * 1000;
	const struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

	return !pthread_cond_clockwait(&ledger->wake, &ledger->lock, CLOCK_MONOTONIC, &until);
}

static void *applier_main(void *arg)
{
	struct ledger *ledger = arg;
	struct askd_error err;
	bool failed = false;

	pthread_setname_np(pthread_self(), "costs");
	pthread_mutex_lock(&ledger->lock);
	for (;;) {
		uint64_t target;
		int32_t rc;

		while (ledger->tried == ledger->wanted && !ledger->stopping) {
			if (!failed)
				pthread_cond_wait(&ledger->wake, &ledger->lock);
			else if (!wait_ms(ledger, AGAIN_MS))
				break;
		}
		while (!ledger->stopping && ledger->flushing <= ledger->done &&
		        wait_ms(ledger, GATHER_MS))
			;
		if (ledger->stopping && ledger->tried == ledger->wanted)
			break;
		target = ledger->wanted;
		pthread_mutex_unlock(&ledger->lock);
		rc = apply_all(ledger, &err);
		if (rc && !failed)
			log_error("ledger", 0, "the costs lag behind, tried again every %d s: %s",
			        AGAIN_MS / 1000, err.message);
		pthread_mutex_lock(&ledger->lock);
		failed = rc != 0;
		ledger->tried = target;
		if (rc)
			ledger->error = err;
		else
			ledger->done = target;
		pthread_cond_broadcast(&ledger->passed);
	}
	pthread_mutex_unlock(&ledger->lock);
	return NULL;
}

int32_t applier_start(struct ledger *ledger, struct askd_error *reterr)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int failed;

	ledger->wanted = 1; /* what the last process left */
	if (pthread_attr_init(&attributes))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a thread");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_attr_setstacksize(&attributes, STACK);
	if (!failed)
		failed = pthread_create(&ledger->thread, &attributes, applier_main, ledger);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (failed)
		return askd_fail(reterr, ASKD_E_NOMEM, "the ledger's thread cannot be made: %s",
		        strerror(failed));
	ledger->running = true;
	return ASKD_OK;
}

void ledger_notify(struct ledger *ledger)
{
	pthread_mutex_lock(&ledger->lock);
	/* Awake already: it gathers. */
	if (ledger->wanted++ == ledger->tried)
		pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->lock);
}

int32_t ledger_flush(struct ledger *ledger, struct askd_error *reterr)
{
	struct askd_error err = {0};
	uint64_t mine;

	pthread_mutex_lock(&ledger->lock);
	mine = ledger->flushing = ++ledger->wanted;
	pthread_cond_signal(&ledger->wake);
	while (ledger->tried < mine)
		pthread_cond_wait(&ledger->passed, &ledger->lock);
	if (ledger->done < mine)
		err = ledger->error;
	pthread_mutex_unlock(&ledger->lock);
	return err.code ? error_copy(reterr, &err) : ASKD_OK;
}

void applier_stop(struct ledger *ledger)
{
	if (!ledger->running)
		return;
	/* What cannot be booked now is booked at the next start; the applier has said so. */
	ledger_flush(ledger, NULL);
	pthread_mutex_lock(&ledger->lock);
	ledger->stopping = true;
	pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->lock);
	pthread_join(ledger->thread, NULL);
	ledger->running = false;
}
