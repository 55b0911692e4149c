/* test_call.c: crossings in both directions, with plugins that break the contract. */
#include <stdlib.h>

#include "base/clock.h"
#include "plugins.h"
#ifdef ASKD_FAULTS
#include "plugin/observe.h"
#endif

struct lying {
	struct fixture f;
	struct plugin_instance *db;
	void *connection;
};

static struct lying l;
static struct askd_error err;

static int lying_open(void **state)
{
	ASKD_MAKE(struct askd_db_connect, in, .flags = 0);
	ASKD_MAKE(struct askd_object, out, .handle = NULL);
	(void)state;
	fixture_init(&l.f, "database", TEST_PLUGIN("database/lying_db"), NULL);
	l.db = fixture_open(&l.f);
	assert_int_equal(enter_database_iface_connect(l.db, NULL, NULL, &l.f.call, &in, &out, &err),
	        ASKD_OK);
	l.connection = out.handle;
	return 0;
}

static int lying_close(void **state)
{
	(void)state;
	plugin_observe_reset();
	enter_database_iface_disconnect(l.db, NULL, l.connection, &l.f.call, NULL, NULL, &err);
	registry_close_one(l.db);
	fixture_finish(&l.f);
	return 0;
}

static int32_t query(const char *sql, struct askd_db_result *out)
{
	ASKD_MAKE(struct askd_db_query, in, .sql = askd_text_of(sql));
	return enter_database_iface_query(l.db, NULL, l.connection, &l.f.call, &in, out, &err);
}

static int32_t next(void *cursor, struct askd_batch *batch)
{
	ASKD_MAKE(struct askd_db_fetch, in, .max_rows = 10, .max_bytes = 1000, .max_value = 1000);
	return enter_database_iface_next(l.db, NULL, cursor, &l.f.call, &in, batch, &err);
}

static void finish(void *cursor)
{
	assert_int_equal(
	        enter_database_iface_finish(l.db, NULL, cursor, &l.f.call, NULL, NULL, &err),
	        ASKD_OK);
}

static int64_t live_cursors(void)
{
	struct askd_db_result result;
	struct askd_batch batch;
	int64_t count;
	assert_int_equal(query("live", &result), ASKD_OK);
	assert_int_equal(next(result.cursor, &batch), ASKD_OK);
	count = batch.cells[0].u.i - 1; /* but for this one */
	finish(result.cursor);
	return count;
}

static void a_batch_with_unsound_cells_is_refused(void **state)
{
	static const char *const lies[] = {"rows", "utf8", "unterminated", "type", "null_text",
	        "no_cells", "cell_flags", "bool"};
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct askd_db_result result;
		struct askd_batch batch;
		assert_int_equal(query(lies[i], &result), ASKD_OK);
		if (next(result.cursor, &batch) != ASKD_E_PROTOCOL)
			fail_msg("the lie %s is believed", lies[i]);
		assert_non_null(strstr(err.message, "database/test"));
		finish(result.cursor);
	}
}

static void a_cursor_of_a_refused_reply_goes_back_to_its_maker(void **state)
{
	static const char *const lies[] = {"bad_column", "size", "reserved"};
	struct askd_db_result result;
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		assert_int_equal(query(lies[i], &result), ASKD_E_PROTOCOL);
		assert_int_equal(live_cursors(), 0);
	}
	assert_int_equal(query("null_cursor", &result), ASKD_E_PROTOCOL);
	assert_non_null(strstr(err.message, "cursor"));
}

static void a_full_arena_is_too_large_whatever_the_plugin_says(void **state)
{
	struct askd_db_result result;
	(void)state;
	assert_int_equal(query("full", &result), ASKD_E_TOO_LARGE);
	arena_reset(&l.f.call.arena);
	assert_false(l.f.call.arena.full);
	assert_int_equal(live_cursors(), 0);
}

