"""What identifies nobody is not erased by itself: seven digits are cut out, a name is listed, a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from tests.python.conftest import FreshDatabases
from warehouse.core.errors import UsageError
from warehouse.core.identifiers import PERSON_ID, TRN
from warehouse.erase import Subject, load_rules, names, relations, rows
from warehouse.erase.reference import check_person
from warehouse.erase.rows import Tables
from warehouse.erase.subject import Called, Decided

PERSON, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
SUBJECT = Subject(
    {TRN: frozenset(["1234567"]), PERSON_ID: frozenset([PERSON])},
    Called(frozenset(["Zoë"]), frozenset(["O'Quill-Feather"]), frozenset([date(1980, 1, 2)])),
)
MADE = """
create table notes (note_id text primary key, person_id uuid, content text, content_html text);
create table support_task_notes (support_task_note_id text primary key, support_task_reference text, content text);
create table processes (process_id text primary key, person_ids uuid[], change_reason jsonb,
    one_login_user_subjects text[], support_task_references text[]);
"""


@pytest.fixture
def warehouse(databases: FreshDatabases) -> Iterator[psycopg.Connection]:
    """A warehouse with three tables of free text."""
    with databases.at_warehouse() as connection:
        connection.execute(MADE.encode())
        yield connection


def found_tables(connection: psycopg.Connection) -> Tables:
    return list(relations.of_persons(connection, load_rules()))


def erase(connection: psycopg.Connection, subject: Subject = SUBJECT) -> None:
    for relation, rule in found_tables(connection):
        rows.remove(connection, relation, rule, subject)


def note(connection: psycopg.Connection, key: str, content: str, person: str | None = OTHER) -> None:
    connection.execute("insert into notes (note_id, person_id, content) values (%s, %s, %s)", (key, person, content))


def contents(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


@pytest.mark.slow
def test_seven_digits_are_cut_out_and_the_row_stays(warehouse: psycopg.Connection) -> None:
    insert = "insert into support_task_notes values (%s, 'TRS-1', %s)"
    texts = {
        "a": "ticket 1234567 is closed",
        "b": "TRN 1234567 is a twin",
        "c": "1234567 is Zoë's",
        "d": "ticket 12345678",
        "e": "call 120 1234567 now",
    }
    for key, text in texts.items():
        warehouse.execute(insert, (key, text))
    counted = {
        relation.name: rows.count(warehouse, relation, rule, SUBJECT) for relation, rule in found_tables(warehouse)
    }
    assert (counted["support_task_notes"].theirs, counted["support_task_notes"].shared) == (2, 2)
    erase(warehouse)
    assert contents(warehouse, "select support_task_note_id, content from support_task_notes order by 1") == [
        ("a", "ticket (erased) is closed"),
        ("d", "ticket 12345678"),
        ("e", "call 120 (erased) now"),
    ]


@pytest.mark.slow
def test_in_json_and_arrays_only_the_digits_go(warehouse: psycopg.Connection) -> None:
    insert = "insert into processes values (%s, %s, %s::jsonb, %s, %s)"
    warehouse.execute(insert, ("a", [OTHER], '{"ticket": "1234567", "calls": [1234567, 12]}', [], ["1234567", "TRS-2"]))
    warehouse.execute(insert, ("b", [OTHER], '{"Trn": 1234567, "x": 1}', [], []))
    warehouse.execute(insert, ("c", [OTHER, PERSON], '{"x": 1}', [], []))
    erase(warehouse)
    assert contents(
        warehouse,
        "select process_id, person_ids::text[], change_reason, support_task_references from processes order by 1",
    ) == [
        ("a", [OTHER], {"ticket": "0", "calls": [0, 12]}, ["(erased)", "TRS-2"]),
        ("b", [OTHER], {}, []),
        ("c", [OTHER], {}, []),
    ]


@pytest.mark.slow
def test_a_person_decides_about_rows(warehouse: psycopg.Connection) -> None:
    note(warehouse, "digits", "ticket 1234567")
    note(warehouse, "not-theirs", "ticket 1234567 again")
    note(warehouse, "name", "ZOE O\u2019QUILL FEATHER rang")
    note(warehouse, "namesake", "Zoe O'Quillfeather, another one")
    note(warehouse, "born", "Mrs O'Quill-Feather (2 Jan 1980)")
    note(warehouse, "surname", "Mrs O'Quill-Feather")
    note(warehouse, "surely", "1234567 O'Quill-Feather")
    listed = {one.row: one.because for one in names.candidates(warehouse, found_tables(warehouse), SUBJECT)}
    assert listed == {
        "notes/digits": "seven digits",
        "notes/not-theirs": "seven digits",
        "notes/name": "name",
        "notes/namesake": "name",
        "notes/born": "name and date of birth",
    }
    decided = replace(
        SUBJECT,
        decided=Decided(
            theirs=frozenset(["notes/digits", "notes/name", "notes/surname"]),
            not_theirs=frozenset(["notes/not-theirs"]),
        ),
    )
    left = {one.row for one in names.candidates(warehouse, found_tables(warehouse), decided)}
    assert left == {"notes/namesake", "notes/born"}
    erase(warehouse, decided)
    assert contents(warehouse, "select note_id, content from notes order by 1") == [
        ("born", "Mrs O'Quill-Feather (2 Jan 1980)"),
        ("digits", None),
        ("name", None),
        ("namesake", "Zoe O'Quillfeather, another one"),
        ("not-theirs", "ticket 1234567 again"),
        ("surely", None),
        # Nothing in it leads to the person, so that a slip of the pen empties nothing.
        ("surname", "Mrs O'Quill-Feather"),
    ]


@pytest.mark.parametrize(
    "reference",
    [
        "zoe asked",
        "ZOË, by phone",
        "o quill feather",
        "OQuillfeathers case",
        "b. 2/1/80",
        "12/34567",
        "of 1234567",
        "at SW1A 1VV",
    ],
)
def test_the_reference_cannot_say_who_in_any_spelling(reference: str) -> None:
    subject = replace(SUBJECT, called=replace(SUBJECT.called, other=frozenset(["SW1A 1VV"])))
    with pytest.raises(UsageError, match="The reference holds a name") as refused:
        check_person(reference, subject)
    assert reference not in str(refused.value.as_dict())


@pytest.mark.parametrize("reference", ["SAR 12/2026", "Request 17 of the zoo", "2026-11-28", None])
def test_a_reference_without_the_person_is_kept(reference: str | None) -> None:
    check_person(reference, SUBJECT)
