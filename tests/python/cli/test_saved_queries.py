"""`warehouse sql --dialect tsql`: a saved query is translated and asked, or refused with every reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.python.cli.asking import Ask
from tests.python.conftest import FreshDatabases
from warehouse.core.errors import (
    NameShared,
    NoCounterpart,
    OldCodeGone,
    OldNameGone,
    QueryNotTranslated,
    QueryTooLong,
    UsageError,
)

TSQL = ("--dialect", "tsql")
OLD = """
create schema legacy;
create table legacy.contact (id text, firstname text, lastname text, dfeta_trn text, dfeta_inductionstatus int);
insert into legacy.contact values ('a', 'Ada', 'SMITH', '1', 389040006), ('b', 'Ben', 'Jones', '2', null);
create schema marts;
create table marts.dim_person (person_id text, is_live boolean);
insert into marts.dim_person values ('a', true), ('b', false);
"""


@pytest.fixture
def old(ask: Ask, prepared: FreshDatabases) -> Ask:
    """The command, with two people under the old names."""
    with prepared.at_warehouse() as connection:
        connection.execute(OLD)
    return ask


def test_it_is_translated_and_asked(old: Ask) -> None:
    """Under the old names and the new, with the headings as they were written."""
    told = old(
        *TSQL,
        "--json",
        "SELECT TOP 5 C.FirstName + '!' AS [The Name], C.ID FROM [dbo].[Contact] c JOIN marts.dim_person p "
        "ON p.person_id = c.id WHERE c.LASTNAME = 'smith' AND p.is_live = 1",
    )
    assert json.loads(told.out) == [{"The Name": "Ada!", "ID": "a"}], told.err
    assert "changed: dbo.contact is legacy.contact (line 1, column" in told.err
    grouped = old(*TSQL, "--format", "csv", "SELECT lastname FROM contact GROUP BY lastname ORDER BY 1")
    assert grouped.out == "lastname\nJones\nSMITH\n"
    assert "not as in SQL Server: GROUP BY keeps texts apart" in grouped.err


def test_it_comes_from_a_file_in_any_encoding_that_sql_server_saves(old: Ask, tmp_path: Path) -> None:
    file = tmp_path / "saved query.sql"
    query = "SELECT 'é' AS [é], COUNT(*) AS n FROM contact"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_text(query, encoding=encoding)
        assert json.loads(old(*TSQL, "--json", str(file)).out) == [{"é": "é", "n": 2}]
    file.write_text(query, encoding="latin-1")
    refused = old(*TSQL, str(file))
    assert refused.code == UsageError.exit_code and "UTF-8" in refused.err


def test_it_can_only_be_shown(old: Ask) -> None:
    shown = old(*TSQL, "--show", "SELECT LEN(lastname) AS n FROM contact")
    assert shown.code == 0 and "FROM legacy.contact" in shown.out and "SMITH" not in shown.out
    as_json = json.loads(old(*TSQL, "--show", "--json", "SELECT LEN(lastname) AS n FROM contact").out)
    assert as_json["sql"].startswith("SELECT") and len(as_json["changed"]) == 2
    assert old("--show", "select 1").code == UsageError.exit_code


def test_it_reads_and_has_no_longer_than_others(old: Ask) -> None:
    assert old(*TSQL, "--write", "SELECT 1").code == old(*TSQL, "--source", "SELECT 1").code == UsageError.exit_code
    endless = "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
    assert old(*TSQL, "--minutes", "0.01", endless).code == QueryTooLong.exit_code
    server = old(*TSQL, "SELECT CAST(lastname AS int) FROM contact")
    assert server.code == UsageError.exit_code and "The database refused the translation" in server.err


REFUSED: list[tuple[str, type[QueryNotTranslated], str]] = [
    ("UPDATE contact SET lastname = ''", QueryNotTranslated, "line 1, column 1: It begins with UPDATE"),
    ("SELECT SOUNDEX(lastname) FROM contact", NoCounterpart, "line 1, column 8: The function SOUNDEX"),
    ("SELECT emailaddress2 FROM contact", OldNameGone, "line 1, column 8: The column contact.emailaddress2"),
    (
        "SELECT 1 FROM contact WHERE dfeta_inductionstatus = 389040003",
        OldCodeGone,
        "line 1, column 53: contact.dfeta_inductionstatus no longer keeps the code 389040003",
    ),
    ("SELECT id FROM contact a, contact b", NameShared, "line 1, column 8: The column id is in a and b"),
]


def test_a_refusal_says_what_where_and_what_instead(old: Ask) -> None:
    for query, error, said in REFUSED:
        refused = old(*TSQL, query)
        assert refused.code == error.exit_code and said in refused.err and not refused.out
        told = json.loads(old(*TSQL, "--json", query).out)
        (problem,) = told["problems"]
        assert told["error"] == error.__name__ and problem["instead"] == told["next"]
        assert f"line {problem['line']}, column {problem['column']}: {problem['what']}".startswith(said)
    refused = old(*TSQL, "SELECT SOUNDEX(lastname), nickname\nFROM contact WHERE id = @id")
    assert refused.code == NoCounterpart.exit_code
    assert "3 parts of the query cannot be translated" in refused.err
    assert [line.split(":")[0] for line in refused.err.splitlines()[:3]] == [
        "line 1, column 8",
        "line 1, column 27",
        "line 2, column 25",
    ]
