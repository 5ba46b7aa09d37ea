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
from warehouse.core.waiting import Waiting
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import history
from warehouse.replicate.catalog import clocks, known_meanings
from warehouse.replicate.catalog.names import FIRST_COPY, HISTORY, KNOWN_FROM
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.drift import columns, locks
from warehouse.replicate.drift.work import Work
from warehouse.replicate.history import transactions
from warehouse.replicate.history.tables import log_of
from warehouse.replicate.ledger import column_states
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.stream import slot_wait, subscription
from warehouse.replicate.stream.mark import emit_mark, wait_until_applied

STALLED_SECONDS = 120
NUDGE_SECONDS = 5.0
"""How often a mark is written at the source while a copy does not move: on a quiet source nothing else may carry the
stream past the position at which the copy ended, and PostgreSQL hands over no sooner."""

_PRIMARY_KEY = "select conname from pg_constraint where contype = 'p' and conrelid = to_regclass(%s)"

_MARK = """
create or replace function {function}() returns trigger language plpgsql as {body};
create or replace trigger {trigger} before insert on {table} for each statement execute function {function}();
alter table {table} enable always trigger {trigger}
"""

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


def make(work: Work, table: str, declared: Sequence[SourceColumn], key: Sequence[str]) -> None:
    """Make a table of the replica, with key, history and filter of JSON keys, before its first row arrives."""
    warehouse, schema = work.warehouse, work.schema
    with warehouse.transaction():
        ours.refuse_others_tables(warehouse, schema, [table])
        if not _exists(warehouse, schema, table):
            replica_tables.create_tables(warehouse, schema, {table: list(declared)})
            replica_tables.add_key(warehouse, schema, table, key)
            # History of an earlier life of the table stays.
            if _exists(warehouse, HISTORY, table):
                columns.add_missing(warehouse, [HISTORY], table, declared)
            history.keep(warehouse, schema, table, declared, key)
        columns.filter_values(work, table)
        _mark_first_copy(work, table)
        column_states.put(warehouse, table, "", "copying", "its first copy is not complete")


def empty(work: Work, table: str, declared: Sequence[SourceColumn], key: Sequence[str]) -> None:
    """Empty a table whose key changed, so that it can be copied again; every row's version ends in the history."""
    warehouse, target = work.warehouse, sql.Identifier(work.schema, table)

    def change() -> None:
        columns.add_missing(warehouse, [work.schema, HISTORY], table, declared)
        columns.view_versions(work, table)
        write_on_purpose(warehouse, "repair")
        transactions.own(warehouse, work.epoch, "repair")
        warehouse.execute(sql.SQL("truncate {}").format(target))
        constraint = warehouse.execute(_PRIMARY_KEY, (qualified(work.schema, table),)).fetchone()
        if constraint:
            warehouse.execute(
                sql.SQL("alter table {} drop constraint {}").format(target, sql.Identifier(constraint[0]))
            )
        for column in declared:
            # A column of the former key may be null now.
            warehouse.execute(
                sql.SQL("alter table {} alter column {} drop not null").format(target, sql.Identifier(column.name))
            )
        replica_tables.add_key(warehouse, work.schema, table, key)

    columns.alter(work, table, "its key cannot be changed", change)


