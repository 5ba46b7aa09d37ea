"""Measured figures, and how they are printed."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from warehouse.cli.output import out, print_table


@dataclass(frozen=True)
class Aim:
    """What a figure has to reach.

    Attributes:
        value: what was reached, in the aim's own unit.
        than: "at least" or "at most" the bound.
    """

    what: str
    value: float
    than: Literal["at least", "at most"]
    bound: float

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.than == "at least" else self.value <= self.bound


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        what: what was measured.
        seconds: wall time.
        rows: rows that went through.
        ratio: this time for a row divided by the reference's; below 1 is faster than it.
        to: what the ratio is to. The reference itself has none.
        aims: what it has to reach, and what it reached.
        more: further numbers of the same measurement, named with their unit.
    """

    topic: str
    what: str
    seconds: float
    rows: int
    ratio: float | None = None
    to: str | None = None
    aims: tuple[Aim, ...] = ()
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> int:
        return round(self.rows / self.seconds) if self.seconds else 0


def against(figure: Figure, reference: Figure) -> float:
    """How long a row takes, divided by how long it takes the reference."""
    return (figure.seconds / figure.rows) / (reference.seconds / reference.rows)


class Stopwatch:
    """Seconds of a block, known when it has ended."""

    seconds = 0.0


@contextmanager
def timing() -> Iterator[Stopwatch]:
    watch, start = Stopwatch(), time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def each_run(seconds: Sequence[float]) -> dict[str, float]:
    """The runs that a median stands for."""
    return {f"run {number} s": value for number, value in enumerate(seconds, 1)}


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many of a hundred do not exceed.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("a percentile of nothing")
    rank = -int(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def show(figures: list[Figure], topic: str) -> None:
    """A topic's figures as a table, with what they had to reach beneath it."""
    shown = [f for f in figures if f.topic == topic]
    rows = [
        (f.what, f"{f.seconds:.2f}", f.rows, f.rate, f"{f.ratio:.2f}" if f.ratio else "1", f.to or "(the reference)")
        for f in shown
    ]
    out.print()
    print_table(topic, ["", "seconds", "rows", "rows/s", "ratio", "to"], rows)
    for f in shown:
        if f.more:
            out.print(f"  {f.what}: " + ", ".join(f"{name} {value:,.3g}" for name, value in f.more.items()))
        for aim in f.aims:
            verdict = "reached" if aim.met else "NOT reached"
            out.print(f"  {aim.what}: {aim.value:,.3g}, has to be {aim.than} {aim.bound:,g}: {verdict}")


def keep(figures: list[Figure], people: int, folder: Path) -> Path:
    """Write the figures of a run to a file of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y-%m-%dT%H%M%S')}.json"
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    kept = {"people": people, "machine": machine, "figures": [asdict(f) for f in figures]}
    file.write_text(json.dumps(kept, indent=2) + "\n")
    out.print()
    out.print(f"Kept in {file.name}")
    return file
