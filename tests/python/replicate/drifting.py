"""A small source whose structure changes under load, and what the drift tests do with it again and again."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.python.conftest import fresh_databases
from tests.python.replicate.own_file import read_in_place_of_the_file
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate import drift, history, replicate
from warehouse.replicate.classification import Classification
from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import marks, subscription
from warehouse.replicate.stream.mark import wait_until_applied

SEED = 20_261_122

SCHEMA = """
create table people (
    person_id uuid primary key default gen_random_uuid(), name text, note varchar(10), age int, nin text
);
create table posts (
    person_id uuid, number int, title text, primary key (person_id, number)
);
insert into people (name, note, age, nin)
select 'n' || n, 'x', n % 60, 'QQ' || n from generate_series(1, 400) as n;
insert into posts select person_id, 1, 'teacher' from people;
"""

FILE: dict[str, dict[str, Any]] = {
    "people": {"person_id": "open", "name": "sensitive", "note": "open", "age": "personal", "nin": "secret"},
    "posts": {"person_id": "open", "number": "open", "title": "open"},
}


@dataclass
class World:
    """A source, a warehouse and the file between them, which a test may change."""

    databases: Databases
    trs: psycopg.Connection
    warehouse: psycopg.Connection
    file: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: dict(of) for name, of in FILE.items()})
    left_behind: set[str] = field(default_factory=set)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    writers: int = 0

    @property
    def name(self) -> str:
        return self.databases.settings.warehouse_replication_name

    @property
    def classification(self) -> Classification:
        tables = {
            name: {
                "columns": columns,
                **({"replicate": False, "because": "a test"} if name in self.left_behind else {}),
            }
            for name, columns in self.file.items()
        }
        file = {"source": "trs", "schema": "public", "tables": tables, "json_file": {"columns": self.listed}}
        return Classification.model_validate(file)

    @property
    def epoch(self) -> epochs.Epoch:
        epoch = epochs.current(self.warehouse, self.name)
        assert epoch is not None
        return epoch

    @property
    def ends(self) -> Ends:
        return Ends(self.databases, self.trs, self.warehouse, self.classification, self.epoch)

    def work(self, *accept: str, by_person: bool = True) -> drift.Work:
        return drift.Work(
            self.trs, self.warehouse, self.epoch, self.classification, Silent(), frozenset(accept), by_person
        )

    def apply(self, *accept: str, by_person: bool = True) -> drift.Outcome:
        """What `warehouse replicate apply` does, without its raising."""
        with marks.kept(self.ends):
            work = self.work(*accept, by_person=by_person)
            drift.make_ready(work)
            return drift.finish(work)

    def release(self, *names: str) -> None:
        with marks.kept(self.ends):
            drift.release(self.work(), names)

    def found(self) -> list[tuple[str, str]]:
        """The differences there are now, as (kind, name)."""
        return [
            (one.kind, one.name) for one in drift.differences(self.trs, self.warehouse, self.name, self.classification)
        ]

    def sync(self) -> None:
        """Wait until all that is committed now is applied and in the history."""
        wait_until_applied(self.trs, self.warehouse, self.name, Silent())
        origin = subscription.origin_name(self.warehouse, self.name)
        history.catch_up(self.ends, origin)

    def state(self, table: str, column: str = "") -> str | None:
        row = self.warehouse.execute(
            "select state from ledger.column_states where table_name = %s and column_name = %s", (table, column)
        ).fetchone()
        return row[0] if row else None

    def assert_equal(self, table: str) -> None:
        """Both sides hold the same rows, in every column that is replicated."""
        columns = ", ".join(f"{name}::text" for name in self.classification.published[table])
        query = f"select {columns} from {table} order by 1, 2".encode()
        self.sync()
        assert self.trs.execute(query).fetchall() == self.warehouse.execute(query).fetchall()

    def assert_history(self, table: str, key: str = "person_id") -> None:
        """Versions of a row follow each other, and each has its transaction in the ledger."""
        self.sync()
        wrong = self.warehouse.execute(
            f"select known_from, known_to, operation, ended_by, next from (select v.*, lead(known_from) over"
            f" (partition by {key} order by known_from, known_to) as next from versions.{table} as v) as x"
            " where known_from is null or known_to < known_from or known_to > next"
            " or (known_to is null and next is not null)".encode()
        ).fetchall()
        assert wrong == []
        unknown = self.warehouse.execute(
            f"select count(*) from versions.{table} where from_xid not in (select xid from ledger.transactions)"
            " or to_xid not in (select xid from ledger.transactions)".encode()
        ).fetchone()
        assert unknown == (0,)


@pytest.fixture
def world(clusters: Databases, templates: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The source's own schema is of these two tables only."""
    with (
        fresh_databases(clusters, {"warehouse": templates["warehouse"]}) as databases,
        databases.at_source() as trs,
        databases.at_warehouse() as warehouse,
    ):
        trs.execute(SCHEMA.encode())
        made = World(databases, trs, warehouse)
        read_in_place_of_the_file(monkeypatch, lambda: made.classification)
        replicate(databases, Silent())
        yield made


@contextmanager
def writing(world: World) -> Iterator[dict[str, Any]]:
    """Somebody writes to the source all the while; a statement that fails there fails the test."""
    world.writers += 1
    seed = SEED + world.writers
    print(f"seed {seed}")
    stop, seen = threading.Event(), {"written": 0, "failures": []}
    sets = {"value": "name = name || 'x'"}
    seen["sets"] = sets

    def write() -> None:
        chance = random.Random(seed)
        with world.databases.at_source() as trs:
            trs.execute("set search_path = public")
            while not stop.is_set():
                try:
                    with trs.transaction():
                        person = uuid.UUID(int=chance.getrandbits(128))
                        trs.execute("insert into people (person_id, name) values (%s, 'new')", (person,))
                        trs.execute(
                            f"update people set {sets['value']} where person_id ="
                            " (select person_id from people offset %s limit 1)".encode(),
                            (chance.randrange(300),),
                        )
                        if chance.random() < 0.4:
                            trs.execute(
                                "delete from people where person_id = (select person_id from people offset %s limit 1)",
                                (chance.randrange(300),),
                            )
                        trs.execute(
                            "update posts set title = title || 'y' where person_id ="
                            " (select person_id from posts offset %s limit 1)",
                            (chance.randrange(300),),
                        )
                        if chance.random() < 0.1:
                            raise psycopg.Rollback
                    seen["written"] += 1
                except psycopg.Error as error:
                    seen["failures"].append(error.diag.message_primary)
                stop.wait(0.002)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        _until_written(seen, 10)
        yield seen
        _until_written(seen, seen["written"] + 10)
    finally:
        stop.set()
        thread.join()
    assert seen["failures"] == []


def _until_written(seen: dict[str, Any], count: int) -> None:
    while seen["written"] < count and not seen["failures"]:
        time.sleep(0.01)
