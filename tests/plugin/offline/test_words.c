/* Words: how a question and a name are taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "words.h"
#include "words_inside.h"

/* Every word in brackets: what kind it is, its text, "=" and the number. */
static char *show(struct pool *pool, const struct words *words)
{
	static const char *const kinds[] = {"", "#", "'", "!"};
	static const char *const units[] = {"", "%", "$", "."};
	char *all = pool_copy(pool, "", 0);
	for (size_t i = 0; i < words->count && all; i++) {
		const struct word *word = &words->words[i];
		all = pool_print(pool, "%s%s%s%s%s%s%s", all, i ? " " : "", kinds[word->kind],
		        units[word->unit], word->text, word->number ? "=" : "",
		        word->number ? word->number : "");
	}
	assert_non_null(all);
	return all;
}

static void reads(const char *text, const char *expected)
{
	struct pool pool = {0};
	struct words words;
	bool cut;
	const char *shown;
	assert_true(words_read(&pool, text, strlen(text), &words, &cut));
	assert_false(cut);
	shown = show(&pool, &words);
	if (strcmp(shown, expected) != 0)
		print_error("%s\n  is       %s\n  expected %s\n", text, shown, expected);
	assert_string_equal(shown, expected);
	pool_finish(&pool);
}

static void words_are_folded_and_parted(void **state)
{
	(void)state;
	reads("Show  the Names!", "show the names !!");
	reads("S\u00f8nderborg M\u00dcLLER Stra\u00dfe \u0130zmir na\u00efve",
	        "sonderborg muller strasse izmir naive");
	reads("R&B, AT&T and C++ or C#", "r&b !, at&t and c++ or c#");
	reads("the U.S. and e.g. this. That", "the u.s. and e.g. this !. that");
	reads("and/or (all)", "and !/ or !( all !)");
	reads("orders.total of cust_name", "orders.total of cust_name");
	reads("", "");
	reads(" \t\n", "");
}

static void codes_and_addresses_stay_whole(void **state)
{
	(void)state;
	reads("ACCT-211, A12, F-150 and COVID-19", "acct-211 !, a12 !, f-150 and covid-19");
	reads("mail user.name@mail.org.", "mail user.name@mail.org !.");
	reads("see http://x.org/a?b=1, www.y.org.", "see http://x.org/a?b=1 !, www.y.org !.");
	reads("10.0.0.1 1.2.3 10:30 555-1234 12-34-56", "10.0.0.1 1.2.3 10:30 555-1234 12-34-56");
	reads("2024-05-03 03/05/2024 3.5.2024 3-May-2024",
	        "2024-05-03 03/05/2024 3.5.2024 3-may-2024");
	reads("well-known part-time", "well-known part-time");
	reads("second-largest, best-selling, top-10, non-smoking",
	        "#.second=2 largest !, best selling !, top #10=10 !, non smoking");
}

static void apostrophes_part_what_they_shorten(void **state)
{
	(void)state;
	reads("the singer's age", "the singer 's age");
	reads("students' names", "students 's names");
	reads("don\u2019t, can't, won't, isn't", "do not !, can not !, will not !, is not");
	reads("who's we're I've they'll he'd I'm", "who is we are i have they will he would i am");
	reads("O'Brien and rock'n'roll", "o'brien and rock'n'roll");
	reads("the 1990's and '80s", "the 1990s and 80s");
}

static void quotations_are_one_word(void **state)
{
	(void)state;
	reads("in \"New  York\"", "in 'new york");
	reads("'x', `y` and \u201cz z\u201d, \u2018w\u2019", "'x !, 'y and 'z z !, 'w");
	reads("\u201eK\u00f6ln\u201c \u00abParis\u00bb \u00bbUlm\u00ab", "'koln 'paris 'ulm");
	reads("\"\"Joe\"\" and ''Ann''", "'joe and 'ann");
	reads("'O'Brien' isn't 'Smith'", "'o'brien is not 'smith");
	reads("the singers' 'best' songs", "the singers 's 'best songs");
	reads("it's an \"open door", "it is an open door");
	reads("5\" pipes", "#5=5 pipes");
	reads("\"\" ' '", "");
}

