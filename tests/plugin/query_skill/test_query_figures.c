/* Which sentences may be said of which rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_host.h"
#include "figures.h"

static const char sales[] = "city|orders|total\n"
                            "Berlin|3|1200.50\n"
                            "Hamburg|5|800\n"
                            "München|2|400.25\n";
static const char months[] = "month|revenue\n"
                             "2024-01-31|12345678\n"
                             "2024-02-29|9876543\n"
                             "2024-05-03|2400000\n";
static const char share[] = "kind|rate|change\nnew|0.425|-5\nold|0.575|12\n";
static const char single[] = "total\n42\n";
static const char none[] = "city|total\n";
static const char parts[] = "product|code|year|month|sold\n"
                            "iPhone 15|B2B|2023|5|70\n"
                            "Galaxy S24|C-17|2024|7|90\n"
                            "COVID-19 test|D 4|2024|8|40\n";
static const char times[] = "at|visitors\n2024-03-01 14:30:00|17\n2024-03-02 09:05:00|23\n";
static const char loss[] = "shop|profit\nA|-250.5\nB|1000\nC|NULL\n";
static const char groups[] = "city|name\nBerlin|Ann\nBerlin|Bob\nKiel|Cid\nBerlin|Dan\n";

struct example {
	const char *rows, *question, *sentence;
	int32_t keep;
};

static const struct example examples[] = {
        /* cells, in every dress */
        {sales, "", "Berlin comes to 1200.50.", 1},
        {sales, "", "Berlin comes to 1,200.50.", 1},
        {sales, "", "Berlin comes to $1,200.50.", 1},
        {sales, "", "Berlin kommt auf 1.200,50 Euro.", 1},
        {sales, "",
                "Берлин: 1\xc2\xa0"
                "200,50.",
                1},
        {sales, "", "Берлин: 1 200,50.", 1},
        {sales, "", "Berlin comes to 1'200.50 CHF.", 1},
        {sales, "", "Berlin comes to €1.2K.", 1},
        {sales, "", "Berlin comes to about 1.2 thousand.", 1},
        {sales, "", "Berlin comes to 1201.", 1},
        {sales, "", "Berlin comes to 1,202.", 0},
        {sales, "", "Berlin comes to 1,200.51.", 0},
        {sales, "", "Berlin kommt auf 1.300,50 Euro.", 0},
        {sales, "", "Berlin comes to 2.1K.", 0},
        {sales, "", "Berlin: ١٣٠٠.", 0},
        {sales, "", "Hamburg: ٨٠٠.", 1},
        /* sums, averages, extremes, counts, differences, shares */
        {sales, "", "All in all 2,400.75.", 1},
        {sales, "", "All in all 2,500.75.", 0},
        {sales, "", "That is 800.25 on average.", 1},
        {sales, "", "That is 850 on average.", 0},
        {sales, "", "There are 10 orders in three cities.", 1},
        {sales, "", "There are 11 orders.", 0},
        {sales, "", "There are four cities.", 0},
        {sales, "", "Berlin is 400.50 ahead of Hamburg.", 1},
        {sales, "", "Berlin is 410.50 ahead of Hamburg.", 0},
        {sales, "", "Berlin holds 50% of the total.", 1},
        {sales, "", "Berlin holds 50.0 percent.", 1},
        {sales, "", "Berlin holds 58% of the total.", 0},
        {sales, "", "Hamburg hat einen Anteil von 33,3 %.", 1},
        {sales, "", "Hamburg has half of the orders.", 1},
        {sales, "", "Hamburg sold twice as much as München.", 1},
        {sales, "", "Berlin sold 3 times as much as München.", 1},
        {sales, "", "Berlin sold 7 times as much as München.", 0},
        {sales, "", "The average order in Berlin is worth 400.17.", 1},
        {sales, "", "The top two together make 2,000.50.", 1},
        {sales, "", "Berlin and Hamburg are the two largest.", 1},
        {sales, "", "Two cities are above 500.", 0},
        {sales, "Which cities are above 500?", "Two cities are above 500.", 1},
        {sales, "Which cities are above 500?", "Nine cities are above 500.", 0},
        /* ordinals */
        {sales, "", "München is in third place.", 1},
        {sales, "", "München is in 3rd place.", 1},
        {sales, "", "München is in 7th place.", 0},
        {sales, "", "1. Berlin: 1,200.50", 1},
        {sales, "", "2) Hamburg with 800", 1},
        {sales, "", "2) Hamburg with 900", 0},
        /* words of the question, no numbers at all */
        {sales, "What about 2019?", "Nothing is known of 2019.", 1},
        {sales, "", "Nothing is known of 2019.", 0},
        {sales, "", "Berlin is ahead of all others.", 1},
        {sales, "", "One of them is Berlin.", 1},
        /* dates */
        {months, "", "On 3 May 2024 it was 2,400,000.", 1},
        {months, "", "On May 3, 2024 it was 2.4 million.", 1},
        {months, "", "On May 3rd it was 2.4M.", 1},
        {months, "", "Am 3. Mai 2024 waren es 2,4 Mio. Euro.", 1},
        {months, "", "Am 03.05.2024 waren es 2.400.000 Euro.", 1},
        {months, "", "3 мая 2024 было 2,4 млн.", 1},
        {months, "", "On 2024-05-03 it was 2.4 million.", 1},
        {months, "", "In May 2024 it was 2.4 million.", 1},
        {months, "", "In Q2 2024 it was 2.4 million.", 1},
        {months, "", "In 2024 it was 12,345,678 at best.", 1},
        {months, "", "On 4 May 2024 it was 2.4 million.", 0},
        {months, "", "On 2024-06-03 it was 2.4 million.", 0},
        {months, "", "In June 2024 it was 2.4 million.", 0},
        {months, "", "In Q3 2024 it was 2.4 million.", 0},
        {months, "", "In 2023 it was 2.4 million.", 0},
        {months, "", "January brought 12.3 million.", 1},
        {months, "", "January brought 12.35 million.", 1},
        {months, "", "January brought 12.4 million.", 0},
        {months, "", "January brought over 12 million.", 1},
        {months, "", "January brought 12.3 billion.", 0},
        {months, "", "It fell by 20% from January to February.", 1},
        {months, "", "It fell by 33% from January to February.", 0},
        {times, "", "At 14:30 there were 17 visitors.", 1},
        {times, "", "At 2:30 pm there were 17 visitors.", 1},
        {times, "", "At 15:30 there were 17 visitors.", 0},
        /* percentages that are kept as fractions, signs */
        {share, "", "New ones make 42.5%.", 1},
        {share, "", "New ones make 43%.", 1},
        {share, "", "New ones make 45.5%.", 0},
        {share, "", "New ones changed by -5.", 1},
        {share, "", "New ones lost 5.", 1},
        {share, "", "Old ones changed by -13.", 0},
        {loss, "", "A made a loss of 250.50.", 1},
        {loss, "", "A made −250.50.", 1},
        {loss, "", "A made -251.50.", 0},
        {loss, "", "One value is missing of three.", 1},
        /* names with digits */
        {parts, "", "The iPhone 15 sold 70 times.", 1},
        {parts, "", "The Galaxy S24 sold 90.", 1},
        {parts, "", "The Galaxy S25 sold 90.", 0},
        {parts, "", "The COVID-19 test sold 40.", 1},
        {parts, "", "Code C-17 sold 90.", 1},
        {parts, "", "Code B2C sold 70.", 0},
        {parts, "", "In July 2024 it was 90.", 1},
        {parts, "", "Version 1.2.3 sold 90.", 0},
        /* little or nothing there */
        {single, "", "The total is 42.", 1},
        {single, "", "The total is forty-two.", 1},
        {single, "", "The total is 43.", 0},
        {none, "", "There are 0 rows.", 1},
        {none, "", "There are 5 rows.", 0},
        {groups, "", "Berlin has three people and Kiel has one.", 1},
        {groups, "", "Three quarters of them live in Berlin.", 1},
        {groups, "", "Berlin has 5 people.", 0},
        {groups, "", "The 4 people live in 2 cities.", 1},
        /* more numbers than anybody can check */
        {single, "", "1,2,3,4", 0},
        {single, "", "42 999999999999999999999999999999999999999999999999999999999999999999", 0},
};

