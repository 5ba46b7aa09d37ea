"""Readers of the committed lists in `data/`."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `data/<name>.csv`, keyed by column; an empty text stands for nothing."""
    with (files("sandbox.domain") / "data" / f"{name}.csv").open(encoding="utf-8") as handle:
        return tuple(csv.DictReader(handle))


@cache
def words(kind: str) -> tuple[str, ...]:
    """One line of `data/words.csv`: words, names or sentences that stand beside each other."""
    return tuple(next(row["words"] for row in rows("words") if row["kind"] == kind).split("|"))


@cache
def weights(kind: str) -> dict[str, float]:
    """One line of `data/weights.csv`: names with how often each is drawn, as a weight or as a share of its own."""
    line = next(row["weights"] for row in rows("weights") if row["kind"] == kind)
    return {name: float(weight) for name, _, weight in (part.rpartition("=") for part in line.split("|"))}
