"""How a long step tells what it does, without knowing whether a terminal, a log or a test listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """What a stage may say while it works."""

    def say(self, text: str) -> None:
        """What is being done now, in a few words."""

    def count(self, text: str, done: int, total: int | None = None) -> None:
        """How far it is: so many of so many rows, models or files."""

    def wait(self, text: str) -> None:
        """What is waited for: a line that stays, in a log as on a terminal."""


class Silent:
    """Says nothing; for tests and for `--json`."""

    def say(self, text: str) -> None:
        del text

    def count(self, text: str, done: int, total: int | None = None) -> None:
        del text, done, total

    def wait(self, text: str) -> None:
        del text


@dataclass
class StageReport:
    """What one stage of a run did; a line of the summary table."""

    stage: str
    rows_in: int | None = None
    rows_out: int | None = None
    rejected: int | None = None
    seconds: float = 0.0
    where: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@contextmanager
def timed(stage: str) -> Iterator[StageReport]:
    """A report whose seconds are filled in when the block ends."""
    report, start = StageReport(stage), time.monotonic()
    try:
        yield report
    finally:
        report.seconds = round(time.monotonic() - start, 2)
