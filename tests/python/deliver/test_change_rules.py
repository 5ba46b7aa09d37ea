"""What may leave as change files, by the contract; and the gate that each file has to pass."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from tests.python.deliver.receiving import document
from warehouse.cli import main as cli
from warehouse.core.classes import Classes
from warehouse.core.contracts import Column, ColumnType, Contract, Kind, load_change_contracts, load_contracts
from warehouse.core.errors import CheckFailed, ContractError
from warehouse.deliver.change_files.check import check_set
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.change_files.tables import ChangeTable, OfTable
from warehouse.deliver.change_files.write import contract_of
from warehouse.deliver.edition import ChangeSet, edition_of
from warehouse.deliver.files import facts_of
from warehouse.deliver.parquet_file import arrow_schema
from warehouse.deliver.register import register


@pytest.fixture(scope="module")
def shipped() -> Contract:
    (contract,) = load_change_contracts()
    return contract


def leaving(contract: Contract, table: str) -> set[str]:
    assert contract.change_files is not None
    return set(contract.change_files.columns(table, Classes().replicated_columns[table]))


def test_the_contract_names_every_replicated_table_and_is_no_extract(shipped: Contract) -> None:
    assert shipped.change_files is not None
    assert set(shipped.change_files.tables) == set(Classes().replicated_columns)
    assert shipped not in load_contracts()


def test_what_the_present_synchronisation_leaves_out_stays_behind(shipped: Contract) -> None:
    persons = leaving(shipped, "persons")
    assert {"person_id", "trn", "date_of_birth", "national_insurance_number", "qts_date"} <= persons
    assert not persons & {"dqt_contact_id", "dqt_state", "created_by_tps"}
    assert "trn_token" not in leaving(shipped, "trn_request_metadata")
    assert "subject_name" not in leaving(shipped, "support_tasks")
    assert "dqt_user_id" not in leaving(shipped, "users") and "user_id" in leaving(shipped, "users")
    assert "created_by_dqt_user_id" not in leaving(shipped, "notes") and "content" in leaving(shipped, "notes")


def test_the_sharing_register_says_what_leaves(shipped: Contract) -> None:
    (entry,) = (one for one in register(None) if one["extract"] == shipped.name)
    assert entry["how_often"] == "each day, for what changed since the set before"
    assert "persons.date_of_birth" in entry["sensitive"] and "trn_token" not in str(entry)
    assert entry["classes"].endswith(" open")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"changeFiles": {}}, "must name the tables that leave"),
        ({"changeFiles": ["persons"]}, "must name the tables that leave"),
        ({"changeFiles": {"persons": "some"}}, "changeFiles.persons: is neither"),
        ({"changeFiles": {"persons": []}}, "changeFiles.persons: is neither"),
        ({"changeFiles": {"persons": {"without": "trn"}}}, "changeFiles.persons: is neither"),
        ({"changeFiles": {"public.persons": "all"}}, "is not the name of a table"),
        ({"fileFormat": "csv"}, "change files are parquet"),
        ({"confirmation": "writeOnly"}, "customProperties.confirmation: is not for change files"),
        ({"model": "dandi_changes"}, "customProperties.model: is not for change files"),
    ],
)
def test_a_contract_that_does_not_say_what_leaves_is_refused(given: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "dandi" / "changes.odcs.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(document(**given)))
    with pytest.raises(ContractError) as caught:
        load_change_contracts(tmp_path)
    assert said in caught.value.what


def test_the_commands_about_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["contract", "sync", "dandi/changes", "--check"]) == 0
    assert cli._main(["contract", "check", "dandi/changes"]) == 0
    assert "dandi/changes.odcs.yaml is sound: version 1.0.0, draft, 36 tables." in capsys.readouterr().out


def test_a_set_is_found_by_its_name(shipped: Contract) -> None:
    edition = ChangeSet.of(shipped, "20261129T203153Z", 12)
    assert edition.delivery_id == "dandi/changes/20261129T203153Z-000012"
    assert edition_of(shipped, edition.delivery_id) == edition
    assert edition_of(shipped, "dandi/changes/2026-09") is None


AT = datetime(2026, 1, 1, tzinfo=UTC)
GOOD: list[dict[str, Any]] = [
    {"change": "ended", "from_position": 4, "to_position": 12, "known_to": AT, "ended_by": "D", "key": "a"},
    {"change": "version", "from_position": 11, "known_from": AT, "to_position": 12, "known_to": AT, "ended_by": "U"},
    {"change": "version", "from_position": 12, "known_from": AT, "operation": "U"},
]
"""A set of positions 10 to 19; the key is b where nothing is said."""


@pytest.mark.parametrize(
    ("row", "change", "rule"),
    [
        (0, {"change": "gone"}, "trw_change is version or ended"),
        (1, {"from_position": 9}, "a version begins within the span"),
        (2, {"from_position": 20}, "a version begins within the span"),
        (0, {"from_position": 10}, "an end within the span is of an earlier version"),
        (0, {"to_position": 9}, "an end within the span is of an earlier version"),
        (1, {"to_position": 20}, "an end is before the end of the span"),
        (1, {"known_from": None}, "it is known when a version began"),
        (0, {"known_to": None}, "it is known when and by what a version ended"),
        (0, {"ended_by": None}, "it is known when and by what a version ended"),
        (2, {"key": None}, "reference is there"),
        (1, {"to_position": None, "known_to": None, "ended_by": None}, "a current version is the last of its key"),
        (None, {}, None),
    ],
)
def test_the_gate(shipped: Contract, tmp_path: Path, row: int | None, change: dict[str, Any], rule: str | None) -> None:
    rows = [dict(one) for one in GOOD]
    if row is not None:
        rows[row] |= change
    key = Column("reference", ColumnType(Kind.STRING), "text", "open", "Of a row.", True, False, {})
    table = ChangeTable("things", (OfTable(key, "text"),), ("reference",), 10, 1, False, None)
    contract = contract_of(shipped, table)
    plain = [
        {f"trw_{name}": value for name, value in one.items() if name != "key"} | {"reference": one.get("key", "b")}
        for one in rows
    ]
    path = tmp_path / "things.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pylist(plain, schema=arrow_schema(contract.columns)), path)
    span = Recorded(None, 10, 20, 1, AT, 0, 0)
    files = [(path, facts_of(path, "things.parquet", len(rows)), table, contract)]
    if rule is None:
        check_set(span, files)
        return
    with pytest.raises(CheckFailed) as caught:
        check_set(span, files)
    assert {one["rule"]: one["rows"] for one in caught.value.rules} == {rule: 1}
    assert "'" not in caught.value.what, "no value"
