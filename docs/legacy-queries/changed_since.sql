-- Which records have changed since 1 September 2026?
SELECT c.dfeta_trn, CAST(c.modifiedon AT TIME ZONE 'UTC' AT TIME ZONE 'GMT Standard Time' AS date) AS Changed
FROM contact c
WHERE CAST(c.modifiedon AT TIME ZONE 'UTC' AT TIME ZONE 'GMT Standard Time' AS date) >= '2026-09-01'
ORDER BY c.modifiedon, c.dfeta_trn;
