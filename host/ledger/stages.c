/* stages.c: the rows of stages, in the manager database: reserved, settled, found again. */
#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger_private.h"

/* More tokens than that are no tokens: sums stay inside 64 bits. */
static const uint64_t tokens_max = (uint64_t)1 << 42;

static const struct askd_migration stages_1 = {.size = sizeof stages_1,
        .number = 1,
        .sql = "CREATE TABLE stages (id bigint PRIMARY KEY, turn bigint NOT NULL, "
               "conversation bigint, person bigint, organisation bigint, name text NOT NULL, "
               "ordinal bigint NOT NULL, status smallint NOT NULL, llm text, model text, "
               "prompt text, input bigint NOT NULL, output bigint NOT NULL, "
               "cached bigint NOT NULL, reasoning bigint NOT NULL, cost_pico bigint, "
               "reserved_pico bigint, started_us bigint NOT NULL, ended_us bigint, "
               "payload bytea, applied smallint NOT NULL DEFAULT 0);\n"
               "CREATE UNIQUE INDEX stages_key ON stages (turn, name, ordinal) "
               "WHERE status <= 1;\n"
               "CREATE INDEX stages_turn ON stages (turn);\n"
               "CREATE INDEX stages_unapplied ON stages (id) WHERE applied = 0;\n"};
static const struct askd_migration *const list[] = {&stages_1, NULL};

int32_t stages_migrate(struct store *store, struct askd_error *reterr)
{
	return store_migrate(store, STORE_MANAGER, "ledger", list, reterr);
}

static struct askd_value tokens(uint64_t n)
{
	return store_int((int64_t)(n < tokens_max ? n : tokens_max));
}

static struct askd_value money(int64_t pico)
{
	return pico < 0 ? store_null() : store_int(pico);
}

static void stage_values(
        const struct ledger_stage *s, uint32_t status, struct askd_value v[STAGE_COLUMN_COUNT])
{
	size_t i = 0;

	v[i++] = store_int((int64_t)s->id);
	v[i++] = store_int((int64_t)s->turn);
	v[i++] = store_id(s->conversation);
	v[i++] = store_id(s->person);
	v[i++] = store_id(s->organisation);
	v[i++] = store_string(s->name);
	v[i++] = store_int(s->ordinal);
	v[i++] = store_int(status);
	v[i++] = store_string(s->llm);
	v[i++] = store_string(s->model);
	v[i++] = store_string(s->prompt);
	v[i++] = tokens(s->input);
	v[i++] = tokens(s->output);
	v[i++] = tokens(s->cached);
	v[i++] = tokens(s->reasoning);
	v[i++] = money(s->cost_pico);
	v[i++] = money(s->reserved_pico);
	v[i++] = store_int(s->started_us);
	v[i++] = s->ended_us ? store_int(s->ended_us) : store_null();
	v[i++] = store_bytes(s->payload.p, (size_t)s->payload.n);
}

void ledger_stage_reserve(struct store_unit *unit, const struct ledger_stage *stage)
{
	struct askd_value v[STAGE_COLUMN_COUNT];

	stage_values(stage, LEDGER_RESERVED, v);
	store_unit_add(unit, 1,
	        "INSERT INTO stages (" STAGE_COLUMNS
	        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
	        "$17, $18, $19, $20)",
	        v, STAGE_COLUMN_COUNT);
}

void ledger_stage_settle(struct store_unit *unit, const struct ledger_stage *s)
{
	const uint32_t status = s->status == LEDGER_RESERVED ? LEDGER_DONE : s->status;

	/* The reservation stays as it was. */
	store_unit_add(unit, 1,
	        "UPDATE stages SET status = $1, model = $2, input = $3, output = $4, cached = $5, "
	        "reasoning = $6, cost_pico = $7, ended_us = $8, payload = $9 "
	        "WHERE id = $10 AND status = 0",
	        STORE_PARAMS(store_int(status), store_string(s->model), tokens(s->input),
	                tokens(s->output), tokens(s->cached), tokens(s->reasoning),
	                money(s->cost_pico), s->ended_us ? store_int(s->ended_us) : store_null(),
	                store_bytes(s->payload.p, (size_t)s->payload.n),
	                store_int((int64_t)s->id)));
}

