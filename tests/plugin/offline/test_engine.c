/* Questions in words: each is judged by the rows that its statement gives, on a small shop. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine.h"
#include "sqlite_source.h"

static const char shop[] =
        "CREATE TABLE categories (category_id INTEGER PRIMARY KEY, category_name TEXT NOT NULL);"
        "CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT,"
        " country TEXT, email TEXT, age INTEGER, active BOOLEAN);"
        "CREATE TABLE products (product_id INTEGER PRIMARY KEY, product_name TEXT NOT NULL,"
        " category_id INTEGER REFERENCES categories, price REAL, stock INTEGER);"
        "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, order_number TEXT UNIQUE,"
        " customer_id INTEGER REFERENCES customers, order_date DATE, shipped_date DATE,"
        " status TEXT, total_amount REAL);"
        "CREATE TABLE order_items (order_id INTEGER REFERENCES orders,"
        " product_id INTEGER REFERENCES products, quantity INTEGER,"
        " PRIMARY KEY (order_id, product_id));"
        "INSERT INTO categories VALUES (1,'Books'),(2,'Games'),(3,'Tools');"
        "INSERT INTO customers VALUES"
        " (1,'Anna Berg','Berlin','Germany','anna@example.org',34,1),"
        " (2,'Ben Cole','London','UK','ben@example.org',51,1),"
        " (3,'Carla Diaz','Madrid','Spain',NULL,28,0),"
        " (4,'Dora Evans','London','UK','dora@example.org',45,1),"
        " (5,'Emil Fuchs','Berlin','Germany',NULL,62,0),"
        " (6,'Finn O''Hara','Dublin','Ireland','finn@example.org',19,1);"
        "INSERT INTO products VALUES (1,'Atlas',1,30,12),(2,'Cookbook',1,20,0),(3,'Chess',2,45,7),"
        " (4,'Poker',2,15,30),(5,'Hammer',3,25,4),(6,'Saw',3,35,9),(7,'Novel',1,10,50);"
        "INSERT INTO orders VALUES"
        " (1,'SO-1001',1,'2025-12-20','2025-12-22','shipped',60),"
        " (2,'SO-1002',2,'2026-01-15','2026-01-17','shipped',45),"
        " (3,'SO-1003',2,'2026-03-02',NULL,'open',150),"
        " (4,'SO-1004',4,'2026-03-10','2026-03-12','shipped',35),"
        " (5,'SO-1005',1,'2026-10-05',NULL,'cancelled',20),"
        " (6,'SO-1006',5,'2026-10-21','2026-10-25','shipped',95),"
        " (7,'SO-1007',2,'2026-11-03',NULL,'open',80);"
        "INSERT INTO order_items VALUES (1,1,2),(2,3,1),(3,5,6),(4,6,1),(5,2,1),(6,3,1),(6,1,1),"
        " (6,2,1),(7,7,8);";

static sqlite3 *db;
static struct schema *schema;

static int open_shop(void **state)
{
	struct pool pool = {0};
	struct askd_error error = {0};
	struct askd_catalogue catalogue;
	struct source source;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, shop, NULL, NULL, NULL), SQLITE_OK);
	source = (struct source){sqlite_read, db};
	catalogue = sqlite_catalogue(&pool, db);
	schema = schema_create(&catalogue, &error);
	pool_finish(&pool);
	assert_non_null(schema);
	return schema_learn(schema, &source, 1000, &error);
}

static int close_shop(void **state)
{
	(void)state;
	schema_destroy(schema);
	sqlite3_close(db);
	return 0;
}

static int32_t ask(struct pool *pool, const char *text, struct engine_reply *reply)
{
	struct askd_error error = {0};
	const struct engine_question question = {
	        .text = text, .n = strlen(text), .today = "2026-11-21"};
	int32_t rc = engine_answer(schema, pool, &question, reply, &error);

	assert_int_equal(rc, error.code);
	return rc;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows of a statement, "a,b;c,d"; in the order of the letters where it names no order. */
static const char *rows_of(struct pool *pool, const char *sql)
{
	char *lines[64], *all = pool_copy(pool, "", 0);
	size_t count = 0;
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW && count < 64) {
		lines[count] = pool_copy(pool, "", 0);
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *cell = (const char *)sqlite3_column_text(stmt, i);

			lines[count] = pool_print(
			        pool, "%s%s%s", lines[count], i ? "," : "", cell ? cell : "NULL");
		}
		count++;
	}
	sqlite3_finalize(stmt);
	if (!strstr(sql, " ORDER BY "))
		qsort(lines, count, sizeof *lines, compare_lines);
	for (size_t i = 0; i < count; i++)
		all = pool_print(pool, "%s%s%s", all, i ? ";" : "", lines[i]);
	return all;
}

