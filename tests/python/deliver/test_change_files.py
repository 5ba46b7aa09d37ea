"""Change files: from them alone, the current and the historical state of each table is rebuilt exactly."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from tests.python.deliver.rebuilding import OF_AN_END, newest_series
from tests.python.deliver.receiving import SEED, Receiver, receiver, some
from tests.python.replicate.drifting import World, world
from tests.python.replicate.trouble import end_and_drop
from warehouse.core.errors import SlotLost
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.deliver.change_files import tables
from warehouse.replicate import replicate
from warehouse.replicate.repair import repair

__all__ = ["receiver", "world"]
pytestmark = pytest.mark.slow

PAGE = PROJECT / "docs" / "change-files.md"


def test_every_version_is_rebuilt_from_the_files_alone(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates, deletes, keys that change, truncates, a structure change, a repair and a gap; after each set."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    world.trs.execute("delete from people where age > 3")
    world.sync()
    first = receiver.next_set()["changes"]
    assert first["begins_series_because"].startswith("first") and first["from_position"] is None
    assert {name: (one["complete"], one["schema_version"]) for name, one in first["tables"].items()} == {
        "people": (True, 1),
        "posts": (True, 1),
    }
    receiver.assert_rebuilt()
    for _ in range(3):
        some(world, chance, 25)
        world.sync()
        some(world, chance, 3)  # applied perhaps, and not known yet: the next set tells it
        package = receiver.next_set()
        assert package["changes"]["begins_series_because"] is None and package["changes"]["gaps"] == []
        receiver.assert_rebuilt()

    # A structure change: rows from before are back-filled, and dates that no file holds arrive all the same.
    world.trs.execute(
        "alter table people add column seen date default 'infinity', add column born timestamptz"
        " default '0044-03-15 12:00:00 BC', add column tags text[] default array['a,b', null]"
    )
    world.file["people"] |= {"seen": "personal", "born": "open", "tags": "sensitive"}
    assert world.apply().error() is None
    some(world, chance, 10)
    world.trs.execute("update people set seen = date '2026-01-02' where age = 2")
    world.sync()
    package = receiver.next_set()
    assert package["changes"]["tables"]["people"]["schema_version"] == 2
    (people,) = (one for one in package["resources"] if one["table"] == "people")
    fields = {one["name"]: one for one in people["schema"]["fields"]}
    assert (fields["tags"]["sourceType"], fields["tags"]["type"], fields["tags"]["classification"]) == (
        "text[]",
        "string",
        "sensitive",
    )
    assert "nin" not in fields, "a secret"
    sets = receiver.assert_rebuilt()
    assert {"infinity"} <= {row["seen"] for row in sets.versions("people") if row["trw_change"] == "version"}

    # A slot that is lost: what was missed is a gap, which the next set tells, and its rows have intervals.
    with world.databases.at_source() as trs:
        end_and_drop(trs, world.epoch.slot_name)
    some(world, chance, 10)
    with pytest.raises(SlotLost):
        replicate(world.databases, Silent())
    repair(world.databases, Silent())
    some(world, chance, 5)
    world.sync()
    package = receiver.next_set()
    assert package["changes"]["begins_series_because"] is None, "the epoch continues the one before"
    (gap,) = package["changes"]["gaps"]
    assert gap["repaired_at"] and gap["missed_after"] < gap["missed_until"] and gap["tables"] is None
    sets = receiver.assert_rebuilt()
    assert any(row["trw_from_after"] for row in sets.versions("people"))
    some(world, chance, 5)
    world.sync()
    assert receiver.next_set()["changes"]["gaps"] == [], "told once"
    receiver.assert_rebuilt()
    _the_receivers_page_says_the_same(world, receiver)

    # A table that is away for a while comes back complete: what was told of it before is not added to it.
    with monkeypatch.context() as patch:
        patch.setattr(tables, "_is_there", lambda _connection, _schema, name: name != "posts")
        some(world, chance, 5)
        world.sync()
        changes = receiver.next_set()["changes"]
        assert (changes["tables_gone"], changes["tables_not_there"]) == (["posts"], ["posts"])
    some(world, chance, 5)
    world.sync()
    changes = receiver.next_set()["changes"]
    assert changes["tables"]["posts"]["complete"] and not changes["tables"]["people"]["complete"]
    receiver.assert_rebuilt()
    assert receiver.deliver() == []


def _the_receivers_page_says_the_same(world: World, receiver: Receiver) -> None:
    """The page's own SQL, run over the files in PostgreSQL, gives the versions that were rebuilt in Python."""
    sets = newest_series(receiver.folder)
    (query,) = re.findall(r"-- versions of persons\n(.*?)```", PAGE.read_text(), re.DOTALL)
    rows = sets.rows("people")
    names = list(rows[0])
    moments = {"trw_known_from", "trw_known_to", "trw_from_after", "trw_to_after"}
    numbers = {"trw_from_position", "trw_to_position"}
    kinds = {name: "timestamptz" if name in moments else "bigint" if name in numbers else "text" for name in names}
    listed = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    world.warehouse.execute("set time zone 'UTC'")
    world.warehouse.execute(f"create temp table persons_changes ({listed})".encode())
    with world.warehouse.cursor() as cursor:
        marks = ", ".join("%s" for _ in names)
        cursor.executemany(
            f"insert into persons_changes values ({marks})".encode(),
            [[_plain(row[name]) if kinds[name] == "text" else row[name] for name in names] for row in rows],
        )
    found = world.warehouse.execute(
        f"select person_id, trw_from_position, to_position, known_to, to_after, ended_by from ({query}) as v".encode()
    ).fetchall()
    wanted = [
        tuple(row[name] for name in ("person_id", "trw_from_position", *OF_AN_END)) for row in sets.versions("people")
    ]
    assert sorted(found, key=str) == sorted(wanted, key=str)


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)
