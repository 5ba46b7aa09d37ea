"""The ledger of gaps: where changes were missed, and what the repair wrote.

Any number of gaps may be open at once: the slot was lost while a table was out of the publication, say. One repair
compares each table once, for all of them, and closes every gap whose tables are then equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.core.database import one, one_as
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
            when every row was read.
    """

    table: str
    rows_compared: int | None
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    carried_from: datetime | None


@dataclass(frozen=True)
class Compared:
    """A table that was compared with the source, and whose difference was written.

    Attributes:
        rows: of the source.
        carried_from: see GapTable.
    """

    table: str
    rows: int
    seconds: float
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

_OPEN = sql.SQL("""
insert into ledger.gaps (ended_epoch, new_epoch, from_lsn, from_time, reason, tables)
values (%s, %s, %s, %s, %s, %s)
returning {}
""").format(_COLUMNS)

_SENT_WHOLE = """
insert into ledger.sent_tables as s (table_name, epoch_id, whole_at)
select t.name, %s, %s from unnest(%s::text[]) as t (name)
on conflict (table_name) do update set epoch_id = excluded.epoch_id, whole_at = excluded.whole_at
"""

_LAST_SENT_WHOLE = """
-- A table that was never seen to be sent in this epoch was whole when its slot was made.
select least(min(coalesce(s.whole_at, e.snapshot_at)), clock_timestamp())
from ledger.epochs as e
cross join unnest(%s::text[]) as t (name)
left join ledger.sent_tables as s on s.table_name = t.name and s.epoch_id = e.epoch_id
where e.epoch_id = %s
"""

_MISSED_OF = "insert into ledger.gap_tables (gap_id, table_name) select %s, unnest(%s::text[])"

_CARRY_OVER = """
update ledger.gaps set new_epoch = %s, to_lsn = null, to_time = null where gap_id = any(%s)
"""

_COMPARE_AGAIN = """
update ledger.gap_tables set rows_compared = null
where gap_id in (select gap_id from ledger.gaps where new_epoch = %s and repaired_at is null)
"""

_UNREPAIRED = sql.SQL("""
with recursive lives as (
    select epoch_id, continues from ledger.epochs where epoch_id = %s
    union all
    select e.epoch_id, e.continues from ledger.epochs as e join lives as l on e.epoch_id = l.continues
)

select {} from ledger.gaps
where new_epoch in (select epoch_id from lives) and repaired_at is null
order by gap_id
""").format(_COLUMNS)

_READ = sql.SQL("select {} from ledger.gaps where gap_id = %s").format(_COLUMNS)

_ENDS_AT = sql.SQL("update ledger.gaps set to_lsn = %s, to_time = %s where gap_id = %s returning {}").format(_COLUMNS)

_SNAPSHOT_MOVED = """
update ledger.gaps as g set to_time = %s
from ledger.epochs as e where e.epoch_id = %s and g.new_epoch = e.epoch_id and g.to_time = e.snapshot_at
"""

_WROTE = """
insert into ledger.gap_tables as t (gap_id, table_name, rows_inserted, rows_updated, rows_deleted, seconds)
values (%s, %s, %s, %s, %s, %s)
on conflict (gap_id, table_name) do update set
    rows_inserted = t.rows_inserted + excluded.rows_inserted,
    rows_updated = t.rows_updated + excluded.rows_updated,
    rows_deleted = t.rows_deleted + excluded.rows_deleted,
    seconds = t.seconds + excluded.seconds
"""

_COMPARED = """
insert into ledger.gap_tables as t (gap_id, table_name, rows_compared, seconds, carried_from)
values (%s, %s, %s, %s, %s)
on conflict (gap_id, table_name) do update set
    rows_compared = excluded.rows_compared,
    seconds = t.seconds + excluded.seconds,
    carried_from = excluded.carried_from
"""

_COMPARED_TABLES = "select table_name from ledger.gap_tables where gap_id = %s and rows_compared is not null"

_CLOSE = sql.SQL("""
update ledger.gaps as g set
    repaired_at = clock_timestamp(),
    (rows_inserted, rows_updated, rows_deleted) = (
        select coalesce(sum(t.rows_inserted), 0), coalesce(sum(t.rows_updated), 0), coalesce(sum(t.rows_deleted), 0)
        from ledger.gap_tables as t where t.gap_id = g.gap_id
    )
where gap_id = %s
returning {}
""").format(_COLUMNS)

_TABLES = """
select table_name as "table", rows_compared, rows_inserted, rows_updated, rows_deleted, carried_from
from ledger.gap_tables where gap_id = %s order by table_name
"""


def open_gap(
    connection: psycopg.Connection, ended: Epoch, new: Epoch, from_lsn: str | None, from_time: datetime, reason: str
) -> Gap:
    """Record that changes of every table were missed; where that ends is known when the new slot is made."""
    return one_as(connection, Gap, _OPEN, (ended.epoch_id, new.epoch_id, from_lsn, from_time, reason, None))


