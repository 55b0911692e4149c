/* What the offline engine understands of a database: names, keys, classes. */
#include "schema_house.h"

/* ---- names -------------------------------------------------------------------------------------
 */

static void own_name_and_prefix_may_go_unsaid(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE student (student_name TEXT, student_age INT);"
	          "CREATE TABLE sbCustomer (sbCustId INT PRIMARY KEY, sbCustName TEXT,"
	          " sbCustCity TEXT, sbCustPhone TEXT);"
	          "CREATE TABLE sbDeal (sbTxId INT PRIMARY KEY, sbTxDay TEXT, sbTxCustId INT,"
	          " sbTxEntryFee INT)");
	assert_int_equal(says_column(&f, "entry fee", "sbDeal", "sbTxEntryFee"), 1000);
	assert_int_equal(says_column(&f, "deal entry fee", "sbDeal", "sbTxEntryFee"), 900);
	assert_int_equal(way(&f, "sbDeal", "sbTxCustId", "sbCustomer", "sbCustId"), 16);
	assert_int_equal(says_column(&f, "student name", "student", "student_name"), 1000);
	assert_int_equal(says_column(&f, "name", "student", "student_name"), 900);
	assert_int_equal(says_column(&f, "customer name", "sbCustomer", "sbCustName"), 1000);
	assert_true(says_column(&f, "name", "sbCustomer", "sbCustName") >= 800);
	assert_string_equal(column(&f, "sbCustomer", "sbCustName")->words, "customer name");
	done(&f);
}

static void abbreviations_are_written_out(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE employee (emp_num INT PRIMARY KEY, emp_fname TEXT, emp_dob DATE);"
	          "CREATE TABLE course (crs_code TEXT PRIMARY KEY, crs_desc TEXT, max_temp INT)");
	assert_true(says_column(&f, "first name", "employee", "emp_fname") >= 850);
	assert_int_equal(says_column(&f, "employee number", "employee", "emp_num"), 1000);
	assert_int_equal(says_column(&f, "course description", "course", "crs_desc"), 1000);
	/* and still found as they stand */
	assert_true(says_column(&f, "dob", "employee", "emp_dob") >= 850);
	assert_true(says_column(&f, "max temperature", "course", "max_temp") ||
	            says_column(&f, "max temp", "course", "max_temp") >= 950);
	done(&f);
}

static void glued_words_are_told_apart(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE student (stuid INT PRIMARY KEY, cityname TEXT, candidate TEXT,"
	          " LName TEXT);"
	          "CREATE TABLE aircraft (aid INT PRIMARY KEY, paid INT);"
	          "CREATE TABLE department (dname TEXT, dlocation TEXT);"
	          "CREATE TABLE lives (stuid INT, aid INT);"
	          "CREATE TABLE wallet (spinnerid INT PRIMARY KEY, steroid TEXT)");
	assert_int_equal(says_column(&f, "student id", "student", "stuid"), 1000);
	assert_int_equal(says_column(&f, "student id", "lives", "stuid"), 1000);
	assert_int_equal(says_column(&f, "city name", "student", "cityname"), 1000);
	assert_int_equal(says_column(&f, "last name", "student", "LName"), 1000);
	assert_int_equal(says_column(&f, "candidate", "student", "candidate"), 1000);
	assert_int_equal(says_column(&f, "aircraft id", "aircraft", "aid"), 1000);
	assert_int_equal(says_column(&f, "aircraft id", "lives", "aid"), 1000);
	assert_int_equal(says_column(&f, "paid", "aircraft", "paid"), 1000);
	assert_int_equal(says_column(&f, "department name", "department", "dname"), 1000);
	assert_int_equal(says_column(&f, "location", "department", "dlocation"), 900);
	assert_int_equal(says_column(&f, "spinner id", "wallet", "spinnerid"), 1000);
	assert_int_equal(says_column(&f, "steroid", "wallet", "steroid"), 1000);
	done(&f);
}

