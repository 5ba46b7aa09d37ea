"""`warehouse replicate watch`: restart the stream when it stops, keep history up to date, report each change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from warehouse.core import locks
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, DatabaseUnreachable, ReplicationError, WarehouseError
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress
from warehouse.replicate.guard.status import PAUSE_SECONDS, Status, status
from warehouse.replicate.ledger import epochs

LONGEST_PAUSE = 60.0
"""Longest pause, in seconds, between two attempts while a database does not answer; the first is one second."""


@dataclass(frozen=True)
class Event:
    """Something that changed.

    Attributes:
        state: of the stream, or "unreachable" or "waiting" (another command is at work).
        exit_code: what `warehouse replicate status` would end with.
    """

    at: datetime
    state: str
    what: str
    next_command: str | None = None
    exit_code: int = 0


class Watch:
    """One guard.

    Args:
        run: one pass of replication (warehouse.replicate.replicate): this room stands below it.
        tell: called on each change, never twice for the same.
        every: seconds between two passes.
        sleep: how to wait; it may raise KeyboardInterrupt.
    """

    def __init__(
        self,
        databases: Databases,
        run: Callable[[Databases, Progress], object],
        progress: Progress,
        tell: Callable[[Event], None],
        *,
        every: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._databases = databases
        self._run = run
        self._progress = progress
        self._tell = tell
        self._every = every
        self._sleep = sleep
        self._told: tuple[str, ...] = ()
        self._failures = 0

    def once(self) -> Status:
        """One pass: see that the stream is on, stamp and settle what it brought, and look.

        Raises:
            AlreadyRunning: another guard is at work.
            ReplicationError: nothing is set up, or what a person has to decide: see `warehouse replicate status`.
            DatabaseUnreachable: one of the two databases is.
        """
        with self._only_guard():
            return self._pass(PAUSE_SECONDS)

    def forever(self) -> None:
        """Pass after pass, until it is interrupted or a person has to decide.

        A database that does not answer is waited for, longer and longer up to LONGEST_PAUSE.

        Raises:
            AlreadyRunning, ReplicationError: as once().
        """
        while True:
            try:
                # The lock is its session's: when the warehouse has gone away, it has to be taken again.
                with self._only_guard() as still_there:
                    while still_there():
                        # Each pass is a look, so none needs a second one.
                        self._pass(None)
                        self._failures = 0
                        self._sleep(self._every)
            except WarehouseError as error:
                if not error.passes:
                    raise
                if isinstance(error, DatabaseUnreachable):
                    self._wait("unreachable", error.what)
                else:
                    # Off or standing still, and no row is the reason: it is switched on again after a while.
                    self._wait("stuck", error.what, error.exit_code)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self._wait("unreachable", "A database ended the connection.")

    def _pass(self, pause: float | None) -> Status:
        if not self._is_set_up():
            raise ReplicationError(
                "Replication is not set up, so there is nothing to watch.",
                meaning="Nothing was done.",
                next_command="Run `warehouse run` (or `warehouse replicate run`) first: it makes the first copy.",
            )
        try:
            self._run(self._databases, self._progress)
        except AlreadyRunning as error:
            self._change(("waiting",), Event(_now(), "waiting", error.what))
        now = status(self._databases, pause=pause)
        self._change((now.state, *(reason.code for reason in now.reasons)), *_events(now))
        return now

    def _is_set_up(self) -> bool:
        with self._databases.warehouse() as warehouse:
            return epochs.current(warehouse, self._databases.settings.warehouse_replication_name) is not None

    @contextmanager
    def _only_guard(self) -> Iterator[Callable[[], bool]]:
        with self._databases.warehouse() as connection, session_lock(connection, Lock.watch) as held:
            if not held:
                error = AlreadyRunning(
                    "Another `warehouse replicate watch` guards this stream.",
                    meaning="This one did nothing; the other one continues.",
                    next_command="Leave it, or end it and start this one again.",
                )
                error.passes = False  # a guard stays until a person ends it
                raise error

            def still_there() -> bool:
                locks.check(connection)
                return True

            yield still_there

    def _wait(self, state: str, what: str, exit_code: int = 0) -> None:
        pause = min(2.0**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 10)
        self._change(
            (state,), Event(_now(), state, f"{what} Trying again, at the latest every minute.", None, exit_code)
        )
        self._sleep(pause)

    def _change(self, key: tuple[str, ...], *events: Event) -> None:
        if key != self._told:
            self._told = key
            for event in events:
                self._tell(event)


def _events(now: Status) -> list[Event]:
    if not now.reasons:
        behind = f"{now.lag_bytes:,} bytes behind" if now.lag_bytes else "nothing waits"
        return [Event(_now(), now.state, f"All is well; {behind}.")]
    return [Event(_now(), now.state, r.what, r.next_command, r.exit_code) for r in now.reasons]


def _now() -> datetime:
    return datetime.now(UTC)
