"""Stamping: what was applied since the last pass gets a row in the transaction ledger, with a time that can be true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg import sql

from warehouse.core.database import one
from warehouse.replicate.catalog import commit_times
from warehouse.replicate.history import found, order, times, transactions
from warehouse.replicate.history.times import Span
from warehouse.replicate.link import Ends

LATE_CLOCK = timedelta(minutes=5)
"""So long after a slot's snapshot the source's clock may have been read; what was committed in between is streamed."""


@dataclass(frozen=True)
class Stamped:
    """What was applied since it was last looked at.

    Attributes:
        transactions: of the source.
        row_changes: as PostgreSQL counts them: inserts, updates and deletes in the replica's tables. None after a
            crash, which resets its counters.
        unnoted: transactions that wrote the replica and that neither the stream nor a trigger had noted.
        moved: transactions whose commit time could not be true.
    """

    transactions: int
    row_changes: int | None
    unnoted: int = 0
    moved: int = 0


_SPAN = """
select
    p.stamped_up_to::text::bigint,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    (
        select max(n.committed_at) from (
            select t.committed_at from ledger.transactions as t
            where t.epoch_id = p.epoch_id and t.kind = 'stream' order by t.xid desc limit 1000
        ) as n
    ),
    e.snapshot_at,
    -- Times are forgotten from the oldest on, so those after one that is known are all there.
    coalesce((
        select pg_xact_commit_timestamp(t.xid::xid) is null from ledger.transactions as t
        where t.xid < p.stamped_up_to order by t.xid desc limit 1
    ), false)
from ledger.replication_position as p join ledger.epochs as e using (epoch_id) where p.epoch_id = %s
"""

_APPLIED = sql.SQL("""
-- PostgreSQL keeps the commit time and the origin of every transaction; ours are those of the subscription.
select x.number::text::xid8, %(epoch)s::int, c.timestamp, null::timestamptz, 'stream'
from generate_series(%(first)s::bigint, %(next)s::bigint - 1) as x (number)
cross join lateral pg_xact_commit_timestamp_origin(x.number::text::xid8::xid) as c
where c.roident = (select roident from pg_replication_origin where roname = %(origin)s)
""")

_BY_HAND = sql.SQL("""
-- What somebody wrote to the replica; without a row of its own it would lose its time when PostgreSQL forgets it.
select distinct h.xid, %(epoch)s::int, pg_xact_commit_timestamp(h.xid::xid), null::timestamptz, 'hand'
from ledger.hand_writes as h
where h.xid < %(next)s::text::xid8 and pg_xact_commit_timestamp(h.xid::xid) is not null
""")

_MOVED = """
update ledger.replication_position
set stamped_up_to = %(next)s::text::xid8, row_changes = %(row_changes)s, noted_at = clock_timestamp()
where epoch_id = %(epoch)s
"""

_ROW_CHANGES = """
select
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint,
    (select row_changes from ledger.replication_position where epoch_id = %s)
from pg_stat_user_tables where schemaname = %s and relname = any(%s)
"""


def stamp(ends: Ends, origin: str | None, *, placed: bool = True) -> Stamped:
    """Record the transactions that were applied since the last time. Calling it twice does no harm.

    Args:
        origin: of the subscription; None when there is no subscription any more: what it brought last is found by the
            versions that it left.
        placed: whether the time of the epoch's snapshot is before that of all that was streamed.

    Raises:
        CommitTimesOff: the warehouse's server keeps none; the position stays where it is.
    """
    connection, epoch, tables = ends.warehouse, ends.epoch, list(ends.published)
    commit_times.check(connection)
    span = _span(ends, placed=placed)
    with connection.transaction():
        within = {"first": span.first, "next": span.next, "epoch": epoch.epoch_id, "origin": origin}
        applied = transactions.write(connection, _APPLIED, within)
        transactions.write(connection, _BY_HAND, within)
        unnoted = found.write_down(
            connection,
            epoch,
            ends.schema,
            tables,
            before=span.next,
            latest=span.latest,
            # Only then can a row be without its time that no version names; looking for it reads whole tables.
            in_rows_since=span.first if span.times_lost or origin is None else None,
        )
        moved = order.put_right(ends, span, unnoted.xids)
        now, before = one(connection, _ROW_CHANGES, (epoch.epoch_id, ends.schema, tables))
        connection.execute(_MOVED, {"next": span.next, "row_changes": now, "epoch": epoch.epoch_id})
    changes = now - before if before is not None and now >= before else None
    return Stamped(applied, changes, unnoted.by_nobody, moved)


def _span(ends: Ends, *, placed: bool) -> Span:
    first, following, newest, snapshot_at, times_lost = one(ends.warehouse, _SPAN, (ends.epoch.epoch_id,))
    # Read after the last transaction's number: all of them were committed before these moments.
    at_source, at_home = (one(side, "select clock_timestamp()")[0] for side in (ends.trs, ends.warehouse))
    before = newest or (snapshot_at - LATE_CLOCK if snapshot_at else None)
    certain = newest or (snapshot_at if placed else None)
    return Span(first, following, before, certain, times.ceiling(at_source, at_home), times_lost)
