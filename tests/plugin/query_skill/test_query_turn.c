/* The skill as the host sees it: a turn with services made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "fake_host.h"

extern const struct askd_plugin askd_plugin_v1;

enum { STEPS = 8 };

/* What the services answer, and what they were asked. */
static struct {
	const char *analysis[STEPS]; /* replies in turn; NULL: IO */
	int32_t analysis_rc;         /* when the reply is NULL */
	const char *answer;
	int32_t answer_rc;
	const char *rows[STEPS]; /* of each statement; NULL: the error below */
	struct askd_error query_error;
	bool no_tables;
	struct fake_call *call;

	uint32_t analyses, answers, runs;
	char problem[600], detail[600], failed_sql[600], question[2000], sql[600], facts[4000];
	char stages[300], appended[4000], replaced[4000];
	char text[4000], message_sql[600], explanation[900];
	json_t *details;
	uint32_t replies, table_rows;
} world;

static void keep(char *to, size_t size, struct askd_text text)
{
	snprintf(to, size, "%.*s", (int)text.n, text.s ? text.s : "");
}

static int32_t fake_complete(const struct askd_host *host, struct askd_call *call,
        const struct askd_llm_request *in, struct askd_llm_reply *out, struct askd_error *reterr)
{
	const char *reply;
	(void)host;
	if (askd_equal(in->model, ASKD_LITERAL("analysis"))) {
		assert_non_null(in->reply_schema.s);
		assert_non_null(in->task->catalogue);
		keep(world.problem, sizeof world.problem, in->task->problem);
		keep(world.detail, sizeof world.detail, in->task->detail);
		keep(world.failed_sql, sizeof world.failed_sql, in->task->sql);
		keep(world.question, sizeof world.question, in->task->question);
		reply = world.analysis[world.analyses++];
		if (!reply)
			return askd_fail(reterr, world.analysis_rc, "no model");
	} else {
		assert_true(askd_equal(in->model, ASKD_LITERAL("answer")));
		assert_null(in->reply_schema.s);
		keep(world.facts, sizeof world.facts, in->task->facts);
		world.answers++;
		if (world.answer_rc)
			return askd_fail(reterr, world.answer_rc, "no model");
		reply = world.answer;
		/* Streamed in pieces of seven bytes. */
		for (size_t i = 0, n = strlen(reply); i < n; i += 7) {
			ASKD_MAKE(struct askd_llm_chunk, chunk,
			        .text = askd_copy(call, reply + i, n - i < 7 ? n - i : 7));
			int32_t rc = in->stream->put(in->stream, &chunk);
			if (rc)
				return askd_fail(reterr, rc, "stopped");
		}
	}
	out->text = askd_copy(call, reply, strlen(reply));
	return ASKD_OK;
}

static int32_t fake_run(const struct askd_host *host, struct askd_call *call,
        const struct askd_query_run *in, struct askd_query_result *out, struct askd_error *reterr)
{
	struct askd_batch batch;
	ASKD_MAKE(struct askd_query_rows, item, .batch = &batch);
	const char *rows = world.rows[world.runs++];
	(void)host;
	(void)call;
	keep(world.sql, sizeof world.sql, in->sql);
	if (!rows) {
		*reterr = world.query_error;
		return world.query_error.code;
	}
	fake_batch(world.call, rows, &item.columns, &batch);
	out->rows = batch.rows;
	return in->rows->put(in->rows, &item);
}

static int32_t fake_catalogue(const struct askd_host *host, struct askd_call *call,
        const struct askd_query_catalogue *in, struct askd_catalogue *out,
        struct askd_error *reterr)
{
	ASKD_MAKE(static const struct askd_db_table, orders, .name = ASKD_LITERAL("orders"));
	ASKD_MAKE(static const struct askd_db_table, people, .name = ASKD_LITERAL("people"));
	static const struct askd_db_table *const tables[] = {&orders, &people, NULL};
	static const struct askd_db_table *const none[] = {NULL};
	(void)host;
	(void)call;
	(void)in;
	(void)reterr;
	out->tables = world.no_tables ? none : tables;
	return ASKD_OK;
}

