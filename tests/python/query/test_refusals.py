"""What cannot be translated: each says what, where, and what to use instead."""

from __future__ import annotations

import pytest

from tests.python.query.old import problems_of, sql_of
from warehouse.query.tsql import Fault, Place

SELECT = "SELECT lastname\nFROM contact\nWHERE "

REFUSED = [
    # Not one statement that reads.
    ("INSERT INTO contact SELECT 1", Fault.reading, (1, 1), "Leave one SELECT"),
    ("-- all\nUPDATE contact SET lastname = ''", Fault.reading, (2, 1), "Leave one SELECT"),
    ("EXEC dbo.report 1", Fault.reading, (1, 1), "Leave one SELECT"),
    ("DECLARE @day date = '2020-01-01'; SELECT 1", Fault.reading, (1, 1), "in the place of variables"),
    ("USE reports\nGO\nSELECT 1", Fault.reading, (1, 1), "Leave one SELECT"),
    ("SELECT 1\nGO\nSELECT 2", Fault.reading, (2, 1), "a file of its own"),
    ("SELECT 1; SELECT 2", Fault.reading, None, "a file of its own"),
    ("SELECT 1\nSELECT 2", Fault.reading, (2, 1), "a file of its own"),
    ("WITH q AS (SELECT 1 AS a) DELETE FROM q", Fault.reading, (1, 1), "Leave one SELECT"),
    ("SELECT lastname INTO #names FROM contact", Fault.reading, (1, 23), "Leave INTO out"),
    ("SELECT a FROM #names", Fault.reading, (1, 16), "common table expression"),
    (SELECT + "lastname = @name", Fault.reading, (3, 18), "Write the value in its place"),
    ("", Fault.reading, (1, 1), "Leave one SELECT"),
    ("SELECT 'abc", Fault.reading, None, "Leave one SELECT"),
    ("SELECT a frm contact", Fault.reading, (1, 14), "Correct"),
    # A function or another part without a counterpart.
    (SELECT + "SOUNDEX(lastname) = 'S530'", Fault.counterpart, (3, 7), "LIKE"),
    (SELECT + "TRY_CAST(lastname AS date) = '2020-01-01'", Fault.counterpart, (3, 7), "CASE WHEN"),
    (SELECT + "TRY_CONVERT(decimal(5, 2), lastname) = 1", Fault.counterpart, (3, 7), "CASE WHEN"),
    (SELECT + "TRY_CONVERT(date, lastname, 103) = '2020-01-01'", Fault.counterpart, (3, 7), "CASE WHEN"),
    (SELECT + "TRY_PARSE(lastname AS int) = 1", Fault.counterpart, (3, 7), "CASE WHEN"),
    (
        "SELECT * FROM (SELECT gendercode FROM contact) c\nPIVOT (COUNT(gendercode) FOR gendercode IN ([1], [2])) p",
        Fault.counterpart,
        None,
        "SUM(CASE WHEN",
    ),
    (SELECT + "GETDAT() > birthdate", Fault.counterpart, (3, 7), "GETDATE"),
    (SELECT + "dbo.fn_age(birthdate) > 3", Fault.counterpart, (3, 7), "Write what it did"),
    (SELECT + "DATEPART(week, birthdate) = 3", Fault.counterpart, (3, 7), "iso_week"),
    (SELECT + "birthdate > '01/02/1990'", Fault.counterpart, (3, 7), "'2023-09-01'"),
    (SELECT + "CAST(birthdate AS varchar(10)) = '1'", Fault.counterpart, (3, 7), "CONVERT"),
    (SELECT + "CONVERT(varchar(20), birthdate, 130) = '1'", Fault.counterpart, (3, 7), "103"),
    (SELECT + "lastname + 1 = 'x'", Fault.counterpart, (3, 7), "CONCAT"),
    (SELECT + "birthdate - createdon > 3", Fault.counterpart, (3, 7), "DATEDIFF"),
    (SELECT + "birthdate AT TIME ZONE 'GMT Standard Time' > '2020-01-01'", Fault.counterpart, (3, 7), "'UTC'"),
    ("SELECT lastname FROM contact FOR XML PATH('')", Fault.counterpart, None, "STRING_AGG"),
    ("SELECT 'Total' = COUNT(*) FROM contact", Fault.counterpart, (1, 8), "AS"),
    ("SELECT TOP 5 PERCENT lastname FROM contact", Fault.counterpart, (1, 12), "a number"),
    ("SELECT * FROM OPENQUERY(old, 'select 1')", Fault.counterpart, (1, 15), "schema legacy"),
    ("SELECT * FROM srv.db.dbo.contact", Fault.counterpart, (1, 15), "server"),
    ("SELECT lastname FROM contact GROUP BY lastname WITH ROLLUP", Fault.counterpart, None, "UNION ALL"),
    # A name that is gone, or never was.
    ("SELECT c.nickname FROM contact c", Fault.gone, (1, 8), "Use firstname."),
    ("SELECT dfeta_husid FROM contact", Fault.gone, (1, 8), "Nothing takes its place"),
    ("SELECT lastnam FROM contact", Fault.gone, (1, 8), "lastname"),
    ("SELECT dfeta_value FROM contact", Fault.gone, (1, 8), "dfeta_country and dfeta_specialism"),
    ("SELECT d.id FROM contact c", Fault.gone, (1, 8), "alias"),
    ("SELECT 1 FROM incident", Fault.gone, (1, 15), "marts.fct_support_task"),
    ("SELECT 1 FROM dbo.contac", Fault.gone, (1, 15), "legacy.contact"),
    # A code that is not kept apart.
    (SELECT + "dfeta_inductionstatus = 389040003", Fault.code, (3, 31), "Use 389040006 (In Progress)"),
    (SELECT + "dfeta_inductionstatus IN (389040006, 389040009)", Fault.code, (3, 44), "Leave the code out"),
    (SELECT + "7 = dfeta_inductionstatus", Fault.code, (3, 7), "389040006"),
    (
        "SELECT 1 FROM dfeta_sanction WHERE dfeta_sanctioncodeid = 'A1B2C3D4-0000-4000-8000-000000000001'",
        Fault.code,
        (1, 59),
        "dfeta_sanctioncodeidname",
    ),
    (
        "SELECT 1 FROM dfeta_sanction WHERE dfeta_sanctioncodeid IN ('T1', 'b5')",
        Fault.code,
        (1, 67),
        "Leave the code out",
    ),
    (
        "SELECT s.id FROM dfeta_sanction s JOIN dfeta_sanctioncode c ON c.id = s.dfeta_sanctioncodeid\n"
        "WHERE c.dfeta_value = 'B5'",
        Fault.code,
        (2, 23),
        "Leave the code out",
    ),
    # A name that means several columns.
    (
        "SELECT createdon FROM contact c JOIN dfeta_sanction s ON s.dfeta_personid = c.id",
        Fault.shared,
        (1, 8),
        "Write c.createdon or s.createdon.",
    ),
]


