-- Who has died, and with how many sanctions still open?
SELECT c.dfeta_trn, FORMAT(c.dfeta_dateofdeath, 'dd MMM yyyy') AS Died, COUNT(s.Id) AS [Open sanctions]
FROM contact c
LEFT OUTER JOIN dfeta_sanction s ON s.dfeta_personid = c.Id AND s.dfeta_enddate IS NULL
WHERE c.dfeta_dateofdeath < GETDATE()
GROUP BY c.Id, c.dfeta_trn, c.dfeta_dateofdeath
ORDER BY c.dfeta_dateofdeath DESC;
