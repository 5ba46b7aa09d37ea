"""The ledger of gaps: where the stream was broken, and what the repair wrote.

Any number of gaps may be open at once: the slot was lost while a table was out of the publication, say. One repair
compares each table once, for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.replicate.compare import TableComparison
from warehouse.replicate.ledger.epochs import Epoch


@dataclass(frozen=True)
class Gap:
    """A row of ledger.gaps; the table's comment says what the bounds mean.

    Attributes:
        tables: those whose changes were missed; None: every one.
    """

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
    tables: list[str] | None

    def concerns(self, table: str) -> bool:
        """Whether changes of a table were missed."""
        return self.tables is None or table in self.tables

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
    " rows_inserted, rows_updated, rows_deleted, tables"
)


def open_gap(
    connection: psycopg.Connection,
    ended: Epoch,
    new: Epoch,
    from_lsn: str | None,
    from_time: datetime,
    reason: str,
    tables: Sequence[str] | None = None,
) -> Gap:
    """Write down that there is a gap; where it ends is known when the new slot is made.

    Args:
        tables: whose changes were missed; None: of every one.
    """
    return _one(
        connection,
        "insert into ledger.gaps (ended_epoch, new_epoch, from_lsn, from_time, reason, tables)"
        " values (%s, %s, %s, %s, %s, %s)",
        (ended.epoch_id, new.epoch_id, from_lsn, from_time, reason, sorted(tables) if tables is not None else None),
    )


_UNREPAIRED = sql.SQL("""
with recursive lives as (
    select epoch_id, continues from ledger.epochs where epoch_id = %s
    union all
    select e.epoch_id, e.continues from ledger.epochs as e join lives as l on e.epoch_id = l.continues
)

select {} from ledger.gaps
where new_epoch in (select epoch_id from lives) and repaired_at is null
order by gap_id
""")


def carried_over(connection: psycopg.Connection, broken_off: Epoch, new: Epoch) -> list[Gap]:
    """Take the open gaps of an epoch over into a new one, the oldest first."""
    connection.execute(
        "update ledger.gaps set new_epoch = %s, to_lsn = null, to_time = null where gap_id = any(%s)",
        (new.epoch_id, [gap.gap_id for gap in unrepaired(connection, broken_off)]),
    )
    # What was compared with an earlier snapshot has to be compared with the new one, too.
    connection.execute(
        "update ledger.gap_tables set rows_compared = null where gap_id in ("
        "select gap_id from ledger.gaps where new_epoch = %s and repaired_at is null)",
        (new.epoch_id,),
    )
    return unrepaired(connection, new)


def unrepaired(connection: psycopg.Connection, epoch: Epoch) -> list[Gap]:
    """The gaps that a repair in this epoch has to close, the oldest first: its own, and those of epochs before it."""
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return cursor.execute(_UNREPAIRED.format(_COLUMNS), (epoch.epoch_id,)).fetchall()


def of_table(gaps: Sequence[Gap], table: str) -> Gap | None:
    """The gap in which what a repair writes to a table is counted: the first that concerns it."""
    return next((gap for gap in gaps if gap.concerns(table)), None)


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
    """Write down how the tables of a gap were compared, and that they are equal now."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.gap_tables (gap_id, table_name, rows_compared, seconds, carried_from)"
            " values (%s, %s, %s, %s, %s)"
            " on conflict (gap_id, table_name) do update set rows_compared = excluded.rows_compared,"
            " seconds = gap_tables.seconds + excluded.seconds, carried_from = excluded.carried_from",
            [
                (gap.gap_id, one.table, one.source_rows, one.seconds, one.carried_from)
                for one in found
                if gap.concerns(one.table)
            ],
        )


def close_compared(
    connection: psycopg.Connection, gaps: Sequence[Gap], replicated: Collection[str], waiting: Collection[str]
) -> tuple[list[Gap], list[Gap]]:
    """Close the gaps whose tables were all compared; returns those, and the ones that stay open.

    Args:
        replicated: the tables that can be compared: of one that is not replicated any more nothing is missing here.
        waiting: tables that differ still, because a person has to decide.
    """
    done, left = [], []
    for gap in gaps:
        compared = {
            row[0]
            for row in connection.execute(
                "select table_name from ledger.gap_tables where gap_id = %s and rows_compared is not null",
                (gap.gap_id,),
            )
        }
        due = {table for table in replicated if gap.concerns(table)}
        if due - compared or any(gap.concerns(table) for table in waiting):
            left.append(gap)
        else:
            done.append(close(connection, gap))
    return done, left


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
