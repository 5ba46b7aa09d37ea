"""Work that is done in the order in which it comes, on a thread of its own, while the next is prepared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class InOrder:
    """A thread that does one thing after another, until one fails: what comes after that is left undone.

    Args:
        name: of the thread.
        waiting: so many things are held, the one that is being done among them; who brings another waits, so memory
            stays bounded.
    """

    def __init__(self, name: str, waiting: int) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = waiting
        self._pending: deque[Future[None]] = deque()
        self._has_failed = False

    def do(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Have it done.

        Raises:
            Exception: what an earlier piece of work failed by. It is raised once, here or by `finish`.
        """
        self._pending.append(self._thread.submit(self._do, work, *arguments))
        while len(self._pending) > self._waiting:
            self._pending.popleft().result()

    def finish(self) -> None:
        """Wait until all is done, and end the thread.

        Raises:
            Exception: what a piece of work failed by.
        """
        try:
            while self._pending:
                self._pending.popleft().result()
        finally:
            self._thread.shutdown()

    def _do(self, work: Callable[..., Any], *arguments: Any) -> None:
        if self._has_failed:
            return
        try:
            work(*arguments)
        except BaseException:
            self._has_failed = True
            raise
