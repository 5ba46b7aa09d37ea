"""One wait for something that others do: told when it begins and every minute, and never without an end."""

from __future__ import annotations

import time
from collections.abc import Callable

from warehouse.core.progress import Progress

FIRST_SECONDS = 2.0
"""What is over sooner is not worth a line."""

EVERY_SECONDS = 60.0


class Waiting:
    """A wait: `look` in each of its turns, and give up when it `is_over`.

    Args:
        what: is waited for, to follow "waiting for".
        limit: seconds after which nobody waits any longer; counted from the last time that something `moved`.
        detail: what of it is known now, such as who holds it. Asked for only when a line is written.
    """

    def __init__(self, progress: Progress, what: str, *, limit: float, detail: Callable[[], str] = str) -> None:
        self._progress, self._what, self._limit, self._detail = progress, what, limit, detail
        self._began = self._moved = time.monotonic()
        self._next = self._began + FIRST_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self._moved > self._limit

    def moved(self) -> None:
        """It goes on: the limit counts from now."""
        self._moved = time.monotonic()

    def look(self, now: str = "") -> None:
        """One turn: a line if one is due, and what there is to show on a terminal.

        Args:
            now: how far it is, for a terminal.
        """
        at = time.monotonic()
        if at >= self._next:
            self._next = at + EVERY_SECONDS
            self._progress.wait(f"waiting for {self._what}{self._so_far(at)}{self._more()}")
        if now:
            self._progress.say(now)

    def _so_far(self, at: float) -> str:
        minutes = int(at - self._began) // 60
        return f", for {minutes} min now" if minutes else ""

    def _more(self) -> str:
        detail = self._detail()
        return f": {detail}" if detail else ""
