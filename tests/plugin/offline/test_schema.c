/* What the offline engine understands of a database: names, keys, classes; and bad databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema.h"
#include "sqlite_source.h"
#include "words.h"

struct fixture {
	sqlite3 *db;
	struct source source;
	struct schema *schema;
	struct pool pool;
};

static void run(sqlite3 *db, const char *script)
{
	char *message = NULL;
	if (sqlite3_exec(db, script, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
}

static void open_database(struct fixture *f, const char *script)
{
	*f = (struct fixture){0};
	assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
	run(f->db, script);
	f->source = (struct source){sqlite_read, f->db};
}

static struct schema *create(struct fixture *f)
{
	struct pool pool = {0};
	struct askd_error error = {0};
	struct askd_catalogue catalogue = sqlite_catalogue(&pool, f->db);
	struct schema *schema = schema_create(&catalogue, &error);
	pool_finish(&pool);
	return schema;
}

/* A database as its script makes it, understood. */
static void learn(struct fixture *f, const char *script)
{
	struct askd_error error = {0};
	open_database(f, script);
	f->schema = create(f);
	assert_non_null(f->schema);
	if (schema_learn(f->schema, &f->source, 1000, &error))
		fail_msg("%s", error.message);
}

static void done(struct fixture *f)
{
	schema_destroy(f->schema);
	sqlite3_close(f->db);
	pool_finish(&f->pool);
}

static uint32_t table_of(const struct fixture *f, const char *name)
{
	for (uint32_t i = 0; i < f->schema->table_count; i++)
		if (!strcmp(f->schema->tables[i].name, name))
			return i;
	fail_msg("no table %s", name);
	return 0;
}

static uint32_t column_of(const struct fixture *f, const char *table, const char *name)
{
	const struct schema_table *t = &f->schema->tables[table_of(f, table)];
	for (uint32_t i = 0; i < t->columns; i++)
		if (!strcmp(f->schema->columns[t->first + i].name, name))
			return t->first + i;
	fail_msg("no column %s.%s", table, name);
	return 0;
}

static const struct schema_column *column(
        const struct fixture *f, const char *table, const char *name)
{
	return &f->schema->columns[column_of(f, table, name)];
}

/* The weight of a phrase, 0: it does not mean this. */
static int weight(struct fixture *f, const char *said, enum phrase_kind kind, uint32_t index)
{
	struct words words = {0};
	char stems[200] = "";
	bool cut;
	size_t count = 0;
	const struct schema_phrase *phrase;
	assert_true(words_read(&f->pool, said, strlen(said), &words, &cut));
	for (size_t i = 0; i < words.count; i++) {
		strcat(stems, i ? " " : "");
		strcat(stems, words.words[i].stem);
	}
	phrase = schema_find(f->schema, stems, &count);
	for (size_t i = 0; i < count; i++)
		if (phrase[i].kind == kind && phrase[i].index == index)
			return phrase[i].weight;
	return 0;
}

static int says_column(struct fixture *f, const char *said, const char *table, const char *name)
{
	return weight(f, said, PHRASE_COLUMN, column_of(f, table, name));
}

static int says_table(struct fixture *f, const char *said, const char *table)
{
	return weight(f, said, PHRASE_TABLE, table_of(f, table));
}

/* The cost of the way from one column to another, 0: there is none. */
static uint32_t way(const struct fixture *f, const char *table, const char *from, const char *other,
        const char *to)
{
	uint32_t a = column_of(f, table, from), b = column_of(f, other, to);
	for (size_t i = 0; i < f->schema->edge_count; i++)
		if (f->schema->edges[i].from == a && f->schema->edges[i].to == b)
			return f->schema->edges[i].cost;
	return 0;
}

static void assert_display(const struct fixture *f, const char *table, const char *name)
{
	int32_t display = f->schema->tables[table_of(f, table)].display;
	assert_string_equal(display < 0 ? "" : f->schema->columns[display].name, name);
}

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

/* ---- bad databases -----------------------------------------------------------------------------
 */

