"""A file that is compressed by gzip while it is written, on a thread of its own: the next rows are read meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final, cast

from warehouse.core.csv_on_disk import compressing
from warehouse.deliver.hashed_file import HashedFile
from warehouse.deliver.in_order import InOrder

_WAITING: Final = 8
"""Pieces that wait while one is compressed: as many as a block of rows gives, so that the next one can be read."""


class CompressedFile:
    """A compressed file being written.

    Args:
        path: where.

    Attributes:
        checksums: of what lies on the disk, once it is closed.
    """

    def __init__(self, path: Path) -> None:
        self._file = HashedFile(path)
        self._compressing = compressing(cast(BinaryIO, self._file))
        self._thread = InOrder("gzip", _WAITING)
        self.checksums = self._file.checksums

    def write(self, content: bytes) -> None:
        """Append to it.

        Raises:
            OSError: this or an earlier piece cannot be written.
        """
        self._thread.do(self._compressing.write, content)

    def close(self) -> None:
        """Write what is left.

        Raises:
            OSError: it cannot be written.
        """
        try:
            self._thread.finish()
            self._compressing.close()
        finally:
            self._file.close()
