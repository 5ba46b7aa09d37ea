"""A rule that does not hold, in words that name rules, columns and rows of the file, and never a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

FIRST_ROWS: Final = 10
"""So many rows are named: enough to find the cause; the rule's count says how many there are."""


@dataclass(frozen=True)
class RowOfFile:
    """A row by its number in a data file: the first row of data is 1, whatever header is above it."""

    file: str
    row: int


@dataclass(frozen=True)
class Breach:
    """A rule that does not hold, without any value.

    Attributes:
        rows: how many rows break it; of a rule on the number of rows, how many rows there are.
        first_rows: the first of them; none of a rule on the number of rows.
        detail: what more there is to say of it, such as what the number of rows was compared with.
    """

    rule: str
    columns: tuple[str, ...]
    rows: int
    first_rows: tuple[RowOfFile, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        about = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"rule `{self.rule}`{about}: {self.rows:,} rows" + (f" {self.detail}" if self.detail else "")

    @property
    def where(self) -> str:
        """The first rows that break it: "teachers-2026-09.csv rows 3, 17"; empty when none is known."""
        files = dict.fromkeys(one.file for one in self.first_rows)
        told = [f"{name} {_rows([one.row for one in self.first_rows if one.file == name])}" for name in files]
        return "; ".join(told) + (" …" if told and self.rows > len(self.first_rows) else "")

    def as_dict(self) -> dict[str, Any]:
        """As it is kept in the ledger, and as `--json` prints it."""
        return asdict(self)


def _rows(numbers: Sequence[int]) -> str:
    return f"{'row' if len(numbers) == 1 else 'rows'} {', '.join(f'{one:,}' for one in numbers)}"


def in_words(breaches: Iterable[Breach]) -> str:
    """All of them, with the rows, on one line."""
    return "; ".join(f"{one} ({one.where})" if one.where else str(one) for one in breaches)
