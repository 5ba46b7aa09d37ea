"""`deliveries diff`: two deliveries compared by their key, without a value of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.deliver.delivering import World, listed, overwrite
from tests.python.deliver.world import LAYOUT, column, write_contract
from warehouse.core.errors import DeliveredFilesDiffer, DeliveryGone, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import Difference, State, comparison, difference
from warehouse.deliver.csv_file import line
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.stored import Stored

SEPTEMBER, OCTOBER = "dandi/teachers/2026-09", "dandi/teachers/2026-10"
Rows = Sequence[Mapping[str, Any]]


def stored(
    folder: Path,
    rows: Rows,
    classes: Mapping[str, str],
    *,
    kind: str = "parquet",
    files: int = 1,
    version: str = "1.0.0",
) -> Stored:
    """A delivery of some rows, of texts and whole numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    paths, resources = [], []
    each = -(-len(rows) // files) or 1
    for number in range(files):
        part = rows[number * each : (number + 1) * each]
        path = folder / f"part-{number}.{kind}"
        if kind == "csv":
            written = [line([None if r[n] is None else str(r[n]) for n in classes]) for r in part]
            path.write_bytes(line(classes) + b"".join(written))
        else:
            types = {name: pa.int64() if name.startswith("n") else pa.string() for name in classes}
            pa.parquet.write_table(
                pa.table({name: pa.array([r[name] for r in part], types[name]) for name in classes}), path
            )
        paths.append(path)
        fields = [{"name": name, "classification": said} for name, said in classes.items()]
        resources.append({"path": path.name, "rows": len(part), "format": kind, "schema": {"fields": fields}})
    entry = Entry(
        folder.name, "2026-09", State.CLOSED, 1, "x", "", len(rows), 1, 1, None, None, version, "", False
    )  # fmt: skip
    return Stored(entry, {"resources": resources}, tuple(paths))


def compared(before: Stored, after: Stored, *key: str) -> Difference:
    return comparison.compare(before, after, key, Silent())


CLASSES = {"k": "personal", "a": "open", "n": "sensitive"}
_VALUES = st.one_of(st.none(), st.sampled_from(["", "x", "Zz", "é\n,"]))
_ROWS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.tuples(_VALUES, st.one_of(st.none(), st.integers(0, 3))), max_size=12
)


