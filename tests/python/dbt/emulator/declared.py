"""Differences that the two databases force: each a row of differences.csv with its number of rows and the reason."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.python.dbt.emulator.comparing import Difference

FILE: Final = Path(__file__).with_name("differences.csv")

Declared = dict[tuple[str, str], int]
"""How many rows differ, by relation and column; the column is `*` where one side has rows that the other has not."""


def declared(file: Path = FILE) -> Declared:
    """What the list has.

    Raises:
        AssertionError: a row without a reason, or two of one column.
    """
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = {(row["relation"], row["column"]): int(row["rows"]) for row in rows}
    assert len(found) == len(rows), "two rows of one column"
    assert all(row["reason"].strip() for row in rows), "a row without a reason"
    return found


def problems(found: Iterable[Difference], listed: Declared) -> list[str]:
    """What differs otherwise than declared, with the first differing rows; and what is declared and no longer so."""
    said = []
    left = dict(listed)
    for difference in found:
        columns = difference.columns or {"*": difference.rows}
        wrong = []
        for column, rows in columns.items():
            allowed = left.pop((difference.relation, column), None)
            if allowed != rows:
                wrong.append(f"{column} in {rows} rows ({allowed or 'none'} declared)")
        if wrong:
            said.append("\n    ".join([f"{difference.relation}: {', '.join(wrong)}", *difference.first]))
    said += [
        f"{relation}: {column} is declared to differ in {rows} rows and is equal: take the row out of differences.csv"
        for (relation, column), rows in left.items()
    ]
    return said
