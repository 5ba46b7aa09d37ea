-- Who had another last name that began with A to E?
SELECT c.dfeta_trn, c.LastName AS [Name now], p.dfeta_name AS [Name before]
FROM dfeta_previousname p
JOIN contact c ON c.Id = p.dfeta_personid
WHERE p.dfeta_type = 389040002
  AND p.dfeta_name LIKE '[A-E]%'
  AND p.dfeta_name <> c.LastName
ORDER BY c.dfeta_trn;
