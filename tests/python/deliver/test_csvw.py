"""CSV on the Web: what a CSV file holds, from its contract alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.python.deliver.world import document, write_contract
from warehouse.cli import main as cli
from warehouse.core.contracts import load_contract
from warehouse.deliver.csvw import metadata


def _of(folder: Path) -> dict[str, Any]:
    given = document("tad", "csv")
    columns = given["schema"][0]["properties"]
    columns[3]["logicalTypeOptions"] = {"minimum": 0, "exclusiveMaximum": 50}
    columns[1]["logicalTypeOptions"] = {"maxLength": 100}
    return metadata(load_contract(write_contract(folder, given)), "teachers-2026-09.csv")


def test_each_column_has_its_meaning_type_and_limits(tmp_path: Path) -> None:
    said = _of(tmp_path)
    columns = {one["name"]: one for one in said["tableSchema"]["columns"]}
    assert list(columns) == ["trn", "last_name", "born", "hours", "urn", "is_active", "changed"]
    assert {name: one["datatype"] for name, one in columns.items()} == {
        "trn": {"base": "string", "format": "^[0-9]{7}$"},
        "last_name": {"base": "string", "maxLength": 100},
        "born": {"base": "date", "minInclusive": "1900-01-01"},
        "hours": {"base": "decimal", "minInclusive": 0, "maxExclusive": 50},
        "urn": {"base": "integer"},
        "is_active": {"base": "boolean", "format": "true|false"},
        "changed": {"base": "dateTimeStamp"},
    }
    assert {name for name, one in columns.items() if one.get("required")} == {"trn", "is_active"}
    assert columns["born"]["dc:description"] == "The born."
    assert said["tableSchema"]["primaryKey"] == ["trn"]


def test_it_is_what_the_standard_calls_metadata(tmp_path: Path) -> None:
    said = _of(tmp_path)
    assert said["@context"][0] == "http://www.w3.org/ns/csvw"
    assert said["url"] == "teachers-2026-09.csv"
    assert said["dialect"]["lineTerminators"] == ["\r\n"]
    # Names are such as the standard allows without an escape.
    for column in said["tableSchema"]["columns"]:
        assert re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.]*", column["name"])
        assert column["null"] == ""
    assert json.loads(json.dumps(said)) == said


@pytest.mark.parametrize(("extract", "code"), [("tad/teachers", 0), ("dandi/teachers", 2), ("tps/new", 2)])
def test_the_command(extract: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["contract", "csvw", extract, "--file", "x.csv"]) == code
    said = capsys.readouterr()
    if code:
        assert "not as CSV" in said.err
    else:
        written = json.loads(said.out)
        assert (written["url"], len(written["tableSchema"]["columns"])) == ("x.csv", 49)
