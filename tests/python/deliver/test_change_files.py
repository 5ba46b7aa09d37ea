"""Change files: from them alone, the current and the historical state of each table is rebuilt exactly."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.python.deliver.rebuilding import OF_AN_END, Sets, newest_series
from tests.python.deliver.world import GROUNDS
from tests.python.replicate.drifting import World, world
from tests.python.replicate.trouble import end_and_drop
from warehouse.core.classes import Classes
from warehouse.core.contracts.load import load_change_contracts
from warehouse.core.errors import ChangesHeld, SlotLost, UsageError
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.deliver import DeliveryReport, State, deliver, differing, redo, verify, world_of
from warehouse.deliver import World as DeliveryWorld
from warehouse.deliver.change_files import attempt, owed, tables
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.change_files.standing import Standing
from warehouse.deliver.edition import SERIES
from warehouse.erase import stored
from warehouse.jobs import rule_changes
from warehouse.replicate import replicate
from warehouse.replicate.repair import repair

__all__ = ["world"]
pytestmark = pytest.mark.slow

SEED = 20_261_129
NAMES = ("people", "posts")
PAGE = PROJECT / "docs" / "change-files.md"


def document(version: str = "1.0.0", **given: Any) -> dict[str, Any]:
    """A contract of change files as plain data."""
    properties = {"fileFormat": "parquet", "changeFiles": dict.fromkeys(NAMES, "all"), **GROUNDS, **given}
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "test-changes",
        "name": "changes",
        "version": version,
        "status": "active",
        "dataProduct": "dandi",
        "description": {"purpose": "To test.", "usage": "Versions."},
        "servers": [
            {"server": "here", "type": "local", "path": "x", "format": "parquet"},
            {"server": "cloud", "type": "custom", "customProperties": [{"property": "type", "value": "gcs"}]},
        ],
        "customProperties": [{"property": name, "value": value} for name, value in properties.items()],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "day"},
            {"property": "retention", "value": 12, "unit": "month"},
        ],
        "team": {"name": "Testers"},
    }


class Receiver:
    """Who gets the change files of a small replicated world."""

    def __init__(self, world: World, home: Path) -> None:
        self.world, self.exports = world, home / "exports"
        self.deliveries = home / "deliveries"
        self.folder = self.deliveries / "dandi" / "changes"
        self.agree()

    def agree(self, **given: Any) -> None:
        """Write the contract."""
        path = self.exports / "dandi" / "changes.odcs.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document(**given)))

    @property
    def at(self) -> DeliveryWorld:
        made = world_of(self.world.databases)
        settings = made.settings.model_copy(update={"warehouse_deliveries": self.deliveries})
        return DeliveryWorld(made.conninfo, settings, made.today, made.calendar, exports=self.exports)

    def deliver(self, hook: Callable[[str], None] = lambda _: None) -> list[DeliveryReport]:
        return deliver(self.at, Silent(), hook=hook)

    def next_set(self) -> dict[str, Any]:
        """Deliver a set, and return its manifest."""
        (report,) = self.deliver()
        assert report.state is State.CLOSED, report.error
        package: dict[str, Any] = json.loads((self.folder / report.period / "datapackage.json").read_text())
        return package

    def assert_rebuilt(self) -> Sets:
        """The newest series alone gives every version that the warehouse has, as it was before the last position."""
        sets = newest_series(self.folder)
        for table in NAMES:
            assert _sorted(sets.versions(table)) == _sorted(self._truth(table, sets)), table
        return sets

    def _truth(self, table: str, sets: Sets) -> list[dict[str, Any]]:
        resource = sets.resources(table)[-1][1]
        fields = [one for one in resource["schema"]["fields"] if not one["name"].startswith("trw_")]
        shown = ", ".join(
            one["name"] if one["type"] in ("integer", "boolean", "number") else f"{one['name']}::text as {one['name']}"
            for one in fields
        )
        query = f"""
            select 'version' as trw_change, from_xid::text::bigint as trw_from_position,
                case when ends then to_xid::text::bigint end as trw_to_position,
                known_from as trw_known_from, case when ends then known_to end as trw_known_to,
                began_after as trw_from_after, case when ends then ended_after end as trw_to_after,
                operation::text as trw_operation, case when ends then ended_by::text end as trw_ended_by,
                epoch_id as trw_epoch, {shown}
            from (
                select v.*, v.to_xid < '{sets.before_position}'::xid8 as ends from versions.{table} as v
                where v.from_xid < '{sets.before_position}'::xid8
            ) as v
        """
        cursor = self.world.warehouse.execute(query.encode())
        names = [one.name for one in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def _sorted(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(
        json.dumps({k: v for k, v in row.items() if k != "trw_not_in_parquet"}, sort_keys=True, default=_text)
        for row in rows
    )


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
    return str(value.isoformat() if isinstance(value, date) else value)


@pytest.fixture
def receiver(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver to whom a set is owed whenever something changed; days are looked at in a test of their own."""

    def classes(**_: Any) -> Classes:
        path = tmp_path / "trs.yml"
        path.write_text(
            yaml.safe_dump({"schema": "public", "tables": {n: {"columns": c} for n, c in world.file.items()}})
        )
        return Classes(terms={}, replicated=path)

    monkeypatch.setattr(attempt, "Classes", classes)
    monkeypatch.setattr(owed, "_day", lambda moment: moment)
    return Receiver(world, tmp_path)


