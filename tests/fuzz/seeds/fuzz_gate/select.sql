SELECT c.city, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.name LIKE 'A%' GROUP BY c.city ORDER BY 2 DESC LIMIT 10;
