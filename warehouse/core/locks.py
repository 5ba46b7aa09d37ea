"""One command at a time: locks that only those who write the ledger can take, and that go with the session.

An advisory lock can be taken by everybody who may connect: whoever knew its name could stop every run. These are locks
on tables of the ledger on which a reader has no right. PostgreSQL keeps such a lock to the end of a transaction, so a
session of its own holds it, in a transaction that does nothing else: it has neither a snapshot nor a number, and keeps
no old row from being cleared away.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg import sql

from warehouse.core.database import one, second_session


class Lock(StrEnum):
    """What only one command does at a time: the table of the ledger whose lock stands for it."""

    run = "only_run"
    deliver = "only_delivery"
    replicate = "only_replication"
    watch = "only_watch"


_MODE: Final = "ShareRowExclusiveLock"
"""Conflicts with itself; needs a right to write. Nobody else takes it on these tables, which stay empty."""

_TAKE = sql.SQL("lock table ledger.{} in share row exclusive mode nowait")
_HOLDERS = """
select array_agg(l.pid) from pg_catalog.pg_locks as l
where l.locktype = 'relation' and l.granted and l.mode = %s
    and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and l.relation = to_regclass(format('ledger.%%I', %s::text))
"""
_TRIES, _PAUSE = 50, 0.1
"""While nobody holds the lock itself, but VACUUM of the whole database is at the table for a moment."""

_HELD: WeakKeyDictionary[psycopg.Connection, dict[Lock, psycopg.Connection]] = WeakKeyDictionary()
"""The sessions that hold locks for a connection."""


@contextmanager
def session_lock(connection: psycopg.Connection, lock: Lock) -> Iterator[bool]:
    """Hold a lock for as long as the block lasts; yields whether it was free.

    It goes with its session, so a killed process never leaves it behind.

    Args:
        connection: to the warehouse, whose ledger is up to date; the lock is held by a second session of the same user.
    """
    mine = _HELD.setdefault(connection, {})
    holder = None if lock in mine else _taken(connection, lock)
    if holder is None:
        # One command never takes a lock twice; if it did, the inner block would be inside the outer one's.
        yield lock in mine
        return
    mine[lock] = holder
    try:
        yield True
    finally:
        del mine[lock]
        with suppress(psycopg.Error):
            holder.close()


def check(connection: psycopg.Connection) -> None:
    """Make sure that the sessions which hold locks for a connection are still there.

    Raises:
        psycopg.OperationalError: one has ended, and its lock is free.
    """
    for holder in _HELD.get(connection, {}).values():
        holder.execute("select 1")


def held_by_another(connection: psycopg.Connection, lock: Lock) -> bool:
    """Whether another command holds a lock: not this connection itself."""
    own = {holder.info.backend_pid for holder in _HELD.get(connection, {}).values()}
    return bool(_holders(connection, lock) - own)


def _holders(connection: psycopg.Connection, lock: Lock) -> set[int]:
    return set(one(connection, _HOLDERS, (_MODE, lock.value))[0] or [])


def _taken(connection: psycopg.Connection, lock: Lock) -> psycopg.Connection | None:
    """A session that holds the lock now; None when somebody else does."""
    holder = second_session(connection)
    try:
        for _ in range(_TRIES):
            holder.execute("begin")
            try:
                holder.execute(_TAKE.format(sql.Identifier(lock.value)))
            except psycopg.errors.LockNotAvailable:
                holder.execute("rollback")
                if _holders(holder, lock):
                    break
                time.sleep(_PAUSE)
            else:
                return holder
    except BaseException:
        holder.close()
        raise
    holder.close()
    return None
