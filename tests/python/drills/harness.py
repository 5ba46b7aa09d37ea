"""What every fault drill shares: a source under load, a replica of it, and the two proofs at the end.

A drill hurts something, lets the product recover by its own commands, and calls `finish()`. That proves that

1. the replica's content is the source's: a digest of every replicated table, computed by each side for itself, and the
   product's own comparison say so;
2. the history is right: the versions told are exactly those that the source noted (journal.py), each with its commit
   time, what brought and what ended it; none missing, none twice.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg import sql

import sandbox.schema
from tests.python.drills import journal, load
from tests.python.waiting import GIVE_UP_SECONDS
from warehouse.core.databases import Databases
from warehouse.core.errors import WarehouseError
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate
from warehouse.replicate.compare.reconcile import reconcile

ROUNDS = int(os.environ.get("TRW_DRILL_ROUNDS", "2"))
"""How often a drill that strikes at random strikes."""

SEED = int(os.environ.get("TRW_DRILL_SEED", "20261201"))

ATTEMPTS = 12
"""How often the product is run again after an interruption, as a schedule would."""


@dataclass
class Drill:
    """A source, its replica and the load upon it.

    Attributes:
        databases: on clusters that belong to the drills alone.
        seed: of the random parts; printed.
        tables: those whose history is proved; they are noted at the source.
        renamed: for each table the columns that were renamed at the source since they were noted.
        columns: for each table the columns to compare, where they are not the published ones.
        published: each replicated table with its replicated columns.
        met: the errors that the product gave while it was interrupted, by their names.
    """

    databases: Databases
    seed: int = SEED
    tables: tuple[str, ...] = load.TABLES
    renamed: dict[str, dict[str, str]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    met: list[str] = field(default_factory=list)
    writers: load.Load | None = None
    loads: int = 0
    user: uuid.UUID = field(default_factory=uuid.uuid4)
    published: dict[str, list[str]] = field(default_factory=lambda: load_classification().published)

    @property
    def name(self) -> str:
        return self.databases.settings.warehouse_replication_name

    def prepare(self) -> Drill:
        """Make the operational schema, its journal and the ledger; nothing is replicated yet."""
        print(f"seed {self.seed}, {ROUNDS} rounds (TRW_DRILL_SEED, TRW_DRILL_ROUNDS)")
        with self.databases.at_source() as source, self.databases.at_warehouse() as warehouse:
            sandbox.schema.create(source)
            journal.install(source, self.tables)
            self.user = load.ready(source)
            migrate(warehouse)
        return self

    def note(self, table: str) -> None:
        """Have the history of one more table proved."""
        self.tables += (table,)
        with self.databases.at_source() as source:
            journal.note(source, table)

    def begin(self, writers: int = 2, pause: float = 0.01) -> Drill:
        """Have the source written to from now on."""
        self.loads += 1
        self.writers = load.Load(self.databases.at_source, self.user, self.seed, self.loads, writers, pause)
        self.writers.start()
        return self

    def work(self, transactions: int) -> None:
        """Let the load make so many transactions more."""
        assert self.writers is not None, "no load"
        self.writers.wait_for(transactions)

    def sync(self) -> None:
        """Replicate what is committed by now; the product has no excuse."""
        replicate(self.databases, Silent())

    def recover(self) -> None:
        """Run the product until it succeeds, as a schedule does: start what does not run, then replicate.

        Only errors that pass by themselves may come before, and only so many.
        """
        for attempt in range(ATTEMPTS):
            try:
                self.databases.start()
                self.sync()
                return
            except (WarehouseError, psycopg.OperationalError) as error:
                self._note(error)
                passes = not isinstance(error, WarehouseError) or error.passes
                if attempt == ATTEMPTS - 1 or not passes:
                    raise
                time.sleep(0.5)

    def rest(self) -> None:
        """End the load."""
        if self.writers is not None:
            writers, self.writers = self.writers, None
            writers.stop()

    def finish(self) -> None:
        """End the load, bring the replica up to date by the product's own command, and prove content and history."""
        self.rest()
        self.recover()
        print(f"on the way: {self.met or 'no errors'}")
        self.prove_content()
        self.prove_history()

    def prove_content(self) -> None:
        """Every replicated table is the source's, row for row, by a digest and by the product's comparison."""
        assert self.unequal() == [], f"seed {self.seed}: these tables differ from the source"
        assert reconcile(self.databases, Silent()).differing == [], f"seed {self.seed}"

    def prove_history(self) -> None:
        """Every version of the noted tables is told as the source knows it; none is missing, none is there twice."""
        found = self.wrong_versions()
        listed = "\n".join(found[:10])
        assert not found, f"seed {self.seed}: {len(found)} versions\n{listed}"

    def finish_with_gap(self) -> list[tuple[datetime, datetime]]:
        """The same as finish(), where transactions were lost: outside of the recorded gaps the history is exact.

        Returns:
            The gaps: what came after the first moment, up to the second, is known by its result alone.
        """
        self.rest()
        self.recover()
        print(f"on the way: {self.met or 'no errors'}")
        self.prove_content()
        with self.databases.at_warehouse() as warehouse:
            gaps = warehouse.execute(
                "select from_time, to_time, repaired_at from ledger.gaps where repaired_at is not null order by gap_id"
            ).fetchall()
        assert gaps, "no gap was recorded"
        copied = self.copied()
        found = {}
        for table in self.tables:
            wanted, got = self.versions(table)
            found[table] = journal.states_differ(wanted, got, journal.blurred(wanted, gaps), copied)
        assert not any(found.values()), f"seed {self.seed}: {found}"
        return [(from_time, to_time) for from_time, to_time, _ in gaps]

    def unequal(self, warehouse: psycopg.Connection | None = None) -> list[str]:
        """The tables whose content differs from the source's, as a session of the warehouse sees it."""
        with self.databases.at_source() as source, self._session(warehouse) as here:
            return [
                table
                for table, columns in self.published.items()
                if digest(source, table, columns) != digest(here, table, columns)
            ]

    def wrong_versions(self, warehouse: psycopg.Connection | None = None) -> list[str]:
        """What is missing from the history, or never was or is there twice, as a session of the warehouse sees it."""
        copied = self.copied()
        return [one for table in self.tables for one in journal.differences(*self.versions(table, warehouse), copied)]

    def versions(
        self, table: str, warehouse: psycopg.Connection | None = None
    ) -> tuple[list[journal.Version], list[journal.Version]]:
        """A table's versions as the source noted them and as the warehouse tells them."""
        columns = self.columns.get(table) or self.published[table]
        with self.databases.at_source() as source, self._session(warehouse) as here:
            return (
                journal.expected(source, table, columns, self.renamed.get(table)),
                journal.told(here, table, columns, journal.keys(source, table), some_columns=table in self.columns),
            )

    @contextmanager
    def _session(self, given: psycopg.Connection | None) -> Iterator[psycopg.Connection]:
        if given is not None:
            yield given
            return
        with self.databases.at_warehouse() as warehouse:
            yield warehouse

    def copied(self) -> journal.Copied | None:
        """The first copy that lasted."""
        with self.databases.at_warehouse() as warehouse:
            row = warehouse.execute(
                "select min(t.committed_at), min(e.streaming_since) from ledger.transactions as t"
                " join ledger.epochs as e using (epoch_id) where t.kind = 'copy'"
            ).fetchone()
        return journal.Copied(row[0], row[1]) if row and row[0] else None

    def _note(self, error: BaseException) -> None:
        self.met.append(error.__class__.__name__)
        print(f"  met {error.__class__.__name__}: {str(error).strip().splitlines()[0]}")


