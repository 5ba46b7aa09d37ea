"""CSV as RFC 4180 has it: UTF-8 without byte order mark, CRLF, one header row, quotes only where needed.

An empty field is null; a quoted empty field is an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from warehouse.core.csv_on_disk import WRITER
from warehouse.deliver.compressed_file import CompressedFile
from warehouse.deliver.data_file import DataFile
from warehouse.deliver.hashed_file import HashedFile

_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def line(values: Iterable[str | None]) -> bytes:
    """One record, with its end of line, as PostgreSQL's COPY would quote it."""
    return (",".join("" if value is None else _field(value) for value in values) + "\r\n").encode()


def _field(value: str) -> str:
    if value == "" or _NEEDS_QUOTES.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value


def with_crlf(rows: Sequence[bytes]) -> bytes:
    """Rows of COPY, each ending in one line feed of its own, as records of RFC 4180.

    Line breaks inside quoted fields stay as they are: only the last byte of each row is replaced.
    """
    content = b"".join(rows)
    if content.count(b"\n") == len(rows):
        return content.replace(b"\n", b"\r\n")
    return b"".join([row[:-1] + b"\r\n" for row in rows])


class CsvFile(DataFile):
    """A CSV file being written.

    Args:
        path: where.
        names: of the columns.
        is_compressed: whether by gzip.
    """

    def __init__(self, path: Path, names: Sequence[str], *, is_compressed: bool = False) -> None:
        self.writer = WRITER if is_compressed else None
        self._handle = CompressedFile(path) if is_compressed else HashedFile(path)
        self.checksums = self._handle.checksums
        self._handle.write(line(names))

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows of COPY."""
        self._handle.write(with_crlf(rows))

    def close(self) -> None:
        """Close it."""
        self._handle.close()