def missed(connection: psycopg.Connection, epoch: Epoch, tables: Sequence[str], reason: str) -> Gap:
    """Record that changes of some tables may have been missed since they were last seen to be sent whole.

    When a table left the publication is recorded nowhere. Each pass records which tables are sent whole, so the gap
    begins there, not at a later pass that had already found the table missing.
    """
    named = sorted(tables)
    with connection.transaction():
        from_time = one(connection, _LAST_SENT_WHOLE, (named, epoch.epoch_id))[0]
        gap = one_as(connection, Gap, _OPEN, (epoch.epoch_id, epoch.epoch_id, None, from_time, reason, named))
        connection.execute(_MISSED_OF, (gap.gap_id, named))
    return gap


def sent_whole(connection: psycopg.Connection, epoch: Epoch, tables: Iterable[str], at: datetime) -> None:
    """Record which tables the publication sends with every row and every kind of change.

    Args:
        at: the source's time, read before the publication was.
    """
    connection.execute(_SENT_WHOLE, (epoch.epoch_id, at, sorted(tables)))


def carried_over(connection: psycopg.Connection, broken_off: Epoch, new: Epoch) -> list[Gap]:
    """Take the open gaps of an epoch over into a new one, the oldest first.

    What was compared with an earlier snapshot has to be compared with the new one, too.
    """
    connection.execute(_CARRY_OVER, (new.epoch_id, [gap.gap_id for gap in unrepaired(connection, broken_off)]))
    connection.execute(_COMPARE_AGAIN, (new.epoch_id,))
    return unrepaired(connection, new)


def unrepaired(connection: psycopg.Connection, epoch: Epoch) -> list[Gap]:
    """The gaps that a repair in this epoch has to close, the oldest first: its own, and those of epochs before it."""
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return cursor.execute(_UNREPAIRED, (epoch.epoch_id,)).fetchall()


def of_table(gaps: Sequence[Gap], table: str) -> Gap | None:
    """The gap in which what a repair writes to a table is counted: the first that concerns it."""
    return next((gap for gap in gaps if gap.concerns(table)), None)


def read(connection: psycopg.Connection, gap_id: int) -> Gap:
    """A gap as it is recorded now."""
    return one_as(connection, Gap, _READ, (gap_id,))


def ends_at(connection: psycopg.Connection, gap: Gap, to_lsn: str, to_time: datetime) -> Gap:
    """Record where the gap ends: the position of the snapshot that it is repaired from."""
    return one_as(connection, Gap, _ENDS_AT, (to_lsn, to_time, gap.gap_id))


def snapshot_moved(connection: psycopg.Connection, epoch: Epoch, to_time: datetime) -> None:
    """Record another time for the snapshot at which gaps of an epoch ended."""
    connection.execute(_SNAPSHOT_MOVED, (to_time, epoch.epoch_id))


def wrote(connection: psycopg.Connection, gap: Gap, table: str, written: Written, seconds: float) -> None:
    """Add to what the repair wrote into a table, in the transaction that wrote it."""
    connection.execute(_WROTE, (gap.gap_id, table, written.inserted, written.updated, written.deleted, seconds))


def compared(connection: psycopg.Connection, gaps: Sequence[Gap], tables: Sequence[Compared]) -> None:
    """Record how the tables of gaps were compared, and that they are equal now."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _COMPARED,
            [
                (gap.gap_id, table.table, table.rows, table.seconds, table.carried_from)
                for gap in gaps
                for table in tables
                if gap.concerns(table.table)
            ],
        )


def close_compared(
    connection: psycopg.Connection, gaps: Sequence[Gap], replicated: Collection[str], waiting: Collection[str]
) -> list[Gap]:
    """Close the gaps whose tables were all compared, and return those; the others stay open.

    Args:
        replicated: the tables that can be compared: of one that is not replicated any more nothing is missing.
        waiting: tables that still differ, because a person has to decide.
    """
    closed = []
    for gap in gaps:
        compared = {row[0] for row in connection.execute(_COMPARED_TABLES, (gap.gap_id,))}
        due = {table for table in replicated if gap.concerns(table)}
        if due <= compared and not any(gap.concerns(table) for table in waiting):
            closed.append(close(connection, gap))
    return closed


def close(connection: psycopg.Connection, gap: Gap) -> Gap:
    """Record that the gap is repaired, with what that took in all."""
    return one_as(connection, Gap, _CLOSE, (gap.gap_id,))


def tables_of(connection: psycopg.Connection, gap: Gap) -> list[GapTable]:
    """What the repair did to each table."""
    with connection.cursor(row_factory=class_row(GapTable)) as cursor:
        return cursor.execute(_TABLES, (gap.gap_id,)).fetchall()