def change(chance: random.Random, trs: Any) -> None:
    """One random change at the source: rows come, change, change their key and go; now and then all of them."""
    offset, name = chance.randrange(20), f"n{chance.randrange(10**6)}"
    one = f"(select person_id from people order by person_id offset {offset} limit 1)"
    match chance.choice(("insert", "insert", "update", "update", "twice", "delete", "rekey", "posts", "truncate")):
        case "insert":
            person = uuid.UUID(int=chance.getrandbits(128))
            trs.execute("insert into people (person_id, name, age) values (%s, %s, 1)", (person, name))
            trs.execute("insert into posts values (%s, 1, %s), (%s, 2, '')", (person, 'a "b",\n c', person))
        case "update":
            trs.execute(f"update people set name = %s, note = null where person_id = {one}", (name,))
        case "twice":
            trs.execute(f"update people set age = age + 1 where person_id = {one}")
            trs.execute(f"update people set age = age + 1 where person_id = {one}")
        case "delete":
            trs.execute(f"delete from people where person_id = {one}")
        case "rekey":
            trs.execute(
                f"update people set person_id = %s where person_id = {one}", (uuid.UUID(int=chance.getrandbits(128)),)
            )
        case "posts":
            trs.execute(f"update posts set number = number + 1000 where person_id = {one}")
        case "truncate":
            if chance.random() < 0.15:
                trs.execute("truncate posts")


def some(world: World, chance: random.Random, transactions: int) -> None:
    """Random transactions of random changes."""
    for _ in range(transactions):
        with world.trs.transaction():
            for _ in range(chance.choice((1, 1, 3))):
                change(chance, world.trs)


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


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


STEPS = ("planned", "extracting", "built", "checked", "sending", "uploading", "uploaded", "verified", "committed")


def test_killed_at_each_boundary_there_is_one_complete_set(world: World, receiver: Receiver) -> None:
    """With the same span: what comes in meanwhile belongs to the next set."""
    chance = random.Random(SEED)
    some(world, chance, 5)
    world.sync()
    before = None
    for step in STEPS:

        def strike(reached: str, at: str = step) -> None:
            if reached == at:
                raise Killed

        with pytest.raises(Killed):
            receiver.deliver(strike)
        some(world, chance, 2)
        world.sync()
        if step == "built":
            (before,) = world.warehouse.execute("select to_position::text from ledger.change_sets").fetchone() or ()
    package = receiver.next_set()
    assert str(package["changes"]["before_position"]) == before
    assert len(list(receiver.folder.glob("*/datapackage.json"))) == len(list(receiver.folder.iterdir())) == 1
    receiver.assert_rebuilt()
    assert receiver.next_set()["changes"]["from_position"] == package["changes"]["before_position"]
    receiver.assert_rebuilt()
    with pytest.raises(UsageError, match="is a set of change files"):
        redo(receiver.at, Silent(), package["id"], "once more")
    assert not differing(list(verify(receiver.at, world.warehouse, [])))
    states = world.warehouse.execute("select state, count(*) from ledger.deliveries group by 1").fetchall()
    assert states == [("closed", 2)]


