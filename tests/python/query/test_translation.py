"""What each part of a saved query in T-SQL becomes."""

from __future__ import annotations

import pytest

from tests.python.query.old import sql_of, translated

WHOLE = [
    ("SELECT TOP 5 lastname FROM contact", "SELECT lastname FROM legacy.contact LIMIT 5"),
    ("SELECT DISTINCT TOP (5) id FROM contact", "SELECT DISTINCT id FROM legacy.contact LIMIT 5"),
    (
        "SELECT TOP 2 WITH TIES id FROM contact ORDER BY birthdate",
        "SELECT id FROM legacy.contact ORDER BY birthdate NULLS FIRST FETCH FIRST 2 ROWS WITH TIES",
    ),
    (
        "SELECT id FROM contact ORDER BY birthdate DESC OFFSET 5 ROWS FETCH NEXT 3 ROWS ONLY",
        "SELECT id FROM legacy.contact ORDER BY birthdate DESC NULLS LAST OFFSET 5 FETCH NEXT 3 ROWS ONLY",
    ),
    ("SELECT [c].[ID] FROM [Dbo].[Contact] AS [c]", 'SELECT c.id AS "ID" FROM legacy.contact AS c'),
    ("SELECT id FROM [reports].dbo.contact WITH (NOLOCK)", "SELECT id FROM legacy.contact"),
    ("SELECT id FROM reports..contact (NOLOCK) OPTION (RECOMPILE)", "SELECT id FROM legacy.contact"),
    (
        'SELECT g.[Option] AS [The Code], g.localizedlabel "L" FROM GlobalOptionSetMetadata g ORDER BY [the code]',
        'SELECT g.option AS "The Code", g.localizedlabel AS "L" FROM legacy.globaloptionsetmetadata AS g '
        'ORDER BY "The Code" NULLS FIRST',
    ),
    ("SELECT Born = birthdate FROM contact", 'SELECT birthdate AS "Born" FROM legacy.contact'),
    (
        ";WITH q AS (SELECT ID AS PersonId FROM contact) SELECT Q.personid FROM Q",
        "WITH q AS (SELECT id AS personid FROM legacy.contact) SELECT q.personid FROM q",
    ),
    (
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
    ),
    (
        "SELECT c.id, z.dfeta_startdate FROM contact c OUTER APPLY (SELECT TOP 1 s.dfeta_startdate FROM dfeta_sanction "
        "AS s WHERE s.dfeta_personid = c.id) z",
        "SELECT c.id, z.dfeta_startdate FROM legacy.contact AS c LEFT JOIN LATERAL (SELECT s.dfeta_startdate "
        "FROM legacy.dfeta_sanction AS s WHERE s.dfeta_personid = c.id LIMIT 1) AS z ON TRUE",
    ),
    (
        "SELECT c.id FROM contact c LEFT JOIN dfeta_sanction s JOIN contact d ON d.id = s.id ON s.id = c.id",
        "SELECT c.id FROM legacy.contact AS c LEFT JOIN legacy.dfeta_sanction AS s JOIN legacy.contact AS d "
        "ON d.id = s.id ON s.id = c.id",
    ),
    (
        "SELECT lastname COLLATE Latin1_General_CS_AS AS n FROM contact ORDER BY n",
        "SELECT lastname AS n FROM legacy.contact ORDER BY n NULLS FIRST",
    ),
    (
        "SELECT STRING_AGG(lastname, ', ') WITHIN GROUP (ORDER BY birthdate) AS l FROM contact",
        "SELECT STRING_AGG(lastname, ', ' ORDER BY birthdate NULLS FIRST) AS l FROM legacy.contact",
    ),
    ("SELECT COUNT(DISTINCT lastname) FROM contact", "SELECT count(DISTINCT lower(lastname)) FROM legacy.contact"),
    (
        "SELECT AVG(gendercode) OVER (PARTITION BY lastname) AS a FROM contact",
        "SELECT CAST(TRUNC(avg(gendercode) OVER (PARTITION BY lower(lastname))) AS BIGINT) AS a FROM legacy.contact",
    ),
    (
        "SELECT TOP 1 firstname FROM contact UNION SELECT lastname FROM contact ORDER BY 1",
        "(SELECT firstname FROM legacy.contact LIMIT 1) UNION SELECT lastname FROM legacy.contact "
        "ORDER BY 1 NULLS FIRST",
    ),
    (
        "SELECT LastName FROM contact UNION SELECT firstname FROM contact ORDER BY LASTNAME",
        'SELECT lastname AS "LastName" FROM legacy.contact UNION SELECT firstname FROM legacy.contact '
        'ORDER BY "LastName" NULLS FIRST',
    ),
    (
        "WITH r AS (SELECT lastname FROM contact UNION ALL SELECT lastname FROM r) "
        "SELECT 1 FROM r WHERE lastname = 'A'",
        "WITH RECURSIVE r AS (SELECT lastname FROM legacy.contact UNION ALL SELECT lastname FROM r) "
        "SELECT 1 FROM r WHERE lower(lastname) = lower('A')",
    ),
    (
        "SELECT 1 FROM contact WHERE lastname IN (SELECT firstname FROM contact UNION SELECT lastname FROM contact)",
        "SELECT 1 FROM legacy.contact WHERE lower(lastname) IN (SELECT lower(firstname) FROM legacy.contact "
        "UNION SELECT lower(lastname) FROM legacy.contact)",
    ),
    (
        "SELECT ROW_NUMBER() OVER (PARTITION BY lastname ORDER BY birthdate) AS n FROM contact",
        "SELECT row_number() OVER (PARTITION BY lower(lastname) ORDER BY birthdate NULLS FIRST) AS n "
        "FROM legacy.contact",
    ),
]


