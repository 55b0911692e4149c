/* Forms as statements and as words: names, values, operators, periods, in every dialect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "form.h"

/* customers(id, name, select), orders(id, customer, "we\"i]r`d", at, amount), items(o1, o2, note)
 * with a reference of two columns to orders, lonely(x) */
enum { ID, NAME, SELECT, ORDER, CUSTOMER, WEIRD, AT, AMOUNT, O1, O2, NOTE, LONELY, COLUMNS };
enum { CUSTOMERS, ORDERS, ITEMS, ALONE };

static struct schema_table tables[] = {
        {.name = "customers", .words = "customer", .first = ID, .columns = 3},
        {.name = "order", .schema = "my shop", .words = "order", .first = ORDER, .columns = 5},
        {.name = "items", .words = "item", .first = O1, .columns = 3},
        {.name = "lonely", .words = "lonely thing", .first = LONELY, .columns = 1}};
static struct schema_column columns[COLUMNS] = {
        {.name = "id", .table = CUSTOMERS, .words = "customer id", .flags = COLUMN_PRIMARY},
        {.name = "name", .table = CUSTOMERS, .words = "name"},
        {.name = "SELECT", .table = CUSTOMERS, .words = "select"},
        {.name = "id", .table = ORDERS, .words = "order id", .flags = COLUMN_PRIMARY},
        {.name = "customer", .table = ORDERS, .words = "customer"},
        {.name = "we\"i]r`d", .table = ORDERS, .words = "weird"},
        {.name = "at", .table = ORDERS, .words = "at", .type = COLUMN_TIME},
        {.name = "amount", .table = ORDERS, .words = "amount", .type = COLUMN_NUMBER},
        {.name = "o1", .table = ITEMS, .words = "o1"},
        {.name = "o2", .table = ITEMS, .words = "o2"},
        {.name = "note", .table = ITEMS, .words = "name"},
        {.name = "x", .table = ALONE, .words = "x"}};
static struct schema_edge edges[] = {
        {CUSTOMER, ID, 10, 0}, {O1, ORDER, 10, 1}, {O2, CUSTOMER, 10, 0}};
static struct schema schema = {.dialect = "sqlite",
        .tables = tables,
        .columns = columns,
        .edges = edges,
        .table_count = 4,
        .column_count = COLUMNS,
        .edge_count = 3};
static struct pool pool;

static int clean(void **state)
{
	(void)state;
	pool_finish(&pool);
	schema.dialect = "sqlite";
	return 0;
}

static const char *print(const struct form_query *query)
{
	struct form_cost cost;
	struct joins *joins = joins_create(&pool, &schema);

	assert_non_null(joins);
	return form_print(&schema, joins, &pool, query, &cost);
}

static struct form_expression of(int32_t column)
{
	return (struct form_expression){.column = column, .table = -1};
}

/* SELECT a column FROM ... */
static struct form_query query_of(int32_t column)
{
	return (struct form_query){.select = {of(column)}, .selected = 1};
}

static void names_are_quoted_as_the_dialect_wants(void **state)
{
	static const struct {
		const char *dialect, *sql;
	} list[] = {{"sqlite", "SELECT \"we\"\"i]r`d\" FROM \"my shop\".\"order\""},
	        {"postgres", "SELECT \"we\"\"i]r`d\" FROM \"my shop\".\"order\""},
	        {"mysql", "SELECT `we\"i]r``d` FROM `my shop`.`order`"},
	        {"sqlserver", "SELECT [we\"i]]r`d] FROM [my shop].[order]"}};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct form_query q = query_of(WEIRD);

		schema.dialect = list[i].dialect;
		assert_string_equal(print(&q), list[i].sql);
	}
	schema.dialect = "sqlite";
	assert_string_equal(print(&(struct form_query){.select = {of(SELECT)}, .selected = 1}),
	        "SELECT \"SELECT\" FROM customers");
}

static void capitals_stay_capitals(void **state)
{
	struct form_query q = query_of(LONELY);

	(void)state;
	columns[LONELY].name = "camelCase";
	assert_string_equal(print(&q), "SELECT camelCase FROM lonely");
	schema.dialect = "postgres";
	assert_string_equal(print(&q), "SELECT \"camelCase\" FROM lonely");
	columns[LONELY].name = "x";
}

