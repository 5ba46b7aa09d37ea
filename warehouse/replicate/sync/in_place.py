"""Repair in place: rows of the replica differ although the stream is whole, written by hand or lost by a disk.

With the stream off, the replica is compared with a snapshot of the source. What differs is damage, or a change that
the stream has yet to bring. A second, earlier snapshot distinguishes them: the replica has everything up to that one,
so a row whose version at the source is the same in both has nothing to come, and has to be the same in the replica.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from warehouse.core.batches import batches
from warehouse.core.database import one
from warehouse.core.errors import ReplicationError
from warehouse.replicate.catalog.names import KNOWN_FROM
from warehouse.replicate.compare import Key, Keys, TableComparison, TableSpec, is_new, listed, proofs, same_key
from warehouse.replicate.compare.confirm import confirm_equal
from warehouse.replicate.ledger import differences, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import continuity, subscription
from warehouse.replicate.stream.mark import emit_mark, wait_for
from warehouse.replicate.sync.compared import compare_tables, on_snapshot
from warehouse.replicate.sync.write import Snapshot, write_differences

ROUNDS = 3
"""How often it is tried: a damaged row that changes at the source meanwhile is left to the next round."""

MANY_KEYS = 10_000
"""From so many differing rows of a table on, it is first looked at whether anything of it has changed at the source."""

_BATCH_KEYS = 10_000

_CLOCK_STEP = timedelta(seconds=5)
"""A commit time is taken a moment before the transaction shows in a snapshot, and a clock may be set meanwhile."""

_Row = tuple[str, Key]
"""A table, and the key of a row of it."""


@dataclass(frozen=True)
class Since:
    """From where on changes may have been missed: a position of the source's WAL, if it is known, and a time."""

    lsn: str | None
    time: datetime


@dataclass
class Damage:
    """What a repair in place did.

    Attributes:
        gaps: those that it closed, the oldest first.
        compared: the tables that were compared, each in its last round.
        held: tables that were left as they are, because a person has to allow what would be deleted.
        left: rows that differed and were changed at the source in every round, so that it is not known yet.
    """

    gaps: list[Gap] = field(default_factory=list)
    compared: list[TableComparison] = field(default_factory=list)
    held: list[Known] = field(default_factory=list)
    left: set[_Row] = field(default_factory=set)

    @property
    def differed(self) -> bool:
        """Whether anything was written, or has to be."""
        return bool(self.held or self.left or any(gap.rows for gap in self.gaps))


def repair_damage(ends: Ends, reason: str, since: Since | None = None) -> Damage:
    """Find rows that differ and write them; the stream is off for as long as the comparison takes.

    Every gap of the epoch that is open is closed when its tables have been compared, whether or not anything differed.

    Args:
        since: from where on the rows that differ may have been missed. None: each table's own last equal comparison.

    Raises:
        StreamStuck, SlotLost, SlotTaken, SourceRewound: the stream does not catch up, or cannot be switched on again.
        PageDamaged: a table cannot be read; the stream is on again.
    """
    done = Damage()
    left: set[_Row] | None = None
    for _ in range(ROUNDS):
        try:
            undecided = _one_round(ends, done, reason, since)
        except (Exception, KeyboardInterrupt):
            _switch_on_again(ends)
            raise
        continuity.check(ends, after_restart=True)
        subscription.enable(ends.warehouse, ends.name)
        left = undecided if left is None else left & undecided
        if not left:
            break
    done.left = left or set()
    _conclude(ends, done)
    return done


def _conclude(ends: Ends, done: Damage) -> None:
    """In the ledger: which tables are equal, which are not, and which gaps are closed by that."""
    changing = {table for table, _ in done.left}
    differing = {table.table for table in done.held} | changing
    differences.record(ends.warehouse, done.held, "repair")
    differences.record(ends.warehouse, [one.known() for one in done.compared if one.table in changing], "repair")
    confirm_equal(ends, [one.table for one in done.compared if one.table not in differing])
    # Rows that are still undecided are known as a difference from now on; what was missed is written.
    open_gaps = gaps.unrepaired(ends.warehouse, ends.epoch)
    done.gaps = gaps.close_compared(ends.warehouse, open_gaps, set(ends.published), [one.table for one in done.held])


