/* askd ask and the parts of askd chat, with a host made by hand and pipes for the terminal. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "arguments.h"
#include "chat.h"
#include "chat_history.h"
#include "fake_host.h"
#include "page.h"
#include "table.h"

extern const struct askd_plugin askd_plugin_v1;

static struct {
	const char *object;
	uint32_t kind;
	int32_t rc;
	uint32_t asked;
	char question[300], database[100], session[100];
} world;

static int32_t fake_ask(const struct askd_host *host, struct askd_call *call,
        const struct askd_event *in, struct askd_reply *out, struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_progress, progress, .kind = ASKD_PROGRESS_STAGE,
	        .stage = ASKD_LITERAL("database"));
	(void)host;
	world.asked++;
	assert_int_equal(in->kind, ASKD_EVENT_TEXT);
	snprintf(world.question, sizeof world.question, "%s", in->text.s);
	snprintf(
	        world.database, sizeof world.database, "%s", in->database.s ? in->database.s : "-");
	snprintf(world.session, sizeof world.session, "%s",
	        in->conversation.s ? in->conversation.s : "-");
	assert_int_equal(in->progress->put(in->progress, &progress), ASKD_OK);
	if (world.rc)
		return askd_fail(reterr, world.rc, "the daemon is stopping");
	out->kind = world.kind;
	out->object = askd_copy(call, world.object, strlen(world.object));
	return ASKD_OK;
}

static const struct askd_turn_service turn_service = {.size = sizeof turn_service, .ask = fake_ask};

static const struct askd_query_service query_service = {.size = sizeof query_service};

static const void *find_service(const struct askd_host *host, const char *id)
{
	(void)host;
	return !strcmp(id, "askd.turn/1")    ? (const void *)&turn_service
	       : !strcmp(id, "askd.query/1") ? (const void *)&query_service
	       : !strcmp(id, "askd.i18n/1")  ? (const void *)&fake_i18n
	                                     : NULL;
}

static const struct askd_host host = {.size = sizeof host, .service = find_service};
static struct fake_call call;
static _Alignas(16) char instance[256];
static char out_text[65536], err_text[65536];

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	world.object = "{\"kind\":\"answer\",\"answer\":\"It is 42.\"}";
	fake_call_init(&call);
	signal(SIGPIPE, SIG_IGN);
	return askd_plugin_v1.open(instance, &host, NULL);
}

static int teardown(void **state)
{
	(void)state;
	fake_call_finish(&call);
	return 0;
}

static const struct askd_verb *verb(void)
{
	const struct askd_verbs *verbs = askd_plugin_v1.extensions[0]->table;
	assert_string_equal(askd_plugin_v1.extensions[0]->id, "askd.verbs/1");
	assert_string_equal(verbs->verbs[0]->name, "ask");
	return verbs->verbs[0];
}

static void drain(int fd, char *to, size_t size)
{
	ssize_t n = pread(fd, to, size - 1, 0);
	to[n > 0 ? n : 0] = 0;
	close(fd);
}

static int scratch(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

/* Runs the verb; what it wrote is in out_text and err_text. input: NULL: empty. */
static int32_t run(const char *args, const char *input)
{
	ASKD_MAKE(struct askd_verb_result, result, .status = -1);
	ASKD_MAKE(struct askd_verb_call, in, .in = scratch(), .out = scratch(), .err = scratch(),
	        .args = askd_text_of(args));
	if (input)
		assert_int_equal(pwrite(in.in, input, strlen(input), 0), strlen(input));
	assert_int_equal(verb()->run(instance, &call.call, &in, &result, NULL), ASKD_OK);
	drain(in.out, out_text, sizeof out_text);
	drain(in.err, err_text, sizeof err_text);
	close(in.in);
	return result.status;
}

