"""Take locks briefly, retry, then fail with a message: a queued lock would block everyone behind it.

At the source those are the operational system's own sessions, in the warehouse the apply worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import sql

from warehouse.core.database import qualified
from warehouse.core.errors import DriftHeld

LOCK_MILLISECONDS = 800
"""Below PostgreSQL's deadlock_timeout of a second: we give way before it could cancel the apply worker."""

TRIES = 8
PAUSE_SECONDS = 0.5

_HOLDERS = """
select distinct
    a.pid, coalesce(nullif(a.application_name, ''), 'no name'),
    to_char(a.xact_start at time zone 'UTC', 'HH24:MI:SS')
from pg_locks as l join pg_stat_activity as a using (pid)
where l.granted and l.database = (select oid from pg_database where datname = current_database())
    and l.relation = to_regclass(%s) and a.pid <> pg_backend_pid()
order by 1 limit 3
"""

Result = TypeVar("Result")


def briefly(
    connection: psycopg.Connection,
    work: Callable[[], Result],
    *,
    schema: str,
    table: str,
    where: str,
    done: str,
) -> Result:
    """Do something in a transaction that waits for no lock longer than LOCK_MILLISECONDS; again, if it had to.

    Args:
        where: the database's name in a sentence.
        done: what cannot be done without the lock, as a clause: "no column can be added".

    Raises:
        DriftHeld: another session held a lock during all TRIES; names the sessions.
    """
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE_SECONDS)
        try:
            with connection.transaction():
                connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_MILLISECONDS}ms")))
                return work()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            continue
    raise _not_now(connection, schema, table, where, done)


def _not_now(connection: psycopg.Connection, schema: str, table: str, where: str, done: str) -> DriftHeld:
    """The message for a lock that could not be had."""
    rows = connection.execute(_HOLDERS, (qualified(schema, table),)).fetchall()
    holders = "; ".join(f"process {pid} ({name}) since {since} UTC" for pid, name, since in rows)
    return DriftHeld(
        f"{table} is locked in {where}, so {done}" + (f": {holders}." if holders else "."),
        meaning=f"It was tried {TRIES} times with short waits, so that no other session had to wait. Nothing is half "
        "done.",
        next_command="When that session has finished, or you have ended it with pg_terminate_backend(process): "
        "warehouse replicate apply",
    )
