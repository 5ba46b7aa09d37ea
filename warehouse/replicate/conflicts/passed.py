"""Conflicts that the stream has got past: applied after all, or skipped by hand.

`ALTER SUBSCRIPTION … SKIP`, as PostgreSQL's manual advises, leaves the position as if the transaction had been applied,
and even a commit with its time. Only its rows are missing. So a conflict counts as resolved when versions of its table
are there that its transaction brought or ended.
"""

from __future__ import annotations

import json
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.replicate.catalog import subscriptions
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.stream.lsn import as_lsn

BY_HAND = "somebody, by hand"

_PASSED = """
select conflict_id, lsn::text, committed_at, table_name, rows from ledger.conflicts
where epoch_id = %s and state = 'open' and lsn < %s::pg_lsn order by conflict_id
"""

_TRANSACTIONS = sql.SQL("""
select xid::text from ledger.transactions
where epoch_id = %(epoch)s and kind = 'stream' and %(at)s in (committed_at, source_committed_at)
union
select x.number::text from ledger.replication_position as p
cross join lateral generate_series(
    p.stamped_up_to::text::bigint, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1
) as x (number)
cross join lateral pg_xact_commit_timestamp_origin(x.number::text::xid8::xid) as c
where p.epoch_id = %(epoch)s and c.timestamp = %(at)s
    and c.roident = (select roident from pg_replication_origin where roname = 'pg_' || {})
""").format(subscriptions.NUMBER)

_CLOSE = "update ledger.conflicts set state = %s, resolved_at = clock_timestamp() where conflict_id = %s"

_SKIPPED = """
insert into ledger.skipped_transactions (epoch_id, lsn, committed_at, decided_by, because, state, rows, tables)
values (%s, %s, %s, %s, 'not known: the subscription was altered by hand', 'skipped', %s, %s)
on conflict (epoch_id, lsn) do update set state = 'skipped'
"""


def note(warehouse: psycopg.Connection, epoch: Epoch, applied_lsn: int | None) -> None:
    """Close the open conflicts that the stream has got past, as applied or as skipped."""
    if applied_lsn is None:
        return
    for number, lsn, committed_at, table, rows in warehouse.execute(_PASSED, (epoch.epoch_id, as_lsn(applied_lsn))):
        applied = committed_at is None or table is None or _was_applied(warehouse, epoch, committed_at, table)
        with warehouse.transaction():
            warehouse.execute(_CLOSE, ("resolved" if applied else "skipped", number))
            if not applied:
                tables = json.dumps({table: {"rows": rows or 0, "keys": []}})
                warehouse.execute(_SKIPPED, (epoch.epoch_id, lsn, committed_at, BY_HAND, rows or 0, tables))


def _was_applied(warehouse: psycopg.Connection, epoch: Epoch, committed_at: datetime, table: str) -> bool:
    view = warehouse.execute("select to_regclass(format('versions.%%I', %s::text))::text", (table,)).fetchone()
    if view is None or view[0] is None:
        return True
    values = {"epoch": epoch.epoch_id, "at": committed_at, "name": epoch.replication_name}
    numbers = [row[0] for row in warehouse.execute(_TRANSACTIONS, values)]
    query = sql.SQL(
        "select exists (select from versions.{} where from_xid::text = any(%(xids)s) or to_xid::text = any(%(xids)s))"
    ).format(sql.Identifier(table))
    row = warehouse.execute(query, {"xids": numbers}).fetchone()
    return bool(row and row[0])


def skipped_by_hand(warehouse: psycopg.Connection, epoch: Epoch) -> list[str]:
    """The tables of transactions that were skipped by hand, and that no comparison has settled."""
    rows = warehouse.execute(
        "select distinct t.name from ledger.skipped_transactions as s"
        " cross join lateral jsonb_object_keys(s.tables) as t (name)"
        " where s.epoch_id = %s and s.state = 'skipped' and s.settled_at is null and s.decided_by = %s order by 1",
        (epoch.epoch_id, BY_HAND),
    ).fetchall()
    return [row[0] for row in rows]
