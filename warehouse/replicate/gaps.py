"""The ledger of gaps: where the stream was broken, and what the repair wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.replicate.compare import TableComparison
from warehouse.replicate.epochs import Epoch


@dataclass(frozen=True)
class Gap:
    """A row of ledger.gaps; the table's comment says what the bounds mean."""

    gap_id: int
    ended_epoch: int
    new_epoch: int
    from_lsn: str | None
    from_time: datetime
    to_lsn: str | None
    to_time: datetime | None
    reason: str
    repaired_at: datetime | None
    rows_inserted: int
    rows_updated: int
    rows_deleted: int

    @property
    def rows(self) -> int:
        """How many rows the repair has written."""
        return self.rows_inserted + self.rows_updated + self.rows_deleted


@dataclass(frozen=True)
class GapTable:
    """A row of ledger.gap_tables.

    Attributes:
        carried_from: the time of the proof that the comparison relied on for rows that were not written since; None
            when every row was looked into.
    """

    table: str
    rows_compared: int | None
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    carried_from: datetime | None


@dataclass(frozen=True)
class Written:
    """Rows of the replica that a repair wrote."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(self.inserted + other.inserted, self.updated + other.updated, self.deleted + other.deleted)


_COLUMNS = sql.SQL(
    "gap_id, ended_epoch, new_epoch, from_lsn::text, from_time, to_lsn::text, to_time, reason, repaired_at,"
    " rows_inserted, rows_updated, rows_deleted"
)


def open_gap(
    connection: psycopg.Connection, ended: Epoch, new: Epoch, from_lsn: str | None, from_time: datetime, reason: str
) -> Gap:
    """Write down that there is a gap; where it ends is known when the new slot is made."""
    return _one(
        connection,
        "insert into ledger.gaps (ended_epoch, new_epoch, from_lsn, from_time, reason) values (%s, %s, %s, %s, %s)",
        (ended.epoch_id, new.epoch_id, from_lsn, from_time, reason),
    )


def carried_over(connection: psycopg.Connection, broken_off: Epoch, new: Epoch) -> Gap | None:
    """Go on, in a new epoch, with the gap whose repair was broken off; None when there is none."""
    row = connection.execute(
        "select gap_id from ledger.gaps where new_epoch = %s and repaired_at is null order by gap_id",
        (broken_off.epoch_id,),
    ).fetchone()
    if row is None:
        return None
    return _one(
        connection,
        "update ledger.gaps set new_epoch = %s, to_lsn = null, to_time = null where gap_id = %s",
        (new.epoch_id, row[0]),
    )


def unrepaired(connection: psycopg.Connection, epoch: Epoch) -> Gap | None:
    """The gap before an epoch that is not repaired yet, if there is one."""
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return cursor.execute(
            sql.SQL("select {} from ledger.gaps where new_epoch = %s and repaired_at is null").format(_COLUMNS),
            (epoch.epoch_id,),
        ).fetchone()


def read(connection: psycopg.Connection, gap_id: int) -> Gap:
    """A gap as it is recorded now."""
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        gap = cursor.execute(
            sql.SQL("select {} from ledger.gaps where gap_id = %s").format(_COLUMNS), (gap_id,)
        ).fetchone()
    assert gap is not None
    return gap


def ends_at(connection: psycopg.Connection, gap: Gap, to_lsn: str, to_time: datetime) -> Gap:
    """Write down where the gap ends: the position of the snapshot that it is repaired from."""
    return _one(
        connection, "update ledger.gaps set to_lsn = %s, to_time = %s where gap_id = %s", (to_lsn, to_time, gap.gap_id)
    )


def wrote(connection: psycopg.Connection, gap: Gap, table: str, written: Written, seconds: float) -> None:
    """Add to what the repair wrote into a table, in the transaction that wrote it."""
    connection.execute(
        "insert into ledger.gap_tables (gap_id, table_name, rows_inserted, rows_updated, rows_deleted, seconds)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (gap_id, table_name) do update set"
        " rows_inserted = gap_tables.rows_inserted + excluded.rows_inserted,"
        " rows_updated = gap_tables.rows_updated + excluded.rows_updated,"
        " rows_deleted = gap_tables.rows_deleted + excluded.rows_deleted,"
        " seconds = gap_tables.seconds + excluded.seconds",
        (gap.gap_id, table, written.inserted, written.updated, written.deleted, seconds),
    )


def compared(connection: psycopg.Connection, gap: Gap, found: Sequence[TableComparison]) -> None:
    """Write down how tables were compared, and that they are equal now."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.gap_tables (gap_id, table_name, rows_compared, seconds, carried_from)"
            " values (%s, %s, %s, %s, %s)"
            " on conflict (gap_id, table_name) do update set rows_compared = excluded.rows_compared,"
            " seconds = gap_tables.seconds + excluded.seconds, carried_from = excluded.carried_from",
            [(gap.gap_id, one.table, one.source_rows, one.seconds, one.carried_from) for one in found],
        )


def close(connection: psycopg.Connection, gap: Gap) -> Gap:
    """Write down that the gap is repaired, with what that took in all."""
    return _one(
        connection,
        "update ledger.gaps set repaired_at = clock_timestamp(), (rows_inserted, rows_updated, rows_deleted) = ("
        "select coalesce(sum(rows_inserted), 0), coalesce(sum(rows_updated), 0), coalesce(sum(rows_deleted), 0)"
        " from ledger.gap_tables where gap_id = %s) where gap_id = %s",
        (gap.gap_id, gap.gap_id),
    )


def tables_of(connection: psycopg.Connection, gap: Gap) -> list[GapTable]:
    """What the repair did to each table."""
    with connection.cursor(row_factory=class_row(GapTable)) as cursor:
        return cursor.execute(
            'select table_name as "table", rows_compared, rows_inserted, rows_updated, rows_deleted,'
            " carried_from from ledger.gap_tables where gap_id = %s order by table_name",
            (gap.gap_id,),
        ).fetchall()


def _one(connection: psycopg.Connection, statement: LiteralString, values: tuple[object, ...]) -> Gap:
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        gap = cursor.execute(sql.SQL("{} returning {}").format(sql.SQL(statement), _COLUMNS), values).fetchone()
    assert gap is not None
    return gap
