/* test_ledger.c: sums to the pico-dollar, nothing lost, nothing doubled. */
#include "../store/bench_state.h"

#include "ledger/ledger.h"

static struct bench b;
static struct ledger *ledger;

static void open_ledger(void)
{
	bench_open(&b);
	if (ledger_open(&ledger, b.store, b.config, &b.err))
		fail_msg("%s", b.err.message);
}

static struct config_price price = {
        .llm = "main", .model = "flash", .input = 75000, .output = 300000, .cached = 75000};

static int setup(void **state)
{
	(void)state;
	bench_start(&b, NULL);
	b.config->prices = &price;
	open_ledger();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ledger_close(ledger);
	bench_stop(&b);
	return 0;
}

static void cost_is_exact(void **state)
{
	(void)state;
	assert_int_equal(ledger_cost(ledger, "main", "flash", 1, 342, 903, 0, false), 296550000);
	assert_int_equal(
	        ledger_cost(ledger, "main", "other", 1, 342, 903, 0, false), LEDGER_UNKNOWN);
	assert_int_equal(ledger_cost(ledger, "main", "other", 1, 342, 903, 0, true), 0);
	assert_int_equal(
	        ledger_cost(ledger, "main", "flash", 1, UINT64_MAX, 1, 0, false), LEDGER_UNKNOWN);
}

static struct ledger_stage stage_of(uint64_t id)
{
	return (struct ledger_stage){.id = id,
	        .turn = id,
	        .conversation = 1 + id % 7,
	        .person = 1 + id % 3,
	        .organisation = id % 2,
	        .name = "analysis",
	        .llm = "main",
	        .model = "flash",
	        .status = LEDGER_DONE,
	        .started_us = 1,
	        .ended_us = 2,
	        .reserved_pico = 5000};
}

static void sums_are_exact_and_never_doubled(void **state)
{
	uint64_t seed = 12345;
	int64_t sum = 0, input = 0;

	(void)state;
	for (uint64_t id = 1; id <= 10000;) {
		struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);
		for (int i = 0; i < 200; i++, id++) {
			struct ledger_stage s = stage_of(id);
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			s.input = seed >> 44;
			s.output = seed >> 50 & 0xfff;
			s.cost_pico = ledger_cost(
			        ledger, "main", "flash", 1, s.input, s.output, 0, false);
			sum += (int64_t)s.input * 75000 + (int64_t)s.output * 300000;
			input += (int64_t)s.input;
			ledger_stage_reserve(unit, &s);
			ledger_stage_settle(unit, &s);
		}
		assert_int_equal(store_commit(unit, &b.err), 0);
		ledger_notify(ledger);
	}
	for (int round = 0; round < 2; round++) {
		assert_int_equal(ledger_flush(ledger, &b.err), 0);
		assert_int_equal(
		        bench_int(&b, STORE_COSTS, "SELECT count(*) FROM conversation_stages"),
		        10000);
		assert_int_equal(
		        bench_int(&b, STORE_COSTS, "SELECT sum(cost_pico) FROM model_usage"), sum);
		assert_int_equal(
		        bench_int(&b, STORE_COSTS, "SELECT sum(cost_pico) FROM conversations"),
		        sum);
		assert_int_equal(
		        bench_int(&b, STORE_COSTS, "SELECT sum(input) FROM stages_usage"), input);
		assert_int_equal(
		        bench_int(&b, STORE_COSTS, "SELECT sum(calls) FROM org_model_usage"), 5000);
		/* as after a crash between the two databases */
		bench_do(&b, STORE_MANAGER, "UPDATE stages SET applied = 0 WHERE id % 3 = 0");
	}
}

static void settled_twice_is_refused(void **state)
{
	struct ledger_stage s = stage_of(1);
	struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);

	(void)state;
	ledger_stage_reserve(unit, &s);
	assert_int_equal(store_commit(unit, &b.err), 0);
	for (int round = 0; round < 2; round++) {
		unit = store_unit_create(b.store, STORE_MANAGER);
		s.cost_pico = 77;
		ledger_stage_settle(unit, &s);
		assert_int_equal(store_commit(unit, &b.err), round ? ASKD_E_CONFLICT : 0);
	}
}

static void lost_call_is_charged_as_reserved(void **state)
{
	struct ledger_stage s = stage_of(1), found;
	struct store_unit *unit = store_unit_create(b.store, STORE_MANAGER);
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	ledger_stage_reserve(unit, &s);
	assert_int_equal(store_commit(unit, &b.err), 0);
	ledger_close(ledger);
	bench_close(&b);
	open_ledger();
	assert_int_equal(ledger_recover(ledger, &b.err), 0);
	assert_int_equal(ledger_flush(ledger, &b.err), 0);
	assert_int_equal(ledger_stage_find(ledger, &a, 1, "analysis", 0, &found, &b.err), 0);
	assert_int_equal(found.status, LEDGER_UNKNOWN_FATE);
	assert_int_equal(found.cost_pico, 5000);
	assert_int_equal(bench_int(&b, STORE_COSTS, "SELECT cost_pico FROM model_usage"), 5000);
	/* the key is free again */
	s.id = 2;
	unit = store_unit_create(b.store, STORE_MANAGER);
	ledger_stage_reserve(unit, &s);
	assert_int_equal(store_commit(unit, &b.err), 0);
	assert_int_equal(ledger_stage_find(ledger, &a, 1, "analysis", 0, &found, &b.err), 0);
	assert_int_equal(found.id, 2);
	arena_finish(&a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(cost_is_exact),
	        TEST(sums_are_exact_and_never_doubled), TEST(settled_twice_is_refused),
	        TEST(lost_call_is_charged_as_reserved)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
