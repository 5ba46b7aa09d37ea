"""Files that an erasure rewrote: they are what it left, have again what it took out, or are somebody else's doing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed, overwrite
from tests.python.deliver.rewriting import erase_from_files
from tests.python.deliver.world import document, of_days, write_contract
from warehouse.core.progress import Silent
from warehouse.deliver import difference, differing, show, verify
from warehouse.deliver.proof import Verified
from warehouse.deliver.register import lines, register
from warehouse.deliver.taken_out import Left, TakenOut

_DAYS = "update extracts.dandi_teachers set last_name = 'person', born = date '2026-09-20' + urn % 20"
FIRST, SECOND = "0000010", "0000030"


def _agreed() -> dict[str, Any]:
    made = document(kind="csv")
    made["schema"][0]["properties"][0]["physicalName"] = "TRN"
    return made


CONTRACTS: dict[str, Callable[[], dict[str, Any]]] = {
    "parquet": document,
    "csv": lambda: document(kind="csv"),
    "agreed names": _agreed,
    "fixed width": of_days,
}


@pytest.fixture
def sent(request: pytest.FixtureRequest, tmp_path: Path, conninfo: str) -> World:
    """A delivery with both people, in a folder that is ours."""
    made = World(tmp_path, conninfo)
    write_contract(made.exports, CONTRACTS[request.param]())
    if request.param == "fixed width":
        with made.building(date(2026, 10, 1)) as connection:
            connection.execute(_DAYS)
        made.run(date(2026, 10, 1))
    else:
        made.run()
    return made


def verified(world: World) -> list[Verified]:
    with psycopg.connect(world.conninfo, autocommit=True) as warehouse:
        return list(verify(world.at(OCTOBER), warehouse, []))


def found(world: World) -> set[tuple[str, str]]:
    return {(one.found, one.hint) for one in verified(world)}


def erase(world: World, trn: str) -> date:
    with psycopg.connect(world.conninfo, autocommit=True) as warehouse:
        return erase_from_files(warehouse, world.settings, trn)


def put_back(world: World, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (world.settings.warehouse_deliveries / name).write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("sent", CONTRACTS, indirect=True)
def test_what_an_erasure_left_is_told_from_any_other_change(sent: World) -> None:
    """Of the data file and of the manifest alike, in each kind of file."""
    assert found(sent) == {("as sent", "")}
    before = listed(sent)
    day = erase(sent, FIRST)
    assert found(sent) == {("as rewritten", f"erasure 1 of {day}")}
    assert differing(verified(sent)) is None
    between = listed(sent)
    assert all(between[name] != content for name, content in before.items())
    assert erase(sent, SECOND) == day
    assert found(sent) == {("as rewritten", f"erasure 2 of {day}")}
    after = listed(sent)
    assert not any(trn.encode() in content for trn in (FIRST, SECOND) for content in after.values())

    # A backup brings back what was taken out: the first erasure that the file does not have behind it is named.
    for files, number in ((between, 2), (before, 1)):
        put_back(sent, files)
        assert found(sent) == {("as before it was rewritten", f"erasure {number} of {day}")}
        failure = differing(verified(sent))
        assert failure is not None and failure.exit_code == 80
        assert f"(as before it was rewritten: erasure {number} of {day})" in failure.what
        assert "warehouse erase --check" in (failure.next_command or "")

    # Whatever else is there is somebody else's doing.
    put_back(sent, after)
    for name in after:
        overwrite(sent, name)
    assert {one for one, _ in found(sent)} == {"another file"}
    assert "deliveries redo" in (differing(verified(sent)).next_command or "")  # type: ignore[union-attr]
    for name in after:
        (sent.settings.warehouse_deliveries / name).unlink()
    assert found(sent) == {("not there", "")}


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["parquet"], indirect=True)
def test_everything_that_shows_a_delivery_says_what_was_taken_out_of_it(sent: World) -> None:
    earlier, later = "dandi/teachers/2026-09", "dandi/teachers/2026-10"
    with psycopg.connect(sent.conninfo, autocommit=True) as warehouse:
        assert show(warehouse, earlier)["taken_out"] == []
        day = erase_from_files(warehouse, sent.settings, FIRST)
    # As if they were there again: the next delivery has them.
    sent.run(date(2026, 11, 3))
    with psycopg.connect(sent.conninfo, autocommit=True) as warehouse:
        gone = show(warehouse, earlier)["taken_out"]
        assert [(one["by"], one["name"].rsplit("/")[-1], one["held"]) for one in gone] == [
            (f"erasure 1 of {day}", "datapackage.json", "here"),
            (f"erasure 1 of {day}", "teachers-2026-09.parquet", "here"),
        ]
        both = difference(sent.at(OCTOBER), warehouse, earlier, later, Silent())
        assert (both.rows_before, both.rows_after) == (199, 200)
        assert (both.taken_out_before, both.taken_out_after) == (f"erasure 1 of {day}", "")
        (entry,) = register(warehouse, sent.exports)
        assert entry["last_sent"]["taken_out"] == "" and "taken out since" not in dict(lines(entry))
        erase_from_files(warehouse, sent.settings, SECOND)
        (entry,) = register(warehouse, sent.exports)
        assert dict(lines(entry))["taken out since"] == f"erasure 2 of {day}"


def _step(number: int, old: str, new: str | None, held: str = "here") -> TakenOut:
    return TakenOut("a.csv", "erasure", number, None, held, old, new)


def test_steps_are_followed_by_their_hashes() -> None:
    every = [_step(1, "a", "b"), _step(2, "b", "b"), _step(3, "a", None, "by the recipient"), _step(4, "b", "c")]
    left = Left.of("a", "a.csv", every)
    assert [one.number for one in left.steps] == [1, 4]
    assert [left.undone(one) and left.undone(one).number for one in "abcx"] == [1, 4, None, None]  # type: ignore[union-attr]
    assert Left.of("a", "b.csv", every).steps == [] and Left.of("x", "a.csv", every).steps == []
    # Two that give each other's bytes come to an end.
    assert [one.number for one in Left.of("a", "a.csv", [_step(1, "a", "b"), _step(2, "b", "a")]).steps] == [1, 2]
