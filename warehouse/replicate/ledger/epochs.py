"""The epoch ledger: each life of the replication slot is a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

State = Literal["copying", "streaming", "ended"]


@dataclass(frozen=True)
class Epoch:
    """A life of the slot.

    Attributes:
        replication_name: of the publication and the subscription.
        slot_name: of this epoch's slot. Each epoch has one of its own, so that a slot which somebody makes by the name
            of an earlier one is never taken for ours.
        state: "copying" until the replica is at start_lsn.
        timeline: of the source when the slot was made; None in an epoch of an earlier version of this program.
        start_lsn: the slot streams what was committed after it.
        snapshot_at: the source's time at start_lsn.
        continues: the epoch whose replica this one went on with.
    """

    epoch_id: int
    replication_name: str
    slot_name: str
    state: State
    source_system_id: str
    source_database: str
    timeline: int | None
    start_lsn: str | None
    snapshot_at: datetime | None
    continues: int | None


_COLUMNS = sql.SQL(
    "epoch_id, replication_name, slot_name, state, source_system_id, source_database, timeline, start_lsn::text,"
    " snapshot_at, continues"
)


def current(connection: psycopg.Connection, replication_name: str) -> Epoch | None:
    """The epoch that has not ended, if there is one."""
    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        return cursor.execute(
            sql.SQL("select {} from ledger.epochs where replication_name = %s and state <> 'ended'").format(_COLUMNS),
            (replication_name,),
        ).fetchone()


_EVER_STREAMED = """
with recursive lives as (
    select * from ledger.epochs where epoch_id = %s
    union all
    select e.* from lives as l join ledger.epochs as e on e.epoch_id = l.continues
)

select exists (select from lives where streaming_since is not null)
"""


def is_first_copy(connection: psycopg.Connection, epoch: Epoch) -> bool:
    """Whether a copy was broken off before anything ever streamed: no repair, so nobody has to be asked."""
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
    """Write down that an epoch begins, before anything is made at the source."""
    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        epoch = cursor.execute(
            sql.SQL(
                "insert into ledger.epochs (epoch_id, replication_name, slot_name, source_system_id, source_database,"
                " timeline, continues) overriding system value"
                " select n, %(name)s, %(name)s || '_' || n, %(system)s, %(database)s, %(timeline)s, %(continues)s"
                " from nextval(pg_get_serial_sequence('ledger.epochs', 'epoch_id')) as n returning {}"
            ).format(_COLUMNS),
            {
                "name": replication_name,
                "system": source_system_id,
                "database": source_database,
                "timeline": timeline,
                "continues": continues.epoch_id if continues else None,
            },
        ).fetchone()
    assert epoch is not None
    return epoch


def slot_made(connection: psycopg.Connection, epoch: Epoch, start_lsn: str, snapshot_at: datetime) -> Epoch:
    """Write down where the slot starts, and the source's time there."""
    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        changed = cursor.execute(
            sql.SQL(
                "update ledger.epochs set start_lsn = %s, snapshot_at = %s where epoch_id = %s returning {}"
            ).format(_COLUMNS),
            (start_lsn, snapshot_at, epoch.epoch_id),
        ).fetchone()
    assert changed is not None
    return changed


def part_copied(connection: psycopg.Connection, epoch: Epoch, table: str, rows: int, seconds: float) -> None:
    """Write down a part of a table, in the transaction that stored it."""
    connection.execute(
        "insert into ledger.copied_tables (epoch_id, table_name, rows_copied, seconds) values (%s, %s, %s, %s)"
        " on conflict (epoch_id, table_name) do update set copied_at = now(),"
        " rows_copied = copied_tables.rows_copied + excluded.rows_copied,"
        " seconds = copied_tables.seconds + excluded.seconds",
        (epoch.epoch_id, table, rows, seconds),
    )
    assert epoch.snapshot_at is not None
    own_transaction(connection, epoch, "copy", epoch.snapshot_at)


