"""How many rows two files of a delivery do not have in common. It counts, and says no value.

A row counts by eight bytes of its hash, so a million rows take sixteen megabytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet

from warehouse.core.csv_on_disk import is_csv, plain
from warehouse.core.whole_files import sha256

_ROWS = 16_384


def differing(sent: Path, sent_sha256: str, made: Path) -> tuple[int, int] | None:
    """The rows that only the first file has, and those that only the second has.

    Args:
        sent_sha256: of the file as it was sent.

    Returns:
        None when the first is not there, or not what was sent.
    """
    if not sent.is_file() or sha256(sent) != sent_sha256:
        return None
    return only(_hashes(sent), _hashes(made))


def _hashes(path: Path) -> array[int]:
    found = array("Q", (_hash(row) for row in _rows(path)))
    return array("Q", sorted(found))


def _hash(row: str) -> int:
    return int.from_bytes(hashlib.blake2b(row.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")


def _rows(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield repr(row)
    elif is_csv(path):
        with io.TextIOWrapper(plain(path), encoding="utf-8", newline="") as text:
            for record in csv.reader(text):
                yield repr(record)
    else:
        with path.open("rb") as lines:
            for line in lines:
                yield line.decode("utf-8", "surrogateescape")


def only(first: Sequence[int], second: Sequence[int]) -> tuple[int, int]:
    """Of two sorted lists, how many each has that the other has not; a row that is there twice counts twice."""
    left = right = 0
    i = j = 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            i, j = i + 1, j + 1
        elif first[i] < second[j]:
            left, i = left + 1, i + 1
        else:
            right, j = right + 1, j + 1
    return left + len(first) - i, right + len(second) - j
