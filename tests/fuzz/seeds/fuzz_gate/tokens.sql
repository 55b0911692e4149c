SELECT (((1+-+1))), E'a\'b', $1, ?2, :name, @p, 1.5e-7, CASE WHEN a IS NULL THEN 'x' ELSE N'y' END