static void a_connection_without_a_handle_is_refused(void **state)
{
	ASKD_MAKE(struct askd_db_connect, in, .address = ASKD_LITERAL("null"));
	ASKD_MAKE(struct askd_object, out, .handle = NULL);
	(void)state;
	assert_int_equal(enter_database_iface_connect(l.db, NULL, NULL, &l.f.call, &in, &out, &err),
	        ASKD_E_PROTOCOL);
}

static void an_undefined_code_is_a_defect_of_the_plugin(void **state)
{
	struct askd_db_result result;
	(void)state;
	assert_int_equal(query("positive", &result), ASKD_E_INTERNAL);
	assert_non_null(strstr(err.message, "7"));
	assert_int_equal(query("beyond", &result), ASKD_E_INTERNAL);
}

static void an_error_is_always_filled_and_one_line(void **state)
{
	struct askd_db_result result;
	(void)state;
	assert_int_equal(query("silent", &result), ASKD_E_REMOTE);
	assert_int_equal(err.code, ASKD_E_REMOTE);
	assert_non_null(strstr(err.message, "REMOTE"));
	assert_int_equal(query("noisy", &result), ASKD_E_REMOTE);
	assert_int_equal(err.code, ASKD_E_REMOTE);
	assert_true(strlen(err.message) < sizeof err.message);
	assert_null(strchr(err.message, '\n'));
	assert_true(text_is_valid(err.native, strlen(err.native)));
	assert_int_equal(err.reserved[0], 0);
	assert_int_equal(err.flags & ~7u, 0);
}

static int32_t count_tables(
        const struct askd_db_table_sink *sink, const struct askd_db_table *table)
{
	assert_string_equal(table->name.s, "good");
	++*(int *)sink->owner;
	return ASKD_OK;
}

static void items_of_a_sink_are_checked_and_the_first_bad_one_ends_it(void **state)
{
	int count = 0;
	struct askd_db_table_sink sink = {
	        .size = sizeof sink, .owner = &count, .put = count_tables};
	ASKD_MAKE(struct askd_db_describe, in, .tables = &sink);
	(void)state;
	assert_int_equal(
	        enter_database_iface_describe(l.db, NULL, l.connection, &l.f.call, &in, NULL, &err),
	        ASKD_E_PROTOCOL);
	assert_non_null(strstr(err.message, "db_table.name"));
	assert_int_equal(count, 1);
}

static void a_call_that_is_over_enters_only_to_release(void **state)
{
	struct askd_db_result open, result;
	(void)state;
	assert_int_equal(query("live", &open), ASKD_OK);
	l.f.call.base.deadline_us = clock_monotonic_us() - 1;
	assert_int_equal(query("live", &result), ASKD_E_TIMEOUT);
	finish(open.cursor);
	l.f.call.base.deadline_us = 0;
	cancel_fire(&l.f.cancel);
	assert_int_equal(query("live", &result), ASKD_E_CANCELED);
	assert_int_equal(enter_database_iface_interrupt(
	                         l.db, NULL, l.connection, &l.f.call, NULL, NULL, &err),
	        ASKD_OK);
}

static int32_t deny(void *arg, enum contract_function function, const char *instance,
        struct plugin_call *call, const void *in, struct askd_error *reterr)
{
	(void)instance, (void)call, (void)in;
	++*(int *)arg;
	return function == CONTRACT_DATABASE_QUERY ? askd_fail(reterr, ASKD_E_IO, "denied")
	                                           : ASKD_OK;
}

static void count_after(void *arg, enum contract_function function, const char *instance,
        struct plugin_call *call, const void *in, const void *out, int32_t rc,
        const struct askd_error *e, int64_t elapsed_us)
{
	(void)function, (void)call, (void)in;
	assert_string_equal(instance, "database/test");
	assert_true(elapsed_us >= 0);
	assert_true(rc ? !out && e->code == rc : !e);
	*(int *)arg += 100;
}

