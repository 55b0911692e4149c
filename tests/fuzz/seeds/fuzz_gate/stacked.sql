SELECT 1; DROP TABLE customers /* a /* nested */ comment