def own_transaction(
    connection: psycopg.Connection,
    epoch: Epoch,
    kind: Literal["copy", "repair", "backfill"],
    committed_at: datetime,
    not_before: datetime | None = None,
) -> None:
    """Write down a transaction of ours that writes rows of the replica; called in that transaction.

    Args:
        committed_at: the time at the source of the snapshot that the rows are of.
        not_before: the lower bound of when the change was made at the source, where its time is not known.
    """
    connection.execute(
        "insert into ledger.transactions (xid, epoch_id, committed_at, kind, not_before)"
        " values (pg_current_xact_id(), %s, %s, %s, %s) on conflict (xid) do nothing",
        (epoch.epoch_id, committed_at, kind, not_before),
    )


def streaming(connection: psycopg.Connection, epoch: Epoch) -> None:
    """Write down that the replica is at the slot's position and the stream takes over."""
    connection.execute(
        "update ledger.epochs set state = 'streaming', streaming_since = clock_timestamp() where epoch_id = %s",
        (epoch.epoch_id,),
    )
    connection.execute(
        "insert into ledger.replication_position (epoch_id, stamped_up_to)"
        " values (%s, pg_snapshot_xmin(pg_current_snapshot()))",
        (epoch.epoch_id,),
    )


def place_snapshot(connection: psycopg.Connection, epoch: Epoch) -> None:
    """Put the snapshot's time before the first streamed transaction, once the earliest of them are in the ledger.

    The source's clock can only be read after the snapshot was taken; what was committed in between is streamed, and
    its versions must not end before they begin.
    """
    with connection.transaction():
        row = connection.execute(
            "select min(t.committed_at) - interval '1 microsecond' from ledger.epochs as e"
            " join ledger.transactions as t using (epoch_id)"
            " where e.epoch_id = %s and t.kind = 'stream' having min(t.committed_at) <= min(e.snapshot_at)",
            (epoch.epoch_id,),
        ).fetchone()
        if row is None:
            return
        for statement in (
            "update ledger.transactions set committed_at = %s where epoch_id = %s and kind in ('copy', 'repair')"
            " and committed_at = (select snapshot_at from ledger.epochs where epoch_id = %s)",
            "update ledger.gaps set to_time = %s where new_epoch = %s"
            " and to_time = (select snapshot_at from ledger.epochs where epoch_id = %s)",
            "update ledger.epochs set snapshot_at = %s where epoch_id = %s and epoch_id = %s",
        ):
            connection.execute(statement.encode(), (row[0], epoch.epoch_id, epoch.epoch_id))


def last_commit_at(connection: psycopg.Connection, epoch: Epoch) -> datetime | None:
    """When the last transaction that the epoch applied was committed at the source; without one, its snapshot's time.

    None for an epoch that ended before its slot was made.
    """
    row = connection.execute(
        "select coalesce((select max(t.committed_at) from ledger.transactions as t"
        " where t.epoch_id = e.epoch_id and t.kind = 'stream'), e.snapshot_at) from ledger.epochs as e"
        " where e.epoch_id = %s",
        (epoch.epoch_id,),
    ).fetchone()
    return row[0] if row else None


def end(connection: psycopg.Connection, epoch: Epoch, reason: str, end_lsn: str | None = None) -> None:
    """Write down that an epoch is over, why, and what was the last that it applied."""
    connection.execute(
        "update ledger.epochs set state = 'ended', ended_at = clock_timestamp(), end_reason = %s, end_lsn = %s,"
        " last_commit_at = %s where epoch_id = %s",
        (reason, end_lsn, last_commit_at(connection, epoch), epoch.epoch_id),
    )
    # What could not be applied from its slot will not be: the next epoch compares instead.
    connection.execute(
        "update ledger.conflicts set state = 'resolved', resolved_at = clock_timestamp()"
        " where epoch_id = %s and state = 'open'",
        (epoch.epoch_id,),
    )


def slots_of(connection: psycopg.Connection, replication_name: str) -> list[str]:
    """The names of the slots that this warehouse ever made."""
    rows = connection.execute(
        "select distinct slot_name from ledger.epochs where replication_name = %s", (replication_name,)
    ).fetchall()
    return [row[0] for row in rows]
