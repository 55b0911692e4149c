/* A stage: retries, fallback, egress, reservation before the call, replay after a crash. The rooms
 * below are played in stage_house.h. */
#include "stage_house.h"

static const char *const fallbacks[] = {"second", "third", NULL};

static int set_up(void **state)
{
	(void)state;
	house_init();
	house.stage.model = "stage-model";
	house.stage.fallback = fallbacks;
	house_open();
	return 0;
}

static const struct askd_value sample = {.type = ASKD_TEXT, .len = 11, .u.s = "SampleValue"};
static const struct askd_db_column column = {
        .size = sizeof column, .type = ASKD_TEXT, .name = {"city", 4}, .samples = {&sample, 1}};
static const struct askd_db_column *const columns[] = {&column, NULL};
static const struct askd_db_table table = {
        .size = sizeof table, .kind = ASKD_TABLE, .name = {"shops", 5}, .columns = columns};
static const struct askd_db_table *const tables[] = {&table, NULL};
static const struct askd_catalogue catalogue = {
        .size = sizeof catalogue, .database = 17, .dialect = {"sqlite", 6}, .tables = tables};
static const struct askd_value cell = {.type = ASKD_TEXT, .len = 8, .u.s = "RowValue"};
static const struct askd_batch rows = {
        .size = sizeof rows, .rows = 1, .columns = 1, .end = 1, .cells = &cell};

static struct askd_task task_make(void)
{
	return (struct askd_task){.size = sizeof(struct askd_task),
	        .question = ASKD_LITERAL("TheQuestion"),
	        .catalogue = &catalogue,
	        .problem = ASKD_LITERAL("TheProblem"),
	        .detail = ASKD_LITERAL("TheDetail"),
	        .columns = columns,
	        .rows = &rows};
}

static int32_t complete(void)
{
	struct askd_task task = task_make();

	return complete_task(&task);
}

static void fail_always(int engine, int32_t rc, uint32_t flags)
{
	for (int i = 0; i < STEPS; i++)
		house.engines[engine].steps[i] = (struct step){rc, flags, 0, -1};
}

static void reservation_is_committed_before_the_call(void **state)
{
	(void)state;
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(house.order, "RCS");
	assert_string_equal(reply.text.s, "reply of main");
	assert_string_equal(house.engines[0].model, "stage-model");
	assert_int_equal(house.rows[0].status, LEDGER_DONE);
	assert_int_equal(house.rows[0].cost_pico, 230);
	assert_true(house.rows[0].reserved_pico >= STAGE_OUTPUT_GUESS * 3);
	assert_string_equal(house.rows[0].model, "model-2026");
	const json_t *line = json_array_get(house.turn.stages, 0);
	assert_string_equal(json_get_string(line, "stage"), "analysis");
	assert_string_equal(json_get_string(line, "left"), "results");
	assert_string_equal(json_get_string(line, "status"), "done");
	assert_int_equal(json_get_int(line, "cost_pico", -1), 230);
}

static void without_a_reservation_nobody_is_called(void **state)
{
	(void)state;
	house.commit_fails = ASKD_E_IO;
	house.stage.fallback = NULL;
	assert_int_equal(complete(), ASKD_E_IO);
	assert_int_equal(house.engines[0].calls, 0);
}

static void each_error_class_has_its_reaction(void **state)
{
	static const struct {
		int32_t rc;
		uint32_t flags, calls;
		bool falls_back;
		uint32_t status;
	} cases[] = {
	        {ASKD_E_IO, ASKD_ERR_RETRY, 3, true, LEDGER_FAILED},
	        {ASKD_E_IO, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_IO, ASKD_ERR_RETRY | ASKD_ERR_MAYBE_DONE, 3, true, LEDGER_UNKNOWN_FATE},
	        {ASKD_E_TIMEOUT, ASKD_ERR_RETRY, 3, true, LEDGER_FAILED},
	        {ASKD_E_TIMEOUT, ASKD_ERR_MAYBE_DONE, 1, true, LEDGER_UNKNOWN_FATE},
	        {ASKD_E_CRASHED, 0, 1, true, LEDGER_UNKNOWN_FATE},
	        {ASKD_E_BUSY, ASKD_ERR_RETRY, 3, true, LEDGER_FAILED},
	        {ASKD_E_PROTOCOL, 0, 2, true, LEDGER_UNKNOWN_FATE},
	        {ASKD_E_QUOTA, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_AUTH, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_DENIED, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_NOT_FOUND, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_REFUSED, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_TOO_LARGE, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_REMOTE, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_UNSUPPORTED, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_INTERNAL, 0, 1, true, LEDGER_FAILED},
	        {ASKD_E_INVALID, 0, 1, false, LEDGER_FAILED},
	        {ASKD_E_NOMEM, 0, 1, false, LEDGER_FAILED},
	        {ASKD_E_CANCELED, 0, 1, false, LEDGER_FAILED},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tear_down(state);
		set_up(state);
		fail_always(0, cases[i].rc, cases[i].flags);
		int32_t rc = complete();
		if (house.engines[0].calls != cases[i].calls ||
		        rc != (cases[i].falls_back ? ASKD_OK : cases[i].rc) ||
		        house.rows[0].status != cases[i].status)
			fail_msg("%d/%u: %u calls, rc %d, status %u", cases[i].rc, cases[i].flags,
			        house.engines[0].calls, rc, house.rows[0].status);
		assert_int_equal(house.engines[1].calls, cases[i].falls_back);
		assert_int_equal(house.rows[0].cost_pico,
		        cases[i].status == LEDGER_FAILED ? 0 : house.rows[0].reserved_pico);
		if (cases[i].falls_back)
			assert_string_equal(house.engines[1].model, "own-model");
	}
}

