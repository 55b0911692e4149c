/* check_list.c: the twenty questions of askd-company-check. Their values depend on the seed, and
 * there is an answer whatever seed and day the company has. */
#include "check.h"

const struct check check_list[CHECKS] = {
        {"How many customers do we have?", NULL, "SELECT count(*) FROM customers", false},
        {"How many customers are in {}?",
                "SELECT city FROM customers GROUP BY city ORDER BY city LIMIT 1 OFFSET :seed % 40",
                "SELECT count(*) FROM customers WHERE city = :value", false},
        {"How many orders were cancelled?", NULL,
                "SELECT count(*) FROM orders WHERE status = 'cancelled'", false},
        {"Which products cost more than {} euros?", "SELECT CAST(300 + 50 * (:seed % 7) AS TEXT)",
                "SELECT name FROM products WHERE list_price > CAST(:value AS INTEGER)", false},
        {"What is the name of customer {}?",
                "SELECT number FROM customers WHERE id = 1 + :seed % 6000",
                "SELECT name FROM customers WHERE number = :value", false},
        {"How many customers have no e-mail address?", NULL,
                "SELECT count(*) FROM customers WHERE email IS NULL", false},
        {"What is the average list price of the products in {}?",
                "SELECT name FROM categories WHERE parent_id NOT NULL ORDER BY name "
                "LIMIT 1 OFFSET :seed % 22",
                "SELECT avg(p.list_price) FROM products p JOIN categories g ON g.id = "
                "p.category_id "
                "WHERE g.name = :value",
                false},
        {"How many customers are there in each country?", NULL,
                "SELECT country, count(*) FROM customers GROUP BY country", false},
        {"How many orders were placed in {}?",
                "SELECT strftime('%Y', max(order_date), '-' || (:seed % 2) || ' years') FROM "
                "orders",
                "SELECT count(*) FROM orders WHERE substr(order_date, 1, 4) = :value", false},
        {"Total sales by region", NULL, "SELECT region, sum(amount) FROM sales GROUP BY region",
                false},
        {"Show the names of the categories in alphabetical order.", NULL,
                "SELECT name FROM categories ORDER BY name", true},
        {"Which employee has the highest salary?", NULL,
                "SELECT first_name, last_name FROM employees ORDER BY monthly_salary DESC LIMIT 1",
                false},
        {"Which city has the most customers?", NULL,
                "SELECT city FROM customers GROUP BY city ORDER BY count(*) DESC LIMIT 1", false},
        {"Which cities have more than {} customers?", "SELECT CAST(100 + 25 * (:seed % 9) AS TEXT)",
                "SELECT city FROM customers GROUP BY city HAVING count(*) > CAST(:value AS "
                "INTEGER)",
                false},
        {"Which customers have never ordered?", NULL,
                "SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)",
                false},
        {"How many tents do we have in stock?", NULL, NULL, false},
        {"What do our competitors charge for a hiking boot?", NULL, NULL, false},
        {"What is the weather like in {}?",
                "SELECT city FROM customers WHERE city NOT LIKE '% %' GROUP BY city ORDER BY city "
                "LIMIT 1 OFFSET :seed % 37",
                NULL, false},
        {"Delete all cancelled orders.", NULL, NULL, false},
        {"Who will win the next world cup?", NULL, NULL, false},
};
