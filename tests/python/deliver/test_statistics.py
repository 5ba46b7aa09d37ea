"""A table of statistics leaves with its small counts hidden and its metadata beside it, or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.disclosure.test_hiding import table
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import column, document, write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.errors import ContractError, CountsNotProtected, ScreeningFailed
from warehouse.core.progress import Silent
from warehouse.deliver import dry_run, redo, verify
from warehouse.deliver.check import check_files
from warehouse.deliver.comparison import difference

COLUMNS = (
    "time_period",
    "time_identifier",
    "geographic_level",
    "country_code",
    "country_name",
    "provider_ukprn",
    "provider_name",
    "route",
    "award_count",
    "award_percent",
)
ROUTES = ("Apprenticeship", "University")
COUNTS = {
    ("10000001", "Apprenticeship"): 3,
    ("10000001", "University"): 61,
    ("10000002", "Apprenticeship"): 22,
    ("10000002", "University"): 33,
    ("10000003", "Apprenticeship"): 0,
    ("10000003", "University"): 48,
}


def _role(**said: Any) -> dict[str, Any]:
    return {"customProperties": [{"property": "statistics", "value": said}]}


def contract(**custom: Any) -> dict[str, Any]:
    """Of a table of statistics."""
    made = document(
        kind="csv",
        sortKey=["time_period", "geographic_level", "provider_ukprn", "route"],
        **{"disclosureControl": {"suppressUnder": 10, "roundTo": 5, "zeros": "keep"}, **custom},
    )
    of_column: dict[str, dict[str, Any]] = {
        "time_period": {"primaryKey": True},
        "provider_ukprn": {"primaryKey": True, "primaryKeyPosition": 2, "required": False},
        "route": {
            "primaryKey": True,
            "primaryKeyPosition": 3,
            "businessName": "Route",
            **_role(role="filter", hint="Filter by route"),
        },
        "award_count": {"businessName": "Number of awards", **_role(role="indicator", grouping="Awards")},
        "award_percent": {
            "businessName": "Percentage of awards",
            **_role(role="indicator", unit="%", decimalPlaces=1, shareOf="award_count", over="route"),
        },
    }
    made["schema"][0]["properties"] = [column(name, "string", "text", **of_column.get(name, {})) for name in COLUMNS]
    return made


@pytest.fixture
def statistics(world: World) -> World:
    """The world with a table of statistics in the place of its extract."""
    whole = table(COUNTS)
    with world.building(OCTOBER) as connection:
        connection.execute("drop table extracts.dandi_teachers")
        connection.execute(
            f"create table extracts.dandi_teachers ({', '.join(f'{name} text' for name in COLUMNS)})".encode()
        )
        for (provider, route), count in whole.items():
            place = (None, None) if provider == "Total" else (provider, f"College {provider[-1]}, Zürich")
            level = "National" if provider == "Total" else "Provider"
            row = ("202425", "Academic year", level, "E92000001", "England", *place, route, str(count), "z")
            connection.execute("insert into extracts.dandi_teachers values (" + ", ".join(["%s"] * 10) + ")", row)
    write_contract(world.exports, contract())
    return world


def rows(path: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """What is published of each cell."""
    with path.open(encoding="utf-8", newline="") as source:
        found = list(csv.DictReader(source))
    assert list(found[0]) == list(COLUMNS)
    return {(row["provider_ukprn"], row["route"]): (row["award_count"], row["award_percent"]) for row in found}


def test_small_counts_are_hidden_and_the_metadata_lies_beside_the_table(statistics: World) -> None:
    (report,) = statistics.run(check=check_files)
    folder = statistics.place / "2026-09"
    assert sorted(path.name for path in folder.iterdir()) == ["datapackage.json", "teachers.csv", "teachers.meta.csv"]
    found = rows(folder / "teachers.csv")
    assert len(found) == report.rows == len(list(product(range(4), range(3))))
    # 3 is small; with it go the cells of the box that takes the fewest people: those of the second provider.
    hidden = {cell for cell, (count, _) in found.items() if count == "c"}
    assert hidden == set(product(("10000001", "10000002"), ROUTES))
    assert all(share == "c" for cell, (_, share) in found.items() if cell in hidden)
    assert found["", "Total"] == ("165", "100.0")
    assert found["", "Apprenticeship"] == ("25", "15.2")
    assert found["10000001", "Total"] == ("65", "100.0")
    assert found["10000003", "Apprenticeship"] == ("0", "0.0")
    assert (folder / "teachers.meta.csv").read_text().splitlines() == [
        "col_name,col_type,label,indicator_grouping,indicator_unit,indicator_dp,filter_hint,filter_grouping_column,"
        "filter_default",
        "route,Filter,Route,,,,Filter by route,,Total",
        "award_count,Indicator,Number of awards,Awards,,0,,,",
        "award_percent,Indicator,Percentage of awards,,%,1,,,",
    ]


def test_the_manifest_has_both_files_and_the_rule_and_no_hidden_count(statistics: World) -> None:
    (report,) = statistics.run(check=check_files)
    folder = statistics.place / "2026-09"
    manifest = json.loads((folder / "datapackage.json").read_text())
    data, meta = manifest["resources"]
    for resource in (data, meta):
        content = (folder / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (data["path"], meta["path"], meta["about"]) == ("teachers.csv", "teachers.meta.csv", "teachers.csv")
    assert data["disclosureControl"] == {
        "suppressUnder": 10,
        "roundTo": 5,
        "zeros": "keep",
        "cells": 12,
        "hidden": 4,
        "hiddenToProtectOthers": 3,
        "roundedToZero": 0,
        "tablesHiddenWhole": 0,
    }
    assert manifest["delivery"]["rows"] == report.rows == 12


def test_a_delivery_of_statistics_is_verified_compared_and_made_again(statistics: World) -> None:
    (report,) = statistics.run(check=check_files)
    again = redo(statistics.at(OCTOBER), Silent(), report.delivery_id, "lost", check=check_files)
    assert {one.sha256 for one in again.files} == {one.sha256 for one in report.files}
    with psycopg.connect(statistics.conninfo, autocommit=True) as connection:
        both = report.delivery_id, again.delivery_id
        found = difference(statistics.at(OCTOBER), connection, *both, Silent())
        assert (found.rows_after, found.added, found.removed, found.changed) == (12, 0, 0, 0)
        proofs = list(verify(statistics.at(OCTOBER), connection, ()))
    assert len(proofs) == 6
    assert not any(one.is_wrong for one in proofs)


def test_what_is_no_whole_table_is_not_sent(statistics: World) -> None:
    with statistics.building(OCTOBER) as connection:
        connection.execute("update extracts.dandi_teachers set award_count = '99' where route = 'Total'")
    with pytest.raises(CountsNotProtected, match="5 totals of the table are not the sum of their parts") as refused:
        statistics.run()
    assert "99" not in str(refused.value.as_dict())
    assert listed(statistics) == {}


def test_a_file_that_breaks_a_published_check_is_put_aside(statistics: World) -> None:
    """With what each check said; nothing is sent, and the message has no value."""
    made = contract()
    made["schema"][0]["properties"][7]["businessName"] = "R" * 81
    write_contract(statistics.exports, made)
    with statistics.building(OCTOBER) as connection:
        connection.execute(
            "update extracts.dandi_teachers set provider_name = ' Zzurich' where provider_name is not null"
        )
    with pytest.raises(ScreeningFailed, match=r"rule `filter_whitespace` \(provider_name\): 9 rows") as refused:
        statistics.run()
    assert listed(statistics) == {}
    (one,) = refused.value.rules
    assert one["rule"] == "filter_whitespace"
    (report,) = (statistics.home / "home" / "outbox").rglob("gate.txt")
    said = report.read_text()
    assert "PASS    filenames_match" in said
    assert "Stopped after `filters`" in said
    assert "Zzurich" not in said + str(refused.value.as_dict())
    assert sorted(path.suffix for path in report.parent.iterdir()) == [".csv", ".csv", ".txt"]


def test_a_file_about_another_has_no_rows_of_its_own(statistics: World) -> None:
    found = dry_run(statistics.at(OCTOBER), Silent(), "dandi/teachers", check=no_check)
    assert {file.name.rsplit("/", maxsplit=1)[-1]: file.rows for file in found.files} == {
        "teachers.csv": found.rows,
        "teachers.meta.csv": None,
    }
    assert found.rows == 12


def test_a_dry_run_screens_a_contract_that_is_only_proposed(statistics: World) -> None:
    made = contract()
    made["status"] = "proposed"
    made["schema"][0]["properties"][7]["businessName"] = "R" * 81
    write_contract(statistics.exports, made)
    assert statistics.run() == []
    found = dry_run(statistics.at(OCTOBER), Silent(), "dandi/teachers", check=no_check)
    assert isinstance(found.failure, ScreeningFailed)
    assert [rule["rule"] for rule in found.failure.rules] == ["api_char_col_label"]


@pytest.mark.parametrize(
    ("place", "given", "says"),
    [
        (7, {"role": "dimension"}, "needs a `role`: filter or indicator"),
        (7, {"role": "filter", "unit": "%"}, "`unit` is not said of a filter"),
        (8, {"role": "indicator", "decimalPlaces": -1}, "`decimalPlaces` must be a whole number"),
        (8, {"role": "filter"}, "has 0 indicators that are counts"),
        (9, {"role": "indicator"}, "has 2 indicators that are counts"),
        (9, {"role": "indicator", "shareOf": "award_count", "over": "country_code"}, "the share of the count over"),
    ],
)
def test_what_a_column_says_of_statistics_has_to_make_sense(
    place: int, given: dict[str, Any], says: str, tmp_path: Path
) -> None:
    made = contract()
    made["schema"][0]["properties"][place] |= _role(**given)
    with pytest.raises(ContractError, match=says):
        load_contract(write_contract(tmp_path, made))


@pytest.mark.parametrize(
    ("control", "says"),
    [
        (None, "must say roundTo, suppressUnder, zeros"),
        ({"suppressUnder": 10, "roundTo": 5}, "must say roundTo, suppressUnder, zeros"),
        ({"suppressUnder": 10, "roundTo": 0, "zeros": "keep"}, "`roundTo` must be a whole number, 1 or more"),
        ({"suppressUnder": True, "roundTo": 5, "zeros": "keep"}, "`suppressUnder` must be a whole number"),
        ({"suppressUnder": 10, "roundTo": 5, "zeros": "hide"}, "it must be keep or suppress"),
    ],
)
def test_no_statistics_without_a_rule_for_small_counts(control: object, says: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=says):
        load_contract(write_contract(tmp_path, contract(disclosureControl=control)))


def test_a_label_is_wanted_and_a_csv_file(tmp_path: Path) -> None:
    made = contract(fileFormat="parquet")
    del made["schema"][0]["properties"][7]["businessName"]
    with pytest.raises(ContractError, match="wants the column's label") as refused:
        load_contract(write_contract(tmp_path, made))
    assert "statistics are a csv file" in str(refused.value)


def test_a_rule_for_counts_is_for_statistics_alone(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no column is a filter or an indicator"):
        load_contract(write_contract(tmp_path, document(disclosureControl={})))