static void fake_rows(struct fake_call *call, struct rows *rows, const char *text)
{
	struct askd_batch batch;
	ASKD_MAKE(struct askd_query_rows, item, .batch = &batch);
	fake_batch(call, text, &item.columns, &batch);
	rows_init(rows, &call->call);
	assert_int_equal(rows->sink.put(&rows->sink, &item), ASKD_OK);
}

static int32_t judge(const struct example *example, struct str *culprit)
{
	struct fake_call call;
	struct rows rows;
	struct figures figures;
	int32_t kept;
	fake_call_init(&call);
	fake_rows(&call, &rows, example->rows);
	assert_int_equal(figures_init(&figures, &rows, askd_text_of(example->question),
	                         ASKD_LITERAL("SELECT city FROM t"), 1795262400000000),
	        ASKD_OK);
	kept = figures_check(&figures, askd_text_of(example->sentence), NULL, culprit);
	figures_finish(&figures);
	fake_call_finish(&call);
	return kept;
}

static void sentences_are_kept_and_dropped_as_the_rows_allow(void **state)
{
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct str culprit = {0};
		if (judge(&examples[i], &culprit) != examples[i].keep) {
			print_error("%s: \"%s\" (%s)\n", examples[i].keep ? "dropped" : "kept",
			        examples[i].sentence, culprit.s ? culprit.s : "");
			wrong++;
		}
		str_finish(&culprit);
	}
	assert_int_equal(wrong, 0);
}

