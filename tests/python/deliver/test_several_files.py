"""A contract of several tables: one delivery of several files, all or nothing, whose foreign keys hold."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import psycopg
import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.histories import MadeByHand, know
from tests.python.deliver.test_recreate import KNOWN
from tests.python.deliver.world import OCTOBER, column, document, write_contract
from warehouse.core import keys
from warehouse.core.data_package import key_beside
from warehouse.core.errors import CheckFailed, VolumeRefused
from warehouse.core.progress import Silent
from warehouse.deliver import difference, dry_run, recreate, verify
from warehouse.deliver.check import check_files
from warehouse.deliver.find_person import find_person
from warehouse.deliver.parquet_file import ParquetFile

PLACE = "dandi/teachers/2026-09"
TABLES = """
drop table if exists extracts.dandi_teachers_people, extracts.dandi_teachers_names, extracts.dandi_teachers_kinds;
create table extracts.dandi_teachers_people as
select lpad(i::text, 7, '0') as trn, lpad(nullif(i % 9, 0)::text, 7, '0') as merged_into from generate_series(1, 40) i;
create table extracts.dandi_teachers_names as
select lpad((i % 40 + 1)::text, 7, '0') as trn, i as number, 'k' || i % 3 as kind, 'x' as part,
    'Zzsurname ' || i as name
