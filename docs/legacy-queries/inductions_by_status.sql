-- How many people have each induction status?
SELECT m.LocalizedLabel AS [Induction status], COUNT(*) AS People
FROM dfeta_induction AS i
JOIN GlobalOptionSetMetadata AS m
  ON m.OptionSetName = 'DFETA_INDUCTIONSTATUS' AND m.[Option] = i.dfeta_inductionstatus
WHERE i.statecode = 0
GROUP BY m.LocalizedLabel
ORDER BY People DESC;
