"""The transaction ledger: when each applied transaction was committed at the source. No other file writes the table.

Every function is called in the transaction that it is about, or in the one that settles versions by these times: what
brought a row, and when, is true exactly when the row is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import psycopg
from psycopg import sql

from warehouse.replicate.ledger import epochs, gaps
from warehouse.replicate.ledger.epochs import Epoch

_OWN = """
insert into ledger.transactions (xid, epoch_id, committed_at, kind, not_before)
values (pg_current_xact_id(), %s, coalesce(%s, clock_timestamp()), %s, %s)
on conflict (xid) do nothing
"""

_OWN_OF_AN_ERASURE = """
insert into ledger.transactions (xid, epoch_id, committed_at, kind)
select pg_current_xact_id(), max(epoch_id), clock_timestamp(), 'erasure' from ledger.epochs having max(epoch_id) > 0
"""

_COPIED_BY_POSTGRES = sql.SQL("""
begin
    insert into ledger.transactions (xid, epoch_id, committed_at, kind)
    values (pg_current_xact_id(), {epoch}, clock_timestamp(), 'copy') on conflict (xid) do nothing;
    return null;
end
""")

_WRITE = sql.SQL("""
insert into ledger.transactions (xid, epoch_id, committed_at, not_before, kind)
{found}
on conflict (xid) do nothing
""")

_RETURNING = sql.SQL("{} returning xid::text::bigint, kind")

_MOVE = sql.SQL("""
with moved as ({moved})

update ledger.transactions as t
set source_committed_at = coalesce(t.source_committed_at, t.committed_at), committed_at = moved.at
from moved where moved.xid = t.xid
returning t.xid::text::bigint, extract(epoch from t.committed_at - t.source_committed_at)::double precision
""")

_BEFORE_THE_STREAM = """
select min(t.committed_at) - interval '1 microsecond'
from ledger.epochs as e join ledger.transactions as t using (epoch_id)
where e.epoch_id = %s and t.kind = 'stream'
having min(t.committed_at) <= min(e.snapshot_at)
"""

_AT_SNAPSHOT = """
update ledger.transactions as t set committed_at = %s
from ledger.epochs as e
where t.epoch_id = %s and e.epoch_id = t.epoch_id and t.kind in ('copy', 'repair') and t.committed_at = e.snapshot_at
"""

_AT_COPY = sql.SQL("""
with brought as ({brought})

update ledger.transactions set committed_at = least(committed_at + %(skew)s, (
    select min(t.committed_at) from ledger.transactions as t join brought using (xid) where t.kind = 'stream'
))
where kind = 'copy' and committed_at >= %(since)s and xid in (select xid from brought)
""")


def own(
    connection: psycopg.Connection,
    epoch: Epoch,
    kind: Literal["copy", "repair", "backfill"],
    committed_at: datetime | None = None,
    not_before: datetime | None = None,
) -> None:
    """Record a transaction of ours that writes rows of the replica.

    Args:
        committed_at: the time at the source of the snapshot that the rows are of; None: now.
        not_before: the earliest time at which the change can have been made at the source, where it is not known.
    """
    connection.execute(_OWN, (epoch.epoch_id, committed_at, kind, not_before))


def own_of_an_erasure(connection: psycopg.Connection) -> None:
    """Record a transaction that erases a person: rows that are about others, too, get versions, which need a time."""
    connection.execute(_OWN_OF_AN_ERASURE)


def body_of_first_copy(epoch: Epoch) -> str:
    """The body of a trigger function by which PostgreSQL's own copy of a table records its transaction."""
    return _COPIED_BY_POSTGRES.format(epoch=sql.Literal(epoch.epoch_id)).as_string(None)


def write(connection: psycopg.Connection, found: sql.Composable, values: Mapping[str, Any]) -> int:
    """Record transactions of others, and return how many were not in the ledger yet.

    Args:
        found: a query that gives xid, epoch_id, committed_at, not_before and kind, as the ledger's columns have them.
    """
    return connection.execute(_WRITE.format(found=found), values).rowcount


def written(connection: psycopg.Connection, found: sql.Composable, values: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The same; returns the number and the kind of each that was not in the ledger yet."""
    return connection.execute(_RETURNING.format(_WRITE.format(found=found)), values).fetchall()


def move(connection: psycopg.Connection, moved: sql.Composable, values: Mapping[str, Any]) -> dict[int, float]:
    """Give transactions other times than the source said; what it said is kept.

    Args:
        moved: a query that gives xid, and the time as `at`.

    Returns:
        By how many seconds each differs from what the source said, by its number.
    """
    return dict(connection.execute(_MOVE.format(moved=moved), values).fetchall())


def place_copy(
    connection: psycopg.Connection,
    brought: sql.Composable,
    since: datetime,
    skew: timedelta,
) -> None:
    """Give PostgreSQL's own copy of a table its time by the source's clock, never after a change that followed it.

    Args:
        brought: a query that gives the xid of every transaction that wrote the table.
        since: the copy began after it, by the warehouse's clock.
        skew: how far the source's clock is ahead of the warehouse's.
    """
    connection.execute(_AT_COPY.format(brought=brought), {"since": since, "skew": skew})


def place_snapshot(connection: psycopg.Connection, epoch: Epoch) -> None:
    """Put the snapshot's time before the first streamed transaction, once the earliest of them are in the ledger.

    The source's clock can only be read after the snapshot was taken; what was committed in between is streamed, and
    its versions must not end before they begin.
    """
    with connection.transaction():
        row = connection.execute(_BEFORE_THE_STREAM, (epoch.epoch_id,)).fetchone()
        if row is None:
            return
        connection.execute(_AT_SNAPSHOT, (row[0], epoch.epoch_id))
        gaps.snapshot_moved(connection, epoch, row[0])
        epochs.snapshot_moved(connection, epoch, row[0])
