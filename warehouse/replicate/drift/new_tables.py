"""A table that comes later: PostgreSQL's own synchronisation copies it while the stream of the others continues.

PostgreSQL copies it on a slot of its own, catches up to where the stream is, and hands over at exactly that position.
History's triggers do not fire for inserts, so its copy is stored as the first copy of all tables was. PostgreSQL does
not keep which transactions those were: this module writes them down.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

import psycopg
from psycopg import sql

from warehouse.core import ours
from warehouse.core.database import one, qualified
from warehouse.core.errors import StreamStuck
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import history
from warehouse.replicate.catalog import clocks
from warehouse.replicate.catalog.names import FIRST_COPY, HISTORY, KNOWN_FROM
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.drift import columns, locks
from warehouse.replicate.history import transactions
from warehouse.replicate.history.tables import log_of, published_columns
from warehouse.replicate.ledger import column_states
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.replica import credentials
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.stream import slot_wait, subscription

STALLED_SECONDS = 120

_PRIMARY_KEY = "select conname from pg_constraint where contype = 'p' and conrelid = to_regclass(%s)"

_STATE = """
select r.srsubstate::text, (
    select tuples_processed from pg_stat_progress_copy as p where p.relid = r.srrelid limit 1
)
from pg_subscription_rel as r join pg_subscription as s on s.oid = r.srsubid
where s.subname = %s and r.srrelid = to_regclass(%s)
"""

_COPIED = """
insert into ledger.copied_tables (epoch_id, table_name, rows_copied, seconds)
select %(epoch)s, table_name, %(rows)s, extract(epoch from clock_timestamp() - since) from ledger.column_states
where table_name = %(table)s and column_name = ''
on conflict (epoch_id, table_name) do update
set rows_copied = excluded.rows_copied, seconds = excluded.seconds, copied_at = now()
"""


def make(
    warehouse: psycopg.Connection,
    epoch: Epoch,
    schema: str,
    table: str,
    declared: Sequence[SourceColumn],
    key: Sequence[str],
    without: dict[str, tuple[str, ...]],
) -> None:
    """Make a table of the replica, with key, history and filter of credentials, before its first row arrives."""
    with warehouse.transaction():
        ours.refuse_others_tables(warehouse, schema, [table])
        if not _exists(warehouse, schema, table):
            replica_tables.create_tables(warehouse, schema, {table: list(declared)})
            replica_tables.add_key(warehouse, schema, table, key)
            # History of an earlier life of the table stays.
            if _exists(warehouse, HISTORY, table):
                columns.add_missing(warehouse, [HISTORY], table, declared)
            history.keep(warehouse, schema, table, declared, key)
            credentials.remove_credentials(warehouse, schema, table, without)
        _mark_first_copy(warehouse, epoch, schema, table)
        column_states.put(warehouse, table, "", "copying", "its first copy is not complete")


def empty(
    warehouse: psycopg.Connection,
    epoch: Epoch,
    schema: str,
    table: str,
    declared: Sequence[SourceColumn],
    key: Sequence[str],
) -> None:
    """Empty a table whose key changed, so that it can be copied again; every row's version ends in the history."""

    def work() -> None:
        columns.add_missing(warehouse, [schema, HISTORY], table, declared)
        history.create_view(warehouse, schema, table, published_columns(warehouse, schema, table))
        write_on_purpose(warehouse, "repair")
        transactions.own(warehouse, epoch, "repair")
        warehouse.execute(sql.SQL("truncate {}").format(sql.Identifier(schema, table)))
        row = warehouse.execute(_PRIMARY_KEY, (qualified(schema, table),)).fetchone()
        if row:
            warehouse.execute(
                sql.SQL("alter table {} drop constraint {}").format(
                    sql.Identifier(schema, table), sql.Identifier(row[0])
                )
            )
        for column in declared:
            warehouse.execute(
                # A column of the former key may be null now.
                sql.SQL("alter table {} alter column {} drop not null").format(
                    sql.Identifier(schema, table), sql.Identifier(column.name)
                )
            )
        replica_tables.add_key(warehouse, schema, table, key)

    columns.alter(warehouse, schema, table, "its key cannot be changed", work)


def refresh(warehouse: psycopg.Connection, name: str, *, copy_data: bool) -> None:
    """Have the subscription take up what the publication sends now, and drop what it does not send any more.

    Args:
        copy_data: PostgreSQL copies what is taken up, which stops the stream if one of these tables has rows already.

    Raises:
        StreamStuck: the stream is off, and PostgreSQL refuses.
    """
    if not subscription.is_enabled(warehouse, name):
        raise StreamStuck(
            f"The stream of {name} is off, and PostgreSQL adds or removes no table then.",
            meaning="Nothing was changed by this step.",
            next_command="warehouse replicate run, then: warehouse replicate apply",
        )
    warehouse.execute(
        sql.SQL("alter subscription {} refresh publication with (copy_data = {})").format(
            sql.Identifier(name), sql.Literal(copy_data)
        )
    )


