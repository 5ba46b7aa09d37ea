-- How many open establishments has each local authority, and how many of them are academies by name?
SELECT e.la_name AS [Local authority], COUNT(*) AS Establishments,
       SUM(CASE WHEN e.establishment_name LIKE '%ACADEMY%' THEN 1 ELSE 0 END) AS Academies
FROM trs_establishments e
WHERE e.establishment_status_code = 1
GROUP BY e.la_name
HAVING COUNT(*) >= 2
ORDER BY Establishments DESC, e.la_name;