static void values_stay_values(void **state)
{
	struct form_filter f = {.left = of(NAME), .value = {"O'Hara \\' OR 1=1 --", true}};
	struct form_query q = query_of(ID);

	(void)state;
	q.filters = &f;
	assert_string_equal(
	        print(&q), "SELECT id FROM customers WHERE name = 'O''Hara \\'' OR 1=1 --'");
	schema.dialect = "mysql";
	assert_string_equal(
	        print(&q), "SELECT id FROM customers WHERE name = 'O''Hara \\\\'' OR 1=1 --'");
	f.value = (struct form_value){"100%s %n", true};
	assert_string_equal(print(&q), "SELECT id FROM customers WHERE name = '100%s %n'");
	assert_string_equal(form_explain(&schema, &pool, &q),
	        "Customer id of customers where name is 100%s %n.");
}

static void every_operator_is_said(void **state)
{
	static const struct {
		enum form_operator operator;
		bool open;
		const char *from, *until, *sql, *said;
	} list[] = {{FORM_EQ, false, "1", NULL, "amount = 1", "is 1"},
	        {FORM_NE, false, "1", NULL, "amount <> 1", "is not 1"},
	        {FORM_GT, false, "1", NULL, "amount > 1", "is above 1"},
	        {FORM_GE, false, "1", NULL, "amount >= 1", "is at least 1"},
	        {FORM_LT, false, "1", NULL, "amount < 1", "is below 1"},
	        {FORM_LE, false, "1", NULL, "amount <= 1", "is at most 1"},
	        {FORM_BETWEEN, false, "1", "2", "amount BETWEEN 1 AND 2", "is between 1 and 2"},
	        {FORM_NOT_BETWEEN, false, "1", "2", "amount NOT BETWEEN 1 AND 2",
	                "is not between 1 and 2"},
	        {FORM_BETWEEN, true, "1", "2", "amount >= 1 AND amount < 2",
	                "from 1 on and before 2"},
	        {FORM_BETWEEN, true, "1", NULL, "amount >= 1", "from 1 on"},
	        {FORM_BETWEEN, true, NULL, "2", "amount < 2", "is before 2"},
	        {FORM_NOT_BETWEEN, true, "1", "2", "(amount < 1 OR amount >= 2)",
	                "is not from 1 on and before 2"},
	        {FORM_NOT_BETWEEN, true, "1", NULL, "amount < 1", "is not from 1 on"},
	        {FORM_NOT_BETWEEN, true, NULL, "2", "amount >= 2", "is not before 2"},
	        {FORM_LIKE, false, "%1%", NULL, "amount LIKE %1%", "contains \"1\""},
	        {FORM_NOT_LIKE, false, "1%", NULL, "amount NOT LIKE 1%", "does not contain \"1\""},
	        {FORM_LIKE, false, "%", NULL, "amount LIKE %", "contains \"\""},
	        {FORM_NULL, false, NULL, NULL, "amount IS NULL", "is missing"},
	        {FORM_NOT_NULL, false, NULL, NULL, "amount IS NOT NULL", "is not missing"}};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct form_filter f = {.left = of(AMOUNT),
		        .operator= list[i].operator,
		        .open = list[i].open,
		        .value = {list[i].from, false},
		        .until = {list[i].until, false}};
		struct form_query q = query_of(ORDER);

		q.filters = &f;
		assert_string_equal(print(&q),
		        pool_print(&pool, "SELECT id FROM \"my shop\".\"order\" WHERE %s",
		                list[i].sql));
		assert_string_equal(form_explain(&schema, &pool, &q),
		        pool_print(&pool, "Order id of orders where amount %s.", list[i].said));
	}
}

static void or_binds_nearer_than_and(void **state)
{
	struct form_filter third = {.left = of(SELECT), .value = {"3", false}},
	                   second = {.left = of(NAME), .value = {"2", false}, .next = &third},
	                   first = {.left = of(NAME),
	                           .value = {"1", false},
	                           .or_next = true,
	                           .next = &second};
	struct form_query q = query_of(ID);

	(void)state;
	q.filters = &first;
	assert_string_equal(print(&q),
	        "SELECT id FROM customers WHERE (name = 1 OR name = 2) AND \"SELECT\" = 3");
	/* The last has nothing to be one of. */
	third.or_next = true;
	assert_non_null(strstr(print(&q), " AND \"SELECT\" = 3"));
}

static void lists_hold_no_missing_value(void **state)
{
	struct form_query inner = query_of(CUSTOMER), q = query_of(NAME);
	struct form_filter f = {.left = of(ID), .operator= FORM_NOT_IN, .query = &inner},
	                   of_inner = {.left = of(AMOUNT), .value = {"1", false}};

	(void)state;
	q.filters = &f;
	assert_string_equal(print(&q),
	        "SELECT name FROM customers WHERE id NOT IN (SELECT customer FROM "
	        "\"my shop\".\"order\" WHERE customer IS NOT NULL)");
	inner.filters = &of_inner;
	assert_non_null(strstr(print(&q), "WHERE amount = 1 AND customer IS NOT NULL)"));
	inner = query_of(ORDER); /* a primary key never is */
	assert_null(strstr(print(&q), "IS NOT NULL"));
}

