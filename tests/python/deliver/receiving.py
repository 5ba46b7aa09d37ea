"""A receiver of the change files of a small replicated world, in which anything may change."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.python.deliver.rebuilding import Sets, newest_series
from tests.python.deliver.world import GROUNDS
from tests.python.replicate.drifting import World
from warehouse.core.classes import Classes
from warehouse.core.progress import Silent
from warehouse.deliver import DeliveryReport, State, deliver, world_of
from warehouse.deliver import World as DeliveryWorld
from warehouse.deliver.change_files import attempt, owed

SEED = 20_261_129
NAMES = ("people", "posts")


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
