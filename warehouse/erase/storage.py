"""What deleting leaves behind: the old bytes stay in a table's file until it is written anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psycopg
from psycopg import sql

from warehouse.core.errors import ErasureRefused
from warehouse.core.progress import Progress

WAIT_SECONDS = 60
_LOCK_SECONDS = 20

_OLDER = """
select pid from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and age(backend_xmin) > age(%s::xid8::xid)
"""


def write_anew(connection: psycopg.Connection, places: Iterable[str], progress: Progress) -> None:
    """Write the given tables and the planner's samples of all tables anew, so that no old row is left in their files.

    A plain VACUUM would only mark the space as free. Each table is locked while it is written: readers and the stream
    wait for as long as copying it takes.

    Args:
        places: tables as "schema.name"; those that are not there any more are passed over.

    Raises:
        ErasureRefused: a session has been reading for so long that rows it could still see cannot be let go.
    """
    row = connection.execute("select pg_current_xact_id()::text").fetchone()
    assert row is not None
    _wait_for_readers(connection, str(row[0]), progress)
    for place in places:
        schema, _, name = place.partition(".")
        there = connection.execute(
            "select to_regclass(format('%%I.%%I', %s::text, %s::text))", (schema, name)
        ).fetchone()
        if there and there[0]:
            progress.say(f"writing {place} anew")
            table = sql.Identifier(schema, name)
            _with_lock(connection, lambda: connection.execute(sql.SQL("vacuum (full, analyze) {}").format(table)))  # noqa: B023
    # The planner keeps the most frequent values of each column there, and the bounds between the others.
    _if_allowed(connection, "vacuum (full) pg_catalog.pg_statistic")
    # Files of dropped and rewritten tables go from the disk at a checkpoint.
    _if_allowed(connection, "checkpoint")


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


def _with_lock(connection: psycopg.Connection, action: Callable[[], object]) -> None:
    connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(f"{_LOCK_SECONDS}s")))
    try:
        action()
    except psycopg.errors.LockNotAvailable:
        raise _unfinished(f"A session has held a table for more than {_LOCK_SECONDS} seconds.") from None
    finally:
        connection.execute("set lock_timeout = 0")


def _if_allowed(connection: psycopg.Connection, statement: str) -> None:
    """Run what only an owner of the database or an administrator may; the server does it by itself in time."""
    try:
        connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return


def _unfinished(what: str) -> ErasureRefused:
    return ErasureRefused(
        what,
        meaning="The person's rows are gone for every reader, but bytes of them are still in the tables' files. The "
        "erasure stays unfinished.",
        next_command="End that session or wait for it, then run the same `warehouse erase` again.",
    )