static void passing_trouble_ends_in_an_answer(void **state)
{
	(void)state;
	house.engines[0].steps[0] = (struct step){ASKD_E_BUSY, ASKD_ERR_RETRY, 1, -1};
	house.engines[0].steps[1] = (struct step){ASKD_E_IO, ASKD_ERR_RETRY, 0, -1};
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(house.order, "RCSRCSRCS");
	assert_int_equal(house.engines[1].calls, 0);
}

static void a_delay_beyond_the_deadline_is_not_waited_for(void **state)
{
	(void)state;
	house.engines[0].steps[0] = (struct step){ASKD_E_BUSY, ASKD_ERR_RETRY, 3600000, -1};
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 1);
	assert_int_equal(house.engines[1].calls, 1);
}

static void cancel_ends_the_wait(void **state)
{
	(void)state;
	house.engines[0].steps[0] = (struct step){ASKD_E_BUSY, ASKD_ERR_RETRY, 30000, -1};
	house.fire = &house.turn.cancel;
	assert_int_equal(complete(), ASKD_E_CANCELED);
	assert_int_equal(house.engines[0].calls, 1);
	assert_int_equal(house.engines[1].calls, 0);
}

static void *fire_soon(void *arg)
{
	/* Not before the call has ended: the turn then waits for the delay. */
	while (__atomic_load_n(&house.engines[0].calls, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	cancel_fire(arg);
	return NULL;
}

static void cancel_from_another_thread_wakes_the_wait(void **state)
{
	pthread_t thread;

	(void)state;
	house.engines[0].steps[0] = (struct step){ASKD_E_BUSY, ASKD_ERR_RETRY, 30000, -1};
	assert_int_equal(pthread_create(&thread, NULL, fire_soon, &house.turn.cancel), 0);
	assert_int_equal(complete(), ASKD_E_CANCELED);
	pthread_join(thread, NULL);
	assert_int_equal(house.engines[1].calls, 0);
}

static void all_down_tells_of_the_first(void **state)
{
	(void)state;
	fail_always(0, ASKD_E_AUTH, 0);
	fail_always(1, ASKD_E_IO, 0);
	fail_always(2, ASKD_E_QUOTA, 0);
	assert_int_equal(complete(), ASKD_E_AUTH);
	assert_int_equal(error.code, ASKD_E_AUTH);
	assert_int_equal(json_array_size(house.turn.stages), 3);
}

static void breaker_spares_an_engine_that_is_down(void **state)
{
	(void)state;
	fail_always(0, ASKD_E_IO, 0);
	for (int i = 0; i < BREAKER_FAILURES; i++)
		assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, BREAKER_FAILURES);
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, BREAKER_FAILURES);
	/* Half open: one probe, and closed again when it answers. */
	house.stages->breakers->open_until_us = 0;
	for (struct stage_breaker *b = house.stages->breakers; b; b = b->next)
		if (b->instance == &house.engines[0].instance)
			b->open_until_us = 1;
	assert_true(breaker_allows(house.stages, &house.engines[0].instance));
	assert_false(breaker_allows(house.stages, &house.engines[0].instance));
	breaker_report(house.stages, &house.engines[0].instance, ASKD_OK);
	assert_true(breaker_allows(house.stages, &house.engines[0].instance));
	assert_true(breaker_allows(house.stages, &house.engines[0].instance));
}

static void an_open_breaker_does_not_close_the_last_way(void **state)
{
	(void)state;
	house.stage.fallback = NULL;
	fail_always(0, ASKD_E_IO, 0);
	for (int i = 0; i < BREAKER_FAILURES + 2; i++)
		assert_int_equal(complete(), ASKD_E_IO);
	assert_int_equal(house.engines[0].calls, BREAKER_FAILURES + 2);
}

