"""Settling: superseded versions go from the log into the history proper, with the source's commit times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

import psycopg
from psycopg import sql

from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM, OPERATION
from warehouse.replicate.catalog.relations import columns_of
from warehouse.replicate.history import seals
from warehouse.replicate.history.digest import SUM, hash_of, in_one_form
from warehouse.replicate.history.months import create_partition
from warehouse.replicate.history.tables import log_of, logged, published_columns

_MOVE = """
with moved as (
    delete from {log} as l using ledger.transactions as t where t.xid = l.known_to_xid
    returning l.version, l.known_to_xid, l.ended_by, t.committed_at, t.not_before
),

settled as (
    insert into {history} as h (known_from, known_to, operation, ended_by, from_xid, to_xid, began_after, ended_after,
        epoch_id, {columns})
    select
        began.committed_at,
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
    left join ledger.transactions as began on began.xid = (m.version).{known_from}
    returning h.known_to, {version} as version
)

select (date_trunc('month', d.known_to, 'UTC') at time zone 'UTC')::date, count(*), {sum} from settled as d group by 1
"""

_MONTHS = """
select distinct date_trunc('month', t.committed_at, 'UTC')
from {log} as l join ledger.transactions as t on t.xid = l.known_to_xid
"""

_COPYING = "select table_name from ledger.column_states where column_name = '' and state = 'copying'"


def settle(connection: psycopg.Connection, schema: str, tables: Iterable[str]) -> int:
    """Move what the log holds of transactions that are in the ledger; returns the number of versions moved.

    A version is in the log or in the history, never in both or neither: each table is moved in one statement. Versions
    of a transaction that is not in the ledger yet wait for the next time.
    """
    moved = 0
    sealed = seals.latest(connection)
    # The time of a copy is only certain when it is complete.
    copying = {row[0] for row in connection.execute(_COPYING)}
    for table in logged(connection, schema, [one for one in tables if one not in copying]):
        rows = connection.execute(sql.SQL(_MONTHS).format(log=log_of(table))).fetchall()
        months = [month.astimezone(UTC) for (month,) in rows]
        for month in months:
            create_partition(connection, table, month)
        late = [m for m in months if (seal := sealed.get((table, m.date()))) and seal.content is not None]
        if not months:
            continue
        with connection.transaction():
            if late:
                with seals.resealed(connection, schema, [table], "late"):
                    moved += _move(connection, schema, table)
            else:
                moved += _move(connection, schema, table)
    return moved


def _move(connection: psycopg.Connection, schema: str, table: str) -> int:
    columns = published_columns(connection, schema, table)
    in_one_form(connection)
    rows = connection.execute(
        sql.SQL(_MOVE).format(
            log=log_of(table),
            history=sql.Identifier(HISTORY, table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(sql.SQL("(m.version).{}").format(sql.Identifier(name)) for name in columns),
            operation=sql.Identifier(OPERATION),
            known_from=sql.Identifier(KNOWN_FROM),
            version=hash_of(list(columns_of(connection, HISTORY, table))),
            sum=SUM,
        )
    ).fetchall()
    for month, versions, added in rows:
        seals.settled(connection, table, month, versions, added)
    return sum(versions for _, versions, _ in rows)
