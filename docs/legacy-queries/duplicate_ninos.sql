-- Which records share a National Insurance number?
;WITH shared AS (
    SELECT dfeta_ninumber
    FROM contact
    WHERE ISNULL(dfeta_ninumber, '') <> ''
    GROUP BY dfeta_ninumber
    HAVING COUNT(*) > 1
)
SELECT c.dfeta_trn AS TRN, CAST(c.birthdate AS date) AS Born, LEN(c.dfeta_ninumber) AS [Length]
FROM shared
JOIN contact c ON c.dfeta_ninumber = shared.dfeta_ninumber
ORDER BY c.dfeta_ninumber, c.dfeta_trn;
