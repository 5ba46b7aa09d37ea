"""Files and columns have the names that were agreed with the recipient, and are checked under the contract's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.deliver.delivering import OCTOBER, World
from tests.python.deliver.world import LAYOUT, document, of_days, write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.contracts.file_names import file_name, why_it_is_no_file_name
from warehouse.core.errors import CheckFailed, ContractError
from warehouse.core.progress import Silent
from warehouse.deliver import redo
from warehouse.deliver.check import check_files
from warehouse.deliver.comparison import difference

HEADINGS = {"trn": "TRN", "last_name": "Last name", "born": "Date of birth"}
OCTOBER_FIRST = datetime(2026, 10, 1, tzinfo=UTC)


def _with_headings(**given: Any) -> dict[str, Any]:
    made = document(**given)
    for entry in made["schema"][0]["properties"]:
        if entry["name"] in HEADINGS:
            entry["physicalName"] = HEADINGS[entry["name"]]
    return made


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_and_parts_have_their_agreed_names(kind: str, world: World) -> None:
    """Of each part, and in the manifest; the gate reads them by the names that its rules have."""
    name = "people_{yyyyMMdd}{HHmm}_{part}." + kind
    write_contract(world.exports, _with_headings(kind=kind, rowsPerFile=150, fileName=name))
    (report,) = world.run(check=check_files)
    folder = world.place / "2026-09"
    names = [f"people_202610010000_{part}.{kind}" for part in (1, 2)]
    assert [file.name.rsplit("/", maxsplit=1)[-1] for file in report.files] == names
    manifest = json.loads((folder / "datapackage.json").read_text())
    assert [one["path"] for one in manifest["resources"]] == names
    for resource in manifest["resources"]:
        assert [field["name"] for field in resource["schema"]["fields"]][:4] == [
            "TRN",
            "Last name",
            "Date of birth",
            "hours",
        ]
        assert resource["schema"]["primaryKey"] == ["TRN"]
    if kind == "csv":
        assert (
            (folder / names[0]).read_bytes().startswith(b"TRN,Last name,Date of birth,hours,urn,is_active,changed\r\n")
        )
    else:
        assert pyarrow.parquet.read_schema(folder / names[0]).names[:3] == ["TRN", "Last name", "Date of birth"]
    again = redo(world.at(OCTOBER), Silent(), report.delivery_id, "lost", check=check_files)
    assert [file.name.rsplit("/", maxsplit=1)[-1] for file in again.files] == [
        f"people_202610010001_{part}.{kind}" for part in (1, 2)
    ]
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        both = report.delivery_id, again.delivery_id
        found = difference(world.at(OCTOBER), connection, *both, Silent())
    assert (found.key, found.rows_after, found.added, found.removed, found.changed) == (("TRN",), 200, 0, 0, 0)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_rule_is_broken_under_the_name_of_the_contract(kind: str, world: World) -> None:
    write_contract(world.exports, _with_headings(kind=kind))
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set born = '1850-01-01' where trn = '0000006'")
    with pytest.raises(CheckFailed, match=r"rule `born is in its range` \(born\): 1 rows"):
        world.run(check=check_files)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"fileName": "people.parquet"}, "with {yyyyMMdd} in it"),
        ({"fileName": "../people_{yyyyMMdd}.parquet"}, "with {yyyyMMdd} in it"),
        ({"fileName": "people_{yyyyMMdd}.csv"}, "must end with .parquet"),
        ({"fileName": "people_{yyyyMMdd}_{part}.parquet"}, "where rowsPerFile is given"),
        ({"fileName": "people_{yyyyMMdd}.parquet", "rowsPerFile": 5}, "where rowsPerFile is given"),
    ],
)
def test_a_name_that_no_file_can_have(change: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, document(**change)))
    assert "customProperties.fileName" in caught.value.what and expected in caught.value.what


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"born": "hours"}, "two columns have the physicalName `hours`"),
        ({"trn": "TRN", "born": "TRN"}, "two columns have the physicalName `TRN`"),
        ({"born": "Date,of birth"}, "is not a name of letters"),
        ({"born": ""}, "is not a name of letters"),
    ],
)
def test_a_heading_that_no_file_can_have(names: dict[str, str], expected: str, tmp_path: Path) -> None:
    given = document()
    for entry in given["schema"][0]["properties"]:
        if entry["name"] in names:
            entry["physicalName"] = names[entry["name"]]
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, given))
    assert expected in caught.value.what


def test_a_file_of_fixed_width_says_its_name_in_its_layout(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is said in fixedWidth"):
        load_contract(write_contract(tmp_path, of_days(fileName=LAYOUT["fileName"])))
    given = of_days()
    given["schema"][0]["properties"][0]["physicalName"] = "TRN"
    with pytest.raises(ContractError, match="a file of fixed width has no headings"):
        load_contract(write_contract(tmp_path, given))


_PIECES = st.lists(st.sampled_from(["{yyyyMMdd}", "{HHmm}", "{HHmmss}", "x", "-r2", "_"]), max_size=5).map("".join)


@given(
    _PIECES,
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=2, max_size=2, unique=True),
)
def test_no_two_files_of_a_period_have_one_name(pieces: str, two: list[tuple[int, int]]) -> None:
    pattern = f"{pieces}{{yyyyMMdd}}_{{part}}.csv"
    assert why_it_is_no_file_name(pattern, "csv", has_parts=True) is None
    made = {file_name(pattern, OCTOBER_FIRST, revision, part) for revision, part in two}
    assert len(made) == 2 and all(name.endswith(".csv") and "{" not in name for name in made)
