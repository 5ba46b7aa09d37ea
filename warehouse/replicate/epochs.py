"""The epoch ledger: each life of the replication slot is a row."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg


@dataclass(frozen=True)
class Epoch:
    """The slot's life that is going on."""

    epoch_id: int
    slot_name: str
    state: str
    source_system_id: str
    source_database: str


def current(connection: psycopg.Connection, slot_name: str) -> Epoch | None:
    """The epoch that has not ended, if there is one."""
    row = connection.execute(
        "select epoch_id, slot_name, state, source_system_id, source_database from ledger.epochs"
        " where slot_name = %s and state <> 'ended'",
        (slot_name,),
    ).fetchone()
    return Epoch(*row) if row else None


def begin(connection: psycopg.Connection, slot_name: str, source_system_id: str, source_database: str) -> Epoch:
    """Write down that a copy begins, before anything is made at the source."""
    row = connection.execute(
        "insert into ledger.epochs (slot_name, source_system_id, source_database) values (%s, %s, %s)"
        " returning epoch_id, slot_name, state, source_system_id, source_database",
        (slot_name, source_system_id, source_database),
    ).fetchone()
    assert row is not None
    return Epoch(*row)


def slot_made(connection: psycopg.Connection, epoch: Epoch, start_lsn: str) -> None:
    """Write down where the slot starts."""
    connection.execute(
        "update ledger.epochs set start_lsn = %s, snapshot_at = clock_timestamp() where epoch_id = %s",
        (start_lsn, epoch.epoch_id),
    )


def part_copied(connection: psycopg.Connection, epoch: Epoch, table: str, rows: int, seconds: float) -> None:
    """Write down a part of a table, in the transaction that stored it."""
    connection.execute(
        "insert into ledger.copied_tables (epoch_id, table_name, rows_copied, seconds) values (%s, %s, %s, %s)"
        " on conflict (epoch_id, table_name) do update set copied_at = now(),"
        " rows_copied = copied_tables.rows_copied + excluded.rows_copied,"
        " seconds = copied_tables.seconds + excluded.seconds",
        (epoch.epoch_id, table, rows, seconds),
    )
    connection.execute(
        "insert into ledger.transactions (xid, epoch_id, committed_at, kind)"
        " select pg_current_xact_id(), epoch_id, snapshot_at, 'copy' from ledger.epochs where epoch_id = %s",
        (epoch.epoch_id,),
    )


def streaming(connection: psycopg.Connection, epoch: Epoch) -> None:
    """Write down that the copy is complete and the stream has taken over."""
    connection.execute(
        "update ledger.epochs set state = 'streaming', streaming_since = clock_timestamp() where epoch_id = %s",
        (epoch.epoch_id,),
    )
    connection.execute(
        "insert into ledger.replication_position (epoch_id, stamped_up_to)"
        " values (%s, pg_snapshot_xmin(pg_current_snapshot()))",
        (epoch.epoch_id,),
    )


def end(connection: psycopg.Connection, epoch: Epoch, reason: str) -> None:
    """Write down that an epoch is over, and why."""
    connection.execute(
        "update ledger.epochs set state = 'ended', ended_at = clock_timestamp(), end_reason = %s where epoch_id = %s",
        (reason, epoch.epoch_id),
    )
