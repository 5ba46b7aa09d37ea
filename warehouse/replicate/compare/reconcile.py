"""Reconcile: prove at any time that the replica's content is the source's, table by table, and name what differs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.types.json import Jsonb

from warehouse.core.database import one
from warehouse.core.databases import Databases
from warehouse.core.errors import ContentDiffers, ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.replicate import compare
from warehouse.replicate.catalog import relations
from warehouse.replicate.compare import proofs
from warehouse.replicate.compare.confirm import confirm_equal
from warehouse.replicate.compare.shared_snapshot import Unclear, one_position
from warehouse.replicate.ledger import differences
from warehouse.replicate.link import Ends, connected
from warehouse.replicate.masking import Hidden, shown
from warehouse.replicate.preflight import preflight, rules
from warehouse.replicate.stream import missing_rows

FIRST_KEYS = 20
"""So many keys of each kind are reported of a table; the repair finds all of them again."""

ATTEMPTS = 10
"""So often a new position is taken for what could not be compared at the last one."""


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

    Every row is read. The next repair need not read as much of the tables that are equal (proofs.py).

    Args:
        only: the tables to compare; all that are replicated when empty.

    Raises:
        UsageError: a table is not replicated.
        ReplicationError: nothing is replicated yet, or no position could be found.
        SourceNotReady, SlotLost, StreamStuck, MissingPrivilege: see warehouse.core.errors.
    """
    with connected(databases, progress) as ends:
        tables = _chosen(ends.published, only)
        if ends.current is None or ends.current.state != "streaming":
            raise ReplicationError(
                "There is no stream, so there is no position at which replica and source could be compared.",
                meaning="Nothing was compared.",
                next_command="`warehouse run` sets replication up, or says why it cannot.",
            )
        # What the source has dropped cannot be read, and does not keep the rest from being compared.
        at_source = relations.read_tables(ends.trs, ends.schema)
        existing = ends.classification.existing({table: at_source[table] for table in tables if table in at_source})
        preflight.require(ends.of(existing), rules.TO_READ)
        started_at = datetime.now(UTC)
        counted = missing_rows.counted(ends.warehouse, ends.name)
        first, found = _until_all_are_compared(ends, tables)
        left_out = compare.left_out(ends.trs, ends.warehouse, ends.classification, tables)
        # One that was altered while it was compared.
        missed = dict.fromkeys(sorted(set(tables) - found.keys()), "it could not be compared when that began")
        done = _record(ends, started_at, first, found, missed | left_out)
        _confirm(ends, first, done, counted)
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


def _until_all_are_compared(ends: Ends, tables: Sequence[str]) -> tuple[_Position, dict[str, ReconciledTable]]:
    """Compare at one position; tables that were truncated or altered just then again at a further one."""
    found: dict[str, ReconciledTable] = {}
    every: list[compare.TableComparison] = []
    first: _Position | None = None
    left, hidden = tables, ends.hidden
    for _ in range(ATTEMPTS):
        try:
            with one_position(ends) as cut:
                specs = compare.specs(ends.trs, ends.warehouse, ends.classification, left)
                compared = compare.tables(specs, cut.source, cut.warehouse, likely_equal=True, progress=ends.progress)
                first = first or _Position(cut.lsn, cut.snapshot_at, cut.seen)
                every += [each for each in compared if not each.rewritten]
                found |= {
                    each.table: _result(each, spec, cut.lsn, hidden) for each, spec in zip(compared, specs, strict=True)
                }
        except (Unclear, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
            continue
        left = [each.table for each in compared if each.rewritten]
        if not left:
            proofs.forget(ends.warehouse, [each for each in every if not each.is_equal])
            # The stream has confirmed each position, so what it shows is durable at the source.
            proofs.record(ends.warehouse, every)
            return first, found
    raise ReplicationError(
        f"No position was found at which {', '.join(sorted(left)[:5])} could be compared, in {ATTEMPTS} attempts.",
        meaning="They are truncated, altered or repaired again and again. Nothing was recorded.",
        next_command="Run `warehouse replicate reconcile` again when that is over.",
    )


def _result(found: compare.TableComparison, spec: compare.TableSpec, lsn: str, hidden: Hidden) -> ReconciledTable:
    kinds = {"missing": found.missing, "extra": found.extra, "changed": found.changed}
    keys = {
        kind: [
            [str(value) for value in shown(found.table, dict(zip(spec.key, key, strict=True)), hidden).values()]
            for key in of_kind.first(FIRST_KEYS)
        ]
        for kind, of_kind in kinds.items()
        if of_kind
    }
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
        keys,
        round(found.seconds, 3),
    )


def _chosen(published: Collection[str], only: Sequence[str]) -> list[str]:
    unknown = [table for table in only if table not in published]
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)}: not among the replicated tables.",
            meaning="Nothing was compared.",
            next_command="`warehouse replicate status` lists them.",
        )
    return list(only or published)


_ADD = """
insert into ledger.reconciliations (epoch_id, started_at, lsn, snapshot_at, result, left_out)
values (%s, %s, %s, %s, %s, %s)
returning reconciliation_id, ended_at
"""

_ADD_TABLE = """
insert into ledger.reconciled_tables (
    reconciliation_id, table_name, lsn, source_rows, warehouse_rows, ranges, differing_ranges, missing, extra, changed,
    differing_keys, seconds
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def _record(
    ends: Ends, started_at: datetime, at: _Position, found: dict[str, ReconciledTable], left_out: dict[str, str]
) -> Reconciliation:
    tables = [found[name] for name in sorted(found)]
    result = "differs" if any(not table.is_equal for table in tables) else "incomplete" if left_out else "equal"
    with ends.warehouse.transaction():
        values = (ends.epoch.epoch_id, started_at, at.lsn, at.snapshot_at, result, Jsonb(left_out))
        number, ended_at = one(ends.warehouse, _ADD, values)
        with ends.warehouse.cursor() as cursor:
            cursor.executemany(
                _ADD_TABLE,
                [
                    (
                        number,
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
        known = [
            differences.Known(table.table, table.missing, table.extra, table.changed, table.warehouse_rows)
            for table in tables
            if not table.is_equal
        ]
        differences.record(ends.warehouse, known, "reconcile")
        differences.clear(ends.warehouse, [table.table for table in tables if table.is_equal])
    return Reconciliation(number, ends.epoch.epoch_id, started_at, ended_at, at.lsn, at.snapshot_at, tables, left_out)


_WRITTEN_SINCE = """
select table_name from ledger.hand_writes
where settled_at is null and not pg_visible_in_snapshot(xid, %s::pg_snapshot)
"""


def _confirm(ends: Ends, at: _Position, done: Reconciliation, counted: tuple[int, int] | None) -> None:
    """Record what this comparison confirms. What somebody did after the position was not compared.

    Args:
        counted: the rows that were missing for updates and deletes, before the comparison.
    """
    later = {row[0] for row in ends.warehouse.execute(_WRITTEN_SINCE, (at.seen,))}
    equal = [table.table for table in done.tables if table.is_equal and table.table not in later]
    unchanged = counted == missing_rows.counted(ends.warehouse, ends.name)
    confirm_equal(ends, equal, seen=at.seen, nothing_else=unchanged and not done.left_out)