from generate_series(1, 60) i;
create table extracts.dandi_teachers_kinds as select 'k' || i as kind, 'x' as part from generate_series(0, 2) i;
"""
TRN: dict[str, Any] = {"logicalTypeOptions": {"pattern": "^[0-9]{7}$"}}


def several(kinds: object = "csv", **custom: object) -> dict[str, Any]:
    """People, the names that they had before, and what kinds of names there are."""
    given = document(kind="csv", **{"controlCharacters": "refuse", **custom})
    listed_ = [one for one in given["customProperties"] if one["property"] not in ("sortKey", "fileFormat")]
    people = column("trn", "string", "text", "personal", primaryKey=True, required=True, **TRN)
    refers = {"relationships": [{"to": "people.trn"}]}
    of_people = column("trn", "string", "text", "personal", primaryKey=True, **refers, **TRN)
    rows = {"name": "has rows", "type": "library", "metric": "rowCount", "mustBeGreaterThan": 2}
    return given | {
        "customProperties": [*listed_, {"property": "fileFormat", "value": kinds}],
        "schema": [
            {
                "name": "people",
                "properties": [
                    people,
                    column("merged_into", "string", "text", "personal", **refers),
                ],
                "quality": [rows],
            },
            {
                "name": "names",
                "properties": [
                    of_people,
                    column("number", "integer", "integer", primaryKey=True),
                    column("kind", "string", "text"),
                    column("part", "string", "text"),
                    column("name", "string", "text", "sensitive"),
                ],
                "relationships": [{"from": ["names.kind", "names.part"], "to": ["kinds.kind", "kinds.part"]}],
                "quality": [rows],
            },
            {
                "name": "kinds",
                "properties": [
                    column("kind", "string", "text", primaryKey=True),
                    column("part", "string", "text", primaryKey=True),
                ],
                "quality": [rows],
            },
        ],
    }


def make(world: World, change: str = "", kinds: object = "csv") -> World:
    with world.building(OCTOBER) as connection:
        connection.execute(TABLES.encode())
        if change:
            connection.execute(change.encode())
    write_contract(world.exports, several(kinds))
    return world


@pytest.fixture
def three(world: World) -> World:
    """A world whose contract has three tables."""
    return make(world)


# -- one delivery ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("short_waits")
def test_all_files_are_there_before_the_one_manifest_and_a_break_in_between_delivers_nothing(anywhere: World) -> None:
    make(anywhere)
    left = 2

    def second_of_three(step: str) -> None:
        nonlocal left
        left -= step == "sending"
        if not left:
            left = 99
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anywhere.run(built=False, hook=second_of_three)
    assert f"{PLACE}/datapackage.json" not in listed(anywhere)
    seen: list[str] = []

    def look(step: str) -> None:
        if step == "verified":
            seen.extend(sorted(listed(anywhere)))

    (report,) = anywhere.run(built=False, hook=look)
    names = [f"{PLACE}/{name}-2026-09.csv" for name in ("people", "names", "kinds")]
    assert seen == sorted(names), "every file has its name before the manifest is written"
    there = listed(anywhere)
    assert sorted(there) == sorted([*names, f"{PLACE}/datapackage.json"])
    manifest = json.loads(there[f"{PLACE}/datapackage.json"])
    assert [one["path"] for one in manifest["resources"]] == [name.rsplit("/", maxsplit=1)[-1] for name in names]
    assert {one["path"]: one["hash"] for one in manifest["resources"]} == {
        name.rsplit("/", maxsplit=1)[-1]: f"sha256:{hashlib.sha256(there[name]).hexdigest()}" for name in names
    }
    assert (report.rows, manifest["delivery"]["rows"], manifest["delivery"]["files"]) == (103, 103, 3)
    with psycopg.connect(anywhere.conninfo, autocommit=True) as connection:
        found = {one.found for one in verify(anywhere.at(OCTOBER), connection, [])}
    assert found == {"as sent"}
    assert anywhere.run(built=False) == [], "never twice"


@pytest.mark.slow
def test_each_form_has_every_table_and_the_manifest_says_what_refers_to_what(world: World) -> None:
    make(world, kinds=["csv", "parquet"])
    (report,) = world.run(built=False)
    assert len(report.files) == 6
    manifest = json.loads(listed(world)[f"{PLACE}/datapackage.json"])
    by_name = {one["name"]: one for one in manifest["resources"]}
    assert list(by_name) == [f"{t}-2026-09-{k}" for k in ("csv", "parquet") for t in ("people", "names", "kinds")]
    pair = ["kind", "part"]
    for kind in ("csv", "parquet"):
        assert by_name[f"people-2026-09-{kind}"]["schema"]["foreignKeys"] == [
            {"fields": ["merged_into"], "reference": {"fields": ["trn"]}}
        ]
        assert by_name[f"names-2026-09-{kind}"]["schema"]["foreignKeys"] == [
            {"fields": pair, "reference": {"fields": pair, "resource": f"kinds-2026-09-{kind}"}},
            {"fields": ["trn"], "reference": {"fields": ["trn"], "resource": f"people-2026-09-{kind}"}},
        ]
        assert by_name[f"names-2026-09-{kind}"]["valuesHash"] == by_name["names-2026-09-csv"]["valuesHash"]
    assert by_name["names-2026-09-csv"]["schema"]["primaryKey"] == ["trn", "number"], "sorted by the key, unless said"
    rows = list(csv.reader(io.StringIO(listed(world)[f"{PLACE}/names-2026-09.csv"].decode(), newline="")))
    assert rows[0] == ["trn", "number", "kind", "part", "name"]
    assert rows[1:] == sorted(rows[1:], key=lambda row: (row[0], int(row[1])))
    # Of which model a file is, for a rule that changes afterwards.
    models = "select name, content ->> 'model' from ledger.delivery_files where name like '%%.csv' order by 1"
    assert [model for _, model in world.query(models)] == [f"dandi_teachers_{n}" for n in ("kinds", "names", "people")]
    assert key_beside(world.place / "2026-09" / "names-2026-09.csv") == ["trn", "number"], "an erasure asks for it"
    assert key_beside(world.place / "2026-09" / "people-2026-09.parquet") == ["trn"]


# -- the gate -------------------------------------------------------------------------------------------------------


BROKEN = {
    "a row of nobody": (
        "update extracts.dandi_teachers_names set trn = '9999999' where number in (7, 50)",
        "names: trn is in people",
        [("names-2026-09.csv", 59), ("names-2026-09.csv", 60)],
    ),
    "half a key": (
        "update extracts.dandi_teachers_names set part = 'y' where number = 1",
        "names: kind and part is in kinds",
        [("names-2026-09.csv", 2)],
    ),
    "the same table": (
        "update extracts.dandi_teachers_people set merged_into = '0000777' where trn = '0000005'",
        "people: merged_into is in people",
        [("people-2026-09.csv", 5)],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("change", "rule", "rows"), BROKEN.values(), ids=list(BROKEN))
def test_a_row_that_refers_to_nothing_stops_all_files(
    world: World, change: str, rule: str, rows: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.deliver.foreign_keys.KEYS_PER_PASS", 20)
    make(world, change)
    with pytest.raises(CheckFailed) as refused:
        world.run(built=False)
    (broken,) = refused.value.rules
    assert broken["rule"] == rule and broken["rows"] == len(rows)
    assert [(one["file"], one["row"]) for one in broken["first_rows"]] == rows
    assert "Zzsurname" not in str(refused.value) and "9999999" not in str(refused.value)
    assert listed(world) == {}


@pytest.mark.slow
def test_a_second_form_with_other_rows_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make(world, kinds=["csv", "parquet"])
    whole = ParquetFile.write

    def loses_one(self: ParquetFile, rows: list[bytes]) -> None:
        whole(self, [*rows[:2], rows[0], *rows[3:]] if len(rows) == 60 else rows)

    monkeypatch.setattr(ParquetFile, "write", loses_one)
    with pytest.raises(CheckFailed, match=r"names-2026-09\.parquet: rule `structure` is .* it has other rows") as no:
        world.run(built=False)
    assert "from row 1 on" in str(no.value) and listed(world) == {}


@pytest.mark.slow
def test_every_table_keeps_its_own_rules(three: World) -> None:
    """With the whole gate; a key with a null in it refers to nothing, and says nothing."""
    make(three, "update extracts.dandi_teachers_names set kind = null, part = 'y' where number = 1")
    found = dry_run(three.at(OCTOBER), Silent(), "dandi/teachers", check=check_files)
    assert (found.failure, found.rows, len(found.files)) == (None, 103, 3)
    make(
        three,
        "update extracts.dandi_teachers_people set trn = 'Q' where trn = '0000003';"
        "update extracts.dandi_teachers_names set number = 2, trn = '0000002' where number = 1",
    )
    found = dry_run(three.at(OCTOBER), Silent(), "dandi/teachers", check=check_files)
    assert found.failure is not None
    names = {one["rule"] for one in found.failure.rules}
    assert {"people: trn has its format", "people: has rows"} & names == {"people: trn has its format"}
    make(three, "delete from extracts.dandi_teachers_kinds where kind = 'k0'; "
         "update extracts.dandi_teachers_names set kind = 'k1'")  # fmt: skip
    with pytest.raises(VolumeRefused) as few:
        three.run(built=False)
    assert [(one["rule"], one["rows"]) for one in few.value.rules] == [("kinds: has rows", 2)]


@pytest.mark.slow
def test_each_table_is_compared_with_itself_in_the_last_delivery(three: World) -> None:
    given = several()
    given["schema"][2]["quality"] = [
        {
            "name": "not fewer",
            "type": "text",
            "description": "Kinds do not end.",
            "customProperties": [
                {"property": "fewerRowsThanLastDelivery", "value": 10, "description": "None ends."},
            ],
        }
    ]
    write_contract(three.exports, given)
    three.run(built=False)
    november = OCTOBER.replace(month=11)
    with three.building(november) as connection:
        connection.execute("update extracts.dandi_teachers_names set kind = 'k1'")
        connection.execute("delete from extracts.dandi_teachers_kinds where kind = 'k0'")
    with pytest.raises(VolumeRefused) as few:
        three.run(november, built=False)
    (broken,) = few.value.rules
    assert (broken["rule"], broken["rows"]) == ("kinds: not fewer", 2)
    assert broken["detail"] == f"after 3 in {PLACE} (-33.3 %)", "with the kinds, not with all rows"


# -- what is asked of deliveries afterwards ---------------------------------------------------------------------------


@pytest.mark.slow
def test_diff_find_and_recreate_cover_every_file(three: World) -> None:
    know(three.conninfo, KNOWN)
    with three.building(OCTOBER) as connection:
        # In the second file alone.
        connection.execute("update extracts.dandi_teachers_people set merged_into = null")
        connection.execute("insert into extracts.dandi_teachers_people values ('0000099', null)")
        connection.execute("update extracts.dandi_teachers_names set trn = '0000099' where number = 5")
    know(three.conninfo)
    three.run(built=False)
    again = recreate(three.at(OCTOBER), MadeByHand(three.conninfo, reaches=KNOWN), Silent(), PLACE)
    assert [one.name.rsplit("/", maxsplit=1)[-1] for one in again.files] == [
        f"{name}-2026-09.csv" for name in ("kinds", "names", "people")
    ]
    assert again.same_bytes
    november = OCTOBER.replace(month=11)
    with three.building(november) as connection:
        connection.execute("update extracts.dandi_teachers_names set name = 'Zzother' where number < 4")
        connection.execute("delete from extracts.dandi_teachers_names where number = 60")
        connection.execute("insert into extracts.dandi_teachers_kinds values ('k9', 'x')")
    three.run(november, built=False)
    with psycopg.connect(three.conninfo, autocommit=True) as connection:
        found = difference(three.at(november), connection, PLACE, "dandi/teachers/2026-10", Silent())
        counts = {one.table: (one.added, one.removed, one.changed) for one in found.tables}
        assert counts == {"people": (0, 0, 0), "names": (0, 1, 3), "kinds": (1, 0, 0)}
        assert (found.added, found.removed, found.changed) == (1, 1, 3)
        assert found.tables[1].changed_columns == {"name": 3}
        assert {one["table"] for one in found.as_dict()["tables"]} == {"people", "names", "kinds"}
        if keys.all_recorded(connection):
            held = find_person(connection, three.settings, {1: "0000099"}).held
            assert {one.sent.delivery_id for one in held} == {PLACE, "dandi/teachers/2026-10"}
