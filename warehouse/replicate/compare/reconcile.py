"""Reconcile: prove at any time that the replica's content is the source's, table by table, and name what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.types.json import Jsonb

from warehouse.core.databases import Databases
from warehouse.core.errors import ContentDiffers, ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.replicate import compare
from warehouse.replicate.catalog import relations
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.compare import proofs
from warehouse.replicate.compare.settled import settled
from warehouse.replicate.compare.shared_snapshot import Unclear, one_position
from warehouse.replicate.ledger import differences, epochs
from warehouse.replicate.preflight import preflight, rules
from warehouse.replicate.stream import missing_rows

FIRST_KEYS = 20
"""So many keys of each kind are reported of a table; the repair finds all of them anew."""

ATTEMPTS = 10
"""So often a position is taken anew for what could not be compared at the last one."""


@dataclass(frozen=True)
class ReconciledTable:
    """What was found in a table.

    Attributes:
        lsn: the source's position at which it was compared.
        missing, extra, changed: rows that only the source has, only the replica, or both with different content.
        keys: the first keys of each kind that there is.
    """

    table: str
    lsn: str
    source_rows: int
    warehouse_rows: int
    ranges: int
    differing_ranges: int
    missing: int
    extra: int
    changed: int
    keys: dict[str, list[list[str]]]
    seconds: float

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.changed)


@dataclass(frozen=True)
class Reconciliation:
    """A finished comparison.

    Attributes:
        lsn: the source's position at which both were compared.
        snapshot_at: the source's time there.
        left_out: tables and columns (table.column) that are to be replicated and could not be compared, with why.
    """

    reconciliation_id: int
    epoch_id: int
    started_at: datetime
    ended_at: datetime
    lsn: str
    snapshot_at: datetime
    tables: list[ReconciledTable]
    left_out: dict[str, str]

    @property
    def differing(self) -> list[ReconciledTable]:
        return [table for table in self.tables if not table.is_equal]

    @property
    def result(self) -> str:
        """In a word: what was not compared is never called equal."""
        return "differs" if self.differing else "incomplete" if self.left_out else "equal"

    @property
    def rows(self) -> int:
        """Rows of the source that were compared."""
        return sum(table.source_rows for table in self.tables)


def reconcile(databases: Databases, progress: Progress, only: Sequence[str] = ()) -> Reconciliation:
    """Compare the content of source and replica at one position, while changes are made and applied, and record it.

    Every row is looked into. Tables that are equal need not be looked into as far by the next repair (proofs.py).

    Args:
        only: the tables to compare; all that are replicated when empty.

    Raises:
        UsageError: a table is not replicated.
        ReplicationError: nothing is replicated yet, or no position could be found.
        SourceNotReady, SlotLost, StreamStuck, MissingPrivilege: see warehouse.core.errors.
    """
    classification = load_classification()
    published = _chosen(classification, only)
    with databases.source() as trs, databases.warehouse() as warehouse:
        epoch = epochs.current(warehouse, databases.settings.warehouse_replication_name)
        if epoch is None or epoch.state != "streaming":
            raise ReplicationError(
                "There is no stream, so there is no position at which replica and source could be compared.",
                meaning="Nothing was compared.",
                next_command="`warehouse run` sets replication up or says what stands in its way.",
            )
        # What the source has dropped cannot be read, and does not keep the rest from being compared.
        there = relations.read_tables(trs, classification.schema_name)
        here = classification.existing({table: there[table] for table in published if table in there})
        preflight.require(databases, trs, warehouse, here, rules.TO_READ)
        started_at = datetime.now(UTC)
        work = _Work(databases, trs, warehouse, epoch, classification, progress)
        counted = missing_rows.counted(warehouse, epoch.replication_name)
        first, found = work.until_all_are_compared(published)
        left_out = compare.left_out(trs, warehouse, classification.schema_name, published)
        # One that was altered while it was compared.
        missed = dict.fromkeys(sorted(published.keys() - found.keys()), "it could not be compared when that began")
        done = _record(warehouse, epoch, started_at, first, found, missed | left_out)
        _settle(warehouse, epoch, first, done, classification, counted)
        return done


def raise_if_different(done: Reconciliation) -> None:
    """Turn a difference, or what was not compared, into the error for a scheduler.

    Raises:
        ContentDiffers: names the tables, never a value.
        NotCompared: nothing differs, but something was left out.
    """
    if done.differing:
        counts = ", ".join(
            f"{table.table} ({table.missing:,} missing, {table.extra:,} too many, {table.changed:,} different)"
            for table in done.differing[:5]
        )
        more = f" and {len(done.differing) - 5} more tables" if len(done.differing) > 5 else ""
        raise ContentDiffers(
            f"The replica is not what the operational database was at {done.lsn}: {counts}{more}.",
            meaning="Figures from these tables may be wrong. Nothing was changed; the first keys of the rows are in "
            f"ledger.reconciled_tables, reconciliation {done.reconciliation_id}.",
            next_command="`warehouse replicate repair --compare` finds and writes all that differs.",
        )
    compare.raise_if_left_out(done.left_out)


@dataclass(frozen=True)
class _Position:
    lsn: str
    snapshot_at: datetime
    seen: str


@dataclass(frozen=True)
class _Work:
    databases: Databases
    trs: psycopg.Connection
    warehouse: psycopg.Connection
    epoch: epochs.Epoch
    classification: Classification
    progress: Progress

    def until_all_are_compared(self, published: dict[str, list[str]]) -> tuple[_Position, dict[str, ReconciledTable]]:
        """Compare at one position; tables that were truncated or altered just then again at a further one."""
        found: dict[str, ReconciledTable] = {}
        every: list[compare.TableComparison] = []
        first: _Position | None = None
        left = published
        for _ in range(ATTEMPTS):
            try:
                with one_position(self.databases, self.trs, self.warehouse, self.epoch, self.progress) as cut:
                    specs = compare.specs(
                        self.trs, self.warehouse, self.classification.schema_name, left, self.classification.without
                    )
                    compared = compare.tables(
                        specs, cut.source, cut.warehouse, likely_equal=True, progress=self.progress
                    )
                    first = first or _Position(cut.lsn, cut.snapshot_at, cut.seen)
                    every += [one for one in compared if not one.rewritten]
                    found |= {
                        one.table: self._result(one, spec, cut.lsn) for one, spec in zip(compared, specs, strict=True)
                    }
            except (Unclear, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
                continue
            left = {one.table: published[one.table] for one in compared if one.rewritten}
            if not left:
                proofs.forget(self.warehouse, [one for one in every if not one.is_equal])
                # The stream has confirmed each position, so what it shows is durable at the source.
                proofs.record(self.warehouse, [one for one in every if one.is_equal])
                return first, found
        raise ReplicationError(
            f"No position was found at which {', '.join(sorted(left)[:5])} could be compared, in {ATTEMPTS} attempts.",
            meaning="They are truncated, altered or repaired again and again. Nothing was recorded.",
            next_command="Run `warehouse replicate reconcile` again when that is over.",
        )

    def _result(self, found: compare.TableComparison, spec: compare.TableSpec, lsn: str) -> ReconciledTable:
        columns = self.classification.tables[found.table].columns
        hidden = [columns[name].classification == "sensitive" for name in spec.key]
        kinds = {"missing": found.missing, "extra": found.extra, "changed": found.changed}
        return ReconciledTable(
            found.table,
            lsn,
            found.source_rows,
            found.warehouse_rows,
            found.ranges,
            found.differing_ranges,
            len(found.missing),
            len(found.extra),
            len(found.changed),
            {
                kind: [
                    [_md5(value) if hide else value for value, hide in zip(key, hidden, strict=True)]
                    for key in keys.first(FIRST_KEYS)
                ]
                for kind, keys in kinds.items()
                if keys
            },
            round(found.seconds, 3),
        )


def _md5(value: str) -> str:
    return "md5:" + hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def _chosen(classification: Classification, only: Sequence[str]) -> dict[str, list[str]]:
    published = classification.published
    unknown = [table for table in only if table not in published]
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)}: not among the replicated tables.",
            meaning="Nothing was compared.",
            next_command="`warehouse replicate status` lists them.",
        )
    return {table: published[table] for table in only} if only else dict(published)


def _record(
    warehouse: psycopg.Connection,
    epoch: epochs.Epoch,
    started_at: datetime,
    at: _Position,
    found: dict[str, ReconciledTable],
    left_out: dict[str, str],
) -> Reconciliation:
    tables = [found[name] for name in sorted(found)]
    with warehouse.transaction():
        row = warehouse.execute(
            "insert into ledger.reconciliations (epoch_id, started_at, lsn, snapshot_at, result, left_out)"
            " values (%s, %s, %s, %s, %s, %s) returning reconciliation_id, ended_at",
            (
                epoch.epoch_id,
                started_at,
                at.lsn,
                at.snapshot_at,
                "differs" if any(not table.is_equal for table in tables) else "incomplete" if left_out else "equal",
                Jsonb(left_out),
            ),
        ).fetchone()
        assert row is not None
        with warehouse.cursor() as cursor:
            cursor.executemany(
                "insert into ledger.reconciled_tables (reconciliation_id, table_name, lsn, source_rows, warehouse_rows,"
                " ranges, differing_ranges, missing, extra, changed, differing_keys, seconds)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        row[0],
                        table.table,
                        table.lsn,
                        table.source_rows,
                        table.warehouse_rows,
                        table.ranges,
                        table.differing_ranges,
                        table.missing,
                        table.extra,
                        table.changed,
                        Jsonb(table.keys),
                        table.seconds,
                    )
                    for table in tables
                ],
            )
        differences.record(
            warehouse,
            [
                differences.Known(one.table, one.missing, one.extra, one.changed, one.warehouse_rows)
                for one in tables
                if not one.is_equal
            ],
            "reconcile",
        )
        differences.clear(warehouse, [one.table for one in tables if one.is_equal])
    return Reconciliation(row[0], epoch.epoch_id, started_at, row[1], at.lsn, at.snapshot_at, tables, left_out)


def _settle(
    warehouse: psycopg.Connection,
    epoch: epochs.Epoch,
    at: _Position,
    done: Reconciliation,
    classification: Classification,
    counted: tuple[int, int] | None,
) -> None:
    """Tell the guard what this comparison settled. What somebody did after the position was not compared."""
    later = {
        row[0]
        for row in warehouse.execute(
            "select table_name from ledger.hand_writes"
            " where settled_at is null and not pg_visible_in_snapshot(xid, %s::pg_snapshot)",
            (at.seen,),
        )
    }
    equal = [table.table for table in done.tables if table.is_equal and table.table not in later]
    unchanged = counted == missing_rows.counted(warehouse, epoch.replication_name)
    all_of_them = unchanged and not done.left_out and set(equal) == set(classification.published)
    settled(warehouse, epoch, epoch.replication_name, equal, all_of_them=all_of_them, seen=at.seen)
