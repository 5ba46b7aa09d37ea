"""Readers of a mart while a build takes the place of another: one in a long transaction, and many short ones."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import psycopg

from tests.python.waiting import until

_ROWS = "select count(*) from marts.fct_employment"


class Readers:
    """Reads a mart for as long as the block lasts.

    Attributes:
        long_reader: the numbers of rows that one transaction has seen, which began before the build.
        short_readers: those that transactions of their own have seen.
    """

    def __init__(self, conninfo: str) -> None:
        self.long_reader: set[int] = set()
        self.short_readers: set[int] = set()
        self._conninfo = conninfo
        self._over = threading.Event()
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._read, args=(long,)) for long in (True, False)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        until("both have read", lambda: self._failed or (self.long_reader and self.short_readers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert not self._failed, self._failed

    def _read(self, long: bool) -> None:
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                if long:
                    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                    with connection.transaction():
                        self._until_over(connection, self.long_reader)
                else:
                    self._until_over(connection, self.short_readers)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            self._failed.append(error)

    def _until_over(self, connection: psycopg.Connection, seen: set[int]) -> None:
        while True:
            # Once more after the end: the last one sees the new build.
            last = self._over.is_set()
            row = connection.execute(_ROWS).fetchone()
            assert row is not None
            seen.add(int(row[0]))
            if last:
                return
            time.sleep(0.02)
