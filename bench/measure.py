"""Measured figures, and how they are printed."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from warehouse.cli.output import out, print_table


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        what: what was measured.
        seconds: wall time.
        rows: rows that went through.
        ratio: this time divided by the reference's; below 1 is faster than it.
        to: what the ratio is to. The reference itself has none.
    """

    topic: str
    what: str
    seconds: float
    rows: int
    ratio: float | None = None
    to: str | None = None

    @property
    def rate(self) -> int:
        return round(self.rows / self.seconds) if self.seconds else 0


class Stopwatch:
    """Seconds of a block, known when it has ended."""

    seconds = 0.0


@contextmanager
def timing() -> Iterator[Stopwatch]:
    watch, start = Stopwatch(), time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def show(figures: list[Figure], topic: str) -> None:
    """A topic's figures as a table."""
    rows = [
        (f.what, f"{f.seconds:.2f}", f.rows, f.rate, f"{f.ratio:.2f}" if f.ratio else "1", f.to or "(the reference)")
        for f in figures
        if f.topic == topic
    ]
    print_table(f"\n{topic}", ["", "seconds", "rows", "rows/s", "ratio", "to"], rows)


def keep(figures: list[Figure], people: int, folder: Path) -> Path:
    """Write the figures of a run to a file of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y-%m-%dT%H%M%S')}.json"
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    file.write_text(
        json.dumps({"people": people, "machine": machine, "figures": [asdict(f) for f in figures]}, indent=2) + "\n"
    )
    out.print(f"\nKept in {file.name}")
    return file