static void egress_holds_for_local_and_remote(void **state)
{
	static const struct {
		int64_t level;
		bool local, called, results, all;
		const char *left;
	} cases[] = {
	        {CONFIG_EGRESS_NOTHING, false, false, false, false, NULL},
	        {CONFIG_EGRESS_SCHEMA, false, true, false, false, "schema"},
	        {CONFIG_EGRESS_RESULTS, false, true, true, false, "results"},
	        {CONFIG_EGRESS_ALL, false, true, true, true, "all"},
	        {CONFIG_EGRESS_DEFAULT, false, true, true, false, "results"},
	        {CONFIG_EGRESS_NOTHING, true, true, true, true, "nothing"},
	        {CONFIG_EGRESS_SCHEMA, true, true, false, false, "nothing"},
	        {CONFIG_EGRESS_RESULTS, true, true, true, false, "nothing"},
	        {CONFIG_EGRESS_ALL, true, true, true, true, "nothing"},
	        {CONFIG_EGRESS_DEFAULT, true, true, true, true, "nothing"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int by_turn = 0; by_turn < 2; by_turn++) {
			struct engine *e = &house.engines[0];

			tear_down(state);
			set_up(state);
			house.stage.fallback = NULL;
			e->flags = cases[i].local ? ASKD_LLM_LOCAL : 0;
			house.egress = by_turn ? CONFIG_EGRESS_ALL : cases[i].level;
			house.turn.egress = by_turn ? cases[i].level : CONFIG_EGRESS_ALL;
			assert_int_equal(complete(), cases[i].called ? ASKD_OK : ASKD_E_REFUSED);
			assert_int_equal(e->calls, cases[i].called);
			assert_int_equal(house.row_count, cases[i].called);
			if (!cases[i].called)
				continue;
			assert_non_null(strstr(e->seen, "TheQuestion"));
			assert_int_equal(strstr(e->seen, "RowValue") != NULL, cases[i].results);
			assert_int_equal(e->saw_rows, cases[i].results);
			assert_int_equal(strstr(e->seen, "SampleValue") != NULL, cases[i].all);
			assert_int_equal(strstr(e->seen, "TheDetail") != NULL, cases[i].all);
			assert_string_equal(
			        json_get_string(json_array_get(house.turn.stages, 0), "left"),
			        cases[i].left);
		}
}

static void rows_that_may_not_leave_are_not_put_into_words_elsewhere(void **state)
{
	struct askd_task task = task_make();

	(void)state;
	house.stage.fallback = NULL;
	house.egress = CONFIG_EGRESS_SCHEMA;
	task.kind = ASKD_LITERAL("answer");
	assert_int_equal(complete_task(&task), ASKD_E_REFUSED);
	assert_int_equal(house.engines[0].calls, 0);
	assert_int_equal(house.row_count, 0);
	house.egress = CONFIG_EGRESS_RESULTS;
	assert_int_equal(complete_task(&task), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 1);
}

static void a_repair_by_a_local_engine_still_sees_the_details(void **state)
{
	(void)state;
	house.engines[0].flags = ASKD_LLM_LOCAL;
	house.turn.egress = CONFIG_EGRESS_DEFAULT; /* the failed statement ran on it */
	assert_int_equal(complete(), ASKD_OK);
	assert_non_null(strstr(house.engines[0].seen, "TheDetail"));
	house.engines[0].flags = 0;
	assert_int_equal(complete(), ASKD_OK);
	assert_null(strstr(house.engines[0].seen, "TheDetail"));
}

static void nothing_skips_to_the_engine_of_this_machine(void **state)
{
	(void)state;
	house.egress = CONFIG_EGRESS_NOTHING;
	house.engines[1].flags = ASKD_LLM_LOCAL;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 0);
	assert_string_equal(reply.text.s, "reply of second");
}

static void own_messages_stay_in_the_house_below_results(void **state)
{
	const struct askd_llm_message message = {
	        .size = sizeof message, .role = ASKD_ROLE_USER, .text = ASKD_LITERAL("OwnWords")};
	const struct askd_llm_message *const messages[] = {&message, NULL};
	const struct askd_llm_request in = {
	        .size = sizeof in, .model = ASKD_LITERAL("analysis"), .messages = messages};

	(void)state;
	house.stage.fallback = NULL;
	house.turn.egress = CONFIG_EGRESS_SCHEMA;
	assert_int_equal(
	        stages_complete(house.stages, &house.call, &in, &reply, &error), ASKD_E_REFUSED);
	assert_int_equal(house.engines[0].calls, 0);
	house.turn.egress = CONFIG_EGRESS_RESULTS;
	assert_int_equal(stages_complete(house.stages, &house.call, &in, &reply, &error), ASKD_OK);
	assert_string_equal(house.engines[0].seen, "OwnWords");
}