@pytest.mark.parametrize(("tsql", "postgresql"), WHOLE)
def test_a_statement(tsql: str, postgresql: str) -> None:
    assert sql_of(tsql) == postgresql


CONDITIONS = [
    ("lastname = 'Smith'", "lower(lastname) = lower('Smith')"),
    ("lastname <> N'Smith'", "lower(lastname) <> lower('Smith')"),
    ("dfeta_trn = '1234567'", "dfeta_trn = '1234567'"),
    ("dfeta_trn = 1234567", "dfeta_trn = '1234567'"),
    ("gendercode = '1'", "gendercode = '1'"),
    ("lastname = firstname", "lower(lastname) = lower(firstname)"),
    ("lastname IN ('Smith', '1')", "lower(lastname) IN (lower('Smith'), '1')"),
    ("lastname NOT IN ('Smith')", "NOT lower(lastname) IN (lower('Smith'))"),
    ("lastname IN (SELECT firstname FROM contact)", "lower(lastname) IN (SELECT lower(firstname) FROM legacy.contact)"),
    ("lastname BETWEEN 'a' AND 'M'", "lower(lastname) BETWEEN lower('a') AND lower('M')"),
    ("lastname > 'M'", "lower(lastname) > lower('M')"),
    ("lastname COLLATE Latin1_General_BIN = 'Smith'", "lastname = 'Smith'"),
    ("lastname LIKE 'Sm%'", "lastname ILIKE 'Sm%'"),
    ("lastname NOT LIKE 'Sm%'", "lastname NOT ILIKE 'Sm%'"),
    ("dfeta_trn LIKE '12%'", "dfeta_trn LIKE '12%'"),
    ("dfeta_trn NOT LIKE '12%'", "dfeta_trn NOT LIKE '12%'"),
    ("lastname LIKE 'a!%b' ESCAPE '!'", "lastname ILIKE 'a!%b' ESCAPE '!'"),
    ("lastname NOT LIKE 'a!%b' ESCAPE '!'", "lastname NOT ILIKE 'a!%b' ESCAPE '!'"),
    (r"lastname LIKE 'a\b'", r"lastname ILIKE 'a\b' ESCAPE ''"),
    ("lastname LIKE '[^a-c]_.%'", r"lastname ~* '^[^a-c].\..*$'"),
    ("lastname NOT LIKE '[a]%'", "NOT (lastname ~* '^[a].*$')"),
    ("id = '0A1B'", "id = lower('0A1B')"),
    ("birthdate >= '20200131' AND birthdate < '2020-02-01 10:00'", None),
    (
        "CASE lastname WHEN 'Smith' THEN 1 ELSE 0 END = 1",
        "CASE lower(lastname) WHEN lower('Smith') THEN 1 ELSE 0 END = 1",
    ),
    ("dfeta_inductionstatus IN (389040006, 389040003)", None),
    ("EXISTS (SELECT 1 FROM dfeta_sanction WHERE dfeta_personid = contact.id)", None),
]


