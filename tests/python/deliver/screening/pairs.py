"""A pair of files that passes every check, and what can be done to it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HEADER = [
    "time_period",
    "time_identifier",
    "geographic_level",
    "country_code",
    "country_name",
    "provider_ukprn",
    "provider_name",
    "route_group",
    "route",
    "award_count",
    "award_percent",
]
ENGLAND = ["E92000001", "England"]
META_HEADER = [
    "col_name",
    "col_type",
    "label",
    "indicator_grouping",
    "indicator_unit",
    "indicator_dp",
    "filter_hint",
    "filter_grouping_column",
]


def _rows() -> list[list[str]]:
    return [
        ["202425", "Academic year", "National", *ENGLAND, "", "", "Total", "Total", "105", "100"],
        ["202425", "Academic year", "National", *ENGLAND, "", "", "England", "ITT England", "105", "100"],
        ["202425", "Academic year", "Provider", *ENGLAND, "10000001", "College", "Total", "Total", "low", "c"],
        ["202425", "Academic year", "Provider", *ENGLAND, "x", "Not available", "Total", "Total", "0", "z"],
    ]


def _meta() -> list[list[str]]:
    return [
        ["route", "Filter", "Route", "", "", "", "Filter by route", "route_group"],
        ["award_count", "Indicator", "Number of awards", "Awards", "", "0", "", ""],
        ["award_percent", "Indicator", "Percentage of awards", "Awards", "%", "0", "", ""],
    ]


@dataclass
class Files:
    """Both files, to be spoilt."""

    name: str = "qts_awards.csv"
    meta_name: str = "qts_awards.meta.csv"
    header: list[str] = field(default_factory=lambda: list(HEADER))
    rows: list[list[str]] = field(default_factory=_rows)
    meta_header: list[str] = field(default_factory=lambda: list(META_HEADER))
    meta: list[list[str]] = field(default_factory=_meta)

    def put(self, row: int, column: str, value: str) -> None:
        """Write into a row of the data, from 1."""
        self.rows[row - 1][self.header.index(column)] = value

    def put_all(self, column: str, value: str) -> None:
        for row in range(len(self.rows)):
            self.put(row + 1, column, value)

    def tell(self, row: int, column: str, value: str) -> None:
        """Write into a row of the metadata, from 1."""
        self.meta[row - 1][self.meta_header.index(column)] = value

    def add(self, column: str, *cells: str) -> None:
        """A column more in the data."""
        self.header.append(column)
        for row, cell in zip(self.rows, cells, strict=True):
            row.append(cell)

    def rename(self, column: str, to: str) -> None:
        """In both files."""
        self.header[self.header.index(column)] = to
        for row in self.meta:
            row[0] = to if row[0] == column else row[0]

    def drop(self, column: str) -> None:
        place = self.header.index(column)
        for row in (self.header, *self.rows):
            del row[place]

    def drop_meta(self, column: str) -> None:
        place = self.meta_header.index(column)
        for row in (self.meta_header, *self.meta):
            del row[place]

    def write(self, folder: Path) -> tuple[Path, Path]:
        found = folder / self.name, folder / self.meta_name
        for path, rows in zip(found, ([self.header, *self.rows], [self.meta_header, *self.meta]), strict=True):
            with path.open("w", encoding="utf-8", newline="") as target:
                csv.writer(target).writerows(rows)
        return found


Spoil = Callable[[Files], object]