static void odd_names_and_values_do_no_harm(void **state)
{
	struct fixture f;
	struct value_hit hits[4];
	(void)state;
	learn(&f,
	        "CREATE TABLE \"select\" (\"order by\" TEXT, \"a\"\"b\" TEXT, \"\" TEXT, \"'\" "
	        "TEXT,"
	        " \"ünïcode näme\" TEXT, blob BLOB);"
	        "INSERT INTO \"select\" VALUES ('plain', 'say \"x\"', '', CAST(x'ff41fe' AS TEXT),"
	        " CAST(x'410042' AS TEXT), zeroblob(1000));"
	        "INSERT INTO \"select\" VALUES ('next', NULL, NULL, replace(hex(zeroblob(600000)),"
	        " '0', 'x'), 'Zürich', NULL);"
	        "CREATE TABLE bare (a TEXT, b INT);"
	        "CREATE TABLE base (a INT); CREATE VIEW sound AS SELECT a FROM base;"
	        "CREATE VIEW broken AS SELECT missing FROM base;");
	assert_int_equal(says_column(&f, "unicode name", "select", "ünïcode näme"), 1000);
	assert_int_equal(values_find(f.schema, "plain", "plain", false, hits, 4), 1);
	assert_int_equal(values_find(f.schema, "zurich", "zurich", false, hits, 4), 1);
	assert_string_equal(hits[0].text, "Zürich");
	assert_int_equal(says_table(&f, "bare", "bare"), 1000);
	done(&f);
}

struct failing {
	struct source base;
	int at, calls; /* which call fails */
	int32_t code;
};

static int32_t fail_at(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	struct failing *failing = source->state;
	if (++failing->calls == failing->at)
		return askd_fail(reterr, failing->code, "on purpose");
	return failing->base.read(&failing->base, sql, max_rows, row, owner, reterr);
}

static const char some_tables[] =
        "CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE shop (id INTEGER PRIMARY KEY, city_id INT, label TEXT, sex TEXT);"
        "INSERT INTO city VALUES (1, 'Rome'), (2, 'Oslo'), (3, 'Bonn');"
        "INSERT INTO shop VALUES (1, 1, 'Alpha', 'M'), (2, 3, 'Beta', 'F');"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
        " INSERT INTO shop SELECT i + 10, i % 3 + 1, 'shop ' || i, 'M' FROM n;";

static void a_statement_that_fails_costs_only_its_columns(void **state)
{
	struct fixture f;
	int calls = 0;
	(void)state;
	open_database(&f, some_tables);
	for (int at = 1; !calls; at++) {
		struct failing failing = {f.source, at, 0, ASKD_E_STATEMENT};
		struct source source = {fail_at, &failing};
		struct askd_error error = {0};
		struct value_hit hits[4];
		f.schema = create(&f);
		assert_int_equal(schema_learn(f.schema, &source, 5000, &error), ASKD_OK);
		/* A failing sample is tried again by halves. */
		assert_int_equal(values_find(f.schema, "rome", "rome", false, hits, 4), 1);
		if (failing.calls < at)
			calls = failing.calls;
		schema_destroy(f.schema);
	}
	assert_in_range(calls, 4, 8);
	f.schema = NULL;
	done(&f);
}

static void a_lost_database_is_told(void **state)
{
	struct fixture f;
	(void)state;
	open_database(&f, some_tables);
	for (int at = 1;; at++) {
		struct failing failing = {f.source, at, 0, ASKD_E_IO};
		struct source source = {fail_at, &failing};
		struct askd_error error = {0};
		int32_t rc;
		f.schema = create(&f);
		rc = schema_learn(f.schema, &source, 5000, &error);
		assert_int_equal(says_column(&f, "city name", "city", "name"), 900);
		schema_destroy(f.schema);
		if (failing.calls < at)
			break;
		assert_int_equal(rc, ASKD_E_IO);
		assert_string_equal(error.message, "on purpose");
	}
	f.schema = NULL;
	done(&f);
}

static int32_t deny_view(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	const struct source *base = source->state;
	if (strstr(sql, "\"city\"") || strstr(sql, "\"label\""))
		return askd_fail(reterr, ASKD_E_DENIED, "not for you");
	return base->read(base, sql, max_rows, row, owner, reterr);
}

static void what_cannot_be_read_is_not_understood(void **state)
{
	struct fixture f;
	struct source source;
	struct askd_error error = {0};
	(void)state;
	open_database(&f, some_tables);
	source = (struct source){deny_view, &f.source};
	f.schema = create(&f);
	assert_int_equal(schema_learn(f.schema, &source, 5000, &error), ASKD_OK);
	assert_int_equal(says_table(&f, "cities", "city"), 0);
	assert_int_equal(says_column(&f, "label", "shop", "label"), 0);
	assert_int_equal(says_column(&f, "sex", "shop", "sex"), 980);
	done(&f);
}