static void an_observer_may_keep_a_call_out(void **state)
{
	int seen = 0;
	struct plugin_observer observer = {.before = deny, .after = count_after, .arg = &seen};
	struct askd_db_result result;
	(void)state;
	plugin_observe(&observer);
	assert_int_equal(query("live", &result), ASKD_E_IO);
	assert_string_equal(err.message, "denied");
	assert_int_equal(seen, 101);
	plugin_observe_reset();
	assert_int_equal(live_cursors(), 0);
}

static void a_missing_in_is_the_hosts_own_fault(void **state)
{
	struct askd_db_query in = {.size = 4};
	(void)state;
	assert_int_equal(
	        enter_database_iface_query(l.db, NULL, l.connection, &l.f.call, NULL, NULL, &err),
	        ASKD_E_INVALID);
	assert_int_equal(
	        enter_database_iface_query(l.db, NULL, l.connection, &l.f.call, &in, NULL, &err),
	        ASKD_E_INVALID);
}

/* ---- services ---------------------------------------------------------------------------------
 */

static struct {
	int replies;
	int32_t answer;
	const char *text;
	struct plugin_instance *again; /* entered from inside the service */
	int32_t again_rc;
} turn_seen;

static int32_t turn_reply(const struct askd_host *host, struct askd_call *call,
        const struct askd_message *in, struct askd_delivered *out, struct askd_error *reterr)
{
	assert_string_equal(host->instance, "skill/test");
	assert_non_null(plugin_call_of(call));
	assert_non_null(out);
	turn_seen.replies++;
	turn_seen.text = in->text.s;
	if (turn_seen.again) {
		ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT);
		ASKD_MAKE(struct askd_outcome, outcome, .status = 0);
		turn_seen.again_rc = enter_skill_iface_handle(
		        turn_seen.again, NULL, NULL, plugin_call_of(call), &turn, &outcome, reterr);
		return turn_seen.again_rc;
	}
	return turn_seen.answer > 0 || !turn_seen.answer
	               ? turn_seen.answer
	               : askd_fail(reterr, turn_seen.answer, "told to");
}

static const struct askd_turn_service turn_service = {
        .size = sizeof turn_service, .reply = turn_reply};

static int32_t handle(struct plugin_instance *skill, struct fixture *f)
{
	ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT);
	ASKD_MAKE(struct askd_outcome, outcome, .status = 0);
	return enter_skill_iface_handle(skill, NULL, NULL, &f->call, &turn, &outcome, &err);
}

static void a_service_is_entered_with_the_call_of_the_plugin(void **state)
{
	struct fixture f;
	struct plugin_instance *skill;
	(void)state;
	memset(&turn_seen, 0, sizeof turn_seen);
	registry_offer_service("askd.turn/1", &turn_service, true);
	fixture_init(&f, "skill", TEST_PLUGIN("skill/ping"), NULL);
	skill = fixture_open(&f);
	assert_int_equal(handle(skill, &f), ASKD_OK);
	assert_int_equal(turn_seen.replies, 1);
	assert_string_equal(turn_seen.text, "pong");
	turn_seen.answer = 5;
	assert_int_equal(handle(skill, &f), ASKD_E_INTERNAL);
	turn_seen.answer = ASKD_E_CONFLICT;
	assert_int_equal(handle(skill, &f), ASKD_E_CONFLICT);
	assert_string_equal(err.message, "told to");
	registry_close_one(skill);
	fixture_finish(&f);
	registry_reset_services();
}