@given(one=_ROWS, other=_ROWS, kinds=st.tuples(*[st.sampled_from(["csv", "parquet"])] * 2), files=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_what_differs_is_what_a_plain_comparison_finds(
    one: dict[str, Any], other: dict[str, Any], kinds: tuple[str, str], files: int, tmp_path_factory: Any
) -> None:
    """In whatever order the rows are, over several files, over slices of few keys, and in either format."""
    folder = tmp_path_factory.mktemp("d")
    rows = [[{"k": k, "a": a, "n": n} for k, (a, n) in given.items()] for given in (one, other)]
    sides = [stored(folder / str(n), rows[n], CLASSES, kind=kind, files=files) for n, kind in enumerate(kinds)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "ROWS_PER_PASS", 4)
        found = compared(sides[0], sides[1], "k")
    shared = one.keys() & other.keys()
    changed = {k for k in shared if one[k] != other[k]}
    assert (found.added, found.removed) == (len(other.keys() - one.keys()), len(one.keys() - other.keys()))
    assert (found.rows_before, found.rows_after, found.changed) == (len(one), len(other), len(changed))
    by_column = {name: sum(one[k][p] != other[k][p] for k in shared) for p, name in enumerate("an")}
    assert found.changed_columns == {name: number for name, number in by_column.items() if number}
    each = -(-len(other) // files) or 1
    places = [divmod(p, each) for p, k in enumerate(other) if k not in one][:10]
    assert [(r.after.file, r.after.row) for r in found.first_added if r.after] == [
        (f"part-{file}.{kinds[1]}", row + 1) for file, row in places
    ]
    assert all(row.key is None for row in found.first_added)


def test_keys_are_told_only_where_all_of_them_are_open(tmp_path: Path) -> None:
    rows = [[{"k": "q1", "a": "x", "n": 1}, {"k": "q2", "a": "x", "n": 1}], [{"k": "q2", "a": "y", "n": 2}]]
    for said, key in (("open", ("q2",)), ("personal", None)):
        classes = CLASSES | {"k": said}
        found = compared(*(stored(tmp_path / said / str(n), one, classes) for n, one in enumerate(rows)), "k")
        assert [row.key for row in found.first_changed] == [key]
        assert [row.key for row in found.first_removed] == [("q1",) if key else None]
        assert found.first_changed[0].before and found.first_changed[0].after
        assert (found.first_changed[0].before.row, found.first_changed[0].after.row) == (2, 1)
        told = json.dumps(found.as_dict())
        assert ("q1" in told) == (said == "open") and '"y"' not in told


def test_versions_with_other_columns(tmp_path: Path) -> None:
    before = stored(tmp_path / "a", [{"k": "q", "a": "1", "n": 1}], CLASSES)
    after = stored(
        tmp_path / "b", [{"k": "q", "a": "1", "b": "2"}], {"k": "personal", "b": "open", "a": "open"}, version="2.0.0"
    )
    found = compared(before, after, "k")
    assert (found.only_before, found.only_after, found.changed) == (("n",), ("b",), 0)
    assert (found.contract_version_before, found.contract_version_after) == ("1.0.0", "2.0.0")
    with pytest.raises(UsageError, match="have no key in common: n"):
        compared(before, after, "k", "n")


def differ(world: World, before: str = SEPTEMBER, after: str = OCTOBER) -> Difference:
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        return difference(world.at(date(2026, 11, 2)), connection, before, after, Silent())


def two(world: World) -> None:
    world.run()
    with world.building(date(2026, 11, 2)) as connection:
        connection.execute("delete from extracts.dandi_teachers where urn = 7")
        connection.execute("update extracts.dandi_teachers set last_name = 'Zznew' where urn in (10, 20)")
        connection.execute("update extracts.dandi_teachers set hours = null where urn = 10")
        connection.execute("insert into extracts.dandi_teachers (trn, is_active) values ('0000000', true)")
    world.run(date(2026, 11, 2), built=False)


@pytest.mark.slow
def test_two_deliveries_wherever_they_lie(anywhere: World) -> None:
    two(anywhere)
    there = listed(anywhere)
    found = differ(anywhere)
    assert (found.added, found.removed, found.changed, found.changed_columns) == (1, 1, 2, {"last_name": 2, "hours": 1})
    assert [(row.before and row.before.row, row.after and row.after.row) for row in found.first_changed] == [
        (10, 10),
        (20, 20),
    ]
    assert found.first_added[0].after and found.first_added[0].after.file == "teachers-2026-10.parquet"
    assert "Zz" not in json.dumps(found.as_dict()) and "0000010" not in json.dumps(found.as_dict())
    assert listed(anywhere) == there
    assert not [p for p in (anywhere.home / "home" / "outbox").rglob("*") if p.is_file() and p.suffix != ".lock"]
    with pytest.raises(UsageError):
        differ(anywhere, after="dandi/teachers/2026-12")
    with pytest.raises(UsageError):
        differ(anywhere, after="tad/teachers/2026-10")
    overwrite(anywhere, f"{OCTOBER}/teachers-2026-10.parquet")
    with pytest.raises(DeliveredFilesDiffer):
        differ(anywhere)


@pytest.mark.slow
def test_what_the_recipient_has_taken_cannot_be_compared(world: World) -> None:
    two(world)
    (world.place / "2026-10" / "teachers-2026-10.parquet").unlink()
    with pytest.raises(DeliveryGone, match=r"2026-10\.parquet is not to be read any more") as caught:
        differ(world)
    assert caught.value.exit_code == 86


@pytest.mark.slow
def test_files_of_a_fixed_width_by_what_they_hold(world: World) -> None:
    layout = LAYOUT | {"records": {"person": [*LAYOUT["records"]["person"]]}}  # type: ignore[index]
    given = world.contract(kind="fixed-width", fixedWidth=layout)
    del given["schema"][0]["quality"]
    given["schema"][0]["properties"].append(column("secret_note", "string", "text", "sensitive"))
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set last_name = 'person' where urn <= 5")
    world.run()
    with world.building(date(2026, 11, 2)) as connection:
        connection.execute("update extracts.dandi_teachers set born = born + 1 where urn = 2")
        connection.execute("update extracts.dandi_teachers set secret_note = 'Zzother' where urn = 3")
        connection.execute("delete from extracts.dandi_teachers where urn = 5")
    world.run(date(2026, 11, 2), built=False)
    found = differ(world)
    # A column that no field has is in neither file.
    assert (found.rows_before, found.removed, found.changed_columns) == (5, 1, {"born": 1})
