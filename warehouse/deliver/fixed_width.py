"""A file of fixed width: records of so many bytes, with CR and LF, no header, no byte order mark and no quotes.

All of it is in the contract's layout. Beside the file, in the outbox, the columns of its rows are kept as CSV: they are
what the gate checks, and what it lays out again to compare. A row that does not fit is set aside by a rule and counted;
rows that belong together are set aside together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from warehouse.core.contracts import Contract
from warehouse.core.contracts.layout import Field, Layout
from warehouse.deliver.csv_blocks import read_block
from warehouse.deliver.csv_file import CsvFile, with_crlf
from warehouse.deliver.data_file import DataFile
from warehouse.deliver.files import FileFacts
from warehouse.deliver.hashed_file import HashedFile
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.parquet_file import arrow_schema
from warehouse.deliver.single_byte import Unwritable, encoded

COLUMNS: Final = ".columns.csv"
"""What the name of the file with the columns ends in."""

END: Final = b"\r\n"


def columns_beside(path: Path) -> Path:
    """Where the columns of a file of fixed width are."""
    return path.with_name(path.name + COLUMNS)


class Unfit(ValueError):
    """A row that the layout cannot hold; its text is the rule, with the name of the column and never a value."""


@dataclass
class Fitting:
    """What was done to fit rows into a layout.

    Attributes:
        cut: how many values of each column were cut.
        transliterated: how many of each had a character that the code page has not got.
        set_aside: how many rows were left out, by the rule.
    """

    cut: Counter[str] = field(default_factory=Counter)
    transliterated: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, dict[str, int]]:
        """As it is kept in the ledger and stated in the manifest."""
        return {
            "cut": dict(sorted(self.cut.items())),
            "transliterated": dict(sorted(self.transliterated.items())),
            "setAside": dict(sorted(self.set_aside.items())),
        }


def record(layout: Layout, row: Mapping[str, Any], fitting: Fitting) -> bytes:
    """A row as a record, with its end.

    Args:
        fitting: what was cut and transliterated is counted there.

    Raises:
        Unfit: the layout cannot hold it.
    """
    fields = layout.records.get(str(row[layout.record_column]))
    if fields is None:
        raise Unfit(f"{layout.record_column}: the layout has no such record")
    line = bytearray(b" " * layout.width)
    for one in fields:
        line[one.start - 1 : one.start - 1 + one.width] = _value(one, row, layout, fitting)
    return bytes(line) + END


def _value(one: Field, row: Mapping[str, Any], layout: Layout, fitting: Fitting) -> bytes:
    if one.column is None:
        return encoded(one.constant, layout.encoding)[0]
    value = row[one.column]
    text = "" if value is None else str(value) if one.date_format is None else _day(value, one.date_format)
    if one.required and not text.strip(" "):
        raise Unfit(f"{one.column}: no value")
    try:
        content, changed = encoded(text, layout.encoding)
    except Unwritable:
        raise Unfit(f"{one.column}: a character that {layout.encoding} cannot hold") from None
    if changed:
        fitting.transliterated[one.column] += 1
    if len(content) > one.width:
        if not one.cut:
            raise Unfit(f"{one.column}: longer than {one.width}")
        fitting.cut[one.column] += 1
        content = content[: one.width]
    if one.full and content and len(content) < one.width:
        raise Unfit(f"{one.column}: shorter than {one.width}")
    return content.ljust(one.width) if one.align == "left" else content.rjust(one.width)


def _day(value: date, date_format: str) -> str:
    # strftime writes the year 987 as it likes on each system.
    return value.strftime(date_format.replace("%Y", f"{value.year:04d}").replace("%y", f"{value.year % 100:02d}"))


class FixedWidthFile(DataFile):
    """A file of fixed width being written, and its columns beside it.

    Args:
        path: where.
        columns: where the columns go.
        contract: with the layout.
    """

    def __init__(self, path: Path, columns: Path, contract: Contract) -> None:
        assert contract.format.layout is not None
        self._layout, self._schema = contract.format.layout, arrow_schema(contract.columns)
        self._handle = HashedFile(path)
        self.checksums = self._handle.checksums
        self._columns = CsvFile(columns, self._schema.names)
        self._group: list[tuple[bytes, Mapping[str, Any]]] = []
        self.fitting, self.rows = Fitting(), 0

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows of COPY, in the order of what keeps them together."""
        for raw, row in zip(rows, read_block(with_crlf(rows), self._schema).to_pylist(), strict=True):
            if self._group and (not self._layout.together or self._key(row) != self._key(self._group[0][1])):
                self._write_group()
            self._group.append((raw, row))

    def close(self) -> None:
        """Write what is left, and close both."""
        try:
            self._write_group()
        finally:
            self._handle.close()
            self._columns.close()

    def finish(self, outbox: Outbox, name: str, rows: int) -> FileFacts:
        """Give both their names: of the rows that were written, those count that the layout holds."""
        del rows
        facts = super().finish(outbox, name, self.rows)
        outbox.finish(facts.base_name + COLUMNS)
        return replace(facts, fitting=self.fitting.as_dict())

    def _key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self._layout.together)

    def _write_group(self) -> None:
        """All rows of a group, or none."""
        group, self._group = self._group, []
        fitting = Fitting()
        try:
            records = [record(self._layout, row, fitting) for _, row in group]
        except Unfit as reason:
            self.fitting.set_aside[str(reason)] += len(group)
            return
        self.fitting.cut += fitting.cut
        self.fitting.transliterated += fitting.transliterated
        self._handle.write(b"".join(records))
        self._columns.write([raw for raw, _ in group])
        self.rows += len(records)