static void joins_name_all_columns_of_a_reference(void **state)
{
	struct form_query q = query_of(NOTE);
	struct form_cost cost;

	(void)state;
	q.select[q.selected++] = of(NAME);
	assert_string_equal(form_print(&schema, joins_create(&pool, &schema), &pool, &q, &cost),
	        "SELECT t1.note, t3.name FROM items AS t1 JOIN \"my shop\".\"order\" AS t2 ON "
	        "t1.o1 = t2.id AND t1.o2 = t2.customer JOIN customers AS t3 ON t2.customer = "
	        "t3.id");
	assert_int_equal(cost.tables, 3);
	assert_int_equal(cost.joins, 2);
	assert_int_equal(cost.unmentioned, 1);
	assert_int_equal(cost.cost, 20);
	/* Columns that are called the same are told apart. */
	assert_string_equal(form_explain(&schema, &pool, &q),
	        "Name (items) and name (customers) of items, customers.");
	q.select[q.selected++] = of(LONELY);
	assert_null(print(&q));
	assert_false(pool.failed);
}

static void periods_are_cut_as_the_dialect_does(void **state)
{
	static const struct {
		const char *dialect, *sql[6];
	} list[] = {{"sqlite", {"at", "date(at)", "strftime('%Y-%W', at)", "strftime('%Y-%m', at)",
	                               "strftime('%Y', at) || '-Q' || ((strftime('%m', at) + 2) / "
	                               "3)",
	                               "strftime('%Y', at)"}},
	        {"postgres", {"at", "to_char(at, 'YYYY-MM-DD')", "to_char(at, 'IYYY-IW')",
	                             "to_char(at, 'YYYY-MM')", "to_char(at, 'YYYY-\"Q\"Q')",
	                             "to_char(at, 'YYYY')"}},
	        {"mysql", {"at", "date_format(at, '%Y-%m-%d')", "date_format(at, '%x-%v')",
	                          "date_format(at, '%Y-%m')", "concat(year(at), '-Q', quarter(at))",
	                          "date_format(at, '%Y')"}},
	        {"sqlserver",
	                {"at", "convert(char(10), at, 23)",
	                        ("concat(year(dateadd(day, 26 - datepart(iso_week, at), at)), '-', "
	                         "datepart(iso_week, at))"),
	                        "convert(char(7), at, 23)",
	                        "concat(year(at), '-Q', datepart(quarter, at))",
	                        "convert(char(4), at, 23)"}}};

	static const char *const labels[] = {"", " AS day", " AS week", " AS month", " AS quarter"};
	static const char *const years[] = {
	        " AS \"year\"", " AS \"year\"", " AS `year`", " AS [year]"};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		for (enum form_period period = PERIOD_NONE; period <= PERIOD_YEAR; period++) {
			struct form_query q = {
			        .select = {{AGGREGATE_COUNT, FORM_STAR, -1, false, 0},
			                {.column = AT, .table = -1, .period = period}},
			        .selected = 2,
			        .group = {AT},
			        .group_period = {period},
			        .groups = 1};
			const char *cut = list[i].sql[period], *sql;

			schema.dialect = list[i].dialect;
			sql = print(&q);
			assert_non_null(strstr(
			        sql, pool_print(&pool, "SELECT COUNT(*) AS count, %s%s FROM", cut,
			                     period == PERIOD_YEAR ? years[i] : labels[period])));
			assert_string_equal(
			        strstr(sql, " GROUP"), pool_print(&pool, " GROUP BY %s", cut));
		}
}

static void limits_stand_where_the_dialect_has_them(void **state)
{
	struct form_query q = query_of(NAME);

	(void)state;
	q.distinct = true;
	q.limit = UINT32_MAX;
	assert_string_equal(print(&q), "SELECT DISTINCT name FROM customers LIMIT 4294967295");
	schema.dialect = "sqlserver";
	assert_string_equal(print(&q), "SELECT DISTINCT TOP 4294967295 name FROM customers");
}

static void strict_dialects_group_by_all_that_is_used(void **state)
{
	struct form_query q = {.select = {{AGGREGATE_SUM, AMOUNT, -1, false, 0}, of(NAME)},
	        .selected = 2,
	        .group = {ID},
	        .groups = 1,
	        .order = {{of(SELECT), true}},
	        .orders = 1};

	(void)state;
	assert_non_null(strstr(print(&q), " GROUP BY t2.id ORDER BY t2.\"SELECT\" DESC"));
	schema.dialect = "postgres";
	assert_non_null(strstr(
	        print(&q), " GROUP BY t2.id, t2.name, t2.\"SELECT\" ORDER BY t2.\"SELECT\" DESC"));
}