struct expected {
	const char *question, *rows;
};

static void check(const struct expected *list)
{
	for (; list->question; list++) {
		struct pool pool = {0};
		struct engine_reply reply;
		const char *rows;

		assert_int_equal(ask(&pool, list->question, &reply), ASKD_OK);
		if (!reply.sql)
			fail_msg("%s: declined: %s", list->question, reply.reason);
		rows = rows_of(&pool, reply.sql);
		if (strcmp(rows, list->rows) != 0)
			fail_msg("%s: %s gives %s", list->question, reply.sql, rows);
		assert_string_equal(reply.reason, "");
		assert_true(*reply.explanation);
		assert_in_range(reply.confidence_milli, 400, 1000);
		pool_finish(&pool);
	}
}

static void rows_are_listed(void **state)
{
	(void)state;
	check((const struct expected[]){
	        {"list all customers",
	                "Anna Berg;Ben Cole;Carla Diaz;Dora Evans;Emil Fuchs;Finn O'Hara"},
	        {"what are the product names and prices?",
	                "Atlas,30.0;Chess,45.0;Cookbook,20.0;Hammer,25.0;Novel,10.0;Poker,15.0;"
	                "Saw,35.0"},
	        {"show everything about the categories", "1,Books;2,Games;3,Tools"},
	        {"distinct countries of customers", "Germany;Ireland;Spain;UK"},
	        {"where is customer Anna Berg?", "Berlin"},
	        {"when was order SO-1004 placed?", "2026-03-10"}, {NULL, NULL}});
}

static void rows_are_counted_and_figures_reckoned(void **state)
{
	(void)state;
	check((const struct expected[]){{"how many customers are there?", "6"},
	        {"how many orders do we have?", "7"},
	        {"how many different countries do the customers come from?", "4"},
	        {"how many customers are active?", "4"}, {"highest price of the products", "45.0"},
	        {"minimum and maximum age of the customers", "19,62"},
	        {"average price and total stock of products", "25.7142857142857,112"},
	        {"what is the total amount of all orders?", "485.0"}, {NULL, NULL}});
}

static void values_and_numbers_filter(void **state)
{
	(void)state;
	check((const struct expected[]){{"which customers live in Berlin?", "Anna Berg;Emil Fuchs"},
	        {"customers from London", "Ben Cole;Dora Evans"},
	        {"names of customers in Germany", "Anna Berg;Emil Fuchs"},
	        {"customer O'Hara", "Finn O'Hara"}, {"cancelled orders", "SO-1005"},
	        {"products that cost more than 30", "Chess;Saw"},
	        {"products with a price of at least 35", "Chess;Saw"},
	        {"products with a price below 20", "Novel;Poker"},
	        {"products with price between 20 and 30", "Atlas;Cookbook;Hammer"},
	        {"products whose stock is 0", "Cookbook"},
	        {"products with stock over 10 and price under 20", "Novel;Poker"},
	        {"customers older than 50", "Ben Cole;Emil Fuchs"},
	        {"which customers are younger than 30?", "Carla Diaz;Finn O'Hara"},
	        {"products above the average price", "Atlas;Chess;Saw"},
	        {"customers older than the average age", "Ben Cole;Dora Evans;Emil Fuchs"},
	        {"customers from the UK who are older than 46", "Ben Cole"}, {NULL, NULL}});
}

static void times_filter(void **state)
{
	(void)state;
	check((const struct expected[]){
	        {"orders placed after 2026-03-05", "SO-1004;SO-1005;SO-1006;SO-1007"},
	        {"orders in 2025", "SO-1001"}, {"how many orders were placed last month?", "2"},
	        {"orders in March 2026", "SO-1003;SO-1004"},
	        {"orders since October 2026", "SO-1005;SO-1006;SO-1007"},
	        {"orders in the last 30 days", "SO-1007"}, {"orders not in 2026", "SO-1001"},
	        {NULL, NULL}});
}

static void texts_codes_and_missing_values_filter(void **state)
{
	(void)state;
	check((const struct expected[]){
	        {"customers whose name contains 'an'", "Anna Berg;Dora Evans"},
	        {"products whose name starts with 'C'", "Chess;Cookbook"},
	        {"customers whose name ends with 'Cole'", "Ben Cole"},
	        {"customers without an email", "Carla Diaz;Emil Fuchs"},
	        {"customers whose email is missing", "Carla Diaz;Emil Fuchs"},
	        {"customers whose email is not null", "Anna Berg;Ben Cole;Dora Evans;Finn O'Hara"},
	        {"order SO-1003", "SO-1003"}, {"status of order SO-1004", "shipped"},
	        {"status of order SO-9999", ""}, {NULL, NULL}});
}

