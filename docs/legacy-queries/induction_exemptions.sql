-- How many exempt people have a reason on record?
SELECT CASE WHEN i.dfeta_inductionexemptionreason IS NULL THEN 'No' ELSE 'Yes' END AS [Has a reason],
       COUNT(DISTINCT i.dfeta_personid) AS People
FROM dfeta_induction i
WHERE i.dfeta_inductionstatus = 389040000
GROUP BY CASE WHEN i.dfeta_inductionexemptionreason IS NULL THEN 'No' ELSE 'Yes' END;