static void conditions_on_groups_stand_behind_them(void **state)
{
	struct form_filter row = {.left = of(SELECT), .value = {"2", false}},
	                   group = {.left = {AGGREGATE_COUNT, FORM_STAR, -1, false, 0},
	                           .operator= FORM_GT,
	                           .value = {"1", false},
	                           .next = &row};
	struct form_query q = query_of(NAME);

	(void)state;
	q.filters = &group;
	q.group[q.groups++] = NAME;
	assert_string_equal(print(&q), "SELECT name FROM customers WHERE \"SELECT\" = 2 GROUP BY "
	                               "name HAVING COUNT(*) > 1");
}

static void two_sets_are_put_in_order_by_place(void **state)
{
	struct form_query both = query_of(NAME), q = query_of(NAME);

	(void)state;
	q.both = &both;
	q.order[q.orders++] = (struct form_order){of(NAME), true};
	assert_string_equal(print(&q),
	        "SELECT name FROM customers INTERSECT SELECT name FROM customers ORDER BY 1 DESC");
	q.order[0].by = of(ID);
	assert_null(print(&q));
}

static void what_is_too_large_is_refused(void **state)
{
	struct form_filter f = {.left = of(NAME), .value = {pool_alloc(&pool, 20000), true}};
	struct form_query q = query_of(ID), levels[8];

	(void)state;
	memset((char *)f.value.text, 'x', 19999);
	q.filters = &f;
	assert_null(print(&q));
	/* Explanations are whole. */
	assert_int_equal(strlen(form_explain(&schema, &pool, &q)),
	        19999 + strlen("Customer id of customers where name is ."));
	/* Queries within queries without end. */
	for (size_t i = 0; i < 8; i++) {
		levels[i] = query_of(ID);
		levels[i].both = i ? &levels[i - 1] : NULL;
	}
	assert_non_null(print(&levels[3]));
	assert_null(print(&levels[7]));
	assert_non_null(form_explain(&schema, &pool, &levels[7]));
	assert_null(print(&(struct form_query){.selected = 0}));
	assert_false(pool.failed);
}

static void tables_that_give_only_a_key_are_left_out(void **state)
{
	struct form_query q = {.select = {{AGGREGATE_COUNT, ID, -1, true, 0}},
	        .selected = 1,
	        .tables = {ORDERS},
	        .table_count = 1};

	(void)state;
	form_simplify(&schema, joins_create(&pool, &schema), &q);
	assert_string_equal(
	        print(&q), "SELECT COUNT(DISTINCT customer) AS count FROM \"my shop\".\"order\"");
	/* Not where a reference has several columns. */
	q = query_of(ORDER);
	q.tables[q.table_count++] = ITEMS;
	form_simplify(&schema, joins_create(&pool, &schema), &q);
	assert_non_null(strstr(print(&q), " JOIN "));
}

static void plurals_are_those_of_people(void **state)
{
	static const char *const list[][2] = {{"order", "orders"}, {"category", "categories"},
	        {"day", "days"}, {"box", "boxes"}, {"branch", "branches"}, {"orders", "orders"},
	        {"sick person", "sick people"}, {"status", "statuses"}, {"staff", "staff"},
	        {"x", "x"}, {"", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		assert_string_equal(form_plural(&pool, list[i][0]), list[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(names_are_quoted_as_the_dialect_wants, clean),
	        cmocka_unit_test_teardown(capitals_stay_capitals, clean),
	        cmocka_unit_test_teardown(values_stay_values, clean),
	        cmocka_unit_test_teardown(every_operator_is_said, clean),
	        cmocka_unit_test_teardown(or_binds_nearer_than_and, clean),
	        cmocka_unit_test_teardown(lists_hold_no_missing_value, clean),
	        cmocka_unit_test_teardown(joins_name_all_columns_of_a_reference, clean),
	        cmocka_unit_test_teardown(periods_are_cut_as_the_dialect_does, clean),
	        cmocka_unit_test_teardown(limits_stand_where_the_dialect_has_them, clean),
	        cmocka_unit_test_teardown(strict_dialects_group_by_all_that_is_used, clean),
	        cmocka_unit_test_teardown(conditions_on_groups_stand_behind_them, clean),
	        cmocka_unit_test_teardown(two_sets_are_put_in_order_by_place, clean),
	        cmocka_unit_test_teardown(what_is_too_large_is_refused, clean),
	        cmocka_unit_test_teardown(tables_that_give_only_a_key_are_left_out, clean),
	        cmocka_unit_test_teardown(plurals_are_those_of_people, clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
