WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5) SELECT i, "x""y", [z], `q`, x'00ff' FROM n -- note