static void a_service_refuses_calls_hosts_and_messages_that_are_not_right(void **state)
{
	struct fixture f;
	struct plugin_instance *skill;
	const struct askd_turn_service *turn;
	struct askd_call *inner, *call;
	struct askd_host other;
	ASKD_MAKE(struct askd_message, message, .text = ASKD_LITERAL("ab"));
	struct askd_delivered out = {.size = 4};
	(void)state;
	memset(&turn_seen, 0, sizeof turn_seen);
	registry_offer_service("askd.turn/1", &turn_service, true);
	fixture_init(&f, "skill", TEST_PLUGIN("skill/ping"), NULL);
	skill = fixture_open(&f);
	skill->opening = 1;
	turn = skill->host.service(&skill->host, "askd.turn/1");
	skill->opening = 0;
	assert_non_null(turn);
	assert_true(turn != &turn_service);
	assert_null(turn->progress); /* not offered: absent, not a door to nowhere */
	assert_null(skill->host.service(&skill->host, "askd.turn/1")); /* outside open() */
	/* a call that no plugin was given */
	assert_int_equal(
	        turn->reply(&skill->host, &f.call.base, &message, NULL, &err), ASKD_E_INVALID);
	assert_int_equal(turn->reply(&skill->host, NULL, &message, NULL, &err), ASKD_E_INVALID);
	call = skill->host.call_begin(&skill->host, 1000);
	assert_non_null(call);
	other = skill->host;
	assert_int_equal(turn->reply(&other, call, &message, NULL, &err), ASKD_E_INVALID);
	assert_int_equal(turn->reply(&skill->host, call, &message, &out, &err), ASKD_E_INVALID);
	assert_int_equal(turn->reply(&skill->host, call, NULL, NULL, &err), ASKD_E_INVALID);
	message.text.n = 1;
	assert_int_equal(turn->reply(&skill->host, call, &message, NULL, &err), ASKD_E_INVALID);
	assert_int_equal(turn_seen.replies, 0);
	message.text.n = 2;
	assert_int_equal(turn->reply(&skill->host, call, &message, NULL, NULL), ASKD_OK);
	/* a call within it: the same asker, no more time, memory of its own */
	assert_null(skill->host.call_within(&skill->host, NULL, 1000));
	assert_null(skill->host.call_within(&other, call, 1000));
	inner = skill->host.call_within(&skill->host, call, 100000);
	assert_non_null(inner);
	assert_int_equal(inner->id, call->id);
	assert_int_equal(inner->deadline_us, call->deadline_us);
	assert_ptr_equal(plugin_call_of(inner)->scope, plugin_call_of(call)->scope);
	assert_int_equal(turn->reply(&skill->host, inner, &message, NULL, NULL), ASKD_OK);
	assert_null(inner->alloc(inner, CALL_ARENA + 1)); /* full: that of the other is not */
	assert_non_null(askd_print(call, "room").s);
	skill->host.call_end(inner);
	inner = skill->host.call_within(&skill->host, call, 1);
	assert_true(inner->deadline_us < call->deadline_us);
	skill->host.call_end(inner);
	skill->host.call_end(call);
	cancel_fire(&skill->cancel);
	assert_null(skill->host.call_begin(&skill->host, 1000));
	registry_close_one(skill);
	fixture_finish(&f);
	registry_reset_services();
}

static void calls_inside_calls_have_a_limit(void **state)
{
	struct fixture f;
	(void)state;
	memset(&turn_seen, 0, sizeof turn_seen);
	registry_offer_service("askd.turn/1", &turn_service, true);
	fixture_init(&f, "skill", TEST_PLUGIN("skill/ping"), NULL);
	turn_seen.again = fixture_open(&f);
	assert_int_equal(handle(turn_seen.again, &f), ASKD_E_INTERNAL);
	assert_int_equal(turn_seen.replies, CALL_DEPTH / 2);
	assert_int_equal(f.call.depth, 0);
	assert_null(f.call.owner);
	registry_close_one(turn_seen.again);
	fixture_finish(&f);
	registry_reset_services();
}

/* ---- tests' own observers ---------------------------------------------------------------------
 */

#ifdef ASKD_FAULTS
static char *slurp(const char *path)
{
	FILE *file = fopen(path, "r");
	char *s = calloc(1, 1 << 16);
	assert_non_null(file);
	assert_non_null(s);
	assert_true(fread(s, 1, (1 << 16) - 1, file) > 0);
	fclose(file);
	return s;
}