static void numbers_in_figures(void **state)
{
	(void)state;
	reads("1,000 1,234,567.50 1,5", "#1,000=1000 #1,234,567.50=1234567.5 #1=1 !, #5=5");
	reads("1.5k 3 million 2m 4 bn 5K", "#1.5k=1500 #3 million=3000000 #2m=2000000 "
	                                   "#4 bn=4000000000 #5k=5000");
	reads("-5 +3 .5 10-20 2010-2012", "#-5=-5 #+3=3 #.5=0.5 #10=10 !- #20=20 #2010=2010 !- "
	                                  "#2012=2012");
	reads("minus 5 and 10 - 3", "#minus 5=-5 and #10=10 !- #3=3");
	reads("007 0.10 -0", "#007=7 #0.10=0.1 #-0=0");
	reads("19-year-old 10-day 5km 12%", "#19=19 year old #10=10 day #5=5 km #%12%=12");
	reads("1,000-2,000 or 1,000x", "#1,000=1000 !- #2,000=2000 or #1,000=1000 x");
	reads("1\u00bd", "#1=1 !1/2");
	reads("1st, 2nd and 23rd", "#.1st=1 !, #.2nd=2 and #.23rd=23");
	reads("123456789012345678901234567890", "123456789012345678901234567890");
	reads("999999999999999999 million", "#999999999999999999=999999999999999999 million");
}

static void numbers_in_words(void **state)
{
	(void)state;
	reads("two hundred and fifty", "#two hundred and fifty=250");
	reads("twenty-five twenty five", "#twenty-five=25 #twenty five=25");
	reads("a dozen, two dozen, half a dozen",
	        "#a dozen=12 !, #two dozen=24 !, #half a dozen=6");
	reads("half a million or one and a half million",
	        "#half a million=500000 or #one and a half million=1500000");
	reads("a thousand or a cat", "#a thousand=1000 or a cat");
	reads("three hundred thousand two hundred and one",
	        "#three hundred thousand two hundred and one=300201");
	reads("between two hundred and three hundred",
	        "between #two hundred=200 and #three hundred=300");
	reads("between one hundred and fifty", "between #one hundred=100 and #fifty=50");
	reads("between one hundred and ten and one hundred and fifty",
	        "between #one hundred and ten=110 and #one hundred and fifty=150");
	reads("two and three", "#two=2 and #three=3");
	reads("two thousand and nine", "#two thousand and nine=2009");
	reads("nineteen ninety-nine or twenty twenty four",
	        "#nineteen ninety-nine=1999 or #twenty twenty four=2024");
	reads("first, third, twenty-first", "#.first=1 !, #.third=3 !, #.twenty-first=21");
	reads("one city, the one that", "#one=1 city !, the one that");
	reads("per second and the second", "per second and the #.second=2");
	reads("thirty second videos", "#thirty=30 second videos");
}

static void units_stand_before_and_behind_numbers(void **state)
{
	(void)state;
	reads("$12.50 \u20ac5 12 \u20ac 12\u20ac $ 7", "#$$12.50=12.5 #$\u20ac5=5 #$12 \u20ac=12 "
	                                               "#$12\u20ac=12 #$$ 7=7");
	reads("12 EUR, EUR 12, 3 US dollars", "#$12 eur=12 !, #$eur 12=12 !, #$3 us dollars=3");
	reads("$1.5m or 2 million euros", "#$$1.5m=1500000 or #$2 million euros=2000000");
	reads("20 % 20 percent twenty per cent", "#%20 %=20 #%20 percent=20 #%twenty per cent=20");
	reads("a % sign", "a !% sign");
}

static void places_and_marks_are_kept(void **state)
{
	static const char text[] = "The  'Big Apple' costs \u20ac 3 million, B2B only";
	struct pool pool = {0};
	struct words words;
	bool cut;
	(void)state;
	assert_true(words_read(&pool, text, strlen(text), &words, &cut));
	assert_int_equal(words.count, 7);
	for (size_t i = 1; i < words.count; i++)
		assert_true(words.words[i].start >= words.words[i - 1].end);
	assert_string_equal(words.words[1].written, "Big Apple");
	assert_int_equal(words.words[1].start, 5);
	assert_int_equal(words.words[1].end, 16);
	assert_int_equal(words.words[1].kind, WORD_QUOTED);
	assert_string_equal(words.words[3].written, "\u20ac 3 million");
	assert_true(words.words[3].value > 2999999 && words.words[3].value < 3000001);
	assert_true(words.words[0].capital && !words.words[2].capital);
	assert_true(words.words[5].capital);
	assert_true(words.words[4].glued && !words.words[5].glued);
	pool_finish(&pool);
}