@pytest.mark.parametrize(("tsql", "postgresql"), CONDITIONS)
def test_a_condition(tsql: str, postgresql: str | None) -> None:
    wanted = postgresql or tsql.replace("EXISTS (", "EXISTS(").replace("FROM dfeta", "FROM legacy.dfeta")
    assert sql_of(f"SELECT 1 FROM contact WHERE {tsql}").partition(" WHERE ")[2] == wanted


VALUES = [
    ("firstname + ' ' + lastname", "firstname || ' ' || lastname"),
    ("ISNULL(lastname, 'X')", "coalesce(lastname, 'X')"),
    ("ISNULL(lastname, 0)", "coalesce(lastname, '0')"),
    ("NULLIF(dfeta_trn, '')", "nullif(dfeta_trn, '')"),
    ("NULLIF(lastname, 'X')", "CASE WHEN lower(lastname) = lower('X') THEN NULL ELSE lastname END"),
    ("IIF(gendercode = 1, 'M', 'F')", "CASE WHEN gendercode = 1 THEN 'M' ELSE 'F' END"),
    ("LEFT(gendercode, 2)", "left(CAST(gendercode AS TEXT), 2)"),
    ("CAST(gendercode AS nvarchar(max))", "CAST(gendercode AS TEXT)"),
    ("CAST(annualincome AS int)", "CAST(trunc(annualincome) AS INT)"),
    ("AVG(gendercode)", "CAST(trunc(avg(gendercode)) AS BIGINT)"),
    ("REPLACE(lastname, '-', ' ')", "replace(lastname, '-', ' ')"),
    ("CONVERT(varchar(10), birthdate, 103)", "CAST(to_char(birthdate, 'DD/MM/YYYY') AS VARCHAR(10))"),
    ("FORMAT(birthdate, 'd MMM yyyy')", "to_char(birthdate, 'FMDD Mon YYYY')"),
    ("birthdate + 1", "birthdate + 1 * INTERVAL '1 DAY'"),
]


@pytest.mark.parametrize(("tsql", "postgresql"), VALUES)
def test_a_value(tsql: str, postgresql: str) -> None:
    found = sql_of(f"SELECT {tsql} AS v FROM contact").removeprefix("SELECT ").removesuffix(" AS v FROM legacy.contact")
    assert found.replace("TRUNC", "trunc") == postgresql


def test_flags_of_the_marts_are_compared_with_0_and_1() -> None:
    asked = "SELECT person_id FROM marts.fct_alert WHERE is_open = 1 AND ISNULL(is_open, 0) IN (0, 1)"
    wanted = "is_open = TRUE AND coalesce(is_open, FALSE) IN (FALSE, TRUE)"
    assert sql_of(asked).endswith(f"FROM marts.fct_alert WHERE {wanted}")


def test_what_was_changed_is_said_with_every_place() -> None:
    changes = [
        str(one) for one in translated("SELECT ISNULL(lastname, '')\nFROM contact\nWHERE lastname = 'A'").changes
    ]
    assert "contact is legacy.contact (line 2, column 6)" in changes
    assert "ISNULL is coalesce (line 1, column 8)" in changes
    assert any(one.startswith("texts are compared without regard to case") for one in changes)


def test_what_is_not_as_in_sql_server_is_said() -> None:
    caveats = [
        str(one) for one in translated("SELECT *, REPLACE(lastname, 'x', '') FROM contact GROUP BY lastname").caveats
    ]
    assert [one.split(" ")[0] for one in caveats] == ["*", "GROUP", "REPLACE"] or len(caveats) == 3
    assert any("2 columns that contact no longer has" in one for one in caveats)