static void a_recording_has_no_content_of_an_ephemeral_call(void **state)
{
	char path[] = "/tmp/askd-record-XXXXXX", *s;
	int fd = mkstemp(path);
	struct askd_db_result result;
	struct askd_batch batch;
	(void)state;
	assert_true(fd >= 0);
	fclose(fdopen(fd, "w"));
	assert_int_equal(observe_start(path, NULL, &err), ASKD_OK);
	assert_int_equal(query("live", &result), ASKD_OK);
	assert_int_equal(next(result.cursor, &batch), ASKD_OK);
	finish(result.cursor);
	s = slurp(path);
	assert_non_null(strstr(s, "\"function\":\"database_iface.query\""));
	assert_non_null(strstr(s, "\"sql\":\"live\""));
	assert_non_null(strstr(s, "\"cursor\":1"));
	assert_null(strstr(s, "0x"));
	free(s);
	observe_stop();
	fclose(fopen(path, "w"));
	l.f.call.base.flags = ASKD_CALL_EPHEMERAL;
	assert_int_equal(observe_start(path, NULL, &err), ASKD_OK);
	assert_int_equal(query("noisy", &result), ASKD_E_REMOTE);
	s = slurp(path);
	assert_non_null(strstr(s, "\"code\":\"REMOTE\""));
	assert_null(strstr(s, "noisy"));
	assert_null(strstr(s, "lines"));
	free(s);
	observe_stop();
	remove(path);
}

static void the_injector_fails_the_crossing_that_is_named(void **state)
{
	struct askd_db_result result;
	(void)state;
	assert_int_equal(observe_start(NULL, "database_iface.query:2:IO", &err), ASKD_OK);
	assert_int_equal(live_cursors(), 0);
	assert_int_equal(query("live", &result), ASKD_E_IO);
	assert_int_equal(err.flags, ASKD_ERR_RETRY);
	assert_int_equal(live_cursors(), 0);
	observe_stop();
	assert_int_equal(observe_start(NULL, "*:2:TIMEOUT", &err), ASKD_OK);
	assert_int_equal(query("live", &result), ASKD_OK);
	{
		struct askd_batch batch;
		assert_int_equal(next(result.cursor, &batch), ASKD_E_TIMEOUT);
	}
	finish(result.cursor);
	observe_stop();
	assert_int_equal(observe_start(NULL, "nobody.knows:1:IO", &err), ASKD_E_INVALID);
	assert_int_equal(observe_start(NULL, "*:0:IO", &err), ASKD_E_INVALID);
	assert_int_equal(observe_start(NULL, "*:1:OK", &err), ASKD_E_INVALID);
}
#endif

int main(void)
{
#define LYING(test) cmocka_unit_test_setup_teardown(test, lying_open, lying_close)
	const struct CMUnitTest tests[] = {
	        LYING(a_batch_with_unsound_cells_is_refused),
	        LYING(a_cursor_of_a_refused_reply_goes_back_to_its_maker),
	        LYING(a_full_arena_is_too_large_whatever_the_plugin_says),
	        LYING(a_connection_without_a_handle_is_refused),
	        LYING(an_undefined_code_is_a_defect_of_the_plugin),
	        LYING(an_error_is_always_filled_and_one_line),
	        LYING(items_of_a_sink_are_checked_and_the_first_bad_one_ends_it),
	        LYING(a_call_that_is_over_enters_only_to_release),
	        LYING(an_observer_may_keep_a_call_out),
	        LYING(a_missing_in_is_the_hosts_own_fault),
	        cmocka_unit_test(a_service_is_entered_with_the_call_of_the_plugin),
	        cmocka_unit_test(a_service_refuses_calls_hosts_and_messages_that_are_not_right),
	        cmocka_unit_test(calls_inside_calls_have_a_limit),
#ifdef ASKD_FAULTS
	        LYING(a_recording_has_no_content_of_an_ephemeral_call),
	        LYING(the_injector_fails_the_crossing_that_is_named),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
