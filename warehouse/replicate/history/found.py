"""Transactions that wrote the replica and that nobody noted, found by the versions that they began or ended.

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

from warehouse.replicate.history.tables import log_of, logged
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.replica.tables import KNOWN_FROM


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

_WRITE_DOWN = """
with named as ({named}),

unknown as (
    select n.xid, n.table_name, count(*) as rows
    from named as n
    where n.xid < %(before)s::text::xid8 and not exists (select from ledger.transactions as t where t.xid = n.xid)
    group by n.xid, n.table_name
),

timed as (
    select u.xid, c.timestamp as at, c.roident
    from (select distinct xid from unknown) as u
    cross join lateral pg_xact_commit_timestamp_origin(u.xid::xid) as c
),

bounded as (
    select
        t.xid,
        t.at,
        t.roident,
        case when t.at is null then (
            select b.committed_at from ledger.transactions as b where b.xid < t.xid order by b.xid desc limit 1
        ) end as low,
        case when t.at is null then coalesce((
            select a.committed_at from ledger.transactions as a where a.xid > t.xid order by a.xid limit 1
        ), %(latest)s) end as high
    from timed as t
),

written as (
    insert into ledger.transactions (xid, epoch_id, committed_at, not_before, kind)
    select
        xid,
        %(epoch)s,
        coalesce(at, greatest(low, high)),
        case when at is null then least(low, high) end,
        case when at is null then 'found' when roident = 0 then 'hand' else 'stream' end
    from bounded
    on conflict (xid) do nothing
    returning xid, kind
),

noted as (
    -- Not by the stream: until a comparison shows the table to be equal, it may not be what the source has.
    insert into ledger.hand_writes (at, xid, table_name, operation, rows, written_by)
    select coalesce(b.at, b.high), b.xid, u.table_name, 'unnoted', u.rows, 'unknown'
    from bounded as b join written as w using (xid) join unknown as u using (xid)
    where w.kind = 'hand'
)

select xid::text::bigint, kind <> 'stream' from written
"""


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
    rows = connection.execute(
        sql.SQL(_WRITE_DOWN).format(named=named),
        {"before": before, "latest": latest, "epoch": epoch.epoch_id, "since": in_rows_since},
    ).fetchall()
    return Found(tuple(xid for xid, _ in rows), sum(1 for _, by_nobody in rows if by_nobody))