static int32_t fake_reply(const struct askd_host *host, struct askd_call *call,
        const struct askd_message *in, struct askd_delivered *out, struct askd_error *reterr)
{
	(void)host;
	(void)call;
	(void)out;
	(void)reterr;
	world.replies++;
	keep(world.text, sizeof world.text, in->text);
	keep(world.message_sql, sizeof world.message_sql, in->sql);
	keep(world.explanation, sizeof world.explanation, in->explanation);
	json_decref(world.details);
	world.details = json_loadb(in->details.s, in->details.n, 0, NULL);
	world.table_rows = in->table ? in->table->rows : 0;
	return ASKD_OK;
}

static int32_t fake_progress(const struct askd_host *host, struct askd_call *call,
        const struct askd_progress *in, struct askd_nothing *out, struct askd_error *reterr)
{
	(void)host;
	(void)call;
	(void)out;
	(void)reterr;
	if (in->kind == ASKD_PROGRESS_STAGE) {
		strcat(world.stages, in->stage.s);
		strcat(world.stages, " ");
	} else if (in->kind == ASKD_PROGRESS_APPEND) {
		strncat(world.appended, in->text.s, in->text.n);
	} else if (in->kind == ASKD_PROGRESS_REPLACE) {
		keep(world.replaced, sizeof world.replaced, in->text);
	}
	return ASKD_OK;
}

static const struct askd_llm_service llm = {.size = sizeof llm, .complete = fake_complete};
static const struct askd_query_service query = {
        .size = sizeof query, .run = fake_run, .catalogue = fake_catalogue};
static const struct askd_turn_service turn_service = {
        .size = sizeof turn_service, .reply = fake_reply, .progress = fake_progress};

static const void *find_service(const struct askd_host *host, const char *id)
{
	(void)host;
	return !strcmp(id, "askd.llm/1")     ? (const void *)&llm
	       : !strcmp(id, "askd.query/1") ? (const void *)&query
	       : !strcmp(id, "askd.turn/1")  ? (const void *)&turn_service
	       : !strcmp(id, "askd.i18n/1")  ? (const void *)&fake_i18n
	                                     : NULL;
}

static const struct askd_host host = {.size = sizeof host, .service = find_service};
static struct fake_call call;
static struct askd_outcome outcome;
static char state_kept[17000];
static _Alignas(16) char instance[256];

static int setup(void **state)
{
	(void)state;
	json_decref(world.details);
	memset(&world, 0, sizeof world);
	fake_call_init(&call);
	world.call = &call;
	return askd_plugin_v1.open(instance, &host, NULL);
}

static int teardown(void **state)
{
	(void)state;
	json_decref(world.details);
	world.details = NULL;
	fake_call_finish(&call);
	return 0;
}

static int32_t ask_with(const char *text, const char *turn_state, uint64_t database)
{
	const struct askd_skill_iface *iface = askd_plugin_v1.iface;
	ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT, .id = 1, .database = database,
	        .now_us = 1795262400000000, .language = ASKD_LITERAL("en"),
	        .zone = ASKD_LITERAL("UTC"), .text = askd_text_of(text),
	        .state = askd_text_of(turn_state));
	struct askd_error err;
	int32_t rc;
	outcome = (struct askd_outcome){.size = sizeof outcome};
	rc = iface->handle(instance, &call.call, &turn, &outcome, &err);
	keep(state_kept, sizeof state_kept, outcome.state);
	return rc;
}

static int32_t ask(const char *text)
{
	return ask_with(text, NULL, 7);
}

#define TABLE "city|total\nBerlin|1200.5\nKiel|800\n"
#define SQL                                                                                    \
	"{\"action\":\"sql\",\"sql\":\"SELECT city, total FROM orders\",\"explanation\":\"by " \
	"city\"}"

static const char *receipt_text(const char *name)
{
	return json_string_value(json_object_get(json_object_get(world.details, "receipt"), name));
}

static json_t *receipt(const char *name)
{
	return json_object_get(json_object_get(world.details, "receipt"), name);
}

