"""A data file and its metadata as they lie on the disk, every cell as text."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from warehouse.deliver.screening.known import FILTER, INDICATOR


class NotReadable(ValueError):
    """A file is no CSV file in UTF-8, or a row has more or fewer fields than the header."""


@dataclass(frozen=True)
class Pair:
    """Both files, read.

    Attributes:
        data_name, meta_name: without a folder.
        data, meta: each column by its name, from the first row below the header.
        columns, meta_columns: the headers, in which a name may be there twice.
    """

    data_name: str
    meta_name: str
    columns: tuple[str, ...]
    data: Mapping[str, Sequence[str]]
    meta_columns: tuple[str, ...]
    meta: Mapping[str, Sequence[str]]

    @property
    def length(self) -> int:
        """Rows of the data file."""
        return len(next(iter(self.data.values()), ()))

    @property
    def meta_length(self) -> int:
        return len(next(iter(self.meta.values()), ()))

    @cached_property
    def meta_rows(self) -> list[dict[str, str]]:
        """The rows of the metadata; an optional column that is not there is empty."""
        return [{name: cells[row] for name, cells in self.meta.items()} for row in range(self.meta_length)]

    @cached_property
    def filters(self) -> list[str]:
        return self._of_type(FILTER)

    @cached_property
    def indicators(self) -> list[str]:
        return self._of_type(INDICATOR)

    @cached_property
    def groups(self) -> dict[str, str]:
        """The column that groups the items of a filter, by the filter."""
        return {
            row["col_name"]: row["filter_grouping_column"] for row in self.meta_rows if row["filter_grouping_column"]
        }

    @property
    def filters_and_groups(self) -> list[str]:
        return list(dict.fromkeys([*self.filters, *self.groups.values()]))

    @cached_property
    def levels(self) -> set[str]:
        return set(self.data["geographic_level"])

    def rows_where(self, column: str, values: Iterable[str]) -> list[int]:
        """The numbers of the rows that have one of some values, from 1."""
        wanted = frozenset(values)
        return [row for row, value in enumerate(self.data[column], start=1) if value in wanted]

    def rows_of(self, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Each row's values in some columns."""
        return zip(*(self.data[name] for name in columns), strict=True)

    def _of_type(self, kind: str) -> list[str]:
        return [row["col_name"] for row in self.meta_rows if row["col_type"] == kind]


def read_pair(data: Path, meta: Path) -> Pair:
    """Read both files.

    Raises:
        NotReadable: names the file and the row, and no value.
    """
    columns, cells = _read(data)
    meta_columns, meta_cells = _read(meta)
    return Pair(data.name, meta.name, columns, cells, meta_columns, meta_cells)


def _read(path: Path) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as source:
            reader = csv.reader(source, strict=True)
            header = tuple(next(reader, ()))
            cells: list[list[str]] = [[] for _ in header]
            for number, row in enumerate(reader, start=1):
                if len(row) != len(header):
                    raise NotReadable(f"{path.name} row {number:,} has {len(row)} fields, the header {len(header)}")
                for column, value in zip(cells, row, strict=True):
                    column.append(value)
    except UnicodeDecodeError:
        raise NotReadable(f"{path.name} is not UTF-8") from None
    except csv.Error:
        raise NotReadable(f"{path.name} is no CSV file as RFC 4180 has it") from None
    return header, dict(zip(header, cells, strict=True))
