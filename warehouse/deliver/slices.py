"""Numbers of 64 bits, cut into slices that each fit into memory: in files without a name beside the delivery."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from warehouse.deliver.outbox import no_room

_BYTES = 8
"""Of one number."""


class Slices:
    """Numbers in slices, equal ones in the same; a context that takes its files away again.

    Args:
        slices: how many.
        folder: where the files may be.
        width: how many numbers belong together: by the first of them they are cut.
    """

    def __init__(self, slices: int, folder: Path, width: int = 1) -> None:
        self._slices, self._folder, self._width = slices, folder, width
        self._stack = ExitStack()
        self._files: list[list[IO[bytes]]] = []

    def __enter__(self) -> Slices:
        with _room():
            for _ in range(self._slices):
                self._files.append([self._file() for _ in range(self._width)])
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _file(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder))

    def add(self, first: Any, *others: Any) -> None:
        """Some more numbers, as arrays of one length.

        Raises:
            DeliveryError: the disk is full.
        """
        slice_of = first % self._slices
        with _room():
            for number, files in enumerate(self._files):
                theirs = slice_of == number
                for file, numbers in zip(files, (first, *others), strict=True):
                    file.write(numbers[theirs].tobytes())
                    file.flush()

    def __iter__(self) -> Iterator[list[pa.Array]]:
        for files in self._files:
            yield [_read(file) for file in files]


def _read(file: IO[bytes]) -> pa.Array:
    file.seek(0)
    stored = file.read()
    return pa.Array.from_buffers(pa.uint64(), len(stored) // _BYTES, [None, pa.py_buffer(stored)])


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise no_room(error) from None