static void a_question_is_answered_with_checked_words(void **state)
{
	(void)state;
	world.analysis[0] = SQL;
	world.rows[0] = TABLE;
	world.answer = "Berlin made 1,200.50. Hamburg made 777. Together it is 2,000.50.";
	assert_int_equal(ask("How much per city?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_ANSWER);
	assert_string_equal(world.text, "Berlin made 1,200.50. Together it is 2,000.50.");
	/* What went out while it was written was checked before. */
	assert_string_equal(world.appended, "Berlin made 1,200.50. ");
	assert_string_equal(world.replaced, world.text);
	assert_string_equal(world.stages, "analysis analysis database answer ");
	assert_string_equal(world.message_sql, "SELECT city, total FROM orders");
	assert_string_equal(world.explanation, "by city");
	assert_int_equal(world.table_rows, 2);
	assert_string_equal(receipt_text("understood"), "How much per city?");
	assert_string_equal(json_string_value(json_array_get(receipt("tables"), 0)), "orders");
	assert_int_equal(json_array_size(receipt("tables")), 1);
	assert_string_equal(json_string_value(json_array_get(receipt("dropped"), 0)), "777");
	assert_non_null(strstr(world.facts, "\"sum\",\"column\":\"total\",\"value\":2000.5"));
}

static void words_that_are_all_wrong_give_way_to_the_rows(void **state)
{
	(void)state;
	world.analysis[0] = SQL;
	world.rows[0] = TABLE;
	world.answer = "Here are the totals. Berlin made 5,555.";
	assert_int_equal(ask("How much per city?"), ASKD_OK);
	assert_string_equal(world.text, "2 rows: Berlin 1,200.50, Kiel 800.");
	assert_non_null(strstr(world.explanation, "rows speak for themselves"));
}

static void an_engine_without_words_leaves_them_to_the_skill(void **state)
{
	(void)state;
	world.analysis[0] = SQL;
	world.rows[0] = "n\n3\n";
	world.answer = "";
	assert_int_equal(ask("How many orders are late?"), ASKD_OK);
	assert_string_equal(world.text, "3 orders are late.");
	assert_null(strstr(world.explanation, "rows speak"));
}

static void a_declined_question_is_told_with_others_to_ask(void **state)
{
	(void)state;
	world.analysis[0] =
	        "{\"action\":\"decline\",\"answer\":\"Nothing here is called weather.\","
	        "\"confidence\":0,\"suggestions\":[\"How many orders are there?\"]}";
	assert_int_equal(ask("What is the weather?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_DECLINED);
	assert_string_equal(world.text, "Nothing here is called weather.");
	assert_string_equal(
	        json_string_value(json_array_get(json_object_get(world.details, "suggestions"), 0)),
	        "How many orders are there?");
}

static void rows_in_hand_are_never_lost(void **state)
{
	static const int32_t codes[] = {ASKD_E_REFUSED, ASKD_E_IO, ASKD_E_TIMEOUT, ASKD_E_AUTH,
	        ASKD_E_QUOTA, ASKD_E_BUSY, ASKD_E_PROTOCOL, ASKD_E_TOO_LARGE};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		teardown(state);
		setup(state);
		world.analysis[0] = SQL;
		world.rows[0] = "total\n42\n";
		world.answer_rc = codes[i];
		assert_int_equal(ask("How much?"), ASKD_OK);
		assert_int_equal(outcome.status, ASKD_TURN_ANSWER);
		assert_string_equal(world.text, "The total is 42.");
		/* Egress is a rule, not a failure. */
		assert_int_equal(
		        !strstr(world.explanation, "did not answer"), codes[i] == ASKD_E_REFUSED);
	}
}

static void a_rejected_statement_goes_back_with_its_reason(void **state)
{
	(void)state;
	world.analysis[0] = "{\"sql\":\"SELECT citty FROM orders\"}";
	world.analysis[1] = SQL;
	world.rows[1] = TABLE;
	world.query_error = (struct askd_error){.code = ASKD_E_STATEMENT,
	        .position = 8,
	        .native = "SQLITE_ERROR",
	        .message = "no such column: citty"};
	world.answer = "Berlin leads.";
	assert_int_equal(ask("How much?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_ANSWER);
	assert_string_equal(world.failed_sql, "SELECT citty FROM orders");
	assert_string_equal(
	        world.problem, "the database rejects it (SQLITE_ERROR) near byte 8, at \"citty\"");
	assert_string_equal(world.detail, "no such column: citty");
	assert_int_equal(json_integer_value(receipt("repairs")), 1);
}

static void a_statement_is_repaired_twice_and_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		world.analysis[i] = "{\"sql\":\"DELETE FROM orders\"}";
	world.query_error = (struct askd_error){.code = ASKD_E_REFUSED, .message = "it writes"};
	assert_int_equal(ask("Delete all"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_REFUSED);
	assert_int_equal(world.runs, 3);
	assert_string_equal(world.message_sql, "DELETE FROM orders");
	assert_non_null(strstr(world.text, "it writes"));
	assert_string_equal(world.problem, "it writes");
	assert_string_equal(world.detail, "");
	assert_int_equal(world.answers, 0);
}

static void a_reply_that_cannot_be_read_is_asked_for_once_more(void **state)
{
	(void)state;
	world.analysis[0] = "Sorry?";
	world.analysis[1] = SQL;
	world.rows[0] = TABLE;
	world.answer = "Berlin leads.";
	assert_int_equal(ask("How much?"), ASKD_OK);
	assert_string_equal(world.problem, "the reply was not the JSON object asked for");
	assert_string_equal(world.text, "Berlin leads.");

	teardown(state);
	setup(state);
	world.analysis[0] = world.analysis[1] = "Sorry?";
	assert_int_equal(ask("How much?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_ERROR);
	assert_int_equal(world.analyses, 2);
	assert_int_equal(world.replies, 1);
}

static void limits_of_the_database_are_explained_not_repaired(void **state)
{
	(void)state;
	world.analysis[0] = SQL;
	world.query_error = (struct askd_error){.code = ASKD_E_TIMEOUT, .message = "30 s"};
	assert_int_equal(ask("How much?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_ERROR);
	assert_int_equal(world.analyses, 1);
	assert_string_equal(world.message_sql, "SELECT city, total FROM orders");
}

static void other_failures_are_left_to_the_host(void **state)
{
	(void)state;
	world.analysis_rc = ASKD_E_QUOTA;
	assert_int_equal(ask("How much?"), ASKD_E_QUOTA);
	assert_int_equal(world.replies, 0);

	teardown(state);
	setup(state);
	world.analysis[0] = SQL;
	world.query_error = (struct askd_error){.code = ASKD_E_DENIED, .message = "not yours"};
	assert_int_equal(ask("How much?"), ASKD_E_DENIED);

	teardown(state);
	setup(state);
	world.analysis[0] = SQL;
	world.rows[0] = TABLE;
	world.answer_rc = ASKD_E_CANCELED;
	assert_int_equal(ask("How much?"), ASKD_E_CANCELED);
	assert_int_equal(world.replies, 0);
}

static void the_weather_touches_no_database(void **state)
{
	(void)state;
	world.analysis[0] =
	        "{\"action\":\"decline\",\"answer\":\"I know nothing of the weather.\"}";
	assert_int_equal(ask("Will it rain?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_DECLINED);
	assert_int_equal(world.runs + world.answers, 0);
	assert_string_equal(world.text, "I know nothing of the weather.");
}

static void asking_back_keeps_the_question_for_the_next_text(void **state)
{
	char kept[17000];
	(void)state;
	world.analysis[0] = "{\"action\":\"clarify\",\"answer\":\"Which sales?\",\"choices\":"
	                    "[\"online *now*\",\"in shops\"]}";
	assert_int_equal(ask("How much did we sell?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_CLARIFY);
	assert_int_equal(outcome.awaits, 1);
	assert_string_equal(world.text, "Which sales?\n\n1. online \\*now\\*\n2. in shops");
	assert_int_equal(json_array_size(json_object_get(world.details, "choices")), 2);
	snprintf(kept, sizeof kept, "%s", state_kept);

	for (int i = 0; i < 2; i++) {
		teardown(state);
		setup(state);
		world.analysis[0] = SQL;
		world.rows[0] = TABLE;
		world.answer = "Berlin leads.";
		assert_int_equal(ask_with(i ? "2" : "those of May", kept, 7), ASKD_OK);
		assert_string_equal(world.question, i ? "How much did we sell? (in shops)"
		                                      : "How much did we sell? (those of May)");
		assert_null(outcome.state.s);
		assert_int_equal(outcome.awaits, 0);
	}
}

static void a_direct_answer_and_a_mail_make_no_promises(void **state)
{
	(void)state;
	world.analysis[0] = "{\"action\":\"answer\",\"answer\":\"Hello!\",\"sql\":\"\"}";
	assert_int_equal(ask("Hi"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_ANSWER);
	assert_string_equal(world.text, "Hello!");

	teardown(state);
	setup(state);
	world.analysis[0] = "{\"action\":\"email\",\"sql\":\"SELECT city, total FROM orders\"}";
	world.rows[0] = TABLE;
	world.answer = "Berlin leads.";
	assert_int_equal(ask("Mail it to Ann"), ASKD_OK);
	assert_non_null(strstr(world.text, "Berlin leads."));
	assert_non_null(strstr(world.text, "Nothing was mailed"));
}

static void links_never_leave_with_an_answer(void **state)
{
	(void)state;
	world.analysis[0] = SQL;
	world.rows[0] = TABLE;
	world.answer = "Berlin leads. ![x](https://evil.example/?q=Berlin) Kiel follows.";
	assert_int_equal(ask("Who leads?"), ASKD_OK);
	assert_null(strstr(world.text, "evil"));
}

static void no_database_no_tables_no_words(void **state)
{
	const struct askd_skill_iface *iface = askd_plugin_v1.iface;
	ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT, .text = ASKD_LITERAL("x"));
	ASKD_MAKE(struct askd_offer, offer, .milli = 0);
	(void)state;
	assert_int_equal(iface->offer(instance, &call.call, &turn, &offer, NULL), 0);
	assert_int_equal(offer.milli, 0);
	turn.database = 7;
	assert_int_equal(iface->offer(instance, &call.call, &turn, &offer, NULL), 0);
	assert_int_equal(offer.milli, 500);

	assert_int_equal(ask_with("How much?", NULL, 0), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_DECLINED);
	world.no_tables = true;
	assert_int_equal(ask("How much?"), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_DECLINED);
	assert_int_equal(ask("  "), ASKD_OK);
	assert_int_equal(outcome.status, ASKD_TURN_DECLINED);
	assert_int_equal(world.analyses, 0);
}

/* Each allocation in the arena fails once: an error comes out, never a crash or half an answer. */
static void a_full_arena_is_survived_anywhere(void **state)
{
	bool done = false;
	for (int64_t n = 0; n < 500 && !done; n++) {
		int32_t rc;
		teardown(state);
		setup(state);
		world.analysis[0] = "{\"sql\":\"SELECT citty FROM orders\"}";
		world.analysis[1] = SQL;
		world.rows[1] = TABLE;
		world.query_error = (struct askd_error){.code = ASKD_E_STATEMENT, .message = "no"};
		world.answer = "Berlin made 7,777.";
		/* The fakes take memory from a call of their own. */
		struct fake_call own;
		fake_call_init(&own);
		world.call = &own;
		call.fails_after = n;
		rc = ask("How much?");
		done = call.fails_after > 0;
		assert_true(rc <= 0);
		if (!rc)
			assert_int_equal(world.replies, 1);
		fake_call_finish(&own);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	        TEST(a_question_is_answered_with_checked_words),
	        TEST(words_that_are_all_wrong_give_way_to_the_rows),
	        TEST(an_engine_without_words_leaves_them_to_the_skill),
	        TEST(a_declined_question_is_told_with_others_to_ask),
	        TEST(rows_in_hand_are_never_lost),
	        TEST(a_rejected_statement_goes_back_with_its_reason),
	        TEST(a_statement_is_repaired_twice_and_no_more),
	        TEST(a_reply_that_cannot_be_read_is_asked_for_once_more),
	        TEST(limits_of_the_database_are_explained_not_repaired),
	        TEST(other_failures_are_left_to_the_host),
	        TEST(the_weather_touches_no_database),
	        TEST(asking_back_keeps_the_question_for_the_next_text),
	        TEST(a_direct_answer_and_a_mail_make_no_promises),
	        TEST(links_never_leave_with_an_answer),
	        TEST(no_database_no_tables_no_words),
	        TEST(a_full_arena_is_survived_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
