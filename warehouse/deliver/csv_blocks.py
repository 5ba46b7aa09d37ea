"""A CSV file in pieces of whole records, each read by Arrow as one block behind a header of its own.

Arrow cuts a stream into blocks of bytes and loses the line feed of a CR and LF that lie in two of them, also within
quotes; and it takes a byte order mark at the start of what it is given for no part of the first value. So what it is
given ends with a record, is never cut by it, and begins with a header.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv

from warehouse.deliver import csv_file


def csv_options(schema: pa.Schema) -> dict[str, Any]:
    """How COPY's CSV, and our own, is read: typed, an empty field null, a quoted empty one an empty text."""
    return {
        "parse_options": pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types={field.name: field.type for field in schema},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true"],
            false_values=["false"],
            timestamp_parsers=[pyarrow.csv.ISO8601],
        ),
    }


def whole_records(source: BinaryIO, size: int) -> Iterator[bytes]:
    """The rest of a file in pieces that end with a record.

    A record ends with CR and LF where the quotes before it are even in number. A piece has at least one record, and
    is longer than `size` only where one record is; what follows the last whole record is the last piece.
    """
    pending = b""
    while more := source.read(size):
        pending += more
        end = _end_of_the_last_record(pending)
        if end:
            yield pending[:end]
            pending = pending[end:]
    if pending:
        yield pending


def _end_of_the_last_record(content: bytes) -> int:
    """Where the last whole record ends; 0 when none does. Counts each quote once."""
    quotes, end = content.count(b'"'), len(content)
    while (found := content.rfind(b"\r\n", 0, end)) >= 0:
        quotes -= content.count(b'"', found, end)
        if quotes % 2 == 0:
            return found + 2
        end = found + 1
    return 0


def read_block(
    records: bytes, schema: pa.Schema, columns: list[str] | None = None, *, use_threads: bool = True
) -> pa.Table:
    """Whole records as a table.

    Args:
        records: with ends of line, without a header.
        schema: of the file.
        columns: only these; None for all.
        use_threads: whether Arrow's threads share the columns. Each of them keeps memory for the next time.

    Raises:
        pyarrow.ArrowInvalid: a value is not of its column's type, or a record has other columns.
    """
    content = csv_file.line(schema.names) + records
    options = csv_options(schema)
    if columns is not None:
        options["convert_options"].include_columns = columns
    read = pyarrow.csv.ReadOptions(block_size=len(content) + 1, use_threads=use_threads)
    return pyarrow.csv.read_csv(pa.BufferReader(content), read_options=read, **options)
