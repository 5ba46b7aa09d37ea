"""How commands speak: JSON for machines, words and tables for people, errors in one shape for both.

Everything is printed from here. What comes from a database, a file or a name is text: a terminal's library sees no
markup in it, and no hostile character reaches a terminal, a log or a pipe (warehouse/core/hostile.py). A call of
`out.print` is one line; only what is styled with `styled` has a style.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from warehouse.cli import interrupt
from warehouse.core.errors import WarehouseError
from warehouse.core.hostile import in_json, visible


def _console(*, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> Console:
    return Console(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)


def styled(text: str, style: str) -> Text:
    """A part of a line with a style of the terminal's library, such as "bold red"."""
    return Text(visible(text), style)


class Printer:
    """One of the two streams."""

    def __init__(self, *, stderr: bool = False) -> None:
        self.console = _console(stderr=stderr, soft_wrap=True)

    def print(self, *parts: str | Text) -> None:
        """Print one line: what would break it, or do harm, is shown as an escape."""
        line = Text()
        for part in parts:
            line.append_text(part) if isinstance(part, Text) else line.append(visible(part))
        self.console.print(line)

    def document(self, text: str) -> None:
        """Print a text with line breaks of its own, such as a trace."""
        self.console.print(Text(visible(text, keep="\n\t")))

    def program(self, text: str) -> None:
        """Print what another program is to run, such as SQL: a pipe gets it as it is."""
        if self.is_terminal:
            self.document(text)
        else:
            self.console.file.write(text + "\n")

    @property
    def is_terminal(self) -> bool:
        return self.console.is_terminal

    @property
    def width(self) -> int:
        return self.console.width


out = Printer()
err = Printer(stderr=True)


def speak_any_language() -> None:
    """Write every letter, whatever the locale is: as UTF-8 into a file or a pipe, with a ? on a terminal without it.

    In the locale C or one of the old 8-bit ones a name, or a tick at the end of a stage, would end the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")


JsonOption = typer.Option(False, "--json", help="Print JSON for machines.")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    text = json.dumps(_finite(value), default=as_json, ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(in_json(text) + "\n")


def as_json(value: Any) -> Any:
    """What JSON has no form for: text, as the server writes it where it is a value of a database."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, timedelta | Decimal | UUID | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _finite(value: Any) -> Any:
    """The same value with words in place of the floats that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def print_error(error: WarehouseError) -> None:
    """What happened, what it means, what to type next."""
    err.print(styled(type(error).__name__, "bold red"), "  ", error.what)
    err.print(f"  What it means  {error.meaning}")
    err.print(f"  Next           {error.next_command}")


def print_table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table; numbers to the right with thousands separated."""
    table = Table(title=title and visible(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    numeric = [all(isinstance(row[n], int | float | type(None)) for row in rows) for n in range(len(columns))]
    for name, is_number in zip(columns, numeric, strict=True):
        table.add_column(visible(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    # A pipe gets whole lines; only a terminal's are folded to its width.
    console = _console(width=None if out.is_terminal else 240)
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")) + "\n")


def shown(value: Any) -> str:
    """A value as a person reads it: a list of ours a line each, anything else on one line."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return "\n".join(map(shown, value))
    return visible(str(value))


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "–"
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


class TerminalProgress:
    """Progress as a line that changes on a terminal, and as a line per stage elsewhere (a log, a pipe)."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status = None if quiet or not out.is_terminal else out.console.status("")
        self._stage = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage while the block lasts."""
        interrupt.check()
        self._stage = name
        if self._status:
            self._status.update(styled(name, "bold"))
            self._status.start()
        elif not self._quiet:
            out.print(f"{name} ...")
        try:
            yield
        finally:
            if self._status:
                self._status.stop()

    def done(self, *parts: str | Text) -> None:
        """A line that stays."""
        if not self._quiet:
            out.print(*parts)

    def say(self, text: str) -> None:
        interrupt.check()
        if self._status:
            self._status.update(Text.assemble(styled(self._stage, "bold"), "  ", visible(text)))

    def wait(self, text: str) -> None:
        interrupt.check()
        # Beside JSON, too, a person who looks at the log has to see why nothing happens.
        (err if self._quiet else out).print(f"  {text}")

    def count(self, text: str, done: int, total: int | None = None) -> None:
        self.say(f"{text} {done:,}" + (f" of {total:,}" if total else ""))