static void a_kept_figure_names_its_cell(void **state)
{
	struct fake_call call;
	struct rows rows;
	struct figures figures;
	struct str_list found = {.count = 0};
	(void)state;
	fake_call_init(&call);
	fake_rows(&call, &rows, sales);
	assert_int_equal(figures_init(&figures, &rows, ASKD_LITERAL(""), ASKD_LITERAL(""), 0), 0);
	assert_int_equal(figures_check(&figures, ASKD_LITERAL("Hamburg: 800."), &found, NULL), 1);
	assert_string_equal(found.text.s,
	        "{\"text\":\"800\",\"source\":\"cell\",\"column\":\"total\",\"row\":2}");
	/* A dropped sentence leaves nothing behind. */
	assert_int_equal(
	        figures_check(&figures, ASKD_LITERAL("Hamburg: 800, not 7777."), &found, NULL), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(figures_check(&figures, ASKD_LITERAL("And 1,200."), &found, NULL), 1);
	assert_string_equal(found.text.s,
	        "{\"text\":\"800\",\"source\":\"cell\",\"column\":\"total\",\"row\":2},"
	        "{\"text\":\"1,200\",\"source\":\"cell\",\"column\":\"total\",\"row\":1}");
	str_finish(&found.text);
	figures_finish(&figures);
	fake_call_finish(&call);
}

static void numbers_of_the_statement_and_of_today_may_be_said(void **state)
{
	struct fake_call call;
	struct rows rows;
	struct figures figures;
	(void)state;
	fake_call_init(&call);
	fake_rows(&call, &rows, single);
	assert_int_equal(figures_init(&figures, &rows, ASKD_LITERAL("and last month?"),
	                         ASKD_LITERAL("SELECT sum(x) FROM t WHERE d >= '2026-10-01' AND "
	                                      "amount > 75"),
	                         1795262400000000 /* 21 November 2026 */),
	        0);
	assert_int_equal(
	        figures_check(&figures, ASKD_LITERAL("In October 2026 it was 42."), NULL, NULL), 1);
	assert_int_equal(
	        figures_check(&figures, ASKD_LITERAL("Of those above 75: 42."), NULL, NULL), 1);
	assert_int_equal(
	        figures_check(&figures, ASKD_LITERAL("As of 21 November 2026: 42."), NULL, NULL),
	        1);
	assert_int_equal(
	        figures_check(&figures, ASKD_LITERAL("In September 2026 it was 42."), NULL, NULL),
	        0);
	figures_finish(&figures);
	fake_call_finish(&call);
}

static void a_thousand_wide_rows_are_checked_in_bounded_time(void **state)
{
	struct fake_call call;
	struct rows rows;
	struct figures figures;
	struct str text = {0};
	struct timespec start, end;
	(void)state;
	str_puts(&text, "name|a|b|c|d|e|f|g|h|i");
	for (int r = 0; r < 1000; r++)
		str_print(&text, "\nrow %d x|%d|%d|%d|%d|%d|%d|%d|%d|%d", r, r * 7, r * 13, r,
		        r + 1, r * 3, 9 * r, r * r, 5, 77 * r);
	str_puts(&text, "\n");
	fake_call_init(&call);
	fake_rows(&call, &rows, text.s);
	assert_int_equal(rows.batch.rows, 1000);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(figures_init(&figures, &rows, ASKD_LITERAL(""), ASKD_LITERAL(""), 0), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		        figures_check(&figures, ASKD_LITERAL("The row 123 x has 861."), NULL, NULL),
		        1);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 10);
	figures_finish(&figures);
	fake_call_finish(&call);
	str_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sentences_are_kept_and_dropped_as_the_rows_allow),
	        cmocka_unit_test(a_kept_figure_names_its_cell),
	        cmocka_unit_test(numbers_of_the_statement_and_of_today_may_be_said),
	        cmocka_unit_test(a_thousand_wide_rows_are_checked_in_bounded_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
