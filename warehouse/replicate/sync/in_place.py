"""Rows of the replica that differ although the stream is whole: written by hand, or lost by a disk or an older program.

With the stream off, the replica is compared with a snapshot of the source. What differs is damage, or a change that
the stream has yet to bring. They are told apart by a second, earlier snapshot: the replica has everything up to that
one, so a row whose version at the source is the same in both has nothing to come, and has to be the same here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

import psycopg
from psycopg import sql

from warehouse.core.errors import ReplicationError
from warehouse.core.progress import Progress
from warehouse.replicate.catalog.names import KNOWN_FROM
from warehouse.replicate.compare import Key, Keys, TableComparison, TableSpec, is_new, listed, proofs, same_key
from warehouse.replicate.compare.settled import settled
from warehouse.replicate.ledger import differences, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import continuity, subscription
from warehouse.replicate.sync.compared import compare_tables, on_snapshot
from warehouse.replicate.sync.write import Mending, mend

ROUNDS = 3
"""How often it is tried: a damaged row that changes at the source meanwhile is left to the next round."""

MANY_KEYS = 10_000
"""From so many differing rows of a table on, it is first looked at whether anything of it has changed at the source."""

_BATCH_KEYS = 10_000

_CLOCK_STEP = timedelta(seconds=5)
"""A commit time is taken a moment before the transaction shows in a snapshot, and a clock may be set meanwhile."""

_T = TypeVar("_T")

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
        left: rows that differed and were changed at the source in every round, so that nobody can tell yet.
    """

    gaps: list[Gap] = field(default_factory=list)
    compared: list[TableComparison] = field(default_factory=list)
    held: list[Known] = field(default_factory=list)
    left: set[_Row] = field(default_factory=set)

    @property
    def differed(self) -> bool:
        """Whether anything was written, or has to be."""
        return bool(self.held or self.left or any(gap.rows for gap in self.gaps))


def repair_damage(ends: Ends, epoch: Epoch, progress: Progress, reason: str, since: Since | None = None) -> Damage:
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
            unsettled = _one_round(ends, epoch, done, progress, reason, since)
        except (Exception, KeyboardInterrupt):
            _switch_on_again(ends, epoch)
            raise
        continuity.check(ends.databases, ends.trs, ends.warehouse, epoch, after_restart=True)
        subscription.enable(ends.warehouse, ends.name)
        left = unsettled if left is None else left & unsettled
        if not left:
            break
    done.left = left or set()
    _conclude(ends, epoch, done)
    return done


def _conclude(ends: Ends, epoch: Epoch, done: Damage) -> None:
    """In the ledger: which tables are equal, which are not, and which gaps are closed by that."""
    differing = {one.table for one in done.held} | {table for table, _ in done.left}
    equal = [one.table for one in done.compared if one.table not in differing]
    uncertain = [one for one in done.compared if one.table in {table for table, _ in done.left}]
    differences.record(ends.warehouse, done.held, "repair")
    differences.record(ends.warehouse, [one.known() for one in uncertain], "repair")
    settled(ends.warehouse, epoch, ends.name, equal, all_of_them=set(equal) == set(ends.classification.published))
    open_gaps = gaps.unrepaired(ends.warehouse, epoch)
    # Rows that nobody can tell yet are known as a difference from here on; what was missed is written.
    held = [one.table for one in done.held]
    done.gaps = gaps.close_compared(ends.warehouse, open_gaps, set(ends.classification.published), held)


def _switch_on_again(ends: Ends, epoch: Epoch) -> None:
    """After a failure: the stream is not to stay off for it."""
    try:
        continuity.check(ends.databases, ends.trs, ends.warehouse, epoch, after_restart=True)
        subscription.enable(ends.warehouse, ends.name)
    except (ReplicationError, psycopg.Error):
        # It has to stay off, or nobody can be reached: the failure itself is what a person has to know first, and the
        # next command finds the other.
        return