static void rows_are_grouped(void **state)
{
	(void)state;
	check((const struct expected[]){
	        {"number of customers per city", "Berlin,2;Dublin,1;London,2;Madrid,1"},
	        {"how many orders for each status?", "cancelled,1;open,2;shipped,4"},
	        {"average age of customers per country",
	                "Germany,48.0;Ireland,19.0;Spain,28.0;UK,48.0"},
	        {"average price for each category name", "Books,20.0;Games,30.0;Tools,30.0"},
	        {"number of customers in Berlin and London", "Berlin,2;London,2"},
	        {"number of orders per month", "2025-12,1;2026-01,1;2026-03,2;2026-10,2;2026-11,1"},
	        {"customers with more than one order", "Anna Berg;Ben Cole"},
	        {"customers with at least 3 orders", "Ben Cole"},
	        {"which cities have at least 2 customers?", "Berlin;London"},
	        {"cities with more than 1 customer sorted by city", "Berlin;London"},
	        {NULL, NULL}});
}

static void rows_are_put_in_order(void **state)
{
	(void)state;
	check((const struct expected[]){
	        {"list products sorted by price", "Novel;Poker;Cookbook;Hammer;Atlas;Saw;Chess"},
	        {"list customers by age in descending order",
	                "Emil Fuchs;Ben Cole;Dora Evans;Anna Berg;Carla Diaz;Finn O'Hara"},
	        {"show customer names in alphabetical order",
	                "Anna Berg;Ben Cole;Carla Diaz;Dora Evans;Emil Fuchs;Finn O'Hara"},
	        {"the cheapest product", "Novel"}, {"who is the oldest customer?", "Emil Fuchs"},
	        {"which product has the highest price?", "Chess"}, {"latest order", "SO-1007"},
	        {"which customer has the most orders?", "Ben Cole"},
	        {"which country has the fewest customers?", "Ireland"},
	        {"category with the most products", "Books"},
	        {"customer with the highest total amount", "Ben Cole"},
	        {"most expensive product of the category Books", "Atlas"},
	        {"most common country of customers", "UK"},
	        {"top 3 products by price", "Chess;Saw;Atlas"},
	        {"the 2 youngest customers", "Finn O'Hara;Carla Diaz"},
	        {"first 2 orders by date", "SO-1001;SO-1002"}, {NULL, NULL}});
}

static void tables_are_joined(void **state)
{
	(void)state;
	check((const struct expected[]){{"products from the category Games", "Chess;Poker"},
	        {"names of customers who ordered Chess", "Ben Cole;Emil Fuchs"},
	        {"orders of customers from London", "SO-1002;SO-1003;SO-1004;SO-1007"},
	        {"open orders of Ben Cole", "SO-1003;SO-1007"},
	        {"products in category Games cheaper than 20", "Poker"}, {NULL, NULL}});
}

static void not_both_and_or_are_understood(void **state)
{
	(void)state;
	check((const struct expected[]){{"customers without orders", "Carla Diaz;Finn O'Hara"},
	        {"customers who have not ordered anything", "Carla Diaz;Finn O'Hara"},
	        {"products that were never ordered", "Poker"},
	        {"customers not from Berlin", "Ben Cole;Carla Diaz;Dora Evans;Finn O'Hara"},
	        {"orders that are not shipped", "SO-1003;SO-1005;SO-1007"},
	        {"names of products that are not in category Books", "Chess;Hammer;Poker;Saw"},
	        {"products except Chess", "Atlas;Cookbook;Hammer;Novel;Poker;Saw"},
	        {"customers from Berlin or Madrid", "Anna Berg;Carla Diaz;Emil Fuchs"},
	        {"countries with customers older than 40 and customers younger than 40", "Germany"},
	        {"cities with both customers older than 40 and customers younger than 40",
	                "Berlin"},
	        {NULL, NULL}});
}

/* An order of nobody must not hide who has none. */
static void absence_holds_where_a_reference_is_missing(void **state)
{
	(void)state;
	sqlite3_exec(db, "INSERT INTO orders (order_id) VALUES (99)", NULL, NULL, NULL);
	check((const struct expected[]){
	        {"customers without orders", "Carla Diaz;Finn O'Hara"}, {NULL, NULL}});
	sqlite3_exec(db, "DELETE FROM orders WHERE order_id = 99", NULL, NULL, NULL);
}

