"""A file that is compressed by gzip while it is written, on a thread of its own: the next rows are read meanwhile."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from warehouse.core.csv_on_disk import compressing

_WAITING: Final = 8
"""Pieces that wait while one is compressed: as many as a block of rows gives, so that the next one can be read."""


class CompressedFile:
    """A compressed file being written.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self._handle = path.open("wb")
        self._compressing = compressing(self._handle)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gzip")
        self._pending: deque[Future[int]] = deque()

    def write(self, content: bytes) -> None:
        """Append to it.

        Raises:
            OSError: this or an earlier piece cannot be written.
        """
        self._pending.append(self._thread.submit(self._compressing.write, content))
        while len(self._pending) > _WAITING:
            self._pending.popleft().result()

    def close(self) -> None:
        """Write what is left.

        Raises:
            OSError: it cannot be written.
        """
        try:
            while self._pending:
                self._pending.popleft().result()
            self._compressing.close()
        finally:
            self._thread.shutdown()
            self._handle.close()