static void long_names_are_said_in_part(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE files (id INT PRIMARY KEY, document_type_code TEXT, length_meters "
	          "REAL,"
	          " date_of_birth DATE, num_pages INT, is_active INT, price_in_usd REAL)");
	assert_int_equal(says_column(&f, "document type", "files", "document_type_code"), 780);
	assert_int_equal(says_column(&f, "type code", "files", "document_type_code"), 800);
	assert_int_equal(says_column(&f, "type", "files", "document_type_code"), 600);
	assert_int_equal(says_column(&f, "length", "files", "length_meters"), 900);
	assert_string_equal(column(&f, "files", "length_meters")->unit, "meters");
	assert_int_equal(says_column(&f, "birth date", "files", "date_of_birth"), 900);
	assert_int_equal(says_column(&f, "number of pages", "files", "num_pages"), 950);
	assert_int_equal(says_column(&f, "active", "files", "is_active"), 950);
	assert_int_equal(says_column(&f, "price", "files", "price_in_usd"), 900);
	assert_null(column(&f, "files", "num_pages")->unit);
	done(&f);
}

static void tables_are_said_without_what_all_share(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE tbl_customer (id INTEGER PRIMARY KEY);"
	          "CREATE TABLE Ref_Budget_Codes (code TEXT PRIMARY KEY);"
	          "CREATE TABLE customer_orders (id INTEGER PRIMARY KEY);"
	          "CREATE TABLE course_details (id INTEGER PRIMARY KEY);"
	          "CREATE TABLE pupil (id INTEGER PRIMARY KEY);"
	          "CREATE TABLE pupil_course (pupil_id INT REFERENCES pupil,"
	          " course_id INT REFERENCES course_details)");
	assert_int_equal(says_table(&f, "customers", "tbl_customer"), 970);
	assert_int_equal(says_table(&f, "budget codes", "Ref_Budget_Codes"), 970);
	assert_int_equal(says_table(&f, "orders", "customer_orders"), 800);
	assert_int_equal(says_table(&f, "courses", "course_details"), 880);
	assert_true(f.schema->tables[table_of(&f, "pupil_course")].junction);
	assert_int_equal(says_table(&f, "pupils", "pupil_course"), 400);
	assert_int_equal(says_table(&f, "pupils", "pupil"), 1000);
	assert_string_equal(f.schema->tables[table_of(&f, "tbl_customer")].words, "customer");
	done(&f);
}

