"""A vintage of the Teacher Analysis Division, held against the marts, the other recipient and the one before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet as pq

from tests.python.main_job import Warehouse


def _manifest(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "datapackage.json").read_text())
    return read


def assert_vintage(warehouse: Warehouse) -> None:
    """The Teacher Analysis Division's vintage of October: keys that hold, the people of the marts, and what changed."""
    folder = warehouse.deliveries / "tad" / "vintage" / "2026-10"
    resources = {one["name"]: one for one in _manifest(folder)["resources"]}
    read = {
        name: pandas.read_csv(folder / one["path"], dtype=str, keep_default_na=False)
        for name, one in resources.items()
        if one["format"] == "csv"
    }
    assert len(read) == 15 and len(resources) == 30
    for name, table in read.items():
        schema = resources[name]["schema"]
        assert not table.duplicated(schema["primaryKey"]).any()
        for key in schema.get("foreignKeys", []):
            other = read[key["reference"].get("resource", name)]
            (mine,), (theirs,) = key["fields"], key["reference"]["fields"]
            assert set(table[mine]) - {""} <= set(other[theirs]), (name, mine)
    people = read["people-2026-10-csv"]
    in_marts = "select trn from marts.dim_live_person where live_person_id in (select live_person_id from marts.{})"
    of_routes = {row["trn"] for row in warehouse.ask(in_marts.format("fct_route"))}
    assert of_routes and of_routes <= set(people["trn"])
    routes = read["routes-2026-10-csv"]
    assert len(routes) == len(
        warehouse.ask("select 1 from marts.fct_route join marts.dim_live_person using (live_person_id)")
    )
    # Both recipients say the same of one, each by a key of its own.
    of_dandi = pq.read_table(warehouse.deliveries / "dandi/routes/2026-10/routes-2026-10.parquet").to_pandas()
    listed = {
        tuple(sorted(zip(one["route_type_name"], one["is_held"].astype(str).str.lower(), strict=True)))
        for _, one in of_dandi.groupby("live_person_id")
    }
    types = read["route_types-2026-10-csv"].set_index("route_type_id")["route_type_name"]
    for _, theirs in routes.groupby("live_person_id"):
        assert tuple(sorted(zip(theirs["route_type_id"].map(types), theirs["is_held"], strict=True))) in listed
    before = {one["path"].split("-")[0]: one for one in _manifest(folder.with_name("2026-09"))["resources"]}
    for one in resources.values():
        changes, rows = one["changes"], before[one["path"].split("-")[0]]["rows"]
        assert changes["since"] == "tad/vintage/2026-09" and "note" not in changes
        assert rows + sum(changes["added"].values()) - sum(changes["removed"].values()) == one["rows"]
    assert resources["employments-2026-10-csv"]["changes"]["changed"]["became known since"] > 0
    restrictions = warehouse.deliveries / "tad" / "restrictions" / "2026-10" / "restrictions-2026-10.csv"
    restricted = pandas.read_csv(restrictions, dtype=str, keep_default_na=False)
    assert set(restricted["live_person_id"]) <= set(people["live_person_id"])
    assert not set(restricted.columns) & {"trn", "first_name", "last_name", "date_of_birth"}
