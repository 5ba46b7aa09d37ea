"""What is published of a count: a rounded number, or a symbol of Explore Education Statistics in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from warehouse.deliver.disclosure.hiding import Cell, Threshold, hidden

CONFIDENTIAL, LOW, NOT_APPLICABLE, UNRELIABLE = "c", "low", "z", "u"
"""Hidden; rounded to zero and not zero; a percentage of nobody; a percentage of a number that rounds to zero."""

SYMBOLS = frozenset({CONFIDENTIAL, LOW, NOT_APPLICABLE, UNRELIABLE, "x", "k"})
"""Every symbol that may stand for a number: also `x` for not available, and `k`, which `low` has replaced."""


@dataclass(frozen=True)
class Control:
    """How counts are kept from saying something of a person, as a contract has it.

    Attributes:
        threshold: which counts are too small.
        round_to: the base that the others are rounded to; 1 leaves them as they are.
        total: what the item of a total is called.
    """

    threshold: Threshold
    round_to: int = 1
    total: str = "Total"


@dataclass
class Told:
    """How many cells became what, which a manifest may say: never which."""

    cells: int = 0
    hidden: int = 0
    hidden_to_protect: int = 0
    rounded_to_zero: int = 0
    tables_hidden_whole: int = 0

    def as_dict(self) -> dict[str, int]:
        return {
            "cells": self.cells,
            "hidden": self.hidden,
            "hiddenToProtectOthers": self.hidden_to_protect,
            "roundedToZero": self.rounded_to_zero,
            "tablesHiddenWhole": self.tables_hidden_whole,
        }


def rounded(count: int, base: int) -> int:
    """A count to the nearest multiple of a base, and up where two are as near."""
    return (2 * count + base) // (2 * base) * base


def published(
    tables: Iterable[Mapping[Cell, int]], control: Control, told: Told | None = None
) -> list[dict[Cell, str]]:
    """What is published of each cell of tables that have totals in common.

    Tables with totals in common are those of one cohort that is followed over years: where its size has to be hidden
    in one of them, it must not be read off another. So then all of their cells are hidden. One table has nothing in
    common with others, and is protected cell by cell.

    Args:
        tables: one, or several of the same cohort.
        told: adds up how many cells became what.

    Raises:
        NotATable: a table is not whole, or its totals are not sums.
    """
    given = list(tables)
    found = [hidden(counts, control.total, control.threshold) for counts in given]
    if len(given) > 1 and any(control.total in cell for cells in found for cell in cells):
        found = [frozenset(counts) for counts in given]
        if told is not None:
            told.tables_hidden_whole += len(given)
    if told is not None:
        for counts, cells in zip(given, found, strict=True):
            told.cells += len(counts)
            told.hidden += len(cells)
            told.hidden_to_protect += sum(not control.threshold.is_small(counts[cell]) for cell in cells)
            told.rounded_to_zero += sum(
                count > 0 and rounded(count, control.round_to) == 0
                for cell, count in counts.items()
                if cell not in cells
            )
    return [
        {cell: CONFIDENTIAL if cell in cells else _shown(count, control.round_to) for cell, count in counts.items()}
        for counts, cells in zip(given, found, strict=True)
    ]


def percentage(part: str, whole: str, places: int) -> str:
    """The share of one published count in another, which says nothing that the two do not say.

    Args:
        part, whole: as they are published: rounded, or a symbol.
        places: decimal places; rounded up where two numbers are as near.
    """
    if CONFIDENTIAL in (part, whole):
        return CONFIDENTIAL
    if whole == "0":
        return NOT_APPLICABLE
    if whole == LOW:
        return UNRELIABLE
    if part == LOW:
        return LOW
    scale = 10**places
    share = rounded_share(int(part), int(whole), 100 * scale)
    return str(share) if places == 0 else f"{share // scale}.{share % scale:0{places}d}"


def rounded_share(part: int, whole: int, of: int) -> int:
    """A part of a whole, in whole numbers of so many parts."""
    return int(Fraction(part * of, whole) + Fraction(1, 2))


def _shown(count: int, base: int) -> str:
    number = rounded(count, base)
    return LOW if number == 0 and count else str(number)
