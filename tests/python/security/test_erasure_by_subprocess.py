"""`warehouse erase` as a person runs it: in a process of its own, after which nothing of the erased is in any file."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.python.conftest import make_databases
from tests.python.main_job import Warehouse
from warehouse.core.errors import PersonReturned, UsageError
from warehouse.core.settings import PROJECT
from warehouse.erase import Subject, load_rules, relations, rows

pytestmark = pytest.mark.slow

TRN, NINO = "9834761", "QQ987654C"
FIRST, LAST, MAIL = "Zephyrine", "Quillfeather", "zq.of-nowhere@example.org"
SPELLED = [
    "See TRN9834761",
    "see trn 98/34761 on this",
    "98 34761",
    "98\u00a034761 is a twin",
    "QQ 98 76 54 C",
    "qq-98-76-54-c, asked by phone",
    "mailto:ZQ.of-nowhere%40example.org",
]
BY_NAME = "Zephyrine Quillfeather rang, born 2 January 1980"
TICKET = "Helpdesk 8834761 and 98347611 are closed"
LOGGED = "log_min_duration_statement"

PERSON = """
update persons set trn = %(trn)s, first_name = %(first)s, last_name = %(last)s, national_insurance_number = %(nino)s,
    email_address = %(mail)s, date_of_birth = '1980-01-02', merged_with_person_id = null
where person_id = %(person)s
"""


@dataclass
class Story:
    """A warehouse from which a person was erased, with what the commands said."""

    warehouse: Warehouse
    person: uuid.UUID
    subject: str
    other: uuid.UUID
    by_name: uuid.UUID
    dry_run: dict[str, Any]
    decided: dict[str, Any]
    done: dict[str, Any]
    logs: str

    @property
    def traces(self) -> list[bytes]:
        """Expressions for what must be nowhere, in the forms in which databases and people write it."""
        texts = [LAST, NINO, MAIL, str(self.person), self.person.hex, self.subject, "98/34761", "98 34761"]
        forms = [re.escape(text.encode()) for text in [*texts, "98\u00a034761", "QQ 98 76 54 C"]]
        return [*forms, re.escape(self.person.bytes), rb"(?<![0-9])9834761(?![0-9])"]


@pytest.fixture(scope="module")
def story(short_folder: Path) -> Iterator[Story]:
    """The person is in the replica, then gone at the source, then erased by the command."""
    warehouse = Warehouse(short_folder / "erasure", people=60)
    try:
        yield _told(warehouse)
    finally:
        warehouse.call("down")


def _told(warehouse: Warehouse) -> Story:
    made = warehouse.call("sandbox", "create")
    assert made.returncode == 0, made.stdout + made.stderr
    databases = make_databases(warehouse.home)
    with databases.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        person, subject, other = _plant(trs)
    _replicate(warehouse)
    with databases.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        by_name = _erase_at_source(trs, other)
    _replicate(warehouse)
    with databases.at_warehouse() as connection:
        # As if models had been published, so that they are built again.
        connection.execute("insert into ledger.builds (state, as_at, project_sha256) values ('published', now(), '')")
        connection.execute("alter database warehouse set log_min_duration_statement = 0")
    with databases.at_source() as trs:
        trs.execute("alter database trs set log_min_duration_statement = 0")
    found = warehouse.call("erase", "--trn", "-", "--dry-run", "--json", input=f"{TRN}\n")
    assert found.returncode == 0, found.stdout + found.stderr
    row = f"notes/{by_name}"
    decided = warehouse.call("erase", "--trn", "-", "--dry-run", "--json", "--also", row, input=f"{TRN}\n")
    assert decided.returncode == 0, decided.stdout + decided.stderr
    done = warehouse.call("erase", "--trn", "-", "--because", "SAR 12", "--yes", "--json", input=f"{TRN}\n")
    assert done.returncode == 0, done.stdout + done.stderr
    logs = "".join(path.read_text(errors="replace") for path in warehouse.home.glob("clusters/*/*log*"))
    with databases.at_source() as trs:
        trs.execute("alter database trs reset log_min_duration_statement")
    said = (json.loads(one.stdout) for one in (found, decided, done))
    return Story(warehouse, person, subject, other, by_name, *said, logs)


def _plant(trs: psycopg.Connection) -> tuple[uuid.UUID, str, uuid.UUID]:
    people = trs.execute("select person_id from persons order by person_id limit 2").fetchall()
    (person,), (other,) = people
    subject = "urn:fdc:gov.uk:2022:Zq-of-nowhere"
    trs.execute(PERSON, {"trn": TRN, "first": FIRST, "last": LAST, "nino": NINO, "mail": MAIL, "person": person})
    trs.execute(
        "insert into one_login_users (subject, email_address, person_id) values (%s, %s, %s)", (subject, MAIL, person)
    )
    for text in (*SPELLED, BY_NAME, TICKET):
        trs.execute(
            "insert into notes (note_id, person_id, content, created_on, created_by_user_id)"
            " select gen_random_uuid(), %s, %s, now(), user_id from users limit 1",
            (other, text),
        )
    return person, subject, other


def _erase_at_source(trs: psycopg.Connection, other: uuid.UUID) -> uuid.UUID:
    """What the operational system does: it finds rows as `person` in replication/trs.yml says."""
    ((by_name,),) = trs.execute("select note_id from notes where content = %s", (BY_NAME,)).fetchall()
    # It corrects the notes on the other's record, but for the one that only has their name.
    trs.execute(
        "update notes set content = 'Asked' where person_id = %s and content <> all(%s)", (other, [TICKET, BY_NAME])
    )
    rules = load_rules()
    there = ((relations.relation(trs, rules.schema, name, "replica"), rule) for name, rule in rules.replicated.items())
    tables = [(relation, rule) for relation, rule in there if relation]
    subject = rows.learn(trs, tables, Subject.given(None, TRN))
    for relation, rule in tables:
        rows.remove(trs, relation, rule, subject)
    return by_name  # type: ignore[no-any-return]


def _replicate(warehouse: Warehouse) -> None:
    done = warehouse.call("replicate", "run")
    assert done.returncode == 0, done.stdout + done.stderr


def files_with(folder: Path, traces: list[bytes], besides: tuple[str, ...] = ()) -> list[str]:
    """The files below a folder in which a trace stands, with which."""
    looked_for = [re.compile(trace, re.I) for trace in traces]
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink() or not path.is_file() or name.startswith(besides):
            continue
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        found += [f"{name}: {one.pattern!r}" for one in looked_for if one.search(content)]
    return found


def test_the_dry_run_found_them_everywhere(story: Story) -> None:
    places = {place["place"]: (place["theirs"], place["shared"]) for place in story.dry_run["places"]}
    assert any(name.startswith("history.persons") for name in places), places
    assert sum(shared for name, (_, shared) in places.items() if name.startswith("history.notes")) == len(SPELLED)
    assert story.dry_run["refusal"] is None


def test_nothing_is_left_in_any_file(story: Story) -> None:
    """Not in the database's own files either, with its WAL; the operational database's are not the warehouse's."""
    assert story.done["erasure_id"] == 1
    left = files_with(story.warehouse.home, story.traces, ("clusters/trs/data",))
    # The note that only has the name is for a person to decide.
    assert [one for one in left if LAST not in one] == []
    for folder in ("target", "logs"):
        assert files_with(PROJECT / folder, story.traces) == []