def test_a_series_begins_wherever_the_past_is_not_what_was_told(world: World, receiver: Receiver) -> None:
    chance = random.Random(SEED)

    def anew(kind: str, *, killed: bool = False) -> dict[str, Any]:
        some(world, chance, 2)
        world.sync()
        earlier = {path.parent.name for path in receiver.folder.glob("*/datapackage.json")}
        package = receiver.next_set()
        changes: dict[str, Any] = package["changes"]
        assert changes["begins_series_because"].split(":")[0] == kind
        assert changes["number"] == 1 and changes["from_position"] is None
        if not killed:
            assert {one.rsplit("/")[-1] for one in changes["replaces_sets"]} == earlier
        receiver.assert_rebuilt()
        return changes

    some(world, chance, 2)
    world.sync()
    receiver.next_set()

    # An erasure that is not done holds everything; one that is done begins a series, also instead of a set half sent.
    some(world, chance, 2)
    world.sync()

    def strike(reached: str) -> None:
        if reached == "uploaded":
            raise Killed

    with pytest.raises(Killed):
        receiver.deliver(strike)
    half_sent = max(receiver.folder.iterdir())
    assert list(half_sent.iterdir())
    world.warehouse.execute("insert into ledger.erasures (reference) values ('a test')")
    with pytest.raises(ChangesHeld, match="an erasure"):
        receiver.deliver()
    world.warehouse.execute("update ledger.erasures set state = 'done', finished_at = now()")
    anew("erasure", killed=True)
    assert not half_sent.exists() or not list(half_sent.iterdir()), "what told of an erased person was taken away"

    # A rule that took values out of the past: of the sets that are kept here, too.
    file = next(one for one in stored.files(world.warehouse) if one.kind == "data" and "/people-" in one.name)
    assert rule_changes._made_of(world.warehouse, ("people", "note"), file) == ["note"]
    assert rule_changes._made_of(world.warehouse, ("posts", ""), file) == ["person_id", "number", "title"]
    assert rule_changes._made_of(world.warehouse, ("people", "nin"), file) == []
    world.warehouse.execute(
        "insert into ledger.rule_changes (table_name, column_name, file_sha256, rewritten_at)"
        " values ('people', 'note', '', now())"
    )
    anew("rule")

    # The contract names less: what stays behind is in no file.
    receiver.agree(version="2.0.0", changeFiles={"people": {"without": ["age"]}, "posts": "all"})
    anew("contract")
    assert "age" not in {name for row in newest_series(receiver.folder).rows("people") for name in row}

    # A warehouse that was put back does not know of the set that is there.
    some(world, chance, 2)
    world.sync()
    receiver.next_set()
    world.warehouse.execute("set session_replication_role = replica")
    for table in ("change_sets", "delivery_indexes", "delivery_files", "delivery_states", "deliveries"):
        world.warehouse.execute(
            f"delete from ledger.{table} where delivery_id = (select max(delivery_id) from ledger.change_sets)"
            if table == "change_sets"
            else f"delete from ledger.{table} as d where delivery_id like 'dandi/changes/%' and not exists"
            " (select from ledger.change_sets as s where s.delivery_id = d.delivery_id)"
        )
    world.warehouse.execute("reset session_replication_role")
    some(world, chance, 2)
    world.sync()
    package = receiver.next_set()
    assert package["changes"]["begins_series_because"].startswith("restored")
    receiver.assert_rebuilt()


def test_two_series_of_one_second_have_two_names(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(world, random.Random(SEED), 2)
    world.sync()
    receiver.next_set()
    ((taken,),) = world.warehouse.execute("select max(delivery_id) from ledger.deliveries").fetchall()
    (contract,) = load_change_contracts(receiver.exports)
    begun = datetime.strptime(taken.rsplit("/")[-1].rsplit("-")[0], SERIES).replace(tzinfo=UTC)
    monkeypatch.setattr(owed, "one", lambda *_: (begun,))
    assert owed._new_series(world.warehouse, contract).delivery_id != taken


def test_a_set_is_owed_once_a_day_is_over_and_something_changed(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    standing = Standing(1, "streaming", 20, datetime(2026, 3, 29, 0, 30, tzinfo=UTC), False, 0, 0)
    last = Recorded(None, 5, 10, 1, datetime(2026, 3, 28, 23, 59, tzinfo=UTC), 0, 0)
    assert owed._day_is_over(last, standing)
    assert not owed._day_is_over(replace(last, known_at=datetime(2026, 3, 29, 0, 1, tzinfo=UTC)), standing)
    # The day ends in London, where summer time has begun.
    assert owed._day_is_over(
        last=replace(last, known_at=datetime(2026, 3, 29, 22, 59, tzinfo=UTC)),
        now=replace(standing, known_at=datetime(2026, 3, 29, 23, 1, tzinfo=UTC)),
    )
    assert not owed._day_is_over(last, replace(standing, known_before=10)), "nothing changed"
    assert not owed._day_is_over(last, replace(standing, known_at=None)), "the stream has brought nothing yet"