static void json_is_the_object_and_nothing_else(void **state)
{
	(void)state;
	world.object = "{\"kind\":\"answer\", \"answer\":\"\\u001b[2Jx\"}";
	assert_int_equal(
	        run("[\"--json\",\"-d\",\"sales\",\"--session=s1\",\"How much?\"]", NULL), 0);
	assert_string_equal(out_text, "{\"kind\":\"answer\", \"answer\":\"\\u001b[2Jx\"}\n");
	assert_string_equal(err_text, "");
	assert_string_equal(world.question, "How much?");
	assert_string_equal(world.database, "sales");
	assert_string_equal(world.session, "s1");
}

static void the_exit_status_tells_how_it_ended(void **state)
{
	static const struct {
		uint32_t kind;
		int32_t status;
	} ends[] = {{ASKD_TURN_ANSWER, 0}, {ASKD_TURN_CLARIFY, 2}, {ASKD_TURN_DECLINED, 2},
	        {ASKD_TURN_REFUSED, 2}, {ASKD_TURN_ERROR, 1}};
	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		world.kind = ends[i].kind;
		assert_int_equal(run("[\"x\"]", NULL), ends[i].status);
		assert_int_equal(run("[\"--json\",\"x\"]", NULL), ends[i].status);
	}
	world.rc = ASKD_E_BUSY;
	assert_int_equal(run("[\"x\"]", NULL), 1);
	assert_string_equal(out_text, "");
	assert_non_null(strstr(err_text, "the daemon is stopping"));
}

static void a_person_reads_answer_table_and_cost(void **state)
{
	(void)state;
	world.object =
	        "{\"kind\":\"answer\",\"answer\":\"**Berlin** leads\\\\.\",\"sql\":\"SELECT 1\","
	        "\"explanation\":\"by "
	        "city\",\"columns\":[\"city\",\"total\"],\"data\":[[\"Berlin\","
	        "\"1200.50\"],[\"Kiel\",80]],\"cost\":{\"pico\":1200000000},\"session_id\":\"s9\","
	        "\"stages\":[{\"stage\":\"analysis\",\"llm\":\"main\",\"model\":\"gpt-4\","
	        "\"input_tokens\":812,\"output_tokens\":64}]}";
	assert_int_equal(run("[\"x\"]", NULL), 0);
	assert_string_equal(out_text, "Berlin leads.\n"
	                              "\n"
	                              "city      total\n"
	                              "------  -------\n"
	                              "Berlin  1200.50\n"
	                              "Kiel         80\n"
	                              "\n"
	                              "SQL: SELECT 1\n"
	                              "by city\n"
	                              "analysis main/gpt-4 812+64 tokens, $0.0012\n"
	                              "To go on: askd ask --session s9 \"...\"\n");
	/* No terminal: no progress, no colours. */
	assert_string_equal(err_text, "");
}

static void nothing_can_steer_the_terminal(void **state)
{
	(void)state;
	world.object = "{\"kind\":\"answer\",\"answer\":\"a\\u001b[2Jb\\u009bc\\u202ed\",\"sql\":"
	               "\"SELECT '\\u001b]0;x\\u0007'\",\"columns\":[\"n\\u001b[31m\",\"m\"],"
	               "\"data\":[[\"x\\ny\\u001b[1A\",1],[\"\\u0007\",2]]}";
	assert_int_equal(run("[\"x\"]", NULL), 0);
	for (const char *s = out_text; *s; s++)
		assert_true(*s == '\n' || (unsigned char)*s >= 0x20);
	assert_null(strstr(out_text, "\xc2\x9b"));
	assert_null(strstr(out_text, "\xe2\x80\xae"));
	assert_non_null(strstr(out_text, "x y"));
}