static void comments_and_synonyms_are_phrases(void **state)
{
	struct askd_db_column id = {.size = sizeof id,
	        .type = ASKD_INT,
	        .name = ASKD_LITERAL("x1"),
	        .comment = ASKD_LITERAL("the shoe size (EU)")};
	struct askd_db_column city = {
	        .size = sizeof city, .type = ASKD_TEXT, .name = ASKD_LITERAL("city")};
	const struct askd_db_column *columns[] = {&id, &city, NULL};
	struct askd_db_table table = {.size = sizeof table,
	        .kind = ASKD_TABLE,
	        .rows = -1,
	        .name = ASKD_LITERAL("t17"),
	        .comment = ASKD_LITERAL("Club members, since 1990"),
	        .columns = columns};
	struct askd_db_table empty = {.size = sizeof empty, .name = ASKD_LITERAL("nothing")};
	const struct askd_db_table *tables[] = {&empty, &table, NULL};
	struct askd_catalogue catalogue = {
	        .size = sizeof catalogue, .dialect = ASKD_LITERAL("sqlite"), .tables = tables};
	struct askd_error error = {0};
	struct fixture f = {0};
	(void)state;
	f.schema = schema_create(&catalogue, &error);
	assert_non_null(f.schema);
	assert_int_equal(f.schema->table_count, 1);
	assert_int_equal(says_column(&f, "shoe size", "t17", "x1"), 850);
	assert_int_equal(says_table(&f, "club members", "t17"), 850);
	assert_in_range(says_column(&f, "town", "t17", "city"), 500, 750);
	done(&f);
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static void undeclared_references_are_found_where_the_values_are(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT);"
	          "CREATE TABLE shop (id INTEGER PRIMARY KEY, city_id INT, home_city_id INT, "
	          "town_id INT);"
	          "CREATE TABLE town (id INTEGER PRIMARY KEY); CREATE TABLE size (id INTEGER "
	          "PRIMARY KEY);"
	          "CREATE TABLE hall (size INT); INSERT INTO hall VALUES (7), (9);"
	          "INSERT INTO size VALUES (1);"
	          "INSERT INTO city VALUES (1, 'Rome'), (2, 'Oslo'), (3, 'Bonn');"
	          "INSERT INTO town VALUES (50);"
	          "INSERT INTO shop VALUES (1, 1, 3, 7), (2, 1, 2, 8), (3, 3, NULL, 9);");
	assert_int_equal(way(&f, "shop", "city_id", "city", "id"), 16);
	assert_int_equal(way(&f, "shop", "home_city_id", "city", "id"), 16);
	assert_int_equal(way(&f, "shop", "town_id", "town", "id"), 0);
	assert_false(column(&f, "shop", "town_id")->flags & COLUMN_FOREIGN);
	assert_true(column(&f, "shop", "town_id")->flags & COLUMN_CODE);
	/* not a size's id, but an amount */
	assert_int_equal(way(&f, "hall", "size", "size", "id"), 0);
	assert_true(column(&f, "hall", "size")->flags & COLUMN_MEASURE);
	assert_true(column(&f, "shop", "city_id")->flags & COLUMN_FOREIGN);
	done(&f);
}

static void keys_of_several_columns_stay_together(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE room (floor INT, number INT, PRIMARY KEY (floor, number));"
	          "CREATE TABLE stay (id INTEGER PRIMARY KEY, floor INT, number INT,"
	          " FOREIGN KEY (floor, number) REFERENCES room)");
	assert_int_equal(f.schema->tables[table_of(&f, "room")].key, -1);
	assert_int_equal(way(&f, "stay", "floor", "room", "floor"), 10);
	assert_int_equal(way(&f, "stay", "number", "room", "number"), 10);
	assert_int_equal(f.schema->edge_count, 2);
	assert_int_equal(f.schema->edges[0].more, 1);
	assert_int_equal(f.schema->edges[1].more, 0);
	done(&f);
}

static void persons_lead_to_persons_above(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE employee (id INTEGER PRIMARY KEY, name TEXT, manager_id INT);"
	          "CREATE TABLE office (id INTEGER PRIMARY KEY, manager_id INT);"
	          "INSERT INTO employee VALUES (11, 'A', NULL), (12, 'B', 11), (13, 'C', 11);"
	          "INSERT INTO office VALUES (1, 12)");
	assert_int_equal(way(&f, "employee", "manager_id", "employee", "id"), 16);
	assert_int_equal(way(&f, "office", "manager_id", "employee", "id"), 16);
	assert_int_equal(way(&f, "office", "manager_id", "office", "id"), 0);
	done(&f);
}

static void a_key_is_guessed_where_none_is_declared(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE city (city_id INT, name TEXT); CREATE TABLE shop (city_id INT, "
	          "area INT);"
	          "INSERT INTO city VALUES (1, 'Rome'), (2, 'Oslo');"
	          "INSERT INTO shop VALUES (2, 10), (2, 12), (1, 10)");
	assert_int_equal(
	        f.schema->tables[table_of(&f, "city")].key, (int)column_of(&f, "city", "city_id"));
	assert_int_equal(way(&f, "shop", "city_id", "city", "city_id"), 16);
	done(&f);
}

/* ---- classes -----------------------------------------------------------------------------------
 */

