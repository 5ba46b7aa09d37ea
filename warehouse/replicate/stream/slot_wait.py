"""Making a slot waits for the transactions that are open at the source: report which, and stop waiting in time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

import psycopg

from warehouse.core.errors import WaitedTooLong
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting

_T = TypeVar("_T")

_TURN_SECONDS = 0.2

_WAITED_FOR = """
with waits as (
    select l.transactionid from pg_locks as l
    where l.pid = any(%(waiters)s::int[]) and not l.granted and l.locktype = 'transactionid'
),

who as (
    select
        format('process %%s of user %%s (%%s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name'))
            as name,
        a.xact_start as began
    from unnest(%(waiters)s::int[]) as w (waiter)
    cross join lateral unnest(pg_blocking_pids(w.waiter)) as b (pid)
    join pg_stat_activity as a using (pid)
    union
    select format('prepared transaction %%s of user %%s', p.gid, p.owner), p.prepared
    from pg_prepared_xacts as p
    join waits as w on w.transactionid = p.transaction
)

select string_agg(
    name || coalesce(
        ', open for ' || greatest(extract(epoch from clock_timestamp() - began), 0)::bigint || ' s', ''
    ),
    '; '
)
from who
"""


_SENDERS = """
select array_agg(pid) from pg_stat_activity
where backend_type = 'walsender' and datname = current_database() and wait_event_type = 'Lock'
"""


def waited_for(source: psycopg.Connection, *waiters: int) -> str:
    """Who keeps sessions of the source waiting: process or prepared transaction, user and age; "" when nobody does."""
    row = source.execute(_WAITED_FOR, {"waiters": list(waiters)}).fetchone()
    return str(row[0]) if row and row[0] else ""


def waited_for_by_senders(source: psycopg.Connection) -> str:
    """The same for the slots that PostgreSQL itself makes in this database, such as for the copy of a new table."""
    row = source.execute(_SENDERS).fetchone()
    return waited_for(source, *row[0]) if row and row[0] else ""


def made(
    source: psycopg.Connection,
    slot_connection: psycopg.Connection,
    make: Callable[[], _T],
    progress: Progress,
    minutes: float,
) -> _T:
    """Make a slot over its own connection, and report meanwhile what that waits for.

    Args:
        minutes: after which the attempt ends. Nothing is left at the source then: no slot, and no sender that waits.

    Raises:
        WaitedTooLong: the transactions did not end in time.
    """
    waiter = slot_connection.info.backend_pid

    def detail() -> str:
        return waited_for(source, waiter)

    waiting = Waiting(progress, "open transactions of the operational database", limit=minutes * 60, detail=detail)
    with ThreadPoolExecutor(1) as beside:
        making = beside.submit(make)
        try:
            while True:
                try:
                    return making.result(_TURN_SECONDS)
                except NotYet:
                    if making.done():
                        raise
                waiting.look(f"a slot waits for {detail() or 'transactions to end'}")
                if waiting.is_over:
                    raise _too_long(detail(), minutes)
        finally:
            _end(making, slot_connection)


def _end(making: Future[_T], slot_connection: psycopg.Connection) -> None:
    while not making.done():
        # The server takes what it had begun of the slot away with it.
        slot_connection.cancel_safe(timeout=10)
        try:
            making.exception(1)
        except NotYet:
            continue


def _too_long(who: str, minutes: float) -> WaitedTooLong:
    return WaitedTooLong(
        "A slot at the operational database waits for transactions that do not end" + (f": {who}." if who else "."),
        meaning=f"The attempt ended after {minutes:g} minutes (WAREHOUSE_WAIT_MINUTES). No row was changed, and "
        "nothing of the slot is left at the source.",
        next_command="End what it names (select pg_terminate_backend(PROCESS), or rollback prepared 'GID'), then run "
        "the same command again.",
    )
