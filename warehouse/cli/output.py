"""How commands speak: JSON for machines, words and tables for people, errors in one shape for both."""

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

from warehouse.cli import interrupt
from warehouse.core.errors import WarehouseError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


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
    sys.stdout.write(text + "\n")


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
    err.print(f"[bold red]{type(error).__name__}[/]  {plain(error.what)}")
    err.print(f"  What it means  {plain(error.meaning)}")
    err.print(f"  Next           {plain(error.next_command)}")


def plain(text: str) -> str:
    """A text in which the terminal's library sees no markup."""
    return text.replace("[", r"\[")


def print_table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table; numbers to the right with thousands separated."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    numeric = [all(isinstance(row[n], int | float | type(None)) for row in rows) for n in range(len(columns))]
    for name, is_number in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    # A pipe gets whole lines; only a terminal's are folded to its width.
    console = Console(highlight=False) if out.is_terminal else Console(width=240, highlight=False)
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")) + "\n")


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return plain(str(value))


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
        self._status = None if quiet or not out.is_terminal else out.status("")
        self._stage = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage while the block lasts."""
        interrupt.check()
        self._stage = name
        if self._status:
            self._status.update(f"[bold]{name}[/]")
            self._status.start()
        elif not self._quiet:
            out.print(f"{name} ...")
        try:
            yield
        finally:
            if self._status:
                self._status.stop()

    def done(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            out.print(text)

    def say(self, text: str) -> None:
        interrupt.check()
        if self._status:
            self._status.update(f"[bold]{self._stage}[/]  {plain(text)}")

    def wait(self, text: str) -> None:
        interrupt.check()
        # Beside JSON, too, a person who looks at the log has to see why nothing happens.
        (err if self._quiet else out).print(f"  {text}", markup=False)

    def count(self, text: str, done: int, total: int | None = None) -> None:
        self.say(f"{text} {done:,}" + (f" of {total:,}" if total else ""))