_BROUGHT = sql.SQL("""
select {known_from} as xid from {replica}
union select (version).{known_from} from {log}
union select known_to_xid from {log}
""")

_STREAMED = sql.SQL("""
select b.xid, %(epoch)s::int, pg_xact_commit_timestamp(b.xid::xid), null::timestamptz, 'stream'
from ({brought}) as b
where not exists (select from ledger.transactions as t where t.xid = b.xid)
""")

_SINCE = "select since from ledger.column_states where table_name = %s and column_name = ''"


def finish(
    source: psycopg.Connection, warehouse: psycopg.Connection, epoch: Epoch, schema: str, table: str, progress: Progress
) -> int:
    """Wait until the stream has taken over, and write down which transactions brought the rows; returns the rows.

    Raises:
        StreamStuck: PostgreSQL disabled the subscription, or nothing moved for STALLED_SECONDS.
    """
    name = epoch.replication_name
    _wait_until_ready(source, warehouse, name, schema, table, progress)
    subscription.wait_until_applied(source, warehouse, name, progress)
    skew = _skew(source, warehouse)

    def work() -> int:
        target = sql.Identifier(schema, table)
        brought = _BROUGHT.format(known_from=sql.Identifier(KNOWN_FROM), replica=target, log=log_of(table))
        transactions.write(warehouse, _STREAMED.format(brought=brought), {"epoch": epoch.epoch_id})
        since = one(warehouse, _SINCE, (table,))[0]
        transactions.place_copy(warehouse, brought, since, skew)
        warehouse.execute(sql.SQL("drop trigger if exists {} on {}").format(sql.Identifier(FIRST_COPY), target))
        warehouse.execute(
            sql.SQL("drop function if exists {}()").format(sql.Identifier(HISTORY, f"{table}_first_copy"))
        )
        (rows,) = one(warehouse, sql.SQL("select count(*) from {}").format(target))
        warehouse.execute(_COPIED, {"epoch": epoch.epoch_id, "table": table, "rows": rows})
        column_states.put(warehouse, table, "", "complete", "copied; the stream has taken over")
        return int(rows)

    return locks.briefly(
        warehouse, work, schema=schema, table=table, where="the warehouse", done="its copy cannot be completed"
    )


def _mark_first_copy(warehouse: psycopg.Connection, epoch: Epoch, schema: str, table: str) -> None:
    """Have PostgreSQL's copy record its own transaction: only a copy fires a trigger of a whole statement."""
    function = sql.Identifier(HISTORY, f"{table}_first_copy")
    warehouse.execute(
        sql.SQL("create or replace function {}() returns trigger language plpgsql as {}").format(
            function, sql.Literal(transactions.body_of_first_copy(epoch))
        )
    )
    warehouse.execute(
        sql.SQL("create or replace trigger {} before insert on {} for each statement execute function {}()").format(
            sql.Identifier(FIRST_COPY), sql.Identifier(schema, table), function
        )
    )
    warehouse.execute(
        sql.SQL("alter table {} enable always trigger {}").format(
            sql.Identifier(schema, table), sql.Identifier(FIRST_COPY)
        )
    )


def _wait_until_ready(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    name: str,
    schema: str,
    table: str,
    progress: Progress,
) -> None:
    def held_by() -> str:
        return slot_wait.waited_for_by_senders(source)

    last = None
    waiting = Waiting(progress, f"PostgreSQL to copy {table}", limit=STALLED_SECONDS, detail=held_by)
    while True:
        row = warehouse.execute(_STATE, (name, qualified(schema, table))).fetchone()
        if row and row[0] == "r":
            return
        if row != last:
            last = row
            waiting.moved()
        is_off = not subscription.is_enabled(warehouse, name)
        if is_off or waiting.is_over:
            stands = f"does not begin: the source waits for {who}." if (who := held_by()) else "does not move."
            raise StreamStuck(
                f"The copy of {table} " + ("failed, and PostgreSQL disabled the subscription." if is_off else stands),
                meaning="The other tables keep what they have. The table is not complete, and the ledger says so.",
                next_command="Read the log of the warehouse's server; then warehouse replicate run and warehouse "
                "replicate apply continue it.",
            )
        if row and row[1]:
            waiting.look(f"rows of {table} copied {int(row[1]):,}")
        else:
            waiting.look(f"PostgreSQL copies {table}")
        time.sleep(0.1)


def _skew(source: psycopg.Connection, warehouse: psycopg.Connection) -> timedelta:
    """How far the source's clock is before the warehouse's."""
    return timedelta(seconds=clocks.compare(source, warehouse).skew_seconds)


def _exists(warehouse: psycopg.Connection, schema: str, table: str) -> bool:
    (exists,) = one(warehouse, "select to_regclass(%s) is not null", (qualified(schema, table),))
    return bool(exists)
