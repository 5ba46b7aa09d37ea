"""Which rows of a file break a rule: a second reading, for the rules alone that do not hold.

The first one counts distinct values and forgets in which rows they were, or it would have to hold a number for each
row. This one ends as soon as enough rows are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from warehouse.core.contracts import Contract, Rule
from warehouse.deliver.breach import FIRST_ROWS, RowOfFile
from warehouse.deliver.expectations import Gate, hash_slice, places_not_unique
from warehouse.deliver.files import FileFacts
from warehouse.deliver.read_back import batches

_Files = Sequence[tuple[Path, FileFacts]]


def of_values(contract: Contract, files: _Files, gate: Gate, rule: Rule) -> tuple[RowOfFile, ...]:
    """The first rows whose values break a rule."""
    found: list[RowOfFile] = []
    for name, before, table in _tables(contract, files, rule):
        for place in gate.places_that_break(rule, table):
            found.append(RowOfFile(name, before + place + 1))
            if len(found) == FIRST_ROWS:
                return tuple(found)
    return tuple(found)


def of_keys(contract: Contract, files: _Files, rule: Rule, slices: int, number: int) -> tuple[RowOfFile, ...]:
    """The first rows that share their key with another one.

    Args:
        slices, number: of the keys' hashes, and one in which some are not unique: no more keys are held at once.
    """
    rows: list[RowOfFile] = []
    frames = []
    for name, before, table in _tables(contract, files, rule):
        frame = hash_slice(table, slices, number)
        rows += [RowOfFile(name, before + int(place) + 1) for place in frame.index]
        frames.append(frame)
    return tuple(rows[place] for place in places_not_unique(frames, FIRST_ROWS))


def _tables(contract: Contract, files: _Files, rule: Rule) -> Iterator[tuple[str, int, pa.Table]]:
    """The columns of a rule in batches, each with the file's name and how many of its rows were before."""
    for path, facts in files:
        before = 0
        for batch in batches(path, contract, list(dict.fromkeys(rule.columns))):
            yield facts.base_name, before, pa.Table.from_batches([batch])
            before += batch.num_rows
