"""The hashes of a file's keys, taken while its values are read: they say which slices of the keys can have two alike.

Equal keys have equal hashes. So a slice in which each hash is there once has each key once, and need not be read again.
Hashes of many rows lie in files without a name beside the delivery: memory does not grow with the rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Rule
from warehouse.deliver.expectations import row_hashes
from warehouse.deliver.outbox import no_room

_BYTES = 8
"""Of one hash."""


class KeyHashes:
    """The hashes of the keys of one rule, in slices; a context that takes its files away again.

    Args:
        rule: on keys.
        slices: into how many the hashes are cut, as `hash_slice` does it.
        folder: where the files may be.
    """

    def __init__(self, rule: Rule, slices: int, folder: Path) -> None:
        self.rule = rule
        self._columns, self._slices, self._folder = list(rule.columns), slices, folder
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> KeyHashes:
        with _room():
            for _ in range(self._slices):
                self._files.append(self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """The keys of some more rows.

        Raises:
            DeliveryError: the disk is full.
        """
        hashes = row_hashes(pa.table([batch.column(name) for name in self._columns], names=self._columns))
        slice_of = hashes % self._slices
        with _room():
            for number, file in enumerate(self._files):
                file.write(hashes[slice_of == number].tobytes())
                file.flush()

    def with_two_alike(self) -> Iterator[int]:
        """The slices in which a hash is there twice."""
        for number, file in enumerate(self._files):
            file.seek(0)
            stored = file.read()
            hashes = pa.Array.from_buffers(pa.uint64(), len(stored) // _BYTES, [None, pa.py_buffer(stored)])
            if pc.count_distinct(hashes).as_py() < len(hashes):
                yield number


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise no_room(error) from None