@pytest.mark.parametrize(("query", "fault", "place", "instead"), REFUSED)
def test_it_says_what_where_and_what_to_use_instead(
    query: str, fault: Fault, place: tuple[int, int] | None, instead: str
) -> None:
    problems = problems_of(query)
    assert [one.fault for one in problems] == [fault], problems
    (problem,) = problems
    assert problem.what.endswith(".") and instead in problem.instead, problem
    if place:
        assert problem.place == Place(*place)


def test_every_problem_is_said_at_once_in_the_order_of_the_text() -> None:
    query = SELECT + "SOUNDEX(lastname) = '1' AND nickname = 'x'\nAND dfeta_inductionstatus = 389040003"
    assert [one.fault for one in problems_of(query)] == [Fault.counterpart, Fault.gone, Fault.code]


def test_no_problem_repeats_a_text_of_the_query() -> None:
    """A name or a number may stand there."""
    for condition in (
        "lastname + 1 = 'Jane Doe'",
        "birthdate > 'Jane Doe'",
        "birthdate = 'Jane Doe' + @x",
        "x 'Jane Doe'",
    ):
        assert not any("Jane" in f"{one} {one.instead}" for one in problems_of(SELECT + condition))


def test_a_question_about_a_look_up_has_an_answer_also_for_a_code_that_is_gone() -> None:
    assert "B5" in sql_of("SELECT dfeta_name FROM dfeta_sanctioncode WHERE dfeta_value = 'B5'")


def test_a_code_that_is_newer_than_the_old_list_is_asked_for() -> None:
    assert "T12" in sql_of("SELECT 1 FROM dfeta_sanction WHERE dfeta_sanctioncodeid = 'T12'")