static void a_second_run_gets_the_stored_reply(void **state)
{
	(void)state;
	house.engines[0].steps[0] = (struct step){ASKD_E_IO, ASKD_ERR_RETRY, 0, -1};
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 3);
	turn_end();
	turn_begin();
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of main");
	assert_string_equal(reply.model.s, "model-2026");
	assert_int_equal(reply.input, 100);
	assert_int_equal(reply.confidence_milli, -1);
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[0].calls, 3);
	assert_int_equal(json_array_size(house.turn.stages), 3);
	assert_int_equal(complete(), ASKD_OK); /* a third call of the stage is a new one */
	assert_int_equal(house.engines[0].calls, 4);
}

static void replies_of_ephemeral_turns_are_not_kept(void **state)
{
	(void)state;
	house.turn.ephemeral = true;
	assert_int_equal(complete(), ASKD_OK);
	assert_null(house.rows[0].payload.p);
	house.turn.ephemeral = false;
	house.turn.durable = false;
	assert_int_equal(complete(), ASKD_OK);
	assert_null(house.rows[1].payload.p);
}

static void unsure_replies_go_on_to_the_next_engine(void **state)
{
	(void)state;
	house.stage.escalate_below_milli = 850;
	house.engines[0].flags = ASKD_LLM_FREE;
	house.engines[0].steps[0].confidence = 600;
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of second");
	assert_int_equal(house.rows[0].status, LEDGER_DONE);
	assert_int_equal(house.rows[0].cost_pico, 0);
	/* The second run gets the same reply, and asks nobody again. */
	turn_end();
	turn_begin();
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of second");
	assert_int_equal(house.engines[0].calls + house.engines[1].calls, 2);
}

static void an_unsure_reply_is_better_than_none(void **state)
{
	(void)state;
	house.stage.escalate_below_milli = 850;
	house.engines[0].steps[0].confidence = 600;
	fail_always(1, ASKD_E_AUTH, 0);
	fail_always(2, ASKD_E_AUTH, 0);
	assert_int_equal(complete(), ASKD_OK);
	assert_string_equal(reply.text.s, "reply of main");
	assert_int_equal(reply.confidence_milli, 600);
}

static void a_sure_reply_ends_it(void **state)
{
	(void)state;
	house.stage.escalate_below_milli = 850;
	house.engines[0].steps[0].confidence = 850;
	assert_int_equal(complete(), ASKD_OK);
	assert_int_equal(house.engines[1].calls, 0);
}

static void unknown_stages_and_engines_are_named(void **state)
{
	static const char *const wrong[] = {"nobody", NULL};
	struct askd_llm_request in = {.size = sizeof in, .model = ASKD_LITERAL("nosuch")};
	struct stages *stages = NULL;

	(void)state;
	assert_int_equal(
	        stages_complete(house.stages, &house.call, &in, &reply, &error), ASKD_E_NOT_FOUND);
	house.stage.fallback = wrong;
	assert_int_equal(stages_open(&stages, &house.rooms, &error), ASKD_E_CONFIG);
	assert_non_null(strstr(error.message, "llm/nobody"));
	house.stage.fallback = NULL;
	house.stage.prompt = "no separator";
	assert_int_equal(stages_open(&stages, &house.rooms, &error), ASKD_E_CONFIG);
	assert_null(stages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(reservation_is_committed_before_the_call),
	        TEST(without_a_reservation_nobody_is_called),
	        TEST(each_error_class_has_its_reaction),
	        TEST(passing_trouble_ends_in_an_answer),
	        TEST(a_delay_beyond_the_deadline_is_not_waited_for),
	        TEST(cancel_ends_the_wait),
	        TEST(cancel_from_another_thread_wakes_the_wait),
	        TEST(all_down_tells_of_the_first),
	        TEST(breaker_spares_an_engine_that_is_down),
	        TEST(an_open_breaker_does_not_close_the_last_way),
	        TEST(egress_holds_for_local_and_remote),
	        TEST(rows_that_may_not_leave_are_not_put_into_words_elsewhere),
	        TEST(a_repair_by_a_local_engine_still_sees_the_details),
	        TEST(nothing_skips_to_the_engine_of_this_machine),
	        TEST(own_messages_stay_in_the_house_below_results),
	        TEST(a_second_run_gets_the_stored_reply),
	        TEST(replies_of_ephemeral_turns_are_not_kept),
	        TEST(unsure_replies_go_on_to_the_next_engine),
	        TEST(an_unsure_reply_is_better_than_none),
	        TEST(a_sure_reply_ends_it),
	        TEST(unknown_stages_and_engines_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
