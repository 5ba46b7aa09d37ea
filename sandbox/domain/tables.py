"""Readers of the committed lists in `data/`."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast, get_args, get_type_hints

_Record = TypeVar("_Record")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `data/<name>.csv`, keyed by column; an empty text stands for nothing."""
    with (files("sandbox.domain") / "data" / f"{name}.csv").open(encoding="utf-8") as handle:
        return tuple(csv.DictReader(handle))


def records(name: str, kind: type[_Record]) -> tuple[_Record, ...]:
    """The rows of `data/<name>.csv` as dataclasses: columns named like their fields, texts turned into their types."""
    found: tuple[_Record, ...] = _records(name, cast(Any, kind))
    return found


@cache
def _records(name: str, kind: type[Any]) -> tuple[Any, ...]:
    types = get_type_hints(kind)
    return tuple(kind(**{column: _typed(row[column], types[column]) for column in types}) for row in rows(name))


def _typed(text: str, kind: Any) -> Any:
    """A text as one of the types that fields have; several texts stand between bars, nothing is None if it may be."""
    if kind == tuple[str, ...]:
        return tuple(text.split("|"))
    choices = get_args(kind) or (kind,)
    return None if not text and type(None) in choices else choices[0](text)


@cache
def words(kind: str) -> tuple[str, ...]:
    """One line of `data/words.csv`: words, names or sentences that stand beside each other."""
    return tuple(next(row["words"] for row in rows("words") if row["kind"] == kind).split("|"))


@cache
def weights(kind: str) -> dict[str, float]:
    """One line of `data/weights.csv`: names with how often each is drawn, as a weight or as a share of its own."""
    line = next(row["weights"] for row in rows("weights") if row["kind"] == kind)
    return {name: float(weight) for name, _, weight in (part.rpartition("=") for part in line.split("|"))}
