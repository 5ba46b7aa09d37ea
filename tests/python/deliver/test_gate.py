"""The gate: a file is held against its contract before it leaves, and no value of it is told."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.world import column, document, write_contract
from warehouse.core.contracts import Contract, Rule
from warehouse.core.errors import CheckFailed, ContractError
from warehouse.core.settings import PROJECT
from warehouse.deliver import State, check, read_back
from warehouse.deliver.check import check_files
from warehouse.deliver.expectations import Gate, _library

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_gate_finds_each_breach_and_tells_no_value(
    kind: str, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Rules, columns and counts are told; no value of a sensitive column is in the error, the logs or the ledger."""
    given = world.contract(kind=kind)
    given["schema"][0]["properties"][1]["logicalTypeOptions"] = {"maxLength": 15}
    given["schema"][0]["properties"][4]["unique"] = True
    given["schema"][0]["properties"][4]["quality"] = [
        {
            "type": "library",
            "name": "known urn",
            "metric": "invalidValues",
            "arguments": {"validValues": list(range(1, 200))},
            "mustBeLessOrEqualTo": 1,
            "unit": "percent",
        }
    ]
    given["schema"][0]["quality"][0] = {
        "name": "enough rows",
        "type": "library",
        "metric": "rowCount",
        "mustBeGreaterOrEqualTo": 500,
    }
    write_contract(world.exports, given)
    with world.building() as connection:
        run = connection.execute
        run("update extracts.dandi_teachers set trn = trn || E'\\n' where trn in ('0000001', '0000002')")
        run("update extracts.dandi_teachers set trn = '0000003' where trn = '0000004'")
        run("update extracts.dandi_teachers set born = '1850-01-01' where trn = '0000006'")
        run("update extracts.dandi_teachers set is_active = null where trn >= '0000198'")
        run("update extracts.dandi_teachers set urn = 55 where trn between '0000055' and '0000057'")
    caplog.set_level(logging.DEBUG)
    with pytest.raises(CheckFailed) as caught:
        world.run(check=check_files)
    what = caught.value.what
    assert "rule `trn has its format` (trn): 2 rows" in what
    assert "rule `trn is unique` (trn): 2 rows" in what
    assert "rule `born is in its range` (born): 1 rows" in what
    assert "rule `is_active is required` (is_active): 3 rows" in what
    assert "rule `urn is unique` (urn): 3 rows" in what
    assert "rule `enough rows`: 200 rows" in what
    assert "last_name has its length" in what
    assert "known urn" not in what
    told = capfd.readouterr()
    ledger = str(world.query("select error::text from ledger.deliveries"))
    for text in (str(caught.value.as_dict()), caplog.text, told.out, told.err, ledger):
        assert "Zz" not in text and "1850" not in text
    assert told.out == "" and "it/s" not in told.err
    assert world.state() == "failed" and listed(world) == {}


def test_the_gate_lets_a_good_file_through_and_knows_dates_pairs_and_decimals(world: World) -> None:
    given = world.contract()
    columns = given["schema"][0]["properties"]
    columns[3]["logicalTypeOptions"] = {"minimum": 0, "maximum": 50}
    columns[6]["logicalTypeOptions"] = {"minimum": "2026-09-01T00:00:00", "exclusiveMaximum": "2026-09-02T00:00:00"}
    columns.append(column("died", "date", "date", "sensitive"))
    given["schema"][0]["quality"].append(
        {
            "type": "custom",
            "name": "died after birth",
            "engine": "great-expectations",
            "implementation": {
                "type": "expect_column_pair_values_a_to_be_greater_than_b",
                "kwargs": {"column_A": "died", "column_B": "born", "ignore_row_if": "either_value_is_missing"},
            },
        }
    )
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("alter table extracts.dandi_teachers add died date")
        connection.execute("update extracts.dandi_teachers set died = born + 1 where trn < '0000100'")
    assert world.run(check=check_files)[0].state is State.CLOSED
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set died = born - 1 where trn < '0000005'")
        connection.execute("update extracts.dandi_teachers set hours = 50.01 where trn = '0000009'")
    with pytest.raises(CheckFailed) as caught:
        world.run(date(2026, 11, 2), check=check_files)
    assert "rule `died after birth` (died, born): 4 rows" in caught.value.what
    assert "rule `hours is in its range` (hours): 1 rows" in caught.value.what


def test_a_key_of_two_columns_that_is_not_unique(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all parts, in slices of the keys; only a slice in which two could be alike is read again."""
    read: list[object] = []
    batches = read_back.batches

    def noted(path: Path, contract: Contract, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        read.append(columns)
        return batches(path, contract, columns)

    monkeypatch.setattr(check, "batches", noted)
    monkeypatch.setattr(check, "KEYS_PER_PASS", 50)
    given = world.contract(sortKey=["trn", "urn"], rowsPerFile=90)
    given["schema"][0]["properties"][0].pop("logicalTypeOptions")
    given["schema"][0]["properties"][4].update(primaryKey=True, primaryKeyPosition=2)
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set trn = 'x' where urn < 50")
    assert world.run(check=check_files)[0].state is State.CLOSED
    assert read == [None] * 3, "each part once"
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set trn = '0000100', urn = 100 where urn in (1, 200)")
    with pytest.raises(CheckFailed, match=r"`trn and urn are unique together` \(trn, urn\): 3 rows"):
        world.run(date(2026, 11, 2), check=check_files)
    assert 0 < len([columns for columns in read if columns]) <= 2 * 3, "no more than the slices of the two keys"


def test_an_expectation_with_wrong_arguments_is_a_mistake_of_the_contract(world: World) -> None:
    given = world.contract()
    given["schema"][0]["properties"][1]["quality"] = [
        {
            "type": "custom",
            "name": "odd",
            "engine": "great-expectations",
            "implementation": {"type": "expect_column_values_to_be_lovely"},
        }
    ]
    write_contract(world.exports, given)
    with pytest.raises(ContractError, match="`odd` cannot be made into"):
        world.run(check=check_files)


def test_distinct_values_are_evaluated_by_a_library_that_is_loaded_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes the gate cheap: a flag that has to be there is one value of 200, and the import takes seconds."""
    evaluated: dict[tuple[str, ...], int] = {}
    evaluate = Gate.rows_that_break

    def counted(gate: Gate, rules: Sequence[Rule], values: pa.Table) -> list[int]:
        evaluated[rules[0].columns] = values.num_rows
        return evaluate(gate, rules, values)

    monkeypatch.setattr(Gate, "rows_that_break", counted)
    given = document()
    (last_name,) = (one for one in given["schema"][0]["properties"] if one["name"] == "last_name")
    last_name["logicalTypeOptions"] = {"maxLength": 100}
    write_contract(world.exports, given)
    world.run(check=check_files)
    world.run(date(2026, 11, 2), check=check_files)
    with psycopg.connect(world.conninfo) as connection:
        names = connection.execute(
            "select count(*) from (select distinct last_name from extracts.dandi_teachers) as x"
        ).fetchone()
    assert names is not None
    assert evaluated[("last_name",)] == names[0] < 200
    assert evaluated[("is_active",)] == 1
    assert _library.cache_info().misses == 1
    importing = [
        file.name
        for file in (PROJECT / "warehouse").rglob("*.py")
        if re.search(r"^\s*(from|import) great_expectations", file.read_text(encoding="utf-8"), re.M)
    ]
    assert importing == ["expectations.py"]