static void values_tell_what_columns_hold(void **state)
{
	struct fixture f;
	const struct schema_column *c;
	(void)state;
	learn(&f,
	        "CREATE TABLE t (id INTEGER PRIMARY KEY, age TEXT, made TEXT, born TEXT, seen TEXT,"
	        " zip TEXT, kind TEXT, ok TEXT, done INT, wins INT, opened_year INT, price "
	        "DECIMAL(9,2),"
	        " gender TEXT);"
	        "INSERT INTO t VALUES"
	        "(1,'31','1990','2020-05-01','3/14/2015','01234','a','Y',1,0,2001,9.5,'0'),"
	        "(2,'27','2004','2021-05-01 10:00','12/1/2015','98765','b','N',0,2,1987,8,'1'),"
	        "(3,'5','1999','2020-01-31','1/1/2016','20000','a','Y',0,1,2011,1,'1'),"
	        "(4,'44','2010','2019-12-24','2/2/2016','30000','b','N',1,7,2001,7.25,'0')");
	c = column(&f, "t", "age");
	assert_int_equal(c->type, COLUMN_NUMBER);
	assert_true(c->flags & COLUMN_TEXTUAL && c->flags & COLUMN_MEASURE);
	c = column(&f, "t", "made");
	assert_true(c->flags & COLUMN_YEAR && !(c->flags & COLUMN_MEASURE));
	c = column(&f, "t", "born");
	assert_true(c->type == COLUMN_TIME && c->flags & COLUMN_ISO);
	c = column(&f, "t", "seen");
	assert_true(
	        c->type == COLUMN_TIME && c->flags & COLUMN_TEXTUAL && c->flags & COLUMN_INDEXED);
	c = column(&f, "t", "zip");
	assert_true(c->type == COLUMN_TEXT && c->flags & COLUMN_CODE);
	c = column(&f, "t", "kind");
	assert_true(c->flags & COLUMN_ENUM && !(c->flags & COLUMN_TRUTH));
	assert_int_equal(c->distinct, 2);
	c = column(&f, "t", "ok");
	assert_true(c->flags & COLUMN_TRUTH);
	assert_string_equal(c->yes[0], "'Y'");
	assert_string_equal(c->yes[1], "'N'");
	c = column(&f, "t", "done");
	assert_true(c->flags & COLUMN_TRUTH && !(c->flags & COLUMN_MEASURE));
	assert_string_equal(c->yes[0], "1");
	assert_true(column(&f, "t", "wins")->flags & COLUMN_MEASURE);
	assert_true(column(&f, "t", "opened_year")->flags & COLUMN_YEAR);
	assert_true(column(&f, "t", "price")->flags & COLUMN_MEASURE);
	assert_false(column(&f, "t", "gender")->flags & COLUMN_TRUTH);
	assert_false(column(&f, "t", "id")->flags & COLUMN_MEASURE);
	done(&f);
}

static void dates_are_told_from_other_numbers(void **state)
{
	static const char *const texts[][2] = {{"8/29/2013 9:08", "1/2/2014"},
	        {"29.8.2013", "1.12.2014"}, {"29 August 2013", "1 May 2014"},
	        {"Aug. 29, 2013", "Sept 3, 2014"}, {"2013/8/29", "2014/1/2"}, {"1.2.3", "10.0.19"},
	        {"123-45-6789", "321-54-9876"}, {"Mark 5", "Marcus 6"}, {"21-14-10", "21-18"}};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct fixture f;
		char script[200];
		snprintf(script, sizeof script,
		        "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('%s'), ('%s')", texts[i][0],
		        texts[i][1]);
		learn(&f, script);
		assert_int_equal(column(&f, "t", "x")->type, i < 5 ? COLUMN_TIME : COLUMN_TEXT);
		done(&f);
	}
}

static int32_t read_truths(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	const struct askd_value cells[] = {
	        {.type = ASKD_BOOL, .u.i = 1}, {.type = ASKD_OTHER, .len = 3, .u.s = "new"}};
	(void)source;
	(void)max_rows;
	(void)reterr;
	assert_non_null(strstr(sql, "\"sold\", \"state\" FROM \"public\".\"car\" LIMIT"));
	return row(owner, cells, 2);
}

