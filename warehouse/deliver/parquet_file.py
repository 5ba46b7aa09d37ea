"""Parquet with an explicit schema and fixed settings, so that the same rows give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa

from warehouse.core.contracts import Column, ColumnType, Contract, Kind
from warehouse.core.errors import CheckFailed
from warehouse.core.parquet_on_disk import WRITER, writing
from warehouse.deliver.csv_blocks import read_block
from warehouse.deliver.data_file import DataFile
from warehouse.deliver.hashed_file import HashedFile
from warehouse.deliver.in_order import InOrder

ROWS_PER_GROUP = 131_072
BYTES_PER_GROUP = 48 << 20
"""A row group ends at whichever comes first, in rows and in bytes of CSV, so that wide rows need no more memory."""

ROWS_AT_ONCE = 2_048
"""So many rows are parsed at a time: the parser needs several times the memory of what it is given."""

ROWS_PER_BLOCK = 16_384
BYTES_PER_BLOCK = 8 << 20
"""Rows are laid out in blocks, ending at whichever comes first. Where a page ends depends on them, so the same rows
give the same blocks, however they come."""

_HELD = 1
"""Blocks that are given to the thread: the one that it lays out."""

_COLUMN_OF_MESSAGE = re.compile(r"In CSV column #(\d+)")

_INTEGERS = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_OTHERS = {
    Kind.STRING: pa.string(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMP_WITH_ZONE: pa.timestamp("us", tz="UTC"),
}


def arrow_type(of: ColumnType) -> pa.DataType:
    """The Arrow type of a column."""
    if of.kind is Kind.INTEGER:
        return _INTEGERS[of.size or 64]
    if of.kind is Kind.DECIMAL:
        return pa.decimal128(of.size, of.scale)
    if of.kind is Kind.FLOAT:
        return pa.float32() if of.size == 32 else pa.float64()
    return _OTHERS[of.kind]


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The schema of a file, by what it calls its columns.

    Every field may be null: whether it is, is for the check to find and to say well.
    """
    return pa.schema([pa.field(column.in_file, arrow_type(column.type)) for column in columns])


def file_schema(contract: Contract, as_at: date, missing: Collection[str] = ()) -> pa.Schema:
    """The schema of a file, with what a reader should know: of each field, and of the whole file.

    A required field may not be null, so that readers need not look for nulls; but for those in `missing`, whose file is
    for the gate to refuse with all that is wrong. Nothing here has a clock: the same rows give the same bytes.
    """
    fields = []
    for column in contract.columns:
        about = {"description": column.description, "classification": column.classification}
        if column.quasi_identifier:
            about["quasiIdentifier"] = "true"
        fields.append(
            pa.field(
                column.in_file,
                arrow_type(column.type),
                nullable=not column.required or column.name in missing,
                metadata=about,
            )
        )
    about = {
        "title": f"{contract.recipient}/{contract.name}",
        "description": contract.description,
        "contract_id": contract.id,
        "contract_version": contract.version,
        "as_at": as_at.isoformat(),
    }
    return pa.schema(fields, metadata=about)


def does_not_fit(error: pa.ArrowInvalid, columns: Sequence[Column], name: str) -> CheckFailed:
    """A value that is not of its column's type, in words of ours: Arrow's own message quotes the value."""
    match = _COLUMN_OF_MESSAGE.search(str(error))
    where = "the rows"
    if match and int(match[1]) < len(columns):
        column = columns[int(match[1])]
        where = f"column {column.name} ({column.physical_type})"
    return CheckFailed(
        f"{name}: rule `type` of {where} is broken by at least 1 row: a value has no place in the file, such as a date "
        "before the year 1 or a number that is not finite.",
        meaning="Nothing was sent.",
        next_command="Correct the model (or the contract's type), run `warehouse run`, then `warehouse deliver`.",
    )


class ParquetFile(DataFile):
    """A Parquet file being written, on a thread of its own: the next rows are read meanwhile.

    Args:
        path: where.
        contract: for the columns and the compression.
        name: of the file, for messages.
        as_at: the day that the rows describe.
        missing: required columns in which values are missing.
    """

    writer = WRITER

    def __init__(self, path: Path, contract: Contract, name: str, as_at: date, missing: Collection[str] = ()) -> None:
        self._columns, self._name = contract.columns, name
        self._schema, self._written = arrow_schema(contract.columns), file_schema(contract, as_at, missing)
        self._file = HashedFile(path)
        self.checksums = self._file.checksums
        self._writer = writing(self._file, self._written, contract.format.compression_level)
        self._block: list[bytes] = []
        self._block_size = 0
        self._group: list[pa.Table] = []
        self._rows = self._bytes = 0
        self._thread = InOrder("parquet", _HELD)

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows of COPY.

        Raises:
            CheckFailed: a value of this or an earlier call is not of its column's type.
        """
        size = sum(map(len, rows))
        if len(self._block) + len(rows) < ROWS_PER_BLOCK and self._block_size + size < BYTES_PER_BLOCK:
            self._block += rows
            self._block_size += size
            return
        for row in rows:
            self._block.append(row)
            self._block_size += len(row)
            if len(self._block) >= ROWS_PER_BLOCK or self._block_size >= BYTES_PER_BLOCK:
                self._hand_on()

    def close(self) -> None:
        """Write what is left, and the footer.

        Raises:
            CheckFailed: a value is not of its column's type.
        """
        try:
            try:
                self._hand_on()
            finally:
                with self._fitting():
                    self._thread.finish()
            self._end_group()
        finally:
            try:
                self._writer.close()
            finally:
                self._file.close()

    def _hand_on(self) -> None:
        block, self._block, self._block_size = self._block, [], 0
        if block:
            with self._fitting():
                self._thread.do(self._append, block)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid as error:
            raise does_not_fit(error, self._columns, self._name) from None

    def _append(self, rows: Sequence[bytes]) -> None:
        pieces = []
        for start in range(0, max(len(rows), 1), ROWS_AT_ONCE):
            content = b"".join(rows[start : start + ROWS_AT_ONCE])
            pieces.append(read_block(content, self._schema, use_threads=False))
            self._bytes += len(content)
        # As one: where the library ends a page depends on the pieces that it is given, and so do the file's bytes.
        self._group.append(pa.concat_tables(pieces).combine_chunks())
        self._rows += len(rows)
        if self._rows >= ROWS_PER_GROUP or self._bytes >= BYTES_PER_GROUP:
            self._end_group()

    def _end_group(self) -> None:
        if self._group:
            table = pa.concat_tables(self._group)
            table = pa.Table.from_arrays(table.columns, schema=self._written)
            self._writer.write_table(table, row_group_size=self._rows)
        # Before the next group comes into being, what this one took goes back to the system.
        table, self._group, self._rows, self._bytes = None, [], 0, 0
        pa.default_memory_pool().release_unused()
