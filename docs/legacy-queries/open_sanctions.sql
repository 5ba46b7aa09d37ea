-- Which sanctions are open?
SELECT c.dfeta_TRN AS TRN,
       UPPER(c.LastName) + ', ' + c.FirstName AS [Name],
       sc.dfeta_value AS Code,
       CONVERT(varchar(10), s.dfeta_startdate, 103) AS Started
FROM dbo.dfeta_sanction s
INNER JOIN dbo.contact c ON c.Id = s.dfeta_personid
INNER JOIN dbo.dfeta_sanctioncode sc ON sc.Id = s.dfeta_sanctioncodeid
WHERE s.statecode = 0
  AND s.dfeta_enddate IS NULL
ORDER BY c.dfeta_TRN, sc.dfeta_value;