static int32_t slow_views(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	struct failing *failing = source->state;
	failing->calls++;
	if (strstr(sql, "\"slow\""))
		return askd_fail(reterr, ASKD_E_TIMEOUT, "too slow");
	return failing->base.read(&failing->base, sql, max_rows, row, owner, reterr);
}

static void a_slow_view_is_waited_for_once(void **state)
{
	struct fixture f;
	struct failing failing = {0};
	struct source source = {slow_views, &failing};
	struct askd_error error = {0};
	struct value_hit hits[2];
	(void)state;
	open_database(&f, "CREATE TABLE zoo (name TEXT); INSERT INTO zoo VALUES ('Bronx Zoo');"
	                  "CREATE VIEW slow AS SELECT name, name AS b, name AS c FROM zoo;");
	failing.base = f.source;
	f.schema = create(&f);
	assert_int_equal(schema_learn(f.schema, &source, 100, &error), ASKD_OK);
	assert_int_equal(failing.calls, 2);
	assert_int_equal(values_find(f.schema, "bronx zoo", "bronx zoo", false, hits, 2), 1);
	done(&f);
}

static int32_t read_nothing(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	(void)source;
	(void)sql;
	(void)max_rows;
	(void)row;
	(void)owner;
	(void)reterr;
	return ASKD_OK;
}

static void thousands_of_columns_are_read(void **state)
{
	enum { COUNT = 5000 };
	static struct askd_db_column columns[COUNT];
	static const struct askd_db_column *list[COUNT + 1];
	static char names[COUNT][24];
	struct askd_db_table table = {.size = sizeof table,
	        .kind = ASKD_TABLE,
	        .rows = -1,
	        .name = ASKD_LITERAL("wide"),
	        .columns = list};
	const struct askd_db_table *tables[] = {&table, NULL};
	struct askd_catalogue catalogue = {
	        .size = sizeof catalogue, .dialect = ASKD_LITERAL("sqlite"), .tables = tables};
	struct source source = {read_nothing, NULL};
	struct askd_error error = {0};
	struct fixture f = {0};
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof names[i], "measure_%zu_of_day", i);
		columns[i] = (struct askd_db_column){.size = sizeof columns[i],
		        .type = ASKD_INT,
		        .name = askd_text_of(names[i])};
		list[i] = &columns[i];
	}
	f.schema = schema_create(&catalogue, &error);
	assert_non_null(f.schema);
	assert_int_equal(schema_learn(f.schema, &source, 100, &error), ASKD_OK);
	assert_int_equal(
	        says_column(&f, "measure 4711 of day", "wide", "measure_4711_of_day"), 1000);
	assert_in_range(schema_memory(f.schema), 1, 16 << 20);
	done(&f);
}

#ifdef ASKD_FAULTS
#include "faults.h"

static void no_memory_is_told_at_any_place(void **state)
{
	struct fixture f;
	bool whole = false;
	(void)state;
	open_database(&f, some_tables);
	for (int at = 1; !whole; at++) {
		struct pool pool = {0};
		struct askd_catalogue catalogue = sqlite_catalogue(&pool, f.db);
		struct askd_error error = {0};
		char number[16];
		snprintf(number, sizeof number, "%d", at);
		setenv("ASKD_TEST_FAIL_ALLOC", number, 1);
		faults_arm();
		f.schema = schema_create(&catalogue, &error);
		if (f.schema) {
			int32_t rc = schema_learn(f.schema, &f.source, 100, &error);
			whole = rc == ASKD_OK;
			assert_true(whole || rc == ASKD_E_NOMEM);
		}
		setenv("ASKD_TEST_FAIL_ALLOC", "0", 1);
		faults_arm();
		assert_true(whole || error.code == ASKD_E_NOMEM);
		schema_destroy(f.schema);
		pool_finish(&pool);
		assert_true(at < 2000);
	}
	unsetenv("ASKD_TEST_FAIL_ALLOC");
	f.schema = NULL;
	done(&f);
}
#endif

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
	        cmocka_unit_test(odd_names_and_values_do_no_harm),
	        cmocka_unit_test(a_statement_that_fails_costs_only_its_columns),
	        cmocka_unit_test(a_lost_database_is_told),
	        cmocka_unit_test(what_cannot_be_read_is_not_understood),
	        cmocka_unit_test(a_slow_view_is_waited_for_once),
	        cmocka_unit_test(thousands_of_columns_are_read),
#ifdef ASKD_FAULTS
	        cmocka_unit_test(no_memory_is_told_at_any_place),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
