"""The log of an embedded server: its owner's alone, one file a day, and gone after some days.

The server writes through a handle that it was given when it started, so a file is never moved from under it: its lines
are copied to a file of their day, and the file is emptied.
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from warehouse.core.private_files import open_to_write

NAME = "postgres.log"

_TAIL_BYTES = 4_000
_BEGINS = re.compile(rb"(\d{4}-\d\d-\d\d) ")
_OF_A_DAY = re.compile(r"postgres-(\d{4}-\d\d-\d\d)\.log")


class ServerLog:
    """The log in the folder of a cluster.

    Args:
        folder: of the cluster; only this program writes there.
        days: how long the lines are kept.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self.path = folder / NAME
        self._days = days

    def open(self) -> IO[bytes]:
        """A handle for the server to write at the end of the file."""
        return open_to_write(self.path, append=True)

    def tail(self) -> str:
        """The last lines, or nothing where there is no log."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")[-_TAIL_BYTES:]
        except OSError:
            return ""

    def turn_over(self) -> None:
        """Put lines of earlier days into a file of the day on which they begin, and delete files that are too old."""
        today = datetime.now(UTC).date()
        begun = self._first_day()
        if begun and begun < today.isoformat():
            with self.path.open("r+b") as now, open_to_write(self._of_day(begun), append=True) as kept:
                shutil.copyfileobj(now, kept)
                now.truncate(0)
        oldest = (today - timedelta(days=self._days)).isoformat()
        for path in self.path.parent.glob("postgres-*.log"):
            match = _OF_A_DAY.fullmatch(path.name)
            if match and match[1] < oldest:
                path.unlink(missing_ok=True)

    def _of_day(self, day: str) -> Path:
        return self.path.with_name(f"postgres-{day}.log")

    def _first_day(self) -> str | None:
        try:
            with self.path.open("rb") as handle:
                for line in handle:
                    if match := _BEGINS.match(line):
                        return match[1].decode()
        except OSError:
            pass
        return None