static int64_t money_of(const struct store_rows *rows, size_t row, size_t column)
{
	return store_cell(rows, row, column)->type == ASKD_NULL ? LEDGER_UNKNOWN
	                                                        : store_cell_int(rows, row, column);
}

bool stages_take(
        struct arena *a, const struct store_rows *rows, size_t row, struct ledger_stage *stage)
{
	struct askd_text payload = store_cell_text(rows, row, 19);

	*stage = (struct ledger_stage){.id = (uint64_t)store_cell_int(rows, row, 0),
	        .turn = (uint64_t)store_cell_int(rows, row, 1),
	        .conversation = (uint64_t)store_cell_int(rows, row, 2),
	        .person = (uint64_t)store_cell_int(rows, row, 3),
	        .organisation = (uint64_t)store_cell_int(rows, row, 4),
	        .name = store_cell_text(rows, row, 5).s,
	        .ordinal = (uint32_t)store_cell_int(rows, row, 6),
	        .status = (uint32_t)store_cell_int(rows, row, 7),
	        .llm = store_cell_text(rows, row, 8).s,
	        .model = store_cell_text(rows, row, 9).s,
	        .prompt = store_cell_text(rows, row, 10).s,
	        .input = (uint64_t)store_cell_int(rows, row, 11),
	        .output = (uint64_t)store_cell_int(rows, row, 12),
	        .cached = (uint64_t)store_cell_int(rows, row, 13),
	        .reasoning = (uint64_t)store_cell_int(rows, row, 14),
	        .cost_pico = money_of(rows, row, 15),
	        .reserved_pico = money_of(rows, row, 16),
	        .started_us = store_cell_int(rows, row, 17),
	        .ended_us = store_cell_int(rows, row, 18),
	        .payload = {payload.s, payload.n}};
	return !a->full;
}

void ledger_forget(struct store_unit *unit, uint64_t turn)
{
	store_unit_add(unit, -1,
	        "UPDATE stages SET payload = NULL WHERE turn = $1 AND payload IS NOT NULL",
	        STORE_PARAMS(store_int((int64_t)turn)));
}

int32_t ledger_stage_find(struct ledger *ledger, struct arena *a, uint64_t turn, const char *name,
        uint32_t ordinal, struct ledger_stage *stage, struct askd_error *reterr)
{
	struct store_rows rows;
	int32_t rc = store_read(ledger->store, STORE_MANAGER, a, NULL,
	        ASKD_LITERAL("SELECT " STAGE_COLUMNS
	                     " FROM stages WHERE turn = $1 AND name = $2 AND ordinal = $3 "
	                     "ORDER BY CASE WHEN status <= 1 THEN 0 ELSE 1 END, started_us DESC, "
	                     "id DESC LIMIT 1"),
	        STORE_PARAMS(store_int((int64_t)turn), store_string(name), store_int(ordinal)), 1,
	        &rows, reterr);

	if (rc)
		return rc;
	if (!rows.rows)
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "turn %llu has no stage %s/%u",
		        (unsigned long long)turn, name, ordinal);
	stages_take(a, &rows, 0, stage);
	return ASKD_OK;
}

int32_t ledger_recover(struct ledger *ledger, struct askd_error *reterr)
{
	struct store_rows rows;
	struct store_unit *unit;
	struct arena a;
	int64_t count;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(ledger->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT count(*) FROM stages WHERE applied = 0 AND status = 0"), NULL,
	        0, 1, &rows, reterr);
	count = rc ? 0 : store_cell_int(&rows, 0, 0);
	arena_finish(&a);
	if (rc || !count)
		return rc;
	unit = store_unit_create(ledger->store, STORE_MANAGER);
	store_unit_add(unit, -1,
	        "UPDATE stages SET status = 3, cost_pico = reserved_pico, ended_us = $1 "
	        "WHERE applied = 0 AND status = 0",
	        STORE_PARAMS(store_int(clock_now_us())));
	rc = store_commit(unit, reterr);
	if (!rc) {
		log_warning("ledger", 0,
		        "%lld calls to models were running when askd ended: their fate is unknown, "
		        "they are charged as reserved",
		        (long long)count);
		ledger_notify(ledger);
	}
	return rc;
}