static void what_cannot_be_answered_is_declined(void **state)
{
	static const struct {
		const char *question, *reason, *ignored;
	} list[] = {{"delete all orders", "I only read", NULL},
	        {"set the price to 5", "I only read", NULL},
	        {"send an email to Anna Berg", "I only read", NULL},
	        {"drop table customers", "I only read", NULL},
	        {"why did sales drop?", "not why they are so", NULL},
	        {"is Anna Berg a good customer?", "ask how many, or which", NULL},
	        {"what share of customers is active?", "not reckon shares", NULL},
	        {"median age of customers", "not reckon shares", NULL},
	        {"which suppliers deliver screws?", "suppliers, deliver, screws",
	                "suppliers, deliver, screws"},
	        {"the", "nothing in this database", ""}, {"", "nothing in this database", ""},
	        {"?", "nothing in this database", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct pool pool = {0};
		struct engine_reply reply, again;

		assert_int_equal(ask(&pool, list[i].question, &reply), ASKD_OK);
		if (reply.sql || !strstr(reply.reason, list[i].reason))
			fail_msg("%s: %s%s", list[i].question, reply.sql ? reply.sql : "",
			        reply.reason);
		if (list[i].ignored)
			assert_string_equal(reply.ignored, list[i].ignored);
		assert_null(reply.choices[0]);
		/* Every suggestion is one that works. */
		assert_non_null(reply.suggestions[0]);
		for (size_t k = 0; reply.suggestions[k]; k++) {
			assert_int_equal(ask(&pool, reply.suggestions[k], &again), ASKD_OK);
			assert_non_null(again.sql);
		}
		pool_finish(&pool);
	}
}

static void suggestions_are_near_to_the_question(void **state)
{
	struct pool pool = {0};
	struct engine_reply reply;

	(void)state;
	assert_int_equal(ask(&pool, "delete all orders", &reply), ASKD_OK);
	assert_string_equal(reply.suggestions[0], "How many orders are there?");
	pool_finish(&pool);
}

static void another_reading_is_a_choice(void **state)
{
	struct pool pool = {0};
	struct engine_reply reply;

	(void)state;
	assert_int_equal(ask(&pool, "orders of customers from London", &reply), ASKD_OK);
	assert_string_equal(reply.choice_sql[0], reply.sql);
	assert_string_equal(reply.choices[0], reply.explanation);
	assert_non_null(reply.choices[1]);
	assert_string_not_equal(reply.choice_sql[1], reply.sql);
	assert_string_not_equal(reply.choices[1], reply.explanation);
	rows_of(&pool, reply.choice_sql[1]);
	/* What has one reading has no choices. */
	assert_int_equal(ask(&pool, "how many customers are there?", &reply), ASKD_OK);
	assert_null(reply.choices[0]);
	assert_null(reply.choice_sql[0]);
	pool_finish(&pool);
}

static void statements_and_explanations_are_plain(void **state)
{
	static const struct {
		const char *question, *sql, *explanation;
	} list[] = {{"how many customers are there?", "SELECT COUNT(*) AS count FROM customers",
	                    "The number of customers."},
	        {"the cheapest product", "SELECT product_name FROM products ORDER BY price LIMIT 1",
	                "Product name of products; by price, the lowest first; only the first."},
	        {"customer O'Hara", "SELECT name FROM customers WHERE name = 'Finn O''Hara'",
	                "Name of customers where name is Finn O'Hara."},
	        {"customers whose name contains 'an'",
	                "SELECT name FROM customers WHERE name LIKE '%an%'",
	                "Name of customers where name contains \"an\"."}};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct pool pool = {0};
		struct engine_reply reply;

		assert_int_equal(ask(&pool, list[i].question, &reply), ASKD_OK);
		assert_string_equal(reply.sql, list[i].sql);
		assert_string_equal(reply.explanation, list[i].explanation);
		pool_finish(&pool);
	}
}

static void keep_line(void *owner, const char *line)
{
	size_t *kinds = owner;

	kinds[0] += !strncmp(line, "link ", 5);
	kinds[1] += !strncmp(line, "cover ", 6);
	kinds[2] += !strncmp(line, "candidate ", 10);
}

static void every_step_is_traced(void **state)
{
	struct pool pool = {0};
	struct engine_reply reply;
	struct askd_error error;
	size_t kinds[3] = {0};
	const struct engine_question question = {.text = "customers from London",
	        .n = 21,
	        .today = "2026-11-21",
	        .trace = keep_line,
	        .owner = kinds};

	(void)state;
	assert_int_equal(engine_answer(schema, &pool, &question, &reply, &error), ASKD_OK);
	assert_true(kinds[0] && kinds[1] && kinds[2]);
	pool_finish(&pool);
}

