"""The rows of an answer as a table, as CSV or as JSON, with each value as the server writes it.

The driver's own types would have forms of their own (a list, a UUID object), and none for infinite dates, years after
9999 or values that Python lacks. So every value comes as text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from psycopg.abc import Buffer
from psycopg.adapt import Loader

from warehouse.cli.output import err, out, print_table
from warehouse.core.hostile import in_json, visible

Row = Sequence[str | None]

_BOOLEAN, _JSON = frozenset({16}), frozenset({114, 3802})
_INTEGERS = frozenset({20, 21, 23, 26})
_FLOATS = frozenset({700, 701})
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})

ROWS_OF_A_TABLE = 1_000
"""A table is laid out as a whole, so it has an end; the other forms have none."""


class Text(Loader):
    """A value as the text that the server sent."""

    def load(self, data: Buffer) -> str:
        """Decode it: every session of ours is in UTF-8."""
        return bytes(data).decode()


@dataclass(frozen=True)
class Column:
    """A column of an answer.

    Attributes:
        oid: of its type; 0 for a text of ours.
    """

    name: str
    oid: int


class Printed:
    """The answers of a command, one for each statement, printed on standard output as they come.

    Of several, tables and CSV have an empty line between two answers; in JSON they are one list of lists.
    """

    def __init__(self, form: str, several: bool) -> None:
        self._form = form
        self._several = several
        self._count = 0

    def rows(self, columns: Sequence[Column], rows: Iterator[Row]) -> None:
        """Print the answer to a statement."""
        if self._several and self._form == "json":
            sys.stdout.write(",\n" if self._count else "[\n")
        elif self._count:
            sys.stdout.write("\n")
        self._count += 1
        {"table": _table, "csv": _csv, "json": _json}[self._form](columns, rows)

    def end(self) -> None:
        """Close the list."""
        if self._several and self._form == "json":
            sys.stdout.write("]\n" if self._count else "[]\n")


@contextmanager
def printed(form: str, statements: int) -> Iterator[Printed]:
    """Where the answers to so many statements are printed.

    Args:
        form: "table", "csv" or "json".
    """
    made = Printed(form, statements > 1)
    yield made
    made.end()


def _csv(columns: Sequence[Column], rows: Iterator[Row]) -> None:
    """As COPY writes CSV with a header, but for true and false, which are words."""
    alone = len(columns) == 1
    sys.stdout.write(",".join(_field(column.name, alone) for column in columns) + "\n")
    for row in rows:
        sys.stdout.write(
            ",".join(
                "" if value is None else _field(_word(column, value), alone)
                for column, value in zip(columns, row, strict=True)
            )
            + "\n"
        )


def _field(text: str, alone: bool) -> str:
    # A file or a program gets values as they are.
    text = visible(text) if out.is_terminal else text
    if text == "" or any(mark in text for mark in ',"\r\n') or (alone and text == "\\."):
        return '"' + text.replace('"', '""') + '"'
    return text


def _json(columns: Sequence[Column], rows: Iterator[Row]) -> None:
    """One document: a list with an object for each row."""
    names = [in_json(json.dumps(column.name, ensure_ascii=False)) for column in columns]
    before = "["
    for row in rows:
        values = (json_of(column.oid, value) for column, value in zip(columns, row, strict=True))
        fields = ",\n    ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
        sys.stdout.write(f"{before}\n  {{\n    {fields}\n  }}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def json_of(oid: int, value: str | None) -> str:
    """A value in JSON: numbers, booleans and JSON itself as what they are, all else as text; null as null.

    A numeric is a text, so that no reader rounds it; a float that is not finite is one, as JSON has no word for it.
    """
    if value is None:
        return "null"
    if oid in _BOOLEAN:
        return "true" if value == "t" else "false"
    if oid in _INTEGERS or oid in _JSON or (oid in _FLOATS and value not in _NOT_FINITE):
        return in_json(value)
    return in_json(json.dumps(value, ensure_ascii=False))


def _table(columns: Sequence[Column], rows: Iterator[Row]) -> None:
    shown = list(islice(rows, ROWS_OF_A_TABLE))
    print_table(
        None,
        [column.name for column in columns],
        [[_seen(column, value) for column, value in zip(columns, row, strict=True)] for row in shown],
    )
    if next(rows, None) is not None:
        sys.stdout.flush()
        err.print(f"These are the first {ROWS_OF_A_TABLE:,} rows, there are more: `--format csv` prints all of them.")


def _seen(column: Column, value: str | None) -> object:
    if value is not None and column.oid in _INTEGERS:
        return int(value)
    if value is not None and column.oid in _BOOLEAN:
        return value == "t"
    return value


def _word(column: Column, value: str) -> str:
    return {"t": "true", "f": "false"}[value] if column.oid in _BOOLEAN else value