static void stems_are(const char *text, const char *expected)
{
	struct pool pool = {0};
	const char *stems = words_stems(&pool, text, strlen(text));
	assert_non_null(stems);
	if (strcmp(stems, expected) != 0)
		print_error("%s\n  is       %s\n  expected %s\n", text, stems, expected);
	assert_string_equal(stems, expected);
	pool_finish(&pool);
}

static void forms_of_a_word_meet(void **state)
{
	static const char *const same[][2] = {{"people", "person"}, {"children", "child"},
	        {"men", "man"}, {"women", "woman"}, {"mice", "mouse"}, {"feet", "foot"},
	        {"teeth", "tooth"}, {"geese", "goose"}, {"criteria", "criterion"},
	        {"indices", "index"}, {"indexes", "index"}, {"bought", "buy"}, {"sold", "sells"},
	        {"taught", "teaching"}, {"won", "winning"}, {"wrote", "written"}, {"paid", "pays"},
	        {"took", "taken"}, {"gave", "given"}, {"had", "has"}, {"made", "making"},
	        {"cities", "city"}, {"addresses", "address"}, {"buses", "bus"},
	        {"statuses", "status"}, {"salesmen", "salesman"}, {"registration", "registered"},
	        {"deliveries", "delivered"}, {"enrolled", "enrollment"},
	        {"enrolment", "enrollments"}, {"colours", "color"}, {"centre", "centers"},
	        {"organisations", "organization"}, {"e-mail", "emails"}, {"U.S.A.", "USA"},
	        {"start-date", "start dates"}, {"CustName", "cust_name"}, {"1,000", "1000"},
	        {"analyses", "analysis"}, {"universities", "university"}};
	static const char *const other[][2] = {{"university", "universe"},
	        {"organization", "organ"}, {"department", "depart"}, {"engineer", "engine"},
	        {"business", "busy"}, {"activity", "active"}, {"production", "product"},
	        {"authority", "author"}, {"training", "train"}, {"booking", "book"},
	        {"goods", "good"}, {"personal", "person"}, {"listing", "list"}, {"news", "new"},
	        {"building", "build"}, {"animal", "animate"}, {"important", "import"}};
	struct pool pool = {0};
	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		const char *a = words_stems(&pool, same[i][0], strlen(same[i][0]));
		const char *b = words_stems(&pool, same[i][1], strlen(same[i][1]));
		assert_non_null(a);
		assert_non_null(b);
		assert_string_equal(a, b);
	}
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		const char *a = words_stem(&pool, other[i][0]), *b = words_stem(&pool, other[i][1]);
		assert_non_null(a);
		assert_non_null(b);
		assert_string_not_equal(a, b);
	}
	pool_finish(&pool);
}

static void stems_of_texts_have_one_blank_between(void **state)
{
	(void)state;
	stems_are(" The  Customers, (old)! ", "the custom old");
	stems_are("", "");
	stems_are("ACCT-211 address1", "acct-211 address 1");
	stems_are("well-known \"singers\"", "well know singer");
}

static void table_of_forms_is_sorted_and_settled(void **state)
{
	struct pool pool = {0};
	(void)state;
	for (size_t i = 0; i < words_form_count; i++) {
		const char *base = words_forms[i].base;
		const char *found = words_irregular(words_forms[i].word);
		assert_non_null(found);
		assert_ptr_equal(found, base);
		/* A base is no irregular form of another. */
		if (*base != '=' && words_irregular(base) && *words_irregular(base) != '=')
			fail_msg("%s leads to %s and on", words_forms[i].word, base);
	}
	pool_finish(&pool);
}

static void splits(const char *name, const char *expected)
{
	struct pool pool = {0};
	struct words words;
	const char *shown;
	assert_true(words_split_name(&pool, name, &words));
	shown = show(&pool, &words);
	if (strcmp(shown, expected) != 0)
		print_error("%s\n  is       %s\n  expected %s\n", name, shown, expected);
	assert_string_equal(shown, expected);
	pool_finish(&pool);
}

static void names_are_taken_apart(void **state)
{
	(void)state;
	splits("CustName", "cust name");
	splits("cust_name", "cust name");
	splits("CUST-NAME", "cust name");
	splits("custname2", "custname #2=2");
	splits("customerID", "customer id");
	splits("CustomerIDs", "customer ids");
	splits("GDPperCapita", "gdp per capita");
	splits("HTMLParser", "html parser");
	splits("2ndName", "#.2nd=2 name");
	splits("order date (UTC)", "order date utc");
	splits("Stra\u00dfeN\u00fcmmer", "strasse nummer");
	splits("__a__b", "a b");
	splits("", "");
	splits("\xff\xfe", "");
}