def refresh(work: Work, *, copy_data: bool) -> None:
    """Have the subscription take up what the publication sends now, and drop what it does not send any more.

    Args:
        copy_data: PostgreSQL copies what is taken up, which stops the stream if one of these tables has rows already.

    Raises:
        StreamStuck: the stream is off, and PostgreSQL refuses.
    """
    if not subscription.is_enabled(work.warehouse, work.name):
        raise StreamStuck(
            f"The stream of {work.name} is off, and PostgreSQL adds or removes no table then.",
            meaning="Nothing was changed by this step.",
            next_command="warehouse replicate run, then: warehouse replicate apply",
        )
    work.warehouse.execute(
        sql.SQL("alter subscription {} refresh publication with (copy_data = {})").format(
            sql.Identifier(work.name), sql.Literal(copy_data)
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

_FILES = "select pg_relation_filenode(to_regclass(%s))"

_SINCE = "select since from ledger.column_states where table_name = %s and column_name = ''"


def files(work: Work, table: str) -> int | None:
    """The number of the table's files at the source, which is another one when it is rewritten or truncated."""
    (number,) = one(work.source, _FILES, (qualified(work.schema, table),))
    return None if number is None else int(number)


def doubt_if_rewritten(work: Work, table: str) -> None:
    """Doubt a table that got other files while PostgreSQL copied it, until it has been compared.

    PostgreSQL's copy reads by a snapshot, and a table that ALTER TABLE has rewritten since reads as empty, without an
    error. Its rows never come: the stream brings what changes after the snapshot. What its files were was noted with
    the table, so a program that continues another's copy knows it, too.
    """
    if files(work, table) != known_meanings.noted_files(work.warehouse, table):
        reason = "the source rewrote it while PostgreSQL copied it, which may have read it as empty"
        known_meanings.doubt(work.warehouse, table, reason)


def finish(work: Work, table: str) -> int:
    """Wait until the stream has taken over, and write down which transactions brought the rows; returns the rows.

    Raises:
        StreamStuck: PostgreSQL disabled the subscription, or nothing moved for STALLED_SECONDS.
    """
    warehouse, target = work.warehouse, sql.Identifier(work.schema, table)
    _wait_until_ready(work, table)
    wait_until_applied(work.source, warehouse, work.name, work.progress)
    skew = timedelta(seconds=clocks.compare(work.source, warehouse).skew_seconds)

    def complete() -> int:
        brought = _BROUGHT.format(known_from=sql.Identifier(KNOWN_FROM), replica=target, log=log_of(table))
        transactions.write(warehouse, _STREAMED.format(brought=brought), {"epoch": work.epoch.epoch_id})
        (since,) = one(warehouse, _SINCE, (table,))
        transactions.place_copy(warehouse, brought, since, skew)
        warehouse.execute(sql.SQL("drop trigger if exists {} on {}").format(sql.Identifier(FIRST_COPY), target))
        warehouse.execute(sql.SQL("drop function if exists {}()").format(_function(table)))
        (rows,) = one(warehouse, sql.SQL("select count(*) from {}").format(target))
        warehouse.execute(_COPIED, {"epoch": work.epoch.epoch_id, "table": table, "rows": rows})
        column_states.put(warehouse, table, "", "complete", "copied; the stream has taken over")
        return int(rows)

    done = "its copy cannot be completed"
    return locks.briefly(warehouse, complete, schema=work.schema, table=table, where="the warehouse", done=done)


def _function(table: str) -> sql.Identifier:
    return sql.Identifier(HISTORY, f"{table}_first_copy")


def _mark_first_copy(work: Work, table: str) -> None:
    """Have PostgreSQL's copy record its own transaction: only a copy fires a trigger of a whole statement."""
    work.warehouse.execute(
        sql.SQL(_MARK).format(
            function=_function(table),
            body=sql.Literal(transactions.body_of_first_copy(work.epoch)),
            trigger=sql.Identifier(FIRST_COPY),
            table=sql.Identifier(work.schema, table),
        )
    )


def _wait_until_ready(work: Work, table: str) -> None:
    def held_by() -> str:
        return slot_wait.waited_for_by_senders(work.source)

    last = None
    waiting = Waiting(work.progress, f"PostgreSQL to copy {table}", limit=STALLED_SECONDS, detail=held_by)
    nudged = time.monotonic()
    while True:
        row = work.warehouse.execute(_STATE, (work.name, qualified(work.schema, table))).fetchone()
        if row and row[0] == "r":
            return
        if row != last:
            last = row
            waiting.moved()
            nudged = time.monotonic()
        if time.monotonic() - nudged > NUDGE_SECONDS:
            emit_mark(work.source)
            nudged = time.monotonic()
        is_off = not subscription.is_enabled(work.warehouse, work.name)
        if is_off or waiting.is_over:
            state = f"does not move (srsubstate {row[0] if row else 'none'} in pg_subscription_rel)"
            state += subscription.no_worker_left(work.warehouse) + "."
            stands = f"does not begin: the source waits for {who}." if (who := held_by()) else state
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


def _exists(warehouse: psycopg.Connection, schema: str, table: str) -> bool:
    (exists,) = one(warehouse, "select to_regclass(%s) is not null", (qualified(schema, table),))
    return bool(exists)