static void long_tables_are_cut_and_say_so(void **state)
{
	json_t *object = json_pack("{s:s,s:s,s:[s,s],s:[]}", "kind", "answer", "answer", "Rows.",
	        "columns", "text", "n", "data");
	char *dump, *line, *rest;
	size_t rows = 0;
	(void)state;
	for (int i = 0; i < 1000; i++)
		json_array_append_new(json_object_get(object, "data"),
		        json_pack("[s,i]",
		                "日本語の長い文 that is far longer than any terminal is wide, "
		                "and then some more of it",
		                i));
	dump = json_dumps(object, 0);
	world.object = dump;
	assert_int_equal(run("[\"x\"]", NULL), 0);
	assert_non_null(strstr(out_text, "... and 950 more rows, use --json for all."));
	for (line = strtok_r(out_text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(screen_width(line, strlen(line)) <= 80);
		if (strstr(line, "日本語")) {
			assert_non_null(strstr(line, "…"));
			rows++;
		}
	}
	assert_int_equal(rows, 50);
	free(dump);
	json_decref(object);
}

static void wrong_usage_names_the_remedy(void **state)
{
	(void)state;
	assert_int_equal(run("[\"--jsn\",\"x\"]", NULL), 1);
	assert_non_null(strstr(err_text, "--json"));
	assert_int_equal(run("[\"--sesion=1\",\"x\"]", NULL), 1);
	assert_non_null(strstr(err_text, "--session"));
	assert_int_equal(run("[\"-d\"]", NULL), 1);
	assert_non_null(strstr(err_text, "-d needs a value"));
	assert_int_equal(run("[]", NULL), 1);
	assert_non_null(strstr(err_text, "askd ask \"How much"));
	assert_int_equal(world.asked, 0);
	assert_int_equal(run("[\"--help\"]", NULL), 0);
	assert_non_null(strstr(out_text, "askd ask [-d DATABASE]"));
}

static void the_question_may_come_from_standard_input(void **state)
{
	(void)state;
	assert_int_equal(run("[]", "How much?\n"), 0);
	assert_string_equal(world.question, "How much?");
	assert_int_equal(run("[\"-\"]", "And now?\n\n"), 0);
	assert_string_equal(world.question, "And now?");
	assert_int_equal(run("[\"--\",\"--json\",\"means\"]", NULL), 0);
	assert_string_equal(world.question, "--json means");
	assert_int_equal(run("[\"-\"]", "\xff\xfe"), 1);
	assert_non_null(strstr(err_text, "UTF-8"));
	call.cancel = 1;
	assert_int_equal(run("[\"-\"]", "x"), 1);
	assert_int_equal(world.asked, 3);
}

static void a_reader_that_left_is_an_error_not_a_death(void **state)
{
	int pipes[2];
	ASKD_MAKE(struct askd_verb_result, result, .status = -1);
	ASKD_MAKE(struct askd_verb_call, in, .in = 0, .err = scratch(),
	        .args = ASKD_LITERAL("[\"x\"]"));
	(void)state;
	assert_int_equal(pipe(pipes), 0);
	close(pipes[0]);
	in.out = pipes[1];
	assert_int_equal(verb()->run(instance, &call.call, &in, &result, NULL), ASKD_OK);
	assert_int_equal(result.status, 1);
	close(pipes[1]);
	close(in.err);
}

static void a_terminal_shows_progress_in_colour_and_width(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct winsize size = {.ws_row = 24, .ws_col = 30};
	char text[4096];
	size_t all = 0;
	ssize_t n;
	ASKD_MAKE(struct askd_verb_result, result, .status = -1);
	ASKD_MAKE(struct askd_verb_call, in, .in = 0, .args = ASKD_LITERAL("[\"x\"]"));
	(void)state;
	if (master < 0 || grantpt(master) || unlockpt(master)) {
		skip();
		return;
	}
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	unsetenv("NO_COLOR");
	in.out = in.err = slave;
	world.object =
	        "{\"kind\":\"answer\",\"answer\":\"Yes.\",\"sql\":\"SELECT 1\",\"columns\":"
	        "[\"a\",\"b\"],\"data\":[[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",1]]}";
	assert_int_equal(verb()->run(instance, &call.call, &in, &result, NULL), ASKD_OK);
	/* A terminal hands over what has arrived, which may be a part. */
	text[0] = 0;
	while (!strstr(text, "SELECT 1\033[0m") && all < sizeof text - 1) {
		struct pollfd ready = {.fd = master, .events = POLLIN};

		assert_int_equal(poll(&ready, 1, 20000), 1);
		n = read(master, text + all, sizeof text - 1 - all);
		assert_true(n > 0);
		all += (size_t)n;
		text[all] = 0;
	}
	assert_non_null(strstr(text, "Asking the database"));
	assert_non_null(strstr(text, "\r\033[KYes."));
	assert_non_null(strstr(text, "\033[2mSQL: SELECT 1\033[0m"));
	assert_non_null(strstr(text, "aaa…  1"));
	close(slave);
	close(master);
}