static void texts_are_folded(void **state)
{
	static const struct {
		const char *text, *folded;
	} examples[] = {{"  New   York ", "new york"},
	        {"\u201cA\u201d\u2013\u2019b\u2019", "\"a\"-'b'"},
	        {"\u00c5ngstr\u00f6m \u0141\u00f3d\u017a", "angstrom lodz"},
	        {"a\xff"
	         "b",
	                "a b"},
	        {"\ufb01le \uff21", "file a"}, {"", ""}, {"soft\u00adhyphen", "softhyphen"}};
	struct pool pool = {0};
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		const char *folded = words_fold(&pool, examples[i].text, strlen(examples[i].text));
		assert_non_null(folded);
		assert_string_equal(folded, examples[i].folded);
	}
	pool_finish(&pool);
}

static void long_texts_are_cut(void **state)
{
	enum { SIZE = 1 << 20 };
	static const char *const fills[] = {"a ", "a", "'", "\"", "x'", "1,", "one ", "-", ".a",
	        "\xff", "\"a ", "fifty and ", "1 000 ", "a\u00e9", "'s ", "two hundred "};
	char *text = malloc(SIZE);
	(void)state;
	assert_non_null(text);
	for (size_t k = 0; k < sizeof fills / sizeof *fills; k++) {
		struct pool pool = {0};
		struct words words;
		size_t n = strlen(fills[k]);
		bool cut = false;
		for (size_t i = 0; i < SIZE; i++)
			text[i] = fills[k][i % n];
		assert_true(words_read(&pool, text, SIZE, &words, &cut));
		assert_true(cut);
		assert_true(words.count <= WORDS_MAX);
		assert_true(pool.total < 1 << 20);
		pool_finish(&pool);
	}
	free(text);
}

static void zero_bytes_are_blanks(void **state)
{
	static const char text[] = "a\0b";
	struct pool pool = {0};
	struct words words;
	bool cut;
	(void)state;
	assert_true(words_read(&pool, text, sizeof text, &words, &cut));
	assert_string_equal(show(&pool, &words), "a b");
	pool_finish(&pool);
}

#ifdef ASKD_FAULTS
#include "faults.h"

static void no_memory_is_told_at_any_place(void **state)
{
	static const char text[] =
	        "Show \"New York\" and ACCT-211's CustName for two hundred dollars";
	bool whole = false;
	(void)state;
	for (int at = 1; !whole; at++) {
		struct pool pool = {0};
		struct words words, parts;
		char number[16];
		bool cut;
		snprintf(number, sizeof number, "%d", at);
		setenv("ASKD_TEST_FAIL_ALLOC", number, 1);
		faults_arm();
		whole = words_read(&pool, text, strlen(text), &words, &cut) &&
		        words_stems(&pool, text, strlen(text)) &&
		        words_fold(&pool, text, strlen(text)) &&
		        words_split_name(&pool, "GDPperCapita", &parts) &&
		        words_stem(&pool, "customers");
		assert_int_equal(whole, !pool.failed);
		unsetenv("ASKD_TEST_FAIL_ALLOC");
		faults_arm();
		pool_finish(&pool);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(words_are_folded_and_parted),
	        cmocka_unit_test(codes_and_addresses_stay_whole),
	        cmocka_unit_test(apostrophes_part_what_they_shorten),
	        cmocka_unit_test(quotations_are_one_word),
	        cmocka_unit_test(numbers_in_figures),
	        cmocka_unit_test(numbers_in_words),
	        cmocka_unit_test(units_stand_before_and_behind_numbers),
	        cmocka_unit_test(places_and_marks_are_kept),
	        cmocka_unit_test(forms_of_a_word_meet),
	        cmocka_unit_test(stems_of_texts_have_one_blank_between),
	        cmocka_unit_test(table_of_forms_is_sorted_and_settled),
	        cmocka_unit_test(names_are_taken_apart),
	        cmocka_unit_test(texts_are_folded),
	        cmocka_unit_test(long_texts_are_cut),
	        cmocka_unit_test(zero_bytes_are_blanks),
#ifdef ASKD_FAULTS
	        cmocka_unit_test(no_memory_is_told_at_any_place),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