def _switch_on_again(ends: Ends) -> None:
    """After a failure: the stream is not to stay off for it."""
    try:
        continuity.check(ends, after_restart=True)
        subscription.enable(ends.warehouse, ends.name)
    except (ReplicationError, psycopg.Error):
        # It has to stay off, or a server cannot be reached: the failure itself is what a person has to know first, and
        # the next command finds the other.
        return


def _one_round(ends: Ends, done: Damage, reason: str, since: Since | None) -> set[_Row]:
    """Compare, and write what is certain to be damage; returns the rows of which that cannot be said yet."""
    left: set[_Row] = set()
    open_gaps = gaps.unrepaired(ends.warehouse, ends.epoch)
    with _snapshot(ends) as (before, _, began_at):
        marked = emit_mark(ends.trs)
        wait_for(ends.trs, ends.warehouse, ends.name, marked.lsn, ends.progress)
        subscription.stop(ends.warehouse, ends.name)
        with _snapshot(ends) as (_, name, taken_at):
            specs, found = compare_tables(ends, ends.published, name)
            done.held = [one.known(deletes_held=True) for one in found if ends.limit.holds(one.known())]
            held = {one.table for one in done.held}
            with on_snapshot(ends, name) as now:
                damaged: list[tuple[TableSpec, TableComparison]] = []
                for spec, comparison in zip(specs, found, strict=True):
                    if comparison.is_equal or comparison.table in held:
                        continue
                    certain, changing = _damaged(spec, comparison, before, now)
                    certain, passing = _without_passing(spec, certain, ends.warehouse, began_at)
                    left |= {(spec.table, key) for key in changing + passing}
                    if not certain.is_equal:
                        damaged.append((spec, certain))
                fresh = [spec.table for spec, _ in damaged if gaps.of_table(open_gaps, spec.table) is None]
                if fresh or (done.held and since):
                    began = since or Since(None, _last_equal(ends, fresh))
                    opened = gaps.open_gap(ends.warehouse, ends.epoch, ends.epoch, began.lsn, began.time, reason)
                    open_gaps.append(opened)
                open_gaps = [gaps.ends_at(ends.warehouse, gap, marked.lsn, taken_at) for gap in open_gaps]
                written = write_differences(ends, Snapshot(now, taken_at), open_gaps, damaged)
    compared = [one for one in found if one.table not in held]
    gaps.compared(ends.warehouse, open_gaps, [one.compared for one in compared])
    proofs.make_durable(ends.trs)
    # By what the comparison found, of which the stream may have had a part to bring: that is not written yet.
    proofs.record(ends.warehouse, compared, written)
    done.compared = found
    return left


@contextmanager
def _snapshot(ends: Ends) -> Iterator[tuple[psycopg.Connection, str, datetime]]:
    """A snapshot of the source that stays open: a connection in it, its name for others, and the source's time."""
    with ends.databases.source() as connection:
        connection.execute("begin isolation level repeatable read read only")
        name, taken_at = one(connection, "select pg_export_snapshot(), clock_timestamp()")
        yield connection, name, taken_at


def _damaged(
    spec: TableSpec, found: TableComparison, before: psycopg.Connection, now: psycopg.Connection
) -> tuple[TableComparison, list[Key]]:
    """What of a comparison is damage, and the keys that were left out because their rows were just changed."""
    if len(found.missing) + len(found.extra) + len(found.changed) >= MANY_KEYS and _untouched(spec, before, now):
        return found, []
    missing, extra, changed = Keys(), Keys(), Keys()
    left: list[Key] = []
    of_each = ((missing, found.missing), (extra, found.extra), (changed, found.changed))
    with ThreadPoolExecutor(1) as beside:
        for batch in batches(((kept, key) for kept, keys in of_each for key in keys), _BATCH_KEYS):
            keys = [key for _, key in batch]
            then = beside.submit(_versions, spec, before, keys)
            later = _versions(spec, now, keys)
            for kept, key in batch:
                if then.result().get(key) == later.get(key):
                    kept.add(key)
                else:
                    left.append(key)
    return replace(found, missing=missing, extra=extra, changed=changed), left


