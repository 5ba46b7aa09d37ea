"""The epoch ledger: each life of the replication slot is a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.core.database import one_as

State = Literal["copying", "streaming", "ended"]


@dataclass(frozen=True)
class Epoch:
    """A life of the slot.

    Attributes:
        replication_name: of the publication and the subscription.
        slot_name: of this epoch's slot. Each epoch has one of its own, so that a slot which somebody creates by the
            name of an earlier one is never taken for ours.
        state: "copying" until the replica is at start_lsn.
        timeline: of the source when the slot was created.
        start_lsn: the slot streams what was committed after it.
        snapshot_at: the source's time at start_lsn.
        continues: the epoch whose replica this one took over.
    """

    epoch_id: int
    replication_name: str
    slot_name: str
    state: State
    source_system_id: str
    source_database: str
    timeline: int
    start_lsn: str | None
    snapshot_at: datetime | None
    continues: int | None


_COLUMNS = sql.SQL(
    "epoch_id, replication_name, slot_name, state, source_system_id, source_database, timeline, start_lsn::text,"
    " snapshot_at, continues"
)

_CURRENT = sql.SQL("select {} from ledger.epochs where replication_name = %s and state <> 'ended'").format(_COLUMNS)

_EVER_STREAMED = """
with recursive lives as (
    select * from ledger.epochs where epoch_id = %s
    union all
    select e.* from lives as l join ledger.epochs as e on e.epoch_id = l.continues
)

select exists (select from lives where streaming_since is not null)
"""

_BEGIN = sql.SQL("""
insert into ledger.epochs (epoch_id, replication_name, slot_name, source_system_id, source_database, timeline,
    continues)
overriding system value
select n, %(name)s, %(name)s || '_' || n, %(system)s, %(database)s, %(timeline)s, %(continues)s
from nextval(pg_get_serial_sequence('ledger.epochs', 'epoch_id')) as n
returning {}
""").format(_COLUMNS)

_SLOT_MADE = sql.SQL("""
update ledger.epochs set start_lsn = %s, snapshot_at = %s where epoch_id = %s returning {}
""").format(_COLUMNS)

_PART_COPIED = """
insert into ledger.copied_tables as t (epoch_id, table_name, rows_copied, seconds) values (%s, %s, %s, %s)
on conflict (epoch_id, table_name) do update set
    copied_at = now(),
    rows_copied = t.rows_copied + excluded.rows_copied,
    seconds = t.seconds + excluded.seconds
"""

_STREAMING = """
update ledger.epochs set state = 'streaming', streaming_since = clock_timestamp() where epoch_id = %s
"""

_STAMP_FROM_NOW = """
insert into ledger.replication_position (epoch_id, stamped_up_to)
values (%s, pg_snapshot_xmin(pg_current_snapshot()))
"""

_LAST_COMMIT_AT = """
select coalesce(
    (select max(t.committed_at) from ledger.transactions as t where t.epoch_id = e.epoch_id and t.kind = 'stream'),
    e.snapshot_at
)
from ledger.epochs as e where e.epoch_id = %s
"""

_END = """
update ledger.epochs
set state = 'ended', ended_at = clock_timestamp(), end_reason = %s, end_lsn = %s, last_commit_at = %s
where epoch_id = %s
"""

_END_CONFLICTS = """
update ledger.conflicts set state = 'resolved', resolved_at = clock_timestamp() where epoch_id = %s and state = 'open'
"""


def current(connection: psycopg.Connection, replication_name: str) -> Epoch | None:
    """The epoch that has not ended, if there is one."""
    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        return cursor.execute(_CURRENT, (replication_name,)).fetchone()


def is_first_copy(connection: psycopg.Connection, epoch: Epoch) -> bool:
    """Whether a copy was interrupted before anything ever streamed: no repair, so no person has to be asked."""
    if epoch.state != "copying":
        return False
    row = connection.execute(_EVER_STREAMED, (epoch.epoch_id,)).fetchone()
    return not (row and row[0])


def begin(
    connection: psycopg.Connection,
    replication_name: str,
    source_system_id: str,
    source_database: str,
    timeline: int,
    continues: Epoch | None = None,
) -> Epoch:
    """Record that an epoch begins, before anything is created at the source."""
    values = {
        "name": replication_name,
        "system": source_system_id,
        "database": source_database,
        "timeline": timeline,
        "continues": continues.epoch_id if continues else None,
    }
    return one_as(connection, Epoch, _BEGIN, values)


def slot_made(connection: psycopg.Connection, epoch: Epoch, start_lsn: str, snapshot_at: datetime) -> Epoch:
    """Record where the slot starts, and the source's time at that position."""
    return one_as(connection, Epoch, _SLOT_MADE, (start_lsn, snapshot_at, epoch.epoch_id))


def snapshot_moved(connection: psycopg.Connection, epoch: Epoch, snapshot_at: datetime) -> None:
    """Record another time for an epoch's snapshot."""
    connection.execute("update ledger.epochs set snapshot_at = %s where epoch_id = %s", (snapshot_at, epoch.epoch_id))


def part_copied(connection: psycopg.Connection, epoch: Epoch, table: str, rows: int, seconds: float) -> None:
    """Record a part of a table, in the transaction that stored it."""
    connection.execute(_PART_COPIED, (epoch.epoch_id, table, rows, seconds))


def streaming(connection: psycopg.Connection, epoch: Epoch) -> None:
    """Record that the replica is at the slot's position and the stream takes over."""
    connection.execute(_STREAMING, (epoch.epoch_id,))
    connection.execute(_STAMP_FROM_NOW, (epoch.epoch_id,))


def last_commit_at(connection: psycopg.Connection, epoch: Epoch) -> datetime | None:
    """When the last transaction that the epoch applied was committed at the source; without one, its snapshot's time.

    None for an epoch that ended before its slot was created.
    """
    row = connection.execute(_LAST_COMMIT_AT, (epoch.epoch_id,)).fetchone()
    return row[0] if row else None


def end(connection: psycopg.Connection, epoch: Epoch, reason: str, end_lsn: str | None = None) -> None:
    """Record that an epoch is over, why, and the last position that it applied.

    What could not be applied from its slot will not be: the next epoch compares instead.
    """
    connection.execute(_END, (reason, end_lsn, last_commit_at(connection, epoch), epoch.epoch_id))
    connection.execute(_END_CONFLICTS, (epoch.epoch_id,))


def slots_of(connection: psycopg.Connection, replication_name: str) -> list[str]:
    """The names of the slots that this warehouse ever created."""
    rows = connection.execute(
        "select distinct slot_name from ledger.epochs where replication_name = %s", (replication_name,)
    )
    return [row[0] for row in rows]
