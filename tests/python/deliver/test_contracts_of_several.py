"""The contract of several tables: what it may say, what is refused, and what follows from it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.python.deliver.test_several_files import several
from tests.python.deliver.world import write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.contracts.extract_model import ExtractModel, ModelColumn
from warehouse.core.contracts.sync import sync
from warehouse.core.errors import ContractError, UsageError
from warehouse.deliver import csvw


def _change(path: str, value: object) -> dict[str, Any]:
    """A contract of several tables with another value at a place."""
    given = deepcopy(several())
    at: Any = given
    *way, last = path.split("/")
    for step in way:
        at = at[int(step) if step.isdigit() else step]
    at[int(last) if last.isdigit() else last] = value
    return given


def _custom(name: str, value: object) -> dict[str, Any]:
    given = several()
    given["customProperties"].append({"property": name, "value": value})
    return given


UNSOUND = {
    "no such table": (_change("schema/1/properties/0/relationships", [{"to": "persons.trn"}]), "no table `persons`"),
    "no such column": (_change("schema/1/properties/0/relationships", [{"to": "people.id"}]), "people has no column"),
    "no key": (
        _change("schema/1/properties/2/relationships", [{"to": "people.merged_into"}]),
        "merged_into is no key of people",
    ),
    "another type": (_change("schema/1/properties/1/relationships", [{"to": "people.trn"}]), "number is integer"),
    "of another table": (
        _change("schema/0/relationships", [{"from": "names.trn", "to": "people.trn"}]),
        "`from` must name columns of people",
    ),
    "one to two": (
        _change("schema/1/relationships", [{"from": ["names.kind"], "to": ["kinds.kind", "kinds.part"]}]),
        "as many columns",
    ),
    "two of one name": (_change("schema/1/name", "people"), "the name of two tables"),
    "no name": (_change("schema/1/name", "Previous names"), "is not a name of small letters"),
    "no columns": (_change("schema/1/properties", []), "must hold a table with its columns"),
    "an order for all": (_custom("sortKey", ["trn"]), "customProperties.sortKey: is of one table"),
    "parts": (_custom("rowsPerFile", 10), "is for a contract of one table in one form"),
    "an order that is not certain": (
        _change("schema/1/customProperties", [{"property": "sortKey", "value": ["kind"]}]),
        r"schema\[1\].customProperties.sortKey: must hold the primary key",
    ),
    "a property of the whole": (
        _change("schema/1/customProperties", [{"property": "fileFormat", "value": "csv"}]),
        "`fileFormat` is not a property that this product reads",
    ),
    "forms that are none": (several(["parquet", "csv"]), "is a list of other forms than"),
    "one name for two files": (
        _custom("fileName", "all-{yyyyMMdd}.csv"),
        "`all-{yyyyMMdd}.csv` is the name of two files",
    ),
}


@pytest.mark.parametrize(("given", "said"), UNSOUND.values(), ids=list(UNSOUND))
def test_what_no_delivery_of_several_files_can_be_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        load_contract(write_contract(tmp_path, given))


def test_a_table_may_have_a_file_name_and_an_order_of_its_own(tmp_path: Path) -> None:
    given = several()
    given["schema"][1]["customProperties"] = [
        {"property": "fileName", "value": "names-{yyyyMMdd}.meta.csv"},
        {"property": "sortKey", "value": ["number", "trn"]},
    ]
    contract = load_contract(write_contract(tmp_path, given))
    assert [one.table for one in contract.files] == ["people", "names", "kinds"]
    assert contract.files[1].sort_key == ("number", "trn") and contract.files[0].sort_key == ("trn",)
    assert contract.files[1].format.file_name == "names-{yyyyMMdd}.meta.csv"
    assert contract.models == ["dandi_teachers_people", "dandi_teachers_names", "dandi_teachers_kinds"]
    assert len(contract.columns) == 9


def test_sync_brings_each_table_up_to_date_with_its_model(tmp_path: Path) -> None:
    path = write_contract(tmp_path, several())
    before = yaml.safe_load(path.read_text())
    models = [
        ExtractModel(
            f"dandi_teachers_{table['name']}",
            "",
            (),
            tuple(
                ModelColumn(one["name"], f"Of {table['name']}.", one["classification"], one["physicalType"], False)
                for one in table["properties"]
            ),
        )
        for table in before["schema"]
    ]
    found = sync(path, models)
    assert len(found.changes) == 9 and found.changes[2].place == "dandi_teachers_names: trn"
    found.write()
    after = yaml.safe_load(path.read_text())
    said = [{one["description"] for one in table["properties"]} for table in after["schema"]]
    assert said == [{"Of people."}, {"Of names."}, {"Of kinds."}]
    assert after["schema"][1]["relationships"] == before["schema"][1]["relationships"]


def test_csv_on_the_web_is_about_the_file_that_is_named(tmp_path: Path) -> None:
    contract = load_contract(write_contract(tmp_path, several()))
    said = csvw.metadata(contract, "names-2026-09.csv")
    assert [one["name"] for one in said["tableSchema"]["columns"]] == ["trn", "number", "kind", "part", "name"]
    assert csvw.metadata(contract, "people.csv")["tableSchema"]["primaryKey"] == ["trn"]
    with pytest.raises(UsageError, match="has no file called"):
        csvw.metadata(contract, "teachers.csv.gz")