static void an_empty_database_declines(void **state)
{
	static const struct askd_db_table *const none[] = {NULL};
	struct pool pool = {0};
	struct engine_reply reply;
	struct askd_error error;
	struct schema *shop_schema = schema;

	(void)state;
	ASKD_MAKE(struct askd_catalogue, catalogue, .version = 1, .dialect = ASKD_LITERAL("sqlite"),
	        .tables = none);
	schema = schema_create(&catalogue, &error);
	assert_non_null(schema);
	assert_int_equal(ask(&pool, "how many orders are above 5 per month?", &reply), ASKD_OK);
	assert_null(reply.sql);
	assert_null(reply.suggestions[0]);
	assert_true(*reply.reason);
	schema_destroy(schema);
	schema = shop_schema;
	pool_finish(&pool);
}

static void *ask_often(void *unused)
{
	size_t good = 0;

	(void)unused;
	for (int i = 0; i < 20; i++) {
		struct pool pool = {0};
		struct engine_reply reply;
		struct askd_error error;
		const struct engine_question question = {
		        .text = i % 2 ? "customers from London" : "sing a song of suppliers",
		        .n = i % 2 ? 21 : 24,
		        .today = "2026-11-21"};

		good += engine_answer(schema, &pool, &question, &reply, &error) == ASKD_OK &&
		        (reply.sql != NULL) == (i % 2 != 0);
		pool_finish(&pool);
	}
	return (void *)good;
}

/* First of all tests: the grammar is compiled by whoever comes first. */
static void threads_share_a_schema(void **state)
{
	pthread_t threads[2];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		void *good;

		assert_int_equal(pthread_join(threads[i], &good), 0);
		assert_int_equal((size_t)good, 20);
	}
}

#ifdef ASKD_FAULTS
#include "faults.h"

static void no_memory_is_told_at_any_place(void **state)
{
	static const char *const questions[] = {
	        "which customers from Berlin or Madrid ordered Chess, sorted by age?",
	        "cities with customers older than 40 and customers younger than 40",
	        "customers who have not ordered this year", "sing a song of suppliers"};

	(void)state;
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		int good = 0;

		/* A failure that goes unseen would look like the end: further ones must not fail.
		 */
		for (int at = 1; good < 20; at++) {
			struct pool pool = {0};
			struct engine_reply reply;
			struct askd_error error = {0};
			const struct engine_question question = {.text = questions[i],
			        .n = strlen(questions[i]),
			        .today = "2026-11-21"};
			char number[16];
			int32_t rc;

			snprintf(number, sizeof number, "%d", at);
			setenv("ASKD_TEST_FAIL_ALLOC", number, 1);
			faults_arm();
			rc = engine_answer(schema, &pool, &question, &reply, &error);
			setenv("ASKD_TEST_FAIL_ALLOC", "0", 1);
			faults_arm();
			assert_int_equal(rc, good || rc == ASKD_OK ? ASKD_OK : ASKD_E_NOMEM);
			assert_int_equal(error.code, rc);
			assert_true(rc || !pool.failed);
			good += rc == ASKD_OK;
			pool_finish(&pool);
			assert_true(at < 2000);
		}
	}
	unsetenv("ASKD_TEST_FAIL_ALLOC");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(threads_share_a_schema),
	        cmocka_unit_test(rows_are_listed),
	        cmocka_unit_test(rows_are_counted_and_figures_reckoned),
	        cmocka_unit_test(values_and_numbers_filter),
	        cmocka_unit_test(times_filter),
	        cmocka_unit_test(texts_codes_and_missing_values_filter),
	        cmocka_unit_test(rows_are_grouped),
	        cmocka_unit_test(rows_are_put_in_order),
	        cmocka_unit_test(tables_are_joined),
	        cmocka_unit_test(not_both_and_or_are_understood),
	        cmocka_unit_test(absence_holds_where_a_reference_is_missing),
	        cmocka_unit_test(what_cannot_be_answered_is_declined),
	        cmocka_unit_test(suggestions_are_near_to_the_question),
	        cmocka_unit_test(another_reading_is_a_choice),
	        cmocka_unit_test(statements_and_explanations_are_plain),
	        cmocka_unit_test(every_step_is_traced),
	        cmocka_unit_test(an_empty_database_declines),
#ifdef ASKD_FAULTS
	        cmocka_unit_test(no_memory_is_told_at_any_place),
#endif
	};
	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