class Runs:
    """The product, run again and again beside what happens, as a schedule and a person would.

    It may fail while servers are down; what it leaves behind is part of what the drill proves.
    """

    def __init__(self, drill: Drill, pause: float = 0.3) -> None:
        self._drill, self._pause = drill, pause
        self._stop = threading.Event()
        self._defects: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="runs", daemon=True)

    def __enter__(self) -> Runs:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "a run of the product does not end"
        if self._defects:
            raise self._defects[0]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._drill.sync()
            except (WarehouseError, psycopg.OperationalError, psycopg.InterfaceError) as error:
                self._drill._note(error)
            except BaseException as error:  # noqa: BLE001 - told to the drill's thread
                self._defects.append(error)
                return
            self._stop.wait(self._pause)


def digest(connection: psycopg.Connection, table: str, columns: list[str]) -> tuple[int, str]:
    """The number of rows of a table and a digest of the given columns, whatever the rows' order."""
    row = connection.execute(
        sql.SQL(
            "select count(*), md5(coalesce(string_agg(md5(x::text), '' order by md5(x::text)), ''))"
            " from (select {} from {}) as x"
        ).format(sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("public", table))
    ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def wait_until(what: str, holds: Callable[[], bool], seconds: float = GIVE_UP_SECONDS) -> None:
    """Wait for something that has to come about; only how long until it is given up is bounded."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"did not come about: {what}"
        time.sleep(0.05)