static void truths_are_written_as_the_database_does(void **state)
{
	struct askd_db_column sold = {
	        .size = sizeof sold, .type = ASKD_BOOL, .name = ASKD_LITERAL("sold")};
	struct askd_db_column kind = {
	        .size = sizeof kind, .type = ASKD_OTHER, .name = ASKD_LITERAL("state")};
	const struct askd_db_column *columns[] = {&sold, &kind, NULL};
	struct askd_db_table table = {.size = sizeof table,
	        .kind = ASKD_TABLE,
	        .rows = -1,
	        .schema = ASKD_LITERAL("public"),
	        .name = ASKD_LITERAL("car"),
	        .columns = columns};
	const struct askd_db_table *tables[] = {&table, NULL};
	struct askd_catalogue catalogue = {
	        .size = sizeof catalogue, .dialect = ASKD_LITERAL("postgres"), .tables = tables};
	struct source source = {read_truths, NULL};
	struct askd_error error = {0};
	struct fixture f = {0};
	(void)state;
	f.schema = schema_create(&catalogue, &error);
	assert_int_equal(schema_learn(f.schema, &source, 100, &error), ASKD_OK);
	assert_true(f.schema->columns[0].flags & COLUMN_TRUTH);
	assert_int_equal(f.schema->columns[0].type, COLUMN_OTHER);
	assert_string_equal(f.schema->columns[0].yes[0], "TRUE");
	assert_string_equal(f.schema->columns[0].yes[1], "FALSE");
	assert_int_equal(f.schema->columns[1].type, COLUMN_TEXT);
	assert_int_equal(f.schema->tables[0].rows, 1);
	done(&f);
}

static void a_row_is_named_by_its_name(void **state)
{
	struct fixture f;
	(void)state;
	learn(&f, "CREATE TABLE shop (id INTEGER PRIMARY KEY, code TEXT UNIQUE, description TEXT,"
	          " manager_name TEXT, name TEXT);"
	          "CREATE TABLE doctor (school_name TEXT, first_name TEXT, last_name TEXT);"
	          "CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT, label TEXT);"
	          "CREATE TABLE person (first_name TEXT, last_name TEXT, user_name TEXT);"
	          "CREATE TABLE player (id INTEGER PRIMARY KEY, team TEXT, player TEXT);"
	          "CREATE TABLE status (code TEXT PRIMARY KEY, description TEXT);"
	          "CREATE TABLE point (x INT, y INT, taken DATE UNIQUE);");
	assert_display(&f, "shop", "name");
	assert_display(&f, "doctor", "last_name");
	assert_display(&f, "film", "title");
	assert_display(&f, "person", "last_name");
	assert_int_equal(f.schema->tables[table_of(&f, "person")].display2,
	        (int)column_of(&f, "person", "first_name"));
	assert_display(&f, "player", "player");
	assert_display(&f, "status", "description");
	assert_display(&f, "point", "");
	assert_int_equal(f.schema->tables[table_of(&f, "shop")].display2, -1);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(own_name_and_prefix_may_go_unsaid),
	        cmocka_unit_test(abbreviations_are_written_out),
	        cmocka_unit_test(glued_words_are_told_apart),
	        cmocka_unit_test(long_names_are_said_in_part),
	        cmocka_unit_test(tables_are_said_without_what_all_share),
	        cmocka_unit_test(comments_and_synonyms_are_phrases),
	        cmocka_unit_test(undeclared_references_are_found_where_the_values_are),
	        cmocka_unit_test(keys_of_several_columns_stay_together),
	        cmocka_unit_test(persons_lead_to_persons_above),
	        cmocka_unit_test(a_key_is_guessed_where_none_is_declared),
	        cmocka_unit_test(values_tell_what_columns_hold),
	        cmocka_unit_test(dates_are_told_from_other_numbers),
	        cmocka_unit_test(truths_are_written_as_the_database_does),
	        cmocka_unit_test(a_row_is_named_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