def _one_round(
    ends: Ends, epoch: Epoch, done: Damage, progress: Progress, reason: str, since: Since | None
) -> set[_Row]:
    left: set[_Row] = set()
    open_gaps = gaps.unrepaired(ends.warehouse, epoch)
    with _snapshot(ends) as (before, _, began_at):
        marked = subscription.mark(ends.trs)
        subscription.wait_for(ends.trs, ends.warehouse, ends.name, marked.lsn, progress)
        subscription.stop(ends.warehouse, ends.name)
        with _snapshot(ends) as (_, name, taken_at):
            specs, found = compare_tables(ends, ends.classification.published, name, progress)
            done.held = [one.known(deletes_held=True) for one in found if ends.limit.holds(one.known())]
            held = {one.table for one in done.held}
            with on_snapshot(ends, name) as now:
                damaged: list[tuple[TableSpec, TableComparison]] = []
                for spec, comparison in zip(specs, found, strict=True):
                    if comparison.is_equal or comparison.table in held:
                        continue
                    certain, unsettled = _damaged(spec, comparison, before, now)
                    certain, passing = _without_passing(spec, certain, ends.warehouse, began_at)
                    left |= {(spec.table, key) for key in unsettled + passing}
                    if not certain.is_equal:
                        damaged.append((spec, certain))
                        progress.say(f"repairing {spec.table}")
                fresh = [spec.table for spec, _ in damaged if gaps.of_table(open_gaps, spec.table) is None]
                if fresh or (done.held and since):
                    began = since or Since(None, _last_equal(ends.warehouse, epoch, fresh))
                    open_gaps.append(gaps.open_gap(ends.warehouse, epoch, epoch, began.lsn, began.time, reason))
                open_gaps = [gaps.ends_at(ends.warehouse, gap, marked.lsn, taken_at) for gap in open_gaps]
                written = mend(Mending(now, ends.warehouse, epoch, open_gaps, taken_at), damaged)
    gaps.compared(ends.warehouse, open_gaps, [one.compared for one in found if one.table not in held])
    proofs.make_durable(ends.trs)
    # By what the comparison found, of which the stream may have had a part to bring: that is not written yet.
    proofs.record(
        ends.warehouse,
        [one for one in found if one.table not in held and proofs.all_written(one, written.get(one.table))],
    )
    done.compared = found
    return left


@contextmanager
def _snapshot(ends: Ends) -> Iterator[tuple[psycopg.Connection, str, datetime]]:
    """A snapshot of the source that stays open: a connection in it, its name for others, and the source's time."""
    with ends.databases.source() as connection:
        connection.execute("begin isolation level repeatable read read only")
        row = connection.execute("select pg_export_snapshot(), clock_timestamp()").fetchone()
        assert row is not None
        yield connection, row[0], row[1]


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
        for batch in _batches((kept, key) for kept, keys in of_each for key in keys):
            keys = [key for _, key in batch]
            then = beside.submit(_versions, spec, before, keys)
            later = _versions(spec, now, keys)
            for kept, key in batch:
                if then.result().get(key) == later.get(key):
                    kept.add(key)
                else:
                    left.append(key)
    return replace(found, missing=missing, extra=extra, changed=changed), left


def _untouched(spec: TableSpec, before: psycopg.Connection, now: psycopg.Connection) -> bool:
    """Whether two snapshots show the same versions of a table: nothing new to the earlier one, and nothing gone."""
    table = sql.Identifier(spec.schema, spec.table)
    then = before.execute(
        sql.SQL("select pg_snapshot_xmin(pg_current_snapshot())::text, (select count(*) from {})").format(table)
    ).fetchone()
    assert then is not None
    xmin, rows = then
    later = now.execute(
        sql.SQL("select count(*), count(*) filter (where {}) from {} as t").format(is_new(int(xmin)), table)
    ).fetchone()
    return later == (rows, 0)


def _without_passing(
    spec: TableSpec, found: TableComparison, warehouse: psycopg.Connection, began_at: datetime
) -> tuple[TableComparison, list[Key]]:
    """Leave out rows that came by the stream since the first snapshot and were deleted at the source before the second.

    Neither snapshot shows them, like rows that were made up here; but the stream brings their end in a moment.
    """
    extra, passing = Keys(), list[Key]()
    for batch in _batches(found.extra):
        rows = warehouse.execute(
            sql.SQL(
                "select {} from {} as t join {} on {}"
                " cross join lateral pg_xact_commit_timestamp_origin(t.{}::xid) as c"
                " where c.roident <> 0 and c.timestamp > %s"
            ).format(
                sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in spec.key),
                sql.Identifier(spec.schema, spec.table),
                listed(spec, batch),
                same_key(spec),
                sql.Identifier(KNOWN_FROM),
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


def _last_equal(warehouse: psycopg.Connection, epoch: Epoch, tables: Sequence[str]) -> datetime:
    """The latest time up to which every one of these tables is known to have been equal."""
    row = warehouse.execute(_LAST_EQUAL, (list(tables), epoch.epoch_id)).fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def _batches(keys: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(keys)
    while batch := list(islice(left, _BATCH_KEYS)):
        yield batch
