"""Foreign keys between the files of a delivery: each row refers to a row that the recipient gets with it.

Keys are compared in slices of their hashes, one pass over both files for each slice, so memory does not grow with the
rows. A key with a null in it refers to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Contract, RuleKind
from warehouse.core.contracts.references import COLUMNS, TABLE
from warehouse.core.errors import CheckFailed
from warehouse.core.progress import Progress
from warehouse.deliver.breach import FIRST_ROWS, Breach, RowOfFile
from warehouse.deliver.check import KEYS_PER_PASS, failing
from warehouse.deliver.expectations import hash_slice
from warehouse.deliver.files import FileFacts
from warehouse.deliver.read_back import batches

_Files = Sequence[tuple[Path, FileFacts]]
_FILE: Final = "__file"
_ROW: Final = "__row"


def check_references(
    contract: Contract, by_file: Sequence[tuple[Contract, _Files]], progress: Progress
) -> list[CheckFailed]:
    """The error for foreign keys that do not hold; none where all do.

    Args:
        contract: of the whole delivery.
        by_file: the contract of each table, with its file.
    """
    breaches = []
    for one, files in by_file:
        for rule in one.rules:
            if rule.kind is RuleKind.REFERENCE:
                progress.say(f"checking that {rule.name}")
                table, columns = (rule.arguments or {})[TABLE], (rule.arguments or {})[COLUMNS]
                other, theirs = next((x, its) for x, its in by_file if (x.table or table) == table)
                rows, first = _referring_to_nothing((one, files, rule.columns), (other, theirs, columns))
                if not rule.limit.allows(rows, rows):
                    breaches.append(Breach(rule.name, rule.columns, rows, first))
    return [failing(contract, breaches)] if breaches else []


_Side = tuple[Contract, _Files, tuple[str, ...]]


def _referring_to_nothing(child: _Side, parent: _Side) -> tuple[int, tuple[RowOfFile, ...]]:
    """How many rows of a file have a key that no row of the other has, and the first of them."""
    total = sum(facts.rows or 0 for _, files, _ in (child, parent) for _, facts in files)
    passes, rows, first = max(1, math.ceil(total / KEYS_PER_PASS)), 0, list[RowOfFile]()
    names = [facts.base_name for _, facts in child[1]]
    keys = [f"key_{position}" for position in range(len(child[2]))]
    for number in range(passes):
        mine = pa.concat_tables(_keys(child, keys, passes, number, places=True))
        theirs = pa.concat_tables(_keys(parent, keys, passes, number))
        alone = mine.join(theirs, keys=keys, join_type="left anti").sort_by([(_FILE, "ascending"), (_ROW, "ascending")])
        rows += alone.num_rows
        first += [
            RowOfFile(names[one[_FILE]], one[_ROW])
            for one in alone.select([_FILE, _ROW]).slice(0, FIRST_ROWS).to_pylist()
        ]
    first.sort(key=lambda one: (names.index(one.file), one.row))
    return rows, tuple(first[:FIRST_ROWS])


def _keys(side: _Side, keys: list[str], passes: int, number: int, *, places: bool = False) -> Iterator[pa.Table]:
    """The keys of a slice as text, without those with a null; with their places where they are asked for."""
    contract, files, columns = side
    schema = pa.schema([(name, pa.string()) for name in keys])
    placed = pa.schema([*schema, (_FILE, pa.int32()), (_ROW, pa.int64())])
    yield (placed if places else schema).empty_table()
    for position, (path, _) in enumerate(files):
        before = 0
        for batch in batches(path, contract, list(columns)):
            # Two columns of the other table may be one of this one.
            table = pa.table([batch.column(name).cast(pa.string()) for name in columns], schema=schema)
            here = pa.array(hash_slice(table, passes, number).index.to_numpy(), pa.int64())
            taken = table.take(here)
            if places:
                file = pa.array([position] * len(here), pa.int32())
                taken = pa.table([*taken.columns, file, pc.add(here, before + 1)], schema=placed)
            known = pc.is_valid(taken.column(0))
            for name in keys[1:]:
                known = pc.and_(known, pc.is_valid(taken.column(name)))
            yield taken.filter(known)
            before += batch.num_rows
