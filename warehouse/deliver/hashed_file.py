"""A file whose size and checksums are known once it is closed: they are taken of what is written into it.

It is written and hashed on a thread of its own, while the next rows are read: neither needs the interpreter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from warehouse.deliver.files import Checksums
from warehouse.deliver.in_order import InOrder

_PIECE: Final = 2 << 20
"""So many bytes are handed to the thread at once: for each piece it has to wait for its turn with the interpreter."""

_WAITING: Final = 2


class HashedFile:
    """A file being written. Libraries that write into an open file may be given it: it cannot seek, or be read.

    Args:
        path: where.

    Attributes:
        checksums: of all that was written, once it is closed.
        closed: whether it is.
    """

    def __init__(self, path: Path) -> None:
        self._handle = path.open("wb", buffering=0)
        self._thread = InOrder("file", _WAITING)
        self._pieces: list[bytes] = []
        self._gathered = self._size = 0
        self.checksums, self.closed = Checksums(), False

    def write(self, content: bytes) -> int:
        """Append to it.

        Raises:
            OSError: this or an earlier piece cannot be written.
        """
        self._pieces.append(bytes(content))
        self._gathered += len(content)
        self._size += len(content)
        if self._gathered >= _PIECE:
            self._hand_on()
        return len(content)

    def tell(self) -> int:
        """How many bytes were given to it."""
        return self._size

    def flush(self) -> None:
        """Nothing: what was given to it is written in its turn."""

    def close(self) -> None:
        """Write what is left. Once is enough.

        Raises:
            OSError: it cannot be written.
        """
        if self.closed:
            return
        self.closed = True
        try:
            self._hand_on()
        finally:
            try:
                self._thread.finish()
            finally:
                self._handle.close()

    def _hand_on(self) -> None:
        content, self._pieces, self._gathered = b"".join(self._pieces), [], 0
        self._thread.do(self._write, content)

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            # A disk that becomes full takes a part, and says so of the rest.
            left = left[self._handle.write(left) :]
        self.checksums.add(content)