static char shown[65536];

/* A page for a terminal of this width, in `shown`. */
static void show_table(const char *columns, const char *data, uint32_t width)
{
	struct screen page = {.terminal = true, .width = width};
	const struct page_voice voice = {&host, &fake_i18n, &call.call};
	json_t *names = json_loads(columns, 0, NULL), *rows = json_loads(data, 0, NULL);

	assert_non_null(names);
	assert_non_null(rows);
	table_print(&page, &voice, names, rows, 2, "and {rows} more");
	snprintf(shown, sizeof shown, "%s", page.s ? page.s : "");
	screen_finish(&page);
	json_decref(names);
	json_decref(rows);
}

static void too_many_columns_become_a_list(void **state)
{
	static const char columns[] = "[\"id\",\"a long name\",\"x\"]";
	static const char data[] = "[[1,\"日本語の長い文\",null],[22,\"b\",\"c\"],[3,4,5]]";
	(void)state;
	show_table(columns, data, 40);
	assert_string_equal(shown, "id  a long name     x\n"
	                           "--  --------------  -\n"
	                           " 1  日本語の長い文\n"
	                           "22  b               c\n"
	                           "and 1 more\n");
	show_table(columns, data, 17);
	assert_string_equal(shown, "id  a long na…  x\n"
	                           "--  ----------  -\n"
	                           " 1  日本語の…\n"
	                           "22  b           c\n"
	                           "and 1 more\n");
	show_table(columns, data, 14);
	assert_string_equal(shown, "id:      1\n"
	                           "a long…: 日本…\n"
	                           "x:       \n"
	                           "\n"
	                           "id:      22\n"
	                           "a long…: b\n"
	                           "x:       c\n"
	                           "and 1 more\n");
}

static void prose_is_broken_between_words(void **state)
{
	struct screen page = {.terminal = true, .width = 12};
	static const char text[] = "aaa bbb ccc ddd\ne incomprehensibilities f\x1b";
	(void)state;
	screen_prose(&page, text, strlen(text), 0);
	assert_string_equal(page.s, "aaa bbb ccc\nddd\ne\nincomprehensibilities\nf\xef\xbf\xbd");
	screen_clear(&page);
	screen_raw(&page, "ab  ");
	screen_prose(&page, text, 15, 4);
	assert_string_equal(page.s, "ab  aaa bbb\n    ccc ddd");
	screen_clear(&page);
	page.terminal = false;
	screen_prose(&page, text, 15, 4);
	assert_string_equal(page.s, "aaa bbb ccc ddd");
	screen_finish(&page);
}

static void broken_bytes_are_no_text(void **state)
{
	(void)state;
	assert_true(screen_is_text("K\xc3\xb6ln \xf0\x9f\x98\x80 \xef\xbf\xbd", 14));
	assert_false(screen_is_text("\xc3", 1));
	assert_false(screen_is_text("\xc0\x80", 2));         /* overlong */
	assert_false(screen_is_text("\xe0\x80\x80", 3));     /* overlong */
	assert_false(screen_is_text("\xed\xa0\x80", 3));     /* a surrogate */
	assert_false(screen_is_text("\xf4\x90\x80\x80", 4)); /* beyond Unicode */
	assert_false(screen_is_whole("\xe2\x82", 2));
	assert_true(screen_is_whole("\xe2\x82\xac", 3));
	assert_true(screen_is_whole("\xe2x", 2)); /* no byte would help any more */
	assert_int_equal(screen_width("a\xe2\x9c\x85\xcc\x81", 6), 3);
}

