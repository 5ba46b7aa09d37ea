"""Settling: superseded versions go from the log into the history proper, with the source's commit times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from warehouse.replicate.history.tables import log_of, published_columns
from warehouse.replicate.replica import HISTORY, KNOWN_FROM, OPERATION


def settle(connection: psycopg.Connection, schema: str, tables: Iterable[str]) -> int:
    """Move what the log holds of transactions that are in the ledger; returns the number of versions moved.

    A version is in the log or in the history, never in both or neither: each table is moved in one statement. Versions
    of a transaction that is not in the ledger yet wait for the next time.
    """
    moved = 0
    for table in tables:
        if not connection.execute(
            "select to_regclass(format('%%I.%%I', %s::text, %s::text))", (HISTORY, f"{table}_log")
        ).fetchone()[0]:  # type: ignore[index]
            # Classified, and not copied yet.
            continue
        months = connection.execute(
            sql.SQL(
                "select distinct date_trunc('month', t.committed_at, 'UTC')"
                " from {} as l join ledger.transactions as t on t.xid = l.known_to_xid"
            ).format(log_of(table))
        ).fetchall()
        if not months:
            continue
        for (month,) in months:
            create_partition(connection, table, month.astimezone(UTC))
        moved += _move(connection, schema, table)
    return moved


def create_partition(connection: psycopg.Connection, table: str, month: datetime) -> None:
    """Make the partition of a month, given as its first moment in UTC, if it is not there."""
    connection.execute(
        sql.SQL("create table if not exists {} partition of {} for values from ({}) to ({})").format(
            sql.Identifier(HISTORY, f"{table}_{month:%Y_%m}"),
            sql.Identifier(HISTORY, table),
            sql.Literal(month),
            sql.Literal(month_after(month)),
        )
    )


def month_after(month: datetime) -> datetime:
    """The first moment of the next month."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _move(connection: psycopg.Connection, schema: str, table: str) -> int:
    columns = published_columns(connection, schema, table)
    return connection.execute(
        sql.SQL(
            """with moved as (
    delete from {log} as l using ledger.transactions as t where t.xid = l.known_to_xid
    returning l.version, l.known_to_xid, l.ended_by, t.committed_at, t.not_before, t.epoch_id
)

insert into {history} (known_from, known_to, operation, ended_by, from_xid, to_xid, began_after, ended_after, epoch_id,
    {columns})
select
    -- A row that was written by hand began in a transaction that no ledger knows; the engine still does.
    coalesce(began.committed_at, pg_xact_commit_timestamp((m.version).{known_from}::xid)),
    m.committed_at,
    case began.kind when 'copy' then 'C'::"char" else (m.version).{operation} end,
    m.ended_by,
    (m.version).{known_from},
    m.known_to_xid,
    began.not_before,
    m.not_before,
    began.epoch_id,
    {values}
from moved as m
left join ledger.transactions as began on began.xid = (m.version).{known_from}"""
        ).format(
            log=log_of(table),
            history=sql.Identifier(HISTORY, table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(sql.SQL("(m.version).{}").format(sql.Identifier(name)) for name in columns),
            operation=sql.Identifier(OPERATION),
            known_from=sql.Identifier(KNOWN_FROM),
        )
    ).rowcount