def test_no_server_has_logged_them(story: Story) -> None:
    assert "parameters" in story.logs or "duration" in story.logs, "the servers logged statements"
    for trace in story.traces:
        assert not re.search(trace, story.logs.encode(), re.I), trace
    assert LAST not in story.logs


def test_what_has_only_their_name_is_listed_and_goes_when_a_person_says_so(story: Story) -> None:
    row = f"notes/{story.by_name}"
    named = [(one["row"], one["because"]) for one in story.done["candidates"] if one["because"] != "seven digits"]
    assert named == [(row, "name and date of birth")]
    assert LAST not in json.dumps([story.dry_run, story.done])
    # Accepted, it is theirs like any other: it has to be corrected at the source first.
    assert row not in [one["row"] for one in story.decided["candidates"]]
    assert story.decided["at_source"] == {"notes": 1}
    assert "still holds the person: notes (1)" in story.decided["refusal"]


def test_the_same_again_finds_nothing_and_does_nothing(story: Story) -> None:
    again = story.warehouse.call("erase", "--trn", "-", "--yes", "--json", input=TRN)
    assert (again.returncode, json.loads(again.stdout)["erasure_id"]) == (0, None), again.stdout + again.stderr
    found = story.warehouse.call("erase", "--trn", "-", "--dry-run", "--json", input=TRN)
    survey = json.loads(found.stdout)
    assert (survey["at_source"], survey["places"], survey["deliveries"]) == ({}, [], [])
    assert story.warehouse.ask("select count(*)::int as n from ledger.erasures") == [{"n": 1}]


def test_another_number_is_left_alone(story: Story) -> None:
    kept = story.warehouse.ask("select content from notes where content like 'Helpdesk%'")
    assert kept == [{"content": TICKET}]


@pytest.mark.parametrize("arguments", [("--trn", TRN), ("--person-id", str(uuid.uuid4())), ("--trn", "-", TRN)])
def test_an_identifier_among_the_arguments_is_refused_and_not_repeated(arguments: tuple[str, ...]) -> None:
    done = Warehouse(Path("/nonexistent")).call("erase", *arguments, "--yes")
    said = done.stdout + done.stderr
    assert done.returncode == UsageError.exit_code
    assert "--trn-file" in said
    assert not any(word in said for word in arguments if word not in ("--trn", "-", "--person-id"))


def test_the_reference_cannot_name_the_person_in_any_spelling(story: Story) -> None:
    databases = make_databases(story.warehouse.home)
    with databases.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        _plant(trs)
    _replicate(story.warehouse)
    # Every form has its test in erase/test_decisions.py.
    for reference in ("quill-feather, by phone", "of 98 / 34761"):
        done = story.warehouse.call("erase", "--trn", "-", "--because", reference, "--yes", input=TRN)
        assert done.returncode == UsageError.exit_code, (reference, done.stdout + done.stderr)
        assert reference not in done.stdout + done.stderr


def test_a_person_who_came_back_is_noticed(story: Story) -> None:
    """They were inserted at the source again, by the test before this one."""
    found = story.warehouse.call("erase", "--check", "--json")
    assert found.returncode == PersonReturned.exit_code, found.stdout + found.stderr
    assert json.loads(found.stdout)["returned"] == [1]
    listed = story.warehouse.call("erase", "--check", "--trn-file", "-", input=f"1111111\n{TRN}\n")
    assert listed.returncode == PersonReturned.exit_code
    assert "erasure 1, 1 of 2 persons of the list (lines 2)" in listed.stderr
    assert TRN not in listed.stdout + listed.stderr
    status = story.warehouse.call("replicate", "status", "--json")
    assert status.returncode == PersonReturned.exit_code
    assert [one["code"] for one in json.loads(status.stdout)["reasons"]] == ["returned"]
    accepted = story.warehouse.call("erase", "--returned", "1", "--because", "SAR 13")
    assert accepted.returncode == 0, accepted.stderr
    assert story.warehouse.call("erase", "--check").returncode == 0
    assert story.warehouse.call("replicate", "status").returncode == 0
