"""The transaction ledger: when each applied transaction was committed at the source."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from warehouse.replicate.epochs import Epoch


@dataclass(frozen=True)
class Stamped:
    """What was applied since it was last looked at.

    Attributes:
        transactions: of the source.
        row_changes: as the engine counts them: inserts, updates and deletes in the replica's tables. None after a
            crash, which resets the engine's counters.
    """

    transactions: int
    row_changes: int | None


_STAMP = """
with position as (
    select stamped_up_to::text::bigint as first, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as next
    from ledger.replication_position where epoch_id = %(epoch)s
),

applied as (
    -- The engine keeps the commit time and the origin of every transaction; ours are those of the subscription.
    select x.number::text::xid8 as xid, c.timestamp as committed_at
    from position as p
    cross join lateral generate_series(p.first, p.next - 1) as x (number)
    cross join lateral pg_xact_commit_timestamp_origin(x.number::text::xid8::xid) as c
    where c.roident = (select roident from pg_replication_origin where roname = %(origin)s)
),

written as (
    insert into ledger.transactions (xid, epoch_id, committed_at)
    select xid, %(epoch)s, committed_at from applied on conflict (xid) do nothing
    returning 1
),

by_hand as (
    -- What somebody wrote to the replica; without a row of its own it would lose its time when the engine forgets it.
    insert into ledger.transactions (xid, epoch_id, committed_at, kind)
    select distinct h.xid, %(epoch)s, pg_xact_commit_timestamp(h.xid::xid), 'hand'
    from position as p
    join ledger.hand_writes as h on h.xid < p.next::text::xid8
    where pg_xact_commit_timestamp(h.xid::xid) is not null
    on conflict (xid) do nothing
),

moved as (
    update ledger.replication_position set stamped_up_to = p.next::text::xid8, noted_at = clock_timestamp()
    from position as p where epoch_id = %(epoch)s
)

select count(*) from written
"""

_ROW_CHANGES = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_stat_user_tables
where schemaname = %s and relname = any(%s)
"""


def stamp(connection: psycopg.Connection, epoch: Epoch, schema: str, tables: list[str], origin: str) -> Stamped:
    """Write down the transactions that were applied since the last time. Calling it twice does no harm."""
    with connection.transaction():
        row = connection.execute(_STAMP, {"epoch": epoch.epoch_id, "origin": origin}).fetchone()
        transactions = int(row[0]) if row else 0
        counted = connection.execute(_ROW_CHANGES, (schema, tables)).fetchone()
        now = int(counted[0]) if counted else 0
        before = connection.execute(
            "select row_changes from ledger.replication_position where epoch_id = %s", (epoch.epoch_id,)
        ).fetchone()
        connection.execute(
            "update ledger.replication_position set row_changes = %s where epoch_id = %s", (now, epoch.epoch_id)
        )
    known = before is not None and now >= before[0]
    return Stamped(transactions, now - before[0] if known and before else None)
