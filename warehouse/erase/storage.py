"""What deleting leaves behind: the old bytes stay in a table's file until it is rewritten."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import ErasureRefused
from warehouse.core.progress import Progress
from warehouse.core.statistics import clear_statistics, if_allowed

WAIT_SECONDS = 60
_LOCK_SECONDS = 20

_TABLES = """
select n.nspname, c.relname, p.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
left join pg_inherits as i on i.inhrelid = c.oid left join pg_class as p on p.oid = i.inhparent
where c.relkind = 'r' and n.nspname || '.' || c.relname = any(%s) order by 1, 2
"""
_OLDER = """
select pid from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and age(backend_xmin) > age(%s::xid8::xid)
"""


def rewrite(connection: psycopg.Connection, places: Iterable[str], progress: Progress) -> None:
    """Rewrite the given tables and the planner's samples of all tables, so that no old row is left in their files.

    A plain VACUUM would only mark the space as free. Each table is locked while it is written: readers and the stream
    wait for as long as copying it takes.

    Args:
        places: tables as "schema.name"; those that are not there any more are passed over.

    Raises:
        ErasureRefused: a session has been reading for so long that rows it could still see cannot be removed.
    """
    _wait_for_readers(connection, str(one(connection, "select pg_current_xact_id()::text")[0]), progress)
    tables = connection.execute(_TABLES, (list(places),)).fetchall()
    for schema, name, parent in tables:
        progress.say(f"rewriting {schema}.{name}")
        clear_statistics(connection, schema, name, of_partitions=False)
        vacuum = sql.SQL("vacuum (full, analyze) {}").format(sql.Identifier(schema, name))
        _with_lock(connection, vacuum)
        if parent:
            clear_statistics(connection, schema, parent, of_partitions=True)
            _with_lock(connection, sql.SQL("analyze {}").format(sql.Identifier(schema, parent)))
    # The planner keeps the most frequent values of each column there, and the bounds between the others.
    if_allowed(connection, sql.SQL("vacuum (full) pg_catalog.pg_statistic"))


def _wait_for_readers(connection: psycopg.Connection, xid: str, progress: Progress) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while older := connection.execute(_OLDER, (xid,)).fetchall():
        if time.monotonic() > deadline:
            raise _unfinished(
                f"A session has been reading for more than {WAIT_SECONDS} seconds (process {older[0][0]} of the "
                "warehouse's server).",
            )
        progress.say("waiting for readers that began before")
        time.sleep(0.2)


def _with_lock(connection: psycopg.Connection, statement: sql.Composed) -> None:
    connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(f"{_LOCK_SECONDS}s")))
    try:
        connection.execute(statement)
    except psycopg.errors.LockNotAvailable:
        raise _unfinished(f"A session has held a table for more than {_LOCK_SECONDS} seconds.") from None
    finally:
        connection.execute("set lock_timeout = 0")


def _unfinished(what: str) -> ErasureRefused:
    return ErasureRefused(
        what,
        meaning="The person's rows are gone for every reader, but bytes of them are still in the tables' files. The "
        "erasure stays unfinished.",
        next_command="End that session or wait for it, then run the same `warehouse erase` again.",
    )
