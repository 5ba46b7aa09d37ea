-- How many mandatory qualifications were passed in each year?
SELECT DATEPART(yy, q.dfeta_mq_date) AS [Year],
       SUM(IIF(q.dfeta_mq_status = 389040004, 1, 0)) AS Passed,
       COUNT(*) AS [All]
FROM dfeta_qualification q
WHERE q.dfeta_type = 389040002
GROUP BY DATEPART(yy, q.dfeta_mq_date)
ORDER BY [Year];
