"""What became of the tables and columns of the retired reporting copy (seeds/legacy_columns.csv)."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from warehouse.core.errors import TermsError
from warehouse.core.settings import PROJECT, near

COLUMNS: Final = PROJECT / "seeds" / "legacy_columns.csv"

OUTCOMES: Final = ("same", "derived", "gone")

RENAMED: Final = {"dfeta_sanction": "dfeta_sanction_legacy"}
"""Names that a table had before: views of both names have the same rows."""

_TYPES: Final = {
    "uniqueidentifier": "text",
    "nvarchar": "text",
    "varchar": "text",
    "char": "text",
    "character": "text",
    "text": "text",
    "int": "int",
    "integer": "int",
    "bigint": "bigint",
    "bit": "bit",
    "date": "date",
    "datetime": "datetime",
}


@dataclass(frozen=True)
class OldColumn:
    """A column of an old table.

    Attributes:
        table: in small letters, as all names here.
        old_type: as SQL Server had it, such as "nvarchar(100)".
        view_type: what it is in the views: text, int, bigint, bit, datetime, date, decimal(p,s), array or json.
        outcome: "same", "derived" or "gone".
        made_of: of "same" the replicated column, `table.column`; of "derived" all that it is made of.
        explanation: how it is derived, or why it is gone.
        gone_since: the month, such as "2025-07"; empty unless it is gone.
        use_instead: what answers the question now; empty where nothing does.
    """

    table: str
    name: str
    old_type: str
    view_type: str
    outcome: str
    made_of: str
    explanation: str
    gone_since: str
    use_instead: str


@lru_cache(maxsize=1)
def load(path: Path = COLUMNS) -> tuple[OldColumn, ...]:
    """Every column of the old tables. A row of the file is all columns of a table of which the same is to be said.

    Raises:
        TermsError: two things are said of one name, or an outcome is none; names the place.
    """
    with path.open(encoding="utf-8", newline="") as file:
        found = [_column(word, row) for row in csv.DictReader(file) for word in row["legacy_columns"].split()]
    for name, times in Counter((one.table, one.name) for one in found).items():
        if times > 1:
            raise _wrong(path, f"`{name[1]}` of `{name[0]}` is there {times} times")
    for one in found:
        if one.outcome not in OUTCOMES:
            raise _wrong(path, f"`{one.name}` of `{one.table}` is `{one.outcome}`; it must be {', '.join(OUTCOMES)}")
    return tuple(found)


def columns_of(table: str) -> dict[str, OldColumn]:
    """The columns of an old table by their names; nothing where there was no such table."""
    wanted = table.lower()
    wanted = RENAMED.get(wanted, wanted)
    return {one.name: one for one in load() if one.table == wanted}


def has_view(table: str) -> bool:
    """Whether there is a view of this old name."""
    return any(one.outcome != "gone" for one in columns_of(table).values())


def _wrong(path: Path, what: str) -> TermsError:
    place = near(path)
    return TermsError(
        f"{place}: {what}.",
        meaning="What became of an old column is not certain. Nothing was changed.",
        next_command=f"Correct {place}, then run `make docs`.",
    )


def _column(word: str, row: dict[str, str]) -> OldColumn:
    name, old_type, *form = word.split(":")
    return OldColumn(
        row["legacy_table"],
        name,
        old_type,
        form[0] if form else _TYPES.get(old_type.partition("(")[0], old_type),
        row["outcome"],
        row["made_of"].replace("*", name),
        row["explanation"],
        row["gone_since"],
        row["use_instead"],
    )
