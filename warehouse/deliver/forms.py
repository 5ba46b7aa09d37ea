"""A table in a second form: it has to be read back to the very rows of the first one, which has passed every rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from warehouse.core.contracts import Contract
from warehouse.core.errors import CheckFailed
from warehouse.deliver.files import FileFacts
from warehouse.deliver.read_back import batches

_Files = Sequence[tuple[Path, FileFacts]]
_Rows = Iterator[pa.RecordBatch]


def check_same_rows(first: tuple[Contract, _Files], other: tuple[Contract, _Files]) -> None:
    """Compare two forms of one table, row by row in their order.

    Raises:
        CheckFailed: they differ, or one of them is not what the contract says.
    """
    rows = 0
    here, there = (_batches(contract, files) for contract, files in (first, other))
    for one, two in _side_by_side(here, there):
        if one is None or two is None or not all(a.equals(b) for a, b in zip(one.columns, two.columns, strict=True)):
            raise CheckFailed(
                f"{other[1][0][1].base_name}: rule `structure` is broken: it has other rows than "
                f"{first[1][0][1].base_name}, from row {rows + 1:,} on.",
                meaning="Both are made of the same rows, and one of them was not written well. Nothing was sent.",
                next_command="Run `warehouse deliver` again; if it stays, report it as a defect.",
            )
        rows += one.num_rows


def _batches(contract: Contract, files: _Files) -> _Rows:
    for path, _ in files:
        yield from (batch for batch in batches(path, contract) if batch.num_rows)


def _side_by_side(here: _Rows, there: _Rows) -> Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]:
    """Batches of as many rows of both; None where one has no more."""
    one, two = next(here, None), next(there, None)
    while one is not None or two is not None:
        if one is None or two is None:
            yield one, two
            return
        size = min(one.num_rows, two.num_rows)
        yield one.slice(0, size), two.slice(0, size)
        one = one.slice(size) if one.num_rows > size else next(here, None)
        two = two.slice(size) if two.num_rows > size else next(there, None)
