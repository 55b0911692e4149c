/* fuzz_question.c: what people may ask the offline engine about a small shop. */
// clang-format off
// libraries: offline_sqlite
// clang-format on
#include <stdlib.h>
#include <string.h>

#include "plugins/llm/offline/engine.h"
#include "tests/plugin/offline/sqlite_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char shop[] =
        "CREATE TABLE categories (category_id INTEGER PRIMARY KEY, category_name TEXT);"
        "CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT,"
        " city TEXT, country TEXT, age INTEGER, active BOOLEAN, sex TEXT);"
        "CREATE TABLE products (product_id INTEGER PRIMARY KEY, product_name TEXT,"
        " category_id INTEGER REFERENCES categories, price REAL, stock INTEGER, \"year\" INTEGER);"
        "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, order_number TEXT UNIQUE,"
        " customer_id INTEGER REFERENCES customers, order_date DATE, shipped_date DATE,"
        " status TEXT, total_amount REAL);"
        "CREATE TABLE order_items (order_id INTEGER REFERENCES orders,"
        " product_id INTEGER REFERENCES products, quantity INTEGER,"
        " PRIMARY KEY (order_id, product_id));"
        "CREATE TABLE reviews (order_id INTEGER, product_id INTEGER, stars INTEGER, text TEXT,"
        " FOREIGN KEY (order_id, product_id) REFERENCES order_items);"
        "CREATE TABLE lonely (\"select\" TEXT, \"odd \"\"name\" TEXT);"
        "INSERT INTO categories VALUES (1,'Books'),(2,'Games');"
        "INSERT INTO customers VALUES (1,'Anna','Berg','Berlin','Germany',34,1,'F'),"
        " (2,'Ben','O''Hara','New York','USA',51,0,'M'),(3,'Zoë','Żak','Łódź','Poland',28,1,'F');"
        "INSERT INTO products VALUES (1,'Atlas',1,30,12,1999),(2,'Chess',2,45,7,2010),"
        " (3,'100% Cotton_Bag',2,5,70,2020);"
        "INSERT INTO orders VALUES (1,'SO-1001',1,'2025-12-20','2025-12-22','shipped',60),"
        " (2,'SO-1002',2,'2026-03-02',NULL,'open',150);"
        "INSERT INTO order_items VALUES (1,1,2),(2,2,1);"
        "INSERT INTO reviews VALUES (1,1,5,'good');"
        "INSERT INTO lonely VALUES ('it''s','\"'),('%','\\');";

static sqlite3 *db;
static struct schema *schema;

static void open_shop(void)
{
	struct pool pool = {0};
	struct askd_error error;
	struct askd_catalogue catalogue;
	struct source source;

	if (sqlite3_open(":memory:", &db) || sqlite3_exec(db, shop, NULL, NULL, NULL))
		abort();
	source = (struct source){sqlite_read, db};
	catalogue = sqlite_catalogue(&pool, db);
	schema = schema_create(&catalogue, &error);
	pool_finish(&pool);
	if (!schema || schema_learn(schema, &source, 100, &error))
		abort();
}

/* Every statement is one that the database takes, and that only reads. */
static void check_sql(const char *sql)
{
	sqlite3_stmt *stmt;
	const char *tail;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, &tail) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		abort();
	}
	if (!sqlite3_stmt_readonly(stmt) || *tail)
		abort();
	sqlite3_finalize(stmt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_reply reply;
	struct askd_error error;
	struct pool pool = {0};
	struct engine_question question = {.n = size, .today = "2026-11-21"};
	char *copy = malloc(size + 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = 0;
	question.text = copy;
	if (!schema)
		open_shop();
	if (engine_answer(schema, &pool, &question, &reply, &error))
		abort();
	if (reply.confidence_milli < 0 || reply.confidence_milli > 1000 || !reply.explanation ||
	        !reply.ignored || !reply.sql == !*reply.reason)
		abort();
	if (reply.sql)
		check_sql(reply.sql);
	for (size_t i = 0; reply.choices[i]; i++)
		check_sql(reply.choice_sql[i]);
	pool_finish(&pool);
	free(copy);
	return 0;
}
