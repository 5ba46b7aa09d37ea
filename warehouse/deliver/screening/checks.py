"""What a check is, and what it finds: columns and numbers of rows, and never a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from warehouse.deliver.screening.pair import Pair


class Result(StrEnum):
    """As the screener of the department calls them."""

    PASS = "PASS"  # noqa: S105  # no password
    WARNING = "WARNING"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Problem:
    """What is wrong.

    Attributes:
        columns: that it is about, by the names that the contract gave them.
        rows: of the data file, or of the metadata where `in_metadata` says so; empty where it is about no row.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    in_metadata: bool = False


Finds = Callable[[Pair], Problem | None]


@dataclass(frozen=True)
class Check:
    """A published check.

    Attributes:
        name: as the department's screener has it.
        wants: what a file has to be, in a few words.
        finds: returns what is wrong with a pair; None where nothing is.
        severity: of what it finds.
    """

    name: str
    wants: str
    finds: Finds
    severity: Result = Result.FAIL


@dataclass(frozen=True)
class Outcome:
    """What a check said of a pair of files."""

    check: Check
    problem: Problem | None

    @property
    def result(self) -> Result:
        return Result.PASS if self.problem is None else self.check.severity


def of_columns(names: Iterable[str]) -> Problem | None:
    """A problem with some columns; None without any."""
    found = tuple(dict.fromkeys(names))
    return Problem(columns=found) if found else None


def of_rows(rows_by_column: Iterable[tuple[str, Sequence[int]]]) -> Problem | None:
    """A problem with rows of some columns; None where there are no rows."""
    found = [(column, rows) for column, rows in rows_by_column if rows]
    if not found:
        return None
    columns = dict.fromkeys(name for name, _ in found)
    return Problem(tuple(columns), tuple(sorted({row for _, rows in found for row in rows})))


def of_meta_rows(pair: Pair, column: str, wrong: Callable[[dict[str, str]], bool]) -> Problem | None:
    """A problem with rows of the metadata."""
    rows = tuple(number for number, row in enumerate(pair.meta_rows, start=1) if wrong(row))
    return Problem((column,), rows, in_metadata=True) if rows else None


def repeated(values: Iterable[str]) -> list[str]:
    """What is there more than once."""
    return [value for value, times in Counter(values).items() if times > 1]
