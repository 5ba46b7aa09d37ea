-- How many people were awarded QTS in each year?
SELECT YEAR(c.dfeta_qtsdate) AS [Award year], COUNT(*) AS Awards
FROM [dbo].[contact] AS c WITH (NOLOCK)
WHERE c.statecode = 0
  AND c.dfeta_qtsdate IS NOT NULL
GROUP BY YEAR(c.dfeta_qtsdate)
ORDER BY [award year];
