"""The hashes of a file's keys, taken while its values are read: they say which slices of the keys can have two alike.

Equal keys have equal hashes. So a slice in which each hash is there once has each key once, and need not be read again.
Hashes of many rows lie in files without a name beside the delivery: memory does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Rule
from warehouse.deliver.expectations import row_hashes
from warehouse.deliver.slices import Slices


class KeyHashes:
    """The hashes of the keys of one rule, in slices; a context that takes its files away again.

    Args:
        rule: on keys.
        slices: into how many the hashes are cut, as `hash_slice` does it.
        folder: where the files may be.
    """

    def __init__(self, rule: Rule, slices: int, folder: Path) -> None:
        self.rule = rule
        self._columns, self._hashes = list(rule.columns), Slices(slices, folder)

    def __enter__(self) -> KeyHashes:
        self._hashes.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._hashes.__exit__()

    def add(self, batch: pa.RecordBatch) -> None:
        """The keys of some more rows.

        Raises:
            DeliveryError: the disk is full.
        """
        self._hashes.add(row_hashes(pa.table([batch.column(name) for name in self._columns], names=self._columns)))

    def with_two_alike(self) -> Iterator[int]:
        """The slices in which a hash is there twice."""
        for number, (hashes,) in enumerate(self._hashes):
            if pc.count_distinct(hashes).as_py() < len(hashes):
                yield number
