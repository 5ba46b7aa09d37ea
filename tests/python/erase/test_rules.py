"""Default deny: every table says how its rows belong to persons, and the record can say of nobody who it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest
import yaml

from warehouse.core.databases import Databases
from warehouse.core.errors import ClassificationError, ErasureRefused, UsageError
from warehouse.core.identifiers import PERSON_ID, TRN
from warehouse.core.ledger import migrate
from warehouse.erase import Subject, load_rules, relations, rows
from warehouse.erase.reference import check_form
from warehouse.erase.rules import FOLDER
from warehouse.erase.spelling import any_of
from warehouse.replicate import load_classification


def test_every_replicated_table_says_how_its_rows_belong_to_persons() -> None:
    rules, classification = load_rules(), load_classification()
    assert {*rules.replicated, *rules.without_persons} == set(classification.published)
    for table, rule in rules.replicated.items():
        # A column that stays behind is not there to be looked into.
        assert set(rule.columns) <= set(classification.published[table]), table


def test_a_table_with_a_persons_column_is_not_said_to_be_nobodys() -> None:
    rules, classification = load_rules(), load_classification()
    for table in rules.without_persons:
        columns = classification.published[table]
        named = [name for name in columns if name in ("person_id", "person_ids", "trn", "national_insurance_number")]
        assert named == [], table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "replication"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "It is not stated how the rows of alerts belong"),
        ({"person": {"rows": {"person": "person_id"}}}, "alerts has no column person"),
        ({"person": {"tells": {"person_id": "person_id"}}}, "wants `rows`, `people` or `mentions`"),
        ({"person": {"rows": {"person_id": "person_id"}}, "no_person": "x"}, "exclude each other"),
        ({"person": {"lines": {}}}, "Extra inputs"),
    ],
)
def test_a_rule_that_is_missing_or_wrong_stops_the_command(
    folder: Path, change: dict[str, object], message: str
) -> None:
    file = folder / "trs.yml"
    given = yaml.safe_load(file.read_text())
    table = {key: value for key, value in given["tables"]["alerts"].items() if key not in ("person", "no_person")}
    given["tables"]["alerts"] = table | change
    file.write_text(yaml.safe_dump(given))
    with pytest.raises(ClassificationError, match=message):
        load_rules(folder)


@pytest.mark.slow
def test_a_landed_table_joins_by_a_line(databases: Databases, folder: Path) -> None:
    with databases.at_warehouse() as warehouse:
        migrate(warehouse)
        warehouse.execute("create schema landing")
        warehouse.execute("create table landing.members (trn text, note text)")
        warehouse.execute("insert into landing.members values ('1234567', 'a'), ('7654321', 'b')")
        with pytest.raises(ClassificationError, match=r"landing\.members"):
            relations.elsewhere(warehouse, load_rules(folder))
        (folder / "other_tables.yml").write_text(
            "schemas: [landing]\ntables: {landing.members: {person: {rows: {trn: trn}}}}\n"
        )
        rules = load_rules(folder)
        assert relations.elsewhere(warehouse, rules) == []
        for relation, rule in relations.of_persons(warehouse, rules):
            removed = rows.remove(warehouse, relation, rule, Subject({TRN: frozenset(["1234567"])}))
            assert [(place.place, place.theirs) for place in removed.places] == [("landing.members", 1)]
        assert warehouse.execute("select note from landing.members").fetchall() == [("b",)]


@pytest.mark.slow
def test_identifiers_that_others_have_lead_nowhere(databases: Databases) -> None:
    """A shared address is not followed, an own one is, and a TRN that two persons have had names neither."""
    one, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    with databases.at_warehouse() as warehouse:
        warehouse.execute(
            "create table persons (person_id uuid primary key, trn char(7), email_address text,"
            " national_insurance_number text, dqt_contact_id uuid, source_application_user_id uuid,"
            " source_trn_request_id text, merged_with_person_id uuid)"
        )
        insert = (
            "insert into persons (person_id, trn, email_address, national_insurance_number) values (%s, %s, %s, %s)"
        )
        warehouse.execute(insert, (one, "1234567", "BOTH@example.org", "AQ123456C"))
        warehouse.execute(insert, (other, "7654321", "both@example.org", "AQ654321C"))
        tables = list(relations.of_persons(warehouse, load_rules()))
        learnt = rows.learn(warehouse, tables, Subject.given(None, "1234567"))
        assert learnt.values(PERSON_ID) == [one]
        assert learnt.values("national_insurance_number") == ["aq123456c"]
        assert learnt.values("email_address") == []
        warehouse.execute("update persons set trn = '1234567'")
        with pytest.raises(ErasureRefused, match="2 persons have had this TRN"):
            rows.learn(warehouse, tables, Subject.given(None, "1234567"))


@pytest.mark.parametrize(
    "reference",
    ["TRN 1234567", "for 0b0f3c0e-9d1a-4a53-8f52-7f8f8a8f8a8f", "of AQ 12 34 56 C", "ada@example.org asked"],
)
def test_the_reference_cannot_say_who(reference: str) -> None:
    with pytest.raises(UsageError, match="looks like") as refused:
        check_form(reference)
    assert reference not in str(refused.value.as_dict())


def test_a_plain_reference_is_kept() -> None:
    assert check_form(" SAR 12/2026 ") == "SAR 12/2026"
    assert check_form(None) is None


@pytest.mark.parametrize(
    ("person_id", "trn"), [(None, None), ("x", "1234567"), ("not-a-uuid", None), (None, "123456"), (None, "12345678")]
)
def test_a_person_is_named_in_one_way(person_id: str | None, trn: str | None) -> None:
    with pytest.raises(UsageError):
        Subject.given(person_id, trn)


def test_a_person_is_never_printed() -> None:
    assert "1234567" not in f"{Subject.given(None, '1234567')!r} {Subject.given(None, '1234567')}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("1234567", True),
        ("see (1234567).", True),
        ("1234567.330.1", True),
        ("A.B@EXAMPLE.ORG", True),
        ("axb@example.org", False),
        ("91234567", False),
        ("x1234567", True),
        ("12345678", False),
    ],
)
def test_an_identifier_is_found_as_a_word(databases: Databases, text: str, is_found: bool) -> None:
    subject = Subject({TRN: frozenset(["1234567"]), "email_address": frozenset(["a.b@example.org"])})
    assert bool(subject.finder.search(text)) is is_found
    with psycopg.connect(databases.warehouse_conninfo) as connection:
        row = connection.execute("select %s ~* %s", (text, any_of(subject.words))).fetchone()
    assert row == (is_found,)
