-- In which months were the awards of QTS of the last five years?
SELECT CONVERT(varchar(7), dfeta_qtsdate, 120) AS [Month], COUNT(*) AS Holders
FROM contact
WHERE dfeta_qtsdate >= DATEADD(year, -5, '2026-09-01')
GROUP BY CONVERT(varchar(7), dfeta_qtsdate, 120)
ORDER BY 1;
