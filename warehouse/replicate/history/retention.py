"""The retention rule of replication/trs.yml: months of history that are past it are dropped, and that is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from warehouse.replicate.history.settle import month_after
from warehouse.replicate.replica import HISTORY

_MONTH = re.compile(r"_(\d{4})_(\d{2})$")


@dataclass(frozen=True)
class Expired:
    """A month of a table's history whose time is over.

    Attributes:
        month: its first moment, in UTC.
        versions: how many versions ended in it.
    """

    table: str
    partition: str
    month: datetime
    versions: int


def expired(connection: psycopg.Connection, keep_years: Iterable[tuple[str, int]], now: datetime) -> list[Expired]:
    """The partitions whose every version ended longer ago than is to be kept.

    Args:
        keep_years: each table with the years for which its superseded versions are kept.
        now: the moment that the years are counted back from.
    """
    found = []
    for table, years in keep_years:
        horizon = _years_before(now, years)
        for partition in _partitions(connection, table):
            match = _MONTH.search(partition)
            if match is None:
                continue
            month = datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC)
            if month_after(month) <= horizon:
                counted = connection.execute(
                    sql.SQL("select count(*) from {}").format(sql.Identifier(HISTORY, partition))
                ).fetchone()
                found.append(Expired(table, partition, month, int(counted[0]) if counted else 0))
    return found


def apply_retention(
    connection: psycopg.Connection, keep_years: Iterable[tuple[str, int]], now: datetime
) -> list[Expired]:
    """Drop what has expired and write down that it was there: an answer from before is known to be incomplete."""
    dropped = expired(connection, keep_years, now)
    for one in dropped:
        with connection.transaction():
            connection.execute(
                "insert into ledger.dropped_history (table_name, ended_from, ended_before, versions)"
                " values (%s, %s, %s, %s)",
                (one.table, one.month, month_after(one.month), one.versions),
            )
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(HISTORY, one.partition)))
    return dropped


def _partitions(connection: psycopg.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "select c.relname from pg_inherits as i join pg_class as c on c.oid = i.inhrelid"
        " where i.inhparent = to_regclass(format('%%I.%%I', %s::text, %s::text)) order by c.relname",
        (HISTORY, table),
    ).fetchall()
    return [row[0] for row in rows]


def _years_before(moment: datetime, years: int) -> datetime:
    day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
    return moment.replace(year=moment.year - years, day=day)
