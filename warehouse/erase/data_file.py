"""A delivered file without a person: the same bytes but for their rows, and their identifiers in others' rows.

Change files keep no row at all. In a file of one table nothing says whose the rows are that belong to a person by way
of another table, and of an ended version only its key is there. The next set begins a series, with all that may stay.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from warehouse.core.columns_of_changes import CHANGE
from warehouse.core.csv_on_disk import plain, written_like
from warehouse.core.data_package import columns_beside
from warehouse.core.parquet_on_disk import writing
from warehouse.erase import fixed_width_file
from warehouse.erase.subject import Subject

OWN_COLUMNS = ("person_id", "trn")
"""Columns that say whose row it is, besides those of the file's key; also under a name that was agreed for them."""

_RAW_FIELD = re.compile(rb'("(?:[^"]|"")*"|[^,]*)(,|\Z)')


@dataclass(frozen=True)
class Without:
    """What a file is without the person.

    Attributes:
        rows: that are left.
        removed: rows that were the person's.
        emptied: rows of others in which an identifier of theirs stood.
    """

    rows: int
    removed: int
    emptied: int

    @property
    def differs(self) -> bool:
        return bool(self.removed or self.emptied)


def without(path: Path, to: Path | None, subject: Subject, key: Sequence[str]) -> Without:
    """Write a data file again without the person.

    Args:
        to: where; None to only count.
        key: the columns of the file's key, as its manifest states them.
    """
    agreed = {name for name, column in columns_beside(path).items() if column in OWN_COLUMNS}
    own = {*OWN_COLUMNS, *key, *agreed}
    target = None if to is None else to.open("wb")
    try:
        if path.suffix == ".parquet":
            return _parquet(path, target, subject, own)
        if path.suffix == fixed_width_file.SUFFIX:
            return Without(*fixed_width_file.without_person(path, target, subject, own))
        with plain(path) as source, written_like(path, target) if target else nullcontext() as text:
            return _csv(source, text, subject, own)
    finally:
        if target:
            target.close()


def _csv(source: BinaryIO, target: BinaryIO | None, subject: Subject, own: set[str]) -> Without:
    records = raw_records(source)
    header = next(records, b"")
    names = _fields(header)
    find = subject.finder
    rows = removed = emptied = 0
    _put(target, header)
    for record in records:
        # Most records hold none of the identifiers, and are passed on as they are.
        if not find.search(record.decode()):
            rows += 1
            _put(target, record)
            continue
        fields = _fields(record)
        if any(name in own and find.fullmatch(value.strip()) for name, value in zip(names, fields, strict=False)):
            removed += 1
            continue
        raw = raw_fields(record)[: len(fields)]
        kept = [b"" if find.search(value) else field for field, value in zip(raw, fields, strict=True)]
        rows, emptied = rows + 1, emptied + 1
        _put(target, b",".join(kept) + b"\r\n")
    return Without(rows, removed, emptied)


def raw_records(source: BinaryIO) -> Iterator[bytes]:
    """The records with their end: a line break inside quotes ends none."""
    pending: list[bytes] = []
    quotes = 0
    for line in source:
        pending.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield b"".join(pending)
            pending, quotes = [], 0
    if pending:
        yield b"".join(pending)


def raw_fields(record: bytes) -> list[bytes]:
    """The fields of a record as they are written, with their quotes."""
    return [match[1] for match in _RAW_FIELD.finditer(record.removesuffix(b"\r\n"))]


def _fields(record: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(record.decode(), newline="")), [])


def _put(target: BinaryIO | None, content: bytes) -> None:
    if target:
        target.write(content)


def _parquet(path: Path, target: BinaryIO | None, subject: Subject, own: set[str]) -> Without:
    """A row group at a time."""
    rows = removed = emptied = 0
    with pyarrow.parquet.ParquetFile(path) as source:
        schema = source.schema_arrow
        writer = None
        if target:
            writer = writing(target, schema)
        try:
            for number in range(source.num_row_groups):
                if CHANGE in schema.names:
                    removed += source.metadata.row_group(number).num_rows
                    continue
                table, gone, blanked = _group(source.read_row_group(number), subject, own)
                rows, removed, emptied = rows + table.num_rows, removed + gone, emptied + blanked
                if writer and table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
        finally:
            if writer:
                writer.close()
    return Without(rows, removed, emptied)


def _group(table: pa.Table, subject: Subject, own: set[str]) -> tuple[pa.Table, int, int]:
    find = subject.finder
    theirs: set[int] = set()
    named: dict[str, set[int]] = {}
    for name in table.column_names:
        column = table.column(name)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        for index in _candidates(column, find.loose):
            value = column[index].as_py()
            if name in own and find.fullmatch(value.strip()):
                theirs.add(index)
            elif find.search(value):
                named.setdefault(name, set()).add(index)
    blanked = {index for indexes in named.values() for index in indexes} - theirs
    for name, indexes in named.items():
        position = table.column_names.index(name)
        mask = pa.array([index in indexes for index in range(table.num_rows)])
        emptied = pyarrow.compute.if_else(mask, pa.scalar(None, table.column(name).type), table.column(name))
        table = table.set_column(position, table.schema.field(position), emptied)
    if theirs:
        table = table.filter(pa.array([index not in theirs for index in range(table.num_rows)]))
    return table, len(theirs), len(blanked)


def _candidates(column: pa.ChunkedArray, pattern: str | None) -> list[int]:
    """The rows whose text may contain an identifier, found without Python looking at each value."""
    if pattern is None:
        return []
    hits = pyarrow.compute.match_substring_regex(column, pattern, ignore_case=True)
    found: list[int] = pyarrow.compute.indices_nonzero(hits.combine_chunks()).to_pylist()
    return found