_ROWS_THEN = sql.SQL("select pg_snapshot_xmin(pg_current_snapshot())::text, (select count(*) from {})")

_ROWS_NOW = sql.SQL("select count(*), count(*) filter (where {}) from {} as t")


def _untouched(spec: TableSpec, before: psycopg.Connection, now: psycopg.Connection) -> bool:
    """Whether two snapshots show the same versions of a table: nothing new to the earlier one, and nothing gone."""
    table = sql.Identifier(spec.schema, spec.table)
    xmin, rows = one(before, _ROWS_THEN.format(table))
    return one(now, _ROWS_NOW.format(is_new(int(xmin)), table)) == (rows, 0)


_BY_THE_STREAM = sql.SQL("""
select {key} from {table} as t join {listed} on {same_key}
cross join lateral pg_xact_commit_timestamp_origin(t.{known_from}::xid) as c
where c.roident <> 0 and c.timestamp > %s
""")


def _without_passing(
    spec: TableSpec, found: TableComparison, warehouse: psycopg.Connection, began_at: datetime
) -> tuple[TableComparison, list[Key]]:
    """Leave out rows that came by the stream since the first snapshot and were deleted at the source before the second.

    Neither snapshot shows them, like rows that somebody inserted by hand; but the stream brings their end in a moment.
    """
    extra, passing = Keys(), list[Key]()
    for batch in batches(found.extra, _BATCH_KEYS):
        rows = warehouse.execute(
            _BY_THE_STREAM.format(
                key=sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in spec.key),
                table=sql.Identifier(spec.schema, spec.table),
                listed=listed(spec, batch),
                same_key=same_key(spec),
                known_from=sql.Identifier(KNOWN_FROM),
            ),
            (began_at - _CLOCK_STEP,),
        )
        came = {tuple(row) for row in rows}
        for key in batch:
            if key in came:
                passing.append(key)
            else:
                extra.add(key)
    return replace(found, extra=extra), passing


def _versions(spec: TableSpec, connection: psycopg.Connection, keys: list[Key]) -> dict[Key, tuple[str, str]]:
    """Which version of each row a snapshot shows: the transaction that wrote it, and its place."""
    rows = connection.execute(
        sql.SQL("select t.xmin::text, t.ctid::text, {} from {} as t join {} on {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in spec.key),
            sql.Identifier(spec.schema, spec.table),
            listed(spec, keys),
            same_key(spec),
        )
    )
    return {tuple(row[2:]): (row[0], row[1]) for row in rows}


_LAST_EQUAL = """
select min(greatest(
    e.snapshot_at,
    (
        select max(g.to_time) from ledger.gaps as g
        join ledger.gap_tables as c using (gap_id)
        where g.new_epoch = e.epoch_id and g.repaired_at is not null
            and c.table_name = t.name and c.rows_compared is not null
    ),
    (
        select max(r.snapshot_at) from ledger.reconciliations as r
        join ledger.reconciled_tables as c using (reconciliation_id)
        where r.epoch_id = e.epoch_id and c.table_name = t.name and c.missing + c.extra + c.changed = 0
    )
))
from ledger.epochs as e
cross join unnest(%s::text[]) as t (name)
where e.epoch_id = %s
"""


def _last_equal(ends: Ends, tables: Sequence[str]) -> datetime:
    """The latest time up to which every one of these tables is known to have been equal."""
    found: datetime = one(ends.warehouse, _LAST_EQUAL, (list(tables), ends.epoch.epoch_id))[0]
    return found
