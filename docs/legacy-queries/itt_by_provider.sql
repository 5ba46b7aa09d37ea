-- Which providers have trained most people since September 2020?
SELECT TOP 20 a.name AS Provider, a.dfeta_ukprn AS UKPRN, COUNT(*) AS Trainees,
       SUM(CASE WHEN t.dfeta_result = 389040000 THEN 1 ELSE 0 END) AS Passed
FROM dfeta_initialteachertraining t
JOIN account a ON a.Id = t.dfeta_establishmentid
WHERE t.dfeta_programmestartdate >= '20200901'
  AND t.dfeta_result IN (389040000, 389040003, 389040004)
GROUP BY a.name, a.dfeta_ukprn
ORDER BY Trainees DESC, Provider;
