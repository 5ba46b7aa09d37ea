"""Which cells of a table of counts are hidden, so that nobody can work one out from the others.

A cell under the threshold is hidden (primary suppression). Its neighbours and totals would give it away, so others are
hidden with it (secondary suppression), by the hypercube method of Repsilber and Giessing that tau-Argus has, too: for
each small cell one box is chosen, with two items along each dimension, of which the total can be one. The counts of
a box can go up and down together by any number while every total that is published stays what it is. A box is only
taken where they can go so far that the small cell may have been any number under the threshold. So whoever knows all
that is published, unrounded, and that nothing hidden is zero, still cannot rule out a single one of these numbers.
There always is such a box: of a cell and its totals, none of which then is published.

Of a total that is small itself one thing is known whatever is hidden: it is not smaller than its parts. Its box goes as
far down as one can, and up to the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

Cell = tuple[str, ...]
"""The item of each dimension; the total is an item, too."""


class NotATable(ValueError):
    """The counts are not a whole table: a cell is missing, or a total is not the sum of its parts."""


@dataclass(frozen=True)
class Threshold:
    """Which counts are too small to be published.

    Attributes:
        under: counts below it are hidden; 0 and 1 hide none but zeros, if those are hidden.
        hides_zero: whether a count of nobody is hidden, too.
    """

    under: int
    hides_zero: bool = False

    @property
    def lowest(self) -> int:
        """The smallest count that can be behind a hidden cell, as everybody may know."""
        return 0 if self.hides_zero else 1

    def is_small(self, count: int) -> bool:
        """Whether a count is hidden for its own sake."""
        return self.lowest <= count < self.under or (self.hides_zero and count == 0)

    @property
    def highest(self) -> int:
        """The count up to which a hidden cell has to be possible: at least two have to be, or it would be known."""
        return max(self.under - 1, self.lowest + 1)


def hidden(counts: Mapping[Cell, int], total: str, threshold: Threshold) -> frozenset[Cell]:
    """The cells that must not be published.

    Args:
        counts: each cell of the table, those of the totals included.
        total: what the item of a total is called, in every dimension.

    Returns:
        The small cells and those that protect them; the same whatever the order of the counts.

    Raises:
        NotATable: a cell is missing, or a total is not the sum of its parts.
    """
    items = _items(counts, total)
    _add_up(counts, items, total)
    table = _Table(counts, items, total, threshold)
    found = {cell for cell, count in counts.items() if threshold.is_small(count)}
    for cell in sorted(found):
        found.update(_protection(cell, table, found))
    return frozenset(found)


@dataclass(frozen=True)
class _Table:
    counts: Mapping[Cell, int]
    items: Sequence[Sequence[str]]
    total: str
    threshold: Threshold

    def spares(self, smallest: int | None, by: int) -> bool:
        """Whether counts of which this is the smallest can all go down so far; None stands for no counts."""
        return smallest is None or smallest >= self.threshold.lowest + by


def _protection(cell: Cell, table: _Table, found: set[Cell]) -> list[Cell]:
    """What has to be hidden with a small cell."""
    down = table.counts[cell] - table.threshold.lowest
    up = table.threshold.highest - table.counts[cell]
    while (box := _cheapest_box(cell, table, found, up, down)) is None:
        assert table.total in cell and down > 0, "a cell with its totals always reaches"
        down, up = down - 1, max(up, 1)
    return box


def _cheapest_box(cell: Cell, table: _Table, found: set[Cell], up: int, down: int) -> list[Cell] | None:
    """What the box adds that lets a cell go so far up and down at the least loss: of the grand total, then of people.

    Returns:
        The cells that are not hidden yet; None where no box goes so far.
    """
    counts, everything = table.counts, (table.total,) * len(cell)
    best: tuple[tuple[bool, int, int, Cell], list[Cell]] | None = None
    for corner in product(*_partners(cell, table, up, down)):
        box = list(_box(cell, corner, table.total))
        with_it = min(counts[one] for one, sign in box if sign == 1)
        against = min((counts[one] for one, sign in box if sign == -1), default=None)
        if not table.spares(with_it, down) or not table.spares(against, up):
            continue
        new = [one for one, _ in box if one not in found]
        cost = (everything in new, sum(counts[one] for one in new), len(new), corner)
        if best is None or cost < best[0]:
            best = cost, new
        if not new:
            break
    return None if best is None else best[1]


def _partners(cell: Cell, table: _Table, up: int, down: int) -> Iterator[list[str]]:
    """Along each dimension the items that can be the other end of a box: those whose own cell has enough to spare."""
    for place, names in enumerate(table.items):
        possible = []
        for name in names:
            if name == cell[place]:
                continue
            neighbour = table.counts[(*cell[:place], name, *cell[place + 1 :])]
            if table.spares(neighbour, down if table.total in (name, cell[place]) else up):
                possible.append(name)
        yield possible


def _box(cell: Cell, corner: Cell, total: str) -> Iterator[tuple[Cell, int]]:
    """The cells of a box, with 1 for those that go the way of the first cell and -1 for those that go against it.

    Between two items the total stays, so one goes up as the other goes down; an item and its total go the same way.
    """
    for ends in product((False, True), repeat=len(cell)):
        sign = 1
        for here, there, far in zip(cell, corner, ends, strict=True):
            if far and total not in (here, there):
                sign = -sign
        yield tuple(there if far else here for here, there, far in zip(cell, corner, ends, strict=True)), sign


def _items(counts: Mapping[Cell, int], total: str) -> list[list[str]]:
    """The items of each dimension.

    Raises:
        NotATable: a combination of them has no cell, or a dimension no total.
    """
    items = [sorted(set(names)) for names in zip(*counts, strict=True)]
    missing = sum(cell not in counts for cell in product(*items))
    without = [str(place + 1) for place, names in enumerate(items) if total not in names]
    if without:
        raise NotATable(f"dimension {', '.join(without)} of the table has no `{total}`")
    if missing:
        raise NotATable(f"{missing:,} combinations of its items are not in the table")
    return items


def _add_up(counts: Mapping[Cell, int], items: Sequence[Sequence[str]], total: str) -> None:
    """Raises NotATable where a total is not the sum of its parts."""
    wrong = 0
    for place, names in enumerate(items):
        parts = [name for name in names if name != total]
        for cell, count in counts.items():
            if cell[place] == total:
                added = sum(counts[(*cell[:place], name, *cell[place + 1 :])] for name in parts)
                wrong += added != count
    if wrong:
        raise NotATable(f"{wrong:,} totals of the table are not the sum of their parts")
