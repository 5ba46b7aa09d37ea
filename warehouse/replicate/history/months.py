"""The months of a table's history: partitions by the time at which a version ended, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg
from psycopg import sql

from warehouse.core.database import qualified
from warehouse.replicate.catalog.names import HISTORY

_MONTH = re.compile(r"_(\d{4})_(\d{2})$")

_PARTITIONS = """
select c.relname from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
where i.inhparent = to_regclass(%s) order by c.relname
"""


@dataclass(frozen=True)
class Month:
    """A partition of a table's history.

    Attributes:
        begins: its first moment, in UTC.
    """

    table: str
    partition: str
    begins: datetime

    @property
    def month(self) -> date:
        """As the ledgers name it: its first day."""
        return self.begins.date()


def months_of(connection: psycopg.Connection, table: str) -> list[Month]:
    """The months that a table has, in their order."""
    rows = connection.execute(_PARTITIONS, (qualified(HISTORY, table),)).fetchall()
    return [
        Month(table, name, datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC))
        for (name,) in rows
        if (match := _MONTH.search(name)) is not None
    ]


def partition_of(table: str, month: date) -> str:
    """The name of a month's partition."""
    return f"{table}_{month:%Y_%m}"


def create_partition(connection: psycopg.Connection, table: str, month: datetime) -> None:
    """Make the partition of a month, given as its first moment in UTC, if it is not there."""
    connection.execute(
        sql.SQL("create table if not exists {} partition of {} for values from ({}) to ({})").format(
            sql.Identifier(HISTORY, partition_of(table, month)),
            sql.Identifier(HISTORY, table),
            sql.Literal(month),
            sql.Literal(month_after(month)),
        )
    )


def month_after(month: datetime) -> datetime:
    """The first moment of the next month."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