/* The words that complete the line, with blanks between, and where they begin. */
static const char *completions(const json_t *tables, const char *line)
{
	size_t start = 99, i;
	json_t *words = chat_complete(tables, line, &start), *word;

	snprintf(shown, sizeof shown, "%zu:", start);
	json_array_foreach(words, i, word)
	{
		size_t n = strlen(shown);
		snprintf(shown + n, sizeof shown - n, " %s", json_string_value(word));
	}
	json_decref(words);
	return shown;
}

static void names_are_completed_where_they_make_sense(void **state)
{
	json_t *tables = json_loads(
	        "[{\"name\":\"orders\",\"columns\":[{\"name\":\"id\"},{\"name\":\"Total\"}]},"
	        "{\"name\":\"old_orders\",\"columns\":[{\"name\":\"id\"},{\"name\":\"day\"}]}]",
	        0, NULL);
	(void)state;
	assert_string_equal(completions(tables, "/c"), "0: /csv /clear /cancel");
	assert_string_equal(completions(tables, "/tables o"), "8: orders old_orders");
	assert_string_equal(completions(tables, "how many OR"), "9: orders");
	assert_string_equal(completions(tables, "t"), "0:");
	assert_string_equal(completions(tables, "orders by t"), "10: Total");
	assert_string_equal(completions(tables, "old_orders.d"), "11: day");
	assert_string_equal(completions(tables, "orders."), "7: id Total");
	assert_string_equal(completions(NULL, "x"), "0:");
	assert_false(chat_complete_needs_tables("/ta"));
	assert_true(chat_complete_needs_tables("/tables "));
	json_decref(tables);
}

static void count(void *arg, const char *entry)
{
	snprintf(shown, sizeof shown, "%s", entry);
	++*(size_t *)arg;
}

static void history_belongs_to_one_person(void **state)
{
	char folder[] = "/tmp/askd-history-XXXXXX", path[200], wanted[200];
	size_t n = 0;
	(void)state;
	assert_non_null(mkdtemp(folder));
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_false(history_path(path, sizeof path));
	setenv("HOME", folder, 1);
	assert_true(history_path(path, sizeof path));
	snprintf(wanted, sizeof wanted, "%s/.local/state/askd/history", folder);
	assert_string_equal(path, wanted);
	assert_true(history_add(path, "one"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(history_add(path, "two"));
	history_read(path, count, &n);
	assert_int_equal(n, 2);
	assert_string_equal(shown, "two");
	/* Whoever wants no history makes it no file. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_false(history_add(path, "three"));
	snprintf(wanted, sizeof wanted, "rm -r %s", folder);
	assert_int_equal(system(wanted), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	        TEST(json_is_the_object_and_nothing_else),
	        TEST(the_exit_status_tells_how_it_ended),
	        TEST(a_person_reads_answer_table_and_cost),
	        TEST(nothing_can_steer_the_terminal),
	        TEST(long_tables_are_cut_and_say_so),
	        TEST(wrong_usage_names_the_remedy),
	        TEST(the_question_may_come_from_standard_input),
	        TEST(a_reader_that_left_is_an_error_not_a_death),
	        TEST(a_terminal_shows_progress_in_colour_and_width),
	        TEST(too_many_columns_become_a_list),
	        TEST(prose_is_broken_between_words),
	        TEST(broken_bytes_are_no_text),
	        TEST(names_are_completed_where_they_make_sense),
	        TEST(history_belongs_to_one_person),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
