"""A source that is being written to, and what must be true of replica and history after trouble."""

from __future__ import annotations

import random
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.python.replicate.world import PERSON, insert, rows_digest
from tests.python.waiting import GIVE_UP_SECONDS
from warehouse.core.databases import Databases
from warehouse.core.postgres import Cluster
from warehouse.replicate.conflicts import decide
from warehouse.replicate.conflicts.conflicts import Conflict
from warehouse.replicate.conflicts.skip import Skipped
from warehouse.replicate.door import opened

SEED = 20_261_122


def populate(databases: Databases, people: int = 300) -> Databases:
    """Put some people into a source that has its schema."""
    with databases.at_source() as trs, trs.transaction():
        for number in range(people):
            insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": f"{number:07d}"})
    return databases


class Writer:
    """Writes people, a transaction at a time: one comes, one changes, one goes."""

    def __init__(self, databases: Databases, seed: int = SEED) -> None:
        print(f"seed {seed}")
        self._databases, self._chance, self._stop = databases, random.Random(seed), threading.Event()
        self._number = 1_000_000 + seed % 1000 * 1000
        self.committed = 0
        self._failed: Exception | None = None
        self._changed = threading.Condition()

    def one(self, trs: psycopg.Connection) -> None:
        """One transaction; every tenth is rolled back."""
        with trs.transaction():
            self._number += 1
            insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": f"{self._number:07d}"})
            picked = "(select person_id from persons where trn < '2' offset %s limit 1)"
            trs.execute(
                f"update persons set first_name = %s where person_id = {picked}".encode(),
                (f"n{self._number}", self._chance.randrange(200)),
            )
            trs.execute(f"delete from persons where person_id = {picked}".encode(), (self._chance.randrange(200),))
            if self._chance.random() < 0.1:
                raise psycopg.Rollback
        with self._changed:
            self.committed += 1
            self._changed.notify_all()

    def wait(self, more: int) -> None:
        """Until so many more transactions are committed; what ended the writer is raised here, at once."""
        with self._changed:
            goal = self.committed + more
            assert self._changed.wait_for(lambda: self._failed or self.committed >= goal, timeout=GIVE_UP_SECONDS)
        if self._failed:
            raise self._failed

    def run(self) -> None:
        try:
            with self._databases.at_source() as trs:
                while not self._stop.is_set():
                    self.one(trs)
                    self._stop.wait(0.002)
        except Exception as error:  # noqa: BLE001 - whoever waits has to know it, whatever it is
            with self._changed:
                self._failed = error
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Write in the background for as long as the block lasts."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: bool) -> None:
    """Die at the first call of a step: before it, or right after it."""
    step: Callable[..., Any] = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if after:
            step(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(owner, name, dying)


def back_up(cluster: Cluster, folder: Path) -> Path:
    """Copy a cluster's files while it is stopped, as a snapshot of its disk would; it runs again afterwards."""
    cluster.stop()
    shutil.copytree(cluster.data, folder, copy_function=shutil.copy2)
    cluster.start()
    return folder


def put_back(cluster: Cluster, backup: Path) -> None:
    """Make a cluster's files those of a backup again, and start it."""
    cluster.stop()
    for path in backup.rglob("*"):
        target = cluster.data / path.relative_to(backup)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for path in sorted(cluster.data.rglob("*"), reverse=True):
        if path.is_file() and not (backup / path.relative_to(cluster.data)).exists():
            path.unlink()
    cluster.start()


def open_conflicts(databases: Databases, *, every: bool = False) -> list[Conflict]:
    """What `warehouse replicate conflicts` shows."""
    with opened(databases) as ends:
        return decide.open_conflicts(ends, every=every)


def skip_transaction(databases: Databases, *, lsn: str, because: str, decided_by: str) -> Skipped:
    """What `warehouse replicate skip` does."""
    with opened(databases) as ends:
        return decide.skip_transaction(ends, lsn=lsn, because=because, decided_by=decided_by)


def slot_of(databases: Databases) -> str:
    """The name of the slot that streams now."""
    return str(one(databases.at_warehouse, "select slot_name from ledger.epochs where state <> 'ended'")[0])


def lose_slot(databases: Databases) -> None:
    """Drop the slot while it is in use, as an administrator would."""
    with databases.at_source() as trs:
        end_and_drop(trs, slot_of(databases))


def end_and_drop(trs: psycopg.Connection, slot_name: str) -> None:
    """End the slot's reader and drop it, before the reader comes back."""
    for _ in range(200):
        trs.execute(
            "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots"
            " where slot_name = %s and active_pid is not null",
            (slot_name,),
        )
        try:
            trs.execute("select pg_drop_replication_slot(%s)", (slot_name,))
            return
        except psycopg.errors.ObjectInUse:
            continue
    raise AssertionError("the slot stays in use")


def one(connect: Any, query: str, *values: object) -> tuple[Any, ...]:
    """The only row of a query."""
    with connect() as connection:
        row: tuple[Any, ...] | None = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row


def now(databases: Databases) -> datetime:
    """The source's time."""
    return one(databases.at_source, "select clock_timestamp()")[0]  # type: ignore[no-any-return]


def equal(databases: Databases, *tables: str) -> bool:
    """Whether tables have the same content on both sides."""
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        return all(rows_digest(trs, table) == rows_digest(warehouse, table) for table in tables or ("persons",))


def history_is_sound(databases: Databases) -> None:
    """Every version has times, none ends before it begins, and at no time has a person two of them."""
    with databases.at_warehouse() as warehouse:
        row = warehouse.execute(
            "with v as (select *, lead(known_from) over (partition by person_id order by known_from, to_xid) as next"
            " from versions.persons)"
            " select count(*) filter (where known_from is null),"
            " count(*) filter (where known_to < known_from),"
            " count(*) filter (where ended_by is not null and known_to is null),"
            " count(*) filter (where next < known_to)"
            " from v"
        ).fetchone()
        assert row == (0, 0, 0, 0), f"without a beginning, ended before it, without an end, overlapping: {row}"
        current = warehouse.execute(
            "select (select count(*) from versions.persons where known_to is null), (select count(*) from persons)"
        ).fetchone()
        assert current is not None and current[0] == current[1]
