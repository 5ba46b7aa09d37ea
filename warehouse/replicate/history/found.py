"""Transactions that wrote the replica unnoted, found by the versions that they began or ended.

The stream's transactions are known by their origin, a person's by the triggers that note writes by hand. Neither sees a
session that replays (session_replication_role) or names itself a writer, the last transactions of a subscription that
somebody dropped, nor what came while the server kept no commit times. Their versions must not stay without times: when
PostgreSQL has frozen the rows, it does not know them either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.replicate.catalog.names import KNOWN_FROM
from warehouse.replicate.history import transactions
from warehouse.replicate.history.tables import log_of, logged
from warehouse.replicate.ledger.epochs import Epoch


@dataclass(frozen=True)
class Found:
    """Transactions that got their row in the ledger by what they left.

    Attributes:
        xids: all of them.
        by_nobody: how many no stream brought.
    """

    xids: tuple[int, ...] = ()
    by_nobody: int = 0


_IN_LOG = """
select {name} as table_name, (l.version).{known_from} as xid from {log} as l
union all
select {name}, l.known_to_xid from {log} as l
"""

_IN_ROWS = """
select {name}, r.{known_from} from {current} as r where r.{known_from} >= %(since)s::text::xid8
"""

_UNKNOWN = sql.SQL("""
with named as ({named})

select n.xid::text::bigint, n.table_name, count(*)
from named as n
where n.xid < %(before)s::text::xid8 and not exists (select from ledger.transactions as t where t.xid = n.xid)
group by n.xid, n.table_name
""")

_BOUNDED = """
select
    t.xid,
    c.timestamp as at,
    c.roident,
    case when c.timestamp is null then (
        select b.committed_at from ledger.transactions as b where b.xid < t.xid order by b.xid desc limit 1
    ) end as low,
    case when c.timestamp is null then coalesce((
        select a.committed_at from ledger.transactions as a where a.xid > t.xid order by a.xid limit 1
    ), %(latest)s) end as high
from (select distinct u.number::text::xid8 as xid from unnest(%(xids)s::bigint[]) as u (number)) as t
cross join lateral pg_xact_commit_timestamp_origin(t.xid::xid) as c
"""

_TIMED = sql.SQL("""
select
    b.xid,
    %(epoch)s::int,
    coalesce(b.at, greatest(b.low, b.high)),
    case when b.at is null then least(b.low, b.high) end,
    case when b.at is null then 'found' when b.roident = 0 then 'hand' else 'stream' end
from ({bounded}) as b
""").format(bounded=sql.SQL(_BOUNDED))

_NOTE = """
insert into ledger.hand_writes (at, xid, table_name, operation, rows, written_by)
select t.committed_at, t.xid, u.table_name, 'unnoted', u.rows, 'unknown'
from unnest(%(xids)s::bigint[], %(tables)s::text[], %(rows)s::bigint[]) as u (number, table_name, rows)
join ledger.transactions as t on t.xid = u.number::text::xid8
where u.number = any(%(by_hand)s::bigint[])
"""
"""Not by the stream: until a comparison shows the table to be equal, it may not be what the source has."""


def write_down(
    connection: psycopg.Connection,
    epoch: Epoch,
    schema: str,
    tables: Sequence[str],
    *,
    before: int,
    latest: datetime,
    in_rows_since: int | None,
) -> Found:
    """Give every transaction that versions name, and the ledger does not know, its row there.

    Its time while PostgreSQL has it; else the interval between the transactions before and after it.

    Args:
        before: only transactions with lower numbers; the others may not be finished.
        latest: no transaction was committed after it.
        in_rows_since: look through the current rows, too, for transactions from this number on. Reads whole tables.
    """
    here = logged(connection, schema, tables)
    if not here:
        return Found()
    statement = _IN_LOG + (" union all " + _IN_ROWS if in_rows_since is not None else "")
    named = sql.SQL(" union all ").join(
        sql.SQL(statement).format(
            name=sql.Literal(table),
            known_from=sql.Identifier(KNOWN_FROM),
            log=log_of(table),
            current=sql.Identifier(schema, table),
        )
        for table in here
    )
    unknown = connection.execute(_UNKNOWN.format(named=named), {"before": before, "since": in_rows_since}).fetchall()
    if not unknown:
        return Found()
    xids, of_tables, rows = (list(column) for column in zip(*unknown, strict=True))
    with connection.transaction():
        kinds = transactions.written(connection, _TIMED, {"xids": xids, "latest": latest, "epoch": epoch.epoch_id})
        by_hand = [xid for xid, kind in kinds if kind == "hand"]
        connection.execute(_NOTE, {"xids": xids, "tables": of_tables, "rows": rows, "by_hand": by_hand})
    return Found(tuple(xid for xid, _ in kinds), sum(1 for _, kind in kinds if kind != "stream"))
